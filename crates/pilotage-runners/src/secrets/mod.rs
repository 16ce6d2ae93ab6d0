//! Secrets that stand where everybody can read them: in the files of a repository, and in what its commits added.
//!
//! One pass of Aho-Corasick over the bytes finds anchors: prefixes of tokens whose formats their vendors publish, headers of
//! private keys, addresses, and words such as `password` in names. Each anchor is then looked at by a cheap reader that goes
//! forward from it and never back, so the time is bounded by the length of the text. What a value is worth is judged by its
//! name, its letters and the kind of its file. No finding holds the secret: only its first characters and a keyed fingerprint.

mod addresses;
mod assignment;
mod clues;
pub mod control;
mod file_kind;
mod formats;
mod history;
mod keys;
mod letters;
mod names;
mod permitted;
mod reader;
mod scanner;
mod search;
mod token;
mod tree;
mod value;

pub use history::scan_commits;
pub use permitted::{Permit, Permitted};
pub use scanner::{Finding, Place, Scanner};
pub use search::{Outcome, Search};
pub use tree::{Looked, scan_tree};
