//! Property bags: making, reading and changing them; paths into dynamic values.
//!
//! Keys of nested members are given as paths (`$.a.b`); a key without `$` names a member of the bag itself.

use std::sync::Arc;

use super::argument::{arg, array, items, members, string, strings, text};
use super::json_path::{Step, parse as parse_path};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::{Dynamic, Fault, Value, json};
use crate::kql::types::ScalarType;

pub(super) const FUNCTIONS: &[Function] = &[
    function("bag_pack", bag_pack),
    function("pack", bag_pack),
    function("pack_dictionary", bag_pack),
    function("bag_keys", bag_keys),
    function("bag_merge", bag_merge),
    function("bag_has_key", bag_has_key),
    function("bag_remove_keys", bag_remove_keys),
    function("bag_set_key", bag_set_key),
    function("bag_zip", bag_zip),
    function("treepath", treepath),
    function("extract_json", extract_json),
    function("extractjson", extract_json),
];

/// Members of a bag, in order.
type Members = Vec<(Arc<str>, Dynamic)>;

/// Sets a member, in its old place if there was one.
fn set(members: &mut Members, key: &str, value: Dynamic) {
    match members.iter_mut().find(|(name, _)| &**name == key) {
        Some((_, old)) => *old = value,
        None => members.push((Arc::from(key), value)),
    }
}

fn bag_pack(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let mut made = Members::new();
    for (index, pair) in args.chunks(2).enumerate() {
        if let [_, value] = pair {
            set(&mut made, &text(args, index * 2), value.clone().into_dynamic());
        }
    }
    Ok(Value::dynamic(Dynamic::Bag(made)))
}

fn bag_keys(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(members(args, 0).map_or(Value::Null, |members| strings(members.iter().map(|(name, _)| name))))
}

/// The leftmost value of a key counts. Arguments that are no bags add nothing; without any bag the result is null.
fn bag_merge(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let bags: Vec<_> = (0..args.len()).filter_map(|index| members(args, index)).collect();
    if bags.is_empty() {
        return Ok(Value::Null);
    }
    let mut made = Members::new();
    for (name, value) in bags.into_iter().flatten() {
        if !made.iter().any(|(known, _)| known == name) {
            made.push((Arc::clone(name), value.clone()));
        }
    }
    Ok(Value::dynamic(Dynamic::Bag(made)))
}

/// A path, or the name of a member of the bag itself.
fn key_path(key: &str) -> Vec<Step> {
    let path = if key.starts_with("$.") || key.starts_with("$[") { parse_path(key) } else { None };
    path.unwrap_or_else(|| vec![Step::Member(key.to_owned())])
}

fn follow<'d>(value: &'d Dynamic, path: &[Step]) -> Option<&'d Dynamic> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.member(name),
        Step::Element(index) => value.element(*index),
    })
}

fn bag_has_key(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(bag @ Dynamic::Bag(_)) = arg(args, 0).as_dynamic() else { return Ok(Value::Null) };
    Ok(Value::Bool(follow(bag, &key_path(&text(args, 1))).is_some()))
}

fn bag_remove_keys(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (Some(bag), Some(keys)) = (members(args, 0), items(args, 1)) else { return Ok(Value::Null) };
    let mut bag = bag.to_vec();
    for key in keys {
        if let Dynamic::String(key) = key {
            remove(&mut bag, &key_path(key));
        }
    }
    Ok(Value::dynamic(Dynamic::Bag(bag)))
}

fn remove(members: &mut Members, path: &[Step]) {
    match path {
        [Step::Member(name)] => members.retain(|(known, _)| &**known != name.as_str()),
        [Step::Member(name), rest @ ..] => {
            if let Some((_, Dynamic::Bag(inner))) =
                members.iter_mut().find(|(known, _)| &**known == name.as_str())
            {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}

fn bag_set_key(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(bag) = members(args, 0) else { return Ok(Value::Null) };
    let mut bag = bag.to_vec();
    let path = key_path(&text(args, 1));
    if !set_path(&mut bag, &path, arg(args, 2).clone().into_dynamic()) {
        return Err(call.not_evaluated("with a path through something that is no bag"));
    }
    Ok(Value::dynamic(Dynamic::Bag(bag)))
}

/// Bags on the way are made where there is nothing; false if something else is in the way.
fn set_path(members: &mut Members, path: &[Step], value: Dynamic) -> bool {
    match path {
        [Step::Member(name)] => {
            set(members, name, value);
            true
        }
        [Step::Member(name), rest @ ..] => {
            if !members.iter().any(|(known, _)| &**known == name.as_str()) {
                members.push((Arc::from(name.as_str()), Dynamic::Bag(Vec::new())));
            }
            match members.iter_mut().find(|(known, _)| &**known == name.as_str()) {
                Some((_, Dynamic::Bag(inner))) => set_path(inner, rest, value),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Keys that are no strings are left out, missing values are null, surplus values are ignored; values that are no array
/// are all missing.
fn bag_zip(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(keys) = items(args, 0) else { return Ok(Value::Null) };
    let values = items(args, 1).unwrap_or_default();
    let mut made = Members::new();
    for (at, key) in keys.iter().enumerate() {
        if let Dynamic::String(key) = key {
            set(&mut made, key, values.get(at).cloned().unwrap_or(Dynamic::Null));
        }
    }
    Ok(Value::dynamic(Dynamic::Bag(made)))
}

/// Paths in brackets. Of an array its first element stands for all: `['a'][0]`; where that is a scalar and a later one is
/// a bag, the members of the bag are listed too, as the page shows.
fn treepath(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(Dynamic::Bag(bag)) = arg(args, 0).as_dynamic() else { return Ok(Value::Null) };
    let mut paths: Vec<String> = Vec::new();
    for (name, value) in bag {
        leaves(value, &format!("['{name}']"), &mut paths);
    }
    Ok(array(paths.iter().map(|path| string(path))))
}

fn leaves(value: &Dynamic, path: &str, paths: &mut Vec<String>) {
    let mut add = |path: String| {
        if !paths.contains(&path) {
            paths.push(path);
        }
    };
    match value {
        Dynamic::Bag(members) => {
            for (name, value) in members {
                leaves(value, &format!("{path}['{name}']"), paths);
            }
        }
        Dynamic::Array(elements) => {
            add(path.to_owned());
            for element in elements {
                leaves(element, &format!("{path}[0]"), paths);
            }
        }
        _ => add(path.to_owned()),
    }
}

/// What is not there, or not JSON, is null, or an empty string where a string is asked for.
fn extract_json(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let written = text(args, 0);
    let Some(path) = parse_path(&written) else {
        return Err(call.not_evaluated(&format!("with the path `{written}`")));
    };
    let document = match arg(args, 1) {
        Value::Dynamic(value) => Some(Dynamic::clone(value)),
        other => other.as_str().and_then(json::parse),
    };
    let found = document.as_ref().and_then(|document| follow(document, &path)).cloned();
    let returns = if call.returns == ScalarType::Unknown { ScalarType::String } else { call.returns };
    Ok(match found {
        Some(found) => convert(&Value::dynamic(found), returns),
        None => Value::missing(returns),
    })
}
