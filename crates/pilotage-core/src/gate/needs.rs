//! Gates that need others: the order that follows, and which need was not met.

use super::{Gate, GateFile, GateState, GateVerdict};
use crate::config::{Problem, nearest};

/// The gates in an order in which each stands behind those that it needs; beyond that they stay as they were.
///
/// # Errors
/// One needs a gate that is not there, or itself by whatever way; pointers are below `/gates`.
pub(super) fn ordered(files: &[GateFile], mut left: Vec<Gate>) -> Result<Vec<Gate>, Vec<Problem>> {
    let problems = unknown(files, &left);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut done: Vec<Gate> = Vec::new();
    while !left.is_empty() {
        let is_there = |need: &String| done.iter().any(|gate| gate.id == *need);
        let next = left.iter().position(|gate| gate.needs.iter().all(is_there));
        match next {
            Some(place) => done.push(left.remove(place)),
            None => return Err(circle(files, &left)),
        }
    }
    Ok(done)
}

fn unknown(files: &[GateFile], gates: &[Gate]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for gate in gates {
        for (place, need) in gate.needs.iter().enumerate() {
            if gates.iter().any(|other| other.id == *need) {
                continue;
            }
            let pointer = pointer(files, &gate.id, &format!("needs/{place}"));
            let problem = Problem::at(pointer, format!("there is no gate `{need}` in force"));
            let ids = gates.iter().map(|gate| gate.id.as_str());
            problems.push(match nearest(need, ids) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("a gate that is switched off cannot be needed"),
            });
        }
    }
    problems
}

fn circle(files: &[GateFile], left: &[Gate]) -> Vec<Problem> {
    let ids: Vec<_> = left.iter().map(|gate| format!("`{}`", gate.id)).collect();
    let first = left.first().map_or("", |gate| gate.id.as_str());
    let message = format!("the gates {} wait for one another", ids.join(", "));
    vec![Problem::at(pointer(files, first, "needs"), message)]
}

fn pointer(files: &[GateFile], id: &str, key: &str) -> String {
    let place = files.iter().position(|file| file.id == id);
    format!("/gates/{}/{key}", place.unwrap_or(0))
}

/// The first gate that `gate` needs and that stands in its way, as `stands` sees it. A need that is not asked in this run
/// holds nobody up.
pub fn missed<'a>(
    gate: &'a Gate,
    judged: impl Fn(&str) -> Option<&'a GateVerdict>,
    stands: impl Fn(&GateVerdict) -> bool,
) -> Option<&'a str> {
    let needs = gate.needs.iter().map(String::as_str);
    needs.into_iter().find(|need| judged(need).is_some_and(&stands))
}

/// A gate that was not looked at, since one that it needs stands in the way.
pub fn held_up(gate: &Gate, by: &str) -> GateVerdict {
    GateVerdict {
        state: GateState::NotRun,
        reason: Some(format!("it needs `{by}`, which did not pass")),
        ..super::not_run(gate)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::gate::{Metrics, resolve};

    fn gate(id: &str, needs: &[&str]) -> Value {
        let criteria = json!([{ "metric": "lint_errors", "operator": "eq", "threshold": 0 }]);
        json!({ "id": id, "needs": needs, "criteria": criteria })
    }

    fn order(gates: &[Value]) -> Result<Vec<String>, (String, String)> {
        let files: Vec<GateFile> = gates
            .iter()
            .map(|gate| serde_json::from_value(gate.clone()).unwrap())
            .collect();
        let gates = resolve(&files, &Metrics::default()).map_err(|problems| {
            let first = problems.into_iter().next().unwrap();
            (first.pointer, first.message)
        })?;
        Ok(gates.into_iter().map(|gate| gate.id).skip(5).collect())
    }

    #[test]
    fn a_gate_stands_behind_what_it_needs() {
        let gates = [
            gate("c", &["b", "build-validation"]),
            gate("a", &[]),
            gate("b", &["a"]),
        ];
        assert_eq!(order(&gates).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn a_need_that_cannot_be_met_is_refused_at_its_place() {
        let off = json!({ "id": "test-validation", "enabled": false });
        for (gates, pointer, message) in [
            (
                vec![gate("a", &["no-such-gate"])],
                "/gates/0/needs/0",
                "there is no gate `no-such-gate` in force",
            ),
            (
                vec![off, gate("a", &["test-validation"])],
                "/gates/1/needs/0",
                "there is no gate `test-validation` in force",
            ),
            (
                vec![gate("a", &["a"])],
                "/gates/0/needs",
                "the gates `a` wait for one another",
            ),
            (
                vec![gate("z", &[]), gate("a", &["b"]), gate("b", &["a"])],
                "/gates/1/needs",
                "the gates `a`, `b` wait for one another",
            ),
        ] {
            let found = order(&gates).unwrap_err();
            assert_eq!((found.0.as_str(), found.1.as_str()), (pointer, message));
        }
    }

    #[test]
    fn only_what_stands_in_the_way_holds_up() {
        let files: Vec<GateFile> =
            serde_json::from_value(json!([gate("a", &[]), gate("b", &["a"])])).unwrap();
        let gates = resolve(&files, &Metrics::default()).unwrap();
        let find = |id: &str| gates.iter().find(|gate| gate.id == id).unwrap();
        let failed = GateVerdict {
            state: GateState::Failed,
            ..crate::gate::not_run(find("a"))
        };
        let judged = |id: &str| (id == "a").then_some(&failed);
        assert_eq!(
            missed(find("b"), judged, |gate| gate.state == GateState::Failed),
            Some("a")
        );
        assert_eq!(missed(find("b"), judged, |_| false), None, "it was waived");
        assert_eq!(missed(find("b"), |_| None, |_| true), None, "nobody asked it");
        assert_eq!(missed(find("a"), judged, |_| true), None);
    }
}
