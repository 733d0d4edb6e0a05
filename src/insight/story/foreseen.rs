//! What time alone would bring a customer: the core on a virtual clock, with nothing happening meanwhile.

use serde::Serialize;

use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{Decision, Effect, StageMove};
use crate::journey::simulate::{Entry, Pools, Simulator, What};
use crate::journey::time::Timestamp;
use crate::store::{Store, StoreError};

/// A code that stands for one that the pool would give.
const CODE: &str = "a code";

/// Something that would happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foreseen {
    /// When.
    pub at: Timestamp,
    /// By which rule; `None` for a move on a map.
    pub rule: Option<String>,
    /// What, in words.
    pub what: String,
}

/// The customer as they would be at the end of a time, and what would happen on the way. `suppressed` is their address, if it is
/// on the suppression list. Letters that are on the way already are not told of.
pub(super) async fn foresee(
    store: &Store,
    book: &Rulebook,
    customer: Customer,
    suppressed: Option<String>,
    (from, until): (Timestamp, Timestamp),
) -> Result<(Customer, Vec<Foreseen>), StoreError> {
    let stocked = store.pool_stock(from).await?.into_iter().filter(|stock| stock.left > 0);
    let pools = Pools::new(stocked.map(|stock| (stock.pool, vec![CODE.to_owned()])));
    let id = customer.id.clone();
    let mut world = Simulator::new(book, from, pools, suppressed.into_iter().collect());
    world.adopt(customer.clone());
    let mut record: Vec<Entry> = Vec::new();
    world.run_until(until, &mut record);
    let after = world.customer(&id).cloned().unwrap_or(customer);
    Ok((after, record.into_iter().filter_map(|entry| told(entry.at, entry.what)).collect()))
}

fn told(at: Timestamp, what: What) -> Option<Foreseen> {
    let (rule, what) = match what {
        What::Sent(message) => (Some(message.rule), format!("the letter {} goes out", message.letter)),
        What::Withheld { message, reason } => {
            (Some(message.rule), format!("the letter {} is withheld: {reason}", message.letter))
        }
        What::Effect(Effect::Enrolled { rule, .. }) => (Some(rule), "a run begins".to_owned()),
        What::Effect(Effect::Ended { rule, reason, .. }) => (Some(rule), format!("the run ends: {reason}")),
        What::Effect(Effect::StageMoved(moved)) => (None, moved_in_words(&moved)),
        // How a trigger was answered is told by the run that begins.
        What::Effect(Effect::Decided(Decision { rule, about, note, .. })) if about != "trigger" => (Some(rule), note),
        _ => return None,
    };
    Some(Foreseen { at, rule, what })
}

fn moved_in_words(moved: &StageMove) -> String {
    let stage = |stage: &Option<String>| stage.clone().unwrap_or_else(|| "outside".to_owned());
    format!("on the map {} the customer moves from {} to {}", moved.map, stage(&moved.from), stage(&moved.to))
}
