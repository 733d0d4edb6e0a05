//! Reading one mail: what it is, and which letter it is about.

use super::address::{Duty, ReturnAddresses, To};
use super::answer::FORWARDED;
use super::parts::Mail;
use super::{Action, Reading, Report, What, arf, auto, dsn, loose};

/// Larger mail is kept and not read: no report has that size, whatever is attached to it.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Most Message-IDs that are looked at.
const MAX_IDS: usize = 20;

/// Reads a mail. `recipients` are those of its envelope where they are known; else its own fields tell.
pub fn read(bytes: &[u8], recipients: &[String], ours: &ReturnAddresses) -> Reading {
    let unknown = |why| Reading { what: What::Unknown(why), to: None, quoted: Vec::new() };
    if bytes.len() > MAX_BYTES {
        return unknown("it is too large to be read");
    }
    let Some(mail) = Mail::parse(bytes) else { return unknown("it has no head and can't be read as mail") };
    let to = addressed_to(&mail, recipients, ours);
    let quoted = quoted(&mail, bytes);
    let what = what(&mail, to.as_ref(), !quoted.is_empty());
    Reading { what, to, quoted }
}

fn what(mail: &Mail<'_>, to: Option<&To>, quotes: bool) -> What {
    if let Some(complaint) = arf::read(mail) {
        return complaint;
    }
    if let Some(reports) = dsn::read(mail) {
        return of_reports(reports);
    }
    let duty = to.map(|to| to.duty);
    if duty == Some(Duty::Unsubscribe) && to.is_some_and(|to| to.message.is_some()) {
        return What::Unsubscribe;
    }
    if let Some(bounce) = loose::read(mail) {
        return bounce;
    }
    if auto::is_reply(mail) {
        return What::AutoReply;
    }
    if mail.field(FORWARDED).is_some() {
        return What::Unknown("an answer that was forwarded from here");
    }
    if mail.field("Return-Path").is_some_and(|path| path.trim() == "<>") {
        // Only programs write so, and none of them is to be answered.
        return What::AutoReply;
    }
    // A person answers a letter, by any of our addresses.
    if mail.author().is_some() && (quotes || to.is_some_and(|to| to.message.is_some())) {
        return What::Reply;
    }
    What::Unknown("it is no report, and answers no letter")
}

/// A notification counts by the worst that it says; what it says of each recipient is kept.
fn of_reports(reports: Vec<Report>) -> What {
    match reports.iter().map(|report| report.action).min() {
        Some(Action::Failed) => What::Bounce(reports),
        Some(Action::Delayed) => What::Delayed(reports),
        Some(Action::Delivered) => What::Delivered(reports),
        None => What::Unknown("a delivery report that names no recipient"),
    }
}

/// The first of the addresses that is ours, one that names a letter before one that does not.
fn addressed_to(mail: &Mail<'_>, recipients: &[String], ours: &ReturnAddresses) -> Option<To> {
    let of_head = mail.recipients();
    let all: Vec<To> = recipients.iter().chain(&of_head).filter_map(|address| ours.read(address)).collect();
    let named = all.iter().find(|to| to.message.is_some());
    named.or(all.first()).cloned()
}

/// The Message-IDs that the mail is about, the surest first: of the mail inside it, of what it answers, of what it quotes.
fn quoted(mail: &Mail<'_>, bytes: &[u8]) -> Vec<String> {
    let mut found = mail.inner_ids();
    for part in mail.parts() {
        if part.kind == "text/rfc822-headers" || part.kind == "message/global-headers" || part.kind == "message/rfc822"
        {
            found.extend(of_head(&part.content));
        }
    }
    found.extend(mail.answers());
    found.extend(of_head(&mail.text()));
    if found.is_empty() {
        // A mail whose parts can't be told apart still shows the letter's head.
        found.extend(of_head(super::parts::cut(&String::from_utf8_lossy(&bytes[..bytes.len().min(256 * 1024)]))));
        let own = mail.field("Message-ID").unwrap_or_default();
        found.retain(|id| !own.contains(id.as_str()));
    }
    let mut once = Vec::new();
    for id in found {
        if !once.contains(&id) && once.len() < MAX_IDS {
            once.push(id);
        }
    }
    once
}

/// The Message-ID fields of a head, or of a text that quotes one.
fn of_head(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_start_matches(['>', ' ', '\t', '|']);
        let Some((name, value)) = line.split_once(':') else { continue };
        if !name.trim().eq_ignore_ascii_case("message-id") {
            continue;
        }
        let folded = lines.peek().copied().unwrap_or_default();
        let ids = super::parts::ids(value);
        found.extend(if ids.is_empty() { super::parts::ids(folded) } else { ids });
    }
    found
}
