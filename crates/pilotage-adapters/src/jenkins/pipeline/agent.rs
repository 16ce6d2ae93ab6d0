//! Where a stage runs: a pod with the containers that it needs, or a machine with labels.

use pilotage_core::{
    pipeline::{Action, Os, Template, Tool},
    ports::RenderError,
};

use super::{
    Place,
    groovy::{Groovy, single},
    refuse,
};
use crate::pipelines::{Map, Notes, Yaml};

/// The image that builds images; its daemon is the container beside it.
const DOCKER: &str = "docker:28";

pub(super) fn agent(place: &Place<'_>, out: &mut Groovy, notes: &Notes) -> Result<(), RenderError> {
    let job = place.job;
    let mut labels = job.runner.labels.clone();
    match job.runner.os {
        Os::Linux => {}
        Os::Windows => labels.insert(0, "windows".to_owned()),
        Os::Macos => labels.insert(0, "macos".to_owned()),
    }
    if labels.is_empty() {
        let yaml = pod(place)?;
        out.section("agent", |out| {
            out.section("kubernetes", |out| {
                out.line("defaultContainer 'job'");
                // The first line goes on where the string begins.
                out.line(&format!("yaml {yaml}"));
            });
        });
        return Ok(());
    }
    let label = single(&labels.join(" && "));
    let image = if job.image.is_some() || job.runner.os == Os::Linux {
        image(place)?
    } else {
        None
    };
    if job.runner.os != Os::Linux {
        notes.job(
            job,
            "the machine needs bash, and toolchains of `setup` have to be on it",
        );
    }
    match image {
        Some(image) => out.section("agent", |out| {
            out.section("docker", |out| {
                out.line(&format!("image {}", place.string(&image)));
                out.line(&format!("label {label}"));
            });
        }),
        None => out.line(&format!("agent {{ label {label} }}")),
    }
    if !job.services.is_empty() {
        return Err(refuse(
            job,
            "services need a pod there: leave the labels of its runner out",
        ));
    }
    Ok(())
}

/// Toolchains come in the image.
fn image(place: &Place<'_>) -> Result<Option<Template>, RenderError> {
    let job = place.job;
    if let Some(image) = &job.image {
        return Ok(Some(image.clone()));
    }
    let mut found: Vec<(&str, &Template)> = Vec::new();
    let builds = job
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Container(_)));
    for step in &job.steps {
        if let Action::Setup(tool, version) = &step.action {
            let repository = match tool {
                Tool::Java => "eclipse-temurin",
                Tool::Go => "golang",
                other => other.name(),
            };
            found.push((repository, version));
        }
    }
    match found.as_slice() {
        [] if builds => Ok(Some(Template::literal(DOCKER))),
        [] => Ok(None),
        [(repository, version)] if !builds => {
            let mut template = Template::literal(format!("{repository}:"));
            template.0.extend(version.0.iter().cloned());
            Ok(Some(template))
        }
        _ => Err(refuse(
            job,
            "toolchains come in one container image there; name one with all of them in `image`",
        )),
    }
}

fn pod(place: &Place<'_>) -> Result<String, RenderError> {
    let job = place.job;
    let image = image(place)?.unwrap_or_else(|| Template::literal("buildpack-deps:bookworm"));
    let is_literal = place.literal(&image).is_some();
    // A marker that YAML leaves alone; Groovy puts the image in when it runs.
    let shown = if is_literal {
        place.literal(&image).unwrap_or_default()
    } else {
        place.inner(&image)
    };
    let mut main = Map::new();
    main.set("name", "job").set("image", shown);
    main.set("command", Yaml::flow(["sleep"]))
        .set("args", Yaml::flow(["infinity"]));
    let builds = job
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Container(_)));
    let mut containers = Vec::new();
    if builds {
        main.set("env", vec![variable("DOCKER_HOST", "tcp://localhost:2375")]);
    }
    containers.push(Yaml::Map(main));
    for (name, service) in &job.services {
        let mut map = Map::new();
        map.set("name", name.as_str())
            .set("image", service.image.as_str());
        let env: Vec<Yaml> = service
            .variables
            .iter()
            .map(|(name, value)| variable(name, value))
            .collect();
        if !env.is_empty() {
            map.set("env", env);
        }
        containers.push(Yaml::Map(map));
    }
    if builds {
        let mut security = Map::new();
        security.set("privileged", true);
        let mut map = Map::new();
        map.set("name", "docker").set("image", format!("{DOCKER}-dind"));
        map.set("env", vec![variable("DOCKER_TLS_CERTDIR", "")]);
        map.comment("A daemon in a container needs this; a rootless builder would not.")
            .set("securityContext", security);
        containers.push(Yaml::Map(map));
    }
    let mut spec = Map::new();
    spec.set("containers", containers);
    let mut root = Map::new();
    root.set("apiVersion", "v1").set("kind", "Pod").set("spec", spec);
    let text = root.document();
    Ok(if is_literal {
        format!(
            "'''\n{}'''",
            text.replace('\\', "\\\\").replace("'''", "\\'\\'\\'")
        )
    } else {
        format!("\"\"\"\n{text}\"\"\"")
    })
}

fn variable(name: &str, value: &str) -> Yaml {
    let mut map = Map::new();
    map.set("name", name).set("value", value);
    Yaml::Map(map)
}
