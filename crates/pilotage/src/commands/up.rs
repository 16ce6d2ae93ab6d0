//! `pilotage up`: starts the control plane and keeps it running until it is told to stop.

pub(crate) mod lock;
mod reload;
mod serve;
mod story;

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

pub(crate) use serve::{config_path, log_to_stderr, run, signing_secret};

/// Start Pilotage on its embedded store
#[derive(Args, Debug, Clone)]
#[command(
    after_help = "Examples:\n  pilotage up --demo                     watch recorded deliveries travel the whole path\n  GITHUB_WEBHOOK_SECRET=... pilotage up  receive from GitHub with the rules of ./pilotage.yaml\n\nSIGHUP, or a change of the configuration file, loads it anew; a file that does not hold changes nothing."
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub(crate) struct Up {
    /// Where to take deliveries, API calls and page views
    #[arg(
        long,
        env = "PILOTAGE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub(crate) listen: SocketAddr,
    /// Where to answer /health, /ready, /startup and /metrics
    #[arg(
        long,
        env = "PILOTAGE_HEALTH_LISTEN",
        default_value = "127.0.0.1:8081",
        value_name = "ADDRESS"
    )]
    pub(crate) health_listen: SocketAddr,
    /// Where the state is kept
    #[arg(
        long,
        env = "PILOTAGE_DATA_DIR",
        default_value = ".pilotage",
        value_name = "DIR"
    )]
    pub(crate) data_dir: PathBuf,
    /// The configuration file [default: pilotage.yaml, if there is one]
    #[arg(long, env = "PILOTAGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Send recorded deliveries of GitHub, GitLab, Make and Kubernetes through a configuration made for showing
    #[arg(long, conflicts_with = "config")]
    pub(crate) demo: bool,
    /// With --demo: stop by itself once the recorded deliveries have travelled the whole path
    #[arg(long, requires = "demo")]
    pub(crate) once: bool,
    /// Let the tools of agents work on a mock of Make.com within this process instead of an account
    #[arg(long)]
    pub(crate) mock_make: bool,
    /// Offer the fixtures of MCP's conformance suite too
    #[arg(long, hide = true)]
    pub(crate) mcp_conformance_fixtures: bool,
}
