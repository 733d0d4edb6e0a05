//! The signature of Standard Webhooks, version 1: HMAC-SHA256 over id, timestamp and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// How long a secret's bytes may be, by the standard.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets of one webhook: the present one, and while it is being changed the one before.
#[derive(Clone)]
pub struct Secrets(Vec<Hmac<Sha256>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}

impl Secrets {
    /// Reads secrets with spaces between them, each `whsec_` and base64; `None` if one is not.
    pub fn parse(text: &str) -> Option<Self> {
        let secrets: Option<Vec<_>> = text.split_whitespace().map(secret).collect();
        secrets.filter(|secrets| !secrets.is_empty()).map(Self)
    }
}

fn secret(text: &str) -> Option<Hmac<Sha256>> {
    let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok().filter(|bytes| BYTES.contains(&bytes.len()))?;
    Hmac::new_from_slice(&bytes).ok()
}

/// The header `webhook-signature`: one signature a secret.
pub fn signature(secrets: &Secrets, id: &str, seconds: i64, body: &[u8]) -> String {
    let signed = secrets.0.iter().map(|keyed| {
        let mut mac = keyed.clone();
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    });
    signed.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn the_standard_s_own_example() {
        let secrets = Secrets::parse(SECRET).expect("a secret");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signed = signature(&secrets, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signed, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        let two = Secrets::parse(&format!("whsec_{} {SECRET}", STANDARD.encode([7; 24]))).expect("two secrets");
        let both = signature(&two, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert!(both.ends_with(&format!(" {signed}")), "{both}");
    }

    #[test]
    fn a_secret_shows_no_one_and_is_one_of_the_standard() {
        assert_eq!(format!("{:?}", Secrets::parse(SECRET)), "Some(Secrets(1))");
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        for bad in ["", "whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_nonsense!", &short] {
            assert!(Secrets::parse(bad).is_none(), "{bad}");
        }
    }
}
