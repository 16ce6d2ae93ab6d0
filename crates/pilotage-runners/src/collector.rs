//! What collects evidence: the trait, the kinds that there are, and how a configuration becomes sources.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt as _;
use pilotage_core::{
    Digest, Timestamp,
    config::{Problem, nearest, pointer_segment},
    gate::{Evidence, Measured, Metrics, Unit},
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::{
    collectors,
    joined::{can_join, join},
    process, tree,
};

/// Where evidence is collected.
#[derive(Clone, Debug)]
pub struct Site {
    /// The folder of the repository. What is read must lie within.
    pub root: PathBuf,
}

/// What a source measures: names of metrics with their units.
pub type Measures = Vec<(String, Unit)>;

/// Collects evidence. Dropping the future stops what was started, whole process groups included.
#[async_trait]
pub trait Collector: Send + Sync {
    /// What it can measure.
    fn measures(&self) -> Measures;

    /// Metrics that it judges itself. It looks when they are measured, and is handed what is known of them.
    fn needs(&self) -> Vec<String> {
        Vec::new()
    }

    /// What decides what it measures; `None` where more does than can be said, so that it must look each time.
    fn input(&self, site: &Site) -> Option<Input> {
        let _ = site;
        None
    }

    /// The inputs of all its parts, where it has several; `None` where one of them must look each time.
    fn inputs(&self, site: &Site) -> Option<Vec<Input>> {
        self.input(site).map(|input| vec![input])
    }

    /// Looks. For each metric there is evidence or a reason; one that is missing from the answer was not measured.
    async fn collect(&self, site: &Site) -> Measured;

    /// Looks, knowing what was measured of the metrics that it [needs](Self::needs).
    async fn conclude(&self, site: &Site, known: &Measured) -> Measured {
        let _ = known;
        self.collect(site).await
    }
}

/// What decides what is measured.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// What is run, and how.
    pub settings: String,
    /// Patterns of the files that matter; where there is none, all that git knows or would know.
    pub only: Vec<String>,
    /// Patterns of files that matter although git ignores them, as git takes them (`pathspec`).
    pub ignored: Vec<String>,
    /// Files that matter and that git need not know.
    pub beside: Vec<PathBuf>,
    /// Commands that tell the versions of the tools that are run.
    pub versions: Vec<Vec<String>>,
    /// Variables whose values the tools are given.
    pub variables: Vec<String>,
}

impl Input {
    async fn parts(self, site: &Site, tree: Digest) -> Option<Vec<String>> {
        let files = if self.only.is_empty() {
            tree
        } else {
            tree::only(&site.root, &self.only).await?
        };
        let mut parts = vec![self.settings, files.to_string()];
        if !self.ignored.is_empty() {
            parts.push(tree::ignored(&site.root, &self.ignored).await?.to_string());
        }
        for path in self.beside {
            let data = std::fs::read(&path).ok();
            parts.push(format!(
                "{} {:?}",
                path.display(),
                data.map(|data| Digest::of(&data))
            ));
        }
        for command in self.versions {
            let (program, arguments) = command.split_first()?;
            let ran = process::run(program, arguments, &site.root, &[]).await.ok()?;
            parts.push(String::from_utf8(ran.out).ok().filter(|_| ran.code == Some(0))?);
        }
        for name in self.variables {
            parts.push(format!("{name}={:?}", std::env::var_os(name.as_str())));
        }
        Some(parts)
    }
}

/// Makes a collector of a section of a configuration; the key `kind` was taken out.
pub type Build = fn(&Value) -> Result<Box<dyn Collector>, Vec<Problem>>;

/// A kind of collector. Adding one is its file and a line in `collectors::KINDS`.
#[derive(Clone, Copy)]
pub struct CollectorKind {
    /// The word after `kind:`.
    pub name: &'static str,
    /// Builds one.
    pub build: Build,
    /// The section that a repository wants without being asked; `None` if it shows nothing of the kind.
    pub detect: fn(&Path) -> Option<Value>,
    /// The schema of its section, without `kind`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A collector under a name, from the configuration or found in the repository.
#[derive(Clone)]
pub struct Source {
    /// Its key in the configuration; for what was found, the kind.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// Whether nobody configured it.
    pub found: bool,
    collector: Arc<dyn Collector>,
}

impl Source {
    /// A collector under a name.
    pub fn new(name: &str, kind: &'static str, found: bool, collector: Box<dyn Collector>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            found,
            collector: collector.into(),
        }
    }

    /// What it can measure.
    pub fn measures(&self) -> Measures {
        self.collector.measures()
    }

    /// The inputs of all its parts, each under the name of its kind.
    pub(crate) fn inputs(&self, site: &Site) -> Option<Vec<Input>> {
        let named = |mut input: Input| {
            input.settings = format!("{} {}", self.kind, input.settings);
            input
        };
        Some(self.collector.inputs(site)?.into_iter().map(named).collect())
    }

    /// The digest of everything that decides what it measures, over files with the digest `tree`: where it is the same,
    /// what was measured is the same. `None` where that cannot be said.
    pub async fn input(&self, site: &Site, tree: Digest) -> Option<Digest> {
        // Another build of this program may measure in another way.
        let mut parts = vec![vec![this_build()?]];
        for input in self.inputs(site)? {
            parts.push(input.parts(site, tree).await?);
        }
        // Lists of texts are always JSON.
        Some(Digest::of(&serde_json::to_vec(&parts).ok()?))
    }

    /// Metrics that must be measured before it looks.
    pub fn needs(&self) -> Vec<String> {
        self.collector.needs()
    }

    /// Looks, for at most `limit`. Evidence carries the name of the source; a metric without an answer gets a reason.
    pub async fn collect(&self, site: &Site, limit: Duration) -> Measured {
        self.conclude(site, limit, &Measured::new()).await
    }

    /// Looks as [`collect`](Self::collect) does, knowing what was measured of the metrics that it needs. A source that breaks
    /// is no evidence, and says so for each of its metrics.
    pub async fn conclude(&self, site: &Site, limit: Duration, known: &Measured) -> Measured {
        let looked = AssertUnwindSafe(self.look(site, known)).catch_unwind();
        let reason = match tokio::time::timeout(limit, looked).await {
            Ok(Ok(found)) => return found,
            Ok(Err(_)) => "failed inside Pilotage, which is a fault of ours".to_owned(),
            Err(_) => format!("took longer than {} s", limit.as_secs_f64()),
        };
        let reason = format!("`{}` ({}) {reason}", self.name, self.kind);
        let measures = self.measures().into_iter();
        measures
            .map(|(metric, _)| (metric, Err(reason.clone())))
            .collect()
    }

    /// Looks, for as long as it takes.
    pub(crate) async fn look(&self, site: &Site, known: &Measured) -> Measured {
        let mut answers = self.collector.conclude(site, known).await;
        let silent = || format!("`{}` ({}) says nothing about it", self.name, self.kind);
        let named = |(metric, _)| {
            let answer = answers.remove(&metric).unwrap_or_else(|| Err(silent()));
            (
                metric,
                answer.map(|evidence| self.sign(evidence)).map_err(bounded),
            )
        };
        self.measures().into_iter().map(named).collect()
    }

    /// What was put together names its parts already.
    fn sign(&self, mut evidence: Evidence) -> Evidence {
        if evidence.source.is_empty() {
            self.name.clone_into(&mut evidence.source);
            self.kind.clone_into(&mut evidence.collector);
        }
        evidence
    }
}

/// What tells this build of the program from another.
fn this_build() -> Option<String> {
    let about = std::fs::metadata(process::guard::this_program()?).ok()?;
    let changed = about.modified().ok()?;
    Some(format!(
        "{} {} {changed:?}",
        env!("CARGO_PKG_VERSION"),
        about.len()
    ))
}

/// Bytes of the reason why something was not measured.
const MOST_REASON_BYTES: usize = 1_000;

/// A reason that reports and tools may have filled with whatever they hold.
fn bounded(mut reason: String) -> String {
    if reason.len() > MOST_REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(MOST_REASON_BYTES));
        reason.push('…');
    }
    reason
}

/// The sources of a configuration, by its names.
///
/// # Errors
/// Everything that is wrong, with pointers below `/evidence`: unknown kinds and keys, and two sources for one metric.
pub fn configured(sections: &BTreeMap<String, Value>) -> Result<Vec<Source>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    let mut given = BTreeMap::<String, String>::new();
    let mut metrics = Metrics::default();
    for (name, section) in sections {
        let pointer = format!("/evidence/{}", pointer_segment(name));
        let under = |found: Vec<Problem>| {
            found
                .into_iter()
                .map(|problem| problem.under(&pointer))
                .collect::<Vec<_>>()
        };
        let source = match build(name, section) {
            Ok(source) => source,
            Err(found) => {
                problems.extend(under(found));
                continue;
            }
        };
        for (metric, unit) in source.measures() {
            if let Err(message) = metrics.define(&metric, unit) {
                problems.push(Problem::at(&pointer, message));
            }
            if let Some(other) = given
                .insert(metric.clone(), name.clone())
                .filter(|_| !can_join(&metric))
            {
                let message = format!("`{other}` and `{name}` both measure `{metric}`");
                let help = "one source may read several files; a metric has one source";
                problems.push(Problem::at(&pointer, message).help(help));
            }
        }
        sources.push(source);
    }
    if problems.is_empty() {
        Ok(join(sources))
    } else {
        Err(problems)
    }
}

fn build(name: &str, section: &Value) -> Result<Source, Vec<Problem>> {
    let Some(fields) = section.as_object() else {
        return Err(vec![Problem::at("", "expected a mapping with a `kind`")]);
    };
    let kind = kind(fields.get("kind")).map_err(|problem| vec![*problem])?;
    let mut fields = fields.clone();
    fields.remove("kind");
    let collector = (kind.build)(&Value::Object(fields))?;
    Ok(Source::new(name, kind.name, false, collector))
}

fn kind(written: Option<&Value>) -> Result<&'static CollectorKind, Box<Problem>> {
    let names: Vec<_> = collectors::KINDS.iter().map(|kind| kind.name).collect();
    let known = format!("kinds of this build: {}", names.join(", "));
    let Some(word) = written.and_then(Value::as_str) else {
        return Err(Box::new(Problem::at("", "the key `kind` is missing").help(known)));
    };
    if let Some(kind) = collectors::KINDS.iter().find(|kind| kind.name == word) {
        return Ok(kind);
    }
    let message = format!("there is no evidence of the kind `{word}`");
    let near = nearest(word, names.iter().copied());
    let help = near.map_or(known, |near| format!("did you mean `{near}`?"));
    Err(Box::new(Problem::at("/kind", message).help(help)))
}

/// The sources that a repository shows without being asked, for metrics that no configured source measures.
pub fn detected(root: &Path, configured: &[Source]) -> Vec<Source> {
    let kinds = collectors::KINDS.iter();
    let sources = kinds.filter_map(|kind| {
        let section = (kind.detect)(root)?;
        let collector = (kind.build)(&section).ok()?;
        let mut name = kind.name.to_owned();
        while configured.iter().any(|source| source.name == name) {
            name.push_str("-found");
        }
        Some(Source::new(&name, kind.name, true, collector))
    });
    join(sources.collect())
}

/// The schema of the section `evidence`.
pub fn schema(generator: &mut SchemaGenerator) -> Schema {
    let mut kinds = Vec::new();
    for kind in collectors::KINDS {
        let mut schema = (kind.schema)(generator).to_value();
        if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
            properties.insert("kind".to_owned(), json!({ "const": kind.name }));
        }
        match schema.pointer_mut("/required").and_then(Value::as_array_mut) {
            Some(required) => required.push(json!("kind")),
            None => schema["required"] = json!(["kind"]),
        }
        kinds.push(schema);
    }
    json_schema!({
        "description": "Where evidence for gates comes from, by a name of your own.",
        "type": "object",
        "additionalProperties": { "oneOf": kinds },
    })
}

/// What every collector of files or processes begins its evidence with.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Breaks;

    #[async_trait]
    impl Collector for Breaks {
        fn measures(&self) -> Measures {
            vec![("lint_errors".to_owned(), Unit::Count)]
        }

        async fn collect(&self, _: &Site) -> Measured {
            std::panic::resume_unwind(Box::new("as if something were wrong with it"))
        }
    }

    #[tokio::test]
    async fn a_source_that_breaks_is_no_evidence_and_says_so() {
        let source = Source::new("it", "test", false, Box::new(Breaks));
        let site = Site {
            root: PathBuf::from("."),
        };
        let found = source.collect(&site, Duration::from_mins(1)).await;
        assert_eq!(
            found["lint_errors"],
            Err("`it` (test) failed inside Pilotage, which is a fault of ours".to_owned())
        );
    }
}
