//! Amazon SES, by SNS over HTTPS (docs.aws.amazon.com, "Verifying the signatures of Amazon SNS messages", "Amazon SES event
//! publishing: contents of notifications").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::Value;

use super::{Disbelieved, Heard, report, text};
use crate::mail::returns::address::ReturnAddresses;
use crate::mail::returns::{Action, Reading, Report, What};

/// `rsaEncryption` with its absent parameters, and the head of the string of bits that holds the key (RFC 3279 §2.3.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A message of SNS.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Sns {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    subject: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    token: Option<String>,
}

/// What a checked message of SNS is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A notification of SES.
    Heard(Heard),
    /// The topic asks whether it is listened to: this address is to be got.
    Confirm(String),
    /// The topic says that it is listened to no more.
    Farewell,
}

/// A certificate that Amazon signs with: the RSA key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

impl Certificate {
    /// Reads a certificate in PEM.
    pub fn read(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
        let key = certificate.subject_public_key_info();
        let at = key.as_ref().windows(RSA.len()).position(|window| window == RSA)? + RSA.len();
        bit_string(key.as_ref().get(at..)?).map(|key| Self(key.to_vec()))
    }
}

/// The content of a string of bits, of a length that is written with at most two bytes.
fn bit_string(der: &[u8]) -> Option<&[u8]> {
    let rest = der.strip_prefix(&[0x03])?;
    let rest = match *rest.first()? {
        0x81 => rest.get(2..)?,
        0x82 => rest.get(3..)?,
        short if short < 0x80 => rest.get(1..)?,
        _ => return None,
    };
    rest.strip_prefix(&[0x00])
}

impl Sns {
    pub(super) fn read(body: &[u8]) -> Result<Self, Disbelieved> {
        serde_json::from_slice(body).map_err(|_| Disbelieved("it is no message of SNS"))
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic_arn
    }

    /// Where the certificate is that it is signed with; `None` if that is not Amazon's to say.
    pub fn certificate_url(&self) -> Option<&str> {
        let url = self.signing_cert_url.as_str();
        is_amazon(url).then_some(url)
    }

    /// Checks the signature, and tells what the message is.
    pub fn check(self, certificate: &Certificate) -> Result<Notice, Disbelieved> {
        let algorithm: &RsaParameters = match self.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Disbelieved("its signature is of an unknown version")),
        };
        let signature = STANDARD.decode(&self.signature).map_err(|_| Disbelieved("its signature can't be read"))?;
        UnparsedPublicKey::new(algorithm, &certificate.0)
            .verify(self.signed().as_bytes(), &signature)
            .map_err(|_| Disbelieved("the signature is wrong"))?;
        match self.kind.as_str() {
            "Notification" => Ok(Notice::Heard(Heard { bytes: self.message.into_bytes(), once: self.message_id })),
            "SubscriptionConfirmation" => {
                let url = self.subscribe_url.filter(|url| is_amazon(url));
                url.map(Notice::Confirm).ok_or(Disbelieved("it is to be confirmed at an address that is not Amazon's"))
            }
            "UnsubscribeConfirmation" => Ok(Notice::Farewell),
            _ => Err(Disbelieved("it is of an unknown type")),
        }
    }

    /// The text that is signed: names and values, a line each, in the order of the names.
    fn signed(&self) -> String {
        let mut fields: Vec<(&str, &str)> = vec![("Message", &self.message), ("MessageId", &self.message_id)];
        if self.kind == "Notification" {
            fields.extend(self.subject.as_deref().map(|subject| ("Subject", subject)));
        } else {
            fields.extend(self.subscribe_url.as_deref().map(|url| ("SubscribeURL", url)));
        }
        fields.push(("Timestamp", &self.timestamp));
        if self.kind != "Notification" {
            fields.extend(self.token.as_deref().map(|token| ("Token", token)));
        }
        fields.extend([("TopicArn", self.topic_arn.as_str()), ("Type", self.kind.as_str())]);
        fields.iter().fold(String::new(), |text, (name, value)| text + name + "\n" + value + "\n")
    }
}

/// Whether an address is one of SNS itself: `https://sns.REGION.amazonaws.com/…`.
pub fn is_amazon(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://sns.") else { return false };
    let Some((host, _)) = rest.split_once('/') else { return false };
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"));
    region.is_some_and(|region| {
        region.len() >= 3 && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }) && url.bytes().all(|b| b.is_ascii_graphic())
}

/// Reads a notification of SES, in either of its two forms.
pub(super) fn read(said: &Value, ours: &ReturnAddresses) -> Vec<Reading> {
    let event = text(said, "/eventType");
    let kind = if event.is_empty() { text(said, "/notificationType") } else { event };
    let what = match kind {
        "Bounce" => bounce(said),
        "Complaint" => Some(complaint(said)),
        "Delivery" => recipients(said, "/delivery/recipients", Action::Delivered, "2.0.0").map(What::Delivered),
        "DeliveryDelay" => {
            Some(What::Delayed(of_each(said, "/deliveryDelay/delayedRecipients", Action::Delayed, "4.0.0")))
        }
        _ => None,
    };
    let Some(what) = what else { return Vec::new() };
    // SES gives letters Message-IDs of its own, but keeps the envelope's sender and the head as it was given.
    let to = ours.read(text(said, "/mail/source"));
    let head = said.pointer("/mail/headers").and_then(Value::as_array).into_iter().flatten();
    let given = head.filter(|field| text(field, "/name").eq_ignore_ascii_case("message-id"));
    let ids = given.map(|field| text(field, "/value")).chain([text(said, "/mail/commonHeaders/messageId")]);
    let quoted = ids.map(|id| id.trim_matches(['<', '>']).to_owned()).filter(|id| id.contains('@')).collect();
    vec![Reading { what, to, quoted }]
}

fn bounce(said: &Value) -> Option<What> {
    let fallback = match (text(said, "/bounce/bounceType"), text(said, "/bounce/bounceSubType")) {
        // SES remembers that the address bounced before, or that we told it to.
        (_, "NoEmail" | "Suppressed" | "OnAccountSuppressionList") => "5.1.1",
        (_, "MailboxFull") => "5.2.2",
        (_, "MessageTooLarge") => "5.3.4",
        (_, "ContentRejected" | "AttachmentRejected") => "5.7.1",
        ("Permanent", _) => "5.0.0",
        _ => "4.0.0",
    };
    let reports = of_each(said, "/bounce/bouncedRecipients", Action::Failed, fallback);
    (!reports.is_empty()).then_some(What::Bounce(reports))
}

fn complaint(said: &Value) -> What {
    let recipient = text(said, "/complaint/complainedRecipients/0/emailAddress").to_lowercase();
    let feedback = match text(said, "/complaint/complaintFeedbackType") {
        "not-spam" => return What::Unknown("a report that a letter is not spam"),
        "auth-failure" => return What::Unknown("a report that a letter's authentication failed"),
        "" => "abuse",
        feedback => feedback,
    };
    What::Complaint { feedback: feedback.to_owned(), recipient: (!recipient.is_empty()).then_some(recipient) }
}

fn of_each(said: &Value, path: &str, action: Action, fallback: &str) -> Vec<Report> {
    let each = said.pointer(path).and_then(Value::as_array).into_iter().flatten();
    each.map(|one| {
        let status = text(one, "/status");
        let status = if status.is_empty() { fallback } else { status };
        let remote = text(said, "/bounce/reportingMTA");
        report(text(one, "/emailAddress"), action, status, text(one, "/diagnosticCode"), remote)
    })
    .collect()
}

fn recipients(said: &Value, path: &str, action: Action, status: &str) -> Option<Vec<Report>> {
    let each = said.pointer(path).and_then(Value::as_array)?.iter().filter_map(Value::as_str);
    Some(each.map(|one| report(one, action, status, text(said, "/delivery/smtpResponse"), "")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_sns_are_amazon_s() {
        assert!(is_amazon("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0f.pem"));
        assert!(is_amazon("https://sns.cn-north-1.amazonaws.com.cn/x.pem"));
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/x.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem",
            "https://sns.evil@eu-west-1.amazonaws.com/x.pem",
            "https://sns.a.b.amazonaws.com/x.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
            "https://sns..amazonaws.com/x.pem",
            "https://sns.eu-west-1.amazonaws.com",
            "https://sns.eu-west-1.amazonaws.com/x\n.pem",
        ] {
            assert!(!is_amazon(bad), "{bad}");
        }
    }
}
