//! What another rulebook would do to a customer the moment it comes into force. Nothing is decided here: it is what [`advance`]
//! gives, read back from the state and the effects.

use super::advance::{Input, advance};
use super::book::Rulebook;
use super::customer::Customer;
use super::effect::{Effect, StageMove};

/// What would happen to one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// Moves on maps.
    pub moves: Vec<StageMove>,
    /// The rule of each run under way, and what becomes of the run.
    pub runs: Vec<(String, Fate)>,
}

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It goes on with the rule as it is then.
    GoesOn,
    /// It finishes as the rule was.
    Finishes,
    /// It ends.
    Ends,
}

/// Brings a customer under a rulebook, at the customer's own moment: time alone brings nothing then.
pub fn foresee(book: &Rulebook, customer: Customer) -> Foreseen {
    let before: Vec<(String, String)> =
        customer.enrollments.iter().map(|run| (run.id.clone(), run.rule.clone())).collect();
    let now = customer.now;
    let done = advance(book, customer, &Input::Rulebook, now);
    let fate = |id: &str| match done.state.enrollments.iter().find(|run| run.id == id) {
        None => Fate::Ends,
        Some(run) if book.earlier.contains_key(&run.rulebook) => Fate::Finishes,
        Some(_) => Fate::GoesOn,
    };
    let runs = before.into_iter().map(|(id, rule)| (rule, fate(&id))).collect();
    let moves = done.effects.into_iter().filter_map(|effect| match effect {
        Effect::StageMoved(moved) => Some(moved),
        _ => None,
    });
    Foreseen { moves: moves.collect(), runs }
}
