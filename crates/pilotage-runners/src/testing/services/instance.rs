//! One service that runs, or is to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pilotage_core::testing::ServiceFile;
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use super::{
    container,
    filling::Filling,
    ports::Taken,
    probe::Probe,
    program::{Order, Running},
    recipe::Recipe,
    record::{Ask, Records, Started},
    tail::Tail,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(30);
/// So many looks between two at whether a container goes on, and at what it wrote.
const LOOKS: u32 = 10;

/// Variables with their values.
pub(super) type Variables = Vec<(String, String)>;

/// Who uses a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Nobody in particular.
    Any,
    /// A suite among others that use the same: its place, and its name.
    Suite(usize, String),
}

impl Use {
    /// The database of Postgres that is theirs.
    pub(super) fn database(&self) -> String {
        match self {
            Self::Any => super::recipe::POSTGRES_NAME.to_owned(),
            Self::Suite(place, name) => {
                let letters = name.chars().map(|letter| {
                    if letter.is_ascii_alphanumeric() {
                        letter.to_ascii_lowercase()
                    } else {
                        '_'
                    }
                });
                format!("suite_{}_{}", place + 1, letters.take(40).collect::<String>())
            }
        }
    }

    /// The database of Redis that is theirs.
    pub(super) fn number(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Suite(place, _) => place + 1,
        }
    }
}

/// A service, started or not.
pub(super) struct Instance {
    pub(super) name: String,
    /// What no other of the run is called.
    pub(super) label: String,
    pub(super) file: ServiceFile,
    pub(super) recipe: Option<Recipe>,
    /// The place of the suite that has it for itself.
    pub(super) owner: Option<usize>,
    pub(super) needs: Vec<usize>,
    pub(super) port: Taken,
    pub(super) ports: BTreeMap<String, Taken>,
    /// A password, for services that ask for one.
    pub(super) secret: String,
    pub(super) root: PathBuf,
    /// Whether it runs, once somebody has wanted that.
    pub(super) up: OnceCell<Result<(), String>>,
    live: Mutex<Option<Live>>,
}

enum Live {
    Program(Running),
    Container(String, Option<container::Starting>),
}

/// What services are started with.
pub(super) struct Surroundings<'a> {
    pub(super) records: &'a Records,
    /// This program.
    pub(super) program: &'a Path,
    /// Whether a container engine answers; why not.
    pub(super) engine: Result<(), String>,
    /// The variables of what it needs.
    pub(super) given: Variables,
}

impl Instance {
    #[expect(
        clippy::too_many_arguments,
        reason = "what an instance is, each of another kind"
    )]
    pub(super) fn new(
        name: &str,
        label: String,
        file: ServiceFile,
        recipe: Option<Recipe>,
        owner: Option<usize>,
        needs: Vec<usize>,
        secret: String,
        root: &Path,
    ) -> Result<Self, String> {
        let ports = file.ports.iter().map(|name| Ok((name.clone(), Taken::any()?)));
        let ports = ports.collect::<Result<_, String>>()?;
        Ok(Self {
            name: name.to_owned(),
            label,
            file,
            recipe,
            owner,
            needs,
            port: Taken::any()?,
            ports,
            secret,
            root: root.to_owned(),
            up: OnceCell::new(),
            live: Mutex::new(None),
        })
    }

    fn live(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file that is put into it.
    pub(super) fn seed_file(&self) -> Option<String> {
        let file = self.file.seed.as_ref()?.file.as_ref()?;
        Some(self.root.join(file).display().to_string())
    }

    /// Whether suites that share it have a database each.
    pub(super) fn is_divided(&self) -> bool {
        self.owner.is_none() && self.recipe.as_ref().is_some_and(|recipe| recipe.is_divisible)
    }

    /// The container that it is.
    pub(super) fn container(&self) -> Option<String> {
        match &*self.live() {
            Some(Live::Container(name, _)) => Some(name.clone()),
            _ => None,
        }
    }

    fn folder(&self, records: &Records) -> PathBuf {
        records.folder.join(&self.label)
    }

    /// What stands behind the names in its texts.
    pub(super) fn filling(&self, records: &Records, program: &Path, given: &[(String, String)]) -> Filling {
        let mut filling = Filling::default();
        filling.set("host", "127.0.0.1");
        filling.set("port", self.port.number.to_string());
        filling.set("folder", self.folder(records).display().to_string());
        filling.set("program", program.display().to_string());
        for (name, port) in &self.ports {
            filling.set(format!("ports.{name}"), port.number.to_string());
        }
        for (name, value) in given {
            filling.set(format!("env.{name}"), value);
        }
        filling
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the text is for people, and ends with what it wrote last.
    pub(super) async fn bring_up(&self, around: &Surroundings<'_>) -> Result<(), String> {
        let named = |why: String| format!("the service `{}` did not come up: {why}", self.name);
        let probe = self
            .recipe
            .as_ref()
            .map_or_else(|| Probe::declared(&self.file), |recipe| recipe.probe.clone());
        let sought = match &probe {
            Probe::Log(text) => Some(text.clone()),
            _ => None,
        };
        let tail = Tail::seeking(sought);
        self.start(around, &tail).await.map_err(named)?;
        self.wait(&probe, around, &tail).await.map_err(named)
    }

    async fn start(&self, around: &Surroundings<'_>, tail: &Tail) -> Result<(), String> {
        let recipe = self.recipe.as_ref();
        let usual = recipe.and_then(|recipe| recipe.image).map(str::to_owned);
        let image = self.file.image.clone().or(usual);
        match (image, &around.engine) {
            (Some(image), Ok(())) => self.start_container(&image, around).await,
            (Some(_), Err(why)) if self.file.command.is_empty() => match recipe {
                None => Err(format!(
                    "it needs a container engine, and none answers ({why}); start one, or give it a `command`"
                )),
                Some(recipe) => self.start_recipe(recipe, around, tail).await.map_err(|error| {
                    let advice = error.contains("is not installed");
                    let advice = advice.then(|| format!(" ({why}); install {}", recipe.install));
                    format!("{error}{}", advice.unwrap_or_default())
                }),
            },
            (None, _) if recipe.is_some() => match recipe {
                Some(recipe) => self.start_recipe(recipe, around, tail).await,
                None => Ok(()),
            },
            _ => self.start_declared(around, tail),
        }
    }

    async fn start_container(&self, image: &str, around: &Surroundings<'_>) -> Result<(), String> {
        let name = format!("pilotage-{}-{}", around.records.run, self.label);
        let recipe = self.recipe.as_ref();
        let usual = recipe.map(|recipe| recipe.in_container(&self.secret));
        let (mut command, mut environment) = usual.unwrap_or_default();
        let filling = self.filling(around.records, around.program, &[]);
        if !self.file.arguments.is_empty() {
            command = filling.fill_all(&self.file.arguments)?;
        }
        environment.extend(filling.fill_values(&self.file.environment)?);
        let handed = self
            .file
            .pass
            .iter()
            .filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)));
        environment.extend(handed);
        let inside = self
            .file
            .port
            .or(recipe.map(|recipe| recipe.port))
            .unwrap_or_default();
        let container = name.clone();
        around
            .records
            .note(&self.label, &Started::Container { name: container })?;
        *self.live() = Some(Live::Container(name.clone(), None));
        container::fetch(image).await?;
        self.port.let_go();
        let starting = container::start(container::Wanted {
            name: name.clone(),
            image: image.to_owned(),
            command,
            environment,
            ports: (self.port.number, inside),
            service: self.name.clone(),
            run: around.records.run.clone(),
        });
        *self.live() = Some(Live::Container(name, Some(starting.clone())));
        starting.await
    }

    async fn start_recipe(
        &self,
        recipe: &Recipe,
        around: &Surroundings<'_>,
        tail: &Tail,
    ) -> Result<(), String> {
        let folder = self.folder(around.records);
        let mut order = recipe.as_program(self, &folder, around.program).await?;
        let filling = self.filling(around.records, around.program, &[]);
        order.set.extend(filling.fill_values(&self.file.environment)?);
        order.pass.clone_from(&self.file.pass);
        self.launch(&order, recipe.ask, around, tail)
    }

    fn start_declared(&self, around: &Surroundings<'_>, tail: &Tail) -> Result<(), String> {
        super::program::own_folder(&self.folder(around.records), None)?;
        let filling = self.filling(around.records, around.program, &around.given);
        let mut set = around.given.clone();
        set.extend(filling.fill_values(&self.file.environment)?);
        let order = Order {
            command: filling.fill_all(&self.file.command)?,
            folder: self.root.clone(),
            pass: self.file.pass.clone(),
            set,
            user: None,
        };
        self.launch(&order, Ask::Terminate, around, tail)
    }

    fn launch(&self, order: &Order, ask: Ask, around: &Surroundings<'_>, tail: &Tail) -> Result<(), String> {
        self.port.let_go();
        self.ports.values().for_each(Taken::let_go);
        let running = order.start(&self.label, ask, tail, around.records)?;
        *self.live() = Some(Live::Program(running));
        Ok(())
    }

    async fn wait(&self, probe: &Probe, around: &Surroundings<'_>, tail: &Tail) -> Result<(), String> {
        let limit = self.file.ready_within();
        let deadline = Instant::now() + limit;
        let mut looks = 0;
        loop {
            if self.is_ready(probe, around, tail, looks).await {
                return Ok(());
            }
            if let Some(how) = self.ended(looks).await {
                self.read_log(tail).await;
                tail.arrived().await;
                return Err(format!("it ended before it was ready ({how}); {}", tail.shown()));
            }
            if Instant::now() > deadline {
                self.read_log(tail).await;
                return Err(format!(
                    "it was not ready within {} s; {}",
                    limit.as_secs(),
                    tail.shown()
                ));
            }
            looks += 1;
            sleep(PAUSE).await;
        }
    }

    async fn is_ready(&self, probe: &Probe, around: &Surroundings<'_>, tail: &Tail, looks: u32) -> bool {
        let container = self.container();
        match (probe, &container) {
            (Probe::Log(text), Some(name)) if looks.is_multiple_of(LOOKS) => {
                String::from_utf8_lossy(&container::log(name).await).contains(text.as_str())
            }
            (Probe::Log(_), Some(_)) => false,
            (Probe::Log(_), None) => tail.is_found(),
            (Probe::Command(command), Some(name)) => container::run_inside(name, command, &[]).await.is_ok(),
            (Probe::Command(command), None) => {
                let filling = self.filling(around.records, around.program, &around.given);
                let order = filling.fill_all(command).map(|command| Order {
                    command,
                    folder: self.root.clone(),
                    pass: self.file.pass.clone(),
                    set: around.given.clone(),
                    user: None,
                });
                match order {
                    Ok(order) => order.run().await.is_ok(),
                    Err(_) => false,
                }
            }
            _ => probe.asks(self.asked_port()).await,
        }
    }

    fn asked_port(&self) -> u16 {
        let named = self.file.ready.as_ref().and_then(|ready| ready.port.as_ref());
        named
            .and_then(|name| self.ports.get(name))
            .unwrap_or(&self.port)
            .number
    }

    async fn ended(&self, looks: u32) -> Option<String> {
        if let Some(name) = self.container() {
            let is_time = looks % LOOKS == LOOKS - 1;
            let ended = is_time && !container::is_running(&name).await;
            return ended.then(|| "the container is no longer running".to_owned());
        }
        match &mut *self.live() {
            Some(Live::Program(running)) => running.ended(),
            _ => None,
        }
    }

    async fn read_log(&self, tail: &Tail) {
        if let Some(name) = self.container() {
            tail.add(&container::log(&name).await);
        }
    }

    /// Ends it and removes what it kept.
    pub(super) async fn end(&self) -> Result<(), String> {
        let live = self.live().take();
        match live {
            None => Ok(()),
            Some(Live::Program(running)) => {
                running.end().await;
                Ok(())
            }
            Some(Live::Container(name, starting)) => {
                if let Some(starting) = starting {
                    // Whoever waited for it was told how it went.
                    let _ = starting.await;
                }
                container::remove(&name).await.map(|_| ())
            }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A program ends with its group, which goes with it.
        if let Some(Live::Container(name, _)) = self.live().take() {
            container::remove_at_once(&name);
        }
    }
}
