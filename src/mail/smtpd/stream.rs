//! A conversation's bytes on the server's side: plain, or under TLS from some point on.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What a conversation is held over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The same bytes under TLS.
pub(super) async fn seal(plain: Box<dyn Stream>, config: Arc<ServerConfig>) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(TlsAcceptor::from(config).accept(plain).await?))
}
