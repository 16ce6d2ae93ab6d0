//! Services in containers, over the program `docker`: it knows where its engine is and how it is logged in at a registry, which
//! a client of the engine's API of our own would have to be told anew, and Podman's understands the same words.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use tokio::time::timeout;

use crate::process::{self, Order};

/// What says where the engine is.
const PASSED: &[&str] = &[
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "XDG_RUNTIME_DIR",
];
/// What every container of ours is marked with.
const LABEL: &str = "io.pilotage.service";
/// Longest time for a question.
const ASK: Duration = Duration::from_secs(10);
/// Longest time to fetch an image.
const FETCH: Duration = Duration::from_mins(10);
/// Longest time for a container to start.
const BEGIN: Duration = Duration::from_mins(1);
/// Most bytes of an answer.
const MOST_BYTES: usize = 1 << 20;

/// What a container is made from.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) command: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// On 127.0.0.1, and inside.
    pub(super) ports: (u16, u16),
    /// Which service it is, and of which run.
    pub(super) service: String,
    pub(super) run: String,
}

/// A start that somebody waits for, or nobody.
pub(super) type Starting = Shared<BoxFuture<'static, Result<(), String>>>;

/// Whether an engine answers; why not.
pub(super) async fn answers() -> Result<(), String> {
    let format = "{{.Server.Version}}";
    ask(&["version", "--format", format], ASK, &[]).await.map(|_| ())
}

/// Fetches an image that is not there.
pub(super) async fn fetch(image: &str) -> Result<(), String> {
    let known = ["image", "inspect", "--format", "{{.Id}}", image];
    if ask(&known, ASK, &[]).await.is_err() {
        ask(&["pull", "--quiet", image], FETCH, &[]).await?;
    }
    Ok(())
}

/// Starts a container. It goes on also when nobody waits for it any more: an engine that was asked makes the container although
/// whoever asked has gone, so only when it has answered can the container be removed.
pub(super) fn start(wanted: Wanted) -> Starting {
    let started = tokio::spawn(async move { begin(&wanted).await });
    started
        .map(|ended| ended.unwrap_or_else(|error| Err(error.to_string())))
        .boxed()
        .shared()
}

async fn begin(wanted: &Wanted) -> Result<(), String> {
    let (outside, inside) = wanted.ports;
    let publish = format!("127.0.0.1:{outside}:{inside}");
    let labels = [
        format!("{LABEL}={}", wanted.service),
        format!("io.pilotage.run={}", wanted.run),
    ];
    let mut arguments = vec!["run", "--detach", "--init", "--name", &wanted.name];
    for label in &labels {
        arguments.extend(["--label", label]);
    }
    arguments.extend(["--publish", &publish]);
    for (name, _) in &wanted.environment {
        // By name alone, so that no value is seen among the arguments of a process.
        arguments.extend(["--env", name]);
    }
    arguments.push(&wanted.image);
    arguments.extend(wanted.command.iter().map(String::as_str));
    ask(&arguments, BEGIN, &wanted.environment).await.map(|_| ())
}

/// Whether it goes on.
pub(super) async fn is_running(name: &str) -> bool {
    let said = ask(
        &["container", "inspect", "--format", "{{.State.Running}}", name],
        ASK,
        &[],
    )
    .await;
    said.is_ok_and(|said| said.trim() == "true")
}

/// The process of this machine that a container runs as.
///
/// # Errors
/// There is no such container, it does not run, or no engine answers; the text is for people.
pub async fn process_of(name: &str) -> Result<u32, String> {
    let format = "{{.State.Pid}}";
    let said = ask(
        &["container", "inspect", "--format", format, "--", name],
        ASK,
        &[],
    )
    .await?;
    match said.trim().parse() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err(format!("the container {name} does not run")),
    }
}

/// What it wrote last.
pub(super) async fn log(name: &str) -> Vec<u8> {
    let said = output(&["logs", "--tail", "200", name], ASK, &[]).await;
    said.map(|(_, out, errors)| [out, errors].concat())
        .unwrap_or_default()
}

/// Runs a command inside; what it wrote.
pub(super) async fn run_inside(
    name: &str,
    command: &[String],
    environment: &[(String, String)],
) -> Result<String, String> {
    let mut arguments = vec!["exec"];
    for (variable, _) in environment {
        arguments.extend(["--env", variable]);
    }
    arguments.push(name);
    arguments.extend(command.iter().map(String::as_str));
    ask(&arguments, ASK * 6, environment).await
}

/// Puts a file inside.
pub(super) async fn copy_inside(name: &str, file: &str, to: &str) -> Result<(), String> {
    ask(&["cp", file, &format!("{name}:{to}")], ASK, &[])
        .await
        .map(|_| ())
}

/// Removes it with what it keeps; whether it was there.
pub(super) async fn remove(name: &str) -> Result<bool, String> {
    let was_there = ask(&["container", "inspect", "--format", "{{.Id}}", name], ASK, &[])
        .await
        .is_ok();
    if !was_there {
        return answers().await.map(|()| false);
    }
    ask(&["rm", "--force", "--volumes", name], ASK * 3, &[])
        .await
        .map(|_| true)
}

/// Removes it in the time that is left when nobody waits.
pub(super) fn remove_at_once(name: &str) {
    // What is not removed here is removed at the next start.
    let _ = std::process::Command::new("docker")
        .args(["rm", "--force", "--volumes", name])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
}

async fn ask(arguments: &[&str], limit: Duration, set: &[(String, String)]) -> Result<String, String> {
    let (code, out, errors) = output(arguments, limit, set).await?;
    if code == Some(0) {
        return Ok(String::from_utf8_lossy(&out).into_owned());
    }
    let what = arguments.first().copied().unwrap_or_default();
    Err(format!("`docker {what}`: {}", process::last_words(&errors)))
}

async fn output(
    arguments: &[&str],
    limit: Duration,
    set: &[(String, String)],
) -> Result<(Option<i32>, Vec<u8>, Vec<u8>), String> {
    let command = std::iter::once("docker").chain(arguments.iter().copied());
    let order = Order {
        command: command.map(str::to_owned).collect(),
        folder: std::env::temp_dir(),
        pass: PASSED.iter().map(ToString::to_string).collect(),
        set: set.to_vec(),
    };
    let mut out = Vec::new();
    let followed = process::follow(&order, |bytes| {
        if out.len() < MOST_BYTES {
            out.extend_from_slice(bytes);
        }
    });
    let followed = timeout(limit, followed)
        .await
        .map_err(|_| format!("`docker` did not answer within {} s", limit.as_secs()))??;
    Ok((followed.code, out, followed.errors))
}
