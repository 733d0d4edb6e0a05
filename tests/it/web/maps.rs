//! Pages and figures of maps, health, and what every answer carries.

use axum::http::StatusCode;
use milepost::insight::{self, table};
use milepost::store::ArmRow;
use serde_json::json;

use super::sample::{self, MAP};
use super::site::Site;
use crate::support::{at, rulebook};

#[tokio::test]
async fn the_map_page_shows_stages_rows_and_figures() {
    let site = Site::new().await;
    let page = site.get(&format!("/maps/{MAP}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let page = page.text();
    for shown in [
        "Awareness of need",
        "Formation of experience",
        "Office cat owner",
        "Will it over-feed my cat?",
        "frustrated",
        "below target",
        "too long",
        "3,214",
        "7,966 to Search for information",
        "Abandoned cart",
        "871 goal reached",
        "€47,882",
        "Communications of the whole map",
        "Tuesday promo",
        "11</span> refused",
        "2,987 done · 3 failed · 11 under way · 40 withheld",
        "412 done",
        "older_than(orders.last_at,",
        "Bought, and not for half a year.",
        "1,022",
    ] {
        assert!(page.contains(shown), "`{shown}` is not on the page");
    }
}

#[tokio::test]
async fn the_api_gives_numbers_and_the_texts_of_the_page() {
    let site = Site::new().await;
    let json = site.get(&format!("/api/v1/maps/{MAP}")).await.json();
    assert_eq!(json["stages"][0]["here"], 3_214);
    assert_eq!(json["stages"][0]["moved"][0], json!(["search", 7_966]));
    assert_eq!(json["stages"][4]["conversion"], json!(null));
    assert_eq!(json["shown"]["texts"]["stage.awareness.here"], "3,214");
    assert_eq!(json["shown"]["flags"]["stage.alternatives.behind"], true);
    assert_eq!(json["shown"]["flags"]["stage.awareness.behind"], false);
    let cart =
        json["rules"].as_array().into_iter().flatten().find(|r| r["rule"] == "abandoned-cart").expect("the rule");
    assert_eq!((&cart["sent"], &cart["withheld"][0]), (&json!(2_706), &json!(["goal_reached", 871])));
    assert_eq!(cart["value"], json!([{"minor": 4_788_200, "currency": "EUR"}]));
    assert_eq!((&json["segments"][0]["segment"], &json["segments"][0]["here"]), (&json!("loyal"), &json!(618)));
}

#[tokio::test]
async fn every_text_that_the_script_changes_is_on_the_page() {
    let site = Site::new().await;
    let page = site.get(&format!("/maps/{MAP}")).await.text();
    let shown = site.get(&format!("/api/v1/maps/{MAP}")).await.json()["shown"].clone();
    for (group, attribute) in [("texts", "data-text"), ("bars", "data-bar"), ("flags", "data-flag")] {
        let keys = shown[group].as_object().expect("keys");
        // The last stage leads nowhere, and a rule without a goal converts nobody.
        let missing: Vec<_> = keys
            .keys()
            .filter(|k| !k.contains("order-thanks.conver") && !k.contains("experience.conversion"))
            .filter(|k| !k.ends_with("experience.behind"))
            .filter(|key| !page.contains(&format!("{attribute}=\"{key}\"")))
            .collect();
        assert!(missing.is_empty(), "{group}: {missing:?}");
    }
}

#[tokio::test]
async fn a_bare_map_without_figures_is_drawn_and_its_texts_are_escaped_once() {
    let site = Site::with(sample::bare(), &[]).await;
    for path in ["/maps", "/maps/pet-shop"] {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text().contains("<script>alert"), "{path}");
    }
    assert!(site.get("/maps/pet-shop").await.text().contains("Fish &amp; &lt;b&gt;chips"));
    let book = sample::bare();
    let figures = insight::figures(&site.store, &book, MAP).await.expect("figures").expect("the map");
    assert!(table::render(&book, &book.maps[MAP], &figures, Some(240), true).contains("0 here"));
    assert_eq!(insight::figures(&site.store, &book, "nowhere").await.expect("no failure"), None);
}

#[tokio::test]
async fn lists_and_unknown_maps() {
    let site = Site::new().await;
    let home = site.get("/").await;
    assert_eq!(
        (home.status, &home.headers["location"]),
        (StatusCode::TEMPORARY_REDIRECT, &"/maps/pet-shop".parse().expect("a value"))
    );
    assert!(site.get("/maps").await.text().contains("Automatic feeders for office cats"));
    assert_eq!(site.get("/maps/nowhere").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/api/v1/maps/nowhere").await.json()["error"]["code"], "not_found");
    assert_eq!(site.get("/nothing/here").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_assets_are_kept() {
    let site = Site::new().await;
    let page = site.get(&format!("/maps/{MAP}")).await;
    let policy = page.headers["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["cache-control"], "no-store");
    let text = page.text();
    assert!(
        !text.contains("style=") && !text.contains("<style") && !text.contains("https://"),
        "inline or foreign content"
    );
    for asset in ["milepost.css", "map.js", "icon.svg"] {
        let answer = site.get(&format!("/assets/{asset}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{asset}");
        assert!(answer.headers["cache-control"].to_str().is_ok_and(|v| v.contains("immutable")), "{asset}");
        assert!(!answer.text().contains("http://") || asset == "icon.svg", "{asset}");
    }
    assert_eq!(site.get("/assets/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn health_and_metrics_answer() {
    let site = Site::new().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(site.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_terminal_s_table_has_the_same_rows_and_figures() {
    let site = Site::new().await;
    let book = sample::rulebook();
    let figures = insight::figures(&site.store, &book, MAP).await.expect("figures").expect("the map");
    insta::assert_snapshot!(table::render(&book, &book.maps[MAP], &figures, Some(150), false));
}

#[tokio::test]
async fn a_split_stands_under_the_map_with_what_came_of_its_arms() {
    let rule = "{rule: tried, on: {event: customer.created}, goal: {event: order.created, within: 7d}, steps: [{split: \
                {pick_winner: {after: 500}, arms: [{share: 25%, name: short, then: [{send: short}]}, \
                {share: 75%, name: long, then: [{send: long}]}]}, id: length}]}";
    let site = Site::with(rulebook(&[rule]), &[]).await;
    let arm = |n: u32| ArmRow {
        customer: format!("c{n}"),
        enrollment: format!("r{n}"),
        rule: "tried".into(),
        step: "length".into(),
        arm: if n.is_multiple_of(4) { "short" } else { "long" }.into(),
        at: at("2026-03-01T00:00:00Z"),
        until: Some(at("2026-03-08T00:00:00Z")),
    };
    let rows: Vec<ArmRow> = (0..400).map(arm).collect();
    let mut tx = site.store.begin().await.expect("a transaction");
    tx.put_arms(&rows).await.expect("writes");
    tx.reach_arms(&(0..10).map(|n| (format!("r{n}"), "tried".into(), "length".into())).collect::<Vec<_>>())
        .await
        .expect("writes");
    tx.commit().await.expect("a commit");
    let page = site.get("/maps/shop").await.text();
    let figures = page.split_once("tried: length").expect("the split").1;
    for words in
        ["short", "25%", "3\u{a0}%", "1\u{a0}% to 8.5\u{a0}%", "100 customers, 100 known", "300 customers, 300 known"]
    {
        assert!(figures.contains(words), "{words}");
    }
    let standing = "a winner is picked when 500 answers of each arm are known: up to 400 are missing";
    assert!(figures.contains(standing), "{figures}");
}
