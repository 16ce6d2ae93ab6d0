//! Prometheus Alertmanager.

pub(crate) mod webhook;
