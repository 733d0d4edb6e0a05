//! What a condition comes to for everybody, if it leaves nothing open.

use milepost::journey::condition::{Condition, possible};
use milepost::journey::facts::Scope;

fn condition(text: &str) -> Condition {
    let scope = Scope { purposes: vec!["marketing".into()], event: true, ..Scope::default() };
    Condition::compile(text, &scope).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
}

#[test]
fn what_rules_itself_out_and_what_always_holds() {
    for (text, expect) in [
        // Numbers.
        ("orders.count > 3", None),
        ("orders.count > 3 && orders.count < 2", Some(false)),
        ("orders.count > 3 && orders.count < 5", None),
        ("orders.count > 3 && orders.count < 4", Some(false)),
        ("cart.total > 3 && cart.total < 4", None),
        ("orders.count >= 0", Some(true)),
        ("orders.count < 0", Some(false)),
        ("orders.count > 3 || orders.count <= 3", Some(true)),
        ("orders.count != 1 || orders.count != 2", Some(true)),
        // A total may be unknown, and then neither half holds.
        ("cart.total > 3 || cart.total <= 3", None),
        ("cart.total == null || cart.total > 3 || cart.total <= 3", Some(true)),
        ("orders.count == 1 && orders.count == 2", Some(false)),
        ("cart.items.size() > 0 && size(cart.items) == 0", Some(false)),
        // Texts, and what was never said.
        ("customer.city == 'Riga' && customer.city == 'Omsk'", Some(false)),
        ("customer.city in ['Riga', 'Omsk'] && customer.city == 'Bern'", Some(false)),
        ("customer.city > 'A' && customer.city < 'B'", None),
        ("customer.city != 'Riga' || customer.city == 'Riga'", Some(true)),
        ("customer.email == null && customer.email != null", Some(false)),
        ("event.page == 'cart' && event.page == 'home'", Some(false)),
        ("consent.marketing == true && consent.marketing == false", Some(false)),
        ("consent.marketing == true || consent.marketing == false", None),
        ("customer.vip && !customer.vip", Some(false)),
        ("customer.vip || !customer.vip", Some(true)),
        // Time.
        ("older_than(orders.last_at, '30d') && within(orders.last_at, '30d')", Some(false)),
        ("older_than(orders.last_at, '30d') && within(orders.last_at, '60d')", None),
        ("older_than(orders.last_at, '60d') && within(orders.last_at, '30d')", Some(false)),
        ("older_than(orders.last_at, '30d') || within(orders.last_at, '30d')", None),
        ("orders.last_at == null && older_than(orders.last_at, '30d')", Some(false)),
        // Values alone.
        ("1 > 2", Some(false)),
        ("true || orders.count > 3", Some(true)),
        // What is more than a comparison may come out either way, but not both at once.
        ("customer.email.endsWith('.ru') && customer.email.endsWith('.com')", None),
        ("customer.email.endsWith('.ru') && !customer.email.endsWith('.ru')", Some(false)),
        ("'a' in customer.tags && orders.count >= 0", None),
        ("orders.count * 2 > 3 && orders.count < 1", None),
        ("orders.total > orders.average", None),
    ] {
        assert_eq!(condition(text).always(), expect, "{text}");
    }
}

#[test]
fn several_conditions_are_held_against_one_another() {
    let (large, small, any) =
        (condition("cart.total >= 100"), condition("cart.total < 50"), condition("cart.total > 0"));
    assert!(!possible(&[(&large, true), (&small, true)]));
    assert!(possible(&[(&large, false), (&small, false)]));
    assert!(!possible(&[(&any, false), (&large, true)]), "whoever is over a hundred is over nothing");
}

#[test]
fn too_much_to_try_is_left_open() {
    let many = (0..40).map(|n| format!("event.f{n} == 'x'")).collect::<Vec<_>>().join(" && ");
    assert_eq!(condition(&many).always(), None);
    assert_eq!(condition("cart.items.size() > 1000 && cart.items.size() < 10").always(), None);
}
