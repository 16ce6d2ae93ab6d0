//! The dashboard without a browser: who sees what, what forms may do, and that nothing hostile becomes markup.

use std::net::SocketAddr;

use axum::{body::Body, extract::ConnectInfo};
use http::{Request, request::Builder};
use pilotage_core::ports::Role;
use serde_json::json;

use crate::{
    answers::Answer,
    house::{House, Plan, local, peer, rule, signed},
    roles::FORMS,
};

const FORM: &str = "application/x-www-form-urlencoded";
const ORIGIN: &str = "http://localhost:8080";

/// Asks as a browser does for a page.
fn look(path: &str) -> Builder {
    local("GET", path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
}

/// Sends a form as a browser does from a page of ours.
pub(crate) fn form(path: &str) -> Builder {
    local("POST", path)
        .header("accept", "text/html")
        .header("content-type", FORM)
        .header("origin", ORIGIN)
        .header("sec-fetch-site", "same-origin")
}

pub(crate) async fn send(house: &House, request: Builder, body: &str) -> Answer {
    house
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

pub(crate) async fn page(house: &House, path: &str) -> Answer {
    send(house, look(path), "").await
}

/// The cookie of who signed in with `token`.
pub(crate) async fn cookie(house: &House, token: &str) -> String {
    let answer = send(house, form("/login"), &format!("token={token}&next=%2Frules"))
        .await
        .is(303);
    assert_eq!(answer.header("location"), "/rules");
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains(token),
        "{cookie}"
    );
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_page_is_shown_with_a_strict_policy_and_no_script_inline() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    let event = house.deliver("push", "d-1").await;
    house.matcher.match_next().await.unwrap();
    let executions = house.get("/api/v1/executions").await.is(200);
    let execution = executions.at("/items/0/id");
    let paths = [
        "/".to_owned(),
        "/events?source=toy&since=2020-01-01T00:00".to_owned(),
        format!("/events/{event}"),
        format!("/events/{event}/replay"),
        "/executions?status=pending&rule=r".to_owned(),
        format!("/executions/{execution}"),
        format!("/executions/{execution}/cancel"),
        "/rules?q=r".to_owned(),
        format!("/rules/r?event={event}"),
        "/rules/r/disable".to_owned(),
        "/gates".to_owned(),
        "/pipelines".to_owned(),
        "/tests".to_owned(),
        "/tests/history?suite=s&file=f&test=t".to_owned(),
        "/deployments".to_owned(),
        "/audit?kind=delivery".to_owned(),
        "/metrics-board?span=7d&days=7&environment=*".to_owned(),
        "/search?q=pu".to_owned(),
        "/login".to_owned(),
    ];
    for path in paths {
        let answer = page(&house, &path).await.is(200);
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-")
                && policy.contains("; script-src 'self';"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(
            answer.text.contains("<title>") && answer.text.contains("<main "),
            "{path}"
        );
        for inline in [" style=", "<script>", " onclick", "javascript:"] {
            assert!(!answer.text.contains(inline), "{path} has {inline}");
        }
        assert_eq!(answer.text.matches("<style").count(), 1, "{path}");
        assert!(answer.text.len() < 60_000, "{path}: {} bytes", answer.text.len());
    }
    house.leave().await;
}

#[tokio::test]
async fn a_page_knows_the_theme_before_it_is_painted_and_a_refresh_carries_no_style() {
    let house = House::usual().await;
    let plain = page(&house, "/").await.is(200);
    assert!(plain.text.contains("<html lang=\"en\">"));
    let chosen = look("/").header("cookie", "pilotage_theme=dark; pilotage_times=absolute");
    let chosen = send(&house, chosen, "").await.is(200);
    assert!(
        chosen
            .text
            .contains(r#"<html lang="en" data-theme="dark" data-times="absolute">"#)
    );
    let refresh = send(&house, look("/").header("x-pilotage-refresh", "1"), "")
        .await
        .is(200);
    assert!(!refresh.text.contains("<style"));
    assert!(refresh.text.len() + 10_000 < plain.text.len());
    house.leave().await;
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_weigh_little() {
    let house = House::usual().await;
    let first = page(&house, "/").await.is(200);
    let mut weight = first.text.len();
    let assets: Vec<&str> = first
        .text
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for asset in assets {
        let answer = house.get(asset).await.is(200);
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        weight += answer.text.len();
    }
    assert!(weight < 100_000, "{weight} bytes");
    assert_eq!(
        house.get("/assets/pilotage.0000000000000000.css").await.status,
        404
    );
    house.leave().await;
}

#[tokio::test]
async fn people_are_asked_to_sign_in_and_programs_are_told_what_is_wrong() {
    let house = House::usual().await;
    let token = house.token("deploy", Role::Operator).await;
    let asked = page(&house, "/events?source=toy").await.is(401);
    assert!(asked.text.contains("name=\"token\"") && asked.text.contains("/events?source=toy"));
    for path in ["/", "/metrics-board", "/nothing"] {
        assert!(
            page(&house, path).await.is(401).text.contains("name=\"token\""),
            "{path}"
        );
    }
    local_refusal(&house).await;
    let foreign = look("/events").header("sec-fetch-site", "cross-site");
    let hop = send(&house, foreign, "").await.is(401);
    assert!(hop.text.contains("http-equiv=\"refresh\"") && !hop.text.contains("name=\"token\""));
    // Whatever stands in the address: nobody is led to another server from here.
    for path in ["//evil.example/", "//evil.example/%2e%2e?a"] {
        let foreign = look(path).header("sec-fetch-site", "cross-site");
        let hop = send(&house, foreign, "").await.is(401);
        assert!(
            hop.text.contains("http-equiv=\"refresh\"") && !hop.text.contains("evil"),
            "{}",
            hop.text
        );
    }

    send(&house, form("/login"), "token=plo_wrong").await.is(401);
    let cookie = cookie(&house, &token).await;
    let seen = send(&house, look("/").header("cookie", &cookie), "")
        .await
        .is(200);
    assert!(seen.text.contains("token:deploy") && seen.text.contains("Sign out"));
    let api = local("GET", "/api/v1/stats").header("cookie", &cookie);
    send(&house, api, "").await.is(200);
    let over_tls = form("/login").header("x-forwarded-proto", "https");
    let answer = send(&house, over_tls, &format!("token={token}")).await.is(303);
    assert!(answer.header("set-cookie").ends_with("; Secure"));

    let leaving = form("/logout").header("cookie", &cookie);
    let left = send(&house, leaving, "").await.is(303);
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    send(&house, look("/").header("cookie", &cookie), "")
        .await
        .is(401);
    house.leave().await;
}

async fn local_refusal(house: &House) {
    for path in ["/api/v1/events", "/metrics"] {
        page(house, path).await.refused(401, path);
    }
    house.get("/events").await.refused(401, "/events");
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let house = House::usual().await;
    let root = house.token("root", Role::Admin).await;
    let token = house.token("leaver", Role::Viewer).await;
    let cookie = cookie(&house, &token).await;
    send(&house, look("/").header("cookie", &cookie), "")
        .await
        .is(200);
    let revoke = local("DELETE", "/api/v1/tokens/leaver").header("authorization", format!("Bearer {root}"));
    send(&house, revoke, "").await.is(204);
    send(&house, look("/").header("cookie", &cookie), "")
        .await
        .is(401);
    house.leave().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_for_the_address_that_guesses() {
    let house = House::usual().await;
    let token = house.token("t", Role::Viewer).await;
    let mut refused = 0;
    for guess in 0..20 {
        let answer = send(&house, form("/login"), &format!("token=plo_{guess}")).await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 5, "{refused}");
    let mut other = form("/login").body(Body::from(format!("token={token}"))).unwrap();
    other
        .extensions_mut()
        .insert::<ConnectInfo<SocketAddr>>(ConnectInfo(peer("192.0.2.9")));
    house.send(other).await.is(303);
    // Behind a proxy everybody has one address.
    send(&house, form("/login"), &format!("token={token}"))
        .await
        .is(303);
    house.leave().await;
}

async fn with_one_execution() -> (House, String, String) {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "push"))
        .await
        .is(201);
    let event = house.deliver("push", "d-1").await;
    house.matcher.match_next().await.unwrap();
    let execution = house.get("/api/v1/executions").await.is(200).at("/items/0/id");
    (house, event, execution)
}

#[tokio::test]
async fn forms_ask_for_the_roles_of_the_api_and_nobody_sees_a_button_that_is_not_for_him() {
    let (house, event, execution) = with_one_execution().await;
    for role in Role::ALL {
        let cookie = cookie(&house, &house.token(role.as_str(), role).await).await;
        for (path, needed) in FORMS {
            if path == "/logout" {
                continue;
            }
            let path = path.replace("{event}", &event).replace("{execution}", &execution);
            let answer = send(&house, form(&path).header("cookie", &cookie), "").await;
            assert_eq!(
                answer.status == 403,
                role < needed,
                "{role:?} {path}: {}",
                answer.text
            );
            if !path.starts_with("/audit") {
                let asked = send(&house, look(&path).header("cookie", &cookie), "").await;
                assert_eq!(asked.status == 403, role < needed, "{role:?} asks {path}");
            }
        }
        let sees = async |path: String, what: &str| {
            let answer = send(&house, look(&path).header("cookie", &cookie), "")
                .await
                .is(200);
            answer.text.contains(what)
        };
        assert_eq!(
            sees(format!("/events/{event}"), "/replay\"").await,
            role >= Role::Operator
        );
        assert_eq!(
            sees("/rules/r".to_owned(), "able\" data-ask").await,
            role >= Role::Admin
        );
    }
    house.leave().await;
}

#[tokio::test]
async fn forms_come_only_from_pages_of_our_own() {
    let (house, event, execution) = with_one_execution().await;
    let with = |path: &str, headers: &[(&str, &str)]| {
        let request = local("POST", path).header("accept", "text/html");
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let ours = ("origin", ORIGIN);
    for (path, _) in FORMS {
        let path = path.replace("{event}", &event).replace("{execution}", &execution);
        for (status, headers) in [
            (403, vec![("content-type", FORM)]),
            (403, vec![("content-type", FORM), ("origin", "null")]),
            (
                403,
                vec![("content-type", FORM), ("origin", "http://evil.example")],
            ),
            (
                403,
                vec![("content-type", FORM), ours, ("sec-fetch-site", "same-site")],
            ),
            (415, vec![("content-type", "text/plain"), ours]),
            (415, vec![("content-type", "application/json"), ours]),
        ] {
            let answer = send(&house, with(&path, &headers), "rules=today").await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{path} {headers:?}: {}",
                answer.text
            );
        }
    }
    // And the API takes no forms, from wherever they come.
    let api = format!("/api/v1/events/{event}/replay");
    let answer = send(&house, with(&api, &[("content-type", FORM), ours]), "rules=today").await;
    answer.refused(415, &api);
    let executions = house.get("/api/v1/executions").await.is(200).json();
    assert_eq!(executions.pointer("/items").unwrap().as_array().unwrap().len(), 1);
    house.leave().await;
}

#[tokio::test]
async fn what_is_done_leads_back_to_where_it_shows() {
    let (house, event, execution) = with_one_execution().await;
    let done = async |path: String, body: &str| {
        let answer = send(&house, form(&path), body).await.is(303);
        let to = answer.header("location").to_owned();
        page(&house, &to).await.is(200).text
    };
    assert!(
        done(format!("/executions/{execution}/cancel"), "")
            .await
            .contains("Asked to cancel")
    );
    let again = send(&house, form(&format!("/executions/{execution}/cancel")), "")
        .await
        .is(409);
    assert!(again.text.contains("<main") && again.text.contains("cancelled"));
    assert!(
        done(format!("/events/{event}/replay"), "rules=same")
            .await
            .contains("1 execution scheduled")
    );
    assert!(
        done("/rules/r/disable".to_owned(), "")
            .await
            .contains("is disabled")
    );
    assert!(
        done(format!("/events/{event}/replay"), "rules=today")
            .await
            .contains("no rule matches")
    );
    let verdict = page(&house, &format!("/rules/r?event={event}"))
        .await
        .is(200)
        .text;
    assert!(verdict.contains("does not match"), "{verdict}");
    assert!(
        done("/rules/r/enable".to_owned(), "")
            .await
            .contains("is enabled")
    );
    let audit = page(&house, "/audit?kind=rule.&subject=r").await.is(200).text;
    assert_eq!(audit.matches("rule.changed</span>").count(), 3);
    house.leave().await;
}

#[tokio::test]
async fn a_rule_of_the_file_says_where_it_is_changed() {
    let plan = Plan {
        file_rules: vec![serde_json::from_value(rule("filed", "push")).unwrap()],
        ..Plan::default()
    };
    let house = House::open(plan).await;
    let shown = page(&house, "/rules/filed").await.is(200).text;
    assert!(
        shown.contains("enabled: false") && !shown.contains("/disable"),
        "{shown}"
    );
    send(&house, form("/rules/filed/disable"), "").await.is(409);
    page(&house, "/rules/missing").await.is(404);
    house.leave().await;
}

#[tokio::test]
async fn hostile_text_is_shown_as_text() {
    let house = House::usual().await;
    let evil = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>\u{202e}gnp.exe{{7*7}}";
    let body = json!({ evil: evil, "long": "a".repeat(1 << 19), "list": [[[[[evil]]]]] });
    let request = signed("/webhooks/toy")
        .header("x-toy-event", "a<script>b")
        .header("x-toy-delivery", "\"><img onerror=x>");
    let answer = house
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await
        .is(202);
    let event = answer.at("/eventId");
    house.matcher.match_next().await.unwrap();
    let searched: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
    for path in [
        "/".to_owned(),
        "/events".to_owned(),
        format!("/events/{event}"),
        format!("/search?q={searched}"),
        format!("/events?source={searched}&type={searched}&deliveryId={searched}"),
        format!("/executions?rule={searched}"),
        format!("/audit?kind={searched}"),
        format!("/login?next=/{searched}"),
        format!("/events?since={searched}"),
        format!("/rules/{}", searched.replace('+', "%20")),
    ] {
        let answer = page(&house, &path).await;
        for markup in ["<script>alert", "<img", "a<script>b"] {
            assert!(!answer.text.contains(markup), "{path}: {markup}");
        }
        assert!(answer.text.len() < 120_000, "{path}: {} bytes", answer.text.len());
    }
    house.leave().await;
}

#[tokio::test]
async fn a_rebound_name_gets_no_page() {
    let house = House::usual().await;
    for path in ["/", "/login"] {
        let request = Request::builder()
            .uri(path)
            .header("host", "rebound.example")
            .header("accept", "text/html");
        let answer = send(&house, request, "").await.is(403);
        assert!(!answer.text.contains("name=\"token\""));
    }
    house.leave().await;
}
