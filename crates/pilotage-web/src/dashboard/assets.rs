//! Style, script and icon. Script and icon have their digest in their name, so browsers keep them for ever and never show an
//! old one. The style stands in every page: a page that waits for another file is painted twice as late.

use std::sync::{Arc, LazyLock};

use axum::{Router, extract::Path, response::IntoResponse, response::Response, routing::get};
use http::{HeaderName, HeaderValue, StatusCode, header};
use pilotage_core::Digest;

use crate::door::Door;

struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// The style of every page.
pub(super) const STYLE: &str = include_str!("../../assets/pilotage.css");

const SCRIPT: Asset = Asset {
    stem: "pilotage",
    extension: "js",
    media_type: "text/javascript; charset=utf-8",
    text: include_str!("../../assets/pilotage.js"),
};
const ICON: Asset = Asset {
    stem: "icon",
    extension: "svg",
    media_type: "image/svg+xml",
    text: include_str!("../../assets/icon.svg"),
};

/// Where the assets are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) script: String,
    pub(super) icon: String,
}

/// The addresses of this version's assets.
pub(super) static ADDRESSES: LazyLock<Addresses> = LazyLock::new(|| Addresses {
    script: SCRIPT.address(),
    icon: ICON.address(),
});

impl Asset {
    fn address(&self) -> String {
        let digest = Digest::of(self.text.as_bytes()).to_string();
        let digest = digest.get(..16).unwrap_or_default();
        format!("/assets/{}.{digest}.{}", self.stem, self.extension)
    }
}

/// The assets, which everybody may have: the page that lets people in needs them.
pub(crate) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/assets/{name}", get(show))
}

async fn show(Path(name): Path<String>) -> Response {
    let address = format!("/assets/{name}");
    let addresses = &*ADDRESSES;
    let asset = [(&addresses.script, SCRIPT), (&addresses.icon, ICON)];
    let Some((_, asset)) = asset.into_iter().find(|(known, _)| **known == address) else {
        return (StatusCode::NOT_FOUND, fixed("no-store", "text/plain")).into_response();
    };
    let headers = fixed("public, max-age=31536000, immutable", asset.media_type);
    (headers, asset.text).into_response()
}

fn fixed(caching: &'static str, media_type: &'static str) -> [(HeaderName, HeaderValue); 4] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'"),
        ),
    ]
}
