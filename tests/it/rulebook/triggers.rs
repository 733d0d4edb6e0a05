//! The faults of what starts rules: events, schedules, dates, calls, segments, and what can never start.

use super::faults::{HEAD, check, on, steps};
use super::with;

#[test]
fn triggers_and_schedules() {
    on("{}", &["no-trigger shop/hello.yaml:2:5"]);
    on("{event: order.created, enter: buyer}", &["two-triggers shop/hello.yaml:2:35"]);
    on("{stay: buyer}", &["missing-key shop/hello.yaml:2:12"]);
    on("{stay: buyer, for: 0s}", &["impossible-wait shop/hello.yaml:2:24"]);
    on("{enter: buyer, for: 1d}", &["misplaced-key shop/hello.yaml:2:25"]);
    on("{cron: \"0 10 * * 2\", tz: Europe/Moskow}", &["unknown-zone shop/hello.yaml:2:30"]);
    for bad in
        ["0 10 * *", "0 10 31 2 *", "61 10 * * *", "0 10 * * 8", "0 10 L * *", "0 10 ? * 2", "@daily", "x y z a b", ""]
    {
        on(&format!("{{cron: \"{bad}\"}}"), &["bad-cron shop/hello.yaml:2:12"]);
    }
    for good in ["0 10 * * 2", "*/15 8-18 * * mon-fri", "30 9 1 jan *", "0 0 29 2 *", "0 10 * * 0,7"] {
        on(&format!("{{cron: \"{good}\", segment: \"orders.count > 0\"}}"), &[]);
    }
    on("{cron: \"0 10 13 * 5\"}", &["cron-both-days shop/hello.yaml:2:12"]);
}

#[test]
fn dates_and_calls() {
    let dated = |text: &str, expected: &[&str]| {
        let rule = format!("rule: hello\non: {text}\nreenter: {{after: 300d}}\nsteps: [{{send: hello}}]\n");
        check(
            &[("shop/hello.yaml", &rule), ("attributes.yaml", "renewal: {type: date}\nshoes: {type: number}\n")],
            expected,
        );
    };
    for good in ["customer.birthday", "customer.birthday - 7d", "customer.renewal+2w", "orders.last_at + 30d"] {
        dated(&format!("{{date: {good}}}"), &[]);
    }
    dated("{date: customer.renewal, at: '10:30', tz: shop, yearly: true}", &[]);
    for bad in [
        "customer.birthdy",
        "customer.shoes",
        "event.at",
        "messages.last_at",
        "customer.renewal - 7",
        "customer.renewal - 36h",
        "customer.renewal + 900d",
        "7d",
        "''",
    ] {
        dated(&format!("{{date: {bad}}}"), &["bad-date shop/hello.yaml:2:12"]);
    }
    dated("{date: customer.renewal, at: noon}", &["bad-time shop/hello.yaml:2:34"]);
    dated("{date: customer.renewal, tz: Europe/Berlin}", &["unknown-word shop/hello.yaml:2:34"]);
    dated("{date: customer.renewal, yearly: often}", &["wrong-type shop/hello.yaml:2:38"]);
    dated("{event: order.created, yearly: true}", &["misplaced-key shop/hello.yaml:2:36"]);
    on("{date: customer.birthday, yearly: true}", &["runs-once shop/hello.yaml:2:5"]);
    steps("when: customer.birthday > '1990-01-01'\nsteps: [{send: hello}]\n", &[]);
    steps("when: customer.birthday > '1990'\nsteps: [{send: hello}]\n", &["condition shop/hello.yaml:3:7"]);
    on("{call: true}", &[]);
    on("{call: false}", &["no-trigger shop/hello.yaml:2:12"]);
    on("{call: true, event: order.created}", &["two-triggers shop/hello.yaml:2:25"]);
    on("{call: true, tz: shop}", &["misplaced-key shop/hello.yaml:2:22"]);
    let set = |value: &str, expected: &[&str]| {
        let rule = format!("{HEAD}steps: [{{set: {{birthday: {value}}}}}, {{send: hello}}]\n");
        check(&[("shop/hello.yaml", &rule)], expected);
    };
    set("'1990-05-01'", &[]);
    set("May", &["wrong-type shop/hello.yaml:3:26"]);
}

#[test]
fn segments() {
    let segments = |text: &str, expected: &[&str]| check(&[("shop/segments.yaml", text)], expected);
    let file = "shop/segments.yaml";
    segments("# none yet\n", &[]);
    segments("loyal: orders.count > 1\nwarm: {if: segment.loyal && !segment.far, description: x}\nfar: 'false'\n", &[]);
    segments(
        "Loyal: orders.count > 1\nbig-spender: orders.total > 1\n",
        &["bad-id shop/segments.yaml:1:1", "bad-id shop/segments.yaml:2:1"],
    );
    segments("loyal: orders.cuont > 1\n", &[&format!("condition {file}:1:8")]);
    segments("loyal: {if: orders.count > 1, fi: x}\n", &[&format!("unknown-key {file}:1:31")]);
    segments("loyal: {description: x}\n", &[&format!("missing-key {file}:1:8")]);
    segments("loyal: [1]\n", &[&format!("wrong-type {file}:1:8")]);
    segments("- loyal\n", &[&format!("wrong-type {file}:1:1")]);
    segments("a: segment.loyl\nloyal: orders.count > 1\n", &[&format!("condition {file}:1:4")]);
    segments("a: event.kind == 'x'\n", &[&format!("condition {file}:1:4")]);
    segments(
        "a: segment.b && orders.count > 1\nb: segment.c\nc: '!segment.a'\nd: segment.a\n",
        &[
            &format!("segment-circle {file}:1:4"),
            &format!("segment-circle {file}:2:4"),
            &format!("segment-circle {file}:3:4"),
        ],
    );
    let loaded = with(&[(file, "a: segment.b\nb: segment.a\n")]);
    assert_eq!(loaded.diagnostics[0].message, "the segment `a` is made of itself: `a` → `b` → `a`");
    // Who names a segment: as a part of its own, by a name that there is, on its own map.
    let used = |text: &str, expected: &[&str]| {
        check(
            &[
                (file, "loyal: orders.count > 1\n"),
                ("shop/hello.yaml", &format!("{HEAD}{text}\nsteps: [{{send: hello}}]\n")),
            ],
            expected,
        );
    };
    used("when: !segment.loyal && orders.count == 1", &[]);
    used("when: segment.loyel", &["condition shop/hello.yaml:3:7"]);
    used("when: segment.loyal == true", &["condition shop/hello.yaml:3:7"]);
    used("when: segment", &["condition shop/hello.yaml:3:7"]);
    used("exit_when: cart.items.exists(i, segment.loyal)", &["condition shop/hello.yaml:3:33"]);
    on("{join: loyal}", &["unknown-segment shop/hello.yaml:2:12"]);
    on("{quit: loyal}", &["unknown-segment shop/hello.yaml:2:12"]);
    // A file that cannot be read does not make everything that names its segments faulty too.
    check(
        &[
            (file, "a: [\n"),
            ("shop/hello.yaml", "rule: hello\non: {join: loyal}\nwhen: segment.loyal\nsteps: [{send: hello}]\n"),
        ],
        &["yaml shop/segments.yaml:1:4"],
    );
}

#[test]
fn rules_that_never_run() {
    let map = |stages: &str| format!("map: shop\nstages: [{stages}]\n");
    let empty = map("{id: new, enter: \"true\"}, {id: buyer, enter: \"false\"}");
    check(
        &[("shop/map.yaml", &empty), ("shop/hello.yaml", &format!("{HEAD}stage: buyer\nsteps: [{{send: hello}}]\n"))],
        &["never-runs shop/hello.yaml:3:8", "unreachable-stage shop/map.yaml:2:55"],
    );
    check(
        &[("shop/map.yaml", &map("{id: buyer, enter: \"orders.count > 0\"}, {id: new, enter: \"true\"}"))],
        &["unreachable-stage shop/map.yaml:2:29"],
    );
    on("{becomes: \"true\"}", &["never-runs shop/hello.yaml:2:15"]);
    steps("when: false\nsteps: [{send: hello}]\n", &["never-runs shop/hello.yaml:3:7"]);
    steps("steps: []\n", &["empty-steps shop/hello.yaml:3:8"]);
    steps("steps: [exit, {send: hello}]\n", &["unreachable-step shop/hello.yaml:3:15"]);
    check(
        &[("shop/hello.yaml", "rule: hello\nstage: new\non: {enter: buyer}\nsteps: [{send: hello}]\n")],
        &["never-runs shop/hello.yaml:2:8"],
    );
    let both_end =
        "steps:\n  - branch:\n    - if: orders.count > 1\n      then: [exit]\n    - else: [exit]\n  - send: hello\n";
    steps(both_end, &["unreachable-step shop/hello.yaml:8:5"]);
    steps(
        "steps: [{branch: [{else: [exit]}, {if: \"orders.count > 1\", then: [{send: hello}]}]}]\n",
        &["unreachable-step shop/hello.yaml:3:19"],
    );
}
