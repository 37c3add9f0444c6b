//! Snapshots as bytes and back: a line with a name, a version and a checksum, then JSON. Pure; what is torn, altered or of
//! another version is an error, never half a fleet.

use std::borrow::Cow;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::records::FleetRecord;
use crate::inventory::Snapshot;
use crate::publish::Publication;

/// The name and version of the format; another number is another format.
const MAGIC: &str = "workspace-exporter-state 2";

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
    fleet: FleetRecord<'a>,
}

/// Writes what is published, but no names of users. Costs a few µs a desktop.
#[must_use]
pub fn encode(publication: &Publication) -> Vec<u8> {
    let projects = publication.projects.iter().filter_map(|state| {
        Some(ProjectRecord {
            name: Cow::Borrowed(&state.project.name),
            endpoint: Cow::Borrowed(&state.project.endpoint),
            fleet: FleetRecord::of(&state.published.as_ref()?.snapshot),
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
    let projects = document.projects.into_iter().map(|project| {
        Some(SavedProject {
            name: project.name.into_owned(),
            endpoint: project.endpoint.into_owned(),
            snapshot: project.fleet.restored()?,
        })
    });
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::super::shared_records::texts_mut;
    use super::*;
    use crate::inventory::{
        Desktop, DesktopId, Facts, Field, Networks, Place, Port, SecurityGroup, SnapshotBuilder, State, Status,
        TaskStatus, UserName, Volume, VolumeRole,
    };
    use crate::publish::{Board, NetworkFacts, Project};

    /// A desktop whose every text is another one, and a publication of it.
    fn publication(name: &str) -> (Arc<Publication>, Desktop) {
        let mut desktop = Desktop::new(DesktopId::try_new("d\n\"1\"").expect("an id"));
        let mut facts = Facts {
            tags: [("team".into(), "red".into())].into(),
            vcpus: Some(4),
            memory_bytes: Some(1 << 33),
            volumes: [Volume {
                role: VolumeRole::Data,
                device: Some("/dev/vdb".into()),
                size_bytes: 1 << 40,
            }]
            .into(),
            ..Facts::default()
        };
        for (number, text) in texts_mut(&mut facts).enumerate() {
            *text = (number % 3 > 0).then(|| format!("text {number} \u{1F5A5}").into());
        }
        desktop.facts = Arc::new(facts);
        desktop.computer_name = Some("PC-1".into());
        desktop.task_status = Some(State::Known(TaskStatus::DELETING));
        desktop.is_frozen = Some(false);
        desktop.assigned_users = Some(2);
        desktop.status = Some(State::Known(Status::Error));
        desktop.login_status = Some(State::Unknown);
        desktop.in_maintenance_mode = Some(true);
        desktop.created = Some("2022-01-21T06:57:47.459Z".parse().expect("a time"));
        desktop.address_mark = u64::MAX;
        let now = Instant::now();
        let mut networks = Networks::new(Duration::from_secs(1));
        let port = Port {
            private_ip: Some("10.0.0.1".into()),
            public_ip: None,
            place: Arc::new(Place {
                vpc_id: Some("v".into()),
                vpc_name: None,
                subnet_id: None,
                subnet_name: Some("s".into()),
                security_groups: [SecurityGroup {
                    id: Some("g".into()),
                    name: None,
                }]
                .into(),
            }),
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
        builder.found_desktop(Desktop {
            users: [UserName::Plain("ann".into())].into(),
            ..desktop.clone()
        });
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
    fn no_name_of_a_user_is_written() {
        let (publication, _) = publication("prod");
        let text = String::from_utf8(encode(&publication)).expect("UTF-8");
        assert!(!text.contains("ann"), "{text}");
    }

    #[test]
    fn another_version_and_other_files_are_foreign() {
        let (publication, _) = publication("prod");
        let text = String::from_utf8(encode(&publication)).expect("UTF-8");
        let newer = text.replacen("state 2", "state 3", 1);
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
