//! `parse_xml`: XML to a property bag.
//!
//! The table of the page is the rule: an element without anything is null, one with only text is that text, attributes
//! become `@name`, text beside other things `#text`, several elements of one name an array. Comments, declarations and
//! processing instructions are skipped, white space around text too. Text that is a plain number becomes a number, as the
//! page's example shows, if it is spelled as that number is written; attributes stay text. Entities are the five of XML
//! and numbered characters: nothing is ever defined or fetched.

use std::sync::Arc;

use super::argument::{arg, string};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value, json};

pub(super) const FUNCTIONS: &[Function] = &[function("parse_xml", parse_xml)];

/// "Maximal input string length for parse_xml is 1 MB": longer ones are null.
const LONGEST: usize = 1 << 20;

/// Elements may be nested this deep.
const DEEPEST: usize = 128;

fn parse_xml(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let parsed = arg(args, 0).as_str().filter(|text| text.len() <= LONGEST).and_then(document);
    Ok(parsed.map_or(Value::Null, Value::dynamic))
}

/// A document with its one element; `None` if it is not well-formed.
fn document(text: &str) -> Option<Dynamic> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}').trim() };
    reader.skip_misc()?;
    let (name, value) = reader.element(0)?;
    reader.skip_misc()?;
    reader.rest.is_empty().then(|| Dynamic::Bag(vec![(Arc::from(name), value)]))
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn eat(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Everything up to `end`, which is taken too.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(taken)
    }

    /// A comment, an instruction or a declaration, if one stands here.
    fn skip_markup(&mut self) -> Option<bool> {
        if self.eat("<!--") {
            self.until("-->")?;
        } else if self.eat("<?") {
            self.until("?>")?;
        } else if self.rest.starts_with("<!DOCTYPE") {
            // One with definitions inside is refused: nothing may be defined.
            if self.until(">")?.contains('[') {
                return None;
            }
        } else {
            return Some(false);
        }
        Some(true)
    }

    fn skip_misc(&mut self) -> Option<()> {
        self.skip_space();
        while self.skip_markup()? {
            self.skip_space();
        }
        Some(())
    }

    fn name(&mut self) -> Option<&'a str> {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '/' | '=' | '"' | '\'' | '&');
        let end = self.rest.find(is_end)?;
        let (name, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let first = name.chars().next()?;
        (first.is_alphabetic() || first == '_' || first == ':').then_some(name)
    }

    /// An element's name and value.
    fn element(&mut self, depth: usize) -> Option<(&'a str, Dynamic)> {
        if depth > DEEPEST || !self.eat("<") {
            return None;
        }
        let name = self.name()?;
        let mut content = Content::default();
        loop {
            let before = self.rest.len();
            self.skip_space();
            if self.eat("/>") {
                return Some((name, content.value()));
            }
            if self.eat(">") {
                break;
            }
            if self.rest.len() == before {
                return None;
            }
            let attribute = self.name()?;
            self.skip_space();
            self.eat("=").then_some(())?;
            self.skip_space();
            let quote = if self.eat("\"") {
                "\""
            } else if self.eat("'") {
                "'"
            } else {
                return None;
            };
            let value = unescaped(self.until(quote)?)?;
            content.add(&format!("@{attribute}"), string(&value));
        }
        self.content(name, depth, &mut content)?;
        Some((name, content.value()))
    }

    /// What stands between the tags of an element.
    fn content(&mut self, name: &str, depth: usize, content: &mut Content) -> Option<()> {
        loop {
            let end = self.rest.find('<')?;
            let (text, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            content.text(&unescaped(text)?);
            if self.eat("</") {
                let closed = self.name()?;
                self.skip_space();
                return (self.eat(">") && closed == name).then_some(());
            }
            if self.eat("<![CDATA[") {
                let text = self.until("]]>")?;
                content.text(text);
            } else if !self.skip_markup()? {
                let (name, value) = self.element(depth + 1)?;
                content.add(name, value);
            }
        }
    }
}

/// What was found in an element, in order.
#[derive(Default)]
struct Content {
    members: Vec<(Arc<str>, Found)>,
}

/// The values of one name; one that came alone is no array.
enum Found {
    One(Dynamic),
    Several(Vec<Dynamic>),
}

impl Content {
    fn add(&mut self, name: &str, value: Dynamic) {
        match self.members.iter_mut().find(|(known, _)| &**known == name) {
            Some((_, Found::Several(values))) => values.push(value),
            Some((_, found @ Found::One(_))) => {
                let Found::One(one) = std::mem::replace(found, Found::Several(Vec::new())) else { return };
                *found = Found::Several(vec![one, value]);
            }
            None => self.members.push((Arc::from(name), Found::One(value))),
        }
    }

    fn text(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.add("#text", number_or_text(text));
        }
    }

    fn value(self) -> Dynamic {
        let mut members = self.members;
        match members.as_slice() {
            [] => return Dynamic::Null,
            [(name, Found::One(_))] if &**name == "#text" => {
                return match members.pop() {
                    Some((_, Found::One(text))) => text,
                    _ => Dynamic::Null,
                };
            }
            _ => {}
        }
        let unpack = |found| match found {
            Found::One(value) => value,
            Found::Several(values) => Dynamic::Array(values),
        };
        Dynamic::Bag(members.into_iter().map(|(name, found)| (name, unpack(found))).collect())
    }
}

fn number_or_text(text: &str) -> Dynamic {
    match json::parse(text) {
        Some(number @ (Dynamic::Long(_) | Dynamic::Real(_))) if json::write(&number) == text => number,
        _ => string(text),
    }
}

/// Text with its entities replaced; `None` for an entity that XML does not have.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';')?;
        out.push_str(before);
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_bags() {
        // The table of the page, then the shapes of Windows events.
        for (xml, expected) in [
            ("<e/>", r#"{"e":null}"#),
            ("<e>text</e>", r#"{"e":"text"}"#),
            (r#"<e name="value" />"#, r#"{"e":{"@name":"value"}}"#),
            (r#"<e name="value">text</e>"#, r##"{"e":{"@name":"value","#text":"text"}}"##),
            ("<e> <a>text</a> <b>text</b> </e>", r#"{"e":{"a":"text","b":"text"}}"#),
            ("<e> <a>text</a> <a>text</a> </e>", r#"{"e":{"a":["text","text"]}}"#),
            ("<e> text <a>text</a> </e>", r##"{"e":{"#text":"text","a":"text"}}"##),
            (
                "<?xml version=\"1.0\"?>\n<duration><value>118.0</value><count>5</count></duration>",
                r#"{"duration":{"value":118.0,"count":5}}"#,
            ),
            (
                r#"<D><Data Name="A">0x3e7</Data><!-- c --><Data Name="B">007</Data><Data Name="C"/></D>"#,
                r##"{"D":{"Data":[{"@Name":"A","#text":"0x3e7"},{"@Name":"B","#text":"007"},{"@Name":"C"}]}}"##,
            ),
            (r"<a>&lt;&#65;&#x42;&amp;<![CDATA[<x>]]></a>", r##"{"a":{"#text":["<AB&","<x>"]}}"##),
            (r#"<n:a xmlns:n="u"><n:b/></n:a>"#, r#"{"n:a":{"@xmlns:n":"u","n:b":null}}"#),
        ] {
            assert_eq!(document(xml).map(|value| json::write(&value)).as_deref(), Some(expected), "{xml}");
        }
        for xml in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a><b></a></b>",
            "<a x=1/>",
            "<a>&unknown;</a>",
            "<a/><b/>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a/>",
            "<1/>",
            "<a b=\"c\"d=\"e\"/>",
        ] {
            assert_eq!(document(xml), None, "{xml}");
        }
        let deep = "<a>".repeat(5_000) + &"</a>".repeat(5_000);
        assert_eq!(document(&deep), None);
    }
}
