//! A whole search: the negative control, the tree, the commits since a base, and what is let through.

use std::{path::Path, sync::Arc};

use pilotage_core::{Timestamp, config::Problem};
use serde::Deserialize;

use super::{Finding, Looked, Permit, Permitted, Scanner, control, scan_commits, scan_tree};

/// Most permits of one configuration.
const MAX_PERMITS: usize = 10_000;

/// What is searched, and what is let through.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// Also look at what the commits after this one added: a branch, a tag or a hash.
    #[serde(default)]
    pub since: Option<String>,
    /// What is let through, each with a reason.
    #[serde(default)]
    #[schemars(length(max = 10_000))]
    pub ignore: Vec<Permit>,
    /// Fingerprints are made under this key. Keep it from those who may see reports and not the repository.
    #[serde(default)]
    pub fingerprint_key: Option<String>,
    /// Fewer files looked at than this are no evidence.
    #[serde(default)]
    pub at_least: Option<u64>,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What nobody let through.
    pub findings: Vec<Finding>,
    /// How many were let through by the configuration.
    pub permitted: usize,
    /// Permits whose time is over.
    pub expired: usize,
    /// Planted secrets that were found.
    pub controls: usize,
    /// What was looked at in the tree.
    pub tree: Looked,
    /// What was looked at in the history.
    pub history: Option<Looked>,
}

impl Search {
    /// What the types cannot say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.ignore.len() > MAX_PERMITS {
            problems.push(Problem::at("/ignore", format!("at most {MAX_PERMITS}")));
        }
        if let Err((place, message)) = Permitted::new(&self.ignore) {
            problems.push(Problem::at(format!("/ignore{place}"), message));
        }
        if self
            .since
            .as_ref()
            .is_some_and(|since| since.is_empty() || since.len() > 250)
        {
            problems.push(Problem::at("/since", "between 1 and 250 characters"));
        }
        problems
    }

    /// Searches below `root`.
    ///
    /// # Errors
    /// The scanner missed what was planted for it, something could not be looked at, or nothing was; the text is for people.
    pub async fn look(&self, root: &Path, now: Timestamp) -> Result<Outcome, String> {
        let permitted =
            Permitted::new(&self.ignore).map_err(|(place, message)| format!("ignore{place}: {message}"))?;
        let scanner = Arc::new(Scanner::new(
            self.fingerprint_key.as_deref().unwrap_or("pilotage"),
        )?);
        let controls = control::check(&scanner).await?;
        let tree = scan_tree(root, &scanner).await?;
        if tree.unread.0 > 0 {
            return Err(format!(
                "{} files could not be read, such as {}",
                tree.unread.0, tree.unread.1
            ));
        }
        let history = match &self.since {
            Some(base) => Some(scan_commits(root, base, &scanner).await?),
            None => None,
        };
        let mut outcome = Outcome {
            controls,
            expired: permitted.expired(now),
            tree,
            history,
            ..Outcome::default()
        };
        outcome.sift(&permitted, now);
        Ok(outcome)
    }
}

impl Outcome {
    /// What stands in the tree is not told a second time as a part of its history.
    fn sift(&mut self, permitted: &Permitted, now: Timestamp) {
        let mut findings = std::mem::take(&mut self.tree.findings);
        let key = |finding: &Finding| (finding.place.path.clone(), finding.fingerprint.clone());
        let known: std::collections::BTreeSet<_> = findings.iter().map(key).collect();
        if let Some(history) = &mut self.history {
            let added = std::mem::take(&mut history.findings);
            findings.extend(added.into_iter().filter(|finding| !known.contains(&key(finding))));
        }
        let all = findings.len();
        findings.retain(|finding| !permitted.lets(finding, now));
        self.permitted = all - findings.len();
        self.findings = findings;
    }

    /// What was looked at and left out, in words.
    pub fn notes(&self) -> Vec<String> {
        let tree = &self.tree;
        let mut notes = vec![format!("{} bytes in {} files", tree.bytes, tree.files)];
        if let Some(history) = &self.history {
            notes.push(format!(
                "{} bytes that {} commits added",
                history.bytes, history.commits
            ));
        }
        notes.push(format!("found all {} secrets that were planted", self.controls));
        let marked = tree.marked + self.history.as_ref().map_or(0, |history| history.marked);
        let counted = [
            (tree.binary, "files are no text and were not looked at"),
            (
                tree.cut,
                "files are so long that only their beginning was looked at",
            ),
            (marked, "findings are marked in their line as no secret"),
            (self.permitted as u64, "findings are on the ignore list"),
            (self.expired as u64, "entries of the ignore list have expired"),
        ];
        let counted = counted.iter().filter(|(count, _)| *count > 0);
        notes.extend(counted.map(|(count, what)| format!("{count} {what}")));
        notes
    }
}

impl Finding {
    /// Where, in words.
    pub fn at(&self) -> String {
        let commit = self.place.commit.as_deref().and_then(|commit| commit.get(..12));
        let commit = commit.map_or_else(String::new, |commit| format!(" in {commit}"));
        format!("{}:{}:{}{commit}", self.place.path, self.line, self.column)
    }
}
