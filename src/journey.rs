//! The pure core: everything that decides who gets what, and when.
//!
//! Invariants: no I/O, no clock, no randomness, no async, no environment. Time is an argument; ids are derived by
//! hashing. The same values give the same answer on every machine, so a log can be replayed and a rule tested with plain
//! values. Nothing here names a module outside `journey`.
//!
//! Not here: reading files (`rulebook`), SQL (`store`), letters' text (`mail`).

pub mod advance;
pub mod attention;
pub mod backtest;
pub mod book;
pub mod change;
pub mod condition;
pub mod consents;
pub mod customer;
pub mod date;
pub mod effect;
pub mod enrollment;
pub mod errand;
pub mod event;
mod exit;
pub mod explain;
pub mod facts;
pub mod foresee;
pub mod holdout;
pub mod ids;
pub mod index;
pub mod map;
pub mod merge;
pub mod money;
pub mod newcomers;
mod obstacles;
pub mod others;
pub mod pause;
pub mod placement;
pub mod policy;
pub mod preferences;
pub mod promo;
pub mod reading;
pub mod reads;
pub mod returned;
pub mod rule;
pub mod segment;
pub mod share;
pub mod simulate;
pub mod spelling;
pub mod split;
pub mod time;
pub mod trigger;
pub mod wait;
pub mod waiting;
