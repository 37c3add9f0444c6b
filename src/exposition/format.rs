//! The formats that a reader can be given, and which of them it asked for. Pure: from two header values to a choice.

/// How rows and headers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Prometheus text, 0.0.4 and 1.0.0: for names like ours they are the same.
    Classic,
    /// `OpenMetrics`, 0.0.1 and 1.0.0: for what we write they are the same.
    OpenMetrics,
}

/// A format with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Text004,
    Text100,
    OpenMetrics001,
    OpenMetrics100,
}

/// What is answered: a format, and how names beyond the classic alphabet would be escaped, if the reader cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    version: Version,
    escaping: Option<&'static str>,
}

/// The escaping schemes that a reader can name. Our names need none, so each is kept to.
const ESCAPINGS: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];

/// What is said where a version has the parameter and the reader named none.
const ESCAPING_DEFAULT: &str = "underscores";

impl Format {
    /// Follows the q-values of an Accept header (RFC 9110, section 12.5.1); of equal ones, the first. A reader that
    /// accepts nothing of ours, or says nothing, gets text 0.0.4.
    #[must_use]
    pub fn negotiate(accept: &str) -> Self {
        let ranges: Vec<Range> = accept.split(',').filter_map(Range::parse).collect();
        let is_refused = |version| {
            let mut exact = ranges.iter().filter(|range| !range.is_wildcard);
            exact.any(|range| range.format.version == version && range.quality <= 0.0)
        };
        let mut chosen: Option<&Range> = None;
        for range in &ranges {
            let is_better = chosen.is_none_or(|chosen| range.quality > chosen.quality);
            if range.quality > 0.0 && is_better && !is_refused(range.format.version) {
                chosen = Some(range);
            }
        }
        chosen.map_or(Self::default(), |range| range.format)
    }

    /// How its rows are written.
    #[must_use]
    pub fn syntax(self) -> Syntax {
        match self.version {
            Version::Text004 | Version::Text100 => Syntax::Classic,
            Version::OpenMetrics001 | Version::OpenMetrics100 => Syntax::OpenMetrics,
        }
    }

    /// The Content-Type.
    #[must_use]
    pub fn content_type(self) -> String {
        let (name, has_escaping) = match self.version {
            Version::Text004 => ("text/plain; version=0.0.4", false),
            Version::Text100 => ("text/plain; version=1.0.0", true),
            Version::OpenMetrics001 => ("application/openmetrics-text; version=0.0.1", false),
            Version::OpenMetrics100 => ("application/openmetrics-text; version=1.0.0", true),
        };
        match self.escaping.or(has_escaping.then_some(ESCAPING_DEFAULT)) {
            Some(escaping) => format!("{name}; charset=utf-8; escaping={escaping}"),
            None => format!("{name}; charset=utf-8"),
        }
    }
}

impl Default for Format {
    fn default() -> Self {
        Self {
            version: Version::Text004,
            escaping: None,
        }
    }
}

/// One media range of an Accept header that can be served.
#[derive(Debug)]
struct Range {
    format: Format,
    is_wildcard: bool,
    quality: f64,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let (mut version, mut escaping, mut quality) = (None, None, 1.0);
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => quality = quality_of(value)?,
                "version" => version = Some(value),
                "escaping" => escaping = ESCAPINGS.into_iter().find(|known| known.eq_ignore_ascii_case(value)),
                _ => {}
            }
        }
        let version = match (name.as_str(), version) {
            ("*/*" | "text/*", _) | ("text/plain", None | Some("0.0.4")) => Version::Text004,
            ("text/plain", Some("1.0.0")) => Version::Text100,
            ("application/openmetrics-text", None | Some("0.0.1")) => Version::OpenMetrics001,
            ("application/*", _) | ("application/openmetrics-text", Some("1.0.0")) => Version::OpenMetrics100,
            _ => return None,
        };
        Some(Self {
            format: Format { version, escaping },
            is_wildcard: name.contains('*'),
            quality,
        })
    }
}

/// A q-value; `None` for one that is none, with which its range counts as not said.
fn quality_of(text: &str) -> Option<f64> {
    text.parse().ok().filter(|quality| (0.0..=1.0).contains(quality))
}

/// How the bytes of an answer are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// Follows the q-values of an Accept-Encoding header (RFC 9110, section 12.5.3). Of equal ones gzip comes first: it is
    /// what Prometheus asks for, so that it is there already. A reader that accepts nothing of ours gets the bytes as they
    /// are.
    #[must_use]
    pub fn negotiate(accept_encoding: &str) -> Self {
        let codings: Vec<(String, f64)> = accept_encoding.split(',').filter_map(coding_of).collect();
        let said = |names: &[&str]| {
            let mut codings = codings.iter();
            codings
                .find(|(name, _)| names.contains(&name.as_str()))
                .map(|(_, quality)| *quality)
        };
        let any = said(&["*"]);
        let gzip = said(&["gzip", "x-gzip"]).or(any).unwrap_or(0.0);
        let zstd = said(&["zstd"]).or(any).unwrap_or(0.0);
        let identity = said(&["identity"]).unwrap_or(0.0);
        if gzip > 0.0 && gzip >= zstd && gzip >= identity {
            Coding::Gzip
        } else if zstd > 0.0 && zstd >= identity {
            Coding::Zstd
        } else {
            Coding::Identity
        }
    }

    /// The Content-Encoding; `None` where none is said.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Zstd => Some("zstd"),
        }
    }
}

fn coding_of(text: &str) -> Option<(String, f64)> {
    let (name, parameter) = text.split_once(';').unwrap_or((text, ""));
    let quality = match parameter.trim().split_once('=') {
        Some((_, value)) => quality_of(value.trim())?,
        None => 1.0,
    };
    Some((name.trim().to_ascii_lowercase(), quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

    #[track_caller]
    fn check(accept: &str, expected: &str) {
        assert_eq!(Format::negotiate(accept).content_type(), expected, "{accept}");
    }

    #[test]
    fn each_scraper_gets_what_it_likes_best() {
        // Prometheus 2.42.
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN_METRICS,
        );
        // Prometheus 3, with and without UTF-8 names, and with protobuf first.
        check(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        );
        check(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        );
        // curl, a browser, and nobody.
        check("*/*", TEXT);
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT);
        check("", TEXT);
    }

    #[test]
    fn versions_are_told_apart_and_unknown_ones_are_not_served() {
        check("text/plain", TEXT);
        check(
            "text/plain;version=0.0.4;escaping=dots",
            &format!("{TEXT}; escaping=dots"),
        );
        check(
            "text/plain; version=\"1.0.0\"",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        );
        check(
            "application/openmetrics-text",
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
        );
        check("APPLICATION/OpenMetrics-Text ; Version=1.0.0", OPEN_METRICS);
        check("application/openmetrics-text;version=9.0.0", TEXT);
        check(
            "application/openmetrics-text;version=9.0.0, text/plain;version=1.0.0;q=0.1;escaping=runes",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        );
        check("application/json", TEXT);
    }

    #[test]
    fn quality_decides_and_zero_refuses() {
        check(
            "text/plain;version=0.0.4;q=0.2,application/openmetrics-text;version=1.0.0;q=0.3",
            OPEN_METRICS,
        );
        check(
            "text/plain;version=0.0.4;q=0.3,application/openmetrics-text;version=1.0.0;q=0.2",
            TEXT,
        );
        check(
            "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0",
            TEXT,
        );
        check(
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4",
            OPEN_METRICS,
        );
        check("application/openmetrics-text;version=1.0.0;q=0", TEXT);
        check(
            "text/plain;q=0,*/*;q=0.9,application/openmetrics-text;version=1.0.0;q=0.1",
            OPEN_METRICS,
        );
        check("application/openmetrics-text;version=1.0.0;q=many", TEXT);
        check("application/openmetrics-text;version=1.0.0;q=7,,;;", TEXT);
    }

    #[track_caller]
    fn check_coding(accept_encoding: &str, expected: Coding) {
        assert_eq!(Coding::negotiate(accept_encoding), expected, "{accept_encoding}");
    }

    #[test]
    fn codings_follow_quality_too() {
        check_coding("", Coding::Identity);
        check_coding("gzip", Coding::Gzip);
        check_coding("zstd", Coding::Zstd);
        check_coding("deflate, gzip, br, zstd", Coding::Gzip);
        check_coding("gzip;q=0.5, zstd", Coding::Zstd);
        check_coding("gzip;q=0.5, identity", Coding::Identity);
        check_coding("gzip;q=0.5, identity;q=0.5", Coding::Gzip);
        check_coding("GZIP ; q=1", Coding::Gzip);
        check_coding("x-gzip", Coding::Gzip);
        check_coding("gzip;q=0, *", Coding::Zstd);
        check_coding("*", Coding::Gzip);
        check_coding("*;q=0", Coding::Identity);
        check_coding("br", Coding::Identity);
        check_coding("identity;q=0", Coding::Identity);
        check_coding("gzip;q=oops", Coding::Identity);
    }
}
