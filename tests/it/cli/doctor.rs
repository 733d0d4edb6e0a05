//! `doctor`: what the daemon needs, and what rules need.

use std::fs;

use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{milepost, started};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_write_is_told_where_consents_or_a_rule_write() {
    let crm = MockServer::start().await;
    let scopes = json!({"success": true, "scopes": ["order_read", "customer_read", "reference_read"]});
    Mock::given(path("/api/credentials"))
        .respond_with(ResponseTemplate::new(200).set_body_json(scopes))
        .mount(&crm)
        .await;
    let folder = started();
    let settings = format!(
        "[server]\n[connections.shop]\nkind = \"retailcrm\"\nurl = \"{}\"\napi_key = \"key\"\nhook_secret = \"0123456789abcdef0123\"\n",
        crm.uri()
    );
    let write = |settings: &str| fs::write(folder.path().join("config/milepost.toml"), settings).expect("written");
    write(&settings);
    let told = || -> Vec<String> {
        let run = milepost(folder.path()).args(["doctor", "--json"]).assert();
        let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("a list").iter();
        let permissions = findings.filter(|finding| finding["subject"] == "shop, permissions");
        permissions.map(|finding| finding["note"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(told(), ["missing: customer_write"], "it is told of consents");
    write(&format!("{settings}write_consents = []\n"));
    assert_eq!(told(), ["customer_read, order_read, reference_read"]);

    let rule = folder.path().join("rules/pet-shop/vip.yaml");
    fs::write(&rule, "rule: vip\non: {event: order.created}\nsteps: [{crm: {tags: {add: [vip]}}}]\n").expect("written");
    assert_eq!(told(), ["missing: customer_write"], "it is on disk");
    milepost(folder.path()).args(["apply", "--yes"]).assert().success();
    fs::remove_file(rule).expect("removed");
    assert_eq!(told(), ["missing: customer_write"], "it is in force");
}

#[test]
fn agreements_that_nobody_is_asked_to_confirm_are_told() {
    let folder = started();
    let settings = "[server]\n[consent]\ndouble_opt_in = [\"marketing\"]\n";
    fs::write(folder.path().join("config/milepost.toml"), settings).expect("written");
    let told = || {
        let run = milepost(folder.path()).args(["doctor", "--json"]).assert();
        let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
        let mut findings = report["findings"].as_array().expect("a list").iter();
        let rulebook = findings.find(|finding| finding["area"] == "rulebook").expect("the rulebook's");
        rulebook["note"].as_str().unwrap_or_default().to_owned()
    };
    assert!(told().ends_with("no rule asks customers to confirm"), "{}", told());
    let rule = "rule: confirm\non: {event: consent.requested}\npurpose: transactional\nsteps: [{set: {tags: {add: [asked]}}}]\n";
    fs::write(folder.path().join("rules/pet-shop/confirm.yaml"), rule).expect("written");
    assert!(told().starts_with("maps: 1"), "{}", told());
}
