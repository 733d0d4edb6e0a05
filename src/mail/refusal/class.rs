//! Kinds of refusals, and what each does to the letter and to the address.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journey::time::Span;

/// What kind of refusal a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The relay refused the conversation itself, or could not go on with it.
    Session,
    /// The relay does not let us in, or relays nothing for us.
    Login,
    /// The envelope's sender was refused.
    Sender,
    /// There is no such mailbox, and the reply says so.
    Hard,
    /// The mailbox takes nothing, and the reply does not say that there is none.
    Unavailable,
    /// The mailbox is full.
    MailboxFull,
    /// Strangers are asked to come back later.
    Greylisted,
    /// Too many letters in too short a time.
    Rate,
    /// Our address or domain is on a list, or has a bad name.
    Blocked,
    /// SPF, DKIM or DMARC do not vouch for the letter.
    Unauthenticated,
    /// The letter is taken for spam.
    Spam,
    /// The letter is too large.
    Size,
    /// Refused by a rule of the receiver's.
    Policy,
    /// Refused for now, without a reason that is known.
    Soft,
    /// Refused for good, without a reason that is known.
    Refused,
}

impl Class {
    /// Every class, in the order of the table in the docs.
    pub const ALL: [Self; 15] = [
        Self::Hard,
        Self::Unavailable,
        Self::MailboxFull,
        Self::Greylisted,
        Self::Soft,
        Self::Rate,
        Self::Blocked,
        Self::Unauthenticated,
        Self::Spam,
        Self::Policy,
        Self::Size,
        Self::Sender,
        Self::Refused,
        Self::Login,
        Self::Session,
    ];

    /// A short stable word, as in the file and on record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Login => "login",
            Self::Sender => "sender",
            Self::Hard => "hard",
            Self::Unavailable => "unavailable",
            Self::MailboxFull => "mailbox_full",
            Self::Greylisted => "greylisted",
            Self::Rate => "rate",
            Self::Blocked => "blocked",
            Self::Unauthenticated => "unauthenticated",
            Self::Spam => "spam",
            Self::Size => "size",
            Self::Policy => "policy",
            Self::Soft => "soft",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a refusal of a class does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// In words, for people.
    pub says: String,
    /// What becomes of the letter, unless the reply is a 4yz: that is never final.
    pub letter: LetterEffect,
    /// The shortest wait before the letter is tried again.
    #[serde(default)]
    pub least_wait: Span,
    /// How long it is tried again at most, if shorter than `mail.give_up_after`.
    pub life: Option<Span>,
    /// What becomes of the address; nothing if absent.
    pub address: Option<AddressEffect>,
    /// How long nothing more goes to the recipient's domain by that relay; it goes on if absent.
    pub pause: Option<Pause>,
    /// Whether the relay is not used for a while: no letter would fare better.
    #[serde(default)]
    pub stops_relay: bool,
}

/// How long a domain gets nothing by a relay: at first, and at most. Each pause is twice as long as the one before it, unless
/// a letter was accepted in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The first one.
    pub first: Span,
    /// The longest.
    pub longest: Span,
}

/// What becomes of a letter that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterEffect {
    /// It is tried again by `mail.retry`.
    Retry,
    /// It is not tried again.
    GiveUp,
}

/// What becomes of an address that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressEffect {
    /// It is suppressed once so many letters were refused for good in this way …
    pub after: u32,
    /// … within this time. One that stands for itself (`after = 1`) needs none.
    #[serde(default)]
    pub within: Span,
    /// How long the suppression lasts; for good if absent.
    #[serde(default)]
    pub lasts: Option<Span>,
}
