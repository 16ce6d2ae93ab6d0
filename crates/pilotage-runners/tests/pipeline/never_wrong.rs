//! No hit is ever wrong: whatever changes, a run with the cache leaves and says what a run without it does.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use pilotage_runners::pipeline::State;
use proptest::{prelude::*, test_runner::Config};

use crate::{Checkout, tree};

/// What jobs read is only what they declare, in every way in which a file can be read: content, mode, target of a link.
const PIPELINE: &str = r#"
on: {push: {}}
jobs:
  a:
    inputs: {files: [src], variables: [FLAVOUR], tools: [cat bin/version]}
    outputs: [out/a]
    variables: {LEVEL: "LEVEL_OF_A"}
    steps:
      - run: |
          shopt -s nullglob
          mkdir -p out/a
          for file in src/*; do
            if [ -L "$file" ]; then echo "$file -> $(readlink "$file")"; continue; fi
            stat -c '%a %n' "$file"; cat "$file"
            cp --preserve=mode "$file" out/a/
          done > out/a/list
          echo "${FLAVOUR-unset} $LEVEL" > out/a/flavour
          cat bin/version > out/a/tool
          chmod 750 out/a/tool
          ln -s list out/a/latest
          mkdir out/a/empty
          cat out/a/flavour
  b:
    needs: [a]
    inputs: {files: [lib/*.txt]}
    outputs: [out/b.txt]
    steps:
      - run: 'shopt -s nullglob; cat out/a/list out/a/flavour lib/*.txt /dev/null > out/b.txt; wc -l < out/b.txt'
  c:
    needs: [b]
    inputs: {files: [src/one, lib]}
    steps:
      - run: 'cat out/b.txt; ls lib; cat src/one 2> /dev/null || echo none'
  over:
    needs: [a]
    inputs: {files: [bin/*]}
    outputs: [out/a/tool, out/over]
    steps:
      - run: 'cat out/a/tool bin/version > out/over; echo more >> out/a/tool'
"#;

/// Something that happens between two runs.
#[derive(Clone, Debug)]
enum Change {
    Source(u8, u8),
    Mode(u8, u32),
    Link(u8),
    Remove(u8),
    Library(u8, u8),
    Tool(u8),
    Flavour(Option<u8>),
    Level(u8),
    DeleteOutput(u8),
    SpoilOutput(u8),
    StaleOutput(u8),
    OutputMode(u32),
    FileForFolder,
    LinkForFolder,
    DamageEntry(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let mode = prop_oneof![Just(0o644), Just(0o755), Just(0o600)];
    prop_oneof![
        4 => (0..3_u8, 0..3_u8).prop_map(|(name, text)| Change::Source(name, text)),
        2 => (0..3_u8, mode.clone()).prop_map(|(name, mode)| Change::Mode(name, mode)),
        2 => (0..4_u8).prop_map(Change::Link),
        1 => (0..3_u8).prop_map(Change::Remove),
        2 => (0..3_u8, 0..3_u8).prop_map(|(name, text)| Change::Library(name, text)),
        2 => (0..3_u8).prop_map(Change::Tool),
        2 => proptest::option::of(0..2_u8).prop_map(Change::Flavour),
        2 => (0..2_u8).prop_map(Change::Level),
        2 => (0..4_u8).prop_map(Change::DeleteOutput),
        2 => (0..3_u8).prop_map(Change::SpoilOutput),
        2 => (0..3_u8).prop_map(Change::StaleOutput),
        1 => mode.prop_map(Change::OutputMode),
        1 => Just(Change::FileForFolder),
        1 => Just(Change::LinkForFolder),
        2 => (0..8_usize, 0..4_000_usize).prop_map(|(entry, at)| Change::DamageEntry(entry, at)),
    ]
}

const SOURCES: [&str; 3] = ["src/one", "src/two", "src/three"];
const OUTPUTS: [&str; 4] = ["out/a/list", "out/b.txt", "out/over", "out/a"];

/// A project that changes, with what is told to its jobs.
struct Project {
    checkout: Checkout,
    level: u8,
}

impl Project {
    fn new() -> Self {
        let checkout = Checkout::new();
        checkout.write("src/one", "1\n");
        checkout.write("lib/a.txt", "a\n");
        checkout.write("bin/version", "1\n");
        Self { checkout, level: 0 }
    }

    fn apply(&mut self, change: &Change) {
        let checkout = &mut self.checkout;
        let path = |name: &str| checkout.path(name);
        // What a change would touch may not be there, and then it changes nothing.
        match change {
            Change::Source(name, text) => {
                let name = SOURCES[usize::from(*name)];
                let _ = fs::remove_file(path(name));
                checkout.write(name, &format!("{text}\n"));
            }
            Change::Mode(name, mode) => {
                let file = path(SOURCES[usize::from(*name)]);
                if file.is_file() && !file.is_symlink() {
                    fs::set_permissions(file, fs::Permissions::from_mode(*mode)).unwrap();
                }
            }
            Change::Link(target) => {
                let _ = fs::remove_file(path("src/two"));
                let target = ["one", "three", "nowhere", "../lib/a.txt"][usize::from(*target)];
                symlink(target, path("src/two")).unwrap();
            }
            Change::Remove(name) => drop(fs::remove_file(path(SOURCES[usize::from(*name)]))),
            Change::Library(name, text) => checkout.write(&format!("lib/{name}.txt"), &format!("{text}\n")),
            Change::Tool(version) => checkout.write("bin/version", &format!("{version}\n")),
            Change::Flavour(None) => drop(checkout.environment.remove("FLAVOUR")),
            Change::Flavour(Some(0)) => checkout.set("FLAVOUR", ""),
            Change::Flavour(Some(_)) => checkout.set("FLAVOUR", "sweet"),
            Change::Level(level) => self.level = *level,
            _ => spoil(checkout, change),
        }
    }

    fn pipeline(&self) -> String {
        PIPELINE.replace("LEVEL_OF_A", &self.level.to_string())
    }

    /// The same sources in a new place where nothing ever ran.
    fn anew(&self) -> Checkout {
        let mut fresh = Checkout::new();
        fresh.uncached = true;
        fresh.environment.clone_from(&self.checkout.environment);
        for folder in ["src", "lib", "bin"] {
            let copied = Command::new("cp")
                .arg("-a")
                .arg(self.checkout.path(folder))
                .arg(fresh.root())
                .status();
            assert!(copied.unwrap().success());
        }
        fresh
    }
}

/// Changes what jobs made, or what the cache holds of it.
fn spoil(checkout: &Checkout, change: &Change) {
    let path = |name: &str| checkout.path(name);
    match change {
        Change::DeleteOutput(name) => {
            let path = path(OUTPUTS[usize::from(*name)]);
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir_all(&path);
        }
        Change::SpoilOutput(name) => {
            let path = path(OUTPUTS[usize::from(*name)]);
            if path.is_file() {
                fs::write(path, "spoilt").unwrap();
            }
        }
        Change::StaleOutput(number) if path("out/a").is_dir() => {
            checkout.write(&format!("out/a/stale/{number}"), "stale");
        }
        Change::OutputMode(mode) => {
            let file = path("out/a/tool");
            if file.is_file() {
                fs::set_permissions(file, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
        Change::FileForFolder => {
            let _ = fs::remove_dir_all(path("out/a"));
            let _ = fs::remove_file(path("out/a"));
            checkout.write("out/a", "a file");
        }
        Change::LinkForFolder => {
            let _ = fs::remove_dir_all(path("out/a"));
            let _ = fs::remove_file(path("out/a"));
            fs::create_dir_all(path("out")).unwrap();
            symlink("../lib", path("out/a")).unwrap();
        }
        Change::DamageEntry(entry, at) => {
            let mut entries: Vec<_> = fs::read_dir(path(".pilotage/cache/entries"))
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .collect();
            entries.sort();
            if let Some(path) = entries.get(*entry) {
                let mut bytes = fs::read(path).unwrap();
                // From the end, where the contents are.
                let at = bytes.len() - 1 - at % bytes.len();
                bytes[at] ^= 0x20;
                fs::write(path, bytes).unwrap();
            }
        }
        _ => {}
    }
}

async fn compare(changes: Vec<Change>) {
    let mut project = Project::new();
    for change in &changes {
        project.apply(change);
        let text = project.pipeline();
        let mut fresh = project.anew();
        let (cached, plain) = (project.checkout.run(&text).await, fresh.run(&text).await);
        let outputs = [&project.checkout, &fresh].map(|checkout| tree(&checkout.path("out")));
        assert_eq!(outputs[0], outputs[1], "{change:?} of {changes:?}");
        let inputs =
            ["src", "lib", "bin"].map(|name| (tree(&project.checkout.path(name)), tree(&fresh.path(name))));
        assert!(
            inputs.iter().all(|(here, there)| here == there),
            "{change:?}: inputs were touched"
        );
        for name in ["a", "b", "c", "over"] {
            assert_eq!(
                cached.of(name).state,
                State::Succeeded,
                "{name}: {:?}",
                cached.of(name)
            );
            assert_eq!(
                cached.log(name),
                plain.log(name),
                "{name} after {change:?} of {changes:?}"
            );
        }
        // What was just run is in the cache, so that this test cannot pass by never using it.
        let again = project.checkout.run(&text).await;
        assert!(again.ends.values().all(|ended| ended.cached), "{:?}", again.ends);
    }
}

/// Each kind of change at least once, whatever chance brings.
#[tokio::test]
async fn each_change_by_itself_is_noticed() {
    let changes = vec![
        Change::Source(0, 2),
        Change::Mode(0, 0o755),
        Change::Link(0),
        Change::Link(2),
        Change::Library(1, 1),
        Change::Tool(2),
        Change::Flavour(Some(0)),
        Change::Flavour(Some(1)),
        Change::Flavour(None),
        Change::Level(1),
        Change::Tool(1),
        Change::StaleOutput(0),
        Change::SpoilOutput(1),
        Change::DeleteOutput(3),
        Change::OutputMode(0o600),
        Change::FileForFolder,
        Change::LinkForFolder,
        Change::Remove(0),
    ];
    compare(changes).await;
}

/// Every byte of an entry counts, whether or not its files have to be restored.
#[tokio::test]
async fn no_damaged_byte_is_taken() {
    let changes = (0..24).flat_map(|number| {
        [
            Change::DamageEntry(number % 4, number * 7),
            Change::DeleteOutput(3),
        ]
    });
    compare(changes.collect()).await;
}

proptest! {
    #![proptest_config(Config { cases: 8, max_shrink_iters: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_run_with_the_cache_is_a_run_without_it(changes in proptest::collection::vec(change(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(changes));
    }
}
