//! `advance`: the one function that decides. It runs live, in scenarios, in backtests and in tests; there is no other.
//!
//! Invariants: the state's logical time never moves back; what falls due before an input is settled before it, so the
//! answer does not depend on how inputs are grouped; a step of a run is taken once.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::attention::forget;
use super::book::Rulebook;
use super::condition::Facts;
use super::customer::{Customer, GoalWatch, HandedOver, Pending};
use super::effect::{Cause, Effect, EndReason, StageMove};
use super::event::Event;
use super::facts::{fold, view};
use super::others::Wish;
use super::pause::hash_of;
use super::placement::{self, earliest};
use super::promo;
use super::rule::{Rule, Trigger};
use super::time::Timestamp;
use super::trigger::{Moved, Occasion};

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

/// A step that a run took, by positions in [`Rule::steps`].
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
    /// When that happened by which runs begin or go on; what is older is over for a wait that they begin.
    pub(super) moment: Timestamp,
    /// What steps ask of other rules.
    pub(super) wishes: VecDeque<Wish>,
    /// Whether it is being done.
    pub(super) granting: bool,
}

/// Advances a customer by one input at the logical time `now`.
pub fn advance(book: &Rulebook, state: Customer, input: &Input<'_>, now: Timestamp) -> Advance {
    let mut run = Run::of(book, state);
    let now = run.customer.now.max(now);
    run.moment = now;
    run.adopt_rulebook();
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
    let pending = customer.pending.remove(place);
    customer.message_count += 1;
    if let Some(goal) = book.rule_under(&pending.rulebook, &pending.rule).and_then(|rule| rule.goal.as_ref()) {
        customer.goals.retain(|watch| watch.enrollment != pending.enrollment);
        customer.goals.push(GoalWatch {
            enrollment: pending.enrollment.clone(),
            rule: pending.rule.clone(),
            message: pending.message.clone(),
            from: at,
            until: at.after(goal.within),
            held_out: false,
            rulebook: pending.rulebook.clone(),
        });
    }
    customer.handed_over.push(HandedOver {
        message: pending.message,
        rule: pending.rule,
        purpose: pending.purpose,
        at,
        rulebook: pending.rulebook,
    });
    forget(book, &mut customer.handed_over, at);
}

/// Takes a hand-over back: the relay did not take the letter. With `again` it is pending once more.
pub fn handed_back(customer: &mut Customer, message: &str, enrollment: &str, again: bool) {
    let Some(place) = customer.handed_over.iter().position(|h| h.message == message) else { return };
    let taken = customer.handed_over.remove(place);
    customer.message_count = customer.message_count.saturating_sub(1);
    customer.goals.retain(|watch| watch.message != message);
    if again {
        customer.pending.push(Pending {
            message: taken.message,
            enrollment: enrollment.to_owned(),
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
            moment,
            wishes: VecDeque::new(),
            granting: false,
        }
    }
}

impl Run<'_> {
    fn end(mut self, taken: bool) -> Advance {
        self.arrange();
        Advance { state: self.customer, effects: self.effects, taken, walked: self.walked }
    }

    pub(super) fn facts<'b>(&'b self, event: Option<&'b Value>) -> Facts<'b> {
        Facts::new(&self.customer, event, self.customer.now, self.book.shop.zone)
    }

    /// Takes over another rulebook: runs go on, finish or end, placement is asked again, nothing starts.
    fn adopt_rulebook(&mut self) {
        if self.customer.rulebook == self.book.edition() {
            return;
        }
        let before = std::mem::replace(&mut self.customer.rulebook, self.book.edition().to_owned());
        if before.is_empty() {
            return;
        }
        let book = self.book;
        self.take_over(hash_of(&before));
        self.heed_pauses();
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
            self.start_on_stays(due);
            let waking: Vec<String> = self
                .customer
                .enrollments
                .iter()
                .filter(|e| e.parked.is_none() && e.wake_at.is_some_and(|at| at <= due))
                .map(|e| e.id.clone())
                .collect();
            // Exits that time alone brings come before the steps they would stop.
            self.settle(&Cause::Time, due, None, &[]);
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
        let carried = promo::carried(&self.customer, event);
        let happened = fold::apply(&mut self.customer, event);
        let zone = self.customer.zone().unwrap_or(self.book.shop.zone);
        self.customer.reading_hours.count(&event.kind, event.occurred_at, zone);
        self.effects.extend(carried.map(|(code, order)| Effect::PromoRedeemed { code, order, at: event.occurred_at }));
        let seen = view::event(event);
        let cause = Cause::Event { source: event.source.clone(), id: event.id.clone(), kind: event.kind.clone() };
        if self.customer.deleted_at.is_some() {
            self.end_where(&EndReason::Deleted, |_, _| true);
            self.cancel_pending(&EndReason::Deleted, |_| true);
        }
        self.settle(&cause, event.occurred_at, Some(&seen), &happened);
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
    pub(super) fn settle(&mut self, cause: &Cause, at: Timestamp, event: Option<&Value>, happened: &[fold::Happening]) {
        self.exit_on_events(event, happened);
        self.reach_goals(event, happened);
        for round in 0..MAX_ROUNDS {
            self.changed = false;
            self.flips = None;
            let occasion = Occasion { at, cause, event };
            let moved = self.replace(cause);
            let joined = self.resegment(cause);
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
            if !self.changed {
                break;
            }
        }
        self.customer.flip_at = self.flips;
    }

    fn replace(&mut self, cause: &Cause) -> Vec<Moved> {
        let now = self.customer.now;
        let mut moved = Vec::new();
        let mut places = placement::place(self.book, self.facts(None));
        for map in self.customer.stages.keys() {
            if !self.book.maps.contains_key(map) {
                places.push((map.clone(), placement::Place::default()));
            }
        }
        for (map, place) in places {
            self.flips = earliest(self.flips, place.flips_at);
            let stage = place.stage.filter(|_| self.customer.deleted_at.is_none());
            let before = self.customer.stages.get(&map).cloned();
            if before.as_ref().map(|b| &b.stage) == stage.as_ref() {
                continue;
            }
            match &stage {
                Some(stage) => {
                    let standing = super::customer::Standing { stage: stage.clone(), since: now };
                    self.customer.stages.insert(map.clone(), standing);
                }
                None => {
                    self.customer.stages.remove(&map);
                }
            }
            self.effects.push(Effect::StageMoved(StageMove {
                map: map.clone(),
                from: before.as_ref().map(|b| b.stage.clone()),
                since: before.as_ref().map(|b| b.since),
                to: stage.clone(),
                at: now,
                cause: cause.clone(),
            }));
            if let Some(before) = before {
                moved.push(Moved::Left { map: map.clone(), stage: before.stage });
            }
            if let Some(stage) = stage {
                moved.push(Moved::Entered { map, stage });
            }
        }
        moved
    }

    fn exit_on_events(&mut self, event: Option<&Value>, happened: &[fold::Happening]) {
        let now = self.customer.now;
        let book = self.book;
        // Earlier rules only where something finishes as they were.
        let under =
            |rulebook: &String| if book.earlier.contains_key(rulebook) { rulebook.clone() } else { String::new() };
        let runs = self.customer.enrollments.iter().map(|e| (under(&e.rulebook), e.rule.clone()));
        let letters = self.customer.pending.iter().map(|p| (under(&p.rulebook), p.rule.clone()));
        let concerned: BTreeSet<(String, String)> = runs.chain(letters).collect();
        for happening in happened {
            let ends = |run: &Self, rule: &Rule| {
                let fresh = happening.at.after(rule.max_age) >= now;
                let goal = rule.goal.as_ref().is_some_and(|goal| {
                    goal.event == happening.kind
                        && goal.when.as_ref().is_none_or(|c| c.evaluate(run.facts(event)).holds)
                });
                if fresh && goal {
                    Some(EndReason::Goal)
                } else if fresh && rule.exit_on.contains(&happening.kind) {
                    Some(EndReason::ExitEvent { kind: happening.kind.clone() })
                } else {
                    None
                }
            };
            for (rulebook, id) in &concerned {
                let Some(rule) = book.rule_under(rulebook, id) else { continue };
                if let Some(reason) = ends(self, rule) {
                    self.end_where(&reason, |e, _| e.rule == *id && under(&e.rulebook) == *rulebook);
                    // A run that took its last step may still have a letter on the way.
                    self.cancel_pending(&reason, |p| p.rule == *id && under(&p.rulebook) == *rulebook);
                }
            }
        }
    }

    fn exit_on_conditions(&mut self) {
        let book = self.book;
        let running: Vec<(String, &Rule)> =
            self.customer.enrollments.iter().filter_map(|e| Some((e.id.clone(), book.rule_of(e)?))).collect();
        for (id, rule) in running {
            let Some(condition) = rule.exit_when.as_ref() else { continue };
            let answer = condition.evaluate(self.facts(None));
            self.flips = earliest(self.flips, answer.flips_at);
            if answer.holds {
                self.end_where(&EndReason::ExitCondition, |e, _| e.id == id);
            }
        }
    }

    fn reach_goals(&mut self, event: Option<&Value>, happened: &[fold::Happening]) {
        let now = self.customer.now;
        let watches = std::mem::take(&mut self.customer.goals);
        let book = self.book;
        for watch in watches {
            let rule = book.rule_under(&watch.rulebook, &watch.rule);
            let Some(goal) = rule.and_then(|rule| rule.goal.as_ref()) else { continue };
            let reached = happened.iter().find(|h| {
                h.kind == goal.event
                    && (watch.from..=watch.until).contains(&h.at)
                    && goal.when.as_ref().is_none_or(|c| c.evaluate(self.facts(event)).holds)
            });
            match reached {
                Some(happening) => {
                    let at = happening.at;
                    let value = goal.value_order_total.then(|| order_total(&self.customer, event)).flatten();
                    self.effects.push(Effect::Converted {
                        enrollment: watch.enrollment,
                        rule: watch.rule,
                        message: watch.message,
                        at,
                        value,
                        held_out: watch.held_out,
                    });
                }
                // A late event may still fall into a window that is over by now, but not forever.
                None if watch.until.after(super::time::Span::days(2)) >= now => self.customer.goals.push(watch),
                None => {}
            }
        }
    }

    pub(super) fn end_where(
        &mut self,
        reason: &EndReason,
        which: impl Fn(&super::customer::Enrollment, &Customer) -> bool,
    ) {
        let all = std::mem::take(&mut self.customer.enrollments);
        let (ended, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|e| which(e, &self.customer));
        self.customer.enrollments = kept;
        for enrollment in ended {
            self.finish(&enrollment, reason);
        }
    }
}

/// The total of the order that an event is about.
fn order_total(customer: &Customer, event: Option<&Value>) -> Option<super::money::Money> {
    let id = event?.get("order")?.get("id")?.as_str()?;
    let known =
        customer.orders.recent.iter().rev().find(|o| o.key.rsplit_once('/').is_some_and(|(_, known)| known == id))?;
    known.total.clone()
}
