//! Certificates that are trusted besides the system's: those of a shop's own servers.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};

/// The certificates (DER) of a text in PEM; `None` if it has none, or one that can't be read.
pub fn certificates(pem: &SecretString) -> Option<Vec<Vec<u8>>> {
    let read = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes());
    let found: Vec<Vec<u8>> = read.map(|der| der.ok().map(|der| der.to_vec())).collect::<Option<_>>()?;
    (!found.is_empty()).then_some(found)
}
