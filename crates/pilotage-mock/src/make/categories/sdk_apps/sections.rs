//! Sections, documents, common data and icon of an app.

use serde_json::{Value, json};

use super::{APPS, app, parts};
use crate::make::{
    call::Call,
    reply::{Content, Refusal, Reply},
    request::text,
    state::{Row, field},
};

const SECTIONS: [&str; 4] = ["base", "groups", "install", "installSpec"];

/// Longest icon, in bytes once written as hexadecimal digits.
const MOST_ICON_BYTES: usize = 1 << 20;

/// A section that is kept as a text, or `{}` if it never was written.
pub(super) fn kept(row: &Row, section: &str) -> Reply {
    let text = field(row, "sections")[section].as_str().unwrap_or("{}");
    Reply::new(200, Content::Jsonc(text.to_owned()))
}

/// The sections of a row with another text for one of them.
pub(super) fn with(row: &Row, section: &str, text: &str) -> Value {
    let mut sections = field(row, "sections").as_object().cloned().unwrap_or_default();
    sections.insert(section.to_owned(), text.into());
    json!({"sections": sections})
}

pub(super) fn changed() -> Reply {
    Reply::json(json!({"changed": true}))
}

/// `GET /sdk/apps/{}/{}/{}`: a section of the app, or the list of one kind of its parts.
pub(super) fn of_app_or_list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = app(call)?;
    let name = call.parameter(2);
    match name.as_str() {
        "readme" => Ok(Reply::text(field(&own, "readme").as_str().unwrap_or_default())),
        "common" => Ok(Reply::json(
            own.get("common").cloned().unwrap_or_else(|| json!({})),
        )),
        section if SECTIONS.contains(&section) => Ok(kept(&own, section)),
        _ => parts::list(call, parts::kind(&name)?),
    }
}

pub(super) fn set_of_app(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = app(call)?;
    let name = call.parameter(2);
    let body = text(&call.request.body).into_owned();
    let changes = match name.as_str() {
        "readme" => json!({"readme": body}),
        "common" => json!({"common": call.object()?}),
        section if SECTIONS.contains(&section) => with(&own, section, &body),
        _ => return Err(Refusal::not_found()),
    };
    call.change(APPS, changes);
    Ok(changed())
}

pub(super) fn set_icon(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    app(call)?;
    let bytes = &call.request.body;
    let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n");
    if !is_png || bytes.len() > MOST_ICON_BYTES / 2 {
        return Err(Refusal::invalid_input("The icon must be a small PNG."));
    }
    let icon = hex::encode(bytes);
    call.change(APPS, json!({"_icon": icon}));
    Ok(changed())
}

pub(super) fn icon(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = app(call)?;
    let icon = field(&own, "_icon")
        .as_str()
        .and_then(|icon| hex::decode(icon).ok());
    let icon = icon.ok_or_else(Refusal::not_found)?;
    Ok(Reply::new(200, Content::Png(icon)))
}
