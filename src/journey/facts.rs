//! The facts that conditions and letters can read: name, type and meaning of each.
//!
//! To add a fact: one entry in [`FACTS`] and its value in `view`. The checker, the docs and the schema follow from it.

pub mod fold;
pub mod seen;
pub mod topic;
pub mod view;

use std::collections::BTreeMap;

use super::condition::Condition;

/// The type of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// A number, whole or not.
    Number,
    /// True or false.
    Bool,
    /// A moment; only `older_than`, `within` and comparisons take it.
    Time,
    /// A day of the calendar, `YYYY-MM-DD`.
    Date,
    /// A list; `size()` and `in` work on it.
    List,
    /// Anything (an event's own fields).
    Any,
}

impl Type {
    /// The word for it in messages and in `attributes.yaml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "boolean",
            Self::Time => "time",
            Self::Date => "date",
            Self::List => "list",
            Self::Any => "any",
        }
    }
}

/// One fact.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// First part of the name: `customer`, `orders`, …
    pub root: &'static str,
    /// Second part of the name.
    pub name: &'static str,
    /// Its type; a fact that was never said is `null`.
    pub kind: Type,
    /// What it means, for the reference.
    pub doc: &'static str,
}

const fn fact(root: &'static str, name: &'static str, kind: Type, doc: &'static str) -> Fact {
    Fact { root, name, kind, doc }
}

/// Every fact that is built in. `customer.*` grows by the shop's declared attributes; `stage.<map>` has one entry a map;
/// `consent.<purpose>` has one a purpose; `event.*` also holds the event's own fields.
pub const FACTS: &[Fact] = &[
    fact("customer", "id", Type::Text, "Milepost's id of the customer"),
    fact("customer", "email", Type::Text, "e-mail address"),
    fact("customer", "phone", Type::Text, "telephone number"),
    fact("customer", "first_name", Type::Text, "first name"),
    fact("customer", "last_name", Type::Text, "last name"),
    fact("customer", "locale", Type::Text, "language of letters, for example `ru` or `en-GB`"),
    fact("customer", "time_zone", Type::Text, "IANA time zone"),
    fact("customer", "site", Type::Text, "code of the shop's site the customer belongs to"),
    fact("customer", "city", Type::Text, "city of the address"),
    fact("customer", "birthday", Type::Date, "day of birth"),
    fact("customer", "created_at", Type::Time, "when the source first knew the customer"),
    fact("customer", "tags", Type::List, "tags of the CRM"),
    fact("customer", "segments", Type::List, "codes of the CRM's segments"),
    fact("customer", "vip", Type::Bool, "marked as VIP in the CRM"),
    fact("customer", "bad", Type::Bool, "marked as bad in the CRM"),
    fact("orders", "count", Type::Number, "orders that are not cancelled"),
    fact("orders", "total", Type::Number, "sum of those in major units; null when they are in several currencies"),
    fact("orders", "average", Type::Number, "total divided by count"),
    fact("orders", "currency", Type::Text, "currency of the total"),
    fact("orders", "paid_count", Type::Number, "orders paid in full"),
    fact("orders", "completed_count", Type::Number, "orders delivered and closed"),
    fact("orders", "cancelled_count", Type::Number, "orders cancelled"),
    fact("orders", "open_count", Type::Number, "recent orders neither completed nor cancelled"),
    fact("orders", "first_at", Type::Time, "when the first order was placed"),
    fact("orders", "last_at", Type::Time, "when the latest order was placed"),
    fact("orders", "last_completed_at", Type::Time, "when the latest completion was seen"),
    fact("orders", "last_id", Type::Text, "id of the latest order"),
    fact("orders", "last_number", Type::Text, "number of the latest order"),
    fact("orders", "last_status", Type::Text, "status code of the latest order"),
    fact("orders", "last_total", Type::Number, "total of the latest order in major units"),
    fact("orders", "last_items", Type::List, "lines of the latest order"),
    fact("cart", "items", Type::List, "lines of the cart: name, quantity, price, link, image"),
    fact("cart", "total", Type::Number, "sum of the cart in major units"),
    fact("cart", "currency", Type::Text, "currency of the cart"),
    fact("cart", "link", Type::Text, "address where the customer finds the cart again"),
    fact("cart", "updated_at", Type::Time, "when the cart was last changed"),
    fact("messages", "count", Type::Number, "letters ever handed over"),
    fact("messages", "last_at", Type::Time, "when the last letter was handed over"),
    fact(
        "messages",
        "opened",
        Type::Number,
        "letters that the customer opened, as far as opens are noted; programs don't count",
    ),
    fact(
        "messages",
        "clicked",
        Type::Number,
        "letters of which the customer followed a link, as far as clicks are noted",
    ),
    fact("messages", "last_opened_at", Type::Time, "when the customer last opened a letter"),
    fact("messages", "last_clicked_at", Type::Time, "when the customer last followed a link"),
    fact("messages", "bounced", Type::Number, "letters that came back undelivered"),
    fact("messages", "bounced_at", Type::Time, "when the last one came back"),
    fact("messages", "complained_at", Type::Time, "when the customer last called a letter spam"),
    fact("messages", "replied_at", Type::Time, "when the customer last answered a letter"),
    fact("event", "kind", Type::Text, "kind of the event"),
    fact("event", "at", Type::Time, "when it happened"),
    fact("event", "touchpoint", Type::Text, "where it happened"),
    fact(
        "event",
        "order",
        Type::Any,
        "the order it is about: id, number, status, phase, total, currency, paid, promo_code, items",
    ),
    fact("event", "cart", Type::Any, "the cart it is about: items, total, currency, link"),
];

/// The root under which `still` finds what a run captured when it began: `captured.cart.total`.
pub const CAPTURED: &str = "captured";

/// What a run can capture: first parts of names.
pub const CAPTURABLE: [&str; 6] = ["customer", "orders", "cart", "messages", "stage", "consent"];

/// What names a condition or a letter may use besides [`FACTS`].
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The shop's declared attributes (`customer.<name>`).
    pub attributes: BTreeMap<String, Type>,
    /// Ids of the maps (`stage.<map>` is text: where the customer stands).
    pub maps: Vec<String>,
    /// Purposes (`consent.<purpose>` is a boolean; null if never said).
    pub purposes: Vec<String>,
    /// The segments of the map by name (`segment.<name>` stands as a part of its own); `None` when their file could not be
    /// read, and then nothing is said of them.
    pub segments: Option<BTreeMap<String, Condition>>,
    /// Whether `event.*` may be used here (in `when`, branches and goals of rules, not in stages and segments).
    pub event: bool,
    /// Whether time alone starts the rule that the condition is of: then there is no event in any of its conditions.
    pub by_time: bool,
    /// What can be read under `captured` (in `still` only).
    pub captured: Vec<String>,
}

impl Scope {
    /// The roots: first parts of names.
    pub fn roots(&self) -> Vec<&'static str> {
        let mut roots = vec!["customer", "orders", "cart", "messages", "stage", "consent"];
        if self.event {
            roots.push("event");
        }
        if !self.captured.is_empty() {
            roots.push(CAPTURED);
        }
        roots
    }

    /// The names under a root with their types; `None` for an unknown root.
    pub fn names(&self, root: &str) -> Option<BTreeMap<String, Type>> {
        if !self.roots().contains(&root) {
            return None;
        }
        let mut names: BTreeMap<String, Type> =
            FACTS.iter().filter(|f| f.root == root).map(|f| (f.name.to_owned(), f.kind)).collect();
        match root {
            "customer" => names.extend(self.attributes.iter().map(|(name, kind)| (name.clone(), *kind))),
            "stage" => names.extend(self.maps.iter().map(|map| (map.clone(), Type::Text))),
            CAPTURED => names.extend(self.captured.iter().map(|root| (root.clone(), Type::Any))),
            "consent" => names.extend(self.purposes.iter().map(|purpose| (purpose.clone(), Type::Bool))),
            _ => {}
        }
        Some(names)
    }
}
