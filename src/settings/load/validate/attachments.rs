//! What must hold of `[mail.attachments]`.

use super::Check;
use crate::mail::attachments::{AllowList, MOST_MB};
use crate::settings::AttachmentSettings;

/// Checks the section.
pub(super) fn all(attachments: &AttachmentSettings, check: &mut Check<'_, '_>) {
    for (index, entry) in attachments.allow.iter().enumerate() {
        if let Err(fault) = AllowList::entry(entry, attachments.allow_private) {
            let path = format!("mail.attachments.allow[{index}]");
            check.that(false, &path, fault.to_string(), "write for example `https://cdn.shop.example/letters/`");
        }
    }
    let (base, most) = ("mail.attachments", format!("`max_mb` lies outside 1 to {MOST_MB}"));
    check.that((1..=MOST_MB).contains(&attachments.max_mb), &format!("{base}.max_mb"), most, "");
    check.that(
        (1..=120).contains(&attachments.timeout_seconds),
        &format!("{base}.timeout_seconds"),
        "`timeout_seconds` lies outside 1 to 120",
        "",
    );
}
