//! One relay as letters see it: whether it is used, how much of its ceilings is in hand, and what its answers do to that.
//!
//! Pure but for its lock: every moment is handed in, and nothing is waited for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono_tz::Tz;

use super::circuit::{Change, Circuit};
use super::gauge::{Gauge, Grant, Limit, Per, Room};
use crate::engine::Wakes;
use crate::journey::time::{Span, Timestamp};
use crate::mail::refusal::Pause;
use crate::mail::{Outcome, Refusals, Relay};
use crate::settings::DomainSettings;
use crate::store::{Ceiling, RelayStop};

/// Letters of a relay that may be in the lanes at once, for each of its connections: one is handed over, one is composed.
const PLACES: u32 = 2;

/// Why nothing takes a relay that can't be reached, nothing goes to a domain, and a ceiling keeps letters.
pub(super) const RELAY_DOWN: &str = "relay_down";
pub(super) const DOMAIN_PAUSED: &str = "domain_paused";
pub(super) const RATE: &str = "rate";
pub(super) const WARM_UP: &str = "warm_up";

/// A relay with its state.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) relay: Relay,
    /// It is used only while no other can be reached.
    pub(super) spare: bool,
    zone: Tz,
    domains: Arc<HashMap<String, DomainSettings>>,
    freed: Arc<Freed>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    circuit: Circuit,
    gauges: Vec<Gauge>,
    taken: u32,
    domains: HashMap<String, Domain>,
}

/// Letters to one domain, or to a group of them, by this relay.
#[derive(Debug)]
struct Domain {
    gauges: Vec<Gauge>,
    taken: u32,
    /// Nothing goes there before then.
    paused_until: Timestamp,
    /// How long the next pause is, if nothing goes well before.
    pause: Option<Span>,
}

/// What keeps a letter from taking a relay now.
#[derive(Debug)]
pub(super) enum Barrier {
    /// It has to be asked for more of a ceiling.
    Ask(Ceiling, Per, u32),
    /// Not before then.
    Until(Timestamp, Keeps, &'static str),
    /// Not before another letter has gone.
    Busy(Keeps),
}

/// Whom a barrier keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Every letter.
    All,
    /// Letters to the domain.
    Domain,
}

/// Told when a letter has gone, by whoever was asked to wait for that.
#[derive(Debug)]
pub(super) struct Freed {
    wanted: AtomicBool,
    gone: AtomicBool,
    wakes: Arc<Wakes>,
}

impl Freed {
    pub(super) fn new(wakes: Arc<Wakes>) -> Self {
        Self { wanted: AtomicBool::new(false), gone: AtomicBool::new(false), wakes }
    }

    /// From now on it is told when a letter has gone; whoever asks for it looks once more afterwards.
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::SeqCst);
    }

    /// Whether one has gone since that was asked last.
    pub(super) fn take(&self) -> bool {
        self.gone.swap(false, Ordering::SeqCst)
    }

    pub(super) fn tell(&self) {
        if self.wanted.swap(false, Ordering::SeqCst) {
            self.gone.store(true, Ordering::SeqCst);
            self.wakes.send.notify_one();
        }
    }
}

/// Something that changed, to be told.
#[derive(Debug)]
pub(crate) enum Told {
    /// It could not be reached, for the first time in a while.
    Faltered { relay: String, why: String },
    /// It is not used for a while, or a domain gets nothing by it.
    Stopped(RelayStop),
    /// It is used again, or letters go to the domain again.
    Resumed { relay: String, domain: String },
}

impl Line {
    pub(super) fn new(
        relay: Relay,
        spare: bool,
        limits: Vec<(Per, Limit)>,
        (domains, freed): (Arc<HashMap<String, DomainSettings>>, Arc<Freed>),
        zone: Tz,
    ) -> Self {
        let gauges = limits.into_iter().map(|(per, limit)| Gauge::new(per, limit, zone)).collect();
        let state = State { circuit: Circuit::new(), gauges, taken: 0, domains: HashMap::new() };
        Self { relay, spare, zone, domains, freed, state: Mutex::new(state) }
    }

    /// Takes a place for a letter to a domain, or tells what keeps it from that. `domain` is its group, if it is in one.
    pub(super) fn take(self: &Arc<Self>, domain: &str, now: Timestamp) -> Result<Pass, Barrier> {
        let mut state = self.state();
        let State { circuit, gauges, taken, domains } = &mut *state;
        if !circuit.is_closed() {
            let until = circuit.until().unwrap_or_else(|| now.after(Span::seconds(1)));
            return Err(Barrier::Until(until, Keeps::All, RELAY_DOWN));
        }
        let to = self.known(domains, domain);
        if let Some(to) = &to
            && to.paused_until > now
        {
            return Err(Barrier::Until(to.paused_until, Keeps::Domain, DOMAIN_PAUSED));
        }
        let most = self.domains.get(domain).and_then(|limits| limits.connections).unwrap_or(u32::MAX);
        if *taken >= self.relay.connections().saturating_mul(PLACES) {
            return Err(Barrier::Busy(Keeps::All));
        }
        if to.as_ref().is_some_and(|to| to.taken >= most) {
            return Err(Barrier::Busy(Keeps::Domain));
        }
        let of_domain = to.as_ref().map_or(&[][..], |to| &to.gauges);
        let named = gauges.iter().map(|gauge| ("", gauge)).chain(of_domain.iter().map(|gauge| (domain, gauge)));
        let mut ask = None;
        for (domain, gauge) in named {
            match gauge.room(now) {
                Room::Yes => {}
                Room::Not(until) => {
                    let keeps = if domain.is_empty() { Keeps::All } else { Keeps::Domain };
                    // A letter under way may yet give back what it took.
                    let under_way = if keeps == Keeps::All { *taken } else { to.as_ref().map_or(0, |to| to.taken) };
                    if gauge.per != Per::Second && gauge.limit.at(now) != Some(0) && under_way > 0 {
                        return Err(Barrier::Busy(keeps));
                    }
                    let why = if gauge.per == Per::Day { WARM_UP } else { RATE };
                    return Err(Barrier::Until(until, keeps, why));
                }
                Room::Ask => ask = ask.or_else(|| Some((self.ceiling(domain), gauge.per, gauge.limit.at(now)?))),
            }
        }
        if let Some((ceiling, per, limit)) = ask {
            return Err(Barrier::Ask(ceiling, per, limit));
        }
        gauges.iter_mut().for_each(Gauge::take);
        *taken += 1;
        if let Some(to) = to {
            to.gauges.iter_mut().for_each(Gauge::take);
            to.taken += 1;
        }
        drop(state);
        Ok(Pass { line: Arc::clone(self), domain: domain.to_owned(), taken: now, used: false })
    }

    /// The state of a domain that has any: one with limits of its own, or one that was paused.
    fn known<'s>(&self, domains: &'s mut HashMap<String, Domain>, domain: &str) -> Option<&'s mut Domain> {
        if !domains.contains_key(domain) {
            let limits = self.domains.get(domain)?;
            let gauge = |per: Per, limit: Option<u32>| limit.map(|n| Gauge::new(per, Limit::Fixed(n), self.zone));
            let gauges = [gauge(Per::Second, limits.rate_per_second), gauge(Per::Hour, limits.rate_per_hour)];
            domains.insert(domain.to_owned(), Domain::new(gauges.into_iter().flatten().collect()));
        }
        domains.get_mut(domain)
    }

    fn ceiling(&self, domain: &str) -> Ceiling {
        Ceiling { relay: self.relay.name().to_owned(), domain: domain.to_owned() }
    }

    /// What the ledger gave of a ceiling.
    pub(super) fn grant(&self, domain: &str, per: Per, grant: Grant) {
        let mut state = self.state();
        let gauges = if domain.is_empty() {
            Some(&mut state.gauges)
        } else {
            state.domains.get_mut(domain).map(|domain| &mut domain.gauges)
        };
        if let Some(gauge) = gauges.and_then(|gauges| gauges.iter_mut().find(|gauge| gauge.per == per)) {
            gauge.grant(grant);
        }
    }

    /// If nothing at all can go by it: the moment from which something may.
    pub(super) fn shut_until(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        if !state.circuit.is_closed() {
            // While somebody looks at it, that ends in something.
            return Some(state.circuit.until().unwrap_or(Timestamp::MAX));
        }
        let rooms = state.gauges.iter().map(|gauge| gauge.room(now));
        rooms.filter_map(|room| if let Room::Not(until) = room { Some(until) } else { None }).max()
    }

    /// When it is looked at again, if it could not be reached.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.state().circuit.until()
    }

    /// Whether it is time to look at the relay; whoever asked must do so and tell.
    pub(super) fn begins_probe(&self, now: Timestamp) -> bool {
        self.state().circuit.begins_probe(now)
    }

    /// What came of looking at the relay.
    pub(super) fn probed(&self, outcome: Result<(), &Outcome>, now: Timestamp) -> Option<Told> {
        let why = outcome.err().map(why).unwrap_or_default();
        let change = self.state().circuit.probed(outcome.is_ok(), now);
        self.told(change, why)
    }

    fn told(&self, change: Change, why: String) -> Option<Told> {
        let relay = self.relay.name().to_owned();
        match change {
            Change::None => None,
            Change::Faltered => Some(Told::Faltered { relay, why }),
            Change::Opened { since, until } => {
                Some(Told::Stopped(RelayStop { relay, domain: String::new(), since, until, why }))
            }
            Change::Closed => Some(Told::Resumed { relay, domain: String::new() }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counts and moments are whole whatever panicked while they were held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Domain {
    fn new(gauges: Vec<Gauge>) -> Self {
        Self { gauges, taken: 0, paused_until: Timestamp::MIN, pause: None }
    }
}

/// Leave for one letter to take a relay. Given back when it is dropped; what it took of ceilings is given back with it unless
/// the letter was offered.
#[derive(Debug)]
pub(crate) struct Pass {
    line: Arc<Line>,
    domain: String,
    taken: Timestamp,
    used: bool,
}

impl Pass {
    /// The relay.
    pub(crate) fn relay(&self) -> &Relay {
        &self.line.relay
    }

    /// What came of the letter: what the relay said does something to its pace.
    pub(crate) fn tell(&mut self, outcome: &Outcome, refusals: &Refusals, now: Timestamp) -> Option<Told> {
        let effect = outcome.class().map(|class| refusals.effect(class));
        if outcome.is_of_session() {
            let surely = effect.is_some_and(|effect| effect.stops_relay);
            let change = self.line.state().circuit.failed(surely, now);
            return self.line.told(change, why(outcome));
        }
        if *outcome == Outcome::NoSmtpUtf8 {
            // Nothing was said to the relay.
            return None;
        }
        self.used = true;
        let mut state = self.line.state();
        if !matches!(outcome, Outcome::Lost { .. } | Outcome::Uncertain { .. }) {
            state.circuit.succeeded();
        }
        if let Some(pause) = effect.and_then(|effect| effect.pause) {
            let to = state.domains.entry(self.domain.clone()).or_insert_with(|| Domain::new(Vec::new()));
            let until = to.pause(pause, now)?;
            drop(state);
            let (relay, domain, why) = (self.line.relay.name().to_owned(), self.domain.clone(), why(outcome));
            return Some(Told::Stopped(RelayStop { relay, domain, since: now, until, why }));
        }
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        let to = state.domains.get_mut(&self.domain).filter(|_| accepted)?;
        to.pause.take()?;
        drop(state);
        Some(Told::Resumed { relay: self.line.relay.name().to_owned(), domain: self.domain.clone() })
    }
}

impl Domain {
    /// Begins a pause, longer than the one before if nothing went well in between. `None`: it is paused already, and letters
    /// that were under way make that no longer.
    fn pause(&mut self, pause: Pause, now: Timestamp) -> Option<Timestamp> {
        if self.paused_until > now {
            return None;
        }
        let length = self.pause.unwrap_or(pause.first);
        self.pause = Some(Span::from_micros(length.micros() * 2).min(pause.longest));
        self.paused_until = now.after(length);
        Some(self.paused_until)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.line.state();
        state.taken = state.taken.saturating_sub(1);
        if !self.used {
            state.gauges.iter_mut().for_each(|gauge| gauge.give_back(self.taken));
        }
        if let Some(to) = state.domains.get_mut(&self.domain) {
            to.taken = to.taken.saturating_sub(1);
            if !self.used {
                to.gauges.iter_mut().for_each(|gauge| gauge.give_back(self.taken));
            }
        }
        drop(state);
        self.line.freed.tell();
    }
}

/// Why, without the relay's words: those may name the recipient.
fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Lost { step, error } => format!("{step}: {error}"),
        Outcome::Deferred { code, enhanced, class, .. } | Outcome::Refused { code, enhanced, class, .. } => {
            format!("{class}: {code} {}", enhanced.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        Outcome::Accepted { code, .. } => code.to_string(),
        Outcome::NoSmtpUtf8 => outcome.to_string(),
        Outcome::Uncertain { error } => error.clone(),
    }
}
