//! Errands: what a run asks of others, who are not mailed: a webhook out, a change in the CRM.
//!
//! Invariants: what an errand says is fixed at its step; the same step makes the same errand, whatever crashes; a change in
//! the CRM is known here at once, so that its coming back is no news and starts nothing.
//!
//! Not here: carrying errands out (`engine`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::advance::Run;
use super::customer::{Customer, Enrollment};
use super::effect::{Cause, Effect};
use super::facts::fold::set_attribute;
use super::facts::view;
use super::holdout::held_out;
use super::ids;
use super::rule::Rule;
use super::time::Timestamp;

/// What a step asks of others.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Derived from (enrollment, step, pass); a webhook's receiver tells repetitions by it.
    pub id: String,
    /// Enrollment.
    pub enrollment: String,
    /// Step id.
    pub step: String,
    /// Which pass over the step, from 1.
    pub pass: u32,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// What it is.
    pub kind: ErrandKind,
    /// The webhook or the connection.
    pub target: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// What is said: the body of a webhook, or a [`CrmChange`].
    pub body: Value,
    /// The promo code that it tells, if it tells one.
    pub code: Option<String>,
}

/// The kinds of errands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrandKind {
    /// A webhook out.
    Webhook,
    /// A change of the customer in a CRM.
    Crm,
}

impl ErrandKind {
    /// The word in columns, filters and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Crm => "crm",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Webhook, Self::Crm].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something that a webhook says.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// The value of a fact at the step.
    Fact(String),
    /// What the run knows of its promo code: `code`, `pool` or `expires_at`.
    Promo(String),
    /// Always this.
    Fixed(Value),
}

/// What a `crm` step writes.
#[derive(Clone, Debug, PartialEq)]
pub struct CrmStep {
    /// The connection.
    pub connection: String,
    /// Tags to add.
    pub add: Vec<String>,
    /// Tags to remove.
    pub remove: Vec<String>,
    /// Custom fields by code.
    pub fields: BTreeMap<String, Value>,
}

/// A change of one customer in a CRM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmChange {
    /// Whose.
    pub customer: CrmCustomer,
    /// Tags to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_tags: Vec<String>,
    /// Tags to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
    /// Custom fields by code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// What the customer agreed to and refused, by purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subscriptions: BTreeMap<String, bool>,
}

impl CrmChange {
    /// No change of a customer yet.
    pub fn of(customer: CrmCustomer) -> Self {
        let (add_tags, remove_tags) = (Vec::new(), Vec::new());
        Self { customer, add_tags, remove_tags, fields: BTreeMap::new(), subscriptions: BTreeMap::new() }
    }
}

/// How a CRM knows a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrmCustomer {
    /// By its own id.
    Id(String),
    /// By the shop's id.
    External(String),
}

impl Run<'_> {
    /// Sends a webhook out, unless the customer is held out: what follows from it may reach them by another way than a letter.
    pub(super) fn call_out(
        &mut self,
        (rule, step): (&Rule, &str),
        to: &str,
        data: &[(String, Datum)],
        enrollment: &mut Enrollment,
    ) {
        if held_out(self.book, rule, &self.customer.id).is_some() {
            let note = format!("{to} is not called for a customer who is held out");
            return self.decide(rule, "webhook", "held_out", note, Vec::new(), &Cause::Time);
        }
        if enrollment.skips {
            let note = format!("{to} is not called: it was overdue when the rule was resumed");
            return self.decide(rule, "webhook", "skipped", note, Vec::new(), &Cause::Time);
        }
        let now = self.customer.now;
        let mut code = None;
        let values: Map<String, Value> =
            data.iter().map(|(name, datum)| (name.clone(), self.value(datum, enrollment, &mut code))).collect();
        let body = json!({
            "type": "rule.webhook",
            "timestamp": now.rfc3339(),
            "data": {
                "rule": rule.id,
                "map": rule.map,
                "stage": self.customer.stages.get(&rule.map).map(|at| &at.stage),
                "step": step,
                "run": enrollment.id,
                "customer": named(&self.customer),
                "values": values,
            }
        });
        self.decide(rule, "webhook", "asked", format!("the webhook {to} is called"), Vec::new(), &Cause::Time);
        self.ask((rule, step), (ErrandKind::Webhook, to), body, code, enrollment);
    }

    fn value(&self, datum: &Datum, enrollment: &Enrollment, code: &mut Option<String>) -> Value {
        match datum {
            Datum::Fixed(value) => value.clone(),
            Datum::Fact(path) => view::value(&self.customer, Some(&enrollment.event), path).unwrap_or(Value::Null),
            Datum::Promo(part) => {
                let Some(given) = &enrollment.promo else { return Value::Null };
                if part == "code" {
                    *code = Some(given.code.clone());
                }
                super::promo::seen(given).get(part).cloned().unwrap_or_default()
            }
        }
    }

    /// Changes the customer in the CRM: what is not so already, and here at once.
    pub(super) fn write_back(&mut self, (rule, step): (&Rule, &str), wanted: &CrmStep, enrollment: &mut Enrollment) {
        let connection = &wanted.connection;
        if enrollment.skips {
            let note = format!("nothing is written in {connection}: it was overdue when the rule was resumed");
            return self.decide(rule, "crm", "skipped", note, Vec::new(), &Cause::Time);
        }
        let Some(customer) = known_as(&self.customer, connection) else {
            let note = format!("the customer is not known to {connection}, so nothing is written there");
            return self.decide(rule, "crm", "not_known", note, Vec::new(), &Cause::Time);
        };
        let tags = self.customer.attribute("tags").and_then(Value::as_array).cloned();
        let has = |tag: &String| tags.as_ref().is_some_and(|tags| tags.iter().any(|known| known == tag));
        let change = CrmChange {
            add_tags: wanted.add.iter().filter(|tag| !has(tag)).cloned().collect(),
            // Of a customer whose tags were never said nobody knows that it lacks one.
            remove_tags: wanted.remove.iter().filter(|tag| tags.is_none() || has(tag)).cloned().collect(),
            // A field that was emptied in the CRM is not spoken of any more, so nobody can be sure of what was known.
            fields: wanted.fields.clone(),
            ..CrmChange::of(customer)
        };
        if change.add_tags.is_empty() && change.remove_tags.is_empty() && change.fields.is_empty() {
            let note = format!("all of it is so in {connection} already");
            return self.decide(rule, "crm", "nothing_to_change", note, Vec::new(), &Cause::Time);
        }
        self.take_as_said(&change, tags.unwrap_or_default());
        let note = format!("{} is to change in {connection}", in_words(&change));
        self.decide(rule, "crm", "written", note, Vec::new(), &Cause::Time);
        // It is made of text, lists and values that came from JSON.
        let body = serde_json::to_value(&change).unwrap_or_default();
        self.ask((rule, step), (ErrandKind::Crm, connection), body, None, enrollment);
    }

    fn take_as_said(&mut self, change: &CrmChange, mut tags: Vec<Value>) {
        let now = self.customer.now;
        if !change.add_tags.is_empty() || !change.remove_tags.is_empty() {
            tags.retain(|known| !change.remove_tags.iter().any(|tag| known == tag));
            tags.extend(change.add_tags.iter().cloned().map(Value::String));
            self.changed |= set_attribute(&mut self.customer, "tags", Value::Array(tags), now);
        }
        for (name, value) in &change.fields {
            self.changed |= set_attribute(&mut self.customer, &name.to_lowercase(), value.clone(), now);
        }
    }

    fn ask(
        &mut self,
        (rule, step): (&Rule, &str),
        (kind, target): (ErrandKind, &str),
        body: Value,
        code: Option<String>,
        enrollment: &mut Enrollment,
    ) {
        let at = self.customer.now;
        let pass = *enrollment.passes.entry(step.to_owned()).and_modify(|n| *n += 1).or_insert(1);
        self.effects.push(Effect::Errand(Box::new(Errand {
            id: ids::errand(at, &enrollment.id, step, pass),
            enrollment: enrollment.id.clone(),
            step: step.to_owned(),
            pass,
            rule: rule.id.clone(),
            map: rule.map.clone(),
            kind,
            target: target.to_owned(),
            at,
            body,
            code,
        })));
    }
}

/// How others know the customer: our id, the shop's, and those of the connections. No address: who needs one asks for it.
fn named(customer: &Customer) -> Value {
    let external = customer.keys.iter().find(|key| key.kind == "external").map(|key| &key.value);
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for key in &customer.keys {
        if let Some(connection) = key.kind.strip_prefix("id:") {
            ids.entry(connection).or_insert(&key.value);
        }
    }
    json!({"id": customer.id, "external_id": external, "ids": ids})
}

/// How a connection knows a customer, if it does.
pub fn known_as(customer: &Customer, connection: &str) -> Option<CrmCustomer> {
    let own = customer.keys.iter().find(|key| key.kind.strip_prefix("id:") == Some(connection));
    let external = || customer.keys.iter().find(|key| key.kind == "external");
    own.map(|key| CrmCustomer::Id(key.value.clone()))
        .or_else(|| external().map(|key| CrmCustomer::External(key.value.clone())))
}

fn in_words(change: &CrmChange) -> String {
    let added = change.add_tags.iter().map(|tag| format!("+{tag}"));
    let removed = change.remove_tags.iter().map(|tag| format!("-{tag}"));
    let fields = change.fields.iter().map(|(name, value)| format!("{name} = {value}"));
    added.chain(removed).chain(fields).collect::<Vec<_>>().join(", ")
}
