//! Pilotage, a release control plane in one binary. This file reads the command line and dispatches, nothing else.

mod agents;
mod cli;
mod client;
mod commands;
mod demo;
mod descriptors;
mod exit;
mod findings;
mod gathering;
mod make;
mod output;
mod program;
mod settings;
mod wire;

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;

use crate::{
    cli::{Cli, Context},
    exit::Done,
};

/// Deliveries and calls are many small allocations on several threads, which the system's allocator does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For threads that do something nobody waits for any more.
const LEFT_OVER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if program::was_guard() {
        return ExitCode::SUCCESS;
    }
    program::guard_commands();
    // Everything that speaks TLS uses this provider; a second installation is refused, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::try_parse() {
        Ok(cli) => {
            let format = cli.global.format;
            exit::report(&run(cli), format)
        }
        Err(error) => exit::report_usage(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<Done> {
    let context = Context::new(cli.global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(cli.command.run(&context));
    // What still runs on a thread of its own, such as a verification of a long trail, must not outlast the deadline.
    runtime.shutdown_timeout(LEFT_OVER);
    done
}
