use std::{cell::RefCell, collections::BTreeSet};

use pilotage_core::{pipeline::Job, ports::Warning};

/// What a platform does in another way, as it is met.
#[derive(Default)]
pub(crate) struct Notes(RefCell<BTreeSet<Warning>>);

impl Notes {
    /// About one job.
    pub(crate) fn job(&self, job: &Job, message: impl Into<String>) {
        self.0.borrow_mut().insert(Warning {
            job: Some(job.id.clone()),
            message: message.into(),
        });
    }

    /// About the pipeline.
    pub(crate) fn whole(&self, message: impl Into<String>) {
        self.0.borrow_mut().insert(Warning {
            job: None,
            message: message.into(),
        });
    }

    /// All of it, each thing once, in order.
    pub(crate) fn into_warnings(self) -> Vec<Warning> {
        self.0.into_inner().into_iter().collect()
    }
}
