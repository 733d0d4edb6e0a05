//! Opens and clicks: from the link in a letter to the rule that follows, with programs left out.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use milepost::journey::book::Shop;
use milepost::rulebook::Book;
use milepost::settings::{RelaySecurity, RelaySettings, Settings, Track, UtmSettings};
use serde_json::{Value, json};

use super::{arrives, books, daemon, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Answer, Daemon, MAP, book_beside, person};

both! {
    a_link_leads_to_what_stood_in_the_letter,
    a_person_s_click_starts_a_rule_and_counts_once,
    programs_are_noted_and_start_nothing,
    several_links_at_once_are_a_program_s,
    opens_are_noted_by_a_picture,
    nothing_is_noted_of_who_refuses,
    a_rule_or_a_map_may_say_no,
    changed_settings_hold_for_links_and_pages_too,
    without_tracking_letters_leave_as_they_were_written,
}

const WELCOME: &str = "
rule: welcome
on: {event: customer.created}
steps:
  - send: welcome
";
const THANKS: &str = "
rule: thanks
on: {event: message.clicked}
when: \"event.letter == 'welcome' && event.position == 0\"
reenter: always
purpose: transactional
steps:
  - send: thanks
";
/// Whoever said no is asked nothing, and a rule may say it for them.
const SHY: &str = "
rule: shy
on: {event: shy.asked}
when: \"consent.tracking != false\"
steps:
  - set: {consent: {tracking: false}}
";
const TEXT: &str = "Subject: Welcome\n\nFeeders: https://shop.example/feeders?a=1&b=2.\nBowls: https://shop.example/bowls\n\
                    {{ unsubscribe_url }}\n";
const HTML: &str = "<html><body><a href=\"https://shop.example/feeders?a=1&amp;b=2\">Feeders</a> \
                    <a href=\"https://elsewhere.example/\">Elsewhere</a> <a href=\"mailto:help@shop.example\">Help</a> \
                    <a href=\"{{ unsubscribe_url }}\">No more</a></body></html>\n";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const APPLE: &str = "Mozilla/5.0";

fn book() -> Book {
    let letters = [("shop/templates/welcome.txt", TEXT), ("shop/templates/welcome.html", HTML)];
    book_beside(MAP, &[WELCOME, THANKS, SHY], &letters, Shop::default())
}

fn both_on(settings: &mut Settings) {
    settings.mail.tracking.clicks = Track::On;
    settings.mail.tracking.opens = Track::On;
    settings.server.address_header = Some("X-Forwarded-For".into());
}

/// A daemon that has written to Anna.
async fn written(place: &Place, change: impl FnOnce(&mut Settings)) -> Daemon {
    let daemon = daemon_with(place, book(), change).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["Welcome"]);
    daemon
}

/// The addresses of a letter that begin so, in their order, each once.
fn links(daemon: &Daemon, begin: &str) -> Vec<String> {
    let bytes = daemon.mailbox.letters()[0].bytes.clone();
    // HTML goes out as quoted-printable.
    let source = String::from_utf8(bytes).expect("7-bit").replace("=\r\n", "").replace("=3D", "=");
    let mut links: Vec<String> = Vec::new();
    for (at, _) in source.match_indices(begin) {
        let link: String = source[at..].chars().take_while(|c| !"\"<> \r\n".contains(*c)).collect();
        let link = link.trim_end_matches('.').to_owned();
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

fn paths(daemon: &Daemon, begin: &str) -> Vec<String> {
    let own = "https://post.shop.example";
    links(daemon, &format!("{own}{begin}")).into_iter().map(|link| link[own.len()..].to_owned()).collect()
}

/// Asks as somebody; what is noted of it is stored after the answer, and this waits for it.
async fn ask(daemon: &Daemon, method: Method, path: &str, (agent, from): (&str, &str)) -> Answer {
    let noted = async || {
        let counts = daemon.app.engine.store.count_bodies().await.expect("reads");
        counts.pending + counts.done
    };
    let before = noted().await;
    let request =
        Request::builder().method(method).uri(path).header("user-agent", agent).header("x-forwarded-for", from);
    let answer = daemon.ask(request.body(Body::empty()).expect("a request")).await;
    assert!(answer.status.is_success() || answer.status == StatusCode::FOUND, "{path}: {}", answer.status);
    while noted().await == before {
        tokio::task::yield_now().await;
    }
    answer
}

async fn follow(daemon: &Daemon, path: &str) -> Answer {
    ask(daemon, Method::GET, path, (FIREFOX, "203.0.113.9, 198.51.100.7")).await
}

async fn figures(daemon: &Daemon, rule: &str) -> [i64; 4] {
    let answer = daemon.ask(Request::get("/api/v1/maps/shop").body(Body::empty()).expect("a request")).await;
    let map: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let rules = map["rules"].as_array().expect("rules");
    let found = rules.iter().find(|found| found["rule"] == rule).expect("the rule");
    ["opened", "clicked", "opened_by_machine", "clicked_by_machine"].map(|name| found[name].as_i64().expect("a number"))
}

/// What is on record of the first letter: what was done, and why it was a program.
async fn reads(daemon: &Daemon) -> Vec<(&'static str, Option<String>)> {
    let store = &daemon.app.engine.store;
    let reads = store.reads_of(&daemon.record().await[0].id).await.expect("reads");
    reads.into_iter().map(|read| (read.what, read.machine)).collect()
}

async fn a_link_leads_to_what_stood_in_the_letter(place: &Place) {
    let daemon = written(place, |settings| {
        both_on(settings);
        settings.mail.tracking.utm = UtmSettings {
            hosts: vec!["shop.example".into()],
            source: Some("milepost".into()),
            campaign: Some("{map}-{rule}".into()),
            ..UtmSettings::default()
        };
    })
    .await;
    let found = paths(&daemon, "/c/");
    let targets = [
        "https://shop.example/feeders?a=1&b=2&utm_source=milepost&utm_campaign=shop-welcome",
        "https://elsewhere.example/",
        "https://shop.example/bowls?utm_source=milepost&utm_campaign=shop-welcome",
    ];
    // The text comes first in the letter; the same link is the same number in both parts.
    assert_eq!(found.len(), targets.len(), "{found:?}");
    let mut led = Vec::new();
    for path in &found {
        let answer = follow(&daemon, path).await;
        assert_eq!(
            (answer.status, &answer.headers["cache-control"]),
            (StatusCode::FOUND, &"no-store".parse().expect("a value"))
        );
        led.push(answer.headers["location"].to_str().expect("ASCII").to_owned());
    }
    led.sort();
    let mut expected = targets.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(led, expected);
    assert_eq!(paths(&daemon, "/u/").len(), 1, "the way to refuse is as it was");
    // No link leads where its letter did not: not of another letter, number or maker, and not by what a query says.
    let token = found[0].trim_start_matches("/c/");
    let forged = format!("/c/{}{}", if token.starts_with('A') { "B" } else { "A" }, &token[1..]);
    let signer = milepost::mail::LinkSigner::new(b"another secret");
    let message = daemon.record().await[0].id.clone();
    let foreign = format!("/c/{}", signer.sign_click(&message, 0).expect("a token"));
    for path in [forged.as_str(), &foreign, "/c/x", "/c/x?url=https://evil.example", "/o/x.gif"] {
        let answer = daemon.ask(Request::get(path).body(Body::empty()).expect("a request")).await;
        assert_eq!((answer.status, answer.headers.get("location")), (StatusCode::NOT_FOUND, None), "{path}");
    }
    daemon.until("2026-03-10T09:00:01Z").await;
    let query = format!("{}?url=https://evil.example&next=https://evil.example", found[0]);
    assert!(!follow(&daemon, &query).await.headers["location"].to_str().expect("ASCII").contains("evil"));
    books::check(&daemon).await;
}

async fn a_person_s_click_starts_a_rule_and_counts_once(place: &Place) {
    let daemon = written(place, both_on).await;
    let found = paths(&daemon, "/c/");
    let feeders = found[0].clone();
    daemon.until("2026-03-10T09:30:00Z").await;
    follow(&daemon, &feeders).await;
    daemon.settle().await;
    assert_eq!(reads(&daemon).await, [], "nobody knows yet whether it was a person");
    daemon.until("2026-03-10T09:30:03Z").await;
    assert_eq!(reads(&daemon).await, [("clicked", None)]);
    assert_eq!(daemon.subjects(), ["Welcome", "thanks for anna"]);
    // Again, later: the letter counts once, the rule hears of it each time.
    daemon.until("2026-03-10T10:00:00Z").await;
    follow(&daemon, &feeders).await;
    daemon.until("2026-03-10T10:01:00Z").await;
    assert_eq!(figures(&daemon, "welcome").await, [1, 1, 0, 0], "whoever follows a link has opened the letter");
    assert_eq!(daemon.subjects().len(), 3);
    let customer = daemon.customer("anna").await;
    assert_eq!((customer.reads.opened, customer.reads.clicked), (1, 1));
    assert_eq!(customer.reads.last_clicked_at, Some(crate::support::at("2026-03-10T10:00:00Z")));
    books::check(&daemon).await;
}

async fn programs_are_noted_and_start_nothing(place: &Place) {
    let daemon = written(place, both_on).await;
    let feeders = paths(&daemon, "/c/")[0].clone();
    // Two seconds after the hand-over nobody has read anything.
    daemon.until("2026-03-10T09:00:02Z").await;
    follow(&daemon, &feeders).await;
    daemon.until("2026-03-10T09:10:00Z").await;
    // Somebody from a scanner's network, one with a scanner's name, and one who asks for the head alone before it comes.
    ask(&daemon, Method::GET, &feeders, (FIREFOX, "198.51.100.7, 40.107.1.2")).await;
    daemon.until("2026-03-10T09:20:00Z").await;
    ask(&daemon, Method::GET, &feeders, ("BarracudaCentral/1.0", "198.51.100.7")).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    let head = ask(&daemon, Method::HEAD, &feeders, (FIREFOX, "198.51.100.7")).await;
    assert_eq!(head.status, StatusCode::FOUND);
    daemon.until("2026-03-10T09:30:01Z").await;
    follow(&daemon, &feeders).await;
    // A browser that fetches beforehand is not even noted.
    let beforehand = Request::get(&feeders).header("sec-purpose", "prefetch").header("user-agent", FIREFOX);
    assert_eq!(daemon.ask(beforehand.body(Body::empty()).expect("a request")).await.status, StatusCode::FOUND);
    daemon.until("2026-03-10T10:00:00Z").await;
    let why: Vec<_> = reads(&daemon).await.into_iter().map(|(_, why)| why.unwrap_or_default()).collect();
    assert_eq!(why, ["too_soon", "network", "agent", "head_only"]);
    assert_eq!(figures(&daemon, "welcome").await, [0, 0, 0, 4]);
    assert_eq!(daemon.subjects(), ["Welcome"], "no rule was started");
    let customer = daemon.customer("anna").await;
    assert_eq!((customer.reads.opened, customer.reads.clicked), (0, 0));
    assert!(customer.reading_hours.is_empty());
    // What somebody else says of a program's click starts nothing either.
    let said = json!({"message": "m", "letter": "welcome", "position": 0, "machine": true});
    let event = json!({"id": "theirs", "kind": "message.clicked", "customer": person("anna"), "data": said});
    daemon.accept(event).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["Welcome"]);
    let decisions = daemon.app.engine.store.decisions(&customer.id, Some("welcome"), 10).await.expect("reads");
    assert!(
        decisions.iter().any(|d| (d.about.as_str(), d.outcome.as_str()) == ("clicked", "machine")),
        "{decisions:?}"
    );
    books::check(&daemon).await;
}

async fn several_links_at_once_are_a_program_s(place: &Place) {
    let daemon = written(place, both_on).await;
    let found = paths(&daemon, "/c/");
    let picture = paths(&daemon, "/o/")[0].clone();
    daemon.until("2026-03-10T11:00:00Z").await;
    follow(&daemon, &picture).await;
    follow(&daemon, &found[0]).await;
    daemon.settle().await;
    daemon.until("2026-03-10T11:00:01Z").await;
    follow(&daemon, &found[1]).await;
    daemon.until("2026-03-10T11:00:02Z").await;
    follow(&daemon, &found[2]).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    let several = Some("several_at_once".to_owned());
    let clicked = ("clicked", several.clone());
    assert_eq!(reads(&daemon).await, [("opened", several), clicked.clone(), clicked.clone(), clicked]);
    assert_eq!(figures(&daemon, "welcome").await, [0, 0, 1, 3]);
    // One of them alone, much later, is a person's; and so is the same one tapped twice.
    follow(&daemon, &found[0]).await;
    daemon.until("2026-03-10T12:00:01Z").await;
    follow(&daemon, &found[0]).await;
    daemon.until("2026-03-10T13:00:00Z").await;
    assert_eq!(figures(&daemon, "welcome").await, [1, 1, 1, 3]);
    assert_eq!(daemon.subjects().len(), 2, "and started the rule once");
    books::check(&daemon).await;
}

async fn opens_are_noted_by_a_picture(place: &Place) {
    let daemon = written(place, both_on).await;
    let picture = paths(&daemon, "/o/")[0].clone();
    assert!(std::path::Path::new(&picture).extension().is_some_and(|extension| extension == "gif"), "{picture}");
    daemon.until("2026-03-10T10:00:00Z").await;
    let answer = ask(&daemon, Method::GET, &picture, (APPLE, "198.51.100.7")).await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().expect("text")), (StatusCode::OK, "image/gif"));
    assert!(answer.headers["cache-control"].to_str().expect("text").contains("no-store"));
    assert!(answer.body.starts_with(b"GIF89a"));
    daemon.until("2026-03-10T11:00:00Z").await;
    assert_eq!(figures(&daemon, "welcome").await, [0, 0, 1, 0], "Apple's proxy fetches what nobody looks at");
    follow(&daemon, &picture).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    follow(&daemon, &picture).await;
    daemon.until("2026-03-10T13:00:00Z").await;
    assert_eq!(figures(&daemon, "welcome").await, [1, 0, 1, 0]);
    assert_eq!(daemon.customer("anna").await.reads.opened, 1);
    books::check(&daemon).await;
}

async fn nothing_is_noted_of_who_refuses(place: &Place) {
    let daemon = daemon_with(place, book(), |settings| {
        both_on(settings);
        settings.mail.tracking.opens = Track::Consent;
    })
    .await;
    let arrival = |id: &str, tracking: Option<bool>| {
        let mut event = arrives(id);
        if let Some(said) = tracking {
            event["customer"]["consent"]["tracking"] = json!(said);
        }
        event
    };
    for (id, said, clicks, opens) in
        [("refuses", Some(false), false, false), ("silent", None, true, false), ("agrees", Some(true), true, true)]
    {
        daemon.accept(arrival(id, said)).await;
        daemon.settle().await;
        let letters = daemon.mailbox.letters();
        let source = String::from_utf8(letters.last().expect("a letter").bytes.clone()).expect("7-bit");
        assert_eq!((source.contains("/c/"), source.contains("/o/")), (clicks, opens), "{id}: {source}");
        assert_eq!(source.contains("https://shop.example/bowls"), !clicks, "{id}");
    }
    // A rule may say it for the customer.
    daemon.accept(json!({"id": "shy", "kind": "shy.asked", "customer": {"id": "agrees"}})).await;
    daemon.settle().await;
    let said = daemon.customer("agrees").await.consents["tracking"].clone();
    assert_eq!((said.granted, said.source.as_str()), (false, "rule:shy"));
    books::check(&daemon).await;
}

async fn a_rule_or_a_map_may_say_no(place: &Place) {
    let map = MAP.replacen("stages:", "track: false\nstages:", 1);
    let welcome = WELCOME.replacen("steps:", "track: true\nsteps:", 1);
    let letters = [("shop/templates/welcome.txt", TEXT), ("shop/templates/welcome.html", HTML)];
    for (map, rule, noted) in [
        (map.as_str(), WELCOME, false),
        (map.as_str(), welcome.as_str(), true),
        (MAP, &WELCOME.replacen("steps:", "track: false\nsteps:", 1), false),
    ] {
        let book = book_beside(map, &[rule], &letters, Shop::default());
        let daemon = daemon_with(place, book, both_on).await;
        let id = format!("anna-{noted}-{}", daemon.record().await.len());
        daemon.accept(arrives(&id)).await;
        daemon.settle().await;
        let letters = daemon.mailbox.letters();
        let source = String::from_utf8(letters.last().expect("a letter").bytes.clone()).expect("7-bit");
        assert_eq!((source.contains("/c/"), source.contains("/o/")), (noted, noted), "{rule}");
    }
}

async fn changed_settings_hold_for_links_and_pages_too(place: &Place) {
    let daemon = daemon(place, book()).await;
    let mut settings = Settings::default();
    let to = daemon.mailbox.address();
    let relay = RelaySettings {
        host: to.ip().to_string(),
        port: Some(to.port()),
        security: RelaySecurity::None,
        ..RelaySettings::default()
    };
    settings.mail.relays.insert("test".into(), relay);
    settings.server.public_url = Some("https://post.shop.example".into());
    both_on(&mut settings);
    settings.mail.tracking.machines = vec!["Firefox".into()];
    daemon.app.change_settings(&settings).await.expect("are taken over");
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let feeders = paths(&daemon, "/c/")[0].clone();
    daemon.until("2026-03-10T09:30:00Z").await;
    follow(&daemon, &feeders).await;
    daemon.until("2026-03-10T09:31:00Z").await;
    assert_eq!(reads(&daemon).await, [("clicked", Some("agent".to_owned()))]);
    books::check(&daemon).await;
}

async fn without_tracking_letters_leave_as_they_were_written(place: &Place) {
    let daemon = daemon(place, book()).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert!(paths(&daemon, "/c/").is_empty() && paths(&daemon, "/o/").is_empty());
    assert_eq!(links(&daemon, "https://shop.example/feeders").len(), 2, "as text and as HTML");
    let message = daemon.record().await[0].id.clone();
    let tracked = daemon.app.engine.store.tracked(&message).await.expect("reads").expect("a letter");
    assert!(tracked.links.is_empty());
    books::check(&daemon).await;
}
