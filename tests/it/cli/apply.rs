//! `milepost apply`: what is on disk comes into force when somebody says so.

use std::fs;

use milepost::rulebook::load;
use milepost::settings::ApplyRules;
use serde_json::json;

use super::{milepost, started, text};
use crate::support::{Daemon, at, person};

#[tokio::test]
async fn a_running_daemon_takes_over_what_was_applied() {
    let folder = started();
    let rules = folder.path().join("rules");
    let loaded = milepost::settings::load::Loaded::read(&folder.path().join("config/milepost.toml"), &[]);
    let shop = loaded.expect("settings").shop();
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let disk = load(&rules, shop.clone()).book.expect("a book");
    let first = disk.rulebook.hash.clone();
    let daemon = Daemon::start_with(&database, disk, at("2026-03-10T09:00:00Z"), |settings| {
        settings.rules.apply = ApplyRules::ByHand;
    })
    .await;
    let said = text(&milepost(folder.path()).args(["apply", "--yes"]).assert().success().get_output().stdout);
    assert!(said.starts_with("Nothing to do"), "{said}");

    fs::remove_file(rules.join("pet-shop/spring-promo.yaml")).expect("removed");
    let said = text(&milepost(folder.path()).arg("apply").assert().code(1).get_output().stderr);
    assert!(said.contains("nobody is there to ask; say `--yes`"), "{said}");
    daemon.settle().await;
    assert_eq!(daemon.app.engine.book.load().rulebook.hash, first, "nobody has said yes");
    let said = text(&milepost(folder.path()).args(["apply", "--yes"]).assert().success().get_output().stdout);
    assert!(said.contains("In force: the rulebook "), "{said}");
    daemon.settle().await;
    let now = daemon.app.engine.book.load().rulebook.hash.clone();
    assert_eq!(now, load(&rules, shop.clone()).book.expect("a book").rulebook.hash);

    fs::write(rules.join("pet-shop/map.yaml"), "map: pet-shop\n").expect("written");
    let said = text(&milepost(folder.path()).args(["apply", "--yes"]).assert().code(1).get_output().stderr);
    assert!(said.contains("the rulebook has faults"), "{said}");
    daemon.settle().await;
    assert_eq!(daemon.app.engine.book.load().rulebook.hash, now);
}

#[tokio::test]
async fn a_plan_tells_who_moves_and_what_becomes_of_runs_and_writes_nothing() {
    let folder = started();
    let rules = folder.path().join("rules");
    let loaded = milepost::settings::load::Loaded::read(&folder.path().join("config/milepost.toml"), &[]);
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let disk = load(&rules, loaded.expect("settings").shop()).book.expect("a book");
    let daemon = Daemon::start(&database, disk, at("2026-03-10T09:00:00Z")).await;
    for id in ["anna", "boris"] {
        daemon.accept(json!({"id": id, "kind": "customer.created", "customer": person(id)})).await;
    }
    daemon.until("2026-03-10T09:30:00Z").await;
    let before = daemon.customer("anna").await;
    let here = before.stages["pet-shop"].stage.clone();
    let plan = |args: &[&str]| {
        let run = milepost(folder.path()).arg("plan").args(args).assert().success();
        text(&run.get_output().stdout)
    };
    let said = plan(&[]);
    assert!(said.contains("The files are those in force.") && said.contains("Nobody."), "{said}");
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
    let files: Vec<_> = said["files"].as_array().expect("a list").iter().map(|file| &file["path"]).collect();
    assert!(files.contains(&&json!("pet-shop/welcome.yaml")) && files.contains(&&json!("pet-shop/map.yaml")), "{said}");
    assert_eq!(said["customers"], 2);
    let moved = &said["moves"][0];
    assert_eq!((&moved["from"], &moved["to"], &moved["customers"]), (&json!(here), &json!("beginning"), &json!(2)));
    assert_eq!(moved["examples"].as_array().map(Vec::len), Some(2), "{said}");
    assert_eq!((&said["runs"][0]["rule"], &said["runs"][0]["what"]), (&json!("welcome"), &json!("end")));
    assert_eq!(daemon.customer("anna").await, before, "nothing was written");
}
