//! Letters that are too large: mail programs cut off their end, and with it the way to unsubscribe.

use super::{Preview, Whom};
use crate::journey::time::Timestamp;
use crate::mail::compose::Composer;
use crate::rulebook::{Book, Diagnostic, Severity};
use crate::settings::ShopSettings;

/// Octets of a kilobyte.
const KB: usize = 1024;
/// No letter on record has this id.
const MESSAGE: &str = "preview";

/// What is to be told of a letter's HTML of so many octets, if it is too large.
pub fn too_large(octets: usize, flag_over_kb: u32) -> Option<String> {
    let most = usize::try_from(flag_over_kb).unwrap_or(usize::MAX).saturating_mul(KB);
    let kb = octets.div_ceil(KB);
    (octets > most)
        .then(|| format!("the HTML of this letter has {kb} KB, more than {flag_over_kb}: mail programs cut it off"))
}

/// A warning for each letter, in each of its locales, that is too large for somebody made up. A letter that can't be made out
/// for them has no size.
pub fn oversized(
    book: &Book,
    shop: &ShopSettings,
    composer: &Composer,
    flag_over_kb: u32,
    now: Timestamp,
) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (map, letter) in book.letters.all() {
        for locale in book.letters.locales(map, letter) {
            let wanted = if locale.is_empty() { &shop.locale } else { locale };
            let preview = Preview::of(book, shop, (map, letter), Whom::Sample, Some(wanted.to_owned()), now);
            let filled = composer.fill_offline(&preview, &preview.job(MESSAGE, now));
            let octets = filled.ok().and_then(|letter| letter.html).map_or(0, |html| html.len());
            if let (Some(message), Some(file)) =
                (too_large(octets, flag_over_kb), book.letters.file(map, letter, locale))
            {
                let fault = Diagnostic::of_file(Severity::Warning, "letter-size", file.into(), message);
                told.push(fault.help("shorten it, or raise `mail.flag_over_kb` where nobody reads it with Gmail"));
            }
        }
    }
    told
}
