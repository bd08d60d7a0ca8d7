//! Palisade: detections as code for Microsoft Defender XDR and Microsoft Sentinel.
//!
//! Five arrows, all of them functions; the modules below are listed in the order in which to read them:
//!
//! ```text
//! rules/ + environments/ --load--> Repository --compile--> (Desired, Diagnostics)   pure after load
//! Sentinel ARM, Graph    --provider::list--> Actual                                 the only reader of the network
//! (Desired, Actual)      --plan--> Plan                                             pure, deterministic, serialisable
//! Plan                   --render--> text | json                                    pure
//! (Plan, Provider)       --apply--> Outcome                                         the only writer of the network
//! ```

// Foundation: no dependency inside the crate.
pub mod address;
pub mod characters;
pub mod diagnostic;
pub mod duration;
mod parallel;
pub mod source;

// Authoring: what people write.
pub mod fleet;
pub mod formats;
pub mod load;
pub mod model;
pub mod yaml;

// Language.
pub mod kql;

// Compile, compare, plan: pure.
pub mod allowlist;
pub mod compile;
pub mod diff;
pub mod plan;
pub mod resource;
pub mod verify;

// Recording: result rows as cases.
pub mod fixture;

// Adoption: foreign forms of rules as rule files.
pub mod import;

// A repository to begin with, as texts: pure.
pub mod scaffold;

// What is deployed where, for people who read: pure.
pub mod catalogue;

// Edge: the network.
pub mod apply;
pub mod checkup;
pub mod provider;
pub mod sandbox;

// Face.
pub mod cli;
pub mod render;
