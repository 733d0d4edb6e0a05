//! The faults of steps that wait for something, split customers or ask something of other rules.

use super::faults::{check, on, steps};

#[test]
fn the_best_time() {
    steps("steps: [{wait: {best_time: true, at: \"10:00\"}}, {send: hello}]\n", &[]);
    steps("steps: [{wait: {best_time: true}}, {send: hello}]\n", &["missing-key shop/hello.yaml:3:16"]);
    steps("steps: [{wait: {best_time: no, at: \"10:00\"}}, {send: hello}]\n", &["unknown-word shop/hello.yaml:3:28"]);
    steps(
        "steps: [{wait: {best_time: true, within: 2d, at: \"10:00\"}}, {send: hello}]\n",
        &["impossible-wait shop/hello.yaml:3:42"],
    );
    steps("steps: [{wait: {for: 1h, within: 2h}}, {send: hello}]\n", &["misplaced-key shop/hello.yaml:3:34"]);
}

#[test]
fn waits_for_something_to_happen() {
    steps("steps: [{wait: {event: order.paid}}, {send: hello}]\n", &["missing-key shop/hello.yaml:3:16"]);
    steps("steps: [{wait: {event: order.piad, up_to: 1d}}, {send: hello}]\n", &["unknown-event shop/hello.yaml:3:24"]);
    steps(
        "steps: [{wait: {condition: \"orders.cuont > 0\", up_to: 1d}}, {send: hello}]\n",
        &["condition shop/hello.yaml:3:29"],
    );
    steps("steps: [{wait: {cron: \"0 10 * *\"}}, {send: hello}]\n", &["bad-cron shop/hello.yaml:3:23"]);
    steps("steps: [{wait: {for: 1h, then: [exit]}}, {send: hello}]\n", &["misplaced-key shop/hello.yaml:3:32"]);
    steps(
        "steps: [{wait: {cron: \"0 10 * * 2\", at: \"10:00\"}}, {send: hello}]\n",
        &["misplaced-key shop/hello.yaml:3:41"],
    );
    steps(
        "steps: [{wait: {event: order.paid, up_to: 1d, thn: []}}, {send: hello}]\n",
        &["unknown-key shop/hello.yaml:3:47"],
    );
    // What stands in the branches is looked at as everywhere.
    steps(
        "steps: [{wait: {event: order.paid, up_to: 1d, then: [{send: helo}], timeout: [exit, {send: hello}]}}]\n",
        &["unknown-letter shop/hello.yaml:3:61", "unreachable-step shop/hello.yaml:3:85"],
    );
    steps(
        "steps: [{wait: {event: order.paid, up_to: 1d, then: [exit], timeout: [exit]}}, {send: hello}]\n",
        &["unreachable-step shop/hello.yaml:3:80"],
    );
    steps("steps: [{wait: {event: order.paid, up_to: 1d, timeout: [exit]}}, {send: hello}]\n", &[]);
    steps(
        "steps: [{wait: {event: quiz.done, up_to: 1d, then: [{send: hello, id: a}], timeout: [{wait: 1h, id: a}]}}]\n",
        &["duplicate-step shop/hello.yaml:3:101"],
    );
    // The event that is waited for can be read where none began the run.
    on("{cron: \"0 10 * * 2\"}", &[]);
    check(
        &[(
            "shop/hello.yaml",
            "rule: hello\non: {cron: \"0 10 * * 2\"}\nsteps: [{wait: {event: quiz.done, when: \"event.score > 5\", up_to: 1d}}, {send: hello}]\n",
        )],
        &[],
    );
}

#[test]
fn splits() {
    let split =
        |arms: &str, expected: &[&str]| steps(&format!("steps: [{{split: [{arms}]}}, {{send: hello}}]\n"), expected);
    split("{share: 50%, name: a, then: []}, {share: 50%, name: b, then: [{wait: 1h}]}", &[]);
    split("{share: 33.4%, name: a, then: []}, {share: 66.6%, name: b, then: []}", &[]);
    split("{share: 50%, name: a, then: []}, {share: 40%, name: b, then: []}", &["bad-share shop/hello.yaml:3:17"]);
    split("{share: 100%, name: a, then: []}", &["empty-steps shop/hello.yaml:3:17"]);
    split("{share: 50, name: a, then: []}, {share: 50%, name: b, then: []}", &["bad-share shop/hello.yaml:3:26"]);
    split("{share: 0%, name: a, then: []}, {share: 100%, name: b, then: []}", &["bad-share shop/hello.yaml:3:26"]);
    split("{share: 1.234%, name: a, then: []}, {share: 50%, name: b, then: []}", &["bad-share shop/hello.yaml:3:26"]);
    split("{share: 50%, name: a, then: []}, {share: 50%, name: a, then: []}", &["duplicate-arm shop/hello.yaml:3:70"]);
    split(
        "{share: 50%, then: []}, {share: 50%, name: a}",
        &["missing-key shop/hello.yaml:3:18", "missing-key shop/hello.yaml:3:42"],
    );
    split(
        "{share: 50%, name: a, then: [exit]}, {share: 50%, name: b, then: [exit]}",
        &["unreachable-step shop/hello.yaml:3:94"],
    );
    steps("steps: [{split: 50%}, {send: hello}]\n", &["wrong-type shop/hello.yaml:3:17"]);
}

#[test]
fn winners_of_splits() {
    let arms = "arms: [{share: 50%, name: a, then: []}, {share: 50%, name: b, then: [{wait: 1h}]}]";
    let pick = |pick: &str, expected: &[&str]| {
        let goal = "goal: {event: order.created, within: 7d}\n";
        steps(&format!("{goal}steps: [{{split: {{pick_winner: {pick}, {arms}}}}}, {{send: hello}}]\n"), expected);
    };
    pick("{after: 500}", &[]);
    pick("{after: 500, within: 2d}", &[]);
    pick("{after: 0}", &["out-of-range shop/hello.yaml:4:39"]);
    pick("{after: 20}", &["few-answers shop/hello.yaml:4:39"]);
    pick("{after: many}", &["wrong-type shop/hello.yaml:4:39"]);
    pick("{within: 2d}", &["missing-key shop/hello.yaml:4:31"]);
    pick("{after: 500, within: 0s}", &["out-of-range shop/hello.yaml:4:52"]);
    pick("{after: 500, by: opens}", &["unknown-key shop/hello.yaml:4:44"]);
    steps(
        &format!("steps: [{{split: {{pick_winner: {{after: 500}}, {arms}}}}}, {{send: hello}}]\n"),
        &["no-goal shop/hello.yaml:3:31"],
    );
    steps(&format!("steps: [{{split: {{{arms}}}}}, {{send: hello}}]\n"), &[]);
    steps("steps: [{split: {pick_winner: {after: 500}}}, {send: hello}]\n", &["missing-key shop/hello.yaml:3:17"]);
}

#[test]
fn tags_notes_and_other_rules() {
    steps("steps: [{set: {tags: {add: [gold], remove: [new]}}}, {send: hello}]\n", &[]);
    steps("steps: [{set: {tags: [gold]}}, {send: hello}]\n", &[]);
    steps("steps: [{set: {tags: {}}}, {send: hello}]\n", &["empty-steps shop/hello.yaml:3:22"]);
    steps(
        "steps: [{set: {tags: {ad: [gold]}}}, {send: hello}]\n",
        &["empty-steps shop/hello.yaml:3:22", "unknown-key shop/hello.yaml:3:23"],
    );
    steps("steps: [{set: {tags: {add: [a], remove: [a]}}}, {send: hello}]\n", &["duplicate-key shop/hello.yaml:3:42"]);
    steps("steps: [{set: {consent: {marketing: false}}}, {send: hello}]\n", &[]);
    steps("steps: [{set: {consent: {marketing: true}}}, {send: hello}]\n", &["consent-by-rule shop/hello.yaml:3:37"]);
    steps("steps: [{set: {consent: {marketin: false}}}, {send: hello}]\n", &["unknown-purpose shop/hello.yaml:3:26"]);
    steps("steps: [{set: {consent: {}}}, {send: hello}]\n", &["empty-steps shop/hello.yaml:3:15"]);
    steps(
        "steps: [{set: {consent: no}}, {send: hello}]\n",
        &["empty-steps shop/hello.yaml:3:15", "wrong-type shop/hello.yaml:3:25"],
    );
    steps("steps: [{note: \"\"}, {send: hello}]\n", &["empty-steps shop/hello.yaml:3:16"]);
    steps("steps: [{enroll: hello}, {send: hello}]\n", &["same-rule shop/hello.yaml:3:18"]);
    steps("steps: [{leave: hello}, {send: hello}]\n", &["same-rule shop/hello.yaml:3:17"]);
    steps("steps: [{enroll: helo}, {send: hello}]\n", &["unknown-rule shop/hello.yaml:3:18"]);
    let second =
        ("shop/second.yaml", "rule: second\non: {event: order.created}\nsteps: [{leave: hello}, {enroll: hello}]\n");
    check(&[second], &[]);
}

#[test]
fn what_is_captured_and_what_must_still_hold() {
    steps("capture: [cart]\nstill: captured.cart.total == cart.total\nsteps: [{send: hello}]\n", &[]);
    steps("capture: [crat]\nsteps: [{send: hello}]\n", &["unknown-word shop/hello.yaml:3:11"]);
    steps("capture: [event]\nsteps: [{send: hello}]\n", &["unknown-word shop/hello.yaml:3:11"]);
    steps("capture: [cart, cart]\nsteps: [{send: hello}]\n", &["duplicate-key shop/hello.yaml:3:17"]);
    steps("still: captured.cart.total == cart.total\nsteps: [{send: hello}]\n", &["condition shop/hello.yaml:3:8"]);
    steps(
        "capture: [cart]\nstill: captured.orders.count == 0\nsteps: [{send: hello}]\n",
        &["condition shop/hello.yaml:4:8"],
    );
    steps(
        "capture: [cart]\nstill: captured.cart.totl == cart.total\nsteps: [{send: hello}]\n",
        &["condition shop/hello.yaml:4:8"],
    );
    steps(
        "capture: [cart]\nwhen: captured.cart.total > 5\nsteps: [{send: hello}]\n",
        &["condition shop/hello.yaml:4:7"],
    );
    steps("steps: [{send: {letter: hello, still: \"cart.total > 5\"}}]\n", &[]);
    steps("steps: [{send: {letter: helo}}]\n", &["unknown-letter shop/hello.yaml:3:25"]);
    steps("steps: [{send: {still: \"cart.total > 5\"}}]\n", &["missing-key shop/hello.yaml:3:16"]);
    steps("steps: [{send: {letter: hello, still: \"false\"}}]\n", &["never-sends shop/hello.yaml:3:39"]);
}
