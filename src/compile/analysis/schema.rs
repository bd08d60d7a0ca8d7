//! Which tables a rule of an environment can read.

use std::sync::Arc;

use crate::address::Target;
use crate::kql::schema::Platform;
use crate::model::environment::Environment;
use crate::model::schema::SchemaFile;

/// Where the query of a target runs.
///
/// Analytics rules read their workspace. Custom detections read Defender's tables; where the environment has a workspace
/// too, they may read that as well, as they do in a tenant whose workspace is connected to the Defender portal (CONTRACT A.3:
/// custom frequencies are for data ingested into Sentinel; A.5: watchlists and ASIM are accepted there). Whether it is
/// connected is not known offline, so the benefit of the doubt is given.
pub(crate) fn platform_of(target: &Target, environment: &Environment) -> Platform {
    match target {
        Target::Sentinel(_) => Platform::Sentinel,
        Target::Defender if environment.sentinel.is_empty() => Platform::Xdr,
        Target::Defender => Platform::Unified,
    }
}

/// Whether these files list every table that queries of a platform can read. For Defender with a workspace, both parts
/// must be complete.
pub(super) fn is_complete(platform: Platform, files: &[Arc<SchemaFile>]) -> bool {
    let covers = |part: Platform| files.iter().any(|file| file.source.complete && file.is_for(part));
    match platform {
        Platform::Unified => covers(Platform::Sentinel) && covers(Platform::Xdr),
        part => covers(part),
    }
}
