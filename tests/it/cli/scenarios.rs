//! `test`: exit codes, the report for people, JSON, JUnit and coverage.

use std::fs;

use serde_json::Value;

use super::{milepost, started, text};

#[test]
fn the_starters_scenarios_pass_and_a_changed_rule_is_told() {
    let folder = started();
    let run = milepost(folder.path()).args(["test", "--coverage"]).assert().success();
    let said = text(&run.get_output().stdout);
    assert!(said.contains("18 passed, 0 failed."), "{said}");
    assert!(said.contains("9 of 9"), "{said}");

    let rule = folder.path().join("rules/pet-shop/abandoned-cart.yaml");
    let changed = fs::read_to_string(&rule).expect("a rule").replace("- wait: 1h", "- wait: 2h");
    fs::write(&rule, changed).expect("written");
    let args = ["test", "--filter", "Large Cart is reminded", "--junit", "report.xml"];
    let run = milepost(folder.path()).args(args).assert().code(1);
    let said = text(&run.get_output().stdout);
    let expect = "\
pet-shop/tests/abandoned-cart.yaml
  FAILED  A large cart is reminded of after an hour, and gets a code the next morning
          pet-shop/tests/abandoned-cart.yaml:16:9: the letters since the expectation before
            - cart-reminder: \"You left something\"
            + nothing
";
    assert!(said.starts_with(expect), "{said}");
    assert!(said.contains("2026-06-10 09:00:00 CEST  abandoned-cart begins with cart.updated"), "{said}");
    assert!(said.ends_with("0 passed, 1 failed.\n"), "{said}");
    let report = fs::read_to_string(folder.path().join("report.xml")).expect("a report");
    for part in [
        "<testsuites name=\"milepost\" tests=\"1\" failures=\"1\" errors=\"0\">",
        "<failure message=\"the letters since the expectation before\">",
        "- cart-reminder: &quot;You left something&quot;",
    ] {
        assert!(report.contains(part), "{report}");
    }

    let run = milepost(folder.path()).args(["test", "--json", "--map", "pet-shop"]).assert().code(1);
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(report["ok"], false);
    let failed: Vec<&Value> = report["scenarios"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|ran| ran["failures"].as_array().is_some_and(|list| !list.is_empty()))
        .collect();
    assert_eq!(failed[0]["failures"][0]["line"], 16);
    assert_eq!(failed[0]["failures"][0]["lines"][0]["expected"], "cart-reminder: \"You left something\"");
}

#[test]
fn faults_of_scenarios_fail_check_and_test() {
    let folder = started();
    let file = folder.path().join("rules/pet-shop/tests/mine.yaml");
    fs::write(&file, "- scenario: Mine\n  clock: 2026-06-10 09:00\n  expect: [{after: 1h, letters: [welcom]}]\n")
        .expect("written");
    for command in ["check", "test"] {
        let run = milepost(folder.path()).arg(command).assert().code(1);
        let said = text(&run.get_output().stderr);
        assert!(said.contains("pet-shop/tests/mine.yaml:3:34") && said.contains("did you mean `welcome`?"), "{said}");
    }
    fs::remove_file(&file).expect("removed");
    let run = milepost(folder.path()).args(["test", "--filter", "zzz"]).assert().code(1);
    let said = text(&run.get_output().stderr);
    assert!(said.contains("none of the 18 scenarios has `zzz` in its name or its file"), "{said}");
    let run = milepost(folder.path()).args(["test", "--map", "pet-shp"]).assert().code(1);
    assert!(text(&run.get_output().stderr).contains("did you mean `pet-shop`?"));
    let run = milepost(folder.path()).args(["test", "nowhere"]).assert().code(1);
    assert!(text(&run.get_output().stderr).contains("nowhere"));
}
