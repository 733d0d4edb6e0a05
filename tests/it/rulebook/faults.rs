//! Every fault is told, at its place, and none hides another.

use milepost::journey::book::Shop;
use milepost::rulebook::{Severity, load_files, render};

use super::{codes, sound, with};

/// The head of a rule that is sound up to its steps.
pub(super) const HEAD: &str = "rule: hello\non: {event: customer.created}\n";

pub(super) fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let loaded = with(changes);
    assert_eq!(codes(&loaded.diagnostics), expected, "{changes:?}\n{}", render(&loaded.diagnostics, false));
    let refused = loaded.diagnostics.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(loaded.book.is_none(), refused);
}

/// A rule whose steps are these.
pub(super) fn steps(text: &str, expected: &[&str]) {
    check(&[("shop/hello.yaml", &format!("{HEAD}{text}"))], expected);
}

/// A rule that begins by this.
pub(super) fn on(text: &str, expected: &[&str]) {
    check(&[("shop/hello.yaml", &format!("rule: hello\non: {text}\nsteps: [{{send: hello}}]\n"))], expected);
}

#[test]
fn a_sound_rulebook_has_no_faults() {
    check(&[], &[]);
}

#[test]
fn keys_and_values() {
    steps("stpes: []\nsteps: [{send: hello}]\n", &["unknown-key shop/hello.yaml:3:1"]);
    steps("steps: [{send: hello}]\nsteps: [exit]\n", &["duplicate-key shop/hello.yaml:4:1"]);
    steps("steps: {send: hello}\n", &["wrong-type shop/hello.yaml:3:8"]);
    check(
        &[("shop/hello.yaml", "on: {event: customer.created}\nsteps: [{send: hello}]\n")],
        &["missing-key shop/hello.yaml:1:1"],
    );
    steps("reenter: 7d\nsteps: [{send: hello}]\n", &["unknown-word shop/hello.yaml:3:10"]);
    steps("reenter: {after: soon}\nsteps: [{send: hello}]\n", &["bad-span shop/hello.yaml:3:18"]);
    steps("when_uncertain: resned\nsteps: [{send: hello}]\n", &["unknown-word shop/hello.yaml:3:17"]);
    steps("on_change: finnish\nsteps: [{send: hello}]\n", &["unknown-word shop/hello.yaml:3:12"]);
    steps("max_age: 0s\nsteps: [{send: hello}]\n", &["out-of-range shop/hello.yaml:3:10"]);
    steps("purpose: marketng\nsteps: [{send: hello}]\n", &["unknown-purpose shop/hello.yaml:3:10"]);
    steps(
        "goal: {event: order.created, within: 3d, value: order.totl}\nsteps: [{send: hello}]\n",
        &["unknown-word shop/hello.yaml:3:49"],
    );
}

#[test]
fn exits_goals_and_re_entry() {
    let one = |text: &str, expected: &[&str]| steps(&format!("{text}\nsteps: [{{send: hello}}]\n"), expected);
    one("owner: Ann\ntags: [cart, spring]", &[]);
    one("tags: cart", &["wrong-type shop/hello.yaml:3:7"]);
    one("exit_on: [order.paid, {event: order.created, when: event.order.total > 1}]", &[]);
    one("exit_on: [{when: event.order.total > 1}]", &["missing-key shop/hello.yaml:3:11"]);
    one("exit_on: [{event: order.created, when: event.order.total > }]", &["condition shop/hello.yaml:3:59"]);
    one("exit_on: [{event: order.created, wen: x}]", &["unknown-key shop/hello.yaml:3:34"]);
    one("exit_when: [orders.count > 1, cart.total > 5]", &[]);
    one("exit_when: [orders.count > 1, cart.totl > 5]", &["condition shop/hello.yaml:3:31"]);
    one("exit_when: [orders.count > 1, 'true']", &["never-runs shop/hello.yaml:3:31"]);
    one("exit_when: {a: b}", &["wrong-type shop/hello.yaml:3:12"]);
    one("goal: {event: order.created, within: 3d, value: event.amount}", &[]);
    one("goal: {event: order.created, within: 3d, value: event.}", &["unknown-word shop/hello.yaml:3:49"]);
    one("reenter: {key: event.quiz.id, after: 3d}", &[]);
    one("reenter: {}", &["missing-key shop/hello.yaml:3:10"]);
    one("reenter: {key: order.id}", &["bad-key shop/hello.yaml:3:16"]);
    one("reenter: {key: event.guide.id, afer: 3d}", &["unknown-key shop/hello.yaml:3:32"]);
    one("max_life: 0s", &["out-of-range shop/hello.yaml:3:11"]);
    one("max_life: 900d", &["out-of-range shop/hello.yaml:3:11"]);
    one("max_life: 30d", &[]);
    check(
        &[(
            "shop/hello.yaml",
            "rule: hello\non: {cron: '0 10 * * 2'}\nreenter: {key: event.id}\nsteps: [{send: hello}]\n",
        )],
        &["no-event shop/hello.yaml:3:16"],
    );
}

#[test]
fn names_that_do_not_exist() {
    steps("stage: buyr\nsteps: [{send: hello}]\n", &["unknown-stage shop/hello.yaml:3:8"]);
    steps("steps: [{send: helo}]\n", &["unknown-letter shop/hello.yaml:3:16"]);
    steps("steps: [{promo: tne}, {send: hello}]\n", &["unknown-pool shop/hello.yaml:3:17"]);
    steps("steps: [{sned: hello}]\n", &["unknown-step shop/hello.yaml:3:10"]);
    steps("steps: [ecit]\n", &["unknown-step shop/hello.yaml:3:9"]);
    steps("steps: [{send: hello}, {set: {shoe_size: 4}}]\n", &["unknown-attribute shop/hello.yaml:3:31"]);
    steps("exit_on: [order.craeted]\nsteps: [{send: hello}]\n", &["unknown-event shop/hello.yaml:3:11"]);
    steps("exit_on: [order.lost]\nsteps: [{send: hello}]\n", &["unknown-event shop/hello.yaml:3:11"]);
    steps("exit_on: [Order Created]\nsteps: [{send: hello}]\n", &["bad-event shop/hello.yaml:3:11"]);
    steps("exit_on: [quiz.finished]\nsteps: [{send: hello}]\n", &[]);
    on("{enter: buyr}", &["unknown-stage shop/hello.yaml:2:13"]);
    let help = with(&[("shop/hello.yaml", &format!("{HEAD}stage: buyr\nsteps: [{{send: hello}}]\n"))]).diagnostics[0]
        .help
        .clone();
    assert_eq!(help.as_deref(), Some("did you mean `buyer`?"));
}

#[test]
fn impossible_waits() {
    let wait = |text: &str, place: usize| {
        steps(
            &format!("steps: [{{wait: {text}}}, {{send: hello}}]\n"),
            &[&format!("impossible-wait shop/hello.yaml:3:{place}")],
        );
    };
    wait("0s", 16);
    wait("{}", 16);
    wait("{at: \"25:00\"}", 21);
    wait("{at: \"24:00\"}", 21);
    wait("{at: noon}", 21);
    wait("{weekday: mondy}", 26);
    wait("900d", 16);
    wait("{for: 0m, at: \"10:00\"}", 22);
    wait("{until: 24.12.2026}", 24);
    wait("{until: 2026-02-30}", 24);
    wait("{until: 2026-12-24, at: late}", 40);
    wait("{event: order.paid, condition: \"orders.count > 0\", up_to: 1d}", 47);
    wait("{condition: \"true\", up_to: 1d}", 28);
    wait("{event: order.paid, up_to: 0s}", 43);
    steps("steps: [{wait: 1x}, {send: hello}]\n", &["bad-span shop/hello.yaml:3:16"]);
    steps("steps: [{wait: {for: 1d, tz: customer}}, {send: hello}]\n", &["misplaced-key shop/hello.yaml:3:30"]);
    steps("steps: [{wait: {at: 9:30, weekday: Friday, tz: customer}}, {send: hello}]\n", &[]);
}

#[test]
fn promo_pools_and_wishes() {
    let promo =
        |text: &str, expected: &[&str]| steps(&format!("steps: [{{promo: {text}}}, {{send: hello}}]\n"), expected);
    promo("{pool: ten}", &[]);
    promo("{pool: ten, when_empty: end}", &[]);
    promo("{pool: ten, when_empty: withhold}", &[]);
    promo("{pool: ten, when_empty: hold, at_most: 2d}", &[]);
    promo("{pool: tne}", &["unknown-pool shop/hello.yaml:3:24"]);
    promo("{when_empty: end}", &["missing-key shop/hello.yaml:3:17"]);
    promo("{pool: ten, when_empty: withold}", &["unknown-word shop/hello.yaml:3:41"]);
    promo("{pool: ten, when_empty: hold}", &["missing-key shop/hello.yaml:3:17"]);
    promo("{pool: ten, when_empty: hold, at_most: 0s}", &["out-of-range shop/hello.yaml:3:56"]);
    promo("{pool: ten, when_empty: hold, at_most: 900d}", &["out-of-range shop/hello.yaml:3:56"]);
    promo("{pool: ten, at_most: 2d}", &["misplaced-key shop/hello.yaml:3:38"]);
    promo("[ten]", &["wrong-type shop/hello.yaml:3:17"]);
    let pool = |text: &str, expected: &[&str]| check(&[("shop/promo/made.yaml", text)], expected);
    pool("pattern: MADE-########\nvalid: 30d\nlow_stock: 50\n", &[]);
    pool("valid: 30d\n", &[]);
    pool("pattern: MADE-#######\n", &["bad-pattern shop/promo/made.yaml:1:10"]);
    pool("pattern: \"MADE ########\"\n", &["bad-pattern shop/promo/made.yaml:1:10"]);
    pool("pattern: MADE-########\nvalid: 0s\n", &["out-of-range shop/promo/made.yaml:2:8"]);
    pool("pattern: MADE-########\nlow_stock: few\n", &["wrong-type shop/promo/made.yaml:2:12"]);
    pool("patern: MADE-########\n", &["unknown-key shop/promo/made.yaml:1:1"]);
    check(&[("shop/promo/ten.yaml", "valid: 30d\n")], &[]);
    check(&[("shop/promo/ten.yaml", "pattern: TEN-########\n")], &["two-sources shop/promo/ten.yaml:1:10"]);
    check(
        &[("shop/promo/ten.yaml", ""), ("shop/promo/ten.yml", "")],
        &[
            "empty-file shop/promo/ten.yaml:1:1",
            "duplicate-pool shop/promo/ten.yml:1:1",
            "empty-file shop/promo/ten.yml:1:1",
        ],
    );
}

#[test]
fn errands() {
    let shop = Shop {
        webhooks: ["stock".to_owned(), "sms".to_owned()].into(),
        connections: ["shop".to_owned()].into(),
        ..Shop::default()
    };
    let told = |shop: &Shop, step: &str| {
        let mut files = sound();
        let text = format!("{HEAD}steps: [{{{step}}}, {{send: hello}}]\n");
        files.insert("shop/hello.yaml".into(), text.into_bytes());
        codes(&load_files(&files, shop.clone()).diagnostics)
    };
    let fine = |step: &str| assert_eq!(told(&shop, step), [""; 0], "{step}");
    let fault = |step: &str, code: &str, column: usize| {
        assert_eq!(told(&shop, step), [format!("{code} shop/hello.yaml:3:{column}")], "{step}");
    };
    fine("webhook: stock");
    fine(
        "webhook: {to: sms, data: {a: customer.email, b: \"'x'\", c: 3, d: true, e: event.touchpoint, f: promo.code}}",
    );
    fault("webhook: stok", "unknown-webhook", 19);
    fault("webhook: {data: {a: customer.email}}", "missing-key", 19);
    fault("webhook: {to: stock, data: {a: customer.emial}}", "unknown-fact", 41);
    fault("webhook: {to: stock, data: {a: gold}}", "unknown-fact", 41);
    fault("webhook: {to: stock, data: {a: \"1 + 1\"}}", "unknown-fact", 41);
    fault("webhook: {to: stock, data: {a: promo.cod}}", "unknown-fact", 41);
    fault("webhook: {to: stock, dta: {}}", "unknown-key", 31);
    fine("crm: {tags: {add: [vip], remove: [cold]}, fields: {loyalty: gold}, connection: shop}");
    fine("crm: {tags: {add: [vip]}}");
    fault("crm: {}", "empty-steps", 15);
    fault("crm: {tags: {add: [a], remove: [a]}}", "contradiction", 42);
    fault("crm: {tags: {add: [\"\"]}}", "bad-tag", 29);
    fault("crm: {fields: {email: x}}", "built-in", 25);
    fault("crm: {tags: {add: [a]}, connection: shp}", "unknown-connection", 46);
    let named = |sender: &str, shop: &Shop| {
        let mut files = sound();
        let text = format!("{HEAD}sender: {sender}\nsteps: [{{send: hello}}]\n");
        files.insert("shop/hello.yaml".into(), text.into_bytes());
        codes(&load_files(&files, shop.clone()).diagnostics)
    };
    let with_news = Shop { senders: ["news".to_owned()].into(), ..Shop::default() };
    assert_eq!(named("news", &with_news), [""; 0]);
    assert_eq!(named("nws", &with_news), ["unknown-sender shop/hello.yaml:3:9"]);
    assert_eq!(named("news", &Shop::default()), ["unknown-sender shop/hello.yaml:3:9"]);
    assert_eq!(told(&Shop::default(), "webhook: stock"), ["unknown-webhook shop/hello.yaml:3:19"]);
    assert_eq!(told(&Shop::default(), "crm: {tags: {add: [a]}}"), ["unknown-connection shop/hello.yaml:3:15"]);
}

#[test]
fn ids_are_unique() {
    check(
        &[("shop/second.yaml", "rule: hello\non: {event: order.created}\nsteps: [{send: hello}]\n")],
        &["duplicate-rule shop/second.yaml:1:7"],
    );
    steps("steps: [{send: hello, id: a}, {wait: 1h, id: a}]\n", &["duplicate-step shop/hello.yaml:3:46"]);
    steps("steps: [{send: hello, id: A b}]\n", &["bad-id shop/hello.yaml:3:27"]);
    check(
        &[(
            "shop/map.yaml",
            "map: shp\nstages: [{id: new, enter: \"true\"}, {id: new, enter: \"orders.count > 0\"}]\n",
        )],
        &["map-name shop/map.yaml:1:6", "duplicate-stage shop/map.yaml:2:41"],
    );
    check(&[("shop/promo/ten.csv", "code\nA1\nA1\n")], &["duplicate-code shop/promo/ten.csv:3:1"]);
    // Orders are matched without regard to case.
    let loaded = with(&[("shop/promo/ten.csv", "code\nREL-1\nrel-1\n")]);
    assert_eq!(codes(&loaded.diagnostics), ["duplicate-code shop/promo/ten.csv:3:1"]);
    assert_eq!(
        loaded.diagnostics[0].message,
        "the code `rel-1` is there already, as `REL-1`: case makes no difference"
    );
    assert_eq!(loaded.book.expect("a book").pools["ten"], ["REL-1"]);
    check(&[("shop/promo/ten.csv", "A1\nA2\n")], &["bad-csv shop/promo/ten.csv:1:1"]);
}

#[test]
fn letters_that_cannot_be() {
    let letter = |text: &str, expected: &[&str]| check(&[("shop/templates/hello.txt", text)], expected);
    let file = "shop/templates/hello.txt";
    letter(
        "Subject: Hi\n\nHi {{ customer.frist_name }} {{ unsubscribe_url }}\n",
        &[&format!("unknown-variable {file}:3:16")],
    );
    letter("Subject: {{ custmer.id }}\n\nHi {{ unsubscribe_url }}\n", &[&format!("unknown-variable {file}:1:13")]);
    letter("Subject: Hi\n\n{{ cart.items.name }}{{ unsubscribe_url }}\n", &[&format!("unknown-variable {file}:3:15")]);
    letter(
        "Subject: Hi\n\n{{ customer.email.host }}{{ unsubscribe_url }}\n",
        &[&format!("unknown-variable {file}:3:19")],
    );
    letter(
        "Subject: Hi\n\n{% for i in cart.items %}{{ i.nmae }}{% endfor %}{{ unsubscribe_url }}\n",
        &[&format!("unknown-variable {file}:3:31")],
    );
    letter(
        "Subject: Hi\n\n{% if event.order %}{{ event.order.numbr }}{% endif %}{{ unsubscribe_url }}\n",
        &[&format!("unknown-variable {file}:3:36")],
    );
    letter("Subject: Hi\n\n{{ event.quiz.score }}{{ unsubscribe_url }}\n", &[]);
    letter(
        "Subject: Hi\n\n{{ stage.shop }} {{ consent.marketing }} {{ stage.shp }}{{ unsubscribe_url }}\n",
        &[&format!("unknown-variable {file}:3:51")],
    );
    letter("Subject: Hi\n\n{{ cart.total | mony }}{{ unsubscribe_url }}\n", &[&format!("unknown-filter {file}:3:17")]);
    letter("Subject: Hi\n\n{{ cart.total | money }}{{ unsubscribe_url }}\n", &[&format!("money-currency {file}:3:17")]);
    letter("Subject: Hi\n\n{{ cart.total | money(currency=cart.currency) }}{{ unsubscribe_url }}\n", &[]);
    letter("Subject: Hi\n\n{{ cart.total.minor }}{{ unsubscribe_url }}\n", &[&format!("unknown-variable {file}:3:15")]);
    letter("Subject: Hi\n\n{% if customer.vip }}{{ unsubscribe_url }}\n", &[&format!("template-syntax {file}:3:20")]);
    letter(
        "Subject: Hi\n\n{% include \"shared/foter.txt\" %}{{ unsubscribe_url }}\n",
        &[&format!("unknown-template {file}:3:12")],
    );
    letter("Subject: Hi\n\nNo way out\n", &[&format!("no-unsubscribe {file}:1:1")]);
    letter("Subject: Hi\n\nCode {{ promo.code }} {{ unsubscribe_url }}\n", &["no-promo shop/hello.yaml:5:5"]);
    letter(
        "Hi there\n\n{{ unsubscribe_url }}\n",
        &[&format!("letter-head {file}:1:1"), &format!("no-subject {file}:1:1")],
    );
    letter(
        "Subjct: Hi\n\n{{ unsubscribe_url }}\n",
        &[&format!("letter-head {file}:1:1"), &format!("no-subject {file}:1:1")],
    );
    letter("Subject: Hi\n", &[&format!("no-unsubscribe {file}:1:1"), &format!("empty-letter {file}:2:1")]);
}

#[test]
fn layouts_count_for_what_they_hold() {
    let layout =
        ("shared/base.html", "<p>{% block body %}{% endblock body %}</p><a href=\"{{ unsubscribe_url }}\">out</a>");
    let html = |text: &'static str| ("shop/templates/hello.html", text);
    check(&[layout, html("{% extends \"shared/base.html\" %}{% block body %}Hi{% endblock body %}")], &[]);
    check(&[html("<p>Hi</p>")], &["no-unsubscribe shop/templates/hello.html:1:1"]);
    check(
        &[layout, html("{% extends \"shared/base.html\" %}{% block bdy %}Hi{% endblock bdy %}")],
        &["template shop/templates/hello.html:1:42"],
    );
    // A fault of a layout is told once, not again for every letter that uses it.
    check(
        &[("shared/base.html", "{{ shop.nmae }}{{ unsubscribe_url }}"), html("{% extends \"shared/base.html\" %}")],
        &["unknown-variable shared/base.html:1:9"],
    );
    check(&[("shop/templates/bye.html", "<p>{{ unsubscribe_url }}</p>")], &["no-subject shop/templates/bye.html:1:1"]);
    check(
        &[("shop/templates/hello.html", "{% include \"shop/templates/hello.html\" %}{{ unsubscribe_url }}")],
        &["template-circle shop/templates/hello.html:1:1"],
    );
}

#[test]
fn a_transactional_letter_needs_no_way_out() {
    check(
        &[
            ("shop/templates/hello.txt", "Subject: Hi\n\nYour order\n"),
            ("shop/hello.yaml", &format!("{HEAD}purpose: transactional\nsteps: [{{send: hello}}]\n")),
        ],
        &[],
    );
}

#[test]
fn own_attributes() {
    let rule = format!("{HEAD}steps: [{{set: {{pet: cat, meals: 4, vip: true}}}}, {{send: hello}}]\n");
    let declared = "pet: {type: text}\nmeals: {type: number}\n";
    check(&[("attributes.yaml", declared), ("shop/hello.yaml", &rule)], &[]);
    check(
        &[("attributes.yaml", "pet: {type: txt}\nemail: {type: text}\n")],
        &["unknown-type attributes.yaml:1:13", "built-in attributes.yaml:2:1"],
    );
    let wrong = format!("{HEAD}steps: [{{set: {{meals: many}}}}, {{send: hello}}]\n");
    check(&[("attributes.yaml", declared), ("shop/hello.yaml", &wrong)], &["wrong-type shop/hello.yaml:3:23"]);
    check(&[("attributes.yaml", "# nothing yet\n")], &[]);
}

#[test]
fn one_fault_hides_no_other() {
    let loaded = with(&[
        ("shop/map.yaml", "map: shop\nstages:\n  - {id: new, entr: \"true\"}\n  bad: [\n"),
        (
            "shop/hello.yaml",
            "rule: hello\nstage: anything\nonn: {}\nsteps:\n  - wait: 0s\n  - sned: x\n  - send: helo\n",
        ),
        ("shop/third.yaml", "rule: third\non: {cron: \"0 10 31 2 *\"}\nsteps: [{send: hello}]\n"),
        ("shop/templates/hello.txt", "Subject: {{ x.y }}\n\n{{ shop.nam }}{{ unsubscribe_url }}\n"),
    ]);
    assert_eq!(
        codes(&loaded.diagnostics),
        [
            "missing-key shop/hello.yaml:1:1",
            "unknown-key shop/hello.yaml:3:1",
            "impossible-wait shop/hello.yaml:5:11",
            "unknown-step shop/hello.yaml:6:5",
            "unknown-letter shop/hello.yaml:7:11",
            "yaml shop/map.yaml:4:3",
            "unknown-variable shop/templates/hello.txt:1:13",
            "unknown-variable shop/templates/hello.txt:3:9",
            "bad-cron shop/third.yaml:2:12",
        ]
    );
}

#[test]
fn a_report_reads_like_a_compilers() {
    let loaded = with(&[("shop/hello.yaml", &format!("{HEAD}steps:\n  - wait: {{at: \"25:00\"}}\n  - send: helo\n"))]);
    insta::assert_snapshot!("report", render(&loaded.diagnostics, false));
    insta::assert_json_snapshot!("report_json", loaded.diagnostics);
}

#[test]
fn the_hash_follows_every_file_and_the_shop() {
    let hash = |loaded: milepost::rulebook::Loaded| loaded.book.expect("a book").rulebook.hash;
    let base = hash(with(&[]));
    assert_eq!(base, hash(with(&[])));
    assert_ne!(base, hash(with(&[("shop/promo/ten.csv", "code\nA1\nA3\n")])));
    assert_ne!(base, hash(with(&[("shop/templates/hello.txt", "Subject: Hey\n\nHi {{ unsubscribe_url }}\n")])));
    let shop = Shop { locale: "ru".into(), ..Shop::default() };
    assert_ne!(base, hash(load_files(&sound(), shop)));
    assert_eq!(base.len(), 64);
}
