//! What real servers say, and what the table of refusals takes it for.

use std::collections::{BTreeMap, BTreeSet};

use milepost::mail::outcome::Step;
use milepost::mail::{Class, Outcome, Refusals};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    reply: Vec<Reply>,
    report: Vec<Report>,
}

#[derive(Deserialize)]
struct Reply {
    from: String,
    step: String,
    said: String,
    class: Class,
}

#[derive(Deserialize)]
struct Report {
    from: String,
    status: String,
    diagnostic: String,
    class: Class,
}

fn file() -> File {
    toml::from_str(include_str!("replies.toml")).unwrap()
}

#[test]
fn what_relays_say_is_understood() {
    let steps = [Step::Greeting, Step::Login, Step::Sender, Step::Recipient, Step::Data, Step::Content];
    let steps: BTreeMap<&str, Step> = steps.into_iter().map(|step| (step.word(), step)).collect();
    let (refusals, file) = (Refusals::shipped(), file());
    let mut wrong = Vec::new();
    for Reply { from, step, said, class } in &file.reply {
        let (code, text) = said.split_at(3);
        let (code, text) = (code.parse::<u16>().unwrap(), text.trim_start_matches(['-', ' ']));
        let outcome = refusals.outcome(steps[step.as_str()], code, text);
        if outcome.class() != Some(*class) {
            wrong.push(format!("{from}, {step}: {said}\n    taken for {:?}, and is {class:?}", outcome.class()));
        }
        // RFC 5321 §4.2.1: a 4yz is never final.
        assert!(code >= 500 || matches!(outcome, Outcome::Deferred { .. }), "{from}: {said}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(file.reply.len() >= 60, "{}", file.reply.len());
    let met: BTreeSet<Class> = file.reply.iter().map(|reply| reply.class).collect();
    assert_eq!(met, BTreeSet::from(Class::ALL), "every class has its replies");
}

#[test]
fn what_reports_of_delivery_say_is_understood_by_the_same_rows() {
    let refusals = Refusals::shipped();
    for Report { from, status, diagnostic, class } in file().report {
        assert_eq!(refusals.class_of_report(&status, &diagnostic), class, "{from}: {status} {diagnostic}");
    }
}
