//! What came of a hand-over, as a value: never an `Err` flattened to text.

use std::fmt;

use super::refusal::Class;

/// A step of an SMTP conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Finding the relay and connecting.
    Connect,
    /// Greeting and `EHLO`.
    Greeting,
    /// `STARTTLS` and the TLS handshake.
    Tls,
    /// `AUTH`.
    Login,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// The command `DATA`, up to its 354.
    Data,
    /// The letter itself, up to the reply to its last byte.
    Content,
}

impl Step {
    /// A short word for records and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Sender => "mail",
            Self::Recipient => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
        }
    }

    /// Whether the step is about the relay and us only, not yet about a letter.
    pub fn is_session(self) -> bool {
        self <= Self::Login
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What came of handing a letter to a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The relay took the letter on.
    Accepted {
        /// Reply code, 2yz.
        code: u16,
        /// What it said.
        reply: String,
    },
    /// Refused for now: try again later.
    Deferred {
        /// Reply code.
        code: u16,
        /// Enhanced status code (RFC 3463), if one was given.
        enhanced: Option<String>,
        /// What it said.
        reply: String,
        /// What kind of refusal it is.
        class: Class,
    },
    /// Refused for good.
    Refused {
        /// Reply code.
        code: u16,
        /// Enhanced status code (RFC 3463), if one was given.
        enhanced: Option<String>,
        /// What it said.
        reply: String,
        /// What kind of refusal it is.
        class: Class,
    },
    /// The address has characters outside ASCII before its `@`, and the relay does not offer SMTPUTF8: nothing was said.
    NoSmtpUtf8,
    /// The conversation broke off before the letter's end had left this machine: trying again is safe.
    Lost {
        /// Where it broke off.
        step: Step,
        /// What happened.
        error: String,
    },
    /// The whole letter was sent, and the reply was not read: nobody knows whether the relay has it.
    Uncertain {
        /// What happened.
        error: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { code, reply } => write!(f, "accepted: {code} {reply}"),
            Self::Deferred { code, reply, .. } => write!(f, "refused for now: {code} {reply}"),
            Self::Refused { code, reply, .. } => write!(f, "refused: {code} {reply}"),
            Self::Lost { step, error } => write!(f, "the connection broke off at {step}: {error}"),
            Self::NoSmtpUtf8 => f.write_str("the relay does not offer SMTPUTF8, which the address needs"),
            Self::Uncertain { error } => write!(f, "no final reply was read: {error}"),
        }
    }
}

impl Outcome {
    /// Whether a second try can neither send a letter twice nor is known to be in vain.
    pub fn may_retry(&self) -> bool {
        matches!(self, Self::Deferred { .. } | Self::Lost { .. })
    }

    /// A short stable word for records and figures.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Deferred { .. } => "deferred",
            Self::Refused { .. } => "refused",
            Self::NoSmtpUtf8 => "no_smtputf8",
            Self::Lost { .. } => "lost",
            Self::Uncertain { .. } => "uncertain",
        }
    }

    /// What kind of refusal it is, if it is one.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Deferred { class, .. } | Self::Refused { class, .. } => Some(*class),
            Self::Accepted { .. } | Self::NoSmtpUtf8 | Self::Lost { .. } | Self::Uncertain { .. } => None,
        }
    }

    /// Whether it tells of the relay alone: it could not be reached, or would not talk to us. No letter is any the worse.
    pub fn is_of_session(&self) -> bool {
        match self {
            Self::Lost { step, .. } => step.is_session(),
            other => matches!(other.class(), Some(Class::Session | Class::Login)),
        }
    }

    pub(super) fn lost(step: Step, error: impl fmt::Display) -> Self {
        Self::Lost { step, error: error.to_string() }
    }
}
