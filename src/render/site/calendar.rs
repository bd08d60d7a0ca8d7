//! The months in which entries expire, as grids of days.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{Markup, html};

/// Every month that has a due day, in order. A day with entries leads to `#due-YYYY-MM-DD`.
pub(super) fn calendar(due: &BTreeMap<Date, usize>, today: Date) -> Markup {
    let mut months: Vec<(i16, i8)> = due.keys().map(|day| (day.year(), day.month())).collect();
    months.dedup();
    html! {
        div.calendar {
            @for (year, month) in months {
                @if let Ok(first) = Date::new(year, month, 1) { (grid(first, due, today)) }
            }
        }
    }
}

fn grid(first: Date, due: &BTreeMap<Date, usize>, today: Date) -> Markup {
    let blank = usize::try_from(first.weekday().to_monday_zero_offset()).unwrap_or_default();
    let days = (1..=first.days_in_month()).filter_map(|day| first.with().day(day).build().ok());
    let cells: Vec<Option<Date>> = std::iter::repeat_n(None, blank).chain(days.map(Some)).collect();
    html! {
        table.month {
            caption { (name(first)) }
            thead { tr { @for day in ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"] { th scope="col" { (day) } } } }
            tbody {
                @for week in cells.chunks(7) {
                    tr {
                        @for cell in week {
                            @match cell {
                                None => { td {} }
                                Some(day) => {
                                    td.today[*day == today] {
                                        @if let Some(count) = due.get(day) {
                                            a.due.past[*day <= today] href={ "#due-" (day) } title={ (count) " due" } { (day.day()) }
                                        } @else { (day.day()) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `May 2027`.
pub(super) fn name(day: Date) -> String {
    day.strftime("%B %Y").to_string()
}
