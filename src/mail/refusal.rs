//! What a refusal means, as data: the first row of `TABLE` that fits decides.
//!
//! Invariants: a 4yz is never permanent; a refusal of the conversation itself (greeting, TLS, log-in) is never held against
//! a letter; an address is called dead only by a reply about that recipient that says so. RFC 3463's 5.7.* is policy and
//! proves nothing of the mailbox, whatever words go with it.
//!
//! To teach it a new reply: one row, and one line in the test below.

use super::outcome::{Outcome, Step};

/// Most characters of a reply that are kept.
const MAX_REPLY: usize = 512;

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again later.
    Retry,
    /// Never again for this letter.
    Permanent,
    /// Never again for this address.
    MailboxGone,
}

/// Which step a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Any,
    /// Before there is a letter.
    Session,
    /// `MAIL FROM`: the sender, so never proof about the recipient.
    Sender,
    /// The recipient, or the letter to that one recipient.
    Recipient,
}

struct Row {
    at: At,
    /// Beginning of the reply code: `4`, `550`.
    code: &'static str,
    /// Beginning of the enhanced code with `.` at its end, or the whole of it; empty fits all, `-` only replies without one.
    enhanced: &'static str,
    /// In the text, in lower case; empty fits all.
    text: &'static str,
    class: Class,
}

const fn row(at: At, code: &'static str, enhanced: &'static str, text: &'static str, class: Class) -> Row {
    Row { at, code, enhanced, text, class }
}

use At::{Any, Recipient, Sender, Session};
use Class::{MailboxGone, Permanent, Retry};

const TABLE: &[Row] = &[
    // The relay is at fault, or our settings of it; the letter is not.
    row(Session, "", "", "", Retry),
    row(Any, "421", "", "", Retry),
    row(Any, "4", "", "", Retry),
    row(Any, "530", "", "", Retry),
    row(Any, "534", "", "", Retry),
    row(Any, "535", "", "", Retry),
    row(Any, "538", "", "", Retry),
    row(Any, "503", "", "", Retry),
    // RFC 5321 §4.5.3.1.10: a 552 to RCPT is to be read as 452 (too many recipients, or no room now).
    row(Recipient, "552", "-", "", Retry),
    row(Sender, "5", "", "", Permanent),
    // Policy and security: proof of nothing.
    row(Any, "5", "5.7.", "", Permanent),
    row(Recipient, "5", "5.1.1", "", MailboxGone),
    row(Recipient, "5", "5.1.2", "", MailboxGone),
    row(Recipient, "5", "5.1.3", "", MailboxGone),
    row(Recipient, "5", "5.1.6", "", MailboxGone),
    row(Recipient, "5", "5.1.10", "", MailboxGone),
    row(Recipient, "5", "5.2.1", "", MailboxGone),
    row(Any, "5", "5.2.", "", Permanent),
    row(Any, "5", "5.3.", "", Permanent),
    row(Any, "5", "5.4.", "", Permanent),
    row(Any, "5", "5.6.", "", Permanent),
    // Relays that say it in words only. 550 by itself is used for policy just as often.
    row(Recipient, "55", "", "user unknown", MailboxGone),
    row(Recipient, "55", "", "unknown user", MailboxGone),
    row(Recipient, "55", "", "no such user", MailboxGone),
    row(Recipient, "55", "", "user not found", MailboxGone),
    row(Recipient, "55", "", "no such recipient", MailboxGone),
    row(Recipient, "55", "", "recipient not found", MailboxGone),
    row(Recipient, "55", "", "no such mailbox", MailboxGone),
    row(Recipient, "55", "", "mailbox not found", MailboxGone),
    row(Recipient, "55", "", "invalid mailbox", MailboxGone),
    row(Recipient, "55", "", "user doesn't exist", MailboxGone),
    row(Recipient, "55", "", "user does not exist", MailboxGone),
    row(Recipient, "55", "", "mailbox does not exist", MailboxGone),
    row(Recipient, "55", "", "account does not exist", MailboxGone),
    row(Recipient, "55", "", "account has been disabled", MailboxGone),
];

/// What a refusal at a step means.
pub fn class(step: Step, code: u16, enhanced: Option<&str>, text: &str) -> Class {
    let (digits, text) = (code.to_string(), text.to_lowercase());
    let fits = |row: &&Row| {
        let at = match row.at {
            At::Any => true,
            At::Session => step.is_session(),
            At::Sender => step == Step::Sender,
            At::Recipient => matches!(step, Step::Recipient | Step::Content),
        };
        let status = match (row.enhanced, enhanced) {
            ("", _) | ("-", None) => true,
            ("-", Some(_)) | (_, None) => false,
            (wanted, Some(given)) if wanted.ends_with('.') => given.starts_with(wanted),
            (wanted, Some(given)) => given == wanted,
        };
        at && status && digits.starts_with(row.code) && text.contains(row.text)
    };
    TABLE.iter().find(fits).map_or(Class::Permanent, |row| row.class)
}

/// The outcome of a negative reply at a step.
pub fn outcome(step: Step, code: u16, text: &str) -> Outcome {
    let reply = tidy(text);
    let enhanced = enhanced(code, &reply);
    match class(step, code, enhanced.as_deref(), &reply) {
        Class::Retry => Outcome::Deferred { code, enhanced, reply },
        Class::Permanent => Outcome::Refused { code, enhanced, reply, mailbox_gone: false },
        Class::MailboxGone => Outcome::Refused { code, enhanced, reply, mailbox_gone: true },
    }
}

/// A reply's text fit to be kept: one line, no control characters, not endless.
pub fn tidy(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REPLY).collect();
    clean.trim().to_owned()
}

/// The enhanced code that begins a reply (RFC 2034 §4); one of another class than the reply's own is none.
fn enhanced(code: u16, text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let mut parts = word.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let ours = parts.next().is_none() && class == (code / 100).to_string() && number(subject) && number(detail);
    ours.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(step: Step, code: u16, text: &str, expect: Class) {
        let got = match outcome(step, code, text) {
            Outcome::Deferred { .. } => Class::Retry,
            Outcome::Refused { mailbox_gone: true, .. } => Class::MailboxGone,
            Outcome::Refused { .. } => Class::Permanent,
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expect, "{step} {code} {text}");
    }

    #[test]
    fn what_relays_say() {
        use Step::{Connect, Content, Data, Greeting, Login, Recipient, Sender};
        check(Recipient, 550, "5.1.1 The email account that you tried to reach does not exist", MailboxGone);
        check(Recipient, 550, "5.1.1 <ann@shop.example>: Recipient address rejected: User unknown", MailboxGone);
        check(Recipient, 550, "User not found", MailboxGone);
        check(Recipient, 550, "no such user here", MailboxGone);
        check(Recipient, 553, "5.1.2 no such domain", MailboxGone);
        check(Recipient, 556, "5.1.10 recipient domain takes no mail", MailboxGone);
        check(Recipient, 550, "5.2.1 mailbox disabled", MailboxGone);
        check(Content, 550, "5.1.1 unknown user", MailboxGone);
        check(Recipient, 550, "5.7.1 No such user!", Permanent);
        check(Recipient, 550, "mailbox unavailable", Permanent);
        check(Recipient, 554, "5.7.1 blocked by policy", Permanent);
        check(Recipient, 552, "5.2.2 mailbox full", Permanent);
        check(Recipient, 552, "too many recipients", Retry);
        check(Recipient, 450, "4.1.1 user unknown here yet", Retry);
        check(Recipient, 451, "greylisted, come back later", Retry);
        check(Recipient, 452, "4.2.2 mailbox full", Retry);
        check(Recipient, 421, "4.7.0 too many connections", Retry);
        check(Sender, 550, "5.1.1 user unknown", Permanent);
        check(Sender, 553, "5.7.1 sender not owned by user", Permanent);
        check(Sender, 530, "5.7.0 must issue STARTTLS first", Retry);
        check(Sender, 452, "4.3.1 insufficient storage", Retry);
        check(Data, 554, "5.5.1 no valid recipients", Permanent);
        check(Data, 451, "4.3.0 try later", Retry);
        check(Content, 554, "5.7.1 message content rejected", Permanent);
        check(Content, 552, "5.3.4 message too big", Permanent);
        check(Content, 451, "4.7.1 suspicious, try later", Retry);
        check(Greeting, 554, "no SMTP service here", Retry);
        check(Connect, 554, "go away", Retry);
        check(Login, 535, "5.7.8 bad credentials", Retry);
    }

    #[test]
    fn no_4yz_is_ever_permanent_and_no_5yz_about_us_kills_an_address() {
        for step in [Step::Greeting, Step::Login, Step::Sender, Step::Recipient, Step::Data, Step::Content] {
            for code in 400..500 {
                check(step, code, "5.1.1 user unknown", Retry);
            }
        }
        for code in 500..560 {
            for step in [Step::Sender, Step::Data] {
                assert_ne!(class(step, code, Some("5.1.1"), "user unknown"), MailboxGone, "{step} {code}");
            }
        }
    }

    #[test]
    fn enhanced_codes() {
        for (code, text, expect) in [
            (550, "5.1.1 gone", Some("5.1.1")),
            (550, "5.1.1", Some("5.1.1")),
            (550, "4.1.1 of another class", None),
            (550, "5.1 too short", None),
            (550, "5.1.1.1 too long", None),
            (550, "5.1234.1 too big", None),
            (550, "5.x.1 no number", None),
            (550, "gone 5.1.1", None),
            (550, "", None),
        ] {
            assert_eq!(enhanced(code, text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn replies_are_kept_on_one_line() {
        assert_eq!(tidy(" a\r\nb\u{1b}[0m\0 "), "a  b [0m");
        assert_eq!(tidy(&"я".repeat(5_000)).chars().count(), MAX_REPLY);
    }
}
