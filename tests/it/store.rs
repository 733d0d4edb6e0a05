//! The store keeps its promises on both engines: one suite, every test run on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    reason = "in a test that is a failure with its place; clippy knows only the #[test] itself"
)]

mod customers;
mod durability;
mod fixtures;
mod inbox;
mod journeys;
mod messages;
pub(crate) mod place;
mod promo;
mod queue;
mod registers;
mod speed;

/// Makes two tests of each function that takes a [`place::Place`]: one an engine.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() {
                let place = crate::store::place::Place::sqlite().await;
                super::$name(&place).await;
                place.clear().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() {
                let place = crate::store::place::Place::postgres().await;
                super::$name(&place).await;
                place.clear().await;
            })+
        }
    };
}
pub(crate) use both;
