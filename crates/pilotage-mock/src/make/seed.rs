//! What a mock begins with.

use pilotage_core::config::nearest;
use serde_json::Value;

use super::state::{State, TABLES};

/// A text that is no seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It is not the JSON that a seed is.
    #[error("it is not a seed: {0}")]
    Unreadable(serde_json::Error),
    /// It names a table that there is not.
    #[error("there is no table `{name}`{}", .nearest.map_or_else(String::new, |near| format!("; the nearest name is `{near}`")))]
    UnknownTable {
        /// As it was written.
        name: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A row cannot be told from the others.
    #[error("row {row} of `{table}` has no id")]
    NoId {
        /// Where it stands.
        table: String,
        /// Counted from 1.
        row: usize,
    },
    /// Nobody could call.
    #[error(
        "`tokens` needs a row such as {{\"id\": 1, \"token\": \"...\", \"userId\": 1, \"scopes\": [\"*\"]}} whose user is in `users`"
    )]
    NoToken,
}

/// What a mock holds when it starts and after `POST /__mock/reset`: `{"tables": {"scenarios": [...], ...}}`, each row as the
/// API shows it, or less. A file that a mock wrote with `--state` is a seed as well.
#[derive(Clone, Debug)]
pub struct Seed(State);

impl Seed {
    /// An organization with two teams and one of everything. The same in every version that can be helped.
    ///
    /// # Errors
    /// None: a test reads the built-in text.
    pub fn built_in() -> Result<Self, SeedError> {
        Self::parse(include_str!("seed.json"))
    }

    /// # Errors
    /// The text is no seed.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let state: State = serde_json::from_str(text).map_err(SeedError::Unreadable)?;
        for name in state.table_names() {
            check(&state, name)?;
        }
        let first = state.rows("tokens").first();
        let user = first.and_then(|token| token.get("userId")).map(Value::to_string);
        let has_text = first.is_some_and(|token| token.get("token").is_some_and(Value::is_string));
        if !has_text || user.is_none_or(|user| state.find("users", &user).is_none()) {
            return Err(SeedError::NoToken);
        }
        Ok(Self(state))
    }

    /// The first token, for whom the mock is told to.
    pub fn token(&self) -> String {
        let first = self.0.rows("tokens").first();
        let text = first.and_then(|token| token.get("token")?.as_str());
        text.unwrap_or_default().to_owned()
    }

    pub(crate) fn state(&self) -> State {
        self.0.clone()
    }
}

fn check(state: &State, name: &str) -> Result<(), SeedError> {
    if !TABLES.contains(&name) {
        return Err(SeedError::UnknownTable {
            name: name.to_owned(),
            nearest: nearest(name, TABLES.iter().copied()),
        });
    }
    let without = state.rows(name).iter().position(|row| {
        let id = row.get("id");
        !id.is_some_and(|id| id.is_u64() || id.is_string())
    });
    without.map_or(Ok(()), |at| {
        Err(SeedError::NoId {
            table: name.to_owned(),
            row: at + 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_seed_holds() {
        assert!(!Seed::built_in().unwrap().token().is_empty());
    }

    #[test]
    fn what_is_no_seed_is_named() {
        let cases = [
            ("{", "it is not a seed"),
            (r#"{"table": {}}"#, "unknown field `table`"),
            (
                r#"{"tables": {"scenario": []}}"#,
                "the nearest name is `scenarios`",
            ),
            (
                r#"{"tables": {"hooks": [{"id": 1}, {"name": "x"}]}}"#,
                "row 2 of `hooks` has no id",
            ),
            (r#"{"tables": {}}"#, "`tokens` needs a row"),
            (
                r#"{"tables": {"tokens": [{"id": 1, "token": "t", "userId": 7}]}}"#,
                "`tokens` needs a row",
            ),
        ];
        for (text, reason) in cases {
            let error = Seed::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
