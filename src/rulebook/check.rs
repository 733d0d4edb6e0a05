//! What is sound by itself and yet cannot work together: stages and rules that nobody reaches, letters that may not go out.
//!
//! Not here: names that do not exist (`compile`, `letters`).

mod conditions;
mod events;
mod exits;
mod least;
mod life;
mod often;
mod promo;
mod purpose;
mod reach;
mod sends;
mod ways;

use std::ops::Range;

pub(super) use conditions::check_conditions;
pub(super) use events::check_events;
pub(super) use exits::check_exits;
pub(super) use life::check_life;
pub(super) use often::{USUAL, check_often, check_ranking};
pub(super) use promo::check_promo;
pub(super) use purpose::check_purposes;
pub(super) use reach::{check_map, check_rule};
pub(super) use sends::check_sends;

use super::forms::RuleForm;
use super::source::Source;
use crate::journey::rule::Rule;

/// A compiled rule with its writing, for checks that point at it.
pub(super) struct Written<'t> {
    pub(super) source: &'t Source,
    pub(super) form: RuleForm,
    pub(super) rule: Rule,
    /// The place of each step of the program.
    pub(super) steps: Vec<Range<usize>>,
}
