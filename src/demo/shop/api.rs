//! The part of RetailCRM's API that the daemon uses, served from the simulated shop.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::orders::{GROUPS, STATUSES};
use super::world::World;
use super::{API_KEY, SITE, Shop};

/// Page sizes that the API takes.
const LIMITS: [usize; 4] = [20, 50, 100, 250];

/// The routes.
pub(super) fn router(shop: Shop) -> Router {
    Router::new()
        .route("/api/credentials", get(credentials))
        .route("/api/v5/customers", get(customers))
        .route("/api/v5/customers/history", get(customers_history))
        .route("/api/v5/customers/{id}", get(customer))
        .route("/api/v5/customers/{id}/subscriptions", post(subscriptions))
        .route("/api/v5/orders", get(orders))
        .route("/api/v5/orders/history", get(orders_history))
        .route("/api/v5/orders/{id}", get(order))
        .route("/api/v5/reference/statuses", get(statuses))
        .route("/api/v5/reference/status-groups", get(status_groups))
        .route("/api/v5/customer-interaction/{site}/cart/{customer}", get(cart))
        .fallback(unknown)
        .with_state(shop)
}

/// The parameters of a request, decoded.
type Parameters = Vec<(String, String)>;

/// Checks key and limit, then lets `make` answer.
fn answer(
    shop: &Shop,
    headers: &HeaderMap,
    query: Option<&str>,
    make: impl FnOnce(&mut World, &Parameters) -> Result<Value, (StatusCode, &'static str)>,
) -> Response {
    let mut world = shop.world();
    world.requests += 1;
    let (count, every) = (world.requests, world.options.limited_every);
    if every > 0 && count % every == 0 {
        // Now the application says it, now the server before it.
        return if (count / every) % 2 == 0 {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "Rate limit exceeded")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/html")], "<html><h1>503</h1></html>")
                .into_response()
        };
    }
    match headers.get("X-API-KEY").map(axum::http::HeaderValue::as_bytes) {
        None => return refuse(StatusCode::FORBIDDEN, "\"apiKey\" is missing."),
        Some(key) if key != API_KEY.as_bytes() => return refuse(StatusCode::FORBIDDEN, "Wrong \"apiKey\" value."),
        Some(_) => {}
    }
    let parameters: Parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    match make(&mut world, &parameters) {
        Ok(value) => axum::Json(value).into_response(),
        Err((status, message)) => refuse(status, message),
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({"success": false, "errorMsg": message}))).into_response()
}

fn all<'a>(parameters: &'a Parameters, name: &str) -> BTreeSet<&'a str> {
    parameters.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

fn one<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn limit(parameters: &Parameters) -> Result<usize, (StatusCode, &'static str)> {
    let limit = one(parameters, "limit").map_or(Some(20), |text| text.parse().ok());
    limit.filter(|limit| LIMITS.contains(limit)).ok_or((StatusCode::BAD_REQUEST, "Parameter 'limit' is invalid"))
}

/// One page of entities in the API's envelope.
fn page(name: &str, found: Vec<Value>, parameters: &Parameters) -> Result<Value, (StatusCode, &'static str)> {
    let limit = limit(parameters)?;
    let number: usize = one(parameters, "page").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    let count = found.len();
    let rows: Vec<Value> = found.into_iter().skip((number - 1).saturating_mul(limit)).take(limit).collect();
    Ok(json!({
        "success": true, name: rows,
        "pagination": {"limit": limit, "totalCount": count, "currentPage": number, "totalPageCount": count.div_ceil(limit)},
    }))
}

/// Whether an entity is among those asked for; all are when none is.
fn asked_for(parameters: &Parameters, id: u32, external: Option<&str>) -> bool {
    let (ids, externals) = (all(parameters, "filter[ids][]"), all(parameters, "filter[externalIds][]"));
    let by_id = ids.is_empty() || ids.contains(id.to_string().as_str());
    by_id && (externals.is_empty() || external.is_some_and(|external| externals.contains(external)))
}

async fn credentials(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    answer(&shop, &headers, None, |_, _| {
        Ok(json!({
            "success": true, "credentials": ["/api/v5/customers", "/api/v5/orders"],
            "scopes": ["customer_read", "customer_write", "order_read", "reference_read"],
            "siteAccess": "access_full", "sitesAvailable": [SITE],
        }))
    })
}

fn history(
    world: &World,
    parameters: &Parameters,
    pick: impl FnOnce(&World) -> &super::history::History,
) -> Result<Value, (StatusCode, &'static str)> {
    let since = one(parameters, "filter[sinceId]");
    if since.is_some() && one(parameters, "page").is_some() {
        return Err((StatusCode::BAD_REQUEST, "Parameters 'sinceId' and 'page' can not be used together"));
    }
    let since = since.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(pick(world).page(since, limit(parameters)?, &world.date(world.now)))
}

async fn customers_history(State(shop): State<Shop>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| history(world, asked, |world| &world.customer_history))
}

async fn orders_history(State(shop): State<Shop>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| history(world, asked, |world| &world.order_history))
}

async fn customers(State(shop): State<Shop>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| {
        let people = world.people.values().filter(|person| asked_for(asked, person.id, person.external_id.as_deref()));
        page("customers", people.map(|person| world.customer_json(person)).collect(), asked)
    })
}

async fn orders(State(shop): State<Shop>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| {
        let orders =
            world.orders.values().filter(|order| asked_for(asked, order.id, Some(&format!("web-{}", order.id))));
        page("orders", orders.filter_map(|order| world.order_json(order)).collect(), asked)
    })
}

const NOT_FOUND: (StatusCode, &str) = (StatusCode::NOT_FOUND, "Not found");

/// Entities are named by the shop's id unless the request says otherwise.
fn names(asked: &Parameters, given: &str, id: u32, external: Option<&str>) -> bool {
    if one(asked, "by") == Some("id") { given == id.to_string() } else { external == Some(given) }
}

async fn customer(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(given): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| {
        let mut people = world.people.values();
        let found = people.find(|person| names(asked, &given, person.id, person.external_id.as_deref()));
        let person = found.ok_or(NOT_FOUND)?;
        Ok(json!({"success": true, "customer": world.customer_json(person)}))
    })
}

async fn subscriptions(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(given): Path<String>,
    form: String,
) -> Response {
    answer(&shop, &headers, Some(&form), |world, asked| {
        let mut people = world.people.values();
        let found = people.find(|person| names(asked, &given, person.id, person.external_id.as_deref()));
        let id = found.ok_or(NOT_FOUND)?.id;
        let said: Option<Vec<Value>> = one(asked, "subscriptions").and_then(|said| serde_json::from_str(said).ok());
        let said = said.ok_or((StatusCode::BAD_REQUEST, "Parameter 'subscriptions' is missing"))?;
        for topic in said {
            let named = (topic["channel"].as_str(), topic["subscription"].as_str());
            match (named, topic["active"].as_bool()) {
                ((Some("email"), Some("default_marketing")), Some(active)) => world.subscribe(id, active),
                _ => return Err((StatusCode::BAD_REQUEST, "Errors in the entity format")),
            }
        }
        Ok(json!({"success": true}))
    })
}

async fn order(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(given): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| {
        let mut orders = world.orders.values();
        let found = orders.find(|order| names(asked, &given, order.id, Some(&format!("web-{}", order.id))));
        let shown = found.and_then(|order| world.order_json(order)).ok_or(NOT_FOUND)?;
        Ok(json!({"success": true, "order": shown}))
    })
}

async fn cart(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path((site, given)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&shop, &headers, query.as_deref(), |world, asked| {
        let mut people = world.people.values();
        let person = people.find(|person| names(asked, &given, person.id, person.external_id.as_deref()));
        let shown = person.filter(|_| site == SITE).and_then(|person| world.cart_json(person)).ok_or(NOT_FOUND)?;
        Ok(json!({"success": true, "cart": shown}))
    })
}

async fn statuses(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    answer(&shop, &headers, None, |_, _| {
        let statuses: Map<String, Value> = STATUSES
            .iter()
            .zip(1..)
            .map(|((code, name, group), order): (_, u32)| {
                let status =
                    json!({"name": name, "code": code, "active": true, "ordering": order * 10, "group": group});
                ((*code).to_owned(), status)
            })
            .collect();
        Ok(json!({"success": true, "statuses": statuses}))
    })
}

async fn status_groups(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    answer(&shop, &headers, None, |_, _| {
        let groups: Map<String, Value> = GROUPS
            .iter()
            .zip(1..)
            .map(|(group, order): (_, u32)| {
                let members: Vec<&str> = STATUSES.iter().filter(|(_, _, of)| of == group).map(|(code, ..)| *code).collect();
                let shown = json!({"name": group, "code": group, "active": true, "ordering": order * 10, "process": order > 1 && order < 5, "statuses": members});
                ((*group).to_owned(), shown)
            })
            .collect();
        Ok(json!({"success": true, "statusGroups": groups}))
    })
}

async fn unknown() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::CONTENT_TYPE, "text/html")], "<html><h1>405 Not Allowed</h1></html>")
        .into_response()
}
