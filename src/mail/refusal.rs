//! What a refusal means, as data: the first row of a table that fits a reply gives its class, and the class says what
//! becomes of the letter and of the address. `refusals.toml` beside this file is the table that comes with the program; a
//! shop's own rows (`[[mail.refusals]]`) are asked first. Replies of relays and reports of delivery go by the same rows.
//!
//! Invariants, whatever the rows say: a 4yz is never final; a refusal of the conversation itself (greeting, TLS, log-in) is
//! never held against a letter; an address is called dead only by a reply about that recipient that is no 5.7.*, for that
//! is policy and proves nothing of the mailbox (RFC 3463 §3.8).
//!
//! To teach it a new reply: one row in the file, and one line in `tests/it/mail/replies.toml`.

mod class;
mod reply;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

pub use class::{AddressEffect, Class, Effect, LetterEffect, Pause};
pub use reply::tidy;

use super::outcome::{Outcome, Step};
use crate::settings::{RefusalRow, RefusalStep};

/// The table that comes with the program. A test reads it whole, so what is said here for a file that can't be read is
/// never said.
static SHIPPED: LazyLock<Arc<Refusals>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("refusals.toml")).unwrap_or_default();
    Arc::new(Refusals { rows: file.row.into_iter().map(Row::of).collect(), effects: file.class })
});

/// What a class without an entry in the file would do: nothing to the address.
static UNKNOWN: Effect = Effect {
    says: String::new(),
    letter: LetterEffect::Retry,
    least_wait: crate::journey::time::Span::ZERO,
    life: None,
    address: None,
    pause: None,
    stops_relay: false,
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    class: BTreeMap<Class, Effect>,
    row: Vec<RefusalRow>,
}

/// The rows and the classes' effects.
#[derive(Clone, Debug)]
pub struct Refusals {
    rows: Vec<Row>,
    effects: BTreeMap<Class, Effect>,
}

/// A row as it is compared: the text in lower case.
#[derive(Clone, Debug)]
struct Row(RefusalRow);

impl Row {
    fn of(mut row: RefusalRow) -> Self {
        row.text.iter_mut().for_each(|text| *text = text.to_lowercase());
        Self(row)
    }

    fn fits(&self, step: Step, code: &str, enhanced: Option<&str>, text: &str) -> bool {
        let Self(row) = self;
        let at = match row.step {
            RefusalStep::Any => true,
            RefusalStep::Session => step.is_session() && step != Step::Login,
            RefusalStep::Login => step == Step::Login,
            RefusalStep::Sender => step == Step::Sender,
            RefusalStep::Recipient => about_recipient(step),
        };
        let status = match (row.enhanced.as_str(), enhanced) {
            ("", _) | ("none", None) => true,
            ("none", Some(_)) | (_, None) => false,
            (wanted, Some(given)) if wanted.ends_with('.') => given.starts_with(wanted),
            (wanted, Some(given)) => given == wanted,
        };
        let said = row.text.is_empty() || row.text.iter().any(|wanted| text.contains(wanted.as_str()));
        at && status && code.starts_with(&row.code) && said
    }
}

impl Refusals {
    /// The table that comes with the program.
    pub fn shipped() -> Arc<Self> {
        Arc::clone(&SHIPPED)
    }

    /// The same with a shop's own rows before it.
    pub fn with(own: &[RefusalRow]) -> Arc<Self> {
        if own.is_empty() {
            return Self::shipped();
        }
        let shipped = &*SHIPPED;
        let rows = own.iter().cloned().map(Row::of).chain(shipped.rows.iter().cloned()).collect();
        Arc::new(Self { rows, effects: shipped.effects.clone() })
    }

    /// The class of a negative reply at a step. `enhanced` is its enhanced code (RFC 3463), `text` what follows.
    pub fn class(&self, step: Step, code: u16, enhanced: Option<&str>, text: &str) -> Class {
        let (digits, text) = (code.to_string(), text.to_lowercase());
        let row = self.rows.iter().find(|row| row.fits(step, &digits, enhanced, &text));
        let temporary = (400..500).contains(&code);
        let found = row.map_or(if temporary { Class::Soft } else { Class::Refused }, |Row(row)| row.class);
        let policy = enhanced.is_some_and(|enhanced| enhanced.starts_with("5.7."));
        match found {
            found if step.is_session() && !matches!(found, Class::Session | Class::Login) => Class::Session,
            Class::Hard if temporary => Class::Soft,
            Class::Hard if policy => Class::Policy,
            Class::Hard if !about_recipient(step) => Class::Refused,
            found => found,
        }
    }

    /// The class of what a delivery report says of a recipient: its fields `Status` and `Diagnostic-Code` (RFC 3464 §2.3),
    /// either of which may be empty.
    pub fn class_of_report(&self, status: &str, diagnostic: &str) -> Class {
        let (code, enhanced, text) = reply::of_report(status, diagnostic);
        // A report is about one recipient, as the reply to a letter for one is.
        self.class(Step::Content, code, enhanced.as_deref(), &text)
    }

    /// What a refusal of a class does.
    pub fn effect(&self, class: Class) -> &Effect {
        self.effects.get(&class).unwrap_or(&UNKNOWN)
    }

    /// The outcome of a negative reply at a step.
    pub fn outcome(&self, step: Step, code: u16, text: &str) -> Outcome {
        let reply = tidy(text);
        let enhanced = reply::enhanced(code, &reply);
        let class = self.class(step, code, enhanced.as_deref(), &reply);
        if (400..500).contains(&code) || self.effect(class).letter == LetterEffect::Retry {
            Outcome::Deferred { code, enhanced, reply, class }
        } else {
            Outcome::Refused { code, enhanced, reply, class }
        }
    }
}

/// Whether a refusal at a step is about the recipient, or the letter to that one recipient.
fn about_recipient(step: Step) -> bool {
    matches!(step, Step::Recipient | Step::Content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_STEP: [Step; 8] = [
        Step::Connect,
        Step::Greeting,
        Step::Tls,
        Step::Login,
        Step::Sender,
        Step::Recipient,
        Step::Data,
        Step::Content,
    ];

    #[test]
    fn the_file_is_whole() {
        let file: File = toml::from_str(include_str!("refusals.toml")).expect("the file can be read");
        for class in Class::ALL {
            assert!(file.class.contains_key(&class), "{class} has no effect");
        }
        for row in &file.row {
            assert_eq!(row.fault(), None, "{row:?}");
        }
        assert!(file.row.len() > 40);
    }

    /// Rows that would do harm, were they not held in check.
    fn rash() -> Arc<Refusals> {
        let row = RefusalRow { class: Class::Hard, ..RefusalRow::default() };
        Refusals::with(&[row])
    }

    #[test]
    fn no_4yz_is_ever_final() {
        for refusals in [Refusals::shipped(), rash()] {
            for step in EVERY_STEP {
                for code in 400..500 {
                    for text in ["5.1.1 user unknown", "4.1.1 no such user", "spam", ""] {
                        let outcome = refusals.outcome(step, code, text);
                        let Outcome::Deferred { class, .. } = outcome else { panic!("{outcome:?}") };
                        assert_ne!(class, Class::Hard, "{step} {code} {text}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_a_reply_about_the_recipient_calls_an_address_dead() {
        for refusals in [Refusals::shipped(), rash()] {
            for code in 500..560 {
                for step in EVERY_STEP.into_iter().filter(|step| !about_recipient(*step)) {
                    let class = refusals.class(step, code, Some("5.1.1"), "user unknown");
                    assert_ne!(class, Class::Hard, "{step} {code}");
                }
                for step in [Step::Recipient, Step::Content] {
                    let class = refusals.class(step, code, Some("5.7.1"), "user unknown");
                    assert_ne!(class, Class::Hard, "{step} {code}");
                }
            }
        }
    }

    #[test]
    fn a_refusal_of_the_conversation_is_never_held_against_a_letter() {
        for refusals in [Refusals::shipped(), rash()] {
            for step in [Step::Connect, Step::Greeting, Step::Tls, Step::Login] {
                for code in 400..600 {
                    let outcome = refusals.outcome(step, code, "5.1.1 no such user, spam");
                    assert!(matches!(outcome, Outcome::Deferred { .. }), "{step} {code}: {outcome:?}");
                }
            }
        }
    }

    #[test]
    fn a_shop_s_rows_are_asked_first() {
        let row = RefusalRow {
            code: "550".into(),
            text: vec!["Come Back Tomorrow".into()],
            class: Class::Greylisted,
            ..RefusalRow::default()
        };
        let own = Refusals::with(&[row]);
        let said = "5.7.1 come back tomorrow";
        assert_eq!(Refusals::shipped().class(Step::Recipient, 550, Some("5.7.1"), said), Class::Policy);
        assert_eq!(own.class(Step::Recipient, 550, Some("5.7.1"), said), Class::Greylisted);
        assert!(matches!(own.outcome(Step::Recipient, 550, said), Outcome::Deferred { .. }), "it is tried again");
        assert_eq!(own.class(Step::Recipient, 550, Some("5.1.1"), "no such user"), Class::Hard, "the rest stays");
    }
}
