//! Where histories lie: a file of JSON, read with bounds and written whole or not at all.

use std::{fs, io::Write as _, path::Path};

use pilotage_core::testing::{History, MachineClass};

/// Longest history that is read, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// Machines that are about as fast as this one: operating system, processor, cores.
pub fn machine_class() -> MachineClass {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    MachineClass(format!(
        "{}-{}-{cores}",
        std::env::consts::OS,
        std::env::consts::ARCH
    ))
}

/// Reads a history; there is none before the first run.
///
/// # Errors
/// It cannot be read, is too long, or is none; the text is for people.
pub fn read_history(path: &Path) -> Result<History, String> {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(format!("cannot read {shown}: {error}")),
        Ok(meta) if meta.len() > MOST_BYTES => {
            return Err(format!("{shown} is longer than {} MiB", MOST_BYTES >> 20));
        }
        Ok(_) => {}
    }
    let text = fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| format!("{shown} is no history of tests: {error}"))
}

/// Writes a history whole, so that whoever reads it meanwhile finds the one before.
///
/// # Errors
/// It cannot be written; the text is for people.
pub fn write_history(path: &Path, history: &History) -> Result<(), String> {
    let write = || -> std::io::Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let is_new = !folder.exists();
        fs::create_dir_all(folder)?;
        if is_new {
            // What is learnt on one machine is not for the repository, unless somebody commits it on purpose.
            fs::write(folder.join(".gitignore"), "*\n")?;
        }
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, history)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| format!("cannot write {}: {error}", path.display()))
}
