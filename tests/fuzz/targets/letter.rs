//! Letters made of hostile data: whatever a customer or a template says, the head holds our fields and nothing else.
//!
//! Input: address, subject, first name, text, HTML, with zero bytes between.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use milepost::journey::customer::{Attribute, Customer};
use milepost::mail::{Address, Composer, Job, LetterSource, LinkSigner};
use milepost::rulebook::Rendered;
use milepost::settings::{MailSettings, ShopSettings};
use milepost_fuzz::now;
use serde_json::{Map, Value, json};

static COMPOSER: LazyLock<Composer> = LazyLock::new(|| {
    let mail = MailSettings { from: "Кошкин дом <hello@shop.example>".into(), ..MailSettings::default() };
    let signer = LinkSigner::new(b"a secret of some length, for links");
    Composer::new(&mail, "https://mail.shop.example", &ShopSettings::default(), signer).expect("a composer")
});

struct Fixed(Rendered);

impl LetterSource for Fixed {
    fn reads(&self, _: &str, _: &str, _: &str, _: &str) -> bool {
        true
    }

    fn render(&self, _: &str, _: &str, _: &str, context: Map<String, Value>) -> Result<Rendered, String> {
        let mut rendered = self.0.clone();
        rendered.text.push_str(&context["customer"].to_string());
        Ok(rendered)
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|b| *b == 0).map(|part| String::from_utf8_lossy(part).into_owned());
    let mut part = || parts.next().unwrap_or_default();
    let (email, subject, name, text, html) = (part(), part(), part(), part(), part());
    LinkSigner::new(b"a secret").verify(&email);
    let mut customer = Customer::new("0190a1b2-0000-7000-8000-000000000001", now());
    for (attribute, value) in [("email", &email), ("first_name", &name)] {
        customer.attributes.insert(attribute.into(), Attribute { value: value.as_str().into(), at: now() });
    }
    let preheader = (!name.is_empty()).then_some(name);
    let html = (!html.is_empty()).then_some(html);
    let letters = Fixed(Rendered { locale: "en".into(), subject, preheader, text, html, enclosed: Vec::new() });
    let job = Job {
        message: "0190a1b2-0000-7000-8000-00000000000a",
        map: "shop",
        letter: "hello",
        locale: "en",
        purpose: "marketing",
        rule: "hello",
        sender: None,
        track: true,
        customer: &customer,
        inputs: &json!({}),
        at: now(),
    };
    let Ok(letter) = COMPOSER.compose_offline(&letters, &job) else { return };
    check(&letter.raw);
    let to = letter.to.to_string();
    assert_eq!(to.parse::<Address>().map(|again| again.to_string()).as_deref(), Ok(to.as_str()));
});

fn check(raw: &[u8]) {
    let text = std::str::from_utf8(raw).expect("ASCII");
    assert!(raw.iter().all(|b| (b' '..0x7F).contains(b) || matches!(b, b'\r' | b'\n' | b'\t')), "plain: {text:?}");
    let mut names = Vec::new();
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a bare line end in {line:?}");
        assert!(line.len() <= 998, "a line of {} octets", line.len());
    }
    for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        names.push(line.split_once(':').expect("a field").0);
    }
    names.sort_unstable();
    let expected = [
        "Content-Type",
        "Date",
        "Feedback-ID",
        "From",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ];
    let known = |name: &&str| expected.contains(name) || *name == "Content-Transfer-Encoding";
    assert!(names.iter().all(known), "{names:?}");
    assert!(expected.iter().all(|name| names.iter().filter(|n| *n == name).count() == 1), "{names:?}");
}
