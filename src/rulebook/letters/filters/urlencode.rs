//! `urlencode`: a value as a part of an address.

use tera::{Kwargs, State, Value};

/// `{{ event.order.number | urlencode }}`: what means something in an address, but for the slash, is percent-
/// encoded; nothing where nothing is known.
#[expect(clippy::needless_pass_by_value, reason = "the form that Tera calls")]
pub(super) fn urlencode(value: Value, kwargs: Kwargs, state: &State) -> String {
    if value.is_undefined() || value.is_none() {
        return String::new();
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    tera_contrib::urlencode::urlencode(&text, kwargs, state)
}
