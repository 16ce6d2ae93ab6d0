//! How jobs end: by themselves, after a failure, after too long, on demand. Nothing is left behind.

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use pilotage_runners::pipeline::{Event, State};

use crate::Checkout;

/// Waits until the process whose number a file holds is gone.
#[track_caller]
fn expect_gone(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap();
    let process = format!("/proc/{}", pid.trim());
    let deadline = Instant::now() + Duration::from_secs(30);
    while Path::new(&process).exists() {
        let state = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        if state.contains(") Z") {
            // Dead, and its new parent has not looked yet.
            return;
        }
        assert!(Instant::now() < deadline, "{process} goes on: {state}");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_failure_skips_what_needs_it_and_nothing_else() {
    let mut checkout = Checkout::new();
    let text = r#"
on: {push: {}}
jobs:
  bad: {steps: [{run: "echo before; exit 3"}, {run: "echo never"}, {name: Tidy, run: "echo tidied", when: always}]}
  next: {needs: [bad], steps: [{run: "true"}]}
  far: {needs: [next], steps: [{run: "true"}]}
  tell: {needs: [far], when: {status: failure}, steps: [{notify: {webhookSecret: HOOK, text: It broke}}]}
  other: {steps: [{run: "true"}]}
  lenient: {allowFailure: true, steps: [{run: "false"}]}
  behind: {needs: [lenient], steps: [{run: "true"}]}
"#;
    let came = checkout.run(text).await;
    came.expect(&[
        ("bad", State::Failed, false),
        ("next", State::Skipped, false),
        ("far", State::Skipped, false),
        ("tell", State::Succeeded, false),
        ("other", State::Succeeded, false),
        ("lenient", State::Failed, false),
        ("behind", State::Succeeded, false),
    ]);
    assert_eq!(
        came.of("bad").reason,
        "`echo before; exit 3` ended with exit code 3"
    );
    assert_eq!(came.of("next").reason, "`bad` failed");
    assert_eq!(came.of("far").reason, "`next` was skipped");
    let said = came.log("bad");
    assert!(said.contains("tidied") && !said.contains("never"), "{said}");
    assert!(
        came.log("tell").contains("not sent from here: It broke"),
        "{}",
        came.log("tell")
    );
}

#[tokio::test]
async fn what_fails_by_chance_is_tried_again() {
    let mut checkout = Checkout::new();
    let text = r#"
on: {push: {}}
jobs:
  flaky: {retries: 2, steps: [{run: "echo x >> count; [ $(wc -l < count) = 3 ]"}]}
"#;
    let came = checkout.run(text).await;
    came.expect(&[("flaky", State::Succeeded, false)]);
    assert_eq!(came.of("flaky").attempts, 3);
    assert!(came.log("flaky").contains("# attempt 3 of 3"));
}

#[tokio::test]
async fn what_takes_too_long_is_ended_with_all_that_it_started() {
    let mut checkout = Checkout::new();
    checkout.longest = Some(Duration::from_secs(1));
    let text = r#"
on: {push: {}}
jobs:
  slow: {steps: [{run: "sleep 1000 & echo $! > pid; trap '' TERM; wait; wait"}]}
"#;
    let came = checkout.run(text).await;
    came.expect(&[("slow", State::Failed, false)]);
    assert!(
        came.of("slow")
            .reason
            .contains("ended after 1 s, the longest time"),
        "{:?}",
        came.of("slow")
    );
    expect_gone(&checkout.path("pid"));
}

#[tokio::test]
async fn what_a_job_leaves_running_ends_with_it() {
    let mut checkout = Checkout::new();
    let text = r#"
on: {push: {}}
jobs:
  careless: {steps: [{run: "sleep 1000 & echo $! > pid"}]}
"#;
    checkout
        .run(text)
        .await
        .expect(&[("careless", State::Succeeded, false)]);
    expect_gone(&checkout.path("pid"));
}

#[tokio::test]
async fn a_stop_ends_everything_in_order() {
    let mut checkout = Checkout::new();
    let text = r#"
on: {push: {}}
jobs:
  long: {steps: [{run: "trap 'echo tidied; exit 1' TERM; echo $$ > pid; echo ready; while true; do sleep 0.1; done"}]}
  next: {needs: [long], steps: [{run: "true"}]}
"#;
    let came = checkout
        .run_until(
            text,
            |event| matches!(event, Event::Line { text, .. } if text == "ready"),
        )
        .await;
    came.expect(&[
        ("long", State::Cancelled, false),
        ("next", State::Cancelled, false),
    ]);
    assert!(
        came.log("long").contains("tidied"),
        "it is asked before it is killed: {}",
        came.log("long")
    );
    expect_gone(&checkout.path("pid"));
}

#[tokio::test]
async fn the_first_combination_that_fails_stops_the_others_where_that_is_asked() {
    let mut checkout = Checkout::new();
    let text = r#"
on: {push: {}}
jobs:
  many:
    matrix: {axes: {n: [1, 2, 3]}, failFast: true}
    variables: {N: "${matrix.n}"}
    steps: [{run: "[ $N = 2 ] && exit 1; while true; do sleep 0.1; done"}]
"#;
    let came = checkout.run(text).await;
    came.expect(&[
        ("many[n=1]", State::Cancelled, false),
        ("many[n=2]", State::Failed, false),
        ("many[n=3]", State::Cancelled, false),
    ]);
}

#[tokio::test]
async fn secrets_reach_their_step_alone_and_no_log() {
    let mut checkout = Checkout::new();
    checkout.set("TOKEN", "first-line-of-it\nsecond-line-of-it");
    checkout.set("OTHER", "not-for-anybody");
    let text = r#"
on: {push: {}}
jobs:
  said:
    steps:
      - {run: 'echo "${TOKEN-nothing} ${OTHER-nothing}"'}
      - run: |
          printf '%s' "$TOKEN" > copy
          printf 'first-li'; sleep 0.2; printf 'ne-of-it\n'
          cat copy
          exit 4
        secrets: [TOKEN]
  lacking: {steps: [{run: "true", secrets: [NOT_THERE]}]}
"#;
    let came = checkout.run(text).await;
    let said = came.log("said");
    assert!(said.contains("nothing nothing\n"), "{said}");
    assert!(said.contains("***\n***\n***\n"), "{said}");
    assert!(!said.contains("line-of-it"), "{said}");
    assert_eq!(checkout.read("copy"), "first-line-of-it\nsecond-line-of-it");
    assert!(
        came.of("lacking")
            .reason
            .contains("the secret `NOT_THERE` is not in the environment")
    );
}

/// Not a test of anything by itself: the service of the next test is this program, which then goes on until it is ended.
#[test]
fn greeter() {
    let Ok(port) = std::env::var("GREETER_PORT") else {
        return;
    };
    let listener = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    std::fs::write("pid", std::process::id().to_string()).unwrap();
    for connection in listener.incoming() {
        // Whoever only looks whether somebody listens is gone already.
        let _ = connection.and_then(|mut connection| connection.write_all(b"hello"));
    }
}

#[tokio::test]
async fn a_service_runs_beside_its_job() {
    let mut checkout = Checkout::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let program = std::env::current_exe().unwrap();
    let text = format!(
        r#"
on: {{push: {{}}}}
jobs:
  uses:
    services:
      greeter:
        image: greeter
        ports: [{free}]
        variables: {{GREETER_PORT: {free}}}
        local: exec '{}' --exact ends::greeter
    variables: {{HOST: "${{service.greeter.host}}"}}
    steps: [{{run: "exec 3<>/dev/tcp/$HOST/{free}; cat <&3; echo"}}]
  lacks:
    needs: [uses]
    services: {{absent: {{image: absent, ports: [9]}}}}
    steps: [{{run: "true"}}]
"#,
        program.display()
    );
    let came = checkout.run(&text).await;
    came.expect(&[("uses", State::Succeeded, false), ("lacks", State::Failed, false)]);
    assert!(came.log("uses").contains("hello"), "{}", came.log("uses"));
    assert!(
        came.of("lacks").reason.contains("nothing listens on 127.0.0.1:9"),
        "{:?}",
        came.of("lacks")
    );
    expect_gone(&checkout.path("pid"));
}
