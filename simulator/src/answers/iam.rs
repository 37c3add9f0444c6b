//! The two IAM calls: a token by password, and a project by name. Errors have IAM's own shape.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::json as write;
use crate::query::Query;
use crate::simulator::Simulator;

/// `POST /v3/auth/tokens` with a password and a project scope.
pub(super) fn create_token(simulator: &mut Simulator, body: &[u8], now: Timestamp) -> Response<Bytes> {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return refuse(StatusCode::BAD_REQUEST, "Bad Request", "Request body is invalid.");
    };
    let identity = simulator.identity().clone();
    let user = &asked["auth"]["identity"]["password"]["user"];
    let methods = &asked["auth"]["identity"]["methods"];
    if methods
        .as_array()
        .is_none_or(|methods| !methods.contains(&json!("password")))
    {
        return refuse(
            StatusCode::BAD_REQUEST,
            "Bad Request",
            "The authentication method is invalid.",
        );
    }
    if user["name"] != json!(identity.user)
        || user["domain"]["name"] != json!(identity.domain)
        || user["password"] != json!(identity.password)
    {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "The username or password is wrong.",
        );
    }
    let scope = &asked["auth"]["scope"]["project"];
    let fits = |(id, name): &(&str, &str)| scope["id"] == json!(id) || scope["name"] == json!(name);
    let Some((project_id, project_name)) = simulator.projects().find(fits) else {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "The project of the scope is not found.",
        );
    };
    let (project_id, project_name) = (project_id.to_owned(), project_name.to_owned());
    let (token, expires_at) = simulator.issue_token(now);
    let answer = json!({"token": {
        "methods": ["password"],
        "expires_at": format!("{expires_at:.6}"),
        "issued_at": format!("{now:.6}"),
        "project": {
            "id": project_id,
            "name": project_name,
            "domain": {"id": identity.domain_id, "name": identity.domain},
        },
        "user": {
            "id": identity.user_id,
            "name": identity.user,
            "domain": {"id": identity.domain_id, "name": identity.domain},
        },
        "roles": [{"id": "0", "name": "te_agency"}],
        "catalog": [],
    }});
    let mut response = write(StatusCode::CREATED, &answer);
    if let Ok(mut value) = HeaderValue::from_str(&token) {
        value.set_sensitive(true);
        response.headers_mut().insert("x-subject-token", value);
    }
    response
}

/// `GET /v3/projects?name=REGION`: one hit or none.
pub(super) fn find_projects(
    simulator: &mut Simulator,
    request: &Request<Bytes>,
    query: &Query,
    now: Timestamp,
) -> Response<Bytes> {
    if simulator.gateway_mut().admit(request, now).is_err() {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "The request you have made requires authentication.",
        );
    }
    let identity = simulator.identity();
    let wanted = query.first("name");
    let projects: Vec<Value> = simulator
        .projects()
        .filter(|(_, name)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(id, name)| {
            json!({
                "id": id,
                "name": name,
                "domain_id": identity.domain_id,
                "parent_id": identity.domain_id,
                "is_domain": false,
                "enabled": true,
                "description": "",
                "links": {},
            })
        })
        .collect();
    write(StatusCode::OK, &json!({"projects": projects, "links": {}}))
}

/// IAM's error: the code is a number.
fn refuse(status: StatusCode, title: &str, message: &str) -> Response<Bytes> {
    let body = json!({"error": {"code": status.as_u16(), "message": message, "title": title}});
    write(status, &body)
}
