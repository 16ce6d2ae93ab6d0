use std::{collections::HashMap, sync::Arc};

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::{
    Condition, Test,
    operator::{Bound, Operator},
};
use crate::{
    config::{Problem, nearest, pointer_segment},
    rule::{Path, glob::Glob},
};

/// Deepest nesting of `all`, `any` and `not`.
const MAX_DEPTH: usize = 16;
/// Most memory of one compiled pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// Longest pattern, in bytes.
const MAX_PATTERN_LENGTH: usize = 1 << 10;

const OPERATORS: [&str; 11] = [
    "eq", "in", "not", "glob", "regex", "gt", "gte", "lt", "lte", "exists", "contains",
];

/// Compiled patterns by their text: large sets of rules repeat them, and one takes kilobytes.
#[derive(Default)]
pub(in crate::rule) struct Interned {
    globs: HashMap<String, Arc<Glob>>,
    regexes: HashMap<String, Arc<Regex>>,
}

impl Interned {
    /// A glob, compiled once.
    pub(in crate::rule) fn glob(&mut self, pattern: &str) -> Result<Arc<Glob>, String> {
        if let Some(glob) = self.globs.get(pattern) {
            return Ok(Arc::clone(glob));
        }
        let glob = Arc::new(Glob::parse(pattern)?);
        self.globs.insert(pattern.to_owned(), Arc::clone(&glob));
        Ok(glob)
    }

    /// A regular expression of the `regex` crate: linear in the text, no look-around, found anywhere unless anchored.
    fn regex(&mut self, pattern: &str) -> Result<Arc<Regex>, String> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Ok(Arc::clone(regex));
        }
        if pattern.len() > MAX_PATTERN_LENGTH {
            return Err(format!("a pattern has at most {MAX_PATTERN_LENGTH} bytes"));
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES)
            .build()
            .map_err(|error| regex_reason(pattern, &error))?;
        let regex = Arc::new(regex);
        self.regexes.insert(pattern.to_owned(), Arc::clone(&regex));
        Ok(regex)
    }
}

fn regex_reason(pattern: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("`{pattern}` takes too much memory when compiled"),
        // The last line says what; those before draw the pattern.
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            format!("`{pattern}` is no regular expression: {reason}")
        }
    }
}

/// Reads a map of conditions at `pointer`, all of which must hold.
pub(in crate::rule) fn parse_conditions(
    conditions: &Map<String, Value>,
    pointer: &str,
    interned: &mut Interned,
) -> Result<Condition, Vec<Problem>> {
    let mut reader = Reader {
        interned,
        problems: Vec::new(),
    };
    let condition = reader.all_of(conditions, pointer, 0);
    if reader.problems.is_empty() {
        Ok(condition)
    } else {
        Err(reader.problems)
    }
}

struct Reader<'a> {
    interned: &'a mut Interned,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn refuse(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn all_of(&mut self, conditions: &Map<String, Value>, pointer: &str, depth: usize) -> Condition {
        let parts = conditions
            .iter()
            .filter_map(|(key, value)| {
                self.entry(key, value, &format!("{pointer}/{}", pointer_segment(key)), depth)
            })
            .collect();
        Condition::All(parts)
    }

    fn entry(&mut self, key: &str, value: &Value, pointer: &str, depth: usize) -> Option<Condition> {
        match key {
            "all" => self.list(value, pointer, depth).map(Condition::All),
            "any" => self.list(value, pointer, depth).map(Condition::Any),
            "not" => self
                .nested(value, pointer, depth)
                .map(|condition| Condition::Not(Box::new(condition))),
            _ => match Path::parse(key) {
                Ok(path) => Some(Condition::At(self.test(path, value, pointer))),
                Err(reason) => {
                    self.refuse(Problem::at_key(pointer, reason));
                    None
                }
            },
        }
    }

    fn list(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Vec<Condition>> {
        match value.as_array() {
            Some(items) if !items.is_empty() => Some(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.nested(item, &format!("{pointer}/{index}"), depth))
                    .collect(),
            ),
            _ => {
                self.refuse(Problem::at(
                    pointer,
                    "expected a list of conditions with at least one",
                ));
                None
            }
        }
    }

    fn nested(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Condition> {
        match value.as_object() {
            _ if depth >= MAX_DEPTH => {
                let message = format!("conditions are nested deeper than {MAX_DEPTH} levels");
                self.refuse(Problem::at(pointer, message));
                None
            }
            Some(conditions) if !conditions.is_empty() => Some(self.all_of(conditions, pointer, depth + 1)),
            _ => {
                self.refuse(Problem::at(pointer, "expected conditions: a mapping of paths"));
                None
            }
        }
    }

    fn test(&mut self, path: Path, value: &Value, pointer: &str) -> Test {
        let mut test = Test {
            path,
            wanted: Vec::new(),
            forbidden: Vec::new(),
            exists: None,
            written: value.clone(),
        };
        let Some(operators) = value.as_object() else {
            test.wanted.push(Operator::Equal(value.clone()));
            return test;
        };
        if operators.is_empty() {
            self.refuse(Problem::at(pointer, "expected at least one operator").help(known_operators()));
        }
        for (name, operand) in operators {
            let pointer = format!("{pointer}/{}", pointer_segment(name));
            match name.as_str() {
                "not" => test.forbidden.push(self.forbidden(operand, &pointer)),
                "exists" => test.exists = self.exists(operand, operators.len(), &pointer),
                _ => test.wanted.extend(self.operator(name, operand, &pointer)),
            }
        }
        test
    }

    fn exists(&mut self, operand: &Value, beside: usize, pointer: &str) -> Option<bool> {
        match operand.as_bool() {
            Some(false) if beside > 1 => {
                self.refuse(Problem::at(
                    pointer,
                    "beside `exists: false` no other operator can hold",
                ));
            }
            None => self.refuse(Problem::at(pointer, "`exists` takes true or false")),
            Some(_) => {}
        }
        operand.as_bool()
    }

    /// What `not` takes: a value, a list of values, or operators.
    fn forbidden(&mut self, operand: &Value, pointer: &str) -> Vec<Operator> {
        match operand {
            Value::Array(values) => {
                if values.is_empty() {
                    self.refuse(Problem::at(pointer, "expected at least one value"));
                }
                vec![Operator::In(values.clone())]
            }
            Value::Object(operators) => {
                if operators.is_empty() {
                    self.refuse(
                        Problem::at(pointer, "expected at least one operator").help(known_operators()),
                    );
                }
                operators
                    .iter()
                    .filter_map(|(name, operand)| {
                        let pointer = format!("{pointer}/{}", pointer_segment(name));
                        if name == "exists" || name == "not" {
                            let message = format!("`{name}` does not go inside of `not`");
                            self.refuse(Problem::at_key(pointer, message));
                            return None;
                        }
                        self.operator(name, operand, &pointer)
                    })
                    .collect()
            }
            value => vec![Operator::Equal(value.clone())],
        }
    }

    fn operator(&mut self, name: &str, operand: &Value, pointer: &str) -> Option<Operator> {
        let read = match name {
            "eq" => Ok(Operator::Equal(operand.clone())),
            "contains" => Ok(Operator::Contains(operand.clone())),
            "in" => match operand.as_array() {
                Some(values) if !values.is_empty() => Ok(Operator::In(values.clone())),
                _ => Err("`in` takes a list with at least one value".to_owned()),
            },
            "glob" => pattern(name, operand)
                .and_then(|pattern| self.interned.glob(pattern))
                .map(Operator::Glob),
            "regex" => pattern(name, operand)
                .and_then(|pattern| self.interned.regex(pattern))
                .map(Operator::Regex),
            "gt" => order(Bound::Greater, name, operand),
            "gte" => order(Bound::GreaterOrEqual, name, operand),
            "lt" => order(Bound::Less, name, operand),
            "lte" => order(Bound::LessOrEqual, name, operand),
            _ => {
                let problem = Problem::at_key(pointer, format!("unknown operator `{name}`"));
                self.refuse(match nearest(name, OPERATORS) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem.help(known_operators()),
                });
                return None;
            }
        };
        read.map_err(|reason| self.refuse(Problem::at(pointer, reason)))
            .ok()
    }
}

fn known_operators() -> String {
    format!("the operators are {}", OPERATORS.join(", "))
}

fn pattern<'a>(name: &str, operand: &'a Value) -> Result<&'a str, String> {
    operand
        .as_str()
        .ok_or_else(|| format!("`{name}` takes a pattern: a string"))
}

fn order(bound: Bound, name: &str, operand: &Value) -> Result<Operator, String> {
    if operand.is_number() || operand.is_string() {
        Ok(Operator::Order(bound, operand.clone()))
    } else {
        Err(format!("`{name}` takes a number, a time stamp or a text"))
    }
}
