//! Names as numbers: a column name is compared thousands of times while a query is bound.
//!
//! Three layers share one number line: the names of the built-in schemas, those of an environment's own tables, and
//! those that only this query uses. A name keeps its number as long as its layer lives.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::Schema;

/// A name; compare only names of one [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) u32);

/// The names seen while one query is bound.
pub(crate) struct Names<'s> {
    schema: &'s Schema,
    first_own: u32,
    own: Vec<Rc<str>>,
    by_text: FastMap<Rc<str>, u32>,
}

impl<'s> Names<'s> {
    pub(crate) fn new(schema: &'s Schema) -> Self {
        Names { schema, first_own: schema.name_count(), own: Vec::new(), by_text: FastMap::default() }
    }

    /// The number of `text`, given now if it had none.
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.schema.name_id(text) {
            return name;
        }
        if let Some(&id) = self.by_text.get(text) {
            return Name(id);
        }
        let id = self.first_own.saturating_add(u32::try_from(self.own.len()).unwrap_or(u32::MAX));
        let text: Rc<str> = text.into();
        self.own.push(Rc::clone(&text));
        self.by_text.insert(text, id);
        Name(id)
    }

    pub(crate) fn text(&self, name: Name) -> &str {
        match name.0.checked_sub(self.first_own) {
            Some(own) => self.own.get(own as usize).map_or("", |text| text),
            None => self.schema.name_text(name),
        }
    }

    /// The names that only this query uses, in the order of their numbers.
    pub(crate) fn own_names(&self) -> Vec<(Name, Box<str>)> {
        (self.first_own..).zip(&self.own).map(|(id, text)| (Name(id), text.as_ref().into())).collect()
    }
}

/// A hash map for short keys that come from the query itself: speed matters, and the number of keys is bounded by it.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// A set of such keys.
pub(crate) type FastSet<K> = std::collections::HashSet<K, BuildHasherDefault<FastHasher>>;

/// Multiply-and-rotate over eight bytes at a time.
#[derive(Default, Clone, Copy)]
pub(crate) struct FastHasher(u64);

impl FastHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.add(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.add(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn finish(&self) -> u64 {
        // The high bits are the mixed ones, and the map takes the low ones for its buckets.
        self.0 ^ (self.0 >> 32)
    }
}
