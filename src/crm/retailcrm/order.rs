//! An order's entity as events: placed, status, paid, changed.
//!
//! Invariant: `order.created` carries no status that was only reached later, or the change to it would go unnoticed.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::amounts;
use super::customer::{Extent, attributes};
use super::items;
use super::loose::names;
use super::model::{Customer, Order};
use super::reader::{Reader, fingerprint, seconds};
use crate::crm::ParseError;
use crate::journey::event::{self, Event, Key, Phase, Profile, kind};
use crate::journey::time::Timestamp;

/// The status that stands for a deleted order.
const DELETED: &str = "deleted";

impl Order {
    /// The person who ordered: the contact, where a company did.
    pub(super) fn person(&self) -> Option<&Customer> {
        match &self.customer {
            Some(company) if company.kind.as_deref() == Some("customer_corporate") => self.contact.as_ref(),
            None => self.contact.as_ref(),
            person => person.as_ref(),
        }
    }

    /// The keys that name the customer.
    pub(super) fn keys(&self, connection: &str) -> Vec<Key> {
        let mut keys = self.person().map(|person| person.keys(connection)).unwrap_or_default();
        let email = self.email.as_deref().filter(|address| address.contains('@')).map(Key::email);
        if keys.is_empty() {
            // A known customer's order may go to somebody else's address; a guest has nothing but it.
            keys.extend(email);
        }
        if keys.is_empty() {
            keys.extend(self.phone.as_deref().map(Key::phone).filter(|key| key.value.len() >= 5));
        }
        keys
    }

    /// Whether it says enough to need no reading back.
    pub(super) fn is_whole(&self, connection: &str) -> bool {
        self.created_at.is_some()
            && self.status.is_some()
            && (self.total_summ.is_some() || self.items.is_some())
            && !self.keys(connection).is_empty()
    }

    fn is_paid(&self) -> bool {
        if self.full_paid_at.is_some() {
            return true;
        }
        let total = self.total_summ.or(self.summ).unwrap_or_default();
        if total > Decimal::ZERO && self.prepay_sum.is_some_and(|paid| paid >= total) {
            return true;
        }
        let paid: Vec<_> = self
            .payments
            .iter()
            .flatten()
            .filter(|payment| payment.paid_at.is_some() || payment.status.as_deref() == Some("paid"))
            .collect();
        let sum = paid.iter().filter_map(|payment| payment.amount).try_fold(Decimal::ZERO, Decimal::checked_add);
        let all_unpriced = paid.iter().all(|payment| payment.amount.is_none());
        let all_paid = self.payments.iter().flatten().count() == paid.len();
        !paid.is_empty()
            && if all_unpriced { all_paid } else { total > Decimal::ZERO && sum.is_some_and(|sum| sum >= total) }
    }
}

/// One order, read once: what all of its events have in common.
pub(super) struct Seen<'a> {
    reader: &'a Reader<'a>,
    order: &'a Order,
    name: String,
    keys: Vec<Key>,
    content: event::Order,
    profile: Option<Profile>,
}

impl<'a> Seen<'a> {
    /// Reads an order's content.
    pub(super) fn new(reader: &'a Reader<'a>, order: &'a Order) -> Result<Self, ParseError> {
        let keys = order.keys(&reader.account.connection);
        let name = order
            .id
            .clone()
            .or_else(|| order.external_id.as_ref().map(|id| format!("external:{id}")))
            .filter(|_| !keys.is_empty())
            .ok_or(ParseError::NoCustomer { what: "the order" })?;
        let currency = amounts::currency(order.currency.as_deref(), &reader.account.currency);
        let total = order.total_summ.map(|sum| amounts::money("totalSumm", sum, &currency)).transpose()?;
        let content = event::Order {
            id: name.clone(),
            number: order.number.clone().or_else(|| order.external_id.clone()),
            status: None,
            phase: None,
            created_at: reader.date("createdAt", order.created_at.as_deref())?,
            total,
            paid: None,
            items: order.items.as_ref().map(|list| items::read(list, &currency)).transpose()?,
            promo_code: promo_code(reader, order),
        };
        Ok(Self { reader, order, name, keys, content, profile: profile_of(reader, order)? })
    }

    /// When it was placed, if it says.
    pub(super) fn created_at(&self) -> Option<Timestamp> {
        self.content.created_at
    }

    fn event(&self, kind: &str, what: &str, at: Timestamp) -> Event {
        let mut event = self.reader.event(kind, format!("order/{}/{what}", self.name), at, self.keys.clone());
        event.order = Some(self.content.clone());
        event.profile.clone_from(&self.profile);
        event.touchpoint = self.order.method.as_deref().map(touchpoint);
        event
    }

    /// It was placed, with this status if one is known for that time.
    pub(super) fn created(&self, at: Timestamp, status: Option<&str>) -> Event {
        let mut event = self.event(kind::ORDER_CREATED, "created", at);
        if let (Some(order), Some(code)) = (&mut event.order, status) {
            order.status = Some(code.to_owned());
            order.phase = self.reader.phase(code);
        }
        event
    }

    /// Its status became this one.
    pub(super) fn status(&self, code: &str, at: Timestamp) -> Event {
        let mut event = self.event(kind::ORDER_STATUS, &format!("status/{code}/{}", seconds(at)), at);
        if let Some(order) = &mut event.order {
            order.status = Some(code.to_owned());
            order.phase = self.reader.phase(code);
        }
        event
    }

    /// It was deleted: an order that is gone counts as cancelled.
    pub(super) fn deleted(&self, at: Timestamp) -> Event {
        let mut event = self.event(kind::ORDER_STATUS, &format!("status/{DELETED}/{}", seconds(at)), at);
        if let Some(order) = &mut event.order {
            order.status = Some(DELETED.to_owned());
            order.phase = Some(Phase::Cancelled);
        }
        event
    }

    /// It was paid in full, if it was.
    pub(super) fn paid(&self, at: Timestamp) -> Option<Event> {
        self.order.is_paid().then(|| self.paid_by_word(at))
    }

    /// It was paid in full, as something else than the order itself says.
    pub(super) fn paid_by_word(&self, at: Timestamp) -> Event {
        let mut event = self.event(kind::ORDER_PAID, "paid", at);
        if let Some(order) = &mut event.order {
            order.paid = Some(true);
        }
        event
    }

    /// Something else about it changed.
    pub(super) fn updated(&self, at: Timestamp) -> Event {
        let content = json!([
            self.content.number,
            self.content.total,
            self.content.items,
            self.content.promo_code,
            self.order.external_id
        ]);
        // With the moment: what changes and changes back is two changes. The core ignores a sight that changes nothing.
        self.event(kind::ORDER_UPDATED, &format!("updated/{}/{}", fingerprint(&content), seconds(at)), at)
    }

    /// When the payment was made, as far as the order says.
    fn paid_at(&self) -> Result<Option<Timestamp>, ParseError> {
        let mut latest = self.reader.date("fullPaidAt", self.order.full_paid_at.as_deref())?;
        if latest.is_none() {
            for payment in self.order.payments.iter().flatten() {
                latest = latest.max(self.reader.date("paidAt", payment.paid_at.as_deref())?);
            }
        }
        Ok(latest)
    }

    /// Every event that the entity stands for at `as_of`.
    pub(super) fn all(&self, as_of: Timestamp) -> Result<Vec<Event>, ParseError> {
        let mut events = self.standing(as_of)?;
        if let Some(event) = self.paid(self.paid_at()?.unwrap_or(as_of)) {
            events.push(event);
        }
        events.push(self.updated(as_of));
        Ok(events)
    }

    /// That it was placed and where it stands.
    pub(super) fn standing(&self, as_of: Timestamp) -> Result<Vec<Event>, ParseError> {
        let status = self.order.status.as_deref();
        let changed = self.reader.date("statusUpdatedAt", self.order.status_updated_at.as_deref())?;
        let mut events = Vec::new();
        match (self.created_at(), status) {
            (Some(created), Some(code)) if changed.is_some_and(|at| at > created) => {
                events.push(self.created(created, None));
                events.push(self.status(code, changed.unwrap_or(as_of)));
            }
            // An order without a date of its status still has its first, or nobody knows since when it has this one.
            (Some(created), Some(code)) if changed.is_some() || code == "new" => {
                events.push(self.created(created, Some(code)));
            }
            (created, code) => {
                events.extend(created.map(|at| self.created(at, None)));
                events.extend(code.map(|code| self.status(code, changed.unwrap_or(as_of))));
            }
        }
        Ok(events)
    }
}

fn promo_code(reader: &Reader<'_>, order: &Order) -> Option<String> {
    let field = reader.account.promo_field.as_deref()?;
    names(std::slice::from_ref(order.custom_fields.get(field)?), "code").into_iter().next()
}

/// What the order says of its customer: the customer inside it, and for a guest the order's own fields.
fn profile_of(reader: &Reader<'_>, order: &Order) -> Result<Option<Profile>, ParseError> {
    if let Some(person) = order.person().filter(|person| person.has_content()) {
        let attributes = attributes(reader, person, Extent::Part)?;
        return Ok(Some(Profile { attributes, ..Profile::default() }));
    }
    let said = [
        ("email", order.email.as_ref().filter(|address| address.contains('@'))),
        ("phone", order.phone.as_ref()),
        ("first_name", order.first_name.as_ref()),
        ("last_name", order.last_name.as_ref()),
    ];
    let known_otherwise = order.person().is_some();
    let attributes: serde_json::Map<_, _> = said
        .into_iter()
        .filter(|_| !known_otherwise)
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?.as_str()))))
        .collect();
    Ok((!attributes.is_empty()).then(|| Profile { attributes, ..Profile::default() }))
}

fn touchpoint(method: &str) -> String {
    match method {
        "shopping-cart" | "one-click" | "landing-page" | "price-decrease-request" | "product-request" => "site",
        "phone" | "callback-request" | "missed-call" => "call",
        "live-chat" | "messenger" => "chat",
        "e-mail" => "email",
        "mobile-app" => "app",
        "offline" | "terminal" => "shop",
        other => other,
    }
    .to_owned()
}
