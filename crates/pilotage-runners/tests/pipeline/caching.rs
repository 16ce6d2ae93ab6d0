//! What is kept, what is taken from the cache, and what is said about it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use pilotage_core::Digest;
use pilotage_runners::pipeline::State;

use crate::Checkout;

const TWO: &str = r#"
on: {push: {}}
jobs:
  build:
    inputs: {files: [src]}
    outputs: [out]
    steps: [{run: "mkdir -p out; cat src/* > out/all; echo built"}]
  test:
    needs: [build]
    inputs: {files: [tests]}
    steps: [{run: "cat out/all tests/*; echo tested"}]
"#;

fn two() -> Checkout {
    let checkout = Checkout::new();
    checkout.write("src/a", "a\n");
    checkout.write("tests/t", "t\n");
    checkout
}

const RAN: bool = false;
const CACHED: bool = true;

#[tokio::test]
async fn only_what_depends_on_a_change_runs() {
    let mut checkout = two();
    let ok = State::Succeeded;
    checkout
        .run(TWO)
        .await
        .expect(&[("build", ok, RAN), ("test", ok, RAN)]);
    let again = checkout.run(TWO).await;
    again.expect(&[("build", ok, CACHED), ("test", ok, CACHED)]);
    assert!(again.log("test").ends_with("tested\n"), "the log is replayed");
    checkout.write("tests/t", "other\n");
    let came = checkout.run(TWO).await;
    came.expect(&[("build", ok, CACHED), ("test", ok, RAN)]);
    assert_eq!(came.of("test").reason, "runs because tests/t changed");
    checkout.write("src/b", "b\n");
    let came = checkout.run(TWO).await;
    came.expect(&[("build", ok, RAN), ("test", ok, RAN)]);
    assert_eq!(came.of("build").reason, "runs because src/b was added");
    // What `build` makes is the same, whatever its sources are called.
    fs::rename(checkout.path("src/b"), checkout.path("src/c")).unwrap();
    checkout
        .run(TWO)
        .await
        .expect(&[("build", ok, RAN), ("test", ok, CACHED)]);
}

#[tokio::test]
async fn two_checkouts_with_a_shared_folder_repeat_nothing() {
    let shared = tempfile::tempdir().unwrap();
    let (mut here, mut there) = (two(), two());
    here.shared = Some(shared.path().to_str().unwrap().to_owned());
    there.shared = Some(format!("file://{}", shared.path().display()));
    here.run(TWO).await;
    let came = there.run(TWO).await;
    came.expect(&[
        ("build", State::Succeeded, CACHED),
        ("test", State::Succeeded, CACHED),
    ]);
    assert_eq!(there.read("out/all"), "a\n");
    assert!(
        came.of("build").reason.ends_with("1 file restored"),
        "{:?}",
        came.of("build")
    );
}

/// The entries of a checkout.
fn entries(checkout: &Checkout) -> Vec<std::path::PathBuf> {
    let found = fs::read_dir(checkout.path(".pilotage/cache/entries")).unwrap();
    found.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_damaged_entry_is_a_miss_and_says_so() {
    let mut checkout = two();
    checkout.run(TWO).await;
    for path in entries(&checkout) {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    fs::remove_dir_all(checkout.path("out")).unwrap();
    let came = checkout.run(TWO).await;
    came.expect(&[("build", State::Succeeded, RAN), ("test", State::Succeeded, RAN)]);
    assert!(
        came.notes
            .iter()
            .any(|note| note.contains("the content of out/all is damaged")),
        "{:?}",
        came.notes
    );
    assert!(
        came.notes.iter().any(|note| note.contains("its log is damaged")),
        "{:?}",
        came.notes
    );
    assert_eq!(checkout.read("out/all"), "a\n");
    checkout
        .run(TWO)
        .await
        .expect(&[("build", State::Succeeded, CACHED)]);
}

/// Rewrites the manifest of every entry, with digests that hold.
fn forge(checkout: &Checkout, from: &str, to: &str) {
    for path in entries(checkout) {
        let bytes = fs::read(&path).unwrap();
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length: usize = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (manifest, rest) = bytes[end + 1..].split_at(length);
        let manifest = String::from_utf8(manifest.to_vec()).unwrap().replace(from, to);
        let kind = head.split(' ').next().unwrap();
        let digest = Digest::of(manifest.as_bytes());
        let mut forged = format!("{kind} {} {digest}\n{manifest}", manifest.len()).into_bytes();
        forged.extend_from_slice(rest);
        fs::write(path, forged).unwrap();
    }
}

#[tokio::test]
async fn a_hostile_entry_writes_nowhere() {
    for target in [
        "../evil",
        "/tmp/evil",
        "src/evil",
        "out/../src/evil",
        ".git/hooks/evil",
    ] {
        let mut checkout = two();
        checkout.run(TWO).await;
        forge(&checkout, "\"out/all\"", &format!("\"{target}\""));
        fs::remove_dir_all(checkout.path("out")).unwrap();
        let came = checkout.run(TWO).await;
        came.expect(&[("build", State::Succeeded, RAN)]);
        assert!(
            came.notes
                .iter()
                .any(|note| note.contains("is not among the files")),
            "{:?}",
            came.notes
        );
        assert!(!checkout.root().join(target).exists(), "{target}");
    }
}

#[tokio::test]
async fn nothing_is_restored_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    let mut checkout = two();
    let text = TWO
        .replace("outputs: [out]", "outputs: [out/deep/all]")
        .replace("out/all", "out/deep/all");
    let text = text.replace("mkdir -p out;", "mkdir -p out/deep;");
    checkout
        .run(&text)
        .await
        .expect(&[("build", State::Succeeded, RAN)]);
    fs::remove_dir_all(checkout.path("out")).unwrap();
    symlink(outside.path(), checkout.path("out")).unwrap();
    let came = checkout.run(&text).await;
    assert!(
        came.notes.iter().any(|note| note.contains("out is no folder")),
        "{:?}",
        came.notes
    );
    assert!(!came.of("build").cached);
}

#[tokio::test]
async fn what_cannot_be_kept_says_why() {
    let mut checkout = two();
    checkout.set("TOKEN", "a-secret-token");
    // Jobs run side by side, so what one changes is no input of another.
    checkout.write("still/a", "a\n");
    let text = r#"
on: {push: {}}
jobs:
  plain: {steps: [{run: "true"}]}
  after: {needs: [plain], inputs: {files: [still]}, steps: [{run: "true"}]}
  secret: {inputs: {files: [still]}, steps: [{run: "true", secrets: [TOKEN]}]}
  nothing: {inputs: {files: [absent]}, steps: [{run: "true"}]}
  unsettled: {inputs: {files: [src]}, steps: [{run: "echo more >> src/a"}]}
  outside: {inputs: {files: [still]}, outputs: [out/link], steps: [{run: "mkdir -p out; ln -sf /etc/passwd out/link"}]}
"#;
    for _ in 0..2 {
        let came = checkout.run(text).await;
        assert!(
            came.ends
                .values()
                .all(|ended| ended.state == State::Succeeded && !ended.cached),
            "{:?}",
            came.ends
        );
        let why = |task: &str| came.of(task).reason.clone();
        assert_eq!(why("plain"), "never cached: it declares no `inputs`");
        assert!(why("after").contains("it needs `plain`"), "{}", why("after"));
        assert!(why("secret").contains("it is given secrets"));
        assert!(why("nothing").contains("name no file"));
        let noted = |words: &str| came.notes.iter().any(|note| note.contains(words));
        assert!(
            noted("unsettled: its result is not cached: src/a changed while it ran"),
            "{:?}",
            came.notes
        );
        assert!(noted("points out of the repository"), "{:?}", came.notes);
    }
}

#[tokio::test]
async fn files_of_people_are_never_removed() {
    let mut checkout = two();
    checkout.write(".gitignore", "/.pilotage\n");
    checkout.write("out/mine", "written by hand\n");
    checkout
        .run(TWO)
        .await
        .expect(&[("build", State::Succeeded, RAN)]);
    checkout.write("src/a", "changed\n");
    checkout
        .run(TWO)
        .await
        .expect(&[("build", State::Succeeded, RAN)]);
    checkout.write("src/a", "a\n");
    checkout
        .run(TWO)
        .await
        .expect(&[("build", State::Succeeded, CACHED)]);
    assert_eq!(
        (
            checkout.read("out/mine").as_str(),
            checkout.read("out/all").as_str()
        ),
        ("written by hand\n", "a\n")
    );
    checkout.write("out/mine", "and again\n");
    checkout
        .run(TWO)
        .await
        .expect(&[("build", State::Succeeded, RAN)]);
    assert_eq!(checkout.read("out/mine"), "and again\n");
}

#[tokio::test]
async fn a_preview_is_what_becomes_true() {
    let mut checkout = two();
    let before = checkout.preview(TWO).await;
    assert!(before["build"].runs && before["test"].runs, "{before:?}");
    assert!(before["test"].reason.contains("`build` runs"), "{before:?}");
    assert!(!checkout.path("out").exists(), "a preview does nothing");
    checkout.run(TWO).await;
    // Also while what `build` made is not there: it would be restored.
    fs::remove_dir_all(checkout.path("out")).unwrap();
    let after = checkout.preview(TWO).await;
    assert!(after["build"].cached && after["test"].cached, "{after:?}");
}

#[tokio::test]
async fn a_mode_is_an_input_and_an_output() {
    let mut checkout = two();
    let text = TWO.replace("cat src/* > out/all", "cp --preserve=mode src/a out/all");
    checkout.run(&text).await;
    let set =
        |mode: u32| fs::set_permissions(checkout.path("src/a"), fs::Permissions::from_mode(mode)).unwrap();
    set(0o750);
    let mut checkout = checkout;
    checkout
        .run(&text)
        .await
        .expect(&[("build", State::Succeeded, RAN)]);
    fs::remove_file(checkout.path("out/all")).unwrap();
    checkout
        .run(&text)
        .await
        .expect(&[("build", State::Succeeded, CACHED)]);
    let mode = fs::metadata(checkout.path("out/all"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o750);
}
