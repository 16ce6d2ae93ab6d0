//! Lock files: which packages a project is made of. What a scanner looked at is held against this.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::reading::brief;

/// Most packages of one lock file.
const MAX_PACKAGES: usize = 200_000;
/// Deepest nesting of an old `package-lock.json`.
const MAX_DEPTH: usize = 64;

/// A package as a lock file names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version; empty where the file does not pin one.
    pub version: String,
    /// The ecosystem as package URLs have it.
    pub ecosystem: &'static str,
    /// A digest with its algorithm as `CycloneDX` names it, in hexadecimal.
    pub hash: Option<(&'static str, String)>,
}

impl Locked {
    /// Its package URL (<https://github.com/package-url/purl-spec>).
    pub fn purl(&self) -> String {
        let name = match self.name.strip_prefix('@') {
            Some(scoped) => format!("%40{scoped}"),
            None => self.name.clone(),
        };
        format!(
            "pkg:{}/{name}@{}",
            self.ecosystem,
            self.version.replace('+', "%2B")
        )
    }
}

/// The lock files that can be read, by the names that their tools give them.
pub const NAMES: &[&str] = &[
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
    "Gemfile.lock",
];

/// The packages that a lock file names; those of the project itself are not among them.
///
/// # Errors
/// It is none of the known formats, is broken, or has too many packages.
pub fn read(file_name: &str, text: &[u8]) -> Result<Vec<Locked>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
    let mut found = match file_name {
        "Cargo.lock" => tables(text, "cargo")?,
        "poetry.lock" | "uv.lock" => tables(text, "pypi")?,
        "package-lock.json" | "npm-shrinkwrap.json" => npm(text)?,
        "Gemfile.lock" => gems(text)?,
        name if has_ending(name, "txt") => requirements(text)?,
        _ => return Err(format!("it is none of {}", NAMES.join(", "))),
    };
    if found.len() > MAX_PACKAGES {
        return Err(format!("it names more than {MAX_PACKAGES} packages"));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn has_ending(name: &str, ending: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

#[derive(Deserialize)]
struct Tables {
    #[serde(default)]
    package: Vec<Table>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    source: Option<toml::Value>,
    #[serde(default)]
    checksum: Option<String>,
}

/// `[[package]]` tables, as Cargo, Poetry and uv write them. Cargo gives packages of the project no source, uv an editable one.
fn tables(text: &str, ecosystem: &'static str) -> Result<Vec<Locked>, String> {
    let tables: Tables = toml::from_str(text).map_err(|error| brief(&format!("it is broken: {error}")))?;
    let is_own = |table: &Table| match &table.source {
        None => ecosystem == "cargo",
        Some(toml::Value::Table(source)) => ["editable", "virtual", "directory"]
            .iter()
            .any(|key| source.contains_key(*key)),
        Some(_) => false,
    };
    let others = tables.package.into_iter().filter(|table| !is_own(table));
    let found = others.map(|table| Locked {
        name: table.name,
        version: table.version,
        ecosystem,
        hash: table.checksum.map(|digest| ("SHA-256", digest)),
    });
    Ok(found.collect())
}

fn npm(text: &str) -> Result<Vec<Locked>, String> {
    let lock: Json = serde_json::from_str(text).map_err(|error| format!("it is broken: {error}"))?;
    let mut found = Vec::new();
    if let Some(packages) = lock.get("packages").and_then(Json::as_object) {
        for (path, package) in packages {
            let is_link = package.get("link").and_then(Json::as_bool).unwrap_or(false);
            // A path without `node_modules` is a workspace of the project itself.
            if let (Some((_, name)), false) = (path.rsplit_once("node_modules/"), is_link) {
                let name = package.get("name").and_then(Json::as_str).unwrap_or(name);
                found.push(npm_package(name, package));
            }
        }
        return Ok(found);
    }
    let dependencies = lock.get("dependencies").ok_or("it has no packages")?;
    npm_nested(dependencies, 0, &mut found)?;
    Ok(found)
}

/// Version 1 of the format: dependencies within dependencies.
fn npm_nested(dependencies: &Json, depth: usize, found: &mut Vec<Locked>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("it is nested deeper than {MAX_DEPTH}"));
    }
    for (name, package) in dependencies.as_object().into_iter().flatten() {
        found.push(npm_package(name, package));
        if let Some(inner) = package.get("dependencies") {
            npm_nested(inner, depth + 1, found)?;
        }
    }
    Ok(())
}

fn npm_package(name: &str, package: &Json) -> Locked {
    let version = package.get("version").and_then(Json::as_str).unwrap_or_default();
    Locked {
        name: name.to_owned(),
        version: version.to_owned(),
        ecosystem: "npm",
        hash: None,
    }
}

/// Requirements as pip reads them, pinned ones with their version. Options are not packages, but other files might name more.
fn requirements(text: &str) -> Result<Vec<Locked>, String> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.split(" #").next().unwrap_or(line).trim();
        if line.starts_with("-r") || line.starts_with("--requirement") {
            return Err(format!(
                "it includes another file, so it is not whole: {}",
                brief(line)
            ));
        }
        if line.is_empty() || line.starts_with(['#', '-']) {
            continue;
        }
        let line = line.split(';').next().unwrap_or(line);
        let (name, rest) = line.split_at(
            line.find(|letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter)))
                .unwrap_or(line.len()),
        );
        if name.is_empty() {
            return Err(format!("a line names no package: {}", brief(line)));
        }
        let pinned = rest
            .split_once("==")
            .map(|(_, version)| version.trim_start_matches('='));
        let version = pinned.and_then(|version| version.split_whitespace().next());
        found.push(Locked {
            name: name.to_ascii_lowercase().replace(['_', '.'], "-"),
            version: version.unwrap_or_default().to_owned(),
            ecosystem: "pypi",
            hash: None,
        });
    }
    Ok(found)
}

/// The lines `    name (version)` below `specs:`, four spaces deep; the deeper ones say what those need.
fn gems(text: &str) -> Result<Vec<Locked>, String> {
    if !text.lines().any(|line| line.trim_end() == "  specs:") {
        return Err("it has no `specs:`".to_owned());
    }
    let gem = |line: &str| {
        let rest = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' '))?;
        let (name, version) = rest.trim_end().strip_suffix(')')?.split_once(" (")?;
        Some(Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            ecosystem: "gem",
            hash: None,
        })
    };
    // What stands below `PATH` is the project itself.
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            section = line;
        }
        if section != "PATH" {
            found.extend(gem(line));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, text: &str) -> Result<Vec<String>, String> {
        let found = read(name, text.as_bytes())?;
        Ok(found.iter().map(Locked::purl).collect())
    }

    #[test]
    fn every_format_names_its_packages_and_not_the_project() {
        let cargo = "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n[[package]]\nname = \"a\"\nversion = \"1.0.0+x\"\nsource = \"registry+https://example.com\"\nchecksum = \"00\"\n";
        let uv = "version = 1\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\nsource = { editable = \".\" }\n[[package]]\nname = \"click\"\nversion = \"8.1.7\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
        let npm = r#"{"lockfileVersion":3,"packages":{"":{"name":"own"},"packages/b":{"version":"1.0.0"},"node_modules/b":{"link":true},
            "node_modules/@s/c":{"version":"2.0.0"},"node_modules/@s/c/node_modules/d":{"version":"3.0.0"},"node_modules/alias":{"name":"e","version":"4.0.0"}}}"#;
        let old = r#"{"lockfileVersion":1,"dependencies":{"a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0"}}}}}"#;
        let pip = "# pinned\n-i https://example.com/simple\nClick==8.1.7 \\\n    --hash=sha256:00\nzope.interface[x]==5.0 ; python_version > '3'\nfree>=1\n";
        let gems = "PATH\n  remote: .\n  specs:\n    own (0.1.0)\nGEM\n  remote: https://rubygems.org/\n  specs:\n    rack (1.6.0)\n      other (>= 1)\n\nDEPENDENCIES\n  rack\n";
        let cases = [
            ("Cargo.lock", cargo, vec!["pkg:cargo/a@1.0.0%2Bx"]),
            ("uv.lock", uv, vec!["pkg:pypi/click@8.1.7"]),
            (
                "package-lock.json",
                npm,
                vec!["pkg:npm/%40s/c@2.0.0", "pkg:npm/d@3.0.0", "pkg:npm/e@4.0.0"],
            ),
            (
                "package-lock.json",
                old,
                vec!["pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"],
            ),
            (
                "requirements.txt",
                pip,
                vec![
                    "pkg:pypi/click@8.1.7",
                    "pkg:pypi/free@",
                    "pkg:pypi/zope-interface@5.0",
                ],
            ),
            ("Gemfile.lock", gems, vec!["pkg:gem/rack@1.6.0"]),
        ];
        for (name, text, expected) in cases {
            assert_eq!(shown(name, text).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        let deep = format!(
            "{}{}",
            r#"{"dependencies":{"a":"#.repeat(80),
            "1".to_owned() + &"}}".repeat(80)
        );
        let cases = [
            ("Cargo.lock", "[[package]", "it is broken"),
            ("package-lock.json", "{}", "it has no packages"),
            ("package-lock.json", deep.as_str(), "recursion limit"),
            ("requirements.txt", "-r other.txt", "includes another file"),
            ("requirements.txt", "==1", "names no package"),
            ("Gemfile.lock", "GEM\n", "no `specs:`"),
            ("yarn.lock", "", "it is none of"),
        ];
        for (name, text, expected) in cases {
            let error = shown(name, text).unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
