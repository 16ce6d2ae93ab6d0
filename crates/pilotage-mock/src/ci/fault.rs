//! What goes wrong because it was asked for.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Something that goes wrong before the model is asked, or while it answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CiFault {
    /// Only requests with this method.
    pub method: Option<String>,
    /// Only requests whose path holds this text.
    pub path: String,
    /// How often; without it until the next fault is set.
    pub times: Option<u32>,
    /// Answers this status; the model is not asked.
    pub status: Option<u16>,
    /// Further headers of the answer.
    pub headers: BTreeMap<String, String>,
    /// The body of the answer with `status`.
    pub body: String,
    /// The model is asked, and the connection breaks after so many bytes of what it answers.
    pub break_after_bytes: Option<usize>,
    /// The model is asked, and the connection breaks without an answer.
    pub reset: bool,
}

impl CiFault {
    /// Whether it is for this request; counts it if so.
    pub(super) fn takes(&mut self, method: &str, path: &str) -> bool {
        let is_meant = self.method.as_deref().is_none_or(|wanted| wanted == method)
            && path.contains(&self.path)
            && self.times != Some(0);
        if is_meant {
            self.times = self.times.map(|times| times - 1);
        }
        is_meant
    }
}
