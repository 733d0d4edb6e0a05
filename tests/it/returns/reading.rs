//! What is read from the mails of `tests/fixtures/returns`: one of each form that providers and servers send.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use milepost::mail::returns::{MAX_BYTES, Reading, What, read};
use milepost::mail::{LinkSigner, Refusals, ReturnAddresses};
use milepost::settings::{ReplySettings, ReturnSettings};
use serde::Deserialize;

/// The letter that every mail of the corpus is about, if it is about one.
const LETTER: &str = "0198c0de-0000-7000-8000-00000000abcd";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    what: String,
    letter: Option<String>,
    recipient: Option<String>,
    status: Option<String>,
    class: Option<String>,
    says: Option<String>,
    remote: Option<String>,
    feedback: Option<String>,
    reports: Option<usize>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/returns")
}

fn addresses() -> ReturnAddresses {
    let settings = ReturnSettings { address: Some("bounce@returns.shop.example".into()), ..ReturnSettings::default() };
    ReturnAddresses::new(&settings, &ReplySettings::default(), LinkSigner::new(b"corpus")).expect("addresses")
}

/// A mail of the corpus with the letter's own addresses in it.
fn mail(name: &str, ours: &ReturnAddresses) -> Vec<u8> {
    let text = fs::read_to_string(folder().join(format!("{name}.eml"))).expect("a mail");
    let bounce = ours.bounce(LETTER).expect("an address");
    let unsubscribe = ours.unsubscribe(LETTER).expect("an address");
    text.replace("{bounce}", bounce.as_str())
        .replace("{unsubscribe}", unsubscribe.as_str())
        .replace("{bounce_nameless}", "bounce@returns.shop.example")
        .into_bytes()
}

fn expected() -> BTreeMap<String, Expected> {
    let text = fs::read_to_string(folder().join("expect.toml")).expect("the expectations");
    toml::from_str(&text).expect("expectations in their form")
}

/// How the letter was found.
fn found(reading: &Reading) -> &'static str {
    match reading.letters().first() {
        None => "none",
        Some(_) if reading.to.as_ref().is_some_and(|to| to.message.as_deref() == Some(LETTER)) => "path",
        Some(_) => "quoted",
    }
}

fn faults(expected: &Expected, reading: &Reading) -> Vec<String> {
    let mut faults = Vec::new();
    let mut same = |name: &str, wanted: Option<&str>, told: &str| {
        if wanted.is_some_and(|wanted| wanted != told) {
            faults.push(format!("{name}: {told:?} instead of {:?}", wanted.unwrap_or_default()));
        }
    };
    same("what", Some(&expected.what), reading.what.word());
    same("letter", expected.letter.as_deref(), found(reading));
    let report = reading.what.about(expected.recipient.as_deref().unwrap_or_default());
    let of_complaint = match &reading.what {
        What::Complaint { feedback, recipient } => Some((feedback.as_str(), recipient.as_deref())),
        _ => None,
    };
    let recipient = report.and_then(|r| r.recipient.as_deref()).or(of_complaint.and_then(|(_, recipient)| recipient));
    same("recipient", expected.recipient.as_deref(), recipient.unwrap_or_default());
    same("feedback", expected.feedback.as_deref(), of_complaint.map_or("", |(feedback, _)| feedback));
    same("status", expected.status.as_deref(), report.map_or("", |r| r.status.as_str()));
    let class = report.map(|r| Refusals::shipped().class_of_report(&r.status, &r.diagnostic).word());
    same("class", expected.class.as_deref(), class.unwrap_or_default());
    same("remote", expected.remote.as_deref(), report.map_or("", |r| r.remote.as_str()));
    let says = report.map_or("", |r| r.diagnostic.as_str());
    if expected.says.as_deref().is_some_and(|wanted| !says.contains(wanted)) {
        faults.push(format!("says {says:?} without {:?}", expected.says));
    }
    let number = match &reading.what {
        What::Bounce(reports) | What::Delayed(reports) | What::Delivered(reports) => reports.len(),
        _ => 0,
    };
    if expected.reports.is_some_and(|wanted| wanted != number) {
        faults.push(format!("{number} reports"));
    }
    if let Some(letter) = reading.letters().first().filter(|letter| *letter != LETTER) {
        faults.push(format!("the letter {letter}"));
    }
    faults
}

#[test]
fn every_mail_is_what_it_is() {
    let ours = addresses();
    let expected = expected();
    let files = fs::read_dir(folder()).expect("the folder").filter_map(|file| {
        file.expect("a file").file_name().into_string().ok()?.strip_suffix(".eml").map(str::to_owned)
    });
    let mut names: Vec<String> = files.collect();
    names.sort();
    assert_eq!(names, expected.keys().cloned().collect::<Vec<_>>(), "each has its expectation");
    assert!(names.len() >= 40);
    let mut told = Vec::new();
    for (name, expected) in &expected {
        let bytes = mail(name, &ours);
        let reading = read(&bytes, &[], &ours);
        told.extend(faults(expected, &reading).into_iter().map(|fault| format!("{name}: {fault}")));
        let with_crlf = String::from_utf8_lossy(&bytes).replace('\n', "\r\n");
        let again = read(with_crlf.as_bytes(), &[], &ours);
        if again != reading {
            told.push(format!("{name}: with CRLF {again:?} instead of {reading:?}"));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_envelope_tells_where_the_head_does_not() {
    let ours = addresses();
    let bytes = mail("reply-by-a-person", &ours);
    let envelope = [ours.unsubscribe(LETTER).expect("an address").to_string()];
    assert_eq!(read(&bytes, &envelope, &ours).what, What::Unsubscribe);
}

#[test]
fn mail_that_is_cut_off_anywhere_is_read_all_the_same() {
    let ours = addresses();
    for name in expected().keys() {
        let bytes = mail(name, &ours);
        for end in (0..bytes.len()).step_by(61) {
            read(&bytes[..end], &[], &ours);
        }
    }
}

#[test]
fn mail_inside_mail_without_end_and_mail_without_measure() {
    let ours = addresses();
    let level = |level: u32| {
        let boundary = format!("multipart/mixed; boundary=b{level}");
        format!("Subject: {level}\nContent-Type: {boundary}\n\n--b{level}\nContent-Type: message/rfc822\n\n")
    };
    let deep: Vec<String> = (0..2_000).map(level).collect();
    let deep = deep.concat();
    read(deep.as_bytes(), &[], &ours);
    let mut large = mail("gmail-unknown-user", &ours);
    large.resize(MAX_BYTES, b'x');
    assert_eq!(read(&large, &[], &ours).what.word(), "bounce");
    large.push(b'x');
    assert!(matches!(read(&large, &[], &ours).what, What::Unknown(why) if why.contains("too large")));
}
