//! A pet shop that exists only here, and the RetailCRM that it runs on.
//!
//! Its customers come, fill carts, order or don't, come again or refuse our letters, all by a seed: the same seed and the
//! same letters give the same two weeks. The CRM serves histories and entities over HTTP ([`Shop::router`]) and posts hooks
//! ([`Shop::step`]), with the traps of the real one: `[]` for `{}`, ids as text, some hooks missing, doubled, late, and a
//! 503 now and then.
//!
//! Invariants: nothing here reads a clock: the driver says what time it is; what a hook or an answer tells is what the
//! shop knows at that moment.

mod api;
mod behaviour;
mod goods;
mod history;
mod hooks;
mod orders;
mod people;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono_tz::Tz;

use crate::journey::time::Timestamp;
pub use hooks::HookCall;
use world::World;

/// The key that the simulated CRM takes.
pub const API_KEY: &str = "demo-key-of-the-simulated-shop-0";
/// The code of its only site.
pub const SITE: &str = "pets";
/// The custom field of an order that carries a promo code.
pub const PROMO_FIELD: &str = "promo";
/// The currency of its prices.
pub const CURRENCY: &str = "EUR";

/// What may be chosen about a shop.
#[derive(Clone, Debug)]
pub struct ShopOptions {
    /// The same seed gives the same shop.
    pub seed: u64,
    /// When it begins.
    pub start: Timestamp,
    /// Zone of the CRM's dates.
    pub zone: Tz,
    /// How many customers register a day.
    pub customers_per_day: u32,
    /// How many customers there were before.
    pub customers_before: u32,
    /// Every so many requests one is answered with 503; 0 for never.
    pub limited_every: u64,
}

impl ShopOptions {
    /// A shop of usual size.
    pub fn new(seed: u64, start: Timestamp, zone: Tz) -> Self {
        Self { seed, start, zone, customers_per_day: 40, customers_before: 40, limited_every: 61 }
    }
}

/// What a customer is going to do about a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing comes of it.
    Nothing,
    /// The customer will come and look around.
    Visits,
    /// The customer will order.
    Orders,
    /// The customer will refuse further letters in the shop's account (or, if the driver prefers, by the letter's link).
    Unsubscribes,
}

/// What the shop has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShopFigures {
    /// Customers that are known.
    pub customers: usize,
    /// Orders placed.
    pub orders: usize,
    /// Orders cancelled.
    pub cancelled: usize,
    /// Orders that carry a promo code.
    pub with_promo: usize,
    /// Hooks posted.
    pub hooks: usize,
    /// Requests answered.
    pub requests: u64,
}

/// The simulated shop; a cheap handle, shared by the driver and the HTTP server.
#[derive(Clone, Debug)]
pub struct Shop(Arc<Mutex<World>>);

impl Shop {
    /// A shop of usual size.
    pub fn new(seed: u64, start: Timestamp, zone: Tz) -> Self {
        Self::with(ShopOptions::new(seed, start, zone))
    }

    /// A shop as chosen.
    pub fn with(options: ShopOptions) -> Self {
        Self(Arc::new(Mutex::new(World::new(options))))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere leaves at worst a half-told story, which is no reason to stop telling it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When something happens next.
    pub fn next_at(&self) -> Timestamp {
        self.world().next_at()
    }

    /// Lets everything happen that is due by `now`; gives the hooks that the CRM posts meanwhile, in order.
    pub fn step(&self, now: Timestamp) -> Vec<HookCall> {
        self.world().step(now)
    }

    /// A letter reached a customer: it may make them come, order (with `promo`, if the letter brought a code) or refuse
    /// further letters.
    pub fn letter_arrived(&self, email: &str, subject: &str, promo: Option<&str>, at: Timestamp) -> Reaction {
        self.world().letter_arrived(email, subject, promo, at)
    }

    /// What was seen so far.
    pub fn figures(&self) -> ShopFigures {
        self.world().figures()
    }

    /// The CRM's API.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }
}
