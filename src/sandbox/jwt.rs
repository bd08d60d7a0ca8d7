//! Just enough JSON Web Token for the token endpoint and the bearer check.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A signed token with these claims.
pub(crate) fn sign(claims: &Value, key: &[u8]) -> String {
    let header = json!({"typ": "JWT", "alg": "HS256", "kid": "sandbox"});
    let input =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(&hmac(key, input.as_bytes()));
    format!("{input}.{signature}")
}

/// The claims of a token that this key signed.
pub(crate) fn verify(token: &str, key: &[u8]) -> Option<Value> {
    let (input, signature) = token.rsplit_once('.')?;
    (decode(signature)? == hmac(key, input.as_bytes())).then(|| claims(token)).flatten()
}

/// The claims of any token, unverified.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let value: Value = serde_json::from_slice(&decode(payload)?).ok()?;
    value.is_object().then_some(value)
}

/// The header of any token.
pub(crate) fn header(token: &str) -> Option<Value> {
    serde_json::from_slice(&decode(token.split('.').next()?)?).ok()
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut padded = [0u8; BLOCK];
    let hashed = Sha256::digest(key);
    let key: &[u8] = if key.len() > BLOCK { &hashed } else { key };
    padded.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    let inner = Sha256::new().chain_update(padded.map(|b| b ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded.map(|b| b ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (i, byte)| word | u32::from(*byte) << (16 - 8 * i));
        for i in 0..=chunk.len() {
            let index = (word >> (18 - 6 * i)) & 63;
            out.push(ALPHABET.get(index as usize).map_or('A', |byte| char::from(*byte)));
        }
    }
    out
}

/// The reverse of [`encode`]; `None` for anything else.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0u32;
        for (i, byte) in chunk.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == byte)?;
            word |= u32::try_from(value).ok()? << (18 - 6 * i);
        }
        let bytes = [(word >> 16) as u8, (word >> 8) as u8, word as u8];
        out.extend(bytes.iter().take(chunk.len().checked_sub(1).filter(|n| *n > 0)?));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_matches_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).unwrap(), plain.as_bytes());
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode("a+b="), None);
        assert_eq!(decode("a"), None);
    }

    #[test]
    fn hmac_matches_rfc_4231_case_2() {
        let hex: String =
            hmac(b"Jefe", b"what do ya want for nothing?").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn only_the_own_key_verifies() {
        let token = sign(&json!({"aud": "x"}), b"key");
        assert_eq!(verify(&token, b"key").unwrap()["aud"], "x");
        assert!(verify(&token, b"other").is_none());
        assert!(verify("a.b", b"key").is_none());
        assert!(claims("gh.jwt.value").is_none());
    }
}
