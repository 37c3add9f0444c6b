//! Pages as a test writes them: desktops by number, created a second apart unless it says otherwise.

use std::ops::Range;

use jiff::Timestamp;

use crate::api::DesktopPage;
use crate::inventory::{Desktop, DesktopId, Losses};

/// The desktop of a number, created that many seconds after the epoch.
pub(super) fn desktop(number: usize, created: usize) -> Desktop {
    let mut desktop = Desktop::new(DesktopId::try_new(format!("{number:08}")).expect("an id"));
    let seconds = i64::try_from(created).expect("a small number");
    desktop.created = Some(Timestamp::from_second(seconds).expect("a moment"));
    desktop
}

/// A page of desktops with these numbers.
pub(super) fn page(numbers: Range<usize>, total: Option<usize>) -> DesktopPage {
    page_of(numbers.map(|number| desktop(number, number)).collect(), total)
}

/// A page of these desktops.
pub(super) fn page_of(desktops: Vec<Desktop>, total: Option<usize>) -> DesktopPage {
    DesktopPage {
        desktops,
        total: total.map(|total| total as u64),
        losses: Losses::default(),
    }
}
