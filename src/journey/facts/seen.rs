//! An event as conditions and letters read it, made when somebody does: most events concern nobody.

use std::cell::OnceCell;

use serde_json::Value;

use super::view;
use crate::journey::event::Event;

/// An event at hand.
#[derive(Debug)]
pub enum Seen<'e> {
    /// In the form of [`view::event`] already.
    Made(&'e Value),
    /// To be brought into it.
    Raw(&'e Event, OnceCell<Value>),
}

impl<'e> Seen<'e> {
    /// An event that nobody has read yet.
    pub fn new(event: &'e Event) -> Self {
        Self::Raw(event, OnceCell::new())
    }

    /// The event in the form of [`view::event`].
    pub fn value(&self) -> &Value {
        match self {
            Self::Made(value) => value,
            Self::Raw(event, made) => made.get_or_init(|| view::event(event)),
        }
    }
}

/// The event in the form of [`view::event`], if there is one.
pub fn value<'s>(event: Option<&'s Seen<'_>>) -> Option<&'s Value> {
    event.map(Seen::value)
}
