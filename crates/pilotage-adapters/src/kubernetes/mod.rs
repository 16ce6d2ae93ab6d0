//! Kubernetes.

pub(crate) mod webhook;
