//! Adopting what exists: from any foreign form of a rule to a rule file, without loss.
//!
//! Every importer ends in one value, a [`Draft`]: what a rule file will say. `raise` makes it from the properties of the
//! services' APIs, as the exact inverse of `compile::lower`; importers of other formats bring their rules into that form
//! first, or fill a draft by themselves. `write` turns it into YAML, `slug` finds its id, `extract` moves its tuning into allowlists. Nothing is dropped in silence:
//! what has no place in our format stands under an `x-` key of the draft, and every such thing is a [`Remark`].
//!
//! `migrate` is the other direction: it keeps a file's format, and brings custom detections in it into the present shape.
//!
//! Pure: no file is read or written here, and no service is asked. Start with [`Draft`], then [`raise::sentinel`].

mod candidate;
pub mod draft;
pub mod extract;
pub mod formats;
pub mod live;
pub mod migrate;
pub mod raise;
pub mod rewrite;
pub mod slug;
mod verify;
pub mod write;

pub use draft::{Draft, Fate, Properties, Remark, Section};
