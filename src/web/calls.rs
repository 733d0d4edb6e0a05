//! `POST /api/v1/rules/<rule>/start`: starts a rule for one customer.
//!
//! A call is an event of the kind `rule.called` that names the rule: it goes the way of all events, through the inbox, so it
//! is durable and taken once. Whether the rule then starts is decided like any start, by the rule and the customer.

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use metrics::counter;
use serde_json::json;

use super::App;
use super::auth::Tokens;
use super::events::{self, read_call};
use super::intake::Intake;
use super::problem::Problem;
use crate::journey::book::Rulebook;
use crate::journey::rule::Trigger;
use crate::journey::spelling::nearest;

/// The header that makes a call repeatable.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The handler.
pub async fn start(
    State(state): State<App>,
    Extension(tokens): Extension<Tokens>,
    Extension(intake): Extension<Intake>,
    Path(rule): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let token = tokens.check(request.headers())?.to_owned();
    can_be_called(&state.book.load().rulebook, &rule)?;
    let key = idempotency_key(request.headers())?;
    let (body, _share) = intake.read(request).await?;
    let event = match read_call(&body, &rule, key, state.clock.now())? {
        Ok(event) => event,
        Err(faults) => {
            counter!("milepost_api_calls_total", "answer" => "refused").increment(1);
            let error = json!({"code": "bad_call", "message": "The call has faults; nothing was started."});
            let body = json!({"error": error, "faults": faults});
            return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
        }
    };
    let id = event.id.clone();
    let stored = events::submit(&state, vec![events::body_of(&event)]).await?;
    let status = if stored.first().copied().unwrap_or(false) { "accepted" } else { "duplicate" };
    counter!("milepost_api_calls_total", "answer" => status).increment(1);
    tracing::debug!(api.token = token, rule.id = rule, event.id = id, "web.rule.called");
    Ok((StatusCode::ACCEPTED, Json(json!({"status": status, "rule": rule, "event": id}))).into_response())
}

/// The answer to every other method.
pub async fn only_post() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Rules are started with POST.");
    ([(ALLOW, "POST")], problem).into_response()
}

/// A call of a rule that is not there, or that something else starts, would wait for nothing.
fn can_be_called(book: &Rulebook, name: &str) -> Result<(), Problem> {
    let Some(rule) = book.rules.get(name) else {
        let callable = book.rules.values().filter(|rule| matches!(rule.trigger, Trigger::Call));
        let meant = nearest(name, callable.map(|rule| rule.id.as_str()));
        let meant = meant.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        let message = format!("There is no rule of this name.{meant}");
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_rule", message));
    };
    if matches!(rule.trigger, Trigger::Call) {
        return Ok(());
    }
    let message = "Calls don't start this rule: that takes `on: {call: true}` in its file.";
    Err(Problem::new(StatusCode::CONFLICT, "not_callable", message))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    value.to_str().ok().map(str::trim).filter(|key| !key.is_empty()).map(|key| Some(key.to_owned())).ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "bad_key", "The header Idempotency-Key is empty or not plain text.")
    })
}
