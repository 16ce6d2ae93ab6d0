//! Platforms that run pipelines, as the file names them.

use std::path::Path;

use pilotage_adapters::runs::{self, PlatformScope};
use pilotage_engine::pipelines::Platforms;

use super::{Settings, SettingsError, compose::read_text};

/// The platforms of the file at `path`.
///
/// # Errors
/// The file cannot be read, or something about a platform does not hold.
pub(crate) fn platforms(path: &Path) -> Result<Platforms, SettingsError> {
    let settings = Settings::read(path)?;
    let env = |name: &str| std::env::var(name).ok();
    let scope = PlatformScope::new(&env, &read_text);
    let built = runs::build_all(&settings.file.platforms, &scope);
    let checked = built.and_then(|built| runs::ways(&settings.file.platforms).map(|_| built));
    checked.map_err(|problems| settings.problems(&problems))
}
