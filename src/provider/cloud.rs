//! Where the services are: the built-in clouds, and the one rule for every other address.
//!
//! A repository must never be able to send a token somewhere else, so the addresses of the four national clouds stand
//! here and nowhere else, and anything spelled out is accepted only on this machine (loopback), unless the operator
//! allows it outside the repository. Nothing here reads a file or a variable: roots come in as PEM bytes.

use azure_core::http::Url;

/// Addresses of one cloud: scheme and host (and port), without a path.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints {
    authority: String,
    arm: String,
    graph: String,
    /// The audience that federated assertions must carry (GitHub Actions asks for it).
    federation_audience: &'static str,
    extra_roots: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoints")
            .field("authority", &self.authority)
            .field("arm", &self.arm)
            .field("graph", &self.graph)
            .field("extra_roots", &self.extra_roots.len())
            .finish_non_exhaustive()
    }
}

/// Why a custom cloud was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// Not an address at all.
    #[error("`{which}` of the custom cloud is not a URL: `{text}`")]
    NotUrl {
        /// `authority`, `arm` or `graph`.
        which: &'static str,
        /// What stood there.
        text: String,
    },
    /// Anything but TLS.
    #[error("`{which}` of the custom cloud must start with https://, but is `{text}`")]
    NotHttps {
        /// `authority`, `arm` or `graph`.
        which: &'static str,
        /// What stood there.
        text: String,
    },
    /// More than scheme, host and port.
    #[error("`{which}` of the custom cloud must be scheme, host and port only, but is `{text}`")]
    NotBare {
        /// `authority`, `arm` or `graph`.
        which: &'static str,
        /// What stood there.
        text: String,
    },
    /// A host elsewhere.
    #[error(
        "`{which}` of the custom cloud is `{host}`, which is not this machine: a repository may not choose where tokens are sent"
    )]
    NotLoopback {
        /// `authority`, `arm` or `graph`.
        which: &'static str,
        /// The host.
        host: String,
    },
}

impl CloudError {
    /// The next step.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NotLoopback { .. } => {
                "use `cloud: public`, `us-gov`, `us-gov-dod` or `china`; or, if you run this cloud yourself, set PALISADE_ALLOW_CUSTOM_CLOUD=1 outside the repository"
            }
            Self::NotUrl { .. } | Self::NotHttps { .. } | Self::NotBare { .. } => {
                "write it like `https://localhost:8443`"
            }
        }
    }
}

impl Endpoints {
    /// Azure public and GCC (CONTRACT C.1).
    #[must_use]
    pub fn public() -> Self {
        Self::built_in(
            "login.microsoftonline.com",
            "management.azure.com",
            "graph.microsoft.com",
            "api://AzureADTokenExchange",
        )
    }

    /// GCC High.
    #[must_use]
    pub fn us_gov() -> Self {
        Self::built_in(
            "login.microsoftonline.us",
            "management.usgovcloudapi.net",
            "graph.microsoft.us",
            "api://AzureADTokenExchangeUSGov",
        )
    }

    /// DoD: as GCC High, with a Graph of its own.
    #[must_use]
    pub fn us_gov_dod() -> Self {
        Self { graph: "https://dod-graph.microsoft.us".to_owned(), ..Self::us_gov() }
    }

    /// 21Vianet.
    #[must_use]
    pub fn china() -> Self {
        Self::built_in(
            "login.partner.microsoftonline.cn",
            "management.chinacloudapi.cn",
            "microsoftgraph.chinacloudapi.cn",
            "api://AzureADTokenExchangeChina",
        )
    }

    /// A cloud that is spelled out, the sandbox included.
    ///
    /// `allow_elsewhere` is the operator's word (`PALISADE_ALLOW_CUSTOM_CLOUD=1`, never the repository's).
    ///
    /// # Errors
    /// An address that is not plain https, or not loopback without `allow_elsewhere`.
    pub fn custom(
        authority: &str,
        arm: &str,
        graph: &str,
        allow_elsewhere: bool,
    ) -> Result<Self, CloudError> {
        Ok(Self {
            authority: bare_https("authority", authority, allow_elsewhere)?,
            arm: bare_https("arm", arm, allow_elsewhere)?,
            graph: bare_https("graph", graph, allow_elsewhere)?,
            ..Self::public()
        })
    }

    /// The same, trusting the certificates of a PEM bundle besides the system's roots (`ca_file`, `PALISADE_CA_FILE`).
    #[must_use]
    pub fn with_root(mut self, pem: Vec<u8>) -> Self {
        self.extra_roots.push(pem);
        self
    }

    /// The token authority, `https://…` without a slash at the end.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Resource Manager.
    #[must_use]
    pub fn arm(&self) -> &str {
        &self.arm
    }

    /// Graph.
    #[must_use]
    pub fn graph(&self) -> &str {
        &self.graph
    }

    /// PEM bundles of further roots.
    #[must_use]
    pub fn extra_roots(&self) -> &[Vec<u8>] {
        &self.extra_roots
    }

    /// The scope of Resource Manager tokens.
    #[must_use]
    pub fn arm_scope(&self) -> String {
        format!("{}/.default", self.arm)
    }

    /// The scope of Graph tokens.
    #[must_use]
    pub fn graph_scope(&self) -> String {
        format!("{}/.default", self.graph)
    }

    pub(crate) const fn federation_audience(&self) -> &'static str {
        self.federation_audience
    }

    fn built_in(authority: &str, arm: &str, graph: &str, federation_audience: &'static str) -> Self {
        let https = |host: &str| format!("https://{host}");
        Self {
            authority: https(authority),
            arm: https(arm),
            graph: https(graph),
            federation_audience,
            extra_roots: Vec::new(),
        }
    }
}

fn bare_https(which: &'static str, text: &str, allow_elsewhere: bool) -> Result<String, CloudError> {
    let url = Url::parse(text).map_err(|_| CloudError::NotUrl { which, text: text.to_owned() })?;
    if url.scheme() != "https" {
        return Err(CloudError::NotHttps { which, text: text.to_owned() });
    }
    let host = url.host_str().ok_or_else(|| CloudError::NotUrl { which, text: text.to_owned() })?;
    let bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare {
        return Err(CloudError::NotBare { which, text: text.to_owned() });
    }
    if !allow_elsewhere && !is_loopback(host) {
        return Err(CloudError::NotLoopback { which, host: host.to_owned() });
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Only names and addresses that never leave the machine; `localhost.example.com` and `127.0.0.1.nip.io` do.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_clouds_have_the_contracts_hosts_and_scopes() {
        let dod = Endpoints::us_gov_dod();
        assert_eq!(dod.authority(), "https://login.microsoftonline.us");
        assert_eq!(dod.graph_scope(), "https://dod-graph.microsoft.us/.default");
        assert_eq!(Endpoints::public().arm_scope(), "https://management.azure.com/.default");
        assert_eq!(Endpoints::china().graph(), "https://microsoftgraph.chinacloudapi.cn");
    }

    #[test]
    fn a_custom_cloud_stays_on_this_machine() {
        for good in
            ["https://localhost:8443", "https://127.0.0.1:1", "https://127.9.9.9:1/", "https://[::1]:8443"]
        {
            let endpoints = Endpoints::custom(good, good, good, false).unwrap();
            assert_eq!(endpoints.arm(), good.trim_end_matches('/'));
        }
        for bad in [
            "https://evil.example",
            "https://localhost.evil.example",
            "https://127.0.0.1.nip.io",
            "https://0.0.0.0",
            "https://10.0.0.1",
            "https://[::2]",
        ] {
            let refused = Endpoints::custom("https://localhost:1", bad, "https://localhost:1", false);
            assert!(matches!(refused, Err(CloudError::NotLoopback { which: "arm", .. })), "{bad}");
            assert!(Endpoints::custom(bad, bad, bad, true).is_ok(), "{bad} when the operator allows it");
        }
    }

    #[test]
    fn only_bare_https_even_when_allowed() {
        for bad in [
            "http://localhost:8443",
            "localhost:8443",
            "",
            "https://localhost/path",
            "https://user@localhost",
            "https://localhost?x",
        ] {
            assert!(Endpoints::custom(bad, bad, bad, true).is_err(), "{bad}");
        }
    }
}
