//! How a relay's connection is protected: the system's certificates (and any given besides), TLS 1.2 at least.

use std::sync::Arc;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use crate::settings::RelaySecurity;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// For STARTTLS.
    #[error("STARTTLS could not be set up")]
    StartTls(#[from] lettre::transport::smtp::Error),
    /// From the first byte.
    #[error("TLS could not be set up")]
    FromTheStart(#[from] rustls::Error),
}

pub(super) enum Protection {
    None,
    StartTls(TlsParameters),
    FromTheStart(TlsConnector),
}

impl Protection {
    /// The protection for a host, trusting `roots` (DER) besides the system's.
    pub(super) fn new(security: RelaySecurity, host: &str, roots: &[Vec<u8>]) -> Result<Self, TlsError> {
        match security {
            RelaySecurity::None => Ok(Self::None),
            RelaySecurity::Starttls => {
                let mut parameters = TlsParameters::builder(host.to_owned());
                for root in roots {
                    parameters = parameters.add_root_certificate(Certificate::from_der(root.clone())?);
                }
                Ok(Self::StartTls(parameters.build()?))
            }
            RelaySecurity::Tls => {
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let roots = roots.iter().cloned().map(CertificateDer::from);
                let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
                    .with_no_client_auth();
                Ok(Self::FromTheStart(TlsConnector::from(Arc::new(config))))
            }
        }
    }
}
