//! What is sound and yet hardly meant: told with its place, and never refused.

use milepost::rulebook::{Severity, render};

use super::{codes, with};

const CODE: &str = "Subject: Code\n\n{{ promo.code }} {{ unsubscribe_url }}\n";

fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let mut files = vec![("shop/templates/code.txt", CODE), ("shop/templates/other.txt", CODE)];
    let sends_all = (
        "shop/all.yaml",
        "rule: all\non: {event: order.paid}\npurpose: transactional\nsteps: [{promo: ten}, {send: code}, {promo: ten}, {send: other}, {send: hello}]\n",
    );
    files.push(sends_all);
    files.extend_from_slice(changes);
    let loaded = with(&files);
    assert_eq!(codes(&loaded.diagnostics), expected, "{changes:?}\n{}", render(&loaded.diagnostics, false));
    assert!(loaded.diagnostics.iter().all(|fault| fault.severity == Severity::Warning && fault.help.is_some()));
    assert!(loaded.book.is_some());
}

/// Stands in for the rule that sends every letter.
const ALL_BUT_HELLO: (&str, &str) = (
    "shop/all.yaml",
    "rule: all\non: {event: order.paid}\npurpose: transactional\nsteps: [{promo: ten}, {send: code}, {promo: ten}, {send: other}]\n",
);

/// A rule with this between its trigger and its end.
fn rule(text: &str, expected: &[&str]) {
    check(&[("shop/hello.yaml", &format!("rule: hello\non: {{event: customer.created}}\n{text}"))], expected);
}

#[test]
fn conditions_that_leave_nothing_open() {
    rule("when: \"orders.count >= 0\"\nsteps: [{send: hello}]\n", &["always-true shop/hello.yaml:3:7"]);
    rule(
        "when: \"orders.count > 3 && orders.count < 2\"\nsteps: [{send: hello}]\n",
        &["always-false shop/hello.yaml:3:7"],
    );
    rule(
        "exit_when: \"orders.count == 1 && orders.count == 2\"\nsteps: [{send: hello}]\n",
        &["always-false shop/hello.yaml:3:12"],
    );
    rule("when: \"true\"\nsteps: [{send: hello}]\n", &[]);
    check(
        &[(
            "shop/map.yaml",
            "map: shop\nstages:\n  - {id: new, enter: \"true\"}\n  - {id: buyer, enter: \"orders.count < 0\"}\n",
        )],
        &["always-false shop/map.yaml:4:24"],
    );
}

#[test]
fn arms_that_are_never_taken() {
    let branch = |arms: &str| format!("steps:\n  - branch:\n{arms}");
    rule(
        &branch(
            "      - if: \"cart.total > 10\"\n        then: [exit]\n      - if: \"cart.total > 100\"\n        then: [{send: hello}]\n",
        ),
        &["unreachable-arm shop/hello.yaml:7:14"],
    );
    rule(
        &branch(
            "      - if: \"cart.total > 100\"\n        then: [exit]\n      - if: \"cart.total > 10\"\n        then: [{send: hello}]\n",
        ),
        &[],
    );
    rule(
        &branch(
            "      - if: \"orders.count > 0\"\n        then: [exit]\n      - if: \"orders.count == 0\"\n        then: [{send: hello}]\n      - else: [{send: hello}]\n",
        ),
        &["unreachable-arm shop/hello.yaml:4:5"],
    );
    rule(
        &branch(
            "      - if: \"orders.count > 1 && orders.count < 1\"\n        then: [{send: hello}]\n      - else: [exit]\n",
        ),
        &["always-false shop/hello.yaml:5:13"],
    );
}

#[test]
fn rules_that_shut_out_whom_they_are_for() {
    rule("stage: buyer\nwhen: \"orders.count == 0\"\nsteps: [{send: hello}]\n", &["never-runs shop/hello.yaml:4:7"]);
    rule("when: \"consent.marketing == false\"\nsteps: [{send: hello}]\n", &["no-consent shop/hello.yaml:3:7"]);
    rule("purpose: transactional\nwhen: \"consent.marketing == false\"\nsteps: [{send: hello}]\n", &[]);
    rule(
        "purpose: transactional\nwhen: \"consent.transactional == false\"\nsteps: [{send: hello}]\n",
        &["no-consent shop/hello.yaml:4:7"],
    );
    rule("when: \"consent.marketing == false\"\nsteps: [{set: {vip: true}}]\n", &[]);
    check(
        &[
            (
                "shop/map.yaml",
                "map: shop\nsegment: \"consent.marketing != true\"\nstages: [{id: new, enter: \"true\"}]\n",
            ),
            ("shop/hello.yaml", "rule: hello\non: {event: customer.created}\nsteps: [{send: hello}]\n"),
        ],
        &["no-consent shop/hello.yaml:1:7"],
    );
}

#[test]
fn codes_that_are_wasted_or_shown_twice() {
    let steps = |steps: &str, expected: &[&str]| rule(&format!("steps:\n{steps}"), expected);
    steps("  - promo: ten\n  - send: code\n", &[]);
    steps("  - promo: ten\n  - wait: 1d\n  - promo: ten\n  - send: code\n", &["promo-twice shop/hello.yaml:6:5"]);
    steps("  - promo: ten\n  - send: hello\n  - promo: ten\n  - send: code\n", &["promo-twice shop/hello.yaml:6:5"]);
    steps("  - promo: ten\n  - send: code\n  - promo: ten\n  - send: code\n", &[]);
    steps("  - promo: ten\n  - send: code\n  - wait: 3d\n  - send: code\n", &["promo-twice shop/hello.yaml:7:5"]);
    steps("  - promo: ten\n  - send: code\n  - wait: 3d\n  - send: other\n", &[]);
    let branched = |first: &str| {
        format!(
            "  - branch:\n      - if: \"cart.total > 9\"\n        then: [{first}]\n      - else: [{{send: hello}}]\n  - send: code\n"
        )
    };
    steps(&branched("{promo: ten}"), &["no-promo shop/hello.yaml:8:5"]);
    steps(&format!("  - promo: ten\n{}", branched("{send: code}")), &["promo-twice shop/hello.yaml:9:5"]);
}

#[test]
fn more_letters_than_anybody_wants_in_a_day() {
    let letters = |times: usize| format!("steps: [{}]\n", vec!["{send: hello}, {wait: 2h}"; times].join(", "));
    rule(&letters(5), &[]);
    rule(&letters(6), &["too-often shop/hello.yaml:1:7"]);
    rule(&format!("steps: [{}]\n", ["{send: hello}, {wait: 1d}"; 9].join(", ")), &[]);
    rule(&format!("limits: {{caps: [3 per 1d]}}\n{}", letters(6)), &[]);
    rule(&format!("limits: {{gap: 6h}}\n{}", letters(6)), &[]);
    rule("reenter: always\nsteps: [{send: hello}]\n", &["too-often shop/hello.yaml:1:7"]);
    let yearly = "rule: hello\non: {date: customer.birthday, yearly: true}\nreenter: always\nsteps: [{send: hello}]\n";
    check(&[("shop/hello.yaml", yearly)], &[]);
    rule("reenter: always\npurpose: transactional\nsteps: [{send: hello}]\n", &[]);
    rule("reenter: always\nsteps: [{wait: 1d}, {send: hello}]\n", &[]);
    check(
        &[
            ("limits.yaml", "max_letters_per_day: 2\n"),
            ("shop/hello.yaml", &format!("rule: hello\non: {{event: customer.created}}\n{}", letters(3))),
        ],
        &["too-often shop/all.yaml:1:7", "too-often shop/hello.yaml:1:7"],
    );
    let three = |id: &str| format!("rule: {id}\non: {{event: customer.created}}\n{}", letters(3));
    check(
        &[("shop/hello.yaml", &three("hello")), ("shop/more.yaml", &three("more"))],
        &["too-often shop/more.yaml:1:7"],
    );
}

#[test]
fn rules_that_compete_need_a_ranking() {
    let other = "rule: more\non: {event: order.created}\nsteps: [{send: hello}]\n";
    let ranked = "rule: more\npriority: 1\non: {event: order.created}\nsteps: [{send: hello}]\n";
    let limits = ("limits.yaml", "limits: {caps: [3 per 7d]}\n");
    check(&[limits], &[]);
    check(&[limits, ("shop/more.yaml", other)], &["no-ranking limits.yaml:1:17"]);
    check(&[limits, ("shop/more.yaml", ranked)], &[]);
    check(&[("limits.yaml", "limits: {gap: 1d}\n"), ("shop/more.yaml", other)], &[]);
    let map = ("shop/map.yaml", "map: shop\nlimits: {caps: [3 per 7d]}\nstages: [{id: new, enter: \"true\"}]\n");
    check(&[map, ("shop/more.yaml", other)], &["no-ranking shop/map.yaml:2:17"]);
}

#[test]
fn waits_that_no_run_lives_to_see_the_end_of() {
    let steps = |steps: &str, expected: &[&str]| rule(&format!("max_life: 3d\nsteps:\n{steps}"), expected);
    steps("  - wait: 2d\n  - send: hello\n", &[]);
    steps("  - wait: 3d\n  - send: hello\n", &["outlived shop/hello.yaml:5:5"]);
    steps("  - send: hello\n  - wait: 3d\n  - exit\n", &[]);
    // The sum of the shortest way counts, and it is told once.
    steps(
        "  - wait: 2d\n  - send: hello\n  - wait: 2d\n  - send: hello\n  - wait: 1d\n  - send: hello\n",
        &["outlived shop/hello.yaml:7:5"],
    );
    let branched =
        "  - branch:\n      - if: \"cart.total > 9\"\n        then: [{wait: 2d}]\n  - wait: 2d\n  - send: hello\n";
    steps(branched, &[]);
    // Two mornings are a day apart, whenever the first comes.
    let mornings = |count: usize| "  - {wait: {for: 1h, at: \"09:00\"}}\n  - send: hello\n".repeat(count);
    steps(&mornings(3), &[]);
    steps(&mornings(4), &["outlived shop/hello.yaml:11:5"]);
    steps(
        "  - wait: {weekday: mon}\n  - send: hello\n  - wait: {weekday: thu}\n  - send: hello\n",
        &["outlived shop/hello.yaml:7:5"],
    );
    steps(
        "  - wait: {cron: \"0 9 1 * *\"}\n  - send: hello\n  - wait: {cron: \"0 9 1 * *\"}\n  - send: hello\n",
        &["outlived shop/hello.yaml:7:5"],
    );
    steps("  - wait: {event: order.paid, up_to: 3d, then: [{send: hello}]}\n", &[]);
    steps("  - wait: {event: order.paid, up_to: 3d, timeout: [exit]}\n  - send: hello\n", &[]);
    steps("  - wait: {event: order.paid, up_to: 3d, timeout: [{send: hello}]}\n", &["outlived shop/hello.yaml:5:5"]);
}

#[test]
fn waits_until_an_hour_are_as_long_as_they_must_be() {
    let limits = ("limits.yaml", "max_letters_per_day: 2\n");
    let steps = |wait: &str| {
        format!(
            "rule: hello\non: {{event: customer.created}}\nsteps: [{}]\n",
            vec![format!("{{wait: {wait}}}, {{send: hello}}"); 4].join(", ")
        )
    };
    let none = ["too-often shop/all.yaml:1:7"];
    let both = ["too-often shop/all.yaml:1:7", "too-often shop/hello.yaml:1:7"];
    for (wait, expected) in [
        ("{for: 1h, at: \"09:00\"}", &none[..]),
        ("{for: 1h, at: \"09:00\", tz: customer}", &none),
        ("{for: 1h, weekday: tue}", &none),
        ("{cron: \"0 9 * * *\"}", &none),
        ("{cron: \"0 * * * *\"}", &both),
        ("{event: order.paid, up_to: 3d}", &both),
        ("{until: 2026-12-24}", &both),
    ] {
        check(&[limits, ("shop/hello.yaml", &steps(wait))], expected);
    }
    // Runs that end at an hour of the day follow one another a day apart.
    rule("reenter: always\nsteps: [{wait: {at: \"09:00\"}}, {send: hello}]\n", &[]);
    rule(
        "reenter: always\nsteps: [{wait: {event: a.b, up_to: 1d}}, {send: hello}]\n",
        &["too-often shop/hello.yaml:1:7"],
    );
}

#[test]
fn waits_for_what_ends_the_run() {
    let wait = |head: &str, wait: &str, expected: &[&str]| {
        rule(&format!("{head}\nsteps:\n  - wait: {{{wait}, up_to: 1d, then: [{{send: hello}}]}}\n"), expected);
    };
    let told = ["exits-first shop/hello.yaml:5:5"];
    wait("exit_on: [order.paid]", "event: order.paid", &told);
    wait("exit_on: [order.paid]", "event: order.paid, when: event.order.total > 5", &told);
    wait("exit_on: [{event: order.paid, when: event.order.total > 5}]", "event: order.paid", &[]);
    wait(
        "exit_on: [{event: order.paid, when: event.order.total > 5}]",
        "event: order.paid, when: event.order.total > 5",
        &told,
    );
    wait("exit_on: [order.created]", "event: order.paid", &[]);
    wait("exit_when: orders.count > 0", "condition: orders.count > 0", &told);
    let keyed = "rule: hello\non: {event: order.created}\nreenter: {key: event.order.id}\nexit_on: [order.paid]\nsteps: [{wait: {event: order.paid, up_to: 1d}}, {send: hello}]\n";
    check(&[("shop/hello.yaml", keyed)], &[]);
}

#[test]
fn events_that_are_not_there() {
    let letter = |reads: &str| format!("Subject: Hello\n\n{reads}\n{{{{ unsubscribe_url }}}}\n");
    let on = |trigger: &str, reads: &str, expected: &[&str]| {
        let text = format!("rule: hello\non: {trigger}\nreenter: {{after: 2d}}\nsteps:\n  - send: hello\n");
        check(&[ALL_BUT_HELLO, ("shop/hello.yaml", &text), ("shop/templates/hello.txt", &letter(reads))], expected);
    };
    let told = ["no-event shop/hello.yaml:5:5"];
    on("{event: order.created}", "{{ event.order.number }}", &[]);
    on("{event: cart.updated}", "{{ event.order.number }}", &told);
    on("{event: cart.updated}", "{% if event.order %}{{ event.order.number }}{% endif %}", &[]);
    on("{event: cart.updated}", "{{ event.order.number | default(value=\"\") }}", &[]);
    on("{event: cart.updated}", "{% for item in event.cart.items %}{{ item.name }}{% endfor %}", &[]);
    on("{event: order.paid}", "{% for item in event.cart.items %}{{ item.name }}{% endfor %}", &told);
    on("{event: wish.added}", "{{ event.order.number }} {{ event.product }}", &[]);
    on("{event: cart.updated}", "{{ event.campaign }}", &[]);
    on("{call: true}", "{{ event.product }}", &[]);
    on("{enter: buyer}", "{{ event.order.number }}", &told);
    on("{enter: buyer}", "{% if event.order %}{{ event.order.number }}{% endif %}", &[]);
    on("{stay: buyer, for: 1d}", "{{ event.order.number }}", &told);
    on("{enter: buyer}", "{% if event.kind == 'order.created' %}{{ event.order.number }}{% endif %}", &[]);
    on("{cron: \"0 9 * * *\"}", "{{ event.at }}", &told);
    on("{cron: \"0 9 * * *\"}", "{% if event.at %}x{% endif %}", &[]);
    // Asked for the kind, a rule knows what it reads.
    let branch = "rule: hello\non: {enter: buyer}\nsteps:\n  - branch: [{if: \"event.kind == 'order.created'\", then: [{send: hello}]}]\n";
    let reads = letter("{{ event.order.number }}");
    check(&[ALL_BUT_HELLO, ("shop/hello.yaml", branch), ("shop/templates/hello.txt", &reads)], &[]);
}

#[test]
fn events_of_the_rules_that_enroll() {
    let hello = "rule: hello\non: {event: order.created}\nsteps:\n  - send: hello\n";
    let letter = "Subject: Hello\n\n{{ event.order.number }}\n{{ unsubscribe_url }}\n";
    let by = |trigger: &str, expected: &[&str]| {
        let other = format!("rule: other\non: {trigger}\nsteps: [{{enroll: hello}}]\n");
        let files =
            [("shop/hello.yaml", hello), ("shop/other.yaml", other.as_str()), ("shop/templates/hello.txt", letter)];
        check(&files, expected);
    };
    by("{event: order.paid}", &[]);
    by("{event: cart.cleared}", &["no-event shop/hello.yaml:4:5"]);
    by("{cron: \"0 9 * * *\"}", &["no-event shop/hello.yaml:4:5"]);
    by("{event: own.thing}", &[]);
}

#[test]
fn conditions_on_events_that_are_not_there() {
    let rule = |text: &str, expected: &[&str]| check(&[("shop/hello.yaml", text)], expected);
    let end = "steps: [{send: hello}]\n";
    rule(
        &format!("rule: hello\non: {{event: cart.updated}}\nwhen: event.order.total > 5\n{end}"),
        &["no-event shop/hello.yaml:3:7"],
    );
    rule(&format!("rule: hello\non: {{event: order.paid}}\nwhen: event.order.total > 5\n{end}"), &[]);
    rule(
        &format!("rule: hello\non: {{stay: new, for: 1d}}\nstill: event.order.total > 5\n{end}"),
        &["no-event shop/hello.yaml:3:8"],
    );
    // What a move brings may well be an order.
    rule(&format!("rule: hello\non: {{enter: buyer}}\nwhen: event.order.total > 5\n{end}"), &[]);
    rule(
        "rule: hello\non: {event: cart.updated}\nsteps:\n  - branch:\n      - if: event.order.total > 5\n        then: [{send: hello}]\n",
        &["no-event shop/hello.yaml:5:13"],
    );
    rule(
        &format!(
            "rule: hello\non: {{event: order.paid}}\nexit_on: [{{event: cart.cleared, when: event.order.total > 5}}]\n{end}"
        ),
        &["no-event shop/hello.yaml:3:39"],
    );
    rule(
        &format!(
            "rule: hello\non: {{event: order.paid}}\ngoal: {{event: message.clicked, within: 1d, value: order.total}}\n{end}"
        ),
        &["no-event shop/hello.yaml:3:51"],
    );
    rule(
        "rule: hello\non: {event: order.paid}\nsteps:\n  - wait: {event: cart.updated, when: event.order.total > 5, up_to: 1d}\n  - send: hello\n",
        &["no-event shop/hello.yaml:4:39"],
    );
    rule(
        &format!("rule: hello\non: {{event: cart.updated}}\nreenter: {{key: event.order.id}}\n{end}"),
        &["no-event shop/hello.yaml:3:16"],
    );
}

#[test]
fn purposes_that_nobody_agreed_to() {
    let own = "purpose: news\nsteps: [{send: hello}]\n";
    rule(own, &["unknown-purpose shop/hello.yaml:3:10"]);
    rule("purpose: news\nsteps: [{set: {vip: true}}]\n", &[]);
    rule(&format!("when: consent.news == true\n{own}"), &[]);
    let hello = format!("rule: hello\non: {{event: customer.created}}\n{own}");
    let scenario = "- scenario: Agrees\n  clock: 2026-06-10 09:00\n  given: {customer: {email: a@b.example}, consent: {news: true}}\n  expect: [{after: 1h}]\n";
    check(&[("shop/hello.yaml", &hello), ("shop/tests/news.yaml", scenario)], &[]);
}

#[test]
fn a_doubt_reads_like_a_compilers() {
    let text = "rule: hello\non: {event: cart.updated}\nmax_life: 2d\nexit_on: [order.created]\npurpose: news\nwhen: event.order.total > 5\nsteps:\n  - wait: {event: order.created, up_to: 1d}\n  - wait: 2d\n  - send: hello\n";
    let loaded = with(&[("shop/hello.yaml", text)]);
    insta::assert_snapshot!("doubts", render(&loaded.diagnostics, false));
}
