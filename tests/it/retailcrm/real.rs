//! The histories' folding on our own fixtures; and, where they lie beside the checkout, every real answer of the API.

use std::path::Path;

use milepost::crm::{Parsed, Via};
use milepost::journey::event::{Event, Key, Phase};
use serde_json::{Value, json};

use super::{at, connection, events, fixture, parse, raw};

fn told(found: &[Event]) -> Vec<(&str, &str)> {
    found.iter().map(|event| (event.kind.as_str(), event.keys[0].value.as_str())).collect()
}

#[test]
fn the_customers_history_is_folded() {
    let page = fixture("customers-history");
    let present = fixture("customers")["customers"].clone();
    let found =
        events(&connection(None, ""), Via::Poll, &json!({"customer_rows": page["history"], "customers": present}));
    let mut kinds = told(&found);
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            ("customer.created", "501"),
            ("customer.created", "502"),
            ("customer.deleted", "505"),
            ("customer.merged", "501"),
            ("customer.updated", "501"),
            ("customer.updated", "501"),
            ("customer.updated", "502"),
            ("customer.updated", "502"),
        ]
    );
    let merged = found.iter().find(|event| event.kind == "customer.merged").expect("a merge");
    assert_eq!(merged.merged, [Key::source("crm", 504), Key::external("u-80")]);
    assert!(found.iter().all(|event| event.keys[0].value != "503"), "our own key's changes are no news");
}

#[test]
fn the_orders_history_is_folded() {
    let page = fixture("orders-history");
    let rows = |order: i64| -> Vec<Value> {
        page["history"]
            .as_array()
            .expect("rows")
            .iter()
            .filter(|row| row["order"]["id"] == json!(order))
            .cloned()
            .collect()
    };
    let connection = connection(None, "");
    // An order that was just placed needs nothing read.
    let found = events(&connection, Via::Poll, &json!({"order_rows": rows(8002)}));
    assert_eq!(
        found.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(),
        ["order/8002/created", "order/8002/status/client-confirmed/1775927100"]
    );
    let created = found[0].order.as_ref().expect("an order");
    assert_eq!((created.status.as_deref(), created.phase), (Some("new"), Some(Phase::Open)));
    assert_eq!(found[0].occurred_at, at("2026-04-11T17:00:00Z"));

    // Four rows of an older one, three of them of one save, and one that our own key made.
    let found =
        events(&connection, Via::Poll, &json!({"order_rows": rows(8001), "orders": [fixture("order")["order"]]}));
    assert_eq!(
        found.iter().map(|event| (event.kind.as_str(), event.occurred_at)).collect::<Vec<_>>(),
        [
            ("order.created", at("2026-04-10T06:30:00Z")),
            ("order.status", at("2026-04-12T12:00:00Z")),
            ("order.paid", at("2026-04-12T13:00:00Z")),
            ("order.updated", at("2026-04-12T13:00:00Z")),
        ]
    );
    let by_hook = events(&connection, Via::Hook, &json!({"order": fixture("order")["order"]}));
    let ids = |found: &[Event]| {
        // An update carries the moment at which it was seen; the core ignores a second sight of the same content.
        let name = |id: &str| id.split_once("/updated/").map_or(id.to_owned(), |(name, _)| format!("{name}/updated"));
        let mut ids: Vec<_> = found.iter().map(|event| name(&event.id)).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&found), ids(&by_hook), "hook and polling tell the same happenings");
}

#[test]
fn an_order_that_is_gone_counts_as_cancelled() {
    let mut row = fixture("orders-history")["history"][0].clone();
    row["deleted"] = json!(true);
    row.as_object_mut().expect("fields").remove("created");
    let found = events(&connection(None, ""), Via::Poll, &json!({"order_rows": [row]}));
    let last = found.last().and_then(|event| event.order.as_ref()).expect("an order");
    assert_eq!(last.phase, Some(Phase::Cancelled));
}

#[test]
fn rows_that_name_nobody_are_put_aside() {
    let rows = json!({"order_rows": [{"id": 1, "createdAt": "2026-01-01 10:00:00", "field": "status", "newValue": {"code": "new"}, "order": {"id": 5}}]});
    let body = rows.to_string();
    assert!(matches!(parse(&connection(None, ""), &raw(Via::Poll, "", "", body.as_bytes())), Parsed::Ignored(_)));
}

/// Real answers hold what nobody thinks of. They may not be copied, so they are read where they lie.
#[test]
fn every_real_answer_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/retailcrm");
    let connection = connection(None, "");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    if names.is_empty() {
        names.extend(
            std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/retailcrm"))
                .expect("ours")
                .flatten()
                .map(|entry| entry.path()),
        );
    }
    names.sort();
    let mut total = 0;
    for path in names {
        let answer: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        let document = if let Some(rows) = answer.get("history").and_then(Value::as_array) {
            let kind = if rows.iter().any(|row| row.get("order").is_some()) { "order_rows" } else { "customer_rows" };
            json!({ kind: rows })
        } else if answer.get("customer").or(answer.get("order")).is_some() {
            json!({"customers": answer.get("customer").into_iter().collect::<Vec<_>>(), "orders": answer.get("order").into_iter().collect::<Vec<_>>()})
        } else if let Some(cart) = answer.get("cart") {
            json!({"carts": [{"site": "s", "customer": {"external": "5"}, "cart": cart}]})
        } else if answer.get("customers").or(answer.get("orders")).is_some() {
            json!({"customers": answer.get("customers").unwrap_or(&json!([])), "orders": answer.get("orders").unwrap_or(&json!([]))})
        } else {
            continue;
        };
        if let Parsed::Events(found) = parse(&connection, &raw(Via::Poll, "", "", document.to_string().as_bytes())) {
            total += found.len();
        }
    }
    assert!(total > 10, "they hold events: {total}");
}
