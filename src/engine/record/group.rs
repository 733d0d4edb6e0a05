//! What one transaction of the recorder comes to: the last check of each letter, and how an outcome changes its customer.

use std::collections::{BTreeSet, HashMap};

use crate::engine::strikes::AddressRefused;
use crate::insight::metrics::{self, LetterOutcome};
use crate::journey::advance::{handed_back, handed_over};
use crate::journey::attention::{self, Outcome};
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{PolicyVerdict, WithheldReason};
use crate::journey::policy;
use crate::journey::time::Timestamp;
use crate::mail;
use crate::store::{Claimed, Count, Frozen, HoldRow, MessageState, OutcomeRow};

/// What one transaction of the recorder writes.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub(super) customers: HashMap<String, Customer>,
    pub(super) changed: BTreeSet<String>,
    pub(super) frozen: Vec<&'a Frozen>,
    pub(super) withheld: Vec<(String, WithheldReason, Vec<PolicyVerdict>, Timestamp)>,
    pub(super) holds: Vec<HoldRow>,
    pub(super) outcomes: Vec<OutcomeRow>,
    pub(super) failed: Vec<(String, String, Timestamp)>,
    /// Counts, each with the message it stands for: it counts only if the record takes the change on.
    pub(super) counts: Vec<(String, Count)>,
    /// Refusals that say something of their address.
    pub(super) refused: Vec<AddressRefused>,
    pub(super) released: Vec<String>,
    /// Letters that show promo codes and came further here.
    pub(super) coded: Vec<String>,
}

/// A letter at its last check.
pub(super) struct LastCheck<'a> {
    pub(super) claimed: &'a Claimed,
    pub(super) customer: &'a str,
    pub(super) suppressed: bool,
    pub(super) now: Timestamp,
}

impl<'a> Group<'a> {
    /// Keeps counts for when the change of a message is taken on.
    pub(super) fn count(&mut self, message: &str, counts: Vec<Count>) {
        self.counts.extend(counts.into_iter().map(|count| (message.to_owned(), count)));
    }

    /// Asks the policies for the last time; a letter that they forbid is withheld, one that must wait is held. Tells whether
    /// it may go.
    pub(super) fn check(&mut self, book: &Rulebook, last: &LastCheck<'_>) -> bool {
        let claimed = last.claimed;
        let Some(state) = self.customers.get_mut(last.customer) else {
            let reason = WithheldReason::Deleted;
            self.count(&claimed.id, metrics::counts_of_withheld(&claimed.map, &claimed.rule, &reason));
            self.withheld.push((claimed.id.clone(), reason, Vec::new(), last.now));
            return false;
        };
        let verdict = policy::last_check(book, state, &claimed.id, &claimed.brings(), last.suppressed, last.now);
        if verdict.lets_go() {
            return true;
        }
        self.changed.insert(last.customer.to_owned());
        let Some(reason) = verdict.withhold else {
            let (id, held) = (claimed.id.clone(), verdict.hold);
            self.holds.push(HoldRow { id, at: last.now, held, verdicts: verdict.verdicts });
            return false;
        };
        self.count(&claimed.id, metrics::counts_of_withheld(&claimed.map, &claimed.rule, &reason));
        self.withheld.push((claimed.id.clone(), reason, verdict.verdicts, last.now));
        false
    }

    /// Withholds a letter to an address that its relay can't write to.
    pub(super) fn out_of_reach(&mut self, last: &LastCheck<'_>) {
        let claimed = last.claimed;
        if let Some(state) = self.customers.get_mut(last.customer) {
            state.pending.retain(|pending| pending.message != claimed.id);
            self.changed.insert(last.customer.to_owned());
        }
        let reason = WithheldReason::NeedsSmtpUtf8;
        let verdict = PolicyVerdict { policy: "address".into(), pass: false, note: reason.to_string(), limit: None };
        self.count(&claimed.id, metrics::counts_of_withheld(&claimed.map, &claimed.rule, &reason));
        self.withheld.push((claimed.id.clone(), reason, vec![verdict], last.now));
    }

    /// Brings the customer and the figures into line with an outcome.
    pub(super) fn settle(&mut self, claimed: &Claimed, customer: &str, row: &OutcomeRow, marked: bool) {
        let again = row.state == MessageState::Queued;
        let refused = row.state == MessageState::Refused;
        if let Some(state) = self.customers.get_mut(customer).filter(|_| refused || (marked && again)) {
            if marked {
                handed_back(state, &claimed.id, &claimed.enrollment, again);
            } else {
                // Refused before the mark: it still counts as pending, and must not any more.
                state.pending.retain(|p| p.message != claimed.id);
            }
            self.changed.insert(customer.to_owned());
        }
        let figure = match row.state {
            MessageState::Sent => LetterOutcome::Sent,
            MessageState::Refused => LetterOutcome::Refused,
            MessageState::Uncertain => LetterOutcome::Uncertain,
            _ => return,
        };
        self.count(&claimed.id, metrics::counts_of_outcome(&claimed.map, &claimed.rule, figure));
        ::metrics::counter!("milepost_letters_total", "outcome" => row.state.as_str()).increment(1);
    }

    /// Keeps what a final refusal says of the address.
    pub(super) fn strike(&mut self, claimed: &Claimed, to: &str, outcome: &mail::Outcome, row: &OutcomeRow) {
        let Some(class) = outcome.class() else { return };
        ::metrics::counter!("milepost_refusals_total", "class" => class.word()).increment(1);
        if row.state == MessageState::Refused {
            self.refused.push(AddressRefused {
                address: to.to_lowercase(),
                class,
                message: claimed.id.clone(),
                source: "relay".to_owned(),
                said: row.reply.clone(),
                at: row.at,
            });
        }
    }

    /// A letter that could not be composed takes no room from others until somebody has mended it.
    pub(super) fn fail(&mut self, claimed: &Claimed, customer: &str, reason: String, now: Timestamp) {
        self.failed.push((claimed.id.clone(), reason, now));
        self.count(&claimed.id, metrics::counts_of_outcome(&claimed.map, &claimed.rule, LetterOutcome::Failed));
        let Some(state) = self.customers.get_mut(customer) else { return };
        if let Some(pending) = state.pending.iter_mut().find(|p| p.message == claimed.id) {
            pending.stuck = true;
            self.changed.insert(customer.to_owned());
        }
    }

    /// Gives the moments of the letters of everyone who was changed out anew: where one has gone or will not go, another may.
    pub(super) fn arrange(&mut self, book: &Rulebook, now: Timestamp) {
        for id in &self.changed {
            let Some(state) = self.customers.get_mut(id) else { continue };
            for attention::Change { message, rule, verdicts, what } in attention::reschedule(book, state, now) {
                let held = match what {
                    Outcome::Held(held) => Some(held),
                    Outcome::Free(_) => None,
                    Outcome::Withheld(reason) => {
                        let map = book.known_rule(&rule).map_or("", |rule| rule.map.as_str());
                        let counts = metrics::counts_of_withheld(map, &rule, &reason);
                        self.counts.extend(counts.into_iter().map(|count| (message.clone(), count)));
                        self.coded.push(message.clone());
                        self.withheld.push((message, reason, verdicts, now));
                        continue;
                    }
                };
                self.holds.push(HoldRow { id: message, at: now, held, verdicts });
            }
        }
    }

    /// Marks a letter as being handed over.
    pub(super) fn mark(&mut self, book: &Rulebook, last: &LastCheck<'_>, frozen: &'a Frozen) {
        if let Some(state) = self.customers.get_mut(last.customer) {
            handed_over(book, state, &last.claimed.id, last.now);
            self.changed.insert(last.customer.to_owned());
        }
        self.frozen.push(frozen);
    }
}
