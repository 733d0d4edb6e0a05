//! Limits on attention, ranks and holdouts that cannot be: each fault at its place.

use super::faults::{check, steps};

#[test]
fn limits_that_cannot_be() {
    let shop = |text: &str, expected: &[&str]| check(&[("limits.yaml", text)], expected);
    shop("limits: {caps: [3 per 7d, 1 per 1d], gap: 4h}\nholdout: 10%\n", &[]);
    shop(
        "limits: [{quiet: {from: \"21:00\", to: \"09:00\"}}, {days_off: [sat, Sunday], holidays: [12-25, 2027-04-05]}]\n",
        &[],
    );
    shop("limits: {purpose: transactional, gap: 1m, at_limit: {wait: 1h}}\n", &[]);
    shop("limits: {purpose: marketng, gap: 1m}\n", &["unknown-purpose limits.yaml:1:19"]);
    shop("limits: {caps: [0 per 7d]}\n", &["out-of-range limits.yaml:1:17"]);
    shop("limits: {caps: [51 per 7d]}\n", &["out-of-range limits.yaml:1:17"]);
    shop("limits: {caps: [1 per 400d]}\n", &["out-of-range limits.yaml:1:17"]);
    shop(
        "limits: {caps: [3 a week, 7d, 3 per, 3 per week]}\n",
        &[
            "bad-cap limits.yaml:1:17",
            "bad-cap limits.yaml:1:27",
            "bad-cap limits.yaml:1:31",
            "bad-cap limits.yaml:1:38",
        ],
    );
    shop("limits: {gap: 0s}\n", &["out-of-range limits.yaml:1:15"]);
    shop("limits: {quiet: {from: \"21:00\"}}\n", &["missing-key limits.yaml:1:17"]);
    shop("limits: {quiet: {from: \"21:00\", to: \"21:00\"}}\n", &["out-of-range limits.yaml:1:37"]);
    shop("limits: {days_off: [mon, tue, wed, thu, fri, sat, sun]}\n", &["out-of-range limits.yaml:1:9"]);
    shop(
        "limits: {holidays: [25.12, 02-30, 2027-02-29, 02-29]}\n",
        &["bad-date limits.yaml:1:21", "bad-date limits.yaml:1:28", "bad-date limits.yaml:1:35"],
    );
    shop("limits: {}\n", &["empty-limits limits.yaml:1:9"]);
    shop("limits: {gap: 1h, tz: shop}\n", &["misplaced-key limits.yaml:1:23"]);
    shop("limits: {gap: 1h, at_limit: drop}\n", &["unknown-word limits.yaml:1:29"]);
    shop("limits: {gap: 1h, at_limit: {wait: 0s}}\n", &["out-of-range limits.yaml:1:36"]);
    shop("limt: {gap: 1h}\n", &["unknown-key limits.yaml:1:1"]);
    shop("holdout: 10\n", &["bad-share limits.yaml:1:10"]);
    shop("holdout: 100%\n", &["out-of-range limits.yaml:1:10"]);
    steps("limits: {caps: [1 per 1d]}\npriority: 5\ngroup: cart\nholdout: 5%\nsteps: [{send: hello}]\n", &[]);
    steps("limits: {purpose: marketing, gap: 1h}\nsteps: [{send: hello}]\n", &["misplaced-key shop/hello.yaml:3:19"]);
    steps("priority: high\nsteps: [{send: hello}]\n", &["wrong-type shop/hello.yaml:3:11"]);
    steps("group: The Cart\nsteps: [{send: hello}]\n", &["bad-id shop/hello.yaml:3:8"]);
}
