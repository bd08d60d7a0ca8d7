//! Byte offsets as UTF-16 units: how editors, JavaScript and .NET — and with them Microsoft's own tools — count.

use super::span::Span;

/// A converter for one text. Made in one pass; each question takes logarithmic time.
#[derive(Clone, Debug)]
pub struct Utf16 {
    /// After each character that is not ASCII: its end in bytes and in units.
    marks: Vec<(u32, u32)>,
}

impl Utf16 {
    /// Reads `text` once.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut marks = Vec::new();
        if !text.is_ascii() {
            let mut units = 0_u32;
            for (at, c) in text.char_indices() {
                units = units.saturating_add(if c.len_utf16() == 2 { 2 } else { 1 });
                if !c.is_ascii() {
                    marks.push((u32::try_from(at + c.len_utf8()).unwrap_or(u32::MAX), units));
                }
            }
        }
        Self { marks }
    }

    /// How many units stand before a byte offset on a character boundary.
    #[must_use]
    pub fn offset(&self, byte: u32) -> u32 {
        let before = self.marks.partition_point(|(end, _)| *end <= byte);
        let mark = before.checked_sub(1).and_then(|index| self.marks.get(index));
        mark.map_or(byte, |(end, units)| units + (byte - end))
    }

    /// Start and length in units.
    #[must_use]
    pub fn range(&self, span: Span) -> (u32, u32) {
        let start = self.offset(span.start);
        (start, self.offset(span.end).saturating_sub(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_javascript_does() {
        let text = "aä→😀b";
        let utf16 = Utf16::new(text);
        for (byte, units) in [(0, 0), (1, 1), (3, 2), (6, 3), (10, 5), (11, 6)] {
            assert_eq!(utf16.offset(byte), units, "at byte {byte}");
            assert_eq!(text[..byte as usize].encode_utf16().count(), units as usize);
        }
        assert_eq!(utf16.range(Span::new(6, 10)), (3, 2));
        assert_eq!(Utf16::new("plain").range(Span::new(1, 3)), (1, 2));
    }
}
