//! `pilotage test run --server`: watched while it runs, kept when it has ended, and never in the hands of the server.
//!
//! The tests are a suite that is declared: a program that answers as `go test -json` would, held up by files, so that nothing
//! here depends on a tool of others or on time.
