//! What tests reached, by file, whatever format said so. Reports of several runs are joined: reached once is reached.

use std::collections::HashMap;

use pilotage_core::Digest;

/// Most lines, branches and functions together.
const MAX_ITEMS: usize = 3_000_000;

/// What was reached, of what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Reached.
    pub covered: u64,
    /// All.
    pub total: u64,
}

/// The three shares, and of how many files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Lines.
    pub lines: Share,
    /// Branches.
    pub branches: Share,
    /// Functions.
    pub functions: Share,
    /// Source files.
    pub files: u64,
}

/// Something that tests reach or do not.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// By number.
    Line(u64),
    /// By whatever names it within its file.
    Branch(&'a str),
    /// By name.
    Function(&'a str),
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    files: HashMap<String, HashMap<Key, bool>>,
    summaries: HashMap<String, [Share; 3]>,
    items: usize,
    /// Items and files that were added, known ones again.
    pub added: u64,
    /// The formats that were read.
    pub formats: Vec<&'static str>,
}

/// Names are kept as 16 bytes of their digest: a name may be long, and there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Line(u64),
    Branch([u8; 16]),
    Function([u8; 16]),
}

impl Key {
    fn of(item: Item<'_>) -> Self {
        match item {
            Item::Line(number) => Self::Line(number),
            Item::Branch(name) => Self::Branch(short(name)),
            Item::Function(name) => Self::Function(short(name)),
        }
    }
}

fn short(name: &str) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut()
        .zip(Digest::of(name.as_bytes()).0)
        .for_each(|(to, from)| *to = from);
    half
}

impl Coverage {
    /// Notes the format of a report.
    pub fn note_format(&mut self, format: &'static str) {
        if !self.formats.contains(&format) {
            self.formats.push(format);
        }
    }

    /// Adds one item of a source file.
    ///
    /// # Errors
    /// There are too many.
    pub fn add(&mut self, file: &str, item: Item<'_>, reached: bool) -> Result<(), String> {
        self.added += 1;
        if !self.files.contains_key(file) {
            self.grow()?;
            self.files.insert(file.to_owned(), HashMap::new());
        }
        let known = self
            .files
            .get_mut(file)
            .and_then(|items| items.get_mut(&Key::of(item)));
        if let Some(known) = known {
            *known |= reached;
            return Ok(());
        }
        self.grow()?;
        if let Some(items) = self.files.get_mut(file) {
            items.insert(Key::of(item), reached);
        }
        Ok(())
    }

    /// Adds the shares of lines, branches and functions of a source file that only a summary is known of.
    ///
    /// # Errors
    /// There are too many, the numbers cannot be, or another summary has the file: two summaries cannot be joined.
    pub fn add_summary(&mut self, file: &str, shares: [Share; 3]) -> Result<(), String> {
        self.added += 1;
        self.grow()?;
        if shares.iter().any(|share| share.covered > share.total) {
            return Err(format!("it says that more of {file} was reached than there is"));
        }
        match self.summaries.insert(file.to_owned(), shares) {
            None => Ok(()),
            Some(_) => Err(format!("two summaries have {file}; summaries cannot be joined")),
        }
    }

    fn grow(&mut self) -> Result<(), String> {
        self.items += 1;
        if self.items > MAX_ITEMS {
            return Err(format!(
                "it has more than {MAX_ITEMS} lines, branches and functions"
            ));
        }
        Ok(())
    }

    /// All files together.
    pub fn shares(&self) -> Shares {
        self.shares_of(|_| true)
    }

    /// The files whose path is wanted together.
    pub fn shares_of(&self, is_wanted: impl Fn(&str) -> bool) -> Shares {
        let mut all = Shares::default();
        let files = self.files.iter().filter(|(path, _)| is_wanted(path));
        let files: Vec<_> = files.map(|(_, items)| items).collect();
        let summaries = self.summaries.iter().filter(|(path, _)| is_wanted(path));
        let summaries: Vec<_> = summaries.map(|(_, shares)| shares).collect();
        all.files = (files.len() + summaries.len()) as u64;
        for (key, reached) in files.into_iter().flatten() {
            let share = match key {
                Key::Line(_) => &mut all.lines,
                Key::Branch(_) => &mut all.branches,
                Key::Function(_) => &mut all.functions,
            };
            share.total += 1;
            share.covered += u64::from(*reached);
        }
        for [lines, branches, functions] in summaries {
            for (all, own) in [
                (&mut all.lines, lines),
                (&mut all.branches, branches),
                (&mut all.functions, functions),
            ] {
                all.total = all.total.saturating_add(own.total);
                all.covered = all.covered.saturating_add(own.covered);
            }
        }
        all
    }
}
