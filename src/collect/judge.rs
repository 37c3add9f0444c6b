//! Whether a proven listing is published: a pure function from the old snapshot and what was read to a verdict
//! (`semantics.md`, section 1). It asks nobody; where it needs more to know, it says what to ask.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::inventory::{Desktop, DesktopId, FailureReason, Snapshot, SnapshotBuilder};

/// Vanished desktops that the API still answers for by id: with more, the list itself is wrong.
const PUT_BACK_MAXIMUM: usize = 5;

/// The same as a part of the fleet.
const PUT_BACK_PART: usize = 100;

/// Proven listings without a desktop until it is dropped.
const ABSENCES_TO_DROP: u32 = 2;

/// A loss of more than this, and of more than a fifth, is not believed at once.
const LOSS_BELIEVED: usize = 10;
const LOSS_PART: usize = 5;

/// What a large loss needs to be believed.
const SHRUNKEN_LISTINGS: u32 = 3;
const SHRUNKEN_FOR: Duration = Duration::from_secs(300);

/// What earlier listings left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Proven listings in a row that each desktop of the old snapshot was missing from.
    absences: HashMap<DesktopId, u32>,
    /// Since when, and in how many listings, the fleet has been smaller than can be believed.
    shrunken: Option<(Instant, u32)>,
}

/// What the API says of vanished desktops by their ids.
#[derive(Debug, Default)]
pub(super) struct Confirmation {
    /// They exist.
    pub(super) answered: Vec<Desktop>,
    /// The API has only a record of their deletion.
    pub(super) deleted: Vec<DesktopId>,
    /// The API could not be asked.
    pub(super) unknown: Vec<DesktopId>,
}

/// All that a verdict depends on.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) before: Option<&'a Snapshot>,
    pub(super) listed: &'a SnapshotBuilder,
    /// `None` until it was asked for.
    pub(super) confirmation: Option<&'a Confirmation>,
    pub(super) record: &'a Record,
    pub(super) now: Instant,
}

/// What to do with a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask for these desktops by id, then judge again.
    Confirm(Vec<DesktopId>),
    /// Publish it; what exists is put back, and these stay as they were.
    Publish {
        /// Vanished, and not yet confirmed gone.
        held: Vec<DesktopId>,
    },
    /// Do not believe it.
    Reject(FailureReason),
}

/// Judges a listing; returns the record for the next one. Costs a look-up for each desktop of the old snapshot.
pub(super) fn judge(case: &Case<'_>) -> (Verdict, Record) {
    let Some(before) = case.before else {
        return (Verdict::Publish { held: Vec::new() }, Record::default());
    };
    let missing: Vec<&DesktopId> = before
        .entries()
        .iter()
        .map(|entry| &entry.desktop.id)
        .filter(|id| !case.listed.contains(id))
        .collect();
    let fleet = before.entries().len();
    // What is held already was a loss once, and was believed.
    let is_new_loss = |id: &&&DesktopId| before.get(id).is_some_and(|entry| !entry.is_held);
    let shrunken = shrunken(fleet, missing.iter().filter(is_new_loss).count(), case);
    if let Some((since, listings)) = shrunken
        && (listings < SHRUNKEN_LISTINGS || case.now.saturating_duration_since(since) < SHRUNKEN_FOR)
    {
        let record = Record {
            absences: absences(&missing, case.record),
            shrunken,
        };
        return (Verdict::Reject(FailureReason::Shrink), record);
    }
    if missing.is_empty() {
        return (Verdict::Publish { held: Vec::new() }, Record::default());
    }
    let Some(confirmation) = case.confirmation else {
        let missing = missing.into_iter().cloned().collect();
        return (Verdict::Confirm(missing), case.record.clone());
    };
    let put_back = confirmation.answered.len();
    if put_back > PUT_BACK_MAXIMUM || put_back * PUT_BACK_PART > fleet {
        return (Verdict::Reject(FailureReason::Gap), case.record.clone());
    }
    // One that exists was not absent: it only was not listed.
    let exists = |id: &DesktopId| confirmation.answered.iter().any(|desktop| desktop.id == *id);
    let missing: Vec<&DesktopId> = missing.into_iter().filter(|id| !exists(id)).collect();
    let absences = absences(&missing, case.record);
    let held = missing
        .into_iter()
        .filter(|id| is_held(id, before, confirmation, &absences))
        .cloned()
        .collect();
    let record = Record {
        absences,
        shrunken: None,
    };
    (Verdict::Publish { held }, record)
}

/// Whether a vanished desktop that is not answered for is still shown.
fn is_held(id: &DesktopId, before: &Snapshot, confirmation: &Confirmation, absences: &HashMap<DesktopId, u32>) -> bool {
    if confirmation.unknown.contains(id) {
        return true;
    }
    let was_being_deleted = before.get(id).is_some_and(|entry| entry.desktop.is_being_deleted());
    let is_known_deleted = was_being_deleted || confirmation.deleted.contains(id);
    !is_known_deleted && absences.get(id).is_none_or(|count| *count < ABSENCES_TO_DROP)
}

fn absences(missing: &[&DesktopId], record: &Record) -> HashMap<DesktopId, u32> {
    let count = |id: &DesktopId| record.absences.get(id).copied().unwrap_or_default() + 1;
    missing.iter().map(|id| ((*id).clone(), count(id))).collect()
}

/// Since when, and in how many listings with this one, too many are missing to be believed; `None` while they are not.
fn shrunken(fleet: usize, missing: usize, case: &Case<'_>) -> Option<(Instant, u32)> {
    let is_large = missing > LOSS_BELIEVED && missing * LOSS_PART > fleet;
    let is_all = missing > 0 && case.listed.is_empty();
    if !is_large && !is_all {
        return None;
    }
    let (since, listings) = case.record.shrunken.unwrap_or((case.now, 0));
    Some((since, listings + 1))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::pages::desktop;
    use super::*;
    use crate::inventory::{Networks, State};

    fn listing(numbers: impl IntoIterator<Item = usize>) -> SnapshotBuilder {
        let mut builder = SnapshotBuilder::new("id".into(), Timestamp::UNIX_EPOCH);
        for number in numbers {
            builder.found_desktop(desktop(number, number));
        }
        builder
    }

    fn snapshot(numbers: impl IntoIterator<Item = usize>) -> Snapshot {
        listing(numbers).build(None, &Networks::new(Duration::ZERO), Instant::now())
    }

    fn id(number: usize) -> DesktopId {
        desktop(number, number).id
    }

    /// Judges listing after listing against one old snapshot; a project whose API answers by id as told.
    struct Court {
        before: Snapshot,
        record: Record,
        start: Instant,
    }

    impl Court {
        fn with_fleet(size: usize) -> Self {
            Self {
                before: snapshot(0..size),
                record: Record::default(),
                start: Instant::now(),
            }
        }

        fn judge(&mut self, at: u64, listed: &SnapshotBuilder, answers: &Confirmation) -> Verdict {
            let mut confirmation = None;
            loop {
                let (verdict, record) = judge(&Case {
                    before: Some(&self.before),
                    listed,
                    confirmation,
                    record: &self.record,
                    now: self.start + Duration::from_secs(at),
                });
                self.record = record;
                match verdict {
                    Verdict::Confirm(_) if confirmation.is_none() => confirmation = Some(answers),
                    verdict => return verdict,
                }
            }
        }
    }

    fn in_order(mut ids: Vec<DesktopId>) -> Vec<DesktopId> {
        ids.sort();
        ids
    }

    fn published(held: &[usize]) -> Verdict {
        Verdict::Publish {
            held: in_order(held.iter().map(|number| id(*number)).collect()),
        }
    }

    #[test]
    fn a_vanished_desktop_is_held_once_and_dropped_at_the_second_listing() {
        let mut court = Court::with_fleet(100);
        let listed = listing(1..100);
        assert_eq!(court.judge(0, &listed, &Confirmation::default()), published(&[0]));
        assert_eq!(court.judge(60, &listed, &Confirmation::default()), published(&[]));
    }

    #[test]
    fn one_that_comes_back_in_between_begins_anew() {
        let mut court = Court::with_fleet(100);
        assert_eq!(
            court.judge(0, &listing(1..100), &Confirmation::default()),
            published(&[0])
        );
        assert_eq!(
            court.judge(60, &listing(0..100), &Confirmation::default()),
            published(&[])
        );
        assert_eq!(
            court.judge(120, &listing(1..100), &Confirmation::default()),
            published(&[0])
        );
    }

    #[test]
    fn one_that_was_being_deleted_goes_at_once_and_so_does_one_answered_as_deleted() {
        let mut court = Court::with_fleet(100);
        let mut deleting = desktop(0, 0);
        deleting.task_status = Some(State::parse("Deleting"));
        let mut before = listing(1..100);
        before.found_desktop(deleting);
        court.before = before.build(None, &Networks::new(Duration::ZERO), Instant::now());
        let answers = Confirmation {
            deleted: vec![id(1)],
            ..Confirmation::default()
        };
        assert_eq!(court.judge(0, &listing(2..100), &answers), published(&[]));
    }

    #[test]
    fn a_confirmation_that_fails_holds_as_long_as_it_fails() {
        let mut court = Court::with_fleet(100);
        let failing = Confirmation {
            unknown: vec![id(0)],
            ..Confirmation::default()
        };
        for poll in 0..10 {
            assert_eq!(court.judge(poll * 60, &listing(1..100), &failing), published(&[0]));
        }
        assert_eq!(
            court.judge(600, &listing(1..100), &Confirmation::default()),
            published(&[])
        );
    }

    #[test]
    fn desktops_that_exist_are_put_back_but_a_list_that_misses_many_is_wrong() {
        let answering = |count: usize| Confirmation {
            answered: (0..count).map(|number| desktop(number, number)).collect(),
            ..Confirmation::default()
        };
        let mut court = Court::with_fleet(1_000);
        assert_eq!(court.judge(0, &listing(5..1_000), &answering(5)), published(&[]));
        let rejected = Verdict::Reject(FailureReason::Gap);
        assert_eq!(court.judge(60, &listing(6..1_000), &answering(6)), rejected);
        let mut middling = Court::with_fleet(300);
        assert_eq!(middling.judge(0, &listing(4..300), &answering(4)), rejected);
        assert_eq!(
            middling.judge(0, &listing(3..300), &answering(3)),
            published(&[]),
            "a hundredth"
        );
        assert_eq!(
            middling.judge(60, &listing(2..300), &answering(1)),
            published(&[1]),
            "a minute ago it existed"
        );
        let mut mixed = Court::with_fleet(300);
        assert_eq!(mixed.judge(0, &listing(3..300), &answering(1)), published(&[1, 2]));
        let mut small = Court::with_fleet(99);
        assert_eq!(
            small.judge(0, &listing(1..99), &answering(1)),
            rejected,
            "over 1 % of the fleet"
        );
    }

    #[test]
    fn a_large_loss_needs_three_listings_over_five_minutes() {
        let reject = Verdict::Reject(FailureReason::Shrink);
        let nothing = Confirmation::default();
        let mut court = Court::with_fleet(100);
        let listed = listing(30..100);
        assert_eq!(court.judge(0, &listed, &nothing), reject);
        assert_eq!(court.judge(60, &listed, &nothing), reject);
        assert_eq!(
            court.judge(120, &listed, &nothing),
            reject,
            "three listings, but not five minutes"
        );
        assert_eq!(court.judge(299, &listed, &nothing), reject);
        assert_eq!(court.judge(300, &listed, &nothing), published(&[]));
        let mut slow = Court::with_fleet(100);
        assert_eq!(slow.judge(0, &listed, &nothing), reject);
        assert_eq!(
            slow.judge(400, &listed, &nothing),
            reject,
            "five minutes, but two listings"
        );
        assert_eq!(slow.judge(800, &listed, &nothing), published(&[]));
    }

    #[test]
    fn a_loss_that_was_a_mistake_is_forgotten() {
        let reject = Verdict::Reject(FailureReason::Shrink);
        let nothing = Confirmation::default();
        let mut court = Court::with_fleet(100);
        assert_eq!(court.judge(0, &listing([]), &nothing), reject);
        assert_eq!(court.judge(60, &listing([]), &nothing), reject);
        assert_eq!(court.judge(300, &listing(0..100), &nothing), published(&[]));
        assert_eq!(court.judge(360, &listing([]), &nothing), reject);
    }

    #[test]
    fn what_counts_as_a_large_loss() {
        let reject = Verdict::Reject(FailureReason::Shrink);
        let first =
            |fleet: usize, left: usize| Court::with_fleet(fleet).judge(0, &listing(0..left), &Confirmation::default());
        assert_eq!(first(0, 0), published(&[]), "none of none");
        assert_eq!(first(1, 0), reject, "all of one");
        assert_ne!(first(20, 10), reject, "ten are believed");
        assert_eq!(first(20, 9), reject, "eleven of twenty");
        assert_ne!(first(100, 80), reject, "a fifth");
        assert_eq!(first(100, 79), reject, "more than a fifth");
    }

    #[test]
    fn the_first_listing_has_nothing_to_be_compared_with() {
        let (verdict, record) = judge(&Case {
            before: None,
            listed: &listing(0..3),
            confirmation: None,
            record: &Record::default(),
            now: Instant::now(),
        });
        assert_eq!((verdict, record), (published(&[]), Record::default()));
    }
}
