//! The simulated cloud as one value: an identity, its tokens, a fleet, and the trouble it is told to make.
//! It knows no socket and reads no clock: `now` is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, HeaderValue};
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_pcg::Pcg32;

use crate::agency::{Metadata, TemporaryKey};
use crate::answers;
use crate::faults::{Conduct, Fault, ListFault, NetworkFault, Trouble};
use crate::fleet::Fleet;
use crate::gateway::Gateway;
use crate::identity::{Identity, hexadecimal};
use crate::scenario::{Scenario, Script};

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

/// A whole simulated Workspace API, its IAM and its metadata service.
#[derive(Debug)]
pub struct Simulator {
    identity: Identity,
    fleet: Fleet,
    /// Projects beside the identity's own, by id: name and fleet.
    other_projects: BTreeMap<String, (String, Fleet)>,
    gateway: Gateway,
    metadata: Metadata,
    token_life: SignedDuration,
    random: Pcg32,
    requests: u64,
    outage: Option<StatusCode>,
    script: Option<Script>,
    troubles: Vec<Trouble>,
    pub(crate) list_faults: Vec<ListFault>,
    pub(crate) network_faults: Vec<NetworkFault>,
    /// The fleet as a lagging replica has it.
    replica: Option<Fleet>,
}

impl Simulator {
    /// Makes the cloud of a seed. Costs about 2 µs a desktop.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let identity = Identity::of_seed(options.seed);
        Self {
            gateway: Gateway::new(&identity),
            identity,
            fleet: Fleet::new(options.desktops, options.seed, options.start),
            other_projects: BTreeMap::new(),
            metadata: Metadata::new(TOKEN_LIFE),
            token_life: TOKEN_LIFE,
            random: Pcg32::new(options.seed, 0x70),
            requests: 0,
            outage: None,
            script: None,
            troubles: Vec::new(),
            list_faults: Vec::new(),
            network_faults: Vec::new(),
            replica: None,
        }
    }

    /// Answers one request as the cloud would at `now`; the fleet first lives up to that moment.
    ///
    /// Time never runs backwards: an earlier `now` is answered with the state of the latest one.
    pub fn handle(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        self.requests += 1;
        self.fleet.advance(now);
        if let Some(replica) = &mut self.replica {
            for fault in &self.list_faults {
                if let ListFault::ReplicaLag(lag) = fault {
                    replica.advance(now - *lag);
                }
            }
        }
        for (_, fleet) in self.other_projects.values_mut() {
            fleet.advance(now);
        }
        if let Some(answer) = answers::stage(self, request, now) {
            return answer;
        }
        let mut response = match self.outage_at(now) {
            Some(status) => answers::outage(status),
            None => answers::answer(self, request, now),
        };
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(DATE, date);
        }
        response
    }

    /// Behaves towards one request as the cloud would at `now`, with whatever troubles there are.
    pub fn play(&mut self, request: &Request<Bytes>, now: Timestamp) -> Conduct {
        let answer = self.handle(request, now);
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let throttled = (self.told_at(now) == Some(Scenario::Throttled)).then(throttling);
        let struck =
            self.troubles.iter().chain(&throttled).find(|trouble| {
                target.contains(trouble.calls) && self.random.random_ratio(trouble.percent.min(100), 100)
            });
        match struck.map(|trouble| trouble.fault.clone()) {
            Some(fault) => {
                let request_id = self.request_id();
                fault.strike(answer, &request_id)
            }
            None => Conduct::Answers(Duration::ZERO, answer),
        }
    }

    /// Tells a story from now on, instead of the one that is told; `None`: none. What the last one did is mended.
    pub fn set_script(&mut self, script: Option<Script>) {
        self.script = script;
        self.fleet.set_script(script);
    }

    /// The story that is going on at a moment.
    pub(crate) fn told_at(&self, now: Timestamp) -> Option<Scenario> {
        self.script.and_then(|script| script.at(now))
    }

    fn outage_at(&self, now: Timestamp) -> Option<StatusCode> {
        let is_outage = self.told_at(now) == Some(Scenario::ApiOutage);
        self.outage.or(is_outage.then_some(StatusCode::SERVICE_UNAVAILABLE))
    }

    /// From now on these strike; the first that does is the one seen.
    pub fn set_troubles(&mut self, troubles: Vec<Trouble>) {
        self.troubles = troubles;
    }

    /// From now on the list call lies so.
    pub fn set_list_faults(&mut self, faults: Vec<ListFault>) {
        let lags = faults.iter().any(|fault| matches!(fault, ListFault::ReplicaLag(_)));
        self.replica = lags.then(|| self.fleet.clone());
        self.list_faults = faults;
    }

    /// From now on the networks call lies so.
    pub fn set_network_faults(&mut self, faults: Vec<NetworkFault>) {
        self.network_faults = faults;
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

    /// Opens another project of the account with a fleet of its own; returns its id.
    pub fn open_project(&mut self, name: &str, desktops: usize, now: Timestamp) -> String {
        let id = hexadecimal(&mut self.random, 32);
        let fleet = Fleet::new(desktops, self.random.random(), now);
        self.other_projects.insert(id.clone(), (name.to_owned(), fleet));
        id
    }

    /// Closes a project that was opened so.
    pub fn close_project(&mut self, id: &str) {
        self.other_projects.remove(id);
    }

    /// The fleet of a project, if there is such a project.
    pub(crate) fn fleet_of(&self, project_id: &str) -> Option<&Fleet> {
        if project_id == self.identity.project_id {
            // Two replicas take turns.
            let replica = self.replica.as_ref().filter(|_| self.requests.is_multiple_of(2));
            return Some(replica.unwrap_or(&self.fleet));
        }
        self.other_projects.get(project_id).map(|(_, fleet)| fleet)
    }

    /// Every project: id and name.
    pub(crate) fn projects(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = (self.identity.project_id.as_str(), self.identity.region.as_str());
        let others = self
            .other_projects
            .iter()
            .map(|(id, (name, _))| (id.as_str(), name.as_str()));
        std::iter::once(own).chain(others)
    }

    /// The fleet, to be changed by hand (a test's scripted event).
    pub fn fleet_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }

    /// Answers everything with this status until told otherwise; `None` ends the outage.
    pub fn set_outage(&mut self, outage: Option<StatusCode>) {
        self.outage = outage;
    }

    /// Who is let in, to be asked and changed.
    pub fn gateway_mut(&mut self) -> &mut Gateway {
        &mut self.gateway
    }

    /// Tokens issued from now on live this long.
    pub fn set_token_life(&mut self, life: SignedDuration) {
        self.token_life = life;
    }

    /// Keys of the metadata service live this long from now on; without sessions it is the older kind of service.
    pub fn set_metadata(&mut self, key_life: SignedDuration, has_sessions: bool) {
        self.metadata.key_life = key_life;
        self.metadata.has_sessions = has_sessions;
    }

    /// Issues a temporary key, as an agency does.
    pub fn issue_temporary_key(&mut self, now: Timestamp) -> TemporaryKey {
        let key = TemporaryKey {
            access_key: format!("TEMPORARY{}", hexadecimal(&mut self.random, 11).to_uppercase()),
            secret_key: hexadecimal(&mut self.random, 40),
            security_token: format!("securitytoken{}", hexadecimal(&mut self.random, 60)),
            ends_at: now + self.metadata.key_life,
        };
        self.gateway
            .accept_temporary_key(&key.access_key, &key.secret_key, &key.security_token, key.ends_at);
        key
    }

    /// How many requests were answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn open_metadata_session(&mut self) -> String {
        let session = hexadecimal(&mut self.random, 40);
        self.metadata.open(session.clone());
        session
    }

    /// Issues a project token; returns it with its expiry.
    pub(crate) fn issue_token(&mut self, now: Timestamp) -> (String, Timestamp) {
        let token = format!("MIIissued{}", hexadecimal(&mut self.random, 48));
        let ends_at = now + self.token_life;
        self.gateway.accept_token(&token, ends_at);
        (token, ends_at)
    }

    /// A request id as the gateway writes one.
    pub(crate) fn request_id(&mut self) -> String {
        hexadecimal(&mut self.random, 32)
    }
}

/// What half of all calls are answered with while the API throttles.
fn throttling() -> Trouble {
    Trouble {
        fault: Fault::Throttled {
            limit: "limit:60,time:1 minute",
        },
        percent: 50,
        calls: "/v2/",
    }
}
