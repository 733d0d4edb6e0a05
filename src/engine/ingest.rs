//! Accepting bodies: durable before the answer, in groups.
//!
//! Invariants: a body is acknowledged only after the transaction that holds it has committed; what waits for the disk is
//! bounded in number and in bytes, and more is refused before memory grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Wakes;
use crate::store::{NewBody, Store, StoreError};

/// Most bodies of one transaction.
const MAX_GROUP: usize = 512;
/// Most bytes that wait for the disk.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// So many bodies within [`WINDOW`] are a rush: 2,000 a second, more than can be applied at once.
const CROWD: usize = 64;
/// Over how long bodies are counted, and how long a rush is not over after the last crowd.
const WINDOW: Duration = Duration::from_millis(32);

/// Whether bodies come in faster than one by one.
#[derive(Debug)]
pub struct Rush {
    began: Instant,
    /// Milliseconds after `began` until which there is one.
    until: AtomicU64,
}

impl Default for Rush {
    fn default() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(0) }
    }
}

impl Rush {
    fn note(&self) {
        self.until.store(self.millis() + u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether there is one now.
    pub fn is_on(&self) -> bool {
        self.millis() < self.until.load(Ordering::Relaxed)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Takes bodies in; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ingest {
    jobs: mpsc::UnboundedSender<Job>,
    places: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
}

#[derive(Debug)]
struct Job {
    bodies: Vec<NewBody>,
    answer: oneshot::Sender<Result<Vec<bool>, IngestError>>,
    room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// Why bodies were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Too much waits for the disk already.
    #[error("too many bodies wait for the disk")]
    Overloaded,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopped,
    /// The database refused them.
    #[error("the database refused them")]
    Store,
}

impl Ingest {
    /// Starts the writer. `queue` bounds how many bodies may wait; the processor is woken after each commit. The writer ends
    /// when every clone of the handle is gone and what was accepted is written.
    pub fn start(store: Store, queue: usize, wakes: Arc<Wakes>) -> (Self, tokio::task::JoinHandle<()>) {
        let (jobs, waiting) = mpsc::unbounded_channel();
        let handle = tokio::spawn(write(store, waiting, wakes));
        let ingest = Self {
            jobs,
            places: Arc::new(Semaphore::new(queue.max(1))),
            kibibytes: Arc::new(Semaphore::new(MAX_WAITING_BYTES / 1024)),
        };
        (ingest, handle)
    }

    /// Hands bodies in and waits until they are durable. Tells for each whether it was new (`false`: its idempotency key
    /// is known).
    pub async fn submit(&self, bodies: Vec<NewBody>) -> Result<Vec<bool>, IngestError> {
        let bytes: usize = bodies.iter().map(|b| b.body.len() + b.query.len()).sum();
        let take = |of: &Arc<Semaphore>, amount: usize| {
            let amount = u32::try_from(amount).map_err(|_| IngestError::Overloaded)?;
            Arc::clone(of).try_acquire_many_owned(amount).map_err(|_| IngestError::Overloaded)
        };
        let room = (take(&self.places, bodies.len())?, take(&self.kibibytes, bytes.div_ceil(1024))?);
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { bodies, answer, room }).map_err(|_| IngestError::Stopped)?;
        answered.await.map_err(|_| IngestError::Stopped)?
    }
}

async fn write(store: Store, mut waiting: mpsc::UnboundedReceiver<Job>, wakes: Arc<Wakes>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    let (mut window, mut crowd) = (Instant::now(), 0);
    while waiting.recv_many(&mut group, MAX_GROUP).await > 0 {
        let mut jobs: Vec<Job> = std::mem::take(&mut group);
        let sizes: Vec<usize> = jobs.iter().map(|job| job.bodies.len()).collect();
        let bodies: Vec<NewBody> = jobs.iter_mut().flat_map(|job| std::mem::take(&mut job.bodies)).collect();
        match put(&store, &bodies).await {
            Ok(stored) => {
                if window.elapsed() > WINDOW {
                    (window, crowd) = (Instant::now(), 0);
                }
                crowd += bodies.len();
                if crowd >= CROWD {
                    wakes.rush.note();
                }
                metrics::counter!("milepost_bodies_accepted_total").increment(bodies.len() as u64);
                let mut stored = stored.into_iter();
                for (job, size) in jobs.into_iter().zip(sizes) {
                    // Whoever has its answer finds its place free again.
                    drop(job.room);
                    // A client that has gone away needs no answer; its body is kept all the same.
                    let _ = job.answer.send(Ok(stored.by_ref().take(size).collect()));
                }
                wakes.process.notify_one();
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    bodies.count = bodies.len(),
                    "bodies could not be stored"
                );
                for job in jobs {
                    drop(job.room);
                    let _ = job.answer.send(Err(IngestError::Store));
                }
            }
        }
    }
}

async fn put(store: &Store, bodies: &[NewBody]) -> Result<Vec<bool>, StoreError> {
    let mut tx = store.begin().await?;
    let stored = tx.put_bodies(bodies).await?;
    tx.commit().await?;
    Ok(stored)
}
