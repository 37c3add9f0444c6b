//! What text from outside becomes as a label value, and how it is escaped (`metrics.md`, "Labels").
//!
//! Control characters other than newline become U+FFFD; more than 1 024 bytes are cut at a character boundary and
//! end with an ellipsis and a short hash of the whole; then `\`, `"` and newline are escaped as text format 0.0.4 asks.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The longest label value, in bytes of UTF-8 before escaping.
const BYTES_MAXIMUM: usize = 1024;

/// How many bytes of SHA-256 tell two cut values apart: 48 bits, of which one user would need millions for a clash.
const HASH_BYTES: usize = 6;

const ELLIPSIS: char = '…';

/// Appends a describing value.
pub(super) fn push_description(out: &mut Vec<u8>, raw: &str) {
    if is_plain(raw) {
        return out.extend_from_slice(raw.as_bytes());
    }
    push_escaped(out, &shortened(Cow::Borrowed(&visible(raw)), raw));
}

/// Appends an identifying value: ids that differ stay different, even where what differs cannot be shown.
pub(super) fn push_identity(out: &mut Vec<u8>, raw: &str) {
    if is_plain(raw) {
        return out.extend_from_slice(raw.as_bytes());
    }
    let visible = visible(raw);
    let told_apart = match &visible {
        Cow::Borrowed(_) => Cow::Borrowed(&*visible),
        Cow::Owned(replaced) => Cow::Owned(format!("{replaced}{ELLIPSIS}{}", short_hash(raw))),
    };
    push_escaped(out, &shortened(told_apart, raw));
}

/// Whether a value stands for itself: nearly all do, and looking at bytes costs a tenth of looking at characters.
fn is_plain(raw: &str) -> bool {
    let is_odd =
        |byte: u8| u8::from(!byte.is_ascii_graphic() && byte != b' ') | u8::from(byte == b'"' || byte == b'\\');
    // Without an early end, the compiler looks at many bytes at once.
    raw.len() <= BYTES_MAXIMUM && raw.bytes().fold(0, |odd, byte| odd | is_odd(byte)) == 0
}

fn visible(raw: &str) -> Cow<'_, str> {
    let is_hidden = |character: char| character.is_control() && character != '\n';
    if raw.contains(is_hidden) {
        Cow::Owned(raw.replace(is_hidden, "\u{FFFD}"))
    } else {
        Cow::Borrowed(raw)
    }
}

fn shortened<'a>(shown: Cow<'a, str>, raw: &str) -> Cow<'a, str> {
    if shown.len() <= BYTES_MAXIMUM {
        return shown;
    }
    let kept = shown.floor_char_boundary(BYTES_MAXIMUM - ELLIPSIS.len_utf8() - 2 * HASH_BYTES);
    Cow::Owned(format!("{}{ELLIPSIS}{}", &shown[..kept], short_hash(raw)))
}

fn short_hash(raw: &str) -> String {
    Sha256::digest(raw.as_bytes())
        .iter()
        .take(HASH_BYTES)
        .fold(String::new(), |mut digits, byte| {
            // Writing into a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

fn push_escaped(out: &mut Vec<u8>, value: &str) {
    for part in value.split_inclusive(['\\', '"', '\n']) {
        let (plain, escape): (&str, &[u8]) = match part.as_bytes().last() {
            Some(b'\\') => (&part[..part.len() - 1], br"\\"),
            Some(b'"') => (&part[..part.len() - 1], br#"\""#),
            Some(b'\n') => (&part[..part.len() - 1], br"\n"),
            _ => (part, b""),
        };
        out.extend_from_slice(plain.as_bytes());
        out.extend_from_slice(escape);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn described(raw: &str) -> String {
        let mut out = Vec::new();
        push_description(&mut out, raw);
        String::from_utf8(out).expect("UTF-8 in, UTF-8 out")
    }

    fn identified(raw: &str) -> String {
        let mut out = Vec::new();
        push_identity(&mut out, raw);
        String::from_utf8(out).expect("UTF-8 in, UTF-8 out")
    }

    /// The text format's own rules, read the other way, character by character.
    fn unescaped(escaped: &str) -> String {
        let mut characters = escaped.chars();
        let mut plain = String::new();
        while let Some(character) = characters.next() {
            plain.push(match character {
                '\\' => match characters.next() {
                    Some('n') => '\n',
                    Some(other) => other,
                    None => panic!("a lone backslash at the end"),
                },
                '"' | '\n' => panic!("{character:?} stands unescaped"),
                other => other,
            });
        }
        plain
    }

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        assert_eq!(described(raw), expected);
    }

    #[test]
    fn quotes_backslashes_and_newlines_are_escaped() {
        check(r#"a"b\c"#, r#"a\"b\\c"#);
        check("two\nlines", r"two\nlines");
        check("", "");
        check("财务-电脑 🖥", "财务-电脑 🖥");
    }

    #[test]
    fn other_control_characters_are_replaced() {
        check(
            "tab\tbell\u{7}nul\0del\u{7f}c1\u{85}",
            "tab\u{FFFD}bell\u{FFFD}nul\u{FFFD}del\u{FFFD}c1\u{FFFD}",
        );
    }

    #[test]
    fn long_values_are_cut_at_a_character_and_told_apart_by_a_hash() {
        let (left, right) = (
            format!("{}left", "名".repeat(1_000)),
            format!("{}right", "名".repeat(1_000)),
        );
        assert_ne!(described(&left), described(&right));
        assert_eq!(described(&left), described(&left));
        assert!(described(&left).starts_with(&"名".repeat(336)));
        assert_eq!(described(&"x".repeat(1_024)), "x".repeat(1_024));
        assert_eq!(described(&"x".repeat(1_025)).len(), 1_024);
    }

    #[test]
    fn ids_that_differ_only_where_nothing_can_be_shown_stay_apart() {
        assert_ne!(identified("a\u{1}"), identified("a\u{2}"));
        assert_eq!(identified("plain-id"), "plain-id");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_itself_or_as_the_contract_says(raw in any::<String>()) {
            let shown = unescaped(&described(&raw));
            prop_assert!(shown.len() <= BYTES_MAXIMUM);
            let is_plain = raw.len() <= BYTES_MAXIMUM && !raw.contains(|c: char| c.is_control() && c != '\n');
            prop_assert_eq!(is_plain, shown == raw);
        }
    }
}
