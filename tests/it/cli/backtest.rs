//! `backtest`: the stored events told to other rules.

use std::fs;
use std::path::Path;

use milepost::journey::book::Shop;
use serde_json::{Value, json};

use super::{milepost, started, text};
use crate::support::{Daemon, at};

/// Copies a folder, with a text of its rules replaced.
fn copy(from: &Path, to: &Path, change: (&str, &str)) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target, change);
        } else {
            let text = fs::read_to_string(&path).expect("text");
            fs::write(target, text.replace(change.0, change.1)).expect("written");
        }
    }
}

#[tokio::test]
async fn other_rules_are_told_what_really_happened() {
    let folder = started();
    let rules = folder.path().join("rules");
    let book = milepost::rulebook::load(&rules, Shop::default()).book.expect("a book");
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start(&database, book, at("2026-03-11T09:00:00Z")).await;
    let anna = json!({"external_id": "anna", "email": "anna@mail.example", "consent": {"marketing": true}});
    let cart = json!({"items": [{"name": "Feeder", "price": "129.00"}]});
    daemon.accept(json!({"id": "1", "kind": "cart.updated", "customer": anna, "cart": cart})).await;
    daemon.until("2026-03-11T11:00:00Z").await;
    let order = json!({"id": "7", "phase": "open", "total": "129.00"});
    daemon
        .accept(json!({"id": "2", "kind": "order.created", "customer": {"external_id": "anna"}, "order": order}))
        .await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["You left something in your cart"]);
    drop(daemon);

    copy(&rules, &folder.path().join("slower"), ("- wait: 1h", "- wait: 3h"));
    // Far enough back whatever the day is on which this runs.
    let args = ["backtest", "slower", "--last", "5000d"];
    let run = milepost(folder.path()).args(args).arg("--json").assert().success();
    let found: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    let rules = found["rules"].as_array().expect("a list");
    let of = |rule: &str| rules.iter().find(|found| found["rule"] == rule).expect("the rule");
    let cart = of("abandoned-cart");
    assert_eq!((&cart["present"], &cart["candidate"]), (&json!(1), &json!(0)));
    assert_eq!(cart["days"], json!([{"day": "2026-03-11", "present": 1, "candidate": 0}]));
    assert_eq!((&found["events"], &found["more"], &found["fewer"]), (&json!(2), &json!(0), &json!(1)));
    let difference = &found["examples"][0]["differences"][0];
    assert_eq!(difference["letter"], "cart-reminder");
    assert_eq!(difference["reason"], "the run ended without it: goal");

    let said = text(&milepost(folder.path()).args(args).assert().success().get_output().stdout);
    assert!(said.contains("0 customers would get more letters, 1 fewer"), "{said}");
    assert!(said.contains("abandoned-cart: no cart-reminder at 2026-03-11"), "{said}");
    let said = text(&milepost(folder.path()).args(["backtest", "rules"]).assert().success().get_output().stdout);
    assert!(said.contains("Nobody would get anything else."), "{said}");
    milepost(folder.path()).args(["backtest", "nowhere"]).assert().code(1);
}
