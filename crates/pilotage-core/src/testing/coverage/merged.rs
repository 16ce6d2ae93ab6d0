//! The merged model as others read it.

use std::fmt::Write as _;

use super::{Coverage, FileCoverage};

/// All of it as LCOV (`man geninfo`): tools that show coverage beside the source read this.
pub fn lcov(coverage: &Coverage) -> String {
    let mut out = String::new();
    for (path, file) in coverage.files() {
        // A line break in a path would be a record of its own.
        if !path.contains(['\n', '\r']) {
            write_file(&mut out, path, file);
        }
    }
    out
}

fn write_file(out: &mut String, path: &str, file: &FileCoverage) {
    let [lines, branches, functions] = file.shares();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "TN:\nSF:{path}");
    let clean = |name: &str| name.replace(['\n', '\r'], " ");
    for (line, name, _) in file.functions() {
        let _ = writeln!(out, "FN:{line},{}", clean(name));
    }
    for (_, name, hits) in file.functions() {
        let _ = writeln!(out, "FNDA:{hits},{}", clean(name));
    }
    for (line, named) in file.branches() {
        for (place, hits) in named.values().enumerate() {
            let _ = writeln!(out, "BRDA:{line},0,{place},{hits}");
        }
    }
    for (line, hits) in file.lines() {
        let _ = writeln!(out, "DA:{line},{hits}");
    }
    for (share, [found, hit]) in [
        (functions, ["FNF", "FNH"]),
        (branches, ["BRF", "BRH"]),
        (lines, ["LF", "LH"]),
    ] {
        if let Some(share) = share {
            let _ = writeln!(out, "{found}:{}\n{hit}:{}", share.total, share.covered);
        }
    }
    out.push_str("end_of_record\n");
}

/// Line numbers in order as people read them: `3-5, 9`.
pub fn ranges(lines: &[u32], most: usize) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match parts.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(*line) => *end = *line,
            _ => parts.push((*line, *line)),
        }
    }
    let shown = parts.iter().take(most).map(|(from, to)| {
        if from == to {
            from.to_string()
        } else {
            format!("{from}-{to}")
        }
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if parts.len() > most {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_one_range() {
        for (lines, expected) in [
            (&[] as &[u32], ""),
            (&[3], "3"),
            (&[3, 4, 5, 9], "3-5, 9"),
            (&[1, 3, 5, 7], "1, 3, 5, …"),
        ] {
            assert_eq!(ranges(lines, 3), expected);
        }
    }

    #[test]
    fn a_file_is_written_with_what_is_known_alone() {
        let mut coverage = Coverage::default();
        coverage.line("a.go", "go", 1, 3).unwrap();
        coverage.line("a\nSF:b", "go", 1, 3).unwrap();
        assert_eq!(
            lcov(&coverage),
            "TN:\nSF:a.go\nDA:1,3\nLF:1\nLH:1\nend_of_record\n"
        );
    }
}
