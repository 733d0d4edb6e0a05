//! What must hold of `[mail.returns]`.

use super::{Check, is_local};
use crate::mail::returns::{LONGEST_NAME, is_base};
use crate::settings::{ImapSettings, RelaySecurity, ReturnSettings};

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
    imap(&returns.imap, check);
}

fn imap(imap: &ImapSettings, check: &mut Check<'_, '_>) {
    let at = |key: &str| format!("mail.returns.imap.{key}");
    let Some(host) = &imap.host else { return };
    let named = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
    check.that(named, &at("host"), "this is not the name of a host", "write a name such as `imap.shop.example`");
    check.that(imap.port != Some(0), &at("port"), "there is no port 0", "");
    check.that(
        imap.security != RelaySecurity::None || is_local(Some(host)),
        &at("security"),
        format!("the password would travel to `{host}` without protection"),
        "`none` is for servers on this machine; use `tls` or `starttls`",
    );
    check.that(
        imap.username.is_some() && imap.password.is_some(),
        &at("host"),
        "the mailbox has no user name or no password",
        "add `username` and `password_file`",
    );
    let folders = [Some(&imap.folder), imap.move_to.as_ref()];
    let plain = folders.into_iter().flatten().all(|folder| !folder.is_empty() && !folder.contains(['\r', '\n']));
    check.that(plain, &at("folder"), "this is not the name of a folder", "write for example `INBOX`");
    check.that(
        imap.move_to.as_ref() != Some(&imap.folder),
        &at("move_to"),
        "mail would be moved to where it is",
        "name another folder, or leave it out",
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
