//! Why a poll failed, as a closed list: it is a metric label, so the type bounds it (`metrics.md`, `poll_failures_total`).

/// The reason of a failed poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// The credential was refused, or there is none.
    Auth,
    /// The credential is good but may not do this.
    Permission,
    /// Too many requests.
    Throttled,
    /// No answer in time.
    Timeout,
    /// The connection failed.
    Network,
    /// The connection is not trusted.
    Tls,
    /// The service failed.
    Server,
    /// The answer was not what the API promises.
    Decode,
    /// Desktops slid over a page boundary.
    Gap,
    /// Fewer desktops were listed than the API counted.
    Count,
    /// The list was not in the order asked for.
    Order,
    /// Pages came and brought nothing new.
    Stuck,
    /// The fleet shrank too much to be believed at once.
    Shrink,
    /// A bound of ours was reached.
    Limit,
}

impl FailureReason {
    /// Every reason, so that counters start at zero.
    pub const ALL: [Self; 14] = [
        FailureReason::Auth,
        FailureReason::Permission,
        FailureReason::Throttled,
        FailureReason::Timeout,
        FailureReason::Network,
        FailureReason::Tls,
        FailureReason::Server,
        FailureReason::Decode,
        FailureReason::Gap,
        FailureReason::Count,
        FailureReason::Order,
        FailureReason::Stuck,
        FailureReason::Shrink,
        FailureReason::Limit,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureReason::Auth => "auth",
            FailureReason::Permission => "permission",
            FailureReason::Throttled => "throttled",
            FailureReason::Timeout => "timeout",
            FailureReason::Network => "network",
            FailureReason::Tls => "tls",
            FailureReason::Server => "server",
            FailureReason::Decode => "decode",
            FailureReason::Gap => "gap",
            FailureReason::Count => "count",
            FailureReason::Order => "order",
            FailureReason::Stuck => "stuck",
            FailureReason::Shrink => "shrink",
            FailureReason::Limit => "limit",
        }
    }
}
