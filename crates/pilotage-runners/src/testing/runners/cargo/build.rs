//! Builds the programs of tests and asks each for its tests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::{
    super::{Binary, Listed, Listing, Speech, Task, command},
    measuring::{Counting, Tools},
};
use crate::{
    process::{self, Order},
    reading::brief,
    testing::running,
};

/// Most bytes that are read of what cargo writes.
const MOST_BYTES: usize = 256 << 20;

/// A message of `--message-format=json`
/// (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
    out_dir: Option<PathBuf>,
    #[serde(rename = "message")]
    diagnostic: Option<Diagnostic>,
}

#[derive(Clone, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
    #[serde(default)]
    doctest: bool,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// What `cargo metadata` says.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

/// What is asked of cargo.
struct Cargo<'a> {
    task: &'a Task<'a>,
    command: Vec<String>,
    /// How it is asked to build programs that count what they reach.
    counting: Option<Counting>,
}

impl Cargo<'_> {
    async fn ask(
        &self,
        arguments: &[String],
        inherited: bool,
    ) -> Result<(Option<i32>, Vec<u8>, Vec<u8>), String> {
        let mut command = if inherited {
            self.command.clone()
        } else {
            Vec::new()
        };
        command.extend(arguments.iter().cloned());
        let suite = self.task.suite;
        let order = Order {
            command,
            folder: suite.place.clone(),
            pass: running::passed(suite),
            set: self.variables(),
        };
        let mut out = Vec::new();
        let followed = process::follow(&order, |bytes| {
            if out.len() < MOST_BYTES {
                out.extend_from_slice(bytes);
            }
        });
        let followed = followed.await?;
        Ok((followed.code, out, followed.errors))
    }

    fn variables(&self) -> Vec<(String, String)> {
        let own = self.task.suite.settings.environment.clone().into_iter();
        let counting = self.counting.iter().flat_map(|counting| counting.set.clone());
        own.chain(counting).collect()
    }

    async fn metadata(&self) -> Result<Metadata, String> {
        let arguments = ["metadata", "--format-version=1", "--no-deps"].map(str::to_owned);
        let (_, out, errors) = self.ask(&arguments, true).await?;
        serde_json::from_slice(&out).map_err(|_| {
            format!(
                "`cargo metadata` failed: {}",
                brief(&running::end_of(&errors, 20))
            )
        })
    }

    async fn build(&self) -> Result<Vec<Message>, String> {
        let mut arguments = ["test", "--no-run", "--message-format=json"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(self.task.suite.settings.arguments.iter().cloned());
        let (code, out, errors) = self.ask(&arguments, true).await?;
        let lines = out.split(|byte| *byte == b'\n');
        let messages: Vec<Message> = lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        if code == Some(0) {
            return Ok(messages);
        }
        let diagnostics = messages.iter().filter_map(|message| message.diagnostic.as_ref());
        let first = diagnostics
            .filter(|message| message.level == "error")
            .find_map(|message| message.rendered.clone());
        let why = first.unwrap_or_else(|| running::end_of(&errors, 20));
        Err(format!("the tests do not compile: {}", why.trim()))
    }

    async fn sysroot(&self) -> Option<String> {
        let arguments = ["rustc", "--print", "sysroot"].map(str::to_owned);
        let (_, out, _) = self.ask(&arguments, false).await.ok()?;
        Some(String::from_utf8_lossy(&out).trim().to_owned())
    }
}

/// Builds, and lists what was built.
pub(super) async fn list(task: &Task<'_>) -> Result<Listing, String> {
    let mut cargo = Cargo {
        task,
        command: command(task.suite, &["cargo"]),
        counting: None,
    };
    let metadata = cargo.metadata().await?;
    if task.suite.is_measured {
        // What is lacking is told where reports are asked for.
        let tools = Tools::find(task).await.ok();
        cargo.counting = tools.map(|tools| Counting::new(task, tools, &metadata.target_directory));
    }
    let packages: BTreeMap<String, Package> = metadata
        .packages
        .into_iter()
        .map(|package| (package.id.clone(), package))
        .collect();
    let messages = cargo.build().await?;
    let sysroot = cargo.sysroot().await.unwrap_or_default();
    let built = Built {
        packages: &packages,
        messages: &messages,
        sysroot: &sysroot,
    };
    let mut files = Vec::new();
    for message in &messages {
        files.extend(built.program(message));
    }
    for listed in &mut files {
        list_tests(&cargo, listed).await?;
    }
    // Whoever chooses programs of tests by arguments means those, and no documentation.
    if task.suite.settings.arguments.iter().all(|word| !is_choice(word)) {
        files.extend(
            packages
                .values()
                .filter_map(|package| documentation(&cargo, package)),
        );
    }
    files.sort_by(|a, b| a.file.cmp(&b.file));
    if let Some(mut counting) = cargo.counting {
        counting.programs = messages
            .iter()
            .filter_map(|message| message.executable.clone())
            .collect();
        let counting = Arc::new(counting);
        for binary in files.iter_mut().filter_map(|listed| listed.binary.as_mut()) {
            binary.counting = Some(Arc::clone(&counting));
        }
    }
    Ok(Listing { files })
}

fn is_choice(word: &str) -> bool {
    [
        "--lib",
        "--bin",
        "--bins",
        "--test",
        "--tests",
        "--example",
        "--examples",
        "-p",
        "--package",
    ]
    .iter()
    .any(|choice| {
        word == *choice
            || word
                .strip_prefix(choice)
                .is_some_and(|rest| rest.starts_with('='))
    })
}

/// Everything that was built.
struct Built<'a> {
    packages: &'a BTreeMap<String, Package>,
    messages: &'a [Message],
    sysroot: &'a str,
}

impl Built<'_> {
    /// The program that a message tells of, if it is one of tests.
    fn program(&self, message: &Message) -> Option<Listed> {
        let is_test = message.reason == "compiler-artifact"
            && message.profile.as_ref().is_some_and(|profile| profile.test);
        let executable = message.executable.as_ref().filter(|_| is_test)?;
        let target = message.target.as_ref()?;
        let package = self.packages.get(&message.package_id)?;
        let folder = message.manifest_path.as_ref()?.parent()?.to_owned();
        let mut listed = Listed::new(name_of(&package.name, target));
        listed.binary = Some(Binary {
            command: vec![executable.display().to_string()],
            set: self.environment(package, &folder, executable),
            folder,
            speech: Speech::Libtest,
            counting: None,
        });
        Some(listed)
    }

    /// What `cargo test` gives to a program of tests
    /// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>).
    fn environment(&self, package: &Package, folder: &Path, executable: &Path) -> Vec<(String, String)> {
        let deps = executable.parent().unwrap_or(folder);
        let profile = deps.parent().unwrap_or(folder);
        let libraries = format!("{}:{}:{}/lib", deps.display(), profile.display(), self.sysroot);
        let before = std::env::var("LD_LIBRARY_PATH")
            .map(|path| format!(":{path}"))
            .unwrap_or_default();
        let mut set = vec![
            ("LD_LIBRARY_PATH".to_owned(), libraries + &before),
            ("CARGO".to_owned(), "cargo".to_owned()),
            ("CARGO_MANIFEST_DIR".to_owned(), folder.display().to_string()),
            (
                "CARGO_MANIFEST_PATH".to_owned(),
                package.manifest_path.display().to_string(),
            ),
            ("CARGO_PKG_NAME".to_owned(), package.name.clone()),
            ("CARGO_PKG_VERSION".to_owned(), package.version.clone()),
        ];
        let mut scripts = self
            .messages
            .iter()
            .filter(|message| message.reason == "build-script-executed" && message.package_id == package.id);
        if let Some(out) = scripts.find_map(|message| message.out_dir.as_ref()) {
            set.push(("OUT_DIR".to_owned(), out.display().to_string()));
        }
        set
    }
}

/// As nextest calls programs of tests: the library by its package, others by what they are.
fn name_of(package: &str, target: &Target) -> String {
    let kind = target.kind.first().map_or("", String::as_str);
    match kind {
        "test" => format!("{package}::{}", target.name),
        "bin" | "example" | "bench" => format!("{package}::{kind}/{}", target.name),
        _ => package.to_owned(),
    }
}

/// Asks a program for its tests; one that does not answer as test programs do is run as it is.
async fn list_tests(cargo: &Cargo<'_>, listed: &mut Listed) -> Result<(), String> {
    let Some(binary) = &mut listed.binary else {
        return Ok(());
    };
    let mut command = binary.command.clone();
    command.extend(["--list", "--format=terse"].map(str::to_owned));
    let mut out = Vec::new();
    let pass = running::passed(cargo.task.suite);
    let mut set = binary.set.clone();
    set.extend(cargo.counting.iter().flat_map(|counting| counting.set.clone()));
    let order = Order {
        command,
        folder: binary.folder.clone(),
        pass,
        set,
    };
    let followed = process::follow(&order, |bytes| out.extend_from_slice(bytes)).await?;
    let text = String::from_utf8_lossy(&out);
    let mut tests = Vec::new();
    let mut is_list = followed.code == Some(0);
    for line in text.lines() {
        match line.rsplit_once(": ") {
            Some((name, "test")) => tests.push(name.to_owned()),
            Some((_, "benchmark")) => {}
            _ => is_list = false,
        }
    }
    binary.speech = if is_list { Speech::Libtest } else { Speech::Code };
    listed.tests = is_list.then_some(tests);
    Ok(())
}

/// The documentation tests of a package, which only cargo can run.
fn documentation(cargo: &Cargo<'_>, package: &Package) -> Option<Listed> {
    let is_library = |target: &&Target| target.doctest;
    package.targets.iter().find(is_library)?;
    let mut command = cargo.command.clone();
    command.extend(["test", "--doc", "--package"].map(str::to_owned));
    command.push(format!("{}@{}", package.name, package.version));
    let mut listed = Listed::new(format!("{}::doc", package.name));
    listed.binary = Some(Binary {
        command,
        folder: cargo.task.suite.place.clone(),
        set: Vec::new(),
        speech: Speech::Plain,
        counting: None,
    });
    Some(listed)
}
