//! The codes that compilation itself reports (the limits of the services are in `check`), for `palisade explain CODE`.

use crate::diagnostic::codes::Code;

const fn code(code: &'static str, title: &'static str, explanation: &'static str) -> Code {
    Code { code, title, explanation }
}

/// In the order of the code.
pub const CODES: &[Code] = &[
    code(
        "ALW-01",
        "an allowlist entry holds for too long",
        "Noise changes and people leave: an entry that nobody has to look at again becomes a hole that nobody remembers. \
         `allowlist.max_ttl` in palisade.yaml is the furthest that `expires` may lie ahead.",
    ),
    code(
        "ALW-02",
        "an allowlist entry has expired",
        "On its expiry day an entry stops holding in the deployed query by itself (`now() < datetime(...)`). In the files it \
         stops the environment, so that a rule never starts to alert again without anybody deciding it: remove the entry, \
         renew it, or write `required: false` in it to let it lapse with a warning.",
    ),
    code(
        "ALW-03",
        "an allowlist entry expires soon",
        "A reminder, from `allowlist.warn` before its expiry on. Find out whether the noise still exists before it does expire.",
    ),
    code(
        "ALW-04",
        "an allowlist slot does not exist",
        "A slot is a comment line `// allowlist` or `// allowlist: NAME` between two steps of the query. A list for a slot \
         that is not there could only be dropped in silence, so it is an error.",
    ),
    code(
        "ALW-05",
        "a column is not allowed in this slot",
        "The rule says under `allowlist.<slot>.columns` which columns entries may use: those that exist at that place of the \
         query and that an attacker cannot choose freely.",
    ),
    code(
        "ALW-06",
        "an allowlist entry is weaker than required",
        "Strength says how hard it is to walk through an entry. Strong: a hash, a signer together with a valid signature, the \
         id of a device or account. Medium: a full path that only an administrator can write, an exact command line. Weak: a \
         file name, a path that users can write (also by `..`, a short name, a stream or a variable), a part of a text, a \
         network of more than 256 addresses, the issuer of a certificate, an application's id. An entry is as strong as its \
         strongest predicate, because all of them must hold.",
    ),
    code(
        "ALW-07",
        "an allowlist entry has no ticket",
        "The project wants every entry to say where it was decided (`allowlist.require_ticket` in palisade.yaml), so that whoever \
         renews or removes it can read what was known then.",
    ),
    code(
        "ALW-08",
        "an allowlist entry matches everything",
        "Such an entry would switch the rule off without saying so. Switch it off under `overrides:` if that is what you want.",
    ),
    code(
        "ALW-09",
        "a watchlist is used where there is none",
        "Watchlists live in a Sentinel workspace. A custom detection of Defender would fail, and a rule that keeps failing is \
         switched off by the service: write the values into the list, or give the rule to Sentinel only.",
    ),
    code(
        "ALW-11",
        "an allowlist reaches no rule of its environment",
        "Every rule that it names is left out of this environment by `select` or `lifecycle`.",
    ),
    code(
        "CMP-01",
        "a rule names a workspace that its environment does not have",
        "`sentinel.workspaces` of a rule names workspaces of the environment's `sentinel:` list.",
    ),
    code(
        "CMP-02",
        "two custom detections share a name or an alert title",
        "Defender wants the name and the alert title of every custom detection of a tenant to be unique and refuses the second.",
    ),
    code(
        "CMP-03",
        "a parameter does not exist",
        "A parameter is a top-level `let NAME = <literal>;` of the rule's query; an environment may give another literal of the \
         same type.",
    ),
    code(
        "CMP-04",
        "a parameter has the wrong type",
        "An environment may change the value of a parameter, never its type: the rest of the query was written for that type.",
    ),
    code(
        "CMP-06",
        "an allowlist slot stands where no step may begin",
        "The compiled `| where not(...)` is inserted on the line after the slot's comment, so the comment must stand on a line \
         of its own between two complete steps of the pipeline.",
    ),
    code(
        "KQL-C01",
        "the query is not well-formed",
        "A string, literal or bracket is not closed, or a character is not part of the language. What would be inserted into \
         such a query could mean anything.",
    ),
    code(
        "SEN-01",
        "the compiled query is empty or too long",
        "Both services take queries of up to 10,000 characters; allowlists and the ownership marker count.",
    ),
];
