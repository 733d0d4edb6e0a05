//! What must hold of `[mail]`.

use super::{Check, Plain, is_local};
use crate::mail::Machines;
use crate::mail::dkim::{DkimKey, KeyError};
use crate::settings::{DkimSettings, MailSettings, RelaySecurity, RelaySettings, TrackingSettings};

/// Checks the section and its relays.
pub(super) fn all(mail: &MailSettings, check: &mut Check<'_, '_>) {
    check.mailbox("mail.from", &mail.from);
    if let Some(address) = &mail.reply_to {
        check.mailbox("mail.reply_to", address);
    }
    for (index, wait) in mail.retry.iter().enumerate() {
        let path = format!("mail.retry[{index}]");
        check.that(!wait.is_zero(), &path, "a wait before the next try is no time at all", "write for example `5m`");
    }
    super::returns::all(&mail.returns, check);
    for (name, provider) in &mail.providers {
        super::providers::one(name, provider, check);
    }
    check.that(
        !mail.retry.is_empty(),
        "mail.retry",
        "no letter would be tried again",
        "write for example `[\"5m\", \"1h\"]`",
    );
    let life = "`mail.give_up_after` is no time at all";
    check.that(!mail.give_up_after.is_zero(), "mail.give_up_after", life, "write for example `5d`");
    feedback_id("mail.feedback_id", mail.feedback_id.as_deref(), check);
    for (name, sender) in &mail.senders {
        let base = format!("mail.senders.{name}");
        check.id(&base, name);
        check.mailbox(&format!("{base}.from"), &sender.from);
        if let Some(address) = &sender.reply_to {
            check.mailbox(&format!("{base}.reply_to"), address);
        }
        feedback_id(&format!("{base}.feedback_id"), sender.feedback_id.as_deref(), check);
    }
    for (name, key) in &mail.dkim {
        dkim(name, key, check);
    }
    for (name, settings) in &mail.relays {
        relay(name, settings, check);
    }
    super::routes::all(mail, check);
    for (index, row) in mail.refusals.iter().enumerate() {
        if let Some((key, fault)) = row.fault() {
            check.that(false, &format!("mail.refusals[{index}].{key}"), fault, "docs/deliverability.md shows rows");
        }
    }
    super::attachments::all(&mail.attachments, check);
    tracking(&mail.tracking, check);
}

fn tracking(tracking: &TrackingSettings, check: &mut Check<'_, '_>) {
    if let Some(url) = &tracking.url {
        check.url("mail.tracking.url", url, Plain::Fine);
    }
    for (index, network) in tracking.networks.iter().enumerate() {
        let one = TrackingSettings { networks: vec![network.clone()], ..TrackingSettings::default() };
        let path = format!("mail.tracking.networks[{index}]");
        let help = "write an address and the length of its prefix, for example `192.0.2.0/24`";
        check.that(Machines::new(&one).is_ok(), &path, format!("`{network}` is not a network"), help);
    }
    for (list, words) in [("machines", &tracking.machines), ("people", &tracking.people)] {
        for (index, word) in words.iter().enumerate() {
            let path = format!("mail.tracking.{list}[{index}]");
            check.that(
                !word.trim().is_empty(),
                &path,
                "an empty word is part of every agent",
                "write what it calls itself",
            );
        }
    }
    for (index, host) in tracking.utm.hosts.iter().enumerate() {
        let fine = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '-');
        let path = format!("mail.tracking.utm.hosts[{index}]");
        check.that(fine, &path, format!("`{host}` is not a host"), "write its name alone, for example `shop.example`");
    }
}

fn feedback_id(path: &str, given: Option<&str>, check: &mut Check<'_, '_>) {
    let fine = given.is_none_or(|id| {
        (1..=60).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    });
    check.that(fine, path, "this can't stand in a Feedback-ID", "write letters, digits, `-`, `_` and `.`");
}

fn dkim(name: &str, settings: &DkimSettings, check: &mut Check<'_, '_>) {
    let base = format!("mail.dkim.{name}");
    check.id(&base, name);
    // The default domain is checked with `mail.from`; any that can stand in DNS does for looking at the key.
    if let Err(error) = DkimKey::new(name, settings, "localhost") {
        let (at, help) = match &error {
            KeyError::Name { .. } => (base, "write a domain such as `shop.example` and a selector such as `mp1`"),
            KeyError::Missing(_) => (base, ""),
            _ => (format!("{base}.private_key"), "`milepost dkim new` makes a key"),
        };
        check.that(false, &at, error.to_string(), help);
    }
}

fn relay(name: &str, relay: &RelaySettings, check: &mut Check<'_, '_>) {
    let base = format!("mail.relays.{name}");
    let at = |key: &str| format!("{base}.{key}");
    check.id(&base, name);
    let host =
        !relay.host.is_empty() && !relay.host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
    check.that(host, &at("host"), "this is not the name of a host", "write a name such as `smtp.shop.example`");
    check.that(relay.port != Some(0), &at("port"), "there is no port 0", "");
    check.that(
        relay.security != RelaySecurity::None || is_local(Some(&relay.host)),
        &at("security"),
        format!("letters would travel to `{}` without protection", relay.host),
        "`none` is for relays on this machine; use `starttls` or `tls`",
    );
    check.that(
        relay.password.is_none() || relay.username.is_some(),
        &at("password"),
        format!("the relay `{name}` has a password and no user name"),
        "add `username`",
    );
    check.that(
        relay.username.is_none() || relay.password.is_some(),
        &at("username"),
        format!("the relay `{name}` has a user name and no password"),
        "add `password_file`, or give the password by the environment",
    );
    check.authority(&at("authority"), relay.authority.as_ref());
    check.that(
        (1..=1_000).contains(&relay.connections),
        &at("connections"),
        "`connections` lies outside 1 to 1000",
        "",
    );
    super::routes::rates(&base, relay.rate_per_second, relay.rate_per_hour, check);
    super::routes::warm_up(&base, relay, check);
    let patience = (1..=600).contains(&relay.timeout_seconds);
    check.that(patience, &at("timeout_seconds"), "`timeout_seconds` lies outside 1 to 600", "");
}
