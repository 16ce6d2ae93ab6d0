//! Bodies of deliveries in a size that an agent can read: whole where they are short, else an outline to go on from.

use serde_json::{Map, Value};

/// Names and items that an outline shows of one object or list.
const MOST_SHOWN: usize = 40;
/// Characters of a text in an outline.
const MOST_TEXT: usize = 120;
/// Levels that an outline goes down, where there is room.
const MOST_DEPTH: usize = 4;

/// The part of `data` at a path such as `commits[0].author`, `commits.0.author` or `/commits/0/author`.
pub(super) fn part<'a>(data: &'a Value, path: &str) -> Option<&'a Value> {
    if path.starts_with('/') {
        return data.pointer(path);
    }
    let steps = path
        .split(['.', '[', ']'])
        .map(|step| step.trim_matches('"'))
        .filter(|step| !step.is_empty());
    steps.into_iter().try_fold(data, |value, step| match value {
        Value::Object(object) => object.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The value itself if its JSON has at most `most` bytes, else its deepest outline that has, and whether it is an outline.
pub(super) fn bounded(value: &Value, most: usize) -> (Value, bool) {
    if value.to_string().len() <= most {
        return (value.clone(), false);
    }
    let mut outlines = (0..=MOST_DEPTH).rev().map(|depth| outline(value, depth));
    let fitting = outlines.find(|outline| outline.to_string().len() <= most);
    (fitting.unwrap_or_else(|| outline(value, 0)), true)
}

fn outline(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) if text.chars().count() > MOST_TEXT => {
            let shown: String = text.chars().take(MOST_TEXT).collect();
            format!("{shown}… ({} bytes)", text.len()).into()
        }
        Value::Array(items) if depth == 0 && !items.is_empty() => format!("[{} items]", items.len()).into(),
        Value::Object(object) if depth == 0 && !object.is_empty() => {
            format!("{{{} fields}}", object.len()).into()
        }
        Value::Array(items) => {
            let most = if depth < MOST_DEPTH { 3 } else { MOST_SHOWN };
            let mut shown: Vec<_> = items
                .iter()
                .take(most)
                .map(|item| outline(item, depth - 1))
                .collect();
            if items.len() > most {
                shown.push(format!("… {} more", items.len() - most).into());
            }
            shown.into()
        }
        Value::Object(object) => {
            let mut shown: Map<_, _> = object
                .iter()
                .take(MOST_SHOWN)
                .map(|(name, value)| (name.clone(), outline(value, depth - 1)))
                .collect();
            if object.len() > MOST_SHOWN {
                shown.insert(
                    "…".to_owned(),
                    format!("{} more", object.len() - MOST_SHOWN).into(),
                );
            }
            shown.into()
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_short_body_is_whole_and_a_long_one_an_outline_within_the_bound() {
        let short = json!({ "ref": "refs/heads/main" });
        assert_eq!(bounded(&short, 100), (short, false));
        let commits: Vec<_> = (0..500)
            .map(|number| json!({ "id": number, "message": "x".repeat(300), "author": { "name": "a" } }))
            .collect();
        let long = json!({ "ref": "refs/heads/main", "commits": commits, "empty": [] });
        for most in [200, 1_000, 4_000] {
            let (outline, cut) = bounded(&long, most);
            assert!(cut);
            assert!(outline.to_string().len() <= most, "{most}: {outline}");
            assert_eq!(outline["ref"], "refs/heads/main");
        }
        let (outline, _) = bounded(&long, 4_000);
        assert_eq!(outline["commits"][0]["id"], 0);
        assert_eq!(outline["commits"][3], "… 497 more");
    }

    #[test]
    fn parts_are_found_in_every_spelling() {
        let data = json!({ "commits": [{ "author": { "name": "a" } }] });
        for path in [
            "commits[0].author.name",
            "commits.0.author.name",
            "/commits/0/author/name",
        ] {
            assert_eq!(part(&data, path), Some(&json!("a")), "{path}");
        }
        assert_eq!(part(&data, "commits[1]"), None);
        assert_eq!(part(&data, "commits.x"), None);
        assert_eq!(part(&data, ""), Some(&data));
    }
}
