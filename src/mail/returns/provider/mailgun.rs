//! Mailgun (documentation.mailgun.com, "Securing Webhooks", "Event Structure").

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{Disbelieved, Heard, by_id, is_fresh, of_report, report, text};
use crate::journey::time::Timestamp;
use crate::mail::returns::{Action, Reading, What};

/// The signature covers the moment and a token, not what is said: so a token is good for one message.
pub(super) fn hear(body: &[u8], key: &str, now: Timestamp) -> Result<Heard, Disbelieved> {
    let said: Value = serde_json::from_slice(body).map_err(|_| Disbelieved("it is not JSON"))?;
    let of = |name: &str| text(&said, &format!("/signature/{name}")).to_owned();
    let (at, token, signature) = (of("timestamp"), of("token"), of("signature"));
    let signature = hex::decode(&signature).map_err(|_| Disbelieved("it has no signature of Mailgun's"))?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| Disbelieved("the signing key can't be used"))?;
    mac.update(at.as_bytes());
    mac.update(token.as_bytes());
    mac.verify_slice(&signature).map_err(|_| Disbelieved("the signature is wrong"))?;
    if token.is_empty() || !is_fresh(&at, now) {
        return Err(Disbelieved("the signature is too old"));
    }
    Ok(Heard { bytes: body.to_vec(), once: token })
}

/// Reads the event.
pub(super) fn read(said: &Value) -> Option<Reading> {
    let event = said.get("event-data")?;
    let recipient = text(event, "/recipient");
    let code = event.pointer("/delivery-status/code").and_then(Value::as_i64).filter(|code| (400..600).contains(code));
    let words = [text(event, "/delivery-status/message"), text(event, "/delivery-status/description")];
    let words = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
    // The reply's own code is apart from its words.
    let said = match code {
        Some(code) if !words.starts_with(&code.to_string()) => format!("{code} {words}"),
        _ => words.to_owned(),
    };
    let given = text(event, "/delivery-status/enhanced-code");
    // Not tried, because of what Mailgun remembers of the address.
    let status = if text(event, "/reason") == "suppress-bounce" && given.is_empty() { "5.1.1" } else { given };
    let remote = text(event, "/delivery-status/mx-host");
    let told = |action| of_report(report(recipient, action, status, &said, remote));
    let complaint = || What::Complaint { feedback: "abuse".into(), recipient: Some(recipient.to_lowercase()) };
    let what = match (text(event, "/event"), text(event, "/severity"), text(event, "/reason")) {
        ("failed", _, "suppress-unsubscribe") | ("unsubscribed", ..) => What::Unsubscribe,
        ("failed", _, "suppress-complaint") | ("complained", ..) => complaint(),
        ("failed", "temporary", _) => told(Action::Delayed),
        ("failed", ..) => told(Action::Failed),
        ("delivered", ..) => told(Action::Delivered),
        _ => return None,
    };
    Some(by_id(what, text(event, "/message/headers/message-id")))
}
