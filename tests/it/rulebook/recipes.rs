//! The recipes of docs/recipes: they load without a word, their scenarios hold and take every step, and the page shows them
//! as they are.

use std::fs;
use std::path::{Path, PathBuf};

use milepost::journey::book::Shop;
use milepost::rulebook::scenario::Coverage;
use milepost::rulebook::{format, load, render};

use super::scenarios::tell;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn they_do_what_their_scenarios_say_and_leave_no_step_out() {
    let loaded = load(&docs().join("recipes"), Shop::default());
    assert!(loaded.diagnostics.is_empty(), "{}", render(&loaded.diagnostics, false));
    let faults = &loaded.scenarios.diagnostics;
    assert!(faults.is_empty(), "{}", render(faults, false));
    let book = loaded.book.expect("a book");
    assert_eq!(book.rulebook.rules.len(), 16);
    let mut coverage = Coverage::default();
    for scenario in &loaded.scenarios.list {
        let outcome = tell(&book, scenario);
        assert!(outcome.failures.is_empty(), "{}: {:#?}", scenario.name, (&outcome.failures, &outcome.told));
        coverage.add(&outcome.walked);
    }
    for rule in coverage.rules(&book.rulebook) {
        assert_eq!(rule.taken, rule.all, "{rule:?}");
    }
}

#[test]
fn they_are_in_form() {
    let recipes = docs().join("recipes/shop");
    for folder in [recipes.clone(), recipes.join("tests"), recipes.join("promo")] {
        for entry in fs::read_dir(folder).expect("a folder") {
            let file = entry.expect("an entry").path();
            if file.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&file).expect("a file");
                let out = format(file.clone(), &text).expect("a sound file");
                assert_eq!(out, text, "{} is not in form", file.display());
            }
        }
    }
}

#[test]
fn the_page_shows_each_of_them_whole() {
    let page = fs::read_to_string(docs().join("recipes.md")).expect("the page");
    let folder = docs().join("recipes/shop");
    let mut shown = 0;
    for entry in fs::read_dir(folder).expect("the recipes") {
        let file = entry.expect("an entry").path();
        if file.extension().is_none_or(|extension| extension != "yaml") || file.ends_with("map.yaml") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a recipe");
        let indented: String = text.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
        assert!(page.contains(&indented), "docs/recipes.md shows {} otherwise", file.display());
        shown += 1;
    }
    assert_eq!(shown, 17, "sixteen rules and their segments");
}
