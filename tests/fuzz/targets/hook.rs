//! Bodies that a CRM posts: any content type, query and bytes.
//!
//! Input: content type, line end, query, line end, body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use milepost::crm::{Raw, Via};
use milepost_fuzz::{now, read_body};

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(3, |b| *b == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (content_type, query, body) = (line(), line(), line());
    // Both come out of an HTTP head, which the server has checked to be text.
    let (Ok(content_type), Ok(query)) = (std::str::from_utf8(content_type), std::str::from_utf8(query)) else { return };
    read_body(&Raw { channel: Via::Hook, content_type, query, body, received_at: now() });
});
