//! One scenario, run: the story told to the simulator, and each expectation held against what came of it.

use std::collections::{BTreeMap, HashSet};

use chrono_tz::Tz;
use serde_json::Value;

use super::diff::{Failure, held, letters, withheld};
use super::{Expectation, Scenario, told};
use crate::journey::advance::Walked;
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::PlannedMessage;
use crate::journey::holdout::held_out;
use crate::journey::rule::Action;
use crate::journey::simulate::{Pools, Simulator, What, Witness};
use crate::journey::split::choose;
use crate::journey::time::{Span, Timestamp};
use crate::rulebook::{Book, Rendered};

/// Customers among whom that of a scenario is looked for.
const CANDIDATES: usize = 2_000;
/// The least time there is.
const MOMENT: i64 = 1;

/// Writes a letter as it would go out to a customer at a moment, or says why it cannot be written.
pub type Writer<'a> = dyn Fn(&Customer, &PlannedMessage, Timestamp) -> Result<Rendered, String> + 'a;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Expectations that were not met; none if all is well.
    pub failures: Vec<Failure>,
    /// What happened, a line each.
    pub told: Vec<String>,
    /// The steps that runs took.
    pub walked: Vec<Walked>,
}

/// A letter that went out.
pub(super) struct Sent {
    pub(super) letter: String,
    pub(super) at: Timestamp,
    pub(super) to: String,
    pub(super) text: Result<Rendered, String>,
}

/// A letter that was withheld.
pub(super) struct Withheld {
    pub(super) letter: String,
    pub(super) at: Timestamp,
    /// The reason's short code.
    pub(super) reason: String,
}

/// Runs a scenario under a rulebook.
pub fn run(book: &Book, scenario: &Scenario, writer: &Writer<'_>) -> Outcome {
    let mut codes: BTreeMap<String, Vec<String>> = book.pools.clone();
    codes.extend(scenario.pools.clone());
    let found = customer(&book.rulebook, scenario);
    let nobody = found.is_none().then(|| Failure {
        place: scenario.place.clone(),
        what: "nobody is held out like this, or takes these arms of these rules".to_owned(),
        lines: Vec::new(),
    });
    let customer = found.unwrap_or_else(|| candidate(0));
    let pools = Pools::new(codes).without_patterns(scenario.pools.keys());
    let mut world = Simulator::new(&book.rulebook, scenario.from, pools, suppressed(scenario));
    for event in &scenario.given {
        world.remember(&customer, event);
    }
    world.begin();
    let zone = book.rulebook.shop.zone;
    let mut watched = Watched {
        writer,
        map: &scenario.map,
        zone,
        sent: Vec::new(),
        withheld: Vec::new(),
        held: BTreeMap::new(),
        told: Vec::new(),
        walked: Vec::new(),
    };
    let mut failures: Vec<Failure> = nobody.into_iter().collect();
    let mut events = scenario.events.iter().peekable();
    let (mut sent, mut withheld_so_far) = (0, 0);
    for expectation in &scenario.expect {
        let until =
            if expectation.nothing_before { expectation.at.before(Span::from_micros(MOMENT)) } else { expectation.at };
        while let Some(event) = events.next_if(|event| event.received_at <= until) {
            world.hear(&customer, event, &mut watched);
        }
        world.run_until(until, &mut watched);
        let since = Since {
            sent: &watched.sent[sent..],
            withheld: &watched.withheld[withheld_so_far..],
            held: watched.held.values().collect(),
        };
        check(expectation, world.customer(&customer), &since, zone, &mut failures);
        (sent, withheld_so_far) = (watched.sent.len(), watched.withheld.len());
    }
    for event in events {
        world.hear(&customer, event, &mut watched);
    }
    world.run_until(world.now(), &mut watched);
    for (letter, place) in &scenario.never {
        for sent in watched.sent.iter().filter(|sent| sent.letter == *letter) {
            let what = format!("the letter {letter} must never go out");
            failures.push(Failure::new(place, what).happened(sent.in_words(zone)));
        }
    }
    for sent in &watched.sent {
        if let Err(reason) = &sent.text {
            let what = format!("the letter {} cannot be written", sent.letter);
            failures.push(Failure::new(&scenario.place, what).happened(reason.clone()));
        }
    }
    Outcome { failures, told: watched.told, walked: watched.walked }
}

/// What went out and what was withheld since the expectation before, and what waits.
struct Since<'a> {
    sent: &'a [Sent],
    withheld: &'a [Withheld],
    held: Vec<&'a PlannedMessage>,
}

fn check(
    expectation: &Expectation,
    customer: Option<&Customer>,
    since: &Since<'_>,
    zone: Tz,
    failures: &mut Vec<Failure>,
) {
    if expectation.nothing_before && !since.sent.is_empty() {
        let what = format!("nothing must go out before {}", expectation.at.in_words(zone));
        let failure = Failure::new(&expectation.place, what);
        failures.push(since.sent.iter().fold(failure, |failure, sent| failure.happened(sent.in_words(zone))));
    }
    for (map, stage, place) in &expectation.stages {
        let here = customer.and_then(|customer| customer.stages.get(map)).map(|standing| &standing.stage);
        if here != stage.as_ref() {
            let name = |stage: Option<&String>| stage.map_or_else(|| format!("outside {map}"), Clone::clone);
            let what = format!("the stage on the map {map}, {}", expectation.at.in_words(zone));
            failures.push(Failure::new(place, what).expected(name(stage.as_ref())).happened(name(here)));
        }
    }
    if let Some((expected, place)) = &expectation.letters {
        letters(expected, since.sent, place, zone, failures);
    }
    if let Some((expected, place)) = &expectation.withheld {
        failures.extend(withheld(expected, since.withheld, place));
    }
    if let Some((expected, place)) = &expectation.held {
        failures.extend(held(expected, &since.held, place, zone));
    }
    for (name, expected, place) in &expectation.attributes {
        let is = customer.and_then(|customer| customer.attribute(name)).unwrap_or(&Value::Null);
        if !same(expected, is) {
            let what = format!("customer.{name}, {}", expectation.at.in_words(zone));
            failures.push(Failure::new(place, what).expected(expected.to_string()).happened(is.to_string()));
        }
    }
}

/// Whether two values are the same; `1` and `1.0` are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// The id of a scenario's customer, on which it hangs whether they are held out and which arms of splits they take: of those
/// who would get a letter unless the scenario says otherwise. `None` if there is nobody of the kind.
fn customer(book: &Rulebook, scenario: &Scenario) -> Option<String> {
    let takes = |id: &str, rule: &str, arm: &str| {
        book.rules.get(rule).is_some_and(|rule| {
            rule.steps.iter().any(|step| match &step.action {
                Action::Split { arms, .. } => {
                    choose(arms, id, &rule.id, &step.id).is_some_and(|taken| taken.name == arm)
                }
                _ => false,
            })
        })
    };
    let fits = |id: &String| {
        let mut rules = book.rules.values().filter(|rule| rule.map == scenario.map);
        rules.any(|rule| held_out(book, rule, id).is_some()) == scenario.held_out
            && scenario.takes.iter().all(|(rule, arm)| takes(id, rule, arm))
    };
    (0..CANDIDATES).map(candidate).find(fits)
}

fn candidate(number: usize) -> String {
    format!("scenario-{number}")
}

/// The customer's addresses, if they are suppressed.
fn suppressed(scenario: &Scenario) -> HashSet<String> {
    let said = scenario.given.iter().chain(&scenario.events).filter(|_| scenario.suppressed);
    said.filter_map(|event| event.profile.as_ref()?.attributes.get("email")?.as_str().map(str::to_owned)).collect()
}

/// Keeps what expectations ask for.
struct Watched<'a> {
    writer: &'a Writer<'a>,
    /// The map of the scenario: letters of others are named with theirs.
    map: &'a str,
    zone: Tz,
    sent: Vec<Sent>,
    withheld: Vec<Withheld>,
    /// Letters that wait, by id.
    held: BTreeMap<String, PlannedMessage>,
    told: Vec<String>,
    walked: Vec<Walked>,
}

impl Watched<'_> {
    /// A letter by the name by which the scenario knows it: one of another map as `map/letter`.
    fn named(&self, message: PlannedMessage) -> PlannedMessage {
        if message.map == self.map {
            return message;
        }
        PlannedMessage { letter: format!("{}/{}", message.map, message.letter), ..message }
    }
}

impl Witness for Watched<'_> {
    fn sees(&mut self, at: Timestamp, customer: &Customer, what: What) {
        let what = match what {
            What::Withheld { message, reason } => What::Withheld { message: self.named(message), reason },
            What::Held(message) => What::Held(self.named(message)),
            other => other,
        };
        let mut line = told::line(&what, self.zone);
        match what {
            What::Walked(step) => self.walked.push(step),
            What::Sent(message) => {
                self.held.remove(&message.id);
                let text = (self.writer)(customer, &message, at);
                let to = customer.email().unwrap_or_default().to_owned();
                let sent = Sent { letter: self.named(message).letter, at, to, text };
                line = Some(format!("the letter {} goes out{}", sent.letter, sent.subject_in_words()));
                self.sent.push(sent);
            }
            What::Withheld { message, reason } => {
                self.held.remove(&message.id);
                self.withheld.push(Withheld { letter: message.letter, at, reason: reason.code().to_owned() });
            }
            What::Held(message) => {
                self.held.insert(message.id.clone(), message);
            }
            What::Effect(_) => {}
        }
        self.told.extend(line.map(|line| format!("{}  {line}", at.in_words(self.zone))));
    }
}

impl Sent {
    pub(super) fn in_words(&self, zone: Tz) -> String {
        format!("{} at {}{}", self.letter, self.at.in_words(zone), self.subject_in_words())
    }

    fn subject_in_words(&self) -> String {
        self.text.as_ref().map(|text| format!(": \"{}\"", text.subject)).unwrap_or_default()
    }
}
