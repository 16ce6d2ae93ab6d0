//! `pilotage ci trigger`.

use std::collections::BTreeMap;

use clap::Args;
use pilotage_core::pipeline_run::StartRun;

use super::{
    follow::{Following, Pace},
    platform::{Target, show},
};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::remark,
};

const EXAMPLES: &str = "\
Examples:
  pilotage ci trigger ci.yml --ref main --watch       start it and follow it to its end
  pilotage ci trigger --platform gitlab --input deploy=true
  pilotage ci trigger --server https://pilotage.example.com --platform github --ref main
                                                      the server starts it, keeps it and follows it";

/// What to start.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Trigger {
    /// The pipeline: on GitHub a workflow's file, on Jenkins a job, on Azure DevOps a pipeline's id; not needed where the
    /// configuration names it, and on GitLab never
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,
    /// The branch or tag to run; without it the platform's own default
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// An input, variable or parameter, as NAME=VALUE; may be given several times
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// Start it once for this key: a run that was started with it is shown instead, as far as the platform can be asked
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Follow it to its end, as `ci watch` does
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    target: Target,
}

impl Trigger {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let inputs = inputs(&self.inputs)?;
        let named = self.target.choose(context)?;
        let start = StartRun {
            pipeline: self.pipeline,
            reference: self.reference,
            inputs,
            key: self.key,
        };
        let known = match &start.key {
            Some(_) => named.platform.find(&start).await?,
            None => None,
        };
        let run = match known {
            Some(run) => {
                remark(format_args!(
                    "The run {} was started with this key before.",
                    run.id
                ));
                run
            }
            None => named.platform.start(&start).await?,
        };
        if self.watch {
            return Following::new(named, &run.id, context.output, &self.pace)
                .until_it_ends()
                .await;
        }
        if context.output.is_json() {
            context.output.json(&run)?;
        } else {
            show(context.output, &named, &run)?;
            remark(format_args!("Follow it: {}", named.command("watch", &run.id)));
        }
        Ok(Done::Yes)
    }
}

fn inputs(written: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut inputs = BTreeMap::new();
    for text in written {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) =
            pair.ok_or_else(|| usage(format!("`--input {text}` is not of the form NAME=VALUE.")))?;
        inputs.insert(name.to_owned(), value.to_owned());
    }
    Ok(inputs)
}
