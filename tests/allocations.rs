//! What a poll and a scrape take of the heap, counted: allocations and bytes, which are the same on every machine.
//!
//! One test in a binary of its own, because the counter counts for the whole process. `-- --nocapture` prints the counts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "the counts are worth reading, not only asserting")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dhat::{HeapStats, Profiler};
use http::Request;
use tokio::time::Instant;
use workspace_exporter::api::{Extras, desktop_page, network_answer};
use workspace_exporter::exposition::{Coding, Packed, Plan, Print, Selection, Sheet, Syntax};
use workspace_exporter::inventory::{Networks, Snapshot, SnapshotBuilder};
use workspace_exporter::publish::{Board, NetworkFacts, Project, Publication, Publisher, Reader};
use workspace_simulator::{Options, Simulator};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const DESKTOPS: usize = 4_000;

/// What the simulated API answers for a whole fleet: pages and networks.
fn wire(desktops: usize) -> (Vec<Bytes>, Vec<Bytes>) {
    let start = "2026-01-05T02:00:00Z".parse().unwrap();
    let mut simulator = Simulator::new(&Options {
        desktops,
        seed: 1,
        start,
    });
    let identity = simulator.identity().clone();
    let mut ask = |call: &str| {
        let request = Request::builder()
            .uri(format!("http://simulated/v2/{}/desktops/{call}", identity.project_id))
            .header("x-auth-token", &identity.token);
        let request = request.body(Bytes::new()).unwrap();
        simulator.handle(&request, start).into_body()
    };
    let offsets = (0..desktops).step_by(500);
    let pages: Vec<Bytes> = offsets
        .map(|offset| ask(&format!("detail?offset={offset}&limit=500")))
        .collect();
    let mut ids = Vec::new();
    for page in &pages {
        let desktops = desktop_page(page, &Extras::default()).unwrap().desktops;
        ids.extend(desktops.into_iter().map(|desktop| desktop.id.as_str().to_owned()));
    }
    let call = |batch: &[String]| format!("networks?desktop_ids={}", batch.join("&desktop_ids="));
    let networks = ids.chunks(100).map(|batch| ask(&call(batch))).collect();
    (pages, networks)
}

/// Publishes what one poll after the other reads.
struct Stage {
    publisher: Publisher,
    reader: Reader,
    networks: Networks,
}

impl Stage {
    fn new(answers: &[Bytes]) -> Self {
        let project = Project {
            name: "prod".to_owned(),
            region: String::new(),
            endpoint: String::new(),
            project_id: None,
            required: true,
            interval: Duration::from_secs(60),
            network_interval: Duration::from_secs(300),
        };
        let (board, reader) = Board::open();
        let mut stage = Self {
            publisher: board.add(Arc::new(project)),
            reader,
            networks: Networks::new(Duration::from_secs(3_600)),
        };
        stage.hear(answers);
        stage
    }

    /// Takes what a pass over the networks answers.
    fn hear(&mut self, answers: &[Bytes]) {
        for answer in answers {
            for (id, ports) in network_answer(answer).unwrap().networks {
                self.networks.found(id, 0, ports, Instant::now());
            }
        }
    }

    fn poll(&self, pages: &[Bytes]) -> Snapshot {
        let mut builder = SnapshotBuilder::new("id".into(), "2026-01-05T02:00:00Z".parse().unwrap());
        for page in pages {
            for desktop in desktop_page(page, &Extras::default()).unwrap().desktops {
                builder.found_desktop(desktop);
            }
        }
        let before = self.publisher.current().map(|published| published.snapshot);
        builder.build(before.as_deref(), &self.networks, Instant::now())
    }

    fn publish(&self, snapshot: Snapshot) -> Arc<Publication> {
        let _ = self.publisher.publish(&Arc::new(snapshot), NetworkFacts::default());
        self.reader.current()
    }
}

/// What something took of the heap.
#[derive(Debug, Clone, Copy)]
struct Taken {
    allocations: u64,
    /// Still held afterwards, by what was returned.
    kept_bytes: usize,
}

fn count<T>(what: &str, run: impl FnOnce() -> T) -> (T, Taken) {
    let before = HeapStats::get();
    let result = run();
    let after = HeapStats::get();
    let taken = Taken {
        allocations: after.total_blocks - before.total_blocks,
        kept_bytes: after.curr_bytes.saturating_sub(before.curr_bytes),
    };
    println!(
        "{what}: {} allocations, {} bytes kept",
        taken.allocations, taken.kept_bytes
    );
    (result, taken)
}

#[track_caller]
fn assert_a_desktop(taken: Taken, allocations: usize) {
    let limit = (DESKTOPS * allocations) as u64;
    assert!(
        taken.allocations <= limit,
        "{} allocations, over {limit}",
        taken.allocations
    );
}

/// What a reader of the compressed form costs once it is there.
fn packed_scrape(packed: &Packed) -> Taken {
    let rest = vec![b'x'; 10_000];
    let scrape = || (packed.parts().collect::<Vec<_>>(), packed.closing(&rest));
    count("a packed scrape", scrape).1
}

#[test]
fn a_poll_and_a_scrape_take_what_they_may_of_the_heap() {
    let (pages, answers) = wire(DESKTOPS);
    let (small_pages, small_answers) = wire(500);
    let plan = Arc::new(Plan::default());
    let everything = Selection::default();
    let form = (&everything, Syntax::Classic, Coding::Gzip);
    let _profiler = Profiler::builder().testing().build();

    let mut stage = Stage::new(&answers);
    let (snapshot, first) = count("the first poll", || stage.poll(&pages));
    assert_a_desktop(first, 9);
    println!("{} bytes a desktop, without networks", first.kept_bytes / DESKTOPS);
    assert!(
        first.kept_bytes / DESKTOPS <= 290,
        "{} bytes a desktop",
        first.kept_bytes / DESKTOPS
    );
    let publication = stage.publish(snapshot);
    let (next, second) = count("a poll in which nothing changed", || stage.poll(&pages));
    assert_a_desktop(second, 9);
    assert!(
        second.kept_bytes / DESKTOPS <= 72,
        "what did not change is kept once: {} bytes a desktop",
        second.kept_bytes / DESKTOPS
    );
    drop(next);
    let ((), heard) = count("networks of which none changed", || stage.hear(&answers));
    assert!(
        heard.kept_bytes < DESKTOPS,
        "cards that are as they were are shared with the snapshot: {heard:?}"
    );

    let (sheet, _) = count("a sheet", || {
        Sheet::of(Arc::clone(&publication), Arc::clone(&plan), Syntax::Classic)
    });
    let sheet = Arc::new(sheet);
    let mut buffer = Vec::with_capacity(128 * 1024);
    let print = || {
        let mut print = Print::new(Arc::clone(&sheet), Selection::default());
        let mut length = 0;
        loop {
            buffer.clear();
            let has_more = print.fill(&mut buffer, 64 * 1024);
            length += buffer.len();
            if !has_more {
                return length;
            }
        }
    };
    let (length, printed) = count("a plain scrape through one buffer", print);
    assert!(length > DESKTOPS * 1_000);
    assert!(
        printed.allocations < 200 && printed.kept_bytes == 0,
        "a header a family: {printed:?}"
    );

    let packed = Packed::of(Arc::clone(&publication), Arc::clone(&plan), form, None);
    let (again, repacked) = count("packing again where nothing changed", || {
        Packed::of(Arc::clone(&publication), Arc::clone(&plan), form, Some(&packed))
    });
    assert!(repacked.allocations < DESKTOPS as u64, "{repacked:?}");
    let small = Stage::new(&small_answers);
    let small = small.publish(small.poll(&small_pages));
    let small = Packed::of(small, plan, form, None);
    let (of_many, of_few) = (packed_scrape(&again), packed_scrape(&small));
    assert!(
        of_many.allocations < 20 && of_few.allocations < 20,
        "{of_many:?} {of_few:?}"
    );
}
