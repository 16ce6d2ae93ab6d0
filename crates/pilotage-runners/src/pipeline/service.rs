//! Services beside a job: started by their `local` commands, or found listening already.

use std::{collections::BTreeMap, fs::File, path::Path, process::Stdio, time::Duration};

use pilotage_core::pipeline::Service;
use tokio::{
    net::TcpStream,
    process::Child,
    time::{Instant, sleep, timeout},
};

use super::{environment::Environment, shell};
use crate::process::Group;

/// How long a service may take until it listens.
const READY: Duration = Duration::from_mins(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Services that were started for a task.
#[derive(Default)]
pub(crate) struct Services(Vec<(Group, Child)>);

impl Services {
    /// Starts those that can be started and waits until all of them listen. What they say goes into `logs`.
    ///
    /// # Errors
    /// One cannot be started or does not listen; those that run already are ended. The text is for people.
    pub(crate) async fn start(
        wanted: &BTreeMap<String, Service>,
        folder: &Path,
        environment: &Environment,
        log: impl Fn(&str) -> std::path::PathBuf,
    ) -> Result<Self, String> {
        let mut started = Self::default();
        for (name, service) in wanted {
            let begun = match &service.local {
                None => already_there(name, service).await,
                Some(commands) => {
                    started
                        .begin(name, service, commands, folder, environment, &log(name))
                        .await
                }
            };
            if let Err(error) = begun {
                started.end().await;
                return Err(error);
            }
        }
        Ok(started)
    }

    async fn begin(
        &mut self,
        name: &str,
        service: &Service,
        commands: &str,
        folder: &Path,
        environment: &Environment,
        log: &Path,
    ) -> Result<(), String> {
        for port in &service.ports {
            if listens(*port).await {
                return Err(format!(
                    "the service `{name}` cannot be started: something else listens on 127.0.0.1:{port}"
                ));
            }
        }
        let mut environment = environment.clone();
        let own = service
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), value.into()));
        environment.extend(own);
        let into =
            |error: std::io::Error| format!("the log of the service `{name}` cannot be written: {error}");
        let out = File::create(log).map_err(into)?;
        let errors = out.try_clone().map_err(into)?;
        let (child, group) = shell::start(
            commands,
            folder,
            &environment,
            Stdio::from(out),
            Stdio::from(errors),
        )?;
        self.0.push((group, child));
        let deadline = Instant::now() + READY;
        for port in &service.ports {
            while !listens(*port).await {
                self.check(name, log)?;
                if Instant::now() > deadline {
                    return Err(format!(
                        "the service `{name}` does not listen on 127.0.0.1:{port} after {} s",
                        READY.as_secs()
                    ));
                }
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Whether the service that was started last goes on.
    fn check(&mut self, name: &str, log: &Path) -> Result<(), String> {
        let ended = self
            .0
            .last_mut()
            .and_then(|(_, child)| child.try_wait().ok().flatten());
        match ended {
            Some(status) => Err(format!(
                "the service `{name}` ended before it listened ({status}); see {}",
                log.display()
            )),
            None => Ok(()),
        }
    }

    /// Ends all of them.
    pub(crate) async fn end(self) {
        for (group, child) in self.0 {
            shell::end_service(child, group).await;
        }
    }
}

async fn already_there(name: &str, service: &Service) -> Result<(), String> {
    for port in &service.ports {
        if !listens(*port).await {
            return Err(format!(
                "the service `{name}` has no `local` commands that start it, and nothing listens on 127.0.0.1:{port}"
            ));
        }
    }
    Ok(())
}

async fn listens(port: u16) -> bool {
    let connected = timeout(Duration::from_secs(1), TcpStream::connect(("127.0.0.1", port))).await;
    matches!(connected, Ok(Ok(_)))
}
