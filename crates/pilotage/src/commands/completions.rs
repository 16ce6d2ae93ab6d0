//! `completions`: what a shell needs to complete our commands.

use std::io::{self, Write as _};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{
    cli::{Cli, Context},
    exit::Done,
};

const EXAMPLES: &str = "\
Examples:
  pilotage completions bash > ~/.local/share/bash-completion/completions/pilotage
  pilotage completions zsh > ~/.zfunc/_pilotage
  pilotage completions fish > ~/.config/fish/completions/pilotage.fish";

/// Print the completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    #[expect(clippy::unused_async, reason = "every command has the same shape")]
    pub(crate) async fn run(self, _: &Context) -> anyhow::Result<Done> {
        // The generator panics when it cannot write, for example into a closed pipe; a buffer always takes it.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pilotage", &mut script);
        io::stdout().lock().write_all(&script)?;
        Ok(Done::Yes)
    }
}
