//! An old reader: passes scrapes on, and asks for the classic text format alone.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::rig::{Exporter, client};

pub(crate) struct ClassicOnly {
    pub(crate) base: String,
    content_types: Arc<Mutex<BTreeSet<String>>>,
    serving: JoinHandle<()>,
}

impl ClassicOnly {
    pub(crate) async fn in_front_of(exporter: &Exporter) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let content_types = Arc::new(Mutex::new(BTreeSet::new()));
        let (upstream, seen) = (exporter.base.clone(), Arc::clone(&content_types));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, seen) = (upstream.clone(), Arc::clone(&seen));
                let service = service_fn(move |request: Request<Incoming>| {
                    let url = format!("{upstream}{}", request.uri());
                    pass_on(url, Arc::clone(&seen))
                });
                // One scraper, one request at a time: what it sends is answered before the next connection.
                let _ = http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        });
        Self {
            base,
            content_types,
            serving,
        }
    }

    /// What the exporter answered with.
    pub(crate) fn content_types(&self) -> BTreeSet<String> {
        self.content_types.lock().unwrap().clone()
    }
}

impl Drop for ClassicOnly {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(url: String, seen: Arc<Mutex<BTreeSet<String>>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let request = client().build().unwrap().get(url);
    let answer = request.header(ACCEPT, "text/plain;version=0.0.4").send().await.unwrap();
    let content_type = answer.headers()[CONTENT_TYPE].clone();
    seen.lock().unwrap().insert(content_type.to_str().unwrap().to_owned());
    let mut response = Response::new(Full::new(answer.bytes().await.unwrap()));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}
