//! Commands for bash, each run in a process group of its own, which is gone when it ends.

use std::{os::fd::OwnedFd, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    process::{Child, Command},
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{environment::Environment, log::Log};
use crate::process::Group;

/// How long commands may take to end when they are asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How long to read on when a command has ended: whoever left its group may hold the pipe for ever.
const DRAIN: Duration = Duration::from_secs(2);

/// How commands ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit code.
    Code(i32),
    /// By a signal.
    Signal,
    /// The time was up.
    TimedOut,
    /// Nobody waits any more.
    Stopped,
    /// They never began; the text is for people.
    NotStarted(String),
}

/// Whether to stop.
pub(crate) type Stop = watch::Receiver<bool>;

/// Waits until it is time to stop; for ever when nobody will say so.
pub(crate) async fn stopped(stop: &mut Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Starts commands with both of their outputs in one pipe, so that lines keep their order.
fn start_piped(
    commands: &str,
    folder: &Path,
    environment: &Environment,
) -> Result<(Child, Group, pipe::Receiver), String> {
    let pipe = || {
        let (reader, writer) = std::io::pipe()?;
        let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok::<_, std::io::Error>((reader, writer.try_clone()?, writer))
    };
    let (reader, out, errors) = pipe().map_err(|error| format!("there is no pipe to be had: {error}"))?;
    let (child, group) = start(commands, folder, environment, out.into(), errors.into())?;
    Ok((child, group, reader))
}

/// Starts commands in a process group of their own.
pub(crate) fn start(
    commands: &str,
    folder: &Path,
    environment: &Environment,
    out: Stdio,
    errors: Stdio,
) -> Result<(Child, Group), String> {
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", commands])
        .current_dir(folder)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors);
    Group::start(&mut command).map_err(|error| not_started(folder, &error))
}

fn not_started(folder: &Path, error: &std::io::Error) -> String {
    if !folder.is_dir() {
        return format!("the folder {} is not there", folder.display());
    }
    match error.kind() {
        std::io::ErrorKind::NotFound => "bash is not installed".to_owned(),
        _ => format!("bash cannot be started: {error}"),
    }
}

/// Runs commands to their end.
pub(crate) async fn run(
    commands: &str,
    folder: &Path,
    environment: &Environment,
    log: &mut Log,
    deadline: Instant,
    stop: &mut Stop,
) -> Ended {
    let (mut child, group, mut output) = match start_piped(commands, folder, environment) {
        Ok(started) => started,
        Err(error) => return Ended::NotStarted(error),
    };
    let mut buffer = vec![0; 16 << 10];
    let mut open = true;
    let ended = loop {
        tokio::select! {
            read = output.read(&mut buffer), if open => match read {
                Ok(read) if read > 0 => log.write(buffer.get(..read).unwrap_or_default()).await,
                _ => open = false,
            },
            status = child.wait() => break match status.map(|status| status.code()) {
                Ok(Some(code)) => Ended::Code(code),
                _ => Ended::Signal,
            },
            () = sleep_until(deadline) => break Ended::TimedOut,
            () = stopped(stop) => break Ended::Stopped,
        }
    };
    if matches!(ended, Ended::TimedOut | Ended::Stopped) {
        end(&mut child, &group, async || drain(&mut output, log).await).await;
    }
    drop(group);
    // Nobody of the group writes any more, so this ends at once but for those who left it.
    let _ = timeout(DRAIN, drain(&mut output, log)).await;
    let _ = child.wait().await;
    log.end_line().await;
    ended
}

/// Asks a group to end and waits a while, reading on, since who writes into a full pipe cannot end.
async fn end(child: &mut Child, group: &Group, read: impl AsyncFnOnce()) {
    group.ask_to_end();
    let waiting = async { tokio::join!(child.wait(), read()).0 };
    // Whoever does not end in time is killed when the group goes away.
    let _ = timeout(GRACE, waiting).await;
}

/// Ends what was started and goes on until then.
pub(crate) async fn end_service(mut child: Child, group: Group) {
    end(&mut child, &group, async || {}).await;
    drop(group);
    let _ = child.wait().await;
}

async fn drain(output: &mut pipe::Receiver, log: &mut Log) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read) = output.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        log.write(buffer.get(..read).unwrap_or_default()).await;
    }
}

/// What commands write, for asking a tool which one it is.
pub(crate) async fn ask(commands: &str, folder: &Path, environment: &Environment) -> Option<String> {
    /// The longest answer and the longest wait.
    const MOST: u64 = 64 << 10;
    const LIMIT: Duration = Duration::from_secs(30);
    let (mut child, _group, output) = start_piped(commands, folder, environment).ok()?;
    let asked = async {
        let mut said = Vec::new();
        output.take(MOST).read_to_end(&mut said).await.ok()?;
        let status = child.wait().await.ok()?;
        status
            .success()
            .then(|| String::from_utf8_lossy(&said).trim().to_owned())
    };
    timeout(LIMIT, asked).await.ok()?
}
