//! Signing in with a certificate: an assertion that its private key signed (PS256), instead of a secret.
//!
//! The key signs with the library that TLS uses anyway; nothing else reads it. What Entra wants of the assertion: header
//! `alg` PS256 and `x5t#S256` (SHA-256 of the certificate), claims `aud` (the token endpoint), `iss` and `sub` (the
//! application), `jti`, `nbf`, `exp` (<https://learn.microsoft.com/entra/identity-platform/certificate-credentials>).

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::base64;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey};
use tokio_rustls::rustls::{InconsistentKeys, SignatureScheme};

/// Seconds for which an assertion is good; Microsoft advises five to ten minutes.
const LIFETIME: i64 = 600;
/// Seconds before now from which it is good: clocks differ.
const BACKDATED: i64 = 60;

/// A certificate with its key, ready to sign.
pub(super) struct Certificate {
    key: Arc<dyn SigningKey>,
    /// The certificate that belongs to the key first, then the rest of the file.
    chain: Vec<CertificateDer<'static>>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a PEM file with a certificate (or a chain) and its RSA key, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// Why the file is of no use, and how to make one that is. `path` is only named.
    pub(super) fn read(file: &[u8], path: &str) -> Result<Self, String> {
        let text = String::from_utf8_lossy(file);
        if !text.contains("-----BEGIN ") {
            return Err(if file.first() == Some(&0x30) {
                format!(
                    "`{path}` is not PEM; a PFX (PKCS#12) file becomes one with `openssl pkcs12 -in {path} -nodes -out certificate.pem`"
                )
            } else {
                format!("`{path}` is not PEM: it must hold the certificate and its private key as PEM blocks")
            });
        }
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(format!(
                "the private key in `{path}` is encrypted, and Palisade asks for no password: `openssl pkey -in {path} -out key.pem` writes it in the clear; put it into one file with the certificate, readable by this run only"
            ));
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
        let mut chain = chain.map_err(|_| format!("`{path}` is damaged: a block of it is not base64"))?;
        if chain.is_empty() {
            return Err(format!("`{path}` holds no certificate: put it beside the key, in the same file"));
        }
        let key = PrivateKeyDer::from_pem_slice(file).map_err(|_| {
            format!(
                "`{path}` holds no private key that can be read (PKCS#8 or PKCS#1, beside the certificate)"
            )
        })?;
        let key =
            any_supported_type(&key).map_err(|_| format!("the private key in `{path}` cannot be used"))?;
        if key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]).is_none() {
            return Err(format!(
                "the private key in `{path}` is not an RSA key, and Entra takes no other for applications"
            ));
        }
        let own = chain.iter().position(|certificate| belongs(certificate, &key));
        let own = own.ok_or_else(|| {
            format!("the private key in `{path}` belongs to another certificate than the one beside it")
        })?;
        chain.swap(0, own);
        Ok(Self { key, chain })
    }

    /// A signed assertion by `client_id` for `endpoint`.
    fn assertion(
        &self,
        endpoint: &str,
        client_id: &str,
        with_chain: bool,
        now: Timestamp,
    ) -> Result<String, String> {
        let thumbprint = self.chain.first().map(|own| encode(Sha256::digest(own))).unwrap_or_default();
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!("PS256"));
        header.insert("typ".to_owned(), json!("JWT"));
        header.insert("x5t#S256".to_owned(), json!(thumbprint));
        if with_chain {
            let chain: Vec<String> = self.chain.iter().map(base64::encode).collect();
            header.insert("x5c".to_owned(), json!(chain));
        }
        let now = now.as_second();
        let claims = json!({
            "aud": endpoint, "iss": client_id, "sub": client_id, "jti": uuid::Uuid::new_v4().to_string(),
            "iat": now, "nbf": now - BACKDATED, "exp": now + LIFETIME,
        });
        let input = format!("{}.{}", encode(Value::Object(header).to_string()), encode(claims.to_string()));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]);
        let signature = signer.and_then(|signer| signer.sign(input.as_bytes()).ok());
        let signature = signature.ok_or("the private key of the certificate cannot sign")?;
        Ok(format!("{input}.{}", encode(signature)))
    }
}

/// Whether the key is that of the certificate. One that we cannot take apart (an X.509 of version 1) gets the benefit of the doubt: the
/// token service knows it or does not.
fn belongs(certificate: &CertificateDer<'static>, key: &Arc<dyn SigningKey>) -> bool {
    use tokio_rustls::rustls::Error;
    let pair = CertifiedKey::new(vec![certificate.clone()], Arc::clone(key));
    !matches!(pair.keys_match(), Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    base64::encode_url_safe(bytes).trim_end_matches('=').to_owned()
}

/// Assertions for one application.
#[derive(Debug)]
pub(super) struct CertificateAssertion {
    pub(super) certificate: Certificate,
    /// `{authority}/{tenant}/oauth2/v2.0/token`.
    pub(super) endpoint: String,
    pub(super) client_id: String,
    /// Sends the chain along, for applications that trust a subject name and an issuer (`AZURE_CLIENT_SEND_CERTIFICATE_CHAIN`).
    pub(super) with_chain: bool,
}

#[async_trait]
impl ClientAssertion for CertificateAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.certificate
            .assertion(&self.endpoint, &self.client_id, self.with_chain, Timestamp::now())
            .map_err(|why| Error::with_message(ErrorKind::Credential, why))
    }
}
