//! One document laid over another: an environment over what it extends, an override over a rule.

use super::{Key, Node, NodeKind};

/// `overlay` laid over `base`: mappings member by member, everything else (lists too) replaced as a whole.
///
/// Members keep their own places, so a problem in the result points at the file that caused it; the result's own place is
/// the overlay's. The order is the base's, then what the overlay adds.
#[must_use]
pub fn merge(base: &Node, overlay: &Node) -> Node {
    let (NodeKind::Map(under), NodeKind::Map(over)) = (&base.kind, &overlay.kind) else {
        return overlay.clone();
    };
    let mut merged: Vec<(Key, Node)> = Vec::with_capacity(under.len() + over.len());
    for (key, node) in under {
        let laid = over.iter().find(|(other, _)| other.name == key.name);
        merged.push(match laid {
            Some((key, overlay)) => (key.clone(), merge(node, overlay)),
            None => (key.clone(), node.clone()),
        });
    }
    let is_new = |entry: &&(Key, Node)| !under.iter().any(|(key, _)| key.name == entry.0.name);
    merged.extend(over.iter().filter(is_new).cloned());
    Node { kind: NodeKind::Map(merged), span: overlay.span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;
    use crate::yaml::read::read;

    #[test]
    fn mappings_merge_deeply_and_lists_are_replaced() {
        let mut sources = SourceMap::default();
        let mut parse = |text: &str| read(text, sources.add("a.yaml", text)).unwrap();
        let base = parse("a: {x: 1, y: 2}\nb: [1, 2]\nc: keep\n");
        let overlay = parse("b: [3]\na: {y: 5, z: 6}\nd: new\n");
        let merged = merge(&base, &overlay);
        let at = |path: [&str; 2]| {
            merged.get(path[0]).and_then(|node| node.get(path[1])).map(|node| node.kind.clone())
        };
        assert_eq!(at(["a", "x"]), Some(NodeKind::Int(1)));
        assert_eq!(at(["a", "y"]), Some(NodeKind::Int(5)));
        assert_eq!(at(["a", "z"]), Some(NodeKind::Int(6)));
        assert!(matches!(&merged.get("b").unwrap().kind, NodeKind::Seq(items) if items.len() == 1));
        assert_eq!(merged.get("a").unwrap().get("y").unwrap().file(), overlay.file());
        assert_eq!(merged.get("c").unwrap().file(), base.file());
        let NodeKind::Map(entries) = &merged.kind else { panic!() };
        assert_eq!(
            entries.iter().map(|(key, _)| key.name.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c", "d"]
        );
    }
}
