//! The command line: what every command takes, and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::{
    client::{self, Client},
    commands::{
        audit::AuditCommand,
        check::{self, Check},
        ci::CiCommand,
        completions::Completions,
        event::EventCommand,
        execution::ExecutionCommand,
        gate::GateCommand,
        init::{self, Init},
        load::LoadCommand,
        mcp::{self, McpCommand},
        metrics::Metrics,
        mock::MockCommand,
        rule::RuleCommand,
        run::Run,
        schema,
        stats::Stats,
        test::TestCommand,
        token::TokenCommand,
        up::{self, Up},
        watch::Watch,
        webhook::WebhookCommand,
    },
    exit::{Done, usage},
    output::{Format, Output},
    wire,
};

const EXAMPLES: &str = "\
Examples:
  pilotage event list --unhandled           what came in and matched no rule
  pilotage rule test --event EVENT_ID       why each rule matches it or not
  pilotage execution list --status failed   the dead letters
  pilotage audit verify                     check the audit trail, without a server

Exit codes: 0 done, 1 judged not ready or failed, 2 usage or configuration, 3 could not run.";

/// A release control plane: webhooks come in, rules decide, actions run, and every step is on a trail that can be
/// verified.
#[derive(Debug, Parser)]
#[command(name = "pilotage", version, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct GlobalOptions {
    /// How to print: for people, or one JSON document for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = "Global options")]
    pub(crate) format: Format,

    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PILOTAGE_SERVER",
        help = "Where Pilotage answers; http://127.0.0.1:8080 where nothing is said",
        value_parser = client::parse_server,
        help_heading = "Global options"
    )]
    pub(crate) server: Option<Url>,

    /// File with the API token; without it the environment variable `PILOTAGE_TOKEN` is used, if it is set.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Where the state of a server lies, for commands that work on it directly.
#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// Folder with the state of the server.
    #[arg(
        long,
        value_name = "DIR",
        env = "PILOTAGE_DATA_DIR",
        default_value = ".pilotage"
    )]
    pub(crate) data_dir: PathBuf,
}

impl DataDir {
    /// # Errors
    /// No server has ever kept its state there.
    pub(crate) fn require(&self) -> anyhow::Result<PathBuf> {
        let database = wire::database(&self.data_dir);
        anyhow::ensure!(
            database.is_file(),
            "There is no Pilotage data in {}. Name the folder with --data-dir.",
            self.data_dir.display()
        );
        Ok(database)
    }
}

/// Every verb and noun.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start Pilotage on its embedded store.
    Up(Up),
    /// Write a configuration to start from.
    Init(Init),
    /// Check the configuration: shape, names, secrets, expressions, templates.
    Check(Check),
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Send a delivery as the real source would, or take what others send.
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Look at what came in, and act on it again.
    #[command(subcommand)]
    Event(EventCommand),
    /// Look at the rules, test and change them.
    #[command(subcommand)]
    Rule(RuleCommand),
    /// Look at what ran, try it again or stop it.
    #[command(subcommand)]
    Execution(ExecutionCommand),
    /// Judge this commit by quality gates.
    #[command(subcommand)]
    Gate(GateCommand),
    /// Run the tests of this repository, in whatever language, on one plan.
    #[command(subcommand)]
    Test(TestCommand),
    /// One pipeline for every platform: write its files, start it there, follow it.
    #[command(subcommand)]
    Ci(CiCommand),
    /// Run a pipeline on this machine, side by side and cached.
    Run(Run),
    /// Put a service under load and judge how it stood up.
    #[command(subcommand)]
    Load(LoadCommand),
    /// Follow what is going on, as it happens.
    Watch(Watch),
    /// Totals, lag and what every rule has done.
    Stats(Stats),
    /// How software is delivered: the five figures of DORA.
    Metrics(Metrics),
    /// Check and export the audit trail.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Make and revoke the tokens that open the API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Run a service to develop and test against.
    #[command(subcommand)]
    Mock(MockCommand),
    /// Let an agent work with Pilotage over standard input and output (MCP).
    Mcp(McpCommand),
    /// Print the completions for a shell.
    Completions(Completions),
}

impl Command {
    /// Runs it. The text of an error is for people; `exit` turns it into a code.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let format = context.global.format;
        let is_known = match &self {
            Self::Gate(GateCommand::Run(_) | GateCommand::Report(_)) => format != Format::CodeQuality,
            Self::Gate(GateCommand::Secrets(_)) | Self::Ci(CiCommand::Lint(_)) => {
                matches!(format, Format::Text | Format::Json | Format::Sarif)
            }
            Self::Test(command) if command.prints_reports() => format != Format::Sarif,
            _ => matches!(format, Format::Text | Format::Json),
        };
        if !is_known {
            return Err(usage(
                "Only `pilotage gate run` and `gate report` print in that format, `test run` and `test merge` in markdown, junit and code-quality, and `gate secrets` and `ci lint` in sarif; else it is text or json.",
            ));
        }
        match self {
            Self::Up(command) => up::run(command, context.output).await,
            Self::Init(command) => init::run(&command, context.output),
            Self::Check(command) => check::run(&command, context.output),
            Self::Schema => schema::run(context.output),
            Self::Webhook(command) => command.run(context).await,
            Self::Event(command) => command.run(context).await,
            Self::Rule(command) => command.run(context).await,
            Self::Execution(command) => command.run(context).await,
            Self::Gate(command) => command.run(context).await,
            Self::Test(command) => command.run(context).await,
            Self::Ci(command) => command.run(context).await,
            Self::Run(command) => command.run(context).await,
            Self::Load(command) => command.run(context).await,
            Self::Watch(command) => command.run(context).await,
            Self::Stats(command) => command.run(context).await,
            Self::Metrics(command) => command.run(context).await,
            Self::Audit(command) => command.run(context).await,
            Self::Token(command) => command.run(context).await,
            Self::Mock(command) => command.run(context).await,
            Self::Mcp(command) => mcp::run(command, context).await,
            Self::Completions(command) => command.run(context).await,
        }
    }
}

/// What a command is handed: the global options, and the way to print.
pub(crate) struct Context {
    /// As given on the command line.
    pub(crate) global: GlobalOptions,
    /// Where results go.
    pub(crate) output: Output,
}

impl Context {
    pub(crate) fn new(global: GlobalOptions) -> Self {
        let output = Output::detect(global.format);
        Self { global, output }
    }

    /// Where Pilotage answers: as it was named, or on this machine.
    pub(crate) fn server(&self) -> Url {
        let named = self.global.server.clone();
        named.unwrap_or_else(client::usual_server)
    }

    /// A client of the server that the global options name.
    ///
    /// # Errors
    /// The token cannot be read.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let token = client::token(self.global.token_file.as_deref())?;
        Client::new(self.server(), token)
    }
}
