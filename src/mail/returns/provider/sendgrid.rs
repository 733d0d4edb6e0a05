//! SendGrid: the signed event webhook (docs.sendgrid.com, "Event Webhook Security", "Event Webhook Reference").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{Disbelieved, Heard, by_id, digest, is_fresh, of_report, report, text};
use crate::journey::time::Timestamp;
use crate::mail::returns::{Action, Reading, What};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const SIGNED_AT: &str = "x-twilio-email-event-webhook-timestamp";
/// What stands before the point in a key of the curve P-256 (RFC 5480 §2.1.1).
const BEFORE_POINT: usize = 26;
const POINT: usize = 65;

/// Whether a text is the verification key that SendGrid shows: a P-256 key as base64.
pub fn is_key(text: &str) -> bool {
    point(text).is_some()
}

fn point(text: &str) -> Option<Vec<u8>> {
    let der = STANDARD.decode(text.trim()).ok()?;
    let point = der.get(BEFORE_POINT..).filter(|point| point.len() == POINT && point.first() == Some(&4))?;
    Some(point.to_vec())
}

/// The signature covers the moment and the body.
pub(super) fn hear<'h>(
    body: &[u8],
    header: impl Fn(&str) -> Option<&'h str>,
    key: &str,
    now: Timestamp,
) -> Result<Heard, Disbelieved> {
    let signature = header(SIGNATURE).and_then(|given| STANDARD.decode(given).ok());
    let (Some(signature), Some(at), Some(point)) = (signature, header(SIGNED_AT), point(key)) else {
        return Err(Disbelieved("it has no signature of SendGrid's"));
    };
    let mut signed = at.as_bytes().to_vec();
    signed.extend_from_slice(body);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&signed, &signature)
        .map_err(|_| Disbelieved("the signature is wrong"))?;
    if !is_fresh(at, now) {
        return Err(Disbelieved("the signature is too old"));
    }
    Ok(Heard { bytes: body.to_vec(), once: digest(body) })
}

/// Reads one event; those that matter to statistics alone say nothing here.
pub(super) fn read(event: &Value) -> Option<Reading> {
    let (email, status) = (text(event, "/email"), text(event, "/status"));
    let (reason, response) = (text(event, "/reason"), text(event, "/response"));
    let said = if reason.is_empty() { response } else { reason };
    let told = |action, status, said| of_report(report(email, action, status, said, "sendgrid"));
    let what = match text(event, "/event") {
        // SendGrid did not even try, because of what it remembers of the address.
        "dropped" if said.contains("Spam Reporting") => {
            What::Complaint { feedback: "abuse".into(), recipient: Some(email.to_lowercase()) }
        }
        "dropped" if said.contains("Unsubscribed") => What::Unsubscribe,
        "dropped" if said.contains("Bounced") || said.contains("Invalid") => told(Action::Failed, "5.1.1", said),
        "bounce" | "dropped" => told(Action::Failed, status, said),
        "deferred" => told(Action::Delayed, status, said),
        "delivered" => told(Action::Delivered, status, said),
        "spamreport" => What::Complaint { feedback: "abuse".into(), recipient: Some(email.to_lowercase()) },
        "unsubscribe" | "group_unsubscribe" => What::Unsubscribe,
        _ => return None,
    };
    Some(by_id(what, text(event, "/smtp-id")))
}
