//! Bearer tokens of the API, compared in constant time.
//!
//! Digests are compared rather than the tokens themselves, so that not even a token's length shows, and every configured
//! token is compared whichever matches.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::settings::ApiSettings;

/// The tokens that may use the API.
#[derive(Clone)]
pub struct Tokens(Arc<Vec<(String, [u8; 32])>>);

impl Tokens {
    /// The tokens of the settings.
    pub fn new(settings: &ApiSettings) -> Self {
        let digests = settings.tokens.iter().map(|(name, token)| (name.clone(), digest(token.expose_secret())));
        Self(Arc::new(digests.collect()))
    }

    /// The name of the token that a request carries.
    pub fn check(&self, headers: &HeaderMap) -> Result<&str, Problem> {
        if self.0.is_empty() {
            return Err(refused("No token is configured: set one under [api.tokens] to use this API."));
        }
        let given = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(given) = given else {
            return Err(refused("This API wants the header `Authorization: Bearer <token>`."));
        };
        let given = digest(given);
        let mut name = None;
        for (known, expected) in self.0.iter() {
            if bool::from(expected.ct_eq(&given)) {
                name = Some(known.as_str());
            }
        }
        name.ok_or_else(|| refused("This token is not known here."))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn refused(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&'static str>) -> Option<String> {
        let mut settings = ApiSettings::default();
        settings.tokens.insert("shop".into(), "0123456789abcdef".into());
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, axum::http::HeaderValue::from_static(header));
        }
        Tokens::new(&settings).check(&headers).ok().map(str::to_owned)
    }

    #[test]
    fn only_a_whole_known_token_passes() {
        assert_eq!(check(Some("Bearer 0123456789abcdef")).as_deref(), Some("shop"));
        assert_eq!(check(Some("bearer  0123456789abcdef ")).as_deref(), Some("shop"));
        for header in [None, Some("Bearer 0123456789abcde"), Some("Basic 0123456789abcdef"), Some("0123456789abcdef")] {
            assert_eq!(check(header), None, "{header:?}");
        }
    }

    #[test]
    fn without_configured_tokens_nobody_passes() {
        assert!(Tokens::new(&ApiSettings::default()).check(&HeaderMap::new()).is_err());
    }
}
