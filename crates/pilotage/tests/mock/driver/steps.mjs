// Every tool of Make's own SDK, in an order in which each finds what it needs: its name, its arguments, the shape of what it
// answers, and what later steps need of that. The built-in seed of the mock is what they begin with.

const organization = 5;
const team = 5;
const user = { id: "number", name: "string", email: "string" };
const scenario = {
  id: "number", name: "string", teamId: "number", hookId: "number?", deviceId: "number?", deviceScope: "string?",
  concept: "boolean", description: "string", folderId: "number?", isinvalid: "boolean", islinked: "boolean",
  isActive: "boolean", islocked: "boolean", isPaused: "boolean", usedPackages: "array", lastEdit: "string",
  scheduling: { type: "string" }, iswaiting: "boolean", dlqCount: "number", createdByUser: user, updatedByUser: "object?",
  nextExec: "string?", created: "string", operations: "number", transfer: "number",
};
const execution = {
  imtId: "string", id: "string", type: "string", status: "number", duration: "number", operations: "number",
  centicredits: "number", transfer: "number", instant: "boolean", authorId: "number?", teamId: "number",
  organizationId: "number", timestamp: "string",
};
const logged = (entries) =>
  entries.length > 0 && entries.every((entry) => typeof entry.imtId === "string" && typeof entry.id === "string");
const hook = {
  id: "number", name: "string", teamId: "number", udid: "string", type: "string", packageName: "string?", theme: "string",
  editable: "boolean", queueCount: "number", queueLimit: "number", enabled: "boolean", gone: "boolean",
  typeName: "string", data: "object", scenarioId: "number?", url: "string",
};
const connection = {
  id: "number", name: "string", accountName: "string", accountLabel: "string", packageName: "string?", expire: "string?",
  teamId: "number", theme: "string", upgradeable: "boolean", scopesCnt: "number", scoped: "boolean",
  accountType: "string", editable: "boolean", uid: "number?", organizationId: "number",
};
const key = { id: "number", name: "string", typeName: "string", teamId: "number", packageName: "string?", theme: "string" };
const store = {
  id: "number", name: "string", records: "number", size: "string", maxSize: "string", teamId: "number",
  datastructureId: "number?",
};
const structure = { id: "number", name: "string", teamId: "number", spec: "array", strict: "boolean" };
const record = { key: "string", data: "object" };
const code = { id: "number", name: "string", description: "string", code: "string", args: "string" };
const folder = { id: "number", name: "string", scenariosTotal: "number" };
const license = { apiLimit: "number", users: "number", interval: "number", operations: "number", transfer: "number" };
const org = { id: "number", name: "string", timezoneId: "number", zone: "string" };
const request = {
  id: "string", organizationId: "number", teamId: "number", userId: "number", name: "string", description: "string?",
  makeProviderId: "string", createdAt: "string", updatedAt: "string", expiresAt: "string", status: "string",
  shouldSendEmail: "boolean",
};
const credential = {
  id: "string", requestId: "string", component: "string", type: "string", name: "string", scope: "array",
  state: "string", appModules: "array", appVersion: "string", createdAt: "string",
};
const agent = { id: "string", tenantId: "string", name: "string", status: "string", alerted: "boolean", connected: "boolean" };
const system = { id: "string", name: "string", agentId: "string", appName: "string", inputs: [{ name: "string", value: "any" }] };
const template = { id: "number", name: "string", description: "string?", url: "string", usedApps: "array", usage: "number" };
const space = {
  id: "number", name: "string", organizationId: "number", type: "string", privateSpaceOwnerId: "number",
  operationsLimit: "number?", transferLimit: "string?", consumedOperations: "number", isPaused: "boolean",
};
const property = {
  id: "number", structureId: "number", name: "string", label: "string", description: "string?", type: "string",
  options: "array?", required: "boolean",
};
const role = { id: "number", name: "string", category: "string", managementType: "string", description: "string?", permissions: "array" };
const app = { name: "string", label: "string", version: "number", theme: "string", public: "boolean" };
const appModule = { name: "string", label: "string", typeId: "number", public: "boolean", approved: "boolean" };
const endpoint = {
  name: "string", label: "string", annotations: "object", attachedAccounts: "array", public: "boolean",
  approved: "boolean", deprecated: "boolean", archived: "boolean", schemaVersion: "number", createdAt: "string",
};
const named = { name: "string", label: "string" };
const blueprint = { name: "string", flow: "array", metadata: "object" };

/** Tools that change or delete answer with a sentence of their own. */
const said = (answer) => typeof answer === "string" || answer === undefined || answer === null || typeof answer === "object";
const json = (expected) => (text) => typeof text === "string" && JSON.stringify(JSON.parse(text)) === JSON.stringify(expected);

const png = () => {
  const size = [0, 0, 2, 0];
  const head = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];
  return Buffer.from([...head, ...size, ...size, 8, 6, 0, 0, 0]).toString("base64");
};

const greeting = {
  name: "A greeting",
  flow: [{ id: 1, module: "scenario-service:ReturnData", version: 2, parameters: {}, mapper: { greeting: "Hello, {{var.input.name}}!" }, metadata: {} }],
  metadata: { version: 1 },
};

const scenarios = [
  ["scenarios_list", () => ({ teamId: team }), [scenario]],
  ["scenarios_create", () => ({ teamId: team, folderId: 1576, scheduling: { type: "on-demand" }, blueprint: greeting, confirmed: true }), scenario, "scenario"],
  ["scenarios_get", ({ scenario }) => ({ scenarioId: scenario.id }), { ...scenario, blueprint }],
  ["scenarios_update", ({ scenario }) => ({ scenarioId: scenario.id, name: "Renamed", description: "Greets" }), { ...scenario, name: (name) => name === "Renamed" }],
  ["scenarios_set-interface", ({ scenario }) => ({ scenarioId: scenario.id, interface: { input: [{ name: "name", type: "text", required: true }], output: [] } }), { input: [{ name: "string", type: "string" }], output: "array" }],
  ["scenarios_interface", ({ scenario }) => ({ scenarioId: scenario.id }), { input: [{ name: "string" }], output: "array" }],
  ["scenarios_activate", ({ scenario }) => ({ scenarioId: scenario.id }), said],
  ["scenarios_run", ({ scenario }) => ({ scenarioId: scenario.id, data: { name: "Ada" }, responsive: true }), { executionId: "string", status: (status) => status === 1, outputs: { greeting: (text) => text === "Hello, Ada!" } }, "run"],
  ["executions_list", ({ scenario }) => ({ scenarioId: scenario.id }), logged],
  ["executions_get", ({ scenario, run }) => ({ scenarioId: scenario.id, executionId: run.executionId }), { ...execution, isReplayable: "boolean" }],
  ["executions_get-detail", ({ scenario, run }) => ({ scenarioId: scenario.id, executionId: run.executionId }), { status: (status) => status === "SUCCESS", outputs: "object" }],
  ["scenarios_deactivate", ({ scenario }) => ({ scenarioId: scenario.id }), said],
  ["incomplete-executions_list", () => ({ scenarioId: 926 }), [{ id: "string", reason: "string", created: "string", size: "number", resolved: "boolean", retry: "boolean", attempts: "number" }]],
  ["incomplete-executions_get", () => ({ incompleteExecutionId: "a07e16f2ad134bf49cf83a00aa95c0a5" }), { id: "string", scenarioId: "number", scenarioName: "string", companyId: "number", companyName: "string", resolved: "boolean", deleted: "boolean", index: "number", created: "string", executionId: "string", retry: "boolean", attempts: "number", size: "number" }],
  ["executions_list-for-incomp-exec", () => ({ incompleteExecutionId: "a07e16f2ad134bf49cf83a00aa95c0a5" }), [execution]],
  ["executions_get-for-incomp-exec", () => ({ incompleteExecutionId: "a07e16f2ad134bf49cf83a00aa95c0a5", executionId: "1356b72d781649a18692a0d4d09cd977" }), execution],
  ["folders_create", () => ({ teamId: team, name: "A folder" }), { id: "number", name: "string" }, "folder"],
  ["folders_list", () => ({ teamId: team }), [folder]],
  ["folders_update", ({ folder }) => ({ folderId: folder.id, name: "Renamed" }), { id: "number", name: (name) => name === "Renamed" }],
  ["folders_delete", ({ folder }) => ({ folderId: folder.id }), said],
];

const properties = [
  ["custom-property-structures_create", () => ({ associatedType: "scenario", belongerType: "organization", belongerId: organization }), { id: "number", created: "string", belongers: [{ belongerId: "number", belongerType: "string", associatedTypes: "array" }] }, "structureOfProperties"],
  ["custom-property-structures_list", () => ({ organizationId: organization }), [{ id: "number", created: "string", belongers: "array" }]],
  ["custom-property-structure-items_create", ({ structureOfProperties }) => ({ customPropertyStructureId: structureOfProperties.id, name: "place", label: "Place", type: "shortText", required: true }), property, "property"],
  ["custom-property-structure-items_list", ({ structureOfProperties }) => ({ customPropertyStructureId: structureOfProperties.id }), [{ id: "number", name: "string", label: "string", type: "string", required: "boolean" }]],
  ["custom-property-structure-items_update", ({ property }) => ({ customPropertyStructureItemId: property.id, label: "The place" }), property],
  ["scenario-custom-properties_create", ({ scenario }) => ({ scenarioId: scenario.id, customProperties: { place: "Brno" } }), { place: "string" }],
  ["scenario-custom-properties_get", ({ scenario }) => ({ scenarioId: scenario.id }), { place: "string" }],
  ["scenario-custom-properties_update", ({ scenario }) => ({ scenarioId: scenario.id, customProperties: { place: "Wien" } }), { place: (place) => place === "Wien" }],
  ["scenario-custom-properties_replace", ({ scenario }) => ({ scenarioId: scenario.id, customProperties: { place: "Graz" } }), { place: (place) => place === "Graz" }],
  ["scenario-custom-properties_delete", ({ scenario }) => ({ scenarioId: scenario.id }), said],
  ["custom-property-structure-items_delete", ({ property }) => ({ customPropertyStructureItemId: property.id, confirmed: true }), said],
  ["scenarios_delete", ({ scenario }) => ({ scenarioId: scenario.id }), said],
];

const credentials = [
  ["connections_create", () => ({ name: "Mail", accountName: "mail", teamId: team, data: { apiKey: "k" } }), { id: "number", name: "string", accountName: "string", accountType: "string" }, "connection"],
  ["connections_list", () => ({ teamId: team }), [connection]],
  ["connections_get", ({ connection }) => ({ connectionId: connection.id }), { ...connection, scopes: "array" }],
  ["connections_update", ({ connection }) => ({ connectionId: connection.id, name: "Post" }), said],
  ["connections_verify", ({ connection }) => ({ connectionId: connection.id }), said],
  ["credential-requests_extend-connection", ({ connection }) => ({ connectionId: connection.id, scopes: ["mail.read"] }), { request, publicUri: "string" }],
  ["connections_delete", ({ connection }) => ({ connectionId: connection.id }), said],
  ["keys_create", () => ({ teamId: team, name: "A key", typeName: "basicauth", parameters: { authUser: "u", authPass: "p" } }), key, "key"],
  ["keys_list", () => ({ teamId: team }), [{ id: "number", name: "string" }]],
  ["keys_get", ({ key }) => ({ keyId: key.id }), { id: "number", name: "string" }],
  ["keys_update", ({ key }) => ({ keyId: key.id, name: "Another name" }), said],
  ["keys_delete", ({ key }) => ({ keyId: key.id }), said],
  ["credential-requests_create", () => ({ name: "Please", teamId: team, credentials: [{ appName: "google", appModules: ["*"] }] }), { request, publicUri: "string" }, "asked"],
  ["credential-requests_create-by-credentials", () => ({ name: "More", teamId: team, connections: [{ type: "google", scope: ["drive"] }], keys: [{ type: "apikeyauth" }] }), { request, credentials: [credential], publicUri: "string" }, "askedFor"],
  ["credential-requests_list", () => ({ teamId: team }), [request]],
  ["credential-requests_get", ({ asked }) => ({ requestId: asked.request.id }), { ...request, credentials: [credential], makeProvider: user, user }],
  ["credential-requests_credential-decline", ({ askedFor }) => ({ credentialId: askedFor.credentials[0].id, reason: "Not needed" }), { ...credential, state: (state) => state === "declined" }],
  ["credential-requests_credential-delete", ({ askedFor }) => ({ credentialId: askedFor.credentials[0].id }), { ...credential, state: (state) => state === "pending" }],
  ["credential-requests_delete", ({ asked }) => ({ requestId: asked.request.id }), said],
  ["credential-requests_list-app-modules-with-creds", () => ({ appName: "slack", appVersion: 4 }), [{ id: "string", name: "string", label: "string", type: "string", hook: "boolean" }]],
];

const data = [
  ["data-structures_create", () => ({ teamId: team, name: "People", strict: true, spec: [{ name: "name", type: "text", label: "Name", required: true }, { name: "mail", type: "text", label: "Mail", required: false }] }), structure, "structure"],
  ["data-structures_list", () => ({ teamId: team }), [{ id: "number", name: "string", teamId: "number" }]],
  ["data-structures_get", ({ structure }) => ({ dataStructureId: structure.id }), structure],
  ["data-structures_update", ({ structure }) => ({ dataStructureId: structure.id, name: "Persons" }), structure],
  ["data-stores_create", ({ structure }) => ({ name: "People", teamId: team, maxSizeMB: 1, datastructureId: structure.id }), store, "store"],
  ["data-stores_list", () => ({ teamId: team }), [store]],
  ["data-stores_get", ({ store }) => ({ dataStoreId: store.id }), store],
  ["data-stores_update", ({ store }) => ({ dataStoreId: store.id, name: "Persons", maxSizeMB: 2 }), store],
  ["data-store-records_create", ({ store }) => ({ dataStoreId: store.id, key: "ada", data: { name: "Ada", mail: "ada@example.com" } }), record, "record"],
  ["data-store-records_list", ({ store }) => ({ dataStoreId: store.id }), [record]],
  ["data-store-records_update", ({ store, record }) => ({ dataStoreId: store.id, key: record.key, data: { name: "Ada M." } }), { key: "string", data: { name: "string", mail: "string" } }],
  ["data-store-records_replace", ({ store, record }) => ({ dataStoreId: store.id, key: record.key, data: { name: "Grace" } }), { key: "string", data: (data) => data.name === "Grace" && !("mail" in data) }],
  ["data-store-records_delete", ({ store, record }) => ({ dataStoreId: store.id, keys: [record.key] }), said],
  ["data-stores_delete", ({ store }) => ({ dataStoreId: store.id }), said],
  ["data-structures_delete", ({ structure }) => ({ dataStructureId: structure.id }), said],
  ["functions_create", () => ({ teamId: team, name: "half", code: "function half(n) { return n / 2; }", description: "Half" }), code, "code"],
  ["functions_list", () => ({ teamId: team }), [{ id: "number", name: "string", description: "string", args: "string" }]],
  ["functions_get", ({ code }) => ({ functionId: code.id }), code],
  ["functions_update", ({ code }) => ({ functionId: code.id, code: "function half(n) { return 0.5 * n; }" }), code],
  ["functions_check", () => ({ teamId: team, code: "function ok(x) { return x; }" }), (text) => text === "Function code is valid."],
  ["functions_delete", ({ code }) => ({ functionId: code.id }), said],
  ["hooks_create", () => ({ teamId: team, name: "A hook", typeName: "gateway-webhook", data: { headers: true } }), hook, "hook"],
  ["hooks_list", () => ({ teamId: team }), [hook]],
  ["hooks_get", ({ hook }) => ({ hookId: hook.id }), hook],
  ["hooks_update", ({ hook }) => ({ hookId: hook.id, data: { method: true } }), said],
  ["hooks_delete", ({ hook }) => ({ hookId: hook.id }), said],
  ["devices_list", () => ({ teamId: team }), [{ id: "number", name: "string", teamId: "number", udid: "string", scope: "array", gone: "boolean", queueCount: "number", queueLimit: "number" }]],
];

const people = [
  ["organizations_create", () => ({ name: "Another", regionId: 1, timezoneId: 113, countryId: 57 }), { ...org, license, teams: [{ id: "number", name: "string" }], isPaused: "boolean" }, "org"],
  ["organizations_list", () => ({}), [org]],
  ["organizations_get", () => ({ organizationId: organization }), { ...org, license, serviceName: "string", operations: "string", transfer: "string", isPaused: "boolean", deleted: "boolean", features: "object", teams: "array" }],
  ["organizations_update", ({ org }) => ({ organizationId: org.id, name: "Renamed" }), { id: "number", name: (name) => name === "Renamed" }],
  ["organizations_delete", ({ org }) => ({ organizationId: org.id }), said],
  ["teams_create", () => ({ name: "A team", organizationId: organization, operationsLimit: 100, transferLimit: 536870 }), { id: "number", name: "string", organizationId: "number", operationsLimit: "number", transferLimit: "string" }, "team"],
  ["teams_list", () => ({ organizationId: organization }), [{ id: "number", name: "string", organizationId: "number" }]],
  ["teams_get", ({ team }) => ({ teamId: team.id }), { id: "number", name: "string", organizationId: "number", scenarioDrafts: "boolean" }],
  ["teams_delete", ({ team }) => ({ teamId: team.id }), said],
  ["users_me", () => ({}), { ...user, language: "string", timezoneId: "number", localeId: "number", countryId: "number", features: "object", avatar: "string", lastLogin: "string", timezone: "string", locale: "string" }],
  ["custom-roles_create", () => ({ name: "Viewer", category: "organization", organizationId: organization, permissions: [101] }), { ...role, permissions: [{ id: "number", name: "string" }] }, "role"],
  ["custom-roles_update", ({ role }) => ({ id: role.id, organizationId: organization, name: "Looker" }), role],
  ["roles_list", () => ({}), [role]],
  ["roles_get", ({ role }) => ({ roleId: role.id }), { ...role, permissions: "array" }],
  ["roles_permissions", () => ({}), [{ id: "number", name: "string", note: "string", category: "string", roleCategory: "string", label: "string", customRolesHidden: "boolean", requires: "array" }]],
  ["custom-roles_delete", ({ role }) => ({ id: role.id, organizationId: organization }), "number"],
  ["private-spaces_list", () => ({ organizationId: organization }), [space]],
  ["private-spaces_get", () => ({ privateSpaceId: 101 }), space],
  ["private-spaces_update", () => ({ privateSpaceId: 101, operationsLimit: 10000 }), space],
];

const elsewhere = [
  ["on-prem-agent_create", () => ({ organizationId: organization, name: "A bridge" }), { ...agent, clientSecret: "string" }, "agent"],
  ["on-prem-agent_list", () => ({ organizationId: organization }), [agent]],
  ["on-prem-agent_get", ({ agent }) => ({ organizationId: organization, agentId: agent.id }), agent],
  ["on-prem-agent_update", ({ agent }) => ({ organizationId: organization, agentId: agent.id, name: "Bridge" }), agent],
  ["on-prem-agent_get-app-config", ({ agent }) => ({ organizationId: organization, agentId: agent.id, appName: "http" }), [{ name: "string", label: "string", type: "string", spec: "array" }]],
  ["connected-system_list-apps", () => ({}), [{ name: "string", label: "string", icon: "string" }]],
  ["connected-system_create", ({ agent }) => ({ organizationId: organization, name: "SAP", agentId: agent.id, appName: "sap-agent", inputs: { ashost: "h", sysnr: "00" } }), system, "system"],
  ["connected-system_list", ({ agent }) => ({ organizationId: organization, agentId: agent.id }), [system]],
  ["connected-system_get", ({ system }) => ({ organizationId: organization, connectedSystemId: system.id }), system],
  ["connected-system_update", ({ system }) => ({ organizationId: organization, connectedSystemId: system.id, name: "SAP 2" }), { id: "string", name: "string" }],
  ["connected-system_delete", ({ system }) => ({ organizationId: organization, connectedSystemId: system.id }), said],
  ["on-prem-agent_delete", ({ agent }) => ({ organizationId: organization, agentId: agent.id }), said],
  ["enums_countries", () => ({}), [{ id: "number", name: "string", code: "string", code2: "string" }]],
  ["enums_regions", () => ({}), [{ id: "number", name: "string" }]],
  ["enums_timezones", () => ({}), [{ id: "number", name: "string", code: "string", offset: "string" }]],
  ["public-templates_list", () => ({ name: "webhook" }), [template]],
  ["public-templates_get", () => ({ templateUrl: "13-http-template-example" }), template],
  ["public-templates_get-blueprint", () => ({ templateUrl: "13-http-template-example" }), { blueprint, controller: { name: "string", modules: "object", idSequence: "number" }, scheduling: { type: "string" }, language: "string" }],
];

const ofApp = ({ app }) => ({ appName: app.name });
const ofVersion = ({ app }) => ({ appName: app.name, appVersion: 1 });

const apps = [
  ["sdk-apps_create", () => ({ name: "bakery", label: "Bakery", theme: "#ff5733", language: "en", audience: "global" }), app, "app"],
  ["sdk-apps_list", () => ({}), [{ ...named, version: "number", beta: "boolean" }]],
  ["sdk-apps_get", ({ app }) => ({ name: app.name, version: 1 }), { ...app, description: "string", language: "string", approved: "boolean", created: "string" }],
  ["sdk-apps_update", ({ app }) => ({ name: app.name, version: 1, label: "Bakery 2" }), app],
  ["sdk-apps_set-section", ({ app }) => ({ name: app.name, version: 1, section: "base", body: '{"baseUrl":"https://example.com"}' }), said],
  ["sdk-apps_get-section", ({ app }) => ({ name: app.name, version: 1, section: "base" }), json({ baseUrl: "https://example.com" })],
  ["sdk-apps_set-docs", ({ app }) => ({ name: app.name, version: 1, docs: "# Bakery" }), said],
  ["sdk-apps_get-docs", ({ app }) => ({ name: app.name, version: 1 }), (text) => text === "# Bakery"],
  ["sdk-apps_set-common", ({ app }) => ({ name: app.name, version: 1, common: { clientId: "c" } }), said],
  ["sdk-apps_get-common", ({ app }) => ({ name: app.name, version: 1 }), { clientId: "string" }],
  ["sdk-apps_set-icon", ({ app }) => ({ name: app.name, version: 1, dataBase64: png() }), said],
  ["sdk-apps_get-icon", ({ app }) => ({ name: app.name, version: 1, size: 512 }), (icon) => icon !== undefined && icon !== null],
  ["sdk-apps_set-public", ({ app }) => ({ name: app.name, version: 1 }), said],
  ["sdk-apps_set-private", ({ app }) => ({ name: app.name, version: 1 }), said],
  ["sdk-connections_create", (context) => ({ ...ofApp(context), type: "oauth2", label: "OAuth" }), { ...named, type: "string" }, "appConnection"],
  ["sdk-connections_list", ofApp, [{ ...named, type: "string" }]],
  ["sdk-connections_get", ({ appConnection }) => ({ connectionName: appConnection.name }), { ...named, type: "string" }],
  ["sdk-connections_update", ({ appConnection }) => ({ connectionName: appConnection.name, label: "OAuth 2" }), named],
  ["sdk-connections_set-section", ({ appConnection }) => ({ connectionName: appConnection.name, section: "api", body: '{"url":"/token"}' }), said],
  ["sdk-connections_get-section", ({ appConnection }) => ({ connectionName: appConnection.name, section: "api" }), json({ url: "/token" })],
  ["sdk-connections_set-common", ({ appConnection }) => ({ connectionName: appConnection.name, common: { clientId: "c", clientSecret: "s" } }), said],
  ["sdk-connections_get-common", ({ appConnection }) => ({ connectionName: appConnection.name }), { clientId: "string", clientSecret: "string" }],
  ["sdk-connections_delete", ({ appConnection }) => ({ connectionName: appConnection.name }), said],
  ["sdk-webhooks_create", (context) => ({ ...ofApp(context), type: "web", label: "New bread" }), { label: "string", type: "string" }, "appWebhook"],
  ["sdk-webhooks_list", ofApp, [{ ...named, type: "string" }]],
  ["sdk-webhooks_get", ({ appWebhook }) => ({ webhookName: appWebhook.name }), { ...named, type: "string" }],
  ["sdk-webhooks_update", ({ appWebhook }) => ({ webhookName: appWebhook.name, label: "Fresh bread" }), named],
  ["sdk-webhooks_set-section", ({ appWebhook }) => ({ webhookName: appWebhook.name, section: "api", body: '{"output":"{{body}}"}' }), said],
  ["sdk-webhooks_get-section", ({ appWebhook }) => ({ webhookName: appWebhook.name, section: "api" }), json({ output: "{{body}}" })],
  ["sdk-webhooks_delete", ({ appWebhook }) => ({ webhookName: appWebhook.name }), said],
  ["sdk-modules_create", (context) => ({ ...ofVersion(context), name: "listLoaves", typeId: 4, label: "List loaves", description: "All of them" }), { ...named, typeId: "number" }],
  ["sdk-modules_list", ofVersion, [appModule]],
  ["sdk-modules_get", (context) => ({ ...ofVersion(context), moduleName: "listLoaves" }), appModule],
  ["sdk-modules_update", (context) => ({ ...ofVersion(context), moduleName: "listLoaves", label: "Loaves" }), { ...named, typeId: "number" }],
  ["sdk-modules_set-section", (context) => ({ ...ofVersion(context), moduleName: "listLoaves", section: "api", body: '{"url":"/loaves"}' }), said],
  ["sdk-modules_get-section", (context) => ({ ...ofVersion(context), moduleName: "listLoaves", section: "api" }), json({ url: "/loaves" })],
  ["sdk-modules_set-public", (context) => ({ ...ofVersion(context), moduleName: "listLoaves" }), said],
  ["sdk-modules_set-private", (context) => ({ ...ofVersion(context), moduleName: "listLoaves" }), said],
  ["sdk-modules_delete", (context) => ({ ...ofVersion(context), moduleName: "listLoaves" }), said],
  ["sdk-rpcs_create", (context) => ({ ...ofVersion(context), name: "kinds", label: "Kinds" }), named],
  ["sdk-rpcs_list", ofVersion, [named]],
  ["sdk-rpcs_get", (context) => ({ ...ofVersion(context), rpcName: "kinds" }), named],
  ["sdk-rpcs_update", (context) => ({ ...ofVersion(context), rpcName: "kinds", label: "All kinds" }), named],
  ["sdk-rpcs_set-section", (context) => ({ ...ofVersion(context), rpcName: "kinds", section: "api", body: '{"url":"/kinds"}' }), said],
  ["sdk-rpcs_get-section", (context) => ({ ...ofVersion(context), rpcName: "kinds", section: "api" }), json({ url: "/kinds" })],
  ["sdk-rpcs_test", (context) => ({ ...ofVersion(context), rpcName: "kinds", data: { rye: true }, schema: [{ name: "rye", type: "boolean" }] }), said],
  ["sdk-rpcs_delete", (context) => ({ ...ofVersion(context), rpcName: "kinds" }), said],
  ["sdk-functions_create", (context) => ({ ...ofVersion(context), name: "bake" }), { name: "string" }],
  ["sdk-functions_list", ofVersion, [{ name: "string", args: "string" }]],
  ["sdk-functions_get", (context) => ({ ...ofVersion(context), functionName: "bake" }), { name: "string" }],
  ["sdk-functions_set-code", (context) => ({ ...ofVersion(context), functionName: "bake", code: "function bake() {}" }), said],
  ["sdk-functions_get-code", (context) => ({ ...ofVersion(context), functionName: "bake" }), (text) => text === "function bake() {}"],
  ["sdk-functions_set-test", (context) => ({ ...ofVersion(context), functionName: "bake", test: "it('bakes')" }), said],
  ["sdk-functions_get-test", (context) => ({ ...ofVersion(context), functionName: "bake" }), (text) => text === "it('bakes')"],
  ["sdk-functions_delete", (context) => ({ ...ofVersion(context), functionName: "bake" }), said],
  ["sdk-endpoints_create", (context) => ({ ...ofVersion(context), name: "getLoaf", label: "Get a loaf" }), endpoint],
  ["sdk-endpoints_list", ofVersion, [endpoint]],
  ["sdk-endpoints_get", (context) => ({ ...ofVersion(context), endpointName: "getLoaf" }), endpoint],
  ["sdk-endpoints_update", (context) => ({ ...ofVersion(context), endpointName: "getLoaf", label: "A loaf" }), endpoint],
  ["sdk-endpoints_set-section", (context) => ({ ...ofVersion(context), endpointName: "getLoaf", section: "api", body: '{"url":"/loaf"}' }), said],
  ["sdk-endpoints_get-section", (context) => ({ ...ofVersion(context), endpointName: "getLoaf", section: "api" }), json({ url: "/loaf" })],
  ["sdk-endpoints_set-public", (context) => ({ ...ofVersion(context), endpointName: "getLoaf" }), said],
  ["sdk-endpoints_set-private", (context) => ({ ...ofVersion(context), endpointName: "getLoaf" }), said],
  ["sdk-endpoints_delete", (context) => ({ ...ofVersion(context), endpointName: "getLoaf" }), said],
  ["sdk-apps_delete", ({ app }) => ({ name: app.name, version: 1 }), said],
];

export const steps = [...scenarios, ...properties, ...credentials, ...data, ...people, ...elsewhere, ...apps];
