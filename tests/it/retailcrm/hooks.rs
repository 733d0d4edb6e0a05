//! What triggers post: forms, queries, JSON, brackets; ids or whole objects.

use milepost::crm::{By, Fetch, ParseError, Parsed, References, Via};
use serde_json::json;

use super::{SECRET, connection, events, fixture, ids, parse, raw};

const FORM: &str = "application/x-www-form-urlencoded";

fn customer(id: &str) -> Fetch {
    Fetch::Customer(By::Id(id.into()))
}

fn order(id: &str) -> Fetch {
    Fetch::Order(By::Id(id.into()))
}

#[test]
fn ids_only_are_read_back_whatever_their_form() {
    let connection = connection(Some("http://crm.example"), "");
    let cart = Fetch::Cart { site: Some("pets".into()), customer: By::Id("5".into()) };
    for (content_type, query, body, expect) in [
        (FORM, "", "order_id=7", vec![order("7")]),
        (FORM, "", "orderId=7&status=new", vec![order("7")]),
        (FORM, "", "order%5Bid%5D=7&order[status]=new", vec![order("7")]),
        ("", "customer_id=5", "", vec![customer("5")]),
        (FORM, "customer_id=4", "customer_id=5", vec![customer("5")]),
        ("", "entity=order&id=7", "", vec![order("7")]),
        ("application/json", "", r#"{"customer": 5}"#, vec![customer("5")]),
        ("text/plain", "", r#" {"customer": {"id": 5}}"#, vec![customer("5")]),
        (
            "application/json; charset=utf-8",
            "",
            "\u{feff}[{\"order_id\": 7}, {\"customer_id\": 5}, {\"order_id\": 7}]",
            vec![customer("5"), order("7")],
        ),
        (FORM, "", "order=%7B%22id%22%3A7%7D", vec![order("7")]),
        (FORM, "", "customer_external_id=u-5", vec![Fetch::Customer(By::External("u-5".into()))]),
        (FORM, "", "customer_id=5&cart=1&site=pets", vec![customer("5"), cart]),
    ] {
        let found = parse(&connection, &raw(Via::Hook, content_type, query, body.as_bytes()));
        assert_eq!(found, Parsed::Fetch(expect), "{query} {body}");
    }
}

#[test]
fn a_whole_object_needs_no_reading() {
    let connection = connection(Some("http://crm.example"), "");
    let order = &fixture("order")["order"];
    let wrapped = events(&connection, Via::Hook, &json!({"order": order}));
    let bare = events(&connection, Via::Hook, order);
    let read = events(&connection, Via::Read, &json!({"orders": [order]}));
    assert_eq!(ids(&wrapped), ids(&bare));
    assert_eq!(wrapped, read, "the same order is the same happening by any way");

    let customer = &fixture("customer")["customer"];
    assert_eq!(
        ids(&events(&connection, Via::Hook, customer)),
        ids(&events(&connection, Via::Read, &json!({"customers": [customer]})))
    );

    let cart = json!({"customer_id": 501, "site": "pets", "cart": fixture("cart")["cart"]});
    let by_hook = events(&connection, Via::Hook, &cart);
    let by_reading = events(
        &connection,
        Via::Read,
        &json!({"carts": [{"site": "pets", "customer": {"id": "501"}, "cart": fixture("cart")["cart"]}]}),
    );
    assert_eq!(ids(&by_hook), ids(&by_reading));
}

#[test]
fn without_an_api_parts_must_do() {
    let connection = connection(None, "");
    let found =
        parse(&connection, &raw(Via::Hook, FORM, "", b"order[id]=7&order[status]=complete&order[customer][id]=5"));
    let Parsed::Events(found) = found else { panic!("{found:?}") };
    assert_eq!(found[0].kind, "order.status");
    let answer = connection.parse(&raw(Via::Hook, FORM, "", b"customer_id=5"), &References::default());
    assert!(matches!(answer, Err(ParseError::NeedsApi { .. })), "{answer:?}");
}

#[test]
fn a_deletion_is_told_by_a_flag() {
    let connection = connection(Some("http://crm.example"), "");
    let found = parse(&connection, &raw(Via::Hook, FORM, "", b"customer_id=5&deleted=1"));
    let Parsed::Events(found) = found else { panic!("{found:?}") };
    assert_eq!(ids(&found), ["customer/5/deleted"]);
}

#[test]
fn what_is_no_hook_says_why() {
    let connection = connection(Some("http://crm.example"), "");
    assert!(matches!(parse(&connection, &raw(Via::Hook, "", "", b"")), Parsed::Ignored(_)));
    let activity = b"clientId=x&activity=%7B%22active%22%3Atrue%7D&systemUrl=https%3A%2F%2Fx.example";
    assert!(matches!(parse(&connection, &raw(Via::Hook, FORM, "", activity)), Parsed::Ignored(_)));
    for (content_type, body) in [
        (FORM, "foo=1&bar=2"),
        ("application/json", "{\"order\": "),
        ("application/json", "5"),
        ("application/json", "[5]"),
        ("application/json", "<html>"),
        (FORM, "customer[first]=%FF%FE&customer_id=1"),
        ("application/json", r#"{"customer": {"id": 5, "createdAt": "0000-00-00 00:00:00", "email": "a@b.example"}}"#),
        ("application/json", r#"{"customer": {"id": [1], "createdAt": "2026-01-01"}}"#),
        (
            "application/json",
            r#"{"order": {"id": 5, "createdAt": "2026-01-01 10:00:00", "status": "new", "totalSumm": 1e25, "customer": {"id": 4}}}"#,
        ),
    ] {
        let answer = connection.parse(&raw(Via::Hook, content_type, "", body.as_bytes()), &References::default());
        assert!(answer.is_err(), "{body}: {answer:?}");
    }
}

#[test]
fn the_secret_must_be_whole() {
    let connection = connection(None, "");
    assert!(connection.verify_secret(SECRET));
    for wrong in ["", "a", &SECRET[1..], &format!("{SECRET}x")] {
        assert!(!connection.verify_secret(wrong));
    }
}
