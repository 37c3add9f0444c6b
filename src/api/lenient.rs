//! JSON fields that may be absent, null or of another type than the reference page says. One such field must not cost
//! a page, and so it is told apart instead of being an error. It knows no field by name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Field<T> {
    /// Left out, or null.
    #[default]
    Absent,
    /// As promised.
    Present(T),
    /// Of another JSON type.
    OtherShape,
}

/// A type that a JSON value of one kind can become; the other kinds are "another shape".
pub(super) trait FromJson<'de>: Sized {
    /// From a string.
    fn from_text(_: &str) -> Option<Self> {
        None
    }

    /// From a string that stands in the answer as it is.
    fn from_borrowed_text(text: &'de str) -> Option<Self> {
        Self::from_text(text)
    }

    /// From `true` or `false`.
    fn from_flag(_: bool) -> Option<Self> {
        None
    }

    /// From a whole number that is not negative.
    fn from_count(_: u64) -> Option<Self> {
        None
    }

    /// From an object, which is read to its end in any case.
    fn from_object<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// From an array, which is read to its end in any case.
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A text is borrowed from the answer unless an escape stands in it.
impl<'de: 'a, 'a> FromJson<'de> for Cow<'a, str> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Cow::Owned(text.to_owned()))
    }

    fn from_borrowed_text(text: &'de str) -> Option<Self> {
        Some(Cow::Borrowed(text))
    }
}

impl FromJson<'_> for bool {
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl FromJson<'_> for u64 {
    fn from_count(count: u64) -> Option<Self> {
        Some(count)
    }
}

/// A whole number, which the API writes as text in some fields and as a number in others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits(pub(super) u64);

impl FromJson<'_> for Digits {
    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Digits)
    }

    fn from_count(count: u64) -> Option<Self> {
        Some(Digits(count))
    }
}

/// Whether a text is there and not empty; the text itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given(pub(super) bool);

impl FromJson<'_> for Given {
    fn from_text(text: &str) -> Option<Self> {
        Some(Given(!text.is_empty()))
    }
}

/// A nested object of the reference page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> FromJson<'de> for Object<T> {
    fn from_object<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| Some(Object(value)))
    }
}

/// An array of the reference page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> FromJson<'de> for Array<T> {
    fn from_array<A: SeqAccess<'de>>(array: A) -> Result<Option<Self>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(array)).map(|values| Some(Array(values)))
    }
}

impl<'de, T: FromJson<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<T> From<Option<T>> for Field<T> {
    /// What an optional conversion says of the shape.
    fn from(converted: Option<T>) -> Self {
        converted.map_or(Field::OtherShape, Field::Present)
    }
}

impl<'de, T: FromJson<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::from_flag(flag).into())
    }

    fn visit_u64<E>(self, count: u64) -> Result<Self::Value, E> {
        Ok(T::from_count(count).into())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::OtherShape)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::OtherShape)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text).into())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(T::from_borrowed_text(text).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::from_object(map).map(Field::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        T::from_array(array).map(Field::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(bound(deserialize = "'de: 'a"))]
    struct Inner<'a> {
        #[serde(default)]
        id: Field<Cow<'a, str>>,
    }

    #[track_caller]
    fn check<T>(json: &'static str, expected: &Field<T>)
    where
        T: FromJson<'static> + PartialEq + fmt::Debug,
    {
        let field: Field<T> = serde_json::from_str(json).expect("valid JSON");
        assert_eq!(&field, expected, "{json}");
    }

    #[test]
    fn each_kind_reads_its_own_shape() {
        check(r#""a""#, &Field::Present(Cow::Borrowed("a")));
        check("true", &Field::Present(true));
        check("7", &Field::Present(7_u64));
        check(
            r#"{"id":"x"}"#,
            &Field::Present(Object(Inner {
                id: Field::Present("x".into()),
            })),
        );
        check("[1,2]", &Field::Present(Array(vec![1_u64, 2])));
    }

    #[test]
    fn null_is_absent_and_anything_else_is_another_shape() {
        check::<Cow<'_, str>>("null", &Field::Absent);
        for json in ["1", "-1", "1.5", "true", "[]", "[[{}]]", "{}", r#"{"a":{"b":[1]}}"#] {
            check::<Cow<'_, str>>(json, &Field::OtherShape);
        }
        for json in [r#""7""#, "-7", "7.5", "[7]", "false"] {
            check::<u64>(json, &Field::OtherShape);
        }
        check(r#""3072""#, &Field::Present(Digits(3_072)));
        check("90", &Field::Present(Digits(90)));
        check::<Digits>(r#""a lot""#, &Field::OtherShape);
        for json in [r#""true""#, "1", "{}"] {
            check::<bool>(json, &Field::OtherShape);
        }
        for json in ["[]", r#""a""#, "0"] {
            check::<Object<Inner<'_>>>(json, &Field::OtherShape);
        }
    }
}
