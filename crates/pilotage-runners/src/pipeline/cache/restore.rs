//! Bringing back what a task made: all of it is unpacked and checked aside first, and only then put in its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use super::{
    super::files::{Ground, Kept, Patterns, is_missing},
    entry::Entry,
};

/// Why an entry could not be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It is not as it was written.
    Damaged(String),
    /// Its files cannot be put in their places; what is there may be part of it.
    NotPlaced(String),
}

/// Files that belong to people: git keeps them, or nobody saw a job make them. They are never removed.
pub(crate) type Protected = BTreeSet<String>;

/// Makes what is on disk what the entry says; how many files had to be changed.
///
/// # Errors
/// The entry is damaged, in which case nothing was changed, or a file cannot be placed.
pub(crate) fn restore(
    entry: &mut Entry,
    ground: &Ground,
    makes: &Patterns,
    protected: &Protected,
    staging: &Path,
) -> Result<usize, Unusable> {
    let not_placed = |error: io::Error| Unusable::NotPlaced(error.to_string());
    let there = ground.list(makes).and_then(|paths| ground.snapshot(&paths));
    let there = there.map_err(not_placed)?;
    let wanted = entry.manifest.outputs.clone();
    let changed: Vec<&String> = wanted
        .iter()
        .filter(|(path, kept)| there.get(*path) != Some(*kept))
        .map(|(path, _)| path)
        .collect();
    let stale: Vec<&String> = there
        .keys()
        .filter(|path| !wanted.contains_key(*path) && !protected.contains(*path))
        .collect();
    if changed.is_empty() && stale.is_empty() {
        return Ok(0);
    }
    let aside = tempfile::tempdir_in(staging).map_err(not_placed)?;
    let places: BTreeMap<String, PathBuf> = changed
        .iter()
        .enumerate()
        .map(|(number, path)| ((*path).clone(), aside.path().join(number.to_string())))
        .collect();
    entry.unpack(&places).map_err(Unusable::Damaged)?;
    remove(ground, stale.iter().copied(), makes).map_err(not_placed)?;
    for path in &changed {
        if let (Some(kept), Some(place)) = (wanted.get(*path), places.get(*path)) {
            put(ground, path, kept, place, makes)
                .map_err(|error| Unusable::NotPlaced(format!("{path}: {error}")))?;
        }
    }
    Ok(changed.len() + stale.len())
}

/// Removes files, and folders of `makes` that have nothing in them any more.
pub(crate) fn remove<'a>(
    ground: &Ground,
    paths: impl IntoIterator<Item = &'a String>,
    makes: &Patterns,
) -> io::Result<()> {
    for path in paths {
        let full = ground.root.join(path);
        let removed = match fs::symlink_metadata(&full) {
            Ok(known) if known.is_dir() => fs::remove_dir(&full),
            Ok(_) => fs::remove_file(&full),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if !is_missing(&error) => return Err(error),
            _ => {}
        }
        let mut above = path.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            // It may hold something still, which is as it should be.
            if !makes.name(folder) || fs::remove_dir(ground.root.join(folder)).is_err() {
                break;
            }
            above = folder;
        }
    }
    Ok(())
}

fn put(ground: &Ground, path: &str, kept: &Kept, place: &Path, makes: &Patterns) -> io::Result<()> {
    let full = ground.root.join(path);
    make_way(ground, path, makes)?;
    match kept {
        Kept::File { mode, .. } => {
            fs::set_permissions(place, Permissions::from_mode(*mode))?;
            clear(&full)?;
            rename(place, &full)
        }
        Kept::Link { target } => {
            symlink(target, place)?;
            clear(&full)?;
            rename(place, &full)
        }
        Kept::Folder { mode } => {
            match fs::symlink_metadata(&full) {
                Ok(known) if known.is_dir() => {}
                Ok(_) => {
                    fs::remove_file(&full)?;
                    fs::create_dir(&full)?;
                }
                Err(_) => fs::create_dir(&full)?,
            }
            fs::set_permissions(&full, Permissions::from_mode(*mode))
        }
    }
}

/// An empty folder gives way to a file; one that holds something does not.
fn clear(full: &Path) -> io::Result<()> {
    match fs::symlink_metadata(full) {
        Ok(known) if known.is_dir() => fs::remove_dir(full),
        _ => Ok(()),
    }
}

/// Moves what was unpacked, also to another file system.
fn rename(place: &Path, full: &Path) -> io::Result<()> {
    match fs::rename(place, full) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        other => return other,
    }
    let folder = full.parent().unwrap_or(Path::new("/"));
    let aside = tempfile::tempdir_in(folder)?;
    let near = aside.path().join("file");
    if let Ok(target) = fs::read_link(place) {
        symlink(target, &near)?;
    } else {
        fs::copy(place, &near)?;
    }
    fs::rename(near, full)
}

/// Makes the folders above a path. What is no folder there gives way if it is something that the job makes.
fn make_way(ground: &Ground, path: &str, makes: &Patterns) -> io::Result<()> {
    let parts: Vec<&str> = path.split('/').collect();
    for length in 1..parts.len() {
        let above = parts.get(..length).unwrap_or_default().join("/");
        let full = ground.root.join(&above);
        match fs::symlink_metadata(&full) {
            Ok(known) if known.is_dir() => continue,
            Ok(_) if makes.name(&above) => fs::remove_file(&full)?,
            Ok(_) => {
                return Err(io::Error::other(format!(
                    "{above} is no folder, and nothing the job makes"
                )));
            }
            Err(_) => {}
        }
        fs::create_dir(&full)?;
    }
    Ok(())
}
