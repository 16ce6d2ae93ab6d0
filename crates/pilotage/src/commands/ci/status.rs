//! `pilotage ci status`.

use clap::{Args, builder::PossibleValuesParser};
use pilotage_core::pipeline_run::{CommitMark, CommitState};
use serde_json::json;

use super::platform::Target;
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::clean,
};

const EXAMPLES: &str = "\
Examples:
  pilotage ci status 3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23 --state success --context pilotage/gates
  pilotage ci status \"$(git rev-parse HEAD)\" --state failure --description '2 gates failed' --url https://pilotage.example.com/gates";

/// The words of the states.
const STATES: [&str; 4] = ["pending", "success", "failure", "error"];

/// What to say of which commit.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Status {
    /// The full hash of the commit
    #[arg(value_name = "COMMIT")]
    commit: String,
    /// What it is said to be
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    state: String,
    /// Tells marks of one commit apart
    #[arg(long, value_name = "NAME", default_value = "pilotage")]
    context: String,
    /// What it says, in one line
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Where to read more
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Status {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        full_hash(&self.commit)?;
        let named = self.target.choose(context)?;
        let mark = CommitMark {
            commit: self.commit,
            context: self.context,
            state: state(&self.state),
            description: self.description,
            url: self.url,
        };
        named.platform.mark(&mark).await?;
        if context.output.is_json() {
            let said = json!({"commit": mark.commit, "context": mark.context, "state": self.state});
            context.output.json(&said)?;
        } else {
            let (title, name) = (named.platform.title(), clean(&mark.context));
            context.output.line(format_args!(
                "{title} shows {name}: {} on {}.",
                self.state, mark.commit
            ))?;
        }
        Ok(Done::Yes)
    }
}

/// # Errors
/// It is something else.
pub(super) fn full_hash(commit: &str) -> anyhow::Result<()> {
    let is_hash = (40..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        return Ok(());
    }
    Err(usage(format!(
        "`{}` is no full hash of a commit; `git rev-parse HEAD` prints one.",
        clean(commit)
    )))
}

fn state(word: &str) -> CommitState {
    match word {
        "pending" => CommitState::Pending,
        "success" => CommitState::Success,
        "failure" => CommitState::Failure,
        _ => CommitState::Error,
    }
}
