//! Devices of a team.

use super::Category;
use crate::make::{
    resource::Resource,
    routing::{Answering, of},
};

const DEVICES: Resource = Resource::of_team("devices", "device", "devices");

pub(crate) const CATEGORY: Category = Category {
    name: "devices",
    routes: &[
        of("GET", "/devices", "devices:read", Answering::List(&DEVICES)),
        of("GET", "/devices/{}", "devices:read", Answering::Show(&DEVICES)),
        of(
            "DELETE",
            "/devices/{}",
            "devices:write",
            Answering::Delete(&DEVICES),
        ),
    ],
};
