//! The codes that only an audit reports, for `palisade explain CODE`. Those of compilation are in `compile`.

use crate::diagnostic::codes::Code;

const fn code(code: &'static str, title: &'static str, explanation: &'static str) -> Code {
    Code { code, title, explanation }
}

/// Two entries silence the same events.
pub(super) const DUPLICATE: Code = code(
    "ALW-20",
    "an allowlist entry is there twice",
    "Another entry has the same conditions and reaches the same rules. When one of them is removed, the noise stays silenced by \
     the other, and nobody understands why. Keep the one whose reason and owner are right.",
);
/// Another entry silences everything that this one does.
pub(super) const SHADOWED: Code = code(
    "ALW-21",
    "an allowlist entry is implied by a broader one",
    "Every event that this entry silences is silenced by the other one too, for at least as long and in all the same rules. \
     Remove this one, or, if the broad one was a mistake, that one: it probably silences more than was meant.",
);
/// The entry matches nothing.
pub(super) const NEVER: Code = code(
    "ALW-22",
    "an allowlist entry can never match",
    "Its conditions contradict each other or what the column can hold: a SHA1 of the wrong length, a file name that the path \
     does not end with, a pattern without a match. It silences nothing, and the noise that it was written for is still there.",
);
/// The entry matches more than one known thing.
pub(super) const BROAD: Code = code(
    "ALW-23",
    "an allowlist entry is broad",
    "It describes more than one known thing: a short piece of text, a large network, every rule, hundreds of values. Such an entry \
     silences what nobody has looked at. Name the thing by hash, path or id, and the rules one by one.",
);
/// Owner or ticket say nothing.
pub(super) const ACCOUNTABLE: Code = code(
    "ALW-24",
    "nobody answers for an allowlist entry",
    "An owner is somebody who can be asked: an address such as `team@example.com` or a team's handle. A ticket is a reference such \
     as `SEC-4812` or a link. Words like `todo` are neither. `allowlist.require_ticket` in palisade.yaml makes tickets mandatory.",
);
/// A secret value is in the clear.
pub(super) const EXPOSED: Code = code(
    "ALW-25",
    "a sensitive value is shown",
    "Values of a list with `sensitive: true` are shown as digests only, but this one also stands where it is shown in full: in a \
     list that is not sensitive, in a rule's query, or in the entry's own id, reason or ticket.",
);

/// In the order of the code.
pub const CODES: &[Code] = &[DUPLICATE, SHADOWED, NEVER, BROAD, ACCOUNTABLE, EXPOSED];
