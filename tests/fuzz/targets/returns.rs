//! Mail that comes back: any bytes, for addresses of a shop.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use milepost::mail::returns::read;
use milepost::mail::{LinkSigner, ReturnAddresses};
use milepost::settings::{ReplySettings, ReturnSettings};

static OURS: LazyLock<ReturnAddresses> = LazyLock::new(|| {
    let settings = ReturnSettings { address: Some("bounce@returns.shop.example".into()), ..ReturnSettings::default() };
    ReturnAddresses::new(&settings, &ReplySettings::default(), LinkSigner::new(b"fuzz")).expect("addresses")
});

fuzz_target!(|data: &[u8]| {
    let reading = read(data, &[], &OURS);
    assert_eq!(reading, read(data, &[], &OURS), "reading is repeatable");
    assert!(reading.letters().iter().all(|letter| letter.len() == 36), "letters are named by their ids");
    if let Some(report) = reading.what.about("ann@cats.example") {
        assert!(!report.diagnostic.contains(['\r', '\n']), "what was said is one line");
    }
    assert!(OURS.read(&String::from_utf8_lossy(data)).is_none_or(|to| to.message.is_none()), "no token is guessed");
});
