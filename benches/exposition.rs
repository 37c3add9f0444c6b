//! What a desktop and a row cost: decode, build, render, and `prometheus::TextEncoder` over the same rows.
//!
//! `cargo bench --bench exposition [-- DESKTOPS ROUNDS]`. Every round runs every contender once, so that they share
//! whatever else the machine does; the medians and their ratio are printed. A harness of our own, because the ratio of
//! contenders in one run is the claim, and that is what frameworks leave to the reader.

#![expect(clippy::expect_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench are small numbers")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};
use tokio::time::Instant;
use workspace_exporter::api::{desktop_page, network_answer};
use workspace_exporter::exposition::render;
use workspace_exporter::inventory::{Desktop, Networks, SnapshotBuilder};
use workspace_exporter::publish::{Board, NetworkFacts, Project, Publication};
use workspace_simulator::{Options, Simulator};

/// What the simulated API answers for a whole fleet.
struct Wire {
    pages: Vec<Bytes>,
    networks: Vec<Bytes>,
}

fn wire_of(desktops: usize) -> Wire {
    let start = "2026-01-05T02:00:00Z".parse().expect("a time");
    let mut simulator = Simulator::new(&Options {
        desktops,
        seed: 1,
        start,
    });
    let identity = simulator.identity().clone();
    let mut ask = |call: &str| {
        let request = Request::builder()
            .uri(format!("http://simulated/v2/{}/{call}", identity.project_id))
            .header("x-auth-token", &identity.token)
            .body(Bytes::new())
            .expect("a request");
        simulator.handle(&request, start).into_body()
    };
    let pages: Vec<Bytes> = (0..desktops)
        .step_by(500)
        .map(|offset| ask(&format!("desktops/detail?offset={offset}&limit=500")))
        .collect();
    let ids: Vec<String> = pages
        .iter()
        .flat_map(|page| desktop_page(page).expect("a page").desktops)
        .map(|desktop| desktop.id.as_str().to_owned())
        .collect();
    let networks = ids
        .chunks(100)
        .map(|batch| {
            ask(&format!(
                "desktops/networks?desktop_ids={}",
                batch.join("&desktop_ids=")
            ))
        })
        .collect();
    Wire { pages, networks }
}

fn decode(wire: &Wire) -> (Vec<Desktop>, Networks) {
    let desktops = wire
        .pages
        .iter()
        .flat_map(|page| desktop_page(page).expect("a page").desktops)
        .collect();
    let mut networks = Networks::new(Duration::from_secs(3_600));
    for answer in &wire.networks {
        for (id, ports) in network_answer(answer).expect("networks").networks {
            networks.found(id, 0, ports, Instant::now());
        }
    }
    (desktops, networks)
}

fn publish((desktops, networks): (Vec<Desktop>, Networks)) -> Arc<Publication> {
    let project = Project {
        name: "simulated".to_owned(),
        region: "simulated-1".to_owned(),
        endpoint: "http://simulated".to_owned(),
        project_id: None,
        required: true,
        interval: Duration::from_secs(60),
        network_interval: Duration::from_secs(60),
    };
    let (board, reader) = Board::open();
    let publisher = board.add(Arc::new(project));
    let mut builder = SnapshotBuilder::new("id".into(), "2026-01-05T02:00:00Z".parse().expect("a time"));
    for desktop in desktops {
        builder.found_desktop(desktop);
    }
    builder.found_page_end(None);
    let _ = publisher.publish(
        &Arc::new(builder.build(None, &networks, Instant::now())),
        NetworkFacts::default(),
    );
    reader.current()
}

/// The same rows as the `prometheus` crate holds them. Nothing in a simulated fleet needs unescaping.
fn families_of(exposition: &str) -> Vec<MetricFamily> {
    let mut families: Vec<MetricFamily> = Vec::new();
    for line in exposition.lines() {
        if let Some(header) = line.strip_prefix("# HELP ") {
            let (name, help) = header.split_once(' ').expect("a name and a help");
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help(help.to_owned());
            family.set_field_type(MetricType::GAUGE);
            families.push(family);
        } else if let Some((head, value)) = line.rsplit_once("} ") {
            let (_, labels) = head.split_once('{').expect("labels");
            let mut metric = Metric::default();
            metric.set_label(labels.split("\",").map(label_of).collect());
            let mut gauge = Gauge::default();
            gauge.set_value(value.parse().expect("a value"));
            metric.set_gauge(gauge);
            families
                .last_mut()
                .expect("a header before rows")
                .mut_metric()
                .push(metric);
        }
    }
    families.retain(|family| !family.get_metric().is_empty());
    families
}

fn label_of(text: &str) -> LabelPair {
    let (name, value) = text.split_once("=\"").expect("a label");
    let mut label = LabelPair::default();
    label.set_name(name.to_owned());
    label.set_value(value.trim_end_matches('"').to_owned());
    label
}

fn timed<T>(times: &mut Vec<Duration>, run: impl FnOnce() -> T) -> T {
    let began_at = Instant::now();
    let result = black_box(run());
    times.push(began_at.elapsed());
    result
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() -> io::Result<()> {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let desktops = numbers.first().copied().unwrap_or(10_000);
    let rounds = numbers.get(1).copied().unwrap_or(15).max(1);

    let wire = wire_of(desktops);
    let publication = publish(decode(&wire));
    let mut ours = Vec::new();
    render(&publication, Instant::now(), &mut ours);
    let text = String::from_utf8(ours.clone()).expect("UTF-8");
    let rows = text.lines().filter(|line| !line.starts_with('#')).count();
    let families = families_of(&text);
    let mut theirs = Vec::new();
    let (mut decoding, mut building, mut rendering, mut encoding) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        let decoded = timed(&mut decoding, || decode(&wire));
        timed(&mut building, || publish(decoded));
        ours.clear();
        timed(&mut rendering, || render(&publication, Instant::now(), &mut ours));
        theirs.clear();
        timed(&mut encoding, || TextEncoder::new().encode(&families, &mut theirs)).expect("an encoding");
    }
    let per = |time: Duration, count: usize| time.as_secs_f64() / count.max(1) as f64;
    let (rendering, encoding) = (median(&mut rendering), median(&mut encoding));
    let mut report = format!(
        "{desktops} desktops, {rows} rows, {} bytes, medians of {rounds} rounds\n",
        ours.len()
    );
    let mut line = |what: &str, time: Duration| {
        let (per_desktop, per_row) = (per(time, desktops) * 1e6, per(time, rows) * 1e9);
        let _ = writeln!(
            report,
            "{what:<34} {per_desktop:8.2} µs a desktop {per_row:8.1} ns a row"
        );
    };
    line("decode (pages and networks)", median(&mut decoding));
    line("build a snapshot", median(&mut building));
    line("render", rendering);
    line("prometheus::TextEncoder, same rows", encoding);
    let ratio = encoding.as_secs_f64() / rendering.as_secs_f64();
    let _ = writeln!(
        report,
        "render is {ratio:.1} times as fast as the encoder alone, which got its rows for nothing"
    );
    io::stdout().write_all(report.as_bytes())
}
