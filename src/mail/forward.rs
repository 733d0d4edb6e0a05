//! An answer on its way to the people who read answers: what the writer wrote, under the shop's own sender, so that the shop's
//! signatures hold, with the writer in `Reply-To`.

use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};

use super::address::Address;
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

/// The exact bytes of an answer for `to`.
pub fn forward(answer: &Answer, to: &Address, by: Forwarder, at: Timestamp) -> Result<Vec<u8>, ComposeError> {
    let writer = answer.address.parse::<Address>().and_then(Address::ascii).map_err(ComposeError::Address)?;
    let from = by.from.email.clone();
    let message_id = format!("<answer-{}-{}@{}>", by.ids.0, by.ids.1, from.domain());
    let envelope = Envelope::new(Some(from), vec![headers::lettre_address(to)]).map_err(ComposeError::Build)?;
    let message = Message::builder()
        .envelope(envelope)
        .from(by.from)
        .to(Mailbox::new(None, headers::lettre_address(to)))
        .reply_to(Mailbox::new(answer.name.clone(), headers::lettre_address(&writer)))
        .subject(answer.subject.clone())
        .message_id(Some(message_id))
        .header(headers::date(at))
        .raw_header(headers::forwarded(&by.ids.1));
    let text = body::clean(&answer.text);
    let said = match &answer.html {
        Some(html) => Said::Both(body::alternatives(&text, &body::clean(html), by.boundary.clone())),
        None => Said::Text(body::single(&text)),
    };
    let built = match (said, answer.attachments.is_empty()) {
        (Said::Text(text), true) => message.singlepart(text),
        (Said::Both(both), true) => message.multipart(both),
        (said, false) => {
            let mixed = MultiPart::mixed().boundary(format!("m{}", by.boundary));
            let mixed = match said {
                Said::Text(text) => mixed.singlepart(text),
                Said::Both(both) => mixed.multipart(both),
            };
            let with_all = answer.attachments.iter().fold(mixed, |mixed, attached| {
                let kind = ContentType::parse(&attached.kind).unwrap_or(ContentType::TEXT_PLAIN);
                mixed.singlepart(Attachment::new(attached.name.clone()).body(attached.bytes.clone(), kind))
            });
            message.multipart(with_all)
        }
    };
    Ok(built.map_err(ComposeError::Build)?.formatted())
}

enum Said {
    Text(SinglePart),
    Both(MultiPart),
}
