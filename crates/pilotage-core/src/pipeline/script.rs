//! Commands for bash of the built-in steps that are the same everywhere. Values come in through the environment.

use super::{Container, NotifyFile};

/// Fails below `threshold` percent of covered lines in a Cobertura file (`line-rate` of its root).
pub fn coverage(file: &str, threshold: u32) -> String {
    format!(
        "rate=$(grep -o -m 1 'line-rate=\"[0-9.]*\"' {file} | head -n 1 | tr -cd '0-9.')\n\
         awk -v rate=\"$rate\" -v least={threshold} 'BEGIN {{\n  \
         printf \"%.1f %% of the lines are covered, at least {threshold} %% are asked.\\n\", rate * 100\n  \
         exit (rate == \"\" || rate * 100 < least)\n}}'",
        file = quote(file)
    )
}

/// Asks the gates of an environment.
pub fn gate(environment: &str) -> String {
    format!("pilotage gate run --env {}", quote(environment))
}

/// Signs in to a registry with a name and a password from the environment; the password is in no list of processes.
pub fn sign_in(user: &str, password: &str, registry: Option<&str>) -> String {
    let mut line =
        format!("printf '%s' \"${password}\" | docker login --username \"${user}\" --password-stdin");
    if let Some(registry) = registry {
        line.push(' ');
        line.push_str(&quote(registry));
    }
    line
}

/// Builds an image under `names`, which are words of the shell already, and pushes it.
pub fn image(container: &Container, names: &[String]) -> Vec<String> {
    let mut build = format!("docker build --pull --file {}", quote(&container.file));
    for name in names {
        build.push_str(" --tag ");
        build.push_str(name);
    }
    build.push(' ');
    build.push_str(&quote(&container.context));
    let pushes = names.iter().map(|name| format!("docker push {name}"));
    let mut lines = vec![build];
    lines.extend(pushes.filter(|_| container.push));
    lines
}

/// Posts a text and the address of the run, `$RUN_URL`, to an incoming webhook.
pub fn notify(notify: &NotifyFile) -> String {
    let text = serde_json::Value::String(format!("{} ", notify.text)).to_string();
    // Without its closing quote: the address is put before that.
    let start = quote(&format!("{{\"text\":{}", text.strip_suffix('"').unwrap_or(&text)));
    format!(
        "printf '%s%s\"}}' {start} \"$RUN_URL\" |\n  \
         curl --fail --silent --show-error --header 'Content-Type: application/json' --data @- \"${}\"",
        notify.webhook_secret
    )
}

/// One word for the shell, whatever it holds.
pub fn quote(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_a_word() {
        let table = [
            ("a/b.xml", "a/b.xml"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's; rm", "'it'\\''s; rm'"),
            ("$HOME", "'$HOME'"),
        ];
        for (text, expected) in table {
            assert_eq!(quote(text), expected);
        }
    }
}
