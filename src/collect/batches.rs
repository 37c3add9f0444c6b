//! Questions about many ids, asked in batches, a bounded number at a time. A batch that the API refuses is halved until the
//! id that it does not like stands alone (`semantics.md`, section 3). It knows no call by name.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use crate::api;

/// How often a batch may be halved: 100 ids are single ones after seven times.
const LEVELS: u32 = 7;

/// Calls beyond one a batch, in one pass.
const EXTRA_CALLS: u32 = 16;

/// Batches lost in a row after which the call is taken to be down.
const LOSSES_IN_A_ROW: u32 = 3;

/// Refusals in a pass without a single answer after which the call itself is taken to be missing: no fleet is so full of
/// poisoned ids.
const REFUSALS_OF_A_MISSING_CALL: u32 = 7;

/// How long a batch that somebody else is changing waits.
const CONFLICT_PAUSE: Duration = Duration::from_secs(2);

/// How ids are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batching {
    /// Ids in one call, 1 to 100.
    pub(super) batch_size: usize,
    /// Calls at once.
    pub(super) concurrency: usize,
}

/// Ids to be asked for in one call.
#[derive(Debug, PartialEq, Eq)]
struct Batch<T> {
    ids: Vec<T>,
    level: u32,
    pause: Duration,
}

/// What became of ids.
#[derive(Debug)]
pub(super) enum Outcome<A> {
    /// The API answered for all of them at once.
    Answered(A),
    /// The API refuses to answer for them.
    Refused,
    /// The call failed, or was not made.
    Lost,
}

/// Why a pass did not ask for everything, or not with success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Shortfall {
    /// Calls failed; the first error stands for all.
    #[error("{batches} batches were lost")]
    Lost {
        /// How many.
        batches: u32,
        /// The first one's error.
        source: api::Error,
    },
    /// The region does not offer the call.
    #[error("the API does not offer the call")]
    NotOffered(#[source] api::Error),
}

/// The batches of one pass.
#[derive(Debug)]
pub(super) struct Batches<T> {
    queue: VecDeque<Batch<T>>,
    extra_calls: u32,
    answered: u32,
    lost: u32,
    lost_in_a_row: u32,
    refusals: u32,
    is_missing: bool,
    first_error: Option<api::Error>,
}

impl<T> Batches<T> {
    /// Cuts ids into batches, in their order.
    pub(super) fn of(ids: Vec<T>, size: usize) -> Self {
        let mut queue = VecDeque::new();
        let mut ids = ids.into_iter().peekable();
        while ids.peek().is_some() {
            queue.push_back(Batch {
                ids: ids.by_ref().take(size).collect(),
                level: 0,
                pause: Duration::ZERO,
            });
        }
        Self {
            queue,
            extra_calls: EXTRA_CALLS,
            answered: 0,
            lost: 0,
            lost_in_a_row: 0,
            refusals: 0,
            is_missing: false,
            first_error: None,
        }
    }

    /// Why something is missing; `None` if nothing is.
    pub(super) fn shortfall(self) -> Option<Shortfall> {
        let batches = self.lost;
        let shortfall = |source| {
            if self.is_missing {
                Shortfall::NotOffered(source)
            } else {
                Shortfall::Lost { batches, source }
            }
        };
        self.first_error.map(shortfall)
    }

    fn succeeded(&mut self) {
        self.answered += 1;
        self.lost_in_a_row = 0;
    }

    /// Decides what becomes of a batch that failed: back into the queue in some form, or given up.
    fn failed(
        &mut self,
        mut batch: Batch<T>,
        error: api::Error,
    ) -> Option<(Vec<T>, Outcome<std::convert::Infallible>)> {
        if error.is_conflict() && batch.pause.is_zero() && self.extra_calls > 0 {
            self.extra_calls -= 1;
            batch.pause = CONFLICT_PAUSE;
            self.queue.push_back(batch);
            return None;
        }
        self.refusals += u32::from(error.may_be_about_an_id());
        self.is_missing |=
            error.is_not_offered() || (self.answered == 0 && self.refusals >= REFUSALS_OF_A_MISSING_CALL);
        if error.may_be_about_an_id() && !self.is_missing {
            if batch.ids.len() == 1 {
                return Some((batch.ids, Outcome::Refused));
            }
            if batch.level < LEVELS && self.extra_calls >= 2 {
                self.extra_calls -= 2;
                let other = batch.ids.split_off(batch.ids.len() / 2);
                for ids in [other, batch.ids] {
                    self.queue.push_front(Batch {
                        ids,
                        level: batch.level + 1,
                        pause: Duration::ZERO,
                    });
                }
                return None;
            }
        }
        self.lost += 1;
        self.lost_in_a_row += 1;
        let is_over =
            self.is_missing || matches!(error, api::Error::OutOfTime { .. }) || self.lost_in_a_row >= LOSSES_IN_A_ROW;
        self.first_error.get_or_insert(error);
        if is_over {
            self.lost += u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
            let rest = self.queue.drain(..).flat_map(|batch| batch.ids);
            batch.ids.extend(rest);
        }
        Some((batch.ids, Outcome::Lost))
    }
}

/// Asks until every id has an outcome; `take` is told of each as it comes.
pub(super) async fn ask_all<'a, T, A>(
    batches: &mut Batches<T>,
    concurrency: usize,
    call: impl Fn(&[T]) -> BoxFuture<'a, Result<A, api::Error>> + Sync,
    mut take: impl FnMut(Vec<T>, Outcome<A>) + Send,
) where
    T: Send,
    A: Send,
{
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < concurrency
            && let Some(batch) = batches.queue.pop_front()
        {
            let answer = call(&batch.ids);
            under_way.push(async move {
                sleep(batch.pause).await;
                (batch, answer.await)
            });
        }
        match under_way.next().await {
            None => return,
            Some((batch, Ok(answer))) => {
                batches.succeeded();
                take(batch.ids, Outcome::Answered(answer));
            }
            Some((batch, Err(error))) => match batches.failed(batch, error) {
                Some((ids, Outcome::Refused)) => take(ids, Outcome::Refused),
                Some((ids, _)) => take(ids, Outcome::Lost),
                None => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http::StatusCode;
    use proptest::prelude::*;

    use super::*;
    use crate::api::{Operation, Refusal};

    fn refused(status: u16, code: Option<&str>) -> api::Error {
        api::Error::Refused {
            operation: Operation::ListNetworks,
            refusal: Refusal {
                status: StatusCode::from_u16(status).expect("a status"),
                code: code.map(Box::from),
                request_id: None,
                retry_after: None,
                limit: None,
                action: None,
            },
        }
    }

    #[derive(Default)]
    struct Seen {
        answered: Vec<u32>,
        refused: Vec<u32>,
        lost: Vec<u32>,
        calls: usize,
    }

    /// Asks for ids of an API that answers as told; returns what became of each.
    fn ask(
        count: u32,
        size: usize,
        answer: impl Fn(&[u32]) -> Result<(), api::Error> + Sync,
    ) -> (Seen, Option<Shortfall>) {
        ask_at_once(4, count, size, answer)
    }

    fn ask_at_once(
        concurrency: usize,
        count: u32,
        size: usize,
        answer: impl Fn(&[u32]) -> Result<(), api::Error> + Sync,
    ) -> (Seen, Option<Shortfall>) {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        let mut seen = Seen::default();
        let mut batches = Batches::of((0..count).collect(), size);
        let call = |ids: &[u32]| {
            calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::future::ready(answer(ids)).boxed()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(ask_all(&mut batches, concurrency, call, |ids, outcome| match outcome {
            Outcome::Answered(()) => seen.answered.extend(ids),
            Outcome::Refused => seen.refused.extend(ids),
            Outcome::Lost => seen.lost.extend(ids),
        }));
        seen.calls = calls.into_inner();
        (seen, batches.shortfall())
    }

    #[test]
    fn one_poisoned_id_costs_itself_and_a_call_for_each_halving() {
        for status in [400, 404, 414] {
            let poisoned = |ids: &[u32]| {
                if ids.contains(&37) {
                    Err(refused(status, None))
                } else {
                    Ok(())
                }
            };
            let (seen, shortfall) = ask(100, 100, poisoned);
            assert_eq!((seen.refused.as_slice(), seen.answered.len()), ([37].as_slice(), 99));
            assert!(seen.calls <= 1 + 14, "{} calls", seen.calls);
            assert!(shortfall.is_none());
        }
    }

    #[test]
    fn a_conflict_waits_once_before_it_is_halved() {
        let is_first = std::sync::atomic::AtomicBool::new(true);
        let (seen, _) = ask(100, 100, |_| {
            if is_first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                Err(refused(409, None))
            } else {
                Ok(())
            }
        });
        assert_eq!((seen.answered.len(), seen.calls), (100, 2));
        let (seen, _) = ask(4, 4, |ids| {
            if ids.contains(&2) {
                Err(refused(409, None))
            } else {
                Ok(())
            }
        });
        assert_eq!((seen.refused.as_slice(), seen.answered.len()), ([2].as_slice(), 3));
    }

    #[test]
    fn a_call_that_is_not_offered_is_asked_once() {
        let (seen, shortfall) = ask(10_000, 100, |_| Err(refused(404, Some("APIGW.0101"))));
        assert!(seen.calls <= 4, "{} calls", seen.calls);
        assert_eq!(seen.lost.len(), 10_000);
        assert!(shortfall.is_some());
    }

    #[test]
    fn losses_with_answers_between_them_do_not_end_a_pass() {
        let (seen, shortfall) = ask_at_once(1, 300, 10, |ids| {
            if ids[0] % 30 == 0 {
                Ok(())
            } else {
                Err(refused(500, None))
            }
        });
        assert_eq!((seen.calls, seen.answered.len(), seen.lost.len()), (30, 100, 200));
        assert!(matches!(shortfall, Some(Shortfall::Lost { batches: 20, .. })));
        let (seen, _) = ask_at_once(1, 300, 10, |_| Err(refused(500, None)));
        assert_eq!((seen.calls, seen.lost.len()), (3, 300));
    }

    #[test]
    fn what_is_asked_beyond_one_call_a_batch_is_bounded() {
        let (seen, _) = ask_at_once(
            1,
            21,
            1,
            |ids| if ids[0] == 0 { Ok(()) } else { Err(refused(409, None)) },
        );
        assert_eq!((seen.calls, seen.refused.len()), (21 + 16, 20));
        let (seen, _) = ask_at_once(
            1,
            300,
            10,
            |ids| if ids[0] < 10 { Ok(()) } else { Err(refused(400, None)) },
        );
        assert_eq!(
            seen.calls,
            1 + 16 + 3,
            "sixteen more for halves, then three whole batches are lost"
        );
    }

    #[test]
    fn a_call_that_is_missing_without_saying_so_is_found_out() {
        let (seen, shortfall) = ask(10_000, 100, |_| Err(refused(404, None)));
        assert!(seen.calls <= 12, "{} calls", seen.calls);
        assert_eq!(seen.lost.len() + seen.refused.len(), 10_000);
        assert!(matches!(shortfall, Some(Shortfall::NotOffered(_))));
    }

    #[test]
    fn a_call_that_is_down_is_given_up_after_three_batches() {
        let (seen, shortfall) = ask(10_000, 100, |_| Err(refused(500, None)));
        assert!(seen.calls <= 7, "{} calls", seen.calls);
        assert_eq!(seen.lost.len(), 10_000);
        let Some(Shortfall::Lost { batches, .. }) = shortfall else {
            panic!("nothing was lost");
        };
        assert_eq!(batches, 100);
    }

    proptest! {
        #[test]
        fn every_id_has_one_outcome_and_the_good_ones_are_answered(
            count in 0_u32..700,
            size in 1_usize..=100,
            poisoned in proptest::collection::hash_set(0_u32..700, 0..12),
        ) {
            let (seen, _) = ask(count, size, |ids| if ids.iter().any(|id| poisoned.contains(id)) { Err(refused(400, None)) } else { Ok(()) });
            let mut all = [&seen.answered[..], &seen.refused, &seen.lost].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            prop_assert!(seen.answered.iter().all(|id| !poisoned.contains(id)));
            prop_assert!(seen.refused.iter().all(|id| poisoned.contains(id)));
            prop_assert!(seen.calls <= (count as usize).div_ceil(size) + EXTRA_CALLS as usize);
        }
    }
}
