//! What is done around every call: roles, arguments, consent, bounds, the trail.

use std::{fmt::Write as _, sync::Arc};

use pilotage_core::{Caller, config::nearest};
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, CallToolResponse},
    service::RequestContext,
};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    answer::{ToolAnswer, ToolError},
    arguments::Arguments,
    consent::{Consent, Consents},
    context::{Backends, Context},
    registry::{Entry, Registry},
    shaping,
    slots::Slots,
    tool::{Effect, Run, Tool},
    trail::{Called, Trail},
};

/// Bytes of the arguments shown to a person who is to agree.
const MOST_SHOWN_BYTES: usize = 600;

/// Runs calls.
pub struct Dispatcher {
    registry: Registry,
    backends: Arc<Backends>,
    trail: Trail,
    consents: Consents,
    slots: Slots,
    allow_unconfirmed: bool,
}

impl Dispatcher {
    /// Over what is offered and what it works on. `key`, at least 32 random bytes, seals what clients carry for us;
    /// `allow_unconfirmed` does without the agreement of people.
    ///
    /// # Errors
    /// The key is too short.
    pub fn new(
        registry: Registry,
        backends: Arc<Backends>,
        trail: Trail,
        key: &[u8],
        allow_unconfirmed: bool,
    ) -> Result<Self, rmcp::model::RequestStateError> {
        Ok(Self {
            registry,
            backends,
            trail,
            consents: Consents::new(key)?,
            slots: Slots::default(),
            allow_unconfirmed,
        })
    }

    /// What is offered.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What tools work on.
    pub const fn backends(&self) -> &Arc<Backends> {
        &self.backends
    }

    /// The trail that calls are recorded on.
    pub const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Records a call that the door turned away, since its answer is the door's own.
    pub(crate) async fn turned_away(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: Option<&Map<String, Value>>,
    ) {
        let digest = digest(arguments);
        let mut told = Told::new(&digest);
        told.outcome = "refused";
        self.trail.read(&told.called(caller, tool)).await;
    }

    /// Runs one call for `caller`.
    ///
    /// # Errors
    /// There is no such tool, or the request is none of the protocol; whatever the tool itself has to say is a result.
    pub async fn call(
        &self,
        caller: Caller,
        call: CallToolRequestParams,
        request: Option<RequestContext<RoleServer>>,
    ) -> Result<CallToolResponse, ErrorData> {
        let entry = self
            .registry
            .tool(&call.name)
            .ok_or_else(|| self.unknown(&call.name))?;
        let tool = entry.tool();
        let digest = digest(call.arguments.as_ref());
        let mut told = Told::new(&digest);
        let response = if let Some(_turn) = self.slots.take(&caller.actor).await {
            self.run(entry, &caller, call, request, &mut told).await
        } else {
            told.outcome = "refused";
            Ok(shaping::failure(&busy()).into())
        };
        let entry_made = told.called(&caller, tool.name);
        if tool.effect.changes() && !told.dry_run {
            if let Err(error) = self.trail.change(&entry_made).await {
                tracing::error!(%error, tool = tool.name, "a call could not be recorded");
                return Ok(shaping::failure(&unrecorded(told.outcome)).into());
            }
        } else {
            self.trail.read(&entry_made).await;
        }
        response
    }

    async fn run(
        &self,
        entry: &Entry,
        caller: &Caller,
        call: CallToolRequestParams,
        request: Option<RequestContext<RoleServer>>,
        told: &mut Told<'_>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = entry.tool();
        if caller.role < tool.role {
            told.outcome = "refused";
            return Ok(shaping::failure(&too_small(caller, tool)).into());
        }
        let given = match tool.run {
            Run::Wire(run) => {
                let context = Context::new(caller.clone(), false, self.backends.clone(), request);
                return run(&context, call).await;
            }
            Run::Json(run) => (run, Arguments::read(entry, call.arguments.clone())),
        };
        let (run, arguments) = match given {
            (run, Ok(arguments)) => (run, arguments),
            (_, Err(error)) => {
                told.outcome = "invalid";
                return Ok(shaping::failure(&error).into());
            }
        };
        told.dry_run = arguments.dry_run;
        if tool.effect == Effect::Destructive && !arguments.dry_run {
            match self
                .consent(caller, tool, &call, &arguments, request.as_ref(), told)
                .await?
            {
                Consent::Given(how) => told.consent = Some(how),
                Consent::Ask(question) => {
                    told.outcome = "asked";
                    return Ok((*question).into());
                }
                Consent::Refused(error) => {
                    told.outcome = "refused";
                    return Ok(shaping::failure(&error).into());
                }
            }
        }
        if tool.effect.changes() && tool.open_world && !arguments.dry_run {
            // What acts elsewhere cannot be recorded together with its record, so that it begins is on the trail before.
            told.outcome = "begun";
            if let Err(error) = self.trail.change(&told.called(caller, tool.name)).await {
                tracing::error!(%error, tool = tool.name, "a call could not be recorded, so it was not made");
                told.outcome = "refused";
                return Ok(shaping::failure(&not_begun()).into());
            }
            told.outcome = "done";
        }
        let context = Context::new(caller.clone(), arguments.dry_run, self.backends.clone(), request);
        let cancelled = context.cancelled().clone();
        let answer = tokio::select! {
            answer = run(&context, Value::Object(arguments.values)) => answer,
            () = cancelled.cancelled() => {
                told.outcome = "cancelled";
                return Ok(shaping::failure(&stopped()).into());
            }
        };
        Ok(finish(answer, &arguments.fields, told))
    }

    async fn consent(
        &self,
        caller: &Caller,
        tool: &Tool,
        call: &CallToolRequestParams,
        arguments: &Arguments,
        request: Option<&RequestContext<RoleServer>>,
        told: &Told<'_>,
    ) -> Result<Consent, ErrorData> {
        if self.allow_unconfirmed {
            return Ok(Consent::Given("operator"));
        }
        let Some(request) = request else {
            return Ok(Consent::Refused(ToolError::new(
                "nobody can be asked here",
                "Nothing was changed.",
            )));
        };
        let question = question(tool, caller, &arguments.values);
        let bound_to = format!("{}\n{}\n{}", caller.actor, tool.name, told.digest);
        self.consents.ask(&question, &bound_to, call, request).await
    }

    fn unknown(&self, name: &str) -> ErrorData {
        let name = &name[..name.floor_char_boundary(128)];
        let mut text = format!("there is no tool `{name}` here");
        if let Some(near) = nearest(name, self.registry.tools().map(|entry| entry.tool().name)) {
            let _ = write!(text, "; did you mean `{near}`?");
        }
        ErrorData::invalid_params(text, None)
    }
}

/// What the trail will say about a call.
struct Told<'a> {
    digest: &'a str,
    dry_run: bool,
    outcome: &'static str,
    consent: Option<&'static str>,
}

impl<'a> Told<'a> {
    const fn new(digest: &'a str) -> Self {
        Self {
            digest,
            dry_run: false,
            outcome: "done",
            consent: None,
        }
    }

    const fn called(&self, caller: &'a Caller, tool: &'a str) -> Called<'a> {
        Called {
            caller,
            subject: tool,
            arguments: self.digest,
            dry_run: self.dry_run,
            outcome: self.outcome,
            consent: self.consent,
        }
    }
}

fn finish(answer: ToolAnswer, fields: &[String], told: &mut Told<'_>) -> CallToolResponse {
    match answer {
        Ok(answer) => shaping::result(answer, fields).into(),
        Err(error) => {
            told.outcome = "failed";
            shaping::failure(&error).into()
        }
    }
}

/// SHA-256 over the arguments in the order of their names, in hexadecimal.
pub(crate) fn digest(arguments: Option<&Map<String, Value>>) -> String {
    let mut hasher = Sha256::new();
    if let Some(arguments) = arguments {
        let mut names: Vec<_> = arguments.iter().collect();
        names.sort_by_key(|(name, _)| *name);
        for (name, value) in names {
            hasher.update(Value::from(name.as_str()).to_string());
            hasher.update(value.to_string());
        }
    }
    pilotage_core::Digest(hasher.finalize().into()).to_string()
}

fn question(tool: &Tool, caller: &Caller, arguments: &Map<String, Value>) -> String {
    let mut shown = Value::Object(arguments.clone()).to_string();
    if shown.len() > MOST_SHOWN_BYTES {
        shown.truncate(shown.floor_char_boundary(MOST_SHOWN_BYTES));
        shown.push('…');
    }
    format!(
        "An agent wants to run `{}` ({}) on Pilotage as {}, with {shown}. It may not be possible to undo this. Do you agree?",
        tool.name, tool.title, caller.actor
    )
}

fn too_small(caller: &Caller, tool: &Tool) -> ToolError {
    ToolError::new(
        format!(
            "`{}` needs the role `{}`, and this token has `{}`",
            tool.name,
            tool.role.as_str(),
            caller.role.as_str()
        ),
        "Do not try again with this token: ask a person to do it, or for a token with that role.",
    )
}

fn busy() -> ToolError {
    ToolError::new(
        "too many of your calls run at once",
        "Nothing was changed. Wait until some have ended, then call again.",
    )
}

fn stopped() -> ToolError {
    ToolError::new(
        "the call was cancelled",
        "If it was to change something, look at the present state before calling again.",
    )
}

fn not_begun() -> ToolError {
    ToolError::new(
        "the call could not be recorded on the audit trail, so it was not made",
        "Nothing was changed. Call again later, and tell the operator of Pilotage.",
    )
}

fn unrecorded(outcome: &str) -> ToolError {
    let what = if outcome == "done" {
        "the change was made, but the call could not be recorded on the audit trail"
    } else {
        "the call could not be recorded on the audit trail"
    };
    ToolError::new(
        what,
        "Look at the present state before calling again, and tell the operator of Pilotage.",
    )
}
