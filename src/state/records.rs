//! A fleet as the state file writes it: facts and networks once each, desktops that refer to them by number.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::shared_records::{
    FactsRecord, OptionalText, PlaceRecord, borrowed, facts_of, facts_record, place_of, place_record,
};
use crate::inventory::{
    Desktop, DesktopId, Entry, Facts, Field, Kept, LastTransitions, Place, Port, Snapshot, State, Word,
};

/// One snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct FleetRecord<'a> {
    #[serde(borrow)]
    project_id: Cow<'a, str>,
    listed_at: i128,
    reported: Option<u64>,
    pages: u64,
    #[serde(borrow)]
    facts: Vec<FactsRecord<'a>>,
    #[serde(borrow)]
    places: Vec<PlaceRecord<'a>>,
    #[serde(borrow)]
    desktops: Vec<DesktopRecord<'a>>,
}

/// A desktop and what stands beside it.
#[derive(Serialize, Deserialize)]
struct DesktopRecord<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    computer_name: OptionalText<'a>,
    /// `status`, `login_status`, `attach_state`, `task_status`.
    #[serde(borrow)]
    states: [OptionalText<'a>; 4],
    in_maintenance_mode: Option<bool>,
    is_frozen: Option<bool>,
    created: Option<i128>,
    address_mark: u64,
    assigned_users: Option<u32>,
    facts: usize,
    last_transitions: [Option<i128>; Field::ALL.len()],
    is_held: bool,
    /// Private and public address, and the number of the place.
    #[serde(borrow)]
    ports: Option<Vec<(OptionalText<'a>, OptionalText<'a>, usize)>>,
}

/// Gives each different value a number, in order of appearance.
struct Numbered<'a, T> {
    numbers: HashMap<&'a T, usize>,
    values: Vec<&'a T>,
}

impl<'a, T: Eq + Hash> Numbered<'a, T> {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            values: Vec::new(),
        }
    }

    fn number(&mut self, value: &'a T) -> usize {
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }
}

impl<'a> FleetRecord<'a> {
    /// Writes a snapshot down. The names of users are left out, whatever the settings say: the next poll brings them.
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let (mut facts, mut places) = (Numbered::new(), Numbered::new());
        let desktops = snapshot.entries().iter();
        let desktops = desktops.map(|entry| desktop_record(entry, &mut facts, &mut places));
        let desktops = desktops.collect();
        Self {
            project_id: Cow::Borrowed(snapshot.project_id()),
            listed_at: snapshot.listed_at().as_nanosecond(),
            reported: snapshot.reported(),
            pages: snapshot.pages(),
            facts: facts.values.into_iter().map(facts_record).collect(),
            places: places.values.into_iter().map(place_record).collect(),
            desktops,
        }
    }

    /// The snapshot again; `None` if a number leads nowhere or a moment is none.
    pub(super) fn restored(self) -> Option<Snapshot> {
        let facts: Option<Vec<Arc<Facts>>> = self.facts.into_iter().map(facts_of).collect();
        let places: Vec<Arc<Place>> = self.places.into_iter().map(place_of).collect();
        let facts = facts?;
        let entries = self
            .desktops
            .into_iter()
            .map(|record| entry_of(record, &facts, &places));
        Some(Snapshot::restore(Kept {
            project_id: self.project_id.into(),
            listed_at: moment_of(self.listed_at)?,
            reported: self.reported,
            pages: self.pages,
            entries: entries.collect::<Option<_>>()?,
        }))
    }
}

fn desktop_record<'a>(
    entry: &'a Entry,
    facts: &mut Numbered<'a, Facts>,
    places: &mut Numbered<'a, Place>,
) -> DesktopRecord<'a> {
    let desktop = &*entry.desktop;
    let ports = entry.ports.as_ref().map(|ports| {
        let ports = ports.iter();
        ports
            .map(|port| {
                (
                    borrowed(&port.private_ip),
                    borrowed(&port.public_ip),
                    places.number(&port.place),
                )
            })
            .collect()
    });
    DesktopRecord {
        id: Cow::Borrowed(desktop.id.as_str()),
        computer_name: borrowed(&desktop.computer_name),
        states: [
            word(desktop.status),
            word(desktop.login_status),
            word(desktop.attach_state),
            word(desktop.task_status),
        ],
        in_maintenance_mode: desktop.in_maintenance_mode,
        is_frozen: desktop.is_frozen,
        created: desktop.created.map(Timestamp::as_nanosecond),
        address_mark: desktop.address_mark,
        assigned_users: desktop.assigned_users,
        facts: facts.number(&desktop.facts),
        last_transitions: Field::ALL.map(|field| entry.last_transitions.of(field).map(Timestamp::as_nanosecond)),
        is_held: entry.is_held,
        ports,
    }
}

fn entry_of(record: DesktopRecord<'_>, facts: &[Arc<Facts>], places: &[Arc<Place>]) -> Option<Entry> {
    let [status, login_status, attach_state, task_status] = record.states;
    let mut desktop = Desktop::new(DesktopId::try_new(&*record.id)?);
    desktop.computer_name = record.computer_name.map(Into::into);
    desktop.status = status.map(|word| State::parse(&word));
    desktop.login_status = login_status.map(|word| State::parse(&word));
    desktop.attach_state = attach_state.map(|word| State::parse(&word));
    desktop.task_status = task_status.map(|word| State::parse(&word));
    desktop.in_maintenance_mode = record.in_maintenance_mode;
    desktop.is_frozen = record.is_frozen;
    desktop.created = record.created.and_then(moment_of);
    desktop.address_mark = record.address_mark;
    desktop.assigned_users = record.assigned_users;
    desktop.facts = Arc::clone(facts.get(record.facts)?);
    let mut last_transitions = LastTransitions::default();
    for (field, moment) in Field::ALL.into_iter().zip(record.last_transitions) {
        if let Some(moment) = moment.and_then(moment_of) {
            last_transitions.set(field, moment);
        }
    }
    let port = |(private_ip, public_ip, place): (OptionalText<'_>, OptionalText<'_>, usize)| {
        Some(Port {
            private_ip: private_ip.map(Into::into),
            public_ip: public_ip.map(Into::into),
            place: Arc::clone(places.get(place)?),
        })
    };
    let ports: Option<Option<Vec<Port>>> = record.ports.map(|ports| ports.into_iter().map(port).collect());
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

/// A state in the API's own word; one that we do not know reads back as such.
fn word<W: Word>(state: Option<State<W>>) -> OptionalText<'static> {
    state.map(|state| Cow::Borrowed(state.label()))
}

fn moment_of(nanoseconds: i128) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds).ok()
}
