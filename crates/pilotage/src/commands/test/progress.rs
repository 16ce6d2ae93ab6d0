//! What is shown while tests run: a bar for each suite on a terminal, lines elsewhere, and failures as they happen.

use std::{io::Write as _, sync::Arc};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pilotage_core::testing::{Outcome, SuiteResult};
use pilotage_runners::testing::Happened;

use super::section::Section;
use crate::{
    cli::Context,
    output::{Style, clean, clean_lines, stderr_colour},
};

/// Lines of a failure that are shown at once.
const MOST_LINES: usize = 12;

/// Shown on the error output, so that the standard output holds the result alone.
#[derive(Clone)]
pub(super) struct Progress(Arc<Inner>);

struct Inner {
    bars: Vec<(String, ProgressBar)>,
    all: MultiProgress,
    is_terminal: bool,
    /// In CI what is shown can be folded, until this goes.
    _section: Section,
}

impl Progress {
    /// Bars for these suites.
    pub(super) fn new(suites: &[SuiteResult], context: &Context) -> Self {
        use std::io::IsTerminal as _;
        let is_terminal = std::io::stderr().is_terminal() && !context.output.is_json();
        let target = if is_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let all = MultiProgress::with_draw_target(target);
        let style =
            ProgressStyle::with_template("{prefix:20} {bar:30} {pos}/{len} files {elapsed}  {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |suite: &SuiteResult| {
            let bar = ProgressBar::new(suite.planned.len() as u64).with_style(style.clone());
            let bar = if suite.planned.is_empty() {
                ProgressBar::hidden()
            } else {
                all.add(bar)
            };
            (suite.name.clone(), bar.with_prefix(clean(&suite.name)))
        };
        let bars = suites.iter().map(bar).collect();
        Self(Arc::new(Inner {
            bars,
            all,
            is_terminal,
            _section: Section::begin("Tests as they run"),
        }))
    }

    /// Shows what happens.
    pub(super) fn show(&self, happened: &Happened) {
        match happened {
            Happened::Began { .. } => {}
            Happened::File { suite, .. } => self.through(*suite),
            Happened::Test {
                suite,
                file,
                name,
                outcome,
                message,
            } => {
                if let Some((_, bar)) = self.0.bars.get(*suite) {
                    bar.set_message(clean(&format!("{file} {name}")));
                }
                if *outcome == Outcome::Failed {
                    self.tell(*suite, &format!("failed: {file}: {name}"), message);
                }
            }
            Happened::Note { suite, text } => {
                let name = self.0.bars.get(*suite).map_or("", |(name, _)| name.as_str());
                self.line(&stderr_colour().paint(Style::Faint, &clean(&format!("{name}: {text}"))));
            }
            Happened::Trouble { suite, text } => {
                // What a runner said has lines of its own.
                let (what, message) = text.split_once('\n').unwrap_or((text, ""));
                self.tell(*suite, what, message);
            }
        }
    }

    fn through(&self, suite: usize) {
        let Some((name, bar)) = self.0.bars.get(suite) else {
            return;
        };
        bar.inc(1);
        let all = bar.length().unwrap_or_default();
        if !self.0.is_terminal && bar.position() == all {
            self.line(&format!("{}: {all} of {all} files", clean(name)));
        }
    }

    fn tell(&self, suite: usize, what: &str, message: &str) {
        let name = self.0.bars.get(suite).map_or("", |(name, _)| name.as_str());
        let colour = stderr_colour();
        let mut text = colour.paint(Style::Bad, &clean(&format!("{name}: {what}")));
        for line in clean_lines(message).lines().take(MOST_LINES) {
            text.push_str("\n    ");
            text.push_str(line);
        }
        self.line(&text);
    }

    fn line(&self, text: &str) {
        if self.0.is_terminal {
            // Nobody is left to be told when this fails.
            let _ = self.0.all.println(text);
        } else {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Takes the bars away.
    pub(super) fn end(&self) {
        // As above.
        let _ = self.0.all.clear();
    }
}
