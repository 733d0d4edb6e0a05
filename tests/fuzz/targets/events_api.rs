//! Bodies of `POST /api/v1/events`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use milepost::web::events::{MAX_BATCH, read};
use milepost_fuzz::{live, now};

fuzz_target!(|body: &[u8]| {
    let Ok(readings) = read(body, "EUR", now()) else { return };
    assert!((1..=MAX_BATCH).contains(&readings.len()));
    let mut events = Vec::new();
    for reading in readings {
        match reading.event {
            Ok(event) => events.push(event),
            Err(faults) => assert!(!faults.is_empty(), "who refuses says why"),
        }
    }
    live(&events);
});
