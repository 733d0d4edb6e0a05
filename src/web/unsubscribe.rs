//! `/u/{token}`: the public page behind the unsubscribe link of every letter.
//!
//! Invariants: only POST unsubscribes, because mail scanners follow links; both the page's button and a mail client's
//! one-click request (RFC 8058) are answered after the commit and without a redirect; the token alone names the customer.

mod words;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use metrics::counter;
use tera::Context;

use super::pages::Pages;
use super::problem::log_failure;
use super::{App, WebState};
use crate::engine::own;
use crate::mail::links::{LinkSigner, Unsubscribe};
pub(super) use words::{Words, of as words_for};

/// Largest body that is looked at: a form of one field needs no more.
pub const MAX_BODY: usize = 16 * 1024;

/// Shows the page with the button.
pub async fn show(State(state): State<App>, Path(token): Path<String>) -> Response {
    let Some(link) = state.links.verify(&token) else { return not_ours(&state, &token) };
    let words = words_of(&state, &link).await;
    page(&state, words, &link, "ask", StatusCode::OK)
}

/// Unsubscribes.
pub async fn act(State(state): State<App>, Path(token): Path<String>, body: Result<Bytes, BytesRejection>) -> Response {
    let Some(link) = state.links.verify(&token) else { return not_ours(&state, &token) };
    // The token is the authority; the body only tells which of the two ways was taken.
    let one_click = body.is_ok_and(|body| {
        form_urlencoded::parse(&body).any(|(name, value)| name == "List-Unsubscribe" && value == "One-Click")
    });
    let by = if one_click { "one-click" } else { "link" };
    let words = words_of(&state, &link).await;
    let refusal = own::unsubscribed(&link.customer, &link.purpose, &link.message, by, state.clock.now());
    match state.ingest.submit(vec![refusal]).await {
        Ok(_) => {
            counter!("milepost_unsubscribes_total", "by" => by).increment(1);
            page(&state, words, &link, "done", StatusCode::OK)
        }
        Err(error) => Pages::later(&error, page(&state, words, &link, "later", StatusCode::SERVICE_UNAVAILABLE)),
    }
}

/// The customer's language; the shop's where the customer has none or can't be read just now.
async fn words_of(state: &WebState, link: &Unsubscribe) -> &'static Words {
    let customer = state.store.customer(&link.customer).await.unwrap_or_else(|error| {
        log_failure(&error);
        None
    });
    let locale = customer.as_ref().and_then(|c| c.text("locale"));
    words::of(locale.unwrap_or(&state.shop.locale))
}

fn page(state: &WebState, words: &'static Words, link: &Unsubscribe, step: &str, status: StatusCode) -> Response {
    let mut context = Context::new();
    context.insert("lang", words.lang);
    context.insert("words", words);
    context.insert("step", step);
    context.insert("what", &words.purpose(&link.purpose));
    context.insert("shop", &state.shop.name);
    context.insert("shop_url", &state.shop.url);
    context.insert("preferences", &state.links.sign_preferences(&link.customer, &link.message));
    state.pages.render(status, "unsubscribe.html", &context)
}

/// A link of a letter that was a test, or no link of ours at all.
pub(super) fn not_ours(state: &WebState, token: &str) -> Response {
    let words = words::of(&state.shop.locale);
    let previews = LinkSigner::of_previews();
    let test = previews.verify(token).is_some()
        || previews.verify_preferences(token).is_some()
        || previews.verify_confirm(token).is_some();
    if test {
        return state.pages.message(StatusCode::OK, words.lang, words.test_title, words.test_text);
    }
    state.pages.message(StatusCode::NOT_FOUND, words.lang, words.unknown_title, words.unknown_text)
}
