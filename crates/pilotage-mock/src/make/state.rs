//! What the model holds: tables of JSON documents, as the categories of Make's API have little in common but that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::reply::Refusal;

/// One thing, as it is kept. Views make of it what the API shows.
pub(crate) type Row = Map<String, Value>;

/// Most rows of a table. Logs lose their oldest beyond it; everything else is refused.
const MOST_ROWS: usize = 10_000;

/// The names of all tables, for seeds.
pub(crate) const TABLES: &[&str] = &[
    "organizations",
    "teams",
    "users",
    "tokens",
    "memberships",
    "roles",
    "scenarios",
    "blueprints",
    "logs",
    "dlqs",
    "dlq-logs",
    "scenarios-folders",
    "hooks",
    "incomings",
    "connections",
    "keys",
    "data-stores",
    "records",
    "data-structures",
    "functions",
    "function-history",
    "devices",
    "templates",
    "public-templates",
    "organization-variables",
    "team-variables",
    "credential-requests",
    "credentials",
    "agents",
    "connected-systems",
    "private-spaces",
    "custom-property-structures",
    "custom-property-structure-items",
    "notifications",
    "sdk-apps",
    "sdk-parts",
];

/// Everything that survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Rows by table.
    tables: BTreeMap<String, Vec<Row>>,
    /// The highest number that a table has given out.
    #[serde(default)]
    counters: BTreeMap<String, u64>,
}

/// A field of a row; null where there is none.
pub(crate) fn field<'a>(row: &'a Row, name: &str) -> &'a Value {
    row.get(name).unwrap_or(&Value::Null)
}

/// The id of a row, as paths have it.
pub(crate) fn id_of(row: &Row) -> String {
    match field(row, "id") {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a field, a number or a text, is what a path or parameter says.
pub(crate) fn says(row: &Row, name: &str, text: &str) -> bool {
    match field(row, name) {
        Value::String(own) => own == text,
        Value::Number(own) => own.to_string() == text,
        _ => false,
    }
}

/// The object that `json!` made.
pub(crate) fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}

impl State {
    pub(crate) fn table_names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// Every row, in the order in which they came.
    pub(crate) fn rows(&self, table: &str) -> &[Row] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// Rows whose `field` is `value`.
    pub(crate) fn rows_with<'a>(
        &'a self,
        table: &str,
        field: &'a str,
        value: &'a Value,
    ) -> impl DoubleEndedIterator<Item = &'a Row> {
        self.rows(table)
            .iter()
            .filter(move |row| row.get(field) == Some(value))
    }

    pub(crate) fn find(&self, table: &str, id: &str) -> Option<&Row> {
        self.rows(table).iter().find(|row| says(row, "id", id))
    }

    pub(crate) fn find_mut(&mut self, table: &str, id: &str) -> Option<&mut Row> {
        self.tables
            .get_mut(table)?
            .iter_mut()
            .find(|row| says(row, "id", id))
    }

    /// The first row that `holds`, to be changed.
    pub(crate) fn first_mut(&mut self, table: &str, holds: impl Fn(&Row) -> bool) -> Option<&mut Row> {
        self.tables.get_mut(table)?.iter_mut().find(|row| holds(row))
    }

    /// The next number of a table; above everything that was given or seeded. Where ids are texts, rows keep theirs as `_number`.
    pub(crate) fn next_number(&mut self, table: &str) -> u64 {
        let given = |row: &Row| field(row, "id").as_u64().max(field(row, "_number").as_u64());
        let numbers = self.rows(table).iter().filter_map(given);
        let highest = numbers.max().unwrap_or(0);
        let counter = self.counters.entry(table.to_owned()).or_default();
        *counter = (*counter).max(highest) + 1;
        *counter
    }

    /// Keeps a row.
    ///
    /// # Errors
    /// The table is full.
    pub(crate) fn insert(&mut self, table: &str, row: Row) -> Result<(), Refusal> {
        let rows = self.tables.entry(table.to_owned()).or_default();
        if rows.len() >= MOST_ROWS {
            return Err(Refusal::storage_full());
        }
        rows.push(row);
        Ok(())
    }

    /// Keeps a row of a table that loses its oldest instead of growing without end.
    pub(crate) fn log(&mut self, table: &str, row: Row) {
        let rows = self.tables.entry(table.to_owned()).or_default();
        if rows.len() >= MOST_ROWS {
            rows.remove(0);
        }
        rows.push(row);
    }

    /// Takes out what `goes` and answers how many there were.
    pub(crate) fn remove(&mut self, table: &str, goes: impl Fn(&Row) -> bool) -> usize {
        let Some(rows) = self.tables.get_mut(table) else {
            return 0;
        };
        let before = rows.len();
        rows.retain(|row| !goes(row));
        before - rows.len()
    }

    pub(crate) fn remove_by_id(&mut self, table: &str, id: &str) -> bool {
        self.remove(table, |row| says(row, "id", id)) > 0
    }

    /// The organization that a row belongs to: its own, or that of its team.
    pub(crate) fn organization_of(&self, table: &str, id: &str) -> Option<u64> {
        let row = self.find(table, id)?;
        let number = |name: &str| row.get(name).and_then(Value::as_u64);
        match table {
            "organizations" => number("id"),
            "dlqs" => self.organization_of("scenarios", &number("scenarioId")?.to_string()),
            _ => number("organizationId").or_else(|| self.organization_of_team(number("teamId")?)),
        }
    }

    pub(crate) fn organization_of_team(&self, team: u64) -> Option<u64> {
        let team = self.find("teams", &team.to_string())?;
        team.get("organizationId")?.as_u64()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_never_given_twice() {
        let mut state = State::default();
        state.insert("keys", row(json!({"id": 41}))).unwrap();
        assert_eq!(state.next_number("keys"), 42);
        state.remove_by_id("keys", "41");
        assert_eq!(state.next_number("keys"), 43);
        assert_eq!(state.next_number("hooks"), 1);
    }

    #[test]
    fn tables_have_a_bound_and_logs_lose_their_oldest() {
        let mut state = State::default();
        for id in 0..=MOST_ROWS {
            state.log("logs", row(json!({"id": id})));
        }
        assert_eq!(state.rows("logs").len(), MOST_ROWS);
        assert!(state.find("logs", "0").is_none());
        assert!(state.insert("logs", Row::new()).is_err());
    }
}
