# What people and machines run here. Nothing but Rust is needed for `cargo test --workspace`;
# `just ci` fetches what the full suite needs on top.

# Shows the recipes.
default:
    @just --list

# Formats the code.
fmt:
    cargo fmt --all

# Fails where the code is not formatted.
fmt-check:
    cargo fmt --all --check

# Every lint is an error.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Every test that needs nothing installed.
test:
    cargo test --workspace --locked --no-fail-fast

# Our own documentation, every broken link an error.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences, banned crates and sources; offline, so without advisories (deny.toml says why).
deny:
    cargo-deny --offline --locked check --hide-inclusion-graph bans licenses sources

# Spelling.
typos:
    typos

# The suites in JavaScript, Python and Ruby, by `pilotage test run`; with what `just ci` has fetched.
suites:
    cargo build --quiet --locked --bin pilotage
    ln -sfn "$PWD/target/ci/js-runners/node_modules" suites/vitest/node_modules
    cd suites && PYTHONPATH="$PWD/../target/ci/python" ../target/debug/pilotage test run

# This repository by its own quality gates; of tests it reads what `just ci` has just left.
gates:
    cargo run --quiet --locked -- gate run --env staging --config .ci/gates/pilotage.yaml

# Measures against references in the same run; benches/README.md says how to read the table.
bench *args:
    cargo build --release --locked -p pilotage -p pilotage-benches
    target/release/bench {{ args }}

# Everything, on a machine that has only Rust, Node with npm and Python with pip. A skipped test is a failure.
ci:
    .ci/run
