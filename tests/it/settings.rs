//! Settings: every fault in one run, the environment over the file, secrets that never show, and generated files.

use std::fs;
use std::path::PathBuf;

use milepost::settings::load::{Fault, Loaded};
use milepost::settings::{RelaySecurity, reference};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// Reads settings of this text with these variables, in a folder that also holds these files.
fn read(text: &str, variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Loaded, Vec<Fault>> {
    let folder = TempDir::new().expect("a folder");
    let config = folder.path().join("config");
    fs::create_dir(&config).expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("written");
    }
    let file = config.join("milepost.toml");
    fs::write(&file, text).expect("written");
    let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Loaded::read(&file, &variables).map_err(|faults| faults.faults)
}

fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<Fault> {
    read(text, variables, &[]).expect_err("settings with faults")
}

/// One fault of a text: where, what, help.
fn check(text: &str, line: usize, column: usize, message: &str, help: &str) {
    let found = faults(text, &[]);
    let [fault] = found.as_slice() else { panic!("{text:?}: {found:#?}") };
    let place = (fault.line, fault.column);
    assert_eq!((place, fault.message.as_str()), ((Some(line), Some(column)), message), "{text:?}");
    assert!(fault.help.clone().unwrap_or_default().contains(help), "{text:?}: {fault:#?}");
}

#[test]
fn nothing_at_all_is_fine() {
    let loaded = read("", &[], &[]).expect("defaults");
    assert_eq!(loaded.settings.server.listen.port(), 8080);
    assert_eq!(loaded.settings.mail.retry.len(), 11);
}

#[test]
fn faults_of_mail_have_a_place_and_help() {
    let row = |rest: &str| format!("[[mail.refusals]]\nclass = \"soft\"\n{rest}");
    let code = "a refusal's code begins with 4 or 5 and has at most three digits";
    check(&row("code = \"25\""), 3, 8, code, "docs/deliverability.md");
    let shape = "this is neither an enhanced code such as `5.2.2`, nor its beginning, nor `none`";
    check(&row("enhanced = \"5.x\""), 3, 12, shape, "");
    check(&row("txet = [\"later\"]"), 3, 1, "there is no setting `mail.refusals[0].txet`", "did you mean `text`?");
    check(
        "[[mail.refusals]]\nclass = \"bad\"",
        2,
        9,
        "`mail.refusals[0].class` takes one of `session`, `login`, `sender`, `hard`, `unavailable`, `mailbox_full`, `greylisted`, `rate`, `blocked`, `unauthenticated`, `spam`, `size`, `policy`, `soft`, `refused`",
        "",
    );
    check("[mail]\nrefusals = [1]", 2, 13, "`mail.refusals[0]` takes a section, not a number", "");
    check("[mail]\ngive_up_after = \"0s\"", 2, 17, "`mail.give_up_after` is no time at all", "5d");
    let two = "[mail.relays.main]\n[mail.relays.spare]\n";
    let route = |rest: &str| format!("{two}[[mail.routes]]\n{rest}");
    check(&route("relays = [\"mian\"]"), 4, 11, "there is no relay `mian` under `mail.relays`", "did you mean `main`?");
    check(&route("purpose = \"marketing\""), 3, 1, "this route names no relay", "relays");
    check(
        &route("sender = \"news\"\nrelays = [\"main\"]"),
        4,
        10,
        "there is no sender `news` under `mail.senders`",
        "",
    );
    let group = "[mail.domains.google]\ndomains = [\"gmail.com\"]\n";
    check(
        &format!("{group}{}", route("domain = \"gogle\"\nrelays = [\"main\"]")),
        6,
        10,
        "there is no domain `gogle` under `mail.domains`",
        "did you mean `google`?",
    );
    let listener = "[mail.returns.listener]\ncertificate = \"x\"\nkey = \"y\"";
    let pem = "the certificate and the key are not a chain and its key in PEM";
    check(listener, 2, 15, pem, "the server's own certificate first");
    let allow = |entry: &str| format!("[mail.attachments]\nallow = [\"{entry}\"]");
    let slash = "this must end with a slash: everything below it may be fetched";
    check(&allow("https://cdn.shop.example"), 2, 10, slash, "cdn.shop.example/letters/");
    let plain = "this must begin with https:// (http:// is for private networks, with `allow_private = true`)";
    check(&allow("http://cdn.shop.example/"), 2, 10, plain, "");
    check("[mail.attachments]\nmax_mb = 11", 2, 10, "`max_mb` lies outside 1 to 10", "");
    check("[mail.domains.google]\nconnections = 2", 1, 15, "no domain has these limits", "gmail.com");
    let twice = "[mail.domains.a]\ndomains = [\"a.example\"]\n[mail.domains.b]\ndomains = [\"A.example\"]";
    check(twice, 4, 12, "`A.example` has limits under `a` already", "name it once");
    let relay = |rest: &str| format!("[mail.relays.a]\n{rest}");
    check(&relay("rate_per_hour = 0"), 2, 17, "a rate of 0 would send nothing", "leave it out");
    check(&relay("warm_up = [50]"), 2, 11, "a warm-up without its first day", "warm_up_from");
    let first = "warm_up = [50]\nwarm_up_from = \"1 May\"";
    check(&relay(first), 3, 16, "`1 May` is not a day", "2026-11-01");
    check(&relay("weight = 0"), 1, 7, "every relay has a weight of 0", "give one of them");
}

#[test]
fn faults_have_a_place_and_help() {
    check("[shop]\nnmae = \"x\"", 2, 1, "there is no setting `shop.nmae`", "did you mean `name`?");
    check("[sever]\nlisten = 1", 1, 2, "there is no setting `sever`", "did you mean `server`?");
    check("[server]\nlisten = 8080", 2, 10, "`server.listen` takes text in quotes, not a number", "");
    check(
        "[server]\nlisten = \"here\"",
        2,
        10,
        "`server.listen`: not an address and a port: write \"127.0.0.1:8080\", or \"0.0.0.0:8080\" for all networks (names such as localhost are not looked up)",
        "",
    );
    check("[shop]\ncurrency = \"euro\"", 2, 12, "`euro` is not a currency", "ISO 4217");
    check("[shop]\nlocale = \"Russian\"", 2, 10, "`Russian` is not a locale", "`ru` or `en-GB`");
    check("[shop]\nurl = \"shop.example\"", 2, 7, "`shop.url` is not an address of the web", "https://shop.example");
    let hook = |rest: &str| format!("[webhooks.stock]\nsecret = \"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\"\n{rest}");
    check(
        &hook("url = \"http://10.0.0.7/in\""),
        3,
        7,
        "`webhooks.stock.url` must begin with https://",
        "allow_private",
    );
    check(&hook("url = \"hooks\""), 3, 7, "`webhooks.stock.url` is not an address of the web", "a whole address");
    let hook = "[webhooks.stock]\nurl = \"https://hooks.example/\"\n";
    let missing = "`webhooks.stock.secret` is missing: webhooks are signed by it";
    check(hook, 1, 11, missing, "openssl rand");
    let bad = "`webhooks.stock.secret` is not `whsec_` and 24 to 64 bytes in base64";
    check(&format!("{hook}secret = \"whsec_short\""), 3, 10, bad, "openssl rand");
    check("[errands]\nretry = [\"0s\"]", 2, 10, "a wait before the next try is no time at all", "5m");
    check("[mail]\nfrom = \"nobody\"", 2, 8, "`mail.from` is not an e-mail address", "name@domain");
    check(
        "[mail]\nretry = [\"1m\", \"soon\"]",
        2,
        16,
        "`mail.retry[1]`: `soon` is not a length of time: write a number and a unit (s, m, h, d, w), for example `90s`, `1h` or `1d 12h`",
        "",
    );
    check("[mail.relays.a]\nport = 70000", 2, 8, "`mail.relays.a.port` takes a whole number from 0 to 65535", "");
    check(
        "[mail.relays.a]\nsecurity = \"ssl\"",
        2,
        12,
        "`mail.relays.a.security` takes one of `starttls`, `tls`, `none`",
        "",
    );
    check("[ingest]\nqueue = -1", 2, 9, "`ingest.queue` takes a whole number from 0 up", "");
    let levels =
        "`log.filter` can't be read: invalid filter directive: too many '=' in filter directive, expected 0 or 1";
    check("[log]\nfilter = \"a=b=c\"", 2, 10, levels, "milepost::engine");
    check(
        "[connections.shop]\nhook_secret = \"aaaaaaaaaaaaaaaa\"",
        1,
        14,
        "`connections.shop`: missing field `kind`",
        "",
    );
    check(
        "[database]\nurl = \"mysql://localhost\"",
        2,
        7,
        "`database.url` names no database that is known",
        "sqlite:PATH",
    );
}

#[test]
fn a_letter_never_leaves_the_machine_unprotected() {
    let relay = |host: &str| format!("[mail.relays.a]\nhost = \"{host}\"\nsecurity = \"none\"");
    for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
        read(&relay(host), &[], &[]).unwrap_or_else(|faults| panic!("{host}: {faults:?}"));
    }
    let message = "letters would travel to `mail.shop.example` without protection";
    check(&relay("mail.shop.example"), 3, 12, message, "use `starttls` or `tls`");
    check(
        &relay("localhost.shop.example"),
        3,
        12,
        "letters would travel to `localhost.shop.example` without protection",
        "",
    );
}

#[test]
fn every_fault_is_found_in_one_run() {
    let text = "\
[shop]
curency = \"EUR\"
time_zone = \"Europe/Moskow\"
[server]
listen = true
[mail]
from = \"nobody\"
retry = [\"soon\"]
[connections.shop]
kind = \"retailcrm\"
url = \"ftp://crm.example\"
poll_every = \"1s\"
[api]
tokens = { site = \"short\" }
";
    let variables = [("MILEPOST__INGEST__QUEUE", "many"), ("MILEPOST__SHOP__NAM", "x")];
    let found: Vec<_> =
        faults(text, &variables).into_iter().map(|fault| (fault.line.unwrap_or(0), fault.origin)).collect();
    let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 5, 7, 8, 9, 11, 12, 14, 0, 0]);
    assert!(found[9].1.contains("MILEPOST__INGEST__QUEUE"));
}

#[test]
fn broken_toml_is_shown_at_its_place() {
    let found = faults("[shop]\nname = Pet shop\n[mail]\nfrom = \"nobody\"\n", &[]);
    assert!(found.iter().any(|f| f.line == Some(2) && f.message.starts_with("this is not TOML")), "{found:#?}");
    assert!(found.iter().any(|f| f.line == Some(4)), "what can be read is still checked: {found:#?}");
    let found = faults("[shop]\nname = \"a\"\nname = \"b\"\n", &[]);
    assert!(found.iter().any(|f| f.line == Some(3)), "{found:#?}");
}

#[test]
fn the_environment_wins() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n[connections.my-shop]\nkind = \"retailcrm\"\nurl = \"https://crm.example\"\n";
    let variables = [
        ("MILEPOST__SERVER__LISTEN", "127.0.0.1:2"),
        ("MILEPOST__CONNECTIONS__MY_SHOP__API_KEY", "key-of-the-account"),
        ("MILEPOST__CONNECTIONS__MY_SHOP__CARTS", "false"),
        ("MILEPOST__CONNECTIONS__OTHER__KIND", "retailcrm"),
        ("MILEPOST__CONNECTIONS__OTHER__HOOK_SECRET", "0123456789abcdef"),
        ("MILEPOST__MAIL__RETRY", "1m, 5m"),
        ("MILEPOST__MAIL__RELAYS__MAIN__RATE_PER_SECOND", "20"),
        ("MILEPOST__MAIL__RELAYS__MAIN__SECURITY", "tls"),
        ("MILEPOST__CONSENT__ASSUMED", "[\"transactional\", \"service\"]"),
        ("MILEPOST__API__TOKENS__SITE", "0123456789abcdef"),
        ("MILEPOST_CONFIG", "not a setting"),
    ];
    let settings = read(text, &variables, &[]).expect("settings").settings;
    assert_eq!(settings.server.listen.port(), 2);
    let shop = &settings.connections["my-shop"];
    assert_eq!(shop.api_key.as_ref().map(ExposeSecret::expose_secret), Some("key-of-the-account"));
    assert!(!shop.carts);
    assert!(settings.connections.contains_key("other"));
    assert_eq!(settings.mail.retry.len(), 2);
    assert_eq!(settings.mail.relays["main"].rate_per_second, Some(20));
    assert_eq!(settings.mail.relays["main"].security, RelaySecurity::Tls);
    assert_eq!(settings.consent.assumed.len(), 2);
    assert_eq!(settings.api.tokens["site"].expose_secret(), "0123456789abcdef");
}

#[test]
fn secrets_lie_in_files() {
    let text = "\
[database]
url_file = \"url\"
[mail.relays.main]
username = \"shop\"
password_file = \"password\"
[connections.shop]
kind = \"retailcrm\"
url = \"https://crm.example\"
api_key_file = \"key\"
hook_secret_file = \"hook\"
[api.tokens]
site_file = \"token\"
";
    let files = [
        ("url", "postgres://milepost@db.example/milepost\n"),
        ("password", "pass word\r\n"),
        ("key", "key-of-the-account"),
        ("hook", "0123456789abcdef\n"),
        ("token", "fedcba9876543210"),
    ];
    let settings = read(text, &[], &files).expect("settings").settings;
    assert_eq!(settings.database.url.expose_secret(), "postgres://milepost@db.example/milepost");
    let password = settings.mail.relays["main"].password.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(password, Some("pass word"));
    assert_eq!(settings.api.tokens["site"].expose_secret(), "fedcba9876543210");
    let found = read(text, &[], &files[1..]).expect_err("a missing file");
    assert_eq!((found.len(), found[0].line), (1, Some(2)), "{found:#?}");
}

#[test]
fn a_secret_is_given_once() {
    let text = "[database]\nurl = \"sqlite:a.db\"\nurl_file = \"url\"\n";
    check(text, 3, 12, "both `url` and `url_file` are given", "keep one");
}

#[test]
fn secrets_never_show() {
    const SECRET: &str = "hunter2";
    let texts = [
        "[connections.shop]\nkind = \"retailcrm\"\nhook_secret = \"hunter2\"\n",
        "[connections.shop]\nkind = \"retailcrm\"\nurl = \"https://crm.example\"\napi_key = [\"hunter2\"]\n",
        "[mail.relays.main]\npasword = \"hunter2\"\n",
        "[mail.relays.main]\npassword = hunter2\n",
        "[mail.relays.main]\npassword = \"hunter2\"\n",
        "[mail]\nrelays = { main = { password = \"hunter2\" } }\n",
        "[mail]\nrelays.main.password = \"\"\"\nhunter2\n\"\"\" x\n",
        "[api]\ntokens = { site = \"hunter2\", \n",
        "[api.tokens]\nsite = \"hunter2\"\n",
        "[database]\nurl = \"mysql://shop:hunter2@db.example\"\n",
        "[databas]\nurl = \"mysql://shop:hunter2@db.example\"\n",
        "[connections.shop]\nkind = \"retailcrm\"\nurl = \"https://me:hunter2@crm.example/\"\n",
    ];
    for text in texts {
        let found = faults(text, &[]);
        let shown = found.iter().map(|fault| format!("{fault}\n{fault:?}")).collect::<Vec<_>>().join("\n");
        assert!(!shown.contains(SECRET), "{text}\n{shown}");
    }
    let variables = [("MILEPOST__API__TOKENS__SITE", SECRET), ("MILEPOST__CONNECTIONS__SHOP__API_KEYS", SECRET)];
    let shown = format!("{:?}", faults("", &variables));
    assert!(!shown.contains(SECRET), "{shown}");
    let text = "[mail.relays.main]\nusername = \"shop\"\npassword = \"hunter2\"\n";
    let shown = format!("{:?}", read(text, &[], &[]).expect("settings"));
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn odd_bytes_are_faults_and_nothing_worse() {
    for text in [
        "\u{0}",
        "[shop]\nname = \"\u{1b}[2J",
        "a",
        "=",
        "[[shop]]",
        "shop = 1",
        "[shop]\nname = \"\\u0007\"",
        "rules = 99999999999999999999",
    ] {
        if let Err(found) = read(text, &[], &[]) {
            let shown: String = found.iter().map(ToString::to_string).collect();
            assert!(!shown.contains(['\u{1b}', '\u{0}']), "{shown:?}");
        }
    }
}

#[test]
fn paths_begin_at_the_folder_that_holds_config() {
    let loaded = read("[database]\nurl = \"sqlite:data/a.db\"\n", &[], &[]).expect("settings");
    let expect = format!("sqlite:{}", loaded.root.join("data/a.db").display());
    assert_eq!(loaded.database_url().expose_secret(), expect);
    assert_eq!(loaded.rules_dir(), loaded.root.join("rules"));
    let loaded = read("[database]\nurl = \"sqlite::memory:\"\n", &[], &[]).expect("settings");
    assert_eq!(loaded.database_url().expose_secret(), "sqlite::memory:");
}

/// To write both files anew: `MILEPOST_WRITE_REFERENCE=1 cargo test settings::committed_files`.
#[test]
fn committed_files_equal_what_the_doc_comments_make() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for (path, made) in [("config/milepost.toml", reference::commented_file()), ("docs/settings.md", reference::page())]
    {
        let file = root.join(path);
        if std::env::var_os("MILEPOST_WRITE_REFERENCE").is_some() {
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(&file, &made).expect("written");
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        let hint = "run `MILEPOST_WRITE_REFERENCE=1 cargo test settings::committed_files`";
        assert!(committed == made, "{path} is not what src/settings makes: {hint}");
    }
}

#[test]
fn the_commented_file_is_valid_with_every_key_switched_on() {
    read(&reference::commented_file(), &[], &[]).expect("a starter");
    // Every commented key is a real one: switched on, the only faults are files of secrets that aren't there.
    let switched: String = reference::commented_file()
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|rest| rest.starts_with('[') || rest.contains(" = ")).unwrap_or(line)
        })
        .fold(String::new(), |all, line| all + line + "\n");
    let found = faults(&switched, &[]);
    assert!(
        found.iter().all(|fault| [
            "can't be read",
            "needs both",
            "no password",
            "webhooks are signed by it",
            "has no `secret`",
            "go together",
            "no user name or no password",
            "has no `private_key`",
            "not a list of certificates"
        ]
        .iter()
        .any(|part| fault.message.contains(part))),
        "{found:#?}"
    );
}
