//! Scenarios as people write them, and as they are run.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use pilotage_core::{
    config::{Problem, pointer_segment},
    gate::{Operator, Test, Unit, Value},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use url::{Host, Url};

/// Requests under way at once where nothing is said.
const USUAL_IN_FLIGHT: u32 = 5_000;
const MOST_IN_FLIGHT: u32 = 60_000;
const MOST_RATE: f64 = 100_000.0;
const MOST_USERS: u32 = 20_000;
const MOST_STEPS: usize = 50;
/// A run is no longer than this, its warm-up aside.
const LONGEST: Duration = Duration::from_hours(6);
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What load runs may reach, and what they do.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadFile {
    /// Hosts beside this machine that may be put under load: `host` or `host:port`.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Scenarios, by a name of your own.
    #[serde(default)]
    pub scenarios: BTreeMap<String, ScenarioFile>,
}

/// One scenario: its model, its requests and what is asked of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioFile {
    /// Arrivals per second, whatever becomes of those before: the open model.
    pub rate: Option<f64>,
    /// Users who each wait for their answers: the closed model. It does not show how long callers wait while a server stands
    /// still, unless `pace` is given.
    pub users: Option<u32>,
    /// A user of the closed model begins anew this often, such as `100ms`, and is measured from then.
    pub pace: Option<Json>,
    /// How long it is measured, such as `30s`.
    pub duration: Json,
    /// Time before it, in which requests are sent and not counted.
    pub warm_up: Option<Json>,
    /// Time at its beginning in which the rate, or the users, grow from nothing.
    pub ramp: Option<Json>,
    /// Longest time for an answer; ten seconds where it is not given.
    pub timeout: Option<Json>,
    /// Arrivals under way at once; one more is dropped, and counted. 5,000 where it is not given.
    pub in_flight: Option<u32>,
    /// Sent one after the other by every arrival; those after a failed one are left out.
    pub requests: Vec<RequestFile>,
    /// JSON file with a list of objects, one for each arrival in turn: `${name}` in requests stands for their values.
    pub data: Option<PathBuf>,
    /// What has to hold.
    #[serde(default)]
    pub thresholds: Vec<ThresholdFile>,
    /// Process whose memory and processor time are watched, with its children (Linux).
    pub pid: Option<u32>,
    /// Container whose memory and processor time are watched instead, by name or id, where its engine runs on this machine.
    pub container: Option<String>,
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestFile {
    /// What it is called in the report; its method and path where it is not given.
    pub name: Option<String>,
    /// `GET` where it is not given.
    pub method: Option<String>,
    /// Where it goes.
    pub url: String,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Text as it is, or anything else as JSON.
    pub body: Option<Json>,
    /// Statuses that are well; all of 200 to 399 where none is given.
    #[serde(default)]
    pub expect: Vec<u16>,
    /// A text that the answer has to hold.
    pub contains: Option<String>,
}

/// Something that has to hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThresholdFile {
    /// What is measured: `response_time_p50`, `_p90`, `_p95`, `_p99`, `_max`, `throughput_rps`, `error_rate`, `dropped`,
    /// `memory_usage_peak`.
    pub metric: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what, in the unit of the metric, such as `300ms`, `0.1%`, `512MiB`.
    pub threshold: Json,
}

/// Who begins when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// So many arrivals per second.
    Open(f64),
    /// So many users, each beginning anew as often as this, or as soon as the answer is there.
    Closed(u32, Option<Duration>),
}

/// A request that can be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it is called in the report.
    pub name: String,
    /// As HTTP has it.
    pub method: reqwest::Method,
    /// Where it goes, perhaps with `${name}`.
    pub url: String,
    /// Its headers, perhaps with `${name}`.
    pub headers: Vec<(String, String)>,
    /// Text, or JSON.
    pub body: Option<Json>,
    /// Statuses that are well; empty for all of 200 to 399.
    pub expect: Vec<u16>,
    /// A text that the answer has to hold.
    pub contains: Option<String>,
}

/// Something that has to hold, in the unit of its metric.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// What is measured.
    pub metric: String,
    /// In what.
    pub unit: Unit,
    /// The comparison.
    pub test: Test,
}

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// Who begins when.
    pub model: Model,
    /// How long it is measured.
    pub duration: Duration,
    /// How long before that it runs.
    pub warm_up: Duration,
    /// How long it grows at its beginning.
    pub ramp: Duration,
    /// Longest time for an answer.
    pub timeout: Duration,
    /// Arrivals under way at once.
    pub in_flight: usize,
    /// What every arrival sends.
    pub steps: Vec<Step>,
    /// What has to hold.
    pub thresholds: Vec<Threshold>,
}

impl Plan {
    /// A plan from what a person wrote.
    ///
    /// # Errors
    /// Something does not hold, or goes where no load may go; pointers begin at the scenario.
    pub fn new(name: &str, file: &ScenarioFile, allow: &[String]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut time = |pointer: &str, written: Option<&Json>, usual: Duration| {
            let Some(written) = written else { return usual };
            duration(written).unwrap_or_else(|message| {
                problems.push(Problem::at(pointer, message));
                usual
            })
        };
        let length = time("/duration", Some(&file.duration), Duration::ZERO);
        let warm_up = time("/warmUp", file.warm_up.as_ref(), Duration::ZERO);
        let ramp = time("/ramp", file.ramp.as_ref(), Duration::ZERO);
        let timeout = time("/timeout", file.timeout.as_ref(), USUAL_TIMEOUT);
        let pace = file
            .pace
            .as_ref()
            .map(|pace| time("/pace", Some(pace), Duration::ZERO));
        let model = model(file, pace).unwrap_or_else(|problem| {
            problems.push(*problem);
            Model::Open(1.0)
        });
        let in_flight = file.in_flight.unwrap_or(USUAL_IN_FLIGHT);
        let mut require = |holds: bool, pointer: &str, message: &str| {
            if !holds {
                problems.push(Problem::at(pointer, message));
            }
        };
        require(
            !length.is_zero() && length <= LONGEST,
            "/duration",
            "more than nothing, and at most 6h",
        );
        require(ramp <= warm_up + length, "/ramp", "no longer than the run");
        require(!timeout.is_zero(), "/timeout", "more than nothing");
        require(
            file.pid.is_none() || file.container.is_none(),
            "/container",
            "a process or a container is watched, not both",
        );
        require(
            (1..=MOST_IN_FLIGHT).contains(&in_flight),
            "/inFlight",
            "between 1 and 60000",
        );
        require(
            (1..=MOST_STEPS).contains(&file.requests.len()),
            "/requests",
            "between 1 and 50 requests",
        );
        let steps = read_all("/requests", &file.requests, &mut problems, |request| {
            step(request, allow)
        });
        let thresholds = read_all("/thresholds", &file.thresholds, &mut problems, threshold);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            name: name.to_owned(),
            model,
            duration: length,
            warm_up,
            ramp,
            timeout,
            in_flight: in_flight as usize,
            steps,
            thresholds,
        })
    }

    /// All the plans of a file.
    ///
    /// # Errors
    /// As [`Plan::new`]; pointers begin at the file's section.
    pub fn all(file: &LoadFile) -> Result<Vec<Self>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut plans = Vec::new();
        for (name, scenario) in &file.scenarios {
            match Self::new(name, scenario, &file.allow) {
                Ok(plan) => plans.push(plan),
                Err(found) => {
                    let at = format!("/scenarios/{}", pointer_segment(name));
                    problems.extend(found.into_iter().map(|problem| problem.under(&at)));
                }
            }
        }
        if problems.is_empty() {
            Ok(plans)
        } else {
            Err(problems)
        }
    }

    /// From the first arrival to the last.
    pub fn whole(&self) -> Duration {
        self.warm_up + self.duration
    }

    /// When an arrival of the open model is due, counted from the start: evenly, and during the ramp ever denser.
    pub fn due(&self, rate: f64, index: u64) -> Duration {
        let index = count(index);
        let ramp = self.ramp.as_secs_f64();
        // While the rate grows evenly from nothing, arrivals grow by its half.
        let within = rate * ramp / 2.0;
        let secs = if index < within {
            (2.0 * index * ramp / rate).sqrt()
        } else {
            ramp + (index - within) / rate
        };
        Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)
    }

    /// Arrivals per second that are due while it is measured, on average.
    pub fn asked_rate(&self) -> Option<f64> {
        let Model::Open(rate) = self.model else {
            return None;
        };
        let (from, to) = (self.warm_up.as_secs_f64(), self.whole().as_secs_f64());
        let ramp = self.ramp.as_secs_f64();
        let before = |time: f64| {
            if time < ramp {
                rate * time * time / (2.0 * ramp)
            } else {
                rate * (time - ramp / 2.0)
            }
        };
        Some((before(to) - before(from)) / (to - from).max(f64::MIN_POSITIVE))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of one run stay far below 2^52")]
pub(super) const fn count(number: u64) -> f64 {
    number as f64
}

/// All of a list that hold; what is wrong with the others goes to the problems.
fn read_all<F, T>(
    pointer: &str,
    files: &[F],
    problems: &mut Vec<Problem>,
    read: impl Fn(&F) -> Result<T, Problem>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, file) in files.iter().enumerate() {
        match read(file) {
            Ok(one) => all.push(one),
            Err(problem) => problems.push(problem.under(&format!("{pointer}/{index}"))),
        }
    }
    all
}

fn model(file: &ScenarioFile, pace: Option<Duration>) -> Result<Model, Box<Problem>> {
    let refuse = |pointer: &str, message: &str| Err(Box::new(Problem::at(pointer, message)));
    match (file.rate, file.users) {
        (Some(_), Some(_)) => refuse("/users", "either `rate` or `users`"),
        (None, None) => refuse(
            "/rate",
            "say how many arrive per second with `rate`, or how many users wait with `users`",
        ),
        (Some(_), None) if pace.is_some() => refuse("/pace", "only users have a pace"),
        (Some(rate), None) if rate > 0.0 && rate <= MOST_RATE => Ok(Model::Open(rate)),
        (Some(_), None) => refuse("/rate", "more than nothing, and at most 100000"),
        (None, Some(_)) if pace == Some(Duration::ZERO) => refuse("/pace", "more than nothing"),
        (None, Some(users)) if (1..=MOST_USERS).contains(&users) => Ok(Model::Closed(users, pace)),
        (None, Some(_)) => refuse("/users", "between 1 and 20000"),
    }
}

fn duration(written: &Json) -> Result<Duration, String> {
    match Unit::Seconds.read(written)? {
        Value::Number(secs) => {
            Duration::try_from_secs_f64(secs).map_err(|_| "a time such as `30s`".to_owned())
        }
        _ => Err("a time such as `30s`".to_owned()),
    }
}

fn step(file: &RequestFile, allow: &[String]) -> Result<Step, Problem> {
    let url = Url::parse(&file.url).map_err(|error| Problem::at("/url", format!("it is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Problem::at("/url", "only http and https"));
    }
    if !is_allowed(&url, allow) {
        let host = url.host_str().unwrap_or_default();
        return Err(Problem::at("/url", format!("`{host}` is not this machine"))
            .help("put it into `load.allow` if it is yours to put under load"));
    }
    let method = file.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let method = reqwest::Method::from_bytes(method.as_bytes())
        .map_err(|_| Problem::at("/method", "it is no method of HTTP"))?;
    for name in file.headers.keys() {
        reqwest::header::HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Problem::at("/headers", format!("`{name}` is no name of a header")))?;
    }
    Ok(Step {
        name: file
            .name
            .clone()
            .unwrap_or_else(|| format!("{method} {}", url.path())),
        method,
        url: file.url.clone(),
        headers: file.headers.clone().into_iter().collect(),
        body: file.body.clone(),
        expect: file.expect.clone(),
        contains: file.contains.clone(),
    })
}

/// Whether load may go there: to this machine, or to what the operator named.
pub fn is_allowed(url: &Url, allow: &[String]) -> bool {
    let is_near = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let host = url.host_str().unwrap_or_default();
    let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    is_near || allow.iter().any(|named| *named == host || *named == with_port)
}

/// The unit of what can be asked of a run.
fn unit(metric: &str) -> Option<Unit> {
    Some(match metric {
        "response_time_p50" | "response_time_p90" | "response_time_p95" | "response_time_p99"
        | "response_time_max" => Unit::Seconds,
        "throughput_rps" | "dropped" => Unit::Count,
        "error_rate" => Unit::Percent,
        "memory_usage_peak" => Unit::Bytes,
        _ => return None,
    })
}

fn threshold(file: &ThresholdFile) -> Result<Threshold, Problem> {
    let unit = unit(&file.metric).ok_or_else(|| {
        Problem::at("/metric", format!("`{}` is not measured by a load run", file.metric)).help(
            "there are response_time_p50, _p90, _p95, _p99, _max, throughput_rps, error_rate, dropped, memory_usage_peak",
        )
    })?;
    let test = Test::read(file.operator, unit, &file.threshold)
        .map_err(|message| Problem::at("/threshold", message))?;
    Ok(Threshold {
        metric: file.metric.clone(),
        unit,
        test,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scenario(value: Json) -> ScenarioFile {
        serde_json::from_value(value).unwrap()
    }

    fn plan(value: Json) -> Result<Plan, Vec<Problem>> {
        Plan::new("s", &scenario(value), &["example.com:8080".to_owned()])
    }

    #[test]
    fn arrivals_are_even_and_grow_during_the_ramp() {
        let request = json!([{ "url": "http://localhost/" }]);
        let even = plan(json!({ "rate": 10, "duration": "2s", "requests": request })).unwrap();
        assert_eq!(even.due(10.0, 0), Duration::ZERO);
        assert_eq!(even.due(10.0, 5), Duration::from_millis(500));
        let growing =
            plan(json!({ "rate": 10, "duration": "4s", "ramp": "2s", "requests": request })).unwrap();
        let arrivals = |until: f64| {
            (0..100)
                .take_while(|index| growing.due(10.0, *index).as_secs_f64() < until)
                .count()
        };
        assert_eq!(
            (arrivals(1.0), arrivals(2.0), arrivals(4.0)),
            (3, 10, 30),
            "the half in the ramp's time, all of it afterwards"
        );
        assert!((growing.asked_rate().unwrap() - 7.5).abs() < 1e-9);
    }

    #[test]
    fn load_goes_only_where_it_may() {
        for (url, is_well) in [
            ("http://127.0.0.1:1/", true),
            ("http://[::1]/", true),
            ("http://localhost:99/${id}", true),
            ("http://example.com:8080/", true),
            ("http://example.com/", false),
            ("https://localhost.example.com/", false),
            ("http://${host}/", false),
            ("ftp://localhost/", false),
            ("nowhere", false),
        ] {
            let found = plan(json!({ "rate": 1, "duration": "1s", "requests": [{ "url": url }] }));
            assert_eq!(found.is_ok(), is_well, "{url}: {found:?}");
        }
    }

    #[test]
    fn what_does_not_hold_is_said_where_it_stands() {
        let found = plan(json!({
            "rate": 1, "users": 2, "duration": "x", "requests": [{ "url": "http://localhost/", "method": "G T" }],
            "thresholds": [{ "metric": "speed", "operator": "lt", "threshold": 1 },
                { "metric": "error_rate", "operator": "lt", "threshold": "1s" }],
        }));
        let pointers: Vec<_> = found
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.pointer)
            .collect();
        for pointer in [
            "/duration",
            "/users",
            "/requests/0/method",
            "/thresholds/0/metric",
            "/thresholds/1/threshold",
        ] {
            assert!(
                pointers.iter().any(|found| found == pointer),
                "{pointer}: {pointers:?}"
            );
        }
    }
}
