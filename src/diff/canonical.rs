//! One form for every spelling of the same rule.
//!
//! Start with [`Canonical`]: a provider's table as a tree, so that a body is walked once, whatever the table's length.

use serde_json::{Map, Value};

use crate::duration::IsoDuration;
use crate::resource::{Body, Field, Kind, Schema, Shape, sorted_json};

/// The canonical form of one body; of many of one kind, [`Canonical::form`].
#[must_use]
pub fn canonical(schema: &Schema, kind: &Kind, body: &Body) -> Body {
    Canonical::new(schema, kind).form(body)
}

/// How the bodies of one kind of rule compare.
#[derive(Debug)]
pub struct Canonical {
    root: Node,
    /// What absence stands for, in the table's order.
    defaults: Vec<(&'static Field, Value)>,
}

/// What the table says about the values in one place, and below it.
#[derive(Debug)]
struct Node {
    shape: Shape,
    default: Option<Value>,
    members: Vec<(&'static str, Self)>,
    /// Members that are not named above.
    others: Option<Box<Self>>,
    /// The elements of a list.
    items: Option<Box<Self>>,
}

/// As many elements are compared each with each.
const FEW: usize = 32;

/// Whatever the table does not mention.
static PLAIN: Node = Node::plain();

impl Canonical {
    /// Of the rules of a kind.
    #[must_use]
    pub fn new(schema: &Schema, kind: &Kind) -> Self {
        let mut canonical = Self { root: Node::plain(), defaults: Vec::new() };
        let here = |field: &&Field| field.kinds.is_empty() || field.kinds.contains(kind);
        for field in schema.fields.iter().filter(here) {
            let node = canonical.root.make(field.path);
            node.shape = field.shape;
            if let Some(default) = field.default.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
                node.default = Some(default.clone());
                canonical.defaults.push((field, default));
            }
        }
        canonical
    }

    /// The canonical form of a body: no null, `""`, `[]` or `{}`; durations in their shortest spelling; text with `\n` and
    /// without blanks at line ends; sets ordered; defaults of the kind filled in where nothing was said.
    ///
    /// Idempotent, and equal for two bodies exactly when the service would behave the same.
    #[must_use]
    pub fn form(&self, body: &Body) -> Body {
        let mut form = object(&self.root, body);
        for (field, default) in &self.defaults {
            if field.optional {
                leave_out(&mut form, field.path, default);
            } else {
                fill(&mut form, field.path, default);
            }
        }
        form
    }

    /// Whether two bodies have one form, as far as that shows without making it: `true` is certain, `false` is not. A rule
    /// that is as its file says comes back much as it was sent, so this settles nearly all of them.
    #[must_use]
    pub fn is_plainly_equal(&self, one: &Body, other: &Body) -> bool {
        members_equal(&self.root, one, other)
    }
}

impl Node {
    const fn plain() -> Self {
        Self { shape: Shape::Plain, default: None, members: Vec::new(), others: None, items: None }
    }

    /// The node at a path of the table, made where it is new.
    fn make(&mut self, path: &'static str) -> &mut Self {
        let mut node = self;
        for segment in path.split('.') {
            node = node.make_member(segment.trim_end_matches("[]"));
            for _ in segment.matches("[]") {
                node = node.items.get_or_insert_with(|| Box::new(Self::plain()));
            }
        }
        node
    }

    fn make_member(&mut self, name: &'static str) -> &mut Self {
        if name == "*" {
            return self.others.get_or_insert_with(|| Box::new(Self::plain()));
        }
        let at = self.members.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.members.push((name, Self::plain()));
            self.members.len() - 1
        });
        &mut self.members[at].1
    }

    fn member(&self, name: &str) -> &Self {
        let named = self.members.iter().find(|(known, _)| *known == name).map(|(_, node)| node);
        named.or(self.others.as_deref()).unwrap_or(&PLAIN)
    }
}

fn object(node: &Node, map: &Body) -> Body {
    let mut result = Map::with_capacity(map.len());
    for (key, value) in map {
        if let Some(value) = canonical_value(node.member(key), value) {
            result.insert(key.clone(), value);
        }
    }
    result
}

fn canonical_value(node: &Node, value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = match node.shape {
                Shape::Text => normal_text(text),
                Shape::Duration => {
                    IsoDuration::parse(text).map_or_else(|_| text.clone(), |duration| duration.to_string())
                }
                Shape::Plain | Shape::Set => text.clone(),
            };
            (!text.is_empty()).then_some(Value::String(text))
        }
        Value::Array(items) => {
            let inside = node.items.as_deref().unwrap_or(&PLAIN);
            let mut items: Vec<Value> =
                items.iter().filter_map(|item| canonical_value(inside, item)).collect();
            if node.shape == Shape::Set {
                items.sort_by_cached_key(sorted_json);
                items.dedup();
            }
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(map) => {
            let map = object(node, map);
            (!map.is_empty()).then_some(Value::Object(map))
        }
    }
}

fn members_equal(node: &Node, one: &Body, other: &Body) -> bool {
    let here = one.iter().all(|(key, value)| match find(other, key) {
        Some(theirs) => values_equal(node.member(key), value, theirs),
        None => says_nothing(node.member(key), value),
    });
    let missing = || other.iter().filter(|(key, _)| find(one, key).is_none());
    here && missing().all(|(key, value)| says_nothing(node.member(key), value))
}

/// Objects are small: looking along them is faster than hashing names.
fn find<'b>(body: &'b Body, name: &str) -> Option<&'b Value> {
    body.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn values_equal(node: &Node, one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => members_equal(node, one, other),
        (Value::Array(one), Value::Array(other)) => {
            let items = node.items.as_deref().unwrap_or(&PLAIN);
            let in_order = || one.iter().zip(other).all(|(a, b)| values_equal(items, a, b));
            one.len() == other.len() && in_order()
                || node.shape == Shape::Set && sets_equal(items, one, other)
        }
        (Value::String(one), Value::String(other)) if node.shape == Shape::Text => {
            one == other || lines(one).eq(lines(other))
        }
        _ => one == other,
    }
}

/// Every element of either is in the other. What is sent stands in the order of its form, what was compiled in the
/// author's, so this is the rule. Nobody's set is long; one that is gets its form.
fn sets_equal(items: &Node, one: &[Value], other: &[Value]) -> bool {
    let within = |part: &[Value], whole: &[Value]| {
        part.iter().all(|a| whole.iter().any(|b| values_equal(items, a, b)))
    };
    one.len().max(other.len()) <= FEW && within(one, other) && within(other, one)
}

/// Whether a value stands for no more than its absence.
fn says_nothing(node: &Node, value: &Value) -> bool {
    node.default.as_ref() == Some(value)
        || match value {
            Value::Null => true,
            Value::Bool(_) | Value::Number(_) => false,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.iter().all(|(key, value)| says_nothing(node.member(key), value)),
        }
}

/// The lines of a text that count, without blanks at their ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.trim_end().lines().map(str::trim_end)
}

fn normal_text(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for (at, line) in lines(text).enumerate() {
        if at > 0 {
            normal.push('\n');
        }
        normal.push_str(line);
    }
    normal
}

/// Puts `default` at a dotted path where nothing is yet; objects on the way are made.
fn fill(body: &mut Body, path: &str, default: &Value) {
    match path.split_once('.') {
        None => {
            if !body.contains_key(path) {
                body.insert(path.to_owned(), default.clone());
            }
        }
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                fill(inner, rest, default);
            }
        }
    }
}

/// Takes a value away from a dotted path if it is `default`, and the objects that become empty by that.
fn leave_out(body: &mut Body, path: &str, default: &Value) {
    match path.split_once('.') {
        None => {
            if body.get(path) == Some(default) {
                body.remove(path);
            }
        }
        Some((first, rest)) => {
            if let Some(Value::Object(inner)) = body.get_mut(first) {
                leave_out(inner, rest, default);
                if inner.is_empty() {
                    body.remove(first);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const fn field(path: &'static str, shape: Shape, default: Option<&'static str>) -> Field {
        Field { path, shape, default, optional: false, kinds: &[] }
    }

    const SCHEMA: Schema = Schema {
        fields: &[
            field("query", Shape::Text, None),
            Field { kinds: &[Kind::Scheduled], ..field("frequency", Shape::Duration, Some("\"PT5H\"")) },
            field("tactics", Shape::Set, None),
            field("incident.create", Shape::Plain, Some("true")),
            Field { optional: true, ..field("preview.mode", Shape::Plain, Some("\"usual\"")) },
            field("maps.*[].names", Shape::Set, None),
        ],
    };

    fn form(value: &Value) -> Value {
        Value::Object(canonical(&SCHEMA, &Kind::Scheduled, value.as_object().unwrap()))
    }

    #[test]
    fn spellings_of_one_rule_are_equal() {
        let reference = form(&json!({"query": "T\n| take 1", "frequency": "P1D", "tactics": ["A", "B"],
            "incident": {"create": true}, "maps": {"hosts": [{"names": ["x", "y"]}]}}));
        for other in [
            json!({"query": "T  \r\n| take 1\r\n\r\n", "frequency": "PT24H", "tactics": ["B", "A", "B"],
                "maps": {"hosts": [{"names": ["y", "x"]}], "ips": []}, "description": null}),
            json!({"maps": {"hosts": [{"names": ["x", "y"], "other": null}, {}]}, "tactics": ["A", "B"], "frequency": "P1D",
                "query": "T\n| take 1", "incident": {}, "description": "", "x": {"y": [null, {}]}}),
        ] {
            assert_eq!(sorted_json(&form(&other)), sorted_json(&reference));
        }
    }

    #[test]
    fn defaults_belong_to_kinds() {
        assert_eq!(form(&json!({})), json!({"frequency": "PT5H", "incident": {"create": true}}));
        let nrt = canonical(&SCHEMA, &Kind::Nrt, &Map::new());
        assert_eq!(Value::Object(nrt), json!({"incident": {"create": true}}));
    }

    #[test]
    fn optional_defaults_are_never_written() {
        assert_eq!(form(&json!({"preview": {"mode": "usual"}})), form(&json!({})));
        assert_eq!(form(&json!({"preview": {"mode": "other"}}))["preview"], json!({"mode": "other"}));
    }

    #[test]
    fn what_says_nothing_or_the_default_is_plainly_equal_to_nothing() {
        let comparing = Canonical::new(&SCHEMA, &Kind::Scheduled);
        let equal =
            |a: &Value, b: &Value| comparing.is_plainly_equal(a.as_object().unwrap(), b.as_object().unwrap());
        let usual = json!({"query": "T \n| take 1\n\n", "frequency": "PT5H", "incident": {"create": true, "x": null},
            "preview": {"mode": "usual"}, "tactics": ["B", "A"], "maps": {"hosts": [{"names": ["x", "y"]}], "ips": []}});
        let short = json!({"query": "T\r\n| take 1", "tactics": ["A", "B", "A"], "maps": {"hosts": [{"names": ["y", "x"]}]}});
        assert!(equal(&usual, &short) && equal(&short, &usual));
        for (path, value) in [
            ("/query", json!("T\n| take 2")),
            ("/frequency", json!("PT6H")),
            ("/incident/create", json!(false)),
            ("/incident/x", json!(1)),
            ("/preview/mode", json!("other")),
            ("/tactics", json!(["A"])),
            ("/maps/hosts", json!([{"names": ["y", "x"]}, {}, {"names": ["z"]}])),
        ] {
            let mut other = usual.clone();
            *other.pointer_mut(path).unwrap() = value;
            assert!(!equal(&other, &short) && !equal(&short, &other), "{other}");
        }
    }

    #[test]
    fn what_differs_stays_different() {
        for (a, b) in [
            (json!({"query": "a\n b"}), json!({"query": "a\nb"})),
            (json!({"threshold": 0}), json!({})),
            (json!({"enabled": false}), json!({})),
            (json!({"list": ["a", "b"]}), json!({"list": ["b", "a"]})),
        ] {
            assert_ne!(form(&a), form(&b));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop_oneof!["[a-c \r\n]{0,6}", Just("PT24H".to_owned())].prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(
                    prop_oneof![
                        Just("query"),
                        Just("frequency"),
                        Just("tactics"),
                        Just("maps"),
                        Just("names")
                    ],
                    inner,
                    0..4
                )
                .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn idempotent(value in any_json()) {
            let Value::Object(body) = value else { return Ok(()) };
            let once = canonical(&SCHEMA, &Kind::Scheduled, &body);
            prop_assert_eq!(canonical(&SCHEMA, &Kind::Scheduled, &once), once);
        }

        /// Both sides are cut out of one body, so that many pairs are equal, and many nearly so.
        #[test]
        fn plainly_equal_bodies_have_one_form(value in any_json(), cuts in prop::collection::vec(any::<bool>(), 64)) {
            let Value::Object(body) = value else { return Ok(()) };
            let comparing = Canonical::new(&SCHEMA, &Kind::Scheduled);
            let filled = comparing.form(&body);
            let mut cuts = cuts.into_iter().cycle();
            let (mut one, mut other) = (body, filled);
            one.retain(|_, _| cuts.next() != Some(false));
            other.retain(|_, _| cuts.next() != Some(false));
            if comparing.is_plainly_equal(&one, &other) {
                prop_assert_eq!(comparing.form(&one), comparing.form(&other));
            }
            prop_assert!(comparing.is_plainly_equal(&one, &one));
        }
    }
}
