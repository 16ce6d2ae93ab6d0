//! Problem documents (RFC 9457) as people read them.

use std::fmt;

use pilotage_core::config;
use serde::Deserialize;

use crate::findings::Finding;

/// What the server has against a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    /// HTTP status.
    pub(crate) status: u16,
    /// The kind of problem, in words.
    title: String,
    /// This one, in words.
    detail: Option<String>,
    /// Each place that is wrong.
    pub(crate) errors: Vec<Fault>,
    /// It is a problem document, and not whatever stands between.
    #[serde(skip)]
    is_ours: bool,
}

/// One place that is wrong in what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    pointer: String,
    message: String,
    help: Option<String>,
}

impl From<&Fault> for config::Problem {
    fn from(fault: &Fault) -> Self {
        let problem = Self::at(&fault.pointer, &fault.message);
        match &fault.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        config::Problem::from(self).fmt(f)
    }
}

impl Default for Problem {
    fn default() -> Self {
        Self {
            status: 0,
            title: "the server refuses this".to_owned(),
            detail: None,
            errors: Vec::new(),
            is_ours: false,
        }
    }
}

impl Problem {
    /// From the body of an answer; one that is no problem document is quoted, as whatever stands between may have written it.
    pub(crate) fn from_text(status: u16, text: &str) -> Self {
        // A list would be read as the fields in their order.
        let parsed = Some(text)
            .filter(|text| text.trim_start().starts_with('{'))
            .and_then(|text| serde_json::from_str::<Self>(text).ok())
            .filter(|problem| problem.status != 0);
        let is_ours = parsed.is_some();
        let problem = parsed.unwrap_or_else(|| Self {
            title: format!("the server answered {status}"),
            detail: Some(text.trim().chars().take(300).collect()),
            ..Self::default()
        });
        Self {
            status,
            is_ours,
            ..problem
        }
    }

    /// Each place that is wrong, for programs.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let problems = self.errors.iter().map(config::Problem::from);
        problems.map(|problem| Finding::from(&problem)).collect()
    }

    /// What is wrong, without what is for callers of the API. Where the detail says it all, the title would only say it
    /// twice: "There is no such thing: there is no event ...".
    pub(crate) fn summary(&self) -> String {
        let detail = self
            .detail
            .as_deref()
            .filter(|detail| !detail.is_empty() && *detail != self.title);
        match detail {
            Some(detail) if self.is_ours && matches!(self.status, 400 | 403 | 404 | 409 | 422) => {
                detail.to_owned()
            }
            Some(detail) => format!("{}: {detail}", self.title),
            None => self.title.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        for fault in &self.errors {
            write!(f, "\n  {fault}")?;
        }
        match self.status {
            401 => f.write_str(
                "\nPass a token with --token-file FILE or in PILOTAGE_TOKEN; `pilotage token create NAME --role ROLE`, \
                 run where the server's data lies, makes one.",
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_told_with_their_places() {
        let text = r#"{"type":"about:blank","title":"What was sent does not hold","status":422,"detail":"the rules have 1 problem(s)",
            "errors":[{"pointer":"/trigger/source","message":"there is no source `gihub`","help":"did you mean `github`?"}]}"#;
        insta::assert_snapshot!(Problem::from_text(422, text), @r"
        the rules have 1 problem(s)
          /trigger/source: there is no source `gihub` (did you mean `github`?)
        ");
    }

    #[test]
    fn what_is_no_problem_document_is_quoted() {
        let cases = [
            (
                "<html>Bad Gateway</html>",
                "the server answered 502: <html>Bad Gateway</html>",
            ),
            ("", "the server answered 502"),
            ("{}", "the server answered 502: {}"),
            ("[1]", "the server answered 502: [1]"),
        ];
        for (text, expected) in cases {
            assert_eq!(Problem::from_text(502, text).to_string(), expected);
        }
    }

    #[test]
    fn a_missing_token_is_explained() {
        assert!(Problem::from_text(401, "{}").to_string().contains("--token-file"));
    }
}
