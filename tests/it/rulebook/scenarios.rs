//! Scenarios: the shipped ones hold and leave no step out, a failed one tells where and what, and their faults are told.

use milepost::journey::book::Shop;
use milepost::mail::{Composer, Job, LinkSigner, chain};
use milepost::rulebook::scenario::{Coverage, Line, Outcome, Scenario, run};
use milepost::rulebook::{Book, Files, Loaded, load_files, render, scenario_schema, starters};
use milepost::settings::{MailSettings, ShopSettings};

use super::{codes, sound, with};

pub fn tell(book: &Book, scenario: &Scenario) -> Outcome {
    let links = LinkSigner::of_previews();
    let composer =
        Composer::new(&MailSettings::default(), "https://post.shop.example", &ShopSettings::default(), links);
    let composer = composer.expect("a composer");
    run(book, scenario, &|customer, message, at| {
        composer.fill_offline(&book.letters, &Job::of(message, customer, at)).map_err(|error| chain(&error))
    })
}

fn starter(n: usize, shop: Shop) -> Loaded {
    let files: Files =
        starters()[n].files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    load_files(&files, shop)
}

#[test]
fn every_starters_scenarios_hold_and_take_every_step() {
    // Wherever a shop is, and whatever its language: the scenarios that it begins with hold there too.
    let shops = [
        Shop::default(),
        Shop { zone: chrono_tz::Asia::Vladivostok, locale: "ru".into(), currency: "RUB".into(), ..Shop::default() },
        Shop { zone: chrono_tz::America::Los_Angeles, currency: "USD".into(), ..Shop::default() },
    ];
    for shop in shops {
        for (n, starter_of) in starters().iter().enumerate() {
            let loaded = starter(n, shop.clone());
            let faults = &loaded.scenarios.diagnostics;
            assert!(faults.is_empty(), "{}", render(faults, false));
            let book = loaded.book.expect("a book");
            let mut coverage = Coverage::default();
            for scenario in &loaded.scenarios.list {
                let outcome = tell(&book, scenario);
                let told = (&outcome.failures, &outcome.told);
                assert!(outcome.failures.is_empty(), "{}, {}: {told:#?}", shop.zone, scenario.name);
                coverage.add(&outcome.walked);
            }
            for rule in coverage.rules(&book.rulebook) {
                assert_eq!(rule.taken, rule.all, "{}: {rule:?}", starter_of.name);
            }
        }
    }
}

/// A scenario of the small rulebook.
fn scenario(text: &str) -> Loaded {
    with(&[("shop/tests/hello.yaml", text)])
}

const HEAD: &str = "- scenario: Hello\n  clock: 2026-06-10 09:00\n";
const COMES: &str = "  events:\n    - {event: customer.created, customer: {email: anna@mail.example, first_name: Anna}, consent: {marketing: true}}\n";

/// What is told of a scenario: `line:column what`, then the difference.
fn fails(expect: &str) -> Vec<String> {
    let loaded = scenario(&format!("{HEAD}{COMES}{expect}"));
    assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
    let book = loaded.book.expect("a book");
    let outcome = tell(&book, &loaded.scenarios.list[0]);
    let mut told = Vec::new();
    for failure in outcome.failures {
        told.push(format!("{}:{} {}", failure.place.line, failure.place.column, failure.what));
        told.extend(failure.lines.into_iter().map(|line| match line {
            Line::Same(text) => format!("  {text}"),
            Line::Expected(text) => format!("- {text}"),
            Line::Happened(text) => format!("+ {text}"),
        }));
    }
    told
}

#[test]
fn what_holds_is_not_spoken_of() {
    let told = fails(
        "  expect:
    - nothing_sent_until: 1h
      stage: new
    - after: 1h
      letters:
        - {letter: hello, after: 1h, subject: Hello, text: [Hello Anna, post.shop.example], to: anna@mail.example, locale: en}
      withheld: []
      attributes: {first_name: Anna, city: null}
    - nothing_sent_until: 30d
",
    );
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn what_fails_is_told_at_its_place_with_the_difference() {
    assert_eq!(
        fails(
            "  expect:
    - nothing_sent_until: 2h
    - after: 3h
      stage: buyer
      letters: [hello]
      withheld: [{letter: hello, reason: no_consent}]
      attributes: {first_name: Bert}
  never: [hello]
"
        ),
        [
            "6:7 nothing must go out before 2026-06-10 11:00:00 UTC",
            "+ hello at 2026-06-10 10:00:00 UTC: \"Hello\"",
            "8:14 the stage on the map shop, 2026-06-10 12:00:00 UTC",
            "- buyer",
            "+ new",
            "9:16 the letters since the expectation before",
            "- hello",
            "10:17 the letters withheld since the expectation before",
            "- hello: no_consent",
            "11:20 customer.first_name, 2026-06-10 12:00:00 UTC",
            "- \"Bert\"",
            "+ \"Anna\"",
            "12:11 the letter hello must never go out",
            "+ hello at 2026-06-10 10:00:00 UTC: \"Hello\"",
        ]
    );
    let told = fails(
        "  expect:\n    - {after: 1h, letters: [{letter: hello, at: 2026-06-10 10:30, subject: Bye, text: Hello Bert}]}\n",
    );
    assert_eq!(
        told[..8],
        [
            "6:38 the moment of the letter hello",
            "- 2026-06-10 10:30:00 UTC",
            "+ 2026-06-10 10:00:00 UTC",
            "6:38 the subject of the letter hello",
            "- … Bye …",
            "+ Hello",
            "6:38 the text of the letter hello",
            "- … Hello Bert …",
        ]
    );
    assert!(told[8].starts_with("+ Hello Anna.\nhttps://post.shop.example/u/"), "{}", told[8]);
}

#[test]
fn what_is_given_is_known_and_starts_nothing() {
    let text = "
- scenario: Known for long
  clock: 2026-06-10 09:00
  given:
    customer: {email: anna@mail.example}
    consent: {marketing: false}
    orders: [{id: 1, total: 10.50, ago: 40d}, {id: 2, total: 5, phase: cancelled}]
    cart: {items: [{name: Bowl, price: 2.50, quantity: 2}], ago: 3d}
    history: [{event: customer.created, ago: 90d}]
  expect:
    - after: 0s
      stage: buyer
    - after: 30d
      letters: []
      withheld: []
";
    let loaded = scenario(text);
    assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
    let outcome = tell(&loaded.book.expect("a book"), &loaded.scenarios.list[0]);
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
}

#[test]
fn a_letter_that_cannot_be_written_fails_its_scenario() {
    let broken = "Subject: {{ customer.first_name | date }}\n\nHello.\n{{ unsubscribe_url }}\n";
    let text = format!("{HEAD}{COMES}  expect: [{{after: 2h}}]\n");
    let loaded = with(&[("shop/templates/hello.txt", broken), ("shop/tests/hello.yaml", &text)]);
    let outcome = tell(&loaded.book.expect("a book"), &loaded.scenarios.list[0]);
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(outcome.failures[0].what, "the letter hello cannot be written");
}

#[test]
fn coverage_tells_what_was_never_taken() {
    let rule = "rule: hello\non: {event: customer.created}\nsteps:\n  - branch:\n      - if: orders.count > 0\n        then: [{send: hello}, exit]\n      - if: cart.total > 5\n        then: [{wait: 1h}]\n  - send: hello\n";
    let text = format!("{HEAD}{COMES}  expect: [{{after: 2h, letters: [hello]}}]\n");
    let loaded = with(&[("shop/hello.yaml", rule), ("shop/tests/hello.yaml", &text)]);
    assert!(loaded.book.is_some(), "{}", render(&loaded.diagnostics, false));
    let book = loaded.book.expect("a book");
    let mut coverage = Coverage::default();
    coverage.add(&tell(&book, &loaded.scenarios.list[0]).walked);
    let rules = coverage.rules(&book.rulebook);
    assert_eq!((rules[0].taken, rules[0].all), (3, 8));
    assert_eq!(rules[0].steps_never_taken, ["send-hello", "exit", "wait-1h"]);
    assert_eq!(rules[0].arms_never_taken, ["branch: if orders.count > 0", "branch: if cart.total > 5"]);
}

#[test]
fn a_scenario_is_no_part_of_the_rulebook() {
    let plain = load_files(&sound(), Shop::default()).book.expect("a book").rulebook.hash;
    let tested = scenario(&format!("{HEAD}  expect: [{{after: 1h}}]\n"));
    assert_eq!(tested.scenarios.list.len(), 1);
    assert_eq!(tested.book.expect("a book").rulebook.hash, plain);
    for broken in ["- scenario: [", "", "- {scenario: x}\n"] {
        let loaded = scenario(broken);
        assert!(loaded.diagnostics.is_empty() && loaded.book.is_some(), "a broken test stops no shop");
        assert!(!loaded.scenarios.diagnostics.is_empty());
    }
}

/// Faults of these codes are told, each at its `«` in the text.
fn check(text: &str, expected: &[&str]) {
    let plain = text.replace('«', "");
    let places = text.match_indices('«').map(|(at, _)| {
        let before = text[..at].replace('«', "");
        let line = before.rsplit('\n').next().unwrap_or_default();
        format!("{}:{}", before.matches('\n').count() + 1, line.chars().count() + 1)
    });
    let expected: Vec<String> =
        expected.iter().zip(places).map(|(code, place)| format!("{code} shop/tests/hello.yaml:{place}")).collect();
    let loaded = scenario(&plain);
    let faults = &loaded.scenarios.diagnostics;
    assert_eq!(codes(faults), expected, "{plain}\n{}", render(faults, false));
    assert!(loaded.scenarios.list.is_empty(), "a faulty scenario is not run: {plain}");
}

#[test]
fn reasons_limits_and_arms_that_there_are_not_are_told_with_those_that_are() {
    let helps = |text: &str, code: &str, message: &str, help: &str| {
        let loaded = scenario(&format!("{HEAD}{text}\n"));
        let faults = loaded.scenarios.diagnostics;
        assert_eq!(faults.len(), 1, "{}", render(&faults, false));
        assert_eq!((faults[0].code, faults[0].message.as_str()), (code, message));
        assert!(faults[0].help.as_ref().is_some_and(|said| said.contains(help)), "{:?}", faults[0].help);
    };
    let withheld = |reason: &str| format!("  expect: [{{after: 1h, withheld: [{{letter: hello, reason: {reason}}}]}}]");
    let held = |by: &str| format!("  expect: [{{after: 1h, held: [{{letter: hello, by: {by}}}]}}]");
    let never = "a letter is never withheld for the reason";
    helps(&withheld("banana"), "unknown-word", &format!("{never} `banana`"), "reasons: `goal_reached`");
    helps(&withheld("no_consnt"), "unknown-word", &format!("{never} `no_consnt`"), "did you mean `no_consent`?");
    helps(&held("gap"), "unknown-word", "a letter never waits for a limit `gap`", "did you mean `minimum_gap`?");
    let takes = |text: &str| format!("  takes: {{{text}}}\n  expect: [{{after: 1h}}]");
    helps(&takes("helo: long"), "unknown-rule", "there is no rule `helo`", "did you mean `hello`?");
    helps(&takes("hello: long"), "unknown-arm", "the rule `hello` has no split", "leave it out");
    let rule = "rule: hello\non: {event: customer.created}\nsteps:\n  - branch:\n      - if: orders.count > 0\n        then:\n          - split:\n              - {share: 50%, name: short, then: []}\n              - {share: 50%, name: long, then: []}\n  - send: hello\n";
    let of_split = |arm: &str| {
        let text = format!("{HEAD}{}\n", takes(&format!("hello: {arm}")));
        with(&[("shop/hello.yaml", rule), ("shop/tests/hello.yaml", &text)]).scenarios.diagnostics
    };
    assert_eq!(of_split("long"), []);
    let faults = of_split("lang");
    assert_eq!(codes(&faults), ["unknown-arm shop/tests/hello.yaml:3:18"]);
    assert_eq!(faults[0].help.as_deref(), Some("did you mean `long`?"));
}

#[test]
fn two_scenarios_of_a_map_with_one_name_are_warned_of_and_run() {
    let one = format!("{HEAD}  expect: [{{after: 1h}}]\n");
    let loaded = with(&[("shop/tests/a.yaml", &one), ("shop/tests/b.yaml", &format!("{one}{one}"))]);
    let faults = &loaded.scenarios.diagnostics;
    assert_eq!(
        codes(faults),
        ["duplicate-scenario shop/tests/b.yaml:1:13", "duplicate-scenario shop/tests/b.yaml:4:13"]
    );
    assert_eq!(faults[0].message, "another scenario of this map has this name: shop/tests/a.yaml:1");
    assert_eq!(loaded.scenarios.list.len(), 3);
}

#[test]
fn faults_of_expectations_are_told_at_their_place() {
    let expect = |text: &str, expected: &[&str]| check(&format!("{HEAD}  expect:\n    - {text}\n"), expected);
    expect("{after: 1h, stage: «buyr}", &["unknown-stage"]);
    expect("{after: 1h, stages: {«shp: new}}", &["unknown-map"]);
    expect("{after: 1h, stages: {shop: «nwe}}", &["unknown-stage"]);
    expect("{after: 1h, letters: [«helo]}", &["unknown-letter"]);
    expect("{after: 1h, letters: [«shop/helo]}", &["unknown-letter"]);
    expect("{after: 1h, letters: [«shpo/hello]}", &["unknown-map"]);
    expect("{after: 1h, letters: [{letter: hello, «sbject: x}]}", &["unknown-key"]);
    expect("{after: 1h, withheld: [{letter: «helo}]}", &["unknown-letter"]);
    expect("{after: 1h, attributes: {«shoe_size: 4}}", &["unknown-attribute"]);
    expect("{after: 1h, attributes: {vip: «4}}", &["wrong-type"]);
    expect("{after: «soon}", &["bad-span"]);
    expect("{at: «10:00}", &["bad-moment"]);
    expect("{at: «2026-06-09 10:00}", &["out-of-range"]);
    expect("{at: 2026-06-11 10:00, after: «1h}", &["two-moments"]);
    expect("{nothing_sent_until: «1h, letters: []}", &["two-moments"]);
    expect("{after: 2h}\n    - «{after: 1h}", &["not-in-order"]);
    expect("{«aftr: 1h}", &["unknown-key"]);
    check(&format!("{HEAD}  expect: «[]\n"), &["empty-expect"]);
    check(&HEAD.replace("scenario:", "«scenario:"), &["missing-key"]);
    check("- scenario: x\n  clock: «noon\n  expect: [{after: 1h}]\n", &["bad-moment"]);
    check("«scenario: x\n", &["wrong-type"]);
}

#[test]
fn faults_of_what_is_given_and_happens_are_told_at_their_place() {
    let event = |text: &str, expected: &[&str]| {
        check(&format!("{HEAD}  events:\n    - {text}\n  expect: [{{after: 1h}}]\n"), expected);
    };
    event("{event: «Order Created}", &["bad-event"]);
    event("{event: «customer.merged}", &["bad-event"]);
    event("{event: «cart.updated}", &["no-cart"]);
    event("{event: «message.unsubscribed}", &["no-refusal"]);
    event("{event: order.created, order: {total: «12.505}}", &["bad-amount"]);
    event("{event: order.created, order: {total: 5, currency: «euros}}", &["bad-amount"]);
    event("{event: order.created, order: {phase: «done}}", &["unknown-word"]);
    event("{event: order.created, order: {paid: «maybe}}", &["wrong-type"]);
    event("{event: customer.updated, consent: {«marketng: true}}", &["unknown-purpose"]);
    event("{event: customer.updated, consent: {marketing: «soon}}", &["wrong-type"]);
    event("{event: customer.updated, customer: {«shoe_size: 4}}", &["unknown-attribute"]);
    check(
        &format!("{HEAD}  pools: {{«tne: [A]}}\n  never: [«helo]\n  expect: [{{after: 1h}}]\n"),
        &["unknown-pool", "unknown-letter"],
    );
    check(&format!("{HEAD}  pools: {{ten: «A}}\n  expect: [{{after: 1h}}]\n"), &["wrong-type"]);
    check(
        &format!("{HEAD}  given:\n    history: [{{event: order.created, after: «1h}}]\n  expect: [{{after: 1h}}]\n"),
        &["two-moments"],
    );
    let misspelt = "{event: order.craeted}\n  expect: [{after: 1h}]\n";
    let loaded = scenario(&format!("{HEAD}  events:\n    - {misspelt}"));
    assert_eq!(codes(&loaded.scenarios.diagnostics), ["unknown-event shop/tests/hello.yaml:4:15"], "a warning only");
    assert_eq!(loaded.scenarios.list.len(), 1);
}

#[test]
fn the_schema_knows_the_keys() {
    let schema = scenario_schema();
    assert_eq!(schema["type"], "array");
    let keys = schema["$defs"]["Scenario"]["properties"].as_object().expect("keys");
    for key in ["scenario", "clock", "given", "suppressed", "pools", "events", "expect", "never"] {
        assert!(keys.contains_key(key), "{key}");
    }
    insta::assert_json_snapshot!("scenario_schema", schema);
}

#[test]
fn letters_that_wait_and_customers_who_are_held_out_can_be_spoken_of() {
    let limits = "limits: {quiet: {from: '21:00', to: '09:00'}}\nholdout: 10%\n";
    let expect = "  expect:
    - {after: 1h, letters: [], held: [{letter: hello, until: 2026-06-11 09:00, by: quiet_hours}]}
    - {at: 2026-06-11 09:00, letters: [hello], held: []}
";
    let night = HEAD.replace("09:00", "22:00");
    let held_out = "  held_out: true
  expect:
    - {after: 1h, letters: [], withheld: [{letter: hello, reason: held_out}], held: []}
";
    let wrong = "  expect:\n    - {after: 1h, held: [{letter: hello, until: 2026-06-11 08:00}]}\n";
    let [first, second, third] = ["Waits", "Held out", "Wrong"].map(|name| night.replace("Hello", name));
    let text = format!("{first}{COMES}{expect}{second}{COMES}{held_out}{third}{COMES}{wrong}");
    let loaded = with(&[("limits.yaml", limits), ("shop/tests/hello.yaml", &text)]);
    assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
    let book = loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)));
    let told: Vec<_> = loaded.scenarios.list.iter().map(|scenario| tell(&book, scenario).failures).collect();
    assert!(told[0].is_empty() && told[1].is_empty(), "{told:#?}");
    assert_eq!(told[2][0].what, "the letters that wait");
    let happened = Line::Happened("hello until 2026-06-11 09:00:00 UTC: quiet_hours".into());
    assert_eq!(told[2][0].lines, [Line::Expected("hello until 2026-06-11 08:00:00 UTC".into()), happened]);
}

#[test]
fn a_scenario_speaks_of_what_customers_wish() {
    let given = "  given: {customer: {email: anna@mail.example}, consent: {marketing: true}, preferences: ";
    let run = |name: &str, wishes: &str, rest: &str| {
        let text = format!("{}{given}{wishes}}}\n{rest}", HEAD.replace("Hello", name));
        let loaded = with(&[("shop/tests/hello.yaml", &text)]);
        assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
        let outcome = tell(&loaded.book.expect("a book"), &loaded.scenarios.list[0]);
        assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    };
    let comes = "  events: [{event: customer.created}]\n";
    let withheld = |reason| {
        format!("{comes}  expect: [{{after: 1h, letters: [], withheld: [{{letter: hello, reason: {reason}}}]}}]\n")
    };
    run("Refused", "{maps: {shop: false}}", &withheld("map_refused"));
    run("Pause", "{paused_for: 30d}", &withheld("customer_pause"));
    run("Fewer", "{most_a_week: 1}", &format!("{comes}  expect: [{{after: 1h, letters: [hello]}}]\n"));
    let ends = "  events:\n    - {event: customer.updated, preferences: {paused_for: 0s}}\n    - {event: customer.created, after: 1m}\n";
    run("Over", "{paused_for: 30d}", &format!("{ends}  expect: [{{after: 2h, letters: [hello]}}]\n"));
    let faults = |wishes: &str| {
        let loaded = scenario(&format!("{HEAD}{given}{wishes}}}\n{comes}  expect: [{{after: 1h}}]\n"));
        loaded.scenarios.diagnostics.iter().map(|fault| fault.code).collect::<Vec<_>>()
    };
    assert_eq!(faults("{most_a_week: 21}"), ["out-of-range"]);
    assert_eq!(faults("{maps: {shpo: false}}"), ["unknown-map"]);
    assert_eq!(faults("{paused: 1d}"), ["unknown-key"]);
}

#[test]
fn a_scenario_chooses_the_arm_of_a_split() {
    let split = "rule: hello\non: {event: customer.created}\nsteps:\n  - split:\n      - {share: 50%, name: a, then: [{send: hello}]}\n      - {share: 50%, name: b, then: []}\n";
    let run = |takes: &str, letters: &str| {
        let text = format!("{HEAD}  takes: {{hello: {takes}}}\n{COMES}  expect: [{{after: 1m, letters: {letters}}}]\n");
        let loaded = with(&[("shop/hello.yaml", split), ("shop/tests/hello.yaml", &text)]);
        assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
        let book = loaded.book.expect("a book");
        tell(&book, &loaded.scenarios.list[0]).failures.into_iter().map(|failure| failure.what).collect::<Vec<_>>()
    };
    assert_eq!(run("a", "[hello]"), [""; 0]);
    assert_eq!(run("b", "[]"), [""; 0]);
}

#[test]
fn nobody_is_held_out_where_there_is_no_holdout() {
    let loaded = scenario(&format!("{HEAD}{COMES}  held_out: true\n  expect: [{{after: 1h}}]\n"));
    let outcome = tell(&loaded.book.expect("a book"), &loaded.scenarios.list[0]);
    assert!(outcome.failures[0].what.starts_with("nobody"), "{:#?}", outcome.failures);
}

#[test]
fn a_letter_of_another_map_is_named_with_it() {
    let other = "rule: greet\non: {event: customer.created}\nsteps: [{send: hello}]\n";
    let letter = "Subject: Hi\n\nHi.\n{{ unsubscribe_url }}\n";
    let run = |letters: &str| {
        let text = format!("{HEAD}{COMES}  expect: [{{after: 1h, letters: {letters}}}]\n");
        let loaded = with(&[
            ("club/map.yaml", "map: club\nstages: [{id: all, enter: \"true\"}]\n"),
            ("club/greet.yaml", other),
            ("club/templates/hello.txt", letter),
            ("shop/tests/hello.yaml", &text),
        ]);
        assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
        tell(&loaded.book.expect("a book"), &loaded.scenarios.list[0]).failures.len()
    };
    assert_eq!(run("[{letter: club/hello, subject: Hi, after: 0s}, {letter: hello, subject: Hello, after: 1h}]"), 0);
    assert_eq!(run("[hello]"), 1);
    assert_eq!(run("[hello, hello]"), 1);
}

#[test]
fn pools_of_a_scenario_stand_in_for_files_and_patterns() {
    let rule = "rule: hello\non: {event: customer.created}\nreenter: always\nsteps: [{promo: made}, {send: hello}]\n";
    let letter = "Subject: Hello\n\n{{ promo.code }}\n{{ unsubscribe_url }}\n";
    let twice = "  events:\n    - {event: customer.created, customer: {email: anna@mail.example}, consent: {marketing: true}}\n    - {event: customer.created, after: 1h}\n";
    for (pools, letters) in [
        ("", "[{letter: hello, text: GIFT-22222222}, {letter: hello, text: GIFT-32222222}]"),
        ("  pools: {made: [ONE]}\n", "[{letter: hello, text: ONE}]"),
        ("  pools: {made: []}\n", "[]"),
    ] {
        let text = format!("{HEAD}{pools}{twice}  expect: [{{after: 2h, letters: {letters}}}]\n");
        let loaded = with(&[
            ("shop/hello.yaml", rule),
            ("shop/templates/hello.txt", letter),
            ("shop/promo/made.yaml", "pattern: GIFT-########\n"),
            ("shop/tests/hello.yaml", &text),
        ]);
        assert!(loaded.scenarios.diagnostics.is_empty(), "{}", render(&loaded.scenarios.diagnostics, false));
        let outcome = tell(&loaded.book.expect("a book"), &loaded.scenarios.list[0]);
        assert!(outcome.failures.is_empty(), "{pools}: {:#?}", outcome.failures);
    }
}
