//! Setting the stage: the shop's HTTP server, the mailbox and a daemon connected to both, over a database file in a
//! temporary folder.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use chrono_tz::Tz;
use reqwest::Client;
use tokio::net::TcpListener;

use super::shop::{API_KEY, HookCall, PROMO_FIELD, Reaction, SITE, Shop};
use crate::app::App;
use crate::clock::Clock;
use crate::journey::book::Shop as ShopFacts;
use crate::journey::time::{Span, Timestamp};
use crate::mail::Mailbox;
use crate::rulebook::{self, Files};
use crate::settings::{ConnectionSettings, RelaySecurity, RelaySettings, Settings};

/// Zone of the simulated shop and its CRM.
pub const ZONE: Tz = Tz::Europe__Berlin;
const HOOK_SECRET: &str = "demo-hook-secret-0123456789";
/// How often the demo's CRM is polled.
pub const POLL_EVERY: Span = Span::seconds(900);

/// Everything of a demo but its pace.
#[expect(missing_debug_implementations, reason = "holds a whole daemon")]
pub struct Stage {
    /// The daemon.
    pub app: App,
    /// Its clock.
    pub clock: Clock,
    /// The shop.
    pub shop: Shop,
    /// Where letters arrive.
    pub mailbox: Mailbox,
    /// The daemon's HTTP side, bound and not yet served.
    pub listener: TcpListener,
    /// What talks to the daemon in the customers' and the shop's name.
    pub caller: Caller,
    // The database goes with the demo.
    _folder: Folder,
}

/// Posts hooks and follows links over HTTP.
#[derive(Clone, Debug)]
pub struct Caller {
    http: Client,
    base: String,
}

impl Stage {
    /// Puts everything in place. `shop` has not begun to live yet.
    pub async fn set(clock: Clock, shop: Shop, port: u16) -> anyhow::Result<Self> {
        let mailbox = Mailbox::start(([127, 0, 0, 1], 0).into()).await.context("the mailbox can't listen")?;
        let crm = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.context("the shop can't listen")?;
        let crm_url = format!("http://{}", crm.local_addr()?);
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))
            .await
            .with_context(|| format!("port {port} is taken; choose another with --port"))?;
        let base = format!("http://{}", listener.local_addr()?);
        let router = shop.router();
        tokio::spawn(async move { axum::serve(crm, router).await });

        let settings = settings(&base, &crm_url, &mailbox)?;
        let facts = ShopFacts { zone: ZONE, ..ShopFacts::default() };
        let loaded = rulebook::load_files(&files()?, facts);
        let book = loaded.book.ok_or_else(|| anyhow!("{}", rulebook::render(&loaded.diagnostics, false)))?;
        let folder = Folder::make()?;
        let database = format!("sqlite:{}", folder.0.join("demo.db").display());
        let app = App::build(&settings, book, &database, clock.clone()).await?;
        let http = Client::builder().build().context("the HTTP client can't be built")?;
        Ok(Self { app, clock, shop, mailbox, listener, caller: Caller { http, base }, _folder: folder })
    }
}

/// Lets customers read the letters that arrived after the first `known`: some come, order or refuse further ones.
pub async fn read_letters(mailbox: &Mailbox, shop: &Shop, caller: &Caller, known: usize, now: Timestamp) -> usize {
    let letters = mailbox.letters_after(known);
    for letter in &letters {
        let (Some(to), seen) = (letter.to.first(), Seen::of(&letter.bytes)) else { continue };
        if shop.letter_arrived(to, &seen.subject, seen.promo.as_deref(), now) == Reaction::Unsubscribes
            && let Some(link) = &seen.unsubscribe
        {
            // Half of those who refuse use the letter's button, the others the shop's account.
            if letter.bytes.len() % 2 == 0 {
                caller.unsubscribe(link).await;
            }
        }
    }
    letters.len()
}

/// What a mail program shows of a letter.
struct Seen {
    subject: String,
    unsubscribe: Option<String>,
    promo: Option<String>,
}

impl Seen {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) {
                last = name.to_lowercase();
                headers.insert(last.clone(), value.trim().to_owned());
            } else if let Some(value) = headers.get_mut(&last) {
                value.push_str(line.trim());
            }
        }
        let link = headers.get("list-unsubscribe").map(|value| value.trim_matches(['<', '>']).to_owned());
        let promo = text
            .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'))
            .find(|word| word.len() >= 10 && word.starts_with("SPRING"))
            .map(str::to_owned);
        Self { subject: headers.remove("subject").unwrap_or_default(), unsubscribe: link, promo }
    }
}

impl Caller {
    /// The daemon's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Posts a hook as the CRM would: once, without looking at the answer.
    pub async fn post(&self, call: &HookCall) -> bool {
        let mark = if call.query.is_empty() { "" } else { "?" };
        let url = format!("{}/hooks/shop/{HOOK_SECRET}{mark}{}", self.base, call.query);
        let request = match call.method {
            "GET" => self.http.get(url),
            _ => self.http.post(url).body(call.body.clone()),
        };
        let request = match call.content_type {
            Some(kind) => request.header("content-type", kind),
            None => request,
        };
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Presses a mail program's one-click button (RFC 8058).
    async fn unsubscribe(&self, link: &str) {
        let request = self.http.post(link).header("content-type", "application/x-www-form-urlencoded");
        if let Err(error) = request.body("List-Unsubscribe=One-Click").send().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "unsubscribing failed");
        }
    }
}

fn settings(base: &str, crm: &str, mailbox: &Mailbox) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    settings.server.public_url = Some(base.to_owned());
    "Paws & Bowls".clone_into(&mut settings.shop.name);
    "https://paws.example".clone_into(&mut settings.shop.url);
    ZONE.name().clone_into(&mut settings.shop.time_zone);
    settings.shop.address = Some("Paws & Bowls, 1 Cat Street, 10115 Berlin".into());
    "Paws & Bowls <hello@paws.example>".clone_into(&mut settings.mail.from);
    let relay = RelaySettings {
        host: mailbox.address().ip().to_string(),
        port: Some(mailbox.address().port()),
        security: RelaySecurity::None,
        ..RelaySettings::default()
    };
    settings.mail.relays.insert("mailbox".into(), relay);
    let connection = serde_json::json!({
        "kind": "retailcrm",
        "url": crm,
        "api_key": API_KEY,
        "hook_secret": HOOK_SECRET,
        "site": SITE,
        "time_zone": ZONE.name(),
        "poll_every": POLL_EVERY,
        "promo_field": PROMO_FIELD,
        "requests_per_second": 2_000,
    });
    let connection: ConnectionSettings = serde_json::from_value(connection).context("the demo's connection")?;
    settings.connections.insert("shop".into(), connection);
    Ok(settings)
}

/// The shipped pet-shop rules.
fn files() -> anyhow::Result<Files> {
    let starter =
        rulebook::starters().iter().find(|s| s.name == "pet-shop").context("the pet-shop starter is missing")?;
    Ok(starter.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
}

/// A temporary folder that is removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("milepost-demo-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir(&path).with_context(|| format!("{} can't be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed is in the system's temporary folder and will be cleaned there.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
