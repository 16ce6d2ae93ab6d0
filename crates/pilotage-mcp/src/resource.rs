//! What a resource is: data, one `read`, and perhaps completions of its id.

use futures::future::BoxFuture;
use pilotage_core::ports::Role;
use serde_json::Value;

use crate::{answer::ToolError, context::Context, toolset::Toolset};

/// Something with an address that clients may read and show.
///
/// A noun has one file with `pub(crate) static RESOURCES: &[Resource]`, and that file one line in `resources/mod.rs`.
#[derive(Debug)]
pub struct Resource {
    /// A fixed address, or one with one `{name}` for an id: `pilotage://events/{id}`. Unique.
    pub uri: &'static str,
    /// Kebab-case, unique.
    pub name: &'static str,
    /// For people, a few words.
    pub title: &'static str,
    /// What is there, and when to read it.
    pub description: &'static str,
    /// For example `application/json`.
    pub mime_type: &'static str,
    /// With which tools it is offered.
    pub toolset: &'static Toolset,
    /// The least role that may read it.
    pub role: Role,
    /// Whether it carries text that strangers wrote.
    pub untrusted: bool,
    /// Whether its changes are told through `Backends::changes`, so that clients may subscribe to it.
    pub watched: bool,
    /// Reads it; the text is the id out of the address, empty where the address is fixed.
    pub read: for<'a> fn(&'a Context, &'a str) -> BoxFuture<'a, Result<Content, ToolError>>,
    /// Ids that begin with a text.
    pub complete: Option<Complete>,
}

/// Answers what could stand behind the letters that somebody has typed, at most 100.
pub type Complete = for<'a> fn(&'a Context, &'a str) -> BoxFuture<'a, Vec<String>>;

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Shown as compact JSON.
    Json(Value),
    /// Shown as it is.
    Text(String),
    /// Shown as base64.
    Binary(Vec<u8>),
}

impl Resource {
    /// The name of the id in its address, and the texts before and behind it.
    pub(crate) fn template(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let (before, rest) = self.uri.split_once('{')?;
        let (name, behind) = rest.split_once('}')?;
        Some((before, name, behind))
    }

    /// The id in `uri` if that is an address of this resource; empty where the address is fixed.
    pub(crate) fn id_in<'a>(&self, uri: &'a str) -> Option<&'a str> {
        match self.template() {
            None => (self.uri == uri).then_some(""),
            Some((before, _, behind)) => {
                let id = uri.strip_prefix(before)?.strip_suffix(behind)?;
                (!id.is_empty() && !id.contains('/')).then_some(id)
            }
        }
    }
}
