//! ISO-8601 durations, read and re-spelled the way the services do.
//!
//! Deliberately not the product's own duration type: the sandbox must be able to disagree with it.

/// Seconds of `P1DT2H`, `PT5M`, `P2W`, … or `None`. Years and months have no fixed length and are refused,
/// as are signs and fractions, which neither service is known to accept.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let rest = text.strip_prefix('P')?;
    if rest.is_empty() || rest.ends_with('T') {
        return None;
    }
    let (mut in_time, mut total, mut digits, mut last_rank) = (false, 0u64, String::new(), 0);
    for c in rest.chars() {
        if c == 'T' && !in_time && digits.is_empty() {
            in_time = true;
            continue;
        }
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let (rank, unit) = match (c, in_time) {
            ('W', false) => (1, 604_800),
            ('D', false) => (2, 86_400),
            ('H', true) => (3, 3_600),
            ('M', true) => (4, 60),
            ('S', true) => (5, 1),
            _ => return None,
        };
        if rank <= last_rank {
            return None;
        }
        last_rank = rank;
        let amount: u64 = digits.parse().ok()?;
        digits.clear();
        total = total.checked_add(amount.checked_mul(unit)?)?;
    }
    digits.is_empty().then_some(total)
}

/// The shortest spelling with days: `PT24H` → `P1D`, `PT90M` → `PT1H30M`, zero → `PT0S`.
pub(crate) fn spell_with_days(total: u64) -> String {
    let (days, rest) = (total / 86_400, total % 86_400);
    match (days, rest) {
        (0, rest) => spell_with_hours(rest),
        (days, 0) => format!("P{days}D"),
        (days, rest) => format!("P{days}D{}", spell_with_hours(rest).trim_start_matches('P')),
    }
}

/// A spelling without days: `P1D` → `PT24H`.
pub(crate) fn spell_with_hours(total: u64) -> String {
    let mut out = String::from("PT");
    for (amount, unit) in [(total / 3_600, 'H'), (total % 3_600 / 60, 'M'), (total % 60, 'S')] {
        if amount > 0 {
            out.push_str(&amount.to_string());
            out.push(unit);
        }
    }
    if out == "PT" {
        out.push_str("0S");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_services_write() {
        for (text, want) in [
            ("PT0S", 0),
            ("PT5M", 300),
            ("PT1H", 3_600),
            ("P1D", 86_400),
            ("PT24H", 86_400),
            ("P14D", 1_209_600),
            ("P2W", 1_209_600),
            ("P2DT1H30M", 178_200),
        ] {
            assert_eq!(seconds(text), Some(want), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1H",
            "PT1D",
            "P1H",
            "P1DT",
            "P1M",
            "P1Y",
            "pt1h",
            "PT1M1H",
            "-P1D",
            "PT1.5H",
            "P99999999999999999999D",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn spells_both_ways() {
        assert_eq!(spell_with_days(86_400), "P1D");
        assert_eq!(spell_with_days(90_000), "P1DT1H");
        assert_eq!(spell_with_days(5_400), "PT1H30M");
        assert_eq!(spell_with_days(0), "PT0S");
        assert_eq!(spell_with_hours(86_400), "PT24H");
        assert_eq!(spell_with_hours(0), "PT0S");
    }
}
