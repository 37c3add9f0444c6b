//! Snapshots as bytes and back: a line with a name, a version and a checksum, then JSON. Pure; what is torn, altered or of
//! another version is an error, never half a fleet.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::inventory::{Desktop, DesktopId, Entry, Field, Kept, LastTransitions, Port, Snapshot, State, Text, Word};
use crate::publish::Publication;

/// The name and version of the format; another number is another format.
const MAGIC: &str = "workspace-exporter-state 1";

/// The bytes hold no state that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Not a state file of this version.
    #[error("not a state file of this version")]
    Foreign,
    /// The checksum does not fit.
    #[error("the checksum does not fit: the file is torn or was altered")]
    Torn,
    /// The checksum fits and the content does not read.
    #[error("the content does not read")]
    Unreadable,
}

/// One project of a state file.
#[derive(Debug)]
pub struct SavedProject {
    /// The `project` label that it had.
    pub name: String,
    /// Scheme and host of the API that was listed.
    pub endpoint: String,
    /// Its last good snapshot.
    pub snapshot: Snapshot,
}

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    projects: Vec<ProjectRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ProjectRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    endpoint: Cow<'a, str>,
    #[serde(borrow)]
    project_id: Cow<'a, str>,
    listed_at: i128,
    reported: Option<u64>,
    pages: u64,
    #[serde(borrow)]
    desktops: Vec<DesktopRecord<'a>>,
}

type Word1<'a> = Option<Cow<'a, str>>;

/// Every field of a desktop and of what stands beside it; texts in the order of [`texts`].
#[derive(Serialize, Deserialize)]
struct DesktopRecord<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    texts: Vec<Word1<'a>>,
    in_maintenance_mode: Option<bool>,
    created: Option<i128>,
    address_mark: u64,
    last_transitions: [Option<i128>; Field::ALL.len()],
    is_held: bool,
    #[serde(borrow)]
    ports: Option<Vec<Vec<Word1<'a>>>>,
}

/// Writes what is published. Costs a few µs a desktop.
#[must_use]
pub fn encode(publication: &Publication) -> Vec<u8> {
    let projects = publication.projects.iter().filter_map(|state| {
        let snapshot = &state.published.as_ref()?.snapshot;
        Some(ProjectRecord {
            name: Cow::Borrowed(&state.project.name),
            endpoint: Cow::Borrowed(&state.project.endpoint),
            project_id: Cow::Borrowed(snapshot.project_id()),
            listed_at: snapshot.listed_at().as_nanosecond(),
            reported: snapshot.reported(),
            pages: snapshot.pages(),
            desktops: snapshot.entries().iter().map(record_of).collect(),
        })
    });
    let document = Document {
        projects: projects.collect(),
    };
    // Only maps with odd keys and failing writers fail, and there are neither.
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut bytes = header(&body).into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

/// Reads what [`encode`] wrote.
///
/// # Errors
///
/// [`StateError`] says why it is not what was written.
pub fn decode(bytes: &[u8]) -> Result<Vec<SavedProject>, StateError> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(StateError::Foreign)?;
    let (found, body) = bytes.split_at(end + 1);
    if !found.starts_with(MAGIC.as_bytes()) {
        return Err(StateError::Foreign);
    }
    if found != header(body).as_bytes() {
        return Err(StateError::Torn);
    }
    let document: Document<'_> = serde_json::from_slice(body).map_err(|_| StateError::Unreadable)?;
    let projects = document.projects.into_iter().map(|project| project_of(project));
    projects.collect::<Option<_>>().ok_or(StateError::Unreadable)
}

fn header(body: &[u8]) -> String {
    let mut line = format!("{MAGIC} ");
    for byte in Sha256::digest(body) {
        // Writing into a String cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    line
}

fn project_of(record: ProjectRecord<'_>) -> Option<SavedProject> {
    let entries: Option<Vec<Entry>> = record.desktops.into_iter().map(entry_of).collect();
    Some(SavedProject {
        name: record.name.into_owned(),
        endpoint: record.endpoint.into_owned(),
        snapshot: Snapshot::restore(Kept {
            project_id: record.project_id.into(),
            listed_at: moment_of(record.listed_at)?,
            reported: record.reported,
            pages: record.pages,
            entries: entries?,
        }),
    })
}

fn record_of(entry: &Entry) -> DesktopRecord<'_> {
    let desktop = &*entry.desktop;
    let states = [
        word(desktop.status.as_ref()),
        word(desktop.login_status.as_ref()),
        word(desktop.attach_state.as_ref()),
    ];
    DesktopRecord {
        id: Cow::Borrowed(desktop.id.as_str()),
        texts: states
            .into_iter()
            .chain(texts(desktop).map(|text| text.as_deref().map(Cow::Borrowed)))
            .collect(),
        in_maintenance_mode: desktop.in_maintenance_mode,
        created: desktop.created.map(Timestamp::as_nanosecond),
        address_mark: desktop.address_mark,
        last_transitions: Field::ALL.map(|field| entry.last_transitions.of(field).map(Timestamp::as_nanosecond)),
        is_held: entry.is_held,
        ports: entry
            .ports
            .as_ref()
            .map(|ports| ports.iter().map(port_record).collect()),
    }
}

fn entry_of(record: DesktopRecord<'_>) -> Option<Entry> {
    let mut desktop = Desktop::new(DesktopId::try_new(record.id)?);
    let mut texts = record.texts.into_iter();
    desktop.status = texts.next()?.map(|word| State::parse(&word));
    desktop.login_status = texts.next()?.map(|word| State::parse(&word));
    desktop.attach_state = texts.next()?.map(|word| State::parse(&word));
    for text in texts_mut(&mut desktop) {
        *text = texts.next()?.map(Into::into);
    }
    desktop.in_maintenance_mode = record.in_maintenance_mode;
    desktop.created = record.created.and_then(moment_of);
    desktop.address_mark = record.address_mark;
    let mut last_transitions = LastTransitions::default();
    for (field, moment) in Field::ALL.into_iter().zip(record.last_transitions) {
        if let Some(moment) = moment.and_then(moment_of) {
            last_transitions.set(field, moment);
        }
    }
    let ports: Option<Option<Vec<Port>>> = record.ports.map(|ports| ports.into_iter().map(port_of).collect());
    Some(Entry {
        desktop: Arc::new(desktop),
        ports: match ports {
            Some(ports) => Some(ports?.into()),
            None => None,
        },
        last_transitions,
        is_held: record.is_held,
    })
}

/// A state in the API's own word; one that we do not know keeps its text.
fn word<W: Word>(state: Option<&State<W>>) -> Word1<'_> {
    state.map(|state| match state {
        State::Known(word) => Cow::Borrowed(word.word()),
        State::Unknown(raw) => Cow::Borrowed(&**raw),
    })
}

fn texts(desktop: &Desktop) -> impl Iterator<Item = &Text> {
    [
        &desktop.computer_name,
        &desktop.task_status,
        &desktop.desktop_type,
        &desktop.os_type,
        &desktop.os_version,
        &desktop.image_id,
        &desktop.image_name,
        &desktop.product_id,
        &desktop.flavor_id,
        &desktop.availability_zone,
        &desktop.site_type,
        &desktop.site_name,
        &desktop.enterprise_project_id,
        &desktop.subnet_id,
    ]
    .into_iter()
}

/// In the order of [`texts`]; a test keeps both alike.
fn texts_mut(desktop: &mut Desktop) -> impl Iterator<Item = &mut Text> {
    [
        &mut desktop.computer_name,
        &mut desktop.task_status,
        &mut desktop.desktop_type,
        &mut desktop.os_type,
        &mut desktop.os_version,
        &mut desktop.image_id,
        &mut desktop.image_name,
        &mut desktop.product_id,
        &mut desktop.flavor_id,
        &mut desktop.availability_zone,
        &mut desktop.site_type,
        &mut desktop.site_name,
        &mut desktop.enterprise_project_id,
        &mut desktop.subnet_id,
    ]
    .into_iter()
}

fn port_record(port: &Port) -> Vec<Word1<'_>> {
    [
        &port.private_ip,
        &port.public_ip,
        &port.vpc_id,
        &port.vpc_name,
        &port.subnet_id,
        &port.subnet_name,
    ]
    .into_iter()
    .map(|text| text.as_deref().map(Cow::Borrowed))
    .collect()
}

fn port_of(record: Vec<Word1<'_>>) -> Option<Port> {
    let mut texts = record.into_iter().map(|text| text.map(Into::into));
    Some(Port {
        private_ip: texts.next()?,
        public_ip: texts.next()?,
        vpc_id: texts.next()?,
        vpc_name: texts.next()?,
        subnet_id: texts.next()?,
        subnet_name: texts.next()?,
    })
}

fn moment_of(nanoseconds: i128) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::inventory::{Networks, SnapshotBuilder, Status};
    use crate::publish::{Board, NetworkFacts, Project};

    /// A desktop whose every text is another one, and a publication of it.
    fn publication(name: &str) -> (Arc<Publication>, Desktop) {
        let mut desktop = Desktop::new(DesktopId::try_new("d\n\"1\"").expect("an id"));
        for (number, text) in texts_mut(&mut desktop).enumerate() {
            *text = (number % 3 > 0).then(|| format!("text {number} \u{1F5A5}").into());
        }
        desktop.status = Some(State::Known(Status::Error));
        desktop.login_status = Some(State::Unknown("DREAMING".into()));
        desktop.in_maintenance_mode = Some(true);
        desktop.created = Some("2022-01-21T06:57:47.459Z".parse().expect("a time"));
        desktop.address_mark = u64::MAX;
        let now = Instant::now();
        let mut networks = Networks::new(Duration::from_secs(1));
        let port = Port {
            private_ip: Some("10.0.0.1".into()),
            public_ip: None,
            vpc_id: Some("v".into()),
            vpc_name: None,
            subnet_id: None,
            subnet_name: Some("s".into()),
        };
        networks.found(desktop.id.clone(), 0, vec![port], now);
        let listed_at = "2026-01-05T02:00:00.25Z".parse().expect("a time");
        let mut before = SnapshotBuilder::new("id".into(), listed_at);
        before.found_desktop(Desktop {
            status: Some(State::Known(Status::Active)),
            ..desktop.clone()
        });
        let before = before.build(None, &networks, now);
        let mut builder = SnapshotBuilder::new("id".into(), listed_at);
        builder.found_desktop(desktop.clone());
        builder.found_page_end(Some(1));
        let (board, reader) = Board::open();
        let publisher = board.add(Arc::new(Project {
            name: name.to_owned(),
            region: String::new(),
            endpoint: "https://e".to_owned(),
            project_id: None,
            required: true,
            interval: Duration::from_secs(60),
            network_interval: Duration::from_secs(60),
        }));
        let snapshot = builder.build(Some(&before), &networks, now);
        let _ = publisher.publish(&Arc::new(snapshot), NetworkFacts::default());
        (reader.current(), desktop)
    }

    #[test]
    fn what_was_written_reads_back() {
        let (publication, desktop) = publication("prod");
        let saved = decode(&encode(&publication)).expect("a state");
        let original = &publication.projects[0].published.as_ref().expect("published").snapshot;
        let snapshot = &saved[0].snapshot;
        assert_eq!(
            (saved[0].name.as_str(), saved[0].endpoint.as_str()),
            ("prod", "https://e")
        );
        assert_eq!(snapshot.listed_at(), original.listed_at());
        assert_eq!(
            (snapshot.reported(), snapshot.pages(), snapshot.census()),
            (Some(1), 1, original.census())
        );
        let (entry, expected) = (&snapshot.entries()[0], &original.entries()[0]);
        assert_eq!(*entry.desktop, desktop);
        assert_eq!(entry.ports, expected.ports);
        assert_eq!(entry.last_transitions, expected.last_transitions);
        assert!(entry.last_transitions.of(Field::Status).is_some());
    }

    #[test]
    fn the_two_orders_of_texts_are_one() {
        let (_, mut desktop) = publication("prod");
        let listed: Vec<Text> = texts(&desktop).cloned().collect();
        let other: Vec<Text> = texts_mut(&mut desktop).map(|text| text.clone()).collect();
        assert_eq!(listed, other);
    }

    #[test]
    fn another_version_and_other_files_are_foreign() {
        let (publication, _) = publication("prod");
        let text = String::from_utf8(encode(&publication)).expect("UTF-8");
        let newer = text.replacen("state 1", "state 2", 1);
        for bytes in ["", "\n", "{}", "hello\nworld\n", newer.as_str()] {
            assert_eq!(decode(bytes.as_bytes()).err(), Some(StateError::Foreign), "{bytes:.30}");
        }
    }

    proptest! {
        #[test]
        fn no_cut_and_no_altered_byte_is_read(cut in any::<prop::sample::Index>(), flip in 1_u8..=255) {
            let (publication, _) = publication("prod");
            let whole = encode(&publication);
            let place = cut.index(whole.len());
            prop_assert!(decode(&whole[..place]).is_err());
            let mut altered = whole.clone();
            altered[place] ^= flip;
            prop_assert!(decode(&altered).is_err());
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }
    }
}
