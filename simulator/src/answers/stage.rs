//! The one call that the real API does not have: which story is told. `GET` says it, `PUT` with a name tells another from now
//! on, `PUT` with `none` ends it.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;

use crate::scenario::{Scenario, Script};
use crate::simulator::Simulator;

const PATH: &str = "/simulator/scenario";

/// Answers the call, if it is this one; an outage of the API does not concern it.
pub(crate) fn answer(simulator: &mut Simulator, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    if request.uri().path() != PATH {
        return None;
    }
    if request.method() == Method::PUT {
        let name = String::from_utf8_lossy(request.body()).trim().to_owned();
        let scenario = Scenario::named(&name);
        if scenario.is_none() && name != "none" {
            let names = Scenario::ALL.map(Scenario::as_str).join(", ");
            return Some(text(
                StatusCode::NOT_FOUND,
                format!("no such scenario: none, {names}\n"),
            ));
        }
        simulator.fleet_mut().advance(now);
        simulator.set_script(scenario.map(|scenario| Script {
            scenario,
            begins_at: now,
            ends_at: None,
        }));
    }
    let told = simulator.told_at(now).map_or("none", Scenario::as_str);
    Some(text(StatusCode::OK, format!("{told}\n")))
}

fn text(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
}
