//! The state of the simulated shop, its agenda, and the bookkeeping that every change needs: rows of history and hooks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::behaviour::Action;
use super::history::History;
use super::hooks::{self, HookCall};
use super::orders::Order;
use super::people::Person;
use super::{ShopFigures, ShopOptions, goods};
use crate::crm::retailcrm::dates;
use crate::journey::time::{Span, Timestamp};

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    pub options: ShopOptions,
    pub rng: fastrand::Rng,
    /// What the shop's clock shows.
    pub now: Timestamp,
    pub people: BTreeMap<u32, Person>,
    pub orders: BTreeMap<u32, Order>,
    pub customer_history: History,
    pub order_history: History,
    /// Requests answered so far.
    pub requests: u64,
    agenda: BTreeMap<(Timestamp, u64), Action>,
    planned: u64,
    posted: usize,
    due: Vec<HookCall>,
    next_id: u32,
}

impl World {
    /// A shop with the customers it had before, at its start.
    pub(super) fn new(options: ShopOptions) -> Self {
        let mut world = Self {
            rng: fastrand::Rng::with_seed(options.seed),
            now: options.start,
            people: BTreeMap::new(),
            orders: BTreeMap::new(),
            customer_history: History::default(),
            order_history: History::default(),
            requests: 0,
            agenda: BTreeMap::new(),
            planned: 0,
            posted: 0,
            due: Vec::new(),
            next_id: 500,
            options,
        };
        world.remember_the_past();
        // Whatever was posted then was posted to somebody else.
        world.due.clear();
        world.agenda.retain(|_, action| !matches!(action, Action::Post(_)));
        world.plan(world.options.start, Action::Arrive);
        world
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Timestamp {
        self.agenda.keys().next().map_or(Timestamp::MAX, |(at, _)| *at)
    }

    /// Lets happen what is due.
    pub(super) fn step(&mut self, now: Timestamp) -> Vec<HookCall> {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            self.now = self.now.max(entry.key().0);
            let action = entry.remove();
            self.act(action);
        }
        self.now = self.now.max(now);
        self.posted += self.due.len();
        std::mem::take(&mut self.due)
    }

    /// Puts something on the agenda; of the same moment, what was planned first comes first.
    pub(super) fn plan(&mut self, at: Timestamp, action: Action) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), action);
    }

    /// Puts something on the agenda some minutes from now.
    pub(super) fn plan_in(&mut self, minutes: std::ops::Range<i64>, action: Action) {
        let seconds = self.rng.i64(minutes.start * 60..minutes.end * 60);
        self.plan(self.now.after(Span::seconds(seconds)), action);
    }

    /// An id for a new customer or order.
    pub(super) fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// A chance in a hundred.
    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(0..100) < percent
    }

    /// A moment as the account writes it.
    pub(super) fn date(&self, at: Timestamp) -> String {
        dates::write(at, self.options.zone)
    }

    /// A moment as carts write it.
    pub(super) fn cart_date(&self, at: Timestamp) -> String {
        at.utc().with_timezone(&self.options.zone).format("%Y-%m-%d %H:%M:%S%:z").to_string()
    }

    /// A customer as the API shows it.
    pub(super) fn customer_json(&self, person: &Person) -> Value {
        person.whole(|at| self.date(at))
    }

    /// An order as the API shows it; `None` when its customer is gone.
    pub(super) fn order_json(&self, order: &Order) -> Option<Value> {
        let person = self.people.get(&order.customer)?;
        Some(order.whole(person, |at| self.date(at)))
    }

    /// A cart as the API shows it; `None` where there never was one.
    pub(super) fn cart_json(&self, person: &Person) -> Option<Value> {
        let dropped = self.cart_date(person.cart_at?);
        let cleared = person.cart_cleared_at.map(|at| self.cart_date(at));
        Some(goods::cart(&person.cart, person.id, &dropped, cleared.as_deref()))
    }

    /// A row about a customer, and with `told` per cent a hook.
    pub(super) fn customer_changed(&mut self, id: u32, field: &str, values: (Value, Value), more: Value, told: u8) {
        let Some(person) = self.people.get(&id) else { return };
        let entity = if more.get("created").is_some() { person.nested(|at| self.date(at)) } else { person.stub() };
        let whole = self.customer_json(person);
        let at = self.date(self.now);
        self.customer_history.add("customer", &at, field, values, entity, more);
        if self.chance(told) {
            let call = hooks::customer(&mut self.rng, id, &whole);
            self.post(call);
        }
    }

    /// A row about an order, and with `told` per cent a hook.
    pub(super) fn order_changed(&mut self, id: u32, field: &str, values: (Value, Value), more: Value, told: u8) {
        let Some(order) = self.orders.get(&id) else { return };
        let Some(whole) = self.order_json(order) else { return };
        let status = order.status;
        let entity = if more.get("created").is_some() { whole.clone() } else { order.stub() };
        let at = self.date(self.now);
        self.order_history.add("order", &at, field, values, entity, more);
        if self.chance(told) {
            let call = hooks::order(&mut self.rng, id, status, &whole);
            self.post(call);
        }
    }

    /// A hook about a cart: no history tells of carts.
    pub(super) fn cart_changed(&mut self, id: u32) {
        let Some(cart) = self.people.get(&id).and_then(|person| self.cart_json(person)) else { return };
        let call = hooks::cart(&mut self.rng, id, &cart);
        self.post(call);
    }

    /// Posts a hook: most at once, some late (and then after what happened since), some twice.
    pub(super) fn post(&mut self, call: HookCall) {
        if self.chance(8) {
            self.plan_in(0..5, Action::Post(call.clone()));
        }
        if self.chance(6) {
            self.plan_in(2..90, Action::Post(call));
        } else {
            self.due.push(call);
        }
    }

    /// Posts now.
    pub(super) fn post_now(&mut self, call: HookCall) {
        self.due.push(call);
    }

    /// What was seen so far.
    pub(super) fn figures(&self) -> ShopFigures {
        ShopFigures {
            customers: self.people.len(),
            orders: self.orders.len(),
            cancelled: self.orders.values().filter(|order| order.is_closed() && order.status != "complete").count(),
            with_promo: self.orders.values().filter(|order| order.promo.is_some()).count(),
            hooks: self.posted,
            requests: self.requests,
        }
    }

    /// The row that our own key's write-back would leave behind: readers must skip it.
    pub(super) fn leave_our_own_trace(&mut self, id: u32) {
        let more = json!({"source": "api", "apiKey": {"current": true}});
        self.customer_changed(id, "custom_stage", (Value::Null, json!("purchase")), more, 0);
    }
}
