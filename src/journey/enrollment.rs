//! One run of one rule: taking its steps, and ending it.

use super::advance::{Run, Walked};
use super::customer::{Consent, Enrollment, GoalWatch, Pending};
use super::effect::{Cause, Effect, EndReason, PlannedMessage, WithheldReason};
use super::facts::fold::{set_attribute, set_consent};
use super::holdout::held_out;
use super::others::Wish;
use super::rule::{Action, Rule};
use super::wait::wait_until;
use super::{consents, ids, policy, promo};

/// Most steps one run may take without waiting; a program can't loop, so this is never reached by honest files.
const MAX_STEPS: usize = 10_000;

enum Next {
    Go(usize),
    Rest,
    End(EndReason),
}

impl Run<'_> {
    /// Takes steps of a run from where it stands until it waits or ends; then what they ask of other rules is done.
    pub(super) fn walk(&mut self, id: &str) {
        self.take_steps(id);
        self.grant_wishes();
    }

    fn take_steps(&mut self, id: &str) {
        let Some(place) = self.customer.enrollments.iter().position(|e| e.id == id) else { return };
        // Taken out while it walks, so that conditions see a settled customer and borrows stay simple.
        let mut enrollment = self.customer.enrollments.remove(place);
        let book = self.book;
        let Some(rule) = book.rule_of(&enrollment) else {
            self.finish(&enrollment, &EndReason::RuleGone);
            return;
        };
        let Some(mut position) = rule.position(&enrollment.step) else {
            let reason = if rule.steps.is_empty() { EndReason::Finished } else { EndReason::RuleGone };
            self.finish(&enrollment, &reason);
            return;
        };
        if self.parks(&mut enrollment) {
            self.customer.enrollments.insert(place.min(self.customer.enrollments.len()), enrollment);
            return;
        }
        // The end of a wait is for the step that waited, whatever a changed rule has put in its place.
        let mut woken = enrollment.wake_at.take_if(|at| *at <= self.customer.now).is_some();
        for _ in 0..MAX_STEPS {
            let next = self.take(rule, position, &mut enrollment, woken);
            woken = false;
            let to = if let Next::Go(to) = &next { Some(*to) } else { None };
            self.walked.push(Walked { rule: rule.id.clone(), step: position, to });
            match next {
                Next::Go(to) => match rule.steps.get(to) {
                    Some(step) => {
                        position = to;
                        enrollment.step.clone_from(&step.id);
                    }
                    None => return self.finish(&enrollment, &EndReason::Finished),
                },
                Next::Rest => {
                    enrollment.skips = false;
                    self.customer.enrollments.insert(place.min(self.customer.enrollments.len()), enrollment);
                    return;
                }
                Next::End(reason) => return self.finish(&enrollment, &reason),
            }
        }
        self.finish(&enrollment, &EndReason::Finished);
    }

    /// Ends a run that was taken out of the customer; its letters not yet handed over are withheld unless it ran to its end.
    pub(super) fn finish(&mut self, enrollment: &Enrollment, reason: &EndReason) {
        let now = self.customer.now;
        let past = self.customer.past.entry(enrollment.rule.clone()).or_default();
        past.ended_at = Some(now);
        past.reason = Some(reason.clone());
        self.effects.push(Effect::Ended {
            enrollment: enrollment.id.clone(),
            rule: enrollment.rule.clone(),
            at: now,
            reason: reason.clone(),
        });
        self.effects.extend(promo::settled(enrollment));
        let ran_out = matches!(reason, EndReason::Finished | EndReason::ExitStep | EndReason::NoPromoCode);
        if !ran_out {
            self.cancel_pending(reason, |pending| pending.enrollment == enrollment.id);
        }
    }

    /// Withholds the pending letters that `which` picks, because their run ended.
    pub(super) fn cancel_pending(&mut self, end: &EndReason, which: impl Fn(&Pending) -> bool) {
        self.withhold_pending(&WithheldReason::Exited { end: end.clone() }, which);
    }

    /// Withholds the pending letters that `which` picks.
    pub(super) fn withhold_pending(&mut self, reason: &WithheldReason, which: impl Fn(&Pending) -> bool) {
        let now = self.customer.now;
        let (cancelled, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.customer.pending).into_iter().partition(|p| which(p));
        self.customer.pending = kept;
        for pending in cancelled {
            self.effects.push(Effect::MessageCancelled {
                message: pending.message,
                rule: pending.rule,
                at: now,
                reason: reason.clone(),
            });
        }
    }

    fn take(&mut self, rule: &Rule, position: usize, enrollment: &mut Enrollment, woken: bool) -> Next {
        let now = self.customer.now;
        let Some(step) = rule.steps.get(position) else { return Next::End(EndReason::Finished) };
        match &step.action {
            Action::Send { letter, .. } => {
                self.plan(rule, &step.id, letter, enrollment);
                Next::Go(position + 1)
            }
            Action::Wait(_) if woken => Next::Go(position + 1),
            Action::Wait(_) if enrollment.wake_at.is_some() => Next::Rest,
            Action::Wait(wait) => {
                let until = wait_until(wait, &self.customer, self.book.shop.zone, now);
                if until <= now {
                    return Next::Go(position + 1);
                }
                enrollment.wake_at = Some(until);
                let note = format!("waits at {} until {}", step.id, until.in_words(self.book.shop.zone));
                self.decide(rule, "wait", "until", note, Vec::new(), &Cause::Time);
                Next::Rest
            }
            Action::Await(wait) => self.take_await(rule, step, wait, enrollment, woken).map_or(Next::Rest, Next::Go),
            Action::Branch { arms, otherwise } => {
                let facts = self.facts(Some(&enrollment.event)).frozen(&enrollment.captured);
                let mut parts = Vec::new();
                let taken = arms.iter().position(|(condition, _)| {
                    condition.as_ref().is_none_or(|condition| {
                        parts.extend(condition.trace(facts));
                        condition.evaluate(facts).holds
                    })
                });
                let (to, note) = match taken {
                    Some(arm) => (arms[arm].1, format!("took arm {} of {}", arm + 1, step.id)),
                    None => (*otherwise, format!("no arm of {} holds", step.id)),
                };
                self.decide(rule, "branch", "arm", note, parts, &Cause::Time);
                Next::Go(to)
            }
            Action::Jump { to } => Next::Go(*to),
            Action::Promo { .. } if held_out(self.book, rule, &self.customer.id).is_some() => {
                // A code that no letter brings would be lost to somebody who could use it.
                let note = "no code is taken for a customer who is held out".to_owned();
                self.decide(rule, "promo", "held_out", note, Vec::new(), &Cause::Time);
                Next::Go(position + 1)
            }
            Action::Promo { pool, .. } => {
                self.want_code(rule, pool, enrollment);
                Next::Rest
            }
            Action::Split { arms, pick } => {
                let taken = self.take_split((rule, &step.id), (arms, pick.as_ref()), enrollment);
                Next::Go(taken.unwrap_or(position + 1))
            }
            Action::Set { attributes, tags, refuse } => {
                for (name, value) in attributes {
                    if set_attribute(&mut self.customer, name, value.clone(), now) {
                        self.changed = true;
                        self.decide(rule, "set", "set", format!("customer.{name} = {value}"), Vec::new(), &Cause::Time);
                    }
                }
                if let Some(after) = tags.apply(self.customer.attribute("tags"))
                    && set_attribute(&mut self.customer, "tags", after.clone(), now)
                {
                    self.changed = true;
                    self.decide(rule, "set", "set", format!("customer.tags = {after}"), Vec::new(), &Cause::Time);
                }
                for purpose in refuse {
                    let source = format!("rule:{}", rule.id);
                    let was = self.customer.consents.get(purpose).map(|known| known.granted);
                    if set_consent(&mut self.customer, purpose, Consent { granted: false, at: now, source }) {
                        self.changed = true;
                        self.effects.extend(consents::changed(&self.customer, purpose, was, None));
                        let note = format!("consent.{purpose} = false");
                        self.decide(rule, "set", "set", note, Vec::new(), &Cause::Time);
                    }
                }
                Next::Go(position + 1)
            }
            Action::Enroll { rule: other } => {
                let (rule, by, event) = (other.clone(), rule.id.clone(), enrollment.event.clone());
                self.wishes.push_back(Wish::Enroll { rule, by, event });
                Next::Go(position + 1)
            }
            Action::Leave { rule: other } => {
                self.wishes.push_back(Wish::Leave { rule: other.clone(), by: rule.id.clone() });
                Next::Go(position + 1)
            }
            Action::Note { text } => {
                self.decide(rule, "note", "note", text.clone(), Vec::new(), &Cause::Time);
                Next::Go(position + 1)
            }
            Action::Webhook { to, data } => {
                self.call_out((rule, &step.id), to, data, enrollment);
                Next::Go(position + 1)
            }
            Action::Crm(change) => {
                self.write_back((rule, &step.id), change, enrollment);
                Next::Go(position + 1)
            }
            Action::Exit => Next::End(EndReason::ExitStep),
        }
    }

    /// The earlier rulebook as which a run finishes; empty: it runs under the one in force.
    fn earlier_of(&self, run: &Enrollment) -> String {
        if self.book.earlier.contains_key(&run.rulebook) { run.rulebook.clone() } else { String::new() }
    }

    fn plan(&mut self, rule: &Rule, step: &str, letter: &str, enrollment: &mut Enrollment) {
        let now = self.customer.now;
        let earlier = self.earlier_of(enrollment);
        let pass = *enrollment.passes.entry(step.to_owned()).and_modify(|n| *n += 1).or_insert(1);
        let id = ids::message(now, &enrollment.id, step, pass);
        let inputs = enrollment.inputs();
        let brings = policy::Letter { step, inputs: &inputs };
        let mut verdict = policy::at_planning(self.book, &self.customer, rule, Some(&brings));
        if let Some(WithheldReason::Stale) = verdict.withhold {
            let parts = policy::still_parts(self.book, &self.customer, rule, &brings, now);
            self.decide(rule, "still", "stale", format!("the letter {letter} is withheld"), parts, &Cause::Time);
        }
        let shows_code =
            self.book.under(&enrollment.rulebook).code_letters.contains(&(rule.map.clone(), letter.to_owned()));
        if shows_code && enrollment.without_code {
            verdict.ask("promo", "the promo pool had no code left".into(), Some(WithheldReason::NoPromoCode));
        }
        if enrollment.skips {
            let note = "it was overdue when its rule was resumed".to_owned();
            verdict.ask("pause", note, Some(WithheldReason::Skipped));
        }
        if verdict.withhold.is_none() {
            self.customer.pending.push(Pending {
                message: id.clone(),
                enrollment: enrollment.id.clone(),
                rule: rule.id.clone(),
                key: enrollment.key.clone(),
                purpose: rule.purpose.clone(),
                planned_at: now,
                parked: None,
                turn_at: None,
                held: None,
                stuck: false,
                rulebook: earlier.clone(),
            });
        }
        if let (Some(WithheldReason::HeldOut { .. }), Some(goal)) = (&verdict.withhold, &rule.goal) {
            // What those do who get no letter is what the letters are measured by.
            self.customer.goals.retain(|watch| watch.enrollment != enrollment.id);
            self.customer.goals.push(GoalWatch {
                enrollment: enrollment.id.clone(),
                key: enrollment.key.clone(),
                rule: rule.id.clone(),
                message: id.clone(),
                from: now,
                until: now.after(goal.within),
                held_out: true,
                rulebook: earlier,
            });
        }
        self.effects.push(Effect::MessagePlanned(Box::new(PlannedMessage {
            id,
            rulebook: enrollment.rulebook.clone(),
            enrollment: enrollment.id.clone(),
            step: step.to_owned(),
            pass,
            rule: rule.id.clone(),
            map: rule.map.clone(),
            stage: self.customer.stages.get(&rule.map).map(|at| at.stage.clone()),
            letter: letter.to_owned(),
            purpose: rule.purpose.clone(),
            locale: self.customer.text("locale").unwrap_or(&self.book.shop.locale).to_owned(),
            to: self.customer.email().map(str::to_owned),
            due_at: now,
            withheld: verdict.withhold,
            held: None,
            code: enrollment.promo.as_ref().filter(|_| shows_code).map(|given| given.code.clone()),
            inputs,
            verdicts: verdict.verdicts,
        })));
    }
}
