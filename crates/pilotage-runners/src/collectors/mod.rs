//! The collectors: one file each, one line each.

mod approvals;
mod audit;
mod branch;
mod bundler_audit;
mod bundler_outdated;
mod cargo;
mod cargo_audit;
mod cargo_outdated;
mod cargo_test;
mod command;
mod coverage;
mod junit;
mod language;
mod load;
mod npm_audit;
mod npm_outdated;
mod osv;
mod outdated;
mod pip_audit;
mod pip_outdated;
mod policy;
mod prometheus;
mod python;
mod rego;
mod ruby;
mod sarif;
mod sbom;
mod secrets;
mod typescript;
mod window;

use pilotage_core::config::{Problem, read};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::CollectorKind;

/// Every kind that there is.
pub const KINDS: &[CollectorKind] = &[
    cargo::KIND,
    typescript::KIND,
    python::KIND,
    ruby::KIND,
    junit::KIND,
    cargo_test::KIND,
    coverage::KIND,
    sarif::KIND,
    npm_audit::KIND,
    pip_audit::KIND,
    cargo_audit::KIND,
    bundler_audit::KIND,
    osv::KIND,
    npm_outdated::KIND,
    pip_outdated::KIND,
    cargo_outdated::KIND,
    bundler_outdated::KIND,
    sbom::KIND,
    prometheus::KIND,
    load::KIND,
    approvals::KIND,
    window::KIND,
    branch::KIND,
    policy::KIND,
    rego::KIND,
    secrets::KIND,
    command::KIND,
];

/// A kind that reads files and does nothing else, so that they may come from elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Readable {
    /// The name of the kind.
    pub kind: &'static str,
    /// Keys of its section that say how files are read.
    pub settings: &'static [&'static str],
    /// Whether it takes a lock file, a control and VEX documents beside its reports.
    pub is_audit: bool,
}

const fn readable(kind: &'static str, settings: &'static [&'static str]) -> Readable {
    let is_audit = false;
    Readable {
        kind,
        settings,
        is_audit,
    }
}

const fn audit_report(kind: &'static str) -> Readable {
    Readable {
        kind,
        settings: &["atLeast", "maxDatabaseAge"],
        is_audit: true,
    }
}

/// Every kind of which files may be sent.
pub const READABLE: &[Readable] = &[
    readable("junit", &["atLeast"]),
    readable("cargo-test", &["atLeast"]),
    readable("coverage", &["atLeast", "paths"]),
    readable("sarif", &["about", "atLeast", "control"]),
    readable("load", &["atLeast"]),
    audit_report("npm-audit"),
    audit_report("pip-audit"),
    audit_report("cargo-audit"),
    audit_report("bundler-audit"),
    audit_report("osv-scanner"),
];

/// A section as a `T`, or the one problem with it.
fn section<T: DeserializeOwned>(value: &Value) -> Result<T, Vec<Problem>> {
    read(value).map_err(|problem| vec![problem])
}

/// The first of the usual places that holds a file, as a section.
fn first_of(root: &std::path::Path, places: &[&str]) -> Option<Value> {
    let files = crate::reading::Files {
        files: Vec::new(),
        max_age: None,
        at_least: None,
    };
    let found = places.iter().find(|place| files.exists(root, place))?;
    Some(serde_json::json!({ "files": [found] }))
}
