//! How many retries a project may still make: an account that failures empty and successes fill (`semantics.md`, section
//! 2). It keeps an outage from being answered with more calls than a good day. Pure.

/// What a retry costs, and gives back when it succeeds.
const COST: u32 = 10;
const COST_WHEN_THROTTLED: u32 = 5;

/// An account of retries.
#[derive(Debug)]
pub(super) struct Quota {
    capacity: u32,
    tokens: u32,
}

/// A retry that was paid for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paid(u32);

impl Quota {
    /// A full account.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            capacity,
            tokens: capacity,
        }
    }

    /// Pays for a retry; `None` when the account has too little.
    pub(super) fn pay(&mut self, is_throttled: bool) -> Option<Paid> {
        let cost = if is_throttled { COST_WHEN_THROTTLED } else { COST };
        self.tokens = self.tokens.checked_sub(cost)?;
        Some(Paid(cost))
    }

    /// A call succeeded: a first attempt fills the account a little, a retry repays its own cost.
    pub(super) fn succeeded(&mut self, retry: Option<Paid>) {
        let repaid = retry.map_or(0, |Paid(cost)| cost);
        self.tokens = (self.tokens + repaid + 1).min(self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_retries_fail_and_then_only_successes_help() {
        let mut quota = Quota::new(50);
        assert_eq!((0..9).filter(|_| quota.pay(false).is_some()).count(), 5);
        for _ in 0..9 {
            quota.succeeded(None);
        }
        assert!(quota.pay(false).is_none(), "nine successes do not pay for a retry");
        quota.succeeded(None);
        assert!(quota.pay(false).is_some());
        assert!(quota.pay(true).is_none());
    }

    #[test]
    fn a_retry_that_succeeds_costs_nothing() {
        let mut quota = Quota::new(50);
        for _ in 0..100 {
            let paid = quota.pay(true);
            assert!(paid.is_some());
            quota.succeeded(paid);
        }
    }

    proptest! {
        #[test]
        fn of_calls_that_all_fail_no_more_than_the_accounts_worth_is_added(
            throttled in proptest::collection::vec(any::<bool>(), 1..200),
        ) {
            let mut quota = Quota::new(50);
            let retries = throttled.iter().filter(|throttled| quota.pay(**throttled).is_some()).count();
            prop_assert!(retries <= 10);
        }
    }
}
