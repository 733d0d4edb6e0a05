//! The curve of emotions: one drawing a stage, made so that neighbours join without a seam.
//!
//! Each drawing is a square of 100 by 100 that the page stretches over its cell. Between two stages' middles the curve is a
//! cubic with level ends; a cell shows half of it on either side, cut at the border by halving the cubic.

use std::fmt::Write as _;

use serde::Serialize;

/// One stage's part of the curve.
#[derive(Debug, PartialEq, Serialize)]
pub struct Mood {
    /// -2 to 2.
    pub level: i8,
    /// The feeling in a word.
    pub word: &'static str,
    /// Name of its face and place in the style sheet.
    pub class: &'static str,
    /// Path of the line.
    pub line: String,
    /// Path of the area between the line and the middle.
    pub area: String,
}

/// The drawings for the levels of all stages, in order.
pub fn curve(levels: &[i8]) -> Vec<Mood> {
    let heights: Vec<f64> = levels.iter().map(|level| height(*level)).collect();
    (0..levels.len())
        .map(|index| {
            let here = heights[index];
            let before = index.checked_sub(1).map_or(here, |i| heights[i]);
            let after = heights.get(index + 1).copied().unwrap_or(here);
            let line = segment(before, here, after);
            let (word, class) = feeling(levels[index]);
            Mood { level: levels[index].clamp(-2, 2), word, class, area: format!("{line} L100 50 L0 50 Z"), line }
        })
        .collect()
}

/// A small curve through all stages, 100 wide and 40 high, for cards and lists.
pub fn sparkline(levels: &[i8]) -> String {
    let step = 100.0 / levels.len().max(1) as f64;
    let points = levels.iter().enumerate().map(|(index, level)| (step * (index as f64 + 0.5), height(*level) * 0.4));
    let mut path = String::new();
    let mut last: Option<(f64, f64)> = None;
    for (x, y) in points {
        // Writing to a String does not fail.
        let _ = if let Some((x0, y0)) = last {
            let middle = f64::midpoint(x0, x);
            write!(path, " C{middle:.1} {y0:.1} {middle:.1} {y:.1} {x:.1} {y:.1}")
        } else {
            write!(path, "M{x:.1} {y:.1}")
        };
        last = Some((x, y));
    }
    path
}

/// From the left border through the middle to the right border.
fn segment(before: f64, here: f64, after: f64) -> String {
    let (left, right) = (f64::midpoint(before, here), f64::midpoint(here, after));
    // Halving the cubic (-50, before) (0, before) (0, here) (50, here), and its mirror image on the right.
    let (bend_in, bend_out) = ((before + 3.0 * here) / 4.0, (3.0 * here + after) / 4.0);
    format!("M0 {left} C12.5 {bend_in} 25 {here} 50 {here} C75 {here} 87.5 {bend_out} 100 {right}")
}

fn height(level: i8) -> f64 {
    50.0 - 17.0 * f64::from(level.clamp(-2, 2))
}

fn feeling(level: i8) -> (&'static str, &'static str) {
    match level {
        ..=-2 => ("frustrated", "bad"),
        -1 => ("uneasy", "low"),
        0 => ("neutral", "even"),
        1 => ("pleased", "good"),
        2.. => ("delighted", "best"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_meet_at_the_border_at_the_same_height() {
        let moods = curve(&[-2, 2, 0]);
        let end = |mood: &Mood| mood.line.rsplit(' ').next().map(str::to_owned);
        let start = |mood: &Mood| mood.line.split(' ').nth(1).map(str::to_owned);
        assert_eq!(end(&moods[0]), start(&moods[1]));
        assert_eq!(end(&moods[1]), start(&moods[2]));
    }

    #[test]
    fn levels_beyond_the_scale_and_maps_without_stages_are_drawn_too() {
        assert_eq!(curve(&[9])[0].level, 2);
        assert_eq!(curve(&[]), []);
        assert_eq!(sparkline(&[]), "");
        assert!(sparkline(&[0, 1]).starts_with("M25.0 20.0 C"));
    }
}
