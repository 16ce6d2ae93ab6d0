//! A run as it goes along: a line for each job that runs on a terminal, and every line of every job elsewhere.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use pilotage_runners::pipeline::{Ended, Event, State, Task};
use tokio::sync::mpsc;

use crate::output::{Output, Style, clean, remark};

/// Lines of a job that failed that are shown without asking.
const SHOWN_LINES: usize = 40;
/// Notes that are kept for the report.
const MOST_NOTES: usize = 1_000;

/// Shows what happens.
pub(super) struct Screen {
    output: Output,
    names: Vec<String>,
    width: usize,
    /// On a terminal: a line for each job that runs.
    live: Option<Live>,
    /// The last lines of each job that runs.
    tails: BTreeMap<usize, VecDeque<String>>,
    notes: Vec<String>,
}

struct Live {
    all: MultiProgress,
    bars: BTreeMap<usize, ProgressBar>,
}

impl Screen {
    pub(super) fn new(output: Output, tasks: &[Task], verbose: bool) -> Self {
        let names: Vec<String> = tasks.iter().map(|task| clean(&task.name)).collect();
        // The lines that move are drawn on the error output, so both have to be a terminal.
        let is_terminal = output.is_terminal() && io::stderr().is_terminal();
        let is_live = is_terminal && !output.is_json() && !verbose;
        Self {
            width: names.iter().map(String::len).max().unwrap_or(0),
            live: is_live.then(|| Live {
                all: MultiProgress::new(),
                bars: BTreeMap::new(),
            }),
            tails: BTreeMap::new(),
            notes: Vec::new(),
            output,
            names,
        }
    }

    /// Shows events until there are no more.
    pub(super) async fn follow(&mut self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Started { task, why } => self.started(task, &why),
                Event::Line { task, text } => self.line(task, &clean(&text)),
                Event::Ended { task, ended } => self.ended(task, &ended),
                Event::Note(text) => self.note(text),
            }
        }
    }

    /// Takes down what is shown live.
    pub(super) fn close(&mut self) {
        if let Some(live) = self.live.take() {
            // What stays on the screen does no harm.
            let _ = live.all.clear();
        }
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    fn name(&self, task: usize) -> &str {
        self.names.get(task).map_or("", String::as_str)
    }

    fn started(&mut self, task: usize, why: &str) {
        let name = format!("{:width$}", self.name(task), width = self.width);
        match &mut self.live {
            None => self.say(task, Style::Faint, why),
            Some(live) => {
                let bar = live.all.add(ProgressBar::new_spinner());
                let style = ProgressStyle::with_template("{spinner} {prefix}  {elapsed:>4}  {wide_msg}");
                if let Ok(style) = style {
                    bar.set_style(style);
                }
                bar.set_prefix(name);
                bar.set_message(clean(why));
                bar.enable_steady_tick(Duration::from_millis(120));
                live.bars.insert(task, bar);
            }
        }
    }

    fn line(&mut self, task: usize, text: &str) {
        let Some(live) = &self.live else {
            return self.say(task, Style::Plain, text);
        };
        if let Some(bar) = live.bars.get(&task) {
            bar.set_message(text.to_owned());
        }
        let tail = self.tails.entry(task).or_default();
        if tail.len() == SHOWN_LINES {
            tail.pop_front();
        }
        tail.push_back(text.to_owned());
    }

    fn ended(&mut self, task: usize, ended: &Ended) {
        let (style, word) = match ended.state {
            State::Succeeded if ended.cached => (Style::Good, "cached"),
            State::Succeeded => (Style::Good, "done"),
            State::Failed => (Style::Bad, "failed"),
            State::Cancelled => (Style::Warning, "cancelled"),
            State::Skipped => (Style::Faint, "skipped"),
            State::Unaffected => (Style::Faint, "unaffected"),
        };
        let took = if ended.attempts > 0 {
            format!(" after {:.1} s", ended.seconds)
        } else {
            String::new()
        };
        let text = match ended.state {
            // Why it ran was said when it began.
            State::Succeeded if !ended.cached => format!("{word}{took}"),
            State::Succeeded => clean(&ended.reason),
            _ => format!("{word}{took}: {}", clean(&ended.reason)),
        };
        let tail = self.tails.remove(&task).unwrap_or_default();
        if let Some(bar) = self.live.as_mut().and_then(|live| live.bars.remove(&task)) {
            bar.finish_and_clear();
        }
        if self.live.is_some() && ended.state == State::Failed {
            for line in &tail {
                self.say(task, Style::Plain, line);
            }
        }
        self.say(task, style, &text);
    }

    fn note(&mut self, text: String) {
        if !self.output.is_json() {
            match &self.live {
                Some(live) => live.all.suspend(|| remark(&text)),
                None => remark(&text),
            }
        }
        if self.notes.len() < MOST_NOTES {
            self.notes.push(text);
        }
    }

    /// One line of a job.
    fn say(&self, task: usize, style: Style, text: &str) {
        if self.output.is_json() {
            return;
        }
        let name = format!("{:width$}", self.name(task), width = self.width);
        let shown = format!(
            "{} | {}",
            self.output.paint(Style::Faint, &name),
            self.output.paint(style, text)
        );
        // A reader that went away, as `head` does, does not end the run: the report at its end finds out.
        let _ = match &self.live {
            Some(live) => live.all.println(shown),
            None => self.output.line(shown),
        };
    }
}
