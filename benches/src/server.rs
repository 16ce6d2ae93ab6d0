//! Servers under measurement: real processes on loopback, each with a scrubbed environment and a folder of its own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::{
    delivery::SECRET,
    load::Connection,
    process::{self, Memory},
};

/// A server that takes longer to its first 200 has failed.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Which server, and how it is started.
#[derive(Clone, Debug)]
pub enum Program {
    /// The reference: reads the body and answers 202. With an address, it forwards the delivery's id there at once.
    Bare {
        /// The `bare` binary.
        binary: PathBuf,
        /// Where to forward, `http://...`.
        forward: Option<String>,
    },
    /// `pilotage up`.
    Pilotage {
        /// The `pilotage` binary.
        binary: PathBuf,
        /// The text of its `pilotage.yaml`.
        config: String,
        /// Options of `up` beside those that every measurement needs.
        options: &'static [&'static str],
        /// Whether callers need a token; [`Server::token`] is one of an operator.
        guarded: bool,
    },
    /// Live status of Pilotage over a feed that changes steadily.
    Watched {
        /// The `watched` binary.
        binary: PathBuf,
        /// What changes.
        load: Changing,
    },
    /// A write to every subscriber, ten times a second, and nothing else.
    Writes {
        /// The `writes` binary.
        binary: PathBuf,
    },
    /// The same job on a package of npm's.
    Node {
        /// The folder in which npm put it.
        modules: PathBuf,
        /// The text of the script that is started with the folder and the port.
        script: &'static str,
        /// What the script is given further.
        arguments: Vec<String>,
    },
}

/// Operations that change in turn.
#[derive(Clone, Copy, Debug)]
pub struct Changing {
    /// How many there are.
    pub operations: u32,
    /// Changes per second, over all of them.
    pub per_second: u32,
}

/// A running server; dropping it ends the process and removes its folder.
pub struct Server {
    child: Child,
    folder: TempDir,
    /// Where deliveries go.
    pub address: SocketAddr,
    /// Where `/ready` is.
    pub health: SocketAddr,
    /// What callers show, where the program is guarded.
    pub token: Option<String>,
    /// From the start of the process to the first 200 of `/ready`.
    pub ready_after: Duration,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the end of what it printed is in the error.
    pub async fn start(program: &Program) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let health = if matches!(
            program,
            Program::Bare { .. } | Program::Node { .. } | Program::Writes { .. }
        ) {
            address
        } else {
            free_address()?
        };
        let token = token(program, folder.path())?;
        let mut command = command(program, address, health, folder.path())?;
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {program:?}"))?;
        let mut server = Self {
            child,
            folder,
            address,
            health,
            token,
            ready_after: Duration::ZERO,
        };
        server.wait_until_ready(started).await?;
        server.ready_after = started.elapsed();
        Ok(server)
    }

    async fn wait_until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        let request = format!(
            "GET /ready HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
            self.health
        );
        while started.elapsed() < READY_WITHIN {
            if let Ok(mut connection) = Connection::open(self.health).await
                && connection
                    .ask(request.as_bytes())
                    .await
                    .is_ok_and(|status| status == 200)
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.printed());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!(
            "the server was not ready after {READY_WITHIN:?}:\n{}",
            self.printed()
        )
    }

    /// The last lines that the server printed.
    pub fn printed(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Processor time used so far.
    ///
    /// # Errors
    /// The process is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.child.id())
    }

    /// Memory used now and at most.
    ///
    /// # Errors
    /// The process is gone.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        process::memory(self.child.id())
    }

    /// Waits until the server has hardly used the processor for a while, so that work put off during the load is seen.
    /// Gives up after `longest`, and then says false.
    ///
    /// # Errors
    /// The process is gone.
    pub async fn settle(&self, longest: Duration) -> anyhow::Result<bool> {
        const PAUSE: Duration = Duration::from_millis(300);
        let started = Instant::now();
        let mut before = self.cpu()?;
        while started.elapsed() < longest {
            tokio::time::sleep(PAUSE).await;
            let now = self.cpu()?;
            if now.saturating_sub(before) <= PAUSE / 15 {
                return Ok(true);
            }
            before = now;
        }
        Ok(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(
    program: &Program,
    address: SocketAddr,
    health: SocketAddr,
    folder: &Path,
) -> anyhow::Result<Command> {
    let log = File::create(folder.join("log"))?;
    let mut command = match program {
        Program::Bare { binary, forward } => {
            let mut command = Command::new(binary);
            command.arg(address.to_string()).args(forward);
            command
        }
        Program::Writes { binary } => {
            let mut command = Command::new(binary);
            command.arg(address.to_string());
            command
        }
        Program::Watched { binary, load } => {
            let mut command = Command::new(binary);
            command.args([address.to_string(), health.to_string()]);
            command.args([load.operations.to_string(), load.per_second.to_string()]);
            command
        }
        Program::Node {
            modules,
            script,
            arguments,
        } => {
            let file = folder.join("reference.mjs");
            fs::write(&file, script)?;
            let mut command = Command::new("node");
            command
                .arg(file)
                .arg(modules.canonicalize()?)
                .arg(address.port().to_string());
            command.args(arguments);
            command
        }
        Program::Pilotage {
            binary,
            config,
            options,
            ..
        } => {
            let file = folder.join("pilotage.yaml");
            fs::write(&file, config)?;
            let mut command = Command::new(binary);
            command.args([
                "up",
                "--listen",
                &address.to_string(),
                "--health-listen",
                &health.to_string(),
            ]);
            command
                .args(*options)
                .arg("--data-dir")
                .arg(folder.join("data"))
                .arg("--config")
                .arg(file);
            command
        }
    };
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GITHUB_WEBHOOK_SECRET", SECRET);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// A token of an operator in the data folder of a program that is to be guarded.
fn token(program: &Program, folder: &Path) -> anyhow::Result<Option<String>> {
    let Program::Pilotage {
        binary,
        guarded: true,
        ..
    } = program
    else {
        return Ok(None);
    };
    let create = [
        "token", "create", "bench", "--role", "operator", "--format", "json",
    ];
    let mut command = Command::new(binary);
    command.args(create).arg("--data-dir").arg(folder.join("data"));
    let output = command.current_dir(folder).output()?;
    let made: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let token = made["token"]
        .as_str()
        .context("there is no token in the answer")?;
    Ok(Some(token.to_owned()))
}

/// An address on loopback that nothing listens on at the moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
