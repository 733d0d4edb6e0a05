//! The pure core, with plain values: no database, no network, no clock.

mod advance;
mod change;
mod conditions;
mod constants;
mod errands;
mod lacks;
mod limits;
mod pauses;
mod promo;
mod properties;
mod segments;
mod simulate;
mod story;
mod waits;
