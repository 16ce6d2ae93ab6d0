//! What is known of services that need not be described: how they are started, asked, and used.

use std::path::{Path, PathBuf};

use super::{
    instance::{Instance, Use},
    probe::Probe,
    program::{self, Order, User},
    record::Ask,
};

/// Where PostgreSQL's programs lie when the shell does not find them: Debian, Red Hat, Homebrew, Postgres.app.
pub(super) const POSTGRES: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];
/// Databases that a Redis of ours has, so that every suite finds one.
const REDIS_DATABASES: &str = "256";
/// What a database of ours is called by, and its user.
pub(super) const POSTGRES_NAME: &str = "postgres";

/// A service that is known.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    /// The image, with its version; none for what this program is itself.
    pub(super) image: Option<&'static str>,
    /// Inside of a container.
    pub(super) port: u16,
    pub(super) scheme: &'static str,
    pub(super) probe: Probe,
    pub(super) ask: Ask,
    /// Whether several suites may use one, each with a database of its own.
    pub(super) is_divisible: bool,
    /// What to install where it is missing.
    pub(super) install: &'static str,
}

/// The recipe of a name.
pub(super) fn of(name: &str) -> Option<Recipe> {
    let usual = Recipe {
        name: "",
        image: None,
        port: 0,
        scheme: "tcp",
        probe: Probe::Tcp,
        ask: Ask::Terminate,
        is_divisible: false,
        install: "",
    };
    match name {
        "redis" => Some(Recipe {
            name: "redis",
            image: Some("redis:7-alpine"),
            port: 6379,
            scheme: "redis",
            probe: Probe::Redis,
            is_divisible: true,
            install: "redis-server (`apt-get install redis-server`, `brew install redis`)",
            ..usual
        }),
        "postgres" => Some(Recipe {
            name: "postgres",
            image: Some("postgres:16-alpine"),
            port: 5432,
            scheme: "postgres",
            probe: Probe::Postgres,
            ask: Ask::Quit,
            is_divisible: true,
            install: "PostgreSQL's server (`apt-get install postgresql`, `brew install postgresql`)",
        }),
        "nats" => Some(Recipe {
            name: "nats",
            image: Some("nats:2-alpine"),
            port: 4222,
            scheme: "nats",
            probe: Probe::Nats,
            install: "nats-server (`apt-get install nats-server`, `brew install nats-server`)",
            ..usual
        }),
        "make-api-mock" => Some(Recipe {
            name: "make-api-mock",
            scheme: "http",
            probe: Probe::Http("/__mock/calls".to_owned()),
            ..usual
        }),
        _ => None,
    }
}

impl Recipe {
    /// What a container of it is given.
    pub(super) fn in_container(&self, secret: &str) -> (Vec<String>, Vec<(String, String)>) {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        match self.name {
            "redis" => (
                words(&[
                    "redis-server",
                    "--databases",
                    REDIS_DATABASES,
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ]),
                Vec::new(),
            ),
            "postgres" => (
                words(&[
                    "postgres",
                    "-c",
                    "fsync=off",
                    "-c",
                    "synchronous_commit=off",
                    "-c",
                    "full_page_writes=off",
                ]),
                vec![
                    ("POSTGRES_USER".to_owned(), POSTGRES_NAME.to_owned()),
                    ("POSTGRES_PASSWORD".to_owned(), secret.to_owned()),
                ],
            ),
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// How it is started as a program, once what it needs is there.
    ///
    /// # Errors
    /// It is not installed, or cannot be prepared; the text is for people.
    pub(super) async fn as_program(
        &self,
        instance: &Instance,
        place: &Path,
        program: &Path,
    ) -> Result<Order, String> {
        let folder = place.to_owned();
        let port = instance.port.number.to_string();
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self.name {
            "redis" => {
                own_folder(place, None)?;
                let server = found("redis-server", &[])?;
                let options = [
                    "--port",
                    &port,
                    "--bind",
                    "127.0.0.1",
                    "--databases",
                    REDIS_DATABASES,
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ];
                let command = [vec![server], words(&options)].concat();
                Ok(Order {
                    command,
                    folder,
                    ..Order::default()
                })
            }
            "postgres" => postgres(instance, place).await,
            "nats" => {
                own_folder(place, None)?;
                let server = found("nats-server", &["/usr/sbin", "/usr/local/sbin"])?;
                let store = place.join("jetstream").display().to_string();
                let options = [
                    "--addr",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--jetstream",
                    "--store_dir",
                    &store,
                ];
                let command = [vec![server], words(&options)].concat();
                Ok(Order {
                    command,
                    folder,
                    ..Order::default()
                })
            }
            _ => {
                own_folder(place, None)?;
                let listen = format!("127.0.0.1:{port}");
                let mut command = vec![program.display().to_string()];
                command.extend(words(&["mock", "make", "--listen", &listen]));
                if let Some(seed) = instance.seed_file() {
                    command.extend(["--seed".to_owned(), seed]);
                }
                Ok(Order {
                    command,
                    folder,
                    ..Order::default()
                })
            }
        }
    }

    /// The variables that programs look for by themselves.
    pub(super) fn variables(
        &self,
        instance: &Instance,
        used: &Use,
        mock_token: &str,
    ) -> Vec<(String, String)> {
        let port = instance.port.number;
        let pairs = |pairs: &[(&str, String)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect()
        };
        match self.name {
            "redis" => pairs(&[("REDIS_URL", self.url(instance, used))]),
            "postgres" => pairs(&[
                ("DATABASE_URL", self.url(instance, used)),
                ("PGHOST", "127.0.0.1".to_owned()),
                ("PGPORT", port.to_string()),
                ("PGUSER", POSTGRES_NAME.to_owned()),
                ("PGPASSWORD", instance.secret.clone()),
                ("PGDATABASE", used.database()),
            ]),
            "nats" => pairs(&[("NATS_URL", self.url(instance, used))]),
            _ => pairs(&[
                ("MAKE_API_ENDPOINT", format!("http://127.0.0.1:{port}/api/v2")),
                ("MAKE_API_TOKEN", mock_token.to_owned()),
            ]),
        }
    }

    /// Where it is used.
    pub(super) fn url(&self, instance: &Instance, used: &Use) -> String {
        let port = instance.port.number;
        let scheme = self.scheme;
        match self.name {
            "redis" => format!("{scheme}://127.0.0.1:{port}/{}", used.number()),
            "postgres" => format!(
                "{scheme}://{POSTGRES_NAME}:{}@127.0.0.1:{port}/{}",
                instance.secret,
                used.database()
            ),
            _ => format!("{scheme}://127.0.0.1:{port}"),
        }
    }
}

/// A program that is installed.
fn found(name: &str, folders: &[&str]) -> Result<String, String> {
    let path = program::find(name, folders);
    path.map(|path| path.display().to_string())
        .ok_or_else(|| format!("no container engine answers, and {name} is not installed"))
}

fn own_folder(place: &Path, user: Option<User>) -> Result<(), String> {
    program::own_folder(place, user)
}

/// An empty cluster, which nobody gets into without the password, and which forgets everything when the machine stops.
async fn postgres(instance: &Instance, place: &Path) -> Result<Order, String> {
    let user = as_whom()?;
    own_folder(place, user)?;
    let data = place.join("data").display().to_string();
    let word = place.join("password");
    std::fs::write(&word, &instance.secret)
        .and_then(|()| program::hand_over(&word, user))
        .map_err(|error| format!("cannot write {}: {error}", word.display()))?;
    let server = found("postgres", POSTGRES)?;
    let server = PathBuf::from(&server)
        .canonicalize()
        .unwrap_or_else(|_| server.into());
    let beside = |name: &str| server.with_file_name(name).display().to_string();
    let word = format!("--pwfile={}", word.display());
    let make = [
        beside("initdb").as_str(),
        "--pgdata",
        &data,
        "--username",
        POSTGRES_NAME,
        "--auth",
        "scram-sha-256",
        &word,
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--no-sync",
    ]
    .map(str::to_owned);
    let order = |command: Vec<String>| Order {
        command,
        folder: place.to_owned(),
        user,
        ..Order::default()
    };
    order(make.to_vec()).run().await?;
    let port = instance.port.number.to_string();
    let mut command = vec![
        server.display().to_string(),
        "-D".to_owned(),
        data,
        "-p".to_owned(),
        port,
    ];
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
    ] {
        command.extend(["-c".to_owned(), setting.to_owned()]);
    }
    Ok(order(command))
}

/// PostgreSQL refuses to run as root.
fn as_whom() -> Result<Option<User>, String> {
    if !program::is_root() {
        return Ok(None);
    }
    program::somebody().map(Some).ok_or_else(|| {
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`".to_owned()
    })
}
