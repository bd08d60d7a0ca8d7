//! Assertions at the token endpoint: what a pipeline or the owner of a certificate presents instead of a secret.
//!
//! One that says `x5t#S256` (or `x5t`) in its header is the application's own, made with a certificate: it is checked
//! against those that were registered (`token_certificates`), signature included. Any other is federated. Its signature
//! is checked when this sandbox issued it (`/_oidc/token`), and cannot be otherwise: there are no keys of GitHub or GitLab
//! here. Everything that a misconfigured pipeline gets wrong (audience, subject, age) is checked in both.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::ParsedCertificate;

use super::http::Call;
use super::jwt;
use super::switches::Switches;

/// The audience of federated assertions in the public cloud (CONTRACT C.3).
pub(crate) const FEDERATION_AUDIENCE: &str = "api://AzureADTokenExchange";
/// Entra takes clocks that are this far apart, in seconds.
const TOLERANCE: i64 = 300;

/// Why an assertion is not accepted: the number of the AADSTS error, and its text.
pub(crate) type Refused = (u64, String);

/// Checks a client assertion for application `client`. `key` is that of the sandbox's own OIDC stub.
pub(crate) fn check(
    assertion: &str,
    client: &str,
    call: &Call,
    switches: &Switches,
    key: &[u8],
    now_ms: i64,
) -> Result<(), Refused> {
    let malformed = || (50_027, "JWT token is invalid or malformed.".to_owned());
    let claims = jwt::claims(assertion).ok_or_else(malformed)?;
    let header = jwt::header(assertion).ok_or_else(malformed)?;
    let now = now_ms / 1000;
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let own = header.get("x5t#S256").is_some() || header.get("x5t").is_some();
    // A federated one without an end is as good as any other here; GitHub and GitLab always give one.
    let expired = seconds("exp").map_or(own, |end| end <= now);
    if expired || seconds("nbf").is_some_and(|begin| begin > now + TOLERANCE) {
        let at = |name| seconds(name).map_or_else(|| "-".to_owned(), super::clock::spaced_seconds);
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}.",
            super::clock::spaced_seconds(now),
            at("nbf"),
            at("exp")
        );
        return Err((700_024, text));
    }
    if own {
        certificate(assertion, &header, &claims, client, call, switches)
    } else {
        federated(assertion, &claims, call, switches, key)
    }
}

fn certificate(
    assertion: &str,
    header: &Value,
    claims: &Value,
    client: &str,
    call: &Call,
    switches: &Switches,
) -> Result<(), Refused> {
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if claim("iss") != client || claim("sub") != client {
        let text = format!(
            "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation. (issuer '{}', subject '{}')",
            claim("iss"),
            claim("sub")
        );
        return Err((700_021, text));
    }
    // The tenant in the path is part of it: an assertion for one tenant is none for another.
    if claim("aud") != format!("{}{}", call.origin(), call.path) {
        let text = format!(
            "Client assertion audience claim does not match Realm issuer. (audience '{}')",
            claim("aud")
        );
        return Err((50_012, text));
    }
    let thumbprint = header.get("x5t#S256").and_then(Value::as_str).unwrap_or_default();
    let known = switches.token_certificates.iter().filter_map(|text| from_base64(text));
    let Some(certificate) = known.into_iter().find(|der| jwt::encode(&Sha256::digest(der)) == thumbprint)
    else {
        let text = format!(
            "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']"
        );
        return Err((700_027, text));
    };
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if signed(assertion, algorithm, &certificate) {
        return Ok(());
    }
    Err((700_027, "Client assertion contains an invalid signature. [Reason - The key used to sign the assertion is not that of the certificate.]".to_owned()))
}

fn federated(
    assertion: &str,
    claims: &Value,
    call: &Call,
    switches: &Switches,
    key: &[u8],
) -> Result<(), Refused> {
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let (audience, subject) = (claim("aud"), claim("sub"));
    if audience != FEDERATION_AUDIENCE && audience != format!("{}{}", call.origin(), call.path) {
        let text = format!(
            "No matching federated identity record found for presented assertion audience '{audience}'."
        );
        return Err((700_212, text));
    }
    // The stub may be asked by any of the names of this machine.
    if claim("iss").ends_with("/_oidc") && jwt::verify(assertion, key).is_none() {
        return Err((50_027, "JWT token is invalid or malformed. The signature is invalid.".to_owned()));
    }
    let known = &switches.token_federated_subjects;
    if !known.is_empty() && !known.iter().any(|one| one == subject) {
        let text = format!(
            "No matching federated identity record found for presented assertion subject '{subject}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
        );
        return Err((700_213, text));
    }
    Ok(())
}

/// Whether the key of a certificate signed the token.
fn signed(token: &str, algorithm: &str, certificate: &[u8]) -> bool {
    let scheme = match algorithm {
        "PS256" => SignatureScheme::RSA_PSS_SHA256,
        "RS256" => SignatureScheme::RSA_PKCS1_SHA256,
        _ => return false,
    };
    let certificate = CertificateDer::from(certificate);
    let Ok(parsed) = ParsedCertificate::try_from(&certificate) else { return false };
    let spki = parsed.subject_public_key_info();
    let (Some(key), Some((input, signature))) = (public_key(&spki), token.rsplit_once('.')) else {
        return false;
    };
    let Some(signature) = jwt::decode(signature) else { return false };
    let provider = aws_lc_rs::default_provider();
    let supported = provider.signature_verification_algorithms.mapping;
    let algorithms = supported.iter().find(|(one, _)| *one == scheme).map_or(&[][..], |(_, all)| *all);
    algorithms.iter().any(|one| one.verify_signature(key, input.as_bytes(), &signature).is_ok())
}

/// The bits of a SubjectPublicKeyInfo: SEQUENCE { algorithm SEQUENCE, subjectPublicKey BIT STRING } (RFC 5280 4.1).
fn public_key(spki: &[u8]) -> Option<&[u8]> {
    let (content, _) = element(spki, 0x30)?;
    let (_, rest) = element(content, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    // The first byte counts unused bits.
    bits.strip_prefix(&[0])
}

/// The content of a DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// Base64 as `openssl x509 -outform der | base64` writes it.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let url: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '=')
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    jwt::decode(&url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_elements_are_taken_apart() {
        let spki = [0x30, 0x07, 0x30, 0x01, 0x05, 0x03, 0x02, 0x00, 0x09];
        assert_eq!(public_key(&spki), Some(&[9u8][..]));
        for broken in [&spki[..8], &spki[..1], &[], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x80]] {
            assert_eq!(public_key(broken), None, "{broken:?}");
        }
        let long: Vec<u8> = [0x04, 0x82, 0x01, 0x00].into_iter().chain([7; 256]).collect();
        assert_eq!(element(&long, 0x04).unwrap().0.len(), 256);
    }

    #[test]
    fn base64_in_the_ordinary_alphabet_is_read() {
        assert_eq!(from_base64("+/8=\n"), Some(vec![0xfb, 0xff]));
        assert_eq!(from_base64("a b!"), None);
    }
}
