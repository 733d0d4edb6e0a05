//! What must hold of settings beyond their types. Each check notes a fault at the setting it is about.
//!
//! Not here: anything that asks the world (that is `milepost doctor`).

mod attachments;
mod connections;
mod mail;
mod providers;
mod returns;
mod routes;
mod webhooks;

use std::net::IpAddr;

use chrono_tz::Tz;
use lettre::message::Mailbox;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::fault::Collector;
use super::tree::Tree;
use crate::journey::spelling::nearest;
use crate::settings::Settings;

/// The shortest token or hook secret.
const SECRET_LENGTH: usize = 16;

/// Checks everything.
pub fn all(settings: &Settings, tree: &Tree, faults: &mut Collector<'_>) {
    let mut check = Check { tree, faults };
    shop(settings, &mut check);
    consent(settings, &mut check);
    server(settings, &mut check);
    mail::all(&settings.mail, &mut check);
    returns::replies(settings, &mut check);
    for (id, connection) in &settings.connections {
        connections::one(id, connection, &mut check);
    }
    for (name, webhook) in &settings.webhooks {
        webhooks::one(name, webhook, &mut check);
    }
    webhooks::errands(&settings.errands, &mut check);
}

/// Where faults go, by the path of the setting.
struct Check<'a, 'b> {
    tree: &'a Tree,
    faults: &'a mut Collector<'b>,
}

impl Check<'_, '_> {
    fn fault(&mut self, path: &str, message: impl Into<String>, help: Option<String>) {
        self.faults.add(self.tree.place(path), message, help);
    }

    /// Notes a fault unless `fine`.
    fn that(&mut self, fine: bool, path: &str, message: impl Into<String>, help: &str) {
        if !fine {
            self.fault(path, message, (!help.is_empty()).then(|| help.to_owned()));
        }
    }

    fn zone(&mut self, path: &str, name: &str) {
        if name.parse::<Tz>().is_ok() {
            return;
        }
        let help = match nearest(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(zone) => format!("did you mean `{zone}`?"),
            None => "write a name of the IANA database, for example `Europe/Moscow`".into(),
        };
        self.fault(path, format!("there is no time zone `{name}`"), Some(help));
    }

    /// An address of the web; `http` only where `plain` allows it. The text itself may hold credentials, so it isn't shown.
    fn url(&mut self, path: &str, text: &str, plain: Plain) {
        let help = "write a whole address, for example `https://shop.example`";
        let Ok(url) = Url::parse(text) else {
            return self.fault(path, format!("`{path}` is not an address of the web"), Some(help.into()));
        };
        let secure =
            url.scheme() == "https" || (url.scheme() == "http" && (plain == Plain::Fine || is_local(url.host_str())));
        self.that(secure && url.has_host(), path, format!("`{path}` must begin with https://"), help);
        let clean =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none() && url.query().is_none();
        self.that(clean, path, format!("`{path}` may hold no user name, password, `?` or `#`"), help);
    }

    fn mailbox(&mut self, path: &str, text: &str) {
        let help = "write `name@domain` or `Name <name@domain>`";
        self.that(text.parse::<Mailbox>().is_ok(), path, format!("`{path}` is not an e-mail address"), help);
    }

    fn id(&mut self, path: &str, name: &str) {
        let fine = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        self.that(fine, path, format!("`{name}` is not a name"), "use lower-case letters, digits, `-` and `_`");
    }

    /// Certificates to be trusted can be read.
    fn authority(&mut self, path: &str, pem: Option<&SecretString>) {
        let fine = pem.is_none_or(|pem| crate::mail::trust::certificates(pem).is_some());
        self.that(
            fine,
            path,
            "this is not a list of certificates in PEM",
            "name the file that begins with `-----BEGIN CERTIFICATE-----`",
        );
    }

    fn long_secret(&mut self, path: &str, secret: &str, what: &str) {
        let fine =
            secret.len() >= SECRET_LENGTH && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b));
        let message = format!("{what} `{path}` is not at least {SECRET_LENGTH} letters, digits, `-`, `_`, `.` or `~`");
        self.that(fine, path, message, "make one with `openssl rand -hex 24`");
    }
}

/// Whether an address without TLS is fine anywhere or on this machine only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    Fine,
    LocalOnly,
}

/// Whether a host is this machine.
fn is_local(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn shop(settings: &Settings, check: &mut Check<'_, '_>) {
    let shop = &settings.shop;
    check.that(!shop.name.trim().is_empty(), "shop.name", "the shop has no name", "letters read it as shop.name");
    check.url("shop.url", &shop.url, Plain::Fine);
    check.zone("shop.time_zone", &shop.time_zone);
    let currency = shop.currency.len() == 3 && shop.currency.bytes().all(|b| b.is_ascii_uppercase());
    check.that(
        currency,
        "shop.currency",
        format!("`{}` is not a currency", shop.currency),
        "write the three capitals of ISO 4217, for example `EUR`",
    );
    check.that(
        is_locale(&shop.locale),
        "shop.locale",
        format!("`{}` is not a locale", shop.locale),
        "write a language and, if need be, a country, for example `ru` or `en-GB`",
    );
    for (index, purpose) in settings.consent.assumed.iter().enumerate() {
        check.id(&format!("consent.assumed[{index}]"), purpose);
    }
}

fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Sources that need no confirmation are such as there are.
fn consent(settings: &Settings, check: &mut Check<'_, '_>) {
    for source in &settings.consent.confirmed_by {
        let known = source == "api" || settings.connections.contains_key(source);
        let help = "name a `[connections.<id>]`, or `api`";
        check.that(known, "consent.confirmed_by", format!("there is no connection `{source}`"), help);
    }
}

fn server(settings: &Settings, check: &mut Check<'_, '_>) {
    if let Some(url) = &settings.server.public_url {
        check.url("server.public_url", url, Plain::Fine);
    }
    if let Some(name) = &settings.server.address_header {
        let fine = axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        check.that(
            fine,
            "server.address_header",
            format!("`{name}` is not the name of a header"),
            "for example `X-Forwarded-For`",
        );
    }
    let url = settings.database.url.expose_secret();
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    let help = "write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`";
    check.that(known && url != "sqlite:", "database.url", "`database.url` names no database that is known", help);
    let ingest = &settings.ingest;
    let sizes = 1_024..=64 * 1_024 * 1_024;
    check.that(
        sizes.contains(&ingest.max_body_bytes),
        "ingest.max_body_bytes",
        "`ingest.max_body_bytes` lies outside 1024 (1 KiB) to 67108864 (64 MiB)",
        "",
    );
    let queue = (1..=1_000_000).contains(&ingest.queue);
    check.that(queue, "ingest.queue", "`ingest.queue` lies outside 1 to 1000000", "");
    let mut seen: Vec<&str> = Vec::new();
    for (name, token) in &settings.api.tokens {
        let path = format!("api.tokens.{name}");
        check.id(&path, name);
        let token = token.expose_secret();
        check.long_secret(&path, token, "the token");
        check.that(
            !seen.contains(&token),
            &path,
            format!("the token `{path}` is another one's too"),
            "give each its own",
        );
        seen.push(token);
    }
    if let Some(filter) = &settings.log.filter
        && let Err(error) = filter.parse::<tracing_subscriber::filter::Targets>()
    {
        check.fault(
            "log.filter",
            format!("`log.filter` can't be read: {error}"),
            Some("for example `info,milepost::engine=debug`".into()),
        );
    }
}
