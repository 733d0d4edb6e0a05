//! Signatures as somebody else sees them: dkimpy, an independent implementation, verifies what is signed here.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use milepost::mail::dkim::{Algorithm, generate};
use milepost::mail::{Composer, DkimKey, DkimKeys, Job, LinkSigner};
use milepost::settings::{DkimSettings, MailSettings, ShopSettings};
use secrecy::SecretString;
use serde_json::json;

use super::compose::{customer, moment, texts};

/// Where tests/run put dkimpy.
const DKIMPY: &str = "MILEPOST_TEST_DKIMPY";

/// Making one takes a while.
static RSA: LazyLock<SecretString> = LazyLock::new(|| generate(Algorithm::Rsa).expect("a key"));

fn both_keys() -> BTreeMap<String, DkimSettings> {
    let ed25519 = generate(Algorithm::Ed25519).expect("a key");
    [("rsa1", RSA.clone()), ("ed1", ed25519)]
        .into_iter()
        .map(|(name, key)| (name.to_owned(), DkimSettings { private_key: Some(key), ..DkimSettings::default() }))
        .collect()
}

fn letter(from: &str, keys: &BTreeMap<String, DkimSettings>, purpose: &str) -> Vec<u8> {
    let mail = MailSettings { from: from.into(), dkim: keys.clone(), ..MailSettings::default() };
    let composer =
        Composer::new(&mail, "https://mail.shop.example", &ShopSettings::default(), LinkSigner::new(b"secret"))
            .unwrap();
    let words = "Ваша корзина  ещё здесь.\t \n\n  Две строки,   пробелы в конце   \n\n\n";
    let page = format!("<p>{}</p>", "мяу ".repeat(400));
    let source = texts("Корзина ждёт вас уже второй день, и мы всё сохранили", words, Some(&page));
    let job = Job {
        message: "0190a1b2-0000-7000-9000-000000000001",
        map: "pets",
        letter: "cart",
        sender: None,
        track: true,
        locale: "ru",
        purpose,
        rule: "cart",
        customer: &customer(Some("anna@mail.example")),
        inputs: &json!({}),
        at: moment(),
    };
    composer.compose_offline(&source, &job).expect("composes").raw
}

/// Whether each signature holds, by dkimpy.
fn verified(letter: &[u8], keys: &[DkimKey]) -> Vec<bool> {
    let dkimpy = std::env::var(DKIMPY).unwrap_or_else(|_| panic!("{DKIMPY} is not set: run the tests by tests/run"));
    let records: BTreeMap<String, String> = keys.iter().map(|key| (key.record_name(), key.record())).collect();
    let mut verifier = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mail/verify_dkim.py"))
        .env("PYTHONPATH", dkimpy)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let question = json!({"letter": STANDARD.encode(letter), "records": records});
    verifier.stdin.take().expect("a pipe").write_all(question.to_string().as_bytes()).expect("asks");
    let answer = verifier.wait_with_output().expect("answers");
    assert!(answer.status.success());
    serde_json::from_slice(&answer.stdout).expect("JSON")
}

fn replaced(letter: &[u8], this: &str, by: &str) -> Vec<u8> {
    let text = String::from_utf8(letter.to_vec()).expect("7 bits");
    assert!(text.contains(this), "{this} in {text}");
    text.replacen(this, by, 1).into_bytes()
}

#[test]
fn an_independent_verifier_takes_both_signatures_and_none_of_what_was_changed() {
    let settings = both_keys();
    let keys = DkimKeys::new(&settings, "shop.example").unwrap();
    let whole = letter("Кошкин дом <hello@shop.example>", &settings, "marketing");
    assert_eq!(verified(&whole, keys.all()), [true, true], "{}", String::from_utf8_lossy(&whole));

    let text = String::from_utf8_lossy(&whole);
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    let first_line = body.lines().find(|line| line.len() > 60).expect("a long line").to_owned();
    for (what, changed) in [
        ("the body", replaced(&whole, &first_line, &first_line[1..])),
        ("the recipient", replaced(&whole, "To: anna@", "To: hanna@")),
        ("one more subject", replaced(&whole, "\r\nSubject:", "\r\nSubject: Win!\r\nSubject:")),
        ("no one-click", replaced(&whole, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "")),
        (
            "another way to unsubscribe",
            replaced(&whole, "List-Unsubscribe: <", "List-Unsubscribe: <https://evil.example>,<"),
        ),
        ("where answers go", replaced(&whole, "\r\nSubject:", "\r\nReply-To: evil@evil.example\r\nSubject:")),
        ("the campaign", replaced(&whole, "Feedback-ID: cart", "Feedback-ID: other")),
    ] {
        assert_eq!(verified(&changed, keys.all()), [false, false], "{what}");
    }

    // What relays may do on the way.
    let folded = replaced(&whole, "To: anna@", "To:   \r\n\tanna@");
    let traced = [b"Received: from a by b; Tue, 10 Mar 2026 09:00:00 +0000\r\n".as_slice(), &whole].concat();
    for passed in [folded, traced] {
        assert_eq!(verified(&passed, keys.all()), [true, true]);
    }
}

#[test]
fn a_domain_below_is_signed_for_by_the_one_above() {
    let settings = both_keys();
    let keys = DkimKeys::new(
        &settings
            .iter()
            .map(|(name, key)| (name.clone(), DkimSettings { domain: Some("shop.example".into()), ..key.clone() }))
            .collect(),
        "unused.example",
    )
    .unwrap();
    let settings: BTreeMap<_, _> = settings
        .into_iter()
        .map(|(name, key)| (name, DkimSettings { domain: Some("Shop.Example.".into()), ..key }))
        .collect();
    let whole = letter("news@letters.shop.example", &settings, "transactional");
    assert_eq!(verified(&whole, keys.all()), [true, true]);
    let other = letter("news@other.example", &settings, "transactional");
    assert!(!String::from_utf8_lossy(&other).contains("DKIM-Signature"), "not its domain");
}

#[test]
fn what_is_no_key_is_told() {
    let refused = |key: Option<&str>, selector: &str, domain: &str| {
        let settings = DkimSettings {
            domain: Some(domain.to_owned()),
            selector: Some(selector.to_owned()),
            private_key: key.map(SecretString::from),
        };
        DkimKey::new("mp1", &settings, "").unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [
            refused(None, "mp1", "shop.example"),
            refused(Some("secret"), "mp1", "shop.example"),
            refused(Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), "mp1", "shop.example"),
            refused(Some("x"), "mp 1", "shop.example"),
            refused(Some("x"), "mp1", "shop example"),
        ]
        .join("\n")
    );
}
