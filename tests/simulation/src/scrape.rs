//! What a scrape shows, read by rules written here a second time.

use std::collections::BTreeSet;

/// The rows of one scrape that the judge looks at.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scrape {
    /// Ids of all desktops with a status row.
    pub(crate) desktops: BTreeSet<String>,
    /// Ids of those in ERROR.
    pub(crate) in_error: BTreeSet<String>,
    pub(crate) is_up: bool,
    pub(crate) is_restored: bool,
    pub(crate) snapshot_timestamp: Option<f64>,
    pub(crate) last_attempt: Option<f64>,
    /// Polls that ended, whatever their result, but for those that never began.
    pub(crate) polls: f64,
    pub(crate) polls_ok: f64,
    /// Polls that the shrink guard rejected.
    pub(crate) shrunken: f64,
}

impl Scrape {
    pub(crate) fn read(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("huaweicloud_workspace_") else {
                continue;
            };
            let Some((head, value)) = rest.rsplit_once(' ') else {
                continue;
            };
            let (name, labels) = head.split_once('{').unwrap_or((head, ""));
            let Ok(value) = value.parse::<f64>() else { continue };
            match name {
                "desktop_status" => {
                    let Some(id) = label(labels, "desktop_id") else {
                        continue;
                    };
                    if labels.ends_with("status=\"ERROR\"}") && value >= 1.0 {
                        scrape.in_error.insert(id.to_owned());
                    }
                    scrape.desktops.insert(id.to_owned());
                }
                "exporter_up" => scrape.is_up = value >= 1.0,
                "exporter_snapshot_restored" => scrape.is_restored = value >= 1.0,
                "exporter_snapshot_timestamp_seconds" => scrape.snapshot_timestamp = Some(value),
                "exporter_last_attempt_timestamp_seconds" => scrape.last_attempt = Some(value),
                "exporter_poll_failures_total" if label(labels, "reason") == Some("shrink") => scrape.shrunken = value,
                "exporter_polls_total" if label(labels, "result") == Some("ok") => {
                    scrape.polls += value;
                    scrape.polls_ok = value;
                }
                "exporter_polls_total" if label(labels, "result") != Some("skipped") => scrape.polls += value,
                _ => {}
            }
        }
        scrape
    }
}

/// The value of a label that needs no unescaping.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = labels.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}
