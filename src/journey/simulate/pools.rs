//! Promo codes of a simulation.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::journey::promo::Pattern;

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

    /// The next code of a pool for a run, or one made by the pool's pattern; `None` when none is left.
    pub(super) fn take(&mut self, pool: &str, enrollment: &str, pattern: Option<&Pattern>) -> Option<String> {
        let asked = (pool.to_owned(), enrollment.to_owned());
        if let Some(code) = self.given.get(&asked) {
            return Some(code.clone());
        }
        let listed = self.left.get_mut(pool).and_then(VecDeque::pop_front);
        let code = listed.or_else(|| Some(pattern?.fill(&self.number())))?;
        self.given.insert(asked, code.clone());
        Some(code)
    }

    /// How many codes were given so far, as the bytes of a code that is like no other. A simulation has no secrets.
    fn number(&self) -> [u8; Pattern::MOST_PLACES] {
        let mut bytes = [0; Pattern::MOST_PLACES];
        let mut rest = self.given.len();
        for byte in &mut bytes {
            *byte = u8::try_from(rest % 32).unwrap_or_default();
            rest /= 32;
        }
        bytes
    }
}
