//! What the shop sells, and carts of it.

use serde_json::{Value, json};

use super::CURRENCY;

/// Id, name, price in cents.
const GOODS: [(u32, &str, i64); 10] = [
    (11, "Automatic feeder, 2 meals", 4_990),
    (12, "Automatic feeder, 6 meals", 8_900),
    (13, "Automatic feeder with camera", 14_950),
    (14, "Water fountain", 3_490),
    (15, "Fountain filters, 8 pieces", 1_195),
    (16, "Dry food, adult cat, 3 kg", 2_799),
    (17, "Dry food, kitten, 1.5 kg", 1_650),
    (18, "Desiccant bags, 12 pieces", 899),
    (19, "Spare bowl, steel", 750),
    (20, "Battery pack for feeders", 1_990),
];

/// One line of a cart or an order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    good: usize,
    quantity: i64,
}

/// A few things that go together, or one.
pub(super) fn pick(rng: &mut fastrand::Rng) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..rng.usize(1..=3) {
        let good = rng.usize(0..GOODS.len());
        match lines.iter_mut().find(|line| line.good == good) {
            Some(line) => line.quantity += 1,
            None => lines.push(Line { good, quantity: if rng.u8(0..5) == 0 { 2 } else { 1 } }),
        }
    }
    lines
}

/// Sum in cents.
pub(super) fn total(lines: &[Line]) -> i64 {
    lines.iter().map(|line| GOODS[line.good].2 * line.quantity).sum()
}

/// Cents as the CRM writes amounts: whole ones without a fraction.
pub(super) fn amount(cents: i64) -> Value {
    if cents % 100 == 0 { json!(cents / 100) } else { json!(cents as f64 / 100.0) }
}

fn offer(good: usize) -> Value {
    let (id, name, _) = GOODS[good];
    json!({
        "displayName": name, "id": id, "externalId": format!("sku-{id}"), "name": name, "vatRate": "20.00", "properties": [],
        "unit": {"code": "pc", "name": "Piece", "sym": "pc"},
    })
}

/// Lines as an order shows them.
pub(super) fn order_items(lines: &[Line], order: u32, created_at: &str) -> Value {
    lines
        .iter()
        .zip(1_u32..)
        .map(|(line, number)| {
            let price = amount(GOODS[line.good].2);
            json!({
                "id": order * 10 + number, "markingCodes": [], "initialPrice": price, "discountTotal": 0,
                "prices": [{"price": price, "quantity": line.quantity}], "createdAt": created_at, "quantity": line.quantity,
                "status": "new", "offer": offer(line.good), "properties": [], "purchasePrice": 0,
            })
        })
        .collect()
}

/// A cart as the API shows it: its ids are text, and its dates carry an offset.
pub(super) fn cart(lines: &[Line], customer: u32, dropped_at: &str, cleared_at: Option<&str>) -> Value {
    let items: Vec<Value> = lines
        .iter()
        .zip(1..)
        .map(|(line, number): (_, u32)| {
            json!({
                "id": number.to_string(), "offer": offer(line.good), "quantity": line.quantity, "price": amount(GOODS[line.good].2),
            })
        })
        .collect();
    let mut cart = json!({
        "externalId": format!("cart-{customer}"), "droppedAt": dropped_at, "link": format!("https://pets.example/cart/{customer}"),
        "items": items, "currency": CURRENCY,
    });
    if let Some(at) = cleared_at {
        cart["clearedAt"] = json!(at);
    }
    cart
}
