//! A plan while it is being carried out: what each lane does next.

use std::collections::VecDeque;

use super::{Batch, Costs, Plan};

/// What is not yet handed out.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What has to run again, before anything else.
    again: VecDeque<Batch>,
    lanes: Vec<VecDeque<Batch>>,
    tail: VecDeque<Batch>,
    costs: Costs,
}

impl Dispatch {
    /// Begins to carry out a plan.
    pub fn new(plan: Plan, costs: Costs) -> Self {
        Self {
            again: VecDeque::new(),
            lanes: plan.lanes.into_iter().map(VecDeque::from).collect(),
            tail: plan.tail.into(),
            costs,
        }
    }

    /// What this lane does next: what runs again, its own, what is left for whoever is free, and then what the lane with the
    /// most to do has not begun. `None` when nothing waits, though a lane that is at work may still bring something back.
    pub fn next(&mut self, lane: usize) -> Option<Batch> {
        let own = |lanes: &mut Vec<VecDeque<Batch>>| lanes.get_mut(lane).and_then(VecDeque::pop_front);
        self.again
            .pop_front()
            .or_else(|| own(&mut self.lanes))
            .or_else(|| self.tail.pop_front())
            .or_else(|| self.take_over())
    }

    fn take_over(&mut self) -> Option<Batch> {
        let costs = &self.costs;
        let left = |lane: &VecDeque<Batch>| -> f64 {
            lane.iter()
                .map(|batch| batch.seconds() + costs.start(batch.suite))
                .sum()
        };
        let busiest = self.lanes.iter_mut().max_by(|a, b| left(a).total_cmp(&left(b)))?;
        busiest.pop_back()
    }

    /// Something has to run again.
    pub fn again(&mut self, batch: Batch) {
        self.again.push_back(batch);
    }
}
