//! Pages of a CRM's history and entities read back, in the form in which they are stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use milepost::crm::{Raw, Via};
use milepost_fuzz::{now, read_body};

fuzz_target!(|body: &[u8]| {
    for channel in [Via::Poll, Via::Read] {
        read_body(&Raw { channel, content_type: "application/json", query: "", body, received_at: now() });
    }
});
