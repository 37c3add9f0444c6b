//! The other encoders of Rust over the same rows, which they get ready-made: what it costs to make them is not in their
//! figures.

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};
use prometheus_client::collector::Collector as ClientCollector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text::encode};
use prometheus_client::metrics::{MetricType as ClientType, gauge::ConstGauge};
use prometheus_client::registry::Registry as ClientRegistry;

use super::Contender;

/// One family with its rows.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    name: String,
    help: String,
    samples: Vec<(Vec<(String, String)>, f64)>,
}

/// Reads an exposition. Nothing in a simulated fleet needs unescaping.
pub(crate) fn families_of(exposition: &str) -> Vec<Rows> {
    let mut families: Vec<Rows> = Vec::new();
    for line in exposition.lines() {
        if let Some(header) = line.strip_prefix("# HELP ") {
            let (name, help) = header.split_once(' ').expect("a name and a help");
            families.push(Rows {
                name: name.to_owned(),
                help: help.to_owned(),
                samples: Vec::new(),
            });
        } else if let Some((head, value)) = line.rsplit_once("} ") {
            let (_, labels) = head.split_once('{').expect("labels");
            let labels = labels.split("\",").map(|label| {
                let (name, value) = label.split_once("=\"").expect("a label");
                (name.to_owned(), value.trim_end_matches('"').to_owned())
            });
            let row = (labels.collect(), value.parse().expect("a value"));
            families.last_mut().expect("a header before rows").samples.push(row);
        }
    }
    families.retain(|family| !family.samples.is_empty());
    families
}

/// A custom Collector, as the documentation of the `prometheus` crate has it.
struct FleetCollector {
    descriptions: Vec<Desc>,
    families: Vec<Rows>,
}

impl Collector for FleetCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families.iter().map(family_of).collect()
    }
}

fn family_of(rows: &Rows) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(rows.name.clone());
    family.set_help(rows.help.clone());
    family.set_field_type(MetricType::GAUGE);
    for (labels, value) in &rows.samples {
        let mut metric = Metric::default();
        let pairs = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.clone());
            pair.set_value(value.clone());
            pair
        });
        metric.set_label(pairs.collect());
        let mut gauge = Gauge::default();
        gauge.set_value(*value);
        metric.set_gauge(gauge);
        family.mut_metric().push(metric);
    }
    family
}

/// The same for `prometheus-client`.
#[derive(Debug)]
struct ClientFleet(Vec<Rows>);

impl ClientCollector for ClientFleet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for family in &self.0 {
            let mut rows = encoder.encode_descriptor(&family.name, &family.help, None, ClientType::Gauge)?;
            for (labels, value) in &family.samples {
                ConstGauge::new(*value).encode(rows.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

/// Runs each once: the crate as a whole, its encoder alone, `prometheus-client`.
pub(crate) fn run(families: &[Rows], contenders: &mut [Contender]) {
    let registry = Registry::new();
    let describe = |rows: &Rows| Desc::new(rows.name.clone(), rows.help.clone(), Vec::new(), HashMap::new());
    let collector = FleetCollector {
        descriptions: families
            .iter()
            .map(describe)
            .map(|desc| desc.expect("a name"))
            .collect(),
        families: families.to_vec(),
    };
    registry.register(Box::new(collector)).expect("names that do not clash");
    let mut out = Vec::new();
    let encoded = contenders[0].run(|| TextEncoder::new().encode(&registry.gather(), &mut out));
    encoded.expect("an encoding");
    drop(registry);
    let gathered: Vec<MetricFamily> = families.iter().map(family_of).collect();
    out.clear();
    let encoded = contenders[1].run(|| TextEncoder::new().encode(&gathered, &mut out));
    encoded.expect("an encoding");
    drop((gathered, out));
    let mut registry = ClientRegistry::default();
    registry.register_collector(Box::new(ClientFleet(families.to_vec())));
    let mut text = String::new();
    contenders[2].run(|| encode(&mut text, &registry)).expect("an encoding");
}
