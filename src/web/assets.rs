//! Style, script and icon of the pages: embedded, and cached for good under an address that changes with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const FILES: [(&str, &str, &str); 3] = [
    ("milepost.css", "text/css; charset=utf-8", include_str!("assets/milepost.css")),
    ("map.js", "text/javascript; charset=utf-8", include_str!("assets/map.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// A short digest over every asset.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (_, _, content) in FILES {
        digest.update(content.as_bytes());
    }
    hex::encode(&digest.finalize()[..6])
});

/// What pages put behind `?v=`.
pub fn version() -> &'static str {
    &VERSION
}

/// The handler.
pub async fn serve(Path(name): Path<String>) -> Response {
    let Some((_, kind, content)) = FILES.into_iter().find(|(file, ..)| *file == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")], content).into_response()
}
