//! Suites whose services are not up at once.

use super::{Batch, Costs, Plan};

impl Plan {
    /// Lets every lane begin with what can begin first. `ready` says of each suite after how many seconds its services are up,
    /// as far as that is known; the others can begin at once.
    #[must_use]
    pub fn after(mut self, ready: &[f64], costs: &Costs) -> Self {
        let when = |batch: &Batch| ready.get(batch.suite).copied().unwrap_or_default();
        if ready.iter().all(|seconds| *seconds <= 0.0) {
            return self;
        }
        for lane in &mut self.lanes {
            lane.sort_by(|a, b| when(a).total_cmp(&when(b)));
        }
        self.tail.sort_by(|a, b| when(a).total_cmp(&when(b)));
        let end = |at: f64, batch: &Batch| at.max(when(batch)) + costs.start(batch.suite) + batch.seconds();
        let mut ends: Vec<f64> = self.lanes.iter().map(|lane| lane.iter().fold(0.0, end)).collect();
        for batch in &self.tail {
            if let Some(first) = ends.iter_mut().min_by(|a, b| a.total_cmp(b)) {
                *first = end(*first, batch);
            }
        }
        self.makespan = ends.into_iter().fold(0.0, f64::max);
        let least = |batch: &Batch| when(batch) + costs.start(batch.suite) + batch.seconds();
        self.lower_bound = self.batches().map(least).fold(self.lower_bound, f64::max);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Task, plan};
    use super::*;

    fn task(suite: usize, seconds: f64) -> Task {
        Task {
            suite,
            file: format!("{suite}"),
            seconds,
            known: true,
            load: 0.0,
            tests: Vec::new(),
        }
    }

    #[test]
    fn what_waits_for_services_comes_later_and_is_counted() {
        let costs = Costs(vec![1.0, 1.0]);
        let tasks = [task(0, 10.0), task(1, 4.0)];
        let plan = plan(&tasks, &costs, 1);
        let first = |plan: &Plan| plan.lanes.first().unwrap().first().unwrap().suite;
        assert_eq!(first(&plan), 0);
        let later = plan.clone().after(&[8.0, 0.0], &costs);
        assert_eq!(first(&later), 1);
        // One second to start and four to run, then three of waiting, and eleven more.
        assert!((later.makespan - 19.0).abs() < 1e-9, "{}", later.makespan);
        assert!(later.lower_bound >= 19.0 - 1e-9);
        assert_eq!(plan.clone().after(&[0.0, 0.0], &costs), plan);
    }
}
