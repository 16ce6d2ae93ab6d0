//! The agreement of a person to what may destroy something. The model cannot give it: no argument counts, only what the
//! client's own dialogue brings back.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, ClientCapabilities, ElicitRequest, ElicitRequestParams, ElicitResult,
        ElicitationAction, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult,
        ProtocolVersion, RequestStateCodec, SealOptions,
    },
    service::RequestContext,
};
use serde_json::Value;

use crate::answer::ToolError;

/// The name of the question and of its answer.
const CONFIRM: &str = "confirm";
/// How long a person may think.
const PATIENCE: Duration = Duration::from_mins(5);
/// Agreements remembered so that none counts twice.
const MOST_REMEMBERED: usize = 4_096;

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Consent {
    /// A person agreed, in this way.
    Given(&'static str),
    /// The client is to ask and call again.
    Ask(Box<InputRequiredResult>),
    /// Nobody agreed, for this reason.
    Refused(ToolError),
}

/// Asks, and knows its own questions again.
#[derive(Debug)]
pub(crate) struct Consents {
    codec: RequestStateCodec,
    used: Mutex<HashMap<String, Instant>>,
}

impl Consents {
    /// With this key, at least 32 bytes, over what clients carry for us between two calls.
    ///
    /// # Errors
    /// The key is too short.
    pub(crate) fn new(key: &[u8]) -> Result<Self, rmcp::model::RequestStateError> {
        Ok(Self {
            codec: RequestStateCodec::try_new(key)?,
            used: Mutex::default(),
        })
    }

    /// Asks whether to do what `question` says. `bound_to` names caller, tool and arguments: an agreement holds for those
    /// alone, once.
    ///
    /// # Errors
    /// The client brought back something that is not what it was given.
    pub(crate) async fn ask(
        &self,
        question: &str,
        bound_to: &str,
        call: &CallToolRequestParams,
        request: &RequestContext<RoleServer>,
    ) -> Result<Consent, ErrorData> {
        let is_modern = request
            .protocol_version()
            .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        if is_modern {
            return self.ask_by_result(question, bound_to, call, request.client_capabilities());
        }
        Ok(ask_by_request(question, request).await)
    }

    /// Since 2026-07-28: the result is the question, and the next call brings the answer.
    fn ask_by_result(
        &self,
        question: &str,
        bound_to: &str,
        call: &CallToolRequestParams,
        capabilities: Option<ClientCapabilities>,
    ) -> Result<Consent, ErrorData> {
        let bound_to = bound_to.as_bytes();
        if let Some(sealed) = &call.request_state {
            self.codec
                .open_with(sealed, bound_to)
                .map_err(|error| ErrorData::invalid_params(format!("requestState: {error}"), None))?;
            let answer = call
                .input_responses
                .as_ref()
                .and_then(|answers| answers.get(CONFIRM));
            if let Some(answer) = answer.filter(|answer| answer.is_object()) {
                return Ok(self.judge(answer, sealed));
            }
        }
        if capabilities.is_none_or(|able| able.elicitation.is_none()) {
            return Ok(Consent::Refused(unable()));
        }
        let options = SealOptions::new().associated_data(bound_to).ttl(PATIENCE);
        // The nonce makes every question another one.
        let state = self.codec.seal_with(uuid::Uuid::new_v4().as_bytes(), &options);
        let asked = InputRequest::Elicitation(ElicitRequest::new(form(question)?));
        let requests = InputRequests::from([(CONFIRM.to_owned(), asked)]);
        Ok(Consent::Ask(Box::new(InputRequiredResult::new(
            Some(requests),
            Some(state),
        ))))
    }

    fn judge(&self, answer: &Value, sealed: &str) -> Consent {
        match serde_json::from_value::<ElicitResult>(answer.clone()) {
            Ok(answer) if agrees(&answer) && self.is_first_use(sealed) => Consent::Given("input-required"),
            Ok(answer) if agrees(&answer) => Consent::Refused(ToolError::new(
                "this agreement was used before",
                "Call again without `requestState`, so that the person is asked anew.",
            )),
            _ => Consent::Refused(declined()),
        }
    }

    fn is_first_use(&self, sealed: &str) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // What is older would not be opened any more.
        used.retain(|_, since| now.duration_since(*since) <= PATIENCE);
        used.len() < MOST_REMEMBERED && used.insert(sealed.to_owned(), now).is_none()
    }
}

/// Before 2026-07-28: the server asks the client while the call waits.
async fn ask_by_request(question: &str, request: &RequestContext<RoleServer>) -> Consent {
    let capabilities = request.client_capabilities().and_then(|able| able.elicitation);
    // A client that names neither form means forms, as 2025-06-18 had it.
    if !capabilities.is_some_and(|modes| modes.form.is_some() || modes.url.is_none()) {
        return Consent::Refused(unable());
    }
    let Ok(form) = form(question) else {
        return Consent::Refused(unable());
    };
    let asked = request.peer.create_elicitation_with_timeout(form, Some(PATIENCE));
    match asked.await {
        Ok(answer) if agrees(&answer) => Consent::Given("elicitation"),
        Ok(_) => Consent::Refused(declined()),
        Err(error) => {
            tracing::debug!(%error, "a client could not ask for a confirmation");
            Consent::Refused(ToolError::new(
                "the question for a confirmation was not answered",
                "Nothing was changed. Tell the person that a dialogue waits in the client, then call again.",
            ))
        }
    }
}

fn form(question: &str) -> Result<ElicitRequestParams, ErrorData> {
    let schema = ElicitationSchema::builder().required_bool(CONFIRM).build();
    let requested_schema = schema.map_err(|error| ErrorData::internal_error(error, None))?;
    Ok(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question.to_owned(),
        requested_schema,
    })
}

fn agrees(answer: &ElicitResult) -> bool {
    let ticked = answer.content.as_ref().and_then(|content| content.get(CONFIRM));
    answer.action == ElicitationAction::Accept && ticked == Some(&Value::Bool(true))
}

fn declined() -> ToolError {
    ToolError::new(
        "the person who was asked did not agree",
        "Nothing was changed. Do not try again unless the person asks for it.",
    )
}

fn unable() -> ToolError {
    ToolError::new(
        "this needs a person's confirmation, and this client cannot ask for one",
        "Nothing was changed. `dry_run: true` shows what it would do; a person can do it with the command line or the \
         dashboard, use a client with elicitation, or start the server with `--allow-unconfirmed`.",
    )
}
