//! Combinations of GitLab CI.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::{
    Sheet,
    values::{id, is_variable, list, put},
};
use crate::pipelines::lint::view::{entries, items};

/// Most combinations of a matrix. Source: <https://docs.gitlab.com/ci/yaml/#parallelmatrix>.
const MAX_COMBINATIONS: usize = 200;

/// Every combination; the values of an axis come in through a variable of its name, unless it is one of rendered files.
pub(super) fn read(
    parallel: &Value,
    at: &str,
    variables: &mut Map<String, Value>,
    sheet: &mut Sheet<'_>,
) -> Value {
    if parallel.is_number() {
        sheet.leave(
            at,
            "`parallel`",
            "a definition runs a job for combinations, not a number of times",
        );
        return Value::Null;
    }
    let combinations = combinations(parallel, variables);
    let mut axes: Axes = Vec::new();
    for (axis, value) in combinations.iter().flatten() {
        match axes.iter_mut().find(|(name, _)| name == axis) {
            Some((_, values)) if values.contains(value) => {}
            Some((_, values)) => values.push(value.clone()),
            None => axes.push((axis.clone(), vec![value.clone()])),
        }
    }
    if axes.is_empty() {
        return Value::Null;
    }
    let object = |combination: &Combination| -> Value {
        Value::Object(
            combination
                .iter()
                .map(|(axis, value)| (axis.clone(), json!(value)))
                .collect(),
        )
    };
    let wanted: BTreeSet<&Combination> = combinations.iter().collect();
    let exclude: Vec<Value> = product(&axes, 4 * MAX_COMBINATIONS)
        .iter()
        .filter(|one| !wanted.contains(one))
        .map(object)
        .collect();
    let axes: Map<String, Value> = axes
        .iter()
        .map(|(name, values)| (name.clone(), json!(values)))
        .collect();
    let mut map = Map::new();
    map.insert("axes".to_owned(), Value::Object(axes));
    put(&mut map, "exclude", json!(exclude));
    Value::Object(map)
}

/// Values by the names of axes.
type Combination = Vec<(String, String)>;
type Axes = Vec<(String, Vec<String>)>;

/// Every combination of the values of axes, at most so many.
fn product(axes: &Axes, most: usize) -> Vec<Combination> {
    let mut all: Vec<Combination> = vec![Vec::new()];
    for (axis, values) in axes {
        let longer = all.iter().flat_map(|so_far| {
            values
                .iter()
                .map(|value| [so_far.as_slice(), &[(axis.clone(), value.clone())]].concat())
        });
        all = longer.take(most).collect();
    }
    all
}

/// Those that are written, by the names that the axes have in a definition.
fn combinations(parallel: &Value, variables: &mut Map<String, Value>) -> Vec<Combination> {
    let mut all = Vec::new();
    for (entry, _) in items(&parallel["matrix"], "") {
        let mut axes: Axes = Vec::new();
        for (axis, values, _) in entries(entry, "") {
            let rendered = axis.strip_prefix("MATRIX_");
            let name = rendered.map_or_else(|| id(axis), str::to_ascii_lowercase);
            if rendered.is_none() && is_variable(axis) {
                variables.insert(axis.clone(), json!(format!("${{matrix.{name}}}")));
            }
            axes.push((name, list(values)));
        }
        all.extend(product(&axes, MAX_COMBINATIONS));
    }
    all.truncate(MAX_COMBINATIONS);
    all
}
