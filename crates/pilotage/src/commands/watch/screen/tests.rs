//! The screen, drawn into a buffer.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use pilotage_core::{Timestamp, operation::OperationStatus};
use ratatui::{Terminal, backend::TestBackend};
use serde_json::value::to_raw_value;
use url::Url;

use super::{
    draw::draw,
    keys::{Answer, press},
    testing::{NOW, update},
    view::View,
};
use crate::{
    client::{Told, Update},
    commands::watch::filter,
};

fn view(filters: &[&str]) -> View {
    let filters: Vec<_> = filters.iter().map(|text| filter::parse(text).unwrap()).collect();
    let server = Url::parse("http://127.0.0.1:8080").unwrap();
    let mut view = View::new(&server, &filters).unwrap();
    let mut hostile = update(70, OperationStatus::Failure, "evil\u{1b}[2J\u{202e}");
    hostile.message = "answered 503\nand \u{9b}31m more".to_owned();
    let mut pending = update(3, OperationStatus::Pending, "deploy");
    pending.progress.total = 0;
    let known = [
        update(2, OperationStatus::Running, "push-to-main"),
        pending,
        hostile,
        update(7_300, OperationStatus::Success, "ünïcödé 東京"),
        update(60, OperationStatus::Cancelled, "deploy"),
    ];
    let updates = known.map(|status| Update {
        text: to_raw_value(&status).unwrap(),
        status,
    });
    view.tell(Told::Snapshot(updates.into()));
    view
}

fn drawn(view: &mut View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let now = Timestamp::from_secs(NOW);
    terminal.draw(|frame| draw(frame, view, false, now)).unwrap();
    let lines = terminal.backend().to_string();
    let lines: Vec<_> = lines
        .lines()
        // Behind the closing quote stands which cells a wide character covers.
        .map(|line| line.strip_prefix('"').unwrap_or(line))
        .map(|line| line.rsplit_once("\" Hidden by").map_or(line, |(line, _)| line))
        .map(|line| line.strip_suffix('"').unwrap_or(line).trim_end())
        .collect();
    lines.join("\n")
}

fn type_keys(view: &mut View, keys: &str) {
    for letter in keys.chars() {
        let code = match letter {
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            letter => KeyCode::Char(letter),
        };
        assert_eq!(
            press(view, KeyEvent::new(code, KeyModifiers::NONE)),
            Answer::Stay,
            "{letter}"
        );
    }
}

#[test]
fn what_goes_on_stands_first_and_nothing_from_outside_acts() {
    insta::assert_snapshot!(drawn(&mut view(&[]), 110, 10), @r#"
    Pilotage at http://127.0.0.1:8080/  ● live
    ○ 1 pending   ▶ 1 running   ✓ 1 success   ✗ 1 failure   – 1 cancelled
    STATUS      NAME                  PROGRESS         CHANGED    MESSAGE
    ▶ running   push-to-main          █████░░░░░ 1/2   2 s ago    action 1 (webhook)
    ○ pending   deploy                                 3 s ago    action 1 (webhook)
    – cancelled deploy                █████░░░░░ 1/2   1 min ago  action 1 (webhook)
    ✗ failure   evil\u{1b}[2J\u{202e} █████░░░░░ 1/2   1 min ago  answered 503\nand \u{9b}31m more
    ✓ success   ünïcödé 東京          █████░░░░░ 1/2   2 h ago    action 1 (webhook)

    q quit  f filter  s status  p pause  ↑↓ jk move  enter details
    "#);
}

#[test]
fn details_and_a_small_terminal_have_their_place() {
    let mut view = view(&[]);
    type_keys(&mut view, "jj⏎");
    insta::assert_snapshot!(drawn(&mut view, 80, 20), @r"
    Pilotage at http://127.0.0.1:8080/  ● live
    ○ 1 pending   ▶ 1 running   ✓ 1 success   ✗ 1 failure   – 1 cancelled
    STATUS      NAME                  PROGRESS         CHANGED    MESSAGE
    ▶ running   push-to-main          █████░░░░░ 1/2   2 s ago    action 1 (webhook)
    ○ pending   deploy                                 3 s ago    action 1 (webhook)
    – cancelled deploy                █████░░░░░ 1/2   1 min ago  action 1 (webhook)
    ✗ failure   evil\u{1b}[2J\u{202e} █████░░░░░ 1/2   1 min ago  answered 503\nand
     details, esc closes ───────────────────────────────────────────────────────────
    ○ pending
    execution  01930000-0000-7000-8000-000000000003
    name       deploy
    message    action 1 (webhook)
    changed    2026-09-21T14:13:17.000000Z (3 s ago)
    rule       deploy
    source     github




    q quit  f filter  s status  p pause  ↑↓ jk move  enter details
    ");
    for (width, height) in [(1, 1), (20, 4), (40, 6)] {
        drawn(&mut view, width, height);
    }
}

#[test]
fn keys_filter_and_pause() {
    let mut view = view(&[]);
    type_keys(&mut view, "fDEPLOY⏎");
    insta::assert_snapshot!(drawn(&mut view, 100, 7), @r#"
    Pilotage at http://127.0.0.1:8080/  ● live
    ○ 1 pending   ▶ 1 running   ✓ 1 success   ✗ 1 failure   – 1 cancelled   with "DEPLOY"
    STATUS      NAME   PROGRESS         CHANGED    MESSAGE
    ○ pending   deploy                  3 s ago    action 1 (webhook)
    – cancelled deploy █████░░░░░ 1/2   1 min ago  action 1 (webhook)

    q quit  f filter  s status  p pause  ↑↓ jk move  enter details
    "#);
    type_keys(&mut view, "⎋ss");
    let shown = drawn(&mut view, 100, 7);
    assert!(
        shown.contains("only running") && !shown.contains("deploy"),
        "{shown}"
    );
    type_keys(&mut view, "ssss");
    assert_eq!(view.status, None);

    type_keys(&mut view, "p");
    let late = update(1, OperationStatus::Running, "late");
    view.tell(Told::Updates(vec![Update {
        text: to_raw_value(&late).unwrap(),
        status: late,
    }]));
    let shown = drawn(&mut view, 100, 9);
    assert!(shown.contains("paused") && !shown.contains("late"), "{shown}");
    type_keys(&mut view, "p");
    assert!(drawn(&mut view, 100, 9).contains("late"));
    for code in ['q', 'c'] {
        let modifiers = if code == 'c' {
            KeyModifiers::CONTROL
        } else {
            KeyModifiers::NONE
        };
        assert_eq!(
            press(&mut view, KeyEvent::new(KeyCode::Char(code), modifiers)),
            Answer::Quit
        );
    }
}

#[test]
fn the_bar_stays_on_its_operation_and_in_the_window() {
    let mut view = view(&[]);
    type_keys(&mut view, "jjjjjjjjj");
    let selected = view.selected;
    let shown = drawn(&mut view, 100, 6);
    assert!(shown.contains("東") && !shown.contains("push-to-main"), "{shown}");
    let late = update(1, OperationStatus::Running, "late");
    view.tell(Told::Updates(vec![Update {
        text: to_raw_value(&late).unwrap(),
        status: late,
    }]));
    assert_eq!(view.selected, selected);
    type_keys(&mut view, "g");
    assert!(drawn(&mut view, 100, 6).contains("late"));
}

#[test]
fn what_ceases_to_pass_a_filter_goes_and_a_lost_connection_is_told() {
    let mut view = view(&["status=running"]);
    assert_eq!(view.rows().len(), 1);
    let ended = update(2, OperationStatus::Success, "push-to-main");
    view.tell(Told::Updates(vec![Update {
        text: to_raw_value(&ended).unwrap(),
        status: ended,
    }]));
    assert!(view.rows().is_empty());
    view.tell(Told::Lost {
        reason: "Connection refused".to_owned(),
        wait: Duration::from_millis(100),
    });
    let shown = drawn(&mut view, 100, 6);
    assert!(
        shown.contains("lost, trying again within 1 s: Connection refused"),
        "{shown}"
    );
    assert!(shown.contains("Nothing passes the filter"), "{shown}");
    view.tell(Told::Connected);
    assert!(drawn(&mut view, 100, 6).contains("● live"));
}
