//! Which part of the exposition a reader asked for: `?project=`, `?collect[]=`, `?shard=I/N`. Pure.

use std::ops::Range;

use percent_encoding::percent_decode_str;

use super::family::Group;
use crate::inventory::Entry;

/// Which part of the exposition is shown; everything by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// These projects, sorted; all where none is named.
    projects: Vec<String>,
    /// These groups, sorted; all where none is named.
    groups: Vec<Group>,
    shard: Option<Shard>,
}

/// One of several equal parts of every fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shard {
    index: u32,
    count: u32,
}

/// More parts than desktops help nobody.
const SHARDS_MAXIMUM: u32 = 1_024;

/// The query cannot be followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A group of another name.
    #[error("collect[]={name:?} is no group of families: {}", names_of_groups())]
    Group {
        /// What was asked for.
        name: String,
    },
    /// Not `I/N`.
    #[error("shard={0:?} is no part: write I/N, with I from 0 to N-1 and N up to {SHARDS_MAXIMUM}")]
    Shard(String),
}

fn names_of_groups() -> String {
    Group::ALL.map(Group::as_str).join(", ")
}

impl Selection {
    /// Reads the query of a request. Parameters that are not ours change nothing, nor does the order of ours.
    ///
    /// # Errors
    ///
    /// [`SelectionError`] where one of ours cannot be followed.
    pub fn parse(query: &str) -> Result<Self, SelectionError> {
        let mut selection = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            match decoded(key).as_str() {
                "project" => selection.projects.push(value),
                "collect[]" => selection.groups.push(group_of(value)?),
                "shard" => selection.shard = Some(shard_of(value)?),
                _ => {}
            }
        }
        selection.projects.sort();
        selection.projects.dedup();
        selection.groups.sort();
        selection.groups.dedup();
        Ok(selection)
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a project is shown. One that does not exist is not missed: of several, the others must not vanish with it.
    #[must_use]
    pub fn has_project(&self, name: &str) -> bool {
        self.projects.is_empty() || self.projects.iter().any(|project| project == name)
    }

    /// Whether a group is shown. What is not per desktop is in the first part alone, so that all parts make the whole.
    #[must_use]
    pub fn has_group(&self, group: Group) -> bool {
        let is_first = self.shard.is_none_or(|shard| shard.index == 0);
        (self.groups.is_empty() || self.groups.contains(&group)) && (group.is_per_desktop() || is_first)
    }

    /// The desktops of a range that are in the part: in the order of ids, the parts follow each other.
    pub(super) fn part_of(&self, range: Range<usize>, entries: &[Entry]) -> Range<usize> {
        let Some(shard) = self.shard else { return range };
        let index_of = |entry: &Entry| shard.index_of(entry.desktop.id.place());
        let (start, entries) = (range.start, &entries[range]);
        let before = entries.partition_point(|entry| index_of(entry) < shard.index);
        let within = entries.partition_point(|entry| index_of(entry) <= shard.index);
        start + before..start + within
    }
}

impl Shard {
    /// Which part a place is in.
    fn index_of(self, place: u64) -> u32 {
        let index = (u128::from(place) * u128::from(self.count)) >> 64;
        // Less than `count`, which is a u32.
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

/// Form encoding: `+` is a space.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn group_of(name: String) -> Result<Group, SelectionError> {
    let group = Group::ALL.into_iter().find(|group| group.as_str() == name);
    group.ok_or(SelectionError::Group { name })
}

fn shard_of(text: String) -> Result<Shard, SelectionError> {
    let parsed = text.split_once('/').and_then(|(index, count)| {
        let (index, count) = (index.parse().ok()?, count.parse().ok()?);
        (index < count && count <= SHARDS_MAXIMUM).then_some(Shard { index, count })
    });
    parsed.ok_or(SelectionError::Shard(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(query: &str) -> Selection {
        Selection::parse(query).expect("a query")
    }

    #[test]
    fn what_is_not_named_is_shown() {
        assert!(parsed("").is_everything());
        assert!(parsed("target=http://elsewhere&debug").is_everything());
        let narrow = parsed("collect%5B%5D=network&project=a+b&project=%E4%BA%AC&collect[]=state");
        assert!(narrow.has_project("a b") && narrow.has_project("京") && !narrow.has_project("c"));
        assert!(narrow.has_group(Group::State) && narrow.has_group(Group::Network) && !narrow.has_group(Group::Info));
        assert_eq!(
            narrow,
            parsed("project=京&collect[]=state&collect[]=network&project=a%20b&project=京")
        );
    }

    #[test]
    fn what_is_in_no_fleet_stands_in_the_first_shard() {
        let (first, second) = (parsed("shard=0/2"), parsed("shard=1/2"));
        assert!(first.has_group(Group::Exporter) && !second.has_group(Group::Exporter));
        assert!(first.has_group(Group::State) && second.has_group(Group::State));
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        for query in [
            "shard=2/2",
            "shard=1",
            "shard=-1/2",
            "shard=0/0",
            "shard=0/9999",
            "shard=a/b",
        ] {
            let error = Selection::parse(query).expect_err(query).to_string();
            assert!(error.contains("I/N"), "{error}");
        }
        let error = Selection::parse("collect[]=stat")
            .expect_err("an unknown group")
            .to_string();
        assert_eq!(
            error,
            "collect[]=\"stat\" is no group of families: state, info, network, hardware, aggregate, exporter"
        );
    }

    proptest! {
        #[test]
        fn every_place_is_in_one_shard_and_shards_follow_each_other(place in any::<u64>(), count in 1..=SHARDS_MAXIMUM) {
            let shard = Shard { index: 0, count };
            prop_assert!(shard.index_of(place) < count);
            prop_assert!(shard.index_of(place) <= shard.index_of(place.saturating_add(1)));
            prop_assert_eq!((shard.index_of(0), shard.index_of(u64::MAX)), (0, count - 1));
        }
    }
}
