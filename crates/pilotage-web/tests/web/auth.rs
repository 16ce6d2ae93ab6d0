use std::net::SocketAddr;

use axum::{body::Body, extract::ConnectInfo};
use http::Request;
use pilotage_core::ports::Role;

use crate::{
    house::{House, Plan, local, peer, rule, signed},
    roles::{ENDLESS, ROLES, TOKEN_ROLES},
};

/// What is asked, from where and how.
struct Ask<'a> {
    peer: &'a str,
    host: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

impl Ask<'_> {
    fn request(&self, method: &str, path: &str) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.host);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert::<ConnectInfo<SocketAddr>>(ConnectInfo(peer(self.peer)));
        request
    }
}

/// The status, and from where, for whom and how is asked.
type Row<'a> = (u16, &'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Asks everything that is not the API's business alone, and compares the status.
async fn compare(house: &House, table: &[Row<'_>]) {
    for (status, peer, host, headers) in table {
        for path in ["/api/v1/stats", "/metrics", "/", "/api/openapi.json"] {
            let ask = Ask { peer, host, headers };
            let answer = house.send(ask.request("GET", path)).await;
            assert_eq!(
                answer.status.as_u16(),
                *status,
                "{path} {peer} {host} {headers:?}: {}",
                answer.text
            );
            if *status == 401 {
                assert!(answer.header("www-authenticate").starts_with("Bearer"));
            }
        }
    }
}

#[tokio::test]
async fn loopback_is_open_until_there_is_a_token() {
    let house = House::usual().await;
    let near = "127.0.0.1";
    let open: &[Row<'_>] = &[
        (200, near, "localhost:8080", &[]),
        (200, "::1", "[::1]:8080", &[]),
        (200, "::ffff:127.0.0.1", "127.0.0.1:8080", &[]),
        (
            200,
            near,
            "localhost:8080",
            &[("origin", "http://localhost:8080")],
        ),
        (200, near, "localhost:8080", &[("sec-fetch-site", "cross-site")]),
    ];
    compare(&house, open).await;
    compare(
        &house,
        &[
            (401, near, "localhost:8080", &[("x-forwarded-for", "127.0.0.1")]),
            (401, near, "localhost:8080", &[("forwarded", "for=127.0.0.1")]),
            (401, near, "pilotage.example", &[]),
            (401, near, "192.0.2.1:8080", &[]),
            (401, "192.0.2.9", "localhost:8080", &[]),
        ],
    )
    .await;
    let ask = Ask {
        peer: near,
        host: "127.0.0.1:8080",
        headers: &[],
    };
    let mut old = ask.request("GET", "/api/v1/stats");
    *old.version_mut() = http::Version::HTTP_10;
    house.send(old).await.refused(401, "/api/v1/stats");

    // The store alone knows of this token, as when another process made it a moment ago.
    house.token("first", Role::Viewer).await;
    for (_, peer, host, headers) in open {
        compare(&house, &[(401, peer, host, headers)]).await;
    }
    house.leave().await;
}

#[tokio::test]
async fn who_asks_from_where_and_for_whom_decides() {
    let house = House::usual().await;
    let good = format!("Bearer {}", house.token("t", Role::Viewer).await);
    let good = [("authorization", good.as_str())];
    let wrong = [("authorization", "Bearer plo_0000")];
    let near = "127.0.0.1";
    let far = "192.0.2.9";
    let table: &[Row<'_>] = &[
        (401, near, "localhost:8080", &[]),
        (200, near, "localhost:8080", &good),
        (401, near, "localhost:8080", &wrong),
        (401, near, "localhost:8080", &[("authorization", "Basic eDp5")]),
        (403, near, "rebound.example:8080", &[]),
        (403, near, "rebound.example:8080", &good),
        (401, near, "pilotage.example", &[]),
        (200, near, "pilotage.example", &good),
        (401, near, "192.0.2.1:8080", &[]),
        (401, far, "localhost:8080", &[]),
        (401, far, "pilotage.example", &[]),
        (401, far, "localhost:8080", &[("x-forwarded-for", "127.0.0.1")]),
        (401, far, "pilotage.example", &wrong),
        (200, far, "pilotage.example", &good),
        (200, far, "192.0.2.1:8080", &good),
        (400, near, "", &[]),
        (400, near, "localhost", &[("host", "localhost")]),
        (
            403,
            near,
            "localhost:8080",
            &[("origin", "http://rebound.example")],
        ),
        (403, near, "localhost:8080", &[("origin", "null")]),
        (
            403,
            near,
            "localhost:8080",
            &[("origin", "http://localhost:3000")],
        ),
        (
            401,
            near,
            "localhost:8080",
            &[("origin", "http://localhost:8080")],
        ),
    ];
    compare(&house, table).await;
    house.leave().await;
}

#[tokio::test]
async fn what_does_not_exist_is_told_only_to_who_may_ask() {
    let house = House::usual().await;
    let far = Ask {
        peer: "192.0.2.9",
        host: "pilotage.example",
        headers: &[],
    };
    for path in ["/api/v1/nothing", "/nothing", "/webhooks", "/.env"] {
        house.send(far.request("GET", path)).await.refused(401, path);
        house.get(path).await.refused(404, path);
    }
    let answer = house.post("/api/v1/stats").await.refused(405, "/api/v1/stats");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    house.leave().await;
}

#[tokio::test]
async fn loopback_can_be_closed_too() {
    let mut plan = Plan::default();
    plan.settings.open_on_loopback = false;
    let house = House::open(plan).await;
    let answer = house.get("/api/v1/stats").await.refused(401, "/api/v1/stats");
    assert!(
        answer.at("/detail").contains("pilotage token create"),
        "{}",
        answer.text
    );
    let token = house.token("t", Role::Viewer).await;
    let request = local("GET", "/api/v1/stats").header("authorization", format!("bearer {token}"));
    house.send(request.body(Body::empty()).unwrap()).await.is(200);
    house.leave().await;
}

#[tokio::test]
async fn pages_of_others_change_nothing() {
    let house = House::usual().await;
    let body = rule("r", "push").to_string();
    let send = async |headers: &[(&str, &str)]| {
        let mut request = local("POST", "/api/v1/rules");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request.body(Body::from(body.clone())).unwrap()).await
    };
    let json = ("content-type", "application/json");
    for (status, headers) in [
        (403, vec![json, ("sec-fetch-site", "cross-site")]),
        (403, vec![json, ("sec-fetch-site", "same-site")]),
        (403, vec![json, ("origin", "http://evil.example")]),
        (415, vec![("content-type", "text/plain")]),
        (415, vec![("content-type", "application/x-www-form-urlencoded")]),
        (415, vec![]),
    ] {
        send(&headers).await.refused(status, "/api/v1/rules");
    }
    assert_eq!(house.get("/api/v1/rules").await.is(200).at("/items"), "[]");
    send(&[
        ("content-type", "application/json; charset=utf-8"),
        ("sec-fetch-site", "same-origin"),
    ])
    .await
    .is(201);
    house.leave().await;
}

#[tokio::test]
async fn deliveries_need_no_host_and_no_token() {
    let house = House::usual().await;
    let mut request = signed("/webhooks/toy").header("origin", "http://evil.example");
    request = request.header("authorization", "Bearer of-the-sender");
    let mut request = request.body(Body::from("{}")).unwrap();
    request
        .extensions_mut()
        .insert::<ConnectInfo<SocketAddr>>(ConnectInfo(peer("192.0.2.9")));
    house.send(request).await.is(202);
    house.leave().await;
}

#[tokio::test]
async fn an_endless_answer_asks_for_its_role() {
    let house = House::usual().await;
    let token = format!("Bearer {}", house.token("watcher", Role::Viewer).await);
    for (headers, expected) in [(&[("authorization", token.as_str())][..], 400), (&[][..], 401)] {
        let ask = Ask {
            peer: "192.0.2.9",
            host: "pilotage.example",
            headers,
        };
        for (method, path, _) in ENDLESS {
            house
                .send(ask.request(method, &format!("{path}?no")))
                .await
                .refused(expected, path);
        }
    }
    house.leave().await;
}

#[tokio::test]
async fn every_operation_asks_for_its_role() {
    let house = House::usual().await;
    for role in Role::ALL {
        let token = format!("Bearer {}", house.token(role.as_str(), role).await);
        let ask = Ask {
            peer: "192.0.2.9",
            host: "pilotage.example",
            headers: &[("authorization", &token)],
        };
        for (method, path, needed) in ROLES.iter().chain(&TOKEN_ROLES) {
            let path = path
                .replace("{id}", "0190c0de-0000-7000-8000-000000000000")
                .replace("{name}", "nobody");
            let answer = house.send(ask.request(method, &path)).await;
            assert_eq!(
                answer.status == 403,
                role < *needed,
                "{role:?} {method} {path}: {}",
                answer.text
            );
            assert_ne!(answer.status, 401, "{method} {path}");
            if role < *needed {
                let detail = answer.refused(403, &path).at("/detail");
                assert!(detail.contains(needed.as_str()), "{detail}");
            }
        }
    }
    house.leave().await;
}

#[test]
fn no_operation_is_without_a_role_in_the_table() {
    let document = pilotage_web::openapi();
    for (path, item) in document.get("paths").unwrap().as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let listed = |(listed, other, _): &&(&str, &str, Role)| {
                listed.eq_ignore_ascii_case(method) && other == path
            };
            let is_listed = ROLES
                .iter()
                .chain(&TOKEN_ROLES)
                .chain(&ENDLESS)
                .any(|row| listed(&row));
            assert!(is_listed || path.starts_with("/webhooks/"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn tokens_are_made_shown_once_and_revoked() {
    let house = House::usual().await;
    let root = house.token("root", Role::Admin).await;
    let call = async |method: &str, path: &str, body: &serde_json::Value| {
        let request = local(method, path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {root}"));
        house
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await
    };
    let get = async |path: &str| {
        let request = local("GET", path).header("authorization", format!("Bearer {root}"));
        house.send(request.body(Body::empty()).unwrap()).await
    };
    let delete = async || {
        let request = local("DELETE", "/api/v1/tokens/ci").header("authorization", format!("Bearer {root}"));
        house.send(request.body(Body::empty()).unwrap()).await
    };
    let request = serde_json::json!({ "name": "ci", "role": "operator" });
    let made = call("POST", "/api/v1/tokens", &request).await.is(201);
    let token = made.at("/token");
    assert!(token.starts_with("plo_") && token.len() == 68, "{}", made.text);
    assert_eq!(
        (made.at("/name"), made.at("/role")),
        ("ci".to_owned(), "operator".to_owned())
    );
    call("POST", "/api/v1/tokens", &request)
        .await
        .refused(409, "/api/v1/tokens");
    for (pointer, body) in [
        ("/name", serde_json::json!({ "name": "a b", "role": "viewer" })),
        ("/name", serde_json::json!({ "name": "", "role": "viewer" })),
        ("/role", serde_json::json!({ "name": "x", "role": "root" })),
        ("/nmae", serde_json::json!({ "nmae": "x", "role": "viewer" })),
    ] {
        let answer = call("POST", "/api/v1/tokens", &body)
            .await
            .refused(422, "/api/v1/tokens");
        assert_eq!(answer.at("/errors/0/pointer"), pointer);
    }

    let authorization = format!("Bearer {token}");
    let ask = Ask {
        peer: "192.0.2.9",
        host: "pilotage.example",
        headers: &[("authorization", &authorization)],
    };
    house.send(ask.request("GET", "/api/v1/stats")).await.is(200);
    let listed = get("/api/v1/tokens").await.is(200);
    assert_eq!(listed.at("/items/0/name"), "ci");
    assert!(!listed.text.contains(&token) && !listed.text.contains("digest"));

    delete().await.is(204);
    house
        .send(ask.request("GET", "/api/v1/stats"))
        .await
        .refused(401, "/api/v1/stats");
    delete().await.refused(404, "/api/v1/tokens/ci");

    let audit = get("/api/v1/audit").await.is(200).text;
    assert!(audit.contains("token.changed") && !audit.contains(&token));
    house.leave().await;
}

#[tokio::test]
async fn a_token_made_by_another_process_passes_at_once() {
    let house = House::usual().await;
    let unknown = Ask {
        peer: "192.0.2.9",
        host: "pilotage.example",
        headers: &[("authorization", "Bearer plo_x")],
    };
    house.send(unknown.request("GET", "/api/v1/stats")).await.is(401);
    let token = format!("Bearer {}", house.token("new", Role::Viewer).await);
    let known = Ask {
        headers: &[("authorization", &token)],
        ..unknown
    };
    house.send(known.request("GET", "/api/v1/stats")).await.is(200);
    house.leave().await;
}

#[tokio::test]
async fn what_is_done_is_audited_under_the_name_of_who_did_it() {
    let house = House::usual().await;
    house
        .call("PUT", "/api/v1/rules/r", &rule("r", "tag"))
        .await
        .is(201);
    let token = format!("Bearer {}", house.token("deploy", Role::Admin).await);
    let request = local("PUT", "/api/v1/rules/r")
        .header("authorization", &token)
        .header("content-type", "application/json");
    house
        .send(request.body(Body::from(rule("r", "push").to_string())).unwrap())
        .await
        .is(200);
    let request = local("GET", "/api/v1/audit").header("authorization", &token);
    let records = house
        .send(request.body(Body::empty()).unwrap())
        .await
        .is(200)
        .json();
    let actors: Vec<&str> = records
        .pointer("/items")
        .and_then(serde_json::Value::as_array)
        .unwrap()
        .iter()
        .filter(|record| record.get("kind").unwrap() == "rule.changed")
        .map(|record| record.get("actor").unwrap().as_str().unwrap())
        .collect();
    assert_eq!(actors, ["local", "token:deploy"]);
    house.leave().await;
}
