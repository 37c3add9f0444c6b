//! How many calls a fleet of a size will cost, and how often it can be polled: by the rules that the walk follows.

use std::time::Duration;

use super::walk::overlap_of;
use crate::config::Settings;

/// A list should end within this part of its interval; at 0.8 it is given up.
const COMFORTABLE_PART: f64 = 0.7;

const HOUR_MILLISECONDS: u128 = 3_600_000;

/// Intervals are recommended in steps of this.
const STEP_SECONDS: u64 = 5;

/// The shortest interval that is recommended, however small the fleet.
const SHORTEST: Duration = Duration::from_secs(10);

/// The calls that a fleet costs while nothing goes wrong and nobody comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Pages of the list.
    pub pages: u64,
    /// Calls for those in ERROR: a list of one page needs none.
    pub error_calls: u64,
    /// Batches of networks, each time that all are asked for.
    pub network_calls: u64,
}

impl Forecast {
    /// The calls for a fleet of so many desktops.
    #[must_use]
    pub fn of(desktops: usize, settings: &Settings) -> Self {
        let pages = pages(desktops, settings.api.page_size);
        Self {
            pages,
            error_calls: u64::from(pages > 1),
            network_calls: desktops.div_ceil(settings.api.network_batch_size) as u64,
        }
    }

    /// Calls of one poll, without networks.
    #[must_use]
    pub fn calls_a_poll(self) -> u64 {
        self.pages + self.error_calls
    }

    /// Calls for lists and for networks within an hour.
    #[must_use]
    pub fn calls_an_hour(self, settings: &Settings) -> (u64, u64) {
        let an_hour = |calls: u64, interval: Duration| {
            let interval = interval.as_millis().max(1);
            let calls = (u128::from(calls) * HOUR_MILLISECONDS + interval / 2) / interval;
            u64::try_from(calls).unwrap_or(u64::MAX)
        };
        (
            an_hour(self.calls_a_poll(), settings.collect.interval),
            an_hour(self.network_calls, settings.collect.network_interval),
        )
    }

    /// The shortest interval at which a list ends in good time, where a call takes this long.
    #[must_use]
    pub fn shortest_interval(self, call: Duration, settings: &Settings) -> Duration {
        let calls = u32::try_from(self.calls_a_poll()).unwrap_or(u32::MAX);
        comfortable(call.saturating_mul(calls).max(at_rate(calls, settings)))
    }

    /// The shortest interval at which a pass over all networks ends in time.
    #[must_use]
    pub fn shortest_network_interval(self, settings: &Settings) -> Duration {
        let calls = u32::try_from(self.network_calls).unwrap_or(u32::MAX);
        comfortable(at_rate(calls, settings))
    }
}

/// How long calls take at the rate of the settings. A burst is full again only if there is time, so it is not counted on.
fn at_rate(calls: u32, settings: &Settings) -> Duration {
    let seconds = f64::from(calls) / settings.api.requests_per_second;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The interval in which something that takes so long ends in good time.
fn comfortable(duration: Duration) -> Duration {
    let seconds = Duration::try_from_secs_f64(duration.as_secs_f64() / COMFORTABLE_PART).unwrap_or(Duration::MAX);
    let whole = seconds.as_secs().saturating_add(u64::from(seconds.subsec_nanos() > 0));
    Duration::from_secs(whole.checked_next_multiple_of(STEP_SECONDS).unwrap_or(u64::MAX)).max(SHORTEST)
}

/// How many pages the walk asks for.
fn pages(desktops: usize, limit: usize) -> u64 {
    let (mut offset, mut pages) = (0, 0);
    loop {
        let returned = limit.min(desktops - offset);
        pages += 1;
        if returned < limit {
            return pages;
        }
        offset += returned - overlap_of(returned);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pages::page;
    use super::super::walk::{Step, Walk};
    use super::*;

    /// How many pages a walk really asks for.
    fn walked(desktops: usize, limit: usize) -> u64 {
        let mut walk = Walk::new(limit);
        let (mut offset, mut read, mut pages) = (0, 0, 0);
        loop {
            let end = (offset + limit).min(desktops);
            pages += 1;
            match walk.after(&page(offset..end, Some(desktops)), end - read.min(end)) {
                Step::Ask(next) => offset = next,
                Step::Done => return pages,
                other => panic!("{other:?}"),
            }
            read = read.max(end);
        }
    }

    proptest! {
        #[test]
        fn the_forecast_is_what_the_walk_does(desktops in 0_usize..3_000, limit in 4_usize..500) {
            prop_assert_eq!(pages(desktops, limit), walked(desktops, limit));
        }
    }

    #[test]
    fn calls_and_intervals_of_a_large_fleet() {
        let settings = Settings::default();
        let forecast = Forecast::of(10_000, &settings);
        assert_eq!(
            (forecast.pages, forecast.error_calls, forecast.network_calls),
            (21, 1, 100)
        );
        assert_eq!(forecast.calls_an_hour(&settings), (1_320, 1_200));
        let interval = |milliseconds| forecast.shortest_interval(Duration::from_millis(milliseconds), &settings);
        assert_eq!(interval(100), Duration::from_secs(20));
        assert_eq!(interval(2_000), Duration::from_secs(65));
        assert_eq!(forecast.shortest_network_interval(&settings), Duration::from_secs(75));
        assert_eq!(Forecast::of(0, &settings).calls_a_poll(), 1);
    }
}
