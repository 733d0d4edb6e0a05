//! Keys: made, read, published.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use getrandom::SysRng;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::{PrivateKey, PublicKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::DkimSettings;

/// RFC 8301 §3.2: at least 1024, better 2048; mailbox providers ask for that.
const RSA_BITS: usize = 2_048;
/// A string of a TXT record has at most 255 octets (RFC 1035 §3.3).
const STRING: usize = 255;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256: everybody verifies it.
    Rsa,
    /// Ed25519 (RFC 8463): small and fast; not everybody verifies it yet, so it stands beside an RSA key.
    Ed25519,
}

impl Algorithm {
    /// `a=` of a signature.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// `k=` of a record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key is set.
    #[error("mail.dkim.{0} has no `private_key`; set `private_key_file`, and make a key by `milepost dkim new`")]
    Missing(String),
    /// It is not a private key in PEM.
    #[error("the private key of mail.dkim.{0} is not one in PEM (`-----BEGIN PRIVATE KEY-----`)")]
    Form(String),
    /// A key of another kind, or too short.
    #[error("the private key of mail.dkim.{name} is neither Ed25519 nor RSA of 2048 to 4096 bits: {reason}")]
    Kind {
        /// The section.
        name: String,
        /// What was said of it.
        reason: String,
    },
    /// The domain or selector can't stand in DNS.
    #[error("`{value}` of mail.dkim.{name} is no name in DNS")]
    Name {
        /// The section.
        name: String,
        /// What is set.
        value: String,
    },
    /// No key could be made.
    #[error("no key could be made: {0}")]
    Making(String),
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key, and where its other half is published.
pub struct DkimKey {
    name: String,
    domain: String,
    selector: String,
    pair: Pair,
}

impl DkimKey {
    /// The key of one section of the settings; the selector is the section's name where none is set.
    pub fn new(name: &str, settings: &DkimSettings, default_domain: &str) -> Result<Self, KeyError> {
        let pem = settings.private_key.as_ref().ok_or_else(|| KeyError::Missing(name.to_owned()))?;
        let given = settings.domain.as_deref().unwrap_or(default_domain);
        let refused = |value: &str| KeyError::Name { name: name.to_owned(), value: value.to_owned() };
        let domain = idna::domain_to_ascii_strict(given.trim_end_matches('.')).map_err(|_| refused(given))?;
        let selector = settings.selector.as_deref().unwrap_or(name).to_lowercase();
        if !is_name(&domain) || !is_name(&selector) {
            return Err(refused(if is_name(&domain) { &selector } else { given }));
        }
        Ok(Self { name: name.to_owned(), domain, selector, pair: read(name, pem)? })
    }

    /// The section of the settings.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The domain that signs, as in DNS.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Which of the domain's keys it is.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Rsa(_) => Algorithm::Rsa,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Where the record stands: `selector._domainkey.domain`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The public half as it stands in `p=`: of RSA a SubjectPublicKeyInfo, of Ed25519 the bare key (RFC 8463 §4.2).
    pub fn public(&self) -> String {
        match &self.pair {
            Pair::Ed25519(pair) => STANDARD.encode(pair.public_key()),
            Pair::Rsa(pair) => {
                let public = PublicKey::from_pkcs1_der(pair.public_key().as_ref()).ok();
                let public = public.and_then(|key| key.to_public_key_der().ok());
                STANDARD.encode(public.map(|der| der.as_bytes().to_vec()).unwrap_or_default())
            }
        }
    }

    /// The record's text.
    pub fn record(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm().word(), self.public())
    }

    /// The record's text in quoted strings, as it stands in a zone file.
    pub fn record_strings(&self) -> String {
        let record = self.record();
        let parts = record.as_bytes().chunks(STRING).map(|part| format!("\"{}\"", String::from_utf8_lossy(part)));
        parts.collect::<Vec<_>>().join(" ")
    }

    /// A signature; `None` if the system gives no random numbers to blind RSA with, which leave no trace in it.
    pub(super) fn sign(&self, said: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            // RFC 8463 §3: what is signed is the hash.
            Pair::Ed25519(pair) => {
                let hash = ring::digest::digest(&ring::digest::SHA256, said);
                Some(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DkimKey").field("record", &self.record_name()).finish_non_exhaustive()
    }
}

/// A new private key in PEM (PKCS #8).
pub fn generate(algorithm: Algorithm) -> Result<SecretString, KeyError> {
    let text = match algorithm {
        Algorithm::Rsa => {
            let key = PrivateKey::new(&mut SysRng, RSA_BITS).map_err(|error| KeyError::Making(error.to_string()))?;
            let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| KeyError::Making(error.to_string()))?;
            pem.to_string()
        }
        Algorithm::Ed25519 => {
            let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .map_err(|_| KeyError::Making("the system gives no random numbers".into()))?;
            let lines: Vec<String> = STANDARD
                .encode(key.as_ref())
                .as_bytes()
                .chunks(64)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
        }
    };
    Ok(SecretString::from(text))
}

fn read(name: &str, pem: &SecretString) -> Result<Pair, KeyError> {
    let form = || KeyError::Form(name.to_owned());
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| form())?;
    let kind = |error: ring::error::KeyRejected| KeyError::Kind { name: name.to_owned(), reason: error.to_string() };
    match &key {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Pair::Rsa).map_err(kind),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            // OpenSSL leaves the public half out.
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map(Pair::Ed25519)
                .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Pair::Rsa).map_err(kind))
        }
        _ => Err(form()),
    }
}

/// Labels of letters, digits, `-` and `_` with dots between.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.len() <= 200 && text.split('.').all(label)
}
