//! What comes back after a letter has gone out: bounces, complaints, unsubscriptions by mail, answers.
//!
//! Invariants: reading is pure and total, whatever bytes come: no input panics, and what is not understood is said to be so;
//! an address with a token can have been made here only, so nobody can bounce or unsubscribe another's letter by guessing.
//!
//! Not here: where mail is fetched from (`engine`), what follows from it (`journey`), what is kept of it (`store`).

mod address;

pub use address::{Duty, LONGEST_NAME, ReturnAddresses, ReturnsError, To, is_base};
