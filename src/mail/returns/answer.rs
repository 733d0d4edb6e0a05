//! An answer of a person, taken apart so that it can be passed on.

use mail_parser::{MimeHeaders as _, PartType};

use super::parts::Mail;
use crate::mail::headers::clean;

/// The field by which a forwarded answer is known, so that it is never forwarded again.
pub const FORWARDED: &str = "X-Milepost-Forwarded";
/// Most attachments that are passed on.
const MAX_ATTACHMENTS: usize = 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The writer's name, if it is given.
    pub name: Option<String>,
    /// Where the writer wants to be answered.
    pub address: String,
    /// Its subject.
    pub subject: String,
    /// What it says, as text.
    pub text: String,
    /// What it says as HTML, if it came so.
    pub html: Option<String>,
    /// What is attached.
    pub attachments: Vec<Attached>,
}

/// One thing that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Takes an answer apart; `None` if nobody is named to whom one could write back.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mail = Mail::parse(bytes)?;
        let (name, address) = mail.author()?;
        let message = mail.message();
        let html = message.html_bodies().find(|part| part.is_text_html()).and_then(|part| part.text_contents());
        let attachments = message.attachments().take(MAX_ATTACHMENTS).enumerate().map(|(n, part)| {
            let kind = part.content_type().map(|kind| (kind.ctype(), kind.subtype().unwrap_or("octet-stream")));
            // What is text comes out of the parser in UTF-8, whatever it came in.
            let charset =
                if matches!(part.body, PartType::Text(_) | PartType::Html(_)) { "; charset=utf-8" } else { "" };
            let bytes = match &part.body {
                PartType::Message(inside) => inside.raw_message().to_vec(),
                _ => part.contents().to_vec(),
            };
            Attached {
                name: part.attachment_name().map_or_else(|| format!("attachment-{}", n + 1), clean),
                kind: kind
                    .map_or_else(|| "application/octet-stream".into(), |(main, sub)| format!("{main}/{sub}{charset}")),
                bytes,
            }
        });
        Some(Self {
            name: name.map(|name| clean(&name)).filter(|name| !name.is_empty()),
            address,
            subject: clean(mail.subject()),
            text: message.body_text(0).map(std::borrow::Cow::into_owned).unwrap_or_default(),
            html: html.map(str::to_owned),
            attachments: attachments.collect(),
        })
    }
}
