//! Promo codes of a simulation, which go the ways that those of the ledger go (`store/promo`): given to a run, gone with the
//! letter that brings them, back in their pool when nothing can bring them any more.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::journey::promo::Pattern;

/// Codes by pool; each is given once, and a run that asks again gets the same.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    stock: BTreeMap<String, Pool>,
    runs: HashMap<String, Run>,
    /// How many of a code are not free, over all pools.
    out: HashMap<String, usize>,
    /// Codes that orders carried, in capitals.
    redeemed: HashSet<String>,
    /// How many were made by patterns.
    made: usize,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    codes: Vec<String>,
    free: BTreeSet<usize>,
    /// It makes none, whatever its pattern.
    closed: bool,
}

/// A run that took codes.
#[derive(Clone, Debug, Default)]
struct Run {
    given: Vec<Given>,
    over: bool,
}

#[derive(Clone, Debug)]
struct Given {
    pool: String,
    place: usize,
    code: String,
    /// Letters that may bring it yet.
    on_the_way: usize,
    /// Something brought it: it never comes back.
    brought: bool,
}

impl Pools {
    /// Pools of these codes.
    pub fn new(pools: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let filled = |codes: Vec<String>| Pool { free: (0..codes.len()).collect(), codes, closed: false };
        let stock = pools.into_iter().map(|(pool, codes)| (pool, filled(codes))).collect();
        Self { stock, ..Self::default() }
    }

    /// The same where these pools have the codes that are listed and no others: what their patterns could make counts as used up.
    #[must_use]
    pub fn without_patterns<'p>(mut self, pools: impl IntoIterator<Item = &'p String>) -> Self {
        for pool in pools {
            self.stock.entry(pool.clone()).or_default().closed = true;
        }
        self
    }

    /// The next code of a pool for a run of a customer who was given `had` before, or one made by the pool's pattern; `None` when
    /// none is left.
    pub(super) fn take(
        &mut self,
        pool: &str,
        enrollment: &str,
        had: &[&str],
        pattern: Option<&Pattern>,
    ) -> Option<String> {
        let asked_before = self.runs.get(enrollment).and_then(|run| run.given.iter().find(|given| given.pool == pool));
        if let Some(given) = asked_before {
            return Some(given.code.clone());
        }
        let had = |code: &String| had.contains(&code.as_str()) && self.out.get(code).is_some_and(|out| *out > 0);
        let fresh = |code: &String| !had(code) && !self.redeemed.contains(&code.to_uppercase());
        let of_pool = self.stock.get(pool);
        let listed = of_pool.and_then(|pool| pool.free.iter().copied().find(|place| fresh(&pool.codes[*place])));
        let open = of_pool.is_none_or(|pool| !pool.closed);
        let made = pattern.filter(|_| listed.is_none() && open).map(|pattern| pattern.fill(&self.number()));
        let of_pool = self.stock.entry(pool.to_owned()).or_default();
        let place = match (listed, made) {
            (Some(place), _) => place,
            (None, Some(code)) => {
                self.made += 1;
                of_pool.codes.push(code);
                of_pool.codes.len() - 1
            }
            (None, None) => return None,
        };
        of_pool.free.remove(&place);
        let code = of_pool.codes[place].clone();
        *self.out.entry(code.clone()).or_default() += 1;
        let given = Given { pool: pool.to_owned(), place, code: code.clone(), on_the_way: 0, brought: false };
        self.runs.entry(enrollment.to_owned()).or_default().given.push(given);
        Some(code)
    }

    /// A letter that shows a code is on its way.
    pub(super) fn planned(&mut self, enrollment: &str, code: &str) {
        if let Some(given) = self.given(enrollment, code) {
            given.on_the_way += 1;
        }
    }

    /// A letter brought a code, or a webhook told it.
    pub(super) fn brought(&mut self, enrollment: &str, code: &str) {
        if let Some(given) = self.given(enrollment, code) {
            given.brought = true;
        }
    }

    /// A letter on its way that shows a code will not go out.
    pub(super) fn withheld(&mut self, enrollment: &str, code: &str) {
        if let Some(given) = self.given(enrollment, code) {
            given.on_the_way = given.on_the_way.saturating_sub(1);
            self.put_back(enrollment);
        }
    }

    /// A run that took codes is over.
    pub(super) fn settled(&mut self, enrollment: &str) {
        if let Some(run) = self.runs.get_mut(enrollment) {
            run.over = true;
            self.put_back(enrollment);
        }
    }

    /// An order carries a code, in whatever case it was typed: nobody is given it any more.
    pub(super) fn redeemed(&mut self, code: &str) {
        self.redeemed.insert(code.to_uppercase());
    }

    fn given(&mut self, enrollment: &str, code: &str) -> Option<&mut Given> {
        self.runs.get_mut(enrollment)?.given.iter_mut().find(|given| given.code == code)
    }

    /// Gives the codes of a run back that nothing brought or may bring yet, if it is over.
    fn put_back(&mut self, enrollment: &str) {
        let Some(run) = self.runs.get_mut(enrollment).filter(|run| run.over) else { return };
        let (kept, back): (Vec<_>, Vec<_>) =
            std::mem::take(&mut run.given).into_iter().partition(|given| given.brought || given.on_the_way > 0);
        run.given = kept;
        for given in back {
            if let Some(pool) = self.stock.get_mut(&given.pool) {
                pool.free.insert(given.place);
            }
            if let Some(out) = self.out.get_mut(&given.code) {
                *out -= 1;
            }
        }
    }

    /// How many codes were made so far, as the bytes of a code that is like no other. A simulation has no secrets.
    fn number(&self) -> [u8; Pattern::MOST_PLACES] {
        let mut bytes = [0; Pattern::MOST_PLACES];
        let mut rest = self.made;
        for byte in &mut bytes {
            *byte = u8::try_from(rest % 32).unwrap_or_default();
            rest /= 32;
        }
        bytes
    }
}
