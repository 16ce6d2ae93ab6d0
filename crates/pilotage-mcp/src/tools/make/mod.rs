//! Make.com: every operation of the client's catalogue as a tool, and a few that do more than one.

mod answers;
mod differences;
mod made;
mod offered;
mod places;
pub(crate) mod reading;
mod scenarios;
mod templates;

use std::sync::LazyLock;

use crate::tool::Tool;

/// Those that are made from the catalogue.
static MADE: LazyLock<Vec<Tool>> = LazyLock::new(offered::offered);

/// Every tool about Make.
pub(crate) fn tools() -> impl Iterator<Item = &'static Tool> {
    let own = [scenarios::TOOLS, places::TOOLS, templates::TOOLS];
    own.into_iter().flatten().chain(MADE.iter())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pilotage_adapters::make::client::catalogue::operations;

    use super::*;

    #[test]
    fn every_operation_is_offered_once() {
        let tools: BTreeSet<&str> = tools().map(|tool| tool.name).collect();
        let missing: Vec<&str> = operations()
            .map(|operation| operation.id)
            .filter(|id| !tools.contains(id))
            .collect();
        assert_eq!(missing, Vec::<&str>::new(), "give them a line in offered.rs");
    }

    #[test]
    fn the_tools_that_everybody_is_offered_are_short() {
        let entries = tools()
            .filter(|tool| tool.toolset.by_default)
            .map(crate::registry::Entry::new);
        let shown: Vec<_> = entries.map(|entry| entry.shown().clone()).collect();
        let sizes: Vec<(usize, String)> = shown
            .iter()
            .map(|tool| (serde_json::to_string(tool).unwrap().len(), tool.name.to_string()))
            .collect();
        let bytes: usize = sizes.iter().map(|(size, _)| size).sum();
        assert!(bytes <= 18_000, "{bytes} bytes: {sizes:?}");
    }
}
