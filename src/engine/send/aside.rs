//! Letters that no relay takes now, by what keeps them: so that they hold up no other, and none asks for all.
//!
//! A letter that can go within seconds is kept here; one that can't, or that has too many before it, is put off in the
//! database, where it costs nothing.
//!
//! Pure: every moment is handed in.

use std::collections::{BTreeMap, VecDeque};

use super::fleet::{Hindrance, Key};
use crate::journey::time::{Span, Timestamp};

/// Most letters kept for the same reason, and in all.
const MOST_OF_A_KIND: usize = 256;
const MOST: usize = 2_048;
/// Who waits for longer than this waits in the database.
const NEAR: Span = Span::seconds(5);
/// The shortest and the longest that a letter is put off at once: settings and relays may change meanwhile.
const SHORTEST: Span = Span::from_micros(250_000);
const LONGEST: Span = Span::seconds(600);
/// How long a letter is thought to take where none has gone yet.
const GUESS: Span = Span::from_micros(50_000);

/// Letters set aside.
#[derive(Debug)]
pub(super) struct Aside<T> {
    kinds: BTreeMap<Key, Kind<T>>,
    letters: usize,
}

/// Letters that the same thing keeps.
#[derive(Debug)]
struct Kind<T> {
    letters: VecDeque<T>,
    wakes: Wakes,
    why: &'static str,
    since: Timestamp,
    gone: i64,
    /// When the last one of those that were put off is to come back.
    tail: Timestamp,
}

/// When letters are asked about again.
#[derive(Clone, Copy, Debug)]
enum Wakes {
    Now,
    At(Timestamp),
    /// When another letter has gone, or at a moment.
    Freed(Option<Timestamp>),
}

/// A letter that is to wait in the database.
#[derive(Debug)]
pub(super) struct PutOff<T> {
    pub(super) letter: T,
    pub(super) until: Timestamp,
    pub(super) why: &'static str,
}

impl<T> Aside<T> {
    pub(super) fn new() -> Self {
        Self { kinds: BTreeMap::new(), letters: 0 }
    }

    /// What keeps letters like this one, if anything does: what keeps all of their route does, too.
    pub(super) fn keeps(&self, key: &Key) -> Option<Key> {
        let wide = key.of_route();
        [wide, key.clone()].into_iter().find(|key| self.kinds.contains_key(key))
    }

    /// Whether letters are kept for this very reason.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.kinds.contains_key(key)
    }

    /// How many letters may be asked about now.
    pub(super) fn awake(&self, now: Timestamp) -> usize {
        self.kinds.values().filter(|kind| kind.is_awake(now)).map(|kind| kind.letters.len()).sum()
    }

    /// The first letter that may be asked about now. Whoever takes it tells by [`Aside::went`] or [`Aside::hinder`].
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(Key, T)> {
        let (key, kind) = self.kinds.iter_mut().find(|(_, kind)| kind.is_awake(now))?;
        let letter = kind.letters.pop_front()?;
        self.letters -= 1;
        Some((key.clone(), letter))
    }

    /// A letter that was kept here is on its way.
    pub(super) fn went(&mut self, key: &Key) {
        if let Some(kind) = self.kinds.get_mut(key) {
            kind.gone += 1;
        }
        self.tidy(key);
    }

    /// A letter that was taken from here is kept by something else now.
    pub(super) fn left(&mut self, key: &Key) {
        self.tidy(key);
    }

    fn tidy(&mut self, key: &Key) {
        if self.kinds.get(key).is_some_and(|kind| kind.letters.is_empty()) {
            self.kinds.remove(key);
        }
    }

    /// Keeps a letter that was found to be hindered, before those that are kept for the same reason. Gives those that are to
    /// wait in the database instead.
    pub(super) fn hinder(&mut self, key: &Key, letter: T, hindrance: Hindrance, now: Timestamp) -> Vec<PutOff<T>> {
        let kind = self.kinds.entry(key.clone()).or_insert_with(|| Kind::new(hindrance.why, now));
        kind.letters.push_front(letter);
        kind.why = hindrance.why;
        self.letters += 1;
        let far = hindrance.until.filter(|until| !hindrance.busy && *until > now.after(NEAR));
        let Some(until) = far else {
            kind.wakes = match hindrance.until {
                until if hindrance.busy => Wakes::Freed(until),
                Some(until) => Wakes::At(until),
                None => Wakes::At(now.after(NEAR)),
            };
            return Vec::new();
        };
        let (until, why) = (until.min(now.after(LONGEST)), hindrance.why);
        let letters = self.kinds.remove(key).map(|kind| kind.letters).unwrap_or_default();
        self.letters -= letters.len();
        letters.into_iter().map(|letter| PutOff { letter, until, why }).collect()
    }

    /// Keeps one more letter behind those that are kept for the same reason, or tells when it is to come back.
    pub(super) fn join(&mut self, key: &Key, letter: T, now: Timestamp) -> Option<PutOff<T>> {
        let kind = self.kinds.get_mut(key)?;
        if kind.letters.len() < MOST_OF_A_KIND && self.letters < MOST {
            kind.letters.push_back(letter);
            self.letters += 1;
            return None;
        }
        let until = kind.turn(now);
        Some(PutOff { letter, until, why: kind.why })
    }

    /// A letter has gone: those that waited for that may be asked about.
    pub(super) fn freed(&mut self) {
        for kind in self.kinds.values_mut() {
            if matches!(kind.wakes, Wakes::Freed(_)) {
                kind.wakes = Wakes::Now;
            }
        }
    }

    /// When letters are to be asked about next, if time alone decides it.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let moments = self.kinds.values().filter_map(|kind| match kind.wakes {
            Wakes::Now => Some(Timestamp::MIN),
            Wakes::At(at) => Some(at),
            Wakes::Freed(at) => at,
        });
        moments.min()
    }

    /// Every letter, to be begun with anew.
    pub(super) fn empty(&mut self) -> Vec<T> {
        self.letters = 0;
        std::mem::take(&mut self.kinds).into_values().flat_map(|kind| kind.letters).collect()
    }
}

impl<T> Kind<T> {
    fn new(why: &'static str, now: Timestamp) -> Self {
        Self { letters: VecDeque::new(), wakes: Wakes::Now, why, since: now, gone: 0, tail: now }
    }

    fn is_awake(&self, now: Timestamp) -> bool {
        match self.wakes {
            Wakes::Now => true,
            Wakes::At(at) => at <= now,
            Wakes::Freed(at) => at.is_some_and(|at| at <= now),
        }
    }

    /// When one more letter is to come back, as fast as they went so far; rather too early than too late.
    fn turn(&mut self, now: Timestamp) -> Timestamp {
        let passed = now.since(self.since).micros();
        let each = if self.gone > 0 { (passed / self.gone / 2).max(1) } else { GUESS.micros() };
        let kept = i64::try_from(self.letters.len()).unwrap_or(i64::MAX);
        let first = now.after(Span::from_micros(each.saturating_mul(kept)));
        let turn = self.tail.max(first).after(Span::from_micros(each));
        self.tail = turn.clamp(now.after(SHORTEST), now.after(LONGEST));
        self.tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(0).after(Span::from_micros(millis * 1_000))
    }

    fn key(domain: &str) -> Key {
        Key { route: None, domain: domain.into(), fetches: false }
    }

    fn until(moment: Timestamp) -> Hindrance {
        Hindrance { until: Some(moment), busy: false, why: "rate", wide: false, down: false }
    }

    #[test]
    fn a_letter_that_waits_is_asked_about_when_its_moment_has_come_and_others_join_behind_it() {
        let mut aside = Aside::new();
        assert!(aside.hinder(&key("a"), 1, until(at(100)), at(0)).is_empty());
        assert_eq!(aside.keeps(&key("b")), None);
        let kept = aside.keeps(&key("a")).expect("is kept");
        assert!(aside.join(&kept, 2, at(0)).is_none());
        assert_eq!((aside.awake(at(99)), aside.awake(at(100)), aside.next_at()), (0, 2, Some(at(100))));
        let (kept, first) = aside.next(at(100)).expect("is awake");
        assert_eq!(first, 1);
        aside.went(&kept);
        let (kept, second) = aside.next(at(100)).expect("is awake still");
        aside.hinder(&kept, second, until(at(200)), at(100));
        assert_eq!(aside.next(at(199)), None);
        assert_eq!(aside.next(at(200)), Some((kept.clone(), 2)));
        aside.went(&kept);
        assert_eq!(aside.keeps(&key("a")), None, "nothing is left of it");
    }

    #[test]
    fn what_keeps_all_letters_of_a_route_keeps_each() {
        let mut aside = Aside::new();
        aside.hinder(&key(""), 1, until(at(100)), at(0));
        assert_eq!(aside.keeps(&key("a")), Some(key("")));
        assert_eq!(aside.keeps(&Key { route: Some(1), domain: "a".into(), fetches: false }), None);
    }

    #[test]
    fn who_waits_for_another_letter_wakes_when_one_has_gone() {
        let mut aside = Aside::new();
        aside.hinder(&key("a"), 1, Hindrance { until: None, busy: true, why: "busy", wide: false, down: false }, at(0));
        assert_eq!((aside.awake(at(1_000_000)), aside.next_at()), (0, None));
        aside.freed();
        assert_eq!(aside.awake(at(0)), 1);
    }

    #[test]
    fn who_waits_for_long_waits_in_the_database_and_not_for_too_long_at_once() {
        let mut aside = Aside::new();
        aside.hinder(&key("a"), 1, until(at(100)), at(0));
        let off = aside.hinder(&key("a"), 2, until(at(3_600_000)), at(0));
        assert_eq!(
            off.iter().map(|off| (off.letter, off.until)).collect::<Vec<_>>(),
            [(2, at(600_000)), (1, at(600_000))]
        );
        assert_eq!((aside.keeps(&key("a")), aside.letters), (None, 0));
    }

    #[test]
    fn those_of_a_crowd_come_back_in_their_turns() {
        let mut aside = Aside::new();
        aside.hinder(&key("a"), 0, until(at(100)), at(0));
        let off: Vec<_> = (1..20_000).filter_map(|n| aside.join(&key("a"), n, at(0))).collect();
        assert_eq!(aside.letters, MOST_OF_A_KIND);
        assert!(off.windows(2).all(|pair| pair[0].until <= pair[1].until));
        assert_eq!(off[0].until, at(50 * 257));
        assert_eq!(off.last().map(|off| off.until), Some(at(600_000)));
    }
}
