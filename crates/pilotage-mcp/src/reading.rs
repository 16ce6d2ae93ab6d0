//! Resources, prompts and completions around their own code: roles, cancellation, the trail.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pilotage_core::Caller;
use rmcp::{
    ErrorData, RoleServer,
    model::{
        CacheScope, CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptRequestParams,
        GetPromptResponse, GetPromptResult, ReadResourceResult, Reference, ResourceContents,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{
    answer::ToolError,
    context::Context,
    dispatcher::{Dispatcher, digest},
    prompt::{Prompt, Render},
    resource::{Complete, Content, Resource},
    shaping,
    trail::Called,
};

/// Bytes of the text of a resource.
const MOST_TEXT_BYTES: usize = shaping::MOST_ANSWER_BYTES;

impl Dispatcher {
    /// Reads the resource at an address for `caller`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub(crate) async fn read(
        &self,
        caller: Caller,
        uri: &str,
        request: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResult, ErrorData> {
        let found = self.registry().resource(uri);
        let (resource, id) = found.ok_or_else(|| not_found(uri))?;
        let allowed = caller.role >= resource.role;
        let read = if allowed {
            let context = Context::new(caller.clone(), true, self.backends().clone(), Some(request));
            read(resource, id, uri, &context).await
        } else {
            Err(ErrorData::invalid_params(
                "this needs a greater role; ask a person for it",
                None,
            ))
        };
        let outcome = if read.is_ok() { "done" } else { "refused" };
        self.note(&caller, uri, "", outcome).await;
        read
    }

    /// Writes a prompt for `caller`.
    ///
    /// # Errors
    /// There is none, or something that it needs is missing.
    pub(crate) async fn prompt(
        &self,
        caller: Caller,
        asked: GetPromptRequestParams,
        request: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let prompt = self.registry().prompt(&asked.name);
        let prompt = prompt.ok_or_else(|| ErrorData::invalid_params("there is no such prompt", None))?;
        let digest = digest(asked.arguments.as_ref());
        let context = Context::new(caller.clone(), true, self.backends().clone(), Some(request));
        let written = write(prompt, asked, &context).await;
        let outcome = if written.is_ok() { "done" } else { "refused" };
        self.note(&caller, prompt.name, &digest, outcome).await;
        written
    }

    /// What could stand where somebody types.
    ///
    /// # Errors
    /// What is typed is for nothing that is here.
    pub(crate) async fn complete(
        &self,
        caller: Caller,
        asked: &CompleteRequestParams,
        request: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let complete = self.completion_of(asked)?;
        let mut values = match complete {
            Some(complete) => {
                let context = Context::new(caller, true, self.backends().clone(), Some(request));
                complete(&context, &asked.argument.value).await
            }
            None => Vec::new(),
        };
        let more = values.len() > CompletionInfo::MAX_VALUES;
        values.truncate(CompletionInfo::MAX_VALUES);
        let mut info = CompletionInfo::default();
        info.values = values;
        info.has_more = Some(more);
        Ok(CompleteResult::new(info))
    }

    fn completion_of(&self, asked: &CompleteRequestParams) -> Result<Option<Complete>, ErrorData> {
        let unknown = || ErrorData::invalid_params("there is nothing here by that reference", None);
        match &asked.r#ref {
            Reference::Prompt(reference) => {
                let prompt = self.registry().prompt(&reference.name).ok_or_else(unknown)?;
                let mut arguments = prompt.arguments.iter();
                let argument = arguments.find(|argument| argument.name == asked.argument.name);
                Ok(argument.and_then(|argument| argument.complete))
            }
            Reference::Resource(reference) => {
                let mut resources = self.registry().resources();
                let resource = resources.find(|resource| resource.uri == reference.uri);
                Ok(resource.ok_or_else(unknown)?.complete)
            }
            _ => Err(unknown()),
        }
    }

    async fn note(&self, caller: &Caller, subject: &str, arguments: &str, outcome: &str) {
        let record = Called {
            caller,
            subject,
            arguments,
            dry_run: false,
            outcome,
            consent: None,
        };
        self.trail().read(&record).await;
    }
}

async fn read(
    resource: &Resource,
    id: &str,
    uri: &str,
    context: &Context,
) -> Result<ReadResourceResult, ErrorData> {
    let found = tokio::select! {
        found = (resource.read)(context, id) => found.map_err(|error| unreadable(&error, uri))?,
        () = context.cancelled().cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
    };
    let mut contents = match found {
        Content::Binary(bytes) => ResourceContents::blob(STANDARD.encode(bytes), uri),
        Content::Text(text) => ResourceContents::text(shown(resource, text), uri),
        Content::Json(value) => ResourceContents::text(shown(resource, value.to_string()), uri),
    };
    if resource.untrusted
        && let ResourceContents::TextResourceContents { meta, .. } = &mut contents
    {
        *meta = Some(shaping::mark());
    }
    let result = ReadResourceResult::new(vec![contents.with_mime_type(resource.mime_type)]);
    // What is read may be another the next moment, and is for this caller.
    Ok(result.with_ttl_ms(0).with_cache_scope(CacheScope::Private))
}

fn shown(resource: &Resource, mut text: String) -> String {
    if text.len() > MOST_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MOST_TEXT_BYTES));
        text.push_str("\n\nTruncated; the tools page and filter.");
    }
    if resource.untrusted {
        shaping::fenced(&text)
    } else {
        text
    }
}

async fn write(
    prompt: &Prompt,
    asked: GetPromptRequestParams,
    context: &Context,
) -> Result<GetPromptResponse, ErrorData> {
    let render = match prompt.render {
        Render::Wire(render) => return render(context, asked).await,
        Render::Messages(render) => render,
    };
    let arguments = asked.arguments.unwrap_or_default();
    for argument in prompt.arguments.iter().filter(|argument| argument.required) {
        if !arguments.get(argument.name).is_some_and(Value::is_string) {
            let text = format!(
                "the argument `{}` is missing: {}",
                argument.name, argument.description
            );
            return Err(ErrorData::invalid_params(text, None));
        }
    }
    let messages = render(context, &arguments).await;
    let messages = messages.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
    Ok(GetPromptResult::new(messages)
        .with_description(prompt.description)
        .into())
}

fn not_found(uri: &str) -> ErrorData {
    let uri = &uri[..uri.floor_char_boundary(500)];
    ErrorData::resource_not_found("there is nothing at this address", Some(json!({ "uri": uri })))
}

fn unreadable(error: &ToolError, uri: &str) -> ErrorData {
    let uri = &uri[..uri.floor_char_boundary(500)];
    ErrorData::resource_not_found(error.to_string(), Some(json!({ "uri": uri })))
}
