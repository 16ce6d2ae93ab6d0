//! How a page looks to the one who asked: what is in its head, and what the script noted of the person's wishes.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName};

use super::assets::{ADDRESSES, Addresses, STYLE};
use crate::auth::cookie;

/// The script says by it that it wants a page for its contents alone.
const REFRESH: HeaderName = HeaderName::from_static("x-pilotage-refresh");
/// Cookies that the script sets when somebody presses a button.
const THEME: &str = "pilotage_theme";
const TIMES: &str = "pilotage_times";

/// How a page looks. The style stands in the page itself, and the theme is known before the first byte goes out, so that a
/// browser paints a page without asking for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// `light` or `dark`; `None` as the person's system has it.
    pub(super) theme: Option<&'static str>,
    /// Whether times are shown as they are and not as "3 min ago".
    pub(super) absolute_times: bool,
    /// The style, unless the page is only read for its contents.
    pub(super) style: Option<&'static str>,
    pub(super) assets: &'static Addresses,
}

impl Look {
    /// What this request asks for; from cookies only words that are known.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let theme = cookie(headers, THEME);
        Self {
            theme: ["light", "dark"].into_iter().find(|known| Some(*known) == theme),
            absolute_times: cookie(headers, TIMES) == Some("absolute"),
            style: (!headers.contains_key(REFRESH)).then_some(STYLE),
            assets: LazyLock::force(&ADDRESSES),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn only_known_words_of_cookies_come_into_a_page() {
        let look = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))]);
            let look = Look::of(&headers);
            (look.theme, look.absolute_times)
        };
        assert_eq!(
            look("pilotage_theme=dark; pilotage_times=absolute"),
            (Some("dark"), true)
        );
        assert_eq!(
            look("pilotage_theme=system; pilotage_times=relative"),
            (None, false)
        );
        assert_eq!(look("pilotage_theme=\"><script>"), (None, false));
    }
}
