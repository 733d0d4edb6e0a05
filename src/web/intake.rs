//! Taking bodies in without letting memory grow: a budget of bytes over all requests at once.
//!
//! A body takes its share of the budget before its first byte is read and gives it back once it is stored or refused; when
//! nothing is left, new requests are told to come back. A body of unknown length counts as the largest allowed.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

const KIB: usize = 1024;
const BUDGET_KIB: usize = 64 * KIB;

/// The budget, and the largest body.
#[derive(Clone)]
pub struct Intake {
    budget: Arc<Semaphore>,
    limit: usize,
}

/// A body's share of the budget, given back when it is dropped.
#[must_use = "hold it until the body is stored"]
pub struct Share(#[expect(dead_code, reason = "it is the holding that counts")] OwnedSemaphorePermit);

impl Intake {
    /// A budget of 64 MiB, or of four largest bodies where that is more.
    pub fn new(limit: usize) -> Self {
        let kib = BUDGET_KIB.max(limit.div_ceil(KIB).saturating_mul(4)).min(Semaphore::MAX_PERMITS);
        Self { budget: Arc::new(Semaphore::new(kib)), limit }
    }

    /// Reads a request's body. Its share is to be held until the body is stored.
    pub async fn read(&self, request: Request) -> Result<(Bytes, Share), Problem> {
        let length = request.body().size_hint().upper().and_then(|n| usize::try_from(n).ok());
        if length.is_some_and(|n| n > self.limit) {
            return Err(Problem::too_large(self.limit));
        }
        let kib = u32::try_from(length.unwrap_or(self.limit).div_ceil(KIB).max(1)).unwrap_or(u32::MAX);
        let share = self.budget.clone().try_acquire_many_owned(kib).map_err(|_| Problem::overloaded())?;
        let bytes = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(self.limit),
            _ => Problem::broken_body(),
        })?;
        Ok((bytes, Share(share)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(size: usize) -> Request {
        Request::new(Body::from(vec![b'x'; size]))
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_until_a_body_is_let_go() {
        let intake = Intake { budget: Arc::new(Semaphore::new(3)), limit: 2 * KIB };
        let held = intake.read(request(2 * KIB)).await.expect("the first fits");
        let refused = intake.read(request(KIB + 1)).await.err().map(|p| p.code);
        assert_eq!(refused, Some("overloaded"));
        assert!(intake.read(request(KIB)).await.is_ok(), "a smaller one still fits");
        drop(held);
        assert!(intake.read(request(KIB + 1)).await.is_ok());
        assert_eq!(intake.read(request(2 * KIB + 1)).await.err().map(|p| p.code), Some("too_large"));
    }
}
