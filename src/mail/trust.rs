//! Certificates of the settings: those that are trusted besides the system's, and the listener's own.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::ListenerSettings;

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It or its key can't be read.
    #[error("the certificate and the key are not a chain and its key in PEM")]
    Unreadable,
    /// They don't go together.
    #[error("the certificate can't be used with its key")]
    Unfit(#[from] rustls::Error),
}

/// The certificates (DER) of a text in PEM; `None` if it has none, or one that can't be read.
pub fn certificates(pem: &SecretString) -> Option<Vec<Vec<u8>>> {
    let read = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes());
    let found: Vec<Vec<u8>> = read.map(|der| der.ok().map(|der| der.to_vec())).collect::<Option<_>>()?;
    (!found.is_empty()).then_some(found)
}

/// How the listener talks TLS; `None` without a certificate and its key.
pub fn server_tls(settings: &ListenerSettings) -> Result<Option<Arc<ServerConfig>>, CertificateError> {
    let (Some(chain), Some(key)) = (&settings.certificate, &settings.key) else { return Ok(None) };
    let unreadable = |_| CertificateError::Unreadable;
    let chain = CertificateDer::pem_slice_iter(chain.expose_secret().as_bytes());
    let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(unreadable)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Some(Arc::new(config)))
}
