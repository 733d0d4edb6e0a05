//! What an archive of letters weighs.

use std::path::Path;

use milepost::journey::book::Shop;
use milepost::journey::event::Item;
use milepost::journey::money::Money;
use milepost::mail::Preview;
use milepost::mail::preview::{Whom, samples};
use milepost::rulebook::{Book, load};
use milepost::settings::ShopSettings;
use milepost::store::{Dictionary, Sealed};

use super::compose::{composer, moment};

/// Things that letters are about, as different from each other as those of a shop.
fn thing(n: usize) -> Item {
    const WORDS: [&str; 8] = ["Миска", "Feeder", "Лежанка", "Bowl", "Кормушка", "Collar", "Игрушка", "Brush"];
    // Golden ratio's multiples: spread evenly, and the same each time.
    let scattered = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Item {
        name: format!("{} {} {:x}", WORDS[n % 8], WORDS[(n / 8) % 8], scattered >> 44),
        quantity: (n % 4 + 1) as f64,
        price: Some(Money::new(i64::try_from(scattered >> 48).unwrap_or(1), "EUR")),
        link: Some(format!("https://shop.example/p/{:x}", scattered >> 32)),
        image: Some(format!("https://cdn.shop.example/{scattered:x}.jpg")),
        ..Item::default()
    }
}

fn letter(book: &Book, locale: &str, n: usize) -> Vec<u8> {
    const NAMES: [&str; 5] = ["Анна", "Bob", "Константин", "Ян", "Maximiliane"];
    let shop = ShopSettings::default();
    let chosen = ("pet-shop", "cart-reminder");
    let mut preview = Preview::of(book, &shop, chosen, Whom::Sample, Some(locale.to_owned()), moment());
    preview.customer.attributes.get_mut("first_name").expect("Anna").value = NAMES[n % 5].into();
    preview.customer.attributes.get_mut("email").expect("hers").value = format!("customer{n}@mail.example").into();
    preview.customer.id = format!("0190a1b2-0000-7000-8000-{:012x}", n * 7_919);
    preview.customer.cart.content.items = (0..29 + n % 7).map(|i| thing((n * 13 + i * 7) % 200)).collect();
    let id = format!("0190a1b2-0000-7000-9000-{:012x}", n * 104_729);
    composer().compose_offline(&preview, &preview.job(&id, moment())).expect("composes").raw
}

#[test]
fn ten_thousand_similar_letters_of_30_kb_take_less_than_30_mb() {
    let book = load(Path::new("rules"), Shop::default()).book.expect("the shipped rules load");
    for locale in ["en", "ru"] {
        let previews = samples(&book, &ShopSettings::default(), ("pet-shop", "cart-reminder"), locale, moment());
        let letters = previews.iter().map(|sample| {
            composer().compose_offline(sample, &sample.job(&sample.customer.id, moment())).expect("composes").raw
        });
        let dictionary = Dictionary::of(&letters.collect::<Vec<_>>());
        // A hundredth of them, for a debug build is slow.
        let letters: Vec<Vec<u8>> = (0..100).map(|n| letter(&book, locale, n)).collect();
        let raw: usize = letters.iter().map(Vec::len).sum();
        let kept: usize = letters.iter().map(|raw| Sealed::by(&dictionary, raw).size()).sum();
        let without: usize = letters.iter().map(|raw| Sealed::of(raw).size()).sum();
        let raw_each = raw / letters.len();
        assert!(raw_each >= 28_000, "{locale}: letters of {raw_each} bytes are no letters of 30 KB");
        assert!(kept * 10 < raw, "{locale}: {kept} bytes of {raw}, and {without} without a dictionary");
    }
}
