//! People are named by what the shop knows them by; and what is said of codes and of rules without letters.

use serde_json::{Value, json};
use tempfile::TempDir;

use milepost::journey::book::Shop;
use milepost::settings::WebhookSettings;

use super::{milepost, started, text};
use crate::support::{Daemon, at, book_in};

const GIFT: &str = "{rule: gift, on: {event: customer.created}, steps: [{promo: codes}, {webhook: stock}]}";
const HELD: &str = "{rule: patient, on: {event: customer.created}, steps: [{promo: {pool: few, when_empty: hold, at_most: 2d}}, {send: code}]}";
const LETTER: &str = "Subject: Code\n\n{{ promo.code }}\n{{ unsubscribe_url }}\n";

/// A shop where three customers came: known by an address, by a number, and by the CRM's id alone.
async fn shop() -> TempDir {
    let folder = started();
    let shop = Shop { webhooks: ["stock".to_owned()].into(), ..Shop::default() };
    let files = [
        ("shop/gift.yaml", GIFT),
        ("shop/patient.yaml", HELD),
        ("shop/templates/code.txt", LETTER),
        ("shop/promo/codes.csv", "code\nAAA-1\nAAA-2\nAAA-3\n"),
        ("shop/promo/few.csv", "code\nONE\n"),
    ];
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start_with(&database, book_in(shop, &files), at("2026-03-10T09:00:00Z"), |settings| {
        let secret = Some("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into());
        let url = "https://127.0.0.1/".to_owned();
        settings.webhooks.insert("stock".into(), WebhookSettings { url, secret, allow_private: false });
    })
    .await;
    for (n, customer) in [
        json!({"external_id": "anna", "email": "anna@mail.example", "consent": {"marketing": true}}),
        json!({"external_id": "boris", "phone": "+44 20 7946 0018"}),
        json!({"external_id": "4711", "first_name": "Clara"}),
    ]
    .into_iter()
    .enumerate()
    {
        daemon.accept(json!({"id": n.to_string(), "kind": "customer.created", "customer": customer})).await;
        daemon.settle().await;
    }
    folder
}

#[tokio::test]
async fn people_are_named_by_what_the_shop_knows_them_by() {
    let folder = shop().await;
    let run = |args: &[&str]| text(&milepost(folder.path()).args(args).assert().success().get_output().stdout);
    let said = run(&["promo", "show", "ONE"]);
    assert!(said.contains("anna@mail.example"), "{said}");
    let said = run(&["customers", "--map", "shop"]);
    for name in ["anna@mail.example", "+44 20 7946 0018", "external=4711"] {
        assert!(said.contains(name), "{said}");
    }
    for (customer, name) in [
        ("anna@mail.example", "anna@mail.example"),
        ("external=boris", "+44 20 7946 0018"),
        ("external=4711", "external=4711"),
    ] {
        let list: Value =
            serde_json::from_str(&run(&["errands", "list", "--customer", customer, "--json"])).expect("JSON");
        let said = run(&["errands", "show", list[0]["id"].as_str().expect("an id")]);
        assert!(said.lines().any(|line| line.starts_with("customer") && line.trim_end().ends_with(name)), "{said}");
    }
}

#[tokio::test]
async fn an_empty_pool_is_told_wherever_somebody_waits_for_it() {
    let folder = shop().await;
    let run = |args: &[&str]| text(&milepost(folder.path()).args(args).assert().success().get_output().stdout);
    let said = run(&["promo", "list"]);
    assert!(said.lines().any(|line| line.contains("few") && line.contains("empty now")), "{said}");
    let said = run(&["explain", "--customer", "external=4711", "--rule", "patient"]);
    assert!(said.contains("a code of the pool few, until 2026-03-12 10:00:00 CET at most"), "{said}");
    assert!(said.contains("the pool few has no code left: a run waits for one, 2d at most, and ends then"), "{said}");
    // A rule that writes no letter is asked for none.
    let said = run(&["explain", "--customer", "external=4711", "--rule", "gift"]);
    assert!(said.contains("gift: would") && !said.contains("a letter of it"), "{said}");
}
