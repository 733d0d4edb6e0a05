//! The bytes below SMTP: a TCP connection without Nagle's delay, whose quiet can be checked while nobody reads it, and the
//! same under TLS from the first byte.
//!
//! lettre's own way of connecting leaves Nagle on, which costs tens of milliseconds a letter; so the connection is opened
//! here and handed to it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// A TCP connection shared between the one who speaks over it and the pool that looks whether it still lives.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tcp: TcpStream,
    /// Whether something is being written and nothing was read since.
    writing: AtomicBool,
    /// Whether a part of that could not be sent.
    kept_back: AtomicBool,
}

impl Wire {
    pub(super) async fn connect(host: &str, port: u16) -> io::Result<Self> {
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        Ok(Self(Arc::new(Inner { tcp, writing: AtomicBool::new(false), kept_back: AtomicBool::new(false) })))
    }

    /// Whether nothing has come in unasked: no farewell, no end. To be called between conversations only, for what it
    /// finds it swallows; a wire that is not quiet is not to be used again.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.0.tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Something is to be written, to be asked about by [`Self::kept_back`].
    pub(super) fn begin(&self) {
        self.0.writing.store(true, Ordering::Relaxed);
        self.0.kept_back.store(false, Ordering::Relaxed);
    }

    /// Whether the end of what was begun stayed here: bytes go in their order, so a server can't have what follows those that
    /// this machine could not send. What TLS writes by itself while the answer is waited for is not meant.
    pub(super) fn kept_back(&self) -> bool {
        self.0.kept_back.load(Ordering::Relaxed)
    }

    /// TLS from the first byte, with the certificate checked as the system does.
    pub(super) async fn seal(self, connector: &TlsConnector, host: &str) -> io::Result<Sealed> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let peer = self.0.tcp.peer_addr()?;
        Ok(Sealed { tls: connector.connect(name, self).await?, peer })
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.tcp.peer_addr()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.writing.store(false, Ordering::Relaxed);
        loop {
            ready!(self.0.tcp.poll_read_ready(cx))?;
            match self.0.tcp.try_read(buf.initialize_unfilled()) {
                Ok(n) => {
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = loop {
            if let Err(error) = ready!(self.0.tcp.poll_write_ready(cx)) {
                break Err(error);
            }
            match self.0.tcp.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => break done,
            }
        };
        if done.is_err() && self.0.writing.load(Ordering::Relaxed) {
            self.0.kept_back.store(true, Ordering::Relaxed);
        }
        Poll::Ready(done)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The socket is closed when its last holder lets go of it.
        Poll::Ready(Ok(()))
    }
}

/// A wire under TLS.
#[derive(Debug)]
pub(super) struct Sealed {
    tls: TlsStream<Wire>,
    peer: SocketAddr,
}

impl AsyncTokioStream for Sealed {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Sealed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Sealed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
