//! What each step does here: commands are run, and what only a platform can do is said in a line.

use pilotage_core::pipeline::{Action, Step, Template, Tool, script};

use super::{environment::Environment, files::Patterns};

/// What a step comes to on this machine.
#[derive(Debug)]
pub(crate) enum Doing {
    /// Says something.
    Say(String),
    /// Commands for bash.
    Run(String),
    /// Copies files out of the tree, under a name.
    Keep(String, Patterns),
    /// Copies files that were kept under a name to a folder.
    Bring(String, String),
    /// Tells which version of a tool there is, beside the one that is asked for.
    Version(Tool, String),
}

/// What a step comes to. `fill` fills in templates; reports are kept under the name `reports`.
///
/// # Errors
/// A pattern is none; the text is for people.
pub(crate) fn doing(
    step: &Step,
    deploys: bool,
    reports: &str,
    fill: &impl Fn(&Template) -> String,
) -> Result<Vec<Doing>, String> {
    let keep =
        |name: &str, paths: &[String]| Patterns::new(paths).map(|paths| Doing::Keep(name.to_owned(), paths));
    Ok(match &step.action {
        Action::Run(commands) => vec![Doing::Run(commands.clone())],
        Action::Deploy(commands) if deploys => vec![Doing::Run(commands.clone())],
        Action::Deploy(_) => vec![Doing::Say("deploy: not from here; --deploy does it".to_owned())],
        Action::Checkout(_) => vec![Doing::Say(
            "checkout: the files of this folder are used as they are".to_owned(),
        )],
        Action::Setup(tool, version) => vec![Doing::Version(*tool, fill(version))],
        Action::Cache(cache) => {
            vec![Doing::Say(format!(
                "cache: {} stays where it is",
                cache.paths.join(", ")
            ))]
        }
        Action::Upload(upload) => vec![keep(&fill(&upload.name), &upload.paths)?],
        Action::Download(download) => {
            vec![Doing::Bring(
                download.name.clone(),
                download.path.clone().unwrap_or_default(),
            )]
        }
        Action::Tests(tests) => vec![keep(reports, &tests.files)?],
        Action::Coverage(coverage) => {
            let judged = coverage
                .threshold
                .map(|least| Doing::Run(script::coverage(&coverage.file, least)));
            let kept = keep(reports, std::slice::from_ref(&coverage.file))?;
            judged.into_iter().chain([kept]).collect()
        }
        Action::Sarif(sarif) => vec![keep(reports, std::slice::from_ref(&sarif.file))?],
        Action::Container(container) => image(container, deploys, fill),
        Action::Gate(environment) => vec![Doing::Run(script::gate(environment))],
        Action::Notify(notify) => {
            vec![Doing::Say(format!("notify: not sent from here: {}", notify.text))]
        }
    })
}

fn image(
    container: &pilotage_core::pipeline::Container,
    deploys: bool,
    fill: &impl Fn(&Template) -> String,
) -> Vec<Doing> {
    let mut container = container.clone();
    let mut done = Vec::new();
    if container.push && !deploys {
        container.push = false;
        done.push(Doing::Say(
            "container: built, and not pushed from here; --deploy pushes it".to_owned(),
        ));
    }
    let name = fill(&container.image);
    let names: Vec<_> = container
        .tags
        .iter()
        .map(|tag| script::quote(&format!("{name}:{}", fill(tag))))
        .collect();
    if let (true, Some(login)) = (container.push, &container.login) {
        done.push(Doing::Run(script::sign_in(
            &login.user_secret,
            &login.key_secret,
            container.registry(),
        )));
    }
    done.push(Doing::Run(script::image(&container, &names).join("\n")));
    done
}

/// Secrets that a step is given here: those that it names, and those of a sign-in that takes place.
pub(crate) fn secrets(step: &Step, deploys: bool) -> Vec<String> {
    let mut names = step.secrets.clone();
    if let Action::Container(container) = &step.action
        && deploys
        && container.push
        && let Some(login) = &container.login
    {
        names.extend([login.user_secret.clone(), login.key_secret.clone()]);
    }
    if matches!(step.action, Action::Deploy(_)) && !deploys {
        names.clear();
    }
    names
}

/// The commands that tell the version of a tool.
pub(crate) fn version(tool: Tool) -> &'static str {
    match tool {
        Tool::Node => "node --version",
        Tool::Python => "python3 --version",
        Tool::Ruby => "ruby --version",
        Tool::Rust => "rustc -vV",
        Tool::Go => "go version",
        Tool::Java => "java -version",
    }
}

/// Whether what a tool says of itself is the version that is asked for: `v20.11.1` is `20`, and `1.95.0` is `1.95`.
pub(crate) fn fits(said: &str, wanted: &str) -> bool {
    let digits = |text: &str| -> Vec<u32> {
        text.trim_start_matches(['v', 'V'])
            .split('.')
            .map_while(|part| part.parse().ok())
            .collect()
    };
    let wanted = digits(wanted);
    said.split([' ', '"', '-', '\n'])
        .map(|word| digits(word.trim_start_matches("go")))
        .any(|found| !found.is_empty() && found.starts_with(&wanted))
}

/// What is said about a tool.
pub(crate) fn about(tool: Tool, wanted: &str, said: Option<&str>) -> String {
    let name = tool.name();
    match said.and_then(|said| said.lines().next()) {
        None => format!("setup: {name} {wanted} is asked for, and there is none here"),
        Some(line) if fits(line, wanted) => format!("setup: {name} of this machine is used: {line}"),
        Some(line) => format!("setup: {name} {wanted} is asked for; this machine's is used: {line}"),
    }
}

/// The way to find this program again, for steps that call it.
pub(crate) fn with_own_program(environment: &mut Environment) {
    let Some(folder) = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.to_owned()))
    else {
        return;
    };
    let path = environment.get("PATH").cloned().unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([folder]);
    if let Ok(joined) = std::env::join_paths(folders.collect::<Vec<_>>()) {
        environment.insert("PATH".to_owned(), joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_part_by_part() {
        let table = [
            ("v20.11.1", "20", true),
            ("v20.11.1", "2", false),
            ("Python 3.12.4", "3.12", true),
            ("Python 3.1.4", "3.12", false),
            ("rustc 1.95.0 (abc 2026-01-01)", "1.95", true),
            ("go version go1.22.1 linux/amd64", "1.22", true),
            ("openjdk version \"21.0.2\" 2024", "21", true),
        ];
        for (said, wanted, fitting) in table {
            assert_eq!(fits(said, wanted), fitting, "{said} {wanted}");
        }
    }
}
