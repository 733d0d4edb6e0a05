//! Finding the customer that a command line means.

use anyhow::bail;

use crate::journey::customer::Customer;
use crate::store::Store;

/// How `--customer` may be written, for the help text.
pub(super) const HOW: &str =
    "Milepost's id, an e-mail address, a phone number beginning with `+`, or `external=ID` or `CONNECTION=ID`";

/// The customer meant; an error if there is none.
pub(super) async fn find(store: &Store, text: &str) -> anyhow::Result<Customer> {
    let Some(customer) = store.customer_named(text).await? else {
        bail!("no customer is known by `{text}`: give {HOW}")
    };
    Ok(customer)
}
