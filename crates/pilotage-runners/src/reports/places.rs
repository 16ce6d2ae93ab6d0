//! Where the files of reports are: tools write whole paths, paths from the folder that they ran in, from a source root, or by
//! the name of a module.

use std::path::{Path, PathBuf};

/// Most folders above a report that its paths may be from.
const MOST_FOLDERS: usize = 12;

/// Where paths of reports may be from.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The folder of the repository, as it was given and without links.
    roots: Vec<PathBuf>,
    /// Folders that the report's own paths may be from, from the root, most likely first.
    folders: Vec<String>,
    /// Modules of Go with their folders.
    modules: Vec<(String, String)>,
}

impl Places {
    /// Paths of a repository.
    pub fn of(root: &Path) -> Self {
        let mut roots = vec![root.to_owned()];
        if let Ok(whole) = root.canonicalize()
            && whole != root
        {
            roots.push(whole);
        }
        let mut places = Self {
            roots,
            ..Self::default()
        };
        places.add_module("");
        places
    }

    /// Knows the module of Go in this folder, if there is one.
    pub fn add_module(&mut self, folder: &str) {
        let file = self.roots.first().map(|root| root.join(folder).join("go.mod"));
        let text = file.filter(|file| file.metadata().is_ok_and(|about| about.len() < 1 << 20));
        let text = text
            .and_then(|file| std::fs::read_to_string(file).ok())
            .unwrap_or_default();
        let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
        if let Some(name) = name {
            let name = name.trim().trim_matches('"').to_owned();
            self.modules.push((name, folder.to_owned()));
        }
    }

    /// Paths of the next report are looked for in this folder first.
    pub fn look_in(&mut self, folder: &str) {
        self.folders = vec![folder.to_owned()];
    }

    /// Paths of the next report are looked for in the folders above it, the nearest first.
    pub fn look_above(&mut self, report: &Path) {
        let whole = report.canonicalize().unwrap_or_else(|_| report.to_owned());
        let within = self.roots.iter().find_map(|root| whole.strip_prefix(root).ok());
        let above = within.into_iter().flat_map(|within| within.ancestors().skip(1));
        self.folders = above
            .take(MOST_FOLDERS)
            .map(|folder| folder.display().to_string())
            .collect();
    }

    /// The path that a file is kept by: from the root with slashes, or as it is where it is not of the repository.
    pub fn path(&self, raw: &str, sources: &[String]) -> String {
        let path = plain(raw);
        if is_whole(&path) {
            return self.within(&path).unwrap_or(path);
        }
        let by_module = self.modules.iter().find_map(|(module, folder)| {
            let rest = path.strip_prefix(module.as_str())?.strip_prefix('/')?;
            Some(joined(folder, rest))
        });
        by_module
            .or_else(|| sources.iter().find_map(|source| self.below(source, &path)))
            .or_else(|| {
                self.folders
                    .iter()
                    .map(|folder| joined(folder, &path))
                    .find(|path| self.has(path))
            })
            .unwrap_or(path)
    }

    /// A path from a source root, if there is such a file.
    fn below(&self, source: &str, path: &str) -> Option<String> {
        let whole = plain(&format!("{source}/{path}"));
        let path = if is_whole(&whole) {
            self.within(&whole)?
        } else {
            whole
        };
        self.has(&path).then_some(path)
    }

    /// A whole path from the root. One of another machine is known by its end, if at least a folder and a name of it are here.
    fn within(&self, path: &str) -> Option<String> {
        let below = |root: &PathBuf| Some(path.strip_prefix(root.to_str()?)?.strip_prefix('/')?.to_owned());
        if let Some(path) = self.roots.iter().find_map(below) {
            return Some(path);
        }
        let mut rest = path.trim_start_matches('/');
        while let Some((_, end)) = rest.split_once('/') {
            if end.contains('/') && self.has(end) {
                return Some(end.to_owned());
            }
            rest = end;
        }
        None
    }

    fn has(&self, path: &str) -> bool {
        self.roots.first().is_some_and(|root| root.join(path).is_file())
    }
}

/// Whether a path is one from the root of a machine.
pub(crate) fn is_whole(path: &str) -> bool {
    let drive = path.as_bytes();
    path.starts_with('/') || matches!(drive, [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

fn joined(folder: &str, path: &str) -> String {
    plain(&format!("{folder}/{path}"))
        .trim_start_matches('/')
        .to_owned()
}

/// With slashes, without `.` and, as far as they can be, without `..`.
fn plain(raw: &str) -> String {
    let slashed = if raw.contains('/') && !raw.contains(":\\") {
        raw.to_owned()
    } else {
        raw.replace('\\', "/")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in slashed.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    let start = if slashed.starts_with('/') { "/" } else { "" };
    format!("{start}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_by_one_path_however_a_report_calls_it() {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "src/a.ts",
            "web/src/a.ts",
            "web/src/b.ts",
            "go/pkg/x.go",
            "lib/math.py",
        ] {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        std::fs::write(
            root.path().join("go/go.mod"),
            "// x\nmodule example.com/mod // y\n".replace(" // y", ""),
        )
        .unwrap();
        let mut places = Places::of(root.path());
        places.add_module("go");
        let whole = |path: &str| root.path().join(path).display().to_string();
        let here = root.path().display().to_string();
        // The folder that the report is of, a source root, the path in it, what it is kept by.
        let cases = [
            ("", "", whole("src/a.ts"), "src/a.ts"),
            ("", "", "./src/../src//a.ts".to_owned(), "src/a.ts"),
            ("", "", "src\\a.ts".to_owned(), "src/a.ts"),
            ("web", "", "src/a.ts".to_owned(), "web/src/a.ts"),
            (
                "",
                "",
                "/home/runner/work/p/p/web/src/b.ts".to_owned(),
                "web/src/b.ts",
            ),
            ("", "", "C:\\work\\p\\web\\src\\b.ts".to_owned(), "web/src/b.ts"),
            ("", "", "/usr/lib/math.py".to_owned(), "lib/math.py"),
            ("", "", "/usr/share/other.py".to_owned(), "/usr/share/other.py"),
            ("", "", "example.com/mod/pkg/x.go".to_owned(), "go/pkg/x.go"),
            ("", "lib", "math.py".to_owned(), "lib/math.py"),
            ("", &format!("{here}/lib"), "math.py".to_owned(), "lib/math.py"),
            ("", "/elsewhere/web", "src/b.ts".to_owned(), "web/src/b.ts"),
            ("", "", "gone.ts".to_owned(), "gone.ts"),
            ("", "", "../../etc/passwd".to_owned(), "../../etc/passwd"),
        ];
        for (folder, source, raw, expected) in cases {
            places.look_in(folder);
            let sources = [source.to_owned()]
                .into_iter()
                .filter(|source| !source.is_empty());
            let sources: Vec<_> = sources.collect();
            assert_eq!(places.path(&raw, &sources), expected, "{folder} {source} {raw}");
        }
        places.look_above(&root.path().join("web/coverage/lcov.info"));
        assert_eq!(places.path("src/b.ts", &[]), "web/src/b.ts");
    }
}
