//! A Workspace API written from the vendor's two reference pages alone: a second witness beside the simulator. It
//! keeps every request, and serves whatever records a test gives it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) const PROJECT_ID: &str = "0bec5db98280d2d02fd6c00c2de791ce";

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) token: Option<String>,
}

impl Asked {
    pub(crate) fn values(&self, key: &str) -> Vec<&str> {
        let of_key = self.query.iter().filter(|(name, _)| name == key);
        of_key.map(|(_, value)| value.as_str()).collect()
    }
}

type Respond = dyn Fn(&Asked) -> (StatusCode, String) + Send + Sync;

/// A running server; it ends when dropped.
pub(crate) struct ReferenceApi {
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _connections: JoinSet<()>,
}

impl ReferenceApi {
    /// Serves these desktops, and these networks by `computer_id`.
    pub(crate) async fn serving(desktops: Vec<Value>, networks: Vec<Value>) -> Self {
        Self::answering(move |asked| {
            if asked.path == format!("/v2/{PROJECT_ID}/desktops/detail") {
                (StatusCode::OK, detail(&desktops, asked).to_string())
            } else if asked.path == format!("/v2/{PROJECT_ID}/desktops/networks") {
                let wanted = asked.values("desktop_ids");
                let found: Vec<&Value> = networks
                    .iter()
                    .filter(|network| wanted.contains(&network["computer_id"].as_str().unwrap_or_default()))
                    .collect();
                (StatusCode::OK, json!({ "networks": found }).to_string())
            } else {
                (
                    StatusCode::NOT_FOUND,
                    json!({"error_code": "APIGW.0101", "error_msg": "no such API"}).to_string(),
                )
            }
        })
        .await
    }

    /// Answers everything by a rule.
    pub(crate) async fn answering(respond: impl Fn(&Asked) -> (StatusCode, String) + Send + Sync + 'static) -> Self {
        let respond: Arc<Respond> = Arc::new(respond);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut connections = JoinSet::new();
        let record = Arc::clone(&asked);
        connections.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (respond, record) = (Arc::clone(&respond), Arc::clone(&record));
                let service = service_fn(move |request| {
                    let answer = answer(&*respond, &record, &request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                open.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            endpoint,
            asked,
            _connections: connections,
        }
    }

    /// The requests for a call so far, by the end of its path.
    pub(crate) fn asked(&self, call: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| asked.path.ends_with(call))
            .cloned()
            .collect()
    }
}

fn answer(respond: &Respond, record: &Mutex<Vec<Asked>>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let asked = Asked {
        path: request.uri().path().to_owned(),
        query: read_query(request.uri().query().unwrap_or_default()),
        token: request
            .headers()
            .get("x-auth-token")
            .map(|token| token.to_str().unwrap().to_owned()),
    };
    let (status, body) = respond(&asked);
    record.lock().unwrap().push(asked);
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    response
}

fn detail(desktops: &[Value], asked: &Asked) -> Value {
    let number = |key: &str, default: usize| {
        asked
            .values(key)
            .first()
            .map_or(default, |value| value.parse().unwrap())
    };
    let (offset, limit) = (number("offset", 0), number("limit", 500));
    assert!(limit <= 500, "the page says: 0 to 500");
    let page: Vec<&Value> = desktops.iter().skip(offset).take(limit).collect();
    json!({"desktops": page, "total_count": desktops.len()})
}

fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decoded(name), percent_decoded(value))
        })
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A desktop as the reference page shows it, number `index` of its fleet.
pub(crate) fn desktop(index: usize) -> Value {
    let status = ["ACTIVE", "ACTIVE", "ACTIVE", "SHUTOFF", "ERROR", "HIBERNATED"][index % 6];
    let login_status = ["REGISTERED", "CONNECTED", "DISCONNECTED", "UNREGISTER"][index % 4];
    json!({
        "desktop_id": format!("21616aa6-061d-4b2f-bd83-{index:012}"),
        "computer_name": format!("CHENMIN{index:02}"),
        "addresses": [{"addr": "172.16.253.204", "version": "4"}],
        "ip_addresses": ["172.16.253.204"],
        "desktop_type": if index.is_multiple_of(3) { "POOLED" } else { "DEDICATED" },
        "metadata": {
            "image_name": "copy_uos-hjg1",
            "metering.image_id": "39efed30-a0db-4520-8134-19a086e14c7e",
            "os_type": "Linux",
            "desktop_os_version": "20",
        },
        "flavor": {"id": "rs3.large.2", "links": []},
        "status": status,
        "task_status": "",
        "created": format!("2022-01-21T{:02}:{:02}:{:02}.459Z", index / 3_600, index / 60 % 60, index % 60),
        "login_status": login_status,
        "attach_state": if index.is_multiple_of(7) { "UNATTACH" } else { "ATTACHED" },
        "product_id": "workspace.k.large2.uosv20pro",
        "availability_zone": "cn-north-5a",
        "site_type": "IES",
        "site_name": "Edge station.",
        "product": {"flavor_id": "rs3.large.2", "cpu": "2", "memory": "3072"},
        "os_version": "20",
        "enterprise_project_id": "0",
        "subnet_id": "subnet-1",
        "tags": [],
        "in_maintenance_mode": index.is_multiple_of(5),
    })
}

/// The networks of a desktop as the reference page shows them.
pub(crate) fn network(desktop: &Value) -> Value {
    json!({
        "computer_name": desktop["computer_name"],
        "computer_id": desktop["desktop_id"],
        "computer_ip": "172.16.253.204",
        "network_infos": [{
            "vpc_info": {"id": "vpc-1", "name": "vpc-default", "cidr": "172.16.0.0/12"},
            "subnet_info": {"id": "subnet-1", "name": "subnet-default", "cidr": "172.16.253.0/24"},
            "port_info": {"id": "port-1", "ip_address": "172.16.253.204"},
            "public_ip_info": {"id": "eip-1", "public_ip_address": "198.51.100.7"},
            "security_groups": [{"id": "sg-1", "name": "default"}],
        }],
    })
}
