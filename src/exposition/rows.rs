//! Writes the rows of one family that begin with the same labels. The two syntaxes write rows alike.

use jiff::Timestamp;

use super::label_value::push_description;

/// The value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// 1 or 0.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// Seconds since the epoch, with as many decimals as the moment has.
    Moment(Timestamp),
}

/// Writes the rows of one family that begin with the same labels, or only counts them.
#[derive(Debug)]
pub struct Rows<'a> {
    /// `None`: nobody reads them.
    out: Option<&'a mut Vec<u8>>,
    /// The name and `{`.
    head: &'a [u8],
    leading: &'a [u8],
    count: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, head: &'a [u8], leading: &'a [u8]) -> Self {
        Self {
            out: Some(out),
            head,
            leading,
            count: 0,
        }
    }

    /// Counts rows and writes none.
    pub(super) fn counting() -> Self {
        Self {
            out: None,
            head: &[],
            leading: &[],
            count: 0,
        }
    }

    /// How many rows were written so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Writes one row with these labels behind the leading ones. Label names are ours, values may be anything.
    pub fn row(&mut self, labels: &[(&str, &str)], value: Value) {
        self.count += 1;
        if let Some(out) = &mut self.out {
            out.extend_from_slice(self.head);
            out.extend_from_slice(self.leading);
            push_tail(out, labels.iter().copied(), value);
        }
    }
}

/// What stands behind the leading labels of a row, made once for many rows.
pub(super) fn tail<'l>(labels: impl IntoIterator<Item = (&'l str, &'l str)>, value: Value) -> Box<[u8]> {
    let mut out = Vec::new();
    push_tail(&mut out, labels, value);
    out.into()
}

fn push_tail<'l>(out: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'l str, &'l str)>, value: Value) {
    push_labels(out, labels);
    out.extend_from_slice(b"} ");
    match value {
        Value::Flag(flag) => out.push(if flag { b'1' } else { b'0' }),
        Value::Count(count) => out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes()),
        Value::Moment(moment) => push_moment(out, moment),
    }
    out.push(b'\n');
}

/// Appends labels that follow others.
pub(super) fn push_labels<'l>(out: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'l str, &'l str)>) {
    for (name, value) in labels {
        out.push(b',');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        push_description(out, value);
        out.push(b'"');
    }
}

/// Decimal digits, exactly: a float would cost more and know less.
fn push_moment(out: &mut Vec<u8>, moment: Timestamp) {
    let nanoseconds = moment.as_nanosecond();
    if nanoseconds < 0 {
        out.push(b'-');
    }
    let (seconds, fraction) = (
        nanoseconds.unsigned_abs() / 1_000_000_000,
        nanoseconds.unsigned_abs() % 1_000_000_000,
    );
    out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
    if fraction == 0 {
        return;
    }
    // Nine digits behind a 1 that keeps their zeros.
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(1_000_000_000 + fraction).trim_end_matches('0');
    out.push(b'.');
    out.extend_from_slice(&digits.as_bytes()[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, expected: &str) {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, b"name{", b"project=\"p\"");
        rows.row(&[("word", "a\"b")], value);
        assert_eq!(rows.count(), 1);
        let expected = format!("name{{project=\"p\",word=\"a\\\"b\"}} {expected}\n");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }

    #[test]
    fn values_are_written_exactly() {
        let moment = |text: &str| Value::Moment(text.parse().expect("a moment"));
        check(Value::Flag(true), "1");
        check(Value::Flag(false), "0");
        check(Value::Count(u64::MAX), "18446744073709551615");
        check(moment("2022-01-21T06:57:47.459Z"), "1642748267.459");
        check(moment("2022-01-21T06:57:47Z"), "1642748267");
        check(moment("1970-01-01T00:00:00.000000001Z"), "0.000000001");
        check(moment("1969-12-31T23:59:58.5Z"), "-1.5");
    }

    #[test]
    fn counted_rows_cost_no_bytes() {
        let mut rows = Rows::counting();
        rows.row(&[], Value::Flag(true));
        assert_eq!(rows.count(), 1);
    }
}
