//! Characters that cannot be seen, or that change how their neighbours are shown.
//!
//! One table for everybody: the decoder refuses them in names and values, the renderers make them visible. Facts: Unicode
//! general category Cc, the bidirectional formatting characters of UAX #9, the line separators.

/// Whether `c` is a control character (tab and line breaks included) or a line separator.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether `c` changes the direction of the text around it.
#[must_use]
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `c` takes no room at all, though it is neither of the above. Joiners are left out: scripts and emoji need them.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// `U+202E`, as Unicode writes it.
#[must_use]
pub fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}
