//! The relays of the settings, and which of them takes a letter now.
//!
//! Invariants: a letter goes by no relay beyond that relay's ceilings, whatever the nodes that share the database; what one
//! relay or domain can't take holds up no letter to another; a relay that can't be reached harms no letter.
//!
//! Not here: handing over (`lane`), waiting (`queue`), what the ceilings are (`settings`).

mod circuit;
mod gauge;
mod ledger;
mod line;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::Result;
use crate::engine::Wakes;
use crate::journey::time::Timestamp;
use crate::mail::{Refusals, Relay, RelayError, Routes, Traveller, Tuning};
use crate::settings::{MailSettings, RelaySettings};
use crate::store::{Ceiling, Store};
use gauge::{Limit, Per};
pub use ledger::Ledger;
use line::{Barrier, DOMAIN_PAUSED, Freed, Keeps, Line, RATE, RELAY_DOWN, WARM_UP};
pub(crate) use line::{Pass, Told};

/// Why no relay was asked, and why a letter waits for another to go.
const NO_RELAY: &str = "no_relay";
const BUSY: &str = "busy";
/// Why a letter waits for others to have their files fetched.
const FETCHING: &str = "fetching";
/// Everything that letters wait for where relays are concerned, as it stands on record.
pub(crate) const HINDRANCES: [&str; 7] = [NO_RELAY, BUSY, RELAY_DOWN, DOMAIN_PAUSED, RATE, WARM_UP, FETCHING];

/// The relays, with their states.
#[derive(Debug)]
pub struct Fleet {
    lines: Vec<Arc<Line>>,
    routes: Routes,
    freed: Arc<Freed>,
    ledger: Arc<Ledger>,
    zone: Tz,
    /// How many letters may have files fetched at once: servers of files that are slow leave half of the lanes to the others.
    fetching: Arc<Semaphore>,
}

/// What letters have in common that the same thing keeps from going: their route, and the domain where it is about that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) route: Option<usize>,
    /// The group of the domain if it is in one; empty for every letter of the route.
    pub(super) domain: String,
    /// Letters that have files fetched, which wait for each other.
    pub(super) fetches: bool,
}

impl Key {
    /// The key of all letters of the route.
    pub(super) fn of_route(&self) -> Self {
        Self { route: self.route, domain: String::new(), fetches: false }
    }

    /// The key of all letters that have files fetched.
    pub(super) fn of_fetching() -> Self {
        Self { route: None, domain: String::new(), fetches: true }
    }
}

/// Leave for a letter to have files fetched while it is composed; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Fetching {
    permit: Option<OwnedSemaphorePermit>,
    freed: Arc<Freed>,
    begun: bool,
}

impl Fetching {
    /// The letter is on its way. Before that nobody waits for the end of it: what is given back unused tells nobody, or those
    /// that wait for a relay would be asked about again and again.
    pub(super) fn begun(mut self) -> Self {
        self.begun = true;
        self
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        drop(self.permit.take());
        if self.begun {
            self.freed.tell();
        }
    }
}

/// Why no relay takes a letter now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hindrance {
    /// When one may.
    pub(crate) until: Option<Timestamp>,
    /// Whether one may as soon as another letter has gone.
    pub(crate) busy: bool,
    /// Whether it keeps every letter of the route, not only those to the domain.
    pub(crate) wide: bool,
    /// Whether it is that no relay can be reached.
    pub(crate) down: bool,
    /// As a short stable code.
    pub(crate) why: &'static str,
}

impl Fleet {
    /// The relays of the settings; `hello` is this machine's name, `zone` the shop's, by whose days a warm-up goes.
    /// What several of them would count together, in this process or in others, they count by the `ledger`.
    pub fn new(
        mail: &MailSettings,
        refusals: &Arc<Refusals>,
        (hello, zone): (&str, Tz),
        ledger: Arc<Ledger>,
        wakes: &Arc<Wakes>,
    ) -> std::result::Result<Self, RelayError> {
        let domains: HashMap<_, _> = mail.domains.iter().map(|(name, limits)| (name.clone(), limits.clone())).collect();
        let domains = Arc::new(domains);
        let freed = Arc::new(Freed::new(Arc::clone(wakes)));
        let lines = mail.relays.iter().map(|(name, settings)| {
            let tuning = Tuning { refusals: Arc::clone(refusals), ..Tuning::of(settings) };
            let relay = Relay::tuned(name, settings, hello, &tuning)?;
            let shared = (Arc::clone(&domains), Arc::clone(&freed));
            Ok(Arc::new(Line::new(relay, settings.weight == 0, limits(settings, zone), shared, zone)))
        });
        let lines = lines.collect::<std::result::Result<_, RelayError>>()?;
        let lines: Vec<Arc<Line>> = lines;
        let fetching = Arc::new(Semaphore::new((lanes_of(&lines) / 2).max(1)));
        Ok(Self { lines, routes: Routes::new(mail), freed, ledger, zone, fetching })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The names of the relays.
    pub fn names(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.relay.name()).collect()
    }

    /// How many letters are worked on at once: one a connection. Where there are several relays twice as many, so that letters
    /// that wait for the connections of one leave room for those of the others.
    pub(super) fn lanes(&self) -> usize {
        lanes_of(&self.lines)
    }

    /// Leave to have files fetched. `Err`: others have them fetched, and one that ends tells.
    pub(super) fn fetching(&self) -> std::result::Result<Fetching, Hindrance> {
        let take = || Arc::clone(&self.fetching).try_acquire_owned().ok();
        let permit = take().or_else(|| {
            // One may end before this was asked for.
            self.freed.want();
            take()
        });
        let busy = Hindrance { until: None, busy: true, wide: false, down: false, why: FETCHING };
        permit.map(|permit| Fetching { permit: Some(permit), freed: Arc::clone(&self.freed), begun: false }).ok_or(busy)
    }

    /// If no letter at all can go now: the moment from which one may.
    pub(super) fn shut_until(&self, now: Timestamp) -> Option<Timestamp> {
        let moments: Option<Vec<Timestamp>> = self.lines.iter().map(|line| line.shut_until(now)).collect();
        moments?.into_iter().min()
    }

    /// What letters like this one are kept by.
    pub(super) fn key(&self, letter: &Traveller) -> Key {
        let domain = self.routes.group(&letter.domain).unwrap_or(&letter.domain).to_owned();
        Key { route: self.routes.route(letter), domain, fetches: false }
    }

    /// Whether letters that wait for another to go may be asked about.
    pub(super) fn freed(&self) -> bool {
        self.freed.take()
    }

    /// Leave for a letter to take a relay that it has not `tried` yet, asking the ledger for what is needed.
    pub(crate) async fn pass(
        &self,
        store: &Store,
        letter: &Traveller,
        tried: &[String],
        now: Timestamp,
    ) -> Result<std::result::Result<Pass, Hindrance>> {
        let Key { route, domain, .. } = self.key(letter);
        let mut hindrance = Hindrance { until: None, busy: false, wide: true, down: true, why: NO_RELAY };
        for line in self.routes.order(route, &letter.message).into_iter().filter_map(|place| self.lines.get(place)) {
            if tried.iter().any(|name| name == line.relay.name()) {
                continue;
            }
            if line.spare && !hindrance.down && !hindrance.is_none() {
                break;
            }
            match self.pass_of(line, store, &domain, now).await? {
                Ok(pass) => return Ok(Ok(pass)),
                Err(barrier) => hindrance.add(&barrier),
            }
        }
        Ok(Err(hindrance))
    }

    async fn pass_of(
        &self,
        line: &Arc<Line>,
        store: &Store,
        domain: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<Pass, Barrier>> {
        let mut looked_again = false;
        loop {
            match line.take(domain, now) {
                Ok(pass) => return Ok(Ok(pass)),
                // What is given or refused is known from then on, so it asks once for each ceiling.
                Err(Barrier::Ask(ceiling, per, limit)) => {
                    let grant = self.ledger.take(store, &ceiling, (per, limit), self.zone, now).await?;
                    line.grant(&ceiling.domain, per, grant);
                }
                // A letter may have gone before this was asked for.
                Err(Barrier::Busy(_)) if !looked_again => {
                    looked_again = true;
                    self.freed.want();
                }
                Err(barrier) => return Ok(Err(barrier)),
            }
        }
    }

    /// When a relay that could not be reached is looked at again.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| line.next_look()).min()
    }

    /// The relays that are to be looked at now.
    pub(super) fn probes(&self, now: Timestamp) -> Vec<Probe> {
        let due = self.lines.iter().filter(|line| line.begins_probe(now));
        due.map(|line| Probe(Arc::clone(line))).collect()
    }

    /// Ends the connections that wait.
    pub async fn close(&self) {
        for line in &self.lines {
            line.relay.close().await;
        }
    }
}

impl Hindrance {
    /// Whether it ends by itself.
    pub(super) fn passes(&self) -> bool {
        self.busy || self.until.is_some()
    }

    /// Whether no relay was asked yet.
    fn is_none(&self) -> bool {
        self.why == NO_RELAY
    }

    /// One more relay does not take the letter.
    fn add(&mut self, barrier: &Barrier) {
        let (until, keeps, why) = match barrier {
            Barrier::Until(until, keeps, why) => (Some(*until), *keeps, *why),
            Barrier::Busy(keeps) => (None, *keeps, BUSY),
            Barrier::Ask(..) => return,
        };
        self.wide &= keeps == Keeps::All;
        self.down &= why == RELAY_DOWN;
        self.busy |= until.is_none();
        if self.until.is_none_or(|known| until.is_some_and(|until| until < known)) {
            self.until = until.or(self.until);
            self.why = why;
        }
    }
}

/// A look at a relay that could not be reached: a connection, and no letter.
pub(super) struct Probe(Arc<Line>);

impl Probe {
    /// Looks. What changed is to be told.
    pub(super) async fn run(&self, clock: &crate::clock::Clock) -> Option<Told> {
        let outcome = self.0.relay.check().await;
        self.0.probed(outcome.as_ref().map(drop), clock.now())
    }
}

fn lanes_of(lines: &[Arc<Line>]) -> usize {
    let connections: u32 = lines.iter().map(|line| line.relay.connections()).sum();
    let lanes = usize::try_from(connections).unwrap_or(1).max(1);
    if lines.len() > 1 { lanes * 2 } else { lanes }
}

fn limits(relay: &RelaySettings, zone: Tz) -> Vec<(Per, Limit)> {
    let mut limits = Vec::new();
    limits.extend(relay.rate_per_second.map(|limit| (Per::Second, Limit::Fixed(limit))));
    limits.extend(relay.rate_per_hour.map(|limit| (Per::Hour, Limit::Fixed(limit))));
    limits.extend(warm_up(relay, zone).map(|limit| (Per::Day, limit)));
    limits
}

fn warm_up(relay: &RelaySettings, zone: Tz) -> Option<Limit> {
    let from: NaiveDate = relay.warm_up_from.as_deref()?.parse().ok()?;
    Some(Limit::WarmUp { from, daily: relay.warm_up.clone(), zone })
}

/// A ceiling of a relay as people look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Used {
    /// Given out to nodes so far.
    pub used: u64,
    /// The ceiling; `None` for a warm-up that is over.
    pub limit: Option<u32>,
}

/// How much of a relay's hour and day is used, where they have a ceiling.
pub async fn used(
    store: &Store,
    name: &str,
    relay: &RelaySettings,
    zone: Tz,
    now: Timestamp,
) -> Result<[Option<Used>; 2]> {
    let ceiling = Ceiling { relay: name.to_owned(), domain: String::new() };
    let mut found = [None, None];
    for (per, limit) in limits(relay, zone) {
        let Some(window) = per.window(now, zone) else { continue };
        let used = store.window_used(&ceiling, window).await?;
        let place: usize = (per == Per::Day).into();
        found[place] = Some(Used { used, limit: limit.at(now) });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_to_fetch_tells_when_a_letter_was_composed_and_not_when_it_was_of_no_use() {
        let (mail, wakes) = (MailSettings::default(), Arc::default());
        let ours = ("shop.example", Tz::UTC);
        let fleet = Fleet::new(&mail, &Refusals::with(&[]), ours, Arc::default(), &wakes).expect("a fleet");
        fleet.freed.want();
        drop(fleet.fetching().expect("leave"));
        assert!(!fleet.freed(), "no letter has gone");
        let under_way = fleet.fetching().expect("leave").begun();
        assert!(fleet.fetching().is_err_and(|hindrance| hindrance.busy && hindrance.why == FETCHING));
        drop(under_way);
        assert!(fleet.freed());
    }
}
