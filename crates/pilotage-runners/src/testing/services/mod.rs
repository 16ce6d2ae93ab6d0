//! What tests need beside themselves: databases, servers, mocks; from containers or from programs of this machine, on free
//! ports, told to the tests in environment variables, and removed whatever happens.
//!
//! Ports and passwords are chosen before anything is started, so that the variables are known while suites are still being
//! looked at. A service is started when the first who uses it wants it to be, after those that it needs.

mod arranging;
mod container;
mod database;
mod filling;
mod instance;
mod ports;
mod probe;
mod program;
mod recipe;
mod record;
mod tail;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, join_all, try_join_all},
};
use pilotage_core::testing::ServicesFile;
use tokio::{sync::OnceCell, time::Instant};

pub use self::{container::process_of, record::reap};
use self::{
    instance::{Instance, Surroundings, Use, Variables},
    record::Records,
};

/// Where services come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// From containers where an engine answers, else from programs.
    #[default]
    Any,
    /// From containers alone.
    Containers,
    /// From programs alone.
    Programs,
}

/// What services are made with.
pub struct Setup {
    /// As they were declared.
    pub declared: ServicesFile,
    /// Where commands run.
    pub root: PathBuf,
    /// Where records of what was started are kept.
    pub state: PathBuf,
    /// This program, which is the mock of Make's API as well.
    pub program: PathBuf,
    /// The token that opens the mock of Make's API, which holds what this file says.
    pub mock_token: fn(Option<&Path>) -> Result<String, String>,
    /// Where they come from.
    pub from: From,
}

/// Who uses services: a suite.
struct User {
    name: String,
    /// The places of what it uses, in the order of their names, with what they need.
    services: Vec<usize>,
    /// Whether its database is there, by the place of the service.
    databases: BTreeMap<usize, OnceCell<Result<(), String>>>,
    variables: BTreeMap<String, String>,
    ready: OnceCell<Result<Duration, String>>,
}

/// Services of a run. Who lets it go without ending it leaves the ending to the system: processes are killed, and containers
/// are removed by somebody who is not waited for.
pub struct Services {
    setup: Setup,
    instances: Vec<Instance>,
    users: Vec<User>,
    mock_token: String,
    engine: OnceCell<Result<(), String>>,
    /// Last, so that it goes when nobody uses its folder any more.
    records: Records,
}

impl Services {
    /// Takes ports and names; starts nothing. `users` are the names of suites with those of the services that they use. `None`
    /// where nobody uses any.
    ///
    /// # Errors
    /// A service is not known, a text of it cannot be filled in, or nothing can be written into the state folder; the text is
    /// for people.
    pub fn arrange(setup: Setup, users: &[(String, Vec<String>)]) -> Result<Option<Self>, String> {
        if users.iter().all(|(_, services)| services.is_empty()) {
            return Ok(None);
        }
        arranging::arrange(setup, users).map(Some)
    }

    /// The variables that a suite is given.
    pub fn variables(&self, user: &str) -> BTreeMap<String, String> {
        let known = self.user(user).map(|(_, user)| user.variables.clone());
        known.unwrap_or_default()
    }

    /// The names of the services that a suite uses, with what they need.
    pub fn names(&self, user: &str) -> Vec<&str> {
        let known = self.user(user).map(|(_, user)| user.services.iter());
        let instances = known.into_iter().flatten();
        instances
            .filter_map(|place| Some(self.instances.get(*place)?.name.as_str()))
            .collect()
    }

    fn user(&self, name: &str) -> Option<(usize, &User)> {
        self.users.iter().enumerate().find(|(_, user)| user.name == name)
    }

    /// Brings up everything, side by side. What goes wrong is told to those who wait for it.
    pub async fn start(&self) {
        join_all(self.users.iter().map(|user| self.ready(&user.name))).await;
    }

    /// Waits until everything that a suite uses is ready; how long it took from the first wish to that.
    ///
    /// # Errors
    /// Something is not; the text is for people.
    pub async fn ready(&self, user: &str) -> Result<Duration, String> {
        let Some((place, user)) = self.user(user) else {
            return Ok(Duration::ZERO);
        };
        let ready = user.ready.get_or_init(|| async {
            let begun = Instant::now();
            try_join_all(
                user.services
                    .iter()
                    .map(|service| self.for_use(*service, Some(place))),
            )
            .await?;
            Ok(begun.elapsed())
        });
        ready.await.clone()
    }

    /// Brings one up, and makes the database that is theirs in it.
    fn for_use(&self, place: usize, user: Option<usize>) -> BoxFuture<'_, Result<(), String>> {
        async move {
            let Some(instance) = self.instances.get(place) else {
                return Ok(());
            };
            instance
                .up
                .get_or_init(|| self.bring_up(instance))
                .await
                .clone()?;
            let user = user.and_then(|user| Some((user, self.users.get(user)?)));
            let database = user.and_then(|(at, user)| Some((at, user, user.databases.get(&place)?)));
            let Some((at, user, database)) = database else {
                return Ok(());
            };
            let made = database.get_or_init(|| async {
                let by = Use::Suite(at, user.name.clone());
                instance.divide(&by).await?;
                let variables = self.variables_of(instance, &by);
                instance.sow(&by, &variables).await
            });
            made.await.clone()
        }
        .boxed()
    }

    async fn bring_up(&self, instance: &Instance) -> Result<(), String> {
        let needs = instance
            .needs
            .iter()
            .map(|need| self.for_use(*need, instance.owner));
        try_join_all(needs).await?;
        let around = Surroundings {
            records: &self.records,
            program: &self.setup.program,
            engine: self.engine().await,
            given: self.given(instance)?,
        };
        instance.bring_up(&around).await?;
        // Whoever is not among the suites that have databases of their own finds the seed in the first one.
        if instance.is_divided() && !self.is_needed(instance) {
            return Ok(());
        }
        let variables = self.variables_of(instance, &Use::Any);
        instance.sow(&Use::Any, &variables).await
    }

    /// Whether other services use it, beside suites.
    fn is_needed(&self, instance: &Instance) -> bool {
        let place = self
            .instances
            .iter()
            .position(|other| other.label == instance.label);
        place.is_some_and(|place| self.instances.iter().any(|other| other.needs.contains(&place)))
    }

    async fn engine(&self) -> Result<(), String> {
        if self.setup.from == From::Programs {
            return Err("services are to be programs".to_owned());
        }
        let has_image = |instance: &Instance| {
            instance.file.image.is_some()
                || instance
                    .recipe
                    .as_ref()
                    .is_some_and(|recipe| recipe.image.is_some())
        };
        if !self.instances.iter().any(has_image) {
            return Err("no service has an image".to_owned());
        }
        self.engine.get_or_init(container::answers).await.clone()
    }

    /// Ends everything and removes it. Says what could not be.
    pub async fn end(&self) -> Vec<String> {
        let ended = join_all(self.instances.iter().map(|instance| async move {
            let ended = instance.end().await;
            ended.map_err(|why| format!("the service `{}` is still there: {why}", instance.name))
        }));
        let left: Vec<String> = ended.await.into_iter().filter_map(Result::err).collect();
        if !left.is_empty() {
            self.records.keep();
        }
        left
    }

    /// The variables of what a service needs.
    fn given(&self, instance: &Instance) -> Result<Variables, String> {
        let mut all = BTreeMap::new();
        for need in &instance.needs {
            let Some(needed) = self.instances.get(*need) else {
                continue;
            };
            all.extend(self.told_of(needed, &self.used_by(instance, needed))?);
        }
        Ok(all.into_iter().collect())
    }

    /// What a service of one suite shares with that suite.
    fn used_by(&self, instance: &Instance, needed: &Instance) -> Use {
        let owner = instance
            .owner
            .and_then(|owner| Some((owner, self.users.get(owner)?)));
        match owner {
            Some((place, user)) if needed.is_divided() => Use::Suite(place, user.name.clone()),
            _ => Use::Any,
        }
    }

    fn variables_of(&self, instance: &Instance, used: &Use) -> Variables {
        // They were made before, when the services were arranged.
        self.told_of(instance, used).unwrap_or_default()
    }

    /// What those who use a service are told of it.
    ///
    /// # Errors
    /// A text cannot be filled in.
    fn told_of(&self, instance: &Instance, used: &Use) -> Result<Variables, String> {
        let port = instance.port.number;
        let declared = instance.file.scheme.as_deref().unwrap_or("tcp");
        let recipe = instance.recipe.as_ref();
        let url = recipe.map_or_else(
            || format!("{declared}://127.0.0.1:{port}"),
            |recipe| recipe.url(instance, used),
        );
        let name: String = instance
            .name
            .chars()
            .map(|letter| {
                if letter == '-' {
                    '_'
                } else {
                    letter.to_ascii_uppercase()
                }
            })
            .collect();
        let own = |part: &str, value: String| (format!("PILOTAGE_SERVICE_{name}_{part}"), value);
        let mut variables = vec![
            own("HOST", "127.0.0.1".to_owned()),
            own("PORT", port.to_string()),
            own("URL", url),
        ];
        variables.extend(
            recipe
                .into_iter()
                .flat_map(|recipe| recipe.variables(instance, used, &self.mock_token)),
        );
        let given = self.given(instance)?;
        let filling = instance.filling(&self.records, &self.setup.program, &given);
        let provided = filling.fill_values(&instance.file.provides);
        variables.extend(provided.map_err(|why| format!("the service `{}`: {why}", instance.name))?);
        Ok(variables)
    }
}
