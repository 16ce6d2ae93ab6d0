use std::collections::BTreeSet;

use super::{
    super::{Check, Report, view::View},
    noted,
};

pub(in super::super) const CHECK: Check = Check {
    id: "names",
    about: "Names that are here twice, or are none.",
    run,
};

fn run(view: &View, report: &mut Report<'_>) {
    noted(view, report);
    let mut seen = BTreeSet::new();
    for name in &view.names {
        if !seen.insert(&name.text) {
            let shown = name.text.rsplit('\n').next().unwrap_or_default();
            report.error(&name.at, format!("the name `{shown}` is here twice"));
        }
    }
}
