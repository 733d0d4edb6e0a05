//! What customers wish of letters beyond yes and no: a pause, fewer of them, none of a map.
//!
//! Invariants: a later wish replaces an earlier one, whatever comes in first; letters that answer what the customer did
//! (`transactional`) heed none of this, for an order's confirmation is wanted by whoever orders.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize};

use super::attention::{AtLimit, Cap, Limits};
use super::rule::TRANSACTIONAL;
use super::time::{Span, Timestamp};
use super::wait::WaitZone;

/// The most letters a week that can be wished for.
pub const MOST: u32 = 20;
/// Most maps of which it is kept whether their letters are wanted.
const MOST_MAPS: usize = 100;
/// A week, in which wished-for letters are counted.
const WEEK: Span = Span::days(7);
/// How long a letter waits for the end of a pause; longer, and it is withheld: nobody wants a month's letters at once.
pub const PATIENCE: Span = Span::days(1);

/// The wishes of a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// No letter before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Wish<Option<Timestamp>>>,
    /// At most so many letters a week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_a_week: Option<Wish<Option<u32>>>,
    /// Whether letters of a map are wanted, of the maps of which that was said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub maps: BTreeMap<String, Wish<bool>>,
}

/// One wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish<T> {
    /// What is wished; nothing any more, if it is none.
    #[serde(rename = "v")]
    pub value: T,
    /// When it was said.
    #[serde(rename = "t")]
    pub at: Timestamp,
}

/// What an event says of wishes. Absent means "not said", `null` means "no such wish any more".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wishes {
    /// No letter before this moment.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Option<Timestamp>>,
    /// At most so many letters a week.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub most_a_week: Option<Option<u32>>,
    /// Whether letters of maps are wanted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub maps: BTreeMap<String, bool>,
}

impl Wishes {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Preferences {
    /// Whether nothing was ever wished.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is wished at a moment, in words, by the wall clock of a zone.
    pub fn in_words(&self, at: Timestamp, zone: Tz) -> Vec<String> {
        let rest = self.paused_until.and_then(|wish| wish.value).filter(|until| *until > at);
        let rest = rest.map(|until| format!("no letters until {}", until.in_words(zone)));
        let most = self.most_a_week.and_then(|wish| wish.value).map(|most| format!("at most {most} a week"));
        let refused = self.maps.iter().filter(|(_, wish)| !wish.value).map(|(map, _)| format!("none of {map}"));
        rest.into_iter().chain(most).chain(refused).collect()
    }

    /// Takes wishes over that were said at a moment; tells whether anything changed.
    pub fn take(&mut self, wishes: &Wishes, at: Timestamp) -> bool {
        let mut changed = false;
        if let Some(value) = wishes.paused_until {
            changed |= put(&mut self.paused_until, value, at);
        }
        if let Some(value) = wishes.most_a_week {
            changed |= put(&mut self.most_a_week, value, at);
        }
        for (map, wanted) in &wishes.maps {
            let mut known = self.maps.get(map).copied();
            if known.is_none() && self.maps.len() >= MOST_MAPS {
                continue;
            }
            changed |= put(&mut known, *wanted, at);
            self.maps.extend(known.map(|wish| (map.clone(), wish)));
        }
        changed
    }

    /// Until when letters of a purpose are not wanted at all, if they are not at a moment.
    pub(super) fn rests_until(&self, purpose: &str, at: Timestamp) -> Option<Timestamp> {
        let until = self.paused_until?.value?;
        (purpose != TRANSACTIONAL && until > at).then_some(until)
    }

    /// The limit on letters of a purpose that the customer wishes.
    pub(super) fn limits(&self, purpose: &str) -> Option<Limits> {
        let most = self.most_a_week?.value.filter(|_| purpose != TRANSACTIONAL)?;
        Some(Limits {
            purpose: purpose.to_owned(),
            caps: vec![Cap { most: usize::try_from(most).unwrap_or(1).max(1), span: WEEK }],
            gap: None,
            quiet: None,
            days_off: Vec::new(),
            holidays: Vec::new(),
            zone: WaitZone::Shop,
            at_limit: AtLimit::Wait(WEEK),
        })
    }

    /// Since when letters of a map are not wanted, if they are not.
    pub fn refuses(&self, map: &str, purpose: &str) -> Option<Timestamp> {
        let wish = self.maps.get(map)?;
        (!wish.value && purpose != TRANSACTIONAL).then_some(wish.at)
    }

    /// Takes over the wishes of another customer who turned out to be the same: of two, the one that wants less.
    pub(super) fn merge(&mut self, other: &Self) {
        let until = |wish: &Option<Wish<Option<Timestamp>>>| wish.and_then(|wish| wish.value);
        if until(&other.paused_until) > until(&self.paused_until) {
            self.paused_until = other.paused_until;
        }
        let most = |wish: &Option<Wish<Option<u32>>>| wish.and_then(|wish| wish.value);
        if let Some(fewer) = most(&other.most_a_week)
            && most(&self.most_a_week).is_none_or(|known| fewer < known)
        {
            self.most_a_week = other.most_a_week;
        }
        for (map, wish) in &other.maps {
            let known = self.maps.entry(map.clone()).or_insert(*wish);
            if known.value && !wish.value {
                *known = *wish;
            }
        }
    }
}

/// Replaces a wish unless a later one is known; tells whether what is wished changed.
fn put<T: Copy + PartialEq>(known: &mut Option<Wish<T>>, value: T, at: Timestamp) -> bool {
    if known.is_some_and(|known| known.at > at) {
        return false;
    }
    let changed = known.is_none_or(|known| known.value != value);
    *known = Some(Wish { value, at });
    changed
}

/// A field that is there, be it `null`.
#[expect(clippy::option_option, reason = "absent, `null` and a value are three things, as an event says them")]
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_later_wish_holds_whatever_comes_first() {
        let fewer = Wishes { most_a_week: Some(Some(1)), ..Wishes::default() };
        let as_many = Wishes { most_a_week: Some(None), ..Wishes::default() };
        let mut wishes = Preferences::default();
        assert!(wishes.take(&as_many, at(2)));
        assert!(!wishes.take(&fewer, at(1)), "it was said before");
        assert_eq!(wishes.limits("marketing"), None);
        assert!(wishes.take(&fewer, at(3)));
        assert_eq!(wishes.limits("marketing").map(|limits| limits.caps[0].most), Some(1));
        assert_eq!(wishes.limits(TRANSACTIONAL), None);
    }

    #[test]
    fn null_is_said_and_absent_is_not() {
        let wishes: Wishes = serde_json::from_str(r#"{"paused_until": null}"#).expect("wishes");
        assert_eq!((wishes.paused_until, wishes.most_a_week), (Some(None), None));
        let again: Wishes = serde_json::from_str(&serde_json::to_string(&wishes).expect("JSON")).expect("wishes");
        assert_eq!(again, wishes);
        assert!(serde_json::from_str::<Wishes>("{}").expect("wishes").is_empty());
    }

    #[test]
    fn two_who_are_one_want_the_less_of_both() {
        let wish = |value| Some(Wish { value: Some(value), at: at(1) });
        let mut one = Preferences { most_a_week: wish(3), ..Preferences::default() };
        let refused = Wish { value: false, at: at(1) };
        let maps = [("shop".to_owned(), refused)].into();
        one.maps.insert("shop".into(), Wish { value: true, at: at(9) });
        one.merge(&Preferences { most_a_week: wish(2), maps, ..Preferences::default() });
        assert_eq!((one.most_a_week, one.maps["shop"]), (wish(2), refused));
        one.merge(&Preferences::default());
        assert_eq!(one.most_a_week, wish(2));
    }
}
