//! The pure core, with plain values: no database, no network, no clock.

mod advance;
mod backtest;
mod change;
mod conditions;
mod constants;
mod errands;
mod lacks;
mod limits;
mod pauses;
mod promo;
pub mod properties;
mod segments;
mod simulate;
mod story;
mod waits;
