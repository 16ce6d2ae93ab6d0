//! Which operation is offered with which toolset: a word for each.

use pilotage_adapters::make::client::catalogue::find;

use super::{answers, made};
use crate::{
    tool::{Example, Run, Tool},
    toolset,
};

macro_rules! offer {
    ($($toolset:ident: $($id:literal)+;)+) => {
        /// A tool for every operation that is named here.
        pub(super) fn offered() -> Vec<Tool> {
            let mut tools = Vec::new();
            $($(tools.extend(find($id).map(|operation| Tool {
                name: $id,
                title: made::title($id),
                description: operation.description,
                toolset: &toolset::$toolset,
                effect: made::effect(operation),
                role: made::role(operation),
                open_world: true,
                input: || made::input($id, &toolset::$toolset),
                output: || answers::schema($id, &toolset::$toolset),
                example: Example {
                    input: || made::input_example($id, &toolset::$toolset),
                    output: || answers::example($id),
                },
                run: Run::Json(|context, given| Box::pin(made::run(context, $id, given))),
            }));)+)+
            tools
        }
    };
}

offer! {
    MAKE:
        "list-scenarios" "get-scenario" "delete-scenario" "run-scenario" "start-scenario" "stop-scenario"
        "get-scenario-blueprint" "list-scenario-executions" "list-connections"
        "get-connection" "create-connection" "delete-connection" "list-users" "get-user" "list-organizations"
        "list-teams";
    MAKE_SCENARIOS:
        "clone-scenario" "get-scenario-interface" "set-scenario-interface" "list-scenario-versions"
        "get-scenario-custom-properties" "create-scenario-custom-properties"
        "replace-scenario-custom-properties" "update-scenario-custom-properties"
        "delete-scenario-custom-properties" "get-scenario-execution" "get-execution-result" "list-module-executions"
        "replay-scenario-execution" "list-incomplete-executions" "get-incomplete-execution"
        "get-incomplete-execution-bundle" "get-incomplete-execution-blueprint" "update-incomplete-execution"
        "retry-incomplete-execution" "retry-incomplete-executions" "delete-incomplete-executions"
        "list-incomplete-execution-attempts" "get-incomplete-execution-attempt" "list-folders"
        "create-folder" "update-folder" "delete-folder";
    MAKE_HOOKS:
        "list-hooks" "get-hook" "create-hook" "rename-hook" "set-hook-data" "delete-hook" "enable-hook"
        "disable-hook" "start-hook-learning" "stop-hook-learning" "ping-hook" "list-hook-deliveries"
        "get-hook-delivery" "get-hook-queue" "delete-hook-deliveries" "list-hook-logs";
    MAKE_CONNECTIONS:
        "rename-connection" "set-connection-data" "verify-connection" "check-connection-scopes"
        "get-connection-fields" "list-keys" "get-key" "list-key-types" "create-key" "update-key"
        "delete-key" "list-credential-requests" "get-credential-request" "create-credential-request"
        "create-credential-request-for" "extend-connection" "decline-credential" "delete-credential"
        "delete-credential-request" "list-app-modules-with-credentials";
    MAKE_DATA:
        "list-data-stores" "get-data-store" "create-data-store" "update-data-store" "delete-data-store"
        "list-data-store-records" "create-data-store-record" "update-data-store-record"
        "replace-data-store-record" "delete-data-store-records" "list-data-structures" "get-data-structure"
        "create-data-structure" "update-data-structure" "clone-data-structure" "delete-data-structure"
        "list-functions" "get-function" "list-function-versions" "create-function" "check-function"
        "update-function" "delete-function" "list-team-variables" "create-team-variable"
        "update-team-variable" "delete-team-variable" "list-organization-variables"
        "create-organization-variable" "update-organization-variable" "delete-organization-variable";
    MAKE_TEMPLATES:
        "list-team-templates" "get-team-template" "get-team-template-blueprint" "create-team-template"
        "update-team-template" "delete-team-template" "list-public-templates" "get-public-template"
        "get-public-template-blueprint";
    MAKE_ADMIN:
        "get-organization" "create-organization" "update-organization" "delete-organization" "get-team"
        "create-team" "update-team" "delete-team" "get-current-user" "get-current-authorization"
        "list-team-members" "list-organization-members" "list-user-team-roles"
        "list-user-organization-roles" "list-roles" "get-role" "list-role-permissions" "create-custom-role"
        "update-custom-role" "delete-custom-role" "get-scenario-usage" "get-team-usage"
        "get-organization-usage" "list-organization-audit-log" "list-organization-audit-log-filters"
        "list-team-audit-log" "list-team-audit-log-filters" "get-audit-log-entry"
        "list-custom-property-structures" "create-custom-property-structure" "list-custom-property-items"
        "create-custom-property-item" "update-custom-property-item" "delete-custom-property-item"
        "list-private-spaces" "get-private-space" "update-private-space" "list-devices" "get-device"
        "delete-device" "list-countries" "list-regions" "list-timezones";
    MAKE_AGENTS:
        "list-on-prem-agents" "get-on-prem-agent" "create-on-prem-agent" "update-on-prem-agent"
        "delete-on-prem-agent" "get-on-prem-agent-app-config" "list-connected-systems"
        "get-connected-system" "create-connected-system" "update-connected-system" "delete-connected-system"
        "list-connected-system-apps";
    MAKE_APPS:
        "list-custom-apps" "get-custom-app" "create-custom-app" "update-custom-app" "delete-custom-app"
        "get-custom-app-section" "set-custom-app-section" "get-custom-app-docs" "set-custom-app-docs"
        "get-custom-app-common" "set-custom-app-common" "set-custom-app-icon" "get-custom-app-icon"
        "publish-custom-app" "unpublish-custom-app" "list-custom-app-connections"
        "get-custom-app-connection" "create-custom-app-connection" "update-custom-app-connection"
        "delete-custom-app-connection" "get-custom-app-connection-section"
        "set-custom-app-connection-section" "get-custom-app-connection-common"
        "set-custom-app-connection-common" "list-custom-app-webhooks" "get-custom-app-webhook"
        "create-custom-app-webhook" "update-custom-app-webhook" "delete-custom-app-webhook"
        "get-custom-app-webhook-section" "set-custom-app-webhook-section" "list-custom-app-modules"
        "get-custom-app-module" "create-custom-app-module" "update-custom-app-module"
        "delete-custom-app-module" "publish-custom-app-module" "unpublish-custom-app-module"
        "get-custom-app-module-section" "set-custom-app-module-section" "list-custom-app-rpcs"
        "get-custom-app-rpc" "create-custom-app-rpc" "update-custom-app-rpc" "delete-custom-app-rpc"
        "test-custom-app-rpc" "get-custom-app-rpc-section" "set-custom-app-rpc-section"
        "list-custom-app-functions" "get-custom-app-function" "create-custom-app-function"
        "delete-custom-app-function" "get-custom-app-function-code" "set-custom-app-function-code"
        "get-custom-app-function-test" "set-custom-app-function-test" "list-custom-app-endpoints"
        "get-custom-app-endpoint" "create-custom-app-endpoint" "update-custom-app-endpoint"
        "delete-custom-app-endpoint" "publish-custom-app-endpoint" "unpublish-custom-app-endpoint"
        "get-custom-app-endpoint-section" "set-custom-app-endpoint-section";
}
