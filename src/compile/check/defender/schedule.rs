//! How often a custom detection runs and how far it looks back.

use crate::compile::check::{codes, facts};
use crate::diagnostic::Diagnostics;
use crate::duration::IsoDuration;
use crate::model::defender::Defender;
use crate::source::Spanned;

pub(super) fn check(section: &Defender, diagnostics: &mut Diagnostics) {
    frequency(&section.frequency, diagnostics);
    if let Some(lookback) = &section.lookback {
        check_lookback(lookback, &section.frequency, diagnostics);
    }
}

fn frequency(frequency: &Spanned<IsoDuration>, diagnostics: &mut Diagnostics) {
    let (least, most) = facts::CUSTOM_FREQUENCY;
    let known = "PT0S (continuous), PT1H, PT3H, PT12H or PT24H";
    if facts::FREQUENCIES.contains(&frequency.value) {
        return;
    }
    if frequency.value < least || frequency.value > most {
        diagnostics.push(
            codes::FREQUENCY
                .error("frequency not accepted by Defender")
                .labelled(frequency.span, "not a frequency of custom detections")
                .with_detail(format!("Defender runs custom detections at {known}, or at {least} to {most} over Sentinel's data."))
                .with_help(format!("use {known}")),
        );
        return;
    }
    diagnostics.push(
        codes::FREQUENCY
            .warning("custom frequency is for Sentinel's data only")
            .labelled(frequency.span, "custom")
            .with_detail(
                "Defender accepts a custom frequency only when the query reads nothing but tables that were ingested into \
                 Sentinel; with any Defender table it refuses the rule.",
            )
            .with_help(format!("use {known}, or silence XDR-01 with the reason when the query reads Sentinel's tables alone")),
    );
}

fn check_lookback(
    lookback: &Spanned<IsoDuration>,
    frequency: &Spanned<IsoDuration>,
    diagnostics: &mut Diagnostics,
) {
    let (least, most) = facts::LOOKBACK;
    let hourly = IsoDuration::from_hours(1);
    let daily = IsoDuration::from_days(1);
    let problem = if frequency.value == facts::CONTINUOUS {
        Some(("continuous rules have none".to_owned(), "remove `lookback`".to_owned()))
    } else if lookback.value < frequency.value {
        Some((
            format!("shorter than the frequency, {}", frequency.value),
            format!("use {} or more, or remove it to take the service's default", frequency.value),
        ))
    } else if lookback.value < least || lookback.value > most {
        Some((format!("outside {least} to {most}"), format!("use {least} to {most}")))
    } else if frequency.value < hourly && lookback.value >= facts::LOOKBACK_SUB_HOURLY {
        Some(("48 hours or more".to_owned(), "use less than PT48H, or run hourly or less often".to_owned()))
    } else if frequency.value < daily && lookback.value > facts::LOOKBACK_SUB_DAILY {
        Some(("more than 14 days".to_owned(), "use P14D or less, or run daily or less often".to_owned()))
    } else {
        None
    };
    let Some((label, help)) = problem else { return };
    diagnostics.push(
        codes::LOOKBACK
            .error("look-back not accepted by Defender")
            .labelled(lookback.span, label)
            .with_related(frequency.span, "runs this often")
            .with_detail("The look-back covers at least the time between two runs, and how far it may reach depends on the frequency.")
            .with_help(help),
    );
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, custom, defender_of, hours, mark, minutes, plain, run};
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn frequencies() {
        run(&custom(), None, &[
            Case("continuous", |r| defender_of(r).frequency = mark(minutes(0)), &[]),
            Case("hourly", |r| defender_of(r).frequency = mark(hours(1)), &[]),
            Case("three hours", |r| defender_of(r).frequency = mark(hours(3)), &[]),
            Case("twelve hours", |r| defender_of(r).frequency = mark(hours(12)), &[]),
            Case("daily", |r| defender_of(r).frequency = mark(hours(24)), &[]),
            Case("two hours", |r| defender_of(r).frequency = mark(hours(2)), &[("XDR-01", Warning, "custom frequency", "silence XDR-01")]),
            Case("five minutes", |r| defender_of(r).frequency = mark(minutes(5)), &[("XDR-01", Warning, "custom frequency", "")]),
            Case("fourteen days", |r| defender_of(r).frequency = mark(hours(336)), &[("XDR-01", Warning, "custom frequency", "")]),
            Case("four minutes", |r| defender_of(r).frequency = mark(minutes(4)), &[("XDR-01", Error, "frequency not accepted", "PT12H")]),
            Case("fifteen days", |r| defender_of(r).frequency = mark(hours(360)), &[("XDR-01", Error, "frequency not accepted", "")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn lookbacks() {
        run(&custom(), None, &[
            Case("as long", |r| { defender_of(r).frequency = plain(hours(1)); defender_of(r).lookback = Some(mark(hours(1))); }, &[]),
            Case("shorter", |r| { defender_of(r).frequency = plain(hours(3)); defender_of(r).lookback = Some(mark(hours(1))); }, &[("XDR-11", Error, "look-back not accepted", "PT3H or more")]),
            Case("continuous", |r| { defender_of(r).frequency = plain(minutes(0)); defender_of(r).lookback = Some(mark(hours(1))); }, &[("XDR-11", Error, "look-back not accepted", "remove `lookback`")]),
            Case("hourly, 14 days", |r| { defender_of(r).frequency = plain(hours(1)); defender_of(r).lookback = Some(mark(hours(336))); }, &[]),
            Case("hourly, 15 days", |r| { defender_of(r).frequency = plain(hours(1)); defender_of(r).lookback = Some(mark(hours(360))); }, &[("XDR-11", Error, "look-back not accepted", "P14D")]),
            Case("daily, 30 days", |r| { defender_of(r).frequency = plain(hours(24)); defender_of(r).lookback = Some(mark(hours(720))); }, &[]),
            Case("daily, 31 days", |r| { defender_of(r).frequency = plain(hours(24)); defender_of(r).lookback = Some(mark(hours(744))); }, &[("XDR-11", Error, "look-back not accepted", "P30D")]),
        ]);
    }
}
