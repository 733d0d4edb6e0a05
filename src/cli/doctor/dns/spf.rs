//! SPF: whether receivers may believe a letter's address by where it comes from (RFC 7208).

mod tree;

use super::Exit;
use super::ask::{Dns, unanswered};
use crate::cli::doctor::finding::Finding;
use tree::{Match, Reading, Tree};

/// Receivers ask so often and then give up with an error (RFC 7208 §4.6.4).
const MOST_LOOKUPS: usize = 10;
/// So many names may lead nowhere (§4.6.4).
const MOST_VOIDS: usize = 2;

/// Reads a domain's record with all that it includes, and looks whether it names the addresses that letters leave from.
pub async fn look(dns: &Dns, domain: &str, exits: &[Exit]) -> Vec<Finding> {
    let subject = format!("{domain}, SPF");
    let mut reading = Reading::new(dns);
    let tree = match reading.record(domain).await {
        Ok(tree) => tree,
        Err(error) => return vec![unanswered(subject, &error)],
    };
    let Some(tree) = tree else {
        return vec![match reading.faults.pop() {
            Some(fault) => {
                Finding::wrong("dns", subject, fault, "receivers treat the domain as if its SPF were broken")
            }
            None => Finding::wrong(
                "dns",
                subject,
                "there is no SPF record",
                "publish a TXT record `v=spf1 … -all` that names your relay; large mailbox providers refuse bulk mail without one",
            ),
        }];
    };
    let mut findings = vec![sound(&subject, &tree, &reading)];
    for exit in exits {
        findings.extend(named(&subject, &tree, exit));
    }
    findings
}

/// Whether the record is one that receivers can follow to its end.
fn sound(subject: &str, tree: &Tree, reading: &Reading<'_>) -> Finding {
    let wrong = |note: String, help: &str| Finding::wrong("dns", subject, note, help);
    if let Some(fault) = reading.faults.first() {
        return wrong(fault.clone(), "receivers stop at a fault and treat SPF as broken; put the record right");
    }
    if reading.lookups > MOST_LOOKUPS {
        let note = format!("takes {} lookups, and receivers stop after {MOST_LOOKUPS}", reading.lookups);
        return wrong(note, "take out what you don't send through, or write addresses (`ip4:`) instead of names");
    }
    if reading.voids.len() > MOST_VOIDS {
        let note = format!("names that lead nowhere: {}", reading.voids.join(", "));
        return wrong(note, "take them out: receivers stop after two");
    }
    let note = format!("{} ({} of {MOST_LOOKUPS} lookups)", tree.text(), reading.lookups);
    match tree.rest() {
        Some(Match::Pass) => {
            wrong(format!("lets everybody send: {}", tree.text()), "end the record by `-all` or `~all`")
        }
        None | Some(Match::Neutral) => {
            Finding::doubt("dns", subject, note, "end the record by `-all` or `~all`; as it is, it forbids nobody")
        }
        Some(_) if !reading.voids.is_empty() => {
            let note = format!("names that lead nowhere: {}", reading.voids.join(", "));
            Finding::doubt("dns", subject, note, "take them out: receivers stop after two")
        }
        Some(_) => Finding::fine("dns", subject, note),
    }
}

/// Whether the record names each of the addresses; what it says of the public ones only.
fn named(subject: &str, tree: &Tree, exit: &Exit) -> Vec<Finding> {
    let verdict = |address: &std::net::IpAddr| {
        let subject = format!("{subject}, {} ({address})", exit.name);
        match tree.check(*address) {
            Some(Match::Pass) => Finding::fine("dns", subject, "may send"),
            found if exit.certain => {
                let note = format!("may not send: {}", told(found));
                Finding::wrong("dns", subject, note, "name the address in the record, such as `ip4:…`")
            }
            found => {
                let note = format!("the record does not name the relay's own address: {}", told(found));
                let help =
                    "name it (`ip4:…`) if the relay sends from it; of a service, `include:` what its manual says";
                Finding::doubt("dns", subject, note, help)
            }
        }
    };
    exit.addresses.iter().map(verdict).collect()
}

fn told(found: Option<Match>) -> &'static str {
    match found {
        Some(Match::Pass) => "pass",
        Some(Match::Fail) => "fail",
        Some(Match::SoftFail) => "softfail",
        Some(Match::Neutral) => "neutral",
        None => "nothing said",
    }
}
