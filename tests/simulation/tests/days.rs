//! The simulation in small: some seeds, some hours, in every change. The full figure is a command; see the crate's `main`.

use workspace_simulation::{Plan, Report, run};

fn days(seeds: std::ops::Range<u64>, hours: u32, is_naive: bool) -> Vec<Report> {
    seeds
        .map(|seed| {
            run(&Plan {
                seed,
                hours,
                is_naive,
                keeps_trace: false,
            })
        })
        .collect()
}

#[track_caller]
fn check(seeds: std::ops::Range<u64>) {
    for (seed, report) in seeds.clone().zip(days(seeds, 6, false)) {
        assert!(
            report.violations.is_empty(),
            "seed {seed}: {:#?}; replay: cargo run --release -p workspace-simulation -- --seeds {seed}..{} --hours 6 --trace",
            report.violations,
            seed + 1
        );
        assert!(
            report.listings > 50 && report.failures > 0 && report.churn > 0,
            "nothing happened: {report:?}"
        );
    }
}

#[test]
fn no_invariant_breaks_in_days_of_trouble() {
    check(0..3);
}

#[test]
fn no_invariant_breaks_in_other_days_of_trouble() {
    check(100..103);
}

#[test]
fn naive_paging_is_found_out() {
    let violations: Vec<String> = days(0..2, 12, true)
        .into_iter()
        .flat_map(|report| report.violations)
        .collect();
    let of = |invariant: &str| {
        violations
            .iter()
            .filter(|violation| violation.contains(invariant))
            .count()
    };
    assert!(of("I6") > 0, "no hole was found in naive listings: {violations:#?}");
}

#[test]
fn the_same_seed_gives_the_same_day() {
    let day = || days(7..8, 3, false).remove(0).fingerprint;
    assert_eq!(day(), day());
    assert_ne!(day(), days(8..9, 3, false).remove(0).fingerprint);
}
