//! The hot path stays a few statements: a floor far below what it reaches, so that only a change of its nature fails it.

use std::time::Instant;

use milepost::store::NewBody;

use super::both;
use super::fixtures::body;
use super::place::Place;

both! { thousands_of_bodies_a_second_are_kept }

async fn thousands_of_bodies_a_second_are_kept(place: &Place) {
    const BATCHES: usize = 20;
    const BATCH: usize = 256;
    const FLOOR: f64 = 2_000.0;
    let text = "x".repeat(1_024);
    let bodies: Vec<NewBody> = (0..BATCH).map(|_| body("crm", &text, None)).collect();
    let began = Instant::now();
    for _ in 0..BATCHES {
        let mut tx = place.store.begin().await.unwrap();
        tx.put_bodies(&bodies).await.unwrap();
        tx.commit().await.unwrap();
    }
    let rate = (BATCHES * BATCH) as f64 / began.elapsed().as_secs_f64();
    assert!(rate > FLOOR, "{rate:.0} bodies/s");
}
