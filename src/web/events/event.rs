//! One event: from JSON to the core's [`Event`], or every fault of it.

use serde_json::Value;

use super::fields::{Fault, Faults, Fields, ID_CHARS, text};
use super::{SOURCE, customer, order};
use crate::journey::event::{Event, Key, Profile, kind};
use crate::journey::time::{Span, Timestamp};

/// How far in the future an event may claim to be: clocks differ, but a "latest" fact must not be taken hostage.
const CLOCK_SKEW: Span = Span::days(1);

/// Kinds that only Milepost itself says, each with what to send instead.
const RESERVED: [(&str, &str); 7] = [
    (kind::CUSTOMER_MERGED, "customers who share a key are merged by themselves: send an event that names both keys"),
    (kind::ORDER_CANCELLED, "send order.status with order.phase: \"cancelled\""),
    (kind::ORDER_COMPLETED, "send order.status with order.phase: \"complete\""),
    (kind::RULE_CALLED, "start a rule with POST /api/v1/rules/<rule>/start"),
    (kind::CONSENT_REQUESTED, "send customer.updated with customer.consent: {\"marketing\": true}"),
    (kind::CONSENT_CONFIRMED, "the customer confirms by the link of a letter"),
    (kind::UNSUBSCRIBED, "send customer.updated with customer.consent: {\"marketing\": false}"),
];

/// Reads one event that was accepted at `now`.
pub fn read(value: Value, shop_currency: &str, now: Timestamp) -> Result<Event, Vec<Fault>> {
    let faults = Faults::default();
    match read_fields(value, shop_currency, now, &faults) {
        Some(event) if faults.is_empty() => Ok(event),
        _ => Err(faults.into_vec()),
    }
}

fn read_fields(value: Value, shop_currency: &str, now: Timestamp, faults: &Faults) -> Option<Event> {
    let mut fields = Fields::open(value, "", faults)?;
    let id = fields.needed_id("id");
    let kind = read_kind(&mut fields);
    let occurred_at = happened_at(&mut fields, now);
    let (keys, profile) = who(&mut fields);
    let mut order = fields.object("order").and_then(|object| order::read_order(object, shop_currency));
    if kind.as_deref() == Some(kind::ORDER_PAID)
        && let Some(order) = &mut order
    {
        // The kind says it.
        order.paid.get_or_insert(true);
    }
    let cart = fields.object("cart").map(|object| order::read_cart(object, shop_currency));
    let touchpoint = fields.value("touchpoint").and_then(|v| text(v, "touchpoint".into(), ID_CHARS, faults));
    let data = fields.object("data").map(Fields::rest).unwrap_or_default();
    let event = Event {
        source: SOURCE.into(),
        id: id.unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        occurred_at,
        received_at: now,
        keys,
        merged: Vec::new(),
        touchpoint,
        profile,
        order,
        cart,
        data,
    };
    check_content(&event, &fields);
    fields.close();
    Some(event)
}

/// When it happened: now if that is not said.
pub(super) fn happened_at(fields: &mut Fields<'_>, now: Timestamp) -> Timestamp {
    let occurred_at = fields.moment("occurred_at").unwrap_or(now);
    if occurred_at > now.after(CLOCK_SKEW) {
        fields.fault("occurred_at", "is more than a day in the future");
    }
    occurred_at
}

/// Whom it happened to.
pub(super) fn who(fields: &mut Fields<'_>) -> (Vec<Key>, Option<Profile>) {
    if let Some(object) = fields.object("customer") {
        return customer::read(object);
    }
    if fields.faults().is_empty() {
        fields.fault("customer", "is missing: name the customer by id, external_id, email or phone");
    }
    (Vec::new(), None)
}

/// `kind`, or `type` as some shops call it.
fn read_kind(fields: &mut Fields<'_>) -> Option<String> {
    let kind = fields.text("kind");
    let kind = match (kind, fields.text("type")) {
        (Some(_), Some(_)) => {
            fields.fault("type", "says the same as `kind`: send one of them");
            return None;
        }
        (kind, other) => kind.or(other),
    };
    let Some(kind) = kind else {
        fields.fault("kind", "is missing");
        return None;
    };
    if !is_kind(&kind) {
        fields.fault("kind", "must be a lower-case dotted name, for example order.created");
    }
    if let Some((_, instead)) = RESERVED.iter().find(|(reserved, _)| *reserved == kind) {
        fields.fault("kind", format!("`{kind}` can't be sent: {instead}"));
    }
    Some(kind)
}

/// What a known kind must bring along.
fn check_content(event: &Event, fields: &Fields<'_>) {
    let clean = fields.faults().is_empty();
    match event.kind.as_str() {
        kind::ORDER_CREATED | kind::ORDER_UPDATED | kind::ORDER_STATUS | kind::ORDER_PAID
            if event.order.is_none() && clean =>
        {
            fields.fault("order", format!("is missing: {} is about an order", event.kind));
        }
        kind::ORDER_PAID if clean && event.order.as_ref().is_some_and(|order| order.paid == Some(false)) => {
            fields.fault("order.paid", "must be true, or be left out: order.paid says that the order is paid");
        }
        kind::ORDER_STATUS
            if clean && event.order.as_ref().is_some_and(|o| o.status.is_none() && o.phase.is_none()) =>
        {
            fields.fault("order.status", "is missing: say the status, or the phase, or both");
        }
        kind::CART_UPDATED if clean && event.cart.as_ref().is_none_or(|c| c.items.is_empty()) => {
            fields.fault("cart.items", "is missing or empty: a cart without items is said by cart.cleared");
        }
        kind::CART_CLEARED if clean && event.cart.as_ref().is_some_and(|c| !c.items.is_empty()) => {
            fields.fault("cart.items", "must be empty: a cart with items is said by cart.updated");
        }
        _ => {}
    }
}

fn is_kind(kind: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    };
    kind.len() <= 100 && kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").expect("a moment")
    }

    fn faults(value: Value) -> Vec<String> {
        let refused = read(value, "EUR", now()).expect_err("refused");
        refused.into_iter().map(|f| format!("{}: {}", f.path, f.reason)).collect()
    }

    #[test]
    fn a_whole_event_becomes_the_core_s() {
        let event = read(
            json!({
                "id": 17, "type": "order.created", "occurred_at": "2026-11-22T09:30:00+03:00", "touchpoint": "site",
                "customer": {"id": "c1", "external_id": 5, "email": " Ann@Shop.example ", "first_name": "Ann", "city": null,
                             "consent": {"marketing": true}, "attributes": {"feeding": "auto", "cats": 2}},
                "order": {"id": "o1", "number": "1001", "phase": "open", "total": "24.90", "paid": false,
                          "items": [{"name": "Feeder", "price": 24.9, "link": "https://shop.example/f"}]},
                "data": {"campaign": {"name": "spring"}},
            }),
            "EUR",
            now(),
        )
        .expect("accepted");
        assert_eq!((event.source.as_str(), event.id.as_str(), event.kind.as_str()), ("api", "17", "order.created"));
        assert_eq!(event.occurred_at.to_string(), "2026-11-22T06:30:00Z");
        let keys: Vec<_> = event.keys.iter().map(|k| format!("{}={}", k.kind, k.value)).collect();
        assert_eq!(keys, ["id:api=c1", "external=5", "email=ann@shop.example"]);
        let profile = event.profile.expect("a profile");
        assert_eq!(
            Value::from(profile.attributes),
            json!({"email": "Ann@Shop.example", "first_name": "Ann", "city": null, "feeding": "auto", "cats": 2})
        );
        assert_eq!(profile.consents.get("marketing"), Some(&true));
        let order = event.order.expect("an order");
        assert_eq!(order.total.map(|t| t.minor), Some(2_490));
        assert_eq!(order.items.expect("lines")[0].price.as_ref().map(|p| p.minor), Some(2_490));
    }

    #[test]
    fn a_cart_without_total_is_summed() {
        let event = read(
            json!({"id": "1", "kind": "cart.updated", "customer": {"id": 1}, "cart": {"currency": "rub", "items": [
                {"name": "Dry food, kg", "quantity": 1.5, "price": "10.01"}, {"name": "Bowl", "price": 5}]}}),
            "EUR",
            now(),
        )
        .expect("accepted");
        assert_eq!(event.cart.and_then(|c| c.total).map(|t| t.to_string()).as_deref(), Some("20.02 RUB"));
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let found = faults(json!({
            "id": "1", "kind": "order.created", "ocurred_at": "2026-11-22", "customer": {"email": "a\u{7}@shop.example"},
            "order": {"id": "o", "total": "1.005", "items": [{"name": "x", "quantity": -1}, {"nam": "y"}]},
        }));
        let paths: Vec<_> = found.iter().filter_map(|f| f.split(':').next()).collect();
        assert_eq!(
            paths,
            [
                "customer.email",
                "order.total",
                "order.items[0].quantity",
                "order.items[1].name",
                "order.items[1].nam",
                "ocurred_at"
            ]
        );
        assert!(found[5].contains("did you mean `occurred_at`"), "{found:?}");
    }

    #[test]
    fn an_order_that_is_paid_need_not_say_so_twice() {
        let paid = json!({"id": "1", "kind": "order.paid", "customer": {"id": "7"}, "order": {"id": "o1"}});
        let event = read(paid, "EUR", now()).expect("accepted");
        assert_eq!(event.order.and_then(|order| order.paid), Some(true));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let customer = json!({"id": "c"});
        let cases = [
            (json!("text"), ""),
            (json!({"kind": "a.b", "customer": customer}), "id"),
            (json!({"id": " ", "kind": "a.b", "customer": customer}), "id"),
            (json!({"id": "1", "customer": customer}), "kind"),
            (json!({"id": "1", "kind": "Order Created", "customer": customer}), "kind"),
            (json!({"id": "1", "kind": "message.unsubscribed", "customer": customer}), "kind"),
            (json!({"id": "1", "kind": "a.b"}), "customer"),
            (json!({"id": "1", "kind": "a.b", "customer": {}}), "customer.id"),
            (json!({"id": "1", "kind": "a.b", "customer": {"phone": "12"}}), "customer.phone"),
            (json!({"id": "1", "kind": "a.b", "customer": {"id": 1, "time_zone": "Mars"}}), "customer.time_zone"),
            (
                json!({"id": "1", "kind": "a.b", "customer": {"id": 1, "consent": {"marketing": "yes"}}}),
                "customer.consent.marketing",
            ),
            (json!({"id": "1", "kind": "a.b", "customer": {"id": 1, "attributes": {"A": 1}}}), "customer.attributes.A"),
            (
                json!({"id": "1", "kind": "a.b", "customer": customer, "occurred_at": "0000-01-01T00:00:00Z"}),
                "occurred_at",
            ),
            (
                json!({"id": "1", "kind": "a.b", "customer": customer, "occurred_at": "2026-12-22T10:00:00Z"}),
                "occurred_at",
            ),
            (json!({"id": "1", "kind": "order.paid", "customer": customer}), "order"),
            (
                json!({"id": "1", "kind": "order.paid", "customer": customer, "order": {"id": 1, "paid": false}}),
                "order.paid",
            ),
            (json!({"id": "1", "kind": "order.status", "customer": customer, "order": {"id": 1}}), "order.status"),
            (json!({"id": "1", "kind": "cart.updated", "customer": customer, "cart": {"items": []}}), "cart.items"),
            (
                json!({"id": "1", "kind": "cart.cleared", "customer": customer, "cart": {"items": [{"name": "x"}]}}),
                "cart.items",
            ),
        ];
        for (value, path) in cases {
            let found = faults(value.clone());
            assert!(found[0].starts_with(&format!("{path}: ")), "{value}: {found:?}");
        }
    }
}
