//! `cargo`: build and lint of a Rust workspace, by running `cargo build` and `cargo clippy` and reading their messages
//! (`--message-format=json`, The Cargo Book, "External tools").

use std::{collections::BTreeSet, path::Path};

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Evidence, Measured, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::section;
use crate::{
    Collector, CollectorKind, Input, Measures, Site,
    process::{self, Ran},
    reading::{Proof, brief, count},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "cargo",
    build,
    detect: |root: &Path| root.join("Cargo.toml").is_file().then(|| json!({})),
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const METRICS: &[(&str, Unit)] = &[
    ("build_success", Unit::Bool),
    ("compile_errors", Unit::Count),
    ("build_time", Unit::Seconds),
    ("lint_errors", Unit::Count),
    ("lint_warnings", Unit::Count),
];
/// Most findings that are named.
const MAX_NAMES: usize = 10;

#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Arguments of `cargo build`; `--workspace` where nothing is given.
    #[serde(default)]
    build: Option<Vec<String>>,
    /// Arguments of `cargo clippy`; `--workspace --all-targets` where nothing is given.
    #[serde(default)]
    lint: Option<Vec<String>>,
    /// Environment variables that cargo is given beside the harmless ones.
    #[serde(default)]
    env: Vec<String>,
}

struct Cargo(Section);

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    Ok(Box::new(Cargo(section(value)?)))
}

/// What the messages of one run say.
#[derive(Default)]
struct Said {
    finished: Option<bool>,
    packages: BTreeSet<String>,
    errors: BTreeSet<String>,
    lint_errors: BTreeSet<String>,
    warnings: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    success: Option<bool>,
    #[serde(default)]
    package_id: Option<String>,
    #[serde(default, rename = "message")]
    diagnostic: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    message: String,
    level: String,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u64,
    column_start: u64,
    is_primary: bool,
}

#[async_trait]
impl Collector for Cargo {
    fn measures(&self) -> Measures {
        METRICS
            .iter()
            .map(|(name, unit)| ((*name).to_owned(), *unit))
            .collect()
    }

    fn input(&self, _: &Site) -> Option<Input> {
        let version = |program: &str| vec![program.to_owned(), "-vV".to_owned()];
        let usual = ["RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS"].map(str::to_owned);
        Some(Input {
            settings: format!("{:?}", self.0),
            versions: vec![version("cargo"), version("rustc")],
            variables: self.0.env.iter().cloned().chain(usual).collect(),
            ..Input::default()
        })
    }

    async fn collect(&self, site: &Site) -> Measured {
        let version = version(site).await;
        let built = self
            .run(site, "build", self.0.build.as_deref(), &["--workspace"])
            .await;
        let mut measured = built_measures(built, version.as_ref());
        let linted = self
            .run(
                site,
                "clippy",
                self.0.lint.as_deref(),
                &["--workspace", "--all-targets"],
            )
            .await;
        measured.extend(lint_measures(linted, version.as_ref()));
        measured
    }
}

async fn version(site: &Site) -> Option<String> {
    let ran = process::run("cargo", &["--version".to_owned()], &site.root, &[])
        .await
        .ok()?;
    let text = String::from_utf8_lossy(&ran.out).trim().to_owned();
    Some(brief(text.strip_prefix("cargo ").unwrap_or(&text)))
}

impl Cargo {
    async fn run(
        &self,
        site: &Site,
        verb: &str,
        own: Option<&[String]>,
        usual: &[&str],
    ) -> Result<(Ran, Said), String> {
        if !site.root.join("Cargo.toml").is_file() {
            return Err("there is no Cargo.toml".to_owned());
        }
        let mut arguments = vec![verb.to_owned(), "--message-format=json".to_owned()];
        match own {
            Some(own) => arguments.extend_from_slice(own),
            None => arguments.extend(usual.iter().map(ToString::to_string)),
        }
        let ran = process::run("cargo", &arguments, &site.root, &self.0.env).await?;
        let mut said = Said::default();
        String::from_utf8_lossy(&ran.out)
            .lines()
            .for_each(|line| said.line(line));
        if said.finished.is_none() {
            return Err(format!(
                "`cargo {verb}` did not get as far as building: {}",
                ran.said
            ));
        }
        Ok((ran, said))
    }
}

impl Said {
    fn line(&mut self, line: &str) {
        // Build scripts may write lines of their own between the messages.
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return;
        };
        match message.reason.as_str() {
            "build-finished" => self.finished = message.success,
            // Packages of the workspace have ids with `path+`; those from elsewhere are not what is judged.
            "compiler-artifact" => {
                self.packages
                    .extend(message.package_id.filter(|id| id.starts_with("path+")));
            }
            "compiler-message" => self.diagnostic(message.diagnostic),
            _ => {}
        }
    }

    fn diagnostic(&mut self, found: Option<Diagnostic>) {
        let Some(found) = found else { return };
        let place = found.spans.iter().find(|span| span.is_primary);
        let place = place.map_or_else(String::new, |span| {
            format!("{}:{}:{}: ", span.file_name, span.line_start, span.column_start)
        });
        let code = found.code.as_ref().map(|code| code.code.as_str());
        // Errors of the compiler have no code or one like E0308; what has a name is a lint.
        let is_lint = code.is_some_and(|code| !is_error_code(code));
        // The compiler counts its findings at the end, without a place: that is no finding.
        if found.spans.is_empty()
            && (found.message.contains("emitted") || found.message.starts_with("aborting due to"))
        {
            return;
        }
        // The same code is looked at for several targets.
        let text = brief(&format!("{place}{}", found.message));
        match (found.level.as_str(), is_lint) {
            ("error", true) => self.lint_errors.insert(text),
            ("error" | "error: internal compiler error", false) => self.errors.insert(text),
            ("warning", _) => self.warnings.insert(text),
            _ => false,
        };
    }
}

fn is_error_code(code: &str) -> bool {
    code.strip_prefix('E')
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn proof(ran: &Ran, version: Option<&String>) -> Proof {
    let tool = Tool {
        name: "cargo".to_owned(),
        version: version.cloned(),
    };
    Proof::of_run(tool, &ran.out, 1)
}

fn named(found: &BTreeSet<String>) -> Vec<String> {
    found.iter().take(MAX_NAMES).cloned().collect()
}

fn built_measures(built: Result<(Ran, Said), String>, version: Option<&String>) -> Measured {
    let names = ["build_success", "compile_errors", "build_time"];
    let (ran, said) = match built {
        Ok(built) => built,
        Err(reason) => return names.map(|name| (name.to_owned(), Err(reason.clone()))).into(),
    };
    let went_through = said.finished == Some(true) && ran.code == Some(0);
    // A build that fails at once has built nothing, and still was looked at.
    let packages = if went_through {
        said.packages.len() as u64
    } else {
        said.packages.len().max(1) as u64
    };
    let failures: BTreeSet<_> = said.errors.union(&said.lint_errors).cloned().collect();
    let proof = proof(&ran, version);
    let evidence = |value, unit, notes: &[String]| proof.evidence(value, unit, (packages, "packages"), notes);
    let time: Result<Evidence, String> = if went_through {
        Ok(evidence(Value::Number(ran.seconds), Unit::Seconds, &[]))
    } else {
        Err("the build did not go through, so its time says nothing".to_owned())
    };
    let errors = failures.len() as u64;
    let counted = if went_through || errors > 0 {
        Ok(evidence(count(errors), Unit::Count, &named(&failures)))
    } else {
        Err(format!(
            "the build failed without an error of the compiler: {}",
            ran.said
        ))
    };
    Measured::from([
        (
            "build_success".to_owned(),
            Ok(evidence(Value::Bool(went_through), Unit::Bool, &[])),
        ),
        ("compile_errors".to_owned(), counted),
        ("build_time".to_owned(), time),
    ])
}

fn lint_measures(linted: Result<(Ran, Said), String>, version: Option<&String>) -> Measured {
    let names = ["lint_errors", "lint_warnings"];
    let none = |reason: String| names.map(|name| (name.to_owned(), Err(reason.clone()))).into();
    let (ran, said) = match linted {
        Ok(linted) => linted,
        Err(reason) => return none(reason),
    };
    if !said.errors.is_empty() {
        return none("the code does not compile, so the linter did not look at it".to_owned());
    }
    let went_through = said.finished == Some(true) && ran.code == Some(0);
    if !went_through && said.lint_errors.is_empty() {
        return none(format!("`cargo clippy` failed without a finding: {}", ran.said));
    }
    // With an error in one package those that need it are not looked at; what was found stands all the same.
    let packages = if went_through {
        said.packages.len() as u64
    } else {
        said.packages.len().max(1) as u64
    };
    let proof = proof(&ran, version);
    let answer = |found: &BTreeSet<String>| {
        Ok(proof.evidence(
            count(found.len() as u64),
            Unit::Count,
            (packages, "packages"),
            &named(found),
        ))
    };
    Measured::from([
        ("lint_errors".to_owned(), answer(&said.lint_errors)),
        ("lint_warnings".to_owned(), answer(&said.warnings)),
    ])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Said;

    const MESSAGE: &str = r#"{"reason":"compiler-message","package_id":"path+file:///p#a@0.1.0","message":{"message":"mismatched types","code":{"code":"E0308","explanation":"x"},"level":"error","spans":[{"file_name":"src/lib.rs","line_start":1,"column_start":18,"is_primary":true}],"children":[],"rendered":"e"}}"#;

    #[test]
    fn a_message_is_an_error() {
        let mut said = Said::default();
        said.line(MESSAGE);
        assert_eq!(said.errors.len(), 1);
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(from in 0..MESSAGE.len(), to in 0..MESSAGE.len(), with in "[0-9e\\-]{0,30}|\\PC{0,20}|\\[{1,2000}") {
            let (from, to) = (from.min(to), from.max(to));
            let mut said = Said::default();
            said.line(&format!("{}{with}{}", &MESSAGE[..from], &MESSAGE[to..]));
            prop_assert!(said.errors.iter().chain(&said.lint_errors).chain(&said.warnings).all(|text| text.len() < 2_048));
        }
    }
}
