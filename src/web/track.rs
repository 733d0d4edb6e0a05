//! `/c/{token}` and `/o/{token}`: short links of letters, and the picture that tells that one was opened.
//!
//! Invariants: a link leads to what stood in its very letter or nowhere (404); whoever follows it is led on at once, and what
//! is noted of it is stored afterwards; asking for the head alone and fetching beforehand is no click; addresses of those who
//! ask are looked at and not kept.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics::counter;
use serde_json::{Map, Value, json};

use super::problem::log_failure;
use super::unsubscribe::not_ours;
use super::{App, WebState};
use crate::engine::ingest::IngestError;
use crate::engine::own;
use crate::journey::event::kind;
use crate::journey::reads::What;
use crate::store::Tracked;

/// A picture of one pixel that nobody sees.
const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
/// Most characters of what somebody calls himself that are kept.
const MAX_AGENT: usize = 200;
/// How often something that could not be stored is tried again, and after how long.
const TRIES: u32 = 5;
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Leads on to where a letter's link led.
pub async fn click(State(state): State<App>, Path(token): Path<String>, request: Request) -> Response {
    let Some((message, link)) = state.links.verify_click(&token) else { return not_ours(&state, &token) };
    let letter = match state.store.tracked(&message).await {
        Ok(letter) => letter,
        Err(error) => {
            log_failure(&error);
            return super::problem::Problem::internal(&error).into_response();
        }
    };
    let found = letter.and_then(|letter| Some((letter.links.get(usize::from(link))?.clone(), letter)));
    let Some((target, letter)) = found else { return not_ours(&state, &token) };
    let Ok(location) = HeaderValue::from_str(&ascii(&target)) else { return not_ours(&state, &token) };
    let mut data = said(&letter, &message);
    data.insert("link".into(), json!(target));
    data.insert("position".into(), json!(link));
    note(&state, What::Clicked, &letter, data, &request);
    (StatusCode::FOUND, [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response()
}

/// Gives the picture of a letter.
pub async fn open(State(state): State<App>, Path(name): Path<String>, request: Request) -> Response {
    let token = name.strip_suffix(".gif").unwrap_or(&name);
    let Some(message) = state.links.verify_open(token) else { return not_ours(&state, token) };
    match state.store.tracked(&message).await {
        Ok(Some(letter)) => note(&state, What::Opened, &letter, said(&letter, &message), &request),
        Ok(None) => return not_ours(&state, token),
        // The letter is to look as it should, whatever is noted of it.
        Err(error) => log_failure(&error),
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/gif")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache, must-revalidate, private, max-age=0")),
    ];
    (headers, PICTURE).into_response()
}

fn said(letter: &Tracked, message: &str) -> Map<String, Value> {
    let mut data = Map::new();
    for (name, value) in
        [("message", message), ("rule", &letter.rule), ("map", &letter.map), ("letter", &letter.letter)]
    {
        data.insert(name.into(), json!(value));
    }
    data
}

/// Notes what was done with a letter, after the answer is on its way.
fn note(state: &App, what: What, letter: &Tracked, mut data: Map<String, Value>, request: &Request) {
    let headers = request.headers();
    if is_beforehand(headers) {
        return;
    }
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = if request.method() == Method::HEAD {
        Some("head_only")
    } else {
        state.noted.load().machines.known(what, agent, address(state, request))
    };
    counter!("milepost_reads_total", "what" => what.as_str(), "known_machine" => known.unwrap_or("no")).increment(1);
    data.insert("agent".into(), json!(agent.chars().take(MAX_AGENT).collect::<String>()));
    data.insert("machine".into(), json!(known.is_some()));
    if let Some(by) = known {
        data.insert("machine_by".into(), json!(by));
    }
    let now = state.clock.now();
    let (kind, place) = match what {
        What::Opened => (kind::OPENED, String::new()),
        What::Clicked => {
            (kind::CLICKED, format!("/{}", data.get("position").and_then(Value::as_i64).unwrap_or_default()))
        }
    };
    let message = data.get("message").and_then(Value::as_str).unwrap_or_default();
    let id = format!("{}/{message}{place}/{}", what.as_str(), now.micros());
    let body = own::event(kind, id, &letter.customer, (None, data), now);
    let state = App::clone(state);
    tokio::spawn(async move {
        for _ in 0..TRIES {
            match state.ingest.submit(vec![body.clone()]).await {
                Ok(_) => return,
                Err(IngestError::Stopped) => break,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        counter!("milepost_reads_lost_total").increment(1);
        tracing::warn!("an open or a click could not be stored");
    });
}

/// Whether a browser fetches in case somebody should want it later.
fn is_beforehand(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        let said = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        said.contains("prefetch") || said.contains("prerender") || said.contains("preview")
    })
}

/// Where somebody asks from: as the reverse proxy tells it, if there is one that does.
fn address(state: &WebState, request: &Request) -> Option<IpAddr> {
    if let Some(name) = &state.address_header {
        // What stands before the last was said by whoever asked.
        let told = request.headers().get_all(name.as_str()).iter().next_back()?.to_str().ok()?;
        return told.rsplit(',').next()?.trim().parse().ok();
    }
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

/// An address as it can stand in a header: what is not ASCII is written as its bytes.
fn ascii(link: &str) -> String {
    let mut out = String::with_capacity(link.len());
    for byte in link.bytes() {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
