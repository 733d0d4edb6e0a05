//! One batch: customers advanced in memory, then everything written with multi-row statements in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::crm::Connection;
use crate::insight::metrics;
use crate::journey::advance::{Advance, Input, advance};
use crate::journey::book::Rulebook;
use crate::journey::consents::{self, Answer, ConsentChange};
use crate::journey::customer::Customer;
use crate::journey::effect::{Decision, Effect, EndReason, StageMove, WithheldReason};
use crate::journey::money::Money;
use crate::journey::reads::Weighed;
use crate::journey::time::Timestamp;
use crate::store::{ArmRow, CodeWish, Count, EnrollmentRow, HoldRow, NewErrand, NewMessage, StoredEvent, Tx};

use super::Result;

/// What a batch will write.
#[derive(Debug, Default)]
pub struct Batch {
    /// Events applied.
    pub events: Vec<StoredEvent>,
    /// Customers changed.
    pub customers: Vec<Customer>,
    moves: Vec<(String, StageMove)>,
    enrollments: Vec<EnrollmentRow>,
    ended: Vec<(String, Timestamp, EndReason)>,
    converted: Vec<(String, Timestamp, String, Option<Money>)>,
    /// Runs whose goal was reached though the customer is held out.
    without_letters: HashSet<String>,
    arms: Vec<ArmRow>,
    /// Runs, with rule and split, that reached the goal in the time that counts for their arm.
    reached: Vec<(String, String, String)>,
    messages: Vec<NewMessage>,
    cancelled: Vec<(String, WithheldReason, Timestamp)>,
    errands: Vec<NewErrand>,
    consents: Vec<(String, ConsentChange)>,
    /// The connections that are told of consents.
    told: Arc<BTreeMap<String, Connection>>,
    /// Runs that are over and had taken promo codes.
    coded: Vec<String>,
    redeemed: Vec<Redeemed>,
    holds: Vec<HoldRow>,
    decisions: Vec<(String, Decision)>,
    reads: Vec<Weighed>,
    counts: Vec<Count>,
}

/// A promo code that an order carries.
#[derive(Debug)]
struct Redeemed {
    code: String,
    customer: String,
    order: String,
    at: Timestamp,
}

impl Batch {
    /// An empty one, whose consents are told to these connections.
    pub fn telling(connections: &Arc<BTreeMap<String, Connection>>) -> Self {
        Self { told: Arc::clone(connections), ..Self::default() }
    }

    /// Advances a customer, answering its wishes for promo codes from the same transaction.
    pub async fn advance(
        &mut self,
        tx: &mut Tx,
        book: &Rulebook,
        state: Customer,
        input: &Input<'_>,
        now: Timestamp,
    ) -> Result<Customer> {
        let mut state = state;
        loop {
            let done = advance(book, state, input, now);
            state = self.settle(tx, book, done.state, done.effects).await?;
            if done.taken {
                return Ok(state);
            }
        }
    }

    /// Collects effects, and goes on while they ask for promo codes.
    pub async fn settle(
        &mut self,
        tx: &mut Tx,
        book: &Rulebook,
        mut state: Customer,
        effects: Vec<Effect>,
    ) -> Result<Customer> {
        let mut wanted = self.collect(book, &state, effects);
        while let Some((enrollment, rule, pool)) = wanted.pop() {
            let now = state.now;
            let had: Vec<String> = state.promo_codes.iter().map(|given| given.code.clone()).collect();
            let wish = CodeWish {
                pool: &pool,
                customer: &state.id,
                rule: &rule,
                enrollment: &enrollment,
                at: now,
                expires_at: book.code_expires(&pool, now),
                had: &had,
                pattern: book.pool(&pool).and_then(|rules| rules.pattern.as_ref()),
            };
            let code = tx.take_code(&wish).await?;
            if code.is_none() {
                tracing::warn!(promo.pool = pool, rule.id = rule, "the promo pool has no code left");
                ::metrics::counter!("milepost_promo_empty_total", "pool" => pool.clone()).increment(1);
            }
            let input = Input::Promo { enrollment: &enrollment, code: code.as_deref() };
            let Advance { state: next, effects, .. } = advance(book, state, &input, now);
            state = next;
            wanted.extend(self.collect(book, &state, effects));
        }
        Ok(state)
    }

    fn collect(&mut self, book: &Rulebook, state: &Customer, effects: Vec<Effect>) -> Vec<(String, String, String)> {
        let mut wanted = Vec::new();
        let customer = &state.id;
        for effect in effects {
            match effect {
                Effect::StageMoved(moved) => {
                    self.counts.extend(metrics::counts_of_move(&moved));
                    self.moves.push((customer.clone(), moved));
                }
                Effect::SegmentMoved(moved) => self.counts.extend(metrics::counts_of_segment(&moved)),
                Effect::Enrolled { enrollment, rule, map, stage, at, cause, held_out } => {
                    self.counts.extend(metrics::counts_of_enrolled(&map, &rule, held_out));
                    self.enrollments.push(EnrollmentRow {
                        id: enrollment,
                        customer: customer.clone(),
                        rule,
                        map,
                        stage,
                        started_at: at,
                        cause,
                        ended: None,
                        converted: None,
                    });
                }
                Effect::Ended { enrollment, at, reason, .. } => self.ended.push((enrollment, at, reason)),
                Effect::Converted { enrollment, message, at, value, held_out, .. } => {
                    if held_out {
                        self.without_letters.insert(enrollment.clone());
                    }
                    self.converted.push((enrollment, at, message, value));
                }
                Effect::ArmTaken { enrollment, rule, step, arm, at, until } => {
                    self.arms.push(ArmRow { customer: customer.clone(), enrollment, rule, step, arm, at, until });
                }
                Effect::ArmReached { enrollment, rule, step } => self.reached.push((enrollment, rule, step)),
                Effect::MessagePlanned(planned) => {
                    self.messages.push(NewMessage { customer: customer.clone(), planned: *planned, at: state.now });
                }
                Effect::MessageCancelled { message, at, reason, .. } => self.cancelled.push((message, reason, at)),
                Effect::MessageHeld { message, at, held, verdicts } => {
                    self.holds.push(HoldRow { id: message, at, held, verdicts });
                }
                Effect::PromoWanted { enrollment, rule, pool } => wanted.push((enrollment, rule, pool)),
                Effect::Errand(errand) => {
                    self.errands.push(NewErrand { customer: customer.clone(), errand: *errand });
                }
                Effect::ConsentChanged(change) => {
                    // A CRM hears of it once it is confirmed.
                    self.tell(state, |_, purpose| change.answer != Answer::Asked && purpose == change.purpose);
                    self.consents.push((customer.clone(), *change));
                }
                Effect::KnownTo { connection: new } => self.tell(state, |connection, _| connection == new),
                Effect::PromoSettled { enrollment } => self.coded.push(enrollment),
                Effect::PromoRedeemed { code, order, at } => {
                    self.redeemed.push(Redeemed { code, customer: customer.clone(), order, at });
                }
                Effect::MessageRead(read) => {
                    self.counts.extend(metrics::counts_of_read(&read));
                    self.reads.push(*read);
                }
                Effect::Decided(decision) => {
                    if let Some(rule) = book.rules.get(&decision.rule) {
                        self.counts.extend(metrics::counts_of_decision(&rule.map, &decision));
                    }
                    self.decisions.push((customer.clone(), decision));
                }
            }
        }
        wanted
    }

    /// Has connections told of purposes, as these pairs are chosen.
    fn tell(&mut self, customer: &Customer, chosen: impl Fn(&str, &str) -> bool) {
        for (id, connection) in self.told.iter() {
            let purposes = connection.told_of().filter(|purpose| chosen(id, purpose));
            let errands = purposes.filter_map(|purpose| consents::errand(customer, id, purpose));
            self.errands.extend(errands.map(|errand| NewErrand { customer: customer.id.clone(), errand }));
        }
    }

    /// Whether letters were planned or may go at another moment than before, or errands were asked for.
    pub fn has_outgoing(&self) -> bool {
        !self.messages.is_empty() || !self.holds.is_empty() || !self.errands.is_empty()
    }

    /// A run that began in this batch is written once, with its end.
    fn end_what_began_here(&mut self) {
        let mut ends: BTreeMap<String, (Timestamp, EndReason)> = BTreeMap::new();
        for (id, at, reason) in self.ended.drain(..) {
            ends.entry(id).or_insert((at, reason));
        }
        for row in &mut self.enrollments {
            row.ended = ends.remove(&row.id);
            if let Some((_, reason)) = &row.ended {
                self.counts.extend(metrics::counts_of_ended(&row.map, &row.rule, reason));
            }
        }
        self.ended.extend(ends.into_iter().map(|(id, (at, reason))| (id, at, reason)));
    }

    /// Writes everything into the transaction. What ends, is cancelled or reached is counted as the record takes it on: a
    /// letter that had gone out already is not withheld, and a rule that is gone from the book still has its figures.
    pub async fn write(mut self, tx: &mut Tx, shard: i64, now: Timestamp) -> Result<()> {
        let customers: Vec<&Customer> = self.customers.iter().collect();
        tx.save_customers(&customers).await?;
        tx.put_events(&self.events).await?;
        tx.put_moves(&self.moves).await?;
        self.end_what_began_here();
        tx.put_enrollments(&self.enrollments).await?;
        // Letters that fall due one after another lie together on the disk.
        self.messages.sort_by(|a, b| (a.planned.due_at, &a.planned.id).cmp(&(b.planned.due_at, &b.planned.id)));
        let new = tx.put_messages(&self.messages).await?;
        let planned = self.messages.iter().zip(new).filter(|(_, new)| *new);
        self.counts.extend(planned.flat_map(|(message, _)| metrics::counts_of_planned(&message.planned)));
        let reasons: HashMap<&str, &EndReason> =
            self.ended.iter().map(|(id, _, reason)| (id.as_str(), reason)).collect();
        let mut lost: BTreeMap<String, usize> = BTreeMap::new();
        for of in tx.end_enrollments(&self.ended).await? {
            if let Some(reason) = reasons.get(of.id.as_str()) {
                self.counts.extend(metrics::counts_of_ended(&of.map, &of.rule, reason));
                if matches!(reason, EndReason::RuleGone) {
                    *lost.entry(of.rule).or_default() += 1;
                }
            }
        }
        for (rule, runs) in lost {
            // Whoever edited the rule may not have meant it: an edited step without an `id` is another step.
            tracing::warn!(
                rule.id = rule,
                runs.count = runs,
                "runs ended: the step they waited at is not in the rule any more"
            );
        }
        let worth: HashMap<&str, Option<&Money>> =
            self.converted.iter().map(|(id, _, _, value)| (id.as_str(), value.as_ref())).collect();
        for of in tx.convert_enrollments(&self.converted).await? {
            let value = worth.get(of.id.as_str()).copied().flatten();
            let held_out = self.without_letters.contains(&of.id);
            self.counts.extend(metrics::counts_of_converted(&of.map, &of.rule, value, held_out));
        }
        tx.put_arms(&self.arms).await?;
        tx.reach_arms(&self.reached).await?;
        tx.hold_messages(&self.holds).await?;
        let why: HashMap<&str, &WithheldReason> =
            self.cancelled.iter().map(|(id, reason, _)| (id.as_str(), reason)).collect();
        let stopped = tx.cancel_messages(&self.cancelled).await?;
        for of in tx.rules_of_messages(&stopped).await? {
            if let Some(reason) = why.get(of.id.as_str()) {
                self.counts.extend(metrics::counts_of_withheld(&of.map, &of.rule, reason));
            }
        }
        let new = tx.put_errands(&self.errands).await?;
        let asked = self.errands.iter().filter(|errand| new.contains(&errand.errand.id));
        self.counts.extend(asked.flat_map(|errand| metrics::counts_of_errand(&errand.errand)));
        tx.return_codes_of(&stopped).await?;
        tx.return_codes(&self.coded).await?;
        for redeemed in &self.redeemed {
            tx.redeem_code(&redeemed.code, &redeemed.customer, &redeemed.order, redeemed.at).await?;
        }
        tx.put_reads(&self.reads).await?;
        tx.put_consents(&self.consents, now).await?;
        tx.put_decisions(&self.decisions).await?;
        tx.add_counts(shard, &self.counts).await?;
        Ok(())
    }
}
