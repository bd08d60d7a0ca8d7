//! Cryptographic hashes. The others (`hash`, `hash_xxhash64`, …) promise no fixed result and are not evaluated.

use sha2::Digest;

use super::argument::text;
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Fault, Value};
use crate::kql::types::ScalarType;

pub(super) const FUNCTIONS: &[Function] =
    &[function("hash_md5", md5), function("hash_sha1", sha1), function("hash_sha256", sha256)];

fn md5(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    hashed::<md5::Md5>(call, args)
}

fn sha1(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    hashed::<sha1::Sha1>(call, args)
}

fn sha256(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    hashed::<sha2::Sha256>(call, args)
}

/// The bytes of a text are known; how other types are laid out before they are hashed is written nowhere. An empty text has
/// an empty hash.
fn hashed<D: Digest>(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    if call.ty(0) != ScalarType::String {
        return Err(call.not_evaluated("of anything but a string"));
    }
    let text = text(args, 0);
    if text.is_empty() {
        return Ok(Value::string(""));
    }
    let digest = D::digest(text.as_bytes());
    Ok(Value::from(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
