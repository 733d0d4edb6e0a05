//! `GET /api/v1/customers/{key}/explain`: why a customer got, waits for or did not get a letter; what `milepost explain` tells.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use serde::Deserialize;

use super::App;
use super::auth::Tokens;
use super::problem::Problem;
use crate::insight::story::{self, Asked, Story};
use crate::journey::spelling::nearest;
use crate::journey::time::Timestamp;

/// Most decisions, runs and letters of one answer.
const MOST: usize = 1_000;
const USUAL: usize = 30;

/// What can be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    rule: Option<String>,
    at: Option<String>,
    limit: Option<usize>,
}

/// The handler.
pub async fn tell(
    State(state): State<App>,
    Extension(tokens): Extension<Tokens>,
    headers: HeaderMap,
    Path(name): Path<String>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Story>, Problem> {
    tokens.check(&headers)?;
    let bad = |message: String| Problem::new(StatusCode::BAD_REQUEST, "bad_query", message);
    let Query(question) = question.map_err(|error| bad(error.body_text()))?;
    let at = match question.at.as_deref() {
        Some(text) => Some(
            Timestamp::parse_rfc3339(text)
                .ok_or_else(|| bad("`at` must be a moment in RFC 3339, such as `2026-12-24T10:00:00Z`.".into()))?,
        ),
        None => None,
    };
    let customer = state.store.customer_named(&name).await.map_err(|error| Problem::internal(&error))?;
    let customer = customer.ok_or_else(|| missing("unknown_customer", "No customer is known by this key.".into()))?;
    let book = state.book.load_full();
    if let Some(rule) = question.rule.as_deref().filter(|rule| !book.rulebook.rules.contains_key(*rule)) {
        let runs = state.store.enrollments_of(&customer.id).await.map_err(|error| Problem::internal(&error))?;
        if runs.iter().all(|run| run.rule != rule) {
            let meant = nearest(rule, book.rulebook.rules.keys().map(String::as_str));
            let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
            return Err(missing("unknown_rule", format!("There is no rule `{rule}`.{meant}")));
        }
    }
    let limit = question.limit.unwrap_or(USUAL).min(MOST);
    let asked = Asked { rule: question.rule.as_deref(), at, limit };
    let story = story::tell(&state.store, Some(&book.rulebook), customer, asked, state.clock.now()).await;
    story.map(Json).map_err(|error| Problem::internal(&error))
}

fn missing(code: &'static str, message: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, code, message)
}
