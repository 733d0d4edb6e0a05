//! `/healthz`, `/readyz` and `/metrics`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::log_failure;

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers, so what is sent here can be kept. Relays that can't be used are named: letters wait for them or take
/// others, and nothing that is sent here is lost.
pub async fn ready(State(state): State<App>) -> Response {
    let asked = async {
        state.store.ping().await?;
        state.store.relay_stops(state.clock.now()).await
    };
    match asked.await {
        Ok(stops) => {
            let down = stops.iter().filter(|stop| stop.domain.is_empty());
            let down = down.map(|stop| format!("relay {} can't be used until {}\n", stop.relay, stop.until));
            std::iter::once("ready\n".to_owned()).chain(down).collect::<String>().into_response()
        }
        Err(error) => {
            log_failure(&error);
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// Figures of the process, in Prometheus' text form.
pub async fn metrics(State(state): State<App>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render()).into_response()
}
