use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, ExecutionError, Program, Value as Cel,
    common::ast::{EntryExpr, Expr, IdedExpr},
    objects::{Key, Map},
};
use serde_json::Value;

use crate::{Event, config::nearest};

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 4 << 10;
/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 64;
/// Most operators, dots and commas. The parser and the interpreter recurse over long chains of them.
const MAX_OPERATORS: usize = 256;
/// Deepest nesting of `all`, `exists`, `map` and the like: each level multiplies the work by the length of a list.
const MAX_LOOPS: usize = 2;

/// What an expression may name.
const VARIABLES: [&str; 2] = ["event", "data"];
const TYPES: [&str; 11] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "dyn",
];
const FUNCTIONS: [&str; 13] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
];

/// The functions and types of CEL; without time stamps and durations.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A condition in CEL (the Common Expression Language, <https://cel.dev>) over `event` and its `data`.
///
/// Numbers without a fraction are CEL's `int`. At most 4 KiB, 64 nested brackets, 256 operators and two nested loops.
pub struct Expression {
    text: String,
    program: Program,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Expression {
    /// Understands an expression.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::compile_over(text, &VARIABLES)
    }

    /// Understands an expression over other variables; see [`ExpressionScope::of`].
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn compile_over(text: &str, variables: &[&str]) -> Result<Self, String> {
        check_shape(text)?;
        // The parser is generated code that indexes and unwraps. A rule that makes it panic is a rule that is refused,
        // and no reason for the server to go down; nothing of ours is changed half-way by a panic here.
        let program = catch_unwind(|| Program::compile(text))
            .map_err(|_| "the expression cannot be understood".to_owned())?
            .map_err(|errors| first_line(&errors.to_string()))?;
        check_names(program.expression(), &mut variables.to_vec(), 0)?;
        Ok(Self {
            text: text.to_owned(),
            program,
        })
    }

    /// Decides for an event.
    ///
    /// # Errors
    /// The expression fails (a key that is not there, types that do not fit) or gives no boolean. The text holds no value
    /// of the event.
    pub fn holds(&self, scope: &ExpressionScope) -> Result<bool, String> {
        // As above: the interpreter is not ours, and one rule's panic must not stop the others.
        let result = catch_unwind(AssertUnwindSafe(|| self.program.execute(&scope.context)))
            .map_err(|_| "the expression could not be evaluated".to_owned())?;
        match result {
            Ok(Cel::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!(
                "the expression gives {}, not true or false",
                kind(&other)
            )),
            Err(error) => Err(reason(&error, &self.text)),
        }
    }
}

/// An event as expressions see it; made once and used for every rule that asks about the event.
pub struct ExpressionScope {
    context: Context<'static, 'static>,
}

impl ExpressionScope {
    /// Copies values under names of their own.
    pub fn of(variables: &[(&str, &Value)]) -> Self {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, value) in variables {
            context.add_variable_from_value(*name, from_json(value));
        }
        Self { context }
    }

    /// Copies the event into CEL's own values.
    pub fn new(event: &Event) -> Self {
        let data = from_json(&event.data);
        let facts = &event.facts;
        let attributes: HashMap<Key, Cel> = facts
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str().into(), Cel::from(value.as_str())))
            .collect();
        let fields: HashMap<Key, Cel> = [
            ("id", Cel::from(facts.id.to_string())),
            ("tenant", facts.tenant.0.as_str().into()),
            ("source", facts.source.as_str().into()),
            ("type", facts.event_type.as_str().into()),
            ("deliveryId", facts.delivery_id.as_str().into()),
            ("timestamp", facts.timestamp.to_string().into()),
            ("receivedAt", facts.received_at.to_string().into()),
            ("verified", Cel::Bool(facts.verified)),
            ("attributes", map(attributes)),
            ("data", data.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_from_value("event", map(fields));
        context.add_variable_from_value("data", data);
        Self { context }
    }
}

fn map(entries: HashMap<Key, Cel>) -> Cel {
    Cel::Map(Map {
        map: Arc::new(entries),
    })
}

/// As deep as the JSON is, which is at most 128 levels.
fn from_json(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::String(value) => value.as_str().into(),
        Value::Number(number) => number
            .as_i64()
            .map(Cel::Int)
            .or_else(|| number.as_u64().map(Cel::UInt))
            .or_else(|| number.as_f64().map(Cel::Float))
            .unwrap_or(Cel::Null),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(from_json).collect())),
        Value::Object(entries) => map(entries
            .iter()
            .map(|(key, value)| (key.as_str().into(), from_json(value)))
            .collect()),
    }
}

/// Refuses what would make the parser recurse too deep, before it sees it.
fn check_shape(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("the expression is empty".to_owned());
    }
    if text.len() > MAX_LENGTH {
        return Err(format!("an expression has at most {} KiB", MAX_LENGTH >> 10));
    }
    // Also inside of quotes: telling those apart here and in the parser could differ, and a bound needs no precision.
    let (mut depth, mut deepest, mut operators) = (0_usize, 0, 0);
    for letter in text.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '-' | '*' | '/' | '%' | '!' | '?' | '.' | ',' | '<' | '>' | '=' | '&' | '|' => {
                operators += 1;
            }
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > MAX_BRACKETS {
        return Err(format!(
            "an expression has at most {MAX_BRACKETS} nested brackets"
        ));
    }
    if operators > MAX_OPERATORS {
        return Err(format!("an expression has at most {MAX_OPERATORS} operators"));
    }
    Ok(())
}

/// Refuses unknown variables and functions, and loops nested too deep. The recursion is bounded by `check_shape`.
fn check_names<'a>(node: &'a IdedExpr, bound: &mut Vec<&'a str>, loops: usize) -> Result<(), String> {
    match &node.expr {
        Expr::Ident(name) => check_name(name, bound),
        Expr::Select(select) => check_names(&select.operand, bound, loops),
        Expr::Call(call) => {
            check_function(&call.func_name)?;
            call.target
                .iter()
                .map(AsRef::as_ref)
                .chain(&call.args)
                .try_for_each(|part| check_names(part, bound, loops))
        }
        Expr::List(list) => list
            .elements
            .iter()
            .try_for_each(|item| check_names(item, bound, loops)),
        Expr::Map(entries) => entries.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                check_names(&entry.key, bound, loops)?;
                check_names(&entry.value, bound, loops)
            }
            EntryExpr::StructField(field) => check_names(&field.value, bound, loops),
        }),
        Expr::Comprehension(each) => {
            check_names(&each.iter_range, bound, loops)?;
            if loops >= MAX_LOOPS {
                return Err(format!("an expression has at most {MAX_LOOPS} nested loops"));
            }
            let outer = bound.len();
            let names = [
                Some(&each.iter_var),
                each.iter_var2.as_ref(),
                Some(&each.accu_var),
            ];
            bound.extend(names.into_iter().flatten().map(String::as_str));
            [&each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
                .into_iter()
                .try_for_each(|part| check_names(part, bound, loops + 1))?;
            bound.truncate(outer);
            Ok(())
        }
        Expr::Struct(made) => Err(format!("the type `{}` is not known", made.type_name)),
        Expr::Literal(_) | Expr::Unspecified => Ok(()),
    }
}

fn check_name(name: &str, bound: &[&str]) -> Result<(), String> {
    let known = bound.iter().chain(&TYPES);
    if known.clone().any(|known| *known == name) {
        return Ok(());
    }
    // What CEL makes itself begins with an @.
    let variables = bound.iter().filter(|name| !name.starts_with('@'));
    let variables: Vec<_> = variables.map(|name| format!("`{name}`")).collect();
    let otherwise = format!("the variables are {}", variables.join(" and "));
    Err(unknown(name, known.copied(), &otherwise))
}

fn check_function(name: &str) -> Result<(), String> {
    // Operators are functions too, with names such as `_&&_`.
    let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    if is_operator || FUNCTIONS.contains(&name) {
        return Ok(());
    }
    Err(unknown(name, FUNCTIONS, "CEL has no such function here"))
}

fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(name, known) {
        Some(near) => format!("`{name}` is not known; did you mean `{near}`?"),
        None => format!("`{name}` is not known; {otherwise}"),
    }
}

fn kind(value: &Cel) -> &'static str {
    match value {
        Cel::List(_) => "a list",
        Cel::Map(_) => "a map",
        Cel::Int(_) | Cel::UInt(_) | Cel::Float(_) => "a number",
        Cel::String(_) => "a string",
        Cel::Null => "null",
        _ => "something else",
    }
}

/// Why an evaluation failed, without the values that CEL's own messages repeat: they are parts of a body, and faults are
/// kept longer than bodies.
fn reason(error: &ExecutionError, text: &str) -> String {
    match error {
        // A key that the expression computes is a value of the event; one that it names is not.
        ExecutionError::NoSuchKey(key) if text.contains(key.as_str()) => format!("there is no key `{key}`"),
        ExecutionError::NoSuchKey(_) => "there is no such key".to_owned(),
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::UndeclaredReference(name) => format!("`{name}` is not known"),
        ExecutionError::UnexpectedType { want, .. } => format!("expected {want}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} arguments, not {actual}")
        }
        ExecutionError::NotSupportedAsMethod { method, .. } => {
            format!("`{method}` does not fit what it is called on")
        }
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!("`{operator}` does not fit its operands")
        }
        ExecutionError::ValuesNotComparable(..) => "values of different types are compared".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(operator, ..) => format!("`{operator}` overflows"),
        ExecutionError::IndexOutOfBounds(_) => "there is no such item in the list".to_owned(),
        ExecutionError::UnsupportedIndex(..) => "the index does not fit what it is used on".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
        _ => "the evaluation failed".to_owned(),
    }
}

/// CEL's messages go on with a drawing of the expression; the place is drawn by the document already.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("ERROR: ").unwrap_or(line);
    format!(
        "not a CEL expression: {}",
        line.chars().take(200).collect::<String>()
    )
}

#[cfg(test)]
mod tests;
