//! Takes the fields of an answer apart: what is there becomes meaning, what is not understood is counted. It knows no field
//! by name.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::lenient::{Array, Field, Object};
use crate::inventory::{Losses, State, Text, Word};

/// Takes fields apart and keeps count of what it could not understand.
#[derive(Default)]
pub(super) struct FieldReader {
    pub(super) losses: Losses,
}

impl FieldReader {
    pub(super) fn read<T>(&mut self, field: Field<T>, name: &'static str) -> Option<T> {
        match field {
            Field::Present(value) => Some(value),
            Field::Absent => None,
            Field::OtherShape => {
                self.found_other_shape(name);
                None
            }
        }
    }

    /// A text that is kept longer than the answer.
    pub(super) fn text(&mut self, field: Field<Cow<'_, str>>, name: &'static str) -> Text {
        self.read(field, name).map(Into::into)
    }

    pub(super) fn found_other_shape(&mut self, name: &'static str) {
        *self.losses.other_shapes.entry(name).or_default() += 1;
    }

    /// A nested object; an absent one has only absent fields.
    pub(super) fn object<T: Default>(&mut self, field: Field<Object<T>>, name: &'static str) -> T {
        self.read(field, name).map_or_else(T::default, |Object(value)| value)
    }

    pub(super) fn state<W: Word>(&mut self, field: Field<Cow<'_, str>>, name: &'static str) -> Option<State<W>> {
        let raw = self.read(field, name)?;
        let state = State::parse(&raw);
        if state == State::Unknown {
            *self.losses.unknown_words.entry((name, raw.into())).or_default() += 1;
        }
        Some(state)
    }

    /// The objects of an array; an absent one has none.
    pub(super) fn objects<T>(&mut self, field: Field<Array<Field<Object<T>>>>, name: &'static str) -> Vec<T> {
        let Some(Array(items)) = self.read(field, name) else {
            return Vec::new();
        };
        let items = items.into_iter().filter_map(|item| self.read(item, name));
        items.map(|Object(item)| item).collect()
    }

    /// A moment in either of the list's two spellings, both UTC (`api/facts.md`, section 1.3); text that is none counts
    /// as another shape.
    pub(super) fn moment(&mut self, field: Field<Cow<'_, str>>, name: &'static str) -> Option<Timestamp> {
        let text = self.read(field, name)?;
        let with_zone = text.parse::<Timestamp>();
        let in_utc = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
        let moment = with_zone.ok().or_else(in_utc);
        if moment.is_none() && !text.is_empty() {
            self.found_other_shape(name);
        }
        moment
    }

    /// A number that is another when the texts are others.
    pub(super) fn mark(&mut self, field: Field<Array<Field<Cow<'_, str>>>>, name: &'static str) -> u64 {
        let Some(Array(texts)) = self.read(field, name) else {
            return 0;
        };
        let mut hasher = DefaultHasher::new();
        for text in texts {
            self.read(text, name).hash(&mut hasher);
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> (Option<String>, usize) {
        let mut reader = FieldReader::default();
        let moment = reader.moment(Field::Present(text.into()), "created");
        (
            moment.map(|moment| moment.to_string()),
            reader.losses.other_shapes.len(),
        )
    }

    #[test]
    fn moments_have_two_spellings_and_anything_else_is_counted() {
        let expected = Some("2022-01-21T06:57:47Z".to_owned());
        assert_eq!(moment("2022-01-21T06:57:47.000Z"), (expected.clone(), 0));
        assert_eq!(moment("2022-01-21 06:57:47"), (expected, 0));
        assert_eq!(moment("last Friday"), (None, 1));
        assert_eq!(moment(""), (None, 0));
    }

    #[test]
    fn a_mark_changes_with_its_texts() {
        let mark = |texts: &[&str]| {
            let fields = texts.iter().map(|text| Field::Present((*text).into())).collect();
            FieldReader::default().mark(Field::Present(Array(fields)), "ip_addresses")
        };
        assert_eq!(mark(&["10.0.0.1"]), mark(&["10.0.0.1"]));
        assert_ne!(mark(&["10.0.0.1"]), mark(&["10.0.0.2"]));
        assert_ne!(mark(&["10.0.0.1"]), mark(&[]));
    }
}
