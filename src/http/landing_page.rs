//! The page at `/`: what this is, where the metrics are, and whether each project is up. Every value is escaped.

use std::fmt::Write;

use tokio::time::Instant;

use super::routes::{Site, ago};
use crate::publish::{ProjectState, Publication};

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>Workspace exporter</title><style>\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:60rem}\
table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #8888}\
.notice{border:2px solid;padding:.5rem 1rem;font-weight:bold}</style></head><body>";

/// Writes the page of a moment.
pub(super) fn render(site: &Site, publication: &Publication, now: Instant) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let path = escaped(&site.telemetry_path);
    let mut page = format!("{HEAD}<h1>Huawei Cloud Workspace exporter</h1>");
    if let Some(notice) = site.notice {
        push(&mut page, format_args!("<p class=\"notice\">{}</p>", escaped(notice)));
    }
    push(
        &mut page,
        format_args!(
            "<p>Version {version}. <a href=\"{path}\">Metrics</a>, <a href=\"/-/healthy\">health</a>, \
             <a href=\"/-/ready\">readiness</a>.</p>\
             <table><tr><th>Project</th><th>State</th><th>Desktops</th><th>Last good data</th></tr>"
        ),
    );
    for state in &publication.projects {
        push_project(&mut page, state, now);
    }
    page.push_str("</table></body></html>\n");
    page
}

fn push_project(page: &mut String, state: &ProjectState, now: Instant) {
    let name = escaped(&state.project.name);
    let Some(published) = &state.published else {
        return push(
            page,
            format_args!("<tr><td>{name}</td><td>no data yet</td><td></td><td></td></tr>"),
        );
    };
    let verdict = match published.completed_at {
        None => "restored",
        Some(_) if state.is_up(now) => "up",
        Some(_) => "stale",
    };
    let desktops = published.snapshot.entries().len();
    let listed_at = published.snapshot.listed_at();
    let age = published.completed_at.map_or_else(
        || "in an earlier run".to_owned(),
        |completed_at| format!("{} ago", ago(now.saturating_duration_since(completed_at))),
    );
    push(
        page,
        format_args!("<tr><td>{name}</td><td>{verdict}</td><td>{desktops}</td><td>{age}, {listed_at:.0}</td></tr>"),
    );
}

fn push(page: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = page.write_fmt(part);
}

/// For text and for attributes in double quotes.
fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut page, character| {
            match character {
                '&' => page.push_str("&amp;"),
                '<' => page.push_str("&lt;"),
                '>' => page.push_str("&gt;"),
                '"' => page.push_str("&quot;"),
                '\'' => page.push_str("&#39;"),
                other => page.push(other),
            }
            page
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::publish::{Board, Project};

    #[test]
    fn a_project_named_like_markup_stays_text() {
        let project = Project {
            name: "<script>alert('1')</script>".to_owned(),
            region: String::new(),
            endpoint: String::new(),
            project_id: None,
            required: true,
            interval: Duration::from_secs(60),
            network_interval: Duration::from_secs(60),
        };
        let (board, reader) = Board::open();
        let _publisher = board.add(Arc::new(project));
        let site = Site {
            telemetry_path: "/metrics".to_owned(),
            notice: Some("all of it is simulated"),
        };
        let page = render(&site, &reader.current(), Instant::now());
        assert!(
            page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"),
            "{page}"
        );
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("all of it is simulated"), "{page}");
    }
}
