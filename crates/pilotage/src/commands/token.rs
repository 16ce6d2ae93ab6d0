//! `token`: make and revoke the tokens that open the API.
//!
//! These work on the store directly: the first token has to be there before a server may listen on a public address.

use anyhow::Context as _;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use pilotage_core::{
    Timestamp,
    audit::{NewAuditRecord, kind},
    ports::{Registry, Role, Token},
};
use pilotage_web::CreateTokenError;
use serde_json::json;

use crate::{
    cli::{Context, DataDir},
    exit::{Done, usage},
    output::{Cell, Table, clean, remark},
    wire,
};

const EXAMPLES: &str = "\
Examples:
  (umask 077; pilotage token create ci --role operator > token.txt)
  pilotage token list
  pilotage token revoke ci

A viewer reads everything; an operator also replays, retries and cancels; an admin also changes rules and tokens.
These commands work on the data folder directly, also while a server runs on it.
A file that the shell makes has the permissions of its umask, which often lets everybody on the
machine read it: `umask 077` keeps it yours.";

/// Who is named on the audit trail for what is done on the data folder.
const ACTOR: &str = "local";

/// Make and revoke tokens.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum TokenCommand {
    /// Make a token; its text is printed once and stored nowhere.
    Create(Create),
    /// List the tokens.
    List(DataDir),
    /// Revoke a token; it opens nothing from then on.
    Revoke(Revoke),
}

impl TokenCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let data_dir = self.data_dir();
        // Only making the first token may begin a data folder: elsewhere a missing one is a wrong name.
        if !matches!(self, Self::Create(_)) {
            data_dir.require()?;
        }
        let (store, ports) = wire::open_store(&data_dir.data_dir)?;
        let registry = ports.registry.as_ref();
        let done = match &self {
            Self::Create(create) => create.run(context, registry).await,
            Self::List(_) => list(context, registry).await,
            Self::Revoke(revoke) => revoke.run(context, registry).await,
        };
        store.close().await;
        done
    }

    const fn data_dir(&self) -> &DataDir {
        match self {
            Self::Create(create) => &create.data_dir,
            Self::List(data_dir) => data_dir,
            Self::Revoke(revoke) => &revoke.data_dir,
        }
    }
}

/// A new token.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What it is called, here and on the audit trail.
    name: String,
    /// What it allows.
    #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)))]
    role: String,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Create {
    async fn run(&self, context: &Context, registry: &dyn Registry) -> anyhow::Result<Done> {
        let role = Role::parse(&self.role).with_context(|| format!("there is no role {}", self.role))?;
        let token = pilotage_web::create_token(registry, Timestamp::now(), ACTOR, &self.name, role).await;
        let token = token.map_err(refused)?;
        if context.output.is_json() {
            context
                .output
                .json(&json!({ "name": self.name, "role": role, "token": token }))?;
        } else {
            // Alone on the standard output, so that it can be sent into a file.
            context.output.line(token)?;
            remark("It is shown this once. Send it as `Authorization: Bearer ...`, or in PILOTAGE_TOKEN.");
        }
        Ok(Done::Yes)
    }
}

/// What the person can mend is told apart from what went wrong.
fn refused(error: CreateTokenError) -> anyhow::Error {
    match error {
        CreateTokenError::InvalidName | CreateTokenError::Taken(_) => usage(error.to_string()),
        other => other.into(),
    }
}

/// Which token.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// What it is called.
    name: String,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Revoke {
    async fn run(&self, context: &Context, registry: &dyn Registry) -> anyhow::Result<Done> {
        let audit = NewAuditRecord {
            at: Timestamp::now(),
            tenant: "default".to_owned(),
            actor: ACTOR.to_owned(),
            kind: kind::TOKEN_CHANGED.to_owned(),
            subject: self.name.clone(),
            facts: json!({ "change": "revoked" }).to_string(),
        };
        if !registry.revoke_token(&self.name, audit).await? {
            return Err(usage(format!("there is no token `{}`", self.name)));
        }
        if context.output.is_json() {
            context
                .output
                .json(&json!({ "name": self.name, "revoked": true }))?;
        } else {
            context
                .output
                .line(format_args!("revoked {}", clean(&self.name)))?;
        }
        Ok(Done::Yes)
    }
}

async fn list(context: &Context, registry: &dyn Registry) -> anyhow::Result<Done> {
    let tokens = registry.tokens().await?;
    if context.output.is_json() {
        context.output.json(&json!({ "items": tokens, "next": null }))?;
    } else if tokens.is_empty() {
        remark("There is no token. Make one with `pilotage token create NAME --role ROLE`.");
    } else {
        context.output.table(&table(context, &tokens))?;
    }
    Ok(Done::Yes)
}

fn table(context: &Context, tokens: &[Token]) -> Table {
    let mut table = Table::new(&["NAME", "ROLE", "CREATED"]);
    for token in tokens {
        let name = Cell::id(&token.name);
        table.row([
            name,
            token.role.as_str().into(),
            context.output.age(token.created_at).into(),
        ]);
    }
    table
}
