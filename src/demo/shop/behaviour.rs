//! What customers and the shop's people do, and when.

use serde_json::{Value, json};

use super::hooks::HookCall;
use super::orders::Order;
use super::people::{Letters, Person};
use super::world::World;
use super::{Reaction, goods};
use crate::journey::time::{Span, Timestamp};

/// Something on the agenda.
#[derive(Debug)]
pub(super) enum Action {
    /// A new customer registers, and the next one is awaited.
    Arrive,
    /// A customer comes and fills a cart.
    Visit(u32),
    /// A customer orders what is in the cart, if it is still this one.
    Buy { customer: u32, cart_version: u32 },
    /// A customer empties the cart, if it is still this one.
    Empty { customer: u32, cart_version: u32 },
    /// An order goes on to a status.
    Advance { order: u32, status: &'static str },
    /// An order is paid.
    Pay(u32),
    /// A customer refuses letters, or agrees to them again.
    Decide { customer: u32, letters: Letters },
    /// A record turns out to be another customer's.
    Merge { gone: u32, survivor: u32 },
    /// A customer is deleted.
    Delete(u32),
    /// A hook that was held up.
    Post(HookCall),
}

const MINUTES_OF_DAY: i64 = 1_440;

impl World {
    /// Customers who registered before the start, some of whom have ordered.
    pub(super) fn remember_the_past(&mut self) {
        let start = self.options.start;
        let mut days: Vec<i64> = (0..self.options.customers_before).map(|_| self.rng.i64(2..120)).collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        for ago in days {
            self.now = start.before(Span::seconds(ago * 86_400 + self.rng.i64(0..80_000)));
            let id = self.register();
            if self.chance(50) {
                self.fill_cart(id);
                if let Some(order) = self.place_order(id) {
                    self.now = self.now.after(Span::seconds(90_000));
                    self.set_status(order, "complete");
                }
            }
            if self.chance(60) {
                let at = start.after(Span::seconds(self.rng.i64(3_600..12 * 86_400)));
                self.plan(at, Action::Visit(id));
            }
        }
        self.now = start;
    }

    /// Lets one thing happen.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Arrive => self.arrive(),
            Action::Visit(id) => self.visit(id),
            Action::Buy { customer, cart_version } => self.buy(customer, cart_version),
            Action::Empty { customer, cart_version } => {
                if self.cart_is(customer, cart_version) {
                    self.clear_cart(customer);
                    self.cart_changed(customer);
                }
            }
            Action::Advance { order, status } => self.advance(order, status),
            Action::Pay(order) => self.pay(order),
            Action::Decide { customer, letters } => self.decide(customer, letters),
            Action::Merge { gone, survivor } => self.merge(gone, survivor),
            Action::Delete(id) => self.delete(id),
            Action::Post(call) => self.post_now(call),
        }
    }

    fn arrive(&mut self) {
        let id = self.register();
        if self.chance(80) {
            self.plan_in(1..240, Action::Visit(id));
        }
        if self.chance(3) {
            // The same person once more; somebody notices days later.
            let twin = self.register();
            self.plan_in(600..4_000, Action::Merge { gone: twin, survivor: id });
        }
        if self.chance(1) {
            self.plan_in(1_000..8_000, Action::Delete(id));
        }
        if self.chance(4) {
            self.plan_in(300..9_000, Action::Decide { customer: id, letters: Letters::Refused });
        }
        // Few come at night.
        let mean = 86_400 / i64::from(self.options.customers_per_day.max(1));
        let hour = self.now.local(self.options.zone).format("%H").to_string().parse().unwrap_or(12);
        let scale = if (0..7).contains(&hour) { 3.0 } else { 0.8 };
        let wait = -self.rng.f64().max(1e-6).ln() * mean as f64 * scale;
        #[expect(clippy::cast_possible_truncation, reason = "hours of seconds fit an i64")]
        self.plan(self.now.after(Span::seconds((wait as i64).clamp(5, 40_000))), Action::Arrive);
    }

    fn register(&mut self) -> u32 {
        let id = self.new_id();
        let person = Person::invent(&mut self.rng, id, self.now);
        self.people.insert(id, person);
        let more = json!({"created": true, "source": "api", "user": null, "apiKey": {"current": false}});
        self.customer_changed(id, "id", (Value::Null, json!(id)), more, 65);
        // One save, several rows.
        let code = json!({"source": "code"});
        self.customer_changed(id, "segments", (Value::Null, json!({"code": "newcomers"})), code, 0);
        if self.chance(10) {
            self.leave_our_own_trace(id);
        }
        id
    }

    fn visit(&mut self, id: u32) {
        if !self.people.contains_key(&id) {
            return;
        }
        let version = self.fill_cart(id);
        self.cart_changed(id);
        let buy = Action::Buy { customer: id, cart_version: version };
        match self.rng.u8(0..100) {
            0..30 => self.plan_in(3..45, buy),
            // Around the hour after which a reminder is usual: the race that must be won.
            30..45 => self.plan_in(55..70, buy),
            45..55 => self.plan_in(5..300, Action::Empty { customer: id, cart_version: version }),
            55..63 => self.plan_in(20..90, Action::Visit(id)),
            _ => {}
        }
    }

    fn fill_cart(&mut self, id: u32) -> u32 {
        let lines = goods::pick(&mut self.rng);
        let now = self.now;
        let Some(person) = self.people.get_mut(&id) else { return 0 };
        person.cart = lines;
        person.cart_at = Some(now);
        person.cart_cleared_at = None;
        person.cart_version += 1;
        person.cart_version
    }

    fn clear_cart(&mut self, id: u32) {
        let now = self.now;
        if let Some(person) = self.people.get_mut(&id) {
            person.cart.clear();
            person.cart_cleared_at = Some(now);
            person.cart_version += 1;
        }
    }

    fn cart_is(&self, id: u32, version: u32) -> bool {
        self.people.get(&id).is_some_and(|person| person.cart_version == version && !person.cart.is_empty())
    }

    fn buy(&mut self, customer: u32, cart_version: u32) {
        if !self.cart_is(customer, cart_version) {
            return;
        }
        let Some(order) = self.place_order(customer) else { return };
        self.cart_changed(customer);
        if self.chance(60) {
            self.plan_in(1..20, Action::Pay(order));
        }
        if self.chance(12) {
            let status = ["cancel-other", "no-call", "no-product"][self.rng.usize(0..3)];
            self.plan_in(30..2_000, Action::Advance { order, status });
        }
        self.plan_in(60..600, Action::Advance { order, status: "assembling" });
    }

    fn place_order(&mut self, customer: u32) -> Option<u32> {
        let now = self.now;
        let id = self.new_id();
        let person = self.people.get_mut(&customer)?;
        let (lines, promo) = (std::mem::take(&mut person.cart), person.promo.take());
        let order = Order { id, customer, created_at: now, status: "new", status_at: now, paid_at: None, lines, promo };
        person.orders += 1;
        person.spent += order.sum();
        self.orders.insert(id, order);
        self.clear_cart(customer);
        let more = json!({"created": true, "source": "api", "user": null, "apiKey": {"current": false}});
        self.order_changed(id, "status", (Value::Null, json!({"code": "new"})), more, 85);
        Some(id)
    }

    fn advance(&mut self, order: u32, status: &'static str) {
        if self.orders.get(&order).is_none_or(Order::is_closed) {
            return;
        }
        self.set_status(order, status);
        match status {
            "assembling" => self.plan_in(600..2_000, Action::Advance { order, status: "delivering" }),
            "delivering" => {
                self.plan_in(MINUTES_OF_DAY..4 * MINUTES_OF_DAY, Action::Advance { order, status: "complete" });
            }
            "complete" => {
                if self.orders.get(&order).is_some_and(|order| order.paid_at.is_none()) {
                    self.pay(order);
                }
                let customer = self.orders.get(&order).map_or(0, |order| order.customer);
                if self.chance(45) {
                    self.plan_in(2 * MINUTES_OF_DAY..8 * MINUTES_OF_DAY, Action::Visit(customer));
                }
            }
            _ => {}
        }
    }

    fn set_status(&mut self, id: u32, status: &'static str) {
        let now = self.now;
        let Some(order) = self.orders.get_mut(&id) else { return };
        let before = std::mem::replace(&mut order.status, status);
        order.status_at = now;
        let values = (json!({"code": before}), json!({"code": status}));
        self.order_changed(id, "status", values, json!({}), 70);
        // A manager's save touches more than the status.
        self.order_changed(id, "manager_comment", (Value::Null, json!("called")), json!({}), 0);
    }

    fn pay(&mut self, id: u32) {
        let now = self.now;
        let Some(order) = self.orders.get_mut(&id).filter(|order| order.paid_at.is_none()) else { return };
        order.paid_at = Some(now);
        let payment = json!({"payment": {"id": id + 40_000, "type": "bank-card"}});
        let values = (json!({"code": "not-paid"}), json!({"code": "paid"}));
        self.order_changed(id, "payments.status", values, payment, 60);
        let at = self.date(now);
        self.order_changed(id, "full_paid_at", (Value::Null, json!(at)), json!({}), 0);
    }

    fn decide(&mut self, id: u32, letters: Letters) {
        let now = self.now;
        let Some(person) = self.people.get_mut(&id).filter(|person| person.letters != letters) else { return };
        person.letters = letters;
        person.letters_at = Some(now);
        let at = self.date(now);
        self.customer_changed(id, "email_marketing_unsubscribed_at", (Value::Null, json!(at)), json!({}), 50);
    }

    /// Takes over what our own key says of a customer's letters; its row says whose key it was.
    pub(super) fn subscribe(&mut self, id: u32, active: bool) {
        let letters = if active { Letters::Agreed } else { Letters::Refused };
        let now = self.now;
        let Some(person) = self.people.get_mut(&id).filter(|person| person.letters != letters) else { return };
        person.letters = letters;
        person.letters_at = Some(now);
        let at = self.date(now);
        let ours = json!({"source": "api", "apiKey": {"current": true}});
        self.customer_changed(id, "email_marketing_unsubscribed_at", (Value::Null, json!(at)), ours, 0);
    }

    fn merge(&mut self, gone: u32, survivor: u32) {
        if !self.people.contains_key(&survivor) {
            return;
        }
        let Some(target) = self.people.get(&survivor).map(Person::stub) else { return };
        let more = json!({"deleted": true, "source": "combine", "combinedTo": target});
        self.customer_changed(gone, "id", (json!(gone), Value::Null), more, 0);
        self.people.remove(&gone);
        for order in self.orders.values_mut().filter(|order| order.customer == gone) {
            order.customer = survivor;
        }
    }

    fn delete(&mut self, id: u32) {
        self.customer_changed(id, "id", (json!(id), Value::Null), json!({"deleted": true}), 0);
        self.people.remove(&id);
    }

    /// What a letter brings about.
    pub(super) fn letter_arrived(
        &mut self,
        email: &str,
        subject: &str,
        promo: Option<&str>,
        at: Timestamp,
    ) -> Reaction {
        // The name in a letter's envelope may be written otherwise than in the CRM.
        let Some(id) =
            self.people.values().find(|person| person.email.eq_ignore_ascii_case(email)).map(|person| person.id)
        else {
            return Reaction::Nothing;
        };
        self.now = self.now.max(at);
        if let (Some(code), Some(person)) = (promo, self.people.get_mut(&id)) {
            person.promo = Some(code.to_owned());
        }
        let (has_cart, version) = self.people.get(&id).map_or((false, 0), |p| (!p.cart.is_empty(), p.cart_version));
        let about_orders = subject.chars().any(|c| c.is_ascii_digit()) && !has_cart;
        match self.rng.u8(0..100) {
            0..2 if !about_orders => {
                self.plan_in(5..400, Action::Decide { customer: id, letters: Letters::Refused });
                Reaction::Unsubscribes
            }
            2..26 if has_cart => {
                self.plan_in(4..300, Action::Buy { customer: id, cart_version: version });
                Reaction::Orders
            }
            2..14 => {
                self.plan_in(4..600, Action::Visit(id));
                Reaction::Visits
            }
            14..26 if promo.is_some() => {
                let version = self.fill_cart(id);
                self.plan_in(4..600, Action::Buy { customer: id, cart_version: version });
                Reaction::Orders
            }
            _ => Reaction::Nothing,
        }
    }
}
