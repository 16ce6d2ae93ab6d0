//! What ends the commands of a program that was killed.
//!
//! A program that is killed with SIGKILL cannot end what it started, and nothing but a second process can do it instead. So
//! the first command brings a companion along: the same program, in a process group of its own, so that an interrupt at the
//! terminal does not end it first. It is told of every group that begins and ends, over a pipe that nobody else holds; when
//! the pipe is closed its program is gone, and what is still on its list is ended. Where no program was named, as in tests of
//! this library, there is no companion.
//!
//! Between the start of a command and the line about it there are a few microseconds in which a kill leaves the command
//! behind. A command that leaves its group on purpose is not followed.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long groups may take to end when they are asked to.
const GRACE: Duration = Duration::from_secs(2);
/// Between two looks at whether they have.
const PAUSE: Duration = Duration::from_millis(20);

static COMPANION: Mutex<Companion> = Mutex::new(Companion::None);

enum Companion {
    /// There is none, and there will be none.
    None,
    /// Nothing was started yet.
    Wanted(PathBuf, Vec<String>),
    /// It reads what is written here.
    Listens(ChildStdin),
}

/// Has `program`, called with `arguments`, end the commands of this process if it is killed. It has to call [`stand`].
pub fn by(program: PathBuf, arguments: Vec<String>) {
    *companion() = Companion::Wanted(program, arguments);
}

/// The program that runs now, also when its file was replaced since it began.
#[must_use]
pub fn this_program() -> Option<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return Some(own.to_owned());
    }
    std::env::current_exe().ok()
}

/// Calls the companion, unless it is there. Before a command is started, so that no time passes between that and its line.
pub(super) fn call() {
    let mut companion = companion();
    if let Companion::Wanted(program, arguments) = &*companion {
        *companion = start(program, arguments).map_or(Companion::None, Companion::Listens);
    }
}

/// A group has begun.
pub(super) fn begun(group: Pid) {
    tell('+', group);
}

/// A group is over: its number may soon be somebody else's.
pub(super) fn ended(group: Pid) {
    tell('-', group);
}

fn companion() -> MutexGuard<'static, Companion> {
    COMPANION.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(program: &Path, arguments: &[String]) -> Option<ChildStdin> {
    use std::os::unix::process::CommandExt as _;

    let started = Command::new(program)
        .arg0("pilotage")
        .args(arguments)
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    // Without a companion commands run as well; they only outlive a program that is killed.
    started.ok()?.stdin
}

fn tell(sign: char, group: Pid) {
    let mut companion = companion();
    if let Companion::Listens(pipe) = &mut *companion {
        let line = format!("{sign}{}\n", group.as_raw_nonzero());
        if pipe.write_all(line.as_bytes()).is_err() {
            *companion = Companion::None;
        }
    }
}

/// What the companion does: reads which groups begin and end, and when there is nothing more to read, ends those that are left.
#[expect(
    clippy::disallowed_methods,
    reason = "these are not its children, so there is nothing to wait for but time"
)]
pub fn stand(told: impl Read) {
    let left = listen(told);
    for (group, _) in &left {
        // There may be nobody left in the group, which is as wished.
        let _ = kill_process_group(*group, Signal::TERM);
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline
        && left
            .iter()
            .any(|(group, _)| test_kill_process_group(*group).is_ok())
    {
        sleep(PAUSE);
    }
    for (group, _) in &left {
        let _ = kill_process_group(*group, Signal::KILL);
    }
}

/// The groups that have not ended, and are still those that were meant.
fn listen(told: impl Read) -> Vec<(Pid, Option<String>)> {
    let mut groups = BTreeMap::new();
    for line in BufReader::new(told).lines().map_while(Result::ok) {
        let Some((sign, group)) = line.split_at_checked(1) else {
            continue;
        };
        let Some(group) = group.parse().ok().and_then(Pid::from_raw) else {
            continue;
        };
        match sign {
            "+" => groups.insert(group.as_raw_nonzero(), (group, began(group))),
            _ => groups.remove(&group.as_raw_nonzero()),
        };
    }
    groups
        .into_values()
        .filter(|(group, then)| is_same(then.as_ref(), began(*group).as_ref()))
        .collect()
}

/// A group keeps its number from being given away, so a leader that began at another time belongs to strangers.
fn is_same(then: Option<&String>, now: Option<&String>) -> bool {
    now.is_none() || then == now
}

/// When a process began, in ticks since the machine did (`starttime` of `proc_pid_stat(5)`); `None` where it is gone.
fn began(process: Pid) -> Option<String> {
    /// The fields between the name, which may hold anything, and the one that is meant.
    const BETWEEN: usize = 19;
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(BETWEEN).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::{CommandExt as _, ExitStatusExt as _},
        process::Child,
    };

    use super::*;

    fn endless() -> (Child, Pid) {
        let child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let pid = Pid::from_child(&child);
        (child, pid)
    }

    #[test]
    fn what_was_not_said_to_be_over_is_ended() {
        let (mut left, left_id) = endless();
        let (mut over, over_id) = endless();
        let told = format!(
            "+{0}\n+{1}\n-{1}\nnonsense\n+\n\n",
            left_id.as_raw_nonzero(),
            over_id.as_raw_nonzero()
        );
        stand(told.as_bytes());
        assert_eq!(left.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
        assert_eq!(
            over.try_wait().unwrap(),
            None,
            "its number may be somebody else's by now"
        );
        over.kill().unwrap();
        over.wait().unwrap();
    }

    #[test]
    fn a_number_that_was_given_away_is_left_alone() {
        let (then, now) = ("1".to_owned(), "2".to_owned());
        assert!(is_same(Some(&then), Some(&then)));
        assert!(
            is_same(Some(&then), None),
            "its leader has ended, the rest of the group may not have"
        );
        assert!(!is_same(Some(&then), Some(&now)));
        assert!(!is_same(None, Some(&now)), "it had ended before it was looked at");
        let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(began(own).is_some_and(|ticks| ticks.parse::<u64>().is_ok()));
    }
}
