//! Ids and choices derived by hashing, so that replaying gives the same ones.

use sha2::{Digest, Sha256};

/// A UUID (version 8, RFC 9562 §5.8) made of the SHA-256 of the parts.
pub fn derived(kind: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The id of a customer's nth run of a rule.
pub fn enrollment(customer: &str, rule: &str, run: u64) -> String {
    derived("enrollment", &[customer, rule, &run.to_string()])
}

/// The id of the message that a pass over a step plans.
pub fn message(enrollment: &str, step: &str, pass: u32) -> String {
    derived("message", &[enrollment, step, &pass.to_string()])
}
