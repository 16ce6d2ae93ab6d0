//! The checks, a file for each.

pub(super) mod conditions;
pub(super) mod graph;
pub(super) mod injection;
pub(super) mod names;
pub(super) mod permissions;
pub(super) mod pinning;
pub(super) mod reach;
pub(super) mod secrets;
pub(super) mod shape;
pub(super) mod shell;

use super::{Report, view::View};

/// Reports what the reader of the platform has noted for this check.
fn noted(view: &View, report: &mut Report<'_>) {
    let check = report.check;
    for noted in view.noted.iter().filter(|noted| noted.check == check) {
        if noted.is_warning {
            report.warn(&noted.at, noted.message.clone());
        } else {
            report.error(&noted.at, noted.message.clone());
        }
    }
}
