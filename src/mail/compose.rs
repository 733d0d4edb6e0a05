//! A letter from a job: its texts from a [`LetterSource`], its headers and its exact bytes.
//!
//! Invariants: the same job over the same texts makes the same bytes (date, Message-ID and boundary come from the job, not
//! from a clock or chance); the bytes are 7-bit (but for the `To` of an address that takes SMTPUTF8) with CRLF line ends; `Message-ID` is the message's own for every try.

use std::sync::Arc;

use lettre::address::Envelope;
use lettre::message::header::ContentTypeErr;
use lettre::message::{Mailbox, Message};
use serde_json::{Map, Value, json};

use super::address::{Address, AddressError};
use super::attachments::{Attachments, FetchError, Lacking, Unavailable};
use super::body::Whole;
use super::dkim::{DkimKeys, KeyError};
use super::forward::{self, Forwarder};
use super::links::LinkSigner;
use super::returns::{Answer, ReturnAddresses, ReturnsError};
use super::senders::{Sender, Senders};
use super::tracking::Tracker;
use super::{body, headers};
use crate::journey::customer::Customer;
use crate::journey::effect::PlannedMessage;
use crate::journey::facts::view;
use crate::journey::rule::TRANSACTIONAL;
use crate::journey::time::Timestamp;
use crate::rulebook::{Letters, Rendered};
use crate::settings::{MailSettings, ProviderKind, ShopSettings};

/// Where letters' texts come from.
pub trait LetterSource {
    /// Whether a letter reads anything under a root of names; what it does not read need not be there.
    fn reads(&self, map: &str, letter: &str, locale: &str, root: &str) -> bool;

    /// Fills a letter of a map in the locale that suits best.
    fn render(&self, map: &str, letter: &str, locale: &str, context: Map<String, Value>) -> Result<Rendered, String>;
}

impl LetterSource for Letters {
    fn reads(&self, map: &str, letter: &str, locale: &str, root: &str) -> bool {
        Self::reads(self, map, letter, locale, root)
    }

    fn render(&self, map: &str, letter: &str, locale: &str, context: Map<String, Value>) -> Result<Rendered, String> {
        Self::render(self, map, letter, locale, context).map_err(|error| chain(&error))
    }
}

/// What is to be written to whom.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Message id.
    pub message: &'a str,
    /// Map.
    pub map: &'a str,
    /// Letter's name.
    pub letter: &'a str,
    /// Wanted locale.
    pub locale: &'a str,
    /// Purpose.
    pub purpose: &'a str,
    /// Rule.
    pub rule: &'a str,
    /// In whose name, by the settings; `None` for the shop itself.
    pub sender: Option<&'a str>,
    /// Whether it may be noted that it is opened and clicked.
    pub track: bool,
    /// To whom.
    pub customer: &'a Customer,
    /// What the run captured: `event`, `promo`.
    pub inputs: &'a Value,
    /// The letter's date.
    pub at: Timestamp,
}

impl<'a> Job<'a> {
    /// What a planned letter says, written at a moment to a customer as they are then: in whose name has no part in that.
    pub fn of(message: &'a PlannedMessage, customer: &'a Customer, at: Timestamp) -> Self {
        Self {
            message: &message.id,
            map: &message.map,
            letter: &message.letter,
            locale: &message.locale,
            purpose: &message.purpose,
            rule: &message.rule,
            sender: None,
            track: true,
            customer,
            inputs: &message.inputs,
            at,
        }
    }
}

/// A letter ready to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The recipient.
    pub to: Address,
    /// Subject, decoded.
    pub subject: String,
    /// The `Message-ID` field's value, angle brackets included.
    pub message_id: String,
    /// The locale that was taken.
    pub locale: String,
    /// The exact bytes.
    pub raw: Vec<u8>,
    /// The sender of the envelope.
    pub envelope_from: Address,
    /// What its short links lead to, in the order of their numbers.
    pub links: Vec<String>,
}

/// Why a letter could not be composed, or no letter can be.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// `from` or `reply_to` of a sender is not a mailbox.
    #[error("{setting} is not an address that letters can come from: `{value}`")]
    Sender {
        /// Name of the setting.
        setting: String,
        /// What it says.
        value: String,
    },
    /// `server.public_url` cannot stand in a link.
    #[error("server.public_url is not an http or https address in plain ASCII: `{0}`")]
    PublicUrl(String),
    /// The customer has no address.
    #[error("the customer has no e-mail address")]
    NoAddress,
    /// The customer's address is not one.
    #[error("the customer's address cannot be written to")]
    Address(#[source] AddressError),
    /// The message id has characters that cannot stand in a Message-ID.
    #[error("the message id cannot stand in a Message-ID: `{0}`")]
    MessageId(String),
    /// The letter's templates failed.
    #[error("letter `{letter}` of map `{map}` could not be filled: {reason}")]
    Render {
        /// Map.
        map: String,
        /// Letter.
        letter: String,
        /// What the templates said.
        reason: String,
    },
    /// An address of `[mail.returns]` can't take what comes back.
    #[error(transparent)]
    Returns(#[from] ReturnsError),
    /// A key of `[mail.dkim.<name>]` can't sign.
    #[error(transparent)]
    Dkim(#[from] KeyError),
    /// Files can't be fetched at all.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file that goes with the letter can't be fetched.
    #[error("a file that goes with the letter is missing")]
    Unavailable(#[source] Unavailable),
    /// A file's media type is none.
    #[error("a file that goes with the letter has no media type")]
    Kind(#[from] ContentTypeErr),
    /// The parts could not be put together.
    #[error("the letter's parts could not be put together")]
    Build(#[source] lettre::error::Error),
}

/// Makes letters. One for the whole daemon.
#[derive(Clone, Debug)]
pub struct Composer {
    senders: Senders,
    public_url: String,
    shop: Value,
    signer: LinkSigner,
    returns: ReturnAddresses,
    /// Whether letters may go through Postmark.
    by_postmark: bool,
    tracker: Tracker,
    dkim: Arc<DkimKeys>,
    attachments: Attachments,
}

impl ComposeError {
    /// Whether the same letter may come about later.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(Unavailable { passes: true, .. }))
    }
}

impl Composer {
    /// A composer for a shop. `public_url` is where customers reach this server, without a slash at the end.
    pub fn new(
        mail: &MailSettings,
        public_url: &str,
        shop: &ShopSettings,
        signer: LinkSigner,
    ) -> Result<Self, ComposeError> {
        if !headers::is_plain_url(public_url) {
            return Err(ComposeError::PublicUrl(public_url.to_owned()));
        }
        let public_url = public_url.trim_end_matches('/').to_owned();
        let senders = Senders::new(mail)?;
        Ok(Self {
            returns: ReturnAddresses::new(&mail.returns, &mail.replies, signer.clone())?,
            by_postmark: mail.providers.values().any(|provider| provider.kind == ProviderKind::Postmark),
            tracker: Tracker::new(&mail.tracking, &public_url),
            public_url,
            attachments: Attachments::new(&mail.attachments)?,
            dkim: Arc::new(DkimKeys::new(&mail.dkim, senders.get(None).address.domain())?),
            senders,
            shop: json!({"name": shop.name, "url": shop.url, "address": shop.address}),
            signer,
        })
    }

    /// The domain that letters of no other sender come from.
    pub fn sending_domain(&self) -> &str {
        self.senders.get(None).address.domain()
    }

    /// The `From` of a sender's letters as people read it.
    pub fn from(&self, sender: Option<&str>) -> String {
        self.senders.get(sender).from.to_string()
    }

    /// What is fetched for letters.
    pub fn attachments(&self) -> &Attachments {
        &self.attachments
    }

    /// The sender of a letter's envelope: where bounces go, and the same for every try. Where they are read, the address
    /// names the letter (VERP).
    pub fn envelope_from(&self, sender: Option<&str>, message: &str) -> Address {
        self.returns.bounce(message).unwrap_or_else(|| self.senders.get(sender).address.clone())
    }

    /// The addresses that letters come back to.
    pub fn returns(&self) -> &ReturnAddresses {
        &self.returns
    }

    /// Composes one letter, with the files that it has fetched; `now` tells which of those that are at hand are still fresh.
    pub async fn compose(
        &self,
        letters: &(impl LetterSource + Sync),
        job: &Job<'_>,
        now: Timestamp,
    ) -> Result<Letter, ComposeError> {
        let (letter, lacking) = self.compose_shown(letters, job, now).await?;
        // What is missing for good says more than what may come yet.
        if let Some(missing) = lacking.attached.into_iter().min_by_key(|missing| missing.passes) {
            return Err(ComposeError::Unavailable(missing));
        }
        for missing in &lacking.pictures {
            tracing::warn!(
                message.id = job.message,
                error = missing as &dyn std::error::Error,
                "a picture can't go with its letter; it is shown from its address"
            );
        }
        Ok(letter)
    }

    /// Composes one letter without asking anybody: what would be fetched is left out.
    pub fn compose_offline(&self, letters: &impl LetterSource, job: &Job<'_>) -> Result<Letter, ComposeError> {
        let to = recipient(job.customer)?;
        let rendered = self.fill_offline(letters, job)?;
        self.put_together(rendered, job, to, false)
    }

    /// The same letter for somebody who tries it out: it goes to another address, says in its subject and in a field of its
    /// own that it is a test, and names no campaign to mailbox providers. What can't be fetched is left out, and told.
    pub async fn compose_test(
        &self,
        letters: &(impl LetterSource + Sync),
        job: &Job<'_>,
        to: Address,
        now: Timestamp,
    ) -> Result<(Letter, Lacking), ComposeError> {
        let (rendered, lacking) = self.fill(letters, job, now).await?;
        Ok((self.put_together(rendered, job, to, true)?, lacking))
    }

    /// The letter as it goes out, for somebody who looks at it. What can't be fetched is left out, and told.
    pub async fn compose_shown(
        &self,
        letters: &(impl LetterSource + Sync),
        job: &Job<'_>,
        now: Timestamp,
    ) -> Result<(Letter, Lacking), ComposeError> {
        let to = recipient(job.customer)?;
        let (rendered, lacking) = self.fill(letters, job, now).await?;
        Ok((self.put_together(rendered, job, to, false)?, lacking))
    }

    /// What is in the letter: its subject as one line, and its parts as they go into the message; and what of that can't be
    /// fetched.
    pub async fn fill(
        &self,
        letters: &(impl LetterSource + Sync),
        job: &Job<'_>,
        now: Timestamp,
    ) -> Result<(Rendered, Lacking), ComposeError> {
        let mut rendered = self.filled(letters, job)?;
        let lacking = self.attachments.enclose(&mut rendered, now).await;
        Ok((rendered, lacking))
    }

    /// What is in the letter, as far as nobody has to be asked for it; files that may not be fetched are an error all the same.
    pub fn fill_offline(&self, letters: &impl LetterSource, job: &Job<'_>) -> Result<Rendered, ComposeError> {
        let rendered = self.filled(letters, job)?;
        self.attachments.admit(&rendered).map_err(ComposeError::Unavailable)?;
        Ok(rendered)
    }

    fn filled(&self, letters: &impl LetterSource, job: &Job<'_>) -> Result<Rendered, ComposeError> {
        let wanted = |root: &str| letters.reads(job.map, job.letter, job.locale, root);
        let context = self.context(job, wanted);
        let mut rendered = letters.render(job.map, job.letter, job.locale, context).map_err(|reason| {
            ComposeError::Render { map: job.map.to_owned(), letter: job.letter.to_owned(), reason }
        })?;
        rendered.subject = headers::clean(&rendered.subject);
        rendered.html = rendered.html.map(|html| body::with_preheader(&html, rendered.preheader.as_deref()));
        Ok(rendered)
    }

    fn put_together(
        &self,
        mut rendered: Rendered,
        job: &Job<'_>,
        to: Address,
        test: bool,
    ) -> Result<Letter, ComposeError> {
        let sender = self.senders.get(job.sender);
        let message_id = headers::message_id(job.message, sender.address.domain())
            .ok_or_else(|| ComposeError::MessageId(job.message.to_owned()))?;
        let links = self.tracker.prepare(&mut rendered, job, &self.signer, test);
        let subject = if test { headers::test_subject(&rendered.subject) } else { rendered.subject.clone() };

        let mailbox = Mailbox::new(None, headers::lettre_address(&to));
        // Left to itself, lettre reads the envelope back out of the header fields.
        let envelope =
            Envelope::new(Some(sender.from.email.clone()), vec![mailbox.email.clone()]).map_err(ComposeError::Build)?;

        let mut message = Message::builder()
            .envelope(envelope)
            .from(sender.from.clone())
            .to(mailbox)
            .subject(subject.clone())
            .message_id(Some(message_id.clone()))
            .raw_header(if test {
                headers::test()
            } else {
                headers::feedback_id(job.rule, job.map, job.purpose, &sender.feedback_id)
            });
        message = message.header(headers::date(job.at));
        if self.by_postmark {
            message = message.raw_header(headers::postmark_letter(job.message));
        }
        if let Some(reply_to) = self.answers_to(sender, job.message) {
            message = message.reply_to(reply_to);
        }
        if job.purpose == TRANSACTIONAL {
            message = message.raw_header(headers::auto_submitted());
        } else {
            message = message.raw_header(headers::bulk());
            for field in
                headers::list_unsubscribe(&self.unsubscribe_url(job), self.returns.unsubscribe(job.message).as_ref())
            {
                message = message.raw_header(field);
            }
        }
        let boundary = |level: &str| self.signer.boundary(&format!("{}{level}", job.message));
        let built = match body::whole(&rendered, boundary)? {
            Whole::One(part) => message.singlepart(part),
            Whole::Several(parts) => message.multipart(parts),
        };
        let raw = built.map_err(ComposeError::Build)?.formatted();
        let raw = self.dkim.sign(sender.address.domain(), raw, job.at);
        let envelope_from = self.envelope_from(job.sender, job.message);
        Ok(Letter { to, subject, message_id, locale: rendered.locale, raw, envelope_from, links })
    }

    /// Where answers to a letter go, if not to its sender.
    fn answers_to(&self, sender: &Sender, message: &str) -> Option<Mailbox> {
        let named = sender.reply_to.as_ref().unwrap_or(&sender.from).name.clone();
        let own = self.returns.reply(message).map(|address| Mailbox::new(named, headers::lettre_address(&address)));
        own.or_else(|| sender.reply_to.clone())
    }

    /// An answer to a letter, by the numbers of both, for those who read answers.
    pub fn forward(
        &self,
        answer: &Answer,
        to: &Address,
        (id, letter): (i64, &str),
        at: Timestamp,
    ) -> Result<Vec<u8>, ComposeError> {
        let boundary = self.signer.boundary(&format!("answer/{id}/{letter}"));
        let sender = self.senders.get(None);
        let by = Forwarder { from: sender.from.clone(), boundary, ids: (id, letter.to_owned()) };
        Ok(self.dkim.sign(sender.address.domain(), forward::forward(answer, to, by, at)?, at))
    }

    /// The sender of the envelope of a forwarded answer: its bounces name no letter, and are listed.
    pub fn forwards_from(&self, answer: i64) -> Address {
        self.returns.bounce_of_answer(answer).unwrap_or_else(|| self.senders.get(None).address.clone())
    }

    /// The page where the customer refuses the letter's purpose.
    fn unsubscribe_url(&self, job: &Job<'_>) -> String {
        let token = self.signer.sign_unsubscribe(&job.customer.id, job.purpose, job.message);
        format!("{}/u/{token}", self.public_url)
    }

    /// The page where the customer chooses which letters come.
    fn preferences_url(&self, job: &Job<'_>) -> String {
        format!("{}/p/{}", self.public_url, self.signer.sign_preferences(&job.customer.id, job.message))
    }

    /// The page where the customer confirms to have agreed.
    fn confirm_url(&self, job: &Job<'_>) -> String {
        format!("{}/d/{}", self.public_url, self.signer.sign_confirm(&job.customer.id, job.message))
    }

    /// What the letter reads: the customer's facts, what the run captured, and what only a letter has.
    fn context(&self, job: &Job<'_>, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
        let event = job.inputs.get("event").filter(|event| !event.is_null());
        let mut context = view::document(job.customer, event, &wanted);
        let captured = job.inputs.as_object().into_iter().flatten().filter(|(name, _)| *name != "event");
        for (name, value) in captured.filter(|(name, _)| wanted(name)) {
            context.insert(name.clone(), value.clone());
        }
        promo_with_code(&mut context);
        context.insert("shop".into(), self.shop.clone());
        // Signing takes longer than filling: only what the letter shows is signed.
        if wanted("unsubscribe_url") {
            context.insert("unsubscribe_url".into(), self.unsubscribe_url(job).into());
        }
        if wanted("preferences_url") {
            context.insert("preferences_url".into(), self.preferences_url(job).into());
        }
        if wanted("confirm_url") {
            context.insert("confirm_url".into(), self.confirm_url(job).into());
        }
        context.insert("message_id".into(), job.message.into());
        context.insert("locale".into(), job.locale.into());
        context
    }
}

/// A letter may always ask for `promo.code`; without a code it is null.
fn promo_with_code(context: &mut Map<String, Value>) {
    let promo = context.entry("promo").or_insert_with(|| json!({}));
    if !promo.is_object() {
        *promo = json!({});
    }
    if let Some(promo) = promo.as_object_mut() {
        promo.entry("code").or_insert(Value::Null);
    }
}

fn recipient(customer: &Customer) -> Result<Address, ComposeError> {
    let text = customer.email().filter(|text| !text.trim().is_empty()).ok_or(ComposeError::NoAddress)?;
    text.parse().map_err(ComposeError::Address)
}

/// An error with its causes: a template's says only in its causes where and why it failed.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
