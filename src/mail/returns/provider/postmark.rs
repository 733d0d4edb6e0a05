//! Postmark (postmarkapp.com, "Bounce webhook", "Spam complaint webhook", "Subscription change webhook"). It signs nothing:
//! the secret in the address, and basic authentication where it is set up, vouch for it.

use serde_json::Value;

use super::{by_letter, of_report, report, text};
use crate::mail::returns::{Action, Reading, What};

/// The metadata's key, as [`super::POSTMARK_HEADER`] makes it.
const LETTER: &str = "/Metadata/milepost-message";

/// Reads one record.
pub(super) fn read(said: &Value) -> Option<Reading> {
    let email = text(said, "/Email");
    let details = text(said, "/Details");
    let words = if details.is_empty() { text(said, "/Description") } else { details };
    let told = |action, status: &str| of_report(report(email, action, status, words, "postmark"));
    let complaint =
        |address: &str| What::Complaint { feedback: "abuse".into(), recipient: Some(address.to_lowercase()) };
    let what = match (text(said, "/RecordType"), text(said, "/Type")) {
        ("SpamComplaint", _) | ("Bounce", "SpamComplaint") => complaint(email),
        ("Bounce", "HardBounce" | "BadEmailAddress") => told(Action::Failed, "5.1.1"),
        ("Bounce", "Unsubscribe") => What::Unsubscribe,
        ("Bounce", "AutoResponder" | "ChallengeVerification") => What::AutoReply,
        ("Bounce", "Transient" | "DnsError") => told(Action::Delayed, "4.0.0"),
        ("Bounce", "Blocked" | "SpamNotification" | "DMARCPolicy") => told(Action::Failed, "5.7.1"),
        ("Bounce", _) => told(Action::Failed, "5.0.0"),
        ("Delivery", _) => {
            let to = text(said, "/Recipient");
            of_report(report(to, Action::Delivered, "2.0.0", text(said, "/Details"), "postmark"))
        }
        ("SubscriptionChange", _) if said.get("SuppressSending") == Some(&Value::Bool(true)) => {
            match text(said, "/SuppressionReason") {
                "SpamComplaint" => complaint(text(said, "/Recipient")),
                "ManualSuppression" => What::Unsubscribe,
                // A hard bounce is told by a record of its own.
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(by_letter(what, text(said, LETTER)))
}
