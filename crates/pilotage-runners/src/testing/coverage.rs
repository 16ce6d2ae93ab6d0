//! What the tests of a run reached: the reports that its runners left, other people's reports, and what a change is.

mod changes;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use pilotage_core::testing::coverage::{Coverage, CoverageFile};

pub use self::changes::changes;
use super::{Ready, runners::Task};
use crate::{
    reading::Bounded,
    reports::{
        self, coverage as report,
        places::{Places, is_whole},
    },
};

/// Most reports of one run.
const MOST_REPORTS: usize = 10_000;

/// What was read of reports.
#[derive(Debug, Default)]
pub struct Measured {
    /// What was reached.
    pub coverage: Coverage,
    /// Reports that could not be read, and runners that left none: with the suite or file, and why.
    pub problems: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// Where the runners of a run leave their reports.
#[derive(Clone, Debug)]
pub struct Collecting {
    /// A folder for this alone.
    pub folder: PathBuf,
    /// Suites that cannot tell what their tests reach, by their places, with what they lack.
    pub cannot: Vec<(usize, String)>,
}

impl Collecting {
    /// A folder for the reports of one batch; `None` where there are none to come.
    pub(super) fn folder_of(&self, suite: usize, batch: usize) -> Option<PathBuf> {
        if self.cannot.iter().any(|(place, _)| *place == suite) {
            return None;
        }
        let folder = self.folder.join(suite.to_string()).join(batch.to_string());
        fs::create_dir_all(&folder).is_ok().then_some(folder)
    }
}

/// What each suite lacks to tell what its tests reach, with its place. `scratch` is a folder for this alone.
pub async fn lacking(suites: &[Ready], scratch: &Path) -> Vec<(usize, String)> {
    let mut lacks = Vec::new();
    for (place, ready) in suites.iter().enumerate() {
        let scratch = scratch.join(format!("coverage-{place}"));
        let made = fs::create_dir_all(&scratch)
            .map_err(|error| format!("cannot make {}: {error}", scratch.display()));
        let task = Task {
            suite: &ready.suite,
            listing: &ready.files,
            scratch: &scratch,
            token: "coverage",
            coverage: None,
        };
        let lack = match made {
            Ok(()) => ready.suite.runner.lacks_for_coverage(&task).await,
            Err(why) => Some(why),
        };
        lacks.extend(lack.map(|lack| (place, lack)));
    }
    lacks
}

/// Has reports made of what runs left that is none; what of a suite cannot be made, with its name.
pub async fn report_coverage(collected: &Collecting, suites: &[Ready], scratch: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    for (place, ready) in suites.iter().enumerate() {
        let folder = collected.folder.join(place.to_string());
        let scratch = scratch.join(format!("report-{place}"));
        if !folder.is_dir() || fs::create_dir_all(&scratch).is_err() {
            continue;
        }
        let task = Task {
            suite: &ready.suite,
            listing: &ready.files,
            scratch: &scratch,
            token: "coverage",
            coverage: None,
        };
        let made = ready.suite.runner.report_coverage(&task, &folder).await;
        problems.extend(made.err().map(|why| format!("{}: {why}", ready.suite.name)));
    }
    problems
}

/// Reads and merges every report that the runners of a run left in a folder.
pub fn gather(root: &Path, collected: &Collecting, suites: &[Ready], file: &CoverageFile) -> Measured {
    let folder = &collected.folder;
    let mut places = Places::of(root);
    for ready in suites {
        places.add_module(&ready.suite.folder);
    }
    let mut read = report::Coverage::at(places);
    let mut problems = Vec::new();
    for (place, ready) in suites.iter().enumerate() {
        let batches = below(&folder.join(place.to_string()));
        let reports: Vec<Vec<PathBuf>> = batches.iter().map(|batch| reports_of(batch)).collect();
        let without = reports.iter().filter(|reports| reports.is_empty()).count();
        let name = &ready.suite.name;
        if without > 0 {
            problems.push(format!(
                "{name}: {without} of {} runners left no report of what their tests reach",
                batches.len()
            ));
        }
        for path in reports.iter().flatten().take(MOST_REPORTS) {
            read.places.look_in(&ready.suite.folder);
            let shown = path.file_name().unwrap_or_default().to_string_lossy();
            // Tests that reach no source leave an empty report, and others of their suite a full one.
            let broken = one(&mut read, path)
                .err()
                .filter(|error| error != report::NOTHING);
            problems.extend(broken.map(|error| format!("{name}: {shown}: {error}")));
        }
    }
    Measured {
        problems,
        ..ours(read.model, file)
    }
}

/// Reads and merges reports of any format.
///
/// # Errors
/// One is broken or is none; the text names it.
pub fn read_reports(root: &Path, reports: &[PathBuf], file: &CoverageFile) -> Result<Measured, String> {
    let mut read = report::Coverage::at(Places::of(root));
    for path in reports {
        read.places.look_above(path);
        one(&mut read, path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(ours(read.model, file))
}

/// Without files that are left out, and without those of other places, such as packages that are installed.
fn ours(mut coverage: Coverage, file: &CoverageFile) -> Measured {
    let excluded = file.excluded();
    let foreign = coverage.files().keys().filter(|path| is_whole(path)).count();
    coverage.retain(|path| !excluded.is_match(path) && !is_whole(path));
    let note = format!("{foreign} files outside of this folder are left out of what the tests reach");
    Measured {
        coverage,
        problems: Vec::new(),
        notes: Some(note).filter(|_| foreign > 0).into_iter().collect(),
    }
}

fn one(read: &mut report::Coverage, path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut input = Bounded::new(file, Arc::default());
    reports::coverage::read(read, &mut input)
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Regular files that are reports, by how runners name them; what coverage.py keeps for itself is none.
fn reports_of(folder: &Path) -> Vec<PathBuf> {
    let is_report = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let kind = path.extension().unwrap_or_default();
        let is_named =
            name == ".resultset.json" || ["json", "info", "xml", "out"].iter().any(|known| kind == *known);
        is_named && path.symlink_metadata().is_ok_and(|about| about.is_file())
    };
    below(folder).into_iter().filter(is_report).collect()
}
