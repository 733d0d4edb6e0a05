//! Promo codes as decisions see them: what a pool's codes are like, what a run does with the answer to its wish for one,
//! and which orders bring one back.
//!
//! Not here: which code it is, and how far each has come (the ledger, `store`).

use serde_json::{Value, json};

use super::advance::Run;
use super::book::Rulebook;
use super::customer::{Customer, Enrollment, GivenCode};
use super::effect::{Cause, Effect, EndReason};
use super::event::Event;
use super::rule::{Action, Rule};
use super::time::{Span, Timestamp};

/// How often a run that is held by an empty pool asks again.
const ASK_AGAIN: Span = Span::seconds(600);
/// How many of the codes that a customer was given are remembered in its document.
const REMEMBERED: usize = 100;
/// What a `#` of a pattern becomes: no letter or digit that another is taken for.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// What the codes of one pool are like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolRules {
    /// How long a code is good after it was given; for ever without it.
    pub valid: Option<Span>,
    /// Fewer codes left than this are too few.
    pub low_stock: Option<u64>,
    /// Codes are made by this; without it they are those that were loaded.
    pub pattern: Option<Pattern>,
}

/// How the codes of a pool look that are made when they are wanted: each `#` stands for a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Fewest places that keep a code from being guessed: a thousand thousand million codes.
    pub const FEWEST_PLACES: usize = 8;
    /// Most places.
    pub const MOST_PLACES: usize = 32;

    /// Takes a pattern as it is written; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let places = text.matches('#').count();
        if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '#' | '-' | '_')) {
            return Err(format!("a pattern has letters, digits, `-`, `_` and `#` in it, and no `{odd}`"));
        }
        if places < Self::FEWEST_PLACES {
            let fewest = Self::FEWEST_PLACES;
            return Err(format!("codes of this pattern could be guessed: it has {places} `#`, and needs {fewest}"));
        }
        if places > Self::MOST_PLACES || text.len() > 100 {
            return Err(format!("a pattern has at most {} `#` and 100 characters", Self::MOST_PLACES));
        }
        Ok(Self(text.to_owned()))
    }

    /// The code that these bytes make, one byte a place.
    pub fn fill(&self, bytes: &[u8; Self::MOST_PLACES]) -> String {
        let mut bytes = bytes.iter();
        let place = |c| match c {
            // The alphabet's length divides 256, so every one of it is as likely as any other.
            '#' => bytes.next().and_then(|byte| ALPHABET.get(usize::from(byte % 32))).map_or('2', |c| char::from(*c)),
            written => written,
        };
        self.0.chars().map(place).collect()
    }
}

/// What a run does when its pool has no code left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenEmpty {
    /// It ends.
    #[default]
    End,
    /// It goes on; its letters that show a code are withheld.
    Withhold,
    /// It waits for a code, at most so long, and ends then.
    Hold {
        /// How long.
        at_most: Span,
    },
}

impl Rulebook {
    /// A pool by name; one that only a rule knows that finishes as it was is there, too.
    pub fn pool(&self, name: &str) -> Option<&PoolRules> {
        self.pools.get(name).or_else(|| self.earlier.values().find_map(|earlier| earlier.pools.get(name)))
    }

    /// Until when a code of a pool is good that is given at `at`.
    pub fn code_expires(&self, pool: &str, at: Timestamp) -> Option<Timestamp> {
        Some(at.after(self.pool(pool)?.valid?))
    }
}

/// The code that an event's order carries and did not carry before.
pub(super) fn carried(customer: &Customer, event: &Event) -> Option<(String, String)> {
    let order = event.order.as_ref()?;
    let code = order.promo_code.as_deref().map(str::trim).filter(|code| !code.is_empty())?;
    let key = format!("{}/{}", event.source, order.id);
    let known = customer.orders.recent.iter().find(|known| known.key == key);
    let news = known.and_then(|known| known.promo_code.as_deref()).is_none_or(|known| known.trim() != code);
    news.then(|| (code.to_owned(), key))
}

/// A given code as letters read it.
pub fn seen(given: &GivenCode) -> Value {
    json!({"code": given.code, "pool": given.pool, "expires_at": given.expires_at.map(Timestamp::rfc3339)})
}

/// A run that took a code is over: the code goes back unless a letter brought it to the customer, or may yet.
pub(super) fn settled(enrollment: &Enrollment) -> Option<Effect> {
    let took = enrollment.promo.is_some() || enrollment.without_code;
    took.then(|| Effect::PromoSettled { enrollment: enrollment.id.clone() })
}

impl Run<'_> {
    /// Asks for a code of a pool.
    pub(super) fn want_code(&mut self, rule: &Rule, pool: &str, enrollment: &mut Enrollment) {
        enrollment.wake_at = None;
        enrollment.wants_promo = Some(pool.to_owned());
        self.effects.push(Effect::PromoWanted {
            enrollment: enrollment.id.clone(),
            rule: rule.id.clone(),
            pool: pool.to_owned(),
        });
    }

    /// Answers a run that waits for a promo code; `None` means the pool has none.
    pub(super) fn promo_answer(&mut self, id: &str, code: Option<&str>) {
        let Some(enrollment) = self.customer.enrollments.iter_mut().find(|e| e.id == id) else { return };
        let Some(pool) = enrollment.wants_promo.take() else { return };
        let book = self.book;
        let Some(rule) = book.rule_of(enrollment) else { return };
        match code {
            Some(code) => self.give(rule, id, &pool, code),
            None => self.do_without(rule, id, &pool),
        }
    }

    fn give(&mut self, rule: &Rule, id: &str, pool: &str, code: &str) {
        let at = self.customer.now;
        let expires_at = self.book.code_expires(pool, at);
        let given = GivenCode { pool: pool.to_owned(), code: code.to_owned(), rule: rule.id.clone(), at, expires_at };
        if let Some(enrollment) = self.customer.enrollments.iter_mut().find(|e| e.id == id) {
            enrollment.promo = Some(given.clone());
            enrollment.without_code = false;
            enrollment.promo_until = None;
        }
        let known = &mut self.customer.promo_codes;
        if !known.iter().any(|known| known.pool == given.pool && known.code == given.code) {
            known.push(given);
            let excess = known.len().saturating_sub(REMEMBERED);
            known.drain(..excess);
        }
        let note = format!("a code of the pool {pool} was assigned");
        self.decide(rule, "promo", "assigned", note, Vec::new(), &Cause::Time);
        self.go_on_behind(rule, id);
    }

    fn do_without(&mut self, rule: &Rule, id: &str, pool: &str) {
        let (now, zone) = (self.customer.now, self.book.shop.zone);
        let Some(enrollment) = self.customer.enrollments.iter_mut().find(|e| e.id == id) else { return };
        let action = rule.position(&enrollment.step).and_then(|at| rule.steps.get(at)).map(|step| &step.action);
        let when_empty = match action {
            Some(Action::Promo { when_empty, .. }) => *when_empty,
            _ => WhenEmpty::End,
        };
        let note = format!("the pool {pool} has no code left");
        match when_empty {
            WhenEmpty::Withhold => {
                enrollment.promo = None;
                enrollment.without_code = true;
                let note = format!("{note}; letters that show one are withheld");
                self.decide(rule, "promo", "empty", note, Vec::new(), &Cause::Time);
                self.go_on_behind(rule, id);
            }
            WhenEmpty::Hold { at_most } if enrollment.promo_until.is_none_or(|until| until > now) => {
                let began = enrollment.promo_until.is_none();
                let until = *enrollment.promo_until.get_or_insert(now.after(at_most));
                enrollment.wake_at = Some(until.min(now.after(ASK_AGAIN)));
                if began {
                    let note = format!("{note}; the run waits for one until {}", until.in_words(zone));
                    self.decide(rule, "promo", "held", note, Vec::new(), &Cause::Time);
                }
            }
            WhenEmpty::End | WhenEmpty::Hold { .. } => {
                let enrollment = enrollment.clone();
                self.customer.enrollments.retain(|e| e.id != id);
                self.decide(rule, "promo", "empty", note, Vec::new(), &Cause::Time);
                self.finish(&enrollment, &EndReason::NoPromoCode);
            }
        }
    }

    fn go_on_behind(&mut self, rule: &Rule, id: &str) {
        let Some(place) = self.customer.enrollments.iter().position(|e| e.id == id) else { return };
        let enrollment = &mut self.customer.enrollments[place];
        let next = rule.position(&enrollment.step).map_or(rule.steps.len(), |at| at + 1);
        if let Some(step) = rule.steps.get(next) {
            enrollment.step.clone_from(&step.id);
            self.walk(id);
        } else {
            let enrollment = self.customer.enrollments.remove(place);
            self.finish(&enrollment, &EndReason::Finished);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_filled_place_by_place() {
        let pattern = Pattern::parse("SPRING-####-####").expect("a pattern");
        let mut bytes = [0; Pattern::MOST_PLACES];
        bytes[..4].copy_from_slice(&[31, 32, 255, 8]);
        assert_eq!(pattern.fill(&bytes), "SPRING-Z2ZA-2222");
    }

    #[test]
    fn what_could_be_guessed_or_read_wrongly_is_no_pattern() {
        for bad in ["", "SPRING", "SPRING-#######", "НОЧЬ-########", "A ########", "#################################"]
        {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
