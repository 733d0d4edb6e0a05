//! What the CRM's triggers post, as an operator would have set them up: forms, queries and JSON side by side.

use serde_json::{Value, json};

use super::SITE;

/// One call of a hook. The driver puts the hook's address before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCall {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Query string without the question mark; may be empty.
    pub query: String,
    /// `Content-Type`, where there is a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn get(query: String) -> HookCall {
    HookCall { method: "GET", query, content_type: None, body: Vec::new() }
}

fn form(body: String) -> HookCall {
    HookCall { method: "POST", query: String::new(), content_type: Some(FORM), body: body.into_bytes() }
}

fn json_call(body: &Value) -> HookCall {
    HookCall { method: "POST", query: String::new(), content_type: Some(JSON), body: body.to_string().into_bytes() }
}

/// A customer came or changed.
pub(super) fn customer(rng: &mut fastrand::Rng, id: u32, whole: &Value) -> HookCall {
    match rng.u8(0..10) {
        0..5 => form(format!("customer_id={id}")),
        5..7 => get(format!("customer_id={id}&event=customer.changed")),
        _ => json_call(&json!({ "customer": whole })),
    }
}

/// An order came or changed.
pub(super) fn order(rng: &mut fastrand::Rng, id: u32, status: &str, whole: &Value) -> HookCall {
    match rng.u8(0..10) {
        0..4 => form(format!("order%5Bid%5D={id}&order%5Bstatus%5D={status}")),
        4..6 => get(format!("order_id={id}")),
        6..7 => {
            let text: String = form_urlencoded::byte_serialize(whole.to_string().as_bytes()).collect();
            form(format!("order={text}"))
        }
        _ => json_call(&json!({ "order": whole })),
    }
}

/// A cart changed.
pub(super) fn cart(rng: &mut fastrand::Rng, customer: u32, cart: &Value) -> HookCall {
    match rng.u8(0..10) {
        0..3 => form(format!("customer_id={customer}&cart=1&site={SITE}")),
        _ => json_call(&json!({"customer_id": customer, "site": SITE, "cart": cart})),
    }
}
