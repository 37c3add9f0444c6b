//! The anchored walk: which page to ask for next, and whether what was read is the whole list. A pure decision over what
//! pages said (`semantics.md`, section 1).
//!
//! The API pages by offset, so a deletion behind us slides an unread desktop over the page boundary, and the total drops
//! with it. The proof against that is an anchor: the list is sorted by creation, and if the next page begins with a
//! desktop strictly older than the last one read, everything unread stands behind that beginning. Otherwise the walk goes
//! back until a page is anchored.
//!
//! Among equal creation times nothing is strictly older. There the ids themselves are the anchor: a page that begins with
//! the whole end of the page before it, in the same order, shows that nothing slid. If something did, the walk goes back to
//! where the run of equal times begins; and where that run is as long as a page, so that there is nowhere to go back to, any
//! part of the end is enough as long as the order is the same. A server that orders equal times differently each time is one
//! that does not sort.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::api::DesktopPage;
use crate::inventory::{DesktopId, FailureReason};

/// How far a page reaches back into the one before it.
const OVERLAP: usize = 10;

/// How much farther each step back goes than the one before.
const STEP_BACK_FACTOR: usize = 4;

/// Steps back at one boundary.
const STEPS_BACK_MAXIMUM: u32 = 8;

/// Pages shorter than this leave nothing to go back to, and so few ids to compare that their order tells nothing.
const PAGE_MINIMUM: usize = 10;

/// Anchored pages in a row that may bring nothing new before the run of equal creation times counts as long.
const IDLE_MAXIMUM: u32 = 2;

/// A loss of more than this, and of more than a fifth, within one walk is not believed.
const LOSS_BELIEVED: usize = 10;
const LOSS_PART: usize = 5;

/// What to do after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The page counts; ask for the one at this offset.
    Ask(usize),
    /// The page has no anchor and does not count; ask for the one at this offset.
    Back(usize),
    /// The list is whole.
    Done,
    /// This walk failed for that reason; another may not.
    Again(FailureReason),
    /// The server does not sort as asked: no walk can prove anything.
    Unordered,
}

/// A walk through the pages of one listing.
#[derive(Debug)]
pub(super) struct Walk {
    limit: usize,
    /// The offset of the page that is waited for.
    asked: usize,
    /// Where the last page that counted ended.
    reached: usize,
    /// The creation of the last desktop read.
    frontier: Option<Timestamp>,
    unique: usize,
    /// Records that stood beside another of their id on one page.
    doubles: usize,
    /// Ids of the last page that counted, with their places on it.
    last_page: HashMap<DesktopId, usize>,
    steps_back: u32,
    idle: u32,
    /// Where the walk was before a step back: until it is there again, pages bring what was read before.
    furthest: usize,
    has_long_ties: bool,
    is_proving_the_end: bool,
    /// The largest total that this walk was told.
    largest_total: usize,
    gaps: u64,
}

impl Walk {
    /// Begins at offset 0; pages of `limit` are asked for.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            asked: 0,
            reached: 0,
            frontier: None,
            unique: 0,
            doubles: 0,
            last_page: HashMap::new(),
            steps_back: 0,
            idle: 0,
            furthest: 0,
            has_long_ties: false,
            is_proving_the_end: false,
            largest_total: 0,
            gaps: 0,
        }
    }

    /// Page boundaries that had to be walked back.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Decides after a page that brought so many ids that no earlier page that counts had.
    pub(super) fn after(&mut self, page: &DesktopPage, new: usize) -> Step {
        let returned = page.desktops.len();
        let end = self.asked + returned;
        let total = page.total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
        self.largest_total = self.largest_total.max(total.unwrap_or_default());
        if self.is_proving_the_end {
            return self.after_the_end(returned);
        }
        let is_end = returned < self.limit && total.is_some_and(|total| end >= total);
        if (is_end || self.asked == 0) && self.has_collapsed(total, returned) {
            return Step::Again(FailureReason::Count);
        }
        if self.asked == 0 && (is_end || returned == 0) {
            // One page is atomic, whatever its order. A desktop that stands on it twice was counted twice.
            return finish(returned, total);
        }
        let Some((first, last)) = span(page) else {
            return if returned == 0 { self.back() } else { Step::Unordered };
        };
        if self.asked > 0 && self.frontier.is_some_and(|frontier| first >= frontier) {
            let is_tie = self.frontier == Some(first);
            match self.continuation(page) {
                Continuation::Ordered { known } if is_tie && self.is_enough(known) => {}
                Continuation::Shuffled if self.has_long_ties => return Step::Unordered,
                _ => return self.back(),
            }
        }
        let had_stepped_back = self.steps_back > 0;
        let had_reached = self.reached;
        self.unique += new;
        self.accept(page, end, last);
        self.doubles += returned - self.last_page.len();
        let counted = self.unique + self.doubles;
        if is_end && (new == 0 || total.is_some_and(|total| counted >= total)) {
            return finish(counted, total);
        }
        if new > 0 {
            self.idle = 0;
            return self.forward();
        }
        if had_stepped_back {
            return self.idle_page();
        }
        if end > had_reached && had_reached < self.furthest {
            return self.forward();
        }
        match total {
            _ if end > had_reached => Step::Again(FailureReason::Stuck),
            Some(total) if counted < total => Step::Again(FailureReason::Count),
            Some(_) => Step::Again(FailureReason::Stuck),
            None => {
                self.is_proving_the_end = true;
                self.asked = end;
                Step::Ask(end)
            }
        }
    }

    /// Whether the list lost so much while it was read that no deletions explain it: then the server shows less than there
    /// is, and what was not read yet is hidden with the rest. Totals that were always wrong tell nothing.
    fn has_collapsed(&self, total: Option<usize>, returned: usize) -> bool {
        let is_all_gone = self.unique > 0 && returned == 0;
        total.map_or(is_all_gone, |total| {
            let lost = self.largest_total.saturating_sub(total);
            (lost > 0 && total == 0) || (lost > LOSS_BELIEVED && lost * LOSS_PART > self.largest_total)
        })
    }

    /// Everything up to this page's end was read without a gap.
    fn accept(&mut self, page: &DesktopPage, end: usize, last: Timestamp) {
        self.reached = end;
        self.frontier = Some(last);
        self.steps_back = 0;
        self.last_page.clear();
        for (place, desktop) in page.desktops.iter().enumerate() {
            self.last_page.insert(desktop.id.clone(), place);
        }
    }

    /// On to the next page, which overlaps the last one and still gets somewhere.
    fn forward(&mut self) -> Step {
        self.asked = self.reached - self.overlap();
        Step::Ask(self.asked)
    }

    /// Whether so many ids that come again in the same order show that nothing slid.
    fn is_enough(&self, known: usize) -> bool {
        let is_whole = known == self.overlap() && self.last_page.len() >= PAGE_MINIMUM;
        is_whole || self.has_long_ties
    }

    /// How far the next page reaches back into the last one: half of it where a server's pages are small.
    fn overlap(&self) -> usize {
        overlap_of(self.last_page.len())
    }

    /// Back to a page that may be anchored. The beginning of the list always is.
    fn back(&mut self) -> Step {
        if self.last_page.len() < PAGE_MINIMUM {
            return Step::Unordered;
        }
        self.gaps += u64::from(self.steps_back == 0);
        self.furthest = self.furthest.max(self.reached);
        self.steps_back += 1;
        if self.steps_back > STEPS_BACK_MAXIMUM {
            return Step::Again(FailureReason::Gap);
        }
        let distance = OVERLAP.saturating_mul(STEP_BACK_FACTOR.saturating_pow(self.steps_back));
        self.asked = self.asked.saturating_sub(distance.min(self.last_page.len().max(1)));
        Step::Back(self.asked)
    }

    /// An anchored page after a step back brought nothing new.
    fn idle_page(&mut self) -> Step {
        self.idle += 1;
        if self.idle < IDLE_MAXIMUM {
            return self.forward();
        }
        self.idle = 0;
        if self.has_long_ties {
            return Step::Again(FailureReason::Stuck);
        }
        self.has_long_ties = true;
        self.forward()
    }

    /// Without a total the list ended when a page behind everything read is empty.
    fn after_the_end(&mut self, returned: usize) -> Step {
        if returned == 0 {
            return Step::Done;
        }
        // There is more after all: this page has no anchor, the next one will.
        self.is_proving_the_end = false;
        self.forward();
        Step::Back(self.asked)
    }

    /// How the page goes on from the last one, by ids.
    fn continuation(&self, page: &DesktopPage) -> Continuation {
        let places: Vec<Option<usize>> = page
            .desktops
            .iter()
            .map(|desktop| self.last_page.get(&desktop.id).copied())
            .collect();
        let known = places.iter().take_while(|place| place.is_some()).count();
        let is_ordered = places[..known].is_sorted() && places[known..].iter().all(Option::is_none);
        match (known, is_ordered) {
            (0, true) => Continuation::Apart,
            (known, true) => Continuation::Ordered { known },
            (_, false) => Continuation::Shuffled,
        }
    }
}

/// The count is necessary, never the proof: a desktop deleted meanwhile makes more than the total.
fn finish(counted: usize, total: Option<usize>) -> Step {
    if total.is_none_or(|total| counted >= total) {
        Step::Done
    } else {
        Step::Again(FailureReason::Count)
    }
}

/// How a page goes on from the one before it.
enum Continuation {
    /// It begins with so many desktops of the last page, in its order.
    Ordered { known: usize },
    /// It shares nothing with the last page.
    Apart,
    /// It shares desktops in another order.
    Shuffled,
}

/// The first and the last creation on a page; `None` if one is missing or an earlier one follows a later one.
fn span(page: &DesktopPage) -> Option<(Timestamp, Timestamp)> {
    let created: Option<Vec<Timestamp>> = page.desktops.iter().map(|desktop| desktop.created).collect();
    let created = created.filter(|created| created.is_sorted())?;
    Some((*created.first()?, *created.last()?))
}

/// How many desktops of a page are asked for again with the next one.
pub(super) fn overlap_of(page: usize) -> usize {
    OVERLAP.min(page / 2)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::pages::{desktop, page, page_of};
    use super::*;
    use crate::inventory::Desktop;

    /// A server's list that changes between pages, and the whole walk through it.
    struct List {
        desktops: Vec<Desktop>,
        cap: usize,
        tells_total: bool,
    }

    impl List {
        fn of(created: &[usize]) -> Self {
            let numbered = created.iter().enumerate();
            Self {
                desktops: numbered.map(|(number, created)| desktop(number, *created)).collect(),
                cap: usize::MAX,
                tells_total: true,
            }
        }

        fn answer(&self, offset: usize, limit: usize) -> DesktopPage {
            let page = self.desktops.iter().skip(offset).take(limit.min(self.cap));
            page_of(page.cloned().collect(), self.tells_total.then_some(self.desktops.len()))
        }

        /// Walks; `churn` changes the list before each page but the first.
        fn walk(&mut self, limit: usize, mut churn: impl FnMut(&mut Vec<Desktop>)) -> Walked {
            let mut walked = Walked {
                asked: vec![0],
                read: HashSet::new(),
                end: Step::Done,
                gaps: 0,
            };
            let mut walk = Walk::new(limit);
            loop {
                let offset = walked.asked[walked.asked.len() - 1];
                let page = self.answer(offset, limit);
                let ids: HashSet<DesktopId> = page.desktops.iter().map(|desktop| desktop.id.clone()).collect();
                walked.end = walk.after(&page, ids.difference(&walked.read).count());
                let next = match walked.end {
                    Step::Back(next) => next,
                    Step::Ask(next) => {
                        walked.read.extend(ids);
                        next
                    }
                    Step::Done => {
                        walked.read.extend(ids);
                        break;
                    }
                    Step::Again(_) | Step::Unordered => break,
                };
                assert!(walked.asked.len() < 2_000, "the walk does not end: {:?}", walked.asked);
                walked.asked.push(next);
                churn(&mut self.desktops);
            }
            walked.gaps = walk.gaps();
            walked
        }
    }

    struct Walked {
        asked: Vec<usize>,
        read: HashSet<DesktopId>,
        end: Step,
        gaps: u64,
    }

    impl Walked {
        fn holes(&self, list: &List) -> usize {
            let alive = list.desktops.iter();
            alive.filter(|desktop| !self.read.contains(&desktop.id)).count()
        }
    }

    #[track_caller]
    fn check(length: usize, expected: &[usize]) {
        let created: Vec<usize> = (0..length).collect();
        let walked = List::of(&created).walk(500, |_| ());
        assert_eq!((walked.asked.as_slice(), walked.end), (expected, Step::Done));
        assert_eq!((walked.read.len(), walked.gaps), (length, 0));
    }

    #[test]
    fn a_quiet_list_costs_as_few_pages_as_can_prove_it() {
        check(0, &[0]);
        check(499, &[0]);
        check(500, &[0, 490]);
        check(1_234, &[0, 490, 980]);
    }

    #[test]
    fn pages_capped_by_the_server_are_advanced_by_what_came() {
        let mut list = List::of(&(0..250).collect::<Vec<_>>());
        list.cap = 100;
        let walked = list.walk(500, |_| ());
        assert_eq!((walked.asked, walked.end), (vec![0, 90, 180], Step::Done));
    }

    #[test]
    fn pages_too_small_for_an_anchor_among_equals_are_left_to_another_proof() {
        let mut apart = List::of(&(0..40).collect::<Vec<_>>());
        apart.cap = 4;
        assert_eq!(apart.walk(500, |_| ()).end, Step::Done);
        let mut single = List::of(&(0..40).collect::<Vec<_>>());
        single.cap = 1;
        assert_eq!(single.walk(500, |_| ()).end, Step::Unordered);
        let mut equal = List::of(&[3; 40]);
        equal.cap = 4;
        assert_eq!(equal.walk(500, |_| ()).end, Step::Unordered);
    }

    #[test]
    fn without_a_total_the_page_behind_the_end_must_be_empty() {
        let mut list = List::of(&(0..30).collect::<Vec<_>>());
        list.tells_total = false;
        let walked = list.walk(500, |_| ());
        assert_eq!((walked.asked, walked.end), (vec![0, 20, 30], Step::Done));
    }

    #[test]
    fn a_deletion_that_slides_desktops_over_the_boundary_is_walked_back() {
        let mut list = List::of(&(0..100).collect::<Vec<_>>());
        let mut is_first = true;
        let walked = list.walk(40, |desktops| {
            if std::mem::take(&mut is_first) {
                desktops.drain(..15);
            }
        });
        assert_eq!((walked.end, walked.holes(&list), walked.gaps), (Step::Done, 0, 1));
        assert_eq!(walked.asked[..3], [0, 30, 0]);
    }

    #[test]
    fn equal_creations_are_stepped_over_and_as_many_as_a_page_are_told_apart_by_id() {
        for ties in [1, 2, 11, 39, 40, 41, 80, 200, 500] {
            let created: Vec<usize> = (0..600).map(|number: usize| number.clamp(50, 50 + ties) - 50).collect();
            let mut list = List::of(&created);
            let walked = list.walk(40, |desktops| drop(desktops.remove(0)));
            assert_eq!(
                (walked.end, walked.holes(&list)),
                (Step::Done, 0),
                "{ties} ties: {:?}",
                walked.asked
            );
        }
    }

    #[test]
    fn a_part_of_the_overlap_among_equals_is_no_anchor() {
        let created: Vec<usize> = (0..100)
            .map(|number: usize| if (25..45).contains(&number) { 25 } else { number })
            .collect();
        let mut list = List::of(&created);
        let mut is_first = true;
        let walked = list.walk(40, |desktops| {
            if std::mem::take(&mut is_first) {
                desktops.drain(..3);
            }
        });
        assert_eq!((walked.end, walked.holes(&list), walked.gaps), (Step::Done, 0, 1));
        let mut quiet = List::of(&created);
        assert_eq!(quiet.walk(40, |_| ()).gaps, 0, "the whole overlap is one");
    }

    #[test]
    fn a_list_that_is_not_sorted_is_told_from_one_that_is() {
        let mut backwards = List::of(&(0..90).rev().collect::<Vec<_>>());
        assert_eq!(backwards.walk(40, |_| ()).end, Step::Unordered);
        assert_eq!(backwards.walk(500, |_| ()).end, Step::Done, "one page is atomic");
        let mut undated = List::of(&(0..90).collect::<Vec<_>>());
        undated.desktops[7].created = None;
        assert_eq!(undated.walk(40, |_| ()).end, Step::Unordered);
    }

    #[test]
    fn long_ties_in_another_order_each_time_prove_nothing() {
        let mut list = List::of(&[5; 200]);
        let walked = list.walk(40, |desktops| desktops.swap(29, 31));
        assert_eq!(walked.end, Step::Unordered);
        assert!(walked.gaps > 0, "it was believed too little to go back");
    }

    #[test]
    fn a_newcomer_among_equals_is_stepped_over_before_the_order_is_doubted() {
        let mut walk = Walk::new(40);
        assert_eq!(walk.after(&page(0..40, Some(90)), 40), Step::Ask(30));
        let among_equals = page_of(vec![desktop(100, 39), desktop(39, 39), desktop(40, 40)], Some(90));
        assert_eq!(walk.after(&among_equals, 2), Step::Back(0));
    }

    #[test]
    fn a_desktop_that_stands_on_a_page_twice_was_counted_twice() {
        let mut walk = Walk::new(40);
        let mut twice = page(0..40, Some(61));
        twice.desktops[20] = twice.desktops[19].clone();
        assert_eq!(walk.after(&twice, 39), Step::Ask(30));
        assert_eq!(walk.after(&page(30..61, Some(61)), 21), Step::Done);
    }

    #[test]
    fn a_list_that_ends_early_is_read_on_while_it_brings_new_desktops() {
        // Each page begins two desktops before what was asked for.
        let mut walk = Walk::new(40);
        assert_eq!(walk.after(&page(0..40, Some(60)), 40), Step::Ask(30));
        assert_eq!(walk.after(&page(28..58, Some(60)), 18), Step::Ask(50));
        assert_eq!(walk.after(&page(48..60, Some(60)), 2), Step::Done);
    }

    #[test]
    fn an_end_before_the_total_that_brings_nothing_new_is_no_end() {
        let mut walk = Walk::new(40);
        assert_eq!(walk.after(&page(0..40, Some(90)), 40), Step::Ask(30));
        assert_eq!(walk.after(&page(35..65, Some(90)), 25), Step::Ask(50));
        let more_than_counted = page(55..60, Some(58));
        assert_eq!(walk.after(&more_than_counted, 0), Step::Again(FailureReason::Stuck));
    }

    #[test]
    fn the_same_page_for_ever_is_stuck() {
        let mut walk = Walk::new(40);
        let first = page(0..40, Some(90));
        assert_eq!(walk.after(&first, 40), Step::Ask(30));
        assert_eq!(walk.after(&first, 0), Step::Again(FailureReason::Stuck));
    }

    #[test]
    fn eight_steps_back_are_taken_and_no_ninth() {
        let mut walk = Walk::new(40);
        let mut offset = 0;
        for _ in 0..20 {
            let step = walk.after(
                &page(offset..offset + 40, Some(9_999)),
                if offset == 0 { 40 } else { 30 },
            );
            assert_eq!(step, Step::Ask(offset + 30));
            offset += 30;
        }
        for _ in 0..8 {
            let later = page(5_000..5_040, Some(9_999));
            assert!(matches!(walk.after(&later, 40), Step::Back(_)));
        }
        let ninth = walk.after(&page(5_000..5_040, Some(9_999)), 40);
        assert_eq!(ninth, Step::Again(FailureReason::Gap));
    }

    #[test]
    fn what_is_read_again_after_a_step_back_is_no_page_for_ever() {
        let created: Vec<usize> = (0..300)
            .map(|number: usize| if (20..250).contains(&number) { 20 } else { number })
            .collect();
        let mut list = List::of(&created);
        let mut pages = 0;
        let walked = list.walk(40, |desktops| {
            pages += 1;
            if pages == 4 {
                desktops.drain(50..54);
            }
        });
        assert_eq!((walked.end, walked.holes(&list), walked.gaps), (Step::Done, 0, 1));
        let retraced = [0, 30, 60, 90, 120, 80, 40, 0, 30, 60, 90, 120, 150, 180, 210, 240, 270];
        assert_eq!(walked.asked, retraced);
    }

    #[test]
    fn a_run_of_equals_is_long_after_two_idle_pages() {
        let created: Vec<usize> = (0..300)
            .map(|number: usize| if (20..250).contains(&number) { 20 } else { number })
            .collect();
        let mut list = List::of(&created);
        let walked = list.walk(40, |desktops| {
            if desktops.len() > 270 {
                desktops.drain(50..52);
            }
        });
        assert_eq!((walked.end, walked.holes(&list)), (Step::Done, 0), "{:?}", walked.asked);
    }

    #[test]
    fn pages_of_ten_can_be_walked_back_and_pages_of_nine_cannot() {
        let with_pages_of = |cap: usize| {
            let mut list = List::of(&(0..40).collect::<Vec<_>>());
            list.cap = cap;
            let mut is_first = true;
            list.walk(500, |desktops| {
                if std::mem::take(&mut is_first) {
                    desktops.drain(..7);
                }
            })
            .end
        };
        assert_eq!((with_pages_of(10), with_pages_of(9)), (Step::Done, Step::Unordered));
    }

    #[test]
    fn a_page_that_is_empty_too_early_is_walked_back_and_one_without_order_is_told() {
        let mut walk = Walk::new(40);
        assert_eq!(walk.after(&page(0..40, Some(40)), 40), Step::Ask(30));
        assert_eq!(walk.after(&page(0..0, Some(30)), 0), Step::Back(0));
        assert_eq!(walk.gaps(), 1);
        let mut walk = Walk::new(40);
        assert_eq!(walk.after(&page(0..40, Some(90)), 40), Step::Ask(30));
        let backwards = page_of(vec![desktop(35, 35), desktop(34, 34)], Some(90));
        assert_eq!(walk.after(&backwards, 0), Step::Unordered);
    }

    #[test]
    fn what_counts_as_a_collapse() {
        let collapsed = |unique: usize, largest_total: usize, total: Option<usize>, returned: usize| {
            let mut walk = Walk::new(100);
            (walk.unique, walk.largest_total) = (unique, largest_total);
            walk.has_collapsed(total, returned)
        };
        // Without a total: something was read, and then there is nothing.
        assert!(collapsed(5, 0, None, 0));
        assert!(!collapsed(5, 0, None, 3));
        assert!(!collapsed(0, 0, None, 0), "an empty fleet");
        // A total that becomes nothing, however small it was.
        assert!(collapsed(4, 8, Some(0), 0));
        assert!(!collapsed(0, 0, Some(0), 0), "an empty fleet that is counted");
    }

    #[test]
    fn ties_are_long_after_as_many_idle_pages_as_are_allowed() {
        let mut walk = Walk::new(100);
        let page = page_of((0..20).map(|number| desktop(number, 7)).collect(), Some(40));
        walk.accept(&page, 20, Timestamp::UNIX_EPOCH);
        for _ in 1..IDLE_MAXIMUM {
            assert!(matches!(walk.idle_page(), Step::Ask(_)));
            assert!(!walk.has_long_ties);
        }
        assert!(matches!(walk.idle_page(), Step::Ask(_)));
        assert!(walk.has_long_ties);
        for _ in 1..IDLE_MAXIMUM {
            assert!(matches!(walk.idle_page(), Step::Ask(_)));
        }
        assert_eq!(walk.idle_page(), Step::Again(FailureReason::Stuck));
    }

    #[test]
    fn a_list_that_collapses_while_it_is_read_is_no_list() {
        let collapsing = |left: usize, tells_total: bool| {
            let mut list = List::of(&(0..90).collect::<Vec<_>>());
            list.cap = 20;
            list.tells_total = tells_total;
            let mut pages = 0;
            list.walk(500, |desktops| {
                pages += 1;
                if pages == 3 {
                    desktops.truncate(left);
                }
            })
            .end
        };
        assert_eq!(collapsing(0, true), Step::Again(FailureReason::Count));
        assert_eq!(collapsing(0, false), Step::Again(FailureReason::Count));
        assert_eq!(collapsing(71, true), Step::Again(FailureReason::Count));
        assert_eq!(collapsing(72, true), Step::Done, "a fifth may go");
        let mut small = List::of(&(0..20).collect::<Vec<_>>());
        small.cap = 12;
        let end = small.walk(500, |desktops| desktops.truncate(10)).end;
        assert_eq!(end, Step::Done, "ten may go");
    }

    #[test]
    fn a_total_that_was_always_wrong_hides_no_list() {
        let mut walk = Walk::new(30);
        assert_eq!(walk.after(&page(0..30, Some(3)), 30), Step::Ask(20));
        assert_eq!(walk.after(&page(20..45, Some(3)), 15), Step::Done);
    }

    #[test]
    fn fewer_desktops_than_counted_are_no_list() {
        let mut walk = Walk::new(40);
        assert_eq!(walk.after(&page(0..30, Some(90)), 30), Step::Ask(20));
        assert_eq!(
            walk.after(&page(20..30, Some(90)), 0),
            Step::Again(FailureReason::Count)
        );
        assert_eq!(
            Walk::new(40).after(&page(0..0, Some(3)), 0),
            Step::Again(FailureReason::Count)
        );
    }

    #[test]
    fn a_boundary_that_cannot_be_anchored_ends_the_walk() {
        let mut walk = Walk::new(40);
        let mut step = walk.after(&page(1_000..1_040, Some(9_999)), 40);
        let mut pages = 1;
        while let Step::Ask(offset) | Step::Back(offset) = step {
            // The server answers every offset with something later.
            step = walk.after(&page(2_000 + offset..2_040 + offset, Some(9_999)), 0);
            pages += 1;
        }
        assert_eq!((step, walk.gaps()), (Step::Again(FailureReason::Stuck), 1));
        assert!(pages <= 10, "{pages} pages");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The claim of the whole house: whatever is deleted and created between pages, a walk that ends well has read
        /// every desktop that lived throughout.
        #[test]
        fn no_walk_that_ends_well_has_a_hole(
            length in 1_usize..200,
            batch in 1_usize..60,
            limit in 2_usize..50,
            cap in 1_usize..60,
            tells_total: bool,
            deletions in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..30), 1..40),
            insertions in proptest::collection::vec(0_usize..5, 1..40),
        ) {
            let created: Vec<usize> = (0..length).map(|number| number / batch).collect();
            let mut list = List::of(&created);
            list.cap = cap;
            list.tells_total = tells_total;
            let mut turn = 0;
            let mut next_number = length;
            let walked = list.walk(limit, |desktops| {
                let (place, count) = &deletions[turn % deletions.len()];
                let from = place.index(desktops.len() + 1);
                let to = (from + count).min(desktops.len());
                desktops.drain(from..to);
                // It calms down in the end, and so the walk ends.
                let created = if turn < 60 { insertions[turn % insertions.len()] } else { 0 };
                for _ in 0..created {
                    desktops.push(desktop(next_number, next_number));
                    next_number += 1;
                }
                turn += 1;
            });
            if walked.end == Step::Done {
                let holes: Vec<&Desktop> = list
                    .desktops
                    .iter()
                    .filter(|desktop| !walked.read.contains(&desktop.id))
                    .filter(|desktop| desktop.id.as_str() < format!("{length:08}").as_str())
                    .collect();
                prop_assert!(holes.is_empty(), "asked {:?}, missing {holes:?}", walked.asked);
            }
        }
    }
}
