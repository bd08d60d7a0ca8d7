//! What the sessions of one run have in common.
//!
//! Three hundred tenants in one process need one HTTP client (its connections, its roots), one clock, and one way to end every
//! wait. What a service grants, it grants to a principal in a tenant, so that is shared by the sessions of one tenant and by
//! no others: a [`Lane`] for each host and tenant. A run uses one credential for a tenant, so the tenant stands for the
//! principal too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::http::{HttpClient, Url};

use super::http::pace::Pace;
use super::http::patience::{Pacing, Patience, TokioPacing};
use super::http::{self, Waits};
use super::{ErrorKind, ProviderError};
use crate::address::Platform;

/// Shared by all sessions of a run; clones are the same.
#[derive(Debug, Clone)]
pub struct Common(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pacing: Arc<dyn Pacing>,
    waits: Waits,
    clients: Mutex<Vec<Client>>,
    lanes: Mutex<HashMap<(Platform, String, String), Lane>>,
}

#[derive(Debug)]
struct Client {
    roots: Vec<Vec<u8>>,
    silence: Option<Duration>,
    client: Arc<dyn HttpClient>,
}

/// The way to one service for one tenant: its quotas, and the gate that a refusal closes for everybody.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) base: Url,
    pub(crate) pace: Arc<Pace>,
    pub(crate) patience: Arc<Patience>,
    pub(crate) pacing: Arc<dyn Pacing>,
    pub(crate) waits: Waits,
}

impl Default for Common {
    /// With tokio's clock.
    fn default() -> Self {
        Self::paced(Arc::new(TokioPacing::default()))
    }
}

impl Common {
    pub(super) fn paced(pacing: Arc<dyn Pacing>) -> Self {
        Self(Arc::new(Inner {
            pacing,
            waits: Waits::default(),
            clients: Mutex::default(),
            lanes: Mutex::default(),
        }))
    }

    /// What ends every wait for a quota, in every tenant.
    #[must_use]
    pub fn waits(&self) -> Waits {
        self.0.waits.clone()
    }

    /// The client that trusts these roots besides the system's, and bears this much silence.
    pub(super) fn client(
        &self,
        roots: &[Vec<u8>],
        silence: Option<Duration>,
    ) -> Result<Arc<dyn HttpClient>, ProviderError> {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.iter().find(|known| known.roots == roots && known.silence == silence) {
            return Ok(Arc::clone(&known.client));
        }
        let client = http::client(roots, silence)?;
        clients.push(Client { roots: roots.to_vec(), silence, client: Arc::clone(&client) });
        Ok(client)
    }

    /// The lane to the service at `base` (scheme and host) for a tenant. The figures are creates and other calls per minute,
    /// when somebody set them.
    pub(super) fn lane(
        &self,
        platform: Platform,
        base: &str,
        tenant: &str,
        [creates, calls]: [Option<usize>; 2],
    ) -> Result<Lane, ProviderError> {
        let url = Url::parse(base).map_err(|error| ProviderError {
            operation: "authenticate",
            subject: base.to_owned(),
            kind: ErrorKind::Protocol,
            message: "is not an address".to_owned(),
            status: None,
            code: None,
            request_id: None,
            help: None,
            source: Some(Box::new(error)),
        })?;
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (platform, url.to_string(), tenant.to_ascii_lowercase());
        let lane = lanes.entry(key).or_insert_with(|| {
            let (pacing, waits) = (Arc::clone(&self.0.pacing), self.0.waits.clone());
            let pace = Arc::new(Pace::new(platform, &url, creates, calls));
            let patience = Patience::new(Arc::clone(&pace), Arc::clone(&pacing), waits.clone());
            Lane { base: url, pace, patience: Arc::new(patience), pacing, waits }
        });
        Ok(lane.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sessions_of_one_tenant_share_what_a_service_grants() {
        let common = Common::default();
        let lane = |platform, base, tenant| common.lane(platform, base, tenant, [None, None]).unwrap().pace;
        let first = lane(Platform::Defender, "https://graph.microsoft.com", "aaaa");
        assert!(Arc::ptr_eq(&first, &lane(Platform::Defender, "https://graph.microsoft.com/", "AAAA")));
        for (platform, base, tenant) in [
            (Platform::Defender, "https://graph.microsoft.com", "bbbb"),
            (Platform::Defender, "https://graph.microsoft.us", "aaaa"),
            (Platform::Sentinel, "https://graph.microsoft.com", "aaaa"),
        ] {
            assert!(!Arc::ptr_eq(&first, &lane(platform, base, tenant)), "{platform} {base} {tenant}");
        }
        assert!(common.lane(Platform::Sentinel, "nowhere", "a", [None, None]).is_err());
    }
}
