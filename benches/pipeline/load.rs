//! The load: keep-alive connections that post hooks, as many at once as there are connections.
//!
//! A client of its own, because a full one costs more of the shared processor than the daemon under test.

use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Where hooks go, and over how many connections.
pub(crate) struct Load {
    address: SocketAddr,
    path: &'static str,
    connections: usize,
}

/// When each hook is due: its place in the range, and the moment.
type Due = Rc<dyn Fn(u64) -> Option<Instant>>;

impl Load {
    pub(crate) fn new(address: SocketAddr, path: &'static str, connections: usize) -> Self {
        Self { address, path, connections }
    }

    /// Posts every hook of the range as fast as answers come; gives how long each answer took.
    pub(crate) fn as_fast_as_possible(&self, range: Range<u64>, body: impl Fn(u64, &mut Vec<u8>)) -> Vec<Duration> {
        self.post(range, &body, &(Rc::new(|_| None) as Due)).into_iter().map(|(_, _, took)| took).collect()
    }

    /// Posts the hooks of the range at a steady rate, whether answers come or not; gives the moment each was written.
    pub(crate) fn at_a_rate(
        &self,
        range: Range<u64>,
        rate: f64,
        body: impl Fn(u64, &mut Vec<u8>),
    ) -> Vec<(u64, Instant)> {
        let (began, first) = (Instant::now(), range.start);
        let due = move |n: u64| Some(began + Duration::from_secs_f64((n - first) as f64 / rate));
        self.post(range, &body, &(Rc::new(due) as Due)).into_iter().map(|(n, at, _)| (n, at)).collect()
    }

    fn post(&self, range: Range<u64>, body: &impl Fn(u64, &mut Vec<u8>), due: &Due) -> Vec<(u64, Instant, Duration)> {
        // One thread: the daemon needs the others.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ways = (0..self.connections as u64).map(|way| async move {
            let mut connection = Connection::open(self.address, self.path).await;
            let mut sent = Vec::new();
            let mut bytes = Vec::new();
            for n in (range.start + way..range.end).step_by(self.connections) {
                if let Some(at) = due(n) {
                    tokio::time::sleep_until(at.into()).await;
                }
                body(n, &mut bytes);
                let began = Instant::now();
                connection.post(&bytes).await;
                sent.push((n, began, began.elapsed()));
            }
            sent
        });
        LocalSet::new().block_on(&runtime, futures_util::future::join_all(ways)).into_iter().flatten().collect()
    }
}

struct Connection {
    stream: TcpStream,
    head: String,
    request: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the daemon takes connections");
        stream.set_nodelay(true).expect("a TCP connection");
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n");
        Self { stream, head, request: Vec::new() }
    }

    /// Posts one body and waits for its 202.
    async fn post(&mut self, body: &[u8]) {
        self.request.clear();
        self.request.extend_from_slice(self.head.as_bytes());
        let _ = write!(self.request, "Content-Length: {}\r\n\r\n", body.len());
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await.expect("the daemon reads");
        let mut answer = [0; 1_024];
        let mut filled = 0;
        while !answer[..filled].ends_with(b"\r\n\r\n") {
            let read = self.stream.read(&mut answer[filled..]).await.expect("the daemon answers");
            assert!(read > 0, "the daemon closed a connection");
            filled += read;
        }
        let answer = String::from_utf8_lossy(&answer[..filled]);
        assert!(answer.starts_with("HTTP/1.1 202 "), "not accepted: {answer}");
    }
}
