//! Names of branches and functions, which strangers choose.

use crate::Digest;

/// Longest name that is kept as it is, in bytes.
pub(super) const MOST_NAME_BYTES: usize = 120;

/// A name as it is kept: one that is too long as its beginning and a digest, so that two of them stay two.
pub(super) fn kept(name: &str) -> String {
    if name.len() <= MOST_NAME_BYTES {
        return name.to_owned();
    }
    let from = (0..=MOST_NAME_BYTES - 40)
        .rev()
        .find(|at| name.is_char_boundary(*at));
    let digest = Digest::of(name.as_bytes()).to_string();
    let short = digest.get(..32).unwrap_or(&digest);
    format!("{}…{short}", name.get(..from.unwrap_or(0)).unwrap_or_default())
}
