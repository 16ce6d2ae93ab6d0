//! What cargo's tests reach: LLVM's own counters, which `-C instrument-coverage` puts into every program
//! (<https://doc.rust-lang.org/rustc/instrument-coverage.html>), read with LLVM's tools in the version of the compiler.
//!
//! Everything is built in a folder of its own below the target folder, as it is built otherwise. A program writes its counters when
//! it ends, also one that a test starts.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::Task;
use crate::{
    process::{self, Order},
    testing::running,
};

/// Names the programs, as cargo-llvm-cov reads them too.
const NAMED: [&str; 2] = ["LLVM_PROFDATA", "LLVM_COV"];
/// What makes programs count.
const COUNT: &str = "-C instrument-coverage";
/// Most files of counters of one suite.
const MOST_COUNTERS: usize = 200_000;

/// LLVM's tools.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

/// Programs that count.
#[derive(Debug)]
pub(in super::super) struct Counting {
    tools: Tools,
    /// Programs that may have left counters.
    pub(super) programs: Vec<PathBuf>,
    /// Variables with which they were built, and with which cargo finds them built.
    pub(super) set: Vec<(String, String)>,
    /// Where they were built.
    target: PathBuf,
}

impl Tools {
    /// Those that are named; else of the toolchain; else of the system, in the version of the compiler.
    ///
    /// # Errors
    /// There are none; the text goes on after the name of a suite.
    pub(super) async fn find(task: &Task<'_>) -> Result<Self, String> {
        let said = ask(task, &["rustc", "-vV"]).await;
        let about: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once(": ")).collect();
        let host = about.get("host").copied().unwrap_or_default();
        let version = about.get("LLVM version").copied().unwrap_or_default();
        let major = version.split('.').next().unwrap_or_default();
        let sysroot = ask(task, &["rustc", "--print", "sysroot"]).await;
        let own = Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(host)
            .join("bin");
        let debian = PathBuf::from(format!("/usr/lib/llvm-{major}/bin"));
        let in_folders = [own, debian].map(|folder| [folder.join("llvm-profdata"), folder.join("llvm-cov")]);
        // Whoever names them means those and no others.
        let places = named(task).map_or_else(|| in_folders.to_vec(), |named| vec![named]);
        let is_there = |programs: &[PathBuf; 2]| programs.iter().all(|program| program.is_file());
        let found = places.into_iter().find(is_there);
        let [profdata, cov] = found.ok_or_else(|| {
            format!(
                "llvm-profdata and llvm-cov of LLVM {major} are not installed: `rustup component add llvm-tools`, or name \
                 them in LLVM_PROFDATA and LLVM_COV"
            )
        })?;
        Ok(Self { profdata, cov })
    }
}

fn named(task: &Task<'_>) -> Option<[PathBuf; 2]> {
    let variable = |name: &str| {
        let own = task.suite.settings.environment.get(name).cloned();
        own.or_else(|| std::env::var(name).ok()).map(PathBuf::from)
    };
    let [profdata, cov] = NAMED.map(variable);
    Some([profdata?, cov?])
}

/// What a command writes; nothing where it cannot run.
async fn ask(task: &Task<'_>, command: &[&str]) -> String {
    let mut out = Vec::new();
    let order = order(task, command.iter().map(ToString::to_string).collect());
    let followed = process::follow(&order, |bytes| out.extend_from_slice(bytes)).await;
    followed.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&out).into_owned())
}

fn order(task: &Task<'_>, command: Vec<String>) -> Order {
    Order {
        command,
        folder: task.suite.place.clone(),
        pass: running::passed(task.suite),
        set: Vec::new(),
    }
}

impl Counting {
    /// How programs are built that count, below a target folder.
    pub(super) fn new(task: &Task<'_>, tools: Tools, target: &Path) -> Self {
        let target = target.join("pilotage-coverage");
        let own = task.suite.settings.environment.get("RUSTFLAGS").cloned();
        let flags = own.or_else(|| std::env::var("RUSTFLAGS").ok());
        let flags = match flags {
            Some(flags) => ("RUSTFLAGS", format!("{flags} {COUNT}")),
            // Cargo adds this to what its configuration says, and RUSTFLAGS would take the place of that.
            None => ("CARGO_BUILD_RUSTFLAGS", COUNT.to_owned()),
        };
        // Scripts of builds count too, and write when they end.
        let unused = target.join("pilotage-build/%m.profraw").display().to_string();
        let set = [
            flags,
            ("CARGO_TARGET_DIR", target.display().to_string()),
            ("LLVM_PROFILE_FILE", unused),
        ];
        Self {
            tools,
            programs: Vec::new(),
            set: set.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            target,
        }
    }

    /// Makes one report of the counters that runs of programs left in the folders below `folder`, and removes those.
    ///
    /// # Errors
    /// LLVM's tools refuse; the text is for people.
    async fn report(&self, task: &Task<'_>, folder: &Path) -> Result<(), String> {
        let counters = counters(folder);
        if counters.is_empty() {
            return Ok(());
        }
        let (list, merged) = (
            task.scratch.join("counters"),
            task.scratch.join("merged.profdata"),
        );
        let failed = |error: std::io::Error| format!("what the tests reach cannot be kept: {error}");
        let lines = counters.iter().map(|path| format!("{}\n", path.display()));
        fs::write(&list, lines.collect::<String>()).map_err(failed)?;
        let merge = [
            self.tools.profdata.display().to_string(),
            "merge".to_owned(),
            "-sparse".to_owned(),
            // A program that was killed may have left half a file.
            "-failure-mode=all".to_owned(),
            format!("-f={}", list.display()),
            format!("-o={}", merged.display()),
        ];
        self.run(task, merge.to_vec(), None).await?;
        let into = folder.join("merged");
        fs::create_dir_all(&into).map_err(failed)?;
        let report = File::create(into.join("llvm-cov.json")).map_err(failed)?;
        self.run(task, self.export(task, &merged), Some(report)).await?;
        counters
            .iter()
            .filter_map(|path| path.parent())
            .for_each(|folder| {
                // What stays is gone with the folder of the run.
                let _ = fs::remove_dir_all(folder);
            });
        Ok(())
    }

    /// Without what is built in, packages of others, and files that are tests and nothing else.
    fn export(&self, task: &Task<'_>, merged: &Path) -> Vec<String> {
        let home = std::env::var("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|_| std::env::var("HOME").map(|home| Path::new(&home).join(".cargo")));
        let left_out = [home.ok(), Some(self.target.clone())].into_iter().flatten();
        let mut patterns: Vec<String> = left_out.map(|path| format!("^{}/", escaped(&path))).collect();
        patterns.push("/rustc/".to_owned());
        patterns.push(format!(
            "^{}/(.*/)?(tests|examples|benches)/",
            escaped(&task.suite.place)
        ));
        let mut command = vec![
            self.tools.cov.display().to_string(),
            "export".to_owned(),
            format!("-instr-profile={}", merged.display()),
            format!("-ignore-filename-regex={}", patterns.join("|")),
        ];
        let mut programs = self.programs.iter().map(|program| program.display().to_string());
        command.extend(programs.next());
        command.extend(programs.map(|program| format!("-object={program}")));
        command
    }

    async fn run(&self, task: &Task<'_>, command: Vec<String>, mut into: Option<File>) -> Result<(), String> {
        let program = command.get(1).cloned().unwrap_or_default();
        let mut broken = None;
        let order = order(task, command);
        let followed = process::follow(&order, |bytes| {
            if let Some(file) = &mut into
                && let Err(error) = file.write_all(bytes)
            {
                broken = Some(error);
            }
        });
        let followed = followed.await?;
        if let Some(error) = broken {
            return Err(format!("what the tests reach cannot be kept: {error}"));
        }
        if followed.code == Some(0) {
            return Ok(());
        }
        let said = crate::reading::brief(&running::end_of(&followed.errors, 5));
        Err(format!("LLVM's `{program}` refuses what the tests left: {said}"))
    }
}

/// Makes one report for a suite, where its programs count.
///
/// # Errors
/// As [`Counting::report`].
pub(super) async fn report(task: &Task<'_>, folder: &Path) -> Result<(), String> {
    let mut binaries = task.listing.values().filter_map(|listed| listed.binary.as_ref());
    let counting: Option<Arc<Counting>> = binaries.find_map(|binary| binary.counting.clone());
    match counting {
        Some(counting) => counting.report(task, folder).await,
        None => Ok(()),
    }
}

/// Variables of one run of a program: those that it was built with, and where it leaves its counters.
pub(super) fn variables(task: &Task<'_>, counting: Option<&Counting>) -> Vec<(String, String)> {
    let Some(counting) = counting else {
        return Vec::new();
    };
    let mut set = counting.set.clone();
    if let Some(folder) = task.coverage {
        let file = folder.join("%p-%m.profraw").display().to_string();
        set.retain(|(name, _)| name != "LLVM_PROFILE_FILE");
        set.push(("LLVM_PROFILE_FILE".to_owned(), file));
    }
    set
}

/// Files of counters in the folders directly below this one.
fn counters(folder: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let files = below(folder).into_iter().flat_map(|folder| below(&folder));
    let counters = files.filter(|path| path.extension().is_some_and(|extension| extension == "profraw"));
    let mut counters: Vec<_> = counters.take(MOST_COUNTERS).collect();
    counters.sort();
    counters
}

/// A path as a regular expression.
fn escaped(path: &Path) -> String {
    let mut out = String::new();
    for letter in path.to_string_lossy().chars() {
        if letter.is_ascii_punctuation() && letter != '/' && letter != '_' {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
