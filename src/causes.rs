//! An error and its causes on one line, for a log and for the last words of the process.

use std::error::Error;
use std::fmt::Write;

/// Joins the messages of an error and all its causes.
#[must_use]
pub fn line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        // Writing into a String cannot fail.
        let _ = write!(line, ": {current}");
        cause = current.source();
    }
    line
}
