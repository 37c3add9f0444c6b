//! Each kind of trouble by name: whether the project stays up, which rows stay, which counters move, and what it costs the
//! cloud. Ten minutes of trouble after five quiet ones, and five quiet ones after it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use workspace_exporter::exposition::{Plan, Selection, Syntax, push_registry, render};
use workspace_exporter::own_metrics::OwnMetrics;
use workspace_exporter::publish::Reader;
use workspace_simulator::{BodyFault, Churn, Fault, ListFault, NetworkFault, Simulator, Task, TotalFault, Trouble};

use crate::rig::Exposition;
use crate::world::{InProcess, World, world};

const DESKTOPS: usize = 60;

/// Four overlapping pages of 25 and a second look at those in ERROR.
const CALLS_A_LISTING: usize = 5;

/// Families whose movement is part of the promise.
const COUNTED: [&str; 6] = [
    "polls_total",
    "poll_failures_total",
    "api_retries_total",
    "api_throttled_total",
    "auth_failures_total",
    "listing_gaps_total",
];

/// What ten minutes of trouble looked like from outside.
#[derive(Debug)]
struct Seen {
    is_up: bool,
    is_network_up: bool,
    desktops: usize,
    ports: usize,
    moved: BTreeMap<String, f64>,
    list_calls: usize,
    network_calls: usize,
    unresolved: f64,
    is_up_afterwards: bool,
}

impl Seen {
    fn moved(&self, family_and_label: &str) -> f64 {
        let fits = |name: &String| family_and_label.split(' ').all(|part| name.contains(part));
        self.moved.iter().filter(|(name, _)| fits(name)).map(|(_, by)| by).sum()
    }
}

fn scrape(reader: &Reader, metrics: &OwnMetrics) -> Exposition {
    let mut body = Vec::new();
    let plan = Arc::new(Plan::default());
    render(&reader.current(), &plan, Syntax::Classic, Instant::now(), &mut body);
    let (everything, counted) = (Selection::default(), metrics.gather_events());
    push_registry(&counted, &everything, Syntax::Classic, &mut body, &mut Vec::new());
    Exposition(String::from_utf8(body).unwrap())
}

fn counters(exposition: &Exposition) -> BTreeMap<String, f64> {
    let rows = COUNTED.iter().flat_map(|family| {
        let rows = exposition.rows(&format!("huaweicloud_workspace_exporter_{family}"));
        rows.into_iter()
            .map(move |(labels, value)| (format!("{family} {labels:?}"), value))
    });
    rows.collect()
}

async fn ten_minutes_of(trouble: impl FnOnce(&mut Simulator)) -> Seen {
    minutes_of(10, trouble).await
}

async fn minutes_of(minutes: u64, trouble: impl FnOnce(&mut Simulator)) -> Seen {
    let World {
        cloud,
        reader,
        poller,
        metrics,
        calls,
    } = world(DESKTOPS, 4);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(300)).await;
    let before = scrape(&reader, &metrics);
    assert_eq!(before.value("huaweicloud_workspace_exporter_up", &[]), Some(1.0));
    trouble(&mut cloud.simulator.lock().unwrap());
    calls.lock().unwrap().clear();
    sleep(Duration::from_secs(minutes * 60)).await;
    let after = scrape(&reader, &metrics);
    let counted = |what: &str| calls.lock().unwrap().iter().filter(|call| call.contains(what)).count();
    let (list_calls, network_calls) = (counted("list_desktops"), counted("list_networks"));
    {
        let mut simulator = cloud.simulator.lock().unwrap();
        simulator.set_troubles(Vec::new());
        simulator.set_list_faults(Vec::new());
        simulator.set_network_faults(Vec::new());
        simulator.gateway_mut().close(false);
    }
    // A Retry-After keeps us away for a quarter of an hour at most, and so does nothing else.
    sleep(Duration::from_secs(20 * 60)).await;
    let afterwards = scrape(&reader, &metrics);
    stop.cancel();
    polling.await.unwrap();
    let was = counters(&before);
    let moved = counters(&after).into_iter().map(|(name, value)| {
        let by = value - was.get(&name).copied().unwrap_or_default();
        (name, by)
    });
    let one = |exposition: &Exposition, family: &str| {
        let family = format!("huaweicloud_workspace_exporter_{family}");
        exposition.value(&family, &[]).unwrap()
    };
    Seen {
        is_up: one(&after, "up") == 1.0,
        is_network_up: one(&after, "network_up") == 1.0,
        desktops: after.rows("huaweicloud_workspace_desktop_status").len(),
        ports: after.rows("huaweicloud_workspace_desktop_network_info").len(),
        moved: moved.filter(|(_, by)| *by != 0.0).collect(),
        list_calls,
        network_calls,
        unresolved: one(&after, "network_unresolved_desktops"),
        is_up_afterwards: one(&afterwards, "up") == 1.0,
    }
}

fn listing(fault: Fault) -> impl FnOnce(&mut Simulator) {
    move |simulator| {
        simulator.set_troubles(vec![Trouble {
            fault,
            percent: 100,
            calls: "desktops/detail",
        }]);
    }
}

/// Trouble that fails every listing for this reason: the rows stay, the project is down, and the cloud gets fewer calls
/// than on a good day.
async fn fails(reason: &str, fault: Fault, calls: RangeInclusive<usize>) -> Seen {
    let seen = ten_minutes_of(listing(fault)).await;
    assert_eq!((seen.is_up, seen.desktops), (false, DESKTOPS), "{seen:#?}");
    let failures = seen.moved(&format!("poll_failures_total \"{reason}\""));
    assert_eq!(failures, seen.moved("poll_failures_total"), "{seen:#?}");
    assert_eq!(
        failures,
        seen.moved("polls_total") - seen.moved("polls_total \"skipped\""),
        "{seen:#?}"
    );
    assert!(failures >= 1.0 && calls.contains(&seen.list_calls), "{seen:#?}");
    assert!(seen.is_network_up && seen.is_up_afterwards, "{seen:#?}");
    seen
}

/// Lies that a listing sees through: all rows are there and nothing is counted as failed.
async fn is_seen_through(faults: Vec<ListFault>, calls: RangeInclusive<usize>) -> Seen {
    let seen = ten_minutes_of(|simulator| simulator.set_list_faults(faults)).await;
    assert_eq!((seen.is_up, seen.desktops), (true, DESKTOPS), "{seen:#?}");
    assert_eq!(seen.moved("polls_total"), seen.moved("polls_total \"ok\""), "{seen:#?}");
    assert!(calls.contains(&seen.list_calls), "{seen:#?}");
    seen
}

/// Lies that no listing can be proven against: the rows stay, the project is down, and everybody can see why.
async fn is_rejected(reason: &str, fault: ListFault) -> Seen {
    let seen = ten_minutes_of(|simulator| simulator.set_list_faults(vec![fault])).await;
    assert_eq!((seen.is_up, seen.desktops), (false, DESKTOPS), "{seen:#?}");
    assert_eq!(
        seen.moved(&format!("poll_failures_total \"{reason}\"")),
        seen.moved("polls_total \"rejected\""),
        "{seen:#?}"
    );
    assert!(
        seen.moved("polls_total \"rejected\"") >= 8.0 && seen.is_up_afterwards,
        "{seen:#?}"
    );
    seen
}

macro_rules! claims {
    ($($name:ident: $claim:expr;)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $name() {
            $claim.await;
        })*
    };
}

claims! {
    refused_connections: fails("network", Fault::Refused, 10..=20);
    connections_reset_before_an_answer: fails("network", Fault::Reset, 10..=20);
    connections_reset_within_the_body: fails("network", Fault::ResetInBody, 10..=20);
    connections_accepted_and_then_silence: fails("timeout", Fault::Silence, 10..=21);
    answers_slower_than_an_attempt_may_be: fails("timeout", Fault::Slow(Duration::from_secs(35)), 10..=21);
    status_408: fails("timeout", Fault::Status(408), 10..=20);
    status_500: fails("server", Fault::Status(500), 10..=20);
    status_502: fails("server", Fault::Status(502), 10..=20);
    status_504: fails("server", Fault::Status(504), 10..=20);
    a_proxys_page: fails("decode", Fault::Body(BodyFault::Html), 10..=20);
    an_empty_body: fails("decode", Fault::Body(BodyFault::Empty), 10..=20);
    a_body_of_null: fails("decode", Fault::Body(BodyFault::Null), 10..=20);
    a_body_of_an_empty_array: fails("decode", Fault::Body(BodyFault::EmptyArray), 10..=20);
    a_body_without_desktops: fails("decode", Fault::Body(BodyFault::EmptyObject), 10..=20);
    a_truncated_body: fails("decode", Fault::Body(BodyFault::Truncated), 10..=20);
    a_body_of_wrong_types: fails("decode", Fault::Body(BodyFault::WrongTypes), 10..=20);
    a_body_nested_ten_thousand_deep: fails("decode", Fault::Body(BodyFault::DeepNesting), 10..=20);
    a_compressed_body_that_nobody_asked_for: fails("decode", Fault::Body(BodyFault::Compressed), 10..=20);
    a_record_without_an_id: fails("decode", Fault::Body(BodyFault::RecordWithoutId), 9..=11);
    a_redirect_to_another_host: fails("server", Fault::Redirect("http://elsewhere.example/".to_owned()), 9..=11);
    a_server_that_ignores_the_sort: is_seen_through(vec![ListFault::Unsorted], 70..=90);
    pages_capped_below_the_request: is_seen_through(vec![ListFault::Capped(16)], 80..=110);
    a_total_that_is_missing: is_seen_through(vec![ListFault::Total(TotalFault::Missing)], 60..=80);
    a_total_that_is_too_low: is_seen_through(vec![ListFault::Total(TotalFault::Less(5))], 45..=60);
    a_replica_that_lags: is_seen_through(vec![ListFault::ReplicaLag(SignedDuration::from_secs(20))], 45..=60);
    names_that_break_encoders: is_seen_through(vec![ListFault::NastyNames], 45..=60);
    a_total_that_is_too_high: is_rejected("count", ListFault::Total(TotalFault::More(1)));
    one_page_for_ever: is_rejected("stuck", ListFault::SamePageForEver);
}

/// Desktops come and go all the time, and every listing is proven all the same.
#[tokio::test(start_paused = true)]
async fn desktops_that_come_and_go() {
    let churn = Churn {
        pause: SignedDuration::from_secs(15),
        batch: 2,
        minimum: 50,
        flapping: 0,
    };
    let seen = ten_minutes_of(|simulator| simulator.fleet_mut().set_churn(churn)).await;
    assert!(seen.is_up && seen.is_network_up && seen.is_up_afterwards, "{seen:#?}");
    assert!(seen.moved("polls_total \"ok\"") >= 8.0, "{seen:#?}");
    assert!((50..=DESKTOPS * 2).contains(&seen.desktops), "{seen:#?}");
    assert!(seen.list_calls <= 160, "{seen:#?}");
}

#[tokio::test(start_paused = true)]
async fn status_429_halves_the_rate_and_is_counted_as_throttling() {
    let seen = fails("throttled", Fault::Status(429), 10..=28).await;
    assert_eq!(seen.moved("api_throttled_total"), seen.list_calls as f64);
}

#[tokio::test(start_paused = true)]
async fn status_503_halves_the_rate_too() {
    let seen = fails("server", Fault::Status(503), 10..=20).await;
    assert_eq!(seen.moved("api_throttled_total"), seen.list_calls as f64);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_still_an_answer() {
    let seen = ten_minutes_of(listing(Fault::Slow(Duration::from_secs(4)))).await;
    assert!(seen.is_up && seen.moved("polls_total \"ok\"") >= 9.0, "{seen:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_a_floor_and_a_long_one_ends_the_pass_and_skips_the_next() {
    let after = |text: &str| fails("throttled", Fault::StatusRetryAfter(429, text.to_owned()), 1..=28);
    let seconds = after("5").await;
    assert_eq!(seconds.moved("polls_total \"skipped\""), 0.0);
    // What asks for nothing sensible is as good as no header.
    for text in ["Fri, 02 Jan 2015 03:04:05 GMT", "soon", "-5", "1.5"] {
        assert_eq!(after(text).await.moved("polls_total \"skipped\""), 0.0, "{text}");
    }
    // Ten minutes and all time: one call, then peace for as long as asked, a quarter of an hour at most.
    for text in ["600", "99999999999999999", "Fri, 02 Jan 2037 03:04:05 GMT"] {
        let seen = after(text).await;
        assert!(
            seen.list_calls <= 2 && seen.moved("polls_total \"skipped\"") >= 8.0,
            "{text}: {seen:#?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_that_will_not_change_are_asked_for_less_and_less_often() {
    for status in [400, 403, 404] {
        let seen = fails("permission", Fault::Status(status), 2..=4).await;
        assert_eq!(seen.moved("polls_total \"denied\""), seen.moved("poll_failures_total"));
        assert_eq!(seen.moved("api_retries_total"), 0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn status_401_for_ever_is_tried_three_times_in_five_minutes() {
    let seen = ten_minutes_of(|simulator| simulator.gateway_mut().close(true)).await;
    assert!(
        !seen.is_up && seen.desktops == DESKTOPS && seen.is_up_afterwards,
        "{seen:#?}"
    );
    assert!((3.0..=9.0).contains(&seen.moved("auth_failures_total")), "{seen:#?}");
    assert_eq!(
        seen.moved("poll_failures_total \"auth\""),
        seen.moved("polls_total \"failed\"")
    );
}

#[tokio::test(start_paused = true)]
async fn half_of_all_calls_failing_costs_retries_and_no_rows() {
    let seen = ten_minutes_of(|simulator| {
        simulator.set_troubles(vec![Trouble {
            fault: Fault::Status(500),
            percent: 20,
            calls: "",
        }]);
    })
    .await;
    assert!(
        seen.desktops == DESKTOPS && seen.moved("api_retries_total") > 0.0,
        "{seen:#?}"
    );
    assert!(
        seen.moved("polls_total \"ok\"") > 0.0 && seen.is_up_afterwards,
        "{seen:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_in_another_order_each_time_is_not_believed() {
    let seen = ten_minutes_of(|simulator| simulator.set_list_faults(vec![ListFault::Shuffled])).await;
    // Within one moment the order is the same, so some polls may prove it.
    assert_eq!(seen.desktops, DESKTOPS, "{seen:#?}");
    assert!(seen.is_up_afterwards);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_believed_after_five_minutes_and_no_sooner() {
    let seen = minutes_of(4, |simulator| simulator.set_list_faults(vec![ListFault::Nothing])).await;
    assert_eq!(
        (seen.desktops, seen.moved("polls_total \"ok\"")),
        (DESKTOPS, 0.0),
        "{seen:#?}"
    );
    assert_eq!(
        seen.moved("poll_failures_total \"shrink\""),
        seen.moved("polls_total \"rejected\"")
    );
    let seen = minutes_of(9, |simulator| simulator.set_list_faults(vec![ListFault::Nothing])).await;
    assert_eq!(seen.desktops, 0, "{seen:#?}");
    assert!(seen.is_up);
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_id_costs_its_own_networks_and_no_others() {
    for status in [400, 404, 409, 414] {
        let seen = ten_minutes_of(|simulator| {
            simulator.set_network_faults(vec![NetworkFault::Poisoned { one_in: 60, status }]);
        })
        .await;
        assert!(
            seen.is_up && seen.is_network_up && seen.desktops == DESKTOPS,
            "{seen:#?}"
        );
        assert_eq!((seen.unresolved, seen.ports >= DESKTOPS), (1.0, true), "{seen:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn networks_that_nobody_asked_for_are_ignored() {
    let quiet = ten_minutes_of(|_| ()).await;
    let seen = ten_minutes_of(|simulator| simulator.set_network_faults(vec![NetworkFault::ForeignIds])).await;
    assert_eq!((seen.ports, seen.is_network_up), (quiet.ports, true));
}

#[tokio::test(start_paused = true)]
async fn networks_not_offered_are_asked_for_rarely_and_shown_for_an_hour() {
    let not_offered = |simulator: &mut Simulator| simulator.set_network_faults(vec![NetworkFault::NotOffered]);
    let seen = minutes_of(50, not_offered).await;
    assert!(
        seen.is_up && !seen.is_network_up && seen.desktops == DESKTOPS,
        "{seen:#?}"
    );
    assert!(seen.ports >= DESKTOPS && seen.network_calls <= 20, "{seen:#?}");
    let seen = minutes_of(70, not_offered).await;
    assert_eq!((seen.ports, seen.desktops), (0, DESKTOPS), "{seen:#?}");
}

#[tokio::test(start_paused = true)]
async fn networks_that_fail_cost_no_desktop_and_few_calls() {
    let seen = ten_minutes_of(|simulator| {
        simulator.set_troubles(vec![Trouble {
            fault: Fault::Status(500),
            percent: 100,
            calls: "desktops/networks",
        }]);
    })
    .await;
    assert!(
        seen.is_up && seen.desktops == DESKTOPS && seen.ports >= DESKTOPS,
        "{seen:#?}"
    );
    assert!(!seen.is_network_up && seen.network_calls <= 60, "{seen:#?}");
    assert_eq!(
        (seen.list_calls / CALLS_A_LISTING) as f64,
        seen.moved("polls_total \"ok\"")
    );
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_outage_adds_no_more_than_a_fifth_of_the_calls_and_two_passes_later_all_is_well() {
    for status in [500, 503] {
        let quiet = minutes_of(60, |_| ()).await;
        let outage = minutes_of(60, |simulator| {
            simulator.set_troubles(vec![Trouble::always(Fault::Status(status))]);
        })
        .await;
        let calls = |seen: &Seen| seen.list_calls + seen.network_calls;
        assert!(
            calls(&outage) * 5 <= calls(&quiet) * 6,
            "{} calls in the outage, {} in a quiet hour",
            calls(&outage),
            calls(&quiet)
        );
        assert_eq!(
            (outage.is_up, outage.desktops, outage.is_up_afterwards),
            (false, DESKTOPS, true)
        );
    }
    let World {
        cloud,
        reader,
        poller,
        metrics,
        ..
    } = world(DESKTOPS, 4);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    let trouble = |troubles| cloud.simulator.lock().unwrap().set_troubles(troubles);
    trouble(vec![Trouble::always(Fault::Refused)]);
    sleep(Duration::from_secs(3_600)).await;
    trouble(Vec::new());
    sleep(Duration::from_secs(2 * 66)).await;
    let ok = scrape(&reader, &metrics).value("huaweicloud_workspace_exporter_polls_total", &[("result", "ok")]);
    assert!(
        ok >= Some(2.0),
        "{ok:?} good polls in two passes after an hour of outage"
    );
    stop.cancel();
    polling.await.unwrap();
}

/// A quiet world of so many desktops; `act` is given the cloud and a scraper.
async fn quiet_world(desktops: usize, act: impl AsyncFnOnce(&InProcess, &dyn Fn() -> Exposition)) {
    let World {
        cloud,
        reader,
        poller,
        metrics,
        ..
    } = world(desktops, 4);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poller.run(stop.clone()));
    sleep(Duration::from_secs(300)).await;
    act(&cloud, &|| scrape(&reader, &metrics)).await;
    stop.cancel();
    polling.await.unwrap();
}

fn status_of(exposition: &Exposition, id: &str) -> Option<String> {
    let rows = exposition.rows("huaweicloud_workspace_desktop_status");
    let row = rows.into_iter().find(|(labels, _)| labels["desktop_id"] == id);
    row.map(|(labels, _)| labels["status"].clone())
}

fn own(exposition: &Exposition, family: &str) -> f64 {
    exposition
        .value(&format!("huaweicloud_workspace_exporter_{family}"), &[])
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_deleted_desktop_is_held_for_one_listing_and_then_goes() {
    quiet_world(DESKTOPS, async |cloud, scrape| {
        let id = cloud.with(|simulator| simulator.fleet().desktops()[7].id.clone());
        cloud.with(|simulator| simulator.fleet_mut().dismiss(&id));
        let mut was_held = false;
        for _ in 0..14 {
            sleep(Duration::from_secs(10)).await;
            let shown = scrape();
            let is_held = own(&shown, "desktops_held") == 1.0;
            assert!(!is_held || status_of(&shown, &id).is_some());
            was_held |= is_held;
        }
        assert!(was_held, "it went without being held");
        let shown = scrape();
        assert_eq!((status_of(&shown, &id), own(&shown, "desktops_held")), (None, 0.0));
        assert_eq!(
            shown.value("huaweicloud_workspace_desktops_disappeared_total", &[]),
            Some(1.0)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_was_seen_being_deleted_goes_at_once() {
    quiet_world(DESKTOPS, async |cloud, scrape| {
        let id = cloud.with(|simulator| simulator.fleet().desktops()[8].id.clone());
        cloud.with(|simulator| {
            simulator
                .fleet_mut()
                .change(&id, |desktop| desktop.task = Task::Running("deleting"));
        });
        sleep(Duration::from_secs(70)).await;
        cloud.with(|simulator| simulator.fleet_mut().dismiss(&id));
        sleep(Duration::from_secs(70)).await;
        let shown = scrape();
        assert_eq!((status_of(&shown, &id), own(&shown, "desktops_held")), (None, 0.0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_the_list_hides_stays_as_fresh_as_its_id_is_answered() {
    quiet_world(150, async |cloud, scrape| {
        let gaps = own(&scrape(), "listing_gaps_total");
        let id = cloud.with(|simulator| simulator.fleet().desktops()[20].id.clone());
        cloud.with(|simulator| {
            simulator.set_list_faults(vec![ListFault::Hides(20)]);
            simulator.fleet_mut().change(&id, |desktop| desktop.status = "ERROR");
        });
        sleep(Duration::from_secs(600)).await;
        let shown = scrape();
        assert_eq!(status_of(&shown, &id).as_deref(), Some("ERROR"));
        assert_eq!((own(&shown, "up"), own(&shown, "desktops_held")), (1.0, 0.0));
        assert!(own(&shown, "listing_gaps_total") >= gaps + 8.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hides_more_than_a_hundredth_of_the_fleet_is_rejected() {
    let seen = is_rejected("gap", ListFault::Hides(20)).await;
    assert_eq!(seen.moved("polls_total \"ok\""), 0.0);
}

#[tokio::test(start_paused = true)]
async fn vanished_desktops_are_held_while_nobody_answers_for_them() {
    quiet_world(DESKTOPS, async |cloud, scrape| {
        let id = cloud.with(|simulator| simulator.fleet().desktops()[7].id.clone());
        cloud.with(|simulator| {
            simulator.fleet_mut().dismiss(&id);
            simulator.set_troubles(vec![Trouble {
                fault: Fault::Status(500),
                percent: 100,
                calls: "desktop_id=",
            }]);
        });
        sleep(Duration::from_secs(600)).await;
        let shown = scrape();
        assert!(status_of(&shown, &id).is_some() && own(&shown, "up") == 1.0);
        cloud.with(|simulator| simulator.set_troubles(Vec::new()));
        sleep(Duration::from_secs(70)).await;
        assert_eq!(status_of(&scrape(), &id), None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_second_look_that_fails_costs_nothing_but_the_look() {
    let seen = ten_minutes_of(|simulator| {
        simulator.set_troubles(vec![Trouble {
            fault: Fault::Silence,
            percent: 100,
            calls: "status=ERROR",
        }]);
    })
    .await;
    assert!(seen.is_up && seen.desktops == DESKTOPS, "{seen:#?}");
    assert_eq!(seen.moved("polls_total"), seen.moved("polls_total \"ok\""));
}

#[tokio::test(start_paused = true)]
async fn what_changes_is_counted_and_dated() {
    quiet_world(DESKTOPS, async |cloud, scrape| {
        let transitions = "huaweicloud_workspace_desktop_transitions_total";
        let labels = [("field", "status"), ("from", "SHUTOFF"), ("to", "ERROR")];
        let counted = scrape().value(transitions, &labels).unwrap();
        let id = cloud.with(|simulator| {
            let mut desktops = simulator.fleet().desktops().iter();
            let stopped = desktops.find(|desktop| desktop.status == "SHUTOFF").unwrap();
            let id = stopped.id.clone();
            simulator.fleet_mut().change(&id, |desktop| desktop.status = "ERROR");
            id
        });
        sleep(Duration::from_secs(70)).await;
        let shown = scrape();
        assert_eq!(shown.value(transitions, &labels), Some(counted + 1.0));
        let dated = [("desktop_id", id.as_str()), ("field", "status")];
        let dated = shown.value(
            "huaweicloud_workspace_desktop_last_transition_timestamp_seconds",
            &dated,
        );
        // Seen by the listing that is shown, or by the one before it.
        let latest = own(&shown, "snapshot_timestamp_seconds");
        assert!(
            dated.is_some_and(|dated| (latest - 70.0..=latest).contains(&dated)),
            "{dated:?}"
        );
    })
    .await;
}
