//! The exposition written a second time, slowly and by nobody's leave: families and labels spelled out, rows formatted one by
//! one. What the exporter serves must be these bytes, whatever the fleet holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use workspace_exporter::config::{MetricsSettings, StateRows, Users};
use workspace_exporter::exposition::{Coding, Packed, Plan, Print, Selection, Sheet, Syntax, count};
use workspace_exporter::inventory::{
    AttachState, Desktop, DesktopId, Facts, Field, LoginStatus, Networks, Place, Port, SnapshotBuilder, State,
    TaskStatus, Text, Word,
};
use workspace_exporter::publish::{Board, NetworkFacts, Project, Publication, Publisher, Reader};

const PREFIX: &str = "huaweicloud_workspace_";

/// The rules of `metrics.md`, "Labels", by the letter.
fn escaped(raw: &str, is_identity: bool) -> String {
    let digest = Sha256::digest(raw.as_bytes());
    let hash = digest[..6].iter().fold(String::new(), |mut hash, byte| {
        write!(hash, "{byte:02x}").unwrap();
        hash
    });
    let mut shown: String = raw
        .chars()
        .map(|letter| {
            if letter.is_control() && letter != '\n' {
                '\u{FFFD}'
            } else {
                letter
            }
        })
        .collect();
    if is_identity && shown != raw {
        shown = format!("{shown}…{hash}");
    }
    if shown.len() > 1024 {
        let mut kept = 1024 - 3 - 12;
        while !shown.is_char_boundary(kept) {
            kept -= 1;
        }
        shown = format!("{}…{hash}", &shown[..kept]);
    }
    shown.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn seconds(moment: Timestamp) -> String {
    let nanoseconds = moment.as_nanosecond();
    let (sign, nanoseconds) = if nanoseconds < 0 {
        ("-", -nanoseconds)
    } else {
        ("", nanoseconds)
    };
    let digits = format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    format!("{sign}{}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes as the exporter must.
struct Reference<'a> {
    publication: &'a Publication,
    syntax: Syntax,
    is_dense: bool,
    has_statesets: bool,
    out: String,
}

impl Reference<'_> {
    fn header(&mut self, name: &str, kind: &str, help: &str) {
        let (name, kind) = match (self.syntax, kind) {
            (Syntax::OpenMetrics, "counter") => (name.trim_end_matches("_total"), "counter"),
            (Syntax::OpenMetrics, "info") => (name.trim_end_matches("_info"), "info"),
            (Syntax::OpenMetrics, "state") if self.has_statesets => (name, "stateset"),
            (_, "counter") => (name, "counter"),
            _ => (name, "gauge"),
        };
        writeln!(self.out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}").unwrap();
    }

    fn desktops(&mut self, name: &str, rows: impl Fn(&Desktop, &Self) -> Vec<(String, String)>) {
        self.entries(name, |entry, this| rows(&entry.desktop, this));
    }

    fn entries(
        &mut self,
        name: &str,
        rows: impl Fn(&workspace_exporter::inventory::Entry, &Self) -> Vec<(String, String)>,
    ) {
        let publication = self.publication;
        for state in &publication.projects {
            for entry in state
                .published
                .iter()
                .flat_map(|published| published.snapshot.entries())
            {
                let desktop = &entry.desktop;
                for (labels, value) in rows(entry, self) {
                    writeln!(
                        self.out,
                        "{PREFIX}{name}{{project=\"{}\",desktop_id=\"{}\",computer_name=\"{}\"{labels}}} {value}",
                        escaped(&state.project.name, true),
                        escaped(desktop.id.as_str(), true),
                        escaped(desktop.computer_name.as_deref().unwrap_or(""), false),
                    )
                    .unwrap();
                }
            }
        }
    }

    fn states<W: Word>(&mut self, name: &str, help: &str, label: &str, of: fn(&Desktop) -> Option<&State<W>>) {
        self.header(name, "state", help);
        let label = if self.has_statesets && self.syntax == Syntax::OpenMetrics {
            format!("{PREFIX}{name}")
        } else {
            label.to_owned()
        };
        self.desktops(name, |desktop, this| {
            let Some(state) = of(desktop) else { return Vec::new() };
            let is_dense = this.is_dense && name != "desktop_task_status";
            let words = State::<W>::labels().filter(|word| is_dense || *word == state.label());
            words
                .map(|word| {
                    (
                        format!(",{label}=\"{word}\""),
                        u8::from(word == state.label()).to_string(),
                    )
                })
                .collect()
        });
    }

    fn per_desktop(&mut self) {
        self.states(
            "desktop_status",
            "Run state of the desktop: 1 on the row of its current status.",
            "status",
            |it| it.status.as_ref(),
        );
        self.states::<LoginStatus>(
            "desktop_login_status",
            "Session state of the desktop: 1 on the row of its current login status.",
            "login_status",
            |it| it.login_status.as_ref(),
        );
        self.states::<AttachState>(
            "desktop_attach_state",
            "Assignment of the desktop to users: 1 on the row of its current attach state.",
            "attach_state",
            |it| it.attach_state.as_ref(),
        );
        self.states::<TaskStatus>(
            "desktop_task_status",
            "Work under way on the desktop: 1 on the row of its current task; no row while it is idle.",
            "task_status",
            |it| it.task_status.as_ref(),
        );
        let bare = |value: Option<String>| value.map(|value| (String::new(), value)).into_iter().collect();
        let flag = move |flag: Option<bool>| bare(flag.map(|flag| u8::from(flag).to_string()));
        let maintenance =
            "Whether the desktop is in maintenance mode (1) or not (0); no row while the API does not say.";
        self.header("desktop_in_maintenance_mode", "gauge", maintenance);
        self.desktops("desktop_in_maintenance_mode", |it, _| flag(it.in_maintenance_mode));
        let frozen = "Whether the desktop is frozen (1) or not (0); no row while the API does not say.";
        self.header("desktop_frozen", "gauge", frozen);
        self.desktops("desktop_frozen", |it, _| flag(it.is_frozen));
        self.header(
            "desktop_last_transition_timestamp_seconds",
            "gauge",
            "When a state of the desktop was last seen to change, in seconds since the epoch; no row until it was.",
        );
        self.entries("desktop_last_transition_timestamp_seconds", |entry, _| {
            let row = |field: Field| {
                let moment = entry.last_transitions.of(field)?;
                Some((format!(",field=\"{}\"", field.as_str()), seconds(moment)))
            };
            Field::ALL.into_iter().filter_map(row).collect()
        });
        let created = "When the desktop was created, in seconds since the epoch.";
        self.header("desktop_created_timestamp_seconds", "gauge", created);
        self.desktops("desktop_created_timestamp_seconds", |it, _| {
            bare(it.created.map(seconds))
        });
        self.header(
            "desktop_assigned_users",
            "gauge",
            "To how many users and groups the desktop is assigned; no row while the API does not say.",
        );
        self.desktops("desktop_assigned_users", |it, _| {
            bare(it.assigned_users.map(|count| count.to_string()))
        });
        self.infos();
    }

    fn infos(&mut self) {
        self.header(
            "desktop_info",
            "info",
            "Descriptive facts of the desktop as labels; always 1. A missing fact is an empty label.",
        );
        self.desktops("desktop_info", |it, _| {
            let facts = &it.facts;
            let tag = facts.tags.iter().find(|(key, _)| &**key == "team");
            let labels = [
                ("desktop_type", facts.desktop_type.as_deref()),
                ("os_type", facts.os_type.as_deref()),
                ("os_version", facts.os_version.as_deref()),
                ("image_id", facts.image_id.as_deref()),
                ("image_name", facts.image_name.as_deref()),
                ("product_id", facts.product_id.as_deref()),
                ("flavor_id", facts.flavor_id.as_deref()),
                ("availability_zone", facts.availability_zone.as_deref()),
                ("site_type", facts.site_type.as_deref()),
                ("site_name", facts.site_name.as_deref()),
                ("enterprise_project_id", facts.enterprise_project_id.as_deref()),
                ("subnet_id", facts.subnet_id.as_deref()),
                ("tag_team", tag.map(|(_, value)| &**value)),
            ];
            vec![(written(&labels), "1".to_owned())]
        });
        self.header(
            "desktop_network_info",
            "info",
            "Network facts of each network card of the desktop as labels; always 1.",
        );
        self.entries("desktop_network_info", |entry, _| {
            let ports = entry.ports.iter().flat_map(|ports| ports.iter());
            let row = |port: &Port| {
                let labels = [
                    ("private_ip", port.private_ip.as_deref()),
                    ("public_ip", port.public_ip.as_deref()),
                    ("vpc_id", port.place.vpc_id.as_deref()),
                    ("vpc_name", port.place.vpc_name.as_deref()),
                    ("subnet_id", port.place.subnet_id.as_deref()),
                    ("subnet_name", port.place.subnet_name.as_deref()),
                ];
                (written(&labels), "1".to_owned())
            };
            ports.map(row).collect()
        });
    }
}

fn written(labels: &[(&str, Option<&str>)]) -> String {
    let each = labels
        .iter()
        .map(|(name, value)| format!(",{name}=\"{}\"", escaped(value.unwrap_or(""), false)));
    each.collect()
}

/// Text that breaks naive encoders more often than not.
fn nasty() -> impl Strategy<Value = String> {
    let short = proptest::collection::vec(
        prop_oneof![
            Just("\\".to_owned()),
            Just("\"".to_owned()),
            Just("\n".to_owned()),
            Just("\r\t\u{0}\u{7f}\u{85}".to_owned()),
            Just("} 1\nx{a=\"b\"} 1".to_owned()),
            Just("桌面🖥".to_owned()),
            "[ -~]{0,8}",
            any::<char>().prop_map(|letter| letter.to_string()),
        ],
        0..5,
    );
    let long = prop_oneof![Just("名".repeat(400)), Just("x\"".repeat(600)), Just("y".repeat(1_025))];
    prop_oneof![9 => short.prop_map(|parts| parts.concat()), 1 => long]
}

fn text() -> impl Strategy<Value = Text> {
    proptest::option::of(nasty().prop_map(Into::into))
}

fn state<W: Word + std::fmt::Debug>() -> impl Strategy<Value = Option<State<W>>> {
    let words: Vec<&str> = W::ALL.iter().map(|word| word.word()).collect();
    let word = prop_oneof![proptest::sample::select(words).prop_map(str::to_owned), nasty()];
    proptest::option::of(word.prop_map(|word| State::parse(&word)))
}

fn facts() -> impl Strategy<Value = Arc<Facts>> {
    let tags = proptest::option::of(nasty());
    (text(), text(), text(), text(), tags).prop_map(|(desktop_type, os_type, image_name, site_name, tag)| {
        Arc::new(Facts {
            desktop_type,
            os_type,
            image_name,
            site_name,
            tags: tag.map(|value| ("team".into(), value.into())).into_iter().collect(),
            ..Facts::default()
        })
    })
}

fn desktop() -> impl Strategy<Value = Desktop> {
    let id = (nasty(), 0_u32..5_000).prop_map(|(text, number)| format!("{number}{text}"));
    let states = (state(), state(), state(), state());
    let flags = (any::<Option<bool>>(), any::<Option<bool>>(), any::<Option<u32>>());
    let created = proptest::option::of(-1_000_000_000_000_i64..2_000_000_000_000);
    (id, text(), states, flags, created, facts()).prop_map(|(id, computer_name, states, flags, created, facts)| {
        let mut desktop = Desktop::new(DesktopId::try_new(id).unwrap());
        desktop.computer_name = computer_name;
        (
            desktop.status,
            desktop.login_status,
            desktop.attach_state,
            desktop.task_status,
        ) = states;
        (desktop.in_maintenance_mode, desktop.is_frozen, desktop.assigned_users) = flags;
        desktop.created = created.map(|milliseconds| Timestamp::from_millisecond(milliseconds).unwrap());
        desktop.facts = facts;
        desktop
    })
}

fn ports() -> impl Strategy<Value = Vec<Port>> {
    let port = (text(), text(), text(), text()).prop_map(|(private_ip, public_ip, vpc_id, subnet_name)| Port {
        private_ip,
        public_ip,
        place: Arc::new(Place {
            vpc_id,
            subnet_name,
            ..Place::default()
        }),
    });
    proptest::collection::vec(port, 0..3)
}

/// A project that publishes one fleet after the other.
struct Published {
    publisher: Publisher,
    reader: Reader,
    networks: Networks,
}

impl Published {
    fn new(name: &str) -> Self {
        let (board, reader) = Board::open();
        let project = Project {
            name: name.to_owned(),
            region: String::new(),
            endpoint: String::new(),
            project_id: None,
            required: true,
            interval: Duration::from_secs(60),
            network_interval: Duration::from_secs(60),
        };
        Self {
            publisher: board.add(Arc::new(project)),
            reader,
            networks: Networks::new(Duration::from_secs(3_600)),
        }
    }

    fn publish(&mut self, fleet: &[(Desktop, Vec<Port>)], listed_at: Timestamp) -> Arc<Publication> {
        let mut builder = SnapshotBuilder::new("id".into(), listed_at);
        for (desktop, ports) in fleet {
            self.networks
                .found(desktop.id.clone(), 0, ports.clone(), Instant::now());
            builder.found_desktop(desktop.clone());
        }
        let before = self.publisher.current().map(|published| published.snapshot);
        let snapshot = builder.build(before.as_deref(), &self.networks, Instant::now());
        let _ = self.publisher.publish(&Arc::new(snapshot), NetworkFacts::default());
        self.reader.current()
    }
}

fn settings(is_dense: bool, openmetrics_statesets: bool) -> MetricsSettings {
    MetricsSettings {
        state_rows: if is_dense { StateRows::Dense } else { StateRows::Sparse },
        tags: vec!["team".into()],
        openmetrics_statesets,
        ..MetricsSettings::default()
    }
}

/// What the exporter prints of the groups of desktops.
fn printed(publication: &Arc<Publication>, plan: &Arc<Plan>, selection: &Selection, syntax: Syntax) -> String {
    let sheet = Arc::new(Sheet::of(Arc::clone(publication), Arc::clone(plan), syntax));
    let mut print = Print::new(sheet, selection.clone());
    let mut text = Vec::new();
    // Chunks of any size join to the same text.
    let mut wanted = 1;
    while print.fill(&mut text, wanted) {
        wanted = text.len() + 1_000;
    }
    String::from_utf8(text).unwrap()
}

fn unpacked(packed: &Packed, coding: Coding) -> String {
    let mut bytes: Vec<u8> = packed.parts().flatten().collect();
    bytes.extend(packed.closing(b""));
    let text = match coding {
        Coding::Gzip => {
            let (mut decoder, mut text) = (GzDecoder::new(&bytes[..]), Vec::new());
            std::io::Read::read_to_end(&mut decoder, &mut text).unwrap();
            assert!(decoder.into_inner().is_empty(), "more than one member");
            text
        }
        Coding::Zstd => zstd::stream::decode_all(&bytes[..]).unwrap(),
        Coding::Identity => bytes,
    };
    String::from_utf8(text).unwrap()
}

fn of_desktops() -> Selection {
    Selection::parse("collect[]=state&collect[]=info&collect[]=network&collect[]=hardware").unwrap()
}

const LISTED_AT: &str = "2026-01-05T02:00:00.25Z";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_exposition_is_what_the_slow_reference_writes(
        name in nasty(),
        fleet in proptest::collection::vec((desktop(), ports()), 0..12),
        is_dense in any::<bool>(),
        has_statesets in any::<bool>(),
        is_open in any::<bool>(),
    ) {
        let syntax = if is_open { Syntax::OpenMetrics } else { Syntax::Classic };
        let publication = Published::new(&name).publish(&fleet, LISTED_AT.parse().unwrap());
        let plan = Arc::new(Plan::of(&settings(is_dense, has_statesets), Users::Off).unwrap());
        let mut reference = Reference { publication: &publication, syntax, is_dense, has_statesets, out: String::new() };
        reference.per_desktop();
        prop_assert_eq!(&printed(&publication, &plan, &of_desktops(), syntax), &reference.out);
    }

    /// Fleets that change a little are packed beside the last form of them, and must be what packing anew gives.
    #[test]
    fn what_is_packed_beside_the_last_form_is_what_is_packed_anew(
        fleet in proptest::collection::vec((desktop(), ports()), 1..300),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), desktop(), ports(), 0..4), 0..9),
        is_zstd in any::<bool>(),
    ) {
        let coding = if is_zstd { Coding::Zstd } else { Coding::Gzip };
        let plan = Arc::new(Plan::of(&settings(false, false), Users::Off).unwrap());
        let everything = Selection::default();
        let form = (&everything, Syntax::Classic, coding);
        let mut published = Published::new("p");
        let mut fleet: BTreeMap<_, _> =
            fleet.into_iter().map(|(desktop, ports)| (desktop.id.clone(), (desktop, ports))).collect();
        let fleet_of = |fleet: &BTreeMap<DesktopId, (Desktop, Vec<Port>)>| fleet.values().cloned().collect::<Vec<_>>();
        let first = published.publish(&fleet_of(&fleet), LISTED_AT.parse().unwrap());
        let mut packed = Packed::of(first, Arc::clone(&plan), form, None);
        for (place, other, other_ports, change) in changes {
            let id = fleet.keys().nth(place.index(fleet.len())).unwrap().clone();
            let (desktop, ports) = fleet.get_mut(&id).unwrap();
            match change {
                0 => desktop.status = other.status,
                1 => desktop.facts = Arc::clone(&other.facts),
                2 => *ports = other_ports,
                _ => drop(fleet.insert(other.id.clone(), (other, other_ports))),
            }
            let next = published.publish(&fleet_of(&fleet), "2026-01-05T02:01:00Z".parse().unwrap());
            packed = Packed::of(Arc::clone(&next), Arc::clone(&plan), form, Some(&packed));
            let plain = printed(&next, &plan, &everything, Syntax::Classic);
            prop_assert_eq!(&unpacked(&packed, coding), &plain);
        }
    }

    #[test]
    fn all_shards_together_are_the_whole(
        fleet in proptest::collection::vec((desktop(), ports()), 0..200),
        count in 1_u32..6,
    ) {
        let publication = Published::new("p").publish(&fleet, LISTED_AT.parse().unwrap());
        let plan = Arc::new(Plan::default());
        let rows = |query: &str| -> Vec<String> {
            let selection = Selection::parse(query).unwrap();
            let text = printed(&publication, &plan, &selection, Syntax::Classic);
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
        };
        let mut joined: Vec<String> = (0..count).flat_map(|index| rows(&format!("shard={index}/{count}"))).collect();
        let mut whole = rows("");
        joined.sort();
        whole.sort();
        prop_assert_eq!(joined, whole);
    }

    #[test]
    fn rows_are_counted_as_they_are_written(
        fleet in proptest::collection::vec((desktop(), ports()), 0..40),
        is_dense in any::<bool>(),
    ) {
        let publication = Published::new("p").publish(&fleet, LISTED_AT.parse().unwrap());
        let on = ["security_group_info", "vcpus", "memory_bytes", "volume_size_bytes"];
        let on = on.map(|name| format!("desktop_{name}")).into();
        let plan = Plan::of(&MetricsSettings { on, ..settings(is_dense, false) }, Users::Plain).unwrap();
        let plan = Arc::new(plan);
        let text = printed(&publication, &plan, &Selection::default(), Syntax::Classic);
        let packed = (&Selection::default(), Syntax::Classic, Coding::Gzip);
        let packed = Packed::of(Arc::clone(&publication), Arc::clone(&plan), packed, None);
        let counted = count(&publication, &plan);
        let sheet = Sheet::of(Arc::clone(&publication), plan, Syntax::Classic);
        for (family, count) in counted.iter() {
            let rows = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
            prop_assert_eq!(rows.count() as u64, *count, "{}", family);
        }
        prop_assert_eq!(&counted, sheet.counts());
        prop_assert_eq!(&counted, packed.counts());
    }
}
