//! One model for what tests reached, whatever format said so.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Kind, Share, Shares, names::kept};

/// Most lines, branches and functions together.
const MOST_ITEMS: usize = 3_000_000;
/// Most source files.
const MOST_FILES: usize = 200_000;
/// Longest path, in bytes.
const MOST_PATH_BYTES: usize = 4_096;

/// What one provider tells of a file besides lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Detail {
    /// Branches by line and name, with how often each was taken; `None` where the provider knows nothing of branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    branches: Option<BTreeMap<u32, BTreeMap<String, u64>>>,
    /// Functions by line and name; the line 0 stands for one that was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    functions: Option<BTreeMap<u32, BTreeMap<String, u64>>>,
    /// Of a provider that gives numbers alone: lines, branches, functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<[Option<Share>; 3]>,
}

/// What is known of a source file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileCoverage {
    /// How often each line ran, as far as its provider counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    lines: BTreeMap<u32, u64>,
    /// By what told of it.
    providers: BTreeMap<String, Detail>,
}

impl FileCoverage {
    /// Lines with how often each ran.
    pub const fn lines(&self) -> &BTreeMap<u32, u64> {
        &self.lines
    }

    /// What told of it.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }

    /// Its branches by line, as the provider tells them that knows most of that line.
    pub fn branches(&self) -> BTreeMap<u32, &BTreeMap<String, u64>> {
        best(
            self.providers
                .values()
                .filter_map(|detail| detail.branches.as_ref()),
        )
    }

    /// Its functions by line, likewise. Where somebody says on which lines functions begin, those who do not only add what was
    /// reached; what they name and nobody places is left out, as it is there under another name.
    pub fn functions(&self) -> Vec<(u32, &str, u64)> {
        let placed = |detail: &&Detail| {
            let functions = detail.functions.as_ref();
            functions.is_some_and(|functions| functions.keys().any(|line| *line > 0))
        };
        let all = || self.providers.values();
        let is_placed = all().any(|detail| placed(&detail));
        let by_line = best(all().filter_map(|detail| detail.functions.as_ref()));
        let unplaced: BTreeMap<&str, u64> = all()
            .filter_map(|detail| detail.functions.as_ref()?.get(&0))
            .flatten()
            .map(|(name, hits)| (name.as_str(), *hits))
            .collect();
        let mut functions = Vec::new();
        for (line, named) in by_line {
            if line == 0 && is_placed {
                continue;
            }
            for (name, hits) in named {
                let also = if line == 0 {
                    None
                } else {
                    unplaced.get(name.as_str())
                };
                functions.push((
                    line,
                    name.as_str(),
                    hits.saturating_add(also.copied().unwrap_or(0)),
                ));
            }
        }
        functions
    }

    /// Lines, branches and functions; `None` for what nobody told.
    pub fn shares(&self) -> [Option<Share>; 3] {
        let summary = |place: usize| {
            let all = self
                .providers
                .values()
                .filter_map(|detail| detail.summary.as_ref());
            all.filter_map(|summary| summary.get(place).copied().flatten())
                .max_by_key(|share| share.total)
        };
        let mut lines = Share::default();
        self.lines.values().for_each(|hits| lines.count(*hits));
        let lines = if self.lines.is_empty() {
            summary(0)
        } else {
            Some(lines)
        };
        let knows = |of: fn(&Detail) -> bool| self.providers.values().any(of);
        let mut branches = Share::default();
        let taken = self.branches();
        taken
            .values()
            .flat_map(|named| named.values())
            .for_each(|hits| branches.count(*hits));
        let mut functions = Share::default();
        self.functions()
            .iter()
            .for_each(|(_, _, hits)| functions.count(*hits));
        [
            // A file that was read and has no line that could run has nothing that is unknown.
            lines.or_else(|| (!self.providers.is_empty()).then(Share::default)),
            if knows(|detail| detail.branches.is_some()) {
                Some(branches)
            } else {
                summary(1)
            },
            if knows(|detail| detail.functions.is_some()) {
                Some(functions)
            } else {
                summary(2)
            },
        ]
    }

    fn join(&mut self, other: Self) -> Result<(), String> {
        for (line, hits) in other.lines {
            add(&mut self.lines, line, hits);
        }
        for (provider, detail) in other.providers {
            let own = self.providers.entry(provider).or_default();
            for (own, others) in [
                (&mut own.branches, detail.branches),
                (&mut own.functions, detail.functions),
            ] {
                let Some(others) = others else { continue };
                let own = own.get_or_insert_default();
                for (line, named) in others {
                    let own = own.entry(line).or_default();
                    for (name, hits) in named {
                        add(own, name, hits);
                    }
                }
            }
            match (own.summary, detail.summary) {
                (Some(_), Some(_)) => {
                    return Err("two summaries have it, and summaries cannot be joined".to_owned());
                }
                (own_summary, other) => own.summary = own_summary.or(other),
            }
        }
        Ok(())
    }

    fn items(&self) -> usize {
        let of = |detail: &Detail| {
            let count = |named: &Option<BTreeMap<u32, BTreeMap<String, u64>>>| {
                named
                    .iter()
                    .flatten()
                    .map(|(_, named)| named.len())
                    .sum::<usize>()
            };
            count(&detail.branches) + count(&detail.functions) + 1
        };
        self.lines.len() + self.providers.values().map(of).sum::<usize>()
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, hits: u64) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(hits);
}

/// Of each line what the provider tells that knows most of it, and of equals the one that saw most of it reached. Nothing is
/// ever added up over providers: they count the same thing in different ways.
fn best<'a>(
    providers: impl Iterator<Item = &'a BTreeMap<u32, BTreeMap<String, u64>>>,
) -> BTreeMap<u32, &'a BTreeMap<String, u64>> {
    let weight =
        |named: &BTreeMap<String, u64>| (named.len(), named.values().filter(|hits| **hits > 0).count());
    let mut chosen: BTreeMap<u32, &BTreeMap<String, u64>> = BTreeMap::new();
    for (line, named) in providers.flatten() {
        let known = chosen.entry(*line).or_insert(named);
        if weight(named) > weight(known) {
            *known = named;
        }
    }
    chosen
}

/// What tests reached, by file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    files: BTreeMap<String, FileCoverage>,
    /// Lines, branches, functions and files that are held.
    #[serde(skip)]
    held: usize,
    /// The same that were told, known ones again.
    #[serde(skip)]
    told: u64,
}

impl Coverage {
    /// Every file.
    pub const fn files(&self) -> &BTreeMap<String, FileCoverage> {
        &self.files
    }

    /// How much was told so far, known things again.
    pub const fn told(&self) -> u64 {
        self.told
    }

    /// Every provider of any file.
    pub fn providers(&self) -> BTreeSet<&str> {
        self.files.values().flat_map(FileCoverage::providers).collect()
    }

    fn grow(&mut self) -> Result<(), String> {
        self.held += 1;
        if self.held > MOST_ITEMS {
            return Err(format!(
                "it has more than {MOST_ITEMS} lines, branches and functions"
            ));
        }
        Ok(())
    }

    /// Notes that a provider tells of a file, even if that has nothing that could run.
    ///
    /// # Errors
    /// There are too many files, or the path is no path.
    pub fn file(&mut self, path: &str, provider: &str) -> Result<(), String> {
        self.told += 1;
        if !self.files.contains_key(path) {
            if self.files.len() >= MOST_FILES {
                return Err(format!("it has more than {MOST_FILES} files"));
            }
            if path.is_empty() || path.len() > MOST_PATH_BYTES {
                return Err("a file without a name, or with one that is too long".to_owned());
            }
            self.files.insert(path.to_owned(), FileCoverage::default());
        }
        let known = self
            .files
            .get(path)
            .is_some_and(|file| file.providers.contains_key(provider));
        if !known {
            self.grow()?;
            self.detail(path, provider);
        }
        Ok(())
    }

    fn detail(&mut self, path: &str, provider: &str) -> Option<&mut Detail> {
        let file = self.files.get_mut(path)?;
        if !file.providers.contains_key(provider) {
            file.providers.insert(provider.to_owned(), Detail::default());
        }
        file.providers.get_mut(provider)
    }

    /// Adds how often a line ran.
    ///
    /// # Errors
    /// There are too many.
    pub fn line(&mut self, path: &str, provider: &str, line: u32, hits: u64) -> Result<(), String> {
        self.file(path, provider)?;
        let Some(file) = self.files.get_mut(path) else {
            return Ok(());
        };
        let before = file.lines.len();
        add(&mut file.lines, line, hits);
        if file.lines.len() > before {
            self.grow()?;
        }
        Ok(())
    }

    /// Notes that a provider knows the branches or functions of a file, even if there is none.
    ///
    /// # Errors
    /// There are too many files.
    pub fn knows(&mut self, path: &str, provider: &str, kind: Kind) -> Result<(), String> {
        self.file(path, provider)?;
        let Some(detail) = self.detail(path, provider) else {
            return Ok(());
        };
        match kind {
            Kind::Lines => {}
            Kind::Branches => _ = detail.branches.get_or_insert_default(),
            Kind::Functions => _ = detail.functions.get_or_insert_default(),
        }
        Ok(())
    }

    /// Adds how often a branch was taken. `name` tells it from others that the provider sees on that line.
    ///
    /// # Errors
    /// There are too many.
    pub fn branch(
        &mut self,
        path: &str,
        provider: &str,
        line: u32,
        name: &str,
        hits: u64,
    ) -> Result<(), String> {
        self.named(path, provider, Kind::Branches, (line, name, hits))
    }

    /// Adds how often a function was entered; the line 0 stands for one that was not told.
    ///
    /// # Errors
    /// There are too many.
    pub fn function(
        &mut self,
        path: &str,
        provider: &str,
        line: u32,
        name: &str,
        hits: u64,
    ) -> Result<(), String> {
        self.named(path, provider, Kind::Functions, (line, name, hits))
    }

    fn named(
        &mut self,
        path: &str,
        provider: &str,
        kind: Kind,
        told: (u32, &str, u64),
    ) -> Result<(), String> {
        self.knows(path, provider, kind)?;
        let (line, name, hits) = told;
        let Some(detail) = self.detail(path, provider) else {
            return Ok(());
        };
        let all = if kind == Kind::Branches {
            &mut detail.branches
        } else {
            &mut detail.functions
        };
        let named = all.get_or_insert_default().entry(line).or_default();
        let before = named.len();
        add(named, kept(name), hits);
        if named.len() > before {
            self.grow()?;
        }
        Ok(())
    }

    /// Adds the shares of lines, branches and functions of a file that only numbers are known of; `None` for what is not told.
    ///
    /// # Errors
    /// There are too many, the numbers cannot be, or another summary has the file: two summaries cannot be joined.
    pub fn summary(&mut self, path: &str, provider: &str, shares: [Option<Share>; 3]) -> Result<(), String> {
        if shares.iter().flatten().any(|share| share.covered > share.total) {
            return Err(format!("it says that more of {path} was reached than there is"));
        }
        self.file(path, provider)?;
        let file = self.files.get(path).into_iter();
        if file
            .flat_map(|file| file.providers.values())
            .any(|detail| detail.summary.is_some())
        {
            return Err(format!("two summaries have {path}; summaries cannot be joined"));
        }
        if let Some(detail) = self.detail(path, provider) {
            detail.summary = Some(shares);
        }
        Ok(())
    }

    /// Takes what another run reached.
    ///
    /// # Errors
    /// Together they are too many, or both have only a summary of the same file.
    pub fn join(&mut self, other: Self) -> Result<(), String> {
        self.told = self.told.saturating_add(other.files.len() as u64);
        for (path, file) in other.files {
            let own = self.files.entry(path.clone()).or_default();
            own.join(file).map_err(|error| format!("{path}: {error}"))?;
        }
        self.check()
    }

    /// Counts again what is held, which whoever read it from a stranger has to do.
    ///
    /// # Errors
    /// It is too many.
    pub fn check(&mut self) -> Result<(), String> {
        self.held = self.files.values().map(FileCoverage::items).sum();
        if self.held > MOST_ITEMS || self.files.len() > MOST_FILES {
            return Err(format!(
                "there are more than {MOST_ITEMS} lines, branches and functions, or more than {MOST_FILES} files"
            ));
        }
        Ok(())
    }

    /// Leaves only files that are wanted.
    pub fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.files.retain(|path, _| is_wanted(path));
    }

    /// All files together.
    pub fn shares(&self) -> Shares {
        self.shares_of(|_| true)
    }

    /// The files whose path is wanted together.
    pub fn shares_of(&self, is_wanted: impl Fn(&str) -> bool) -> Shares {
        let mut all = Shares::default();
        let files = self.files.iter().filter(|(path, _)| is_wanted(path));
        files.for_each(|(_, file)| all.add(file.shares()));
        all
    }
}

#[cfg(test)]
mod tests;
