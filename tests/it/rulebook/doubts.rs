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
