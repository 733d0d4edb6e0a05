//! Time as a value that is handed in: the system's, or a simulated one.
//!
//! `Clock` is the only way to ask for the time; `clippy.toml` bans the others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::journey::time::{Span, Timestamp};

/// A source of the present moment, cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System,
    /// Runs `speed` times as fast as the system's, from `start` on.
    Fast {
        start: Timestamp,
        began: Instant,
        speed: f64,
    },
    /// Stands still until it is set.
    Manual {
        now: watch::Sender<Timestamp>,
    },
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System))
    }

    /// A clock that shows `start` now and runs `speed` times as fast as the system's.
    pub fn fast(start: Timestamp, speed: f64) -> Self {
        Self(Arc::new(Kind::Fast { start, began: Instant::now(), speed: speed.max(0.001) }))
    }

    /// A clock that stands at `start` until [`Clock::set`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Kind::Manual { now: watch::Sender::new(start) }))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::System => system_now(),
            Kind::Fast { start, began, speed } => {
                let micros = began.elapsed().as_secs_f64() * 1e6 * speed;
                #[expect(clippy::cast_possible_truncation, reason = "years of simulated time fit an i64")]
                start.after(Span::from_micros(micros as i64))
            }
            Kind::Manual { now } => *now.borrow(),
        }
    }

    /// Moves a manual clock forward; other clocks and earlier moments are left alone.
    pub fn set(&self, to: Timestamp) {
        if let Kind::Manual { now } = &*self.0 {
            now.send_if_modified(|at| {
                let forward = to > *at;
                if forward {
                    *at = to;
                }
                forward
            });
        }
    }

    /// Waits until the clock shows `until`.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &*self.0 {
            Kind::Manual { now } => {
                let mut seen = now.subscribe();
                // The sender lives as long as `self`, so waiting can't fail while we are here.
                let _ = seen.wait_for(|at| *at >= until).await;
            }
            Kind::System | Kind::Fast { .. } => loop {
                let left = until.since(self.now());
                if left.is_zero() {
                    return;
                }
                let speed = if let Kind::Fast { speed, .. } = &*self.0 { *speed } else { 1.0 };
                let seconds = (left.micros() as f64 / 1e6 / speed).clamp(0.000_1, 3_600.0);
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            },
        }
    }

    /// Waits for a span of this clock's time.
    pub async fn sleep(&self, span: Span) {
        self.sleep_until(self.now().after(span)).await;
    }
}

fn system_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    let now = chrono::Utc::now();
    Timestamp::from_utc(now).unwrap_or_default()
}
