//! `POST /api/v1/events`: anything that a shop wants to say, one event or a batch.
//!
//! Each event is checked strictly here, so that a mistake comes back to the one who can mend it; those that pass are stored as
//! events of the core, one body each, under their own id. One bad event does not hold up the others.

mod amount;
mod call;
mod customer;
mod event;
mod fields;
mod order;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::response::{IntoResponse, Json, Response};
use metrics::counter;
use serde::Serialize;
use serde_json::{Value, json};

use super::auth::Tokens;
use super::intake::Intake;
use super::problem::Problem;
use super::{App, WebState};
use crate::journey::book::Rulebook;
use crate::journey::event::{Event, kind};
use crate::journey::spelling::nearest;
use crate::journey::time::Timestamp;
use crate::store::{Channel, NewBody};
pub use fields::Fault;

/// Most events in one call.
pub const MAX_BATCH: usize = 1_000;
/// The source and connection of these events.
pub const SOURCE: &str = "api";

/// What became of one event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
enum Verdict {
    Accepted,
    Duplicate,
    Refused { faults: Vec<Fault> },
}

#[derive(Debug, Serialize)]
struct Answer {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(flatten)]
    verdict: Verdict,
    /// What the sender should know of an event that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// The handler.
pub async fn take(
    State(state): State<App>,
    Extension(tokens): Extension<Tokens>,
    Extension(intake): Extension<Intake>,
    request: Request,
) -> Result<Response, Problem> {
    let token = tokens.check(request.headers())?;
    let (body, _share) = intake.read(request).await?;
    let answers = store(&state, read(&body, &state.shop.currency, state.clock.now())?).await?;
    let of = |wanted: fn(&Verdict) -> bool| answers.iter().filter(|a| wanted(&a.verdict)).count();
    let accepted = of(|v| matches!(v, Verdict::Accepted));
    let duplicate = of(|v| matches!(v, Verdict::Duplicate));
    let refused = of(|v| matches!(v, Verdict::Refused { .. }));
    for (answer, n) in [("accepted", accepted), ("duplicate", duplicate), ("refused", refused)] {
        counter!("milepost_api_events_total", "answer" => answer).increment(n as u64);
    }
    tracing::debug!(api.token = token, events.accepted = accepted, events.refused = refused, "web.events.taken");
    let status = if accepted + duplicate > 0 { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST };
    let body = json!({"accepted": accepted, "duplicate": duplicate, "refused": refused, "events": answers});
    Ok((status, Json(body)).into_response())
}

/// The answer to every other method.
pub async fn only_post() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Events are sent here with POST.");
    ([(ALLOW, "POST")], problem).into_response()
}

/// One event of a body as it was read.
#[derive(Debug)]
pub struct Reading {
    /// Its id as sent, to be named in the answer even if the event is refused.
    pub id: Option<String>,
    /// The event, or every fault of it.
    pub event: Result<Event, Vec<Fault>>,
}

/// Reads a body that was accepted at `now`. Pure: asks nobody, keeps nothing.
pub fn read(body: &[u8], shop_currency: &str, now: Timestamp) -> Result<Vec<Reading>, Problem> {
    let reading = |value: Value| Reading {
        id: value.get("id").and_then(Value::as_str).map(str::to_owned),
        event: event::read(value, shop_currency, now),
    };
    Ok(batch(body)?.into_iter().map(reading).collect())
}

/// Reads a call of a rule that was accepted at `now`: its event, or every fault of it. Pure.
pub fn read_call(
    body: &[u8],
    rule: &str,
    key: Option<String>,
    now: Timestamp,
) -> Result<Result<Event, Vec<Fault>>, Problem> {
    Ok(call::read(json_of(body)?, rule, key, now))
}

fn json_of(body: &[u8]) -> Result<Value, Problem> {
    let bad = |error| Problem::new(StatusCode::BAD_REQUEST, "not_json", format!("The body is not JSON: {error}."));
    serde_json::from_slice(body).map_err(bad)
}

/// The events of a body: an object, an array, or an object with `events`.
fn batch(body: &[u8]) -> Result<Vec<Value>, Problem> {
    let bad = |code, message: String| Problem::new(StatusCode::BAD_REQUEST, code, message);
    let events = match json_of(body)? {
        Value::Array(events) => events,
        Value::Object(mut object) => match object.remove("events") {
            Some(Value::Array(events)) if object.is_empty() => events,
            Some(_) => return Err(bad("bad_batch", "`events` must be an array, with nothing beside it.".into())),
            None => vec![Value::Object(object)],
        },
        _ => return Err(bad("bad_batch", "Send one event as an object, or several as an array.".into())),
    };
    match events.len() {
        0 => Err(bad("empty_batch", "There is no event in the batch.".into())),
        n if n > MAX_BATCH => Err(bad("batch_too_long", format!("{n} events are too many: send at most {MAX_BATCH}."))),
        _ => Ok(events),
    }
}

/// What to say of a kind that means nothing here: a new kind may well be sent before there is a rule for it, but a
/// misspelt one would never be missed.
fn unheard(book: &Rulebook, kind: &str) -> Option<String> {
    if kind::KNOWN.contains(&kind) || book.listens_to(kind) {
        return None;
    }
    let meant = nearest(kind, kind::KNOWN).map(|known| format!(": did you mean `{known}`?")).unwrap_or_default();
    Some(format!("no rule listens to `{kind}`{meant}"))
}

/// Stores bodies; tells of each whether it is new.
pub(super) async fn submit(state: &WebState, bodies: Vec<NewBody>) -> Result<Vec<bool>, Problem> {
    state.ingest.submit(bodies).await.map_err(|error| Problem::not_stored(&error))
}

/// An event that was accepted by the API, as a body of its own.
pub(super) fn body_of(event: &Event) -> NewBody {
    NewBody {
        connection: SOURCE.into(),
        channel: Channel::Api,
        content_type: "application/json".into(),
        query: String::new(),
        body: json!([event]).to_string().into_bytes(),
        received_at: event.received_at,
        dedupe: Some(event.id.clone()),
    }
}

/// Stores the events that passed, in one go.
async fn store(state: &WebState, readings: Vec<Reading>) -> Result<Vec<Answer>, Problem> {
    let mut answers = Vec::with_capacity(readings.len());
    let mut bodies = Vec::new();
    let book = state.book.load_full();
    for (index, Reading { id, event }) in readings.into_iter().enumerate() {
        let mut note = None;
        let verdict = match event {
            Ok(event) => {
                note = unheard(&book.rulebook, &event.kind);
                bodies.push(body_of(&event));
                Verdict::Accepted
            }
            Err(faults) => Verdict::Refused { faults },
        };
        answers.push(Answer { index, id, verdict, note });
    }
    if bodies.is_empty() {
        return Ok(answers);
    }
    let stored = submit(state, bodies).await?;
    let passed = answers.iter_mut().filter(|a| matches!(a.verdict, Verdict::Accepted));
    for (answer, stored) in passed.zip(stored) {
        if !stored {
            answer.verdict = Verdict::Duplicate;
        }
    }
    Ok(answers)
}
