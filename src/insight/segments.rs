//! The figures of segments: who is in them now, and how many joined and left. Pure.

use serde::Serialize;

use super::metrics;
use crate::journey::book::Rulebook;
use crate::store::Count;

/// The figures of one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentFigures {
    /// Map id.
    pub map: String,
    /// Its name.
    pub segment: String,
    /// A sentence for people.
    pub description: Option<String>,
    /// Who is in it, as written.
    pub condition: String,
    /// Customers in it now.
    pub here: i64,
    /// Times that a customer joined it.
    pub joined: i64,
    /// Times that a customer left it.
    pub left: i64,
}

/// The figures of every segment of a map, by name; `counts` are those of the map.
pub fn segment_figures(book: &Rulebook, map: &str, counts: &[Count]) -> Vec<SegmentFigures> {
    let of_map = book.segments.values().filter(|segment| segment.map == map);
    of_map
        .map(|segment| {
            let subject = metrics::segment_subject(&segment.name);
            let sum = |figure: &str| {
                counts.iter().filter(|c| c.subject == subject && c.figure == figure).map(|c| c.by).sum::<i64>()
            };
            SegmentFigures {
                map: segment.map.clone(),
                segment: segment.name.clone(),
                description: segment.description.clone(),
                condition: segment.condition.text().to_owned(),
                here: sum(metrics::HERE),
                joined: sum(metrics::ENTERED),
                left: sum(metrics::LEFT),
            }
        })
        .collect()
}
