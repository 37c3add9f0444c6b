//! The plain walk: page after page, believing the server. It proves nothing on a list that changes, and so it serves only
//! where another proof stands beside it: lists read twice, lists of chosen desktops.
//!
//! Pages are advanced by what was returned, never by what was asked for: servers may return less.

use std::collections::HashSet;

use crate::api::DesktopPage;
use crate::inventory::{DesktopId, FailureReason};

/// What to do after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainStep {
    /// Ask for the page at this offset.
    Ask(usize),
    /// The server says that this was all.
    Done,
    /// The pages contradict each other.
    Broken(FailureReason),
}

/// A walk through the pages of one list.
#[derive(Debug)]
pub(super) struct PlainWalk {
    limit: usize,
    offset: usize,
    /// Different ids, and records that stood beside another of their id.
    counted: usize,
}

impl PlainWalk {
    /// Begins at offset 0; pages of `limit` are asked for.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            offset: 0,
            counted: 0,
        }
    }

    /// Decides after a page that brought so many new ids.
    pub(super) fn after(&mut self, page: &DesktopPage, new: usize) -> PlainStep {
        let returned = page.desktops.len();
        self.offset += returned;
        self.counted += new + doubles(page);
        let total = page.total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
        let is_short = returned < self.limit;
        if returned == 0 || (is_short && total.is_some_and(|total| self.offset >= total)) {
            return if total.is_none_or(|total| self.counted >= total) {
                PlainStep::Done
            } else {
                PlainStep::Broken(FailureReason::Count)
            };
        }
        if new == 0 {
            return PlainStep::Broken(FailureReason::Stuck);
        }
        PlainStep::Ask(self.offset)
    }
}

/// Records that stand beside another of their id.
fn doubles(page: &DesktopPage) -> usize {
    let ids: HashSet<&DesktopId> = page.desktops.iter().map(|desktop| &desktop.id).collect();
    page.desktops.len() - ids.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pages::{desktop, page, page_of};
    use super::*;

    /// Walks a list that does not change; returns the offsets asked for and how it ended.
    fn walk(length: usize, limit: usize, cap: usize, tells_total: bool) -> (Vec<usize>, PlainStep) {
        let mut walk = PlainWalk::new(limit);
        let mut asked = vec![0];
        loop {
            let offset = asked[asked.len() - 1];
            let end = length.min(offset + limit.min(cap)).max(offset);
            let page = page(offset..end, tells_total.then_some(length));
            match walk.after(&page, end - offset) {
                PlainStep::Ask(offset) => asked.push(offset),
                end => return (asked, end),
            }
        }
    }

    #[test]
    fn without_a_total_only_an_empty_page_ends_the_list() {
        assert_eq!(walk(250, 500, 100, false), (vec![0, 100, 200, 250], PlainStep::Done));
        assert_eq!(walk(250, 500, 100, true), (vec![0, 100, 200], PlainStep::Done));
    }

    #[test]
    fn the_same_page_for_ever_is_stuck_and_fewer_than_counted_is_no_list() {
        let mut walk = PlainWalk::new(2);
        assert_eq!(walk.after(&page(0..2, Some(9)), 2), PlainStep::Ask(2));
        assert_eq!(
            walk.after(&page(0..2, Some(9)), 0),
            PlainStep::Broken(FailureReason::Stuck)
        );
        let mut walk = PlainWalk::new(2);
        assert_eq!(
            walk.after(&page(0..0, Some(5)), 0),
            PlainStep::Broken(FailureReason::Count)
        );
    }

    #[test]
    fn a_full_page_does_not_show_that_it_was_the_last_and_doubles_were_counted_twice() {
        assert_eq!(PlainWalk::new(2).after(&page(0..2, Some(2)), 2), PlainStep::Ask(2));
        let twice = page_of(vec![desktop(0, 0), desktop(0, 0), desktop(1, 1)], Some(3));
        assert_eq!(PlainWalk::new(5).after(&twice, 2), PlainStep::Done);
        let missing = page_of(vec![desktop(0, 0), desktop(1, 1)], Some(3));
        let mut walk = PlainWalk::new(5);
        assert_eq!(walk.after(&missing, 2), PlainStep::Ask(2));
        let end = page_of(Vec::new(), Some(3));
        assert_eq!(walk.after(&end, 0), PlainStep::Broken(FailureReason::Count));
    }

    proptest! {
        #[test]
        fn a_list_that_does_not_change_is_read_whole(
            length in 0_usize..300,
            limit in 1_usize..60,
            cap in 1_usize..60,
            tells_total: bool,
        ) {
            let (asked, end) = walk(length, limit, cap, tells_total);
            prop_assert_eq!(end, PlainStep::Done);
            prop_assert!(asked.is_sorted());
            prop_assert!(asked.len() <= length.div_ceil(limit.min(cap)) + 1);
        }
    }
}
