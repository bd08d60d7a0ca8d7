//! Paths into dynamic values: `$.a.b`, `$['a b'][0]`, as far as "JSONPath expressions" goes.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name`, `['name']`
    Member(String),
    /// `[0]`
    Element(i64),
}

/// The steps of a path that begins with `$`; `None` for anything else, and for wildcards and slices.
pub(super) fn parse(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside)?,
            None => {
                // `$name` is taken for `$.name`, as the service does.
                let named = match rest.strip_prefix('.') {
                    Some(named) => named,
                    None if steps.is_empty() => rest,
                    None => return None,
                };
                let end = named.find(['.', '[']).unwrap_or(named.len());
                let (name, after) = named.split_at_checked(end)?;
                if name.is_empty() || name == "*" {
                    return None;
                }
                (Step::Member(name.to_owned()), after)
            }
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// After the `[`.
fn bracketed(inside: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            return Some((Step::Member(name.to_owned()), after.strip_prefix(']')?));
        }
    }
    let (index, after) = inside.split_once(']')?;
    Some((Step::Element(index.trim().parse().ok()?), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (path, expected) in [
            ("$", Some(vec![])),
            ("$.a.b", Some(vec![member("a"), member("b")])),
            ("$['a b'][0]", Some(vec![member("a b"), Step::Element(0)])),
            ("$.a[\"b.c\"]", Some(vec![member("a"), member("b.c")])),
            ("$name", Some(vec![member("name")])),
            ("a.b", None),
            ("$.*", None),
            ("$..a", None),
            ("$.a[1:2]", None),
            ("$['a", None),
        ] {
            assert_eq!(parse(path), expected, "{path}");
        }
    }
}
