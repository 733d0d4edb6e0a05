//! What must hold of `[mail.returns]`.

use super::Check;
use crate::mail::returns::{LONGEST_NAME, is_base};
use crate::settings::ReturnSettings;

/// Checks the section.
pub(super) fn all(returns: &ReturnSettings, check: &mut Check<'_, '_>) {
    for (key, value) in [("address", &returns.address), ("unsubscribe", &returns.unsubscribe)] {
        let path = format!("mail.returns.{key}");
        if let Some(text) = value {
            base(&path, text, check);
        }
    }
    check.that(
        returns.unsubscribe.is_none() || returns.address.is_some(),
        "mail.returns.unsubscribe",
        "there is an address for unsubscribing and none for bounces",
        "add `address` to [mail.returns]",
    );
}

/// An address that a token is put into.
fn base(path: &str, text: &str, check: &mut Check<'_, '_>) {
    check.that(
        is_base(text),
        path,
        format!("`{path}` is not an address that a token fits into"),
        &format!(
            "write `name@domain` alone, the name at most {LONGEST_NAME} characters long and without `+`: Milepost adds `+` and \
             a token"
        ),
    );
}
