//! What a reader is given: formats, codings, parts, tags of what it has; by the judgement of the readers themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH};
use reqwest::Response;
use workspace_simulator::ListFault;

use crate::cloud::Cloud;
use crate::prometheus_proxy::ClassicOnly;
use crate::rig::{Exporter, Exposition, Labels, Prometheus, assert_promtool_accepts, client, root, wait_for, write};

/// Families that no answer of ours changes.
const STILL: &str = "/metrics?collect[]=state&collect[]=info&collect[]=network&collect[]=hardware&collect[]=aggregate";

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

/// An exporter that has listed once and lists no more, of two projects with the same desktops.
async fn settled(cloud: &Cloud, more: &str) -> Exporter {
    let token = cloud.write("token", &cloud.identity.token);
    let (endpoint, project_id) = (&cloud.endpoint, &cloud.identity.project_id);
    let configuration = format!(
        "
collect: {{ interval: 1h }}
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials: {{ main: {{ kind: token_file, file: '{}' }} }}
projects:
  - {{ name: one, endpoint: '{endpoint}', project_id: {project_id} }}
  - {{ name: two, endpoint: '{endpoint}', project_id: {project_id} }}
{more}",
        token.display()
    );
    let exporter = Exporter::start_with(&configuration, &[]).await;
    for project in ["one", "two"] {
        let has_networks = [("project", project)];
        exporter
            .wait_for_value("huaweicloud_workspace_exporter_network_up", &has_networks, 1.0)
            .await;
    }
    exporter
}

async fn get(exporter: &Exporter, path: &str, headers: &[(HeaderName, &str)]) -> Response {
    let client = client().build().unwrap();
    let mut request = client.get(format!("{}{path}", exporter.base));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap()
}

async fn text(exporter: &Exporter, path: &str, headers: &[(HeaderName, &str)]) -> String {
    let response = get(exporter, path, headers).await;
    assert_eq!(response.status(), 200, "{path}");
    String::from_utf8(response.bytes().await.unwrap().into()).unwrap()
}

fn header(response: &Response, name: HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn rows(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// What a program makes of some bytes.
fn through(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .expect("the program is installed (scripts/test installs what tests need)");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[tokio::test]
async fn each_reader_gets_the_format_it_likes_best() {
    let cloud = Cloud::standing_still(30).await;
    let exporter = settled(&cloud, "").await;
    for (accept, expected) in [
        ("*/*", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN_METRICS,
        ),
        (
            "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5",
            TEXT,
        ),
        (
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
        ),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        ("application/json", TEXT),
    ] {
        let response = get(&exporter, "/metrics", &[(ACCEPT, accept)]).await;
        assert_eq!(header(&response, CONTENT_TYPE), expected, "{accept}");
        let text = response.text().await.unwrap();
        let is_open = expected.contains("openmetrics");
        assert_eq!(text.ends_with("# EOF\n"), is_open, "{accept}");
        assert_eq!(
            text.contains("# TYPE huaweicloud_workspace_desktop info\n"),
            is_open,
            "{accept}"
        );
        if !is_open {
            assert_promtool_accepts(&Exposition(text));
        }
    }
}

#[tokio::test]
async fn whatever_unpacks_the_compressed_form_finds_the_plain_one() {
    let cloud = Cloud::standing_still(700).await;
    let exporter = settled(&cloud, "").await;
    for accept in ["text/plain", "application/openmetrics-text"] {
        let plain = get(&exporter, STILL, &[(ACCEPT, accept)]).await;
        assert_eq!(header(&plain, CONTENT_ENCODING), "");
        let plain = plain.bytes().await.unwrap();
        assert!(plain.len() > 1_000_000);

        let packed = get(&exporter, STILL, &[(ACCEPT, accept), (ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(header(&packed, CONTENT_ENCODING), "gzip");
        let packed = packed.bytes().await.unwrap();
        assert!(packed.len() < plain.len() / 4, "{} of {}", packed.len(), plain.len());
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain, "Rust");
        assert!(through("zcat", &[], &packed) == plain, "zcat");
        let script = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
        assert!(through("python3", &["-c", script], &packed) == plain, "Python");
        let url = format!("{}{STILL}", exporter.base);
        let accept_header = format!("Accept: {accept}");
        let arguments = [
            "--globoff",
            "--silent",
            "--fail",
            "--compressed",
            "--header",
            &accept_header,
            &url,
        ];
        assert!(through("curl", &arguments, b"") == plain, "curl --compressed");

        let packed = get(&exporter, STILL, &[(ACCEPT, accept), (ACCEPT_ENCODING, "zstd")]).await;
        assert_eq!(header(&packed, CONTENT_ENCODING), "zstd");
        let packed = packed.bytes().await.unwrap();
        assert!(zstd::stream::decode_all(&packed[..]).unwrap() == plain, "zstd");
    }
}

#[tokio::test]
async fn parts_narrow_a_scrape_and_all_of_them_are_the_whole() {
    let cloud = Cloud::standing_still(300).await;
    let exporter = settled(&cloud, "").await;
    let whole = rows(&text(&exporter, STILL, &[]).await);
    let mut joined = BTreeSet::new();
    for index in 0..3 {
        for coding in ["identity", "gzip"] {
            let path = format!("{STILL}&shard={index}/3");
            let response = get(&exporter, &path, &[(ACCEPT_ENCODING, coding)]).await;
            let bytes = response.bytes().await.unwrap();
            let part = if coding == "gzip" {
                through("zcat", &[], &bytes)
            } else {
                bytes.into()
            };
            let part = rows(&String::from_utf8(part).unwrap());
            assert!(part.len() > whole.len() / 6, "{} of {}", part.len(), whole.len());
            joined.extend(part);
        }
    }
    assert!(joined == whole);

    let one = text(&exporter, "/metrics?project=one", &[]).await;
    assert!(rows(&one).iter().all(|row| !row.contains("project=\"two\"")));
    assert!(one.contains("huaweicloud_workspace_exporter_polls_total{project=\"one\""));
    let both = text(&exporter, "/metrics?project=one&project=two&collect[]=state", &[]).await;
    let both = Exposition(both).rows("huaweicloud_workspace_desktop_status");
    let of = |project: &str| -> BTreeMap<String, String> {
        let of_project = both.iter().filter(|(labels, _)| labels["project"] == project);
        of_project
            .map(|(labels, _)| (labels["desktop_id"].clone(), labels["status"].clone()))
            .collect()
    };
    assert_eq!((of("one").len(), of("one") == of("two")), (300, true));
    let networks = text(&exporter, "/metrics?collect[]=network", &[]).await;
    assert!(
        rows(&networks)
            .iter()
            .all(|row| row.starts_with("huaweicloud_workspace_desktop_network_info{"))
    );
    assert_eq!(exporter.get("/metrics?collect[]=everything").await.0, 400);
    assert_eq!(exporter.get("/metrics?shard=3/3").await.0, 400);
    assert_eq!(exporter.get("/metrics?project=none&collect[]=state").await.0, 200);
}

#[tokio::test]
async fn a_reader_that_has_the_snapshot_is_told_so_and_head_tells_the_rest() {
    let cloud = Cloud::standing_still(30).await;
    let configuration = cloud.with_password();
    let exporter = Exporter::start_with(&configuration, &[]).await;
    exporter.wait_for_snapshot(&cloud.identity.region).await;
    let gzip = (ACCEPT_ENCODING, "gzip");
    let response = get(&exporter, "/metrics", std::slice::from_ref(&gzip)).await;
    let tag = header(&response, ETAG).to_owned();
    let sequence = tag.trim_start_matches("W/\"").split('-').next().unwrap().to_owned();
    assert!(sequence.parse::<u64>().unwrap() > 0, "{tag}");
    assert!(response.bytes().await.unwrap().len() > 1_000);
    wait_for("the next snapshot", async || {
        let known = [gzip.clone(), (IF_NONE_MATCH, tag.as_str())];
        let response = get(&exporter, "/metrics", &known).await;
        if response.status() == 304 {
            assert_eq!(header(&response, ETAG), tag);
            assert!(response.bytes().await.unwrap().is_empty());
            return None;
        }
        assert_ne!(header(&response, ETAG), tag);
        Some(())
    })
    .await;
    let url = format!("{}/metrics", exporter.base);
    let response = client()
        .build()
        .unwrap()
        .head(url)
        .header(ACCEPT_ENCODING, "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), header(&response, CONTENT_ENCODING)),
        (200, "gzip")
    );
    let length: usize = header(&response, http::header::CONTENT_LENGTH).parse().unwrap();
    assert!(length > 1_000);
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_series_family_counts_every_row_of_a_scrape_of_everything() {
    let cloud = Cloud::standing_still(50).await;
    let exporter = settled(&cloud, "").await;
    let check = |text: String, of_all: &str| {
        let count = rows(of_all).len() as f64;
        let counted = Exposition(text).rows("huaweicloud_workspace_exporter_series");
        for (labels, value) in &counted {
            let family = &labels["family"];
            let of_family = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{family}{suffix}{{"));
            let bare = format!("{family} ");
            let is_of_family =
                |row: &&String| of_family.iter().any(|head| row.starts_with(head)) || row.starts_with(&bare);
            assert_eq!(
                rows(of_all).iter().filter(is_of_family).count() as f64,
                *value,
                "{family}"
            );
        }
        assert_eq!(counted.iter().map(|(_, value)| value).sum::<f64>(), count);
    };
    let whole = text(&exporter, "/metrics", &[]).await;
    check(whole.clone(), &whole);
    let narrow = text(&exporter, "/metrics?collect[]=exporter&project=one", &[]).await;
    let after = text(&exporter, "/metrics", &[]).await;
    check(narrow, &after);
}

/// Python's `prometheus_client` reads `OpenMetrics` by the letter of the specification.
fn assert_strictly_open(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    let mut command = Command::new(root().join("target/python/bin/python3"));
    command.arg(root().join("tests/python/read_openmetrics.py")).arg(path);
    let output = command.output().expect("scripts/test makes the environment");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_strict_reader_of_openmetrics_accepts_every_encoding() {
    let cloud = Cloud::standing_still(60).await;
    cloud.simulator().set_list_faults(vec![ListFault::NastyNames]);
    for metrics in [
        "metrics: { state_rows: dense, on: [desktop_vcpus, desktop_volume_size_bytes, desktop_security_group_info] }",
        "metrics: { openmetrics_statesets: true, tags: [team, cost-center, cost_center] }",
        "metrics: { openmetrics_statesets: true, state_rows: dense }\nprivacy: { users: plain }",
    ] {
        let exporter = settled(&cloud, metrics).await;
        let text = text(
            &exporter,
            "/metrics",
            &[(ACCEPT, "application/openmetrics-text;version=1.0.0")],
        )
        .await;
        assert!(text.contains("_info{") && text.contains("_total{"));
        assert_strictly_open(&cloud.directory.path().join("scrape"), &text);
    }
}

/// The values of a family as Prometheus stored them, without what tells the jobs apart.
async fn stored(prometheus: &Prometheus, job: &str) -> BTreeMap<Labels, f64> {
    let query =
        format!("{{job=\"{job}\",__name__=~\"huaweicloud_workspace_desktop.*|huaweicloud_workspace_project.*\"}}");
    let rows = prometheus.query(&query).await.into_iter();
    rows.map(|(mut labels, value)| {
        labels.remove("job");
        labels.remove("instance");
        (labels, value)
    })
    .collect()
}

#[tokio::test]
async fn a_real_prometheus_stores_the_same_from_both_formats() {
    let cloud = Cloud::standing_still(120).await;
    cloud.simulator().set_list_faults(vec![ListFault::NastyNames]);
    let exporter = settled(&cloud, "metrics: { state_rows: dense }").await;
    let classic = ClassicOnly::in_front_of(&exporter).await;
    let prometheus = Prometheus::scraping_both(&[("open", &exporter.base), ("classic", &classic.base)]).await;
    let stored_rows = wait_for("both jobs to be stored", async || {
        let (open, classic) = (stored(&prometheus, "open").await, stored(&prometheus, "classic").await);
        (!open.is_empty() && !classic.is_empty()).then_some((open, classic))
    })
    .await;
    assert!(stored_rows.0.len() > 2 * 120 * 30, "{}", stored_rows.0.len());
    assert!(stored_rows.0 == stored_rows.1);
    assert_eq!(classic.content_types(), [TEXT.to_owned()].into());
    let sizes = "scrape_samples_scraped{job=\"open\"} - on() sum(huaweicloud_workspace_exporter_series{job=\"open\"})";
    assert_eq!(
        prometheus.number(sizes).await,
        0.0,
        "series counts what Prometheus scraped"
    );
}

/// Every query in a fenced block `promql` of the documents.
fn shipped_queries() -> Vec<String> {
    let mut documents = vec![root().join("README.md"), root().join("docs/queries.md")];
    let pages = std::fs::read_dir(root().join("docs/alerts")).unwrap();
    documents.extend(pages.map(|page| page.unwrap().path()));
    let texts = documents.iter().map(|path| std::fs::read_to_string(path).unwrap());
    let texts: Vec<String> = texts.collect();
    let blocks = texts.iter().flat_map(|text| text.split("```promql\n").skip(1));
    let queries = blocks.flat_map(|block| block.split("```").next().unwrap().split("\n\n"));
    let queries = queries.map(|query| query.trim().to_owned());
    queries
        .filter(|query| !query.is_empty())
        .chain(crate::deploy::expressions())
        .collect()
}

#[tokio::test]
async fn every_shipped_query_answers_alike_under_sparse_and_dense_rows() {
    let cloud = Cloud::standing_still(400).await;
    let sparse = settled(&cloud, "metrics: { state_rows: sparse }").await;
    let dense = settled(&cloud, "metrics: { state_rows: dense }").await;
    let by_itself = [
        Prometheus::scraping_both(&[("workspace", &sparse.base)]).await,
        Prometheus::scraping_both(&[("workspace", &dense.base)]).await,
    ];
    for prometheus in &by_itself {
        prometheus.wait_for_scrape().await;
        // An increase takes two scrapes, and what is recorded comes after them.
        wait_for("some scrapes", async || {
            let scrapes = prometheus.number("count_over_time(up{job=\"workspace\"}[1m])").await;
            (scrapes >= 4.0).then_some(())
        })
        .await;
    }
    let queries = shipped_queries();
    assert!(queries.len() >= 90, "{} queries", queries.len());
    let mut answered = 0;
    for query in queries {
        let mut answers = Vec::new();
        for prometheus in &by_itself {
            let rows = prometheus.query(&query).await.into_iter();
            let without_instance = rows.map(|(mut labels, value)| {
                labels.remove("instance");
                // As text, for what is no number equals itself there.
                (labels, value.to_string())
            });
            answers.push(without_instance.collect::<BTreeMap<Labels, String>>());
        }
        // What depends on the moment differs between two exporters, and so do their own counters.
        if !query.contains("time()") && !query.contains("_exporter_") && !query.contains("process_") {
            assert_eq!(answers[0], answers[1], "{query}");
        }
        answered += usize::from(!answers[0].is_empty());
    }
    assert!(answered >= 40, "most queries have nothing to say");
}

#[tokio::test]
async fn names_of_users_are_shown_as_the_settings_say_and_no_other_way() {
    let cloud = Cloud::standing_still(40).await;
    let users: BTreeSet<String> = cloud
        .simulator()
        .fleet()
        .desktops()
        .iter()
        .filter_map(|desktop| desktop.user_name.clone())
        .collect();
    let family = "huaweicloud_workspace_desktop_user_info";
    let shown = async |more: &str| {
        let exporter = settled(&cloud, more).await;
        let whole = exporter.everything_shown().await;
        let rows = exporter.metrics().await.rows(family);
        let named: BTreeSet<String> = rows.into_iter().map(|(labels, _)| labels["user"].clone()).collect();
        (named, users.iter().any(|user| whole.contains(user.as_str())))
    };
    assert_eq!(shown("").await, (BTreeSet::new(), false));
    assert_eq!(shown("privacy: { users: plain }").await, (users.clone(), true));
    let key = write(&cloud.directory, "key", "0123456789abcdef");
    let (hashes, is_leaked) = shown(&format!(
        "privacy: {{ users: hash, hash_key_file: '{}' }}",
        key.display()
    ))
    .await;
    assert_eq!((hashes.len(), is_leaked), (users.len(), false));
    assert!(
        hashes
            .iter()
            .all(|hash| hash.len() == 16 && hash.chars().all(|digit| digit.is_ascii_hexdigit()))
    );
}
