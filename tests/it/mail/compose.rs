//! Letters as bytes.

use milepost::journey::customer::{Attribute, Customer};
use milepost::journey::time::Timestamp;
use milepost::mail::{ComposeError, Composer, Job, Letter, LetterSource, LinkSigner};
use milepost::rulebook::Rendered;
use milepost::settings::{MailSettings, ShopSettings};
use serde_json::{Map, Value, json};

use super::parse::{Part, is_fit_for_smtp, words};

/// Texts that are what they are, with what the letter asked for shown in them.
pub struct Fixed(pub Rendered);

impl LetterSource for Fixed {
    fn reads(&self, _map: &str, _letter: &str, _locale: &str, _root: &str) -> bool {
        true
    }

    fn render(&self, _: &str, letter: &str, _: &str, context: Map<String, Value>) -> Result<Rendered, String> {
        if letter == "broken" {
            return Err("line 3: `customer.nmae` is not known".into());
        }
        let mut rendered = self.0.clone();
        rendered.text = rendered.text.replace("{context}", &Value::Object(context).to_string());
        Ok(rendered)
    }
}

pub fn texts(subject: &str, text: &str, html: Option<&str>) -> Fixed {
    Fixed(Rendered {
        locale: "en".into(),
        subject: subject.into(),
        preheader: None,
        text: text.into(),
        html: html.map(str::to_owned),
        enclosed: Vec::new(),
        linked: Vec::new(),
    })
}

pub fn customer(email: Option<&str>) -> Customer {
    let at = moment();
    let mut customer = Customer::new("0190a1b2-0000-7000-8000-000000000001", at);
    if let Some(email) = email {
        customer.attributes.insert("email".into(), Attribute { value: email.into(), at });
    }
    customer
}

pub fn moment() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-22T10:20:30Z").unwrap()
}

pub fn composer() -> Composer {
    let mail = MailSettings { from: "Кошкин дом <hello@shop.example>".into(), ..MailSettings::default() };
    composer_with(&mail).unwrap()
}

fn composer_with(mail: &MailSettings) -> Result<Composer, ComposeError> {
    let shop = ShopSettings { name: "Cats' house".into(), ..ShopSettings::default() };
    Composer::new(mail, "https://mail.shop.example", &shop, LinkSigner::new(b"secret"))
}

pub fn compose(letters: &Fixed, customer: &Customer, inputs: &Value, purpose: &str) -> Result<Letter, ComposeError> {
    let job = Job {
        message: "m-1",
        map: "pet-shop",
        letter: "welcome",
        locale: "en-GB",
        purpose,
        rule: "welcome-chain",
        sender: None,
        track: true,
        customer,
        inputs,
        at: moment(),
    };
    composer().compose_offline(letters, &job)
}

fn ann() -> Customer {
    customer(Some("ann@cats.example"))
}

#[test]
fn a_marketing_letter() {
    let letter = compose(&texts("Welcome", "Hello.", Some("<p>Hello.</p>")), &ann(), &json!({}), "marketing").unwrap();
    is_fit_for_smtp(&letter.raw);
    let part = Part::read(&letter.raw);
    assert_eq!(words(part.get("From").unwrap()), "Кошкин дом <hello@shop.example>");
    assert_eq!(part.get("To"), Some("ann@cats.example"));
    assert_eq!(part.get("Subject"), Some("Welcome"));
    assert_eq!(part.get("Date"), Some("Sun, 22 Nov 2026 10:20:30 +0000"));
    assert_eq!(part.get("Message-ID"), Some("<m-1@shop.example>"));
    assert_eq!(part.get("MIME-Version"), Some("1.0"));
    assert_eq!(part.get("Feedback-ID"), Some("welcome-chain:pet-shop:marketing:shop.example"));
    assert_eq!(part.get("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!((part.get("Auto-Submitted"), part.get("Precedence")), (None, Some("bulk")));
    assert_eq!((letter.to.as_str(), letter.envelope_from.as_str()), ("ann@cats.example", "hello@shop.example"));
    assert_eq!(
        (letter.subject.as_str(), letter.message_id.as_str(), letter.locale.as_str()),
        ("Welcome", "<m-1@shop.example>", "en")
    );

    let url = part.get("List-Unsubscribe").unwrap();
    let token = url.strip_prefix("<https://mail.shop.example/u/").and_then(|rest| rest.strip_suffix('>')).unwrap();
    let said = LinkSigner::new(b"secret").verify(token).unwrap();
    assert_eq!((said.customer, said.purpose, said.message), (ann().id, "marketing".into(), "m-1".into()));

    let parts = part.parts();
    let kinds: Vec<_> = parts.iter().map(|part| part.get("Content-Type").unwrap().to_lowercase()).collect();
    assert_eq!(kinds, ["text/plain; charset=utf-8", "text/html; charset=utf-8"]);
    assert_eq!((parts[0].text(), parts[1].text()), ("Hello.".into(), "<p>Hello.</p>".into()));
}

#[test]
fn a_transactional_letter_answers_nothing_and_offers_no_way_out() {
    let letter = compose(&texts("Your order", "Thank you.", None), &ann(), &json!({}), "transactional").unwrap();
    let part = Part::read(&letter.raw);
    assert_eq!((part.get("Auto-Submitted"), part.get("Precedence")), (Some("auto-generated"), None));
    assert_eq!((part.get("List-Unsubscribe"), part.get("List-Unsubscribe-Post")), (None, None));
    assert_eq!(part.get("Content-Type").map(str::to_lowercase).as_deref(), Some("text/plain; charset=utf-8"));
    assert_eq!(part.text(), "Thank you.");
}

#[test]
fn the_same_job_makes_the_same_bytes() {
    let letters = texts("Привет", "Кошки.", Some("<p>Кошки.</p>"));
    let first = compose(&letters, &ann(), &json!({}), "marketing").unwrap();
    assert_eq!(first, compose(&letters, &ann(), &json!({}), "marketing").unwrap());
}

#[test]
fn russian_subjects_and_bodies() {
    let subject = "Анна, в корзине остались автоматическая кормушка «Мурка» и ещё 3 товара со скидкой до конца недели";
    let text = "Здравствуйте, Анна!\n\nВаша кормушка ждёт.\n".repeat(30);
    let letter =
        compose(&texts(subject, &text, Some(&format!("<p>{text}</p>"))), &ann(), &json!({}), "marketing").unwrap();
    is_fit_for_smtp(&letter.raw);
    let part = Part::read(&letter.raw);
    assert_eq!(words(part.get("Subject").unwrap()), subject);
    let head = String::from_utf8(letter.raw.clone()).unwrap();
    let subject_lines: Vec<_> = head
        .split("\r\n")
        .skip_while(|l| !l.starts_with("Subject:"))
        .take_while(|l| l.starts_with(['S', ' ']))
        .collect();
    assert!(subject_lines.len() > 2 && subject_lines.iter().all(|line| line.len() <= 78), "{subject_lines:?}");
    let parts = part.parts();
    assert_eq!(parts[0].text(), text.trim_end());
    assert_eq!(parts[0].get("Content-Transfer-Encoding"), Some("base64"));
}

#[test]
fn a_few_letters_beyond_ascii_are_quoted_printable_and_long_lines_are_folded() {
    let text = format!("Caf\u{e9}: {}\n.\n..\nFrom here on", "long ".repeat(400));
    let letter = compose(&texts("Hi", &text, Some(&"<b>x</b>".repeat(300))), &ann(), &json!({}), "marketing").unwrap();
    is_fit_for_smtp(&letter.raw);
    let parts = Part::read(&letter.raw).parts();
    assert_eq!(parts[0].get("Content-Transfer-Encoding"), Some("quoted-printable"));
    assert_eq!(parts[1].get("Content-Transfer-Encoding"), Some("quoted-printable"));
    assert_eq!(parts[0].text(), text);
    assert_eq!(parts[1].text(), "<b>x</b>".repeat(300));
}

#[test]
fn what_a_letter_may_read() {
    let letters = texts("Hi", "{context}", None);
    let context = |inputs: &Value| -> Value {
        let letter = compose(&letters, &ann(), inputs, "marketing").unwrap();
        serde_json::from_str(&Part::read(&letter.raw).text()).unwrap()
    };
    let plain = context(&json!({}));
    assert_eq!(plain["promo"], json!({"code": null}));
    assert_eq!(plain["shop"], json!({"name": "Cats' house", "url": "https://shop.example", "address": null}));
    assert_eq!((&plain["message_id"], &plain["locale"]), (&json!("m-1"), &json!("en-GB")));
    assert!(plain["unsubscribe_url"].as_str().unwrap().starts_with("https://mail.shop.example/u/"));
    let rich = context(&json!({"promo": {"code": "CAT-1"}, "unsubscribe_url": "https://evil.example", "shop": 1}));
    assert_eq!(rich["promo"]["code"], json!("CAT-1"));
    assert_eq!((&rich["shop"], &rich["unsubscribe_url"]), (&plain["shop"], &plain["unsubscribe_url"]));
    assert_eq!(context(&json!({"promo": "CAT-1"}))["promo"], json!({"code": null}));
    // What the run captured stands in the place of what is so now.
    let captured = json!({"cart": {"total": 5.0}, "customer": {"first_name": "Anna"}});
    let frozen = context(&captured);
    assert_eq!((&frozen["cart"], &frozen["customer"]), (&captured["cart"], &captured["customer"]));
    assert_eq!(frozen["orders"], plain["orders"]);
}

#[test]
fn addresses_of_customers() {
    let to = |email: Option<&str>| {
        compose(&texts("Hi", "x", None), &customer(email), &json!({}), "marketing").map(|letter| letter.to.to_string())
    };
    assert_eq!(to(Some(" Ann@Кошки.example ")).unwrap(), "Ann@xn--h1adap4c.example");
    assert!(matches!(to(None), Err(ComposeError::NoAddress)));
    assert!(matches!(to(Some("  ")), Err(ComposeError::NoAddress)));
    assert_eq!(to(Some("анна@cats.example")).unwrap(), "анна@cats.example");
    assert!(matches!(to(Some("ann")), Err(ComposeError::Address(_))));
    assert!(matches!(to(Some("a@b.example, c@d.example")), Err(ComposeError::Address(_))));
    assert!(matches!(to(Some("ann@cats.example>\r\nRCPT TO:<all@cats.example")), Err(ComposeError::Address(_))));
}

#[test]
fn letters_that_cannot_be_filled_and_ids_that_cannot_be_written() {
    let (ann, inputs) = (ann(), json!({}));
    let job = Job {
        message: "m-1",
        map: "pet-shop",
        letter: "broken",
        locale: "en",
        purpose: "marketing",
        rule: "r",
        sender: None,
        track: true,
        customer: &ann,
        inputs: &inputs,
        at: moment(),
    };
    let error = composer().compose_offline(&texts("", "", None), &job).unwrap_err();
    assert!(error.to_string().contains("customer.nmae"), "{error}");
    let job = Job { message: "m>\r\nBcc: x", letter: "welcome", ..job };
    assert!(matches!(composer().compose_offline(&texts("", "", None), &job), Err(ComposeError::MessageId(_))));
}

#[test]
fn senders() {
    let from = |from: &str, reply_to: Option<&str>| {
        composer_with(&MailSettings {
            from: from.into(),
            reply_to: reply_to.map(str::to_owned),
            ..MailSettings::default()
        })
        .map(|composer| composer.sending_domain().to_owned())
    };
    assert_eq!(from("hello@shop.example", None).unwrap(), "shop.example");
    assert_eq!(
        from("\"Cats, Inc.\" <hello@кошки.example>", Some("Ann <ann@shop.example>")).unwrap(),
        "xn--h1adap4c.example"
    );
    for (bad, setting) in [("", "mail.from"), ("hello", "mail.from"), ("a@b.example, c@d.example", "mail.from")] {
        let error = from(bad, None).unwrap_err();
        assert!(matches!(&error, ComposeError::Sender { setting: s, .. } if *s == setting), "{error}");
    }
    assert!(
        matches!(from("a@b.example", Some("nobody")), Err(ComposeError::Sender { setting, .. }) if setting == "mail.reply_to")
    );
    let shop = ShopSettings::default();
    let odd = Composer::new(&MailSettings::default(), "https://a b", &shop, LinkSigner::new(b"secret"));
    assert!(matches!(odd, Err(ComposeError::PublicUrl(_))));
}

#[test]
fn dates_out_of_range_are_no_panic() {
    let (ann, inputs) = (ann(), json!({}));
    for at in [Timestamp::MIN, Timestamp::from_micros(0), Timestamp::MAX] {
        let job = Job {
            message: "m-1",
            map: "m",
            letter: "welcome",
            locale: "en",
            purpose: "marketing",
            rule: "r",
            sender: None,
            track: true,
            customer: &ann,
            inputs: &inputs,
            at,
        };
        let letter = composer().compose_offline(&texts("Hi", "x", None), &job).unwrap();
        assert!(Part::read(&letter.raw).get("Date").is_some_and(|date| date.ends_with("+0000")));
    }
}
