//! The catalogue for people: every family in one table, as Markdown or JSON. `docs/metrics.md` is its output.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::exposition::FAMILIES;
use crate::own_metrics::DEFINITIONS;

/// One family of the documentation.
struct Documented {
    name: &'static str,
    kind: &'static str,
    labels: Vec<&'static str>,
    help: &'static str,
}

fn families() -> impl Iterator<Item = Documented> {
    let from_snapshots = FAMILIES.iter().map(|family| Documented {
        name: family.name,
        kind: family.kind.as_str(),
        labels: [family.source.leading_labels(), family.labels].concat(),
        help: family.help,
    });
    let counted = DEFINITIONS.iter().map(|definition| Documented {
        name: definition.name,
        kind: definition.kind,
        labels: definition.labels.to_vec(),
        help: definition.help,
    });
    from_snapshots.chain(counted)
}

/// The page `docs/metrics.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = "\
# Metrics

Written by `workspace-exporter metrics > docs/metrics.md`; a test fails when it lags behind the code.

Absent is absent: a field that the API leaves out gives no row. Zero is a measurement. State families have one row a
desktop, of the current word with value 1; a word that is not documented becomes `unknown` and is counted. The
aggregates hold a row for every known combination, zeros included; desktops that lack a field count under an empty
label. The standard `process_*` families are served too.

| family | type | labels | meaning |
|---|---|---|---|
"
    .to_owned();
    for family in families() {
        let (name, kind, labels, help) = (family.name, family.kind, family.labels.join(", "), family.help);
        // Writing into a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    page
}

/// The same as a JSON array of objects with `name`, `type`, `labels` and `help`.
#[must_use]
pub fn json() -> String {
    let families: Vec<Value> = families()
        .map(|family| json!({"name": family.name, "type": family.kind, "labels": family.labels, "help": family.help}))
        .collect();
    format!("{:#}\n", Value::Array(families))
}
