//! The simulated cloud as one value: an identity, its tokens, a fleet, and the trouble it is told to make.
//! It knows no socket and reads no clock: `now` is an argument.

use std::collections::HashMap;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use rand_pcg::Pcg32;

use crate::answers;
use crate::fleet::Fleet;
use crate::identity::{Identity, hexadecimal};

/// How long an issued token lives: the vendor's 24 hours.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What a simulator is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many desktops the fleet has at the start.
    pub desktops: usize,
    /// Everything random comes from it.
    pub seed: u64,
    /// The moment the fleet begins to live.
    pub start: Timestamp,
}

/// A whole simulated Workspace API and its IAM.
#[derive(Debug)]
pub struct Simulator {
    identity: Identity,
    fleet: Fleet,
    issued_tokens: HashMap<String, Timestamp>,
    random: Pcg32,
    requests: u64,
    outage: Option<StatusCode>,
}

impl Simulator {
    /// Makes the cloud of a seed. Costs about 2 µs a desktop.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            identity: Identity::of_seed(options.seed),
            fleet: Fleet::new(options.desktops, options.seed, options.start),
            issued_tokens: HashMap::new(),
            random: Pcg32::new(options.seed, 0x70),
            requests: 0,
            outage: None,
        }
    }

    /// Answers one request as the cloud would at `now`; the fleet first lives up to that moment.
    ///
    /// Time never runs backwards: an earlier `now` is answered with the state of the latest one.
    pub fn handle(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        self.requests += 1;
        self.fleet.advance(now);
        if let Some(status) = self.outage {
            return answers::outage(status);
        }
        answers::answer(self, request, now)
    }

    /// Who this cloud lets in.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The truth: the fleet as of the latest moment seen.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The fleet, to be changed by hand (a test's scripted event).
    pub fn fleet_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }

    /// Answers everything with this status until told otherwise; `None` ends the outage.
    pub fn set_outage(&mut self, outage: Option<StatusCode>) {
        self.outage = outage;
    }

    /// Forgets every issued token, as a password change does.
    pub fn revoke_tokens(&mut self) {
        self.issued_tokens.clear();
    }

    /// How many requests were answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Issues a project token; returns it with its expiry.
    pub(crate) fn issue_token(&mut self, now: Timestamp) -> (String, Timestamp) {
        let token = format!("MIIissued{}", hexadecimal(&mut self.random, 48));
        let expires_at = now + TOKEN_LIFE;
        self.issued_tokens.insert(token.clone(), expires_at);
        (token, expires_at)
    }

    /// Whether a token opens this project at `now`.
    pub(crate) fn accepts_token(&self, token: &str, now: Timestamp) -> bool {
        token == self.identity.token
            || self
                .issued_tokens
                .get(token)
                .is_some_and(|expires_at| now < *expires_at)
    }

    /// A request id as the gateway writes one.
    pub(crate) fn request_id(&mut self) -> String {
        hexadecimal(&mut self.random, 32)
    }
}
