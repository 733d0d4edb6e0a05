//! No data can add a header, break a line or end a letter early: tried with whatever proptest comes up with.

use milepost::journey::customer::Attribute;
use milepost::mail::body::clean;
use milepost::mail::headers;
use milepost::rulebook::Rendered;
use proptest::prelude::*;
use serde_json::json;

use super::compose::{Fixed, compose, customer, moment};
use super::parse::{Part, is_fit_for_smtp, words};

/// Text in which what hurts is frequent.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n.\r\n".to_owned()),
        Just("\n.\n".to_owned()),
        Just("\r\nBcc: everyone@cats.example\r\n".to_owned()),
        Just("\r\n\r\n<script>".to_owned()),
        Just("=?utf-8?q?=0D=0ABcc:_x@cats.example?=".to_owned()),
        Just("--boundary\r\nContent-Type: text/html\r\n\r\n".to_owned()),
        Just("\u{2028}\u{85}\u{b}\u{c}\0\t ".to_owned()),
        Just("=\r\n=3D".to_owned()),
        Just("x".repeat(1_200)),
        Just("кошка ".repeat(20)),
        "\\PC{0,20}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_data_can_add_a_header(
        subject in nasty(), text in nasty(), html in proptest::option::of(nasty()), preheader in proptest::option::of(nasty()),
        name in nasty(), code in nasty(),
    ) {
        let mut ann = customer(Some("ann@cats.example"));
        ann.attributes.insert("first_name".into(), Attribute { value: name.clone().into(), at: moment() });
        let rendered = Rendered {
            locale: "en".into(),
            subject: format!("{name}{subject}"),
            preheader,
            text: format!("{text}{name}"),
            html: html.clone(),
            enclosed: Vec::new(),
            linked: Vec::new(),
        };
        let letter = compose(&Fixed(rendered.clone()), &ann, &json!({"promo": {"code": code}}), "marketing").unwrap();
        is_fit_for_smtp(&letter.raw);
        let part = Part::read(&letter.raw);
        let mut expect = vec![
            "From", "To", "Subject", "Message-ID", "Feedback-ID", "Date", "Precedence", "List-Unsubscribe",
            "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
        ];
        if html.is_none() {
            expect.push("Content-Transfer-Encoding");
        }
        prop_assert_eq!(part.names(), expect);
        prop_assert_eq!(words(part.get("Subject").unwrap()), headers::clean(&rendered.subject));
        prop_assert_eq!(part.get("Message-ID"), Some("<m-1@shop.example>"));

        // The end of the last line is the letter's own.
        let plain = clean(&rendered.text);
        let read = if html.is_some() {
            let parts = part.parts();
            prop_assert_eq!(parts.len(), 2);
            for part in &parts {
                prop_assert_eq!(part.names(), vec!["Content-Type", "Content-Transfer-Encoding"]);
            }
            parts[0].text()
        } else {
            part.text()
        };
        prop_assert_eq!(read, plain.trim_end_matches('\n'));
    }

    #[test]
    fn no_address_can_end_a_command(email in nasty(), domain in nasty()) {
        for text in [email.clone(), format!("{email}@{domain}"), format!("ann@{domain}"), format!("{email}@cats.example")] {
            let ann = customer(Some(&text));
            let fixed = Fixed(Rendered { locale: "en".into(), subject: "Hi".into(), text: "x".into(), ..Rendered::default() });
            if let Ok(letter) = compose(&fixed, &ann, &json!({}), "marketing") {
                let (local, host) = letter.to.as_str().rsplit_once('@').unwrap();
                // Letters of other scripts are a name like any other (RFC 6531); what separates, breaks or is not seen is not.
                prop_assert!(local.chars().all(|c| if c.is_ascii() {
                    c.is_ascii_graphic() && !"<>,;:\"()[]\\".contains(c)
                } else {
                    !c.is_control() && !c.is_whitespace()
                }), "{local:?}");
                prop_assert!(host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)), "{host:?}");
                let part = Part::read(&letter.raw);
                prop_assert_eq!(part.get("To"), Some(letter.to.as_str()));
            }
        }
    }
}
