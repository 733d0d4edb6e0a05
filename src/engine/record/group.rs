//! What one transaction of the recorder comes to: the last check of each letter, and how an outcome changes its customer.

use std::collections::{BTreeSet, HashMap};

use super::MAILBOX_GONE;
use crate::insight::metrics::{self, LetterOutcome};
use crate::journey::advance::{handed_back, handed_over};
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{PolicyVerdict, WithheldReason};
use crate::journey::policy;
use crate::journey::time::Timestamp;
use crate::store::{Claimed, Count, Frozen, MessageState, OutcomeRow};

/// What one transaction of the recorder writes.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub(super) customers: HashMap<String, Customer>,
    pub(super) changed: BTreeSet<String>,
    pub(super) frozen: Vec<&'a Frozen>,
    pub(super) withheld: Vec<(String, WithheldReason, Vec<PolicyVerdict>, Timestamp)>,
    pub(super) outcomes: Vec<OutcomeRow>,
    pub(super) failed: Vec<(String, String, Timestamp)>,
    /// Counts, each with the message it stands for: it counts only if the record takes the change on.
    pub(super) counts: Vec<(String, Count)>,
    pub(super) gone: Vec<(String, String)>,
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

    /// Asks the policies for the last time; a letter that they forbid is withheld. Tells whether it may go.
    pub(super) fn check(&mut self, book: &Rulebook, last: &LastCheck<'_>) -> bool {
        let claimed = last.claimed;
        let Some(state) = self.customers.get_mut(last.customer) else {
            let reason = WithheldReason::Deleted;
            self.count(&claimed.id, metrics::counts_of_withheld(&claimed.map, &claimed.rule, &reason));
            self.withheld.push((claimed.id.clone(), reason, Vec::new(), last.now));
            return false;
        };
        let verdict = policy::at_sending(book, state, &claimed.id, last.suppressed, last.now);
        let Some(reason) = verdict.withhold else { return true };
        state.pending.retain(|p| p.message != claimed.id);
        self.changed.insert(last.customer.to_owned());
        self.count(&claimed.id, metrics::counts_of_withheld(&claimed.map, &claimed.rule, &reason));
        self.withheld.push((claimed.id.clone(), reason, verdict.verdicts, last.now));
        false
    }

    /// Brings the customer, the figures and the suppression list into line with an outcome.
    pub(super) fn settle(&mut self, claimed: &Claimed, customer: &str, to: &str, row: &OutcomeRow, marked: bool) {
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
        if row.reason.as_deref() == Some(MAILBOX_GONE) {
            self.gone.push((to.to_lowercase(), row.reply.clone()));
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

    /// Marks a letter as being handed over.
    pub(super) fn mark(&mut self, book: &Rulebook, last: &LastCheck<'_>, frozen: &'a Frozen) {
        if let Some(state) = self.customers.get_mut(last.customer) {
            handed_over(book, state, &last.claimed.id, last.now);
            self.changed.insert(last.customer.to_owned());
        }
        self.frozen.push(frozen);
    }
}
