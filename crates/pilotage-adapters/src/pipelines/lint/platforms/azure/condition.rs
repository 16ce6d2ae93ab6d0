//! Conditions of Azure DevOps. Source: <https://learn.microsoft.com/en-us/azure/devops/pipelines/process/expressions>.

use serde_json::Value;

use super::{super::super::view::View, words::FUNCTIONS};

/// Functions, brackets and quotes of a condition.
pub(super) fn condition(value: &Value, at: &str, view: &mut View) {
    let Some(text) = value.as_str() else { return };
    if text.contains("${{") {
        return;
    }
    let (mut depth, mut word, mut in_text) = (0_i32, String::new(), false);
    for letter in text.chars() {
        if letter == '\'' {
            in_text = !in_text;
        }
        if in_text {
            continue;
        }
        match letter {
            '(' => {
                depth += 1;
                let name = std::mem::take(&mut word);
                if !FUNCTIONS.contains(&name.to_ascii_lowercase().as_str()) {
                    view.note("conditions", at, format!("there is no function `{name}`"));
                }
            }
            ')' => depth -= 1,
            '"' => {
                view.note("conditions", at, "texts stand in single quotes");
                return;
            }
            '=' | '&' | '|' | '!' | '<' | '>' => {
                view.note(
                    "conditions",
                    at,
                    format!("`{letter}` is no operator here; there are functions such as `eq` and `and`"),
                );
                return;
            }
            letter if letter.is_ascii_alphanumeric() => word.push(letter),
            _ => word.clear(),
        }
        if depth < 0 {
            break;
        }
    }
    if depth != 0 || in_text {
        view.note(
            "conditions",
            at,
            format!("the brackets or quotes of `{text}` do not match"),
        );
    }
}
