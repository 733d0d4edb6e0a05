//! What is different between two rulebooks, in the words of those who write them.

use milepost::journey::book::Shop;
use milepost::rulebook::{Book, Files, How, difference, load_files};

const MAP: &str = "\
map: shop
title: The shop
stages:
  - {id: new, enter: \"true\"}
  - id: buyer
    enter: orders.count > 0
    touchpoints: [site, chat]
    customer: {goals: [A quiet cat], emotion: 0}
  - {id: regular, enter: orders.count > 2}
";
const RULE: &str = "\
rule: hello
on: {event: customer.created}
when: customer.email != null
exit_on: [order.created]
limits: {caps: [3 per 7d]}
steps:
  - wait: 1d
  - send: hello
  - branch:
      - if: orders.count > 0
        then: [{send: thanks}]
      - else: [{wait: 2d}, {send: bye}]
  - set: {greeted: 1}
";
const LETTER: &str = "Subject: Hello\n\nHow do you do?\nIt is good to see you.\n{{ unsubscribe_url }}\n";

fn files() -> Files {
    let letter = |name: &str| (format!("shop/templates/{name}.txt"), LETTER.replace("Hello", name));
    let mut files = Files::new();
    for (path, text) in [
        ("shop/map.yaml".to_owned(), MAP.to_owned()),
        ("shop/hello.yaml".to_owned(), RULE.to_owned()),
        ("shop/segments.yaml".to_owned(), "loyal: orders.count > 2\nrich: orders.total > 100\n".to_owned()),
        ("shop/promo/ten.csv".to_owned(), "code\nA1\nA2\n".to_owned()),
        ("attributes.yaml".to_owned(), "greeted: {type: number}\n".to_owned()),
        letter("hello"),
        letter("thanks"),
        letter("bye"),
    ] {
        files.insert(path, text.into_bytes());
    }
    files
}

fn book(files: &Files) -> Book {
    let loaded = load_files(files, Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// What is told when texts of a file are replaced; the headline, then each point with its line.
fn told(file: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let mut changed = files();
    let text = String::from_utf8(changed[file].clone()).expect("text");
    let now = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    changed.insert(file.to_owned(), now.into_bytes());
    lines(&files(), &changed)
}

fn lines(before: &Files, now: &Files) -> Vec<String> {
    let mut lines = Vec::new();
    for change in difference(&book(before), &book(now)) {
        lines.push(change.to_string());
        lines.extend(change.points.iter().map(|point| match point.line {
            Some(line) => format!("{line}: {point}"),
            None => point.to_string(),
        }));
    }
    lines
}

/// The points of one changed file.
fn points(file: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let told = told(file, changes);
    assert!(told[0].ends_with(&format!(": changed ({file})")), "{told:?}");
    told[1..].to_vec()
}

#[test]
fn the_same_rulebook_in_another_form_is_the_same() {
    assert!(lines(&files(), &files()).is_empty());
    let form = [
        ("on: {event: customer.created}\n", "on:\n  event: \"customer.created\" # whoever comes\n"),
        (
            "exit_on: [order.created]\nlimits: {caps: [3 per 7d]}\n",
            "limits: {caps: [3 per 7d]}\nexit_on:\n  - order.created\n",
        ),
    ];
    assert_eq!(told("shop/hello.yaml", &form), ["rule `hello`: only comments or form changed (shop/hello.yaml)"]);
    let pool = told("shop/promo/ten.csv", &[("A1\nA2\n", "A2\nA1\n")]);
    assert_eq!(pool, ["pool `ten`: only comments or form changed (shop/promo/ten.csv)"]);
}

#[test]
fn rules_tell_step_by_step() {
    let check = |changes: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(points("shop/hello.yaml", changes), expected, "{changes:?}");
    };
    check(&[("wait: 1d", "wait: 3d")], &["7: step `wait-1d`, now `wait-3d`: wait 1d -> wait 3d"]);
    check(
        &[("  - send: hello\n", "  - promo: ten\n  - send: hello\n")],
        &["8: step `promo-ten` after `wait-1d`: new, promo ten"],
    );
    check(&[("  - send: hello\n", "")], &["step `send-hello`: gone, was send hello"]);
    check(&[("  - send: hello\n", "  - {id: greet, send: hello}\n")], &["8: step `send-hello`, now `greet`"]);
    check(
        &[("  - send: hello\n", ""), ("[{send: thanks}]", "[{send: hello}, {send: thanks}]")],
        &["10: step `send-hello`: now first in `orders.count > 0`"],
    );
    check(
        &[("if: orders.count > 0", "if: orders.count > 1"), ("[{wait: 2d}, ", "[{wait: {for: 2d, at: \"10:00\"}}, ")],
        &[
            "9: step `branch`: branch orders.count > 0 | else -> branch orders.count > 1 | else",
            "12: step `wait-2d`, now `wait-2d-1000`: wait 2d -> wait for 2d, at 10:00",
        ],
    );
    check(&[("greeted: 1", "greeted: 2")], &["13: step `set-greeted`: set greeted 1 -> set greeted 2"]);
    check(&[("{event: customer.created}", "{enter: buyer}")], &["2: trigger: event customer.created -> enter buyer"]);
    check(
        &[("event: customer.created", "event: cart.updated")],
        &["2: trigger event: customer.created -> cart.updated"],
    );
    check(
        &[("when: customer.email != null\n", "priority: 3\n")],
        &["3: priority: new, 3", "condition: gone, was customer.email != null"],
    );
    check(&[("3 per 7d", "1 per 1d")], &["5: limits: 3 per 7d -> 1 per 1d"]);
    check(
        &[("{caps: [3 per 7d]}", "{caps: [3 per 7d], gap: 2h}"), ("[order.created]", "[order.created, cart.cleared]")],
        &["4: exit_on: new, cart.cleared", "5: limits gap: new, 2h"],
    );
}

#[test]
fn maps_tell_stage_by_stage() {
    let check = |changes: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(points("shop/map.yaml", changes), expected, "{changes:?}");
    };
    check(
        &[("orders.count > 2", "orders.count > 3")],
        &["9: stage `regular`: condition: orders.count > 2 -> orders.count > 3"],
    );
    check(&[("id: regular", "id: faithful")], &["9: stage `regular`: now called `faithful`"]);
    check(&[("  - {id: regular, enter: orders.count > 2}\n", "")], &["stage `regular`: gone, was orders.count > 2"]);
    check(
        &[("  - {id: regular", "  - {id: paid, enter: orders.total > 0}\n  - {id: regular")],
        &["9: stage `paid` after `buyer`: new, orders.total > 0"],
    );
    check(
        &[("[site, chat]", "[site, shop, chat]"), ("emotion: 0", "emotion: 1")],
        &["7: stage `buyer`: touchpoints: new, shop", "8: stage `buyer`: customer emotion: 0 -> 1"],
    );
    check(&[("title: The shop", "title: A shop")], &["2: title: The shop -> A shop"]);
}

#[test]
fn letters_segments_and_pools_tell_theirs() {
    assert_eq!(
        points("shop/templates/hello.txt", &[("Subject: hello", "Subject: Good day"), ("good", "fine")]),
        ["1: subject: hello -> Good day", "- It is good to see you.", "4: + It is fine to see you."]
    );
    assert_eq!(
        told(
            "shop/segments.yaml",
            &[("loyal:", "faithful:"), ("rich: orders.total > 100", "poor: {if: orders.total < 5}")]
        ),
        [
            "segments of `shop`: changed (shop/segments.yaml)",
            "1: segment `loyal`: now called `faithful`",
            "2: segment `poor`: new, if orders.total < 5",
            "segment `rich`: gone, was orders.total > 100"
        ]
    );
    assert_eq!(
        points("shop/segments.yaml", &[("orders.total > 100", "{if: orders.total > 200, description: Rich}")]),
        [
            "2: segment `rich`: condition: orders.total > 100 -> orders.total > 200",
            "2: segment `rich`: description: new, Rich"
        ]
    );
    assert_eq!(points("shop/promo/ten.csv", &[("A2\n", "A3\nA4\n")]), ["codes: 2 new, 1 gone, 3 now"]);
    let attribute = ("greeted: {type: number}", "greeted: {type: number, doc: How often}\nfed: {type: boolean}");
    assert_eq!(
        points("attributes.yaml", &[attribute]),
        ["1: attribute `greeted`: doc: new, How often", "2: attribute `fed`: new, type boolean"]
    );
}

#[test]
fn what_has_another_name_is_known_by_its_content() {
    let (before, mut now) = (files(), files());
    let rule = now.remove("shop/hello.yaml").expect("the rule");
    let rule = String::from_utf8(rule).expect("text").replace("rule: hello", "rule: welcome").replace("1d", "3d");
    now.insert("shop/welcome.yaml".into(), rule.replace("send: bye", "send: farewell").into_bytes());
    let letter = now.remove("shop/templates/bye.txt").expect("the letter");
    now.insert("shop/templates/farewell.txt".into(), letter);
    assert_eq!(
        lines(&before, &now),
        [
            "rule `hello`: now called `welcome` (shop/welcome.yaml)",
            "7: step `wait-1d`, now `wait-3d`: wait 1d -> wait 3d",
            "12: step `send-bye`, now `send-farewell`: send bye -> send farewell",
            "letter `bye`: now called `farewell` (shop/templates/farewell.txt)",
        ]
    );
    // Everything of a map that has another name is where it was.
    let moved = before.iter().map(|(path, bytes)| {
        let text = String::from_utf8(bytes.clone()).expect("text").replace("map: shop", "map: store");
        (path.replace("shop/", "store/"), text.into_bytes())
    });
    assert_eq!(lines(&before, &moved.collect()), ["map `shop`: now called `store` (store/map.yaml)"]);
}

#[test]
fn what_is_new_and_gone_is_told_in_short() {
    let mut now = files();
    now.remove("shop/promo/ten.csv");
    let rule = "rule: later\ndescription: Comes back\non: {enter: regular}\nsteps:\n  - wait: {event: order.paid, up_to: 3d, then: [{send: thanks}]}\n  - exit\n";
    now.insert("shop/later.yaml".into(), rule.as_bytes().to_vec());
    assert_eq!(
        lines(&files(), &now),
        [
            "rule `later`: new (shop/later.yaml)",
            "description: Comes back",
            "trigger: enter regular",
            "steps: wait event order.paid, up_to 3d (then: send thanks), exit",
            "pool `ten`: gone (shop/promo/ten.csv)"
        ]
    );
    let new = lines(&Files::new(), &files());
    assert!(new.contains(&"stages: new, buyer, regular".to_owned()), "{new:?}");
    let shop = Shop { locale: "ru".into(), ..Shop::default() };
    let other = load_files(&files(), shop).book.expect("a book");
    let told = difference(&book(&files()), &other);
    assert_eq!(told[0].to_string(), "settings: changed");
    assert_eq!(told[0].points[0].to_string(), "locale: en -> ru");
}

/// Comments and empty lines change the form of every file that ships, and nothing else.
#[test]
fn what_ships_says_the_same_in_another_form() {
    for starter in milepost::rulebook::starters() {
        let before: Files =
            starter.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let mut now = before.clone();
        let yaml =
            |path: &str| path.rsplit_once('.').is_some_and(|(_, form)| form == "yaml") && !path.contains("/tests/");
        for (path, bytes) in now.iter_mut().filter(|(path, _)| yaml(path)) {
            let text = String::from_utf8(bytes.clone()).expect("text");
            assert!(text.contains(": "), "{path}");
            *bytes = format!("# {path}\n{}\n# the end\n", text.replace(":\n", ": # here\n\n")).into_bytes();
        }
        let told = difference(&book(&before), &book(&now));
        let other: Vec<_> = told.iter().filter(|change| change.how != How::Form).collect();
        assert!(other.is_empty(), "{}: {other:#?}", starter.name);
        assert_eq!(told.len(), before.keys().filter(|path| yaml(path)).count(), "{}", starter.name);
    }
}

/// Whatever number or text is changed in a rule, it is told.
#[test]
fn no_change_of_a_value_passes_for_one_of_form() {
    for (from, to) in [
        ("customer.created", "customer.updated"),
        ("email != null", "email == null"),
        ("order.created]", "order.paid]"),
        ("3 per 7d", "3 per 8d"),
        ("wait: 1d", "wait: 1h"),
        ("send: hello", "send: thanks"),
        ("count > 0", "count > 1"),
        ("else:", "if: orders.count < 9\n        then:"),
        ("[{send: thanks}]", "[]"),
        ("[{wait: 2d}, {send: bye}]", "[{send: bye}, {wait: 2d}]"),
        ("greeted: 1", "greeted: -1"),
    ] {
        let told = told("shop/hello.yaml", &[(from, to)]);
        assert!(told.len() > 1, "{from} -> {to}: {told:?}");
    }
}

#[test]
fn letters_in_folders_parts_and_what_is_attached_are_told_apart() {
    let mut before = files();
    let letter =
        |attached: &str| format!("Subject: Deal\n{attached}\nOnly today. {{{{ unsubscribe_url }}}}\n").into_bytes();
    before.insert("shop/templates/deal/body.txt".into(), letter("Attach: terms.pdf\n"));
    before.insert("shop/templates/deal/body.de.txt".into(), letter(""));
    before.insert("shop/files/terms.pdf".into(), b"%PDF-1".to_vec());
    before.insert("shared/mail/foot.txt".into(), b"Bye.\n".to_vec());
    before.insert("shared/sms/foot.txt".into(), b"Bye!\n".to_vec());
    let changed = |file: &str, bytes: &[u8]| {
        let mut now = before.clone();
        now.insert(file.to_owned(), bytes.to_vec());
        lines(&before, &now)
    };
    let german = String::from_utf8(letter("")).expect("text").replace("Only today", "Nur heute");
    assert_eq!(
        changed("shop/templates/deal/body.de.txt", german.as_bytes()),
        [
            "letter `deal`: changed (shop/templates/deal/body.de.txt)",
            "- Only today. {{ unsubscribe_url }}",
            "3: + Nur heute. {{ unsubscribe_url }}",
        ]
    );
    let address = "Attach: https://docs.shop.example/{{ event.number }}.pdf\n";
    assert_eq!(
        changed("shop/templates/deal/body.txt", &letter(address)),
        [
            "letter `deal`: changed (shop/templates/deal/body.txt)",
            "attached: gone, was terms.pdf",
            "2: attached: new, https://docs.shop.example/{{ event.number }}.pdf",
        ]
    );
    let told = changed("shared/sms/foot.txt", b"So long!\n");
    assert_eq!(told[0], "shared part `sms/foot.txt`: changed (shared/sms/foot.txt)");
    assert_eq!(
        changed("shop/files/terms.pdf", b"%PDF-2")[0],
        "shared part `terms.pdf`: changed (shop/files/terms.pdf)"
    );
}
