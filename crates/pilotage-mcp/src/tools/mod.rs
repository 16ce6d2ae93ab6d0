//! The tools: a folder for each service, in it a file for each noun.

pub(crate) mod make;
pub(crate) mod pilotage;

use crate::tool::Tool;

/// Every tool, a line for each noun.
pub(crate) static ALL: &[&[Tool]] = &[
    pilotage::status::TOOLS,
    pilotage::events::TOOLS,
    pilotage::rules::TOOLS,
    pilotage::executions::TOOLS,
    pilotage::operations::TOOLS,
    pilotage::gates::TOOLS,
    pilotage::pipelines::TOOLS,
    pilotage::test_runs::TOOLS,
    pilotage::platforms::TOOLS,
    pilotage::audit::TOOLS,
    pilotage::delivery::TOOLS,
];
