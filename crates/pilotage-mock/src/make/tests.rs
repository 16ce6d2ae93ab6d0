//! The model as tables: what is asked, when, and what comes back.

mod hooks;
mod hostile;
mod scenarios;

use pilotage_core::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Content, Effect, Model, Request, Seed};

/// May do everything.
const TOKEN: &str = "Token 0c5a7d10-9b1e-4f6a-8d3c-2f4e6a8b0c1d";
/// May read a few things.
const READER: &str = "Token 7f3e1b52-64a8-4c0d-9e27-b15d8f6a3c49";
/// A Monday in January 2026, on a whole minute.
const START_SECS: i64 = 1_767_603_600;
const DAY_SECS: i64 = 24 * 60 * 60;

/// A model with a clock that the test turns.
struct Bench {
    model: Model,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        Self::of(Seed::built_in().unwrap())
    }

    fn of(seed: Seed) -> Self {
        Self {
            model: Model::new(seed, None, "http://mock".to_owned()),
            now: Timestamp::from_secs(START_SECS),
        }
    }

    fn pass_secs(&mut self, secs: i64) {
        self.now = Timestamp::from_micros(self.now.as_micros() + secs * 1_000_000);
    }

    fn answer(&mut self, request: &Request) -> Answer {
        self.model.answer(request, self.now)
    }

    fn send(&mut self, authorization: &str, call: &str, body: &Value) -> Answer {
        let (method, target) = call.split_once(' ').unwrap();
        let target = if target.starts_with("/__mock") || target.starts_with("/hook/") {
            target.to_owned()
        } else {
            format!("/api/v2{target}")
        };
        let mut request = Request::new(method, &target);
        request.authorization = authorization.to_owned();
        if !body.is_null() {
            request.body = body.to_string().into_bytes();
        }
        self.answer(&request)
    }

    /// Status and JSON of a call such as `GET /hooks?teamId=5`.
    fn call(&mut self, call: &str, body: &Value) -> (u16, Value) {
        read(self.send(TOKEN, call, body))
    }

    /// The JSON of a call that is answered 200.
    fn ok(&mut self, call: &str, body: &Value) -> Value {
        let (status, json) = self.call(call, body);
        assert_eq!(status, 200, "{call}: {json}");
        json
    }

    fn get(&mut self, call: &str) -> Value {
        self.ok(&format!("GET {call}"), &Value::Null)
    }

    /// Each call is refused with the status, the code, and a text that is somewhere in the error.
    fn assert_refused(&mut self, cases: &[(&str, Value, u16, &str, &str)]) {
        for (call, body, status, code, text) in cases {
            let (answered, error) = self.call(call, body);
            assert_eq!(
                (answered, error["code"].as_str()),
                (*status, Some(*code)),
                "{call}: {error}"
            );
            assert!(error.to_string().contains(text), "{call}: {error}");
            assert!(
                error["detail"].is_string() && error["message"].is_string(),
                "{error}"
            );
        }
    }
}

fn read(answer: Answer) -> (u16, Value) {
    let json = match answer.reply.content {
        Content::Json(json) => json,
        Content::Text(text) | Content::Jsonc(text) => text.into(),
        Content::Empty | Content::Png(_) => Value::Null,
    };
    (answer.reply.status, json)
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let mut found = answer.reply.headers.iter().filter(|(own, _)| own == name);
    found.next().map(|(_, value)| value.clone())
}

#[test]
fn errors_have_makes_codes() {
    let mut bench = Bench::new();
    let empty = json!({});
    bench.assert_refused(&[
        ("GET /nothing", Value::Null, 404, "SC404", "Not Found"),
        ("GET /", Value::Null, 404, "SC404", ""),
        ("POST /enums/countries", Value::Null, 404, "SC404", ""),
        ("GET /hooks/0", Value::Null, 404, "SC404", ""),
        ("GET /hooks", Value::Null, 400, "SC400", "teamId"),
        (
            "GET /hooks?teamId=99",
            Value::Null,
            403,
            "SC403",
            "Access denied.",
        ),
        (
            "GET /scenarios",
            Value::Null,
            400,
            "SC400",
            "Missing required parameter teamId or organizationId",
        ),
        (
            "GET /scenarios?teamId=5&organizationId=5",
            Value::Null,
            400,
            "SC400",
            "cannot be used together",
        ),
        (
            "GET /scenarios?teamId=5&pg[limit]=0",
            Value::Null,
            400,
            "SC400",
            "pg[limit]",
        ),
        (
            "POST /keys?teamId=5",
            empty.clone(),
            400,
            "SC400",
            "Validation failed for 2 parameter(s).",
        ),
        ("POST /keys?teamId=5", json!([]), 400, "SC400", "object"),
        (
            "POST /keys?teamId=5",
            json!({"name": "x", "typeName": "nothing"}),
            400,
            "IM005",
            "nothing",
        ),
        (
            "POST /keys?teamId=5",
            json!({"name": "x".repeat(129), "typeName": "basicauth"}),
            400,
            "SC400",
            "128",
        ),
        (
            "GET /agents/none?organizationId=5",
            Value::Null,
            400,
            "SC400",
            "does not exist",
        ),
    ]);
}

#[test]
fn what_others_depend_on_goes_only_when_confirmed() {
    let mut bench = Bench::new();
    for path in [
        "/hooks/11",
        "/keys/1",
        "/connections/2",
        "/data-stores/137",
        "/data-structures/178",
        "/teams/6",
    ] {
        let case = (&*format!("DELETE {path}"), Value::Null, 406, "IM004", "");
        bench.assert_refused(&[case]);
        bench.get(path);
        bench.ok(&format!("DELETE {path}?confirmed=true"), &Value::Null);
        let case = (&*format!("GET {path}"), Value::Null, 404, "SC404", "");
        bench.assert_refused(&[case]);
    }
    let all = json!({"all": true});
    bench.assert_refused(&[("DELETE /dlqs?scenarioId=926", all.clone(), 406, "IM004", "")]);
    let deleted = bench.ok("DELETE /dlqs?scenarioId=926&confirmed=true", &all);
    assert_eq!(deleted, json!({"dlqs": ["a07e16f2ad134bf49cf83a00aa95c0a5"]}));
}

#[test]
fn tokens_are_for_their_scheme_and_their_scopes() {
    let mut bench = Bench::new();
    let key = TOKEN.trim_start_matches("Token ");
    let cases = [
        (TOKEN.to_owned(), "GET /users/me", 200),
        (format!("Bearer {key}"), "GET /users/me", 401),
        (key.to_owned(), "GET /users/me", 401),
        (String::new(), "GET /users/me", 401),
        ("Token ".to_owned(), "GET /users/me", 401),
        (
            "Token 11111111-1111-4111-8111-111111111111".to_owned(),
            "GET /users/me",
            401,
        ),
        (READER.to_owned(), "GET /scenarios?teamId=5", 200),
        (READER.to_owned(), "POST /scenarios/925/run", 403),
        (READER.to_owned(), "GET /keys?teamId=5", 403),
    ];
    for (authorization, call, status) in cases {
        let (answered, json) = read(bench.send(&authorization, call, &Value::Null));
        assert_eq!(answered, status, "{authorization} {call}: {json}");
    }
}

#[test]
fn an_oauth_token_is_a_bearer() {
    let seed = r#"{"tables": {"users": [{"id": 1}], "tokens": [{"id": 1, "token": "oauth", "userId": 1, "scopes": ["organization:read"]}]}}"#;
    let mut bench = Bench::of(Seed::parse(seed).unwrap());
    for (authorization, status) in [("Bearer oauth", 200), ("Token oauth", 401)] {
        let answer = bench.send(authorization, "GET /organizations", &Value::Null);
        assert_eq!(read(answer).0, status, "{authorization}");
    }
}

#[test]
fn an_organization_has_so_many_requests_in_a_minute() {
    let mut bench = Bench::new();
    bench.ok(
        "POST /__mock/rate-limit",
        &json!({"requests": 3, "perMs": 60_000}),
    );
    for remaining in ["2", "1", "0"] {
        let answer = bench.send(TOKEN, "GET /hooks?teamId=5", &Value::Null);
        assert_eq!(answer.reply.status, 200);
        assert_eq!(header(&answer, "x-ratelimit-limit").as_deref(), Some("3"));
        assert_eq!(
            header(&answer, "x-ratelimit-remaining").as_deref(),
            Some(remaining)
        );
        let reset = (START_SECS + 60).to_string();
        assert_eq!(header(&answer, "x-ratelimit-reset"), Some(reset));
    }
    let text = "Requests limit for organization exceeded, please try again later.";
    bench.assert_refused(&[("GET /hooks/11", Value::Null, 429, "SC429", text)]);
    // Neither runs nor what is about no organization is counted there.
    bench.ok("POST /scenarios/925/run", &json!({"data": {"name": "Ada"}}));
    bench.get("/users/me");
    bench.pass_secs(59);
    bench.assert_refused(&[("GET /scenarios/925", Value::Null, 429, "SC429", text)]);
    bench.pass_secs(1);
    bench.get("/scenarios/925");
}

#[test]
fn a_paused_organization_answers_nothing() {
    let text = include_str!("seed.json").replace("\"isPaused\": false", "\"isPaused\": true");
    let mut bench = Bench::of(Seed::parse(&text).unwrap());
    bench.assert_refused(&[("GET /hooks?teamId=5", Value::Null, 429, "IM310", "paused")]);
    bench.get("/users/me");
}

#[test]
fn the_plan_has_limits() {
    let text = include_str!("seed.json")
        .replace("\"scenarios\": 10000", "\"scenarios\": 3")
        .replace("\"teams\": 100", "\"teams\": 2")
        .replace("\"dslimit\": 1000", "\"dslimit\": 1")
        .replace("\"interval\": 1,", "\"interval\": 15,");
    let mut bench = Bench::of(Seed::parse(&text).unwrap());
    let scenario = |scheduling: &str| json!({"teamId": 5, "blueprint": "{}", "scheduling": scheduling});
    bench.assert_refused(&[
        (
            "POST /scenarios",
            scenario(r#"{"type":"on-demand"}"#),
            403,
            "IM011",
            "3 scenarios",
        ),
        (
            "POST /teams",
            json!({"name": "x", "organizationId": 5}),
            403,
            "IM011",
            "2 teams",
        ),
        (
            "POST /data-stores",
            json!({"name": "x", "teamId": 5, "maxSizeMB": 1}),
            403,
            "IM011",
            "1 data stores",
        ),
        (
            "POST /scenarios",
            scenario(r#"{"type":"indefinitely","interval":899}"#),
            400,
            "IM005",
            "900",
        ),
    ]);
}

#[test]
fn prepared_answers_and_faults_are_used_up() {
    let mut bench = Bench::new();
    bench.ok(
        "POST /__mock/responses",
        &json!({"method": "GET", "path": "/hooks/*", "status": 418, "body": {"tea": true}, "times": 2}),
    );
    bench.ok(
        "POST /__mock/faults",
        &json!({"path": "/keys", "status": 503, "times": 1}),
    );
    for _ in 0..2 {
        assert_eq!(
            bench.call("GET /hooks/11", &Value::Null),
            (418, json!({"tea": true}))
        );
    }
    bench.get("/hooks/11");
    assert_eq!(bench.call("GET /keys?teamId=5", &Value::Null).0, 503);
    bench.get("/keys?teamId=5");
    let calls = bench.ok("GET /__mock/calls", &Value::Null);
    let statuses: Vec<&Value> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["status"])
        .collect();
    assert_eq!(json!(statuses), json!([418, 418, 200, 503, 200]));
    assert_eq!(calls["calls"][4]["query"], json!({"teamId": "5"}));
}

#[test]
fn controls_that_are_none_are_named() {
    let mut bench = Bench::new();
    let cases = [
        (
            "POST /__mock/rate-limit",
            json!({"requests": 1, "perMs": 0}),
            "perMs",
        ),
        (
            "POST /__mock/rate-limit",
            json!({"request": 1}),
            "unknown field `request`",
        ),
        (
            "POST /__mock/responses",
            json!({"method": "GET", "path": "/", "status": 99}),
            "between 200 and 599",
        ),
        (
            "POST /__mock/runs",
            json!({"status": "fine"}),
            "unknown variant `fine`",
        ),
        (
            "POST /__mock/edits",
            json!({"scenarioId": 1, "author": {}}),
            "no scenario 1",
        ),
        ("POST /__mock/faults", Value::Null, "EOF"),
    ];
    for (call, body, text) in cases {
        let (status, json) = bench.call(call, &body);
        assert_eq!(status, 400, "{call}");
        assert!(json["error"].as_str().unwrap().contains(text), "{call}: {json}");
    }
    assert_eq!(bench.call("GET /__mock/else", &Value::Null).0, 404);
}

#[test]
fn a_reset_forgets_everything() {
    let mut bench = Bench::new();
    bench.ok("DELETE /scenarios/925", &Value::Null);
    bench.ok("POST /__mock/rate-limit", &json!({"requests": 0, "perMs": 1_000}));
    assert_eq!(bench.call("GET /scenarios/925", &Value::Null).0, 404);
    bench.ok("POST /__mock/reset", &Value::Null);
    bench.get("/scenarios/925");
    let before = Bench::new().model.state;
    assert_eq!(bench.model.state, before);
}

#[test]
fn the_same_calls_give_the_same_ids() {
    let made = [Bench::new(), Bench::new()].map(|mut bench| {
        let hook = bench.ok(
            "POST /hooks?useDefaults=requiredOnly",
            &json!({"teamId": 5, "name": "h", "typeName": "gateway-webhook"}),
        );
        let run = bench.ok("POST /scenarios/925/run", &json!({"data": {"name": "Ada"}}));
        let agent = bench.ok("POST /agent/register?organizationId=5", &json!({"name": "a"}));
        json!([hook, run, agent])
    });
    assert_eq!(made[0], made[1]);
}

#[test]
fn a_strict_structure_takes_only_what_it_knows() {
    let mut bench = Bench::new();
    bench.ok("PATCH /data-structures/178", &json!({"strict": true}));
    let record = |data: Value| json!({"key": "k", "data": data});
    bench.assert_refused(&[
        (
            "POST /data-stores/137/data",
            record(json!({})),
            400,
            "SC400",
            "'name'",
        ),
        (
            "POST /data-stores/137/data",
            record(json!({"name": "x", "more": 1})),
            400,
            "IM005",
            "'more'",
        ),
        (
            "POST /data-stores/137/data",
            record(json!({"name": "x".repeat(1 << 20)})),
            413,
            "IM003",
            "",
        ),
        ("PATCH /data-stores/137/data/none", json!({}), 404, "SC404", ""),
    ]);
    bench.ok("POST /data-stores/137/data", &record(json!({"name": "x"})));
    bench.assert_refused(&[(
        "POST /data-stores/137/data",
        record(json!({"name": "y"})),
        400,
        "IM005",
        "exists already",
    )]);
    let listed = bench.get("/data-stores/137/data?pg[limit]=1");
    assert_eq!(
        (
            listed["count"].as_u64(),
            listed["records"].as_array().unwrap().len()
        ),
        (Some(2), 1)
    );
}

#[test]
fn folders_never_lie_in_themselves() {
    let mut bench = Bench::new();
    let inner = bench.ok(
        "POST /scenarios-folders",
        &json!({"teamId": 5, "name": "inner", "parentId": 1576}),
    );
    let id = inner["scenarioFolder"]["id"].clone();
    bench.assert_refused(&[
        (
            "PATCH /scenarios-folders/1576",
            json!({"parentId": 1576}),
            400,
            "IM005",
            "in itself",
        ),
        (
            "PATCH /scenarios-folders/1576",
            json!({"parentId": id}),
            400,
            "IM005",
            "in itself",
        ),
        (
            "POST /scenarios-folders",
            json!({"teamId": 5, "name": "x", "parentId": 1}),
            404,
            "SC404",
            "",
        ),
    ]);
    bench.ok("DELETE /scenarios-folders/1576", &Value::Null);
    assert_eq!(bench.get("/scenarios/926")["scenario"]["folderId"], Value::Null);
}

/// What goes out because of a call.
fn deliveries(answer: &Answer) -> Vec<Value> {
    let deliveries = answer.effects.iter().map(|effect| {
        let (Effect::Deliver(delivery) | Effect::Tell(delivery)) = effect;
        json!({"url": delivery.url, "delayMs": delivery.delay_ms, "body": serde_json::from_str::<Value>(&delivery.body).unwrap()})
    });
    deliveries.collect()
}
