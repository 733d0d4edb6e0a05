//! Any bytes give events or an error.

use std::sync::LazyLock;

use milepost::crm::{Connection, Raw, References, Via};
use milepost::journey::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{connection, fixture};

/// With an API to ask and without.
static CONNECTIONS: LazyLock<[Connection; 2]> =
    LazyLock::new(|| [connection(Some("http://crm.example"), ""), connection(None, "")]);

/// Names that the readers look at, so that chance meets them.
const NAMES: [&str; 26] = [
    "id",
    "externalId",
    "createdAt",
    "customer",
    "order",
    "cart",
    "items",
    "offer",
    "quantity",
    "price",
    "prices",
    "totalSumm",
    "currency",
    "status",
    "statusUpdatedAt",
    "payments",
    "customFields",
    "customerSubscriptions",
    "subscription",
    "droppedAt",
    "customer_rows",
    "order_rows",
    "customers",
    "orders",
    "newValue",
    "combinedTo",
];

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z@.é]{0,8}".prop_map(Value::from),
        "[+-]?[0-9]{1,6}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}".prop_map(Value::from),
        Just(json!("9999-12-31 23:59:59")),
        Just(json!("1900-01-01 00:00:00")),
        Just(json!("1e400")),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(&NAMES[..]), inner), 0..8).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Puts `value` at the `place`-th leaf or branch of a tree.
fn replace(tree: &mut Value, place: &mut usize, value: &Value) {
    if *place == 0 {
        *tree = value.clone();
    }
    *place = place.wrapping_sub(1);
    match tree {
        Value::Array(list) => list.iter_mut().for_each(|inner| replace(inner, place, value)),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, inner)| replace(inner, place, value)),
        _ => {}
    }
}

fn read_every_way(content_type: &str, query: &str, body: &[u8]) {
    for connection in CONNECTIONS.iter() {
        for channel in [Via::Hook, Via::Poll, Via::Read] {
            let raw = Raw { channel, content_type, query, body, received_at: Timestamp::MAX };
            let first = connection.parse(&raw, &References::default());
            let second = connection.parse(&raw, &References::default());
            match (first, second) {
                (Ok(first), Ok(second)) => {
                    assert_eq!(first, second, "reading is repeatable");
                    if let milepost::crm::Parsed::Events(events) = first {
                        assert!(events.iter().all(|event| !event.keys.is_empty()));
                    }
                }
                (Err(_), Err(_)) => {}
                (first, second) => panic!("{first:?} is not {second:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chance_bytes(content_type in "(application/json|application/x-www-form-urlencoded|)", query in ".{0,40}", body in prop::collection::vec(any::<u8>(), 0..200)) {
        read_every_way(&content_type, &query, &body);
    }

    #[test]
    fn chance_trees(tree in tree()) {
        read_every_way("application/json", "", tree.to_string().as_bytes());
    }

    #[test]
    fn real_shapes_with_one_thing_wrong(place in 0_usize..400, value in tree()) {
        for name in ["customers-history", "orders-history"] {
            let page = fixture(name);
            let mut document = json!({
                "customer_rows": page["history"], "order_rows": page["history"],
                "customers": fixture("customers")["customers"], "orders": fixture("orders")["orders"],
                "carts": [{"site": "pets", "customer": {"id": "5"}, "cart": fixture("cart")["cart"]}],
            });
            replace(&mut document, &mut place.clone(), &value);
            read_every_way("application/json", "", document.to_string().as_bytes());
        }
        let mut order = json!({"order": fixture("order")["order"], "customer": fixture("customer")["customer"]});
        replace(&mut order, &mut place.clone(), &value);
        read_every_way("application/json", "", order.to_string().as_bytes());
    }

    #[test]
    fn chance_forms(body in "([a-z]{1,3}(\\[[a-z]{0,2}\\]){0,3}=[^&]{0,5}&){0,8}(order|customer|cart)\\[(id|status|items|email)\\](\\[\\])?=[^&]{0,5}") {
        read_every_way("application/x-www-form-urlencoded", "", body.as_bytes());
    }
}
