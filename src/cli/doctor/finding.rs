//! One finding of the doctor.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Works, but probably not as meant; or could not be told.
    Doubtful,
    /// Must be put right.
    Wrong,
}

/// What was looked at and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `settings`, `rulebook`, `database`, `relay`, `links`, `connection`, `webhook`, `clock` or `dns`.
    pub area: &'static str,
    /// Which one of them.
    pub subject: String,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was seen.
    pub note: String,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn fine(area: &'static str, subject: impl Into<String>, note: impl Into<String>) -> Self {
        Self { area, subject: subject.into(), verdict: Verdict::Fine, note: note.into(), help: None }
    }

    /// A doubt.
    pub fn doubt(area: &'static str, subject: impl Into<String>, note: impl Into<String>, help: &str) -> Self {
        Self { verdict: Verdict::Doubtful, help: Some(help.to_owned()), ..Self::fine(area, subject, note) }
    }

    /// Something wrong.
    pub fn wrong(area: &'static str, subject: impl Into<String>, note: impl Into<String>, help: &str) -> Self {
        Self { verdict: Verdict::Wrong, help: Some(help.to_owned()), ..Self::fine(area, subject, note) }
    }
}

/// An error with everything that caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
