//! What CRMs and shops say, turned into events; and what we ask them for.
//!
//! One folder a source; [`Connection`] is the only thing the rest of the house sees. Reading a body is pure
//! ([`Connection::parse`]): the same bytes, references and settings always give the same events, so that a stored body
//! can be replayed. Everything that must be known from elsewhere is fetched before and stored as a body of its own.
//!
//! Invariants: any bytes give events or a [`ParseError`], never a panic; the same happening has the same event id
//! whichever way it came; every event names its customer by at least one key.
//!
//! Not here: keeping bodies and cursors (`store`), deciding when to poll or read (`engine`), HTTP routes (`web`).

mod answer;
mod error;
pub mod retailcrm;

pub use answer::{By, Fetch, Parsed, PollPage, Raw, References, Verdict, Via};
pub use error::{ApiError, ParseError};

use std::collections::BTreeMap;

use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::journey::errand::{CrmChange, CrmCustomer};
use crate::settings::ConnectionSettings;
use crate::settings::connections::ConnectionKind;
use retailcrm::RetailCrm;

/// One configured CRM or shop.
#[derive(Clone, Debug)]
pub enum Connection {
    /// RetailCRM / Simla.com, API v5.
    RetailCrm(RetailCrm),
}

impl Connection {
    /// Builds a connection from its settings; the error is a sentence for the settings' author.
    pub fn build(
        id: &str,
        settings: &ConnectionSettings,
        shop_zone: Tz,
        shop_currency: &str,
        http: reqwest::Client,
    ) -> Result<Self, String> {
        match settings.kind {
            ConnectionKind::Retailcrm => {
                RetailCrm::build(id, settings, shop_zone, shop_currency, http).map(Self::RetailCrm)
            }
        }
    }

    /// The same connection with another limit of requests a second (a simulated shop has no limit worth waiting for).
    #[must_use]
    pub fn with_requests_per_second(self, limit: std::num::NonZeroU32) -> Self {
        match self {
            Self::RetailCrm(crm) => Self::RetailCrm(crm.with_requests_per_second(limit)),
        }
    }

    /// Reads one accepted body.
    pub fn parse(&self, raw: &Raw<'_>, refs: &References) -> Result<Parsed, ParseError> {
        match self {
            Self::RetailCrm(crm) => crm.parse(raw, refs),
        }
    }

    /// Whether `given` is this connection's hook secret. Takes the same time whatever is wrong with it.
    pub fn verify_secret(&self, given: &str) -> bool {
        match self {
            Self::RetailCrm(crm) => same_secret(crm.hook_secret(), given),
        }
    }

    /// Whether the source's API can be asked at all.
    pub fn can_read(&self) -> bool {
        match self {
            Self::RetailCrm(crm) => crm.can_read(),
        }
    }

    /// The purposes of which the source is told what its customers agree to and refuse elsewhere: none where its API can't be
    /// asked.
    pub fn told_of(&self) -> impl Iterator<Item = &str> {
        let Self::RetailCrm(crm) = self;
        crm.write_consents().iter().map(String::as_str).filter(|_| crm.can_read())
    }

    /// Reads entities back from the source: a body for [`Via::Read`].
    pub async fn fetch(&self, wanted: &[Fetch]) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::RetailCrm(crm) => crm.fetch(wanted).await,
        }
    }

    /// Asks for what happened after the cursors: bodies for [`Via::Poll`] and the cursors that cover them.
    pub async fn poll(&self, cursors: &BTreeMap<String, String>) -> Result<PollPage, ApiError> {
        match self {
            Self::RetailCrm(crm) => crm.poll(cursors).await,
        }
    }

    /// Changes a customer in the source.
    pub async fn write_back(&self, change: &CrmChange) -> Result<(), ApiError> {
        match self {
            Self::RetailCrm(crm) => crm.write_back(change).await,
        }
    }

    /// Writes a note about a customer in the source.
    pub async fn note(&self, customer: &CrmCustomer, text: &str) -> Result<(), ApiError> {
        match self {
            Self::RetailCrm(crm) => crm.note(customer, text).await,
        }
    }

    /// Reads the source's directories that parsing needs.
    pub async fn references(&self) -> Result<References, ApiError> {
        match self {
            Self::RetailCrm(crm) => crm.references().await,
        }
    }

    /// Checks address, key and permissions, for `doctor`; with `writes` also whether customers may be changed.
    pub async fn check(&self, writes: bool) -> Result<Vec<Verdict>, ApiError> {
        match self {
            Self::RetailCrm(crm) => crm.check(writes).await,
        }
    }
}

/// Compares digests, so that neither length nor common beginning shows in the time taken.
fn same_secret(kept: Option<&SecretString>, given: &str) -> bool {
    let expected = Sha256::digest(kept.map_or("", |secret| secret.expose_secret()).as_bytes());
    let equal: bool = Sha256::digest(given.as_bytes()).ct_eq(&expected).into();
    equal && kept.is_some_and(|secret| !secret.expose_secret().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_opens() {
        let secret = SecretString::from("0123456789abcdef");
        assert!(same_secret(Some(&secret), "0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!same_secret(Some(&secret), wrong), "{wrong}");
        }
        assert!(!same_secret(None, ""));
        assert!(!same_secret(Some(&SecretString::from("")), ""));
    }
}
