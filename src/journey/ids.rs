//! Ids and choices derived by hashing, so that replaying gives the same ones.

use sha2::{Digest, Sha256};

use super::time::Timestamp;

/// A UUID of version 7 (RFC 9562 §5.7) whose moment is `at`, to the millisecond, and whose other bits are not random but the
/// SHA-256 of the parts: what comes into being together lies together in an index.
fn derived(kind: &str, at: Timestamp, parts: &[&str]) -> String {
    let digest = digest(kind, parts);
    let mut bytes = [0_u8; 10];
    bytes.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(at.micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string()
}

/// The id of a customer's nth run of a rule, which begins at `at`.
pub fn enrollment(at: Timestamp, customer: &str, rule: &str, run: u64) -> String {
    derived("enrollment", at, &[customer, rule, &run.to_string()])
}

/// The id of the message that a pass over a step plans at `at`.
pub fn message(at: Timestamp, enrollment: &str, step: &str, pass: u32) -> String {
    derived("message", at, &[enrollment, step, &pass.to_string()])
}

/// The id of the errand that a pass over a step asks for at `at`.
pub fn errand(at: Timestamp, enrollment: &str, step: &str, pass: u32) -> String {
    derived("errand", at, &[enrollment, step, &pass.to_string()])
}

/// SHA-256 of the parts: another for every other list of them.
pub(super) fn digest(kind: &str, parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_gives_the_same_and_later_ones_sort_behind() {
        let at = |millis: i64| Timestamp::from_micros(millis * 1_000);
        let id = |millis, run| enrollment(at(millis), "c", "r", run);
        assert_eq!(id(1_700_000_000_000, 1), id(1_700_000_000_000, 1));
        assert_ne!(id(1_700_000_000_000, 1), id(1_700_000_000_000, 2));
        assert!(id(1_700_000_000_000, 2) < id(1_700_000_000_001, 1));
        assert!(id(-5, 1).starts_with("00000000-0000-7"), "what lies before 1970 counts as 1970");
        assert_ne!(derived("k", at(0), &["ab", "c"]), derived("k", at(0), &["a", "bc"]));
    }
}
