//! The map pages and the figures behind them: `/maps`, `/maps/{map}` and `GET /api/v1/maps/{map}`.
//!
//! Invariant: page, live updates and API show the same texts, because all are made by one walk over one set of figures
//! (`view::MapView`); only splits stand as they were when the page was asked for. The page is whole without its script.

mod emotion;
mod live;
mod rules;
mod splits;
mod stages;
mod view;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde_json::json;
use tera::Context;

use super::problem::Problem;
use super::{App, WebState};
use crate::insight::{self, MapFigures};
use crate::journey::rule::Rule;
use crate::rulebook::Book;
use crate::store::StoreError;
use splits::SplitView;
use view::{MapCard, MapView};

/// `/`: the map, where there is only one.
pub async fn home(State(state): State<App>) -> Redirect {
    let book = state.book.load();
    let mut ids = book.rulebook.maps.keys();
    match (ids.next(), ids.next()) {
        (Some(only), None) => Redirect::temporary(&format!("/maps/{only}")),
        _ => Redirect::temporary("/maps"),
    }
}

/// `/maps`: all maps.
pub async fn index(State(state): State<App>) -> Response {
    let book = state.book.load_full();
    let mut cards = Vec::new();
    for map in book.rulebook.maps.values() {
        match insight::figures(&state.store, &book.rulebook, &map.id).await {
            Ok(Some(figures)) => cards.push(MapCard::new(map, &figures)),
            Ok(None) => {}
            Err(error) => return state.pages.failed(&error),
        }
    }
    let mut context = page_context(&state);
    context.insert("maps", &cards);
    state.pages.render(StatusCode::OK, "maps.html", &context)
}

/// `/maps/{map}`: one map, drawn.
pub async fn show(State(state): State<App>, Path(id): Path<String>) -> Response {
    let book = state.book.load_full();
    let view = match read(&state, &book, &id).await {
        Ok(Some((_, view))) => view,
        Ok(None) => return state.pages.missing(),
        Err(error) => return state.pages.failed(&error),
    };
    let of_map = |rule: &Rule| rule.map == id;
    let splits = match insight::splits::figures(&state.store, &book.rulebook, state.clock.now(), of_map).await {
        Ok(splits) => splits,
        Err(error) => return state.pages.failed(&error),
    };
    let zone = book.rulebook.shop.zone;
    let splits: Vec<SplitView> = splits.iter().map(|split| SplitView::new(split, zone)).collect();
    let mut context = page_context(&state);
    context.insert("map", &view);
    context.insert("splits", &splits);
    state.pages.render(StatusCode::OK, "map.html", &context)
}

/// `GET /api/v1/maps/{map}`: the figures as numbers, and as the page shows them.
pub async fn figures(State(state): State<App>, Path(id): Path<String>) -> Response {
    let book = state.book.load_full();
    match read(&state, &book, &id).await {
        Ok(Some((figures, view))) => Json(json!({
            "map": figures.map,
            "at": state.clock.now().to_string(),
            "rulebook": book.rulebook.hash,
            "stages": figures.stages,
            "rules": figures.rules,
            "segments": figures.segments,
            "shown": view.live,
        }))
        .into_response(),
        Ok(None) => Problem::not_found().into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

async fn read(state: &WebState, book: &Book, id: &str) -> Result<Option<(MapFigures, MapView)>, StoreError> {
    let Some(map) = book.rulebook.maps.get(id) else { return Ok(None) };
    let Some(figures) = insight::figures(&state.store, &book.rulebook, id).await? else { return Ok(None) };
    let rules: Vec<_> = book.rulebook.rules_of(id).collect();
    let zone = book.rulebook.shop.zone;
    let view = MapView::new(map, &rules, &figures, state.clock.now().local(zone));
    Ok(Some((figures, view)))
}

fn page_context(state: &WebState) -> Context {
    let mut context = Context::new();
    context.insert("lang", "en");
    context.insert("shop", &state.shop.name);
    context
}
