//! Asks for the networks of desktops in batches, a bounded number at a time. A lost batch keeps what was known.

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::api::{self, Client};
use crate::inventory::{DesktopId, Losses, Networks};

/// What a pass over the networks found.
#[derive(Debug)]
pub(super) struct NetworkPass {
    /// What is known of every desktop of the listing, freshly or from before.
    pub(super) networks: Networks,
    /// What was not understood.
    pub(super) losses: Losses,
    /// Why desktops that should have been asked for have no fresh answer.
    pub(super) shortfall: Option<Shortfall>,
}

/// A pass did not get every answer it wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Shortfall {
    /// Calls failed; the first error stands for all.
    #[error("{batches} batches were lost")]
    Lost {
        /// How many.
        batches: usize,
        /// The first one's error.
        source: api::Error,
    },
    /// Time ran out; the next pass begins with those left out.
    #[error("time ran out; raise collect.network_interval or api.requests_per_second")]
    TimeRanOut,
}

/// How networks are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batching {
    /// Ids in one call, 1 to 100.
    pub(super) batch_size: usize,
    /// Calls at once.
    pub(super) concurrency: usize,
}

/// Whose networks a pass asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every desktop's.
    All,
    /// Only of desktops whose networks were never answered.
    Unknown,
}

/// Runs a pass for the desktops of a listing; it ends at the deadline whatever is missing.
pub(super) async fn ask(
    client: &Client,
    ids: &[DesktopId],
    earlier: &Networks,
    extent: Extent,
    batching: Batching,
    deadline: Instant,
) -> NetworkPass {
    let asked = to_ask(ids, earlier, extent);
    let mut pass = NetworkPass {
        networks: earlier.next_pass(ids),
        losses: Losses::default(),
        shortfall: None,
    };
    let batches: Vec<Vec<DesktopId>> = asked.chunks(batching.batch_size).map(<[_]>::to_vec).collect();
    let mut answers = stream::iter(batches)
        .map(|batch| async move {
            let answer = client.list_networks(&batch).await;
            (batch, answer)
        })
        .buffer_unordered(batching.concurrency);
    loop {
        match timeout_at(deadline, answers.next()).await {
            Ok(Some((batch, Ok(answer)))) => take(&batch, answer, &mut pass),
            Ok(Some((_, Err(error)))) => pass.shortfall = Some(Shortfall::after(pass.shortfall.take(), error)),
            Ok(None) => return pass,
            Err(_) => {
                pass.shortfall.get_or_insert(Shortfall::TimeRanOut);
                return pass;
            }
        }
    }
}

impl Shortfall {
    /// One more batch was lost.
    fn after(earlier: Option<Self>, error: api::Error) -> Self {
        match earlier {
            Some(Shortfall::Lost { batches, source }) => Shortfall::Lost {
                batches: batches + 1,
                source,
            },
            Some(Shortfall::TimeRanOut) | None => Shortfall::Lost {
                batches: 1,
                source: error,
            },
        }
    }
}

/// Takes over an answer: an id that was asked and not answered has no networks, one that was not asked is ignored.
fn take(batch: &[DesktopId], answer: api::NetworkAnswer, pass: &mut NetworkPass) {
    for id in batch {
        pass.networks.found(id.clone(), Vec::new());
    }
    for (id, ports) in answer.networks {
        if batch.contains(&id) {
            pass.networks.found(id, ports);
        }
    }
    pass.losses.merge(answer.losses);
}

/// Picks whom to ask for, those first whose answer is oldest: a pass that is cut short is made up for by the next.
fn to_ask(ids: &[DesktopId], earlier: &Networks, extent: Extent) -> Vec<DesktopId> {
    let mut asked: Vec<DesktopId> = ids
        .iter()
        .filter(|id| extent == Extent::All || earlier.last_answer(id) == 0)
        .cloned()
        .collect();
    asked.sort_by_key(|id| earlier.last_answer(id));
    asked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(names: impl IntoIterator<Item = u32>) -> Vec<DesktopId> {
        names
            .into_iter()
            .filter_map(|name| DesktopId::try_new(format!("{name:08}")))
            .collect()
    }

    proptest! {
        #[test]
        fn batches_cover_each_id_once_and_are_never_empty_or_too_long(
            count in 0_u32..1_000,
            batch_size in 1_usize..=100,
        ) {
            let ids = ids(0..count);
            let asked = to_ask(&ids, &Networks::default(), Extent::All);
            let batches: Vec<&[DesktopId]> = asked.chunks(batch_size).collect();
            prop_assert!(batches.iter().all(|batch| (1..=batch_size).contains(&batch.len())));
            prop_assert_eq!(batches.concat(), ids);
        }
    }

    #[test]
    fn those_without_an_answer_come_first_and_between_whole_passes_they_come_alone() {
        let mut earlier = Networks::default().next_pass(&[]);
        for id in ids([1, 3]) {
            earlier.found(id, Vec::new());
        }
        assert_eq!(to_ask(&ids([1, 2, 3, 4]), &earlier, Extent::Unknown), ids([2, 4]));
        assert_eq!(to_ask(&ids([1, 2, 3, 4]), &earlier, Extent::All), ids([2, 4, 1, 3]));
    }

    #[test]
    fn a_desktop_that_left_the_list_is_forgotten() {
        let mut earlier = Networks::default().next_pass(&[]);
        for id in ids([1, 2]) {
            earlier.found(id, Vec::new());
        }
        let next = earlier.next_pass(&ids([2]));
        assert_eq!(
            ids([1, 2]).iter().map(|id| next.last_answer(id)).collect::<Vec<_>>(),
            [0, 1]
        );
    }
}
