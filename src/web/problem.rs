//! Errors of the machine-read routes: a status, a stable code and a sentence, as JSON.

use std::error::Error;

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use crate::engine::ingest::IngestError;

/// How long a client that met overload should wait. The queue drains in well under a second; the rest spreads the return.
pub const RETRY_AFTER_SECONDS: &str = "2";

/// An answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Problem {
    /// A problem with its sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// No such thing, or nothing that the asker may know of.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    /// A body over the limit.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes, the most this server takes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// A body that did not arrive whole.
    pub fn broken_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "broken_body", "The body did not arrive whole.")
    }

    /// Something of ours failed; the log says what.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        log_failure(error);
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here. Try again later.")
    }

    /// Too much is under way; nothing was taken.
    pub fn overloaded() -> Self {
        Self::not_stored(&IngestError::Overloaded)
    }

    /// Nothing was stored: too much is waiting, the server stops, or the database failed.
    pub fn not_stored(error: &IngestError) -> Self {
        let (code, message) = match error {
            IngestError::Overloaded => {
                ("overloaded", "Too much is waiting to be stored. Nothing was taken; send it again.")
            }
            IngestError::Stopped => ("stopping", "The server is stopping. Nothing was taken; send it again."),
            IngestError::Store => {
                log_failure(error);
                ("not_stored", "Storing failed. Nothing was taken; send it again.")
            }
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Logs an error with its whole chain, once.
pub fn log_failure(error: &(dyn Error + 'static)) {
    let chain: Vec<String> =
        std::iter::successors(Some(error), |e| (*e).source()).map(std::string::ToString::to_string).collect();
    tracing::error!(error = %chain.join(": "), "web.request.failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_and_stop_say_when_to_come_back() {
        for error in [IngestError::Overloaded, IngestError::Stopped] {
            let response = Problem::not_stored(&error).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], RETRY_AFTER_SECONDS);
        }
    }
}
