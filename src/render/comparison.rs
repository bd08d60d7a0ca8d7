//! A comparison as text: what only one side has, then every rule that differs, field by field, from left to right.

use std::fmt::Write as _;

use super::paint::Paint;
use super::plan::changed_field;
use super::safe;
use crate::plan::comparison::{Comparison, Difference, What};

/// The whole comparison.
#[must_use]
pub fn text(comparison: &Comparison, paint: Paint) -> String {
    let mut out = String::new();
    let (left, right) = (safe::line(&comparison.left), safe::line(&comparison.right));
    let _ = writeln!(
        out,
        "{} {}  {} {}",
        paint.removed("-"),
        paint.strong(&left),
        paint.added("+"),
        paint.strong(&right)
    );
    let of = |what| comparison.differences.iter().filter(move |one| one.what == what);
    let same = match comparison.same {
        1 => "1 rule is the same".to_owned(),
        count => format!("{count} rules are the same"),
    };
    let _ = writeln!(
        out,
        "{same}, {} not, {} only in {left}, {} only in {right}.",
        differ(of(What::Changed).count()),
        of(What::OnlyLeft).count(),
        of(What::OnlyRight).count()
    );
    for (what, side, sign) in
        [(What::OnlyLeft, &left, paint.removed("-")), (What::OnlyRight, &right, paint.added("+"))]
    {
        if of(what).next().is_some() {
            let _ = writeln!(out, "\nOnly in {side}");
        }
        for one in of(what) {
            let detail = one.detail.as_ref().map(|detail| format!(" ({})", safe::line(detail)));
            let _ = writeln!(
                out,
                "{sign} {}  {}{}",
                safe::line(&one.address),
                paint.faint(&format!("\"{}\"", safe::line(&one.name))),
                paint.faint(&detail.unwrap_or_default())
            );
        }
    }
    for one in of(What::Changed) {
        changed(&mut out, one, paint);
    }
    out
}

fn differ(count: usize) -> String {
    match count {
        1 => "1 is".to_owned(),
        count => format!("{count} are"),
    }
}

fn changed(out: &mut String, one: &Difference, paint: Paint) {
    let _ = writeln!(
        out,
        "\n{} {}  {}",
        paint.changed("~"),
        paint.strong(&safe::line(&one.address)),
        paint.faint(&format!("\"{}\"", safe::line(&one.name)))
    );
    for field in &one.fields {
        changed_field(out, field, &one.provenance, paint);
    }
}
