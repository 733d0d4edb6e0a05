//! The archive of letters: each is kept by what it has in common with the others of its template.
//!
//! The common part is made of the letter as people would get it who don't exist, so that nobody's data stays in it when they
//! are forgotten; and at a fixed moment, so that every node and every start makes the same one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Engine, Result};
use crate::journey::time::Timestamp;
use crate::mail::Letter;
use crate::mail::preview::samples;
use crate::rulebook::Book;
use crate::settings::ShopSettings;
use crate::store::{Dictionary, Sealed};

/// Dictionaries in memory, each of some 100 to 300 KB; those of the templates used last.
const KEPT: usize = 32;
/// The moment at which sample letters are written: 2026-01-01, in microseconds.
const SAMPLED_AT: i64 = 1_767_225_600_000_000;

/// Which letters have much in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template<'a> {
    /// Map.
    pub map: &'a str,
    /// Letter's name.
    pub letter: &'a str,
    /// The locale that was taken.
    pub locale: &'a str,
}

/// What letters are kept by.
#[derive(Debug)]
pub struct Archive {
    shop: ShopSettings,
    recent: Mutex<VecDeque<Known>>,
}

/// How a template's letters are kept.
#[derive(Clone, Debug)]
enum By {
    Dictionary(Arc<Dictionary>),
    /// It can't be made for the samples.
    Nothing,
}

/// A template and how its letters are kept.
#[derive(Debug)]
struct Known {
    rulebook: String,
    map: String,
    letter: String,
    locale: String,
    by: By,
}

impl Known {
    fn is(&self, rulebook: &str, template: Template<'_>) -> bool {
        self.letter == template.letter
            && self.locale == template.locale
            && self.map == template.map
            && self.rulebook == rulebook
    }
}

impl Archive {
    /// The archive of a shop.
    pub fn new(shop: ShopSettings) -> Self {
        Self { shop, recent: Mutex::default() }
    }

    fn known(&self, rulebook: &str, template: Template<'_>) -> Option<By> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent.iter().position(|known| known.is(rulebook, template))?;
        let known = recent.remove(at)?;
        let by = known.by.clone();
        recent.push_front(known);
        Some(by)
    }

    fn learn(&self, rulebook: &str, template: Template<'_>, by: By) {
        let known = Known {
            rulebook: rulebook.to_owned(),
            map: template.map.to_owned(),
            letter: template.letter.to_owned(),
            locale: template.locale.to_owned(),
            by,
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(known);
        recent.truncate(KEPT);
    }
}

impl Engine {
    /// A letter's bytes as they are kept.
    pub(super) async fn sealed(&self, book: &Book, map: &str, name: &str, letter: &Letter) -> Sealed {
        let template = Template { map, letter: name, locale: &letter.locale };
        let by = match self.archive.known(&book.rulebook.hash, template) {
            Some(known) => Ok(known),
            // Rare, and large while it waits.
            None => Box::pin(self.learn(book, template)).await,
        };
        match by {
            Ok(By::Dictionary(dictionary)) => Sealed::by(&dictionary, &letter.raw),
            Ok(By::Nothing) => Sealed::of(&letter.raw),
            Err(error) => {
                // It only costs room; the next letter asks again.
                tracing::warn!(error = &error as &dyn std::error::Error, "letters are kept without a dictionary");
                Sealed::of(&letter.raw)
            }
        }
    }

    /// Makes a template's dictionary and keeps it, before anything is kept by it.
    async fn learn(&self, book: &Book, template: Template<'_>) -> Result<By> {
        let by = self.sampled(book, template);
        if let By::Dictionary(dictionary) = &by
            && !self.store.has_dictionary(dictionary).await?
        {
            let mut tx = self.store.begin().await?;
            tx.keep_dictionary(dictionary, self.clock.now()).await?;
            tx.commit().await?;
        }
        self.archive.learn(&book.rulebook.hash, template, by.clone());
        Ok(by)
    }

    fn sampled(&self, book: &Book, template: Template<'_>) -> By {
        let Template { map, letter, locale } = template;
        let at = Timestamp::from_micros(SAMPLED_AT);
        let mailing = self.mailing.load();
        let previews = samples(book, &self.archive.shop, (map, letter), locale, at);
        let letters: Vec<Vec<u8>> = previews
            .iter()
            .filter_map(|preview| {
                let job = preview.job(&preview.customer.id, at);
                mailing.composer.compose_offline(preview, &job).ok().map(|letter| letter.raw)
            })
            .collect();
        if letters.is_empty() { By::Nothing } else { By::Dictionary(Arc::new(Dictionary::of(&letters))) }
    }
}
