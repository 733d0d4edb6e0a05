//! What a customer agreed to: two places say it, they may contradict each other, and a refusal wins.
//!
//! Invariant: an agreement is dated when the source says it was given (at the latest when the customer was created), never
//! when it was read; or reading an unchanged customer would undo a refusal that was made here since.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::dates;
use super::model::Customer;
use crate::journey::time::Timestamp;

/// The channel of letters.
pub(super) const CHANNEL: &str = "email";
/// The topic that stands for all marketing; other topics are purposes of their own.
const GENERAL_TOPIC: &str = "default_marketing";
const MARKETING: &str = "marketing";

/// What was said of one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Agreed or refused.
    pub granted: bool,
    /// When, as far as the source tells.
    pub at: Option<Timestamp>,
}

/// Reads both places.
pub(super) fn read(customer: &Customer, zone: Tz) -> BTreeMap<String, Said> {
    let date = |text: Option<&str>| text.and_then(|text| dates::read("changedAt", text, zone).ok());
    let mut consents = BTreeMap::new();
    for entry in customer.subscriptions.iter().flatten() {
        let Some(topic) = &entry.subscription else { continue };
        let (Some(CHANNEL), Some(subscribed)) = (topic.channel.as_deref(), entry.subscribed) else { continue };
        // A topic that was switched off permits nothing, but what was refused stays refused.
        if subscribed && topic.active == Some(false) {
            continue;
        }
        let purpose = match topic.code.as_deref() {
            None | Some(GENERAL_TOPIC) => MARKETING,
            Some(code) => code,
        };
        let said = Said { granted: subscribed, at: date(entry.changed_at.as_deref()) };
        consents.entry(purpose.to_owned()).and_modify(|known| stricter(known, said)).or_insert(said);
    }
    // The older field refuses all marketing; that it is missing says nothing.
    if let Some(at) = &customer.email_marketing_unsubscribed_at {
        let refusal = Said { granted: false, at: date(Some(at)) };
        consents.entry(MARKETING.to_owned()).or_insert(refusal);
        for known in consents.values_mut() {
            stricter(known, refusal);
        }
    }
    consents
}

/// The code of the topic that stands for a purpose.
pub(super) fn topic_of(purpose: &str) -> &str {
    if purpose == MARKETING { GENERAL_TOPIC } else { purpose }
}

/// Of two sayings the refusal holds, as of the later of their dates: both stand in the source at this moment.
fn stricter(known: &mut Said, other: Said) {
    known.granted &= other.granted;
    known.at = known.at.max(other.at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(customer: &Value, expect: &[(&str, bool)]) {
        let customer: Customer = serde_json::from_value(customer.clone()).expect("is read");
        let expect: Vec<_> = expect.iter().map(|(purpose, granted)| ((*purpose).to_owned(), *granted)).collect();
        let found: Vec<_> =
            read(&customer, Tz::UTC).into_iter().map(|(purpose, said)| (purpose, said.granted)).collect();
        assert_eq!(found, expect, "{customer:?}");
    }

    fn topic(code: &str, channel: &str, subscribed: bool) -> Value {
        json!({"subscription": {"channel": channel, "code": code, "active": true}, "subscribed": subscribed})
    }

    #[test]
    fn a_refusal_wins() {
        let general = |subscribed| topic("default_marketing", "email", subscribed);
        check(&json!({}), &[]);
        check(&json!({"customerSubscriptions": []}), &[]);
        check(&json!({"customerSubscriptions": [general(true)]}), &[("marketing", true)]);
        check(&json!({"customerSubscriptions": [topic("default_marketing", "waba", false)]}), &[]);
        check(&json!({"customerSubscriptions": [general(true), general(false)]}), &[("marketing", false)]);
        let both = json!({
            "emailMarketingUnsubscribedAt": "2020-10-30 14:22:12",
            "customerSubscriptions": [general(true), topic("news", "email", true)]
        });
        check(&both, &[("marketing", false), ("news", false)]);
        check(&json!({"emailMarketingUnsubscribedAt": ""}), &[]);
        check(&json!({"emailMarketingUnsubscribedAt": "0000-00-00 00:00:00"}), &[("marketing", false)]);
    }

    #[test]
    fn a_contradiction_is_a_refusal_as_of_the_later_date() {
        let customer = serde_json::from_value(json!({
            "emailMarketingUnsubscribedAt": "2020-10-30 14:22:12",
            "customerSubscriptions": [{"subscription": {"channel": "email", "code": "default_marketing"}, "subscribed": true, "changedAt": "2021-01-01 00:00:00"}]
        }));
        let said = read(&customer.expect("is read"), Tz::UTC)["marketing"];
        assert_eq!(said, Said { granted: false, at: Timestamp::parse_rfc3339("2021-01-01T00:00:00Z") });
    }

    #[test]
    fn a_topic_switched_off_permits_nothing() {
        let off = json!({"subscription": {"channel": "email", "code": "default_marketing", "active": false}, "subscribed": true});
        check(&json!({"customerSubscriptions": [off]}), &[]);
    }
}
