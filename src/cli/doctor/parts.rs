//! The rulebook, the database, the relays and the connections, each asked through its own room.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::finding::{Finding, chain};
use super::writes;
use crate::cli::context::open_store;
use crate::crm::Connection;
use crate::journey::book::Rulebook;
use crate::journey::event::kind;
use crate::mail::{Checked, Outcome, Relay};
use crate::rulebook::{self, Severity};
use crate::settings::load::Loaded;
use crate::store::Engine;
use crate::webhook::leads_to;

/// The longest that one part is waited for.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Whether maps, rules and letters can be used.
pub fn rulebook(loaded: &Loaded) -> Finding {
    let folder = loaded.rules_dir();
    let name = folder.display().to_string();
    let outcome = rulebook::load(&folder, loaded.shop());
    let errors = outcome.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    match outcome.book {
        Some(book) if book.rulebook.maps.is_empty() => {
            Finding::doubt("rulebook", name, "there is no map", "`milepost init` writes a starter map")
        }
        Some(book) if asks_nobody(&book.rulebook) => {
            let help = "write a rule with `on: {event: consent.requested}`; docs/recipes has one";
            Finding::doubt(
                "rulebook",
                name,
                "`consent.double_opt_in` is set, and no rule asks customers to confirm",
                help,
            )
        }
        Some(book) => {
            let (maps, rules) = (book.rulebook.maps.len(), book.rulebook.rules.len());
            Finding::fine("rulebook", name, format!("maps: {maps}, rules: {rules}"))
        }
        None => Finding::wrong("rulebook", name, format!("errors: {errors}"), "`milepost check` shows them"),
    }
}

/// Whether agreements must be confirmed and no rule sends the letter for it.
fn asks_nobody(book: &Rulebook) -> bool {
    !book.shop.double_opt_in.purposes.is_empty() && !book.listens_to(kind::CONSENT_REQUESTED)
}

/// Whether the database can be opened and answers.
pub async fn database(loaded: &Loaded) -> Finding {
    let url = loaded.database_url();
    let engine = if url.expose_secret().starts_with("sqlite") { "SQLite" } else { "PostgreSQL" };
    let help = "look at `database.url`, and whether the server runs and the account may make tables";
    let asked = timeout(PATIENCE, async {
        let store = open_store(loaded).await?;
        store.ping().await?;
        anyhow::Ok(store.engine())
    });
    match asked.await {
        Ok(Ok(Engine::Sqlite)) => Finding::fine("database", engine, "opened, up to date, answers"),
        Ok(Ok(Engine::Postgres)) => Finding::fine("database", engine, "connected, up to date, answers"),
        Ok(Err(error)) => Finding::wrong("database", engine, chain(error.as_ref()), help),
        Err(_) => Finding::wrong("database", engine, "no answer in time", help),
    }
}

/// Whether customers can follow the links in letters: the program can't ask from outside, but some addresses lead nowhere.
pub fn public_url(loaded: &Loaded) -> Option<Finding> {
    let settings = &loaded.settings;
    if settings.mail.relays.is_empty() {
        return None;
    }
    let address = settings.server.public_url();
    let host = reqwest::Url::parse(&address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    let own = bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let help = "set `server.public_url` to the https address under which the world reaches /u and /hooks";
    Some(if own {
        Finding::doubt("links", address, "leads to the reader's own machine: nobody can unsubscribe", help)
    } else if address.starts_with("https:") {
        Finding::fine("links", address, "letters link to it; whether the world reaches it was not tried")
    } else {
        // RFC 8058 section 3.1: one-click unsubscribing takes an https address.
        Finding::doubt("links", address, "is not https: mailboxes offer no one-click unsubscribing", help)
    })
}

/// Whether each relay takes the log-in.
pub async fn relays(loaded: &Loaded) -> Vec<Finding> {
    let mail = &loaded.settings.mail;
    if mail.relays.is_empty() {
        let help = "add a section `[mail.relays.<name>]`; until then letters stay queued";
        return vec![Finding::doubt("relay", "none", "no relay is set", help)];
    }
    let hello = sending_domain(loaded).unwrap_or_else(|| "localhost".into());
    let mut findings = Vec::new();
    for (name, settings) in &mail.relays {
        let subject = format!("{name} ({})", settings.host);
        let help = "look at host, port, security, user name and password; a firewall may block port 25, 465 or 587";
        let relay = match Relay::new(name, settings, &hello) {
            Ok(relay) => relay,
            Err(error) => {
                findings.push(Finding::wrong("relay", subject, chain(&error), "look at the relay's settings"));
                continue;
            }
        };
        findings.push(match timeout(PATIENCE, relay.check()).await {
            Ok(Ok(checked)) => Finding::fine("relay", subject, reached(checked)),
            Ok(Err(outcome)) => Finding::wrong("relay", subject, unreached(&outcome), help),
            Err(_) => Finding::wrong("relay", subject, "no answer in time", help),
        });
    }
    findings
}

fn reached(checked: Checked) -> String {
    let protection = if checked.protected { "under TLS" } else { "without TLS" };
    let login = if checked.logged_in { "logged in" } else { "no log-in is set" };
    format!("connected {protection}, {login}")
}

fn unreached(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { code, reply } => format!("{code} {reply}"),
        Outcome::Deferred { code, reply, .. } => format!("refused for now: {code} {reply}"),
        Outcome::Refused { code, reply, .. } => format!("refused: {code} {reply}"),
        Outcome::Lost { step, error } => format!("failed at {step}: {error}"),
        Outcome::Uncertain { error } => error.clone(),
        Outcome::NoSmtpUtf8 => outcome.to_string(),
    }
}

/// Whether each connection's key works and may read what is needed, and change customers where a rule does.
pub async fn connections(loaded: &Loaded) -> Vec<Finding> {
    let settings = &loaded.settings;
    if settings.connections.is_empty() {
        let help = "add a section `[connections.<id>]`, or send events to POST /api/v1/events";
        return vec![Finding::doubt("connection", "none", "no CRM is connected", help)];
    }
    let mut findings = Vec::new();
    let written = Box::pin(writes::written(loaded)).await;
    for (id, connection) in &settings.connections {
        if connection.url.is_none() {
            findings.push(Finding::fine("connection", id, "takes hooks with whole objects; no API to ask"));
            continue;
        }
        let built = client()
            .map_err(|error| chain(&error))
            .and_then(|http| Connection::build(id, connection, loaded.shop().zone, &settings.shop.currency, http));
        let connection = match built {
            Ok(connection) => connection,
            Err(error) => {
                findings.push(Finding::wrong("connection", id, error, "look at the connection's settings"));
                continue;
            }
        };
        let help = "look at `url` and `api_key`, and whether the key is active in the CRM";
        match timeout(PATIENCE, connection.check(written.contains(id) || connection.told_of().next().is_some())).await {
            Ok(Ok(verdicts)) => findings.extend(verdicts.into_iter().map(|seen| {
                let subject = format!("{id}, {}", seen.name);
                if seen.ok {
                    return Finding::fine("connection", subject, seen.note);
                }
                Finding { help: seen.help, ..Finding::wrong("connection", subject, seen.note, "") }
            })),
            Ok(Err(error)) => findings.push(Finding::wrong("connection", id, chain(&error), help)),
            Err(_) => findings.push(Finding::wrong("connection", id, "no answer in time", help)),
        }
    }
    findings
}

/// Whether the address of each webhook leads somewhere, and not where it may not. Nothing is posted.
pub async fn webhooks(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, webhook) in &loaded.settings.webhooks {
        let help = "look at `url`, and at `allow_private` if the address is to lead into your own network";
        findings.push(match timeout(PATIENCE, leads_to(webhook)).await {
            Ok(Ok(note)) => Finding::fine("webhook", name, note),
            Ok(Err(error)) => Finding::wrong("webhook", name, error, help),
            Err(_) => Finding::wrong("webhook", name, "its name could not be looked up in time", help),
        });
    }
    findings
}

/// A client of HTTP with short time-outs.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().connect_timeout(Duration::from_secs(5)).timeout(PATIENCE).build()
}

/// The domain that letters come from.
pub fn sending_domain(loaded: &Loaded) -> Option<String> {
    domain_of(&loaded.settings.mail.from)
}

/// The domain of a mailbox of the settings, as in DNS.
pub fn domain_of(mailbox: &str) -> Option<String> {
    let mailbox: lettre::message::Mailbox = mailbox.parse().ok()?;
    let domain = mailbox.email.domain();
    Some(idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_owned()))
}
