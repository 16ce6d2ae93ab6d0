//! Running commands: in a process group of their own, with a time limit, bounded output and a scrubbed environment.
//!
//! What a command starts belongs to its group unless it leaves it on purpose; the whole group is killed when the time is up,
//! when nobody waits any more, and also when the command itself has ended and left something behind. When this program is
//! killed itself, its [`guard`] does it.

pub mod guard;

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

/// Most bytes of standard output that are kept.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;
/// Most bytes of error output that are kept.
const MAX_ERROR_BYTES: u64 = 256 << 10;

/// Variables that commands are given, if they are set. Everything else may be a secret.
const GIVEN: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "TZ",
    "SHELL",
    "TERM",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_TARGET_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "XDG_CACHE_HOME",
    "VIRTUAL_ENV",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "GEM_HOME",
    "GEM_PATH",
    "SOURCE_DATE_EPOCH",
    "CI",
];

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: Vec<u8>,
    /// The beginning of its error output.
    pub errors: Vec<u8>,
    /// The last line of its error output that says something.
    pub said: String,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Kills a process group when it goes away.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// Starts a command at the head of a group of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<(Child, Self)> {
        guard::call();
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            guard::begun(pid);
        }
        Ok((child, Self(pid)))
    }

    /// Asks everybody in it to end.
    pub(crate) fn ask_to_end(&self) {
        if let Some(pid) = self.0 {
            // There may be nobody left in the group, which is as wished.
            let _ = kill_process_group(pid, Signal::TERM);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // There may be nobody left in the group, which is as wished.
            let _ = kill_process_group(pid, Signal::KILL);
            guard::ended(pid);
        }
    }
}

/// A command that is followed while it runs.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The program, and what it is given.
    pub command: Vec<String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Variables that are handed on beside the harmless ones, if they are set.
    pub pass: Vec<String>,
    /// Variables with their values.
    pub set: Vec<(String, String)>,
}

/// How a command ended that was followed.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The end of its error output.
    pub errors: Vec<u8>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Runs a command and hands over its standard output piece by piece. When nobody waits any more, its group is killed.
///
/// # Errors
/// It cannot be started or waited for; the text is for people.
pub async fn follow(order: &Order, mut out: impl FnMut(&[u8])) -> Result<Followed, String> {
    let begun = Instant::now();
    let (program, arguments) = order.command.split_first().ok_or("there is no command")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&order.folder).env_clear();
    command.envs(environment(&order.pass));
    command.envs(order.set.iter().map(|(name, value)| (name, value)));
    let (mut child, group) = start(command, program)?;
    let (pipe, error) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let status = child.wait().await;
        // Pipes stay open as long as anybody in the group holds them.
        drop(group);
        status
    };
    let handed = async {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
            out(buffer.get(..length).unwrap_or_default());
        }
    };
    let (status, (), errors) = tokio::join!(ended, handed, keep_end(error));
    let status = status.map_err(|error| format!("`{program}` cannot be waited for: {error}"))?;
    Ok(Followed {
        code: status.code(),
        signal: status.signal(),
        errors,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Starts a command in a group of its own.
pub(crate) fn start(mut command: Command, program: &str) -> Result<(Child, Group), String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Group::start(&mut command).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("`{program}` cannot be started: it is not installed"),
        _ => format!("`{program}` cannot be started: {error}"),
    })
}

/// Reads to the end and keeps the end.
async fn keep_end(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else {
        return kept;
    };
    let most = usize::try_from(MAX_ERROR_BYTES).unwrap_or(usize::MAX);
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
        let over = kept.len().saturating_sub(most);
        kept.drain(..over);
    }
    kept
}

/// Runs `program` with `arguments` in `folder`, with the variables named in `pass` beside the harmless ones.
///
/// # Errors
/// It cannot be started or waited for, or it wrote too much; the text is for people.
pub async fn run(program: &str, arguments: &[String], folder: &Path, pass: &[String]) -> Result<Ran, String> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear();
    command.envs(environment(pass));
    let (mut child, group) = start(command, program)?;
    let (out, error) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let status = child.wait().await;
        // Pipes stay open as long as anybody in the group holds them.
        drop(group);
        status
    };
    let (status, out, error) = tokio::join!(ended, keep(out, MAX_OUTPUT_BYTES), keep(error, MAX_ERROR_BYTES));
    let status = status.map_err(|error| format!("`{program}` cannot be waited for: {error}"))?;
    let (out, whole) = out;
    if !whole {
        return Err(format!(
            "`{program}` wrote more than {} MiB",
            MAX_OUTPUT_BYTES >> 20
        ));
    }
    Ok(Ran {
        code: status.code(),
        out,
        said: last_words(&error.0),
        errors: error.0,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// The variables of a command: the harmless ones and those that are named, as far as they are set.
pub(crate) fn environment(pass: &[String]) -> Vec<(String, OsString)> {
    let names = GIVEN.iter().copied().chain(pass.iter().map(String::as_str));
    names
        .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?)))
        .collect()
}

/// Reads to the end and keeps the beginning; whether that is all.
async fn keep(from: Option<impl AsyncRead + Unpin>, limit: u64) -> (Vec<u8>, bool) {
    let mut kept = Vec::new();
    let Some(mut from) = from else {
        return (kept, true);
    };
    // What cannot be read is missing, and a missing end shows in what the output says.
    let _ = (&mut from).take(limit).read_to_end(&mut kept).await;
    let more = tokio::io::copy(&mut from, &mut tokio::io::sink())
        .await
        .unwrap_or(0);
    (kept, more == 0)
}

/// The last line that says something.
pub(crate) fn last_words(error: &[u8]) -> String {
    let text = String::from_utf8_lossy(error);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    crate::reading::brief(last.unwrap_or_default())
}

/// What git says in a folder, without the ends of its lines.
///
/// # Errors
/// Git is missing, the folder is no repository, or git refuses; the text is for people.
pub async fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
    let ran = run("git", &arguments, folder, &[]).await?;
    if ran.code != Some(0) {
        return Err(format!("git: {}", ran.said));
    }
    Ok(String::from_utf8_lossy(&ran.out).trim().to_owned())
}

/// The commit that is checked out in a folder: its hash, when it was committed (seconds since 1970), whether files differ.
/// `None` where git is missing or the folder is no repository.
pub async fn commit(folder: &Path) -> Option<(String, i64, bool)> {
    let git = async |arguments: &[&str]| git(folder, arguments).await.ok();
    let limit = std::time::Duration::from_secs(30);
    let looked = tokio::time::timeout(limit, async {
        let head = git(&["log", "-1", "--format=%H %ct"]).await?;
        let (id, at) = head.split_once(' ')?;
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]).await?;
        Some((id.to_owned(), at.parse().ok()?, !changed.is_empty()))
    });
    looked.await.ok()?
}
