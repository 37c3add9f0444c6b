//! The query string of a request as typed questions. It knows the documented types, not the parameters.

/// The decoded pairs of a query string, in the order sent.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a raw query string; `+` is a space and `%XX` a byte, as in a form.
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let raw = raw.unwrap_or_default();
        Self(form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    /// Every value of a repeated key.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a key.
    pub(crate) fn first(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// A whole number; the error is the key's name.
    pub(crate) fn number<'a>(&self, key: &'a str) -> Result<Option<usize>, &'a str> {
        self.first(key).map(|value| value.parse().map_err(|_| key)).transpose()
    }

    /// A boolean as the SDKs send it, lower case; the error is the key's name.
    pub(crate) fn flag<'a>(&self, key: &'a str) -> Result<Option<bool>, &'a str> {
        self.first(key).map(|value| value.parse().map_err(|_| key)).transpose()
    }
}
