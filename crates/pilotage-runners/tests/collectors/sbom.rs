//! Bills of material from lock files.

use serde_json::{Value as Json, json};

use crate::Project;

pub(crate) const CARGO: &str = "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://example.com\"\nchecksum = \"00ff\"\n";
pub(crate) const NPM: &str =
    r#"{"lockfileVersion":3,"packages":{"":{},"node_modules/@s/b":{"version":"2.0.0"}}}"#;

#[tokio::test]
async fn the_document_holds_every_package_and_is_the_same_each_time() {
    let project = Project::new();
    project
        .write("Cargo.lock", CARGO)
        .write("web/package-lock.json", NPM);
    let section = || json!({ "kind": "sbom", "locks": ["Cargo.lock", "web/package-lock.json"], "output": "sbom.cdx.json" });
    let first = project.measure(section(), "sbom_components").await.unwrap();
    let text = std::fs::read_to_string(project.path().join("sbom.cdx.json")).unwrap();
    let document: Json = serde_json::from_str(&text).unwrap();
    let components = document["components"].as_array().unwrap();
    let names: Vec<_> = components
        .iter()
        .map(|component| component["purl"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["pkg:cargo/a@1.0.0", "pkg:npm/%40s/b@2.0.0"]);
    assert_eq!(document["specVersion"], "1.5");
    assert_eq!(
        components[0]["hashes"][0],
        json!({ "alg": "SHA-256", "content": "00ff" })
    );
    assert!(
        first.files.iter().any(|file| file.path == "sbom.cdx.json"),
        "{first:?}"
    );
    let again = project.measure(section(), "sbom_components").await.unwrap();
    assert_eq!(
        (first.digest, first.examined.count, first.file_count),
        (again.digest, 2, 3)
    );
}

#[tokio::test]
async fn it_is_written_nowhere_else() {
    let (project, other) = (Project::new(), Project::new());
    project.write("Cargo.lock", CARGO);
    let target = other.path().join("x.json");
    std::os::unix::fs::symlink(&target, project.path().join("link.json")).unwrap();
    std::os::unix::fs::symlink(other.path(), project.path().join("out")).unwrap();
    for (output, expected) in [
        ("link.json", "it is a link"),
        ("out/x.json", "leads out"),
        ("none/x.json", "No such file"),
    ] {
        let section = json!({ "kind": "sbom", "locks": ["Cargo.lock"], "output": output });
        let reason = project.number(section, "sbom_components").await.unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(!target.exists());
}
