//! The composition root: the only place that names concrete parts.
//!
//! [`App::build`] puts the parts together; [`App::run`] runs them until told to stop; tests and the demo may instead step
//! them with [`App::run_dry`]. There is no other way to start a daemon, so all three are the same daemon.

mod begin;
mod mailing;
mod reload;
mod secret;
mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::mailing::Lasting;
use crate::clock::Clock;
use crate::crm::Connection;
use crate::engine::archive::Archive;
use crate::engine::in_force;
use crate::engine::ingest::Ingest;
use crate::engine::record::Recorder;
use crate::engine::returns::{Answers, Listener, Sources};
use crate::engine::send::told::in_use;
use crate::engine::{Engine, Wakes};
use crate::journey::time::Timestamp;
use crate::mail::LinkSigner;
use crate::mail::imap::Account;
use crate::mail::returns::provider::Provider;
use crate::mail::tracking::Noted;
use crate::rulebook::{self, Book};
use crate::settings::Settings;
use crate::settings::load::Loaded;
use crate::store::{self, Alone, Store};
use crate::web::providers::Providers;
use crate::web::{self, Pages, WebState};
use crate::webhook::Webhooks;

/// How long stopping may take.
const GRACE: Duration = Duration::from_secs(30);
/// How long one request to a CRM may take.
const CRM_TIMEOUT: Duration = Duration::from_secs(30);

/// A whole daemon, put together and not yet running.
#[expect(missing_debug_implementations, reason = "a router has none worth reading")]
pub struct App {
    /// The loops.
    pub engine: Arc<Engine>,
    /// Records hand-overs.
    pub recorder: Recorder,
    /// Takes bodies in.
    pub ingest: Ingest,
    /// Hears what providers tell of letters.
    pub providers: Arc<Providers>,
    /// What stays the same when the settings change.
    lasting: Lasting,
    router: Router,
    writer: JoinHandle<()>,
    recording: JoinHandle<()>,
    #[expect(dead_code, reason = "held until the last of the above is gone")]
    alone: Alone,
}

impl App {
    /// Puts a daemon together over a database. `disk` is the rulebook on disk, if it has no faults; which one the daemon
    /// works with is what is in force and what `[rules]` say.
    pub async fn build(
        settings: &Settings,
        disk: impl Into<Option<Book>>,
        database: &str,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let store = Store::open(database).await.context("the database can't be opened; `milepost doctor` says more")?;
        let alone = Alone::on(database)?;
        let disk = disk.into();
        let shop = disk.as_ref().map_or_else(|| settings.shop_facts(), |book| book.rulebook.shop.clone());
        let book = begin::book(&store, disk, shop, settings.rules.apply, clock.now()).await?;
        let book = in_force::complete(&store, book, None).await?;
        let links = LinkSigner::new(&secret::of_links(&store).await?);
        secret::of_codes(&store).await?;
        let connections = connections(settings)?;
        let wakes = Arc::new(Wakes::default());
        let noted = Arc::new(ArcSwap::from_pointee(Noted::new(&settings.mail.tracking)?));
        let lasting = Lasting {
            links: links.clone(),
            ledger: Arc::default(),
            wakes: Arc::clone(&wakes),
            noted: Arc::clone(&noted),
        };
        let mailing = mailing::of(settings, &lasting)?;
        let poll_every = settings
            .connections
            .iter()
            .filter(|(name, c)| !c.poll_every.is_zero() && connections.get(*name).is_some_and(Connection::can_read))
            .map(|(name, c)| (name.clone(), c.poll_every))
            .collect();
        let book = Arc::new(ArcSwap::from_pointee(book));
        let engine = Arc::new(Engine {
            store: store.clone(),
            book: Arc::clone(&book),
            clock: clock.clone(),
            connections: Arc::new(connections),
            references: ArcSwap::from_pointee(BTreeMap::new()),
            mailing: ArcSwap::from_pointee(mailing),
            archive: Archive::new(settings.shop.clone()),
            webhooks: Webhooks::build(&settings.webhooks, &settings.errands)?,
            errand_retry: settings.errands.retry.clone(),
            keep_errands: settings.errands.keep,
            sources: Sources {
                maildir: settings.mail.returns.maildir.clone(),
                imap: Account::of(&settings.mail.returns.imap),
            },
            answers: Answers {
                forward: settings.mail.replies.forward.as_ref().and_then(|address| address.parse().ok()),
                crm: settings.mail.replies.crm.clone(),
            },
            keep_returns: settings.mail.returns.keep,
            keep_raw: settings.ingest.keep_raw,
            poll_every,
            in_hand: Mutex::default(),
            low_pools: Mutex::default(),
            node: uuid::Uuid::now_v7().to_string(),
            wakes,
        });
        engine.recall_references().await?;
        engine.load_pools().await?;
        if store.engine() == store::Engine::Sqlite {
            // Nobody else works on this file: what was claimed or being handed over was so by a process that is gone.
            engine.take_over().await?;
        }
        let (ingest, writer) = Ingest::start(store.clone(), settings.ingest.queue, Arc::clone(&engine.wakes));
        let (recorder, recording) = Recorder::start(Arc::clone(&engine));
        let providers = Arc::new(providers(settings, &engine)?);
        let router = web::router(WebState {
            store,
            ingest: ingest.clone(),
            connections: Arc::clone(&engine.connections),
            providers: Arc::clone(&providers),
            book,
            links,
            noted,
            address_header: settings.server.address_header.clone(),
            clock,
            shop: settings.shop.clone(),
            api: settings.api.clone(),
            limits: settings.ingest.clone(),
            metrics: metrics_handle()?,
            pages: Pages::new()?,
        });
        engine.mailing.load().fleet.names().into_iter().for_each(|name| in_use(name, true));
        Ok(Self { engine, recorder, ingest, providers, lasting, router, writer, recording, alone })
    }

    /// Takes over what changed settings say of relays, routes, senders and everything else of how letters leave; the rest of
    /// them counts from the next start on.
    pub async fn change_settings(&self, settings: &Settings) -> anyhow::Result<()> {
        mailing::change(&self.engine, settings, &self.lasting).await
    }

    /// The HTTP side alone, for stepping.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Does all work that is to be done at the clock's present moment, polling included if `poll`; returns when nothing is
    /// left.
    pub async fn run_dry(&self, poll: bool) -> anyhow::Result<()> {
        if poll {
            for name in self.engine.poll_every.keys() {
                // A limited CRM is polled again at the next turn, as in life.
                if let Err(error) = self.engine.poll_once(name).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "polling failed");
                }
            }
        }
        self.engine.follow().await?;
        loop {
            let engine = &self.engine;
            let mut done = engine.take_maildir().await? + engine.take_returns().await? + engine.take_answer().await?;
            done += engine.process_bodies().await?.handled + engine.process_due().await?.handled;
            done += engine.process_outdated().await?.handled + engine.fetch_waiting().await?.handled;
            done += engine.open_firings().await? + engine.walk_firings().await?.handled;
            done += engine.send_due(&self.recorder).await?.handled;
            done += engine.run_errands().await?;
            if done == 0 {
                return Ok(());
            }
        }
    }

    /// Runs until `stop` is cancelled, then finishes what is in hand within 30 seconds.
    pub async fn run(
        self,
        listener: TcpListener,
        returns: Option<Listener>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        if let Some(returns) = returns {
            tasks.spawn(returns.run(Arc::clone(&self.engine), stop.clone()));
        }
        self.engine.start(&self.recorder, &stop, &tasks);
        tasks.close();
        let stopped = stop.clone();
        let served = axum::serve(listener, self.router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        // A server that fails ends the daemon; one that is told to stop ends with its last request.
        let result = tokio::select! {
            result = served.into_future() => result.context("the HTTP server failed"),
            () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Err(anyhow!("requests did not end in time")),
        };
        stop.cancel();
        let drained = async {
            tasks.wait().await;
            drop((self.ingest, self.recorder));
            let _ = tokio::join!(self.writer, self.recording);
            self.engine.mailing.load().fleet.close().await;
            self.engine.store.close().await;
        };
        tokio::time::timeout(GRACE, drained).await.map_err(|_| anyhow!("work in hand did not end within 30 s"))?;
        result
    }
}

/// Runs the daemon of a settings file until SIGTERM or Ctrl-C.
pub async fn serve(loaded: Loaded, variables: Vec<(String, String)>, clock: Clock) -> anyhow::Result<()> {
    let outcome = rulebook::load(&loaded.rules_dir(), loaded.shop());
    if outcome.book.is_none() {
        tracing::error!(faults.count = outcome.diagnostics.len(), "the rules on disk have faults");
        for line in rulebook::render(&outcome.diagnostics, false).lines() {
            tracing::error!("{line}");
        }
    }
    let settings = &loaded.settings;
    let app = App::build(settings, outcome.book, loaded.database_url().expose_secret(), clock).await?;
    let listener = TcpListener::bind(settings.server.listen)
        .await
        .with_context(|| format!("{} can't be listened on; another program may hold it", settings.server.listen))?;
    let returns = Listener::bind(&settings.mail.returns.listener).await?;
    let stop = CancellationToken::new();
    let watching = reload::start(&loaded, variables, &app, &stop)?;
    let signalled = stop.clone();
    tokio::spawn(async move {
        if let Err(error) = stop_signal().await {
            tracing::error!(error = &error as &dyn std::error::Error, "signals can't be heard");
            return;
        }
        tracing::info!("stopping: finishing what is in hand");
        signalled.cancel();
    });
    tracing::info!(
        http.address = %listener.local_addr()?,
        http.public_url = settings.server.public_url(),
        rulebook.hash = app.engine.book.load().rulebook.hash,
        mail.relays = app.engine.mailing.load().fleet.names().join(", "),
        "milepost is running"
    );
    if app.engine.mailing.load().fleet.is_empty() {
        tracing::warn!("no relay is configured under [mail.relays]: letters wait until there is one");
    }
    let result = app.run(listener, returns, stop).await;
    watching.abort();
    result
}

fn connections(settings: &Settings) -> anyhow::Result<BTreeMap<String, Connection>> {
    let zone = settings.shop.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC);
    let http = reqwest::Client::builder()
        .timeout(CRM_TIMEOUT)
        .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("the HTTP client can't be built")?;
    let mut connections = BTreeMap::new();
    for (id, connection) in &settings.connections {
        let built = Connection::build(id, connection, zone, &settings.shop.currency, http.clone())
            .map_err(|fault| anyhow!("connections.{id}: {fault}"))?;
        connections.insert(id.clone(), built);
    }
    Ok(connections)
}

fn providers(settings: &Settings, engine: &Engine) -> anyhow::Result<Providers> {
    let known = settings.mail.providers.iter().filter_map(|(name, provider)| Provider::of(name, provider));
    Providers::new(known, Arc::clone(&engine.wakes)).context("the HTTP client can't be built")
}

/// The recorder of metrics is one for the process, whatever number of daemons tests build in it.
fn metrics_handle() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).clone().context("metrics can't be recorded")
}

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// Takes over what a process that is gone left behind, for databases that only one process uses.
impl Engine {
    async fn take_over(&self) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        tx.break_leases().await?;
        tx.break_errand_leases().await?;
        tx.commit().await?;
        let doubts = self.settle_doubts(Timestamp::MAX).await?;
        if doubts > 0 {
            tracing::warn!(letters.count = doubts, "hand-overs were cut off when the daemon last ended");
        }
        Ok(())
    }
}
