//! Microsoft Defender XDR custom detections over Microsoft Graph (CONTRACT A).
//!
//! [`Defender`] is the custom detections of one tenant. `api` speaks the operations, `wire` is the shape of their
//! messages, `convert` goes between that and [`Live`](crate::resource::Live), `legacy` reads the shape that the service
//! retired on 2026-10-01, `schema` says how properties compare. Only the present shape is ever written.

mod api;
mod convert;
mod legacy;
mod schema;
pub(crate) mod wire;

pub use api::Defender;
pub use legacy::{RETIRED, SAID_BY_SERVICE, modernise, unmapped};

use crate::provider::Write;
use crate::resource::Schema;

/// How the properties of custom detections compare.
#[must_use]
pub fn schema() -> &'static Schema {
    &schema::SCHEMA
}

/// The body that a POST of this rule sends.
#[must_use]
pub fn payload(write: &Write) -> serde_json::Value {
    convert::created(write).into()
}

#[cfg(test)]
mod metadata_tests;
#[cfg(test)]
mod tests;
