//! One picture of a run that is drawn over itself, as low as what goes on allows.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use crossterm::{
    cursor::MoveToPreviousLine,
    queue,
    terminal::{Clear, ClearType},
};
use pilotage_core::{
    Timestamp,
    pipeline_run::{RunJob, RunState},
};

use super::Look;
use crate::{
    commands::ci::platform::{standing, style},
    output::{Output, Style, clean, stdout},
};

/// Where a terminal does not tell its size.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// What is on the screen.
pub(super) struct Picture {
    output: Output,
    /// Lines of it.
    height: u16,
}

impl Picture {
    pub(super) const fn new(output: Output) -> Self {
        Self { output, height: 0 }
    }

    /// Something else was written below it: the next picture begins there.
    pub(super) const fn begin_anew(&mut self) {
        self.height = 0;
    }

    pub(super) fn draw(&mut self, look: &Look) -> io::Result<()> {
        let size = terminal_size::terminal_size();
        let (width, rows) = size.map_or(USUAL_SIZE, |(width, height)| (width.0, height.0));
        let lines = self.lines(look, usize::from(rows.saturating_sub(1)).max(3));
        let mut out = stdout();
        if self.height > 0 {
            queue!(
                out,
                MoveToPreviousLine(self.height),
                Clear(ClearType::FromCursorDown)
            )?;
        }
        for (paint, text) in &lines {
            let text = fit(text, usize::from(width));
            writeln!(out, "{}", self.output.paint(*paint, &text))?;
        }
        self.height = u16::try_from(lines.len()).unwrap_or(0);
        out.flush()
    }

    /// At most `most` lines: what is done says less than what goes on, and gives way first.
    fn lines(&self, look: &Look, most: usize) -> Vec<(Style, String)> {
        let run = &look.run;
        let plain = |told| clean(&strip(&standing(self.output, told)));
        let mut lines = vec![(
            Style::Strong,
            format!(
                "{} {}  {}  {}{}",
                clean(&run.pipeline),
                clean(&run.id),
                clean(run.reference.as_deref().unwrap_or("")),
                plain(&run.standing),
                since(run.started_at, run.finished_at),
            ),
        )];
        if let Some(url) = &run.url {
            lines.push((Style::Faint, clean(url)));
        }
        let room = most.saturating_sub(lines.len() + 1);
        let done = |job: &&RunJob| matches!(job.standing.state, RunState::Succeeded | RunState::Skipped);
        let is_tight = look.jobs.iter().map(|job| 1 + at_work(job).len()).sum::<usize>() > room;
        let hidden = look.jobs.iter().filter(done).filter(|_| is_tight).count();
        for job in look.jobs.iter().filter(|job| !is_tight || !done(job)) {
            lines.push((
                style(job.standing.state),
                format!(
                    "{} {}{}",
                    mark(job.standing.state),
                    clean(&job.name),
                    since(job.started_at, job.finished_at)
                ),
            ));
            lines.extend(at_work(job));
        }
        if lines.len() >= most {
            let left = lines.len() + 1 - most;
            lines.truncate(most - 1);
            lines.push((Style::Faint, format!("  … and {left} lines more")));
        } else if hidden > 0 {
            lines.push((Style::Faint, format!("  … and {hidden} jobs that are done")));
        }
        lines
    }
}

/// The steps that run or failed: what else a job did is in its log.
fn at_work(job: &RunJob) -> Vec<(Style, String)> {
    if job.standing.state == RunState::Succeeded {
        return Vec::new();
    }
    let steps = job.steps.iter().filter(|step| {
        let state = step.standing.state;
        matches!(state, RunState::Running | RunState::Waiting | RunState::Failed)
    });
    steps
        .map(|step| {
            let state = step.standing.state;
            (style(state), format!("    {} {}", mark(state), clean(&step.name)))
        })
        .collect()
}

const fn mark(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "·",
        RunState::Running => "*",
        RunState::Waiting => "?",
        RunState::Succeeded => "✓",
        RunState::Failed => "X",
        RunState::Cancelled => "!",
        RunState::Skipped => "-",
    }
}

fn since(started: Option<Timestamp>, finished: Option<Timestamp>) -> String {
    let Some(started) = started else {
        return String::new();
    };
    let took = finished.unwrap_or_else(Timestamp::now).since(started);
    format!("  {}", short(took))
}

fn short(took: Duration) -> String {
    let secs = took.as_secs();
    match (secs / 3_600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, secs) => format!("{minutes} min {secs} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Without the colours: the line has one of its own.
fn strip(text: &str) -> String {
    pilotage_core::pipeline_run::without_colours(text)
}

/// A line that is not broken by the terminal.
fn fit(text: &str, width: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|character| {
            used += unicode_width::UnicodeWidthChar::width(*character).unwrap_or(0);
            used < width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lines_are_short() {
        let table = [(5, "5 s"), (65, "1 min 5 s"), (3_725, "1 h 2 min")];
        for (secs, expected) in table {
            assert_eq!(short(Duration::from_secs(secs)), expected);
        }
        assert_eq!(fit("日本語", 5), "日本");
        assert_eq!(fit("abc", 80), "abc");
    }
}
