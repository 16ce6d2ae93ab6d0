//! Lists that never change. The mock knows a few entries of each, with Make's own ids where they were seen.

use serde_json::{Value, json};

use super::Category;
use crate::make::{call::Call, reply::Reply, routing::plain};

pub(crate) const CATEGORY: Category = Category {
    name: "enums",
    routes: &[
        plain("GET", "/enums/countries", "", countries),
        plain("GET", "/enums/imt-regions", "", regions),
        plain("GET", "/enums/timezones", "", timezones),
        plain("GET", "/enums/connected-system-apps", "agents:read", apps),
    ],
};

/// Id, name, three letters, two letters.
const COUNTRIES: [(u64, &str, &str, &str); 6] = [
    (4, "Afghanistan", "AFG", "af"),
    (57, "Czech Republic", "CZE", "cz"),
    (81, "Germany", "DEU", "de"),
    (202, "Spain", "ESP", "es"),
    (226, "United Kingdom", "GBR", "gb"),
    (227, "United States", "USA", "us"),
];

/// Id, place, difference from UTC.
const TIMEZONES: [(u64, &str, &str); 5] = [
    (82, "UTC", "+00:00"),
    (36, "America/New_York", "-05:00"),
    (113, "Europe/Prague", "+01:00"),
    (114, "Europe/London", "+00:00"),
    (173, "Asia/Tokyo", "+09:00"),
];

/// What connected systems can be: name and label.
pub(super) const CONNECTED_SYSTEM_APPS: [(&str, &str); 2] = [("http", "HTTP"), ("sap-agent", "SAP")];

fn list(name: &str, entries: impl Iterator<Item = Value>) -> Reply {
    Reply::json(json!({name: entries.collect::<Vec<_>>()}))
}

fn countries(_: &mut Call<'_>) -> Reply {
    let entries = COUNTRIES.iter();
    list(
        "countries",
        entries.map(|(id, name, code, code2)| json!({"id": id, "name": name, "code": code, "code2": code2})),
    )
}

fn regions(_: &mut Call<'_>) -> Reply {
    let names = ["EU", "US"].iter().zip(1..);
    list(
        "imtRegions",
        names.map(|(name, id): (&&str, u64)| json!({"id": id, "name": name})),
    )
}

fn timezones(_: &mut Call<'_>) -> Reply {
    let entries = TIMEZONES.iter();
    list(
        "timezones",
        entries.map(|(id, code, offset)| {
            let name = format!("(GMT{offset}) {code}");
            json!({"id": id, "name": name, "code": code, "offset": offset.replace(':', "")})
        }),
    )
}

fn apps(_: &mut Call<'_>) -> Reply {
    let entries = CONNECTED_SYSTEM_APPS.iter();
    list(
        "connectedSystemApps",
        entries.map(|(name, label)| json!({"name": name, "label": label, "icon": name})),
    )
}
