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

#[cfg(test)]
mod metadata_tests;
#[cfg(test)]
mod tests;
