//! Letters as customers get them.

use std::path::Path;

use milepost::journey::book::Shop;
use milepost::rulebook::{Letters, load};
use serde_json::{Map, Value, json};

use super::with;

fn shipped() -> Letters {
    let loaded = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), Shop::default());
    loaded.book.expect("the shipped rules load").letters
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

fn context() -> Map<String, Value> {
    object(json!({
        "customer": {"first_name": "Anna <b>", "email": "anna@mail.example"},
        "cart": {
            "items": [
                {"name": "Feeder \"Noon\"", "quantity": 1.0, "price": 89.9, "currency": "EUR"},
                {"name": "Bowl & mat", "quantity": 2.0, "link": "https://shop.example/bowl?a=1&b=2"},
            ],
            "total": 1234.9, "currency": "EUR",
        },
        "event": null,
        "promo": {"code": "SPRING-AAAA-2222"},
        "shop": {"name": "Noon & Co", "url": "https://shop.example", "address": null},
        "unsubscribe_url": "https://mile.example/u/token",
    }))
}

#[test]
fn every_shipped_letter_comes_out_in_both_languages_even_when_nothing_is_known() {
    let letters = shipped();
    let empty = object(json!({"shop": {"name": "Noon", "url": "https://shop.example"}, "promo": {"code": "X"},
        "unsubscribe_url": "https://mile.example/u/t"}));
    for letter in [
        "welcome",
        "welcome-choose",
        "welcome-calm",
        "cart-reminder",
        "cart-promo",
        "cart-last-call",
        "spring-promo",
        "feeder-care",
        "review-request",
    ] {
        for (locale, language) in [("en-GB", "en"), ("ru-RU", "ru")] {
            for context in [empty.clone(), context()] {
                let out = letters.render("pet-shop", letter, locale, context).expect(letter);
                assert_eq!(out.locale, language);
                assert!(!out.subject.is_empty() && out.preheader.is_some());
                let html = out.html.expect("an HTML part");
                assert!(out.text.contains("https://mile.example/u/t") && html.contains("https://mile.example/u/t"));
                assert!(!out.text.contains("{{") && !html.contains("{%"), "{letter} {locale}");
            }
        }
    }
}

#[test]
fn the_cart_letter_reads_well() {
    let letters = shipped();
    let english = letters.render("pet-shop", "cart-promo", "en", context()).expect("a letter");
    insta::assert_snapshot!("cart_promo_text", english.text);
    insta::assert_snapshot!("cart_promo_html", english.html.expect("an HTML part"));
    let russian = letters.render("pet-shop", "cart-reminder", "ru", context()).expect("a letter");
    insta::assert_snapshot!("cart_reminder_ru_text", russian.text);
}

#[test]
fn data_is_escaped_in_html_and_left_alone_in_text() {
    let out = shipped().render("pet-shop", "cart-reminder", "en", context()).expect("a letter");
    assert!(out.text.contains("Anna <b>") && out.text.contains("Bowl & mat"));
    let html = out.html.expect("an HTML part");
    assert!(html.contains("Anna &lt;b&gt;") && html.contains("Bowl &amp; mat") && !html.contains("Anna <b>"));
}

#[test]
fn a_subject_is_one_line_whatever_the_data_holds() {
    let letter = "Subject: Hi {{ customer.first_name }}\n\nText {{ unsubscribe_url }}\n";
    let loaded = with(&[("shop/templates/hello.txt", letter)]);
    let letters = loaded.book.expect("a book").letters;
    let context = object(json!({"customer": {"first_name": "Eve\r\nBcc: all@shop.example\u{0}"}}));
    let out = letters.render("shop", "hello", "en", context).expect("a letter");
    assert_eq!(out.subject, "Hi Eve Bcc: all@shop.example");
}

#[test]
fn what_fails_while_a_letter_is_made_out_is_told_by_the_lines_of_the_file() {
    let failing = "{{ customer.first_name | round }}";
    let name = "shop/templates/hello.txt";
    for (letter, place) in [
        (format!("Subject: Hi {failing}\n\nText {{{{ unsubscribe_url }}}}\n"), "hello.txt#subject:1:"),
        (format!("Subject: Hi\nPreheader: x {failing}\n\nText {{{{ unsubscribe_url }}}}\n"), "hello.txt#preheader:2:"),
        (format!("Subject: Hi\n\n{{{{ unsubscribe_url }}}}\n\nText {failing}\n"), "hello.txt:5:"),
    ] {
        let loaded = with(&[(name, &letter)]);
        let letters = loaded.book.expect("a book").letters;
        let error = letters
            .render("shop", "hello", "en", object(json!({"customer": {"first_name": "Eve"}})))
            .expect_err("fails");
        let told = milepost::mail::chain(&error);
        assert!(told.contains(place), "{place}: {told}");
    }
    let letter = "Subject: Hi\n\nHello\n\n{{ unsubscribe_url }}\n";
    let letters = with(&[(name, letter)]).book.expect("a book").letters;
    let out = letters.render("shop", "hello", "en", object(json!({"unsubscribe_url": "u"}))).expect("a letter");
    assert_eq!(out.text, "Hello\n\nu\n", "what keeps the lines in place prints nothing");
}

#[test]
fn locales_fall_back() {
    let variant = |name: &str| format!("Subject: {name}\n\n{name} {{{{ unsubscribe_url }}}}\n");
    let loaded = with(&[
        ("shop/templates/hello.txt", &variant("plain")),
        ("shop/templates/hello.ru.txt", &variant("ru")),
        ("shop/templates/hello.pt-BR.txt", &variant("pt-br")),
    ]);
    let letters = loaded.book.expect("a book").letters;
    let check = |locale: &str, subject: &str| {
        assert_eq!(
            letters.render("shop", "hello", locale, object(json!({}))).expect("a letter").subject,
            subject,
            "{locale}"
        );
    };
    check("ru-RU", "ru");
    check("RU_ru", "ru");
    check("ru", "ru");
    check("pt_BR", "pt-br");
    check("pt", "plain");
    check("de", "plain");
    check("", "plain");
    assert!(letters.has("shop", "hello") && !letters.has("shop", "bye") && !letters.has("other", "hello"));
    assert!(letters.render("shop", "bye", "en", object(json!({}))).is_err());
}
