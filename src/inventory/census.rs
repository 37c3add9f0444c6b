//! How many desktops are in which states: counted once when a snapshot is built, read by every scrape.
//!
//! Zero is a measurement, so every known combination has a count. A field that the API left out counts under the
//! empty label, which appears only while some desktop lacks the field; so the sum is always the whole fleet.

use std::collections::BTreeMap;

use super::desktop::Desktop;
use super::states::{AttachState, LoginStatus, State, Status, Word};

/// `desktop_type`: how a desktop is given out. Only the aggregates fold it; `desktop_info` shows the API's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesktopType {
    /// One desktop, one user.
    Dedicated,
    /// Taken from a pool.
    Pooled,
    /// Several users at once.
    Shared,
}

impl Word for DesktopType {
    const ALL: &'static [Self] = &[DesktopType::Dedicated, DesktopType::Pooled, DesktopType::Shared];

    fn place(self) -> usize {
        self as usize
    }

    fn word(self) -> &'static str {
        match self {
            DesktopType::Dedicated => "DEDICATED",
            DesktopType::Pooled => "POOLED",
            DesktopType::Shared => "SHARED",
        }
    }
}

/// Counts per combination of label values, in the order of the labels.
pub type Tally<const LABELS: usize> = BTreeMap<[&'static str; LABELS], u64>;

/// The counts of one fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// By desktop type, status and login status.
    pub by_login_status: Tally<3>,
    /// By desktop type and status.
    pub by_status: Tally<2>,
    /// By desktop type and attach state.
    pub by_attach_state: Tally<2>,
    /// In maintenance mode, by desktop type.
    pub in_maintenance_mode: Tally<1>,
}

impl Census {
    /// Counts a fleet; linear in it.
    #[must_use]
    pub fn of<'a>(desktops: impl Iterator<Item = &'a Desktop>) -> Self {
        let mut census = Self::all_zero();
        // Words by their places: counting by text would cost as much as all the rest of a snapshot.
        let (types, statuses) = (words::<DesktopType>(), words::<Status>());
        let (logins, attachments) = (words::<LoginStatus>(), words::<AttachState>());
        let mut by_login = vec![0_u64; types.len() * statuses.len() * logins.len()];
        let mut by_attachment = vec![0_u64; types.len() * attachments.len()];
        let mut in_maintenance = vec![0_u64; types.len()];
        for desktop in desktops {
            let desktop_type = desktop.facts.desktop_type.as_deref().map(State::<DesktopType>::parse);
            let desktop_type = place(desktop_type.as_ref());
            let status = desktop_type * statuses.len() + place(desktop.status.as_ref());
            by_login[status * logins.len() + place(desktop.login_status.as_ref())] += 1;
            by_attachment[desktop_type * attachments.len() + place(desktop.attach_state.as_ref())] += 1;
            in_maintenance[desktop_type] += u64::from(desktop.in_maintenance_mode == Some(true));
        }
        for (place, count) in by_login.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let (status, login) = (place / logins.len(), place % logins.len());
            let (desktop_type, status) = (types[status / statuses.len()], statuses[status % statuses.len()]);
            add(&mut census.by_status, [desktop_type, status], count);
            add(
                &mut census.by_login_status,
                [desktop_type, status, logins[login]],
                count,
            );
        }
        for (place, count) in by_attachment.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let (desktop_type, attachment) = (place / attachments.len(), place % attachments.len());
            let labels = [types[desktop_type], attachments[attachment]];
            add(&mut census.by_attach_state, labels, count);
            // Shown for each type there is, in maintenance or not.
            add(&mut census.in_maintenance_mode, [types[desktop_type]], 0);
        }
        for (desktop_type, count) in types.into_iter().zip(in_maintenance).filter(|(_, count)| *count > 0) {
            add(&mut census.in_maintenance_mode, [desktop_type], count);
        }
        census
    }

    fn all_zero() -> Self {
        let mut census = Self::default();
        for desktop_type in State::<DesktopType>::labels() {
            census.in_maintenance_mode.insert([desktop_type], 0);
            for attach_state in State::<AttachState>::labels() {
                census.by_attach_state.insert([desktop_type, attach_state], 0);
            }
            for status in State::<Status>::labels() {
                census.by_status.insert([desktop_type, status], 0);
                for login_status in State::<LoginStatus>::labels() {
                    census.by_login_status.insert([desktop_type, status, login_status], 0);
                }
            }
        }
        census
    }
}

/// The label values of a field, and the empty one of those that lack it.
fn words<W: Word>() -> Vec<&'static str> {
    State::<W>::labels().chain([""]).collect()
}

/// The place of a state in [`words`].
fn place<W: Word>(state: Option<&State<W>>) -> usize {
    state.map_or(W::ALL.len() + 1, State::place)
}

fn add<const LABELS: usize>(tally: &mut Tally<LABELS>, labels: [&'static str; LABELS], count: u64) {
    *tally.entry(labels).or_default() += count;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{DesktopId, Facts};
    use super::*;

    fn desktop(desktop_type: Option<&str>, status: Option<&str>) -> Desktop {
        let mut desktop = Desktop::new(DesktopId::try_new("d").expect("a non-empty id"));
        desktop.facts = Arc::new(Facts {
            desktop_type: desktop_type.map(Into::into),
            ..Facts::default()
        });
        desktop.status = status.map(State::parse);
        desktop
    }

    #[test]
    fn an_empty_fleet_is_measured_as_zeros() {
        let census = Census::of([].into_iter());
        assert_eq!(census.by_status.len(), 4 * 10);
        assert_eq!(census.by_login_status.len(), 4 * 10 * 6);
        assert_eq!(census.by_attach_state.len(), 4 * 11);
        assert!(census.by_login_status.values().all(|count| *count == 0));
    }

    #[test]
    fn every_desktop_counts_once_whatever_it_lacks() {
        let fleet = [
            desktop(Some("DEDICATED"), Some("ERROR")),
            desktop(Some("dedicated"), Some("error")),
            desktop(Some("HOLOGRAPHIC"), Some("DREAMING")),
            desktop(None, None),
        ];
        let census = Census::of(fleet.iter());
        assert_eq!(census.by_status[&["DEDICATED", "ERROR"]], 2);
        assert_eq!(census.by_status[&["unknown", "unknown"]], 1);
        assert_eq!(census.by_status[&["", ""]], 1);
        assert_eq!(census.by_status.values().sum::<u64>(), 4);
        assert_eq!(census.by_login_status.values().sum::<u64>(), 4);
        assert_eq!(census.by_attach_state.values().sum::<u64>(), 4);
    }
}
