//! Who is let in: tokens, access keys, and the lock that five failures in a row bring. It knows no call.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};

use crate::identity::Identity;
use crate::signature::{Claim, Fault};

/// Failures in a row that lock an access key (the vendor's signing guide).
const FAILURES_TO_LOCK: u32 = 5;

/// How long the lock holds.
const LOCK: SignedDuration = SignedDuration::from_mins(5);

/// Why a request is not let in.
#[derive(Debug)]
pub(crate) enum Denial {
    /// No token, a wrong one or one that ended.
    Token,
    /// The signature is no good; with what the gateway says about it, which may echo the request.
    Signature(String),
    /// The access key is locked.
    Locked,
}

#[derive(Debug, Clone)]
struct Key {
    secret: String,
    security_token: Option<String>,
    ends_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Record {
    was_accepted: bool,
    failures_in_a_row: u32,
    locked_until: Option<Timestamp>,
}

/// The tokens and keys that are accepted, and what happened to them.
#[derive(Debug)]
pub struct Gateway {
    permanent_token: String,
    tokens: HashMap<String, Timestamp>,
    keys: HashMap<String, Key>,
    records: HashMap<String, Record>,
    locks: u64,
    refusals: u64,
    is_closed: bool,
    forbidden: HashSet<String>,
}

impl Gateway {
    pub(crate) fn new(identity: &Identity) -> Self {
        let mut gateway = Self {
            permanent_token: identity.token.clone(),
            tokens: HashMap::new(),
            keys: HashMap::new(),
            records: HashMap::new(),
            locks: 0,
            refusals: 0,
            is_closed: false,
            forbidden: HashSet::new(),
        };
        gateway.accept_key(&identity.access_key, &identity.secret_key);
        gateway
    }

    /// Accepts a permanent access key from now on.
    pub fn accept_key(&mut self, access_key: &str, secret_key: &str) {
        self.insert_key(access_key, secret_key, None, None);
    }

    /// Accepts no such access key any more.
    pub fn revoke_key(&mut self, access_key: &str) {
        self.keys.remove(access_key);
    }

    /// Nobody may perform this action from now on.
    pub fn forbid(&mut self, action: &str) {
        self.forbidden.insert(action.to_owned());
    }

    pub(crate) fn is_forbidden(&self, action: &str) -> bool {
        self.forbidden.contains(action)
    }

    /// Lets nobody in until told otherwise, as after a change of permissions.
    pub fn close(&mut self, is_closed: bool) {
        self.is_closed = is_closed;
    }

    /// Forgets every issued token, as a password change does.
    pub fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Whether a request was let in with this access key.
    #[must_use]
    pub fn was_used(&self, access_key: &str) -> bool {
        self.records.get(access_key).is_some_and(|record| record.was_accepted)
    }

    /// How often an access key was locked.
    #[must_use]
    pub fn locks(&self) -> u64 {
        self.locks
    }

    /// How many requests were not let in.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    pub(crate) fn accept_token(&mut self, token: &str, ends_at: Timestamp) {
        self.tokens.insert(token.to_owned(), ends_at);
    }

    pub(crate) fn accept_temporary_key(&mut self, access: &str, secret: &str, token: &str, ends_at: Timestamp) {
        self.insert_key(access, secret, Some(token.to_owned()), Some(ends_at));
    }

    fn insert_key(&mut self, access: &str, secret: &str, security_token: Option<String>, ends_at: Option<Timestamp>) {
        let key = Key {
            secret: secret.to_owned(),
            security_token,
            ends_at,
        };
        self.keys.insert(access.to_owned(), key);
    }

    /// Lets a request in or not; a refusal counts against its access key.
    pub(crate) fn admit(&mut self, request: &Request<Bytes>, now: Timestamp) -> Result<(), Denial> {
        let admitted = match header(request, "x-auth-token") {
            Some(token) => self.check_token(token, now),
            None if request.headers().contains_key("authorization") => self.check_signature(request, now),
            None => Err(Denial::Token),
        };
        self.refusals += u64::from(admitted.is_err());
        admitted
    }

    fn check_token(&self, token: &str, now: Timestamp) -> Result<(), Denial> {
        let is_known = token == self.permanent_token || self.tokens.get(token).is_some_and(|ends_at| now < *ends_at);
        if is_known && !self.is_closed {
            Ok(())
        } else {
            Err(Denial::Token)
        }
    }

    fn check_signature(&mut self, request: &Request<Bytes>, now: Timestamp) -> Result<(), Denial> {
        let claim = Claim::read(request).map_err(denial)?;
        let record = self.records.entry(claim.access_key.to_owned()).or_default();
        if record.locked_until.is_some_and(|until| now < until) {
            return Err(Denial::Locked);
        }
        let checked = match self.keys.get(claim.access_key) {
            _ if self.is_closed => Err(Denial::Signature("user is forbidden".to_owned())),
            None => Err(Denial::Signature("unknown access key".to_owned())),
            Some(key) if key.ends_at.is_some_and(|ends_at| ends_at <= now) => {
                Err(Denial::Signature("temporary key expired".to_owned()))
            }
            Some(key) if key.security_token.as_deref() != header(request, "x-security-token") => Err(
                Denial::Signature("security token does not fit the access key".to_owned()),
            ),
            Some(key) => claim.check(request, &key.secret, now).map_err(denial),
        };
        record.was_accepted |= checked.is_ok();
        record.failures_in_a_row = if checked.is_ok() {
            0
        } else {
            record.failures_in_a_row + 1
        };
        if record.failures_in_a_row >= FAILURES_TO_LOCK {
            record.failures_in_a_row = 0;
            record.locked_until = Some(now + LOCK);
            self.locks += 1;
        }
        checked
    }
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The gateway's own words, the echo of the canonical request included.
fn denial(fault: Fault) -> Denial {
    Denial::Signature(match fault {
        Fault::Malformed => "signature header is malformed".to_owned(),
        Fault::Expired => "signature expired".to_owned(),
        Fault::Wrong(canonical) => format!("verify aksk signature fail, {}", canonical.replace('\n', "|")),
    })
}
