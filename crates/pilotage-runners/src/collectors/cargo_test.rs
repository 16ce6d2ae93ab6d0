//! `cargo-test`: tests, from what `cargo test` wrote.

use crate::{CollectorKind, collectors::junit, reports::libtest};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "cargo-test",
    build: |value| junit::build_for(value, libtest::read, "cargo test"),
    detect: |_| None,
    schema: <crate::reading::Files as schemars::JsonSchema>::json_schema,
};
