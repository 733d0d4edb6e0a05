//! `/d/{token}`: the public page by which a customer confirms to have agreed.
//!
//! Invariants: looking confirms nothing, because mail scanners follow links; the button is answered after the commit; a link
//! confirms what waits for the address that its letter went to, and nothing else.

mod words;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, USER_AGENT};
use axum::response::Response;
use metrics::counter;
use serde_json::{Map, json};
use sha2::{Digest as _, Sha256};
use tera::Context;

use super::pages::Pages;
use super::problem::log_failure;
use super::unsubscribe::{not_ours, words_for};
use super::{App, WebState};
use crate::engine::own;
use crate::journey::consents::can_confirm;
use crate::journey::customer::Customer;
use crate::journey::event::{Profile, kind};
use crate::mail::links::Choice;
use crate::store::{MessageRow, StoreError};

/// Most characters of what a browser calls itself that are kept.
const MAX_AGENT: usize = 200;

/// Whom a link is for, and the letter it stood in.
struct Found {
    link: Choice,
    customer: Customer,
    letter: MessageRow,
    purposes: Vec<String>,
}

/// Shows the page with the button.
pub async fn show(State(state): State<App>, Path(token): Path<String>) -> Response {
    match find(&state, &token).await {
        Ok(found) if found.purposes.is_empty() => page(&state, &found, over(&state, &found), StatusCode::OK),
        Ok(found) => page(&state, &found, "ask", StatusCode::OK),
        Err(answer) => answer,
    }
}

/// Confirms.
pub async fn act(State(state): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let found = match find(&state, &token).await {
        Ok(found) if found.purposes.is_empty() => return page(&state, &found, over(&state, &found), StatusCode::OK),
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let text = match state.store.raw(&found.letter.id).await {
        Ok(bytes) => bytes.map(|bytes| hex::encode(Sha256::digest(bytes))),
        Err(error) => return later(&state, &found, &error),
    };
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut data = Map::new();
    data.insert("by".into(), json!("confirmation"));
    data.insert("message".into(), json!(found.link.message));
    data.insert("letter".into(), json!(found.letter.letter));
    data.insert("sha256".into(), json!(text));
    data.insert("address".into(), json!(found.letter.to));
    data.insert("agent".into(), json!(agent.chars().take(MAX_AGENT).collect::<String>()));
    let consents = found.purposes.iter().map(|purpose| (purpose.clone(), true)).collect();
    let profile = Profile { consents, ..Profile::default() };
    let now = state.clock.now();
    let id = format!("confirm/{}/{}", found.link.message, now.micros());
    let body = own::event(kind::CONSENT_CONFIRMED, id, &found.customer.id, (Some(profile), data), now);
    match state.ingest.submit(vec![body]).await {
        Ok(_) => {
            counter!("milepost_confirmations_total").increment(1);
            page(&state, &found, "done", StatusCode::OK)
        }
        Err(error) => later(&state, &found, &error),
    }
}

fn later(state: &WebState, found: &Found, error: &(dyn std::error::Error + 'static)) -> Response {
    Pages::later(error, page(state, found, "later", StatusCode::SERVICE_UNAVAILABLE))
}

/// What a page says where nothing waits: it was confirmed, or it is over.
fn over(state: &WebState, found: &Found) -> &'static str {
    let book = state.book.load();
    let twice = &book.rulebook.shop.double_opt_in.purposes;
    let agreed = found.customer.consents.iter().any(|(purpose, said)| said.granted && twice.contains(purpose));
    if agreed { "done" } else { "over" }
}

async fn find(state: &App, token: &str) -> Result<Found, Response> {
    let Some(link) = state.links.verify_confirm(token) else { return Err(not_ours(state, token)) };
    let read = async {
        let customer = state.store.customer(&link.customer).await?;
        let letter = state.store.message(&link.message).await?;
        Ok::<_, StoreError>(customer.zip(letter))
    };
    match read.await {
        Ok(Some((customer, letter))) => {
            let purposes = can_confirm(&customer, letter.to.as_deref()).map(str::to_owned).collect();
            Ok(Found { link, customer, letter, purposes })
        }
        Ok(None) => Err(not_ours(state, token)),
        Err(error) => {
            log_failure(&error);
            let words = words_for(&state.shop.locale);
            Err(state.pages.message(StatusCode::SERVICE_UNAVAILABLE, words.lang, words.later_title, words.later_text))
        }
    }
}

fn page(state: &WebState, found: &Found, step: &str, status: StatusCode) -> Response {
    let locale = found.customer.text("locale").unwrap_or(&state.shop.locale);
    let (words, names) = (words::of(locale), words_for(locale));
    let mut context = Context::new();
    context.insert("lang", words.lang);
    context.insert("words", words);
    context.insert("step", step);
    let purposes: Vec<String> = found.purposes.iter().map(|purpose| names.purpose(purpose)).collect();
    context.insert("purposes", &purposes);
    context.insert("shop", &state.shop.name);
    context.insert("shop_url", &state.shop.url);
    context.insert("to_shop", names.to_shop);
    state.pages.render(status, "confirm.html", &context)
}
