//! The letters that lanes take from: claimed many at once, whom they go to read for many at once (the last check reads it
//! once more), and each with leave to take a relay. One that no relay takes now is set aside, and the next one has its turn.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::aside::{Aside, PutOff};
use super::fleet::{Fetching, Key, Pass};
use crate::engine::mailing::Mailing;
use crate::engine::{Engine, Result};
use crate::journey::customer::Customer;
use crate::journey::time::Timestamp;
use crate::mail::{Address, Traveller};
use crate::store::{Claimed, PutOffRow};

/// Letters claimed at once for each lane.
const CLAIMED_AT_ONCE: usize = 16;
/// Letters for each lane whose recipients are read at once.
const READ_AT_ONCE: usize = 4;
/// Letters put off by one transaction.
const PUT_OFF_AT_ONCE: usize = 256;

/// Claimed letters, with whom the next ones go to.
pub(super) struct Queue {
    engine: Arc<Engine>,
    /// Told when a lane finds no more.
    dry: Arc<Notify>,
    stop: CancellationToken,
    mailing: Arc<Mailing>,
    waiting: VecDeque<Claimed>,
    ready: VecDeque<Taken>,
    aside: Aside<Taken>,
    put_off: Vec<PutOff<Taken>>,
    taken: usize,
}

/// A letter out of the queue.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) claimed: Arc<Claimed>,
    /// `None`: whoever it was for is not known any more.
    pub(super) to: Option<Recipient>,
    pub(super) traveller: Traveller,
    /// Whether files are fetched when it is composed.
    pub(super) fetches: bool,
}

/// A letter with leave to take a relay.
pub(super) struct Leave {
    pub(super) taken: Taken,
    pub(super) pass: Pass,
    pub(super) mailing: Arc<Mailing>,
    /// For one that has files fetched, until it is composed.
    pub(super) fetching: Option<Fetching>,
}

/// Whom a letter goes to; for a letter that an earlier try froze, at the address that it was frozen with.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) customer: Customer,
    pub(super) address: Option<String>,
    pub(super) suppressed: bool,
}

impl Queue {
    pub(super) fn new(engine: Arc<Engine>, dry: Arc<Notify>, stop: CancellationToken) -> Self {
        Self {
            mailing: engine.mailing.load_full(),
            engine,
            dry,
            stop,
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            aside: Aside::new(),
            put_off: Vec::new(),
            taken: 0,
        }
    }

    /// Letters taken out of it so far.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// When a letter that is set aside is to be asked about, if time alone decides it.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.aside.next_at()
    }

    /// The next letter that a relay takes; `None` if there is none now, or no further one is to be begun.
    pub(super) async fn next(&mut self) -> Result<Option<Leave>> {
        while self.fill().await? > 0 {
            let now = self.engine.clock.now();
            let (kept, taken) = match self.aside.next(now) {
                Some((key, taken)) => (Some(key), taken),
                None => match self.next_fresh().await? {
                    Some(taken) => (None, taken),
                    None => continue,
                },
            };
            let key = self.mailing.fleet.key(&taken.traveller);
            let fetches = Some(Key::of_fetching()).filter(|_| taken.fetches);
            if kept.is_none()
                && let Some(keeps) =
                    fetches.clone().filter(|key| self.aside.has(key)).or_else(|| self.aside.keeps(&key))
            {
                let off = self.aside.join(&keeps, taken, now);
                self.put_off(off).await?;
                continue;
            }
            let fetching = match fetches.map(|key| (self.mailing.fleet.fetching(), key)) {
                None => None,
                Some((Ok(fetching), _)) => Some(fetching),
                Some((Err(hindrance), key)) => {
                    let off = self.aside.hinder(&key, taken, hindrance, now);
                    self.leave(kept.filter(|kept| *kept != key));
                    self.put_off(off).await?;
                    continue;
                }
            };
            match self.mailing.fleet.pass(&self.engine.store, &taken.traveller, &[], now).await {
                Ok(Ok(pass)) => {
                    if let Some(kept) = kept {
                        self.aside.went(&kept);
                    }
                    self.taken += 1;
                    let fetching = fetching.map(Fetching::begun);
                    return Ok(Some(Leave { taken, pass, mailing: Arc::clone(&self.mailing), fetching }));
                }
                Ok(Err(hindrance)) => {
                    let key = if hindrance.wide { key.of_route() } else { key };
                    let off = self.aside.hinder(&key, taken, hindrance, now);
                    self.leave(kept.filter(|kept| *kept != key));
                    self.put_off(off).await?;
                }
                Err(error) => {
                    self.leave(kept);
                    self.ready.push_front(taken);
                    return Err(error);
                }
            }
        }
        self.write_put_off().await?;
        self.dry.notify_one();
        Ok(None)
    }

    fn leave(&mut self, kept: Option<Key>) {
        if let Some(kept) = kept {
            self.aside.left(&kept);
        }
    }

    /// Claims letters if there are none left. Gives how many there are that may be asked about.
    pub(super) async fn fill(&mut self) -> Result<usize> {
        if self.stop.is_cancelled() {
            return Ok(0);
        }
        self.follow_settings();
        if self.mailing.fleet.freed() {
            self.aside.freed();
        }
        if self.waiting.is_empty() && self.ready.is_empty() {
            self.waiting = self.claim().await?.into();
        }
        Ok(self.waiting.len() + self.ready.len() + self.aside.awake(self.engine.clock.now()))
    }

    /// Under other settings nothing keeps a letter for the reason it was kept for.
    fn follow_settings(&mut self) {
        let mailing = self.engine.mailing.load();
        if !Arc::ptr_eq(&mailing, &self.mailing) {
            self.mailing = Arc::clone(&mailing);
            self.ready.extend(self.put_off.drain(..).map(|off| off.letter));
            self.ready.extend(self.aside.empty());
        }
    }

    /// A letter that was taken and not begun.
    pub(super) fn put_back(&mut self, claimed: Arc<Claimed>) {
        self.taken -= 1;
        self.waiting.push_front(Arc::unwrap_or_clone(claimed));
        // Every lane may have ended, or be at work for long.
        self.dry.notify_one();
        self.engine.wakes.send.notify_one();
    }

    /// Ends the claims on everything that is still here.
    pub(super) async fn give_back(&mut self) -> Result<()> {
        self.write_put_off().await?;
        let ready = self.ready.drain(..).chain(self.aside.empty()).map(|taken| taken.claimed.id.clone());
        let ids: Vec<String> = self.waiting.drain(..).map(|claimed| claimed.id).chain(ready).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut tx = self.engine.store.begin().await?;
        tx.release_messages(&self.engine.node, &ids).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn put_off(&mut self, letters: impl IntoIterator<Item = PutOff<Taken>>) -> Result<()> {
        self.put_off.extend(letters);
        if self.put_off.len() < PUT_OFF_AT_ONCE {
            return Ok(());
        }
        self.write_put_off().await
    }

    async fn write_put_off(&mut self) -> Result<()> {
        if self.put_off.is_empty() {
            return Ok(());
        }
        let rows: Vec<PutOffRow> = self
            .put_off
            .iter()
            .map(|off| PutOffRow { id: off.letter.claimed.id.clone(), next_at: off.until, why: off.why })
            .collect();
        let mut tx = self.engine.store.begin().await?;
        tx.put_off_messages(&self.engine.node, &rows).await?;
        tx.commit().await?;
        self.put_off.clear();
        Ok(())
    }

    async fn claim(&self) -> Result<Vec<Claimed>> {
        let engine = &self.engine;
        let now = engine.clock.now();
        if self.mailing.fleet.is_empty() || self.mailing.fleet.shut_until(now).is_some() {
            return Ok(Vec::new());
        }
        // Read before claiming: what is accepted later is later than what falls due now.
        let unapplied = engine.store.oldest_unapplied_at().await?;
        let next = engine.store.next_send_at().await?;
        if next.is_none_or(|at| at > now || unapplied.is_some_and(|oldest| at >= oldest)) {
            return Ok(Vec::new());
        }
        let mut tx = engine.store.begin().await?;
        let most = self.mailing.fleet.lanes() * CLAIMED_AT_ONCE;
        let claimed = tx.claim_messages(&engine.node, now, now.after(self.mailing.lease), unapplied, most).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn next_fresh(&mut self) -> Result<Option<Taken>> {
        if self.ready.is_empty() {
            self.read_recipients().await?;
        }
        Ok(self.ready.pop_front())
    }

    async fn read_recipients(&mut self) -> Result<()> {
        let engine = &self.engine;
        let most = self.mailing.fleet.lanes() * READ_AT_ONCE;
        let letters = self.waiting.range(..most.min(self.waiting.len()));
        let ids: HashSet<&String> = letters.clone().map(|claimed| &claimed.customer).collect();
        let customers = engine.store.customers(&ids.into_iter().cloned().collect::<Vec<_>>()).await?;
        let addresses: HashMap<String, String> = letters
            .filter_map(|claimed| {
                let frozen = claimed.raw.as_ref().and(claimed.to.as_deref());
                let address = frozen.or_else(|| customers.get(&claimed.customer)?.email())?;
                Some((claimed.id.clone(), address.to_lowercase()))
            })
            .collect();
        let suppressed =
            engine.store.suppressed(&addresses.values().cloned().collect::<Vec<_>>(), engine.clock.now()).await?;
        let book = engine.book.load();
        for claimed in self.waiting.drain(..most.min(self.waiting.len())) {
            let to = customers.get(&claimed.customer).cloned().map(|customer| {
                let address = addresses.get(&claimed.id).cloned();
                let suppressed = address.as_ref().is_some_and(|address| suppressed.contains(address));
                Recipient { customer, address, suppressed }
            });
            let sender = book.rulebook.sender_of(&claimed.rulebook, &claimed.rule, &claimed.map);
            let traveller = Traveller {
                message: claimed.id.clone(),
                purpose: claimed.purpose.clone(),
                map: claimed.map.clone(),
                sender: sender.map(str::to_owned),
                domain: addresses.get(&claimed.id).map(|to| domain_of(to)).unwrap_or_default(),
            };
            let letters = to.as_ref().map(|to| book.letters_of(&to.customer, &claimed.id));
            let fetches = claimed.raw.is_none()
                && letters.is_some_and(|of| of.fetches(&claimed.map, &claimed.letter, &claimed.locale));
            self.ready.push_back(Taken { claimed: Arc::new(claimed), to, traveller, fetches });
        }
        Ok(())
    }
}

/// The domain that routes and limits know an address by; none of an address that can't be written to.
fn domain_of(address: &str) -> String {
    address.parse::<Address>().map(|address| address.domain().to_owned()).unwrap_or_default()
}
