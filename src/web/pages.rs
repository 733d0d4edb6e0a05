//! Pages for people: templates, and the small pages that say what went wrong.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{Html, IntoResponse, Response};
use tera::{Context, Tera};

use super::problem::{RETRY_AFTER_SECONDS, log_failure};
use super::{App, assets};

const TEMPLATES: [(&str, &str); 8] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("icons.html", include_str!("templates/icons.html")),
    ("error.html", include_str!("templates/error.html")),
    ("maps.html", include_str!("templates/maps.html")),
    ("map.html", include_str!("templates/map.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("preferences.html", include_str!("templates/preferences.html")),
    ("unsubscribe.html", include_str!("templates/unsubscribe.html")),
];

/// The templates of all pages, parsed once.
pub struct Pages(Tera);

/// The embedded templates do not parse: a fault of this build.
#[derive(Debug, thiserror::Error)]
#[error("reading the templates of the pages")]
pub struct PagesError(#[source] tera::Error);

impl Pages {
    /// Parses the embedded templates.
    pub fn new() -> Result<Self, PagesError> {
        let mut tera = Tera::default();
        tera.add_raw_templates(TEMPLATES).map_err(PagesError)?;
        tera.global_context().insert("assets", assets::version());
        Ok(Self(tera))
    }

    /// Renders a page; a fault is logged and shown as a plain 500.
    pub fn render(&self, status: StatusCode, template: &str, context: &Context) -> Response {
        match self.0.render(template, context) {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => {
                log_failure(&error);
                (StatusCode::INTERNAL_SERVER_ERROR, "Something failed here. Try again later.\n").into_response()
            }
        }
    }

    /// A page that says to come back in a moment, as what it was to do failed; the log says why.
    pub fn later(error: &(dyn std::error::Error + 'static), mut page: Response) -> Response {
        log_failure(error);
        page.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        page
    }

    /// A small page with a headline and a sentence.
    pub fn message(&self, status: StatusCode, lang: &str, title: &str, text: &str) -> Response {
        let mut context = Context::new();
        context.insert("lang", lang);
        context.insert("status", &status.as_u16());
        context.insert("title", title);
        context.insert("text", text);
        self.render(status, "error.html", &context)
    }

    /// The page for what is not there.
    pub fn missing(&self) -> Response {
        self.message(
            StatusCode::NOT_FOUND,
            "en",
            "There is nothing here",
            "The address may be mistyped or out of date.",
        )
    }

    /// The page for what failed; the log says why.
    pub fn failed(&self, error: &(dyn std::error::Error + 'static)) -> Response {
        log_failure(error);
        let text = "Something failed on our side. Please try again in a moment.";
        self.message(StatusCode::INTERNAL_SERVER_ERROR, "en", "That did not work", text)
    }
}

/// The texts of a page for a locale such as `ru-RU`; the first where there are none, which are English.
pub(super) fn in_language<W, const N: usize>(
    all: &'static [W; N],
    locale: &str,
    lang: impl Fn(&W) -> &'static str,
) -> &'static W {
    const { assert!(N > 0, "a page has texts in at least one language") };
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    all.iter().find(|words| lang(words).eq_ignore_ascii_case(language)).unwrap_or(&all[0])
}

/// The answer to every address that is not a route.
pub async fn not_found(State(state): State<App>) -> Response {
    state.pages.missing()
}
