//! What the name of a file says about its text.

/// How values are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Text in a program stands in quotes; what does not is a name.
    Program,
    /// Values may stand bare.
    Bare,
    /// Words for people: translations.
    Wording,
}

const PROGRAMS: &[&str] = &[
    "c", "cc", "cpp", "cs", "cxx", "clj", "cljs", "dart", "ex", "exs", "erl", "go", "groovy", "h", "hpp",
    "hs", "java", "jl", "js", "jsx", "kt", "kts", "lua", "m", "mjs", "cjs", "mm", "nim", "php", "pl", "pm",
    "py", "r", "rb", "rs", "scala", "sol", "swift", "tf", "ts", "tsx", "vb", "vue", "zig", "ps1", "psm1",
    "sql", "html", "htm", "css", "scss", "less", "json", "ipynb", "erb", "svelte",
];

impl FileKind {
    /// Of a path with `/` between its parts.
    pub(super) fn of(path: &str) -> Self {
        let small = path.to_ascii_lowercase();
        let (folders, name) = small.rsplit_once('/').unwrap_or(("", &small));
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_wording = folders
            .split('/')
            .any(|folder| matches!(folder, "locale" | "locales" | "i18n" | "translations" | "lang"))
            || matches!(extension, "po" | "pot" | "xlf" | "arb" | "strings");
        match extension {
            _ if is_wording => Self::Wording,
            _ if PROGRAMS.contains(&extension) => Self::Program,
            _ => Self::Bare,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FileKind;

    #[test]
    fn names_of_files_say_how_values_are_written() {
        for (path, kind) in [
            ("src/main.rs", FileKind::Program),
            ("a/.env", FileKind::Bare),
            ("Dockerfile", FileKind::Bare),
            ("deploy/values.YAML", FileKind::Bare),
            ("config/locales/pt-BR.yml", FileKind::Wording),
            ("web/messages.po", FileKind::Wording),
        ] {
            assert_eq!(FileKind::of(path), kind, "{path}");
        }
    }
}
