//! Finding the customer that a command line means.

use anyhow::bail;

use crate::journey::customer::Customer;
use crate::journey::event::Key;
use crate::store::Store;

/// How `--customer` may be written, for the help text.
pub(super) const HOW: &str =
    "Milepost's id, an e-mail address, a phone number beginning with `+`, or `external=ID` or `CONNECTION=ID`";

/// The customer meant; an error if there is none.
pub(super) async fn find(store: &Store, text: &str) -> anyhow::Result<Customer> {
    let found = match key(text) {
        Some(key) => store.customer_by_key(&key).await?,
        None => store.customer(text).await?,
    };
    let Some(customer) = found else { bail!("no customer is known by `{text}`: give {HOW}") };
    Ok(customer)
}

fn key(text: &str) -> Option<Key> {
    if let Some((kind, value)) = text.split_once('=') {
        return Some(if kind == "external" { Key::external(value) } else { Key::source(kind, value) });
    }
    if text.contains('@') {
        return Some(Key::email(text));
    }
    text.starts_with('+').then(|| Key::phone(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_can_be_named_in_many_ways() {
        assert_eq!(key("Anna@Shop.example"), Some(Key::email("anna@shop.example")));
        assert_eq!(key("+7 900 000-00-00"), Some(Key::phone("+79000000000")));
        assert_eq!(key("external=77"), Some(Key::external("77")));
        assert_eq!(key("shop=982"), Some(Key::source("shop", 982)));
        assert_eq!(key("0198c0de-0000-7000-8000-000000000000"), None);
    }
}
