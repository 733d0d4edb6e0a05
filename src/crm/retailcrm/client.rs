//! One HTTP request to the API: key, limit of requests, back-off, and what an answer means.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::crm::ApiError;

/// Requests a second that one key may make.
const REQUESTS_PER_SECOND: NonZeroU32 = match NonZeroU32::new(10) {
    Some(ten) => ten,
    None => NonZeroU32::MIN,
};
/// How often one request is tried while the source limits us.
const TRIES: u32 = 5;
/// The first pause after a limited answer; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longer pauses are left to the caller.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long to stay away when the source goes on limiting.
const AFTER_THE_LAST: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Talks to one account.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    limit: Arc<DefaultDirectRateLimiter>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// The query or the form of a request.
pub(super) type Query<'a> = &'a [(&'a str, String)];

impl Client {
    /// A client for the account at `base`.
    pub(super) fn new(http: reqwest::Client, base: &str, key: SecretString) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { http, base, key, limit: limiter(REQUESTS_PER_SECOND) }
    }

    /// The same account with another limit.
    pub(super) fn limited_to(self, per_second: NonZeroU32) -> Self {
        Self { limit: limiter(per_second), ..self }
    }

    /// Asks and reads the answer; an unsuccessful one is an error.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: Query<'_>) -> Result<T, ApiError> {
        let value = self.get_value(path, query).await?;
        serde_path_to_error::deserialize(value).map_err(|fault| ApiError::Shape {
            path: path.to_owned(),
            at: fault.path().to_string(),
            source: fault.into_inner(),
        })
    }

    async fn get_value(&self, path: &str, query: Query<'_>) -> Result<Value, ApiError> {
        self.ask(path, || self.http.get(format!("{}{path}", self.base)).query(query)).await
    }

    /// Posts a form; an unsuccessful answer is an error.
    pub(super) async fn post(&self, path: &str, form: Query<'_>) -> Result<(), ApiError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = || {
            let request = self.http.post(format!("{}{path}", self.base)).body(body.clone());
            request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        };
        self.ask(path, request).await.map(drop)
    }

    async fn ask(&self, path: &str, request: impl Fn() -> RequestBuilder) -> Result<Value, ApiError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            self.limit.until_ready().await;
            let response = request()
                .header("X-API-KEY", self.key.expose_secret())
                .send()
                .await
                .map_err(|error| ApiError::Unreachable(error.without_url()))?;
            let status = response.status();
            if status != StatusCode::SERVICE_UNAVAILABLE && status != StatusCode::TOO_MANY_REQUESTS {
                return read(path, response).await;
            }
            // The body of a limited answer may be anything and tells nothing.
            let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let wait = asked.map_or(pause, Duration::from_secs);
            if tries == TRIES || wait > LONGEST_PAUSE {
                let retry_after = asked.map_or(AFTER_THE_LAST, Duration::from_secs);
                return Err(ApiError::Limited { status: status.as_u16(), retry_after });
            }
            tracing::debug!(crm.status = status.as_u16(), crm.wait_ms = wait.as_millis(), "the CRM limits requests");
            tokio::time::sleep(wait).await;
            pause *= 2;
            tries += 1;
        }
    }
}

fn limiter(per_second: NonZeroU32) -> Arc<DefaultDirectRateLimiter> {
    // No bursts: ten at once and ten more within the second would be twenty.
    Arc::new(RateLimiter::direct(Quota::per_second(per_second).allow_burst(NonZeroU32::MIN)))
}

async fn read(path: &str, mut response: Response) -> Result<Value, ApiError> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ApiError::Unreachable(error.without_url()))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(ApiError::TooLarge { path: path.to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    let value: Option<Value> = serde_json::from_slice(&body).ok().filter(Value::is_object);
    if status.is_server_error() {
        return Err(ApiError::Unavailable { status: status.as_u16() });
    }
    let Some(value) = value else { return Err(ApiError::NotJson { status: status.as_u16() }) };
    if !status.is_success() || value.get("success") == Some(&Value::Bool(false)) {
        return Err(ApiError::Refused { status: status.as_u16(), path: path.to_owned(), message: message(&value) });
    }
    Ok(value)
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default, rename = "errorMsg")]
    message: String,
    #[serde(default)]
    errors: Value,
}

/// The source's words; details come as an object or a list.
fn message(answer: &Value) -> String {
    let Ok(refusal) = Refusal::deserialize(answer) else { return "no reason given".into() };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let details: Vec<String> = match &refusal.errors {
        Value::Object(by_name) => by_name.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect(),
        Value::Array(list) => list.iter().map(plain).collect(),
        _ => Vec::new(),
    };
    let whole =
        if details.is_empty() { refusal.message } else { format!("{} ({})", refusal.message, details.join("; ")) };
    whole.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn details_of_a_refusal_come_in_two_forms() {
        for (answer, expect) in [
            (json!({"success": false, "errorMsg": "Access denied."}), "Access denied."),
            (json!({"errorMsg": "Bad", "errors": {"id": "must be there"}}), "Bad (id: must be there)"),
            (json!({"errorMsg": "Bad", "errors": ["one", "two"]}), "Bad (one; two)"),
            (json!({"errorMsg": 5}), "no reason given"),
        ] {
            assert_eq!(message(&answer), expect);
        }
    }
}
