//! What the keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::view::View;

/// Longest text that is looked for, in characters.
const MOST_TYPED: usize = 100;

/// What follows from a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on.
    Stay,
    /// Leave.
    Quit,
}

/// The keys, as the last line shows them.
pub(super) const HELP: &str = "q quit  f filter  s status  p pause  ↑↓ jk move  enter details";

pub(super) fn press(view: &mut View, key: KeyEvent) -> Answer {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if key.kind == KeyEventKind::Release => {}
        KeyCode::Char('c') if is_control => return Answer::Quit,
        code if view.is_typing => type_filter(view, code),
        KeyCode::Char('q') => return Answer::Quit,
        code => command(view, code),
    }
    Answer::Stay
}

fn type_filter(view: &mut View, code: KeyCode) {
    match code {
        KeyCode::Enter => view.is_typing = false,
        KeyCode::Esc => {
            view.is_typing = false;
            view.text.clear();
        }
        KeyCode::Backspace => {
            view.text.pop();
        }
        KeyCode::Char(letter) if view.text.chars().count() < MOST_TYPED => view.text.push(letter),
        _ => {}
    }
}

fn command(view: &mut View, code: KeyCode) {
    let page = isize::try_from(view.window).unwrap_or(1);
    match code {
        KeyCode::Char('f' | '/') => view.is_typing = true,
        KeyCode::Char('s') => view.cycle_status(),
        KeyCode::Char('p' | ' ') => view.toggle_pause(),
        KeyCode::Down | KeyCode::Char('j') => view.step(1),
        KeyCode::Up | KeyCode::Char('k') => view.step(-1),
        KeyCode::PageDown => view.step(page),
        KeyCode::PageUp => view.step(-page),
        KeyCode::Home | KeyCode::Char('g') => view.step(isize::MIN),
        KeyCode::End | KeyCode::Char('G') => view.step(isize::MAX),
        KeyCode::Enter => {
            if view.selected.is_none() {
                view.step(0);
            }
            view.shows_details = !view.shows_details && view.selected.is_some();
        }
        KeyCode::Esc if view.shows_details => view.shows_details = false,
        KeyCode::Esc => {
            view.text.clear();
            view.status = None;
        }
        _ => {}
    }
}
