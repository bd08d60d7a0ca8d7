//! ATT&CK ids in the one form that both services settle on: parents on their own, sub-techniques beside them.

/// `T1053.005` taken apart: its parent `T1053`, and whether it is a sub-technique at all. Anything that is not an
/// ATT&CK id (the services know some of their own) is its own parent.
pub(super) fn parent(id: &str) -> (&str, bool) {
    match id.split_once('.') {
        Some((parent, sub))
            if is_parent(parent) && sub.len() == 3 && sub.bytes().all(|b| b.is_ascii_digit()) =>
        {
            (parent, true)
        }
        _ => (id, false),
    }
}

fn is_parent(id: &str) -> bool {
    id.strip_prefix('T').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::parent;

    #[test]
    fn only_real_sub_techniques_have_another_parent() {
        assert_eq!(parent("T1053.005"), ("T1053", true));
        for own in ["T1053", "T1053.05", "T10.005", "SuspiciousActivity", "a.b", ""] {
            assert_eq!(parent(own), (own, false));
        }
    }
}
