//! Figures of maps and rules, read from counters; and the story of one customer, read from what is on record of them.
//!
//! The engine turns every effect into counts ([`metrics`]) and adds them in the transaction of the effect itself, so a
//! figure can never disagree with what was done. Reading sums a few hundred counter rows; history is never scanned.
//!
//! Not here: drawing a page (`web::maps`), storing counters (`store`).

pub mod figures;
pub mod format;
pub mod letter;
pub mod metrics;
pub mod people;
pub mod place;
pub mod promo;
pub mod segments;
pub mod splits;
pub mod stay;
pub mod story;
pub mod table;

pub use figures::{ErrandFigures, MapFigures, RuleFigures, StageFigures};

use crate::journey::book::Rulebook;
use crate::store::{Store, StoreError};

/// The figures of one map; `None` if the rulebook has no such map.
pub async fn figures(store: &Store, rulebook: &Rulebook, map: &str) -> Result<Option<MapFigures>, StoreError> {
    let Some(journey) = rulebook.maps.get(map) else { return Ok(None) };
    let (counts, held) = (store.counts(map).await?, store.held_letters(map).await?);
    Ok(Some(MapFigures::from_counts(rulebook, journey, &counts, &held)))
}
