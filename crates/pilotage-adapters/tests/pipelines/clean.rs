//! What our own checks find in files without a fault: nothing.

use pilotage_adapters::pipelines::{
    lint::{self, Dialect},
    platforms,
};

use crate::pipelines;

#[test]
fn our_own_checks_find_nothing_in_what_we_write() {
    for platform in platforms() {
        for pipeline in pipelines() {
            let rendered = platform
                .renderer
                .render(&pipeline)
                .unwrap_or_else(|error| panic!("{}: {error}", pipeline.id));
            for file in rendered.files {
                let dialect = lint::dialect_of(&file.path, &file.text).unwrap();
                let found = lint::lint(dialect, &file.text);
                assert!(
                    found.is_empty(),
                    "{} {}: {found:#?}\n{}",
                    pipeline.id,
                    platform.name,
                    file.text
                );
            }
        }
    }
}

#[test]
fn the_dialect_is_known_by_name_or_by_text() {
    let table = [
        (".github/workflows/ci.yml", "", Some(Dialect::GitHub)),
        ("ci/.gitlab-ci.yml", "", Some(Dialect::GitLab)),
        ("Jenkinsfile", "", Some(Dialect::Jenkins)),
        ("azure-pipelines.yml", "", Some(Dialect::Azure)),
        ("build.yml", "trigger: none\nsteps:\n", Some(Dialect::Azure)),
        ("pilotage.yaml", "version: 1\n", Some(Dialect::Definition)),
        ("ci.yml", "version: 1\npipelines:\n", Some(Dialect::Definition)),
        ("ci.yml", "on: {push: {}}\njobs:\n", Some(Dialect::Definition)),
        (
            "build.yml",
            "on: push\njobs:\n  a:\n    runs-on: x\n",
            Some(Dialect::GitHub),
        ),
        ("compose.yml", "services:\n", None),
    ];
    for (path, text, expected) in table {
        assert_eq!(lint::dialect_of(path, text), expected, "{path}");
    }
}
