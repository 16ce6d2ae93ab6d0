use super::*;

const HOUR: i64 = 3_600;

/// A deployment of `project` to production, that many hours after the beginning.
fn deployment(project: &str, hours: i64, sha: &str, succeeded: bool) -> Deployment {
    Deployment {
        key: format!("{project}/{hours}"),
        project: project.to_owned(),
        environment: "production".to_owned(),
        is_production: true,
        sha: (!sha.is_empty()).then(|| sha.to_owned()),
        succeeded,
        at: Timestamp::from_secs(hours * HOUR),
    }
}

fn computed(deployments: &[Deployment], commits: &[(&str, i64)], days: u32) -> Figures {
    let deployments: Vec<_> = deployments.iter().collect();
    let commits = commits
        .iter()
        .map(|(sha, hours)| ((*sha).to_owned(), Timestamp::from_secs(hours * HOUR)))
        .collect();
    figures(&Observed {
        deployments: &deployments,
        commits: &commits,
        span: DAY * days,
        nothing: "nothing was deployed".to_owned(),
    })
}

/// Value in hours where the unit is seconds, and sample, or the reason.
fn shown(figure: &Figure) -> String {
    let reason = figure
        .reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    match figure.value {
        Some(value) if figure.unit == SECONDS => format!("{}h of {}{reason}", value / 3_600.0, figure.sample),
        Some(value) => format!("{value} of {}{reason}", figure.sample),
        None => reason,
    }
}

/// One line for each figure: frequency, lead time, failures, recovery, rework.
fn lines(figures: &Figures) -> [String; 5] {
    [
        &figures.deployment_frequency,
        &figures.lead_time,
        &figures.change_failure_rate,
        &figures.failed_deployment_recovery_time,
        &figures.deployment_rework_rate,
    ]
    .map(shown)
}

#[test]
fn without_deployments_there_is_no_figure() {
    let none = " (not enough data: nothing was deployed)";
    assert_eq!(lines(&computed(&[], &[], 30)), [none; 5]);
}

#[test]
fn deployments_that_all_succeed() {
    let deployments = [
        deployment("shop", 10, "aaaaaaa", true),
        deployment("shop", 20, "bbbbbbb", true),
        deployment("shop", 30, "bbbbbbb", true),
        deployment("shop", 40, "ccccccc", true),
    ];
    // The second deployment of the same commit brings no change.
    let commits = [("aaaaaaa", 8), ("bbbbbbb", 16), ("ccccccc", 41)];
    let expected = [
        "0.4 of 4",
        "3h of 2 (1 more name a commit that no stored push has)",
        "0 of 4",
        " (not enough data: no deployment failed)",
        "0 of 4",
    ];
    assert_eq!(lines(&computed(&deployments, &commits, 10)), expected);
}

#[test]
fn a_failure_lasts_until_the_next_success_of_the_same_place() {
    let deployments = [
        deployment("shop", 10, "aaaaaaa", true),
        deployment("shop", 20, "bbbbbbb", false),
        deployment("blog", 21, "ddddddd", true),
        deployment("shop", 22, "bbbbbbb", false),
        deployment("shop", 26, "ccccccc", true),
        deployment("shop", 30, "eeeeeee", false),
        deployment("shop", 32, "ccccccc", true),
        deployment("blog", 40, "fffffff", false),
    ];
    let expected = [
        "4 of 4",
        " (not enough data: no stored push has a commit that was deployed)",
        "0.5 of 8",
        "4h of 2 (1 more are not recovered yet)",
        "0.375 of 8",
    ];
    assert_eq!(lines(&computed(&deployments, &[], 1)), expected);
}

#[test]
fn going_back_to_an_earlier_commit_is_rework() {
    let shas = ["aaaaaaa", "bbbbbbb", "aaaaaaa", "aaaaaaa", "bbbbbbb"];
    let deployments: Vec<_> = shas
        .iter()
        .zip(1..)
        .map(|(sha, hours)| deployment("shop", hours, sha, true))
        .collect();
    let found = computed(&deployments, &[], 1).deployment_rework_rate;
    assert_eq!(shown(&found), "0.4 of 5");
}

#[test]
fn what_is_too_little_is_said() {
    let one = [deployment("shop", 1, "", false)];
    let expected = [
        " (not enough data: less than a day was observed)",
        " (not enough data: no deployment that succeeded names a commit)",
        "1 of 1",
        " (not enough data: 1 failed and nothing succeeded after that yet)",
        "0 of 1",
    ];
    assert_eq!(lines(&computed(&one, &[], 0)), expected);
}

#[test]
fn a_median_lies_in_the_middle() {
    let of = |hours: &[u64]| {
        let times: Vec<_> = hours.iter().map(|hours| Duration::from_hours(*hours)).collect();
        median(&times).map(|seconds| seconds / 3_600.0)
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[5]), Some(5.0));
    assert_eq!(of(&[9, 1, 2]), Some(2.0));
    assert_eq!(of(&[9, 1, 2, 4]), Some(3.0));
}
