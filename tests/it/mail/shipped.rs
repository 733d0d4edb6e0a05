//! Every letter that ships, composed for somebody made up in each of its languages.

use milepost::journey::book::Shop;
use milepost::mail::preview::{Whom, oversized, samples};
use milepost::mail::{Composer, LinkSigner, Preview};
use milepost::rulebook::{Book, Files, Rendered, load_files, starters};
use milepost::settings::{MailSettings, ShopSettings};

use super::compose::moment;
use super::parse::is_fit_for_smtp;

pub fn composer() -> Composer {
    let mail = MailSettings { from: "Shop <hello@shop.example>".into(), ..MailSettings::default() };
    Composer::new(&mail, "https://mail.shop.example", &shop(), LinkSigner::of_previews()).unwrap()
}

fn shop() -> ShopSettings {
    ShopSettings { name: "Milk & Whiskers".into(), url: "https://shop.example".into(), ..ShopSettings::default() }
}

fn books() -> Vec<Book> {
    let files = |files: &[(&str, &str)]| -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    };
    starters().iter().map(|starter| load_files(&files(starter.files), Shop::default()).book.unwrap()).collect()
}

/// Every shipped letter in each of its languages, for several people who are made up: a name, as filled, as bytes.
pub fn all() -> Vec<(String, Rendered, Vec<u8>)> {
    let (composer, shop) = (composer(), shop());
    let mut all = Vec::new();
    for book in books() {
        for (map, letter) in book.letters.all() {
            for locale in book.letters.locales(map, letter) {
                let wanted = Some(if locale.is_empty() { "en" } else { locale }.to_owned());
                let name = [letter, locale].join(if locale.is_empty() { "" } else { "." });
                let mut previews = samples(&book, &shop, (map, letter), wanted.as_deref().unwrap(), moment());
                previews.push(Preview::of(&book, &shop, (map, letter), Whom::Sample, wanted, moment()));
                for (who, preview) in previews.iter().enumerate() {
                    let job = preview.job("preview", moment());
                    let filled = composer.fill_offline(preview, &job).unwrap();
                    let raw = composer.compose_offline(preview, &job).unwrap().raw;
                    all.push((format!("{map}-{name}-{who}"), filled, raw));
                }
            }
        }
    }
    assert!(all.len() > 20, "{}", all.len());
    all
}

#[test]
fn shipped_letters_are_fit_to_be_sent_and_show_nothing_twice_or_empty() {
    for (name, filled, raw) in all() {
        is_fit_for_smtp(&raw);
        let html = filled.html.unwrap_or_default();
        for bad in ["null", "NaN", "{{", "{%", "src=\"\"", "href=\"\""] {
            assert!(!html.contains(bad) && !filled.text.contains(bad), "{name}: {bad}");
        }
        let preheader = filled.preheader.unwrap_or_else(|| panic!("{name} has no preheader"));
        assert_eq!(html.matches(&preheader).count(), 1, "{name}: {preheader}");
    }
}

#[test]
fn a_letter_that_would_be_cut_off_is_told_in_each_of_its_languages() {
    let book = &books()[0];
    assert!(oversized(book, &shop(), &composer(), 102, moment()).is_empty());
    let told = oversized(book, &shop(), &composer(), 1, moment());
    assert_eq!(
        told.len(),
        book.letters.all().map(|(map, letter)| book.letters.locales(map, letter).len()).sum::<usize>()
    );
    let files: Vec<String> = told.iter().map(|fault| fault.file.display().to_string()).collect();
    assert!(files.contains(&"pet-shop/templates/cart-promo.ru.mjml".to_owned()), "{files:?}");
}
