//! What to type to start this program again, and its second self that ends what it started.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use pilotage_runners::process::guard;

/// What the second self is called with. It is no command of the command line: nobody calls it by hand.
const GUARD: &str = "guard-process-groups";

/// Whether this process is the second self of another; then it has done its work, and there is nothing else to do.
pub(crate) fn was_guard() -> bool {
    let mut arguments = env::args_os().skip(1);
    let is_guard = arguments.next().is_some_and(|first| first == GUARD) && arguments.next().is_none();
    if is_guard {
        guard::stand(std::io::stdin());
    }
    is_guard
}

/// Has a second self end the commands that this process starts, if it is killed.
pub(crate) fn guard_commands() {
    if let Some(program) = guard::this_program() {
        guard::by(program, vec![GUARD.to_owned()]);
    }
}

/// The program as a person would type it here: its bare name where the shell finds it by that, else the way it was
/// started, from the present folder if it lies below.
pub(crate) fn name() -> String {
    let started = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let path = env::var_os("PATH").unwrap_or_default();
    let here = env::current_dir().unwrap_or_default();
    let found = |name: &Path| {
        env::split_paths(&path).any(|folder| {
            let file = folder.join(name).canonicalize().ok();
            file.is_some() && file == started.canonicalize().ok()
        })
    };
    typed(&started, &here, found)
}

fn typed(started: &Path, here: &Path, is_found: impl Fn(&Path) -> bool) -> String {
    let Some(name) = started.file_name().filter(|name| *name != OsStr::new("")) else {
        return "pilotage".to_owned();
    };
    if started.as_os_str() == name || is_found(Path::new(name)) {
        return quoted(Path::new(name));
    }
    quoted(started.strip_prefix(here).unwrap_or(started))
}

/// One word for the shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+:@%,=~".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_as_it_would_be_typed() {
        let cases = [
            ("pilotage", false, "pilotage"),
            ("/usr/local/bin/pilotage", true, "pilotage"),
            (
                "/home/ann/pilotage/target/release/pilotage",
                false,
                "target/release/pilotage",
            ),
            ("target/release/pilotage", false, "target/release/pilotage"),
            ("/opt/it's here/pilotage", false, r"'/opt/it'\''s here/pilotage'"),
            ("", false, "pilotage"),
        ];
        for (started, is_found, expected) in cases {
            let here = Path::new("/home/ann/pilotage");
            assert_eq!(
                typed(Path::new(started), here, |_| is_found),
                expected,
                "{started}"
            );
        }
    }
}
