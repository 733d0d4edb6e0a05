//! A letter as it would go out, for people who look at it or send it to themselves: composed by [`Composer`] over the same
//! context as in earnest, for a real customer, for one that a fixture makes up, or for the one of `sample`.
//!
//! Invariants: nothing here is recorded or counted; with the signer of [`LinkSigner::of_previews`] no link unsubscribes
//! anybody.
//!
//! [`Composer`]: super::compose::Composer
//! [`LinkSigner::of_previews`]: super::links::LinkSigner::of_previews

mod page;
mod sample;
mod size;

use serde_json::{Map, Value, json};

use super::compose::{Job, LetterSource};
use crate::journey::customer::{Attribute, Customer};
use crate::journey::facts::view;
use crate::journey::promo::seen;
use crate::journey::rule::{Action, Rule, Trigger};
use crate::journey::time::Timestamp;
use crate::rulebook::{Book, Fixture, Letters, Rendered};
use crate::settings::ShopSettings;

pub use page::{Page, PageError};
pub use size::{oversized, too_large};

/// The code that stands for one that a promo step would have taken.
const PROMO_CODE: &str = "SAMPLE-CODE";
/// What a letter that no rule sends is shown as.
const MARKETING: &str = "marketing";

/// For whom a letter is shown.
#[derive(Clone, Debug)]
pub enum Whom {
    /// Somebody made up, with an order and a cart.
    Sample,
    /// The same, as far as a fixture says nothing else.
    Fixture(Fixture),
    /// A customer of the shop.
    Customer(Box<Customer>),
}

/// One letter for one customer.
#[derive(Clone, Debug)]
pub struct Preview<'a> {
    letters: &'a Letters,
    /// Its map.
    pub map: &'a str,
    /// Its name.
    pub letter: &'a str,
    /// The first rule that sends it.
    pub rule: Option<&'a Rule>,
    /// In whose name it goes out, by the settings; the shop itself if `None`.
    pub sender: Option<&'a str>,
    /// The locale wanted.
    pub locale: String,
    /// To whom it goes.
    pub customer: Customer,
    inputs: Value,
    /// Roots of names that a fixture gives instead of the customer's facts.
    given: Map<String, Value>,
}

impl<'a> Preview<'a> {
    /// The letter of a map for somebody at a moment, in the locale that is asked for or else the one it would get.
    pub fn of(
        book: &'a Book,
        shop: &ShopSettings,
        (map, letter): (&'a str, &'a str),
        whom: Whom,
        locale: Option<String>,
        now: Timestamp,
    ) -> Self {
        let rule = book.rulebook.rules_of(map).find(|rule| sends(rule, letter));
        let kind =
            rule.and_then(|rule| if let Trigger::Event { kind } = &rule.trigger { Some(kind.as_str()) } else { None });
        let event = |customer: &Customer| kind.map(|kind| view::event(&sample::event(kind, customer, shop, now)));
        let mut promo = sample_promo(book, rule, letter, now);
        let mut given = Map::new();
        let mut wanted = locale;
        let (customer, event) = match whom {
            Whom::Sample => {
                let customer = sample::customer(&book.rulebook, shop, now);
                let event = event(&customer);
                (customer, event)
            }
            Whom::Fixture(fixture) => {
                let mut customer = sample::customer(&book.rulebook, shop, now);
                wanted = wanted.or(fixture.locale);
                given = fixture.roots;
                if let Some(Value::Object(attributes)) = given.remove("customer") {
                    said(&mut customer, attributes, now);
                }
                let event = given.remove("event").or_else(|| event(&customer));
                if let Some(Value::Object(said)) = given.remove("promo") {
                    promo.extend(said);
                }
                (customer, event)
            }
            Whom::Customer(customer) => {
                // What a run under way was begun by and got is what its letter would show.
                let run = customer.enrollments.iter().find(|run| rule.is_some_and(|rule| rule.id == run.rule));
                if let Some(Value::Object(given)) = run.and_then(|run| run.promo.as_ref()).map(seen) {
                    promo = given;
                }
                let event = run.map(|run| run.event.clone()).or_else(|| event(&customer));
                (*customer, event)
            }
        };
        let locale = wanted.unwrap_or_else(|| customer.text("locale").unwrap_or(&shop.locale).to_owned());
        let inputs = json!({"event": event, "promo": promo});
        let of_map = || book.rulebook.maps.get(map)?.sender.as_deref();
        let sender = rule.and_then(|rule| rule.sender.as_deref()).or_else(of_map);
        Self { letters: &book.letters, map, letter, rule, sender, locale, customer, inputs, given }
    }

    /// The job of composing it under a message id at a moment.
    pub fn job<'j>(&'j self, message: &'j str, at: Timestamp) -> Job<'j> {
        Job {
            message,
            map: self.map,
            letter: self.letter,
            locale: &self.locale,
            purpose: self.rule.map_or(MARKETING, |rule| &rule.purpose),
            rule: self.rule.map_or("none", |rule| &rule.id),
            sender: self.sender,
            track: true,
            customer: &self.customer,
            inputs: &self.inputs,
            at,
        }
    }
}

/// A letter for several people who are made up, with names and carts of different lengths: what letters of its template have
/// in common.
pub fn samples<'a>(
    book: &'a Book,
    shop: &ShopSettings,
    letter: (&'a str, &'a str),
    locale: &str,
    at: Timestamp,
) -> Vec<Preview<'a>> {
    let made_up = [("Konstantin", 14), ("Li", 1), ("Anna", 5)];
    let sampled = made_up.iter().map(|(name, things)| {
        let mut preview = Preview::of(book, shop, letter, Whom::Sample, Some(locale.to_owned()), at);
        sample::vary(&mut preview.customer, name, *things, shop, at);
        preview
    });
    sampled.collect()
}

/// The letters, with what a fixture gives laid over what they read of the customer.
impl LetterSource for Preview<'_> {
    fn reads(&self, map: &str, letter: &str, locale: &str, root: &str) -> bool {
        self.letters.reads(map, letter, locale, root)
    }

    fn render(
        &self,
        map: &str,
        letter: &str,
        locale: &str,
        mut context: Map<String, Value>,
    ) -> Result<Rendered, String> {
        context.extend(self.given.clone());
        LetterSource::render(self.letters, map, letter, locale, context)
    }
}

/// What a letter shows of the promo code that its rule takes before it, as if it were taken now.
fn sample_promo(book: &Book, rule: Option<&Rule>, letter: &str, now: Timestamp) -> Map<String, Value> {
    let mut pool = None;
    for step in rule.iter().flat_map(|rule| &rule.steps) {
        match &step.action {
            Action::Promo { pool: taken, .. } => pool = Some(taken),
            Action::Send { letter: sent, .. } if sent == letter => break,
            _ => {}
        }
    }
    let expires_at = pool.and_then(|pool| book.rulebook.code_expires(pool, now)).map(Timestamp::rfc3339);
    Map::from_iter([
        ("code".to_owned(), json!(PROMO_CODE)),
        ("pool".to_owned(), json!(pool)),
        ("expires_at".to_owned(), json!(expires_at)),
    ])
}

fn sends(rule: &Rule, letter: &str) -> bool {
    rule.steps.iter().any(|step| matches!(&step.action, Action::Send { letter: sent, .. } if sent == letter))
}

/// Gives a customer the attributes of a fixture and no others; the address stays where none is given.
fn said(customer: &mut Customer, attributes: Map<String, Value>, at: Timestamp) {
    customer.attributes.retain(|name, _| name == "email");
    customer.attributes.extend(attributes.into_iter().map(|(name, value)| (name, Attribute { value, at })));
}
