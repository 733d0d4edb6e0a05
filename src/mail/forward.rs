//! An answer on its way to the people who read answers: what the writer wrote, under the shop's own sender, so that the shop's
//! signatures hold, with the writer in `Reply-To`; one whose address can't stand there is named above the text.

use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, Message};

use super::address::Address;
use super::body::Whole;
use super::compose::ComposeError;
use super::returns::Answer;
use super::{body, headers};
use crate::journey::time::Timestamp;

/// Who sends it on, and under which name.
#[derive(Clone, Debug)]
pub struct Forwarder {
    /// The shop's `From`.
    pub from: Mailbox,
    /// A boundary that nobody can guess.
    pub boundary: String,
    /// Id of the answer on record, and of the letter that it answers.
    pub ids: (i64, String),
}

/// The exact bytes of an answer for `to`, not signed yet.
pub fn forward(answer: &Answer, to: &Address, by: Forwarder, at: Timestamp) -> Result<Vec<u8>, ComposeError> {
    let writer = answer.address.parse::<Address>().and_then(Address::ascii).ok();
    let from = by.from.email.clone();
    let message_id = format!("<answer-{}-{}@{}>", by.ids.0, by.ids.1, from.domain());
    let envelope = Envelope::new(Some(from), vec![headers::lettre_address(to)]).map_err(ComposeError::Build)?;
    let message = Message::builder()
        .envelope(envelope)
        .from(by.from)
        .to(Mailbox::new(None, headers::lettre_address(to)))
        .subject(answer.subject.clone())
        .message_id(Some(message_id))
        .header(headers::date(at))
        .raw_header(headers::forwarded(&by.ids.1));
    let mut text = body::clean(&answer.text);
    let mut html = answer.html.as_deref();
    let message = if let Some(writer) = &writer {
        message.reply_to(Mailbox::new(answer.name.clone(), headers::lettre_address(writer)))
    } else {
        // An address that needs SMTPUTF8 in a field would need it of every server on the way.
        let name = answer.name.as_deref().unwrap_or_default();
        text = body::clean(format!("{name} <{}>:\n\n{text}", headers::clean(&answer.address)).trim_start());
        html = None;
        message
    };
    let said = match html {
        Some(html) => Whole::Several(body::alternatives(&text, &body::clean(html), by.boundary.clone())),
        None => Whole::One(body::single(&text)),
    };
    let attached = answer.attachments.iter().map(|attached| {
        let kind = ContentType::parse(&attached.kind).or_else(|_| ContentType::parse("application/octet-stream"))?;
        Ok(Attachment::new(attached.name.clone()).body(body::octets(attached.bytes.clone()), kind))
    });
    let attached = attached.collect::<Result<Vec<_>, ComposeError>>()?;
    let built = match body::with_attached(said, attached, || format!("m{}", by.boundary)) {
        Whole::One(text) => message.singlepart(text),
        Whole::Several(parts) => message.multipart(parts),
    };
    Ok(built.map_err(ComposeError::Build)?.formatted())
}
