//! From a request to the documented answer: who asks, for what, and the shape of a refusal.
//! The rooms below know one call each; none of them knows a socket.

mod desktops;
mod errors;
mod iam;
mod lies;
mod metadata;
mod networks;
mod stage;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::fleet::Fleet;
use crate::query::Query;
use crate::simulator::Simulator;
use desktops::Shapes;
use errors::Refusal;
use lies::Lies;
pub(crate) use stage::answer as stage;

/// A call of the API, told from method and path.
enum Call<'a> {
    CreateToken,
    FindProjects,
    CreateMetadataSession,
    SecurityKey,
    ListDesktops { project_id: &'a str },
    ListNetworks { project_id: &'a str },
}

impl<'a> Call<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Self> {
        match (method, path) {
            (&Method::POST, "/v3/auth/tokens") => return Some(Call::CreateToken),
            (&Method::GET, "/v3/projects") => return Some(Call::FindProjects),
            (&Method::PUT, "/meta-data/latest/api/token") => return Some(Call::CreateMetadataSession),
            (&Method::GET, "/openstack/latest/securitykey") => return Some(Call::SecurityKey),
            _ => {}
        }
        let (project_id, call) = path.strip_prefix("/v2/")?.split_once('/')?;
        match (method, call) {
            (&Method::GET, "desktops/detail") => Some(Call::ListDesktops { project_id }),
            (&Method::GET, "desktops/networks") => Some(Call::ListNetworks { project_id }),
            _ => None,
        }
    }
}

/// Answers one request with the state of the simulator; `now` decides which tokens still live.
pub(crate) fn answer(simulator: &mut Simulator, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    let Some(call) = Call::of(request.method(), request.uri().path()) else {
        return errors::response(simulator, &Refusal::ApiNotFound);
    };
    let query = Query::parse(request.uri().query());
    let answered = match call {
        Call::CreateToken => return iam::create_token(simulator, request.body(), now),
        Call::FindProjects => return iam::find_projects(simulator, request, &query, now),
        Call::CreateMetadataSession => return metadata::create_session(simulator, request),
        Call::SecurityKey => return metadata::security_key(simulator, request, now),
        Call::ListDesktops { project_id } => {
            let shapes = Shapes::for_client(request);
            let lies = Lies::of(&simulator.list_faults, now);
            admit(simulator, request, project_id, now, &LIST_ACTIONS)
                .and_then(|fleet| desktops::list(fleet, &query, shapes, &lies))
        }
        Call::ListNetworks { project_id } => {
            let faults = simulator.network_faults.clone();
            admit(simulator, request, project_id, now, &NETWORK_ACTIONS)
                .and_then(|fleet| networks::list(fleet, &query, &faults))
        }
    };
    match answered {
        Ok(body) => text(StatusCode::OK, body),
        Err(refusal) => errors::response(simulator, &refusal),
    }
}

/// The answer to everything while an outage lasts: what a gateway's proxy sends.
pub(crate) fn outage(status: StatusCode) -> Response<Bytes> {
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    let mut response = Response::new(Bytes::from(page));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// What a user must be allowed to list desktops.
const LIST_ACTIONS: [&str; 1] = ["workspace:desktops:listDetail"];

/// What a user must be allowed to list networks.
const NETWORK_ACTIONS: [&str; 7] = [
    "workspace:desktops:listDesktopNetworks",
    "vpc:vpcs:get",
    "vpc:subnets:get",
    "vpc:networks:get",
    "vpc:ports:get",
    "vpc:securityGroups:get",
    "eip:publicIps:list",
];

/// Checks the token or the signature and the actions, then finds the project's fleet.
fn admit<'a>(
    simulator: &'a mut Simulator,
    request: &Request<Bytes>,
    project_id: &str,
    now: Timestamp,
    actions: &[&'static str],
) -> Result<&'a Fleet, Refusal> {
    simulator.gateway_mut().admit(request, now).map_err(Refusal::Denied)?;
    if let Some(action) = actions
        .iter()
        .find(|action| simulator.gateway_mut().is_forbidden(action))
    {
        return Err(Refusal::Forbidden(action));
    }
    simulator.fleet_of(project_id).ok_or(Refusal::ForeignProject)
}

fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    text(status, body.to_string())
}

/// JSON that is written already.
fn text(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
