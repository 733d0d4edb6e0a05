//! What happens in a scenario: events, orders and carts, in the words of the events API.

use schemars::JsonSchema;

use super::super::{Single, SpanText, Text};
use super::values::{Amount, Entries, Nested};
use crate::rulebook::read::{At, Need, fields};

/// Something that happens to the customer; at the start if no moment is written.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Event")]
pub(in crate::rulebook) struct EventForm {
    /// Its kind.
    pub(in crate::rulebook) event: Need<Text>,
    /// When it is heard of: `2026-06-10 10:00` on the shop's wall clock, or RFC 3339.
    pub(in crate::rulebook) at: Option<Text>,
    /// How long after the start it is heard of.
    pub(in crate::rulebook) after: Option<At<SpanText>>,
    /// How long before that it happened.
    pub(in crate::rulebook) ago: Option<At<SpanText>>,
    /// Attributes that it says.
    pub(in crate::rulebook) customer: Option<Entries>,
    /// Consents that it says.
    pub(in crate::rulebook) consent: Option<Entries>,
    /// What it says the customer wishes of letters.
    pub(in crate::rulebook) preferences: Option<PreferencesForm>,
    /// The order it is about.
    pub(in crate::rulebook) order: Option<OrderForm>,
    /// The cart it is about.
    pub(in crate::rulebook) cart: Option<CartForm>,
    /// Where it happened.
    pub(in crate::rulebook) touchpoint: Option<String>,
    /// Anything else, read as `event.<name>`.
    pub(in crate::rulebook) data: Option<Nested>,
}

fields!(EventForm { event, at, after, ago, customer, consent, preferences, order, cart, touchpoint, data });

/// What a customer wishes of letters.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Preferences")]
pub(in crate::rulebook) struct PreferencesForm {
    /// No letters for so long from the event on; `0s` ends a pause.
    pub(in crate::rulebook) paused_for: Option<At<SpanText>>,
    /// At most so many letters a week.
    pub(in crate::rulebook) most_a_week: Option<Amount>,
    /// Whether letters of maps are wanted, by map.
    pub(in crate::rulebook) maps: Option<Entries>,
}

fields!(PreferencesForm { paused_for, most_a_week, maps });

/// An order.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Order")]
pub(in crate::rulebook) struct OrderForm {
    /// Its id; `1` if not written.
    pub(in crate::rulebook) id: Option<Amount>,
    /// The number that the customer knows.
    pub(in crate::rulebook) number: Option<Amount>,
    /// The shop's code of the status.
    pub(in crate::rulebook) status: Option<Text>,
    /// `open`, `complete` or `cancelled`; what the kind of event says if not written.
    pub(in crate::rulebook) phase: Option<Text>,
    /// What the customer pays, in major units.
    pub(in crate::rulebook) total: Option<Amount>,
    /// Its currency; the shop's if not written.
    pub(in crate::rulebook) currency: Option<Text>,
    /// Whether it is paid in full.
    pub(in crate::rulebook) paid: Option<At<Single>>,
    /// The promo code it carries.
    pub(in crate::rulebook) promo_code: Option<String>,
    /// Its lines.
    pub(in crate::rulebook) items: Option<Vec<ItemForm>>,
    /// With `given`: how long ago it was placed.
    pub(in crate::rulebook) ago: Option<At<SpanText>>,
}

fields!(OrderForm { id, number, status, phase, total, currency, paid, promo_code, items, ago });

/// A cart.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Cart")]
pub(in crate::rulebook) struct CartForm {
    /// Its lines.
    #[schemars(default)]
    pub(in crate::rulebook) items: Vec<ItemForm>,
    /// Its total in major units; the sum of the lines if not written.
    pub(in crate::rulebook) total: Option<Amount>,
    /// Its currency; the shop's if not written.
    pub(in crate::rulebook) currency: Option<Text>,
    /// Where the customer finds it again.
    pub(in crate::rulebook) link: Option<String>,
    /// With `given`: how long ago it was changed.
    pub(in crate::rulebook) ago: Option<At<SpanText>>,
}

fields!(CartForm { items, total, currency, link, ago });

/// A line of an order or a cart.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Item")]
pub(in crate::rulebook) struct ItemForm {
    /// Name as shown to customers.
    pub(in crate::rulebook) name: Need<Text>,
    /// How many; one if not written.
    pub(in crate::rulebook) quantity: Option<f64>,
    /// Price of one in major units.
    pub(in crate::rulebook) price: Option<Amount>,
    /// The shop's id of the offer.
    pub(in crate::rulebook) id: Option<Amount>,
    /// Page of the product.
    pub(in crate::rulebook) link: Option<String>,
    /// Picture of the product.
    pub(in crate::rulebook) image: Option<String>,
}

fields!(ItemForm { name, quantity, price, id, link, image });
