//! Running the loops: each is woken by a notification or by time, survives its errors, and stops when what it has in hand
//! is done.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::process::Ahead;
use super::record::Recorder;
use super::send::Sender;
use super::{Engine, Result};
use crate::journey::time::{Span, Timestamp};

/// How long a loop that waits to be woken sleeps at most, in real time: other nodes' work is seen after that.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How long a loop rests after an error.
const AFTER_ERROR: Duration = Duration::from_millis(500);
/// How long applying waits for a rush of bodies to be over before its next batch, and how often it looks.
const LONGEST_RUSH: Duration = Duration::from_millis(400);
const RUSH_STEP: Duration = Duration::from_millis(5);
/// How often upkeep is done.
const UPKEEP_EVERY: Span = Span::seconds(60);
/// How often a CRM's directories are read anew.
const REFERENCES_EVERY: Span = Span::seconds(3_600);

impl Engine {
    /// Starts every loop on `tasks`. They end soon after `stop` is cancelled, each when what it has in hand is done.
    pub fn start(self: &Arc<Self>, recorder: &Recorder, stop: &CancellationToken, tasks: &TaskTracker) {
        tasks.spawn(Arc::clone(self).process(stop.clone()));
        tasks.spawn(Arc::clone(self).send(recorder.clone(), stop.clone()));
        let engine = Arc::clone(self);
        tasks.spawn(looped("fetch", stop.clone(), Arc::clone(self), move || {
            let engine = Arc::clone(&engine);
            async move {
                let worked = engine.fetch_waiting().await?;
                Ok(if worked.handled > 0 { Next::Now } else { Next::Wake(Wake::Fetch, None) })
            }
        }));
        tasks.spawn(Arc::clone(self).watch_imap(stop.clone()));
        if self.sources.maildir.is_some() {
            let engine = Arc::clone(self);
            tasks.spawn(looped("maildir", stop.clone(), Arc::clone(self), move || {
                let engine = Arc::clone(&engine);
                async move {
                    let taken = engine.take_maildir().await?;
                    Ok(if taken > 0 { Next::Now } else { Next::Look })
                }
            }));
        }
        let engine = Arc::clone(self);
        tasks.spawn(looped("returns", stop.clone(), Arc::clone(self), move || {
            let engine = Arc::clone(&engine);
            async move {
                if engine.take_returns().await? > 0 {
                    return Ok(Next::Now);
                }
                Ok(Next::Wake(Wake::Returns, engine.store.next_returned_at(false).await?))
            }
        }));
        let engine = Arc::clone(self);
        tasks.spawn(looped("answers", stop.clone(), Arc::clone(self), move || {
            let engine = Arc::clone(&engine);
            async move {
                if engine.take_answer().await? > 0 {
                    return Ok(Next::Now);
                }
                Ok(Next::Wake(Wake::Answers, engine.store.next_returned_at(true).await?))
            }
        }));
        let engine = Arc::clone(self);
        tasks.spawn(looped("cron", stop.clone(), Arc::clone(self), move || {
            let engine = Arc::clone(&engine);
            async move {
                let opened = engine.open_firings().await?;
                let walked = engine.walk_firings().await?;
                Ok(if opened + walked.handled > 0 {
                    Next::Now
                } else {
                    Next::Wake(Wake::Cron, engine.next_firing().await?)
                })
            }
        }));
        let engine = Arc::clone(self);
        tasks.spawn(looped("upkeep", stop.clone(), Arc::clone(self), move || {
            let engine = Arc::clone(&engine);
            async move {
                engine.settle_doubts(engine.clock.now()).await?;
                engine.watch_pools().await?;
                engine.pick_winners().await?;
                Ok(
                    if engine.prune().await?
                        + engine.prune_returns().await?
                        + engine.expire_codes().await?
                        + engine.tend_errands().await?
                        > 0
                    {
                        Next::Now
                    } else {
                        Next::Sleep(UPKEEP_EVERY)
                    },
                )
            }
        }));
        for (kind, target) in self.errand_targets() {
            let engine = Arc::clone(self);
            tasks.spawn(looped("errands", stop.clone(), Arc::clone(self), move || {
                let (engine, target) = (Arc::clone(&engine), target.clone());
                async move {
                    if engine.run_errands_for(kind, &target).await? > 0 {
                        return Ok(Next::Now);
                    }
                    // What is due and waits for an earlier errand of its customer is woken with that, or by the longest sleep.
                    let next = engine.next_errand(kind, &target).await?;
                    Ok(Next::Wake(Wake::Errands, next.filter(|at| *at > engine.clock.now())))
                }
            }));
        }
        for (name, every) in &self.poll_every {
            self.start_polling(name, *every, stop, tasks);
        }
    }

    fn start_polling(self: &Arc<Self>, name: &str, every: Span, stop: &CancellationToken, tasks: &TaskTracker) {
        let (engine, polled) = (Arc::clone(self), name.to_owned());
        tasks.spawn(looped("poll", stop.clone(), Arc::clone(self), move || {
            let (engine, name) = (Arc::clone(&engine), polled.clone());
            async move {
                let (_, more) = engine.poll_once(&name).await?;
                Ok(if more { Next::Now } else { Next::Sleep(every) })
            }
        }));
        let (engine, refreshed) = (Arc::clone(self), name.to_owned());
        tasks.spawn(looped("references", stop.clone(), Arc::clone(self), move || {
            let (engine, name) = (Arc::clone(&engine), refreshed.clone());
            async move {
                engine.refresh_references(&name).await?;
                Ok(Next::Sleep(REFERENCES_EVERY))
            }
        }));
    }

    /// While bodies come in by crowds, hearing them comes before applying them: what is applied later is only late, what
    /// is not heard is lost. But not for long at a time, or what has been heard would never be applied.
    async fn give_way(&self) {
        let until = Instant::now() + LONGEST_RUSH;
        while self.wakes.rush.is_on() && Instant::now() < until {
            tokio::time::sleep(RUSH_STEP).await;
        }
    }

    async fn process(self: Arc<Self>, stop: CancellationToken) {
        let ahead = Arc::new(Mutex::new(Ahead::default()));
        looped("process", stop, Arc::clone(&self), || {
            let (engine, ahead) = (Arc::clone(&self), Arc::clone(&ahead));
            async move { engine.process_round(&mut *ahead.lock().await).await }
        })
        .await;
        if let Err(error) = self.end_batches(&mut *ahead.lock().await).await {
            // It is still in the inbox.
            tracing::error!(error = &error as &dyn std::error::Error, "the last batch could not be applied");
        }
    }

    async fn process_round(self: &Arc<Self>, ahead: &mut Ahead) -> Result<Next> {
        self.give_way().await;
        let bodies = self.process_bodies_ahead(ahead).await?;
        let due = self.process_due().await?;
        if bodies.handled + due.handled > 0 {
            return Ok(Next::Now);
        }
        // Whoever has not heard yet what is in force would bring people back under what was.
        if self.is_current().await? && self.process_outdated().await?.handled > 0 {
            return Ok(Next::Now);
        }
        Ok(Next::Wake(Wake::Process, self.store.next_due().await?))
    }

    async fn send(self: Arc<Self>, recorder: Recorder, stop: CancellationToken) {
        let sender = Arc::new(Mutex::new(Sender::new(Arc::clone(&self), recorder, stop.clone())));
        looped("send", stop, Arc::clone(&self), || {
            let (engine, sender) = (Arc::clone(&self), Arc::clone(&sender));
            async move { engine.send_round(&mut *sender.lock().await).await }
        })
        .await;
        if let Err(error) = sender.lock().await.finish().await {
            // Their leases end by themselves.
            tracing::error!(error = &error as &dyn std::error::Error, "letters in the queue could not be given back");
        }
    }

    async fn send_round(&self, sender: &mut Sender) -> Result<Next> {
        if sender.round().await? > 0 {
            return Ok(Next::Now);
        }
        let next = [self.store.next_send_at().await?, sender.next_at().await];
        // Letters that wait for bodies to be applied are due already: the processor wakes us, or the longest sleep ends.
        let now = self.clock.now();
        Ok(Next::Wake(Wake::Send, next.into_iter().flatten().filter(|at| *at > now).min()))
    }
}

/// When a loop's next round begins.
enum Next {
    /// At once: there may be more to do.
    Now,
    /// After a span of the clock.
    Sleep(Span),
    /// In a moment: nobody tells when there is more.
    Look,
    /// When woken, at the moment given, or after the longest sleep, whatever comes first.
    Wake(Wake, Option<Timestamp>),
}

#[derive(Clone, Copy)]
enum Wake {
    Process,
    Send,
    Errands,
    Returns,
    Answers,
    Fetch,
    Cron,
}

async fn looped<F, R>(name: &'static str, stop: CancellationToken, engine: Arc<Engine>, round: F)
where
    F: Fn() -> R,
    R: Future<Output = Result<Next>>,
{
    while !stop.is_cancelled() {
        // A round is never cut off: stopping waits for it.
        let next = match round().await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(loop.name = name, error = &error as &dyn std::error::Error, "a round of work failed");
                metrics::counter!("milepost_loop_errors_total", "loop" => name).increment(1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(AFTER_ERROR) => continue,
                }
            }
        };
        let clock = &engine.clock;
        match next {
            Next::Now => tokio::task::yield_now().await,
            Next::Look => tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LONGEST_SLEEP) => {}
            },
            Next::Sleep(span) => tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(span) => {}
            },
            Next::Wake(wake, at) => {
                let woken = match wake {
                    Wake::Process => &engine.wakes.process,
                    Wake::Send => &engine.wakes.send,
                    Wake::Errands => &engine.wakes.errands,
                    Wake::Returns => &engine.wakes.returns,
                    Wake::Answers => &engine.wakes.answers,
                    Wake::Fetch => &engine.wakes.fetch,
                    Wake::Cron => &engine.wakes.cron,
                };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = woken.notified() => {}
                    () = tokio::time::sleep(LONGEST_SLEEP) => {}
                    () = clock.sleep_until(at.unwrap_or(Timestamp::MAX)) => {}
                }
            }
        }
    }
}
