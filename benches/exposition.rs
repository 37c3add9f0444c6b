//! What a desktop and a row cost: decode, build, render and compress, beside memcpy, the `prometheus` crate and
//! `prometheus-client` over the same rows.
//!
//! `cargo bench --bench exposition [-- DESKTOPS ROUNDS sparse|dense]`. Every round runs every contender once, so that they
//! share whatever else the machine does; the medians and their ratios are printed. A harness of our own, because the ratio
//! of contenders in one run is the claim, and that is what frameworks leave to the reader.

#![expect(clippy::expect_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench are small numbers")]

mod peers;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;
use workspace_exporter::api::{Extras, desktop_page, network_answer};
use workspace_exporter::config::{MetricsSettings, StateRows, Users};
use workspace_exporter::exposition::{Coding, Packed, Plan, Print, Selection, Sheet, Syntax};
use workspace_exporter::inventory::{Desktop, Networks, Snapshot, SnapshotBuilder, State, Status};
use workspace_exporter::publish::{Board, NetworkFacts, Project, Publication, Publisher, Reader};
use workspace_simulator::{Options, Simulator};

/// As in the exporter.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CHUNK: usize = 64 * 1024;

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
        .flat_map(|page| desktop_page(page, &Extras::default()).expect("a page").desktops)
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

fn decode(wire: &Wire) -> Vec<Desktop> {
    let extras = Extras::default();
    let pages = wire.pages.iter();
    pages
        .flat_map(|page| desktop_page(page, &extras).expect("a page").desktops)
        .collect()
}

/// Reads the answers of a networks pass and keeps them, as every fifth poll does.
fn decode_networks(wire: &Wire, networks: &mut Networks) {
    let now = Instant::now();
    for answer in &wire.networks {
        for (id, ports) in network_answer(answer).expect("networks").networks {
            networks.found(id, 0, ports, now);
        }
    }
}

/// Where snapshots are published.
struct Stage {
    publisher: Publisher,
    reader: Reader,
}

impl Stage {
    fn new() -> Self {
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
        Self {
            publisher: board.add(Arc::new(project)),
            reader,
        }
    }

    fn publish(&self, snapshot: Snapshot) -> Arc<Publication> {
        let _ = self.publisher.publish(&Arc::new(snapshot), NetworkFacts::default());
        self.reader.current()
    }

    fn build(&self, desktops: Vec<Desktop>, networks: &Networks) -> Snapshot {
        let mut builder = SnapshotBuilder::new("id".into(), "2026-01-05T02:00:00Z".parse().expect("a time"));
        for desktop in desktops {
            builder.found_desktop(desktop);
        }
        builder.found_page_end(None);
        let before = self.publisher.current().map(|published| published.snapshot);
        builder.build(before.as_deref(), networks, Instant::now())
    }
}

fn sheet(publication: &Arc<Publication>, plan: &Arc<Plan>) -> Arc<Sheet> {
    let (publication, plan) = (Arc::clone(publication), Arc::clone(plan));
    Arc::new(Sheet::of(publication, plan, Syntax::Classic))
}

/// Prints into one buffer that is used again and again; returns the length of the whole.
fn print(sheet: &Arc<Sheet>, buffer: &mut Vec<u8>) -> usize {
    let mut print = Print::new(Arc::clone(sheet), Selection::default());
    let mut length = 0;
    loop {
        buffer.clear();
        let has_more = print.fill(buffer, CHUNK);
        length += black_box(&*buffer).len();
        if !has_more {
            return length;
        }
    }
}

/// Copies a text into one buffer that is used again and again.
fn copy(text: &[u8], buffer: &mut Vec<u8>) {
    for chunk in text.chunks(CHUNK) {
        buffer.clear();
        buffer.extend_from_slice(chunk);
        black_box(&*buffer);
    }
}

fn packed(publication: &Arc<Publication>, plan: &Arc<Plan>, coding: Coding, before: Option<&Packed>) -> Packed {
    let form = (&Selection::default(), Syntax::Classic, coding);
    Packed::of(Arc::clone(publication), Arc::clone(plan), form, before)
}

/// The times of one contender.
struct Contender {
    what: &'static str,
    times: Vec<Duration>,
}

impl Contender {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            times: Vec::new(),
        }
    }

    fn run<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let began_at = Instant::now();
        let result = black_box(run());
        self.times.push(began_at.elapsed());
        result
    }

    fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort();
        times[times.len() / 2].as_secs_f64()
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let desktops = numbers.first().copied().unwrap_or(10_000);
    let rounds = numbers.get(1).copied().unwrap_or(9).max(1);
    let is_dense = arguments.iter().any(|argument| argument == "dense");
    let settings = MetricsSettings {
        state_rows: if is_dense { StateRows::Dense } else { StateRows::Sparse },
        ..MetricsSettings::default()
    };
    let plan = Arc::new(Plan::of(&settings, Users::Off).expect("a plan"));

    let wire = wire_of(desktops);
    let stage = Stage::new();
    let mut networks = Networks::new(Duration::from_secs(3_600));
    decode_networks(&wire, &mut networks);
    let publication = stage.publish(stage.build(decode(&wire), &networks));
    let mut text = Vec::new();
    Print::new(sheet(&publication, &plan), Selection::default()).fill(&mut text, usize::MAX);
    let rows = text
        .split(|byte| *byte == b'\n')
        .filter(|line| line.first().is_some_and(|byte| *byte != b'#'));
    let rows = rows.count();
    let families = peers::families_of(std::str::from_utf8(&text).expect("UTF-8"));
    let first = packed(&publication, &plan, Coding::Gzip, None);

    let mut buffer = Vec::with_capacity(2 * CHUNK);
    let mut all = [
        "decode the list",
        "build a snapshot beside the last one",
        "make a sheet, once a publication",
        "render: print a sheet",
        "gzip, anew",
        "gzip, 1 % of the desktops changed",
        "zstd, anew",
        "memcpy of the same bytes",
        "decode the networks (every fifth poll)",
        "prometheus, custom Collector: gather and encode",
        "prometheus, the encoder alone",
        "prometheus-client, custom Collector",
    ]
    .map(Contender::new);
    for round in 0..rounds {
        let decoded = all[0].run(|| decode(&wire));
        let mut changed = decoded.clone();
        drop(all[1].run(|| stage.build(decoded, &networks)));
        let ready = all[2].run(|| sheet(&publication, &plan));
        let length = all[3].run(|| print(&ready, &mut buffer));
        assert_eq!(length, text.len());
        drop(ready);
        drop(all[4].run(|| packed(&publication, &plan, Coding::Gzip, None)));
        for desktop in changed.iter_mut().skip(round % 100).step_by(100) {
            desktop.status = Some(State::Known(Status::Restarting));
        }
        let beside = Stage::new();
        let _ = beside.publish(stage.build(decode(&wire), &networks));
        let next = beside.publish(beside.build(changed, &networks));
        drop(all[5].run(|| packed(&next, &plan, Coding::Gzip, Some(&first))));
        drop(all[6].run(|| packed(&publication, &plan, Coding::Zstd, None)));
        all[7].run(|| copy(&text, &mut buffer));
        all[8].run(|| decode_networks(&wire, &mut networks));
        peers::run(&families, &mut all[9..]);
    }
    let median = |place: usize| all[place].median();
    let kind = if is_dense { "dense" } else { "sparse" };
    let mut report = format!(
        "{desktops} desktops, {kind}: {rows} rows, {} bytes, {} bytes of gzip, medians of {rounds} rounds\n",
        text.len(),
        first.parts().map(|part| part.len()).sum::<usize>(),
    );
    for contender in &all {
        let (what, time) = (contender.what, contender.median());
        let (per_desktop, per_row) = (time * 1e6 / desktops as f64, time * 1e9 / rows as f64);
        let _ = writeln!(
            report,
            "{what:<48} {:9.2} ms {per_desktop:8.2} µs a desktop {per_row:8.1} ns a row",
            time * 1e3
        );
    }
    let poll = median(0) + median(1) + median(4);
    for (what, ratio) in [
        ("render / memcpy", median(3) / median(7)),
        ("sheet and render / memcpy", (median(2) + median(3)) / median(7)),
        ("prometheus Collector / render", median(9) / median(3)),
        (
            "prometheus Collector / sheet and render",
            median(9) / (median(2) + median(3)),
        ),
        ("prometheus encoder alone / render", median(10) / median(3)),
        ("prometheus-client / render", median(11) / median(3)),
        ("gzip with 1 % changed / gzip anew", median(5) / median(4)),
        (
            "a poll's µs a desktop: decode, build, render and gzip",
            poll * 1e6 / desktops as f64,
        ),
        (
            "the same with its share of a networks pass",
            (poll + median(8) / 5.0) * 1e6 / desktops as f64,
        ),
    ] {
        let _ = writeln!(report, "{what:<52} {ratio:8.2}");
    }
    io::stdout().write_all(report.as_bytes())
}
