//! When a scheduled rule runs, what makes it alert, and how long it then keeps quiet.

use crate::compile::check::codes::{self, Code};
use crate::compile::check::facts;
use crate::compile::check::words::one_of;
use crate::diagnostic::Diagnostics;
use crate::duration::IsoDuration;
use crate::model::sentinel::{Schedule, Suppression};
use crate::source::Spanned;

pub(super) fn check(schedule: &Schedule, suppression: Option<&Suppression>, diagnostics: &mut Diagnostics) {
    let (frequency, period) = (&schedule.frequency, &schedule.period);
    let in_range = within(codes::SCHEDULE, "frequency", frequency, facts::SENTINEL_SCHEDULE, diagnostics)
        & within(codes::SCHEDULE, "period", period, facts::SENTINEL_SCHEDULE, diagnostics);
    if in_range {
        relation(frequency, period, diagnostics);
    }
    trigger(schedule, diagnostics);
    if let Some(suppression) = suppression {
        check_suppression(suppression, Some(frequency), diagnostics);
    }
}

/// NRT rules run every minute, so only the range of the duration matters.
pub(super) fn nrt_suppression(suppression: Option<&Suppression>, diagnostics: &mut Diagnostics) {
    if let Some(suppression) = suppression {
        check_suppression(suppression, None, diagnostics);
    }
}

/// Whether `value` lies between both bounds; reported when not.
pub(super) fn within(
    code: Code,
    what: &str,
    value: &Spanned<IsoDuration>,
    (least, most): (IsoDuration, IsoDuration),
    diagnostics: &mut Diagnostics,
) -> bool {
    let (label, nearest) = match value.value {
        value if value < least => ("too short", least),
        value if value > most => ("too long", most),
        _ => return true,
    };
    diagnostics.push(
        code.error(format!("{what} outside Sentinel's range"))
            .labelled(value.span, label)
            .with_detail(format!("Sentinel accepts a {what} from {least} to {most}."))
            .with_help(format!("the nearest that is accepted is {nearest}")),
    );
    false
}

fn relation(frequency: &Spanned<IsoDuration>, period: &Spanned<IsoDuration>, diagnostics: &mut Diagnostics) {
    if period.value < frequency.value {
        diagnostics.push(
            codes::SCHEDULE
                .error("period shorter than the frequency")
                .labelled(period.span, format!("shorter than {}", frequency.value))
                .with_related(frequency.span, "runs this often")
                .with_detail("Events older than the period at the time of a run are never looked at; Sentinel refuses such a rule.")
                .with_help(format!("make the period {} or longer", frequency.value)),
        );
    } else if period.value >= facts::SENTINEL_LONG_PERIOD
        && frequency.value < facts::SENTINEL_LONG_PERIOD_FREQUENCY
    {
        diagnostics.push(
            codes::SCHEDULE
                .error("frequency too short for a long period")
                .labelled(frequency.span, "less than one hour")
                .with_related(period.span, "two days or more")
                .with_detail("Sentinel refuses a rule that reads two days or more of data more often than once an hour.")
                .with_help("use a frequency of PT1H or more, or a period below P2D"),
        );
    }
}

fn trigger(schedule: &Schedule, diagnostics: &mut Diagnostics) {
    let operators = facts::TRIGGER_OPERATORS.iter().copied();
    if let Some(finding) =
        one_of(codes::TRIGGER, "trigger operator", "Sentinel", &schedule.operator, operators)
    {
        diagnostics.push(finding);
    }
    if schedule.threshold.value > facts::SENTINEL_THRESHOLD {
        diagnostics.push(
            codes::TRIGGER
                .error("trigger threshold too high")
                .labelled(schedule.threshold.span, "more than 10,000")
                .with_detail("Sentinel accepts a threshold from 0 to 10,000 results.")
                .with_help("count in the query (`summarize ... | where Count > n`) and use threshold 0"),
        );
    }
    if schedule.operator.value == "LessThan" && schedule.threshold.value == 0 {
        diagnostics.push(
            codes::TRIGGER
                .warning("trigger that can never be true")
                .labelled(schedule.threshold.span, "no number of results is less than 0")
                .with_detail("Sentinel deploys such a rule, and it never alerts.")
                .with_help("to alert when nothing arrives, use `operator: LessThan` with `threshold: 1`"),
        );
    }
}

fn check_suppression(
    suppression: &Suppression,
    frequency: Option<&Spanned<IsoDuration>>,
    diagnostics: &mut Diagnostics,
) {
    let duration = &suppression.duration;
    if !within(codes::SUPPRESSION, "suppression duration", duration, facts::SENTINEL_SUPPRESSION, diagnostics)
    {
        return;
    }
    let Some(frequency) =
        frequency.filter(|frequency| suppression.enabled.value && frequency.value > duration.value)
    else {
        return;
    };
    diagnostics.push(
        codes::SUPPRESSION
            .error("suppression shorter than the frequency")
            .labelled(duration.span, format!("over before the next run after {}", frequency.value))
            .with_related(frequency.span, "runs this often")
            .with_detail("It would end before the rule runs again and suppress nothing.")
            .with_help(match frequency.value > facts::SENTINEL_SUPPRESSION.1 {
                true => "switch suppression off: it cannot be longer than PT24H".to_owned(),
                false => format!("make it {} or longer", frequency.value),
            }),
    );
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{
        Case, hours, mark, minutes, nrt, plain, run, schedule_of, scheduled, suppression,
    };
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn frequency_and_period() {
        run(
            &scheduled(),
            None,
            &[
                Case("five minutes", |r| { schedule_of(r).frequency = mark(minutes(5)); schedule_of(r).period = mark(minutes(5)); }, &[]),
                Case("four minutes", |r| schedule_of(r).frequency = mark(minutes(4)), &[("SEN-03", Error, "frequency outside", "PT5M")]),
                Case("fourteen days", |r| { schedule_of(r).frequency = mark(hours(336)); schedule_of(r).period = mark(hours(336)); }, &[]),
                Case("period of fifteen days", |r| schedule_of(r).period = mark(hours(360)), &[("SEN-03", Error, "period outside", "P14D")]),
                Case("period shorter", |r| { schedule_of(r).frequency = plain(hours(2)); schedule_of(r).period = mark(minutes(119)); }, &[("SEN-03", Error, "period shorter", "PT2H")]),
                Case("period equal", |r| { schedule_of(r).frequency = plain(hours(2)); schedule_of(r).period = mark(minutes(120)); }, &[]),
                Case("two days every 59 minutes", |r| { schedule_of(r).frequency = mark(minutes(59)); schedule_of(r).period = plain(hours(48)); }, &[("SEN-03", Error, "frequency too short", "PT1H")]),
                Case("two days every hour", |r| { schedule_of(r).frequency = mark(hours(1)); schedule_of(r).period = plain(hours(48)); }, &[]),
                Case("47 hours every five minutes", |r| { schedule_of(r).frequency = mark(minutes(5)); schedule_of(r).period = plain(hours(47)); }, &[]),
            ],
        );
    }

    #[test]
    #[rustfmt::skip]
    fn triggers() {
        run(
            &scheduled(),
            None,
            &[
                Case("lower case", |r| schedule_of(r).operator = mark("greaterThan".into()), &[("SEN-12", Error, "unknown trigger operator", "did you mean `GreaterThan`?")]),
                Case("far off", |r| schedule_of(r).operator = mark("gt".into()), &[("SEN-12", Error, "unknown trigger operator", "`Equal` or `NotEqual`")]),
                Case("10,000", |r| schedule_of(r).threshold = mark(10_000), &[]),
                Case("10,001", |r| schedule_of(r).threshold = mark(10_001), &[("SEN-12", Error, "threshold too high", "summarize")]),
                Case("less than zero", |r| { schedule_of(r).operator = plain("LessThan".into()); schedule_of(r).threshold = mark(0); }, &[("SEN-12", Warning, "never be true", "threshold: 1")]),
                Case("less than one", |r| { schedule_of(r).operator = plain("LessThan".into()); schedule_of(r).threshold = mark(1); }, &[]),
            ],
        );
    }

    #[test]
    #[rustfmt::skip]
    fn suppressions() {
        run(
            &scheduled(),
            None,
            &[
                Case("off and short", |r| suppression(r, false, minutes(5)), &[]),
                Case("off and too short", |r| suppression(r, false, minutes(4)), &[("SEN-13", Error, "suppression duration outside", "PT5M")]),
                Case("25 hours", |r| suppression(r, true, hours(25)), &[("SEN-13", Error, "suppression duration outside", "P1D")]),
                Case("as long as the frequency", |r| suppression(r, true, hours(1)), &[]),
                Case("shorter than the frequency", |r| suppression(r, true, minutes(59)), &[("SEN-13", Error, "shorter than the frequency", "PT1H or longer")]),
                Case("frequency beyond a day", |r| { schedule_of(r).frequency = plain(hours(48)); schedule_of(r).period = plain(hours(48)); suppression(r, true, hours(24)); }, &[("SEN-13", Error, "shorter than the frequency", "switch suppression off")]),
            ],
        );
        run(&nrt(), None, &[Case("nrt", |r| suppression(r, true, minutes(5)), &[])]);
    }
}
