//! Conditions of rules. Source: <https://docs.gitlab.com/ci/jobs/job_rules/>.

/// Variables, texts and patterns, joined by operators. Source: <https://docs.gitlab.com/ci/jobs/job_rules/>.
pub(super) fn problem(text: &str) -> Option<String> {
    let (mut rest, mut depth, mut wants_value) = (text.trim(), 0_i32, true);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' if wants_value => {
                depth += 1;
                1
            }
            ')' if !wants_value => {
                depth -= 1;
                1
            }
            '"' | '\'' | '/' if wants_value => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, letter)| {
                    let ends = *letter == first && !escaped;
                    escaped = *letter == '\\' && !escaped;
                    ends
                });
                let Some((end, _)) = end else {
                    return Some(format!("`{first}` is never closed in `{text}`"));
                };
                wants_value = false;
                let after = rest.get(end + 1..).unwrap_or_default();
                let flags = if first == '/' {
                    after.chars().take_while(char::is_ascii_alphabetic).count()
                } else {
                    0
                };
                end + 1 + flags
            }
            '$' if wants_value => {
                let name = rest
                    .chars()
                    .skip(1)
                    .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                    .count();
                if name == 0 {
                    return Some(format!("a variable has no name in `{text}`"));
                }
                wants_value = false;
                name + 1
            }
            'n' if wants_value && rest.starts_with("null") => {
                wants_value = false;
                4
            }
            '!' if wants_value && !rest.starts_with("!=") && !rest.starts_with("!~") => 1,
            _ if !wants_value
                && ["==", "!=", "=~", "!~", "&&", "||"]
                    .iter()
                    .any(|operator| rest.starts_with(operator)) =>
            {
                wants_value = true;
                2
            }
            _ => {
                return Some(format!(
                    "`{text}` cannot be read from `{}` on",
                    rest.chars().take(20).collect::<String>()
                ));
            }
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    if depth != 0 {
        return Some(format!("the brackets of `{text}` do not match"));
    }
    wants_value.then(|| format!("`{text}` ends too early"))
}
