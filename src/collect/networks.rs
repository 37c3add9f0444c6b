//! Keeps the networks of a project's desktops: all of them at their own cadence, new ones and those whose addresses changed
//! with the next poll. What a pass does not answer stays as it was, for a while.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::batches::{Batches, Batching, Outcome, Shortfall, ask_all};
use crate::api::Client;
use crate::causes;
use crate::inventory::{Desktop, DesktopId, Losses, Networks, Snapshot};
use crate::publish::NetworkFacts;

/// The part of its cadence that a pass may take.
const PASS_PART: f64 = 0.8;

/// A region that does not offer the call is asked less and less often, down to this.
const UNOFFERED_INTERVAL_MAXIMUM: Duration = Duration::from_secs(3_600);

/// An answer that missed this many passes is stale.
const PASSES_TO_STALE: u32 = 2;

/// Whose networks a pass asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every desktop's.
    All,
    /// Of desktops that are new or have other addresses.
    Fresh,
}

/// A desktop to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    id: DesktopId,
    mark: u64,
}

/// What is known of the networks of one project.
#[derive(Debug)]
pub(super) struct NetworkKeeper {
    client: Client,
    batching: Batching,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    networks: Networks,
    /// When every desktop is asked for next.
    due_at: Instant,
    completed_at: Option<Instant>,
    unoffered_in_a_row: u32,
    losses: Losses,
}

impl NetworkKeeper {
    /// Knows nothing yet, and has everything to ask.
    pub(super) fn new(client: Client, batching: Batching, interval: Duration, max_age: Duration) -> Self {
        Self {
            client,
            batching,
            interval,
            state: Mutex::new(State {
                networks: Networks::new(max_age),
                due_at: Instant::now(),
                completed_at: None,
                unoffered_in_a_row: 0,
                losses: Losses::default(),
            }),
        }
    }

    /// Takes over what a snapshot knows that was published before this was made.
    pub(super) fn adopt(&self, snapshot: &Snapshot) {
        let now = Instant::now();
        let mut state = self.state();
        for entry in snapshot.entries() {
            if let Some(ports) = &entry.ports {
                let desktop = &entry.desktop;
                state
                    .networks
                    .found(desktop.id.clone(), desktop.address_mark, ports.to_vec(), now);
            }
        }
    }

    /// When every desktop is asked for next.
    pub(super) fn due_at(&self) -> Instant {
        self.state().due_at
    }

    /// Uses what is known.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Networks) -> T) -> T {
        read(&self.state().networks)
    }

    /// What readers are told of it.
    pub(super) fn facts(&self) -> NetworkFacts {
        let kept = self.state();
        let age = self.interval * PASSES_TO_STALE;
        let stale = Instant::now()
            .checked_sub(age)
            .map_or(0, |since| kept.networks.stale(since));
        NetworkFacts {
            completed_at: kept.completed_at,
            stale,
            unresolved: kept.networks.unresolved(),
        }
    }

    /// What was not understood since the last call of this.
    pub(super) fn take_losses(&self) -> Losses {
        std::mem::take(&mut self.state().losses)
    }

    /// Forgets desktops that are not in the snapshot.
    pub(super) fn retain(&self, snapshot: &Snapshot) {
        let shown: HashSet<&DesktopId> = snapshot.entries().iter().map(|entry| &entry.desktop.id).collect();
        self.state().networks.retain(|id| shown.contains(id));
    }

    /// Asks for the networks of these desktops, by `deadline` at the latest; returns whether there was anything to ask.
    pub(super) async fn pass<'a>(
        &self,
        desktops: impl Iterator<Item = &'a Desktop>,
        extent: Extent,
        deadline: Instant,
    ) -> bool {
        let began_at = Instant::now();
        let wanted = wanted(desktops, &self.state().networks, extent);
        if wanted.is_empty() && extent == Extent::Fresh {
            return false;
        }
        if extent == Extent::Fresh && self.state().unoffered_in_a_row > 0 {
            return false;
        }
        let client = self.client.until(deadline);
        let mut batches = Batches::of(wanted, self.batching.batch_size);
        let call = |wanted: &[Wanted]| {
            let ids: Vec<DesktopId> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
            let client = client.clone();
            async move { client.list_networks(&ids).await }.boxed()
        };
        ask_all(
            &mut batches,
            self.batching.concurrency,
            call,
            |wanted, outcome| match outcome {
                Outcome::Answered(answer) => self.answered(wanted, answer),
                Outcome::Refused => self.refused(wanted),
                Outcome::Lost => {}
            },
        )
        .await;
        self.ended(extent, began_at, batches.shortfall());
        true
    }

    /// How long a pass over everything may take.
    pub(super) fn patience(&self) -> Duration {
        self.interval.mul_f64(PASS_PART)
    }

    /// An id that was asked for and not answered has no networks; one that was not asked for is ignored.
    fn answered(&self, wanted: Vec<Wanted>, answer: crate::api::NetworkAnswer) {
        let now = Instant::now();
        let mut state = self.state();
        let mut ports_of = answer.networks;
        for Wanted { id, mark } in wanted {
            let place = ports_of.iter().position(|(answered, _)| *answered == id);
            let ports = place.map_or_else(Vec::new, |place| ports_of.swap_remove(place).1);
            state.networks.found(id, mark, ports, now);
        }
        state.losses.merge(answer.losses);
    }

    fn refused(&self, wanted: Vec<Wanted>) {
        let mut state = self.state();
        for Wanted { id, mark } in wanted {
            tracing::warn!(
                desktop_id = id.as_str(),
                "the API refuses to answer for the networks of a desktop"
            );
            state.networks.refused(id, mark);
        }
    }

    fn ended(&self, extent: Extent, began_at: Instant, shortfall: Option<Shortfall>) {
        let mut state = self.state();
        if let Some(shortfall) = &shortfall {
            let error = causes::line(shortfall);
            tracing::warn!(%error, "networks were not all read, what was known of them stays");
        }
        let (source, is_offered) = match (extent, shortfall) {
            (Extent::Fresh, Some(Shortfall::NotOffered(_))) => {
                state.unoffered_in_a_row += 1;
                return;
            }
            (Extent::Fresh, _) => return,
            (Extent::All, None) => {
                state.completed_at = Some(Instant::now());
                state.unoffered_in_a_row = 0;
                state.due_at = began_at + self.interval;
                return;
            }
            (Extent::All, Some(Shortfall::Lost { source, .. })) => (source, true),
            (Extent::All, Some(Shortfall::NotOffered(source))) => (source, false),
        };
        state.unoffered_in_a_row = if is_offered { 0 } else { state.unoffered_in_a_row + 1 };
        let doubled = self.interval.saturating_mul(1 << state.unoffered_in_a_row.min(16));
        let interval = doubled.min(UNOFFERED_INTERVAL_MAXIMUM).max(self.interval);
        let asked = source.retry_after().unwrap_or_default().min(UNOFFERED_INTERVAL_MAXIMUM);
        state.due_at = (began_at + interval).max(Instant::now() + asked);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whole between any two uses, so a panic elsewhere cannot have spoilt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The snapshot with the networks known now; `None` if they are those it has.
pub(super) fn renewed(snapshot: &Snapshot, networks: &Networks, now: Instant) -> Option<Arc<Snapshot>> {
    let is_current = snapshot
        .entries()
        .iter()
        .all(|entry| entry.ports.as_ref() == networks.ports_of(&entry.desktop.id, now));
    (!is_current).then(|| Arc::new(snapshot.with_networks(networks, now)))
}

/// Picks whom to ask for: those that are new or changed first, then those whose answer is oldest, so that a pass that is
/// cut short is made up for by the next.
fn wanted<'a>(desktops: impl Iterator<Item = &'a Desktop>, networks: &Networks, extent: Extent) -> Vec<Wanted> {
    let mut wanted: Vec<(bool, Option<Instant>, Wanted)> = desktops
        .map(|desktop| {
            let wanted = Wanted {
                id: desktop.id.clone(),
                mark: desktop.address_mark,
            };
            (networks.wants(desktop), networks.last_answer(&desktop.id), wanted)
        })
        .filter(|(is_fresh, _, _)| extent == Extent::All || *is_fresh)
        .collect();
    wanted.sort_by(|left, right| {
        let order = |of: &(bool, Option<Instant>, Wanted)| (!of.0, of.1);
        order(left).cmp(&order(right)).then_with(|| left.2.id.cmp(&right.2.id))
    });
    wanted.into_iter().map(|(_, _, wanted)| wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::super::pages::desktop;
    use super::*;

    fn ids(wanted: &[Wanted]) -> Vec<&str> {
        wanted
            .iter()
            .map(|wanted| wanted.id.as_str().trim_start_matches('0'))
            .collect()
    }

    #[test]
    fn new_and_changed_desktops_come_first_then_the_oldest_answers() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut networks = Networks::new(Duration::from_secs(3_600));
        for (number, seconds) in [(1, 30), (2, 10), (3, 20), (4, 5)] {
            networks.found(desktop(number, 0).id, 0, Vec::new(), at(seconds));
        }
        networks.refused(desktop(5, 0).id, 0);
        let mut desktops: Vec<Desktop> = (1..7).map(|number| desktop(number, 0)).collect();
        desktops[2].address_mark = 77;
        let asked = |extent| wanted(desktops.iter(), &networks, extent);
        assert_eq!(ids(&asked(Extent::All)), ["6", "3", "5", "4", "2", "1"]);
        assert_eq!(ids(&asked(Extent::Fresh)), ["6", "3"]);
    }

    #[test]
    fn answers_are_shown_as_long_as_they_are_kept() {
        let now = Instant::now();
        let mut networks = Networks::new(Duration::from_secs(3_600));
        let id = desktop(1, 0).id;
        networks.found(id.clone(), 0, Vec::new(), now);
        networks.refused(id.clone(), 0);
        let shown_after = |seconds| networks.ports_of(&id, now + Duration::from_secs(seconds)).is_some();
        assert_eq!(
            (shown_after(0), shown_after(3_600), shown_after(3_601)),
            (true, true, false)
        );
        assert_eq!(networks.unresolved(), 1);
    }
}
