//! Apps that people build for Make, with their connections, webhooks, modules, RPCs, functions and endpoints.
//!
//! Sections are texts: JSON with comments, Markdown or JavaScript, sent and given back byte for byte.

mod endpoints;
mod modules;
mod shared;

use super::Category;
use crate::make::client::operation::{
    Field, Kind, Operation, Parameter, Place, delete, explained, field, get, in_body, in_path, patch, post,
    put, switch,
};

pub(super) use endpoints::{ENDPOINTS, FUNCTIONS, RPCS};
pub(super) use modules::MODULES;
pub(super) use shared::{CONNECTIONS, WEBHOOKS};

const READ: &str = "sdk-apps:read";
const WRITE: &str = "sdk-apps:write";

pub(super) const APPS: Category = Category {
    name: "custom-apps",
    about: "Apps that people build for Make",
    operations: OPERATIONS,
};

/// The app, and its version, in the path.
const APP: Parameter = in_path(
    "appName",
    Kind::Text,
    "The app, as `list-custom-apps` names it.",
    "\"my-app\"",
);
const VERSION: Parameter = in_path("appVersion", Kind::Integer, "Its version.", "1");
const LABEL: Parameter = in_body("label", Kind::Text, "What people read.").like("\"My app\"");
const DESCRIPTION: Parameter = in_body("description", Kind::Text, "What it is for.").like("\"An example\"");

/// What is done to anything that answers with nothing else.
const CHANGED: &[Field] = &[field("changed", Kind::Flag)];

const fn section(name: &'static str, sections: &'static [&'static str], example: &'static str) -> Parameter {
    in_path(name, Kind::Text, "The section.", example).one_of(sections)
}

/// The text of a section.
const SECTION_BODY: Parameter = Parameter::new(
    "body",
    Place::Text("application/jsonc"),
    Kind::Text,
    "The whole section: JSON, comments allowed.",
)
.required()
.like("\"{}\"");

const FIELDS: &[Field] = &[
    field("name", Kind::Text),
    field("label", Kind::Text),
    field("description", Kind::Text),
    field("version", Kind::Integer),
    field("beta", Kind::Flag),
    field("theme", Kind::Text),
    field("language", Kind::Text),
    field("public", Kind::Flag),
    explained("approved", Kind::Flag, "Whether Make has reviewed it."),
    field("countries", Kind::Any),
    field("created", Kind::Text),
];

const SECTIONS: &[&str] = &["base", "groups", "install", "installSpec"];
const THEME: Parameter = in_body("theme", Kind::Text, "A color such as `#1b2c3d`.").like("\"#1b2c3d\"");
const LANGUAGE: Parameter = in_body("language", Kind::Text, "Such as `en`.").like("\"en\"");
const COUNTRIES: Parameter = in_body(
    "countries",
    Kind::Texts,
    "Where it is of use; none for everywhere.",
);
const AUDIENCE: Parameter =
    in_body("audience", Kind::Text, "Who it is for, such as `global`.").like("\"global\"");

const OPERATIONS: &[Operation] = &[
    get("list-custom-apps", "/sdk/apps", READ, "Lists the apps that the account has built.")
        .whole()
        .of_account()
        .all("apps", FIELDS),
    get("get-custom-app", "/sdk/apps/{appName}/{appVersion}", READ, "Shows one app that the account has built.")
        .with(&[APP, VERSION])
        .whole()
        .of_account()
        .one("app", FIELDS),
    post(
        "create-custom-app",
        "/sdk/apps",
        WRITE,
        "Creates an app; Make adds to a name that is taken, so use the name in the answer.",
    )
    .with(&[
        in_body("name", Kind::Text, "Its name in blueprints.").required().like("\"my-app\""),
        LABEL.required(),
        DESCRIPTION,
        THEME.required(),
        LANGUAGE.required(),
        COUNTRIES,
        in_body("private", Kind::Flag, "Whether only the account sees it."),
        AUDIENCE.required(),
    ])
    .of_account()
    .one("app", FIELDS),
    patch(
        "update-custom-app",
        "/sdk/apps/{appName}/{appVersion}",
        WRITE,
        "Changes label, description, theme, language, countries or audience of an app.",
    )
    .with(&[APP, VERSION, LABEL, DESCRIPTION, THEME, LANGUAGE, COUNTRIES, AUDIENCE])
    .of_account()
    .one("app", FIELDS),
    delete(
        "delete-custom-app",
        "/sdk/apps/{appName}/{appVersion}",
        WRITE,
        "Deletes an app with everything in it.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .only("app"),
    get(
        "get-custom-app-section",
        "/sdk/apps/{appName}/{appVersion}/{section}",
        READ,
        "Shows a section of an app: what its modules share, their groups, or its installation.",
    )
    .with(&[APP, VERSION, section("section", SECTIONS, "\"base\"")])
    .of_account()
    .text(),
    put(
        "set-custom-app-section",
        "/sdk/apps/{appName}/{appVersion}/{section}",
        WRITE,
        "Writes a section of an app.",
    )
    .with(&[APP, VERSION, section("section", SECTIONS, "\"base\""), SECTION_BODY])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-docs",
        "/sdk/apps/{appName}/{appVersion}/readme",
        READ,
        "Shows the documentation of an app, in Markdown.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .text(),
    put(
        "set-custom-app-docs",
        "/sdk/apps/{appName}/{appVersion}/readme",
        WRITE,
        "Writes the documentation of an app.",
    )
    .with(&[
        APP,
        VERSION,
        Parameter::new("docs", Place::Text("text/markdown"), Kind::Text, "The whole of it, in Markdown.")
            .required()
            .like("\"# My app\""),
    ])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-common",
        "/sdk/apps/{appName}/{appVersion}/common",
        READ,
        "Shows which common data an app has, such as the id of an OAuth client; credentials are masked.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .object(&[]),
    put(
        "set-custom-app-common",
        "/sdk/apps/{appName}/{appVersion}/common",
        WRITE,
        "Writes the common data of an app.",
    )
    .with(&[APP, VERSION, COMMON])
    .of_account()
    .object(CHANGED),
    put(
        "set-custom-app-icon",
        "/sdk/apps/{appName}/{appVersion}/icon",
        WRITE,
        "Gives an app its icon.",
    )
    .with(&[
        APP,
        VERSION,
        Parameter::new("dataBase64", Place::Bytes("image/png"), Kind::Text, "A PNG of 512 by 512, in base64.")
            .required()
            .like("\"iVBORw0KGgo=\""),
    ])
    .of_account()
    .object(CHANGED),
    get(
        "get-custom-app-icon",
        "/sdk/apps/{appName}/{appVersion}/icon/{size}",
        READ,
        "Gives the icon of an app as a PNG, in base64.",
    )
    .with(&[APP, VERSION, in_path("size", Kind::Integer, "Its width.", "512")])
    .of_account()
    .bytes(),
    switch(
        "publish-custom-app",
        "/sdk/apps/{appName}/{appVersion}/public",
        WRITE,
        "Lets everybody who has its address install an app. It cannot be made private again once others use it.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .object(CHANGED),
    switch(
        "unpublish-custom-app",
        "/sdk/apps/{appName}/{appVersion}/private",
        WRITE,
        "Makes an app private.",
    )
    .with(&[APP, VERSION])
    .of_account()
    .object(CHANGED),
];

const COMMON: Parameter = Parameter::new(
    "common",
    Place::Whole,
    Kind::Object,
    "The whole of it, credentials among it.",
)
.required()
.secret()
.like(r#"{"clientId":"example"}"#);
