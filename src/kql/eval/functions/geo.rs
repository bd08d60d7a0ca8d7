//! Distances on the globe. Everything else about places needs geometry or data that is not here.

use super::argument::real;
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[function("geo_distance_2points", geo_distance_2points)];

/// Metres: the radius that gives the distances of the page's examples.
const EARTH_RADIUS: f64 = 6_371_010.0;

/// Along the great circle; null for coordinates that are none.
fn geo_distance_2points(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let longitude = |index| real(args, index).filter(|degrees| degrees.abs() <= 180.0).map(f64::to_radians);
    let latitude = |index| real(args, index).filter(|degrees| degrees.abs() <= 90.0).map(f64::to_radians);
    let (Some(lon1), Some(lat1), Some(lon2), Some(lat2)) =
        (longitude(0), latitude(1), longitude(2), latitude(3))
    else {
        return Ok(Value::Null);
    };
    let half_chord =
        ((lat2 - lat1) / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * ((lon2 - lon1) / 2.0).sin().powi(2);
    Ok(Value::Real(2.0 * EARTH_RADIUS * half_chord.sqrt().min(1.0).asin()))
}
