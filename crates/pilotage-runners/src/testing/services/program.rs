//! Services that are programs of this machine: found, started in a process group of their own, and ended.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{process::Child, process::Command, time::timeout};

use super::{
    record::{self, Ask, Records, Started},
    tail::Tail,
};
use crate::process::{self, Group};

/// How long a preparation may take, such as making an empty database.
const PREPARE: Duration = Duration::from_mins(2);

/// A user by number, with the number of its group.
pub(super) type User = (u32, u32);

/// How a program is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) command: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) pass: Vec<String>,
    pub(super) set: Vec<(String, String)>,
    /// As whom, where that is not as we are.
    pub(super) user: Option<User>,
}

/// A program that runs.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    _group: Group,
    ask: Ask,
}

impl Order {
    fn command(&self) -> Result<(Command, &str), String> {
        let (program, arguments) = self.command.split_first().ok_or("there is no command")?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).env_clear();
        command.envs(process::environment(&self.pass));
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        Ok((command, program))
    }

    /// Starts it, and writes that down.
    ///
    /// # Errors
    /// It cannot be started; the text is for people.
    pub(super) fn start(
        &self,
        name: &str,
        ask: Ask,
        tail: &Tail,
        records: &Records,
    ) -> Result<Running, String> {
        let (command, program) = self.command()?;
        let (mut child, group) = process::start(command, program)?;
        tail.follow(child.stdout.take());
        tail.follow(child.stderr.take());
        let running = Running {
            child,
            _group: group,
            ask,
        };
        let known = running
            .pid()
            .and_then(|pid| Some((pid, record::started_at(pid)?)));
        if let Some((pid, since)) = known {
            records.note(name, &Started::Process { pid, since, ask })?;
        }
        Ok(running)
    }

    /// Runs it to its end; what it wrote.
    ///
    /// # Errors
    /// It does not end well, or not in time; the text is for people.
    pub(super) async fn run(&self) -> Result<String, String> {
        let (command, program) = self.command()?;
        let (child, group) = process::start(command, program)?;
        let output = timeout(PREPARE, child.wait_with_output()).await;
        drop(group);
        let output = output
            .map_err(|_| format!("`{program}` took longer than {} s", PREPARE.as_secs()))?
            .map_err(|error| format!("`{program}` cannot be waited for: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = crate::testing::end_of(&[output.stdout, output.stderr].concat(), 10);
        Err(format!("`{program}` failed ({}): {said}", output.status))
    }
}

impl Running {
    fn pid(&self) -> Option<i32> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok())
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(status.to_string())
    }

    /// Ends it, and whatever it started.
    pub(super) async fn end(mut self) {
        if let Some(pid) = self.pid() {
            let waited = async { self.child.wait().await };
            // Both at once, as a process that ended is there until somebody has waited for it.
            let (_, ()) = tokio::join!(waited, record::end_group(pid, self.ask));
        }
    }
}

/// A program, where the shell would find it or in one of these folders, in which `*` stands for any name. The last in order
/// comes first, as folders are called by versions.
pub(super) fn find(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let by_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let mut others: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| glob::glob(&format!("{folder}/{name}")).ok())
        .flat_map(Iterator::flatten)
        .collect();
    others.sort();
    by_path
        .chain(others.into_iter().rev())
        .find(|path| path.is_file())
}

/// Whether this process may do everything, which some services refuse to run with.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Somebody with few rights, for services that refuse to run as root.
pub(super) fn somebody() -> Option<User> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let named = |wanted: &str| users.lines().find_map(|line| user(line, wanted));
    named("postgres").or_else(|| named("nobody"))
}

/// `name:password:user:group:...` (passwd(5)).
fn user(line: &str, wanted: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let (user, group) = (fields.nth(1)?, fields.next()?);
    (name == wanted).then_some(())?;
    Some((user.parse().ok()?, group.parse().ok()?))
}

/// Makes a folder for one service alone.
///
/// # Errors
/// It cannot be made; the text is for people.
pub(super) fn own_folder(path: &Path, user: Option<User>) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.and_then(|()| hand_over(path, user))
        .map_err(|error| format!("cannot make {}: {error}", path.display()))
}

/// Gives a file or a folder to the user that a service runs as.
///
/// # Errors
/// It cannot be given.
pub(super) fn hand_over(path: &Path, user: Option<User>) -> std::io::Result<()> {
    user.map_or(Ok(()), |(user, group)| {
        std::os::unix::fs::chown(path, Some(user), Some(group))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_as_the_system_writes_them() {
        let line = "postgres:x:107:114:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(user(line, "postgres"), Some((107, 114)));
        assert_eq!(user(line, "nobody"), None);
        assert_eq!(user("postgres:x:many:114", "postgres"), None);
        assert_eq!(user("", "postgres"), None);
    }
}
