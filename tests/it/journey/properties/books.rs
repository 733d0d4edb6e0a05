//! Random rulebooks: a map of three stages, and rules with most of the keys of the language. Every one of them loads.

use milepost::journey::book::Shop;
use milepost::rulebook::{Book, Files, load_files, render};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::MAP;

/// Letters that rules may send.
const LETTERS: [&str; 4] = ["one", "two", "three", "four"];
const STAGES: [&str; 3] = ["known", "cart", "buyer"];
const EVENTS: [&str; 5] = ["customer.created", "cart.updated", "cart.cleared", "order.created", "wish.added"];

/// A cap of the shop, if there is one: so many letters in so many hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    pub most: usize,
    pub hours: i64,
}

/// The files of a rulebook, with what its limits promise.
#[derive(Clone, Debug)]
pub struct Written {
    pub files: Files,
    /// The shop's cap on marketing letters.
    pub cap: Option<Cap>,
    /// No marketing letter between these hours of the day, in UTC.
    pub quiet: bool,
}

/// From here to there nothing comes, where a rulebook has quiet hours.
pub const QUIET: std::ops::Range<u32> = 1..6;

impl Written {
    /// The book; every rulebook that is made here is sound.
    pub fn book(&self) -> Book {
        let loaded = load_files(&self.files, Shop::default());
        loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)))
    }
}

/// Any rulebook.
pub fn written() -> impl Strategy<Value = Written> {
    let limits = (prop::option::of((1_usize..4, prop::sample::select(vec![6_i64, 24, 72]))), any::<bool>(), at_limit());
    (prop::collection::vec(rule(), 1..5), limits).prop_map(|(rules, (cap, quiet, at_limit))| {
        let cap = cap.map(|(most, hours)| Cap { most, hours });
        let mut files = Files::from([("shop/map.yaml".to_owned(), MAP.as_bytes().to_vec())]);
        for letter in LETTERS {
            let text = format!("Subject: {letter}\n\nHello.\n{{{{ unsubscribe_url }}}}\n");
            files.insert(format!("shop/templates/{letter}.txt"), text.into());
        }
        let shows = "Subject: coded\n\n{{ promo.code }}\n{{ unsubscribe_url }}\n";
        files.insert("shop/templates/coded.txt".into(), shows.into());
        let codes: Vec<String> = (0..500).map(|n| format!("CODE-{n}")).collect();
        files.insert("shop/promo/codes.csv".into(), format!("code\n{}\n", codes.join("\n")).into());
        for (n, mut rule) in rules.into_iter().enumerate() {
            rule["rule"] = json!(format!("rule{n}"));
            files.insert(format!("shop/rule{n}.yaml"), rule.to_string().into());
        }
        let mut limits = serde_json::Map::new();
        if let Some(cap) = cap {
            limits.insert("caps".into(), json!([format!("{} per {}h", cap.most, cap.hours)]));
        }
        if quiet {
            let (from, to) = (QUIET.start, QUIET.end);
            limits.insert("quiet".into(), json!({"from": format!("{from:02}:00"), "to": format!("{to:02}:00")}));
        }
        if !limits.is_empty() {
            limits.insert("at_limit".into(), at_limit);
            files.insert("limits.yaml".into(), json!({"limits": limits}).to_string().into());
        }
        Written { files, cap, quiet }
    })
}

fn at_limit() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!("withhold")), Just(json!({"wait": "3d"})), Just(json!({"wait": "12h"}))]
}

fn rule() -> impl Strategy<Value = Value> {
    let stage = prop::option::weighted(0.2, prop::sample::select(STAGES.to_vec()));
    let starts = (trigger(), stage, prop::option::weighted(0.25, condition()));
    let ends = (
        prop::sample::subsequence(EVENTS.to_vec(), 0..2),
        prop::option::weighted(0.15, condition()),
        any::<bool>(),
        prop_oneof![Just(json!("never")), Just(json!("always")), Just(json!({"after": "2d"}))],
    );
    let wins = (any::<bool>(), 0_i64..3, prop::option::weighted(0.3, prop::sample::select(vec!["a", "b"])));
    (starts, ends, wins, steps(2)).prop_map(|((on, stage, when), ends, (marketing, priority, group), steps)| {
        let (exit_on, exit_when, goal, reenter) = ends;
        // Whoever comes to one stage is not at another: such a rule would never run.
        let moves = ["enter", "leave", "stay"].iter().any(|key| on.get(key).is_some());
        let bound = stage.filter(|_| !moves);
        let mut rule = json!({"on": on, "reenter": reenter, "priority": priority, "steps": steps, "exit_on": exit_on,
            "purpose": if marketing { "marketing" } else { "transactional" }});
        let mut put = |key: &str, value: Option<Value>| {
            if let (Some(value), Value::Object(fields)) = (value, &mut rule) {
                fields.insert(key.into(), value);
            }
        };
        put("stage", bound.map(Value::from));
        put("when", when.map(Value::from));
        put("exit_when", exit_when.map(Value::from));
        put("group", group.map(Value::from));
        put("goal", goal.then(|| json!({"event": "order.created", "within": "3d", "value": "order.total"})));
        rule
    })
}

fn trigger() -> impl Strategy<Value = Value> {
    let stage = || prop::sample::select(STAGES.to_vec());
    prop_oneof![
        4 => prop::sample::select(EVENTS.to_vec()).prop_map(|event| json!({"event": event})),
        1 => stage().prop_map(|stage| json!({"enter": stage})),
        1 => stage().prop_map(|stage| json!({"leave": stage})),
        1 => (stage(), 1_u32..60).prop_map(|(stage, hours)| json!({"stay": stage, "for": format!("{hours}h")})),
        1 => condition().prop_map(|condition| json!({"becomes": condition})),
        1 => Just(json!({"cron": "0 10 * * *", "segment": "orders.count > 0"})),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "cart.total >= 50",
        "cart.items.size() > 0",
        "orders.count > 0",
        "orders.count < 3",
        "older_than(orders.last_at, '2d')",
        "within(cart.updated_at, '5h')",
        "customer.vip == true",
        "stage.shop == 'cart'",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

/// Steps whose branches nest so deep. An `exit` stands only where nothing comes after it.
fn steps(depth: u32) -> BoxedStrategy<Vec<Value>> {
    let one = prop_oneof![
        4 => prop::sample::select(LETTERS.to_vec()).prop_map(|letter| json!({"send": letter})),
        2 => (1_u32..50).prop_map(|hours| json!({"wait": format!("{hours}h")})),
        1 => Just(json!({"wait": {"for": "1h", "at": "10:00", "tz": "customer"}})),
        1 => Just(json!({"wait": {"weekday": "tue", "at": "09:30"}})),
        1 => any::<bool>().prop_map(|vip| json!({"set": {"vip": vip}})),
    ];
    // A letter that shows a code stands behind the step that takes it.
    let plain = prop_oneof![
        9 => one.prop_map(|step| vec![step]),
        1 => Just(vec![json!({"promo": "codes"}), json!({"send": "coded"})]),
    ];
    if depth == 0 {
        return prop::collection::vec(plain, 1..4).prop_map(|steps| steps.concat()).boxed();
    }
    let arm = (condition(), steps(depth - 1), any::<bool>()).prop_map(|(condition, mut steps, exit)| {
        if exit {
            steps.push(json!("exit"));
        }
        json!({"if": condition, "then": steps})
    });
    let branch = (prop::collection::vec(arm, 1..3), prop::option::of(steps(depth - 1))).prop_map(|(mut arms, last)| {
        arms.extend(last.map(|steps| json!({"else": steps})));
        vec![json!({"branch": arms})]
    });
    prop::collection::vec(prop_oneof![5 => plain, 1 => branch], 1..5).prop_map(|steps| steps.concat()).boxed()
}
