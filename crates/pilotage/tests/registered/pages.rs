//! The pages in `docs/reference` say what the program says now.

use std::{fmt::Write as _, fs};

use crate::{read, root, said};

/// Compares a page with what the program says now, or writes it anew where `UPDATE` is set.
#[track_caller]
fn assert_page(name: &str, now: &str) {
    let path = root().join("docs/reference").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, now).unwrap();
        return;
    }
    let page = fs::read_to_string(path).unwrap_or_default();
    let changed = page
        .lines()
        .zip(now.lines())
        .enumerate()
        .find(|(_, (before, now))| before != now);
    assert!(
        page == now,
        "docs/reference/{name} is not what the program says now; write it anew with \
         `UPDATE=1 cargo test -p pilotage --test registered`. First difference: {changed:?}"
    );
}

#[test]
fn the_schema_page_is_what_the_program_says() {
    assert_page("pilotage.schema.json", &said(&["schema"]));
}

#[test]
fn the_api_page_is_what_the_program_says() {
    let document = serde_json::to_string_pretty(&pilotage_web::openapi()).unwrap();
    assert_page("openapi.json", &(document + "\n"));
}

#[test]
fn the_command_page_is_what_the_program_says() {
    let mut page = "# Commands\n\nWhat `--help` says for every command. Written by \
                    `UPDATE=1 cargo test -p pilotage --test registered`; do not edit.\n"
        .to_owned();
    describe(&mut Vec::new(), &mut page);
    assert!(page.contains("## pilotage audit verify\n"), "{page}");
    assert_page("cli.md", &page);
}

/// The help of a command and of those below it, as the program lists them.
fn describe(command: &mut Vec<String>, page: &mut String) {
    let arguments = command.iter().map(String::as_str).chain(["--help"]);
    let help = said(&arguments.collect::<Vec<_>>());
    let title = ["pilotage".to_owned()]
        .iter()
        .chain(&*command)
        .cloned()
        .collect::<Vec<_>>();
    let text = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    write!(
        page,
        "\n## {}\n\n```text\n{}\n```\n",
        title.join(" "),
        text.trim_end()
    )
    .unwrap();
    for name in subcommands(&help) {
        command.push(name);
        describe(command, page);
        command.pop();
    }
}

fn subcommands(help: &str) -> Vec<String> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    // Further lines of a description stand further in.
    listed
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_guide_shows_the_receiver_as_it_is() {
    let shown = format!("```python\n{}```", read("docs/guides/receiver.py"));
    assert!(
        read("docs/guides/actions.md").contains(&shown),
        "docs/guides/actions.md shows another receiver.py"
    );
}
