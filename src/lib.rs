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

pub mod address;
pub mod diagnostic;
pub mod duration;
pub mod source;

pub mod model;
pub mod yaml;

pub mod compile;
