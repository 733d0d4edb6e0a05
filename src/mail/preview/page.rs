//! A letter in the frame of a mail program, at the width of a desk and of a phone, as one page that loads nothing.
//!
//! The letter stands in frames of its own, so that its styles and media queries see the width that they would see; nothing
//! in it runs, and no picture of it is fetched: only those that go along are there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tera::{Context, Tera};

use crate::rulebook::Rendered;

const TEMPLATE: &str = include_str!("page.html");

/// The page could not be drawn: a fault of this build.
#[derive(Debug, thiserror::Error)]
#[error("the page of the letter can't be drawn")]
pub struct PageError(#[source] tera::Error);

/// A letter to be shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Page<'a> {
    /// What is shown: map and letter.
    pub title: &'a str,
    /// Who writes.
    pub from: &'a str,
    /// To whom.
    pub to: &'a str,
    /// The letter's date, in words.
    pub date: &'a str,
}

impl Page<'_> {
    /// The page as HTML.
    pub fn html(&self, letter: &Rendered) -> Result<String, PageError> {
        let mut tera = Tera::default();
        tera.add_raw_template("page.html", TEMPLATE).map_err(PageError)?;
        let mut context = Context::new();
        context.insert("page", self);
        context.insert("locale", &letter.locale);
        context.insert("subject", &letter.subject);
        context.insert("preheader", &letter.preheader);
        context.insert("html", &seen(letter));
        let attached = letter.enclosed.iter().filter(|file| file.content_id.is_none());
        context.insert("attached", &attached.map(|file| file.name.as_str()).collect::<Vec<_>>());
        context.insert("text", &letter.text);
        context.insert("widths", &[600, 390]);
        tera.render("page.html", &context).map_err(PageError)
    }
}

/// The HTML with the pictures that go along in it.
fn seen(letter: &Rendered) -> Option<String> {
    let mut html = letter.html.clone()?;
    for file in &letter.enclosed {
        if let Some(id) = &file.content_id {
            let data = format!("data:{};base64,{}", file.kind, STANDARD.encode(&file.bytes));
            html = html.replace(&format!("cid:{id}"), &data);
        }
    }
    Some(html)
}
