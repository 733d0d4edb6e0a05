//! Promo codes of a simulation.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// Codes by pool; each is given once, and a run that asks again gets the same.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    left: BTreeMap<String, VecDeque<String>>,
    given: HashMap<(String, String), String>,
}

impl Pools {
    /// Pools of these codes.
    pub fn new(pools: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let left = pools.into_iter().map(|(pool, codes)| (pool, codes.into())).collect();
        Self { left, given: HashMap::new() }
    }

    /// The next code of a pool for a run; `None` when none is left.
    pub(super) fn take(&mut self, pool: &str, enrollment: &str) -> Option<String> {
        let asked = (pool.to_owned(), enrollment.to_owned());
        if let Some(code) = self.given.get(&asked) {
            return Some(code.clone());
        }
        let code = self.left.get_mut(pool)?.pop_front()?;
        self.given.insert(asked, code.clone());
        Some(code)
    }
}
