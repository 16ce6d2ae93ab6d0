//! What is read back from rendered files, and from files that nobody rendered.

use std::collections::BTreeSet;

use pilotage_adapters::pipelines::{
    import::{Imported, import},
    lint::Dialect,
    platform,
};
use pilotage_core::{
    config::Document,
    pipeline::{Action, Job, Pipeline, PipelineFile, resolve},
};

use crate::{example, pipelines};

const PLATFORMS: [(&str, Dialect); 2] = [("github", Dialect::GitHub), ("gitlab", Dialect::GitLab)];

fn read(text: &str, id: &str) -> Pipeline {
    let document = Document::parse(text).unwrap();
    let file: PipelineFile = document.read(&format!("/pipelines/{id}")).unwrap();
    resolve(id, &file).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

fn rendered(name: &str, pipeline: &Pipeline) -> String {
    platform(name).unwrap().renderer.render(pipeline).unwrap().files[0]
        .text
        .clone()
}

/// Lines of scripts without their indentation.
fn commands(job: &Job) -> BTreeSet<String> {
    let scripts = job.steps.iter().filter_map(|step| match &step.action {
        Action::Run(script) | Action::Deploy(script) => Some(script),
        _ => None,
    });
    scripts
        .flat_map(|script| script.lines())
        .map(|line| line.trim().to_owned())
        .collect()
}

fn needs(job: &Job) -> BTreeSet<String> {
    job.needs
        .iter()
        .map(|need| need.strip_suffix("_job").unwrap_or(need).to_owned())
        .collect()
}

/// The definition, and below it what could not be carried over.
fn shown(imported: &Imported) -> String {
    let left = imported
        .left
        .iter()
        .map(|left| format!("{}: {}: {}", left.line, left.what, left.why));
    format!("{}\n{}", imported.text, left.collect::<Vec<_>>().join("\n"))
}

#[test]
fn what_was_rendered_is_read_back() {
    for (name, dialect) in PLATFORMS {
        for pipeline in [example("node"), example("rust")] {
            let imported = import(dialect, "back", &rendered(name, &pipeline)).unwrap();
            let back = read(&imported.text, "back");
            assert_eq!(back.jobs.len(), pipeline.jobs.len(), "{name}");
            for job in &pipeline.jobs {
                let told = format!("{name} {}: {:#?}\n{}", job.id, imported.left, imported.text);
                // `image` is a word of GitLab, so the job has another name there.
                let other = back
                    .job(&job.id)
                    .or(back.job(&format!("{}_job", job.id)))
                    .unwrap();
                assert_eq!(needs(other), needs(job), "{told}");
                let combinations = |job: &Job| {
                    job.matrix
                        .as_ref()
                        .map(|matrix| matrix.combinations().into_iter().collect::<BTreeSet<_>>())
                };
                assert_eq!(combinations(other), combinations(job), "{told}");
                assert!(commands(other).is_superset(&commands(job)), "{told}");
                assert_eq!(
                    (&other.when.branches, &other.when.tags),
                    (&job.when.branches, &job.when.tags),
                    "{told}"
                );
                assert_eq!(
                    other.when.events.iter().collect::<BTreeSet<_>>(),
                    job.when.events.iter().collect(),
                    "{told}"
                );
                if name == "github" {
                    assert_eq!(other.when.status, job.when.status, "{told}");
                }
            }
        }
    }
}

#[test]
fn every_rendered_definition_is_read() {
    for (name, dialect) in PLATFORMS {
        for pipeline in pipelines() {
            let imported = import(dialect, "back", &rendered(name, &pipeline)).unwrap();
            assert!(Document::parse(imported.text).is_ok());
        }
    }
}

#[test]
fn what_has_no_counterpart_is_told_with_its_line() {
    let workflow = "\
on:
  push: {paths: [src/**]}
  issues: {types: [opened]}
jobs:
  build:
    runs-on: ${{ matrix.os }}
    if: github.actor == 'me'
    strategy: {matrix: {os: [ubuntu-latest, windows-latest]}}
    steps:
      - uses: actions/checkout@v4
        with: {ref: main}
      - uses: acme/thing@v1
      - run: echo ${{ github.event.issue.title }}
      - run: make ${{ matrix.os }}
        env: {TOKEN: '${{ secrets.NPM_TOKEN }}'}
";
    let imported = import(Dialect::GitHub, "ci", workflow).unwrap();
    insta::assert_snapshot!(shown(&imported));
}

#[test]
fn a_configuration_by_hand_is_read() {
    let configuration = "\
include: other.yml
stages: [build, test]
default: {image: 'node:20'}
variables:
  LEVEL: {value: low, options: [low, high], description: How much}
.base:
  before_script: [npm ci]
compile:
  stage: build
  extends: .base
  script: [npm run build, 'echo $CI_COMMIT_SHA $CI_JOB_ID']
  cache: {key: npm, paths: [.npm]}
unit test:
  stage: test
  parallel: {matrix: [{NODE: [18, 20]}]}
  script: npm test
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
    - changes: [src/**]
";
    let imported = import(Dialect::GitLab, "ci", configuration).unwrap();
    insta::assert_snapshot!(shown(&imported));
}

/// A deployment that somebody made conditional is never imported as one that runs by itself.
#[test]
fn a_job_whose_condition_cannot_be_said_does_not_run_by_itself() {
    let workflow = |condition: &str| {
        format!(
            "on: [push, workflow_dispatch]\njobs:\n  ship:\n    runs-on: ubuntu-latest\n    if: {condition}\n    steps: [{{run: ./ship}}]\n"
        )
    };
    let configuration = |rules: &str| format!("ship:\n  script: [./ship]\n  {rules}\n");
    let (hub, lab) = (Dialect::GitHub, Dialect::GitLab);
    let table = [
        (hub, workflow("github.actor == 'me'"), &["manual"][..]),
        (
            hub,
            workflow("github.ref == 'refs/heads/main' && vars.SHIP"),
            &["manual"],
        ),
        (hub, workflow("${{ !inputs.skip }}"), &["manual"]),
        (hub, workflow("github.event_name == 'push'"), &["push"]),
        (lab, configuration("rules: [{changes: [src/**]}]"), &["manual"]),
        (
            lab,
            configuration("rules: [{if: '$SHIP == \"yes\"'}]"),
            &["manual"],
        ),
        (
            lab,
            configuration("rules: [{if: '$CI_COMMIT_MESSAGE =~ /skip/', when: never}, {when: on_success}]"),
            &["manual"],
        ),
        (lab, configuration("except: [main]"), &["manual"]),
        (lab, configuration("only: [/^v/]"), &["manual"]),
        (
            lab,
            configuration("only: {refs: [main], changes: [src/**]}"),
            &["manual"],
        ),
        (
            lab,
            configuration("rules: [{if: '$CI_PIPELINE_SOURCE == \"push\"'}, {if: '$SHIP'}, {when: never}]"),
            &["push"],
        ),
        (lab, configuration("rules: [{when: on_success}]"), &[]),
    ];
    for (dialect, text, events) in table {
        let imported = import(dialect, "ci", &text).unwrap();
        let pipeline = read(&imported.text, "ci");
        let found: Vec<String> = pipeline.jobs[0]
            .when
            .events
            .iter()
            .map(|event| format!("{event:?}").to_lowercase())
            .collect();
        assert_eq!(found, events, "{text}\n{}", imported.text);
        let told = imported.left.iter().any(|left| {
            left.what.contains("of the job `ship`") && left.why.contains("started by hand") && left.line > 0
        });
        assert_eq!(told, events == ["manual"], "{text}\n{:?}", imported.left);
    }
}

#[test]
fn nothing_that_is_read_panics() {
    let texts = [
        "",
        "[]",
        "null",
        "on: 1\njobs: [1, 2]",
        "jobs: {a: 1, b: {steps: [1, null, {uses: 1}]}}",
        "a: {script: {b: c}}",
        "jobs: {a: {if: '((((', steps: [{run: '${{ ${{ }}'}]}}",
        "on: {push: {branches: '*é*'}}\njobs: {é: {steps: [{run: é}]}}",
        "a: {script: [[x, [y]]], rules: [{if: '$é == \"'}], needs: [{}]}",
        "a: {extends: a, script: b}",
        "jobs: {a: {steps: [{uses: 'docker/build-push-action@v1', with: {tags: 'é:'}}]}}",
    ];
    for text in texts {
        for (_, dialect) in PLATFORMS {
            let _ = import(dialect, "é é", text);
        }
    }
}
