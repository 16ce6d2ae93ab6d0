//! Approvals, change windows and branches.

use pilotage_core::gate::Value;
use serde_json::{Value as Json, json};

use crate::Project;

const APPROVALS: &str = "required_approvals";
const WINDOW: &str = "change_window_compliance";
const BRANCH: &str = "branch_compliance";

async fn approved(message: &str, file: impl Fn(&str) -> Json, section: Json) -> Result<f64, String> {
    let project = Project::new();
    let commit = project.commit(message);
    project.write("approvals.json", &file(&commit).to_string());
    project.number(section, APPROVALS).await
}

#[tokio::test]
async fn trailers_count_by_person_and_never_for_the_author() {
    let message = "Do it\n\nApproved-by: Grace <grace@example.com>\nApproved-by: GRACE <Grace@Example.com>\n\
        Reviewed-by: Edsger <edsger@example.com>\nApproved-by: Ada <other@example.com>\nApproved-by: ada@example.com\n\
        Co-authored-by: Alan <alan@example.com>\nApproved-by: Alan <alan@example.com>";
    let cases = [
        (json!({ "trailers": ["Approved-by"] }), 1.0),
        (json!({ "trailers": ["Approved-by", "Reviewed-by"] }), 2.0),
        (json!({ "trailers": ["Signed-off-by"] }), 0.0),
        (
            json!({ "trailers": ["Approved-by", "Reviewed-by"], "people": ["edsger@example.com"] }),
            1.0,
        ),
    ];
    for (mut section, expected) in cases {
        section["kind"] = json!("approvals");
        let found = approved(message, |_| json!({}), section.clone()).await;
        assert_eq!(found, Ok(expected), "{section}");
    }
}

#[tokio::test]
async fn a_file_counts_for_its_own_commit_alone() {
    let two = json!([{ "by": "Grace <grace@example.com>" }, { "by": "edsger@example.com", "at": "2026-11-22T10:00:00Z" }]);
    let section = || json!({ "kind": "approvals", "files": ["approvals.json"] });
    let own = approved(
        "Do it",
        |commit| json!({ "commit": commit, "approvals": two }),
        section(),
    )
    .await;
    assert_eq!(own, Ok(2.0));
    let other = approved(
        "Do it",
        |_| json!({ "commit": "0".repeat(40), "approvals": two }),
        section(),
    )
    .await;
    assert_eq!(other, Ok(0.0));
    let broken = approved("Do it", |_| json!({ "commit": 1 }), section())
        .await
        .unwrap_err();
    assert!(
        broken.starts_with("approvals.json: it is no file of approvals"),
        "{broken}"
    );
}

#[tokio::test]
async fn without_a_repository_nobody_approved_anything() {
    let section = json!({ "kind": "approvals", "trailers": ["Approved-by"] });
    let reason = Project::new().number(section, APPROVALS).await.unwrap_err();
    assert!(reason.contains("not a git repository"), "{reason}");
}

#[tokio::test]
async fn a_window_is_open_or_says_when_it_opens() {
    let days = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    let always = json!([{ "days": days, "from": "00:00", "to": "24:00" }]);
    let frozen = json!([{ "from": "2020-01-01", "to": "2999-01-01", "reason": "no changes any more" }]);
    let cases = [
        (json!({ "windows": always }), true, "it is"),
        (
            json!({ "windows": always, "freezes": frozen }),
            false,
            "no changes any more",
        ),
        (
            json!({ "freezes": frozen }),
            false,
            "no slot opens within 400 days",
        ),
    ];
    for (mut section, expected, note) in cases {
        section["kind"] = json!("window");
        section["timeZone"] = json!("Europe/Berlin");
        let found = Project::new().measure(section, WINDOW).await;
        // The end of that freeze is reached by leaping over it, however far it is.
        let found = found.unwrap();
        assert_eq!(found.value, Value::Bool(expected));
        let said = found.notes.join("; ");
        assert!(said.contains(note) || said.contains("2999"), "{said}");
    }
}

#[tokio::test]
async fn a_commit_may_go_from_the_branches_that_are_allowed() {
    let project = Project::new();
    project.commit("Do it");
    let cases = [
        (json!(["main"]), true),
        (json!(["release/*", "ma?n"]), true),
        (json!(["release/*"]), false),
    ];
    for (allowed, expected) in cases {
        let section = json!({ "kind": "branch", "allowed": allowed });
        let found = project.measure(section, BRANCH).await.unwrap();
        assert_eq!(found.value, Value::Bool(expected), "{found:?}");
    }
    let section = json!({ "kind": "branch", "allowed": ["main"], "remoteOnly": true });
    let found = project.measure(section, BRANCH).await.unwrap();
    assert_eq!(found.notes, ["the commit is on no branch that is known here"]);
}
