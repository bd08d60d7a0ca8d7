//! How long carrying out a plan takes, where the services' quotas decide that.

use crate::plan::Plan;

/// From how many seconds on it is worth saying.
const WORTH_SAYING: u64 = 10;

/// `Within the services' quotas an apply takes about 9 min.`; nothing when nobody has to wait.
#[must_use]
pub fn sentence(plan: &Plan) -> Option<String> {
    let seconds = plan.estimated_seconds;
    let time = match seconds {
        0..WORTH_SAYING => return None,
        WORTH_SAYING..90 => format!("{seconds} s"),
        90..7_200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    };
    Some(format!("Within the services' quotas an apply takes about {time}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_rounded_up_and_seconds_that_nobody_minds_are_left_out() {
        let plan =
            |seconds| Plan { estimated_seconds: seconds, ..crate::render::hostile_tests::plan_of("x") };
        let said = |seconds| sentence(&plan(seconds));
        assert_eq!((said(0), said(9)), (None, None));
        for (seconds, time) in
            [(10, "10 s"), (89, "89 s"), (90, "2 min"), (549, "10 min"), (7_260, "2 h 1 min")]
        {
            let whole = format!("Within the services' quotas an apply takes about {time}.");
            assert_eq!(said(seconds).as_deref(), Some(whole.as_str()));
        }
    }
}
