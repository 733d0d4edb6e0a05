//! What making one letter costs: the shipped letters about a cart, chosen by locale, filled, put together with both parts and
//! signed.
//!
//! `cargo bench --bench compose`. The figures and how to read them stand in docs/benchmarks.md. Run without `--bench` (as
//! `cargo test --all-targets` does) it does nothing.
#![expect(clippy::expect_used, reason = "a bench has nobody to recover for")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use milepost::journey::book::Shop;
use milepost::journey::time::Timestamp;
use milepost::mail::dkim::{Algorithm, generate};
use milepost::mail::preview::Whom;
use milepost::mail::{Composer, LinkSigner, Preview};
use milepost::rulebook::{Files, load_files, starters};
use milepost::settings::{DkimSettings, MailSettings, ShopSettings};

/// 2026-11-22T10:00:00Z, in microseconds.
const AT: i64 = 1_795_341_600_000_000;

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(5))
        .warm_up_time(Duration::from_secs(1))
        .configure_from_args();
    let key = generate(Algorithm::Ed25519).expect("a key");
    let shop =
        ShopSettings { name: "Milk & Whiskers".into(), url: "https://shop.example".into(), ..ShopSettings::default() };
    let signed = DkimSettings { private_key: Some(key), ..DkimSettings::default() };
    let mail = MailSettings { from: "Milk & Whiskers <hello@shop.example>".into(), ..MailSettings::default() };
    let with_key = MailSettings { dkim: BTreeMap::from([("m1".to_owned(), signed)]), ..mail.clone() };
    let signer = LinkSigner::of_previews();
    let plain = Composer::new(&mail, "https://mile.shop.example", &shop, signer.clone()).expect("a composer");
    let signing = Composer::new(&with_key, "https://mile.shop.example", &shop, signer).expect("a composer");
    let files: Files =
        starters()[0].files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let book = load_files(&files, Shop::default()).book.expect("a book");
    let at = Timestamp::from_micros(AT);
    let mut group = criterion.benchmark_group("compose");
    group.throughput(Throughput::Elements(1));
    for letter in ["cart-reminder", "cart-promo"] {
        for locale in ["en-GB", "ru-RU"] {
            let preview = Preview::of(&book, &shop, ("pet-shop", letter), Whom::Sample, Some(locale.into()), at);
            let job = preview.job("0198f3b2-0000-7000-8000-000000000000", at);
            for (what, composer) in [("", &plain), (", signed", &signing)] {
                group.bench_function(format!("{letter} {locale}{what}"), |bench| {
                    bench.iter(|| {
                        black_box(composer.compose_offline(&book.letters, black_box(&job)).expect("a letter"))
                    });
                });
            }
        }
    }
    group.finish();
    criterion.final_summary();
}
