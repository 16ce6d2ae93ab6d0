use std::{net::SocketAddr, path::Path};

use crate::program::quoted;

/// What the closing words of the demonstration point at.
pub(super) struct Hints<'a> {
    /// The program as it is typed.
    pub(super) program: &'a str,
    /// Where the server listens.
    pub(super) address: SocketAddr,
    /// Where this demonstration keeps its state.
    pub(super) data_dir: &'a Path,
    /// An execution worth looking at, and its event.
    pub(super) shown: Option<(String, String)>,
    /// The server goes on after the demonstration, so that it can be asked.
    pub(super) stays: bool,
}

impl Hints<'_> {
    /// One aligned line for each command, with what it does.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut commands = Vec::new();
        let server = if self.address.to_string() == "127.0.0.1:8080" {
            String::new()
        } else {
            format!(" --server http://{}", self.address)
        };
        if self.stays {
            if let Some((execution, event)) = &self.shown {
                commands.push((
                    format!("execution show {execution}{server}"),
                    "every attempt with its answer",
                ));
                commands.push((format!("event replay {event}{server}"), "act on its event again"));
            }
            commands.push((format!("event list --unhandled{server}"), "what no rule matched"));
        } else {
            commands.push((
                "up --demo".to_owned(),
                "the same, and keep running to be looked at",
            ));
        }
        commands.push((
            format!("audit verify --data-dir {}", quoted(self.data_dir)),
            "check the audit trail, offline",
        ));
        commands.push(("init".to_owned(), "start with a configuration of your own"));
        let width = commands
            .iter()
            .map(|(command, _)| command.len())
            .max()
            .unwrap_or(0);
        commands
            .into_iter()
            .map(|(command, what)| format!("  {} {command:width$}  {what}", self.program))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(address: &str, stays: bool) -> String {
        let hints = Hints {
            program: "target/release/pilotage",
            address: address.parse().unwrap(),
            data_dir: Path::new("state/demo"),
            shown: Some(("X".to_owned(), "E".to_owned())),
            stays,
        };
        hints.lines().join("\n")
    }

    #[test]
    fn every_hint_can_be_typed_as_it_stands() {
        insta::assert_snapshot!(hints("127.0.0.1:8080", true), @"
          target/release/pilotage execution show X                    every attempt with its answer
          target/release/pilotage event replay E                      act on its event again
          target/release/pilotage event list --unhandled              what no rule matched
          target/release/pilotage audit verify --data-dir state/demo  check the audit trail, offline
          target/release/pilotage init                                start with a configuration of your own
        ");
        insta::assert_snapshot!(hints("127.0.0.1:9000", false), @"
          target/release/pilotage up --demo                           the same, and keep running to be looked at
          target/release/pilotage audit verify --data-dir state/demo  check the audit trail, offline
          target/release/pilotage init                                start with a configuration of your own
        ");
        assert!(hints("127.0.0.1:9000", true).contains("show X --server http://127.0.0.1:9000 "));
    }
}
