//! The pure core, with plain values: no database, no network, no clock.

mod advance;
mod backtest;
mod best_time;
mod change;
mod conditions;
mod constants;
mod dates;
mod ends;
mod errands;
mod fresh;
mod index;
mod lacks;
mod limits;
mod newcomers;
mod obstacles;
mod pauses;
mod preferences;
mod promo;
pub mod properties;
mod segments;
mod simulate;
mod steps;
mod story;
mod waiting;
mod waits;
mod waits_changed;
mod winners;
