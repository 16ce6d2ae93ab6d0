//! What Microsoft's clients learn routes from: the resources of the REST API under ids that never change, and the areas that
//! they belong to. The ids are those in the sources of `azure-devops` 7.1.0b4 for Python.

use serde_json::{Value, json};

/// Id, area, name, route and newest version of a resource.
type Resource = (&'static str, &'static str, &'static str, &'static str, u32);

/// Every resource that the model has.
const RESOURCES: [Resource; 11] = [
    (
        "e81700f7-3be2-46de-8624-2eb35882fcaa",
        "Location",
        "resourceAreas",
        "_apis/{resource}/{areaId}",
        1,
    ),
    (
        "7859261e-d2e9-4a68-b820-a5d84cc5bb3d",
        "pipelines",
        "runs",
        "{project}/_apis/{area}/{pipelineId}/{resource}/{runId}",
        1,
    ),
    (
        "8572b1fc-2482-47fa-8f74-7e3ed53ee54b",
        "pipelines",
        "environments",
        "{project}/_apis/{area}/{resource}/{environmentId}",
        1,
    ),
    (
        "51bb5d21-4305-4ea6-9dbb-b7488af73334",
        "pipelines",
        "environmentdeploymentrecords",
        "{project}/_apis/{area}/environments/{environmentId}/{resource}",
        1,
    ),
    (
        "0cd358e1-9217-4d94-8269-1c1ee6f93dcf",
        "build",
        "builds",
        "{project}/_apis/{area}/{resource}/{buildId}",
        7,
    ),
    (
        "8baac422-4c6e-4de5-8532-db96d92acffa",
        "build",
        "timeline",
        "{project}/_apis/{area}/builds/{buildId}/{resource}/{timelineId}",
        2,
    ),
    (
        "35a80daf-7f30-45fc-86e8-6b813d9c90df",
        "build",
        "logs",
        "{project}/_apis/{area}/builds/{buildId}/{resource}/{logId}",
        2,
    ),
    (
        "1db06c96-014e-44e1-ac91-90b2d4b3e984",
        "build",
        "artifacts",
        "{project}/_apis/{area}/builds/{buildId}/{resource}",
        5,
    ),
    (
        "6e6114b2-8161-44c8-8f6c-c5505782427f",
        "build",
        "tags",
        "{project}/_apis/{area}/builds/{buildId}/{resource}/{*tag}",
        3,
    ),
    (
        "b8aac6c9-744b-46e1-88fc-3550969f9313",
        "build",
        "stages",
        "{project}/_apis/{area}/builds/{buildId}/{resource}/{stageRefName}",
        1,
    ),
    (
        "428dd4fb-fda5-4722-af02-9313b80305da",
        "git",
        "statuses",
        "{project}/_apis/{area}/repositories/{repositoryId}/commits/{commitId}/{resource}",
        1,
    ),
];

/// Id and name of the areas.
const AREAS: [(&str, &str); 3] = [
    ("965220d5-5bb9-42cf-8d67-9b146df2a5a4", "build"),
    ("4e080c62-fa21-4fbc-8fef-2a10a2b38049", "git"),
    ("a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd", "distributedtask"),
];

/// Every resource.
pub(super) fn all() -> Vec<Value> {
    let told = |(id, area, resource, route, version): &Resource| {
        json!({
            "id": id, "area": area, "resourceName": resource, "routeTemplate": route,
            "resourceVersion": version, "minVersion": 1.0, "maxVersion": 7.1, "releasedVersion": "7.1",
        })
    };
    RESOURCES.iter().map(told).collect()
}

/// Every area: all of them answer at the organization's own address.
pub(super) fn areas(base: &str) -> Vec<Value> {
    let told =
        |(id, name): &(&str, &str)| json!({"id": id, "name": name, "locationUrl": format!("{base}/acme/")});
    AREAS.iter().map(told).collect()
}
