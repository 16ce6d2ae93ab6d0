use super::*;

#[test]
fn an_event_cannot_choose_the_host() {
    for good in [
        "https://ci.example.com/run",
        "http://127.0.0.1:9/x",
        "https://a.example/${event.id}",
    ] {
        assert!(is_address(good), "{good}");
    }
    for bad in [
        "https://${event.data.host}/x",
        "https://a.example${event.id}",
        "${event.data.url}",
        "ftp://x/",
        "https:///x",
        "x",
    ] {
        assert!(!is_address(bad), "{bad}");
    }
}

#[test]
fn targets_of_one_origin_share_a_circuit() {
    assert_eq!(origin("https://h.example?x"), "https://h.example");
    assert_eq!(origin("https://h.example:1/a"), "https://h.example:1");
}

/// Keeps the requests that it is asked to send.
#[derive(Default)]
struct Recorder(std::sync::Mutex<Vec<OutboundRequest>>);

#[async_trait]
impl Outbound for Recorder {
    async fn send(
        &self,
        request: OutboundRequest,
    ) -> Result<pilotage_core::ports::OutboundResponse, pilotage_core::ports::OutboundError> {
        self.0.lock().unwrap().push(request);
        Ok(pilotage_core::ports::OutboundResponse {
            status: 200,
            retry_after: None,
            body: Vec::new(),
        })
    }
}

fn action(outbound: Arc<Recorder>, headers: &[(&str, &str)]) -> WebhookAction {
    let sign: Sign = Arc::new(|id, _, _| vec![("webhook-id".to_owned(), id.to_owned())]);
    let endpoint = Endpoint {
        url: "https://ci.example/run".to_owned(),
        sign: sign.clone(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        rate_limit: None,
    };
    let endpoints = BTreeMap::from([("ci".to_owned(), endpoint)]);
    WebhookAction::new(outbound, endpoints, sign, str::to_owned, Arc::new(|_| Ok(())))
}

async fn run(action: &WebhookAction, target: &str, parameters: Value) -> Report {
    let event = crate::actions::target::tests::event(Value::Null);
    let attempting = Attempting {
        event: &event,
        rule: "r",
        execution: pilotage_core::ExecutionId(uuid::Uuid::nil()),
        target: target.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        idempotency_key: "msg_1".to_owned(),
        now: Timestamp::from_secs(1),
        timeout: Duration::from_secs(1),
    };
    action.run(attempting).await
}

#[tokio::test]
async fn a_header_that_is_given_replaces_the_one_of_the_same_name() {
    let recorder = Arc::new(Recorder::default());
    let action = action(
        recorder.clone(),
        &[("content-type", "text/a"), ("x-a", "endpoint"), ("x-b", "b")],
    );
    let parameters = json!({"headers": {"X-A": "rule", "User-Agent": "mine"}});
    let report = run(&action, "ci", parameters).await;
    assert_eq!(report.verdict, Verdict::Success);
    let mut headers = recorder.0.lock().unwrap().remove(0).headers;
    headers.sort();
    let expected = [
        ("content-type", "text/a"),
        ("user-agent", "mine"),
        ("webhook-id", "msg_1"),
        ("x-a", "rule"),
        ("x-b", "b"),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn an_endpoint_that_is_gone_may_come_back() {
    let recorder = Arc::new(Recorder::default());
    let report = run(&action(recorder.clone(), &[]), "gone", json!({})).await;
    let Verdict::Retry { error, after: None } = report.verdict else {
        panic!("{:?}", report.verdict)
    };
    assert_eq!(error, "endpoint `gone` is not configured any more");
    assert!(recorder.0.lock().unwrap().is_empty());
}

#[test]
fn headers_cannot_be_smuggled() {
    let parse = |value: Value| header_parameters(value.as_object().unwrap());
    assert!(parse(json!({"headers": {"x-a": "b\r\nx-c: d"}})).is_err());
    assert!(parse(json!({"headers": {"Webhook-Id": "x"}})).is_err());
    assert!(parse(json!({"headers": {"webhook-other": "x"}})).is_err());
    assert!(parse(json!({"headers": {"Host": "x"}})).is_err());
    assert!(parse(json!({"headers": {"a b": "x"}})).is_err());
    assert_eq!(
        parse(json!({"headers": {"X-A": 1}})).unwrap(),
        vec![("x-a".to_owned(), "1".to_owned())]
    );
}
