//! The words of faults that many make: each says what to write instead.

use milepost::rulebook::render;

use super::faults::HEAD;
use super::with;

/// The one fault of a rulebook with these files: what is wrong, and what to do.
fn told(changes: &[(&str, &str)]) -> (&'static str, String, String) {
    let loaded = with(changes);
    let [fault] = loaded.diagnostics.as_slice() else {
        panic!("not one fault: {}", render(&loaded.diagnostics, false));
    };
    (fault.code, fault.message.clone(), fault.help.clone().unwrap_or_default())
}

/// What is wrong with a rule of these keys, and what to do.
fn rule(text: &str) -> (String, String) {
    let segments = "loyal: orders.count > 3\n";
    let (_, message, help) = told(&[("shop/segments.yaml", segments), ("shop/hello.yaml", text)]);
    (message, help)
}

#[test]
fn what_stands_inside_of_a_step_is_told_with_the_form() {
    let step = |text: &str| rule(&format!("{HEAD}steps:\n  - {text}\n  - send: hello\n"));
    assert_eq!(
        step("{send: hello, still: orders.count > 0}"),
        ("`still` stands inside of `send`".into(), "write `send: {letter: hello, still: …}`".into())
    );
    assert_eq!(step("{wait: 1h, tz: customer}").1, "write `wait: {for: 1h, tz: …}`");
    assert_eq!(step("{wait: 1h, send: hello}").1, "a step does one thing: begin a new `-` for the next");
}

#[test]
fn segments_are_named_as_their_place_wants_it() {
    let steps = "steps: [{send: hello}]\n";
    for text in [
        format!("{HEAD}when: loyal\n{steps}"),
        format!("rule: hello\non: {{cron: '0 10 * * 2', segment: loyal}}\n{steps}"),
    ] {
        let expected = ("there is nothing called `loyal`", "write `segment.loyal`: it is a segment of this map");
        let (message, help) = rule(&text);
        assert_eq!((message.as_str(), help.as_str()), expected);
    }
    let (_, help) = rule(&format!("rule: hello\non: {{join: segment.loyal}}\n{steps}"));
    assert_eq!(help, "write `join: loyal`: `segment.` stands in conditions only");
}

#[test]
fn slips_of_conditions_are_told_with_what_to_write() {
    let when = |text: &str| rule(&format!("{HEAD}when: \"{text}\"\nsteps: [{{send: hello}}]\n"));
    assert_eq!(when("customer.vip = true"), ("not a condition: `=` does not compare".into(), "write `==`".into()));
    assert_eq!(when("orders.count > 0 && customer.city ='Omsk'").1, "write `==`");
    for text in ["orders.last_at < now()", "orders.last_at < now"] {
        let (message, help) = when(text);
        assert!(
            message.contains("`now`") && help.contains("older_than") && help.contains("within"),
            "{message}: {help}"
        );
    }
    for on in ["{cron: '0 10 * * 2'}", "{date: customer.birthday}"] {
        let branch = "[{if: event.amount > 5, then: [{send: hello}]}, {else: [{send: hello}]}]";
        let (message, help) = rule(&format!("rule: hello\non: {on}\nsteps:\n  - branch: {branch}\n"));
        assert_eq!(message, "there is nothing called `event`");
        assert_eq!(help, "time starts this rule, so there is no event");
    }
}

#[test]
fn what_is_written_too_shortly_is_told_in_full() {
    let key = |text: &str| rule(&format!("{HEAD}{text}\nsteps: [{{send: hello}}]\n"));
    assert_eq!(key("goal: order.created").1, "write `goal: {event: order.created, within: 7d}`");
    assert_eq!(key("exit_on: order.created").1, "write `[order.created]`");
    assert_eq!(key("tags: cart").1, "write `[cart]`");
    assert_eq!(key("capture: cart").1, "write `[cart]`");
    assert_eq!(
        rule("rule: hello\non: customer.created\nsteps: [{send: hello}]\n").1,
        "write `on: {event: customer.created}`"
    );
}

#[test]
fn limits_have_words_of_their_own() {
    let limits = |text: &str| told(&[("limits.yaml", &format!("limits: {{{text}}}\n"))]);
    let (code, message, _) = limits("days_off: [sun], tz: Berlin");
    assert_eq!((code, message.as_str()), ("unknown-word", "`tz` of limits knows no `Berlin`"));
    assert_eq!(limits("days_off: [sunn]").0, "bad-day");
    assert_eq!(limits("quiet: {from: '25:00', to: '09:00'}").0, "bad-time");
    let (_, message, help) = limits("gap: 0s");
    assert_eq!((message.as_str(), help.as_str()), ("a gap of no time limits nothing", "leave it out"));
    assert_eq!(limits("gap: 900d").1, "a gap may be 366d long at most, and this one is 900d");
}

#[test]
fn a_stage_that_there_is_not_is_told_once() {
    let (message, _) = rule("rule: hello\non: {enter: new}\nstage: buyr\nsteps: [{send: hello}]\n");
    assert_eq!(message, "the map `shop` has no stage `buyr`");
    let (message, _) = rule("rule: hello\non: {enter: newe}\nstage: buyer\nsteps: [{send: hello}]\n");
    assert_eq!(message, "the map `shop` has no stage `newe`");
}
