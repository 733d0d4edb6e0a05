//! A pet shop's map with rules and figures, as pages are drawn from.

use std::collections::BTreeMap;

use milepost::insight::metrics;
use milepost::insight::stay::stay_bucket;
use milepost::journey::attention::Attention;
use milepost::journey::book::Rulebook;
use milepost::journey::condition::Condition;
use milepost::journey::facts::Scope;
use milepost::journey::map::{CompanySide, CustomerSide, JourneyMap, Persona, Stage, Targets};
use milepost::journey::rule::{Action, Goal, GoalValue, OnChange, Reenter, Rule, Step, Trigger, WhenUncertain};
use milepost::journey::segment::Segment;
use milepost::journey::time::Span;
use milepost::store::Count;

/// The id of the sample map.
pub const MAP: &str = "pet-shop";

/// The rulebook with its one map.
pub fn rulebook() -> Rulebook {
    let map = JourneyMap {
        id: MAP.into(),
        title: "Automatic feeders for office cats".into(),
        purpose: Some("Bring first-time buyers back for a second purchase, and find where they hesitate.".into()),
        persona: Some(Persona {
            name: "Office cat owner".into(),
            description: Some(
                "At work from nine to six; the cat wants four meals a day. Buys on the phone, in the evening.".into(),
            ),
            motives: texts(&["a calm conscience", "a healthy cat", "free weekends"]),
            channels: texts(&["search", "blog", "e-mail", "marketplace"]),
        }),
        segment: Some(condition("customer.site == 'pets'")),
        review_every: Some(Span::days(90)),
        sender: None,
        track: None,
        attention: Attention::default(),
        stages: stages(),
    };
    let rules = [
        rule("welcome", Some("awareness"), "enter", "Three letters about feeding on time.", "marketing", 3),
        rule("feeder-guide", Some("search"), "enter", "How to choose: volume, portions, power.", "marketing", 1),
        rule(
            "abandoned-cart",
            Some("purchase"),
            "cart.updated",
            "A reminder after an hour, an offer the next morning.",
            "marketing",
            3,
        ),
        rule("order-thanks", Some("purchase"), "order.created", "Thanks, and what happens next.", "transactional", 1),
        rule(
            "second-purchase",
            Some("experience"),
            "order.completed",
            "Food and filters a month after delivery.",
            "marketing",
            2,
        ),
        rule(
            "tuesday-promo",
            None,
            "promo.tuesday",
            "A promo code for those who read but never bought.",
            "marketing",
            1,
        ),
    ];
    Rulebook {
        hash: "5f1c".repeat(16),
        maps: BTreeMap::from([(MAP.to_owned(), map)]),
        rules: rules.into_iter().map(|rule| (rule.id.clone(), rule)).collect(),
        segments: [
            segment("loyal", "orders.count >= 3", None),
            segment("silent", "older_than(orders.last_at, '180d')", Some("Bought, and not for half a year.")),
        ]
        .into(),
        ..Rulebook::default()
    }
}

/// The same beside a second map with letters of its own.
pub fn two_maps() -> Rulebook {
    let mut book = rulebook();
    let second = JourneyMap { id: "grooming".into(), title: "Grooming at home".into(), ..book.maps[MAP].clone() };
    let mut brushes = rule("brushes", None, "brush.wanted", "How to brush.", "marketing", 1);
    brushes.map.clone_from(&second.id);
    book.maps.insert(second.id.clone(), second);
    book.rules.insert(brushes.id.clone(), brushes);
    book
}

/// A map of nine stages with nothing but titles: no persona, no rules, no targets, and markup in its texts.
pub fn bare() -> Rulebook {
    let mut book = rulebook();
    let map = book.maps.get_mut(MAP).expect("the sample map");
    let mut stages: Vec<Stage> = (1..=9).map(|n| stage(&format!("s{n}"), &format!("Stage {n}"))).collect();
    stages[0].touchpoints = texts(&["Fish & <b>chips</b>"]);
    *map = JourneyMap {
        title: "<script>alert(1)</script>".into(),
        purpose: None,
        persona: None,
        segment: None,
        review_every: None,
        stages,
        ..map.clone()
    };
    book.rules.clear();
    book.segments.clear();
    book
}

/// What was counted on the map so far.
pub fn counts() -> Vec<Count> {
    let mut counts = Vec::new();
    let mut stage = |id: &str, here, entered, moved: &[(&str, i64)], stay: Span| {
        let mut add =
            |figure: &str, detail: &str, by| counts.push(count(metrics::stage_subject(id), figure, detail, by));
        add(metrics::HERE, "", here);
        add(metrics::ENTERED, "", entered);
        for (to, n) in moved {
            add(metrics::LEFT, to, *n);
        }
        add(metrics::STAY, &stay_bucket(stay).to_string(), entered - here);
    };
    stage("awareness", 3_214, 12_480, &[("search", 7_966), ("alternatives", 1_100), ("", 200)], Span::days(4));
    stage(
        "search",
        1_480,
        7_966,
        &[("alternatives", 4_870), ("purchase", 1_212), ("awareness", 404)],
        Span::seconds(97_200),
    );
    stage("alternatives", 2_021, 5_970, &[("purchase", 2_049), ("search", 1_900)], Span::days(6));
    stage("purchase", 412, 3_261, &[("experience", 2_849)], Span::seconds(12_600));
    stage("experience", 2_691, 2_849, &[("purchase", 158)], Span::days(41));
    let mut rule = |id: &str, enrolled, sent, withheld: &[(&str, i64)], converted, cents| {
        let mut add =
            |figure: &str, detail: &str, by| counts.push(count(metrics::rule_subject(id), figure, detail, by));
        add(metrics::ENROLLED, "", enrolled);
        add(metrics::PLANNED, "", sent + withheld.iter().map(|(_, n)| n).sum::<i64>());
        add(metrics::SENT, "", sent);
        for (reason, n) in withheld {
            add(metrics::WITHHELD, reason, *n);
        }
        add(metrics::CONVERTED, "", converted);
        if cents > 0 {
            add(metrics::VALUE, "EUR", cents);
        }
    };
    rule("welcome", 9_871, 24_120, &[("no_consent", 2_310), ("exited", 402), ("suppressed", 61)], 1_873, 0);
    rule("feeder-guide", 5_120, 4_988, &[("no_consent", 132)], 611, 0);
    rule("abandoned-cart", 1_944, 2_706, &[("goal_reached", 871), ("consent_refused", 40)], 538, 4_788_200);
    rule("order-thanks", 3_007, 3_001, &[("no_address", 6)], 0, 0);
    rule("second-purchase", 1_490, 2_214, &[("consent_refused", 97)], 158, 940_500);
    rule("tuesday-promo", 2_000, 1_712, &[("no_consent", 288)], 74, 212_800);
    counts.push(count(metrics::rule_subject("abandoned-cart"), metrics::REFUSED, "", 9));
    counts.push(count(metrics::rule_subject("abandoned-cart"), metrics::UNCERTAIN, "", 2));
    let mut errands = |figure: &str, kind: &str, by| {
        counts.push(count(metrics::rule_subject("order-thanks"), figure, kind, by));
    };
    errands(metrics::ERRANDS, "webhook", 3_001);
    errands(metrics::ERRANDS_DONE, "webhook", 2_987);
    errands(metrics::ERRANDS_FAILED, "webhook", 3);
    errands(metrics::ERRANDS_WITHHELD, "webhook", 40);
    errands(metrics::ERRANDS, "crm", 412);
    errands(metrics::ERRANDS_DONE, "crm", 412);
    for (name, here, joined) in [("loyal", 618, 640), ("silent", 1_022, 1_377)] {
        counts.push(count(metrics::segment_subject(name), metrics::HERE, "", here));
        counts.push(count(metrics::segment_subject(name), metrics::ENTERED, "", joined));
        counts.push(count(metrics::segment_subject(name), metrics::LEFT, "", joined - here));
    }
    counts
}

fn segment(name: &str, text: &str, description: Option<&str>) -> (String, Segment) {
    let segment = Segment {
        map: MAP.into(),
        name: name.into(),
        condition: condition(text),
        description: description.map(str::to_owned),
    };
    (format!("{MAP}/{name}"), segment)
}

fn stages() -> Vec<Stage> {
    vec![
        Stage {
            customer: side(
                &["feed the cat while at work"],
                &["complains to colleagues", "reads about feeding"],
                &["Can a cat wait nine hours?"],
                -1,
            ),
            company: company(&["be found by the need"], &["articles on feeding", "welcome letters"], "Marketing"),
            touchpoints: texts(&["blog", "search", "social"]),
            barriers: texts(&["does not know that feeders exist"]),
            targets: Targets { conversion: Some(0.6), dwell: Some(Span::days(7)) },
            ..stage("awareness", "Awareness of need")
        },
        Stage {
            customer: side(
                &["understand what a feeder does"],
                &["watches videos", "asks in the chat", "saves pages"],
                &["Will it jam?", "What if the power goes?"],
                0,
            ),
            company: company(&["show the product at its best"], &["guide by e-mail", "video reviews"], "Content"),
            touchpoints: texts(&["site", "YouTube", "chat"]),
            barriers: texts(&["too many models", "specifications in jargon"]),
            targets: Targets { conversion: Some(0.7), dwell: Some(Span::days(3)) },
            ..stage("search", "Search for information")
        },
        Stage {
            customer: side(
                &["not to choose wrongly"],
                &["reads reviews", "compares prices on marketplaces"],
                &["Will it over-feed my cat?", "Who repairs it?"],
                -2,
            ),
            company: company(
                &["answer every objection"],
                &["honest comparison table", "answers to reviews"],
                "Product",
            ),
            touchpoints: texts(&["reviews", "marketplace", "e-mail"]),
            barriers: texts(&["bad reviews of cheap copies", "delivery price shows late"]),
            targets: Targets { conversion: Some(0.45), dwell: Some(Span::days(5)) },
            ..stage("alternatives", "Search for alternatives")
        },
        Stage {
            customer: side(
                &["pay and have it by Friday"],
                &["fills the cart", "pays by card"],
                &["When will it arrive?"],
                1,
            ),
            company: company(&["remove every obstacle"], &["cart reminder", "one-page checkout"], "Sales"),
            touchpoints: texts(&["cart", "checkout", "courier"]),
            barriers: texts(&["must register to order"]),
            targets: Targets { conversion: Some(0.8), dwell: Some(Span::days(1)) },
            ..stage("purchase", "Purchase")
        },
        Stage {
            customer: side(
                &["a fed cat, no worries"],
                &["sets it up", "shows it to friends", "buys food and filters"],
                &["How do I clean it?"],
                2,
            ),
            company: company(&["second purchase within 60 days"], &["care letters", "ask for a review"], "CRM"),
            touchpoints: texts(&["e-mail", "support", "unboxing"]),
            barriers: texts(&["manual only on paper"]),
            ..stage("experience", "Formation of experience")
        },
    ]
}

fn stage(id: &str, title: &str) -> Stage {
    Stage {
        id: id.into(),
        title: title.into(),
        enter: condition("true"),
        moves: None,
        customer: CustomerSide::default(),
        company: CompanySide::default(),
        touchpoints: Vec::new(),
        barriers: Vec::new(),
        targets: Targets::default(),
    }
}

fn side(goals: &[&str], actions: &[&str], questions: &[&str], emotion: i8) -> CustomerSide {
    CustomerSide { goals: texts(goals), actions: texts(actions), questions: texts(questions), emotion }
}

fn company(goals: &[&str], actions: &[&str], owner: &str) -> CompanySide {
    CompanySide { goals: texts(goals), actions: texts(actions), owner: Some(owner.into()) }
}

fn rule(id: &str, stage: Option<&str>, trigger: &str, description: &str, purpose: &str, letters: usize) -> Rule {
    let stage = stage.map(str::to_owned);
    let trigger = match (trigger, &stage) {
        ("enter", Some(stage)) => Trigger::Enter { stage: stage.clone() },
        (kind, _) => Trigger::Event { kind: kind.into() },
    };
    let send = |n| Step {
        id: format!("send-{n}"),
        made: None,
        action: Action::Send { letter: format!("{id}-{n}"), still: None },
    };
    let goal =
        Goal { event: "order.created".into(), when: None, within: Span::days(3), value: Some(GoalValue::OrderTotal) };
    Rule {
        id: id.into(),
        map: MAP.into(),
        stage,
        description: Some(description.into()),
        owner: None,
        tags: Vec::new(),
        trigger,
        when: None,
        exit_on: Vec::new(),
        exit_when: Vec::new(),
        goal: (purpose == "marketing").then_some(goal),
        reenter: Reenter::Never,
        max_life: None,
        purpose: purpose.into(),
        priority: None,
        group: None,
        sender: None,
        track: None,
        attention: Attention::default(),
        max_age: Span::days(1),
        capture: Vec::new(),
        still: None,
        when_uncertain: WhenUncertain::Keep,
        on_change: OnChange::Exit,
        steps: (1..=letters).map(send).collect(),
    }
}

fn condition(text: &str) -> Condition {
    Condition::compile(text, &Scope::default()).expect("a valid condition")
}

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn count(subject: String, figure: &str, detail: &str, by: i64) -> Count {
    Count { map: MAP.into(), subject, figure: figure.into(), detail: detail.into(), by }
}
