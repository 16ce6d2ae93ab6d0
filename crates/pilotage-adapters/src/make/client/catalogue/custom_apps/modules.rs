//! Modules of an app.

use super::{APP, CHANGED, DESCRIPTION, LABEL, READ, SECTION_BODY, VERSION, WRITE, section};
use crate::make::client::{
    catalogue::Category,
    operation::{
        Field, Kind, Operation, Parameter, delete, explained, field, get, in_body, in_path, patch, post, put,
        switch,
    },
};

pub(in crate::make::client::catalogue) const MODULES: Category = Category {
    name: "custom-app-modules",
    about: "Modules of custom apps",
    operations: OPERATIONS,
};

const MODULE: Parameter = in_path("moduleName", Kind::Text, "The module.", "\"listItems\"");
const CONNECTION: Parameter = in_body("connection", Kind::Text, "The connection that it uses.");
const SECTIONS: &[&str] = &[
    "api",
    "epoch",
    "parameters",
    "expect",
    "interface",
    "samples",
    "scope",
];

const FIELDS: &[Field] = &[
    field("name", Kind::Text),
    field("label", Kind::Text),
    field("description", Kind::Text),
    explained(
        "typeId",
        Kind::Integer,
        "1 trigger, 4 action, 9 search, 10 instant trigger, 11 responder, 12 universal.",
    ),
    field("connection", Kind::Text),
    field("public", Kind::Flag),
    field("approved", Kind::Flag),
];

const OPERATIONS: &[Operation] = &[
    get(
        "list-custom-app-modules",
        "/sdk/apps/{appName}/{appVersion}/modules",
        READ,
        "Lists the modules of an app.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .all("appModules", FIELDS),
    get(
        "get-custom-app-module",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}",
        READ,
        "Shows one module of an app.",
    )
    .with(&[APP, VERSION, MODULE])
    .of_account()
    .one("appModule", FIELDS),
    post(
        "create-custom-app-module",
        "/sdk/apps/{appName}/{appVersion}/modules",
        WRITE,
        "Adds a module to an app.",
    )
    .with(&[
        APP,
        VERSION,
        in_body("name", Kind::Text, "Its name in blueprints.")
            .required()
            .like("\"listItems\""),
        in_body(
            "typeId",
            Kind::Integer,
            "1 trigger, 4 action, 9 search, 10 instant trigger, 11 responder, 12 universal.",
        )
        .required()
        .like("4"),
        LABEL.required(),
        DESCRIPTION.required(),
        in_body("moduleInitMode", Kind::Text, "What it begins with.").one_of(&["blank", "example", "module"]),
    ])
    .of_account()
    .one("appModule", FIELDS),
    patch(
        "update-custom-app-module",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}",
        WRITE,
        "Changes a module of an app.",
    )
    .with(&[APP, VERSION, MODULE, LABEL, DESCRIPTION, CONNECTION])
    .of_account()
    .one("appModule", FIELDS),
    delete(
        "delete-custom-app-module",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}",
        WRITE,
        "Deletes a module of an app.",
    )
    .with(&[APP, VERSION, MODULE])
    .of_account()
    .only("appModule"),
    switch(
        "publish-custom-app-module",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}/public",
        WRITE,
        "Shows a module to everybody who uses the app.",
    )
    .with(&[APP, VERSION, MODULE])
    .of_account()
    .object(CHANGED),
    switch(
        "unpublish-custom-app-module",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}/private",
        WRITE,
        "Hides a module from those who use the app.",
    )
    .with(&[APP, VERSION, MODULE])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-module-section",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}/{section}",
        READ,
        "Shows a section of a module.",
    )
    .with(&[APP, VERSION, MODULE, section("section", SECTIONS, "\"api\"")])
    .of_account()
    .text(),
    put(
        "set-custom-app-module-section",
        "/sdk/apps/{appName}/{appVersion}/modules/{moduleName}/{section}",
        WRITE,
        "Writes a section of a module.",
    )
    .with(&[
        APP,
        VERSION,
        MODULE,
        section("section", SECTIONS, "\"api\""),
        SECTION_BODY,
    ])
    .of_account()
    .object(CHANGED),
];
