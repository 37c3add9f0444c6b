//! What truly happened to each desktop: the witness that an exporter is judged by.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::desktop::Desktop;

/// The life of one desktop.
#[derive(Debug, Clone)]
pub struct Record {
    /// Since when it exists.
    pub since: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Each moment at which it entered or left ERROR, and which.
    in_error: Vec<(Timestamp, bool)>,
}

impl Record {
    /// Whether it existed all the time from one moment to another.
    #[must_use]
    pub fn lived_throughout(&self, from: Timestamp, to: Timestamp) -> bool {
        self.since <= from && self.deleted_at.is_none_or(|deleted_at| deleted_at > to)
    }

    /// Whether it existed and was in ERROR all the time from one moment to another.
    #[must_use]
    pub fn was_in_error_throughout(&self, from: Timestamp, to: Timestamp) -> bool {
        if !self.lived_throughout(from, to) {
            return false;
        }
        let was_at_first = self.in_error.iter().rev().find(|(moment, _)| *moment <= from);
        let has_left = |(moment, is_in_error): &(Timestamp, bool)| *moment > from && *moment <= to && !is_in_error;
        was_at_first.is_some_and(|(_, is_in_error)| *is_in_error) && !self.in_error.iter().any(has_left)
    }
}

/// The lives of all desktops, by id.
#[derive(Debug, Clone, Default)]
pub struct Chronicle(BTreeMap<String, Record>);

impl Chronicle {
    /// The life of a desktop that exists or existed.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Record> {
        self.0.get(id)
    }

    /// Every desktop that exists or existed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Record)> {
        self.0.iter().map(|(id, record)| (id.as_str(), record))
    }

    pub(super) fn hired(&mut self, desktop: &Desktop, now: Timestamp) {
        let record = Record {
            since: now,
            deleted_at: None,
            in_error: vec![(now, desktop.status == "ERROR")],
        };
        self.0.insert(desktop.id.clone(), record);
    }

    pub(super) fn changed(&mut self, desktop: &Desktop, now: Timestamp) {
        let is_in_error = desktop.status == "ERROR";
        if let Some(record) = self.0.get_mut(&desktop.id)
            && record.in_error.last().is_none_or(|(_, last)| *last != is_in_error)
        {
            record.in_error.push((now, is_in_error));
        }
    }

    pub(super) fn dismissed(&mut self, id: &str, now: Timestamp) {
        if let Some(record) = self.0.get_mut(id) {
            record.deleted_at = Some(now);
        }
    }
}
