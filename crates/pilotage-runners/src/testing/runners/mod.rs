//! What every runner of tests has to say of itself.

mod cargo;
mod go;
mod jest;
mod pytest;
mod reporter;
mod rspec;
mod vitest;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use pilotage_core::testing::{Item, Said};

use super::Suite;
use crate::process::Order;

/// Every runner.
pub static RUNNERS: &[&dyn Runner] = &[
    &cargo::Cargo,
    &go::Go,
    &jest::Jest,
    &pytest::Pytest,
    &rspec::Rspec,
    &vitest::Vitest,
];

/// What a suite holds.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Its files, in the order of their names.
    pub files: Vec<Listed>,
}

/// A file of a suite, or whatever its runner takes for one: a package, a program of tests.
#[derive(Clone, Debug)]
pub struct Listed {
    /// From the folder of the suite.
    pub file: String,
    /// Its tests, where the runner tells without running them.
    pub tests: Option<Vec<String>>,
    /// What to run, where it is built already.
    pub binary: Option<Binary>,
}

impl Listed {
    pub(crate) fn new(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            tests: None,
            binary: None,
        }
    }
}

/// A program of tests that is built.
#[derive(Clone, Debug)]
pub struct Binary {
    /// What is called.
    pub command: Vec<String>,
    /// Where.
    pub folder: PathBuf,
    /// With these variables.
    pub set: Vec<(String, String)>,
    /// How it tells what it does.
    pub speech: Speech,
    /// How it counts what it reaches, where it was built so.
    counting: Option<Arc<cargo::Counting>>,
}

/// How a program of tests tells what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// It understands what Rust's test programs understand.
    Libtest,
    /// It writes the plain lines of Rust's test programs.
    Plain,
    /// By its exit code alone.
    Code,
}

/// What a runner is asked to do.
pub struct Task<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// What it holds.
    pub listing: &'a BTreeMap<String, Listed>,
    /// A folder for this task alone.
    pub scratch: &'a Path,
    /// What its report has to begin with.
    pub token: &'a str,
    /// A folder for reports of what its tests reach, where those are asked for.
    pub coverage: Option<&'a Path>,
}

/// What has changed.
pub struct Change<'a> {
    /// The commit since which.
    pub base: &'a str,
    /// Files from the folder of the suite; some may be gone.
    pub files: &'a [String],
}

impl Change<'_> {
    /// Whether every file is there, is a module of JavaScript or TypeScript, and is nothing that a runner reads for itself.
    fn is_modules(&self, folder: &Path) -> bool {
        const MODULES: [&str; 8] = ["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"];
        self.files.iter().all(|file| {
            let path = Path::new(file);
            let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let is_read = name.contains(".config.") || name.starts_with('.') || file.contains("__mocks__/");
            MODULES.contains(&extension) && !is_read && folder.join(path).is_file()
        })
    }
}

/// One process of a runner, and which files it is to report.
pub struct Call {
    /// What it reports.
    pub items: Vec<Item>,
    /// How it is started.
    pub order: Order,
    /// How what it tells is read.
    pub reading: Reading,
}

/// Makes events of a line.
pub(super) type LineReader = Box<dyn FnMut(&str) -> Vec<Said> + Send>;

/// Where a runner tells what it does, and how that is read.
pub enum Reading {
    /// Our reporter writes lines of JSON into this file.
    Report(PathBuf),
    /// The runner writes lines to its standard output, and this makes events of them.
    Output(LineReader),
    /// It tells nothing, and counts as one test that passes with the code 0.
    Code,
}

/// A runner of tests.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// As people write it.
    fn name(&self) -> &'static str;

    /// Whether this folder holds a suite of its kind.
    fn detect(&self, folder: &Path) -> bool;

    /// The files of a suite.
    ///
    /// # Errors
    /// They cannot be found out; the text is for people.
    async fn list(&self, task: &Task<'_>) -> Result<Listing, String>;

    /// The tests that these files have now, for files that are to run in parts. What is missing in the answer runs whole.
    async fn tests(&self, task: &Task<'_>, files: &[String]) -> BTreeMap<String, Vec<String>> {
        let _ = (task, files);
        BTreeMap::new()
    }

    /// The files of the suite whose tests reach one of these changed files, which are below its folder and no files of tests.
    /// `None` where the runner cannot tell for all of them: then everything is to run.
    async fn reaching(&self, task: &Task<'_>, change: &Change<'_>) -> Option<BTreeSet<String>> {
        let _ = (task, change);
        None
    }

    /// How these files are run.
    ///
    /// # Errors
    /// The way cannot be prepared; the text is for people.
    fn calls(&self, task: &Task<'_>, items: &[Item]) -> Result<Vec<Call>, String>;

    /// What is missing here to tell what tests reach; `None` where nothing is. The text goes on after the name of the suite.
    async fn lacks_for_coverage(&self, task: &Task<'_>) -> Option<String>;

    /// Makes reports of what runs left in the folders below `folder`, where what they leave is none.
    ///
    /// # Errors
    /// They cannot be made; the text is for people.
    async fn report_coverage(&self, task: &Task<'_>, folder: &Path) -> Result<(), String> {
        let _ = (task, folder);
        Ok(())
    }

    /// Whether it can run some of the tests of a file, by what its reports call them.
    fn selects_tests(&self) -> bool {
        true
    }

    /// Whether a part of a file needs a process of its own, as names of tests select in every file that it is given.
    fn starts_for_parts(&self) -> bool {
        false
    }

    /// What it ends with when there was no test.
    fn idle_code(&self) -> Option<i32> {
        None
    }
}

/// The command of a suite: as it was said, else the usual one.
fn command(suite: &Suite, usual: &[&str]) -> Vec<String> {
    if suite.settings.command.is_empty() {
        usual.iter().map(ToString::to_string).collect()
    } else {
        suite.settings.command.clone()
    }
}

/// Whether a file holds a text; one that cannot be read or is longer than a megabyte does not.
fn mentions(file: &Path, text: &str) -> bool {
    let short = file
        .metadata()
        .is_ok_and(|meta| meta.is_file() && meta.len() < 1 << 20);
    short && std::fs::read_to_string(file).is_ok_and(|content| content.contains(text))
}

/// Whether any file directly in the folder has a name that passes.
fn has_file(folder: &Path, passes: impl Fn(&str) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| passes(&name))
}

/// A file as a whole, of which nobody says how long it takes.
fn whole(file: &str) -> Item {
    Item {
        file: file.to_owned(),
        tests: Vec::new(),
        part: None,
        seconds: 0.0,
    }
}

/// A program that npm put beside the suite, or beside a folder above it.
fn installed(folder: &Path, name: &str) -> String {
    let places = folder
        .ancestors()
        .map(|above| above.join("node_modules/.bin").join(name));
    let found = places.take(6).find(|place| place.is_file());
    found.map_or_else(|| name.to_owned(), |place| place.display().to_string())
}

/// Whether npm put a package beside the suite, or beside a folder above it.
fn has_package(folder: &Path, name: &str) -> bool {
    let places = folder
        .ancestors()
        .map(|above| above.join("node_modules").join(name));
    places.take(6).any(|place| place.is_dir())
}

/// Longest expression of names: longer arguments are refused by the kernel (`MAX_ARG_STRLEN`).
const MOST_EXPRESSION_BYTES: usize = 100_000;
/// An expression that no name matches.
const NOTHING: &str = "^$";

/// Files without those whose tests are too many to be named in one expression.
fn nameable(mut files: BTreeMap<String, Vec<String>>, separator: &str) -> BTreeMap<String, Vec<String>> {
    files.retain(|_, tests| exactly(tests, separator).len() < MOST_EXPRESSION_BYTES);
    files
}

/// Files as they are together, and each of which only some tests are wanted by itself: names of tests select in every file that a
/// runner is given.
fn apart(items: &[Item]) -> Vec<Vec<Item>> {
    let (whole, parts): (Vec<Item>, Vec<Item>) =
        items.iter().cloned().partition(|item| item.tests.is_empty());
    let whole = Some(whole).filter(|items| !items.is_empty());
    whole
        .into_iter()
        .chain(parts.into_iter().map(|item| vec![item]))
        .collect()
}

/// A regular expression that matches one of these names and nothing else.
fn exactly(names: &[String], separator: &str) -> String {
    let escape = |name: &String| {
        let mut out = String::new();
        for letter in name.replace(separator, " ").chars() {
            if !letter.is_alphanumeric() && letter.is_ascii() && letter != ' ' && letter != '_' {
                out.push('\\');
            }
            out.push(letter);
        }
        out
    };
    format!("^({})$", names.iter().map(escape).collect::<Vec<_>>().join("|"))
}
