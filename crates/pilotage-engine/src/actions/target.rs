//! Filling in a target: what comes in with an event stays one piece of an address, and cannot choose another path.

use pilotage_core::rule::{Template, TemplateScope};

/// The target with its templates filled in. In an address every value is percent-encoded but for what RFC 3986, section
/// 2.3, leaves unreserved, and no path segment may become `.` or `..`.
///
/// # Errors
/// Says what is missing or refused; trying again would not help.
pub(crate) fn render_target(target: &str, scope: &TemplateScope<'_>) -> Result<String, String> {
    let template = Template::parse(target)?;
    if !is_web(target) || template.is_literal() {
        return template.render_text(scope).map_err(|error| error.to_string());
    }
    let rendered = template
        .render_text_with(scope, percent_encode)
        .map_err(|error| error.to_string())?;
    if has_dot_segment(&rendered) {
        return Err("a value from the event would make a path segment `.` or `..` of the target".into());
    }
    Ok(rendered)
}

fn is_web(target: &str) -> bool {
    target.starts_with("https://") || target.starts_with("http://")
}

fn percent_encode(value: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Clients take `%2e` for a dot as well (WHATWG URL, "double-dot URL path segment"), and a backslash for a slash.
fn has_dot_segment(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".."
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use pilotage_core::{Digest, Event, EventFacts, EventId, TenantId, Timestamp};
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::actions) fn event(data: Value) -> Event {
        Event {
            facts: EventFacts {
                id: EventId(uuid::Uuid::nil()),
                tenant: TenantId::default(),
                source: "make".into(),
                event_type: "ping".into(),
                delivery_id: "d-1".into(),
                timestamp: Timestamp::from_secs(1),
                received_at: Timestamp::from_secs(1),
                verified: true,
                attributes: BTreeMap::new(),
                digest: Digest::ZERO,
            },
            data,
        }
    }

    fn render(target: &str, data: Value) -> Result<String, String> {
        let event = event(data);
        render_target(
            target,
            &TemplateScope {
                event: &event,
                rule: "r",
                execution: "x",
            },
        )
    }

    #[test]
    fn a_value_stays_one_piece_of_an_address() {
        let cases = [
            (
                "https://h/${x}/run",
                json!("a/../admin"),
                "https://h/a%2F..%2Fadmin/run",
            ),
            (
                "https://h/${x}",
                json!("1?admin=1#f"),
                "https://h/1%3Fadmin%3D1%23f",
            ),
            (
                "https://h/q?a=${x}&b=1",
                json!("1&b=2"),
                "https://h/q?a=1%26b%3D2&b=1",
            ),
            ("https://h/${x}", json!("%2e%2e"), "https://h/%252e%252e"),
            ("https://h/${x}", json!("é\\ -._~"), "https://h/%C3%A9%5C%20-._~"),
            ("https://h/${x}", json!(7), "https://h/7"),
            ("https://h/q?a=/${x}/b", json!(".."), "https://h/q?a=/../b"),
            ("https://h/v1..2/${x}", json!("..."), "https://h/v1..2/..."),
            ("https://h/a/../b", json!(0), "https://h/a/../b"),
            ("endpoint", json!(0), "endpoint"),
        ];
        for (target, value, expected) in cases {
            assert_eq!(
                render(target, json!({"x": value})).as_deref(),
                Ok(expected),
                "{target}"
            );
        }
    }

    #[test]
    fn a_value_cannot_climb_out_of_its_path() {
        let targets = [
            ("https://h/a/${x}/b", ".."),
            ("https://h/a/${x}", "."),
            ("https://h/a/${x}?q", ".."),
            ("https://h/a/${x}#f", ".."),
            ("https://h/a/.${x}/b", "."),
            ("https://h/a/.${x}", ""),
            ("https://h/a/${x}${x}/b", "."),
            ("https://h/a/%2E${x}", "."),
            ("https://h/a\\${x}\\b", ".."),
        ];
        for (target, value) in targets {
            let refused = render(target, json!({ "x": value }));
            assert!(refused.is_err(), "{target} gave {refused:?}");
        }
    }
}
