//! Recording hand-overs: the mark just before, with the last check, and the outcome just after.
//!
//! Invariants: no letter goes out whose mark is not committed; the last check and the mark are one transaction over the
//! customer's present state; marks and outcomes of all connections that wait share a commit; only what the record really
//! took on is counted.

mod group;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::concerned::Concerned;
use super::{Engine, EngineError, Result, strikes};
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::WithheldReason;
use crate::journey::time::{Span, Timestamp};
use crate::mail::{Class, Outcome};
use crate::store::{Claimed, Count, Frozen, MessageState, OutcomeRow, RESEND, Tx};
use group::{Group, LastCheck};

/// Most marks and outcomes of one transaction.
const MAX_GROUP: usize = 128;
/// How long a transaction waits for the requests of other letters.
const COMPANY: Duration = Duration::from_millis(2);

/// Records hand-overs; cheap to clone. The task behind it ends when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Recorder(mpsc::UnboundedSender<Request>);

#[derive(Debug)]
struct Request {
    claimed: Arc<Claimed>,
    what: What,
    answer: oneshot::Sender<bool>,
}

#[derive(Debug)]
enum What {
    /// Ask the policies for the last time and mark the letter as being handed over.
    Mark { frozen: Frozen, customer: String },
    /// The policies keep it back: ask them in the transaction, and withhold it, hold it, or let it go if they changed their mind.
    KeepBack { address: Option<String>, customer: String },
    /// What came of it at this address.
    Outcome { outcome: Outcome, customer: String, to: String, relay: String, marked: bool },
    /// It could not be composed.
    Failed { reason: String },
    /// No relay could be asked to take it now, or not all that might.
    NotYet { lacks: Lacks, said: String },
}

/// What a letter lacks that may come yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// A file that goes with it.
    File,
    /// A relay that can write to its address: this one can't, and those that may can't be asked now.
    Relay(String),
}

impl Recorder {
    /// Starts the recorder of an engine.
    pub fn start(engine: Arc<Engine>) -> (Self, tokio::task::JoinHandle<()>) {
        let (requests, waiting) = mpsc::unbounded_channel();
        (Self(requests), tokio::spawn(run(engine, waiting)))
    }

    /// Asks for leave to hand a letter over. `true`: it is marked, and must be handed over now. `false`: it must not be.
    pub async fn mark(&self, claimed: &Arc<Claimed>, frozen: Frozen, customer: String) -> Result<bool> {
        self.ask(claimed, What::Mark { frozen, customer })?.wait().await
    }

    /// Withholds or holds a letter that the policies keep back.
    pub async fn keep_back(&self, claimed: &Arc<Claimed>, customer: String, address: Option<String>) -> Result<()> {
        self.ask(claimed, What::KeepBack { address, customer })?.wait().await.map(drop)
    }

    /// Records what came of a letter that was offered for the address `to`; `marked` tells whether it had been marked. The
    /// request is made before this returns; what is asked for later is recorded with it or after it.
    pub fn outcome(
        &self,
        claimed: &Arc<Claimed>,
        customer: &str,
        to: &str,
        outcome: Outcome,
        relay: &str,
        marked: bool,
    ) -> Result<Recording> {
        let (customer, to, relay) = (customer.to_owned(), to.to_owned(), relay.to_owned());
        self.ask(claimed, What::Outcome { outcome, customer, to, relay, marked })
    }

    /// Records that a letter could not be composed.
    pub async fn failed(&self, claimed: &Arc<Claimed>, reason: String) -> Result<()> {
        self.ask(claimed, What::Failed { reason })?.wait().await.map(drop)
    }

    /// Records that a letter lacks something that may come yet: it is tried again like one that a relay refused for now.
    pub fn not_yet(&self, claimed: &Arc<Claimed>, lacks: Lacks, said: String) -> Result<Recording> {
        self.ask(claimed, What::NotYet { lacks, said })
    }

    fn ask(&self, claimed: &Arc<Claimed>, what: What) -> Result<Recording> {
        let (answer, answered) = oneshot::channel();
        let request = Request { claimed: Arc::clone(claimed), what, answer };
        self.0.send(request).map_err(|_| EngineError::RecorderStopped)?;
        Ok(Recording(answered))
    }
}

/// A request on its way to the disk.
#[derive(Debug)]
#[must_use = "whoever needs to know that it is on disk waits for it"]
pub struct Recording(oneshot::Receiver<bool>);

impl Recording {
    /// Waits until it is on disk; the answer matters for marks.
    pub async fn wait(self) -> Result<bool> {
        self.0.await.map_err(|_| EngineError::RecorderStopped)
    }
}

/// While one group of requests is written, the next is gathered and its customers are read. None is written before the one
/// that was gathered before it, and none waits for a customer whom a later one has in hand.
async fn run(engine: Arc<Engine>, mut waiting: mpsc::UnboundedReceiver<Request>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    let mut before: Option<JoinHandle<()>> = None;
    while waiting.recv_many(&mut group, MAX_GROUP).await > 0 {
        engine.wait_for_company(&mut waiting, &mut group).await;
        let requests = std::mem::take(&mut group);
        let concerned = requests.iter().filter(|request| request.concerns_customer());
        let ids: Vec<String> = concerned.map(|request| request.customer().to_owned()).collect();
        let concerned = Concerned::of(&engine.store, &ids).await;
        written(before.take()).await;
        let engine = Arc::clone(&engine);
        before = Some(tokio::spawn(async move {
            let recorded = match concerned {
                Ok(concerned) => engine.record(&requests, concerned).await,
                Err(error) => Err(error),
            };
            // An unanswered request tells its sender that nothing was recorded: the lease or the doubt settles it later.
            match recorded {
                Ok(granted) => {
                    for (request, granted) in requests.into_iter().zip(granted) {
                        let _ = request.answer.send(granted);
                    }
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "hand-overs could not be recorded");
                }
            }
        }));
    }
    written(before).await;
}

async fn written(group: Option<JoinHandle<()>>) {
    if let Some(group) = group
        && let Err(error) = group.await
    {
        tracing::error!(error = &error as &dyn std::error::Error, "recording hand-overs broke down");
    }
}

impl Engine {
    /// Waits a moment for the requests of other letters in hand: a commit costs the same for one as for all of them. A
    /// letter that is alone waits for nobody.
    async fn wait_for_company(&self, waiting: &mut mpsc::UnboundedReceiver<Request>, group: &mut Vec<Request>) {
        let until = tokio::time::Instant::now() + COMPANY;
        while group.len() < (self.in_hand().len() / 2).min(MAX_GROUP) {
            let room = MAX_GROUP - group.len();
            match tokio::time::timeout_at(until, waiting.recv_many(group, room)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    async fn record(&self, requests: &[Request], concerned: Concerned) -> Result<Vec<bool>> {
        let Concerned { mut tx, survivors, customers } = concerned;
        // The last check is made where nothing can come between it and the mark.
        tx.begin_writing().await?;
        let now = self.clock.now();
        let mut group = Group { customers, ..Group::default() };
        let addresses: Vec<String> = requests.iter().filter_map(Request::address).collect();
        let suppressed = tx.suppressed(&addresses, now).await?;
        let book = self.book.load_full();
        for request in requests {
            let claimed = &request.claimed;
            let customer = survivors.get(request.customer()).map_or(request.customer(), String::as_str);
            if claimed.shows_code {
                group.coded.push(claimed.id.clone());
            }
            match &request.what {
                What::Mark { frozen, .. } => {
                    let address = frozen.to.to_lowercase();
                    let last = LastCheck { claimed, customer, suppressed: suppressed.contains(&address), now };
                    if group.check(&book.rulebook, &last) {
                        group.mark(&book.rulebook, &last, frozen);
                    }
                }
                What::KeepBack { address, .. } => {
                    let suppressed = address.as_ref().is_some_and(|a| suppressed.contains(&a.to_lowercase()));
                    if group.check(&book.rulebook, &LastCheck { claimed, customer, suppressed, now }) {
                        group.released.push(claimed.id.clone());
                    }
                }
                What::Outcome { outcome: Outcome::NoSmtpUtf8, .. } => {
                    group.out_of_reach(&LastCheck { claimed, customer, suppressed: false, now });
                }
                What::Outcome { outcome, to, relay, marked, .. } => {
                    let row =
                        self.outcome_row(claimed, outcome, relay, now, goes_again(&book.rulebook, claimed, outcome));
                    group.settle(claimed, customer, &row, *marked);
                    group.strike(claimed, to, outcome, &row);
                    group.outcomes.push(row);
                }
                What::Failed { reason } => {
                    not_composed(claimed);
                    group.fail(claimed, customer, reason.clone(), now);
                }
                What::NotYet { lacks: Lacks::File, said } => {
                    not_composed(claimed);
                    match self.wait_after(claimed, claimed.lacking_since, None, now) {
                        Some(wait) => group.outcomes.push(not_yet(claimed, &Lacks::File, said, now.after(wait), now)),
                        None => group.fail(claimed, customer, said.clone(), now),
                    }
                }
                What::NotYet { lacks, said } => match self.wait_after(claimed, claimed.put_off_since, None, now) {
                    Some(wait) => group.outcomes.push(not_yet(claimed, lacks, said, now.after(wait), now)),
                    None => group.out_of_reach(&LastCheck { claimed, customer, suppressed: false, now }),
                },
            }
        }
        group.arrange(&book.rulebook, now);
        let marked = self.write(&mut tx, &mut group, now).await?;
        tx.commit().await?;
        Ok(requests.iter().map(|r| !matches!(r.what, What::Mark { .. }) || marked.contains(&r.claimed.id)).collect())
    }

    async fn write(&self, tx: &mut Tx, group: &mut Group<'_>, now: Timestamp) -> Result<BTreeSet<String>> {
        let marked: BTreeSet<String> = tx.mark_sending(&group.frozen, now).await?.into_iter().collect();
        for frozen in group.frozen.iter().filter(|f| !marked.contains(&f.id)) {
            tracing::info!(message.id = frozen.id, "a letter was withdrawn at the last moment");
        }
        // Another may have come first: an event that cancelled the letter, or a node that took it over.
        let mut applied: BTreeSet<String> = tx.withhold_messages(&group.withheld).await?.into_iter().collect();
        applied.extend(tx.record_outcomes(&group.outcomes).await?);
        applied.extend(tx.fail_messages(&group.failed).await?);
        tx.hold_messages(&group.holds).await?;
        tx.release_messages(&self.node, &group.released).await?;
        tx.send_codes_of(&group.coded, now).await?;
        tx.return_codes_of(&group.coded).await?;
        strikes::strike(tx, &self.mailing.load().refusals, &group.refused).await?;
        let changed: Vec<&Customer> = group.changed.iter().filter_map(|id| group.customers.get(id)).collect();
        tx.save_customers(&changed).await?;
        let counts: Vec<Count> = group
            .counts
            .iter()
            .filter(|(message, _)| applied.contains(message))
            .map(|(_, count)| count.clone())
            .collect();
        tx.add_counts(self.shard(), &counts).await?;
        Ok(marked)
    }

    /// What is recorded of an outcome: a letter that may be tried again is queued until its next turn, if it has one.
    fn outcome_row(
        &self,
        claimed: &Claimed,
        outcome: &Outcome,
        relay: &str,
        now: Timestamp,
        again: bool,
    ) -> OutcomeRow {
        let (code, enhanced, reply) = match outcome {
            Outcome::Accepted { code, reply } => (Some(*code), None, reply.clone()),
            Outcome::Deferred { code, enhanced, reply, .. } | Outcome::Refused { code, enhanced, reply, .. } => {
                (Some(*code), enhanced.clone(), reply.clone())
            }
            Outcome::Lost { step, error } => (None, None, format!("{step}: {error}")),
            Outcome::Uncertain { error } => (None, None, error.clone()),
            Outcome::NoSmtpUtf8 => (None, None, outcome.to_string()),
        };
        let wait = self.next_wait(claimed, outcome, now);
        let (state, reason) = match outcome {
            Outcome::Accepted { .. } => (MessageState::Sent, None),
            Outcome::Deferred { .. } | Outcome::Lost { .. } if wait.is_none() => {
                (MessageState::Refused, Some("given_up"))
            }
            Outcome::Deferred { .. } => (MessageState::Queued, Some("deferred")),
            Outcome::Lost { .. } => (MessageState::Queued, Some("connection_lost")),
            Outcome::Refused { class: Class::Hard, .. } => (MessageState::Refused, Some(strikes::MAILBOX_GONE)),
            Outcome::Refused { .. } => (MessageState::Refused, Some("refused")),
            Outcome::Uncertain { .. } if again => (MessageState::Queued, Some(RESEND)),
            Outcome::Uncertain { .. } => (MessageState::Uncertain, Some("no_final_reply")),
            Outcome::NoSmtpUtf8 => (MessageState::Withheld, Some(WithheldReason::NeedsSmtpUtf8.code())),
        };
        OutcomeRow {
            id: claimed.id.clone(),
            at: now,
            state,
            next_at: wait.filter(|_| state == MessageState::Queued).map(|wait| now.after(wait)),
            code,
            enhanced,
            reply,
            relay: Some(relay.to_owned()),
            reason: reason.map(str::to_owned),
            class: outcome.class().map(Class::word),
            put_off: counts(outcome),
            lacking: false,
        }
    }

    /// How long a letter that may be tried again waits for that; `None`: it is given up. What tells of the relay alone takes
    /// nothing off a letter's life, and it is the relay that is left alone for longer and longer.
    fn next_wait(&self, claimed: &Claimed, outcome: &Outcome, now: Timestamp) -> Option<Span> {
        if outcome.is_of_session() {
            return self.mailing.load().retry.first().copied();
        }
        self.wait_after(claimed, claimed.put_off_since, outcome.class(), now)
    }

    /// How long a letter that has been tried in vain since a moment waits for its next try; `None`: it is given up.
    fn wait_after(
        &self,
        claimed: &Claimed,
        since: Option<Timestamp>,
        class: Option<Class>,
        now: Timestamp,
    ) -> Option<Span> {
        let tries = usize::try_from(claimed.attempts).unwrap_or(usize::MAX);
        let mailing = self.mailing.load();
        let wait = *mailing.retry.get(tries).or(mailing.retry.last())?;
        let effect = class.map(|class| mailing.refusals.effect(class));
        let wait = effect.map_or(wait, |effect| wait.max(effect.least_wait));
        let life =
            effect.and_then(|effect| effect.life).map_or(mailing.give_up_after, |life| life.min(mailing.give_up_after));
        let ends = since.unwrap_or(now).after(life);
        (now.after(wait) <= ends).then_some(wait)
    }
}

/// Why is on record: the templates' words may hold what they were filled with.
fn not_composed(claimed: &Claimed) {
    tracing::warn!(message.id = claimed.id, rule.id = claimed.rule, "a letter could not be composed");
}

/// What is recorded of a letter that lacks something.
fn not_yet(claimed: &Claimed, lacks: &Lacks, said: &str, next_at: Timestamp, now: Timestamp) -> OutcomeRow {
    let (relay, reason) = match lacks {
        Lacks::File => (None, "attachment_missing"),
        Lacks::Relay(relay) => (Some(relay.clone()), WithheldReason::NeedsSmtpUtf8.code()),
    };
    OutcomeRow {
        id: claimed.id.clone(),
        at: now,
        state: MessageState::Queued,
        next_at: Some(next_at),
        code: None,
        enhanced: None,
        reply: said.to_owned(),
        lacking: relay.is_none(),
        put_off: relay.is_some(),
        relay,
        reason: Some(reason.to_owned()),
        class: None,
    }
}

/// Whether a letter whose hand-over broke off goes out again by its rule: once, as a relay that always breaks off would get it
/// for ever.
fn goes_again(book: &Rulebook, claimed: &Claimed, outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Uncertain { .. }) && !claimed.resend && book.resends(&claimed.rulebook, &claimed.rule)
}

/// Whether an outcome counts against the time for which a letter is tried.
fn counts(outcome: &Outcome) -> bool {
    outcome.may_retry() && !outcome.is_of_session()
}

impl Request {
    fn customer(&self) -> &str {
        match &self.what {
            What::Mark { customer, .. } | What::KeepBack { customer, .. } | What::Outcome { customer, .. } => customer,
            What::Failed { .. } | What::NotYet { .. } => &self.claimed.customer,
        }
    }

    /// Whether the customer's document has a say in it, or is changed by it: most outcomes only confirm what the mark said.
    fn concerns_customer(&self) -> bool {
        !matches!(&self.what, What::Outcome { outcome: Outcome::Accepted { .. }, .. })
    }

    fn address(&self) -> Option<String> {
        match &self.what {
            What::Mark { frozen, .. } => Some(frozen.to.to_lowercase()),
            What::KeepBack { address, .. } => address.as_ref().map(|a| a.to_lowercase()),
            _ => None,
        }
    }
}
