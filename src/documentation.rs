//! The catalogue for people: every family in one table, as Markdown or JSON. `docs/metrics.md` is its output.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::exposition::{SERIES, SERIES_HELP, Syntax, families, presence_in_words};
use crate::own_metrics::DEFINITIONS;

/// One family of the documentation.
struct Documented {
    name: &'static str,
    kind: &'static str,
    group: &'static str,
    presence: &'static str,
    labels: Vec<&'static str>,
    help: &'static str,
}

fn documented() -> impl Iterator<Item = Documented> {
    let from_snapshots = families().map(|family| Documented {
        name: family.name,
        kind: family.kind.word(Syntax::OpenMetrics, false),
        group: family.group.as_str(),
        presence: presence_in_words(family),
        labels: [family.source.leading_labels(), family.labels].concat(),
        help: family.help,
    });
    let counted = DEFINITIONS.iter().map(|definition| Documented {
        name: definition.name,
        kind: definition.kind,
        group: "exporter",
        presence: "always",
        labels: definition.labels.to_vec(),
        help: definition.help,
    });
    let series = Documented {
        name: SERIES,
        kind: "gauge",
        group: "exporter",
        presence: "always",
        labels: vec!["family"],
        help: SERIES_HELP,
    };
    from_snapshots.chain(counted).chain([series])
}

/// The page `docs/metrics.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = "\
# Metrics

Written by `workspace-exporter metrics > docs/metrics.md`; a test fails when it lags behind the code.

Absent is absent: a field that the API leaves out gives no row. Zero is a measurement. The aggregates hold a row for every
known combination, zeros included; desktops that lack a field count under an empty label. The standard `process_*`
families are served too.

State families have one row a desktop, of the current word with value 1 (`sparse`), or a row for each word, of which one is
1 (`dense`); `metrics.state_rows` and `metrics.encoding` choose. A word that is not documented becomes `unknown` and is
counted. `metrics.on` and `metrics.off` name other families of desktops, without `huaweicloud_workspace_`. `group` is what
`/metrics?collect[]=` takes. The type is that of OpenMetrics; in Prometheus text, an info is a gauge. `metrics.tags` adds
labels `tag_KEY` to `desktop_info`; `_` stands for what a label's name cannot hold, and keys that become one label are
told apart by `_conflict1`, `_conflict2` and so on.

| family | type | group | served | labels | meaning |
|---|---|---|---|---|---|
"
    .to_owned();
    for family in documented() {
        let (name, kind, group, presence) = (family.name, family.kind, family.group, family.presence);
        let (labels, help) = (family.labels.join(", "), family.help);
        // Writing into a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {group} | {presence} | {labels} | {help} |");
    }
    page
}

/// The same as a JSON array of objects with `name`, `type`, `group`, `served`, `labels` and `help`.
#[must_use]
pub fn json() -> String {
    let families: Vec<Value> = documented()
        .map(|family| {
            json!({
                "name": family.name, "type": family.kind, "group": family.group, "served": family.presence,
                "labels": family.labels, "help": family.help,
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(families))
}
