use crate::pipeline::Pipeline;

/// A file of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Where the platform looks for it, below the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Something that the platform does in another way than the definition says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The job that it is about, if it is about one.
    pub job: Option<String>,
    /// What changes, in one sentence.
    pub message: String,
}

/// A pipeline as a platform takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Its files, at least one.
    pub files: Vec<RenderedFile>,
    /// What is not exactly as the definition says, in its order.
    pub warnings: Vec<Warning>,
}

/// The platform cannot run the pipeline at all as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{platform} cannot run the job `{job}`: {reason}")]
pub struct RenderError {
    /// The platform, in words.
    pub platform: &'static str,
    /// The job.
    pub job: String,
    /// Why, and what to change.
    pub reason: String,
}

/// Writes a pipeline for one platform. Pure: the same pipeline gives the same files.
pub trait PipelineRenderer: Send + Sync {
    /// The files and what they change.
    ///
    /// # Errors
    /// The platform cannot do what the pipeline asks, not even nearly.
    fn render(&self, pipeline: &Pipeline) -> Result<Rendered, RenderError>;
}
