//! The two seams: the simulator in process as the transport, and time that a test owns. A day of polls takes
//! milliseconds, opens no socket to the cloud, and is the same twice.

use std::sync::Mutex;
use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use workspace_exporter::publish::Reader;
use workspace_simulator::{Fault, Trouble};

use crate::world::{Kind, World, world, world_with};

fn errors_published(reader: &Reader) -> Vec<String> {
    let publication = reader.current();
    let snapshot = &publication.projects[0].published.as_ref().unwrap().snapshot;
    let in_error = snapshot.entries().iter().filter(|entry| {
        entry
            .desktop
            .status
            .as_ref()
            .is_some_and(|status| status.label() == "ERROR")
    });
    in_error.map(|entry| entry.desktop.id.as_str().to_owned()).collect()
}

/// A day of polls with an outage in it; returns every call with its time, and who is in ERROR at the end.
async fn a_day(seed: u64) -> (Vec<String>, Vec<String>) {
    let World {
        cloud,
        reader,
        poller,
        calls,
        ..
    } = world(60, seed);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(12 * 3_600)).await;
    cloud
        .simulator
        .lock()
        .unwrap()
        .set_outage(Some(StatusCode::BAD_GATEWAY));
    sleep(Duration::from_secs(600)).await;
    let during = reader.current();
    assert!(
        during.projects[0].published.is_some(),
        "an outage took the snapshot away"
    );
    assert!(
        !during.projects[0].is_up(Instant::now()),
        "ten minutes of outage and still up"
    );
    cloud.simulator.lock().unwrap().set_outage(None);
    sleep(Duration::from_secs(120)).await;
    assert!(
        reader.current().projects[0].is_up(Instant::now()),
        "two minutes after the outage and not up"
    );
    sleep(Duration::from_secs(12 * 3_600)).await;
    stop.cancel();
    polling.await.unwrap();
    let calls = calls.lock().unwrap().clone();
    (calls, errors_published(&reader))
}

#[tokio::test(start_paused = true)]
async fn a_day_of_polls_survives_an_outage_and_the_end_of_a_token_and_is_the_same_twice() {
    let first = a_day(5).await;
    let again = a_day(5).await;
    assert!(first == again, "the same seed ran another day");
    let of = |operation: &str| first.0.iter().filter(|call| call.contains(operation)).count();
    // 1 450 minutes: some 1 440 good polls of 4 overlapping pages, a second look at ERROR and 3 batches; and 10 bad ones.
    assert!(
        (7_100..7_300).contains(&of("list_desktops")),
        "{} list calls",
        of("list_desktops")
    );
    assert!(
        (4_200..4_450).contains(&of("list_networks")),
        "{} network calls",
        of("list_networks")
    );
    // A token lives 24 h and is renewed at 80 % of that.
    assert_eq!(of("create_token"), 2);
    assert!(a_day(6).await.0 != first.0, "another seed ran the same day");
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_the_fleet_of_that_moment() {
    let World {
        cloud, reader, poller, ..
    } = world(234, 3);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    for _ in 0..10 {
        sleep(Duration::from_secs(3_600)).await;
        let simulator = cloud.simulator.lock().unwrap();
        let fleet = simulator.fleet().desktops();
        let mut expected: Vec<&str> = fleet
            .iter()
            .filter(|d| d.status == "ERROR")
            .map(|d| d.id.as_str())
            .collect();
        expected.sort_unstable();
        let publication = reader.current();
        let snapshot = &publication.projects[0].published.as_ref().unwrap().snapshot;
        assert_eq!(snapshot.entries().len(), fleet.len());
        // A poll's last call may come seconds after its list, so a desktop may have changed in between: allow for one.
        let published = errors_published(&reader);
        let differing = expected
            .iter()
            .filter(|id| !published.iter().any(|other| other == *id))
            .count();
        assert!(differing <= 1, "{differing} desktops in ERROR are not published");
    }
    stop.cancel();
    polling.await.unwrap();
}

fn counted(calls: &Mutex<Vec<String>>, what: &str) -> usize {
    calls.lock().unwrap().iter().filter(|call| call.contains(what)).count()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_in_the_middle_of_a_listing_is_renewed_once_and_the_listing_goes_on() {
    let World {
        cloud,
        reader,
        poller,
        calls,
        ..
    } = world(60, 1);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(30)).await;
    // Pages are of 25 and overlap by 10: the second of the next poll finds every token revoked.
    *cloud.happening.lock().unwrap() = Some(("offset=15", |simulator| simulator.gateway_mut().revoke_tokens()));
    sleep(Duration::from_secs(60)).await;
    let publication = reader.current();
    let published = publication.projects[0].published.as_ref().unwrap();
    assert_eq!((published.sequence, published.snapshot.entries().len()), (2, 60));
    assert_eq!((counted(&calls, "Some(401)"), counted(&calls, "create_token")), (1, 2));
    stop.cancel();
    polling.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agencys_key_is_renewed_before_it_ends() {
    let World {
        cloud,
        reader,
        poller,
        calls,
        ..
    } = world_with(20, 1, Kind::Agency);
    cloud
        .simulator
        .lock()
        .unwrap()
        .set_metadata(SignedDuration::from_hours(2), true);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(6 * 3_600)).await;
    assert!(reader.current().projects[0].is_up(Instant::now()));
    assert_eq!(counted(&calls, "Some(401)"), 0);
    // A key of 2 h is used for 80 minutes; each costs a session and the key itself.
    assert_eq!(counted(&calls, "metadata_credentials"), 2 * 5);
    stop.cancel();
    polling.await.unwrap();
}

/// Closes the cloud for five minutes after the first polls; returns how many calls were refused meanwhile.
async fn refusals_in_five_minutes(kind: Kind) -> usize {
    let World {
        cloud,
        reader,
        poller,
        calls,
        ..
    } = world_with(20, 1, kind);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(30)).await;
    cloud.simulator.lock().unwrap().gateway_mut().close(true);
    sleep(Duration::from_secs(300)).await;
    let refused = counted(&calls, "Some(401)");
    cloud.simulator.lock().unwrap().gateway_mut().close(false);
    sleep(Duration::from_secs(400)).await;
    assert!(
        reader.current().projects[0].is_up(Instant::now()),
        "the credential works again and nobody noticed"
    );
    assert_eq!(cloud.simulator.lock().unwrap().gateway_mut().locks(), 0);
    stop.cancel();
    polling.await.unwrap();
    refused
}

#[tokio::test(start_paused = true)]
async fn refused_for_ever_it_asks_three_times_in_five_minutes_and_never_locks_the_key() {
    assert_eq!(refusals_in_five_minutes(Kind::Agency).await, 3);
    assert_eq!(refusals_in_five_minutes(Kind::Password).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_died_while_everything_was_refused_is_not_tried_in_place_of_a_login() {
    let World {
        cloud,
        reader,
        poller,
        calls,
        ..
    } = world(20, 1);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(30)).await;
    // Refusals a poll apart, and no login between them: IAM fails.
    {
        let mut simulator = cloud.simulator.lock().unwrap();
        simulator.gateway_mut().revoke_tokens();
        simulator.set_troubles(vec![Trouble {
            fault: Fault::Status(500),
            percent: 100,
            calls: "auth/tokens",
        }]);
    }
    sleep(Duration::from_secs(1_000)).await;
    let refused = counted(&calls, "Some(401)");
    assert!(refused <= 1, "a dead token was tried {refused} times");
    cloud.simulator.lock().unwrap().set_troubles(Vec::new());
    sleep(Duration::from_secs(120)).await;
    assert!(
        reader.current().projects[0].is_up(Instant::now()),
        "logging in would help and is not tried"
    );
    stop.cancel();
    polling.await.unwrap();
}
