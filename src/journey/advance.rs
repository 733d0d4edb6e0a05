//! `advance`: the one function that decides. It runs live, in scenarios, in backtests and in tests; there is no other.
//!
//! Invariants: the state's logical time never moves back; what falls due before an input is settled before it, so the
//! answer does not depend on how inputs are grouped; a step of a run is taken once.

use std::collections::VecDeque;

use serde_json::Value;

use super::attention::forget;
use super::book::Rulebook;
use super::condition::Facts;
use super::consents;
use super::customer::{Customer, GoalWatch, HandedOver, Pending};
use super::effect::{Cause, Effect, EndReason};
use super::event::{Event, kind};
use super::facts::fold::{self, Folded};
use super::facts::seen::Seen;
use super::facts::topic::{Topic, Touched};
use super::others::Wish;
use super::pause::hash_of;
use super::promo;
use super::returned;
use super::rule::Trigger;
use super::time::Timestamp;
use super::trigger::Occasion;

/// Most rounds of settling after one input; only rules that undo each other's settings come near.
const MAX_ROUNDS: usize = 16;
/// Most moments of time alone that are caught up with for one input.
const MAX_CATCH_UP: usize = 10_000;

/// What happens to a customer.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// An event.
    Event(&'a Event),
    /// Time has passed.
    Due,
    /// A cron rule fires for this customer.
    Cron {
        /// The rule.
        rule: &'a str,
        /// The firing.
        at: Timestamp,
    },
    /// The answer to `Effect::PromoWanted`.
    Promo {
        /// The enrollment that asked.
        enrollment: &'a str,
        /// The code, or `None` if the pool is empty.
        code: Option<&'a str>,
    },
    /// Another rulebook is in force.
    Rulebook,
    /// Another customer was merged into this one.
    Merged,
}

/// What came of an input.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The customer afterwards.
    pub state: Customer,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// Whether the input was taken. If not, something that fell due before it asked for a promo code: answer that, then
    /// hand the same input in again.
    pub taken: bool,
    /// The steps that runs took, in order.
    pub walked: Vec<Walked>,
}

/// A step that a run took, by positions in [`super::rule::Rule::steps`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The rule.
    pub rule: String,
    /// The step.
    pub step: usize,
    /// Where the run went on; `None` if it rests there or ended.
    pub to: Option<usize>,
}

/// A decision under way.
pub(super) struct Run<'a> {
    pub(super) book: &'a Rulebook,
    pub(super) customer: Customer,
    pub(super) effects: Vec<Effect>,
    pub(super) walked: Vec<Walked>,
    pub(super) flips: Option<Timestamp>,
    /// Whether a step changed an attribute, so that placement must be asked again.
    pub(super) changed: bool,
    /// What may be different from what the customer's conditions were last asked about.
    pub(super) touched: Touched,
    /// When that happened by which runs begin or go on; what is older is over for a wait that they begin.
    pub(super) moment: Timestamp,
    /// What steps ask of other rules.
    pub(super) wishes: VecDeque<Wish>,
    /// Whether it is being done.
    pub(super) granting: bool,
    /// Whether a run began whose conditions of exit were not asked yet.
    pub(super) began: bool,
}

/// Advances a customer by one input at the logical time `now`.
pub fn advance(book: &Rulebook, state: Customer, input: &Input<'_>, now: Timestamp) -> Advance {
    let mut run = Run::of(book, state);
    let now = run.customer.now.max(now);
    run.moment = now;
    run.adopt_rulebook(now);
    // An answer belongs to the moment of its question; nothing may come between.
    if !matches!(input, Input::Promo { .. }) && !run.catch_up(now) {
        return run.end(false);
    }
    run.customer.now = now;
    match input {
        Input::Event(event) => run.event(event),
        Input::Due | Input::Rulebook => {}
        Input::Cron { rule, at } => run.cron(rule, *at),
        Input::Promo { enrollment, code } => {
            run.promo_answer(enrollment, *code);
            run.settle(&Cause::Time, now, None, &[]);
        }
        Input::Merged => run.settle(&Cause::Merge, now, None, &[]),
    }
    run.end(true)
}

/// Records that a letter is being handed over: it counts for caps, and opens its rule's goal window.
pub fn handed_over(book: &Rulebook, customer: &mut Customer, message: &str, at: Timestamp) {
    let Some(place) = customer.pending.iter().position(|p| p.message == message) else { return };
    customer.unsettled = true;
    let pending = customer.pending.remove(place);
    customer.message_count += 1;
    if let Some(goal) = book.rule_under(&pending.rulebook, &pending.rule).and_then(|rule| rule.goal.as_ref()) {
        customer.goals.retain(|watch| watch.enrollment != pending.enrollment);
        customer.goals.push(GoalWatch {
            enrollment: pending.enrollment.clone(),
            rule: pending.rule.clone(),
            message: pending.message.clone(),
            key: pending.key.clone(),
            from: at,
            until: at.after(goal.within),
            held_out: false,
            rulebook: pending.rulebook.clone(),
        });
    }
    customer.handed_over.push(HandedOver {
        message: pending.message,
        rule: pending.rule,
        key: pending.key,
        purpose: pending.purpose,
        at,
        opened_at: None,
        clicked_at: None,
        rulebook: pending.rulebook,
    });
    forget(book, &mut customer.handed_over, at);
}

/// Takes a hand-over back: the relay did not take the letter. With `again` it is pending once more.
pub fn handed_back(customer: &mut Customer, message: &str, enrollment: &str, again: bool) {
    let Some(place) = customer.handed_over.iter().position(|h| h.message == message) else { return };
    let taken = customer.handed_over.remove(place);
    customer.unsettled = true;
    customer.message_count = customer.message_count.saturating_sub(1);
    customer.goals.retain(|watch| watch.message != message);
    if again {
        customer.pending.push(Pending {
            message: taken.message,
            enrollment: enrollment.to_owned(),
            key: taken.key,
            rule: taken.rule,
            purpose: taken.purpose,
            planned_at: taken.at,
            parked: None,
            turn_at: None,
            held: None,
            stuck: false,
            rulebook: taken.rulebook,
        });
    }
}

impl<'a> Run<'a> {
    /// A decision that begins.
    pub(super) fn of(book: &'a Rulebook, customer: Customer) -> Self {
        let moment = customer.now;
        Self {
            book,
            customer,
            effects: Vec::new(),
            walked: Vec::new(),
            flips: None,
            changed: false,
            touched: Touched::All,
            moment,
            wishes: VecDeque::new(),
            granting: false,
            began: false,
        }
    }
}

impl Run<'_> {
    fn end(mut self, taken: bool) -> Advance {
        self.arrange();
        let now = self.customer.now;
        self.customer.new_rules.take_if(|new| new.since <= now);
        Advance { state: self.customer, effects: self.effects, taken, walked: self.walked }
    }

    pub(super) fn facts<'b>(&'b self, event: Option<&'b Value>) -> Facts<'b> {
        Facts::new(&self.customer, event, self.customer.now, self.book.shop.zone)
    }

    /// Takes over another rulebook: runs go on, finish or end, placement is asked again, nothing starts.
    fn adopt_rulebook(&mut self, moment: Timestamp) {
        if self.customer.rulebook == self.book.edition() {
            return;
        }
        // Where nothing was to happen before the change, it is dated when it came; else what was comes first, at its own time.
        if self.customer.due_at().is_none_or(|due| due > moment) {
            self.customer.now = moment;
        }
        let before = std::mem::replace(&mut self.customer.rulebook, self.book.edition().to_owned());
        if before.is_empty() {
            self.customer.unsettled = true;
            return;
        }
        let book = self.book;
        self.take_over(hash_of(&before));
        self.heed_pauses();
        for run in &mut self.customer.enrollments {
            let life = book.rule_of(run).and_then(|rule| rule.max_life);
            run.ends_at = life.map(|life| run.lives_from.unwrap_or(run.started_at).after(life));
        }
        self.note_new_rules(&before, moment);
        self.customer.truths.retain(|rule, _| book.rules.contains_key(rule));
        self.customer
            .stays
            .retain(|stay| matches!(book.rules.get(&stay.rule).map(|r| &r.trigger), Some(Trigger::Stay { .. })));
        self.settle(&Cause::Rulebook, self.customer.now, None, &[]);
    }

    /// Settles every moment of time alone up to `until`, each at its own time. Stops, and tells so by `false`, where a run asks
    /// for a promo code: what comes after depends on the answer.
    fn catch_up(&mut self, until: Timestamp) -> bool {
        for _ in 0..MAX_CATCH_UP {
            let Some(due) = self.customer.due_at().filter(|at| *at <= until) else { return true };
            self.customer.now = self.customer.now.max(due);
            self.moment = self.customer.now;
            self.expire(due);
            self.start_on_stays(due);
            self.start_on_dates(due);
            let waking: Vec<String> = self
                .customer
                .enrollments
                .iter()
                .filter(|e| e.parked.is_none() && e.wake_at.is_some_and(|at| at <= due))
                .map(|e| e.id.clone())
                .collect();
            // Exits that time alone brings come before the steps they would stop.
            self.settle(&Cause::Time, due, None, &[]);
            self.weigh_reads(due);
            for id in waking {
                // What settling brought may have ended it or moved it on.
                if self.customer.enrollments.iter().any(|e| e.id == id && e.wake_at.is_some_and(|at| at <= due)) {
                    self.moment = self.customer.now;
                    self.walk(&id);
                }
            }
            self.settle(&Cause::Time, due, None, &[]);
            if self.customer.enrollments.iter().any(|e| e.wants_promo.is_some()) {
                return false;
            }
        }
        true
    }

    fn event(&mut self, event: &Event) {
        if self.take_read(event) {
            return;
        }
        let carried = promo::carried(&self.customer, event);
        let keys = self.customer.keys.len();
        let Folded { happened, mut topics, consents } =
            fold::apply_asking(&mut self.customer, event, &self.book.shop.double_opt_in);
        for turned in consents {
            self.effects.extend(if turned.asked {
                Some(consents::asked(&turned.purpose, turned.was, event))
            } else {
                consents::changed(&self.customer, &turned.purpose, turned.was, Some(event))
            });
        }
        self.effects.extend(consents::known_to(&self.customer, keys));
        topics.extend(returned::take(&mut self.customer, event).then_some(Topic::Messages));
        let zone = self.customer.zone().unwrap_or(self.book.shop.zone);
        self.customer.reading_hours.count(&event.kind, event.occurred_at, zone);
        self.effects.extend(carried.map(|(code, order)| Effect::PromoRedeemed { code, order, at: event.occurred_at }));
        if self.touches_nothing(event) {
            return;
        }
        let seen = Seen::new(event);
        let cause = Cause::Event { source: event.source.clone(), id: event.id.clone(), kind: event.kind.clone() };
        if self.customer.deleted_at.is_some() {
            self.end_where(&EndReason::Deleted, |_, _| true);
            self.cancel_pending(&EndReason::Deleted, |_| true);
        }
        let everything = self.customer.unsettled || self.customer.deleted_at.is_some();
        self.touched = if everything { Touched::All } else { Touched::Topics(topics) };
        self.settle(&cause, event.occurred_at, Some(&seen), &happened);
    }

    /// Whether an event changes no fact and concerns no rule, so that nothing can come of it: everything stands as the last
    /// input left it, and what time alone changes has been caught up with.
    fn touches_nothing(&self, event: &Event) -> bool {
        let says_nothing = event.profile.is_none() && event.order.is_none() && event.cart.is_none();
        // What the known kinds change is for `fold` to know.
        says_nothing
            && !kind::KNOWN.contains(&event.kind.as_str())
            && !self.customer.unsettled
            && !self.book.listens_to(&event.kind)
            && !self.book.earlier.values().any(|earlier| earlier.listens_to(&event.kind))
    }

    fn cron(&mut self, rule: &str, at: Timestamp) {
        let book = self.book;
        let Some(rule) = book.rules.get(rule) else { return };
        let Trigger::Cron { segment, .. } = &rule.trigger else { return };
        if self.customer.firings.get(&rule.id).is_some_and(|last| *last >= at) {
            return;
        }
        self.customer.firings.insert(rule.id.clone(), at);
        if segment.as_ref().is_some_and(|segment| !segment.evaluate(self.facts(None)).holds) {
            return;
        }
        self.try_start(rule, &Occasion { at, cause: &Cause::Cron, event: None });
        self.settle(&Cause::Cron, at, None, &[]);
    }

    /// Brings everything into line after something changed: exits, goals, placement, triggers, until nothing moves.
    pub(super) fn settle(
        &mut self,
        cause: &Cause,
        at: Timestamp,
        event: Option<&Seen<'_>>,
        happened: &[fold::Happening],
    ) {
        self.exit_on_events(event, happened);
        self.reach_goals(event, happened);
        self.reach_on_trial(event, happened);
        for round in 0..MAX_ROUNDS {
            self.changed = false;
            // What is not asked anew flips when it would have flipped, which is not before what was known for all.
            self.flips = if matches!(self.touched, Touched::All) { None } else { self.customer.flip_at };
            let occasion = Occasion { at, cause, event };
            let moved = self.replace(cause);
            let joined = self.resegment(cause);
            // Where stages limit the moves from them, and where conditions read stages, one move may bring the next.
            self.customer.unsettled = !moved.is_empty() || !joined.is_empty();
            if !moved.is_empty() {
                self.touched.add(Topic::Stages);
            }
            for moved in moved {
                self.start_on_move(&moved, &occasion);
            }
            for moved in joined {
                self.start_on_segment(&moved, &occasion);
            }
            self.exit_on_conditions();
            if round == 0 {
                for happening in fold::in_order(happened) {
                    self.wake_on_event(happening, event, cause);
                    self.start_on_events(std::slice::from_ref(happening), &occasion);
                }
            }
            self.wake_on_conditions(at, cause);
            self.start_on_truths(&occasion);
            if std::mem::take(&mut self.began) {
                // What may end them by time alone must be known from the beginning.
                self.exit_on_conditions();
            }
            if !self.changed {
                break;
            }
            self.touched = Touched::All;
        }
        self.customer.flip_at = self.flips;
        self.set_dates();
        self.touched = Touched::All;
    }
}
