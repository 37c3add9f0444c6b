//! The simulated API against the vendor's reference pages: what is selected, sorted, paged and refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use workspace_simulator::{Options, Simulator};

fn now() -> Timestamp {
    "2026-01-05T02:00:00Z".parse().unwrap()
}

fn simulator(desktops: usize) -> Simulator {
    Simulator::new(&Options {
        desktops,
        seed: 11,
        start: now(),
    })
}

fn send(simulator: &mut Simulator, request: &Request<Bytes>) -> (StatusCode, Value) {
    let response = simulator.handle(request, now());
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

fn get(simulator: &mut Simulator, call: &str) -> (StatusCode, Value) {
    let identity = simulator.identity().clone();
    let request = Request::builder()
        .uri(format!("http://simulated/v2/{}/{call}", identity.project_id))
        .header("x-auth-token", identity.token)
        .body(Bytes::new());
    send(simulator, &request.unwrap())
}

fn ids(simulator: &mut Simulator, query: &str) -> Vec<String> {
    let (status, answer) = get(simulator, &format!("desktops/detail?{query}"));
    assert_eq!(status, StatusCode::OK, "{query}: {answer}");
    let desktops = answer["desktops"].as_array().unwrap();
    desktops
        .iter()
        .map(|desktop| desktop["desktop_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Lists with a query and compares with the fleet filtered by a rule.
#[track_caller]
fn check(query: &str, rule: impl Fn(&workspace_simulator::Desktop) -> bool) {
    let mut simulator = simulator(400);
    let listed = ids(&mut simulator, query);
    let expected: Vec<String> = simulator
        .fleet()
        .desktops()
        .iter()
        .filter(|d| rule(d))
        .map(|d| d.id.clone())
        .collect();
    assert!(!expected.is_empty(), "the rule of {query} takes nothing");
    assert!(expected.len() < 400, "the rule of {query} takes everything");
    assert_eq!(listed, expected, "{query}");
}

#[test]
fn every_documented_parameter_selects() {
    check("status=ERROR", |d| d.status == "ERROR");
    check("status=error", |d| d.status == "ERROR");
    check("user_name=user000007", |d| d.user_name.as_deref() == Some("user000007"));
    check("user_names=user000007&user_names=user000008", |d| {
        matches!(d.user_name.as_deref(), Some("user000007" | "user000008"))
    });
    check("user_name=nobody&user_names=user000007", |d| {
        d.user_name.as_deref() == Some("user000007")
    });
    check("desktop_type=POOLED", |d| d.desktop_type == "POOLED");
    check("user_attached=false", |d| d.user_name.is_none());
    check("in_maintenance_mode=true", |d| d.in_maintenance);
    check("tag=team%3Dengineering", |d| d.tags.contains(&("team", "engineering")));
    check("tag=team%3Doffice%2Ccost_center%3D4100", |d| {
        d.tags.contains(&("team", "office"))
    });
    check("pool_id=other,pool-7c1e0f52-call-centre", |d| d.pool_id.is_some());
}

#[test]
fn names_addresses_and_ids_select_one() {
    let mut simulator = simulator(400);
    let wanted = simulator.fleet().desktops()[123].clone();
    for query in [
        format!("computer_name={}", wanted.computer_name),
        format!("desktop_ip={}", wanted.nics[0].private_ip),
        format!("desktop_id={}", wanted.id),
    ] {
        assert_eq!(ids(&mut simulator, &query), std::slice::from_ref(&wanted.id), "{query}");
    }
    let several = simulator.fleet().desktops()[5].id.clone();
    let both = format!("desktop_id={}&desktop_id={several}", wanted.id);
    assert_eq!(ids(&mut simulator, &both), [several, wanted.id]);
    assert!(ids(&mut simulator, "enterprise_project_id=1").is_empty());
    assert!(ids(&mut simulator, "image_id=none").is_empty());
    assert!(ids(&mut simulator, "charge_mode=0").is_empty());
}

#[test]
fn lists_are_sorted_and_paged() {
    let mut simulator = simulator(620);
    let all: Vec<String> = simulator.fleet().desktops().iter().map(|d| d.id.clone()).collect();
    let mut paged = ids(&mut simulator, "sort_field=created&sort_type=ASC&offset=0");
    assert_eq!(paged.len(), 500);
    paged.extend(ids(
        &mut simulator,
        "sort_field=created&sort_type=ASC&offset=500&limit=500",
    ));
    assert_eq!(paged, all);
    let newest = ids(&mut simulator, "sort_field=created&sort_type=DESC&limit=1");
    assert_eq!(newest, all[619..]);
    let mut names: Vec<_> = simulator
        .fleet()
        .desktops()
        .iter()
        .map(|d| (d.computer_name.clone(), d.id.clone()))
        .collect();
    names.sort();
    assert_eq!(
        ids(&mut simulator, "sort_field=computer_name&limit=1"),
        [names[0].1.clone()]
    );
    assert!(ids(&mut simulator, "offset=620").is_empty());
    assert_eq!(get(&mut simulator, "desktops/detail?limit=3").1["total_count"], 620);
}

#[test]
fn parameters_that_cannot_be_are_refused_in_the_services_shape() {
    let mut simulator = simulator(10);
    for query in [
        "limit=501",
        "limit=x",
        "offset=-1",
        "sort_field=sid",
        "sort_type=UP",
        "user_attached=yes",
    ] {
        let (status, answer) = get(&mut simulator, &format!("desktops/detail?{query}"));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer["error_code"].as_str().unwrap().starts_with("WKS."), "{answer}");
        assert!(answer["error_msg"].is_string());
    }
}

#[test]
fn networks_take_1_to_100_ids_and_leave_unknown_ones_out() {
    let mut simulator = simulator(150);
    let all: Vec<String> = simulator.fleet().desktops().iter().map(|d| d.id.clone()).collect();
    let mut ask = |ids: &[String]| {
        let keys: Vec<String> = ids.iter().map(|id| format!("desktop_ids={id}")).collect();
        get(&mut simulator, &format!("desktops/networks?{}", keys.join("&")))
    };
    let (status, answer) = ask(&all[..100]);
    assert_eq!(
        (status, answer["networks"].as_array().unwrap().len()),
        (StatusCode::OK, 100)
    );
    assert_eq!(ask(&all[..101]).0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&[]).0, StatusCode::BAD_REQUEST);
    let (status, answer) = ask(&["stranger".to_owned(), all[3].clone()]);
    assert_eq!(
        (status, &answer["networks"][0]["computer_id"]),
        (StatusCode::OK, &json!(all[3]))
    );
    assert_eq!(answer["networks"].as_array().unwrap().len(), 1);
}

#[test]
fn every_shape_that_real_answers_have_occurs() {
    let mut simulator = simulator(200);
    let (_, answer) = get(&mut simulator, "desktops/detail");
    let desktops = answer["desktops"].as_array().unwrap();
    let count = |rule: fn(&Value) -> bool| desktops.iter().filter(|desktop| rule(desktop)).count();
    assert!(count(|d| d["addresses"].is_object()) > 0);
    assert!(count(|d| d["addresses"].is_array()) > 0);
    assert!(count(|d| d.get("addresses").is_none()) > 0);
    assert!(count(|d| d.get("in_maintenance_mode").is_none()) > 0);
    assert!(count(|d| d["subnet_id"].is_null() && d.get("subnet_id").is_some()) > 0);
    assert!(count(|d| d.get("creation_type").is_some()) > 0);
}

#[test]
fn tokens_are_checked_issued_and_end() {
    let mut simulator = simulator(3);
    let identity = simulator.identity().clone();
    let login = |password: &str| {
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": identity.user, "password": password, "domain": {"name": identity.domain}}}},
            "scope": {"project": {"name": identity.region}},
        }});
        let request = Request::builder()
            .method(Method::POST)
            .uri("http://iam/v3/auth/tokens?nocatalog=true");
        request.body(Bytes::from(body.to_string())).unwrap()
    };
    let refused = send(&mut simulator, &login("wrong"));
    assert_eq!(
        (refused.0, &refused.1["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!(401))
    );

    let issued = simulator.handle(&login(&identity.password), now());
    assert_eq!(issued.status(), StatusCode::CREATED);
    let token = issued.headers()["x-subject-token"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_slice(issued.body()).unwrap();
    assert_eq!(body["token"]["project"]["id"], identity.project_id);

    let ask = |simulator: &mut Simulator, project_id: &str, token: &str, when: Timestamp| {
        let request = Request::builder().uri(format!("http://simulated/v2/{project_id}/desktops/detail"));
        let request = request.header("x-auth-token", token).body(Bytes::new()).unwrap();
        let response = simulator.handle(&request, when);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        (
            response.status().as_u16(),
            body["error_code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let id = identity.project_id.as_str();
    assert_eq!(ask(&mut simulator, id, &token, now()).0, 200);
    assert_eq!(
        ask(&mut simulator, id, "MIIforged", now()),
        (401, "APIGW.0301".to_owned())
    );
    assert_eq!(ask(&mut simulator, "other", &token, now()).0, 403);
    let a_day_later = now() + SignedDuration::from_hours(24);
    assert_eq!(ask(&mut simulator, id, &token, a_day_later).0, 401);
    assert_eq!(ask(&mut simulator, id, &identity.token, a_day_later).0, 200);
}

#[test]
fn projects_are_found_by_name_and_unknown_calls_are_the_gateways_404() {
    let mut simulator = simulator(3);
    let identity = simulator.identity().clone();
    let mut find = |name: &str, token: &str| {
        let request = Request::builder().uri(format!("http://iam/v3/projects?name={name}"));
        send(
            &mut simulator,
            &request.header("x-auth-token", token).body(Bytes::new()).unwrap(),
        )
    };
    assert_eq!(
        find(&identity.region, &identity.token).1["projects"][0]["id"],
        identity.project_id
    );
    assert_eq!(find("elsewhere", &identity.token).1["projects"], json!([]));
    assert_eq!(find(&identity.region, "wrong").0, StatusCode::UNAUTHORIZED);
    let (status, answer) = get(&mut simulator, "desktops/unheard-of");
    assert_eq!(
        (status, &answer["error_code"]),
        (StatusCode::NOT_FOUND, &json!("APIGW.0101"))
    );
}

#[test]
fn an_outage_answers_like_a_proxy_until_it_ends() {
    let mut simulator = simulator(3);
    simulator.set_outage(Some(StatusCode::BAD_GATEWAY));
    let request = Request::builder()
        .uri("http://simulated/v3/projects")
        .body(Bytes::new())
        .unwrap();
    let response = simulator.handle(&request, now());
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert!(response.body().starts_with(b"<html>"));
    simulator.set_outage(None);
    assert_eq!(get(&mut simulator, "desktops/detail").0, StatusCode::OK);
    assert_eq!(simulator.requests(), 2);
}

#[test]
fn five_refused_signatures_in_a_row_lock_the_key_for_five_minutes() {
    let mut simulator = simulator(3);
    let identity = simulator.identity().clone();
    let ask = |simulator: &mut Simulator, when: Timestamp| {
        let claim = format!(
            "SDK-HMAC-SHA256 Access={}, SignedHeaders=host;x-sdk-date, Signature=0",
            identity.access_key
        );
        let request = Request::builder()
            .uri(format!("http://simulated/v2/{}/desktops/detail", identity.project_id))
            .header("host", "simulated")
            .header("x-sdk-date", when.strftime("%Y%m%dT%H%M%SZ").to_string())
            .header("authorization", claim);
        let response = simulator.handle(&request.body(Bytes::new()).unwrap(), when);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        body["error_msg"].as_str().unwrap().to_owned()
    };
    for _ in 0..5 {
        let message = ask(&mut simulator, now());
        assert!(
            message.contains("verify aksk signature fail, GET|"),
            "no echo of the request in {message}"
        );
    }
    assert_eq!(simulator.gateway_mut().locks(), 1);
    assert!(ask(&mut simulator, now() + SignedDuration::from_secs(299)).contains("locked"));
    assert!(!ask(&mut simulator, now() + SignedDuration::from_secs(301)).contains("locked"));
}
