//! The rules that come with Milepost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use milepost::journey::book::Shop;
use milepost::journey::rule::{Action, Trigger};
use milepost::rulebook::{Files, load, load_files, render, starters};

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

#[test]
fn the_repositorys_own_rules_load_without_a_word() {
    let loaded = load(&rules(), Shop::default());
    assert!(loaded.diagnostics.is_empty(), "{}", render(&loaded.diagnostics, false));
    let book = loaded.book.expect("a book");
    let names: Vec<&String> = book.rulebook.rules.keys().collect();
    assert_eq!(names, ["abandoned-cart", "after-purchase", "spring-promo", "welcome"]);
    assert_eq!(book.pools["spring-10"].len(), 500);
    assert_eq!(book.rulebook.maps["pet-shop"].stages.len(), 5);
}

#[test]
fn steps_become_a_program_with_stable_ids() {
    let book = load(&rules(), Shop::default()).book.expect("a book");
    let rule = &book.rulebook.rules["abandoned-cart"];
    let ids: Vec<&str> = rule.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "wait-1h",
            "send-cart-reminder",
            "wait-1d-1000-customer",
            "branch",
            "promo-spring-10",
            "send-cart-promo",
            "jump",
            "send-cart-last-call",
        ]
    );
    let Action::Branch { arms, otherwise } = &rule.steps[3].action else { panic!("a branch") };
    assert_eq!(
        arms.iter().map(|(condition, to)| (condition.is_some(), *to)).collect::<Vec<_>>(),
        [(true, 4), (false, 7)]
    );
    assert_eq!(*otherwise, 8);
    assert!(matches!(rule.steps[6].action, Action::Jump { to: 8 }));
    let Trigger::Cron { schedule, segment } = &book.rulebook.rules["spring-promo"].trigger else {
        panic!("a schedule")
    };
    assert!(segment.is_some());
    let monday = milepost::journey::time::Timestamp::parse_rfc3339("2026-11-23T00:00:00Z").expect("a moment");
    let next = schedule.next_after(monday).expect("a firing");
    assert_eq!(next.to_string(), "2026-11-24T10:00:00Z");
}

#[test]
fn every_starter_loads_without_a_word() {
    for starter in starters() {
        let files: Files =
            starter.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let loaded = load_files(&files, Shop::default());
        assert!(loaded.diagnostics.is_empty(), "{}: {}", starter.name, render(&loaded.diagnostics, false));
        let book = loaded.book.expect("a book");
        assert!(book.rulebook.maps.contains_key(starter.name));
    }
}

#[test]
fn the_first_starter_is_the_repositorys_folder() {
    let mut found = BTreeSet::new();
    let mut folders = vec![rules()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(rules()).expect("inside").to_string_lossy().into_owned();
                found.insert((inside, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    let embedded: BTreeSet<(String, String)> =
        starters()[0].files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    assert_eq!(found.len(), embedded.len());
    assert!(found == embedded, "list every file of rules/ in starters/files.rs");
}

#[test]
fn the_schema_knows_the_keys_of_both_files() {
    let (map, rule) = milepost::rulebook::schema();
    for key in ["map", "title", "persona", "segment", "review_every", "stages"] {
        assert!(map["properties"].get(key).is_some(), "{key}");
    }
    for key in [
        "rule",
        "stage",
        "on",
        "when",
        "exit_on",
        "exit_when",
        "goal",
        "reenter",
        "purpose",
        "max_age",
        "capture",
        "still",
        "steps",
    ] {
        assert!(rule["properties"].get(key).is_some(), "{key}");
    }
    assert_eq!(rule["required"], serde_json::json!(["rule", "on", "steps"]));
    assert_eq!(map["required"], serde_json::json!(["map", "stages"]));
    assert_eq!(rule["additionalProperties"], false);
    insta::assert_json_snapshot!("map_schema", map);
    insta::assert_json_snapshot!("rule_schema", rule);
}
