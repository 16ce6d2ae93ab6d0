//! What is written back to a commit, and the deployments that a platform keeps.

use std::time::Duration;

use pilotage_mock::CiVendor;

use super::{Told, azure, gitlab, jenkins};

const GITHUB: &str = "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml}";
const COMMIT: &str = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23";

fn mark(state: &str) -> [&str; 8] {
    [
        "status",
        COMMIT,
        "--state",
        state,
        "--context",
        "pilotage/gates",
        "--description",
        "2 gates failed",
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_is_written_to_a_commit_where_there_are_such() {
    for (vendor, config, path) in [
        (CiVendor::GitHub, GITHUB, "/statuses/"),
        (CiVendor::GitLab, gitlab::CONFIG, "/statuses/"),
        (CiVendor::AzureDevOps, azure::CONFIG, "/statuses"),
    ] {
        let told = Told::new(vendor, None, config).await;
        told.ci(&mark("failure"))
            .await
            .says(0, &["pilotage/gates: failure", COMMIT]);
        let calls = told.mock.calls();
        let sent = calls
            .iter()
            .find(|call| call.method == "POST" && call.path.contains(path));
        let sent = &sent.unwrap().sent;
        assert!(
            sent.contains("pilotage/gates") || sent.contains("\"gates\""),
            "{vendor:?}: {sent}"
        );
        assert!(
            sent.contains("fail") && sent.contains("2 gates failed"),
            "{vendor:?}: {sent}"
        );
        told.configure(&config.replace("TOKEN", "READER"));
        told.ci(&mark("success")).await.says(3, &["does not allow this"]);
    }
    let told = Told::new(CiVendor::Jenkins, None, jenkins::CONFIG).await;
    told.ci(&mark("success"))
        .await
        .says(3, &["keeps no marks on commits"]);
    let mut short = mark("success");
    short[1] = "3f1c2a7";
    told.ci(&short).await.says(2, &["is no full hash of a commit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_are_listed_where_the_platform_keeps_them() {
    for (vendor, config) in [
        (CiVendor::GitHub, GITHUB),
        (CiVendor::GitLab, gitlab::CONFIG),
        (CiVendor::AzureDevOps, azure::CONFIG),
    ] {
        let told = Told::new(vendor, Some(Duration::from_millis(5)), config).await;
        let run = told.start(&[]).await;
        told.until(&run, "succeeded").await;
        let found = told.json(&["deployments"]).await;
        assert_eq!(
            found["items"][0]["environment"], "production",
            "{vendor:?}: {found}"
        );
        assert_eq!(found["items"][0]["state"], "succeeded", "{vendor:?}: {found}");
        told.ci(&["deployments"])
            .await
            .says(0, &["production", "succeeded"]);
    }
    let told = Told::new(CiVendor::Jenkins, None, jenkins::CONFIG).await;
    told.ci(&["deployments"])
        .await
        .says(3, &["it keeps no deployments"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_to_a_protected_environment_of_gitlab_is_approved_or_rejected() {
    let told = Told::new(CiVendor::GitLab, Some(Duration::from_millis(5)), gitlab::CONFIG).await;
    for (option, state) in [(None, "succeeded"), (Some("--reject"), "failed")] {
        let run = told.start(&["approval=true", "protected=true"]).await;
        told.until(&run, "waiting").await;
        let approve = [
            "approve",
            run.as_str(),
            "--name",
            "production",
            "--comment",
            "seen",
        ];
        let whole: Vec<&str> = approve.into_iter().chain(option).collect();
        told.ci(&whole).await.says(0, &["production"]);
        told.until(&run, state).await;
    }
    let calls = told.mock.calls();
    let sent: Vec<&str> = calls
        .iter()
        .filter(|call| call.path.ends_with("/approval"))
        .map(|call| call.sent.as_str())
        .collect();
    assert!(
        sent.len() == 2 && sent[0].contains("approved") && sent[1].contains("rejected"),
        "{sent:?}"
    );
    assert_eq!(told.asked("POST", "/play"), 0);
}
