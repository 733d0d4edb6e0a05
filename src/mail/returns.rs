//! What comes back after a letter has gone out: bounces, complaints, unsubscriptions by mail, answers.
//!
//! Invariants: reading is pure and total, whatever bytes come: no input panics, and what is not understood is said to be so;
//! an address with a token can have been made here only, so nobody can bounce or unsubscribe another's letter by guessing.
//!
//! Not here: where mail is fetched from (`engine`), what a refusal means (`mail::refusal`), what follows from it
//! (`journey`), what is kept of it (`store`).

mod address;
mod answer;
mod arf;
mod auto;
mod dsn;
mod loose;
mod parts;
mod phrases;
pub mod provider;
mod read;

pub use address::{Duty, LONGEST_NAME, ReturnAddresses, ReturnsError, To, is_base};
pub use answer::{Answer, Attached, FORWARDED};
pub use read::{MAX_BYTES, read};

/// What a mail that came back is, and which letter it is about as far as the mail tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it is.
    pub what: What,
    /// Which of our addresses it came to.
    pub to: Option<To>,
    /// Message-IDs that it is about, without brackets, the surest first.
    pub quoted: Vec<String>,
}

/// What a mail that came back is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A letter was not delivered, and will not be: what was said of each recipient.
    Bounce(Vec<Report>),
    /// A server goes on trying.
    Delayed(Vec<Report>),
    /// A letter was delivered, or went where no more reports come from.
    Delivered(Vec<Report>),
    /// Somebody called a letter spam.
    Complaint {
        /// The kind of feedback (RFC 5965 §7.3): `abuse`, `fraud`, `virus`, `other`.
        feedback: String,
        /// Whose mailbox it was in, if that is told.
        recipient: Option<String>,
    },
    /// Somebody wants no more.
    Unsubscribe,
    /// An out-of-office answer, a read receipt: neither a bounce nor a refusal.
    AutoReply,
    /// A person answered.
    Reply,
    /// Nothing that is understood, and why.
    Unknown(&'static str),
}

/// What a report says of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The recipient, in lower case.
    pub recipient: Option<String>,
    /// What became of the letter.
    pub action: Action,
    /// The enhanced code (RFC 3463), as written; empty if none is given.
    pub status: String,
    /// What the server said: `smtp; 550 5.1.1 …`, or the words of a bounce in prose.
    pub diagnostic: String,
    /// The server that said so, or the one that reports it.
    pub remote: String,
}

/// What became of a letter (RFC 3464 §2.3.3); the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Given up.
    Failed,
    /// Not yet.
    Delayed,
    /// Delivered, relayed or expanded.
    Delivered,
}

impl Action {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "failed" | "failure" | "fail" => Some(Self::Failed),
            "delayed" => Some(Self::Delayed),
            "delivered" | "relayed" | "expanded" => Some(Self::Delivered),
            _ => None,
        }
    }
}

impl What {
    /// A short stable word for records and lists.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bounce(_) => "bounce",
            Self::Delayed(_) => "delayed",
            Self::Delivered(_) => "delivered",
            Self::Complaint { .. } => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::AutoReply => "auto_reply",
            Self::Reply => "reply",
            Self::Unknown(_) => "unknown",
        }
    }

    /// What is said of an address; where it is not named, the worst that is said.
    pub fn about(&self, address: &str) -> Option<&Report> {
        let (Self::Bounce(reports) | Self::Delayed(reports) | Self::Delivered(reports)) = self else { return None };
        let named = reports.iter().find(|r| r.recipient.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(address)));
        named.or_else(|| reports.iter().min_by_key(|report| report.action))
    }
}

impl Reading {
    /// The ids of letters that it may be about, the surest first: by its return path, else by Message-IDs of our form. Only
    /// the first of these is proven.
    pub fn letters(&self) -> Vec<String> {
        let path = self.to.as_ref().and_then(|to| to.message.clone());
        let ids = self.quoted.iter().filter_map(|id| id.split_once('@')).map(|(id, _)| id);
        let ours = ids.filter(|id| uuid::Uuid::parse_str(id).is_ok_and(|uuid| uuid.hyphenated().to_string() == *id));
        path.into_iter().chain(ours.map(str::to_owned)).collect()
    }
}
