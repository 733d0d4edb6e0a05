//! Bounces in no standard form: prose of servers that know or knew nothing of RFC 3464.
//!
//! Invariant: only what a mail system sent (by its sender's name, an empty return path, or a field that only bounces have)
//! and what says in so many words that a letter did not arrive counts as a bounce.

use super::parts::{Mail, addresses};
use super::phrases::{COPY_BELOW, DAEMONS, DELAYED, FAILED};
use super::{Action, Report, What, auto};
use crate::mail::refusal::tidy;

/// What such a bounce says; `None` if the mail is none.
pub(super) fn read(mail: &Mail<'_>) -> Option<What> {
    let named: Vec<String> = mail.fields("X-Failed-Recipients").iter().flat_map(|field| addresses(field)).collect();
    let from = mail.from().unwrap_or_default();
    let daemon = DAEMONS.iter().any(|name| from.starts_with(name));
    let empty = mail.field("Return-Path").is_some_and(|path| path.trim() == "<>");
    let system = !named.is_empty() || daemon || (empty && !auto::is_reply(mail));
    if !system {
        return None;
    }
    let text = mail.text();
    let told = before_the_copy(&text);
    let lower = format!("{}\n{}", mail.subject(), told).to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let delayed = says(DELAYED);
    if named.is_empty() && !delayed && !says(FAILED) {
        return None;
    }
    let recipients = if named.is_empty() { strangers(mail, told, &from) } else { named };
    let (status, diagnostic) = reason(told, recipients.first().map(String::as_str));
    let report = |recipient: Option<String>| Report {
        recipient,
        action: if delayed { Action::Delayed } else { Action::Failed },
        status: status.clone(),
        diagnostic: diagnostic.clone(),
        remote: from.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default(),
    };
    let reports = match recipients.len() {
        0 => vec![report(None)],
        _ => recipients.into_iter().map(|address| report(Some(address))).collect(),
    };
    Some(if delayed { What::Delayed(reports) } else { What::Bounce(reports) })
}

/// What the server says itself, without the copy of the letter below it.
fn before_the_copy(text: &str) -> &str {
    let lower = text.to_lowercase();
    let end = COPY_BELOW.iter().filter_map(|mark| lower.find(mark)).min();
    // Lower case may be longer or shorter than what it was made of: then the mark is looked for in vain.
    end.and_then(|end| text.get(..end)).filter(|told| !told.trim().is_empty()).unwrap_or(text)
}

/// The first address in the text that is neither the daemon's nor the one it wrote to.
fn strangers(mail: &Mail<'_>, told: &str, from: &str) -> Vec<String> {
    let own = mail.recipients();
    let base = |address: &str| address.split_once('+').map_or(String::new(), |(name, _)| format!("{name}+"));
    let known = |address: &String| {
        address == from || own.iter().any(|own| own == address || (own.contains('+') && base(own) == base(address)))
    };
    addresses(told).into_iter().find(|address| !known(address)).into_iter().collect()
}

/// The enhanced code and the words that give the reason.
fn reason(told: &str, recipient: Option<&str>) -> (String, String) {
    for line in told.lines() {
        if let Some(code) = enhanced(line) {
            return (code, tidy(&line[reply_code(line).unwrap_or(0)..]));
        }
        if let Some(at) = reply_code(line) {
            return (String::new(), tidy(&line[at..]));
        }
    }
    // No code at all: what stands after the recipient, else the first line that says that it failed.
    let lines: Vec<&str> = told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let named = recipient.and_then(|address| lines.iter().rposition(|line| line.to_lowercase().contains(address)));
    let after = named.and_then(|at| lines.get(at + 1));
    let failing = || lines.iter().find(|line| FAILED.iter().any(|phrase| line.to_lowercase().contains(phrase)));
    (String::new(), after.or_else(failing).map(|line| tidy(line)).unwrap_or_default())
}

/// Where in a line an SMTP reply begins: `550 …`, `452-…`, `#550 …`.
fn reply_code(line: &str) -> Option<usize> {
    words(line).find_map(|(at, word)| {
        let at = at + (word.len() - word.trim_start_matches(['#', '(', ':']).len());
        let word = word.trim_start_matches(['#', '(', ':']);
        let (digits, rest) = word.split_at_checked(3)?;
        let code = digits.parse::<u16>().ok().filter(|code| (400..600).contains(code));
        let ends = rest.is_empty() || rest.starts_with('-') || rest.starts_with(':');
        // A number at the end of a line says nothing more.
        (code.is_some() && ends && at + 3 < line.trim_end().len()).then_some(at)
    })
}

/// The first enhanced code of a line: `5.1.1`, `(#5.1.1)`.
fn enhanced(line: &str) -> Option<String> {
    line.split_whitespace().find_map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_digit());
        let parts: Vec<&str> = bare.split('.').collect();
        let [class, subject, detail] = parts.as_slice() else { return None };
        let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        (matches!(*class, "4" | "5") && number(subject) && number(detail)).then(|| bare.to_owned())
    })
}

fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split_whitespace().map(|word| (word.as_ptr() as usize - line.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        for (told, status, diagnostic) in [
            ("x\nRemote host said: 550 5.1.1 No such user\n", "5.1.1", "550 5.1.1 No such user"),
            ("Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"),
            ("    550 user unknown", "", "550 user unknown"),
            ("host said: 452-4.2.2 over quota", "", "452-4.2.2 over quota"),
            ("<ann@x.example>:\n\n  mailbox unavailable\n", "", "mailbox unavailable"),
            ("at 192.0.2.5 on 2026-11-25", "", ""),
        ] {
            let (found, said) = reason(told, Some("ann@x.example"));
            assert_eq!((found.as_str(), said.as_str()), (status, diagnostic), "{told}");
        }
    }
}
