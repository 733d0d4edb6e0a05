//! `POST|GET /hooks/{connection}/{secret}`: what a CRM says is stored as it came and answered after the commit.
//!
//! Nothing is parsed here: a body that nobody understands is stored too and becomes a dead letter with its reason, so that
//! it can be replayed after a fix.

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics::counter;

use super::intake::Intake;
use super::problem::Problem;
use super::{App, WebState};
use crate::store::{Channel, NewBody};

/// The handler.
pub async fn take(
    State(state): State<App>,
    Path((connection, secret)): Path<(String, String)>,
    Extension(intake): Extension<Intake>,
    request: Request,
) -> Response {
    let taken = accept(&state, &intake, connection, &secret, request).await;
    let (answer, response) = match taken {
        Ok(()) => ("accepted", (StatusCode::ACCEPTED, [(CACHE_CONTROL, "no-store")]).into_response()),
        Err(problem) => (problem.code, problem.into_response()),
    };
    counter!("milepost_hooks_total", "answer" => answer).increment(1);
    response
}

async fn accept(
    state: &WebState,
    intake: &Intake,
    connection: String,
    secret: &str,
    request: Request,
) -> Result<(), Problem> {
    // First the secret: a stranger's body is not even read.
    if !may_speak(state, &connection, secret) {
        return Err(Problem::not_found());
    }
    if request.method() == Method::HEAD {
        // axum lends HEAD to GET handlers; a probe says nothing that is worth storing.
        return Ok(());
    }
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type.map_or_else(String::new, |v| String::from_utf8_lossy(v.as_bytes()).into());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (body, _share) = intake.read(request).await?;
    let new = NewBody {
        connection,
        channel: Channel::Hook,
        content_type,
        query,
        body: body.into(),
        received_at: state.clock.now(),
        // What a hook says is told apart by the events in it, once they are parsed.
        dedupe: None,
    };
    state.ingest.submit(vec![new]).await.map_err(|error| Problem::not_stored(&error))?;
    Ok(())
}

/// Whether the connection exists and the secret is its own. An unknown connection costs the same comparison, against any
/// other connection's secret, so that time does not tell which names exist.
fn may_speak(state: &WebState, connection: &str, secret: &str) -> bool {
    let known = state.connections.get(connection);
    let compared = known.or_else(|| state.connections.values().next());
    let right = compared.is_some_and(|c| c.verify_secret(secret));
    right & known.is_some()
}
