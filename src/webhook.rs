//! Webhooks out: signed by [Standard Webhooks](https://www.standardwebhooks.com), posted to the addresses of the settings
//! and to no others.
//!
//! Invariants: the id and the body of an errand are the same at every try, the timestamp is that of the try; no redirect is
//! followed and no proxy asked; an address of a private network is reached only where the settings allow it; secrets show up
//! in no log and no error.
//!
//! Not here: when to try again (`engine`), what is said (`journey`).

mod sign;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use secrecy::ExposeSecret;

use crate::guard::{self, Guard, is_public};
use crate::journey::time::{MICROS_PER_SECOND, Span, Timestamp};
use crate::settings::{ErrandSettings, WebhookSettings};

pub use sign::{Secrets, signature};

/// How much of an answer is kept, in bytes: enough for a sentence.
const MAX_ANSWER: usize = 300;
/// Longer waits that a receiver asks for are cut to this.
const LONGEST_WAIT: Span = Span::days(1);

/// Every webhook of the settings.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(BTreeMap<String, Webhook>);

#[derive(Clone, Debug)]
struct Webhook {
    url: Url,
    secrets: Secrets,
    allow_private: bool,
    http: reqwest::Client,
}

/// What came of posting one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// 2xx.
    Taken {
        /// The status.
        code: u16,
    },
    /// Any other answer.
    Refused {
        /// The status.
        code: u16,
        /// How long the receiver asks to be left alone.
        retry_after: Option<Span>,
        /// What it said, as far as that is text.
        said: String,
    },
    /// No answer.
    Lost {
        /// What went wrong.
        error: String,
    },
    /// It may not be posted at all, now or later.
    Forbidden {
        /// Why.
        reason: String,
    },
}

/// Where the address of a webhook leads, without asking anybody there; an error is a sentence.
pub async fn leads_to(settings: &WebhookSettings) -> Result<String, String> {
    let url: Url = settings.url.parse().map_err(|_| "`url` is not an address of the web".to_owned())?;
    let name = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    let found =
        tokio::net::lookup_host((name, port)).await.map_err(|error| format!("{name} can't be looked up: {error}"))?;
    let (public, private): (Vec<_>, Vec<_>) =
        found.map(|address| address.ip()).partition(|address| is_public(*address));
    match (public.first(), private.first()) {
        (Some(public), _) => Ok(format!("leads to {public}")),
        (None, Some(private)) if settings.allow_private => Ok(format!("leads to {private}, which is allowed")),
        (None, Some(_)) => Err(guard::Refused.to_string()),
        (None, None) => Err(format!("{name} has no address")),
    }
}

impl Webhooks {
    /// Builds the webhooks of the settings.
    pub fn build(settings: &BTreeMap<String, WebhookSettings>, errands: &ErrandSettings) -> anyhow::Result<Self> {
        let webhooks = settings.iter().map(|(name, webhook)| {
            let built = one(webhook, errands).with_context(|| format!("webhooks.{name} can't be used"))?;
            Ok((name.clone(), built))
        });
        webhooks.collect::<anyhow::Result<_>>().map(Self)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Posts a body under an id.
    pub async fn post(&self, name: &str, id: &str, body: String, now: Timestamp) -> Posted {
        let Some(webhook) = self.0.get(name) else {
            return Posted::Forbidden { reason: format!("the settings have no [webhooks.{name}]") };
        };
        // A name is resolved by the guard; an address needs no resolving, so nobody would ask the guard.
        if !webhook.allow_private && guard::literal(&webhook.url).is_some_and(|address| !is_public(address)) {
            return Posted::Forbidden { reason: guard::Refused.to_string() };
        }
        let seconds = now.micros().div_euclid(MICROS_PER_SECOND);
        let request = webhook
            .http
            .post(webhook.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature(&webhook.secrets, id, seconds, body.as_bytes()));
        match request.body(body).send().await {
            Ok(answer) => read(answer).await,
            Err(error) if guard::refused(&error) => Posted::Forbidden { reason: guard::Refused.to_string() },
            Err(error) => Posted::Lost { error: in_words(error) },
        }
    }
}

fn one(settings: &WebhookSettings, errands: &ErrandSettings) -> anyhow::Result<Webhook> {
    let secret = settings.secret.as_ref().context("`secret` is missing")?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(errands.timeout_seconds))
        .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        // A proxy would resolve names by itself.
        .no_proxy();
    let client = if settings.allow_private { client } else { client.dns_resolver(Arc::new(Guard)) };
    Ok(Webhook {
        url: settings.url.parse().context("`url` is not an address of the web")?,
        secrets: Secrets::parse(secret.expose_secret()).context("`secret` is not one of Standard Webhooks")?,
        allow_private: settings.allow_private,
        http: client.build().context("the HTTP client can't be built")?,
    })
}

async fn read(mut answer: Response) -> Posted {
    let code = answer.status().as_u16();
    if answer.status().is_success() {
        return Posted::Taken { code };
    }
    let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let retry_after = asked.map(|seconds: u32| Span::seconds(seconds.into()).min(LONGEST_WAIT));
    let mut said = Vec::new();
    while said.len() < MAX_ANSWER
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - said.len())]);
    }
    let said = String::from_utf8_lossy(&said).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Posted::Refused { code, retry_after, said }
}

/// The chain of an error in one line, without the address: it may hold a token.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
