//! What is excused: a list with reasons and ends, and `OpenVEX` documents (<https://github.com/openvex/spec>, 0.0.1 and 0.2.0).

use std::io::Read;

use pilotage_core::{Timestamp, config::Problem};
use serde::Deserialize;
use serde_json::Value as Json;

use super::Finding;
use crate::reading::{Bounded, brief};

/// One advisory that is left out of the count until a day.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ignored {
    /// A name of the advisory: of GHSA, CVE, RUSTSEC, PYSEC and so on.
    pub id: String,
    /// Only in this package.
    #[serde(default)]
    pub package: Option<String>,
    /// Why it does no harm here.
    pub reason: String,
    /// The last day on which it is left out, such as `2026-12-31` (UTC).
    pub expires: String,
}

impl Ignored {
    /// What the types cannot say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.id.trim().is_empty() {
            problems.push(Problem::at("/id", "the name of an advisory"));
        }
        if self.reason.trim().is_empty() {
            problems.push(Problem::at("/reason", "say why it does no harm here"));
        }
        if self.ends_at().is_none() {
            problems.push(Problem::at("/expires", "a day, such as 2026-12-31"));
        }
        problems
    }

    fn ends_at(&self) -> Option<Timestamp> {
        let day: jiff::civil::Date = self.expires.parse().ok()?;
        let end = day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_micros(end.timestamp().as_microsecond()))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at().is_none_or(|end| end <= now)
    }

    fn is_about(&self, finding: &Finding, names: &[String]) -> bool {
        let package = self
            .package
            .as_ref()
            .is_none_or(|package| *package == finding.package);
        package && names.iter().any(|name| name.eq_ignore_ascii_case(&self.id))
    }
}

/// A statement of a VEX document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    names: Vec<String>,
    products: Vec<String>,
    excuses: bool,
    reason: String,
    at: Option<Timestamp>,
}

/// Everything that is excused.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    /// From the configuration.
    pub ignored: Vec<Ignored>,
    /// From VEX documents.
    pub statements: Vec<Statement>,
}

impl Exceptions {
    /// Why a finding does not count: each of its advisories must be excused.
    pub fn excuse(&self, finding: &Finding, now: Timestamp) -> Option<String> {
        if finding.advisories.is_empty() {
            return None;
        }
        let reasons: Option<Vec<String>> = finding
            .advisories
            .iter()
            .map(|names| self.reason(finding, names, now))
            .collect();
        let mut reasons = reasons?;
        reasons.dedup();
        Some(brief(&reasons.join("; ")))
    }

    fn reason(&self, finding: &Finding, names: &[String], now: Timestamp) -> Option<String> {
        let listed = self
            .ignored
            .iter()
            .find(|ignored| !ignored.is_over(now) && ignored.is_about(finding, names));
        if let Some(ignored) = listed {
            return Some(format!("{} (until {})", ignored.reason, ignored.expires));
        }
        // The latest statement counts; among those of one time the later in the document.
        let about = |statement: &&Statement| statement.is_about(finding, names);
        let last = self
            .statements
            .iter()
            .filter(about)
            .max_by_key(|statement| statement.at)?;
        last.excuses.then(|| last.reason.clone())
    }

    /// Entries of the list whose time is over, in words: they should not stay there unseen.
    pub fn expired(&self, now: Timestamp) -> Vec<String> {
        let over = self.ignored.iter().filter(|ignored| ignored.is_over(now));
        over.map(|ignored| {
            brief(&format!(
                "no longer excused since {}: {}",
                ignored.expires, ignored.id
            ))
        })
        .collect()
    }
}

impl Statement {
    fn is_about(&self, finding: &Finding, names: &[String]) -> bool {
        let is_named = names
            .iter()
            .any(|name| self.names.iter().any(|own| own.eq_ignore_ascii_case(name)));
        is_named && self.products.iter().any(|product| is_package(product, finding))
    }
}

/// Whether a package URL names the package of a finding; one without a version means all of them.
fn is_package(purl: &str, finding: &Finding) -> bool {
    let Some(rest) = purl.strip_prefix("pkg:") else {
        return false;
    };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let Some((kind, path)) = rest.split_once('/') else {
        return false;
    };
    // A scope begins with `%40`, or `@` where the writer was careless; the version follows the last `@`.
    let path = path.replace("%40", "@");
    let (name, version) = match path.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() => (name, Some(version)),
        _ => (path.as_str(), None),
    };
    let same_kind = finding.ecosystem.is_empty() || finding.ecosystem == kind;
    let same_version = version.is_none_or(|version| finding.version.is_empty() || version == finding.version);
    same_kind && name == finding.package && same_version
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@context")]
    context: String,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    statements: Vec<Json>,
}

/// Adds the statements of a document.
///
/// # Errors
/// It is no `OpenVEX`, or a statement excuses without saying why.
pub fn read_vex<R: Read>(exceptions: &mut Exceptions, input: &mut Bounded<R>) -> Result<(), String> {
    let text = input.whole(1).map_err(|error| error.to_string())?;
    let document: Document =
        serde_json::from_slice(&text).map_err(|error| format!("it is no OpenVEX: {error}"))?;
    if !document.context.starts_with("https://openvex.dev/ns") {
        return Err("it is no OpenVEX: its context is another".to_owned());
    }
    for statement in &document.statements {
        let read = read_statement(statement, document.timestamp)?;
        exceptions.statements.push(read);
    }
    Ok(())
}

fn read_statement(statement: &Json, document_at: Option<Timestamp>) -> Result<Statement, String> {
    let vulnerability = statement.get("vulnerability");
    let names = match vulnerability {
        Some(Json::String(name)) => vec![name.clone()],
        Some(Json::Object(fields)) => {
            let own = [fields.get("name"), fields.get("@id")].into_iter().flatten();
            let aliases = fields.get("aliases").and_then(Json::as_array);
            own.chain(aliases.into_iter().flatten())
                .filter_map(Json::as_str)
                .map(ToOwned::to_owned)
                .collect()
        }
        _ => return Err("a statement names no vulnerability".to_owned()),
    };
    let text = |key: &str| statement.get(key).and_then(Json::as_str).unwrap_or_default();
    let status = text("status");
    let why = [text("justification"), text("impact_statement")];
    let why = why.iter().find(|text| !text.is_empty()).copied();
    let reason = match (status, why) {
        ("not_affected", Some(why)) => format!("VEX: not affected, {}", brief(why)),
        ("not_affected", None) => {
            return Err(format!(
                "a statement on {} says `not_affected` without a justification",
                brief(&names.join(", "))
            ));
        }
        ("fixed", _) => "VEX: fixed".to_owned(),
        ("affected" | "under_investigation", _) => String::new(),
        _ => return Err(format!("a statement has the unknown status `{}`", brief(status))),
    };
    let at = statement.get("timestamp").and_then(Json::as_str);
    Ok(Statement {
        names,
        products: products(statement),
        excuses: !reason.is_empty(),
        reason,
        at: at.and_then(|text| text.parse().ok()).or(document_at),
    })
}

/// The package URLs of a statement: of components where it names some, else of the products themselves.
fn products(statement: &Json) -> Vec<String> {
    let list = |value: Option<&Json>| value.and_then(Json::as_array).cloned().unwrap_or_default();
    let mut found = Vec::new();
    for product in list(statement.get("products")) {
        let components = list(product.get("subcomponents"));
        let parts = if components.is_empty() {
            vec![product]
        } else {
            components
        };
        found.extend(parts.iter().flat_map(urls));
    }
    found
}

fn urls(product: &Json) -> Vec<String> {
    let own = [
        Some(product),
        product.get("@id"),
        product.pointer("/identifiers/purl"),
    ];
    let texts = own.into_iter().flatten().filter_map(Json::as_str);
    texts.map(ToOwned::to_owned).collect()
}
