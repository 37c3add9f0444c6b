//! Which page to ask for next, and whether the list is whole: a pure decision over what pages said.
//!
//! Pages are advanced by what was returned, never by what was asked for: servers may return less. The list ends with a
//! page that is shorter than asked and reaches its own total; without a total, or where the total was not reached,
//! only an empty page ends it.

use crate::inventory::FailureReason;

/// Fleets over this are refused loudly, never cut (`semantics.md`, section 2).
const DESKTOPS_MAXIMUM: usize = 200_000;

/// What a page said.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageFacts {
    /// Records on the page.
    pub(super) returned: usize,
    /// Those whose id was not on an earlier page.
    pub(super) new: usize,
    /// The API's count of the whole list.
    pub(super) total: Option<u64>,
}

/// What to do after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask for the page at this offset.
    Ask(usize),
    /// The list is whole.
    Done,
    /// The list cannot be believed.
    Broken(FailureReason),
}

/// A walk through the pages of one listing.
#[derive(Debug)]
pub(super) struct Walk {
    page_size: usize,
    offset: usize,
    unique: usize,
}

impl Walk {
    /// Begins at offset 0.
    pub(super) fn new(page_size: usize) -> Self {
        Self {
            page_size,
            offset: 0,
            unique: 0,
        }
    }

    /// Decides after a page.
    pub(super) fn after(&mut self, page: PageFacts) -> Step {
        self.offset += page.returned;
        self.unique += page.new;
        if self.unique > DESKTOPS_MAXIMUM {
            return Step::Broken(FailureReason::Limit);
        }
        let total = page.total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
        let is_short = page.returned < self.page_size;
        let is_end = page.returned == 0 || (is_short && total.is_some_and(|total| self.offset >= total));
        if is_end {
            return if total.is_none_or(|total| self.unique >= total) {
                Step::Done
            } else {
                Step::Broken(FailureReason::Count)
            };
        }
        if page.new == 0 {
            return Step::Broken(FailureReason::Stuck);
        }
        Step::Ask(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Walks a list that does not change; returns the offsets asked for and how it ended.
    fn walk(length: usize, page_size: usize, cap: usize, tells_total: bool) -> (Vec<usize>, Step) {
        let mut walk = Walk::new(page_size);
        let mut asked = vec![0];
        loop {
            let offset = asked[asked.len() - 1];
            let returned = length.saturating_sub(offset).min(page_size).min(cap);
            let facts = PageFacts {
                returned,
                new: returned,
                total: tells_total.then_some(length as u64),
            };
            match walk.after(facts) {
                Step::Ask(offset) => asked.push(offset),
                end => return (asked, end),
            }
        }
    }

    #[track_caller]
    fn check(length: usize, expected: &[usize]) {
        assert_eq!(walk(length, 500, 500, true), (expected.to_vec(), Step::Done));
    }

    #[test]
    fn a_list_costs_as_few_pages_as_can_prove_its_end() {
        check(0, &[0]);
        check(1, &[0]);
        check(499, &[0]);
        check(500, &[0, 500]);
        check(501, &[0, 500]);
        check(1_234, &[0, 500, 1_000]);
    }

    #[test]
    fn pages_capped_by_the_server_are_advanced_by_what_came() {
        assert_eq!(walk(250, 500, 100, true), (vec![0, 100, 200], Step::Done));
    }

    #[test]
    fn without_a_total_only_an_empty_page_ends_the_list() {
        assert_eq!(walk(250, 500, 100, false), (vec![0, 100, 200, 250], Step::Done));
    }

    #[test]
    fn the_same_page_for_ever_is_stuck_and_fewer_than_counted_is_no_list() {
        let page = |returned, new, total| PageFacts {
            returned,
            new,
            total: Some(total),
        };
        let mut walk = Walk::new(2);
        assert_eq!(walk.after(page(2, 2, 9)), Step::Ask(2));
        assert_eq!(walk.after(page(2, 0, 9)), Step::Broken(FailureReason::Stuck));
        let mut walk = Walk::new(2);
        assert_eq!(walk.after(page(2, 2, 5)), Step::Ask(2));
        assert_eq!(walk.after(page(0, 0, 5)), Step::Broken(FailureReason::Count));
        let mut walk = Walk::new(DESKTOPS_MAXIMUM + 1);
        let too_many = page(DESKTOPS_MAXIMUM + 1, DESKTOPS_MAXIMUM + 1, 1);
        assert_eq!(walk.after(too_many), Step::Broken(FailureReason::Limit));
    }

    proptest! {
        #[test]
        fn a_list_that_does_not_change_is_read_whole(
            length in 0_usize..3_000,
            page_size in 1_usize..600,
            cap in 1_usize..600,
            tells_total: bool,
        ) {
            let (asked, end) = walk(length, page_size, cap, tells_total);
            prop_assert_eq!(end, Step::Done);
            prop_assert!(asked.is_sorted());
            prop_assert!(asked.len() <= length.div_ceil(page_size.min(cap)) + 1);
        }
    }
}
