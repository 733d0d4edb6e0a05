//! `GET /api/v1/customers/{key}/consents`: what a customer agreed to and refused, change by change.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use serde_json::{Map, Value, json};

use super::App;
use super::auth::Tokens;
use super::problem::Problem;
use crate::store::ConsentFilter;

/// Most changes of one answer; nobody changes their mind more often.
const MOST: usize = 10_000;

/// The handler.
pub async fn tell(
    State(state): State<App>,
    Extension(tokens): Extension<Tokens>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    tokens.check(&headers)?;
    let customer = state.store.customer_named(&name).await.map_err(|error| Problem::internal(&error))?;
    let Some(customer) = customer else {
        let message = "No customer is known by this key.".to_owned();
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_customer", message));
    };
    let filter = ConsentFilter { customer: Some(customer.id.clone()), limit: MOST, ..ConsentFilter::default() };
    let history = state.store.consents(&filter).await.map_err(|error| Problem::internal(&error))?;
    let now: Map<String, Value> = customer
        .consents
        .iter()
        .map(|(purpose, said)| {
            let holds = json!({"granted": said.granted, "at": said.at.rfc3339(), "source": said.source});
            (purpose.clone(), holds)
        })
        .collect();
    let asked: Map<String, Value> = customer
        .asked
        .iter()
        .map(|(purpose, asked)| (purpose.clone(), json!({"at": asked.at.rfc3339(), "source": asked.source})))
        .collect();
    Ok(Json(json!({"customer": customer.id, "now": now, "asked": asked, "history": history})))
}
