//! The command line, run as a program: init, check, schema, faults of settings, exit codes.

mod apply;
mod dns;
mod doctor;
mod explain;
mod fmt;
mod letters;
mod names;
mod plan;
mod scenarios;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

use milepost::journey::book::Shop;
use milepost::settings::WebhookSettings;

use crate::support::{Daemon, at, book_in};

fn milepost(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("milepost").expect("the program is built");
    command.current_dir(folder).env_clear();
    command
}

/// A folder that `init` has filled.
fn started() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    milepost(folder.path()).arg("init").assert().success();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn init_writes_a_starter_that_check_accepts() {
    let folder = TempDir::new().expect("a folder");
    let run = milepost(folder.path()).args(["init", "my-shop"]).assert().success();
    let said = text(&run.get_output().stdout);
    assert!(said.contains("milepost serve"), "{said}");
    let shop = folder.path().join("my-shop");
    assert!(shop.join("config/milepost.toml").is_file());
    assert!(shop.join("rules").is_dir());
    let run = milepost(&shop).arg("check").assert().success();
    assert!(text(&run.get_output().stdout).starts_with("All is well"), "{}", text(&run.get_output().stdout));
}

#[test]
fn init_overwrites_nothing_unless_forced() {
    let folder = started();
    let file = folder.path().join("config/milepost.toml");
    fs::write(&file, "# mine\n").expect("written");
    let run = milepost(folder.path()).arg("init").assert().code(1);
    let said = text(&run.get_output().stderr);
    assert!(said.contains("already there: ./config/milepost.toml") && said.contains("--force"), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("read"), "# mine\n");
    milepost(folder.path()).args(["init", "--force"]).assert().success();
    assert_ne!(fs::read_to_string(&file).expect("read"), "# mine\n");
}

#[test]
fn init_offers_other_maps_by_name() {
    let folder = TempDir::new().expect("a folder");
    let run = milepost(folder.path()).args(["init", "--list"]).assert().success();
    let listed = text(&run.get_output().stdout);
    for starter in milepost::rulebook::starters() {
        assert!(listed.contains(starter.name), "{listed}");
        milepost(folder.path()).args(["init", starter.name, "--map", starter.name]).assert().success();
        milepost(&folder.path().join(starter.name)).arg("check").assert().success();
    }
    let last = milepost::rulebook::starters().last().expect("a starter").name;
    let run = milepost(folder.path()).args(["init", "other", "--map", &format!("{last}x")]).assert().code(1);
    let said = text(&run.get_output().stderr);
    assert!(said.contains(&format!("did you mean `{last}`?")), "{said}");
    assert!(!folder.path().join("other").exists());
}

#[test]
fn check_answers_editors_in_json() {
    let folder = started();
    let file = folder.path().join("config/milepost.toml");
    fs::write(&file, "[shop]\ntime_zone = \"Europe/Moskow\"\n").expect("written");
    let run = milepost(folder.path()).args(["check", "--format", "json"]).assert().code(1);
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(report["ok"], false);
    let fault = &report["settings"][0];
    assert_eq!(fault["message"], "there is no time zone `Europe/Moskow`");
    assert_eq!((&fault["line"], &fault["column"]), (&Value::from(2), &Value::from(13)));
    assert_eq!(fault["help"], "did you mean `Europe/Moscow`?");
    assert_eq!(report["rulebook"], Value::Array(Vec::new()), "the rulebook is checked all the same");
}

#[test]
fn check_tells_people_where_and_what() {
    let folder = started();
    fs::write(folder.path().join("config/milepost.toml"), "[shop]\ncurency = \"EUR\"\n").expect("written");
    let run = milepost(folder.path()).arg("check").assert().code(1);
    let said = text(&run.get_output().stderr);
    let expect = "\
error: there is no setting `shop.curency`
 --> config/milepost.toml:2:1
  |
2 | curency = \"EUR\"
  | ^^^^^^^
help: did you mean `currency`?
";
    assert!(said.contains(expect), "{said}");
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let folder = TempDir::new().expect("a folder");
    let run = milepost(folder.path()).arg("serve").assert().code(1);
    assert!(text(&run.get_output().stderr).contains("`milepost init` writes a commented one"));
}

#[test]
fn another_file_can_be_named() {
    let folder = started();
    let elsewhere = folder.path().join("other.toml");
    fs::write(&elsewhere, "[rules]\nfolder = \"rules\"\n[mail]\nfrom = 7\n").expect("written");
    let run = milepost(folder.path()).env("MILEPOST_CONFIG", &elsewhere).arg("check").assert().code(1);
    assert!(text(&run.get_output().stderr).contains("`mail.from` takes text in quotes"));
    let run = milepost(folder.path()).args(["check", "--config", "no.toml"]).assert().code(1);
    assert!(text(&run.get_output().stderr).contains("no.toml"));
}

#[test]
fn schemas_are_json() {
    let folder = TempDir::new().expect("a folder");
    let schema = |args: &[&str]| -> Value {
        let run = milepost(folder.path()).arg("schema").args(args).assert().success();
        serde_json::from_slice(&run.get_output().stdout).expect("JSON")
    };
    let both = schema(&[]);
    assert_eq!(both["map"], schema(&["map"]));
    assert_eq!(both["rule"], schema(&["rule"]));
    assert!(schema(&["segments"])["additionalProperties"].is_object());
    assert!(schema(&["settings"])["properties"]["mail"].is_object());
}

#[tokio::test]
async fn explain_tells_how_a_run_ended_and_what_each_rule_would_do_now() {
    let folder = started();
    let settings = milepost::settings::load::Loaded::read(&folder.path().join("config/milepost.toml"), &[]);
    let book = milepost::rulebook::load(&folder.path().join("rules"), settings.expect("settings").shop());
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start(&database, book.book.expect("a book"), at("2026-03-10T09:00:00Z")).await;
    let anna = json!({"external_id": "anna", "email": "anna@mail.example", "consent": {"marketing": true}});
    daemon.accept(json!({"id": "1", "kind": "customer.created", "customer": anna})).await;
    daemon.settle().await;
    daemon.until("2026-03-10T09:01:00Z").await;
    let order = json!({"id": "7", "status": "new", "phase": "open"});
    daemon
        .accept(json!({"id": "2", "kind": "order.created", "customer": {"external_id": "anna"}, "order": order}))
        .await;
    daemon.settle().await;
    drop(daemon);
    let explain = |rule: &str| {
        let args = ["explain", "--customer", "anna@mail.example", "--rule", rule];
        milepost(folder.path()).args(args).assert()
    };
    let said = text(&explain("welcome").success().get_output().stdout);
    let over = said.split("Runs that are over").nth(1).expect("that part");
    assert!(over.contains("welcome") && over.contains("the goal was reached"), "{said}");
    assert!(said.contains("welcome: would not start on the event customer.created"), "{said}");
    assert!(said.contains("the customer ran it on 2026-03-10 10:00:00 CET and the rule runs once in a life"), "{said}");
    for (args, meant) in [
        (["messages", "list", "--rule", "welcom"], "there is no rule `welcom`: did you mean `welcome`?"),
        (["messages", "list", "--map", "pet-shp"], "there is no map `pet-shp`: did you mean `pet-shop`?"),
        (["messages", "export", "--stage", "awarenes"], "there is no stage `awarenes`: did you mean `awareness`?"),
        (["inbox", "list", "--connection", "ap"], "there is no connection `ap`: did you mean `api`?"),
    ] {
        let said = text(&milepost(folder.path()).args(args).assert().code(1).get_output().stderr);
        assert!(said.contains(meant), "{said}");
    }
    milepost(folder.path()).args(["messages", "list", "--rule", "welcome"]).assert().success();
    let said = text(&explain("welcom").code(1).get_output().stderr);
    assert!(said.contains("there is no rule `welcom`: did you mean `welcome`?"), "{said}");
}

#[tokio::test]
async fn segments_and_customers_are_listed() {
    let folder = started();
    let rules = folder.path().join("rules");
    fs::write(rules.join("pet-shop/segments.yaml"), "buyers: {if: orders.count > 0, description: Bought once}\n")
        .expect("written");
    let map = fs::read_to_string(rules.join("pet-shop/map.yaml")).expect("read");
    fs::write(
        rules.join("pet-shop/map.yaml"),
        map.replacen("stages:", "segment: \"customer.city != 'Omsk'\"\nstages:", 1),
    )
    .expect("written");
    let book = milepost::rulebook::load(&rules, milepost::journey::book::Shop::default()).book.expect("a book");
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start(&database, book, at("2026-03-10T09:00:00Z")).await;
    let customer = |id: &str, city: &str| json!({"id": id, "email": format!("{id}@mail.example"), "city": city});
    daemon
        .accept(json!([
            {"id": "1", "kind": "customer.created", "customer": customer("anna", "Riga")},
            {"id": "2", "kind": "customer.created", "customer": customer("boris", "Omsk")},
            {"id": "3", "kind": "order.created", "customer": {"id": "anna"}, "order": {"id": "7", "phase": "open"}},
        ]))
        .await;
    daemon.settle().await;
    drop(daemon);
    let json = |args: &[&str]| -> Value {
        let run = milepost(folder.path()).args(args).arg("--json").assert().success();
        serde_json::from_slice(&run.get_output().stdout).expect("JSON")
    };
    let figures = json(&["segments"]);
    assert_eq!(
        (&figures[0]["segment"], &figures[0]["here"], &figures[0]["joined"]),
        (&json!("buyers"), &json!(1), &json!(1))
    );
    let said = text(&milepost(folder.path()).args(["segments", "pet-shop"]).assert().success().get_output().stdout);
    assert!(said.contains("buyers") && said.contains("Bought once"), "{said}");
    let emails = |args: &[&str]| -> Vec<String> {
        let rows = json(&[&["customers", "--map", "pet-shop"], args].concat());
        rows.as_array().expect("rows").iter().map(|row| row["email"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(emails(&["--segment", "buyers"]), ["anna@mail.example"]);
    assert_eq!(emails(&["--outside"]), ["boris@mail.example"]);
    assert_eq!(emails(&["--stage", "search"]), [""; 0]);
    assert_eq!(emails(&[]).len(), 2);
    assert_eq!(emails(&["--limit", "1"]).len(), 1);
    let said = text(
        &milepost(folder.path())
            .args(["customers", "--map", "pet-shop", "--segment", "buyer"])
            .assert()
            .code(1)
            .get_output()
            .stderr,
    );
    assert!(said.contains("there is no segment `buyer`: did you mean `buyers`?"), "{said}");
    milepost(folder.path())
        .args(["customers", "--map", "pet-shop", "--segment", "buyers", "--outside"])
        .assert()
        .code(2);
}

#[tokio::test]
async fn errands_and_promo_codes_are_shown_and_tried_again() {
    let folder = started();
    let shop = Shop { webhooks: ["stock".to_owned()].into(), ..Shop::default() };
    let rule = "{rule: gift, on: {event: customer.created}, steps: [{promo: codes}, {webhook: stock}]}";
    let book = book_in(shop, &[("shop/gift.yaml", rule), ("shop/promo/codes.csv", "code\nAAA-1\nAAA-2\n")]);
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start_with(&database, book, at("2026-03-10T09:00:00Z"), |settings| {
        let secret = Some("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into());
        let url = "https://127.0.0.1/".to_owned();
        settings.webhooks.insert("stock".into(), WebhookSettings { url, secret, allow_private: false });
    })
    .await;
    let anna = json!({"external_id": "anna", "email": "anna@mail.example", "consent": {"marketing": true}});
    daemon.accept(json!({"id": "1", "kind": "customer.created", "customer": anna})).await;
    daemon.settle().await;
    drop(daemon);
    let run = |args: &[&str]| text(&milepost(folder.path()).args(args).assert().success().get_output().stdout);
    let parsed = |args: &[&str]| -> Value { serde_json::from_str(&run(args)).expect("JSON") };
    let dead = parsed(&["errands", "list", "--state", "dead", "--customer", "anna@mail.example", "--json"]);
    assert_eq!((&dead[0]["target"], &dead[0]["kind"]), (&json!("stock"), &json!("webhook")));
    let id = dead[0]["id"].as_str().expect("an id");
    assert!(run(&["errands", "show", id]).contains("private network"));
    assert!(run(&["errands", "list"]).contains("dead"));
    assert!(run(&["errands", "retry", id]).contains("queued again: 1"));
    assert!(run(&["errands", "list", "--state", "dead"]).contains("No errands."));
    for (args, said) in [
        (&["errands", "retry", id][..], "none of these errands is dead"),
        (&["errands", "retry", "--all-dead"], "there are no dead errands"),
        (&["errands", "list", "--target", "stok"], "there is no webhook or connection `stok`"),
        (&["errands", "show", "none"], "there is no errand none"),
        (&["promo", "show", "NONE"], "no pool has the code `NONE`"),
    ] {
        let told = text(&milepost(folder.path()).args(args).assert().code(1).get_output().stderr);
        assert!(told.contains(said), "{told}");
    }
    let pools = parsed(&["promo", "list", "--json"]);
    let codes = pools.as_array().expect("a list").iter().find(|pool| pool["pool"] == "codes").expect("the pool");
    assert_eq!((&codes["codes"], &codes["left"], &codes["low"]), (&json!(2), &json!(2), &json!(false)));
    assert_eq!(codes["returned"], 1, "no letter brought the code");
    assert!(run(&["promo", "list"]).contains("codes"));
    assert!(run(&["promo", "show", "aaa-1"]).contains("free"), "as in orders, case makes no difference");
    fs::write(folder.path().join("more.csv"), "code\naaa-1\nBBB-1\nbbb-1\n").expect("written");
    let said = run(&["promo", "import", "codes", "more.csv"]);
    assert!(said.contains("new in `codes`: 1; there already: 1\nlines of the file that repeat another: 1"), "{said}");
    assert_eq!(parsed(&["promo", "show", "AAA-1", "--json"])[0]["state"], "free");
}

#[test]
fn wrong_arguments_are_code_2() {
    let folder = TempDir::new().expect("a folder");
    for args in
        [&["chek"][..], &["messages", "list", "--state", "lost"], &["demo", "--speed", "0"], &["inbox", "retry"], &[]]
    {
        milepost(folder.path()).args(args).assert().code(2);
    }
}
