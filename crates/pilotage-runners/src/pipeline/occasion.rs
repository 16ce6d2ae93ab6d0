//! What a run is about: what conditions ask, and what templates are filled with.

use std::{collections::BTreeMap, path::Path};

use pilotage_core::pipeline::{Combination, Pattern, Pipeline, Reference, Template, Trigger, When};

use crate::process;

/// What is built, and why.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// What would have started the run at a platform.
    pub event: Trigger,
    /// The branch, as git or a person says.
    pub branch: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// The commit; empty outside of a repository.
    pub sha: String,
    /// The title of the commit.
    pub title: String,
    /// Answers to the questions of the pipeline.
    pub inputs: BTreeMap<String, String>,
}

impl Occasion {
    /// What git says of `root`. A commit that is checked out by itself has the tag that names it, if one does.
    pub async fn of(root: &Path, event: Trigger) -> Self {
        let git = async |arguments: &[&str]| process::git(root, arguments).await.ok();
        let head = git(&["log", "-1", "--format=%H%n%s"]).await.unwrap_or_default();
        let (sha, title) = head.split_once('\n').unwrap_or((&head, ""));
        let branch = git(&["symbolic-ref", "--short", "--quiet", "HEAD"]).await;
        let tag = match branch {
            None if !sha.is_empty() => git(&["describe", "--tags", "--exact-match"]).await,
            _ => None,
        };
        Self {
            event,
            branch,
            tag,
            sha: sha.to_owned(),
            title: title.to_owned(),
            inputs: BTreeMap::new(),
        }
    }

    /// Takes an answer to a question of the pipeline.
    ///
    /// # Errors
    /// Nobody asks that, or the answer is not one of those to choose from; the text is for people.
    pub fn answer(&mut self, pipeline: &Pipeline, name: &str, answer: &str) -> Result<(), String> {
        let mut asked = pipeline.triggers.inputs();
        let Some((_, input)) = asked.find(|(known, _)| *known == name) else {
            return Err(format!("The pipeline has no input called `{name}`."));
        };
        if !input.options.is_empty() && !input.options.iter().any(|option| option == answer) {
            return Err(format!("`{name}` is one of {}.", input.options.join(", ")));
        }
        self.inputs.insert(name.to_owned(), answer.to_owned());
        Ok(())
    }

    /// Why a job does not run on this occasion, if it does not.
    pub(crate) fn refuses(&self, when: &When) -> Option<String> {
        if !when.events.is_empty() && !when.events.contains(&self.event) {
            return Some(format!(
                "it runs on {}, and this is {}",
                list(&when.events),
                word(self.event)
            ));
        }
        if when.branches.is_empty() && when.tags.is_empty() {
            return None;
        }
        // A pull request builds no branch, as at the platforms.
        let branch = self
            .branch
            .as_ref()
            .filter(|_| self.event != Trigger::PullRequest);
        let fits = |patterns: &[Pattern], name: Option<&String>| {
            name.is_some_and(|name| patterns.iter().any(|pattern| pattern.fits(name)))
        };
        // A tag that is built is no push to a branch.
        let branch = branch.filter(|_| self.tag.is_none());
        if fits(&when.branches, branch) || fits(&when.tags, self.tag.as_ref()) {
            return None;
        }
        let wanted: Vec<_> = (when.branches.iter().map(|name| ("branch", name)))
            .chain(when.tags.iter().map(|name| ("tag", name)))
            .map(|(kind, name)| format!("{kind} {}", name.written()))
            .collect();
        let here = match (&self.tag, branch) {
            (Some(tag), _) => format!("tag {tag}"),
            (None, Some(branch)) => format!("branch {branch}"),
            (None, None) => "neither".to_owned(),
        };
        Some(format!("it runs on {}, and this is {here}", wanted.join(", ")))
    }

    /// The text of a template for one combination.
    pub(crate) fn fill(&self, template: &Template, combination: &Combination) -> String {
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        template.write(str::to_owned, |reference| match reference {
            Reference::Matrix(axis) => combination.get(axis).cloned().unwrap_or_default(),
            Reference::Input { name, default } => self.inputs.get(name).unwrap_or(default).clone(),
            Reference::Branch => known(&self.branch),
            Reference::Tag => known(&self.tag),
            Reference::Sha => self.sha.clone(),
            Reference::Title => self.title.clone(),
            // The same on every run, so that it keeps no job from being found in the cache.
            Reference::RunNumber => "0".to_owned(),
            Reference::RunUrl => "http://127.0.0.1/local-run".to_owned(),
            Reference::ServiceHost(_) => "127.0.0.1".to_owned(),
        })
    }
}

/// The word for people.
pub fn word(event: Trigger) -> &'static str {
    match event {
        Trigger::Push => "a push",
        Trigger::PullRequest => "a pull request",
        Trigger::Schedule => "a schedule",
        Trigger::Manual => "started by hand",
    }
}

fn list(events: &[Trigger]) -> String {
    let words: Vec<_> = events.iter().map(|event| word(*event)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(event: Trigger, branch: &str, tag: Option<&str>) -> Occasion {
        Occasion {
            event,
            branch: Some(branch.to_owned()),
            tag: tag.map(str::to_owned),
            sha: "abc".to_owned(),
            title: "Add it".to_owned(),
            inputs: BTreeMap::new(),
        }
    }

    #[test]
    fn a_job_runs_where_its_conditions_hold() {
        let exact = |name: &str| vec![Pattern::Exact(name.to_owned())];
        let main = When {
            branches: exact("main"),
            ..When::default()
        };
        let tagged = When {
            tags: vec![Pattern::Prefix("v".to_owned())],
            ..When::default()
        };
        let nightly = When {
            events: vec![Trigger::Schedule],
            ..When::default()
        };
        let either = When {
            tags: tagged.tags.clone(),
            ..main.clone()
        };
        let table = [
            (&main, on(Trigger::Push, "main", None), true),
            (&main, on(Trigger::Push, "other", None), false),
            (&main, on(Trigger::PullRequest, "main", None), false),
            (&main, on(Trigger::Push, "main", Some("v1")), false),
            (&tagged, on(Trigger::Push, "main", Some("v1")), true),
            (&tagged, on(Trigger::Push, "main", None), false),
            (&either, on(Trigger::Push, "main", None), true),
            (&nightly, on(Trigger::Schedule, "main", None), true),
            (&nightly, on(Trigger::Push, "main", None), false),
            (&When::default(), on(Trigger::Manual, "x", None), true),
        ];
        for (when, occasion, runs) in table {
            assert_eq!(occasion.refuses(when).is_none(), runs, "{when:?} {occasion:?}");
        }
    }
}
