//! From what suites ask for to the services that there will be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use pilotage_core::testing::{ServiceFile, unknown_service};
use tokio::sync::OnceCell;

use super::{
    Services, Setup, User,
    instance::{Instance, Use},
    ports::made_up_word,
    recipe,
    record::Records,
};

/// Longest name of a run.
const RUN: usize = 12;

/// # Errors
/// See [`Services::arrange`].
pub(super) fn arrange(setup: Setup, users: &[(String, Vec<String>)]) -> Result<Services, String> {
    let unknown = users
        .iter()
        .flat_map(|(_, services)| services)
        .find_map(|name| unknown_service(name, &setup.declared));
    if let Some(why) = unknown {
        return Err(why);
    }
    let run: String = made_up_word()?.chars().take(RUN).collect();
    let mut desk = Desk {
        setup: &setup,
        shared: shared(&setup, users),
        instances: Vec::new(),
        places: BTreeMap::new(),
    };
    let mut known = Vec::new();
    for (place, (name, services)) in users.iter().enumerate() {
        let mut own = BTreeSet::new();
        for service in services {
            desk.place(service, place)?;
            desk.with_needs(service, &mut own);
        }
        let mut places = Vec::new();
        for service in own {
            places.push(desk.place(&service, place)?);
        }
        known.push((name.clone(), places));
    }
    let instances = desk.instances;
    let mock_token = mock_token(&setup, &instances)?;
    let records = Records::begin(&setup.state, &run)?;
    let mut arranged = Services {
        users: known.into_iter().map(|known| user(known, &instances)).collect(),
        setup,
        instances,
        mock_token,
        engine: OnceCell::new(),
        records,
    };
    let variables = (0..arranged.users.len()).map(|place| variables(&arranged, place));
    let variables: Vec<_> = variables.collect::<Result<_, String>>()?;
    for (user, variables) in arranged.users.iter_mut().zip(variables) {
        user.variables = variables;
    }
    Ok(arranged)
}

fn user((name, services): (String, Vec<usize>), instances: &[Instance]) -> User {
    let divided = services
        .iter()
        .filter(|place| instances.get(**place).is_some_and(Instance::is_divided));
    User {
        name,
        databases: divided.map(|place| (*place, OnceCell::new())).collect(),
        services,
        variables: BTreeMap::new(),
        ready: OnceCell::new(),
    }
}

/// What a suite is told of everything that it uses. Of two services of a kind, the one that is called by it gives the usual
/// variables.
fn variables(services: &Services, place: usize) -> Result<BTreeMap<String, String>, String> {
    let Some(user) = services.users.get(place) else {
        return Ok(BTreeMap::new());
    };
    let instances = user
        .services
        .iter()
        .filter_map(|place| services.instances.get(*place));
    let mut instances: Vec<&Instance> = instances.collect();
    let is_usual = |instance: &&Instance| {
        let recipe = instance.recipe.as_ref();
        recipe.is_some_and(|recipe| recipe.name == instance.name)
    };
    instances.sort_by_key(is_usual);
    let mut all = BTreeMap::new();
    for instance in instances {
        let by = if instance.is_divided() {
            Use::Suite(place, user.name.clone())
        } else {
            Use::Any
        };
        all.extend(services.told_of(instance, &by)?);
    }
    Ok(all)
}

fn mock_token(setup: &Setup, instances: &[Instance]) -> Result<String, String> {
    let is_mock = |instance: &&Instance| {
        instance
            .recipe
            .as_ref()
            .is_some_and(|recipe| recipe.name == "make-api-mock")
    };
    let Some(mock) = instances.iter().find(is_mock) else {
        return Ok(String::new());
    };
    (setup.mock_token)(mock.seed_file().as_deref().map(Path::new))
}

fn file(setup: &Setup, name: &str) -> ServiceFile {
    setup.declared.get(name).cloned().unwrap_or_default()
}

/// Names of services that all suites have in common: those that say so, those that can be divided, declared ones that need
/// nothing (who needs a database needs that of its suite), and what shared ones need.
fn shared(setup: &Setup, users: &[(String, Vec<String>)]) -> BTreeSet<String> {
    let usual = |name: &str| {
        let file = file(setup, name);
        let recipe = file.recipe(name).and_then(recipe::of);
        file.shared
            .unwrap_or_else(|| recipe.map_or(file.needs.is_empty(), |recipe| recipe.is_divisible))
    };
    let asked = users.iter().flat_map(|(_, services)| services);
    let mut waiting: Vec<(String, bool)> = asked.map(|name| (name.clone(), usual(name))).collect();
    let mut seen = BTreeSet::new();
    while let Some((name, is_shared)) = waiting.pop() {
        if seen.insert((name.clone(), is_shared)) {
            let needs = file(setup, &name).needs;
            waiting.extend(
                needs
                    .into_iter()
                    .map(|need| (need.clone(), is_shared || usual(&need))),
            );
        }
    }
    seen.into_iter()
        .filter(|(_, is_shared)| *is_shared)
        .map(|(name, _)| name)
        .collect()
}

/// Where instances are made, each once.
struct Desk<'a> {
    setup: &'a Setup,
    shared: BTreeSet<String>,
    instances: Vec<Instance>,
    places: BTreeMap<(String, Option<usize>), usize>,
}

impl Desk<'_> {
    /// The place of a service for a suite, which is made if it is not there. What it needs was looked at before: it is no ring.
    fn place(&mut self, name: &str, user: usize) -> Result<usize, String> {
        let owner = (!self.shared.contains(name)).then_some(user);
        let key = (name.to_owned(), owner);
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        let file = file(self.setup, name);
        let needs = file.needs.clone();
        let needs: Vec<usize> = needs
            .iter()
            .map(|need| self.place(need, user))
            .collect::<Result<_, _>>()?;
        let label = owner.map_or_else(|| name.to_owned(), |owner| format!("{name}-{}", owner + 1));
        let recipe = file.recipe(name).and_then(recipe::of);
        let secret = made_up_word()?;
        let root = &self.setup.root;
        let instance = Instance::new(name, label, file, recipe, owner, needs, secret, root)?;
        self.instances.push(instance);
        self.places.insert(key, self.instances.len() - 1);
        Ok(self.instances.len() - 1)
    }

    fn with_needs(&self, name: &str, all: &mut BTreeSet<String>) {
        if all.insert(name.to_owned()) {
            for need in file(self.setup, name).needs {
                self.with_needs(&need, all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(state: &Path, declared: &str) -> Setup {
        Setup {
            declared: serde_json::from_str(declared).unwrap(),
            root: state.to_owned(),
            state: state.to_owned(),
            program: "pilotage".into(),
            mock_token: |_| Ok("word".to_owned()),
            from: super::super::From::Programs,
        }
    }

    fn users(users: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let user = |(name, services): &(&str, &[&str])| {
            let services = services.iter().map(ToString::to_string).collect();
            ((*name).to_owned(), services)
        };
        users.iter().map(user).collect()
    }

    #[test]
    fn each_service_is_there_once_or_once_for_each_suite() {
        let state = tempfile::tempdir().unwrap();
        let declared = r#"{
            "api": {"command": ["api"], "needs": ["postgres"], "provides": {"BEHIND": "${env.DATABASE_URL}"}},
            "bus": {"command": ["bus"], "needs": ["nats"], "shared": true},
            "mail": {"command": ["mail"], "ports": ["web"], "provides": {"MAIL_PAGE": "http://${host}:${ports.web}"}}
        }"#;
        let users = users(&[
            ("one", &["api", "redis", "nats", "mail"]),
            ("two", &["api", "bus", "make-api-mock"]),
            ("three", &[]),
        ]);
        let services = arrange(setup(state.path(), declared), &users).unwrap();
        let labels: BTreeSet<_> = services
            .instances
            .iter()
            .map(|instance| instance.label.as_str())
            .collect();
        let expected = [
            "api-1",
            "api-2",
            "bus",
            "mail",
            "make-api-mock-2",
            "nats",
            "postgres",
            "redis",
        ];
        assert_eq!(labels, BTreeSet::from(expected));
        assert_eq!(
            services.names("two"),
            ["api", "bus", "make-api-mock", "nats", "postgres"]
        );

        let (one, two) = (services.variables("one"), services.variables("two"));
        assert!(one["DATABASE_URL"].ends_with("/suite_1_one"), "{one:?}");
        assert!(two["DATABASE_URL"].ends_with("/suite_2_two"), "{two:?}");
        // A server uses the database of the suite that it is for.
        assert_eq!(
            (&one["BEHIND"], &two["BEHIND"]),
            (&one["DATABASE_URL"], &two["DATABASE_URL"])
        );
        assert_ne!(one["PILOTAGE_SERVICE_API_PORT"], two["PILOTAGE_SERVICE_API_PORT"]);
        assert_eq!(
            one["NATS_URL"], two["NATS_URL"],
            "what a shared service needs is shared"
        );
        assert!(one["REDIS_URL"].ends_with("/1") && !two.contains_key("REDIS_URL"));
        assert!(one["MAIL_PAGE"].starts_with("http://127.0.0.1:"), "{one:?}");
        assert_eq!(two["MAKE_API_TOKEN"], "word");
        assert!(services.variables("three").is_empty());
    }

    #[test]
    fn the_one_that_is_called_by_its_kind_gives_the_usual_variables() {
        let state = tempfile::tempdir().unwrap();
        let declared = r#"{"cache": {"recipe": "redis"}, "sessions": {"recipe": "redis"}}"#;
        let users = users(&[("one", &["sessions", "redis", "cache"])]);
        let services = arrange(setup(state.path(), declared), &users).unwrap();
        let one = services.variables("one");
        assert_eq!(one["REDIS_URL"], one["PILOTAGE_SERVICE_REDIS_URL"]);
        assert_ne!(one["REDIS_URL"], one["PILOTAGE_SERVICE_CACHE_URL"]);
    }

    #[test]
    fn what_cannot_be_arranged_is_told_and_leaves_nothing() {
        let state = tempfile::tempdir().unwrap();
        for (declared, service, word) in [
            ("{}", "rediss", "did you mean `redis`?"),
            (
                r#"{"api": {"command": ["a"], "provides": {"A": "${prot}"}}}"#,
                "api",
                "`${prot}`",
            ),
        ] {
            let users = users(&[("one", &[service])]);
            let why = arrange(setup(state.path(), declared), &users).err().unwrap();
            assert!(why.contains(word), "{why}");
            let left = std::fs::read_dir(state.path().join("services"));
            assert_eq!(left.map_or(0, Iterator::count), 0);
        }
    }
}
