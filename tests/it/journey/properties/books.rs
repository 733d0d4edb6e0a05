//! Random rulebooks: a map of three stages, and rules with most of the keys of the language. Every one of them loads.

use std::collections::{BTreeMap, BTreeSet};

use milepost::journey::book::Shop;
use milepost::rulebook::{Book, Files, load_files, render};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::MAP;

const SEGMENTS: &str = "
fond: customer.vip == true || orders.count > 1
silent: \"older_than(orders.last_at, '2d')\"
";
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

/// The files of a rulebook, with what its limits and rules promise.
#[derive(Clone, Debug)]
pub struct Written {
    pub files: Files,
    /// Rules whose runs are told apart by a key, so that several go side by side.
    pub keyed: BTreeSet<String>,
    /// The group of each rule that has one.
    pub groups: BTreeMap<String, String>,
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
        let shop =
            Shop { webhooks: ["sink".to_owned()].into(), connections: ["crm".to_owned()].into(), ..Shop::default() };
        let loaded = load_files(&self.files, shop);
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
        files.insert("shop/segments.yaml".into(), SEGMENTS.into());
        let (mut keyed, mut groups) = (BTreeSet::new(), BTreeMap::new());
        let all = rules.len();
        for (n, mut rule) in rules.into_iter().enumerate() {
            let id = format!("rule{n}");
            rule["rule"] = json!(id);
            name_others(&mut rule["steps"], n, all);
            if rule["reenter"].get("key").is_some() {
                keyed.insert(id.clone());
            }
            groups.extend(rule["group"].as_str().map(|group| (id.clone(), group.to_owned())));
            files.insert(format!("shop/{id}.yaml"), rule.to_string().into());
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
        Written { files, keyed, groups, cap, quiet }
    })
}

/// Puts the names of other rules where steps ask for one by its number; a rule that would ask for itself notes that.
fn name_others(steps: &mut Value, own: usize, all: usize) {
    match steps {
        Value::Array(list) => list.iter_mut().for_each(|step| name_others(step, own, all)),
        Value::Object(fields) => {
            for key in ["enroll", "leave"] {
                let Some(number) = fields.get(key).and_then(Value::as_u64) else { continue };
                let other = usize::try_from(number).expect("small") % all;
                fields.remove(key);
                if other == own {
                    fields.insert("note".into(), json!("alone"));
                } else {
                    fields.insert(key.into(), json!(format!("rule{other}")));
                }
            }
            fields.values_mut().for_each(|value| name_others(value, own, all));
        }
        _ => {}
    }
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
        prop_oneof![
            2 => Just(json!("never")),
            4 => Just(json!("always")),
            2 => Just(json!({"after": "2d"})),
            1 => Just(json!({"key": "event.order.id"})),
        ],
        prop::option::weighted(0.2, 10_u32..80),
    );
    let wins = (
        any::<bool>(),
        0_i64..3,
        prop::option::weighted(0.5, prop::sample::select(vec!["a", "b"])),
        prop::option::weighted(0.15, prop::sample::select(vec!["20%", "60%"])),
    );
    let letters = (prop::option::weighted(0.2, condition()), prop::bool::weighted(0.2));
    let parts = (starts, ends, wins, letters, steps(2));
    parts.prop_map(|((on, stage, when), ends, (marketing, priority, group, holdout), (still, capture), steps)| {
        let (exit_on, exit_when, goal, mut reenter, life) = ends;
        // What time starts has no event by which runs could be told apart.
        if ["stay", "date", "cron"].iter().any(|key| on.get(key).is_some()) && reenter.get("key").is_some() {
            reenter = json!("always");
        }
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
        put("holdout", holdout.map(Value::from));
        put("still", still.map(Value::from));
        put("capture", capture.then(|| json!(["cart", "orders"])));
        put("max_life", life.map(|hours| json!(format!("{hours}h"))));
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
        1 => (any::<bool>(), segment()).prop_map(|(join, name)| json!({if join { "join" } else { "quit" }: name})),
        1 => Just(json!({"date": "customer.birthday + 1d", "yearly": true, "at": "09:30"})),
        1 => Just(json!({"date": "orders.last_at + 2d", "at": "14:00", "tz": "shop"})),
        1 => Just(json!({"call": true})),
    ]
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["fond", "silent"])
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
        "segment.fond",
        "segment.silent",
        "'split' in customer.tags",
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
        1 => Just(json!({"wait": {"cron": "15 */7 * * *"}})),
        1 => any::<bool>().prop_map(|vip| json!({"set": {"vip": vip}})),
        1 => any::<bool>().prop_map(|add| json!({"set": {"tags": {if add { "add" } else { "remove" }: ["split"]}}})),
        1 => (any::<bool>(), 0_u32..4).prop_map(|(enroll, n)| json!({if enroll { "enroll" } else { "leave" }: n})),
        1 => Just(json!({"webhook": {"to": "sink", "data": {"orders": "orders.count"}}})),
        1 => Just(json!({"crm": {"tags": {"add": ["met"]}}})),
        1 => Just(json!({"note": "passed"})),
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
    let awaited = prop_oneof![
        prop::sample::select(vec!["wish.added", "order.created", "cart.updated"])
            .prop_map(|kind| json!({"event": kind})),
        condition().prop_map(|condition| json!({"condition": condition})),
    ];
    let ends = (prop::option::of(steps(depth - 1)), prop::option::of(steps(depth - 1)));
    let waits = (awaited, 1_u32..50, ends).prop_map(|(mut wait, hours, (then, timeout))| {
        wait["up_to"] = json!(format!("{hours}h"));
        for (key, steps) in [("then", then), ("timeout", timeout)] {
            if let Some(steps) = steps {
                wait[key] = json!(steps);
            }
        }
        vec![json!({"wait": wait})]
    });
    let split = (steps(depth - 1), steps(depth - 1), 1_u32..100).prop_map(|(a, b, share)| {
        let arm = |name: &str, share: u32, then: Vec<Value>| json!({"share": format!("{share}%"), "name": name, "then": then});
        vec![json!({"split": [arm("a", share, a), arm("b", 100 - share, b)]})]
    });
    let any = prop_oneof![8 => plain, 1 => branch, 1 => waits, 1 => split];
    prop::collection::vec(any, 1..5).prop_map(|steps| steps.concat()).boxed()
}
