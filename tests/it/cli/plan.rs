//! `plan`: what other rules would change, for whom, and what they would have sent.

use std::fs;
use std::path::Path;

use milepost::journey::book::Shop;
use milepost::store::{Sealed, Store};
use serde_json::{Value, json};

use super::{milepost, started, text};
use crate::support::{Daemon, at, person};

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
    let args = ["plan", "slower", "--last", "5000d"];
    let run = milepost(folder.path()).args(args).arg("--json").assert().success();
    let plan: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    let found = &plan["backtest"];
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
    assert!(said.contains("step `wait-1h`, now `wait-3h`: wait 1h -> wait 3h"), "{said}");
    let said = text(&milepost(folder.path()).args(["plan", "slower"]).assert().success().get_output().stdout);
    assert!(said.contains("Nobody would get anything else."), "nothing happened in the last 30 days: {said}");
    let run = milepost(folder.path()).args(["plan", "slower", "--no-backtest", "--json"]).assert().success();
    let plan: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(plan["backtest"], Value::Null);
    milepost(folder.path()).args(["plan", "nowhere"]).assert().code(1);
    milepost(folder.path()).args(["plan", "--last", "0d"]).assert().code(1);
}

#[tokio::test]
async fn a_plan_tells_who_moves_and_what_becomes_of_runs_and_writes_nothing() {
    let folder = started();
    let rules = folder.path().join("rules");
    let loaded = milepost::settings::load::Loaded::read(&folder.path().join("config/milepost.toml"), &[]);
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let disk = milepost::rulebook::load(&rules, loaded.expect("settings").shop()).book.expect("a book");
    let daemon = Daemon::start(&database, disk, at("2026-03-10T09:00:00Z")).await;
    let boris = json!({"id": "boris", "phone": "+442079460018"});
    for (id, customer) in [("anna", person("anna")), ("boris", boris)] {
        daemon.accept(json!({"id": id, "kind": "customer.created", "customer": customer})).await;
    }
    daemon.until("2026-03-10T09:30:00Z").await;
    let before = daemon.customer("anna").await;
    let here = before.stages["pet-shop"].stage.clone();
    let plan = |args: &[&str]| {
        let run = milepost(folder.path()).arg("plan").args(args).assert().success();
        text(&run.get_output().stdout)
    };
    let said = plan(&[]);
    assert!(said.contains("The rules are those in force.") && said.contains("Nobody."), "{said}");
    assert!(said.contains("go on"), "{said}");

    fs::remove_file(rules.join("pet-shop/welcome.yaml")).expect("removed");
    let map = fs::read_to_string(rules.join("pet-shop/map.yaml")).expect("read");
    fs::write(rules.join("pet-shop/map.yaml"), map.replace(&format!("id: {here}\n"), "id: beginning\n"))
        .expect("written");
    for file in ["spring-promo.yaml", "abandoned-cart.yaml", "after-purchase.yaml"] {
        let path = rules.join("pet-shop").join(file);
        let text = fs::read_to_string(&path).expect("read");
        fs::write(&path, text.replace(&format!("stage: {here}\n"), "stage: beginning\n")).expect("written");
    }
    let said: serde_json::Value = serde_json::from_str(&plan(&["--json"])).expect("JSON");
    let changes = said["changes"].as_array().expect("a list");
    let of = |what: &str, name: &str| changes.iter().find(|it| it["what"] == what && it["name"] == name).expect(name);
    assert_eq!(of("rule", "welcome")["how"], "gone");
    let stage = &of("map", "pet-shop")["points"][0];
    assert_eq!(stage["at"], json!(format!("stage `{here}`: now called `beginning`")), "{said}");
    assert_eq!(said["customers"], 2);
    let moved = &said["moves"][0];
    assert_eq!((&moved["from"], &moved["to"], &moved["customers"]), (&json!(here), &json!("beginning"), &json!(1)));
    assert_eq!(moved["examples"], json!(["anna@mail.example"]));
    let named = said["runs"][0]["examples"].as_array().expect("names");
    assert!(named.contains(&json!("anna@mail.example")) && named.contains(&json!("+442079460018")), "{said}");
    assert_eq!((&said["runs"][0]["rule"], &said["runs"][0]["what"]), (&json!("welcome"), &json!("end")));
    assert_eq!(daemon.customer("anna").await, before, "nothing was written");
}

#[tokio::test]
async fn rules_in_force_that_cannot_be_read_are_replaced_as_a_whole() {
    let folder = started();
    let url = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let store = Store::open(&url).await.expect("a store");
    let mut tx = store.begin().await.expect("begins");
    let now = at("2026-03-11T09:00:00Z");
    tx.keep_rulebook("0123", &Sealed::of(b"of another version"), now).await.expect("kept");
    assert!(tx.put_in_force("0123", 0, now).await.expect("works"));
    tx.commit().await.expect("commits");
    let said = text(&milepost(folder.path()).arg("plan").assert().success().get_output().stdout);
    assert!(said.starts_with("The rules in force can't be read by this version of Milepost"), "{said}");
    assert!(said.contains("rule `welcome`: new") && !said.contains("Letters of the time"), "{said}");
    let run = milepost(folder.path()).args(["plan", "--json"]).assert().success();
    let plan: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!((&plan["before"], &plan["unreadable"]), (&json!("0123"), &json!("its files are damaged")));
}
