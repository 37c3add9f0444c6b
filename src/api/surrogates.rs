//! JSON text can name halves of a UTF-16 pair (`\ud800`) that are no characters: RFC 8259, section 8.2. A desktop whose
//! name holds one must not cost the whole page, so a page that does not parse gets a second look without them.

/// Replaces the escapes of lone surrogates by that of U+FFFD; `None` if there is none.
pub(super) fn without_lone_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    let mut repaired = json.to_vec();
    let mut is_changed = false;
    let mut position = 0;
    while position < json.len() {
        if json[position] != b'\\' {
            position += 1;
            continue;
        }
        match (escaped_unit(json, position), escaped_unit(json, position + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => position += 12,
            (Some(0xD800..=0xDFFF), _) => {
                repaired[position + 2..position + 6].copy_from_slice(b"fffd");
                is_changed = true;
                position += 6;
            }
            // Another escape, a backslash of a backslash among them.
            _ => position += 2,
        }
    }
    is_changed.then_some(repaired)
}

/// The UTF-16 unit of a `\uXXXX` at this position.
fn escaped_unit(json: &[u8], position: usize) -> Option<u16> {
    let escape = json.get(position..position + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        let repaired = without_lone_surrogates(json.as_bytes());
        assert_eq!(repaired.as_deref(), expected.map(str::as_bytes), "{json}");
    }

    #[test]
    fn halves_without_their_other_half_are_replaced() {
        check(r#""\ud800""#, Some(r#""\ufffd""#));
        check(r#""\uDFFFx""#, Some(r#""\ufffdx""#));
        check(r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#));
        check(r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#));
    }

    #[test]
    fn whole_pairs_and_escaped_backslashes_are_left_alone() {
        check(r#""\ud83d\ude00""#, None);
        check(r#""\\ud800""#, None);
        check(r#""é \n \u00e9 \"""#, None);
        check(r#""\ud8"#, None);
    }

    proptest! {
        #[test]
        fn any_row_of_units_parses_after_repair(units in proptest::collection::vec(0xD700_u16..0xE100, 0..8)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
            let json = format!("\"{escapes}\"");
            let repaired = without_lone_surrogates(json.as_bytes()).unwrap_or(json.into_bytes());
            let text: String = serde_json::from_slice(&repaired).expect("a JSON string");
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }
    }
}
