//! How a server goes about a platform, beside what its client needs to know.

use std::time::Duration;

/// How a server goes about one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformWays {
    /// The pause between two looks at a run, in place of one that grows. Deliveries have a run looked at at once anyway.
    pub poll: Option<Duration>,
    /// The ends of runs of gates are written to their commits there.
    pub reports_gates: bool,
    /// So are those of the runs of these platforms.
    pub reports_runs: Vec<String>,
    /// Where people reach this server, for the links of what is written; without a slash at its end.
    pub public_url: Option<String>,
}
