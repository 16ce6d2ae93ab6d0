use super::*;

fn report(kind: &str, name: &str, data: &str) -> SentReport {
    SentReport {
        name: name.to_owned(),
        kind: kind.to_owned(),
        role: SentRole::Report,
        settings: Map::new(),
        data: data.to_owned().into(),
        measured_at: Timestamp::now(),
    }
}

#[tokio::test]
async fn what_was_sent_is_read_and_named_as_its_sender_names_it() {
    let junit = r#"<testsuite name="a" tests="2" failures="1"><testcase name="x"/><testcase name="y"><failure/></testcase></testsuite>"#;
    let reports = [
        report("junit", "out/../../junit.xml", junit),
        report("coverage", "lcov.info", "not a report"),
    ];
    let measured = read(&reports).await.unwrap();
    let tests = measured["tests_failed"].as_ref().unwrap();
    assert_eq!(tests.value, pilotage_core::gate::Value::Number(1.0));
    assert_eq!(tests.files[0].path, "out/../../junit.xml");
    let reason = measured["code_coverage_lines"].as_ref().unwrap_err();
    assert!(
        reason.contains("lcov.info") && !reason.contains("sent-"),
        "{reason}"
    );
}

#[tokio::test]
async fn only_reports_can_be_sent() {
    for kind in ["command", "cargo", "zzz"] {
        let problems = read(&[report(kind, "a", "{}")]).await;
        assert_eq!(problems.unwrap_err()[0].pointer, "/0/kind");
    }
}

#[test]
fn names_of_strangers_are_no_paths() {
    for (name, expected) in [
        ("a/b/junit.xml", "junit.xml"),
        ("..", "report"),
        ("", "report"),
        ("C:\\x\\*.xml", "_.xml"),
        ("\u{0}{a,b}", "__a_b_"),
    ] {
        assert_eq!(plain(name), expected);
    }
}

fn with(mut report: SentReport, role: SentRole, settings: &Value) -> SentReport {
    report.role = role;
    report.settings = settings.as_object().unwrap().clone();
    report
}

#[tokio::test]
async fn what_a_scanner_found_is_read_as_what_it_is_about() {
    let sarif = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"s"}},"results":[
        {"ruleId":"planted","level":"error","message":{"text":"x"}},
        {"ruleId":"bad","level":"error","message":{"text":"y"}}]}]}"#;
    let settings = json!({ "about": "policies", "control": "planted" });
    let sent = with(report("sarif", "a.sarif", sarif), SentRole::Report, &settings);
    let measured = read(&[sent]).await.unwrap();
    let found = measured["policy_violations"].as_ref().unwrap();
    assert_eq!(found.value, pilotage_core::gate::Value::Number(1.0), "{found:?}");
}

#[tokio::test]
async fn settings_that_do_not_hold_are_refused_at_their_file() {
    let sarif = |settings: &Value| with(report("sarif", "a.sarif", "{}"), SentRole::Report, settings);
    let junit = report("junit", "a.xml", "<testsuite/>");
    for (sent, pointer) in [
        (vec![sarif(&json!({}))], "/0/settings"),
        (
            vec![junit.clone(), sarif(&json!({ "about": "taste" }))],
            "/1/settings/about",
        ),
        (
            vec![sarif(&json!({ "about": "policies", "files": ["/etc/passwd"] }))],
            "/0/settings",
        ),
        (vec![with(junit.clone(), SentRole::Lock, &json!({}))], "/0/role"),
        (
            vec![with(
                report("npm-audit", "a.json", "{}"),
                SentRole::Report,
                &json!({ "command": ["sh"] }),
            )],
            "/0/settings",
        ),
        (
            vec![
                with(junit.clone(), SentRole::Report, &json!({ "atLeast": 1 })),
                junit,
            ],
            "/1/settings",
        ),
    ] {
        let problems = read(&sent).await.unwrap_err();
        assert_eq!(problems[0].pointer, pointer, "{problems:?}");
    }
}

#[tokio::test]
async fn an_audit_is_read_with_its_lock_file_and_its_control() {
    let lock = r#"{"name":"a","lockfileVersion":3,"packages":{"":{"name":"a"},"node_modules/b":{"version":"1.0.0"}}}"#;
    let audit = |high: u32, findings: &str| {
        format!(
            r#"{{"auditReportVersion":2,"vulnerabilities":{{{findings}}},"metadata":{{"vulnerabilities":{{"info":0,"low":0,
            "moderate":0,"high":{high},"critical":0,"total":{high}}},"dependencies":{{"prod":2,"dev":0,"optional":0,"peer":0,
            "peerOptional":0,"total":1}}}}}}"#
        )
    };
    let planted = r#""old":{"name":"old","severity":"high","isDirect":true,"via":[{"source":1,"name":"old","title":"t",
        "url":"https://github.com/advisories/GHSA-aaaa-bbbb-cccc","severity":"high","range":"*"}],"effects":[],"range":"*",
        "nodes":[],"fixAvailable":false}"#;
    let none = json!({});
    let sent = [
        with(
            report("npm-audit", "audit.json", &audit(0, "")),
            SentRole::Report,
            &none,
        ),
        with(
            report("npm-audit", "web/package-lock.json", lock),
            SentRole::Lock,
            &none,
        ),
        with(
            report("npm-audit", "control.json", &audit(1, planted)),
            SentRole::Control,
            &none,
        ),
    ];
    let measured = read(&sent).await.unwrap();
    let found = measured["high_severity_vulnerabilities"].as_ref().unwrap();
    assert_eq!(found.value, pilotage_core::gate::Value::Number(0.0), "{found:?}");
    let blind = with(
        report("npm-audit", "control.json", &audit(0, "")),
        SentRole::Control,
        &none,
    );
    let measured = read(&[sent[0].clone(), sent[1].clone(), blind]).await.unwrap();
    let reason = measured["high_severity_vulnerabilities"].as_ref().unwrap_err();
    assert!(reason.contains("did not find what was planted"), "{reason}");
}
