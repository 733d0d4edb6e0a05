//! Links that only we can have made: who may be unsubscribed, from what, by which letter, and who may choose.
//!
//! Invariants: anyone may read a token, nobody can make or change one without the secret; it never expires, for a letter of
//! last year must still be able to unsubscribe (RFC 8058 knows no expiry). Nothing is looked up to verify one.
//!
//! Not here: what following a link does (`web`).

mod choice;
mod short;

pub use choice::Choice;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Version of the token's form; a token of another version is not ours.
const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;
/// Longer tokens are refused before any work is done on them.
const MAX_TOKEN: usize = 2_048;
const UNSUBSCRIBE: &[u8] = b"milepost/unsubscribe";
const BOUNDARY: &[u8] = b"milepost/boundary";
const PREVIEWS: &[u8] = b"milepost/previews";

/// Makes and checks signed links. Cheap to clone.
#[derive(Clone)]
pub struct LinkSigner {
    keyed: Hmac<Sha256>,
}

/// What an unsubscribe link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Milepost's id of the customer.
    pub customer: String,
    /// The purpose that is refused.
    pub purpose: String,
    /// The letter the link was in.
    pub message: String,
}

impl LinkSigner {
    /// A signer with a secret of any length; 32 random bytes are right.
    pub fn new(secret: &[u8]) -> Self {
        // RFC 2104 §2: a key longer than a block is hashed first, a shorter one padded with zeros.
        let mut block = [0_u8; 64];
        if secret.len() > block.len() {
            let hashed = Sha256::digest(secret);
            block[..hashed.len()].copy_from_slice(&hashed);
        } else {
            block[..secret.len()].copy_from_slice(secret);
        }
        Self { keyed: Hmac::new((&block).into()) }
    }

    /// The signer of letters that are looked at or sent as tests: everyone may know its secret, and no shop has it, so its
    /// links unsubscribe nobody.
    pub fn of_previews() -> Self {
        Self::new(PREVIEWS)
    }

    /// The token of a link that refuses `purpose` on behalf of `customer`: letters, digits, `-` and `_` only.
    pub fn sign_unsubscribe(&self, customer: &str, purpose: &str, message: &str) -> String {
        self.sign(UNSUBSCRIBE, &[customer, purpose, message])
    }

    /// What a token says; `None` unless it was made here with the same secret.
    pub fn verify(&self, token: &str) -> Option<Unsubscribe> {
        let [customer, purpose, message] = self.parts(UNSUBSCRIBE, token)?;
        Some(Unsubscribe { customer, purpose, message })
    }

    fn sign(&self, use_for: &[u8], parts: &[&str]) -> String {
        let mut token = vec![VERSION];
        for part in parts {
            // Ids and purposes are short; one that is cut here fails to verify as itself and unsubscribes nobody else.
            let part = &part.as_bytes()[..part.len().min(usize::from(u8::MAX))];
            token.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            token.extend_from_slice(part);
        }
        let mac = self.mac(use_for, &token).finalize().into_bytes();
        token.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn parts<const N: usize>(&self, use_for: &[u8], token: &str) -> Option<[String; N]> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.mac(use_for, said).verify_slice(mac).ok()?;
        let mut rest = said.strip_prefix(&[VERSION])?;
        let mut parts = Vec::with_capacity(N);
        while let Some((length, after)) = rest.split_first() {
            let (part, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            parts.push(String::from_utf8(part.to_vec()).ok()?);
        }
        parts.try_into().ok()
    }

    /// A MIME boundary for a letter: the same each time, and not to be guessed by whoever can put text into the letter.
    pub(super) fn boundary(&self, message: &str) -> String {
        hex::encode(&self.mac(BOUNDARY, message.as_bytes()).finalize().into_bytes()[..16])
    }

    /// The first bytes of a signature, where room is short.
    pub(super) fn sign_short<const N: usize>(&self, use_for: &[u8], said: &[u8]) -> [u8; N] {
        let mac = self.mac(use_for, said).finalize().into_bytes();
        std::array::from_fn(|at| mac.get(at).copied().unwrap_or_default())
    }

    /// Whether these are the first bytes of the signature.
    pub(super) fn verify_short(&self, use_for: &[u8], said: &[u8], mac: &[u8]) -> bool {
        self.mac(use_for, said).verify_truncated_left(mac).is_ok()
    }

    fn mac(&self, use_for: &[u8], said: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(use_for);
        mac.update(&[0]);
        mac.update(said);
        mac
    }
}

impl std::fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkSigner")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_signed() {
        let signer = LinkSigner::new(b"a secret of the shop");
        let token = signer.sign_unsubscribe("0190-ab", "marketing", "m-1");
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{token}");
        let said = signer.verify(&token).unwrap();
        assert_eq!(
            (said.customer.as_str(), said.purpose.as_str(), said.message.as_str()),
            ("0190-ab", "marketing", "m-1")
        );
    }

    #[test]
    fn no_bit_of_a_token_can_be_changed() {
        let signer = LinkSigner::new(b"a secret of the shop");
        let token = URL_SAFE_NO_PAD.decode(signer.sign_unsubscribe("c", "marketing", "m")).unwrap();
        for bit in 0..token.len() * 8 {
            let mut forged = token.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signer.verify(&URL_SAFE_NO_PAD.encode(forged)), None, "bit {bit}");
        }
    }

    #[test]
    fn fields_cannot_run_into_each_other() {
        let signer = LinkSigner::new(b"a secret of the shop");
        assert_ne!(signer.sign_unsubscribe("ab", "c", "m"), signer.sign_unsubscribe("a", "bc", "m"));
    }

    #[test]
    fn another_secret_and_rubbish_are_refused() {
        let signer = LinkSigner::new(b"a secret of the shop");
        let token = signer.sign_unsubscribe("c", "marketing", "m");
        assert_eq!(LinkSigner::new(b"another secret").verify(&token), None);
        assert_eq!(LinkSigner::new(&[7; 100]).verify(&token), None);
        for rubbish in ["", "AA", "=", "привет", &token[1..], &format!("{token}AA"), &"A".repeat(10_000)] {
            assert_eq!(signer.verify(rubbish), None, "{rubbish:.20}");
        }
    }
}
