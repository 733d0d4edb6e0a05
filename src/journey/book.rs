//! The rulebook: all maps and rules of a directory, validated together, identified by a hash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono_tz::Tz;

use super::attention::Attention;
use super::consents::DoubleOptIn;
use super::index::Index;
use super::map::JourneyMap;
use super::pause::Pauses;
use super::promo::PoolRules;
use super::rule::{Rule, TRANSACTIONAL};
use super::segment::Segment;
use super::split::Winners;

/// What the shop is, as far as decisions need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shop {
    /// Zone of "shop" wall clocks.
    pub zone: Tz,
    /// Locale used where a customer has none.
    pub locale: String,
    /// Currency used where a source names none.
    pub currency: String,
    /// Purposes that may be written to without an explicit consent (`transactional` always; see `[consent]`).
    pub assumed_purposes: BTreeSet<String>,
    /// Agreements that the customer must confirm.
    pub double_opt_in: DoubleOptIn,
    /// Senders in whose names letters may go out, besides the shop itself.
    pub senders: BTreeSet<String>,
    /// Webhooks that steps may post to.
    pub webhooks: BTreeSet<String>,
    /// Connections that steps may write to.
    pub connections: BTreeSet<String>,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            zone: Tz::UTC,
            locale: "en".into(),
            currency: "EUR".into(),
            assumed_purposes: BTreeSet::from([TRANSACTIONAL.to_owned()]),
            double_opt_in: DoubleOptIn::default(),
            senders: BTreeSet::new(),
            webhooks: BTreeSet::new(),
            connections: BTreeSet::new(),
        }
    }
}

/// Everything that decides, as values.
#[derive(Clone, Debug, Default)]
pub struct Rulebook {
    /// Hex SHA-256 over every file of the rulebook and the shop's settings that decide.
    pub hash: String,
    /// The shop.
    pub shop: Shop,
    /// Limits on letters and the holdout of the whole shop.
    pub attention: Attention,
    /// Maps by id.
    pub maps: BTreeMap<String, JourneyMap>,
    /// Rules by id.
    pub rules: BTreeMap<String, Rule>,
    /// Promo pools by name.
    pub pools: BTreeMap<String, PoolRules>,
    /// Letters that show a promo code: map and name.
    pub code_letters: BTreeSet<(String, String)>,
    /// Segments by `map/name`.
    pub segments: BTreeMap<String, Segment>,
    /// Rules that are paused, or were.
    pub pauses: Pauses,
    /// Splits of which the best arm is known.
    pub winners: Winners,
    /// What documents stand under if it is not the hash: see [`Rulebook::edition`].
    pub edition: String,
    /// Rulebooks that are not in force any more and under which runs finish, by their hash.
    pub earlier: BTreeMap<String, Arc<Self>>,
    /// Which rules what happens may touch.
    pub index: Index,
}

impl Rulebook {
    /// In whose name a rule's letters go out: the rule's sender, else its map's; `None` for the shop itself. `rulebook` is the
    /// one that the letter was planned under.
    pub fn sender_of(&self, rulebook: &str, rule: &str, map: &str) -> Option<&str> {
        let of_rule = self.rule_under(rulebook, rule).and_then(|rule| rule.sender.as_deref());
        of_rule.or_else(|| self.maps.get(map).and_then(|map| map.sender.as_deref()))
    }

    /// Whether opens and clicks of a rule's letters may be noted: what the rule says, else its map. `rulebook` is the one that the
    /// letter was planned under.
    pub fn tracks(&self, rulebook: &str, rule: &str, map: &str) -> bool {
        let of_rule = self.rule_under(rulebook, rule).and_then(|rule| rule.track);
        of_rule.or_else(|| self.maps.get(map)?.track).unwrap_or(true)
    }

    /// The rules of one map, in the order of their ids.
    pub fn rules_of<'a>(&'a self, map: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.rules.values().filter(move |rule| rule.map == map)
    }
}
