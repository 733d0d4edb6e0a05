//! Orders and how the CRM shows them.

use serde_json::{Value, json};

use super::goods::{Line, amount, order_items, total};
use super::people::Person;
use super::{CURRENCY, PROMO_FIELD, SITE};
use crate::journey::time::Timestamp;

/// Statuses and their groups, as a new account has them.
pub(super) const STATUSES: [(&str, &str, &str); 9] = [
    ("new", "New", "new"),
    ("client-confirmed", "Confirmed", "approval"),
    ("assembling", "Being packed", "assembling"),
    ("send-to-delivery", "Handed to delivery", "delivery"),
    ("delivering", "Being delivered", "delivery"),
    ("complete", "Complete", "complete"),
    ("no-call", "Can't be reached", "cancel"),
    ("no-product", "Not in stock", "cancel"),
    ("cancel-other", "Cancelled", "cancel"),
];

/// The groups of statuses.
pub(super) const GROUPS: [&str; 6] = ["new", "approval", "assembling", "delivery", "complete", "cancel"];

/// One order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub id: u32,
    pub customer: u32,
    pub created_at: Timestamp,
    pub status: &'static str,
    pub status_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub lines: Vec<Line>,
    pub promo: Option<String>,
}

impl Order {
    /// Whether nothing more will happen to it.
    pub(super) fn is_closed(&self) -> bool {
        STATUSES.iter().any(|(code, _, group)| *code == self.status && matches!(*group, "complete" | "cancel"))
    }

    /// What every row of the history shows of an order: the status is the one after the change.
    pub(super) fn stub(&self) -> Value {
        json!({"id": self.id, "externalId": format!("web-{}", self.id), "managerId": 19, "site": SITE, "status": self.status})
    }

    /// The sum to pay, in cents; a promo code takes a tenth off.
    pub(super) fn sum(&self) -> i64 {
        let sum = total(&self.lines);
        if self.promo.is_some() { sum - sum / 10 } else { sum }
    }

    /// The order as read.
    pub(super) fn whole(&self, person: &Person, date: impl Fn(Timestamp) -> String) -> Value {
        let created = date(self.created_at);
        let sum = amount(self.sum());
        // Nothing paid: an empty list; else an object keyed by the payment's id.
        let payments = self.paid_at.map_or_else(
            || json!([]),
            |at| {
                let id = self.id + 40_000;
                json!({ id.to_string(): {"id": id, "type": "bank-card", "status": "paid", "amount": sum, "paidAt": date(at)} })
            },
        );
        let fields = self.promo.as_ref().map_or_else(|| json!([]), |code| json!({ PROMO_FIELD: code }));
        json!({
            "slug": self.id, "bonusesCreditTotal": 0, "bonusesChargeTotal": 0, "id": self.id, "number": format!("{}A", self.id),
            "externalId": format!("web-{}", self.id), "orderMethod": "shopping-cart", "countryIso": "LV", "createdAt": created,
            "statusUpdatedAt": date(self.status_at), "summ": amount(total(&self.lines)), "currency": CURRENCY, "totalSumm": sum,
            "prepaySum": if self.paid_at.is_some() { sum.clone() } else { json!(0) }, "purchaseSumm": 0, "markDatetime": created,
            "firstName": person.first_name, "lastName": person.last_name, "email": person.email, "call": false, "expired": false,
            "customer": person.nested(&date), "contact": {"type": "customer", "id": person.id},
            "contragent": {"contragentType": "individual"}, "delivery": {"code": "courier", "cost": 0, "address": {"city": person.city}},
            "site": SITE, "status": self.status, "items": order_items(&self.lines, self.id, &created), "payments": payments,
            "fromApi": true, "shipped": false, "customFields": fields,
        })
    }
}
