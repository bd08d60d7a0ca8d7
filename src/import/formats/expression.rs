//! Expressions of ARM templates: `[concat(parameters('workspace'), '/x')]`. Simple ones are worked out; the rest is `None`.

use serde_json::{Map, Value};

/// Deepest nesting of calls, and of parameters whose values are expressions themselves.
const DEEPEST: usize = 16;

/// What a template says about names.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Parameter to value: what was passed, or the default.
    pub(super) parameters: Map<String, Value>,
    /// Variable to value.
    pub(super) variables: Map<String, Value>,
}

impl Scope {
    /// The scope of a template, with what a deployment passed to it already worked out.
    pub(super) fn new(head: &Map<String, Value>, passed: &Map<String, Value>) -> Self {
        let members = |name: &str| head.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut parameters = passed.clone();
        for (name, declared) in members("parameters") {
            if let Some(value) = declared.get("defaultValue").filter(|_| !parameters.contains_key(&name)) {
                parameters.insert(name, value.clone());
            }
        }
        Self { parameters, variables: members("variables") }
    }

    /// The value with every expression in it worked out; those that cannot be are reported by their path and stay.
    pub(super) fn resolve(&self, value: Value, path: &str, open: &mut Vec<(String, String)>) -> Value {
        match value {
            Value::String(text) => match self.text(&text, 0) {
                Some(value) => value,
                None => {
                    open.push((path.to_owned(), text.clone()));
                    text.into()
                }
            },
            Value::Array(items) => {
                let item = |(index, item)| self.resolve(item, &format!("{path}[{index}]"), open);
                Value::Array(items.into_iter().enumerate().map(item).collect())
            }
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    let value = self.resolve(value, &path, open);
                    (name, value)
                })
                .collect::<Map<_, _>>()
                .into(),
            value => value,
        }
    }

    /// A text's value: itself, unless it is an expression. `None` for an expression that cannot be worked out.
    pub(super) fn text(&self, text: &str, depth: usize) -> Option<Value> {
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Some(text.into());
        };
        // Two brackets are one bracket of the text.
        if inner.starts_with('[') {
            return Some(text.get(1..)?.into());
        }
        let mut reader = Reader { scope: self, rest: inner, depth };
        let value = reader.value()?;
        reader.rest.trim().is_empty().then_some(value)
    }
}

struct Reader<'s> {
    scope: &'s Scope,
    rest: &'s str,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        self.rest = self.rest.trim_start();
        let value = if self.rest.starts_with('\'') {
            Value::String(self.string()?)
        } else if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            Value::from(number.parse::<i64>().ok()?)
        } else {
            self.call()?
        };
        self.members(value)
    }

    /// `.name` and `['name']` behind a value.
    fn members(&mut self, mut value: Value) -> Option<Value> {
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                let (name, rest) = rest.split_at_checked(end)?;
                value = value.get(name)?.clone();
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                value = match self.value()? {
                    Value::String(name) => value.get(name)?.clone(),
                    Value::Number(index) => value.get(usize::try_from(index.as_u64()?).ok()?)?.clone(),
                    _ => return None,
                };
                self.rest = self.rest.trim_start().strip_prefix(']')?;
            } else {
                return Some(value);
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix('\'')?;
        loop {
            let (part, after) = rest.split_once('\'')?;
            text.push_str(part);
            match after.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => {
                    self.rest = after;
                    return Some(text);
                }
            }
        }
    }

    fn call(&mut self) -> Option<Value> {
        if self.depth > DEEPEST {
            return None;
        }
        let (name, rest) = self.rest.split_once('(')?;
        let name = name.trim().to_ascii_lowercase();
        self.rest = rest;
        self.depth += 1;
        let mut arguments = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(')') {
                self.rest = rest;
                break;
            }
            arguments.push(self.value()?);
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else if !self.rest.starts_with(')') {
                return None;
            }
        }
        let value = self.apply(&name, &arguments);
        self.depth -= 1;
        value
    }

    fn apply(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        let text = |index: usize| arguments.get(index).and_then(plain);
        match name {
            "parameters" => self.named(&self.scope.parameters, &text(0)?),
            "variables" => self.named(&self.scope.variables, &text(0)?),
            "concat" if arguments.iter().any(Value::is_array) => {
                let items =
                    arguments.iter().map(|value| value.as_array().cloned()).collect::<Option<Vec<_>>>()?;
                Some(items.concat().into())
            }
            "concat" => Some(arguments.iter().map(plain).collect::<Option<String>>()?.into()),
            "format" => {
                let mut formatted = text(0)?;
                for index in 1..arguments.len() {
                    formatted = formatted.replace(&format!("{{{}}}", index - 1), &text(index)?);
                }
                (!formatted.contains("{0}")).then(|| formatted.into())
            }
            "string" => Some(text(0)?.into()),
            "tolower" => Some(text(0)?.to_lowercase().into()),
            "toupper" => Some(text(0)?.to_uppercase().into()),
            "trim" => Some(text(0)?.trim().into()),
            "replace" => Some(text(0)?.replace(&text(1)?, &text(2)?).into()),
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            "null" => Some(Value::Null),
            "bool" => Some(text(0)?.eq_ignore_ascii_case("true").into()),
            "int" => Some(text(0)?.parse::<i64>().ok()?.into()),
            "createarray" => Some(arguments.to_vec().into()),
            _ => None,
        }
    }

    /// A parameter or variable; its value may be an expression again.
    fn named(&self, table: &Map<String, Value>, name: &str) -> Option<Value> {
        let is_meant = |known: &&String| known.eq_ignore_ascii_case(name);
        let value = table.get(table.keys().find(is_meant)?)?;
        match value {
            Value::String(text) if self.depth <= DEEPEST => self.scope.text(text, self.depth + 1),
            Value::String(_) => None,
            value => Some(value.clone()),
        }
    }
}

/// A value inside a longer text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(if *value { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn simple_expressions_are_worked_out_and_others_are_not() {
        let head = json!({
            "parameters": {"workspace": {"type": "string", "defaultValue": "law"}, "loop": {"defaultValue": "[parameters('loop')]"}, "none": {"type": "string"}},
            "variables": {"id": "[concat(parameters('Workspace'), '-1')]", "rule": {"ids": ["a", "b"]}, "n": 5},
        });
        let scope = Scope::new(head.as_object().unwrap(), &Map::new());
        for (text, value) in [
            ("plain", Some(json!("plain"))),
            ("[[not one]", Some(json!("[not one]"))),
            (
                "[concat(parameters('workspace'),'/Microsoft.SecurityInsights/x')]",
                Some(json!("law/Microsoft.SecurityInsights/x")),
            ),
            ("[ variables( 'id' ) ]", Some(json!("law-1"))),
            ("[format('{0}/{1}', variables('id'), 'it''s')]", Some(json!("law-1/it's"))),
            ("[variables('rule').ids[1]]", Some(json!("b"))),
            ("[variables('rule')['ids']]", Some(json!(["a", "b"]))),
            ("[toUpper(concat('a', variables('n')))]", Some(json!("A5"))),
            ("[bool('true')]", Some(json!(true))),
            ("[parameters('none')]", None),
            ("[parameters('loop')]", None),
            ("[guid(resourceGroup().id)]", None),
            ("[concat('a']", None),
            ("[concat('a') 'b']", None),
        ] {
            assert_eq!(scope.text(text, 0), value, "{text}");
        }
        let deep = format!("[{}'a'{}]", "concat(".repeat(500), ")".repeat(500));
        assert_eq!(scope.text(&deep, 0), None);
    }
}
