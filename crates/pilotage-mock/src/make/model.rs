//! The model as a whole: who may ask, how often, and what answers.

use pilotage_core::Timestamp;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::{
    call::{Call, Caller, rate_of},
    categories,
    control::{self, Control, Fault},
    limits::{Limits, Rate, Standing},
    reply::{Refusal, Reply},
    request::Request,
    routing::{Answering, Route},
    runs::Outcomes,
    seed::Seed,
    state::{Row, State, field},
};

/// Where Make's API lies.
const PREFIX: &str = "/api/v2";

/// What an account may ask that is not about one organization, as recorded from the live service.
const OF_NO_ORGANIZATION: Rate = Rate::per_minute(10_000);

/// A request to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) delay_ms: u64,
}

/// What is to be done beside answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send it; nobody waits.
    Deliver(Delivery),
    /// Send it, and answer with what came back.
    Tell(Delivery),
}

/// What a request comes to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) effects: Vec<Effect>,
    /// How the way back is broken.
    pub(crate) fault: Fault,
}

/// A mock Make.
#[derive(Debug)]
pub(crate) struct Model {
    seed: Seed,
    base: String,
    pub(crate) state: State,
    pub(crate) control: Control,
    pub(crate) outcomes: Outcomes,
    pub(crate) limits: Limits,
    /// When the present request came.
    pub(crate) now: Timestamp,
}

impl Model {
    /// `base` is where it answers, such as `http://127.0.0.1:8080`; `state` what an earlier one left.
    pub(crate) fn new(seed: Seed, state: Option<&Seed>, base: String) -> Self {
        Self {
            state: state.unwrap_or(&seed).state(),
            seed,
            base,
            control: Control::default(),
            outcomes: Outcomes::default(),
            limits: Limits::default(),
            now: Timestamp::default(),
        }
    }

    /// Everything is as at the first start.
    pub(crate) fn reset(&mut self) {
        self.state = self.seed.state();
        self.control.clear();
        self.outcomes = Outcomes::default();
        self.limits.clear();
    }

    /// Answers one request that came at `now`.
    pub(crate) fn answer(&mut self, request: &Request, now: Timestamp) -> Answer {
        self.now = now;
        let mut effects = Vec::new();
        if request.path.starts_with("/__mock/") {
            let reply = control::respond(self, request, &mut effects);
            let fault = Fault::default();
            return Answer {
                reply,
                effects,
                fault,
            };
        }
        let fault = self.control.fault(request).unwrap_or_default();
        let reply = match (fault.status, self.control.canned(request)) {
            (Some(status), _) => Refusal::new(status, "Fault", "This is a prepared fault.").reply(),
            (None, Some(canned)) => canned,
            (None, None) => self.reply(request, &mut effects),
        };
        self.control.record(request, reply.status);
        Answer {
            reply,
            effects,
            fault,
        }
    }

    fn reply(&mut self, request: &Request, effects: &mut Vec<Effect>) -> Reply {
        if request.path.starts_with("/hook/") {
            return self.incoming(request, effects);
        }
        let answered = self.call(request, effects);
        answered.with_header("x-request-id", self.state_id())
    }

    /// Distinct for every call, and the same in every run.
    fn state_id(&self) -> String {
        super::ids::hexadecimal("request", u64::try_from(self.now.as_micros()).unwrap_or(0))
    }

    fn call(&mut self, request: &Request, effects: &mut Vec<Effect>) -> Reply {
        let Some(segments) = request.segments_below(PREFIX) else {
            return Refusal::not_found().reply();
        };
        let caller = match self.authenticate(&request.authorization) {
            Ok(caller) => caller,
            Err(refusal) => return refusal.reply(),
        };
        let Some((route, parameters)) = find(&request.method, &segments) else {
            return Refusal::not_found().reply();
        };
        let kind = caller.kind;
        let body = request.json();
        let organization = self.organization_of(request, &segments, body.as_ref());
        let (reply, standing) = match self.admit(route, organization, &caller) {
            (Ok(()), standing) => (
                self.run(route, request, parameters, body, caller, effects),
                standing,
            ),
            (Err(refusal), standing) => (Err(refusal), standing),
        };
        let reply = reply.unwrap_or_else(|refusal| refusal.reply());
        with_standing(reply.with_header("authtype", kind), standing)
    }

    /// `Token` with an API key, which is a UUID, or `Bearer` with anything else.
    fn authenticate(&self, authorization: &str) -> Result<Caller, Refusal> {
        let (scheme, given) = authorization.split_once(' ').ok_or_else(Refusal::unauthorized)?;
        let is_key = is_uuid(given);
        let fits = if is_key { "Token" } else { "Bearer" };
        let mut tokens = self.state.rows("tokens").iter().filter(|row| {
            let own = field(row, "token").as_str().unwrap_or_default();
            !own.is_empty() && bool::from(own.as_bytes().ct_eq(given.as_bytes()))
        });
        let token = tokens.next().filter(|_| scheme.eq_ignore_ascii_case(fits));
        let token = token.ok_or_else(Refusal::unauthorized)?;
        let user = self.state.find("users", &field(token, "userId").to_string());
        let scopes = field(token, "scopes").as_array().into_iter().flatten();
        Ok(Caller {
            user: user.cloned().ok_or_else(Refusal::unauthorized)?,
            scopes: scopes
                .filter_map(|scope| scope.as_str().map(str::to_owned))
                .collect(),
            kind: if is_key { "token" } else { "oauth" },
        })
    }

    /// The organization whose requests a call counts among.
    fn organization_of(&self, request: &Request, segments: &[String], body: Option<&Value>) -> Option<u64> {
        let named = |name: &str| {
            let in_query = request.one(name).and_then(|text| text.parse().ok());
            in_query.or_else(|| body?.get(name)?.as_u64())
        };
        let of_path = || match segments {
            [table, id, ..] => self.state.organization_of(table, id),
            _ => None,
        };
        let of_scenario = || {
            self.state
                .organization_of("scenarios", &named("scenarioId")?.to_string())
        };
        of_path()
            .or_else(|| named("organizationId"))
            .or_else(|| self.state.organization_of_team(named("teamId")?))
            .or_else(of_scenario)
    }

    fn admit(
        &mut self,
        route: &Route,
        organization: Option<u64>,
        caller: &Caller,
    ) -> (Result<(), Refusal>, Option<Standing>) {
        // Runs are outside Make's limit.
        let is_counted = route.path != "/scenarios/{}/run";
        let standing = is_counted.then(|| self.count(organization, caller));
        if standing.is_some_and(|standing| !standing.passes) {
            return (Err(Refusal::rate_limited()), standing);
        }
        let organization = organization.and_then(|id| self.state.find("organizations", &id.to_string()));
        if organization.is_some_and(|row| field(row, "isPaused") == true) {
            return (Err(Refusal::paused()), standing);
        }
        if !has_scope(&caller.scopes, route.scope) {
            return (Err(Refusal::lacks_scope(route.scope)), standing);
        }
        (Ok(()), standing)
    }

    fn count(&mut self, organization: Option<u64>, caller: &Caller) -> Standing {
        let known = organization.filter(|id| self.state.find("organizations", &id.to_string()).is_some());
        let (who, usual) = match known {
            Some(id) => (format!("organization {id}"), rate_of(&self.state, id)),
            None => (format!("user {}", field(&caller.user, "id")), OF_NO_ORGANIZATION),
        };
        let rate = self.control.rate.filter(|_| known.is_some()).unwrap_or(usual);
        self.limits.take(&who, rate, self.now)
    }

    fn run(
        &mut self,
        route: &Route,
        request: &Request,
        parameters: Vec<String>,
        body: Option<Value>,
        caller: Caller,
        effects: &mut Vec<Effect>,
    ) -> Result<Reply, Refusal> {
        if body.is_none()
            && (request.content_type.is_empty()
                || request.content_type.contains("json;")
                || request.content_type.ends_with("/json"))
        {
            return Err(Refusal::bad("The body is not valid JSON."));
        }
        let body = body.unwrap_or_default();
        answer_with(
            route.answering,
            &mut self.as_call(request, parameters, body, caller, effects),
        )
    }

    fn as_call<'a>(
        &'a mut self,
        request: &'a Request,
        parameters: Vec<String>,
        body: Value,
        caller: Caller,
        effects: &'a mut Vec<Effect>,
    ) -> Call<'a> {
        Call {
            state: &mut self.state,
            request,
            parameters,
            body,
            now: self.now,
            caller,
            base: &self.base,
            settings: &self.control.settings,
            outcomes: &mut self.outcomes,
            effects,
        }
    }

    /// Something arrives at the address of a webhook, from anybody.
    fn incoming(&mut self, request: &Request, effects: &mut Vec<Effect>) -> Reply {
        let address = request.path.trim_start_matches("/hook/").to_owned();
        let caller = Caller {
            user: Row::new(),
            scopes: Vec::new(),
            kind: "",
        };
        categories::receive(&mut self.as_call(request, vec![address], Value::Null, caller, effects))
    }
}

fn answer_with(answering: Answering, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    match answering {
        Answering::Own(handler) => handler(call),
        Answering::Plain(handler) => Ok(handler(call)),
        Answering::List(resource) => resource.list(call),
        Answering::Show(resource) => resource.show(call),
        Answering::Create(resource) => resource.create(call),
        Answering::Change(resource) => resource.change(call),
        Answering::Delete(resource) => resource.delete(call),
    }
}

fn find(method: &str, segments: &[String]) -> Option<(&'static Route, Vec<String>)> {
    let mut routes = categories::ALL.iter().flat_map(|category| category.routes);
    routes.find_map(|route| Some((route, route.matches(method, segments)?)))
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    is_hex && parts == [8, 4, 4, 4, 12]
}

/// Make's documents disagree on the number of some scopes (`organization:read`, `organizations:read`), so both count.
fn has_scope(scopes: &[String], needed: &str) -> bool {
    let plain = |scope: &str| {
        let (noun, verb) = scope.split_once(':').unwrap_or((scope, ""));
        let noun: Vec<&str> = noun.split('-').map(|part| part.trim_end_matches('s')).collect();
        format!("{}:{verb}", noun.join("-"))
    };
    needed.is_empty()
        || scopes
            .iter()
            .any(|scope| scope == "*" || plain(scope) == plain(needed))
}

fn with_standing(reply: Reply, standing: Option<Standing>) -> Reply {
    let Some(standing) = standing else {
        return reply;
    };
    reply
        .with_header("x-ratelimit-limit", standing.limit)
        .with_header("x-ratelimit-remaining", standing.remaining)
        .with_header("x-ratelimit-reset", standing.reset_secs)
}
