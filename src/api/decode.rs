//! From wire text to meaning. Pure; never panics; a field it cannot read costs that field and is counted.

use std::time::Duration;

use serde::Deserialize;

use super::field_reader::FieldReader;
use super::pools::{FactsPool, PlacePool};
use super::records;
use super::signing::AccessKey;
use super::surrogates::without_lone_surrogates;
use super::users::Extras;
use super::wire::{DesktopNetworks, DesktopsDetail, DesktopsUsers, Projects, SecurityKey, TokenAnswer};
use crate::config::Secret;
use crate::inventory::{Desktop, DesktopId, Losses, Port};

/// The life of a token that does not tell it (`api/facts.md`, section 5.1).
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// An answer that is not what the reference page promises.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not the promised JSON. The body is not kept: its length and the first wrong place must do.
    #[error("not the promised JSON: {problem} (in {length} bytes)")]
    NotJson {
        /// What is wrong and where, without any text of the body.
        problem: String,
        /// How long the body is.
        length: usize,
    },
    /// A desktop cannot be known; publishing the others would hide it.
    #[error("desktop {position} of the page has no desktop_id")]
    NoDesktopId {
        /// Its place in the page, from 0.
        position: usize,
    },
    /// A token answer without a usable token.
    #[error("the answer holds no {what}")]
    Missing {
        /// The header or field.
        what: &'static str,
    },
}

impl DecodeError {
    fn not_json(error: &serde_json::Error, body: &[u8]) -> Self {
        // serde_json's own message can quote the body; only its category and place are kept.
        let category = match error.classify() {
            serde_json::error::Category::Io => "unreadable",
            serde_json::error::Category::Syntax => "syntax error",
            serde_json::error::Category::Data => "a field is missing or has another type",
            serde_json::error::Category::Eof => "it ends early",
        };
        DecodeError::NotJson {
            problem: format!("{category} at line {} column {}", error.line(), error.column()),
            length: body.len(),
        }
    }

    /// Whether the same call may decode a moment later: a proxy's page may give way to an answer, a lost id will not
    /// come back (`semantics.md`, section 3).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            DecodeError::NotJson { .. } => true,
            DecodeError::NoDesktopId { .. } | DecodeError::Missing { .. } => false,
        }
    }
}

/// One page of the list.
#[derive(Debug)]
pub struct DesktopPage {
    /// As many as the server chose to return.
    pub desktops: Vec<Desktop>,
    /// How many desktops it says there are.
    pub total: Option<u64>,
    /// What was not understood.
    pub losses: Losses,
}

/// The networks of one batch.
#[derive(Debug, Default)]
pub struct NetworkAnswer {
    /// Per desktop, in the server's order.
    pub networks: Vec<(DesktopId, Vec<Port>)>,
    /// What was not understood.
    pub losses: Losses,
}

/// A token and what came with it.
#[derive(Debug)]
pub(super) struct TokenFacts {
    /// From its issue to its end, both by IAM's clock: ours may be wrong.
    pub(super) life: Duration,
    pub(super) project_id: Option<String>,
}

/// Reads an answer of the list call, with these extras. Costs a few µs a desktop; unknown keys are skipped.
///
/// # Errors
///
/// [`DecodeError`] when it is no such answer, or a record has no id.
pub fn desktop_page(body: &[u8], extras: &Extras) -> Result<DesktopPage, DecodeError> {
    let mut spare = Vec::new();
    let wire: DesktopsDetail<'_> = parsed(body, &mut spare)?;
    let (mut reader, mut pool) = (FieldReader::default(), FactsPool::default());
    let mut desktops = Vec::with_capacity(wire.desktops.len());
    for (position, record) in wire.desktops.into_iter().enumerate() {
        let desktop = records::desktop(record, &extras.tags, &mut pool, &mut reader);
        desktops.push(desktop.ok_or(DecodeError::NoDesktopId { position })?);
    }
    if extras.users.are_wanted() {
        let mut spare = Vec::new();
        let wire: DesktopsUsers<'_> = parsed(body, &mut spare)?;
        for (desktop, record) in desktops.iter_mut().zip(wire.desktops) {
            desktop.users = extras.users.names(record, &mut reader);
        }
    }
    Ok(DesktopPage {
        desktops,
        total: reader.read(wire.total_count, "total_count"),
        losses: reader.losses,
    })
}

/// Reads an answer of the networks call. A record without an id belongs to nobody and is counted.
///
/// # Errors
///
/// [`DecodeError`] when it is no such answer.
pub fn network_answer(body: &[u8]) -> Result<NetworkAnswer, DecodeError> {
    let mut spare = Vec::new();
    let wire: DesktopNetworks<'_> = parsed(body, &mut spare)?;
    let (mut reader, mut pool) = (FieldReader::default(), PlacePool::default());
    let networks = wire
        .networks
        .into_iter()
        .filter_map(|record| records::network(record, &mut pool, &mut reader))
        .collect();
    Ok(NetworkAnswer {
        networks,
        losses: reader.losses,
    })
}

/// Parses an answer; one that a lone surrogate spoilt is parsed without it, from `spare`.
fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8], spare: &'a mut Vec<u8>) -> Result<T, DecodeError> {
    serde_json::from_slice(body).or_else(|error| match without_lone_surrogates(body) {
        Some(repaired) => {
            *spare = repaired;
            serde_json::from_slice(spare).map_err(|error| DecodeError::not_json(&error, body))
        }
        None => Err(DecodeError::not_json(&error, body)),
    })
}

/// Reads the body of a token answer.
pub(super) fn token_facts(body: &[u8]) -> Result<TokenFacts, DecodeError> {
    let mut spare = Vec::new();
    let wire: TokenAnswer = parsed(body, &mut spare)?;
    let life = match (wire.token.issued_at, wire.token.expires_at) {
        (Some(issued_at), Some(expires_at)) => Duration::try_from(expires_at.0.duration_since(issued_at.0)).ok(),
        _ => None,
    };
    Ok(TokenFacts {
        life: life.unwrap_or(TOKEN_LIFE),
        project_id: wire.token.project.map(|project| project.id),
    })
}

/// Reads the projects of an account: id and name.
pub(super) fn projects(body: &[u8]) -> Result<Vec<(String, String)>, DecodeError> {
    let mut spare = Vec::new();
    let wire: Projects = parsed(body, &mut spare)?;
    Ok(wire
        .projects
        .into_iter()
        .map(|project| (project.id, project.name))
        .collect())
}

/// Reads the key of the metadata service.
pub(super) fn metadata_key(body: &[u8]) -> Result<AccessKey, DecodeError> {
    let mut spare = Vec::new();
    let wire: SecurityKey = parsed(body, &mut spare)?;
    let parts = wire.credential;
    Ok(AccessKey {
        id: Secret::new(parts.access),
        secret: Secret::new(parts.secret),
        security_token: parts.securitytoken.map(Secret::new),
        expires_at: parts.expires_at.map(|moment| moment.0),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::users::UserNames;
    use super::*;
    use crate::inventory::{LoginStatus, State, Status, UserName, VolumeRole};

    const REFERENCE_DESKTOP: &str = r#"{
        "desktop_id": "21616aa6", "computer_name": "CHENMIN01",
        "metadata": {"image_name": "copy_uos-hjg1", "metering.image_id": "39efed30", "os_type": "Linux"},
        "flavor": {"id": "rs3.large.2", "links": []},
        "status": "ACTIVE", "task_status": "", "login_status": "REGISTERED", "user_name": "chenmin",
        "product_id": "workspace.k.large2.uosv20pro", "site_type": "IES", "site_name": "Edge station.",
        "availability_zone": "cn-north-5a", "os_version": "20", "tags": [], "in_maintenance_mode": false
    }"#;

    fn page(record: &str) -> DesktopPage {
        let body = format!(r#"{{"desktops": [{record}], "total_count": 1}}"#);
        desktop_page(body.as_bytes(), &Extras::default()).expect("a page")
    }

    #[test]
    fn the_reference_pages_desktop_reads_as_it_says() {
        let page = page(REFERENCE_DESKTOP);
        let desktop = &page.desktops[0];
        assert_eq!(desktop.status, Some(State::Known(Status::Active)));
        assert_eq!(desktop.login_status, Some(State::Known(LoginStatus::Registered)));
        assert_eq!(desktop.facts.image_id.as_deref(), Some("39efed30"));
        assert_eq!(desktop.in_maintenance_mode, Some(false));
        assert_eq!(desktop.attach_state, None);
        assert_eq!(page.total, Some(1));
        assert_eq!(page.losses, Losses::default());
    }

    #[test]
    fn addresses_may_have_any_shape() {
        for addresses in [
            r#"{"vpc":[{"addr":"10.0.0.1"}]}"#,
            r#"[{"addr":"10.0.0.1"}]"#,
            "null",
            "7",
        ] {
            let page = page(&format!(r#"{{"desktop_id": "a", "addresses": {addresses}}}"#));
            assert_eq!(page.desktops.len(), 1);
        }
    }

    #[test]
    fn a_field_of_another_shape_costs_that_field_and_is_counted() {
        let page =
            page(r#"{"desktop_id": "a", "computer_name": 7, "metadata": [], "status": null, "os_version": "1"}"#);
        let desktop = &page.desktops[0];
        assert_eq!(
            (desktop.computer_name.as_deref(), desktop.facts.os_version.as_deref()),
            (None, Some("1"))
        );
        assert_eq!(desktop.status, None);
        let shapes: Vec<_> = page.losses.other_shapes.into_iter().collect();
        assert_eq!(shapes, [("computer_name", 1), ("metadata", 1)]);
    }

    #[test]
    fn a_word_outside_the_contract_is_unknown_and_counted() {
        let page = page(r#"{"desktop_id": "a", "status": "DREAMING", "login_status": ""}"#);
        assert_eq!(page.desktops[0].status, Some(State::Unknown));
        let words: Vec<_> = page.losses.unknown_words.into_keys().collect();
        assert_eq!(words, [("login_status", "".into()), ("status", "DREAMING".into())]);
    }

    #[test]
    fn the_record_of_a_desktop_that_is_gone_says_so_in_any_case() {
        let page = desktop_page(
            br#"{"desktops": [{"desktop_id": "a", "status": "DELETED"}, {"desktop_id": "b", "status": "deleted"},
                {"desktop_id": "c", "status": "ACTIVE"}, {"desktop_id": "d"}]}"#,
            &Extras::default(),
        );
        let gone: Vec<bool> = page
            .expect("a page")
            .desktops
            .iter()
            .map(|desktop| desktop.is_deleted)
            .collect();
        assert_eq!(gone, [true, true, false, false]);
    }

    #[test]
    fn hardware_tags_and_assignments_read_as_the_page_says() {
        let record = r#"{"desktop_id": "a", "is_freeze": true, "task_status": "powering-off",
            "product": {"cpu": "2", "memory": "3072"},
            "root_volume": {"size": 90, "device": "/dev/vda"}, "data_volumes": [{"size": 10, "device": "/dev/vdc"}, {}],
            "tags": [{"key": "team", "value": "red"}, {"key": "secret", "value": "x"}],
            "attach_user_infos": [{"user_name": "bob"}, {"user_name": "ann"}], "user_name": "bob"}"#;
        let body = format!(r#"{{"desktops": [{record}]}}"#);
        let read = |extras: &Extras| {
            desktop_page(body.as_bytes(), extras)
                .expect("a page")
                .desktops
                .remove(0)
        };
        let desktop = read(&Extras {
            tags: ["team".into(), "owner".into()].into(),
            ..Extras::default()
        });
        let facts = &desktop.facts;
        assert_eq!((facts.vcpus, facts.memory_bytes), (Some(2), Some(3_221_225_472)));
        let volumes: Vec<_> = facts
            .volumes
            .iter()
            .map(|volume| (volume.role, volume.size_bytes))
            .collect();
        let gigabyte = 1 << 30;
        assert_eq!(
            volumes,
            [(VolumeRole::System, 90 * gigabyte), (VolumeRole::Data, 10 * gigabyte)]
        );
        assert_eq!(*facts.tags, [("team".into(), "red".into())]);
        assert_eq!((desktop.is_frozen, desktop.assigned_users), (Some(true), Some(2)));
        assert_eq!(desktop.task_status.as_ref().map(State::label), Some("powering_off"));
        assert!(desktop.users.is_empty());
        let named = read(&Extras {
            users: UserNames::Plain,
            ..Extras::default()
        });
        assert_eq!(
            *named.users,
            [UserName::Plain("ann".into()), UserName::Plain("bob".into())]
        );
    }

    #[track_caller]
    fn check_refused(body: &str, expected: &str) {
        let error = desktop_page(body.as_bytes(), &Extras::default())
            .expect_err("the page was read")
            .to_string();
        assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
        assert!(!error.contains("secret"), "{error:?} quotes the body");
    }

    #[test]
    fn what_is_no_page_is_refused_without_quoting_it() {
        check_refused("", "it ends early");
        check_refused("<html>secret</html>", "syntax error");
        check_refused(r#"{"desktops": [{"desktop_id": "secret""#, "it ends early");
        check_refused(r#"{"desktops": "secret"}"#, "a field is missing or has another type");
        check_refused(r#"{"secret": 1}"#, "a field is missing or has another type");
        check_refused("[]", "a field is missing or has another type");
        check_refused("null", "a field is missing or has another type");
        check_refused(
            r#"{"desktops": [{"desktop_id": "a"}, {"status": "ERROR"}]}"#,
            "desktop 1 of the page has no desktop_id",
        );
        check_refused(
            r#"{"desktops": [{"desktop_id": ""}]}"#,
            "desktop 0 of the page has no desktop_id",
        );
    }

    #[test]
    fn ports_read_whatever_is_missing() {
        let body = r#"{"networks": [
            {"computer_id": "a", "network_infos": [
                {"vpc_info": {"id": "v", "name": "vpc"}, "port_info": {"ip_address": "10.0.0.1"}, "public_ip_info": null},
                {"subnet_info": {"id": "s", "name": "subnet"}}]},
            {"computer_id": "b"},
            {"computer_name": "nobody"}]}"#;
        let answer = network_answer(body.as_bytes()).expect("networks");
        let found: Vec<_> = answer
            .networks
            .iter()
            .map(|(id, ports)| (id.as_str(), ports.len()))
            .collect();
        assert_eq!(found, [("a", 2), ("b", 0)]);
        let first = &answer.networks[0].1[0];
        assert_eq!(
            (first.private_ip.as_deref(), first.public_ip.as_deref()),
            (Some("10.0.0.1"), None)
        );
        assert_eq!(answer.losses.other_shapes.get("computer_id"), Some(&1));
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = desktop_page(&body, &Extras::default());
            let _ = network_answer(&body);
        }

        #[test]
        fn no_cut_of_a_page_is_a_page(cut in 0_usize..400) {
            let body = format!(r#"{{"desktops": [{REFERENCE_DESKTOP}], "total_count": 1}}"#);
            prop_assume!(cut < body.len());
            prop_assert!(desktop_page(&body.as_bytes()[..cut], &Extras::default()).is_err());
        }
    }
}
