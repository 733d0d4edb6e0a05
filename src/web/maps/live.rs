//! What on the page changes by itself: texts, bars and flags, each under a key that its element carries.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything that changes, by key. This is what the page's script polls.
#[derive(Debug, Default, Serialize)]
pub struct Live {
    texts: BTreeMap<String, String>,
    bars: BTreeMap<String, f64>,
    flags: BTreeMap<String, bool>,
}

/// A text that changes.
#[derive(Debug, Serialize)]
pub struct Text {
    key: String,
    text: String,
}

/// A bar's length in per cent.
#[derive(Debug, Serialize)]
pub struct Bar {
    key: String,
    percent: f64,
}

/// Something that is shown or not.
#[derive(Debug, Serialize)]
pub struct Flag {
    key: String,
    on: bool,
}

impl Live {
    /// Notes a text and gives the form that a template places.
    pub fn text(&mut self, key: impl Into<String>, text: impl Into<String>) -> Text {
        let (key, text) = (key.into(), text.into());
        self.texts.insert(key.clone(), text.clone());
        Text { key, text }
    }

    /// Notes a bar: a part of a whole.
    pub fn bar(&mut self, key: impl Into<String>, part: i64, whole: i64) -> Bar {
        self.share(key, if whole > 0 { part as f64 / whole as f64 } else { 0.0 })
    }

    /// Notes a bar: a share from 0 to 1.
    pub fn share(&mut self, key: impl Into<String>, share: f64) -> Bar {
        let key = key.into();
        let percent = percent(share);
        self.bars.insert(key.clone(), percent);
        Bar { key, percent }
    }

    /// Notes a flag.
    pub fn flag(&mut self, key: impl Into<String>, on: bool) -> Flag {
        let key = key.into();
        self.flags.insert(key.clone(), on);
        Flag { key, on }
    }
}

/// A share as per cent with one digit.
pub fn percent(share: f64) -> f64 {
    (share.clamp(0.0, 1.0) * 1_000.0).round() / 10.0
}
