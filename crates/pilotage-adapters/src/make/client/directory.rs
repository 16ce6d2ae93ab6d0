//! Which organization a call counts among, as far as answers have told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use super::{
    operation::{Answer, Bucket, Operation},
    pace::Lane,
    request::Arguments,
};

/// Most things whose owner is remembered; beyond that all are forgotten, and learnt anew.
const MOST_OWNED: usize = 20_000;
/// Most organizations with a lane of their own; any further ones share one.
const MOST_LANES: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Team(u64),
    Organization(u64),
}

/// Who owns what, and the lane of each organization.
///
/// A call that is about a scenario does not say of which organization it is. Until an answer has told, such a call counts
/// among those of the first organization that was named: for an account with one organization that is always right, and for
/// one with several it asks for too little rather than for too much.
#[derive(Debug, Default)]
pub(super) struct Directory(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    owners: HashMap<(String, u64), Owner>,
    /// The organization that shares its lane with what is not known.
    first: Option<u64>,
    shared: Arc<Lane>,
    account: Arc<Lane>,
    lanes: HashMap<u64, Arc<Lane>>,
}

impl Directory {
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The lane of a call; `None` if it is exempt.
    pub(super) fn lane(&self, operation: &Operation, arguments: &Arguments) -> Option<Arc<Lane>> {
        self.with(|known| match operation.bucket {
            Bucket::Exempt => None,
            Bucket::Account => Some(known.account.clone()),
            Bucket::Organization => Some(known.lane_of(operation, arguments)),
        })
    }

    /// Takes in what an answer says about who owns what.
    pub(super) fn learn(&self, operation: &Operation, answer: &Value) {
        let (Answer::One(key, _) | Answer::List(key, _)) = operation.answer else {
            return;
        };
        let noun = key.trim_end_matches('s');
        let part = operation.part(answer);
        let entries = part
            .as_array()
            .map_or_else(|| std::slice::from_ref(part), Vec::as_slice);
        self.with(|known| entries.iter().for_each(|entry| known.learn(noun, entry)));
    }
}

impl Known {
    fn lane_of(&mut self, operation: &Operation, arguments: &Arguments) -> Arc<Lane> {
        let Some(organization) = self.organization(operation, arguments) else {
            return self.shared.clone();
        };
        if *self.first.get_or_insert(organization) == organization || self.lanes.len() >= MOST_LANES {
            return self.shared.clone();
        }
        self.lanes.entry(organization).or_default().clone()
    }

    fn organization(&self, operation: &Operation, arguments: &Arguments) -> Option<u64> {
        let named = |name: &str| arguments.get(name).and_then(Value::as_u64);
        if let Some(organization) = named("organizationId") {
            return Some(organization);
        }
        operation.parameters.iter().find_map(|parameter| {
            let noun = parameter.name.strip_suffix("Id")?;
            self.owner(noun, named(parameter.name)?)
        })
    }

    fn owner(&self, noun: &str, id: u64) -> Option<u64> {
        match self.owners.get(&(noun.to_owned(), id))? {
            Owner::Organization(id) => Some(*id),
            Owner::Team(team) => match self.owners.get(&("team".to_owned(), *team))? {
                Owner::Organization(id) => Some(*id),
                Owner::Team(_) => None,
            },
        }
    }

    fn learn(&mut self, noun: &str, entry: &Value) {
        let number = |name: &str| entry.get(name).and_then(Value::as_u64);
        let Some(id) = number("id") else {
            return;
        };
        if noun == "organization" {
            for team in entry["teams"].as_array().into_iter().flatten() {
                if let Some(team) = team["id"].as_u64() {
                    self.keep("team", team, Owner::Organization(id));
                }
            }
        }
        let organization = number("organizationId").map(Owner::Organization);
        if let Some(owner) = organization.or_else(|| number("teamId").map(Owner::Team)) {
            self.keep(noun, id, owner);
        }
    }

    fn keep(&mut self, noun: &str, id: u64, owner: Owner) {
        if self.owners.len() >= MOST_OWNED {
            self.owners.clear();
        }
        self.owners.insert((noun.to_owned(), id), owner);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::make::client::catalogue::find;

    #[test]
    fn what_answers_told_decides_the_lane() {
        let directory = Directory::default();
        let lane = |id: &str, arguments: Value| {
            let Value::Object(arguments) = arguments else {
                panic!()
            };
            directory.lane(find(id).unwrap(), &arguments)
        };
        let is_same = |left: &Option<Arc<Lane>>, right: &Option<Arc<Lane>>| match (left, right) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            _ => false,
        };
        let unknown = lane("get-scenario", json!({"scenarioId": 1}));
        let first = lane("get-organization", json!({"organizationId": 7}));
        assert!(
            is_same(&unknown, &first),
            "what is unknown counts among the first"
        );
        let organizations =
            json!({"organizations": [{"id": 7, "teams": []}, {"id": 8, "teams": [{"id": 80}]}]});
        directory.learn(find("list-organizations").unwrap(), &organizations);
        let second = lane("list-scenarios", json!({"teamId": 80}));
        assert!(!is_same(&first, &second));
        let scenarios = json!({"scenarios": [{"id": 1, "teamId": 80}]});
        directory.learn(find("list-scenarios").unwrap(), &scenarios);
        assert!(is_same(&second, &lane("get-scenario", json!({"scenarioId": 1}))));
        assert!(is_same(
            &second,
            &lane("get-organization", json!({"organizationId": 8}))
        ));
        assert!(!is_same(&first, &lane("list-organizations", json!({}))));
        assert!(lane("run-scenario", json!({"scenarioId": 1})).is_none());
    }

    #[test]
    fn no_answer_is_too_odd_to_learn_from() {
        let directory = Directory::default();
        for answer in [
            json!(null),
            json!([]),
            json!({"scenarios": 7}),
            json!({"scenarios": [null, {"id": "x"}]}),
        ] {
            directory.learn(find("list-scenarios").unwrap(), &answer);
        }
    }
}
