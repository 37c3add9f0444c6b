//! Writes families that the `prometheus` crate gathered, in both syntaxes: the crate itself knows only the classic one.

use std::io::Write;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::format::Syntax;
use super::label_value::push_description;
use super::selection::Selection;

/// Appends families, without the rows of projects that are not selected, and counts their rows.
pub fn push_registry(
    families: &[MetricFamily],
    selection: &Selection,
    syntax: Syntax,
    out: &mut Vec<u8>,
    counts: &mut Vec<(String, u64)>,
) {
    for family in families {
        let mut rows = RegistryRows {
            out,
            syntax,
            name: family.name(),
            count: 0,
        };
        let is_shown = |metric: &&Metric| {
            let mut labels = metric.get_label().iter();
            labels.all(|label| label.name() != "project" || selection.has_project(label.value()))
        };
        let metrics: Vec<&Metric> = family.get_metric().iter().filter(is_shown).collect();
        if metrics.is_empty() {
            continue;
        }
        rows.header(family);
        for metric in metrics {
            rows.metric(family.get_field_type(), metric);
        }
        let count = rows.count;
        counts.push((family.name().to_owned(), count));
    }
}

struct RegistryRows<'a> {
    out: &'a mut Vec<u8>,
    syntax: Syntax,
    name: &'a str,
    count: u64,
}

impl RegistryRows<'_> {
    /// A gauge of facts is an info, and a counter is named without its suffix, where `OpenMetrics` is read.
    fn header(&mut self, family: &MetricFamily) {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::HISTOGRAM => "histogram",
            MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => "gauge",
        };
        let (name, kind) = match (self.syntax, kind) {
            (Syntax::OpenMetrics, "counter") => (self.name.strip_suffix("_total").unwrap_or(self.name), kind),
            (Syntax::OpenMetrics, "gauge") => match self.name.strip_suffix("_info") {
                Some(name) => (name, "info"),
                None => (self.name, kind),
            },
            _ => (self.name, kind),
        };
        let help = family.help();
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn metric(&mut self, kind: MetricType, metric: &Metric) {
        let labels = metric.get_label();
        match kind {
            MetricType::COUNTER => self.row("", labels, None, metric.get_counter().get_value()),
            MetricType::HISTOGRAM => {
                let histogram = metric.get_histogram();
                let count = precise(histogram.get_sample_count());
                for bucket in histogram.get_bucket() {
                    let bound = bound(bucket.upper_bound());
                    self.row("_bucket", labels, Some(&bound), precise(bucket.cumulative_count()));
                }
                self.row("_bucket", labels, Some("+Inf"), count);
                self.row("_sum", labels, None, histogram.get_sample_sum());
                self.row("_count", labels, None, count);
            }
            MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => {
                self.row("", labels, None, metric.get_gauge().get_value());
            }
        }
    }

    fn row(&mut self, suffix: &str, labels: &[LabelPair], bound: Option<&str>, value: f64) {
        self.count += 1;
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.extend_from_slice(suffix.as_bytes());
        let labels = labels.iter().map(|label| (label.name(), label.value()));
        let mut separator = b'{';
        for (name, value) in labels.chain(bound.map(|bound| ("le", bound))) {
            self.out.push(separator);
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            push_description(self.out, value);
            self.out.push(b'"');
            separator = b',';
        }
        if separator == b',' {
            self.out.push(b'}');
        }
        self.out.push(b' ');
        match whole(value) {
            Some(whole) => self.out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes()),
            None => self.push(format_args!("{value}")),
        }
        self.out.push(b'\n');
    }

    fn push(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing into a Vec cannot fail.
        let _ = self.out.write_fmt(part);
    }
}

/// A value without decimals, which most are: it is written in a tenth of the time.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole numbers below 2^53 are exact in both types"
)]
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64)
}

/// A whole bound has a decimal: `OpenMetrics` asks for it, and Prometheus reads both alike.
fn bound(bound: f64) -> String {
    format!("{bound:?}")
}

#[expect(clippy::cast_precision_loss, reason = "counts past 2^53 are out of reach")]
fn precise(count: u64) -> f64 {
    count as f64
}
