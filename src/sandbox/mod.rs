//! A tenant to practise on: Entra's token endpoint, the alert rules of Microsoft Sentinel behind Azure Resource
//! Manager, and the custom detections of Microsoft Defender behind Microsoft Graph, on loopback over TLS.
//!
//! It answers as the services are documented and as people saw them answer, down to paging, etags, tombstones, validation
//! messages and rate limits; what nobody has confirmed is a named switch ([`Switches`]), and what can go wrong on a
//! network can be ordered (`faults`).
//!
//! It shares no code with the rest of the program and never will: it works on plain JSON with tables of its
//! own, so that a mistake of the client is not repeated here, where it would go unnoticed.
//!
//! Where to start reading: `answer` answers a request; `arm` and `graph` are the services;
//! `server` and `tls` are the wire; `journal` is the state directory.

mod answer;
mod arm;
mod assertion;
mod clock;
mod control;
mod duration;
mod error;
mod faults;
mod graph;
mod http;
mod journal;
mod jwt;
mod log;
mod paths;
mod plays;
mod query;
mod schema;
mod server;
mod shelf;
mod switches;
mod throttle;
mod tls;
mod token;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use clock::Clock;
pub use error::SandboxError;
pub use switches::{
    ArmRole, BadOrConflict, Dynamic, Empty, GraphRole, IfMatch, Newest, Newlines, Omitted, Order,
    PatchErrors, SWITCHES, Spelling, SwitchInfo, Switches, Unknown,
};

pub use token::DEFAULT_TENANT;
use world::World;

/// File in the state directory that says where a running sandbox can be reached.
const ENDPOINT_FILE: &str = "endpoint.json";
/// File in the state directory with the certificate that clients must trust.
const CA_FILE: &str = "ca.pem";
/// How long a stop waits for requests in flight.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// How to start a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where state is kept between runs; `None`: in memory only.
    pub state_dir: Option<PathBuf>,
    /// Address to listen on; port 0 lets the system choose. Only loopback addresses are accepted.
    pub listen: SocketAddr,
    /// Switches; those that differ from the default go before what the state directory holds.
    pub switches: Switches,
    /// The clock.
    pub clock: Clock,
    /// How long to wait for another process to let go of the state directory; `None`: ten seconds.
    pub lock_wait: Option<Duration>,
}

impl Default for Options {
    /// In memory, on a port the system chooses, with default switches and the system's clock.
    fn default() -> Self {
        Self {
            state_dir: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            switches: Switches::default(),
            clock: Clock::system(),
            lock_wait: None,
        }
    }
}

/// A running sandbox. Dropping it stops the listener; [`Running::stop`] also waits for requests in flight.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    ca_pem: String,
    client_id: String,
    client_secret: String,
    world: Arc<Mutex<World>>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// Starts a sandbox. Must be called within a tokio runtime.
///
/// # Errors
/// When the state directory is in use or unreadable, the address cannot be bound or is not loopback, or no certificate can
/// be made.
pub async fn start(options: Options) -> Result<Running, SandboxError> {
    if !options.listen.ip().is_loopback() {
        let text = format!("the sandbox listens on loopback addresses only, not on {}", options.listen);
        return Err(SandboxError::Refused(text));
    }
    let Options { state_dir, listen, switches, clock, lock_wait } = options;
    // Waiting for the lock and reading the state block: not on a runtime thread.
    let opening =
        tokio::task::spawn_blocking(move || World::open(state_dir.as_deref(), switches, clock, lock_wait));
    let world =
        opening.await.map_err(|e| SandboxError::Refused(format!("the sandbox could not start: {e}")))??;
    let (ca_pem, config) = tls::certificate()?;
    let (stop, stopped) = watch::channel(false);
    let (incoming, door) = tls::listen(listen, config, stopped.clone()).await?;
    let address = incoming.address();
    let (client_id, client_secret) = (world.identity.client_id.clone(), world.identity.client_secret.clone());
    if let Some(dir) = world.state_dir() {
        announce(dir, address, &ca_pem)?;
    }
    let world = Arc::new(Mutex::new(world));
    let shared = server::Shared { world: Arc::clone(&world), door, stop: stopped };
    let server = tokio::spawn(server::serve(incoming, shared));
    Ok(Running { address, ca_pem, client_id, client_secret, world, stop, server })
}

impl Running {
    /// `https://localhost:PORT`, to be used as the authority host.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// `https://localhost:PORT`, the ARM endpoint; its token scope is `<arm>/.default`.
    #[must_use]
    pub fn arm(&self) -> String {
        self.authority()
    }

    /// `https://127.0.0.1:PORT`, the Graph endpoint. Another spelling of the same listener, so that
    /// ARM and Graph need tokens of different audiences, as they do in the cloud.
    #[must_use]
    pub fn graph(&self) -> String {
        match self.address {
            SocketAddr::V4(_) => format!("https://127.0.0.1:{}", self.address.port()),
            SocketAddr::V6(_) => format!("https://[::1]:{}", self.address.port()),
        }
    }

    /// The certificate of the authority that signed the listener's, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Id of the application that may sign in.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Its secret, which is new at every start.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// Carries out an operation of the control API, `{"op": "edit", …}`, without the network.
    ///
    /// # Errors
    /// When there is no such operation or it cannot be carried out.
    pub fn control(&self, operation: &Value) -> Result<Value, SandboxError> {
        control::execute(&mut lock(&self.world), operation)
    }

    /// The requests received so far, oldest first, as `GET /_sandbox/requests` gives them.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        lock(&self.world).log.since(0)
    }

    /// Stops listening, waits a moment for requests in flight, and tidies the state directory.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn stop(mut self) -> Result<(), SandboxError> {
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_WAIT, &mut self.server).await.is_err() {
            self.server.abort();
        }
        let mut world = lock(&self.world);
        if let Some(dir) = world.state_dir() {
            let _ = std::fs::remove_file(dir.join(ENDPOINT_FILE));
        }
        world.tidy()?;
        // A connection that outlives the stop must not keep the state directory locked.
        world.close();
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// The state of a sandbox that is not running, for commands that change it in place.
#[derive(Debug)]
pub struct Offline {
    world: World,
}

impl Offline {
    /// Takes the state directory.
    ///
    /// # Errors
    /// [`SandboxError::Locked`] when a running sandbox holds it for longer than `wait`, or when it cannot be read.
    pub fn open(dir: &Path, wait: Duration) -> Result<Self, SandboxError> {
        let world = World::open(Some(dir), Switches::default(), Clock::system(), Some(wait))?;
        Ok(Self { world })
    }

    /// Empties a state directory, even one that cannot be read any more.
    ///
    /// # Errors
    /// [`SandboxError::Locked`] when a running sandbox holds it, or when it cannot be written.
    pub fn reset(dir: &Path, wait: Duration) -> Result<(), SandboxError> {
        let mut offline = match Self::open(dir, wait) {
            Err(SandboxError::Corrupt { path, .. }) => {
                std::fs::remove_file(&path).map_err(|e| SandboxError::io("remove", &path, e))?;
                Self::open(dir, wait)?
            }
            Err(SandboxError::Fault(_)) => {
                let path = dir.join(world::FAULT_FILE);
                std::fs::remove_file(&path).map_err(|e| SandboxError::io("remove", &path, e))?;
                Self::open(dir, wait)?
            }
            opened => opened?,
        };
        offline.control(&json!({"op": "reset"})).map(|_| ())
    }

    /// Carries out an operation of the control API.
    ///
    /// # Errors
    /// When there is no such operation or it cannot be carried out.
    pub fn control(&mut self, operation: &Value) -> Result<Value, SandboxError> {
        control::execute(&mut self.world, operation)
    }
}

/// Where the sandbox that holds a state directory can be reached: its address and the certificate to trust.
#[must_use]
pub fn running_at(dir: &Path) -> Option<(String, String)> {
    let text = std::fs::read_to_string(dir.join(ENDPOINT_FILE)).ok()?;
    let endpoint: Value = serde_json::from_str(&text).ok()?;
    let ca = std::fs::read_to_string(dir.join(CA_FILE)).ok()?;
    Some((endpoint.get("url")?.as_str()?.to_owned(), ca))
}

/// The certificate file in a state directory.
#[must_use]
pub fn ca_file(dir: &Path) -> PathBuf {
    dir.join(CA_FILE)
}

fn announce(dir: &Path, address: SocketAddr, ca_pem: &str) -> Result<(), SandboxError> {
    let endpoint = json!({"url": format!("https://localhost:{}", address.port()), "pid": std::process::id()});
    for (name, text) in [(CA_FILE, ca_pem.to_owned()), (ENDPOINT_FILE, endpoint.to_string())] {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|e| SandboxError::io("write", &path, e))?;
    }
    Ok(())
}

fn lock(world: &Mutex<World>) -> std::sync::MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
