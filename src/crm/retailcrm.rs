//! RetailCRM / Simla.com, API v5.
//!
//! Invariants: parsing asks nobody anything; our own key's changes never come back as news; a date without a zone is in
//! the connection's zone; the key travels in a header and shows up in no log.

mod amounts;
mod api;
mod cart;
mod client;
mod consent;
mod customer;
pub(crate) mod dates;
mod document;
mod form;
mod history;
mod hook;
mod items;
mod loose;
mod model;
mod order;
mod poll;
mod read;
mod reader;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use chrono_tz::Tz;
use secrecy::SecretString;

use super::{ApiError, Fetch, ParseError, Parsed, PollPage, Raw, References, Verdict, Via};
use crate::journey::errand::{CrmChange, CrmCustomer};
use crate::settings::ConnectionSettings;
use crate::settings::connections::HistoryStart;
use client::Client;
use reader::{Account, Reader};

/// What reading customers and orders needs.
const SCOPES: [&str; 3] = ["customer_read", "order_read", "reference_read"];
/// What changing customers needs besides.
const WRITE_SCOPE: &str = "customer_write";

/// One account.
#[derive(Clone, Debug)]
pub struct RetailCrm {
    account: Account,
    client: Option<Client>,
    hook_secret: Option<SecretString>,
    history: HistoryStart,
    carts: bool,
    write_consents: BTreeSet<String>,
}

impl RetailCrm {
    /// Builds the connection; the error is a sentence for the settings' author.
    pub fn build(
        id: &str,
        settings: &ConnectionSettings,
        shop_zone: Tz,
        shop_currency: &str,
        http: reqwest::Client,
    ) -> Result<Self, String> {
        let zone = match &settings.time_zone {
            None => shop_zone,
            Some(name) => name.parse().map_err(|_| {
                format!("connections.{id}.time_zone: `{name}` is no IANA time zone, for example `Europe/Moscow`")
            })?,
        };
        let client = match (&settings.url, &settings.api_key) {
            (Some(url), Some(key)) => {
                let client = Client::new(http, &checked_base(id, url)?, key.clone());
                Some(client.limited_to(settings.requests_per_second))
            }
            (Some(_), None) => return Err(format!("connections.{id}.api_key is missing: reading from `url` needs it")),
            (None, _) => None,
        };
        Ok(Self {
            account: Account {
                connection: id.to_owned(),
                zone,
                currency: shop_currency.to_owned(),
                site: settings.site.clone(),
                complete_groups: settings.complete_groups.clone(),
                cancel_groups: settings.cancel_groups.clone(),
                promo_field: settings.promo_field.clone(),
            },
            client,
            hook_secret: settings.hook_secret.clone(),
            history: settings.history,
            carts: settings.carts,
            write_consents: settings.write_consents.clone(),
        })
    }

    /// See [`super::Connection::with_requests_per_second`].
    #[must_use]
    pub fn with_requests_per_second(self, limit: NonZeroU32) -> Self {
        Self { client: self.client.map(|client| client.limited_to(limit)), ..self }
    }

    pub(super) fn hook_secret(&self) -> Option<&SecretString> {
        self.hook_secret.as_ref()
    }

    /// Whether there is an API to ask.
    pub fn can_read(&self) -> bool {
        self.client.is_some()
    }

    /// The purposes of which the CRM is told.
    pub fn write_consents(&self) -> &BTreeSet<String> {
        &self.write_consents
    }

    fn client(&self) -> Result<&Client, ApiError> {
        self.client.as_ref().ok_or(ApiError::NotConfigured)
    }

    /// Reads one accepted body.
    pub fn parse(&self, raw: &Raw<'_>, refs: &References) -> Result<Parsed, ParseError> {
        let reader = Reader { account: &self.account, refs, received_at: raw.received_at };
        match raw.channel {
            Via::Hook => hook::parse(&reader, raw, self.can_read()),
            Via::Poll | Via::Read => document::parse(&reader, raw.body),
        }
    }

    /// Reads entities back.
    pub async fn fetch(&self, wanted: &[Fetch]) -> Result<Vec<u8>, ApiError> {
        read::fetch(self.client()?, wanted, self.account.site.as_deref()).await
    }

    /// Changes a customer.
    pub async fn write_back(&self, change: &CrmChange) -> Result<(), ApiError> {
        write::customer(self.client()?, change, self.account.site.as_deref()).await
    }

    /// Writes a note about a customer.
    pub async fn note(&self, customer: &CrmCustomer, text: &str) -> Result<(), ApiError> {
        write::note(self.client()?, customer, text, self.account.site.as_deref()).await
    }

    /// Asks both histories for what came after the cursors.
    pub async fn poll(&self, cursors: &BTreeMap<String, String>) -> Result<PollPage, ApiError> {
        let poller = poll::Poller {
            client: self.client()?,
            connection: &self.account.connection,
            start: self.history,
            carts: self.carts,
            site: self.account.site.as_deref(),
        };
        poller.poll(cursors).await
    }

    /// Reads the directory of statuses.
    pub async fn references(&self) -> Result<References, ApiError> {
        let mut refs = References::default();
        for status in self.client()?.statuses().await? {
            let Some(code) = status.code else { continue };
            if let Some(group) = status.group {
                refs.statuses.insert(code, group);
            } else {
                // A group: it names its statuses, and a status that names its group itself is right.
                for member in status.statuses.unwrap_or_default() {
                    refs.statuses.entry(member).or_insert_with(|| code.clone());
                }
            }
        }
        Ok(refs)
    }

    /// Checks the key and what it may do.
    pub async fn check(&self, writes: bool) -> Result<Vec<Verdict>, ApiError> {
        let credentials = self.client()?.credentials().await?;
        let mut verdicts = vec![verdict("key", true, "the CRM knows it".into(), None)];
        let scopes = credentials.scopes.unwrap_or_default();
        let wanted: Vec<&str> = SCOPES.into_iter().chain(writes.then_some(WRITE_SCOPE)).collect();
        let missing: Vec<_> = wanted.iter().copied().filter(|scope| !scopes.iter().any(|has| has == scope)).collect();
        verdicts.push(if missing.is_empty() {
            verdict("permissions", true, wanted.join(", "), None)
        } else {
            let help = "give the key these permissions in the CRM: Settings, Integration, API access keys";
            verdict("permissions", false, format!("missing: {}", missing.join(", ")), Some(help.into()))
        });
        let sites = credentials.sites_available.unwrap_or_default();
        if let Some(site) = self.account.site.as_ref().filter(|site| !sites.is_empty() && !sites.contains(site)) {
            let help = format!("the key sees these sites: {}", sites.join(", "));
            verdicts.push(verdict("site", false, format!("the key does not see `{site}`"), Some(help)));
        }
        Ok(verdicts)
    }
}

fn verdict(name: &str, ok: bool, note: String, help: Option<String>) -> Verdict {
    Verdict { name: name.to_owned(), ok, note, help }
}

fn checked_base(id: &str, url: &str) -> Result<String, String> {
    let fault = |why: &str| format!("connections.{id}.url: `{url}` {why}, for example `https://demo.retailcrm.ru`");
    let parsed = reqwest::Url::parse(url).map_err(|_| fault("is no address"))?;
    if !matches!(parsed.scheme(), "https" | "http") || parsed.host_str().is_none() {
        return Err(fault("is no web address"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
        return Err(fault("must carry neither a key nor a password"));
    }
    // People copy the address with the API's path; requests add it themselves.
    let base = url.trim_end_matches('/');
    Ok(base.strip_suffix("/api/v5").or_else(|| base.strip_suffix("/api")).unwrap_or(base).to_owned())
}
