//! The certificate made at start, the listener, and connections that can be cut on purpose.
//!
//! Clients of the real services refuse plain HTTP, so the sandbox speaks TLS: a fresh authority signs a
//! certificate for `localhost`, `127.0.0.1` and `::1`, and callers are given the authority's certificate.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::{IncomingStream, Listener};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::SandboxError;

/// The first day of the month that today plus `days` falls in. The `time` crate's type stays unnamed: it is
/// not a dependency of ours.
macro_rules! first_of_month {
    ($days:expr) => {{
        let then = jiff::Timestamp::now().as_second() + $days * 86_400;
        let date =
            jiff::Timestamp::from_second(then).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).date();
        date_time_ymd(i32::from(date.year()), u8::try_from(date.month()).unwrap_or(1), 1)
    }};
}

/// The authority's certificate as PEM, and the server's configuration.
pub(crate) fn certificate() -> Result<(String, Arc<ServerConfig>), SandboxError> {
    let made = |e: rcgen::Error| SandboxError::Certificate(e.to_string());
    let mut authority = CertificateParams::new(Vec::<String>::new()).map_err(made)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "Palisade sandbox authority");
    let authority_key = KeyPair::generate().map_err(made)?;

    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut server = CertificateParams::new(names).map_err(made)?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.use_authority_key_identifier_extension = true;
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    for params in [&mut authority, &mut server] {
        // A month back for clocks that run late; under 398 days in all, the most that platform verifiers take.
        params.not_before = first_of_month!(-31);
        params.not_after = first_of_month!(330);
    }
    let server_key = KeyPair::generate().map_err(made)?;
    let authority_certificate = authority.self_signed(&authority_key).map_err(made)?;
    let issuer = Issuer::new(authority, authority_key);
    let server_certificate = server.signed_by(&server_key, &issuer).map_err(made)?;

    let tls = |e: rustls::Error| SandboxError::Certificate(e.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(server_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(tls)?
        .with_no_client_auth()
        .with_single_cert(vec![server_certificate.der().clone()], key.into())
        .map_err(tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((authority_certificate.pem(), Arc::new(config)))
}

/// What a fault can do to connections.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    /// Connections accepted before this generation are dead.
    generation: AtomicU64,
}

/// One TLS connection that can be cut.
#[derive(Debug)]
pub(crate) struct Connection {
    io: TlsStream<TcpStream>,
    handle: ConnectionHandle,
}

/// Given to every request: cuts the connection the request came on.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionHandle {
    cut: Arc<AtomicBool>,
    generation: u64,
    wires: Arc<Wires>,
}

impl ConnectionHandle {
    /// The next byte in either direction fails, and the peer sees a reset.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst) || self.generation < self.wires.generation.load(Ordering::SeqCst)
    }
}

impl axum::extract::connect_info::Connected<IncomingStream<'_, Incoming>> for ConnectionHandle {
    fn connect_info(stream: IncomingStream<'_, Incoming>) -> Self {
        stream.io().handle.clone()
    }
}

impl Connection {
    fn broken(&self) -> Option<io::Error> {
        self.handle.is_cut().then(|| io::Error::from(io::ErrorKind::ConnectionReset))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.handle.is_cut() {
            // Close with a reset instead of a polite end of stream.
            let _ = self.io.get_ref().0.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.broken() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut this.io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match this.broken() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut this.io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.broken() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut this.io).poll_shutdown(cx),
        }
    }
}

/// Connections whose handshake is done. Handshakes run beside each other, so that one slow or silent
/// client holds up nobody.
pub(crate) struct Incoming {
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
    address: SocketAddr,
}

impl Incoming {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listener for Incoming {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The acceptor has ended, which happens only at stop: axum drops this future then.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Orders to the acceptor.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    refuse: mpsc::Sender<Duration>,
    wires: Arc<Wires>,
}

impl Door {
    /// Cuts every connection and refuses new ones for a while.
    pub(crate) async fn refuse_for(&self, time: Duration) {
        self.wires.generation.fetch_add(1, Ordering::SeqCst);
        let _ = self.refuse.send(time).await;
    }
}

/// Opens the listener and starts accepting, until `stop` is set.
pub(crate) async fn listen(
    address: SocketAddr,
    config: Arc<ServerConfig>,
    stop: watch::Receiver<bool>,
) -> Result<(Incoming, Door), SandboxError> {
    let failed = |source| SandboxError::Listen { address, source };
    let tcp = TcpListener::bind(address).await.map_err(failed)?;
    let address = tcp.local_addr().map_err(failed)?;
    let (ready_in, ready) = mpsc::channel(64);
    let (refuse, mut refused) = mpsc::channel::<Duration>(4);
    let wires = Arc::new(Wires::default());
    let door = Door { refuse, wires: Arc::clone(&wires) };
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        let mut open = Some(tcp);
        loop {
            let Some(tcp) = &open else {
                // Bound again after a refusal; the port may take a moment to be free.
                match TcpListener::bind(address).await {
                    Ok(tcp) => open = Some(tcp),
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
                continue;
            };
            tokio::select! {
                () = stopped(stop.clone()) => return,
                Some(time) = refused.recv() => {
                    open = None;
                    tokio::time::sleep(time).await;
                }
                accepted = tcp.accept() => {
                    let Ok((stream, peer)) = accepted else {
                        // Out of descriptors, most likely: a moment's pause instead of a busy loop.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    };
                    let (acceptor, ready_in, wires) = (acceptor.clone(), ready_in.clone(), Arc::clone(&wires));
                    tokio::spawn(async move {
                        let _ = stream.set_nodelay(true);
                        let generation = wires.generation.load(Ordering::SeqCst);
                        if let Ok(io) = acceptor.accept(stream).await {
                            let handle = ConnectionHandle { cut: Arc::default(), generation, wires };
                            let _ = ready_in.send((Connection { io, handle }, peer)).await;
                        }
                    });
                }
            }
        }
    });
    Ok((Incoming { ready, address }, door))
}

/// Returns once the sandbox is to stop (or its owner is gone).
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}
