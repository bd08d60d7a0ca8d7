//! What stood in the way of a request that got no answer: the name, the connection, TLS, or a proxy.
//!
//! Decided by the types of the causes where they say it (`rustls::Error`, `std::io::Error`), and by their words where they
//! do not (hyper and the system's resolver have only words).

use std::error::Error;
use std::io;

use tokio_rustls::rustls;

/// What stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The name does not resolve.
    Name,
    /// Nothing listens there.
    Refused,
    /// No way leads there.
    NoRoute,
    /// No answer in time.
    Timeout,
    /// The proxy did not let us through, or cannot be reached.
    Proxy,
    /// The server's certificate is not trusted, not for this name, or not valid now.
    Certificate,
    /// The connection was closed or reset during the TLS handshake.
    TlsCut,
    /// Something else than TLS answered, or a TLS that has nothing in common with ours.
    TlsForeign,
    /// The connection broke after it stood.
    Broken,
}

impl Obstacle {
    /// The obstacle that a chain of causes tells of, if it tells of one.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let (mut next, mut found, mut connecting) = (Some(error), None, false);
        let mut words = String::new();
        while let Some(cause) = next {
            // The innermost cause that says anything knows best.
            found = by_type(cause).or(found);
            connecting |= cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
            words.push_str(&cause.to_string().to_ascii_lowercase());
            words.push('\n');
            next = cause.source();
        }
        let by_words = by_words(&words);
        // Who resolves names and who tunnels says so in words only, around causes that say less.
        if let Some(one @ (Self::Name | Self::Proxy)) = by_words {
            return Some(one);
        }
        match found.or(by_words) {
            // The handshake is part of connecting; a port that nobody listens on is known as such.
            Some(Self::Broken) if connecting => Some(Self::TlsCut),
            other => other,
        }
    }

    /// A sentence's worth.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Name => "the name does not resolve (DNS)",
            Self::Refused => "nothing listens there (connection refused)",
            Self::NoRoute => "no way leads there (network unreachable)",
            Self::Timeout => "no answer in time",
            Self::Proxy => "the proxy did not let it through",
            Self::Certificate => "its TLS certificate is not accepted",
            Self::TlsCut => "the connection was cut during the TLS handshake",
            Self::TlsForeign => "what answers there does not speak our TLS",
            Self::Broken => "the connection broke off",
        }
    }

    /// The next step.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Name => "the name does not resolve: check the network, the VPN and HTTPS_PROXY",
            Self::Refused => "nothing listens there: check the address, the firewall and HTTPS_PROXY",
            Self::NoRoute => "the network is down: check the connection, the VPN and HTTPS_PROXY",
            Self::Timeout => "no answer in time: check the network, the firewall and HTTPS_PROXY",
            Self::Proxy => {
                "ask whoever runs the proxy to let this host through; check the address and the credentials in HTTPS_PROXY, or name the host in NO_PROXY"
            }
            Self::Certificate => {
                "the server's certificate is not trusted: behind a TLS-inspecting proxy, set PALISADE_CA_FILE to its root certificate (PEM)"
            }
            Self::TlsCut => {
                "a proxy or firewall on the way cuts TLS connections to this host: have it let through without inspection, or set HTTPS_PROXY if one has to be used"
            }
            Self::TlsForeign => {
                "something on the way answers in place of the service, often a proxy that wants plain HTTP: check HTTPS_PROXY and the port"
            }
            Self::Broken => {
                "the connection broke off in the middle: run again; if it happens again, look at proxies and firewalls on the way"
            }
        }
    }
}

fn by_type(cause: &(dyn Error + 'static)) -> Option<Obstacle> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(of_tls(tls));
    }
    let io = cause.downcast_ref::<io::Error>()?;
    // An io::Error shows neither its inner error as a cause nor itself as the inner's.
    if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Some(of_tls(tls));
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some(Obstacle::Refused),
        io::ErrorKind::TimedOut => Some(Obstacle::Timeout),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Some(Obstacle::NoRoute),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Obstacle::Broken),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> Obstacle {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Obstacle::Certificate
        }
        _ => Obstacle::TlsForeign,
    }
}

/// Words in lower case, and what they tell; the first that is there decides.
const WORDS: &[(&[&str], Obstacle)] = &[
    (
        &["dns error", "lookup address", "name or service not known", "no such host", "name resolution"],
        Obstacle::Name,
    ),
    (&["tunnel error", "proxy authorization required", "proxy authentication"], Obstacle::Proxy),
    (&["invalid peer", "certificate", "unknownissuer"], Obstacle::Certificate),
    (&["handshake"], Obstacle::TlsCut),
    (&["corrupt message"], Obstacle::TlsForeign),
    (&["connection refused"], Obstacle::Refused),
    (&["timed out", "timeout", "operation timed"], Obstacle::Timeout),
    (
        &["close_notify", "reading a body", "connection reset", "connection closed", "incomplete message"],
        Obstacle::Broken,
    ),
    (&["unreachable"], Obstacle::NoRoute),
];

fn by_words(words: &str) -> Option<Obstacle> {
    WORDS.iter().find(|(said, _)| said.iter().any(|word| words.contains(word))).map(|(_, one)| *one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Cause {
        words: &'static str,
        source: Option<Box<dyn Error + 'static>>,
    }

    fn around(words: &'static str, source: impl Error + 'static) -> Cause {
        Cause { words, source: Some(Box::new(source)) }
    }

    #[test]
    fn types_decide_where_there_are_any() {
        let tls = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        for (error, expected) in [
            (around("client error (Connect)", tls(unknown)), Obstacle::Certificate),
            (around("client error (Connect)", tls(alert)), Obstacle::TlsForeign),
            (around("x", io::Error::from(io::ErrorKind::ConnectionRefused)), Obstacle::Refused),
            (around("x", io::Error::from(io::ErrorKind::TimedOut)), Obstacle::Timeout),
            (around("x", io::Error::from(io::ErrorKind::NetworkUnreachable)), Obstacle::NoRoute),
            (around("x", io::Error::from(io::ErrorKind::ConnectionReset)), Obstacle::Broken),
            (around("dns error", io::Error::from(io::ErrorKind::TimedOut)), Obstacle::Name),
            (around("tunnel error: unsuccessful", io::Error::other("x")), Obstacle::Proxy),
        ] {
            assert_eq!(Obstacle::of(&error), Some(expected), "{error:?}");
        }
    }

    #[test]
    fn words_decide_where_there_are_no_types() {
        for (words, expected) in [
            ("failed to lookup address information: Name or service not known", Some(Obstacle::Name)),
            ("Proxy Authentication Required", Some(Obstacle::Proxy)),
            ("invalid peer certificate: UnknownIssuer", Some(Obstacle::Certificate)),
            ("tls handshake eof", Some(Obstacle::TlsCut)),
            ("received corrupt message of type InvalidContentType", Some(Obstacle::TlsForeign)),
            ("connection reset by peer", Some(Obstacle::Broken)),
            ("no answer: timed out", Some(Obstacle::Timeout)),
            ("the service is sad", None),
        ] {
            assert_eq!(Obstacle::of(&Cause { words, source: None }), expected, "{words}");
        }
    }
}
