//! Webhooks of providers: believed only when checked, kept before they are answered, applied like mail.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use milepost::journey::time::{MICROS_PER_SECOND, Span};
use milepost::mail::returns::provider::Certificate;
use milepost::settings::{ProviderKind, ProviderSettings, Settings};
use milepost::store::{MessageState, ReturnedState};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{WELCOME, arrives, came_back, returns, start};
use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book, header};

both! {
    ses_is_believed_by_its_certificate,
    sendgrid_is_believed_by_its_key,
    mailgun_is_believed_by_its_key_and_once_a_token,
    postmark_is_believed_by_its_address_and_its_password,
    nobody_else_is_heard,
}

const SECRET: &str = "a-secret-of-the-providers";
const MAILGUN_KEY: &str = "key-of-mailgun";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0f.pem";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers").join(name);
    fs::read(path).expect("a fixture")
}

/// A daemon with the four providers; SendGrid's key is this one's.
async fn daemon(place: &Place, sendgrid: &EcdsaKeyPair) -> Daemon {
    // What stands before the point in the form of keys that SendGrid shows.
    let mut key = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").expect("hex");
    key.extend_from_slice(sendgrid.public_key().as_ref());
    let key = STANDARD.encode(key);
    let daemon = Daemon::start_with(place.url(), book(&[WELCOME]), start(), |settings| {
        returns(settings);
        providers(settings, &key);
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    daemon
}

fn providers(settings: &mut Settings, sendgrid: &str) {
    let one = |kind, key: Option<&str>| ProviderSettings {
        kind,
        secret: Some(SECRET.into()),
        signing_key: key.map(Into::into),
        topics: if kind == ProviderKind::Ses { vec![TOPIC.into()] } else { Vec::new() },
        username: (kind == ProviderKind::Postmark).then(|| "milepost".into()),
        password: (kind == ProviderKind::Postmark).then(|| "of-postmark".into()),
    };
    settings.mail.providers = BTreeMap::from([
        ("ses".into(), one(ProviderKind::Ses, None)),
        ("sendgrid".into(), one(ProviderKind::Sendgrid, Some(sendgrid))),
        ("mailgun".into(), one(ProviderKind::Mailgun, Some(MAILGUN_KEY))),
        ("postmark".into(), one(ProviderKind::Postmark, None)),
    ]);
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).expect("a key")
}

/// A fixture about the letter that went out.
async fn about(daemon: &Daemon, name: &str) -> String {
    let row = &daemon.record().await[0];
    let id = row.message_id.clone().expect("a Message-ID");
    String::from_utf8(fixture(name))
        .expect("text")
        .replace("{address}", row.to.as_deref().expect("an address"))
        .replace("{path}", daemon.app.engine.mailing.load().composer.envelope_from(None, &row.id).as_str())
        .replace("{bare_id}", id.trim_matches(['<', '>']))
        .replace("{message_id}", &id)
        .replace("{letter}", &row.id)
}

async fn post(daemon: &Daemon, provider: &str, headers: &[(&str, String)], body: impl Into<Body>) -> StatusCode {
    let mut request = Request::post(format!("/hooks/mail/{provider}/{SECRET}"));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let status = daemon.ask(request.body(body.into()).expect("a request")).await.status;
    daemon.settle().await;
    status
}

async fn state(daemon: &Daemon) -> MessageState {
    daemon.record().await[0].state
}

/// A message of SNS around another, signed by the key of the tests.
fn sns(message: &str, id: &str) -> Value {
    let mut sns = json!({"Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": message,
        "Timestamp": "2026-03-10T09:00:06.123Z", "SignatureVersion": "2", "SigningCertURL": CERTIFICATE});
    sign(&mut sns);
    sns
}

fn sign(sns: &mut Value) {
    let line = |name: &str| [name, "\n", sns[name].as_str().expect("text"), "\n"].concat();
    let text = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"].map(line).concat();
    let key = RsaKeyPair::from_pkcs8(&fixture("sns-key.der")).expect("a key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("signs");
    sns["Signature"] = json!(STANDARD.encode(signature));
}

fn trust(daemon: &Daemon) {
    let certificate = Certificate::read(&fixture("sns.pem")).expect("a certificate");
    daemon.app.providers.remember(CERTIFICATE, certificate);
}

async fn ses_is_believed_by_its_certificate(place: &Place) {
    let daemon = daemon(place, &key()).await;
    trust(&daemon);
    let bounce = about(&daemon, "ses-bounce.json").await;
    let good = sns(&bounce, "1");
    let change = |name: &str, value: &str| {
        let mut bad = good.clone();
        bad[name] = json!(value);
        bad
    };
    for bad in [
        change("Message", &bounce.replace("5.1.1", "5.1.2")),
        change("Timestamp", "2026-03-10T09:00:07.123Z"),
        change("SigningCertURL", "https://evil.example/x.pem"),
        change("SigningCertURL", "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"),
        change("TopicArn", "arn:aws:sns:eu-west-1:999999999999:bounces"),
        change("Signature", "AAAA"),
        change("SignatureVersion", "3"),
        json!({"Type": "Notification"}),
    ] {
        assert_eq!(post(&daemon, "ses", &[], bad.to_string()).await, StatusCode::FORBIDDEN, "{bad}");
    }
    assert!(came_back(&daemon).await.is_empty(), "nothing is kept that is not believed");
    for _ in 0..2 {
        assert_eq!(post(&daemon, "ses", &[], good.to_string()).await, StatusCode::OK);
    }
    assert_eq!((state(&daemon).await, came_back(&daemon).await.len()), (MessageState::Bounced, 1));
    assert_eq!(daemon.record().await[0].reason.as_deref(), Some("mailbox_gone"));
    // The form of event publishing, by Message-ID; the letter has bounced already.
    let complaint = about(&daemon, "ses-event-complaint.json").await;
    assert_eq!(post(&daemon, "ses", &[], sns(&complaint, "2").to_string()).await, StatusCode::OK);
    assert!(daemon.customer("anna").await.returns.complained_at.is_some());
    // The older signature, over a subject too.
    assert_eq!(post(&daemon, "ses", &[], fixture("sns-version-1.json")).await, StatusCode::OK);
    let last = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((last.state, last.what.as_deref()), (ReturnedState::Unmatched, Some("delivered")));
    books::check(&daemon).await;
}

async fn sendgrid_is_believed_by_its_key(place: &Place) {
    let key = key();
    let daemon = daemon(place, &key).await;
    let body = about(&daemon, "sendgrid-events.json").await;
    let signed = |key: &EcdsaKeyPair, at: i64| {
        let text = format!("{at}{body}");
        let signature = key.sign(&SystemRandom::new(), text.as_bytes()).expect("signs");
        [
            ("x-twilio-email-event-webhook-signature", STANDARD.encode(signature.as_ref())),
            ("x-twilio-email-event-webhook-timestamp", at.to_string()),
        ]
    };
    let now = daemon.clock.now().micros() / MICROS_PER_SECOND;
    let old = daemon.clock.now().before(Span::days(3)).micros() / MICROS_PER_SECOND;
    assert_eq!(post(&daemon, "sendgrid", &[], body.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&daemon, "sendgrid", &signed(&self::key(), now), body.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&daemon, "sendgrid", &signed(&key, old), body.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&daemon, "sendgrid", &signed(&key, now), format!("{body} ")).await, StatusCode::FORBIDDEN);
    assert!(came_back(&daemon).await.is_empty());
    assert_eq!(post(&daemon, "sendgrid", &signed(&key, now), body.clone()).await, StatusCode::OK);
    assert_eq!((state(&daemon).await, daemon.customer("anna").await.returns.bounced), (MessageState::Bounced, 1));
    books::check(&daemon).await;
}

async fn mailgun_is_believed_by_its_key_and_once_a_token(place: &Place) {
    let daemon = daemon(place, &key()).await;
    let text = about(&daemon, "mailgun-failed.json").await;
    let at = daemon.clock.now().micros() / MICROS_PER_SECOND;
    let signed = |key: &str, token: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key");
        mac.update(format!("{at}{token}").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        text.replace("{timestamp}", &at.to_string()).replace("{token}", token).replace("{signature}", &signature)
    };
    assert_eq!(post(&daemon, "mailgun", &[], signed("another key", "t1")).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&daemon, "mailgun", &[], "no JSON").await, StatusCode::FORBIDDEN);
    let good = signed(MAILGUN_KEY, "t2");
    // Who has overheard a signature can't say other things with it.
    assert_eq!(post(&daemon, "mailgun", &[], good.clone()).await, StatusCode::OK);
    assert_eq!(post(&daemon, "mailgun", &[], good.replace("\"failed\"", "\"complained\"")).await, StatusCode::OK);
    assert_eq!(came_back(&daemon).await.len(), 1);
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.enhanced.as_deref()), (MessageState::Bounced, Some("5.1.1")));
    assert!(daemon.customer("anna").await.returns.complained_at.is_none());
    books::check(&daemon).await;
}

async fn postmark_is_believed_by_its_address_and_its_password(place: &Place) {
    let daemon = daemon(place, &key()).await;
    let letter = &daemon.mailbox.letters()[0];
    let row = daemon.record().await[0].id.clone();
    assert_eq!(header(&letter.bytes, "X-PM-Metadata-milepost-message"), row, "Postmark is told which letter it is");
    let basic = |word: &str| [("authorization", format!("Basic {}", STANDARD.encode(format!("milepost:{word}"))))];
    let refusal = about(&daemon, "postmark-unsubscribe.json").await;
    assert_eq!(post(&daemon, "postmark", &[], refusal.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&daemon, "postmark", &basic("guessed"), refusal.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&daemon, "postmark", &basic("of-postmark"), refusal).await, StatusCode::OK);
    assert!(!daemon.customer("anna").await.consents["marketing"].granted);
    let bounce = about(&daemon, "postmark-bounce.json").await;
    assert_eq!(post(&daemon, "postmark", &basic("of-postmark"), bounce).await, StatusCode::OK);
    assert_eq!(state(&daemon).await, MessageState::Bounced);
    books::check(&daemon).await;
}

async fn nobody_else_is_heard(place: &Place) {
    let daemon = daemon(place, &key()).await;
    for path in [
        format!("/hooks/mail/postmark/{SECRET}x"),
        "/hooks/mail/postmark/x".to_owned(),
        format!("/hooks/mail/nobody/{SECRET}"),
    ] {
        let answer = daemon.ask(Request::post(path.as_str()).body(Body::from("{}")).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let get = Request::get(format!("/hooks/mail/postmark/{SECRET}")).body(Body::empty()).expect("a request");
    assert_eq!(daemon.ask(get).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(came_back(&daemon).await.is_empty());
}
