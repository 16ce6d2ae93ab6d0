//! What tests reached: one model for every format, thresholds on it, and what of a change they did not reach.
//!
//! A line is a line whoever tells of it: reached by any run is reached. Branches and functions are counted differently by
//! different tools, so each line keeps them apart by provider and counts them as the provider does that knows most of them.
//! What no provider told of is unknown, which is never zero.

mod changed;
mod merged;
mod model;
mod names;
mod share;
mod thresholds;

pub use changed::{Change, Changed, changed, lines_of};
pub use merged::{lcov, ranges};
pub use model::{Coverage, FileCoverage};
pub use share::{Kind, Share, Shares};
pub use thresholds::{Asked, CoverageFile, CoverageJudged, PathJudged, PathThresholds, judge};
