//! What goes wrong and when: quiet hours and troubled ones, drawn from the seed. Every kind of fault of `semantics.md`,
//! section 5, has its turn.

use std::time::Duration;

use jiff::SignedDuration;
use rand::RngExt;
use rand_pcg::Pcg32;
use workspace_simulator::{BodyFault, Fault, ListFault, NetworkFault, Simulator, TotalFault, Trouble};

/// Quiet for this long before anything is expected of the exporter: it may have been asked to stay away.
pub(crate) const CALM_AFTER: Duration = Duration::from_secs(20 * 60);

/// The weather for a while.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spell {
    pub(crate) troubles: Vec<Trouble>,
    list: Vec<ListFault>,
    networks: Vec<NetworkFault>,
    is_closed: bool,
    revokes_tokens: bool,
    pub(crate) skew: SignedDuration,
}

impl Spell {
    /// Whether nothing is wrong.
    pub(crate) fn is_calm(&self) -> bool {
        self.troubles.is_empty() && !self.is_closed && self.list.iter().all(|fault| is_harmless(*fault))
    }

    /// Whether the server does not sort, which takes longer to prove.
    pub(crate) fn is_unsorted(&self) -> bool {
        self.list.contains(&ListFault::Unsorted)
    }

    /// Whether the server shows nothing at all.
    pub(crate) fn is_blind(&self) -> bool {
        self.list.contains(&ListFault::Nothing)
    }

    /// How long the exporter stays away from a credential that was refused (`semantics.md`, section 3).
    pub(crate) fn aftermath(&self) -> SignedDuration {
        if self.is_closed || self.revokes_tokens || self.skew != SignedDuration::ZERO {
            SignedDuration::from_mins(6)
        } else if self.troubles.iter().any(|trouble| stays_away(&trouble.fault)) {
            SignedDuration::from_mins(16)
        } else {
            SignedDuration::ZERO
        }
    }

    /// Makes the simulator behave so.
    pub(crate) fn apply(&self, simulator: &mut Simulator) {
        simulator.set_troubles(self.troubles.clone());
        simulator.set_list_faults(self.list.clone());
        simulator.set_network_faults(self.networks.clone());
        simulator.gateway_mut().close(self.is_closed);
        if self.revokes_tokens {
            simulator.gateway_mut().revoke_tokens();
        }
    }
}

/// Whether the exporter was asked to stay away, or may take a refusal for one that lasts.
fn stays_away(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::StatusRetryAfter(..) | Fault::Throttled { .. } | Fault::Status(400..=499)
    )
}

/// Lies that a listing must see through without any failure.
fn is_harmless(fault: ListFault) -> bool {
    matches!(
        fault,
        ListFault::Capped(_)
            | ListFault::Unsorted
            | ListFault::Total(TotalFault::Missing | TotalFault::Less(_))
            | ListFault::NastyNames
    )
}

/// The forecast of one world.
pub(crate) struct Weather {
    random: Pcg32,
    was_calm: bool,
}

impl Weather {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self {
            random: Pcg32::new(seed, 0x3ea),
            was_calm: false,
        }
    }

    /// The next spell and how long it lasts; calm ones are long enough for the exporter to recover.
    pub(crate) fn next(&mut self) -> (Duration, Spell) {
        self.was_calm = !self.was_calm;
        if self.was_calm {
            let calm = self.random.random_range(1_500..4_000);
            return (Duration::from_secs(calm), self.calm());
        }
        let spell = self.trouble();
        // A narrowed permission that lasts is believed after five minutes, and rightly so.
        let longest = if spell.list.contains(&ListFault::Nothing) {
            240
        } else {
            1_500
        };
        (Duration::from_secs(self.random.random_range(30..longest)), spell)
    }

    fn calm(&mut self) -> Spell {
        let list = match self.random.random_range(0..10) {
            0 => vec![ListFault::Capped(self.random.random_range(13..24))],
            1 => vec![ListFault::Unsorted],
            2 => vec![ListFault::Total(TotalFault::Missing)],
            3 => vec![ListFault::NastyNames],
            4 => vec![ListFault::Capped(17), ListFault::Total(TotalFault::Missing)],
            5 => vec![ListFault::Total(TotalFault::Less(self.random.random_range(1..9)))],
            _ => Vec::new(),
        };
        Spell {
            list,
            networks: self.networks(),
            ..Spell::default()
        }
    }

    fn networks(&mut self) -> Vec<NetworkFault> {
        match self.random.random_range(0..8) {
            0 => vec![NetworkFault::NotOffered],
            1 => vec![NetworkFault::Poisoned {
                one_in: self.random.random_range(3..40),
                status: [400, 404, 409, 414][self.random.random_range(0..4)],
            }],
            2 => vec![NetworkFault::ForeignIds],
            _ => Vec::new(),
        }
    }

    fn trouble(&mut self) -> Spell {
        let mut spell = self.calm();
        match self.random.random_range(0..12) {
            0 => spell.is_closed = true,
            1 => spell.revokes_tokens = true,
            2 => spell.skew = SignedDuration::from_mins(self.random.random_range(-30..30)),
            // Lies of which nobody could know the truth are not told together.
            3 => {
                spell.list = vec![ListFault::ReplicaLag(SignedDuration::from_secs(
                    self.random.random_range(1..20),
                ))];
            }
            4 => spell.list = vec![ListFault::SamePageForEver],
            5 => spell.list = vec![ListFault::Shuffled],
            6 => spell.list = vec![ListFault::Total(TotalFault::More(self.random.random_range(1..50)))],
            7 => return Self::blackout(),
            _ => {}
        }
        for _ in 0..self.random.random_range(0..3) {
            spell.troubles.push(self.fault());
        }
        spell
    }

    /// An empty 200 for a while, shorter than it takes to be believed.
    fn blackout() -> Spell {
        Spell {
            list: vec![ListFault::Nothing],
            ..Spell::default()
        }
    }

    fn fault(&mut self) -> Trouble {
        let calls = [
            "",
            "",
            "detail",
            "networks",
            "tokens",
            "offset=1",
            "status=ERROR",
            "desktop_id=",
        ][self.random.random_range(0..8)];
        let percent = [1, 5, 20, 50, 100][self.random.random_range(0..5)];
        let fault = match self.random.random_range(0..24) {
            0 => Fault::Refused,
            1 => Fault::Reset,
            2 => Fault::ResetInBody,
            3 => Fault::Silence,
            4 => Fault::Slow(Duration::from_millis(self.random.random_range(100..40_000))),
            5 => Fault::StatusRetryAfter(429, self.random.random_range(0..2_000).to_string()),
            6 => Fault::StatusRetryAfter(503, "Fri, 02 Jan 2026 03:04:05 GMT".to_owned()),
            7 => Fault::StatusRetryAfter(503, "Fri, 02 Jan 2037 03:04:05 GMT".to_owned()),
            8 => Fault::StatusRetryAfter(429, "soon\u{FF}".to_owned()),
            9 => Fault::Throttled {
                limit: ["limit:200,time:1 minute", "limit:60,time:1 minute", "limit:"][self.random.random_range(0..3)],
            },
            10 => Fault::Body(BodyFault::Html),
            11 => Fault::Body(BodyFault::Empty),
            12 => Fault::Body(BodyFault::Null),
            13 => Fault::Body(BodyFault::EmptyArray),
            14 => Fault::Body(BodyFault::Truncated),
            15 => Fault::Body(BodyFault::WrongTypes),
            16 => Fault::Body(BodyFault::DeepNesting),
            17 => Fault::Body(BodyFault::Compressed),
            18 => Fault::Body(BodyFault::RecordWithoutId),
            19 => Fault::Body(BodyFault::EmptyObject),
            20 => Fault::Redirect("http://elsewhere.example/".to_owned()),
            _ => Fault::Status([400, 403, 404, 408, 429, 500, 502, 503, 504][self.random.random_range(0..9)]),
        };
        Trouble { fault, percent, calls }
    }
}
