//! Pipelines for each platform: one folder for each, one line in [`platforms`] to register it.

pub mod import;
pub mod lint;
mod notes;
mod yaml;

use pilotage_core::{
    pipeline::Pipeline,
    ports::{PipelineRenderer, RenderError, Rendered},
};

pub(crate) use notes::Notes;
pub(crate) use yaml::{Map, Yaml};

use crate::{azure_devops, github, gitlab, jenkins};

/// A platform that pipelines are rendered for.
pub struct Platform {
    /// As it is named on the command line.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Writes its files.
    pub renderer: &'static dyn PipelineRenderer,
}

/// Every platform.
pub fn platforms() -> &'static [Platform] {
    &[
        Platform {
            name: "github",
            title: "GitHub Actions",
            renderer: &github::pipeline::Workflow,
        },
        Platform {
            name: "gitlab",
            title: "GitLab CI",
            renderer: &gitlab::pipeline::Configuration,
        },
        Platform {
            name: "jenkins",
            title: "Jenkins",
            renderer: &jenkins::pipeline::Jenkinsfile,
        },
        Platform {
            name: "azure-devops",
            title: "Azure DevOps",
            renderer: &azure_devops::pipeline::AzurePipeline,
        },
    ]
}

/// The platform of this name.
pub fn platform(name: &str) -> Option<&'static Platform> {
    platforms().iter().find(|platform| platform.name == name)
}

/// The files of a pipeline for a platform.
///
/// # Errors
/// The platform cannot do what the pipeline asks.
pub fn render(platform: &Platform, pipeline: &Pipeline) -> Result<Rendered, RenderError> {
    platform.renderer.render(pipeline)
}

/// The first line of every rendered file.
pub(crate) fn heading(pipeline: &Pipeline) -> String {
    format!(
        "Written by `pilotage ci render` from the pipeline `{}` of pilotage.yaml. Change it there.",
        pipeline.id
    )
}
