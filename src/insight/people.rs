//! What customers are called where people read of them: by what a shop knows them by, and by Milepost's id where it knows nothing.

use std::collections::HashMap;

use crate::journey::customer::Customer;
use crate::journey::event::Key;
use crate::store::{Store, StoreError};

/// The name of each of these customers, under the id that was asked for: the e-mail address, else the phone number, else the
/// first key of a source, written as the command line takes it, else the id. A merged customer is called as the survivor is.
pub async fn names(store: &Store, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
    let known = store.customers(ids).await?;
    let address = |customer: &Customer| customer.email().or(customer.text("phone")).map(str::to_owned);
    let nameless: Vec<String> =
        known.values().filter(|customer| address(customer).is_none()).map(|customer| customer.id.clone()).collect();
    let keys = store.keys_of(&nameless).await?;
    let name = |id: &String| {
        let customer = known.get(id)?;
        address(customer).or_else(|| keys.get(&customer.id)?.iter().min().map(Key::written))
    };
    Ok(ids.iter().map(|id| (id.clone(), name(id).unwrap_or_else(|| id.clone()))).collect())
}
