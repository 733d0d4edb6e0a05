//! A letter with everything that is on record of it, in a form for programs.

use serde::Serialize;
use serde_json::Value;

use super::told;
pub use crate::insight::letter::LetterRow as Row;
use crate::journey::effect::PolicyVerdict;
use crate::store::{LogRow, ReadRow};

/// A letter with everything that is on record of it.
#[derive(Debug, Serialize)]
pub struct Whole {
    /// Its row.
    #[serde(flatten)]
    pub row: Row,
    /// What it could read besides the customer.
    pub inputs: Value,
    /// What each policy said.
    pub verdicts: Vec<PolicyVerdict>,
    /// Every change of state.
    pub log: Vec<Change>,
    /// Who opened it and followed its links.
    pub reads: Vec<ReadRow>,
}

/// One change of state.
#[derive(Debug, Serialize)]
pub struct Change {
    /// When.
    pub at: String,
    /// The new state.
    pub state: &'static str,
    /// Why.
    pub reason: Option<String>,
    /// More: the relay's reply, the next try.
    pub detail: Value,
}

impl Change {
    /// From the log.
    pub fn of(row: &LogRow) -> Self {
        Self {
            at: row.at.to_string(),
            state: row.state.as_str(),
            reason: row.reason.clone(),
            detail: told::readable(&row.detail),
        }
    }
}
