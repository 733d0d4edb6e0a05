//! `milepost apply`: what is on disk comes into force when somebody says so.

use std::fs;

use milepost::rulebook::load;
use milepost::settings::ApplyRules;

use super::{milepost, started, text};
use crate::support::{Daemon, at};

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
    let said = text(&milepost(folder.path()).arg("apply").assert().code(1).get_output().stdout);
    assert!(said.contains("rule `spring-promo`: gone (pet-shop/spring-promo.yaml)"), "{said}");
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
