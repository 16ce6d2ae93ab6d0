//! RPCs, functions and endpoints of an app.

use super::{APP, CHANGED, DESCRIPTION, LABEL, READ, SECTION_BODY, VERSION, WRITE, section};
use crate::make::client::{
    catalogue::Category,
    operation::{
        Field, Kind, Operation, Parameter, Place, delete, field, get, in_body, in_path, patch, post, put,
        switch,
    },
};

pub(in crate::make::client::catalogue) const RPCS: Category = Category {
    name: "custom-app-rpcs",
    about: "RPCs of custom apps",
    operations: RPC_OPERATIONS,
};

pub(in crate::make::client::catalogue) const FUNCTIONS: Category = Category {
    name: "custom-app-functions",
    about: "Functions of custom apps",
    operations: FUNCTION_OPERATIONS,
};

pub(in crate::make::client::catalogue) const ENDPOINTS: Category = Category {
    name: "custom-app-endpoints",
    about: "Endpoints of custom apps",
    operations: ENDPOINT_OPERATIONS,
};

const RPC: Parameter = in_path("rpcName", Kind::Text, "The RPC.", "\"getFields\"");
const CONNECTION: Parameter = in_body("connection", Kind::Text, "The connection that it uses.");
const OTHER_CONNECTION: Parameter = in_body(
    "altConnection",
    Kind::Text,
    "The other connection that it can use.",
);
const RPC_SECTIONS: &[&str] = &["api", "parameters"];

const RPC_FIELDS: &[Field] = &[
    field("name", Kind::Text),
    field("label", Kind::Text),
    field("connection", Kind::Text),
    field("altConnection", Kind::Text),
];

const RPC_OPERATIONS: &[Operation] = &[
    get(
        "list-custom-app-rpcs",
        "/sdk/apps/{appName}/{appVersion}/rpcs",
        READ,
        "Lists the RPCs of an app.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .all("appRpcs", RPC_FIELDS),
    get(
        "get-custom-app-rpc",
        "/sdk/apps/{appName}/{appVersion}/rpcs/{rpcName}",
        READ,
        "Shows one RPC of an app.",
    )
    .with(&[APP, VERSION, RPC])
    .of_account()
    .one("appRpc", RPC_FIELDS),
    post(
        "create-custom-app-rpc",
        "/sdk/apps/{appName}/{appVersion}/rpcs",
        WRITE,
        "Adds a RPC to an app.",
    )
    .with(&[
        APP,
        VERSION,
        in_body("name", Kind::Text, "Its name in modules.")
            .required()
            .like("\"getFields\""),
        LABEL.required(),
    ])
    .of_account()
    .one("appRpc", RPC_FIELDS),
    patch(
        "update-custom-app-rpc",
        "/sdk/apps/{appName}/{appVersion}/rpcs/{rpcName}",
        WRITE,
        "Changes a RPC of an app.",
    )
    .with(&[APP, VERSION, RPC, LABEL, CONNECTION, OTHER_CONNECTION])
    .of_account()
    .one("appRpc", RPC_FIELDS),
    delete(
        "delete-custom-app-rpc",
        "/sdk/apps/{appName}/{appVersion}/rpcs/{rpcName}",
        WRITE,
        "Deletes a RPC of an app.",
    )
    .with(&[APP, VERSION, RPC])
    .of_account()
    .only("appRpc"),
    post(
        "test-custom-app-rpc",
        "/sdk/apps/{appName}/{appVersion}/rpcs/{rpcName}",
        WRITE,
        "Runs an RPC of an app with test data.",
    )
    .with(&[
        APP,
        VERSION,
        RPC,
        in_body("data", Kind::Object, "What it is given.")
            .required()
            .like("{}"),
        in_body("schema", Kind::Objects, "What the data look like.")
            .required()
            .like("[]"),
    ])
    .of_account()
    .object(&[]),
    get(
        "get-custom-app-rpc-section",
        "/sdk/apps/{appName}/{appVersion}/rpcs/{rpcName}/{section}",
        READ,
        "Shows a section of a RPC.",
    )
    .with(&[APP, VERSION, RPC, section("section", RPC_SECTIONS, "\"api\"")])
    .of_account()
    .text(),
    put(
        "set-custom-app-rpc-section",
        "/sdk/apps/{appName}/{appVersion}/rpcs/{rpcName}/{section}",
        WRITE,
        "Writes a section of a RPC.",
    )
    .with(&[
        APP,
        VERSION,
        RPC,
        section("section", RPC_SECTIONS, "\"api\""),
        SECTION_BODY,
    ])
    .of_account()
    .object(CHANGED),
];

const FUNCTION: Parameter = in_path("functionName", Kind::Text, "The function.", "\"parseDate\"");
const FUNCTION_FIELDS: &[Field] = &[field("name", Kind::Text), field("args", Kind::Text)];

const FUNCTION_OPERATIONS: &[Operation] = &[
    get(
        "list-custom-app-functions",
        "/sdk/apps/{appName}/{appVersion}/functions",
        READ,
        "Lists the functions of an app.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .all("appFunctions", FUNCTION_FIELDS),
    get(
        "get-custom-app-function",
        "/sdk/apps/{appName}/{appVersion}/functions/{functionName}",
        READ,
        "Shows one function of an app.",
    )
    .with(&[APP, VERSION, FUNCTION])
    .of_account()
    .one("appFunction", FUNCTION_FIELDS),
    post(
        "create-custom-app-function",
        "/sdk/apps/{appName}/{appVersion}/functions",
        WRITE,
        "Adds a function to an app.",
    )
    .with(&[
        APP,
        VERSION,
        in_body("name", Kind::Text, "Its name in expressions.")
            .required()
            .like("\"parseDate\""),
    ])
    .of_account()
    .one("appFunction", FUNCTION_FIELDS),
    delete(
        "delete-custom-app-function",
        "/sdk/apps/{appName}/{appVersion}/functions/{functionName}",
        WRITE,
        "Deletes a function of an app.",
    )
    .with(&[APP, VERSION, FUNCTION])
    .of_account()
    .only("appFunction"),
    get(
        "get-custom-app-function-code",
        "/sdk/apps/{appName}/{appVersion}/functions/{functionName}/code",
        READ,
        "Shows the code of a function of an app.",
    )
    .with(&[APP, VERSION, FUNCTION])
    .of_account()
    .text(),
    put(
        "set-custom-app-function-code",
        "/sdk/apps/{appName}/{appVersion}/functions/{functionName}/code",
        WRITE,
        "Writes the code of a function of an app.",
    )
    .with(&[
        APP,
        VERSION,
        FUNCTION,
        Parameter::new(
            "code",
            Place::Text("application/javascript"),
            Kind::Text,
            "The whole of it, in JavaScript.",
        )
        .required()
        .like("\"function parseDate(text) { return new Date(text); }\""),
    ])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-function-test",
        "/sdk/apps/{appName}/{appVersion}/functions/{functionName}/test",
        READ,
        "Shows the test of a function of an app.",
    )
    .with(&[APP, VERSION, FUNCTION])
    .of_account()
    .text(),
    put(
        "set-custom-app-function-test",
        "/sdk/apps/{appName}/{appVersion}/functions/{functionName}/test",
        WRITE,
        "Writes the test of a function of an app.",
    )
    .with(&[
        APP,
        VERSION,
        FUNCTION,
        Parameter::new(
            "test",
            Place::Text("application/javascript"),
            Kind::Text,
            "The whole of it, in JavaScript.",
        )
        .required()
        .like("\"it('works', () => {})\""),
    ])
    .of_account()
    .object(CHANGED),
];

const ENDPOINT: Parameter = in_path("endpointName", Kind::Text, "The endpoint.", "\"getEntity\"");
const ACCOUNTS: Parameter = in_body(
    "attachedAccounts",
    Kind::Texts,
    "The connections that it can use.",
);
const ENDPOINT_SECTIONS: &[&str] = &["api", "scope", "inputParameters", "outputParameters"];

const ENDPOINT_FIELDS: &[Field] = &[
    field("name", Kind::Text),
    field("label", Kind::Text),
    field("description", Kind::Text),
    field("context", Kind::Text),
    field("annotations", Kind::Object),
    field("attachedAccounts", Kind::Any),
    field("public", Kind::Flag),
    field("deprecated", Kind::Flag),
];

const ENDPOINT_OPERATIONS: &[Operation] = &[
    get(
        "list-custom-app-endpoints",
        "/sdk/apps/{appName}/{appVersion}/endpoints",
        READ,
        "Lists the endpoints of an app.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .all("appEndpoints", ENDPOINT_FIELDS),
    get(
        "get-custom-app-endpoint",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}",
        READ,
        "Shows one endpoint of an app.",
    )
    .with(&[APP, VERSION, ENDPOINT])
    .of_account()
    .one("appEndpoint", ENDPOINT_FIELDS),
    post(
        "create-custom-app-endpoint",
        "/sdk/apps/{appName}/{appVersion}/endpoints",
        WRITE,
        "Adds a endpoint to an app.",
    )
    .with(&[
        APP,
        VERSION,
        in_body("name", Kind::Text, "Its name.")
            .required()
            .like("\"getEntity\""),
        LABEL.required(),
        DESCRIPTION,
        ACCOUNTS,
    ])
    .of_account()
    .one("appEndpoint", ENDPOINT_FIELDS),
    patch(
        "update-custom-app-endpoint",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}",
        WRITE,
        "Changes a endpoint of an app.",
    )
    .with(&[
        APP,
        VERSION,
        ENDPOINT,
        LABEL,
        DESCRIPTION,
        in_body("context", Kind::Text, "What agents are told of it."),
        in_body(
            "annotations",
            Kind::Object,
            "Hints such as `{\"readOnlyHint\": true}`.",
        ),
        ACCOUNTS,
    ])
    .of_account()
    .one("appEndpoint", ENDPOINT_FIELDS),
    delete(
        "delete-custom-app-endpoint",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}",
        WRITE,
        "Deletes a endpoint of an app.",
    )
    .with(&[APP, VERSION, ENDPOINT])
    .of_account()
    .only("appEndpoint"),
    switch(
        "publish-custom-app-endpoint",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}/public",
        WRITE,
        "Shows a endpoint to everybody who uses the app.",
    )
    .with(&[APP, VERSION, ENDPOINT])
    .of_account()
    .object(CHANGED),
    switch(
        "unpublish-custom-app-endpoint",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}/private",
        WRITE,
        "Hides a endpoint from those who use the app.",
    )
    .with(&[APP, VERSION, ENDPOINT])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-endpoint-section",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}/{section}",
        READ,
        "Shows a section of a endpoint.",
    )
    .with(&[
        APP,
        VERSION,
        ENDPOINT,
        section("section", ENDPOINT_SECTIONS, "\"api\""),
    ])
    .of_account()
    .text(),
    put(
        "set-custom-app-endpoint-section",
        "/sdk/apps/{appName}/{appVersion}/endpoints/{endpointName}/{section}",
        WRITE,
        "Writes a section of a endpoint.",
    )
    .with(&[
        APP,
        VERSION,
        ENDPOINT,
        section("section", ENDPOINT_SECTIONS, "\"api\""),
        SECTION_BODY,
    ])
    .of_account()
    .object(CHANGED),
];
