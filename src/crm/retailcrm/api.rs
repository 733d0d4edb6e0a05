//! The methods of the API that are used: entities by id, histories, directories, permissions.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::document::CartRead;
use super::loose::{fields, list, text};
use crate::crm::{ApiError, By};

/// Entities asked for in one request; one of the page sizes that the API takes.
const BATCH: usize = 100;

/// A page of a history.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HistoryPage {
    #[serde(deserialize_with = "list")]
    pub history: Option<Vec<Value>>,
    pub pagination: Pagination,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Pagination {
    pub total_count: u64,
    pub total_page_count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entities {
    #[serde(deserialize_with = "list")]
    customers: Option<Vec<Value>>,
    #[serde(deserialize_with = "list")]
    orders: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CartAnswer {
    cart: Value,
}

/// Permissions of the key.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Credentials {
    #[serde(deserialize_with = "list")]
    pub scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "list")]
    pub sites_available: Option<Vec<String>>,
}

/// An order status or a group of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    #[serde(deserialize_with = "text")]
    pub code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub group: Option<String>,
    #[serde(deserialize_with = "list")]
    pub statuses: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Statuses {
    #[serde(deserialize_with = "fields")]
    statuses: serde_json::Map<String, Value>,
    #[serde(deserialize_with = "fields")]
    status_groups: serde_json::Map<String, Value>,
}

/// What the two kinds of entities are called in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Customer,
    Order,
}

impl Kind {
    /// Its name, in paths and as the name of its cursor.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Order => "orders",
        }
    }

    /// The field of a history's row that holds it.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Order => "order",
        }
    }
}

impl Client {
    /// The rows after `since`; from the first row on without it.
    pub(super) async fn history(&self, kind: Kind, since: Option<i64>) -> Result<HistoryPage, ApiError> {
        let mut query = vec![("limit", "100".to_owned())];
        query.extend(since.map(|id| ("filter[sinceId]", id.to_string())));
        self.get(&format!("/api/v5/{}/history", kind.plural()), &query).await
    }

    /// Entities by id, as many as there are.
    pub(super) async fn entities(&self, kind: Kind, wanted: &BTreeSet<By>) -> Result<Vec<Value>, ApiError> {
        let path = format!("/api/v5/{}", kind.plural());
        let (mut ids, mut externals) = (Vec::new(), Vec::new());
        for by in wanted {
            match by {
                By::Id(id) => ids.push(id),
                By::External(id) => externals.push(id),
            }
        }
        let mut found = Vec::new();
        for (filter, wanted) in [("filter[ids][]", ids), ("filter[externalIds][]", externals)] {
            for batch in wanted.chunks(BATCH) {
                let mut query = vec![("limit", BATCH.to_string())];
                query.extend(batch.iter().map(|id| (filter, (*id).clone())));
                let answer: Entities = self.get(&path, &query).await?;
                let entities = if kind == Kind::Customer { answer.customers } else { answer.orders };
                found.extend(entities.unwrap_or_default());
            }
        }
        Ok(found)
    }

    /// A customer's cart; `None` where there is none.
    pub(super) async fn cart(&self, site: &str, customer: &By) -> Result<Option<CartRead>, ApiError> {
        let (by, id) = match customer {
            By::Id(id) => ("id", id),
            By::External(id) => ("externalId", id),
        };
        let path = format!("/api/v5/customer-interaction/{}/cart/{}", segment(site), segment(id));
        let query = [("by", by.to_owned()), ("siteBy", "code".to_owned())];
        match self.get::<CartAnswer>(&path, &query).await {
            Ok(CartAnswer { cart: cart @ Value::Object(_) }) => {
                Ok(Some(CartRead { site: site.to_owned(), customer: customer.clone(), cart }))
            }
            Ok(_) => Ok(None),
            // No such cart, or a key that may not see carts: no reason to keep everything else back.
            Err(error @ (ApiError::Refused { status: 400 | 403 | 404, .. } | ApiError::NotJson { status: 404 })) => {
                tracing::debug!(crm.site = site, error = %error, "no cart to read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Statuses and groups, each with its code.
    pub(super) async fn statuses(&self) -> Result<Vec<Status>, ApiError> {
        let mut all = Vec::new();
        for path in ["/api/v5/reference/statuses", "/api/v5/reference/status-groups"] {
            let answer: Statuses = self.get(path, &[]).await?;
            for (code, value) in answer.statuses.into_iter().chain(answer.status_groups) {
                if let Ok(status) = Status::deserialize(value) {
                    all.push(Status { code: status.code.or(Some(code)), ..status });
                }
            }
        }
        Ok(all)
    }

    /// What the key may do.
    pub(super) async fn credentials(&self) -> Result<Credentials, ApiError> {
        self.get("/api/credentials", &[]).await
    }
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    // In a path a space is `%20`; the form's plus sign would mean itself.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
