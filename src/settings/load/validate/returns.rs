//! What must hold of `[mail.returns]`.

use std::net::SocketAddr;

use super::{Check, is_local};
use crate::mail::returns::{LONGEST_NAME, is_base};
use crate::mail::{Address, trust::server_tls};
use crate::settings::{ImapSettings, ListenerSettings, RelaySecurity, ReturnSettings, Settings};

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
    listener(&returns.listener, check);
    for (index, address) in returns.complaints.iter().enumerate() {
        let path = format!("mail.returns.complaints[{index}]");
        let fine = address.parse::<Address>().and_then(Address::ascii).is_ok();
        check.that(fine, &path, "this is not an address alone", "write for example `abuse@shop.example`");
    }
}

/// Checks where answers go.
pub(super) fn replies(settings: &Settings, check: &mut Check<'_, '_>) {
    let replies = &settings.mail.replies;
    if let Some(text) = &replies.address {
        base("mail.replies.address", text, check);
    }
    if let Some(text) = &replies.forward {
        let path = "mail.replies.forward";
        let fine = text.parse::<Address>().and_then(Address::ascii).is_ok();
        check.that(fine, path, "this is not an address alone", "write for example `help@shop.example`");
        let comes_from = [replies.address.as_deref(), settings.mail.returns.address.as_deref()];
        check.that(
            !comes_from.into_iter().flatten().any(|own| own.trim().eq_ignore_ascii_case(text.trim())),
            path,
            "answers would be forwarded to where they come from",
            "name the mailbox of whoever is to read them",
        );
    }
    if let Some(name) = &replies.crm {
        let known = settings.connections.get(name).is_some_and(|connection| connection.url.is_some());
        let help = "name a connection that has a `url` and an `api_key`";
        check.that(known, "mail.replies.crm", format!("there is no connection `{name}` that can be written to"), help);
    }
}

fn listener(listener: &ListenerSettings, check: &mut Check<'_, '_>) {
    let at = |key: &str| format!("mail.returns.listener.{key}");
    if let Some(listen) = &listener.listen {
        let fine = listen.parse::<SocketAddr>().is_ok();
        check.that(fine, &at("listen"), "this is not an address and a port", "write for example `0.0.0.0:25`");
    }
    if let Some(name) = &listener.hostname {
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        check.that(plain, &at("hostname"), "this is not the name of a host", "write a name such as `mx.shop.example`");
    }
    let sizes = 64 * 1024..=64 * 1024 * 1024;
    check.that(
        sizes.contains(&listener.max_bytes),
        &at("max_bytes"),
        "`max_bytes` lies outside 65536 (64 KiB) to 67108864 (64 MiB)",
        "",
    );
    let connections = (1..=1_000).contains(&listener.connections);
    check.that(connections, &at("connections"), "`connections` lies outside 1 to 1000", "");
    check.that(
        listener.certificate.is_some() == listener.key.is_some(),
        &at("certificate"),
        "a certificate and its key go together",
        "give both or none",
    );
    if let Err(error) = server_tls(listener) {
        let help = "name the files of the chain, the server's own certificate first, and of its key, both in PEM";
        check.that(false, &at("certificate"), error.to_string(), help);
    }
}

fn imap(imap: &ImapSettings, check: &mut Check<'_, '_>) {
    let at = |key: &str| format!("mail.returns.imap.{key}");
    let Some(host) = &imap.host else { return };
    let named = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
    check.that(named, &at("host"), "this is not the name of a host", "write a name such as `imap.shop.example`");
    check.that(imap.port != Some(0), &at("port"), "there is no port 0", "");
    check.authority(&at("authority"), imap.authority.as_ref());
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
