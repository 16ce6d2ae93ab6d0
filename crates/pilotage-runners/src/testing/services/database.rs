//! What is put into services before anybody uses them: a database for each suite, and seeds.

use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    container,
    instance::{Instance, Use, Variables},
    program::{self, Order},
    recipe::{POSTGRES, POSTGRES_NAME},
};

/// Longest seed for Redis, in bytes.
const MOST_SEED: u64 = 64 << 20;
/// Longest time to put a seed into Redis.
const PUT: Duration = Duration::from_mins(1);
/// Most bytes of what Redis answers to a seed.
const MOST_ANSWER: u64 = 64 << 20;

impl Instance {
    /// Makes the database of a suite, where it has one of its own.
    ///
    /// # Errors
    /// It cannot be made; the text is for people.
    pub(super) async fn divide(&self, used: &Use) -> Result<(), String> {
        if self
            .recipe
            .as_ref()
            .is_none_or(|recipe| recipe.name != "postgres")
        {
            return Ok(());
        }
        // Its name is of letters, digits and `_` alone.
        let statement = format!("CREATE DATABASE {}", used.database());
        self.psql(&Use::Any, &["--command".to_owned(), statement]).await
    }

    /// Puts the seed in. `variables` are those of whom it is for.
    ///
    /// # Errors
    /// It does not go in; the text is for people.
    pub(super) async fn sow(&self, used: &Use, variables: &Variables) -> Result<(), String> {
        let Some(seed) = &self.file.seed else {
            return Ok(());
        };
        let named = |why: String| format!("the seed of the service `{}`: {why}", self.name);
        if !seed.command.is_empty() {
            let order = Order {
                command: seed.command.clone(),
                folder: self.root.clone(),
                pass: self.file.pass.clone(),
                set: variables.clone(),
                user: None,
            };
            return order.run().await.map(|_| ()).map_err(named);
        }
        let Some(file) = self.seed_file() else {
            return Ok(());
        };
        match self.recipe.as_ref().map(|recipe| recipe.name) {
            Some("redis") => self.put_into_redis(Path::new(&file), used).await,
            Some("postgres") => self.put_into_postgres(file, used).await,
            // Others have read it when they were started.
            _ => Ok(()),
        }
        .map_err(named)
    }

    async fn put_into_postgres(&self, file: String, used: &Use) -> Result<(), String> {
        let mut within = file;
        if let Some(name) = self.container() {
            // At the root of the container, which is nobody's but ours.
            let to = "/pilotage-seed.sql";
            container::copy_inside(&name, &within, to).await?;
            to.clone_into(&mut within);
        }
        self.psql(used, &["--file".to_owned(), within]).await
    }

    async fn psql(&self, used: &Use, what: &[String]) -> Result<(), String> {
        let database = used.database();
        let mut arguments: Vec<String> = [
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--username",
            POSTGRES_NAME,
            "--dbname",
            &database,
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(what.iter().cloned());
        let password = ("PGPASSWORD".to_owned(), self.secret.clone());
        if let Some(name) = self.container() {
            let command = [vec!["psql".to_owned()], arguments].concat();
            return container::run_inside(&name, &command, &[password])
                .await
                .map(|_| ());
        }
        let psql = program::find("psql", POSTGRES).ok_or("psql is not installed")?;
        let port = self.port.number.to_string();
        let address = ["--host", "127.0.0.1", "--port", &port].map(str::to_owned);
        let order = Order {
            command: [vec![psql.display().to_string()], address.to_vec(), arguments].concat(),
            folder: self.root.clone(),
            set: vec![password],
            ..Order::default()
        };
        order.run().await.map(|_| ())
    }

    /// Commands, a line each, as Redis takes them from people (<https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands>).
    async fn put_into_redis(&self, file: &Path, used: &Use) -> Result<(), String> {
        let named = |error: std::io::Error| format!("{}: {error}", file.display());
        let length = std::fs::metadata(file).map_err(named)?.len();
        if length > MOST_SEED {
            return Err(format!(
                "{} is longer than {} MiB",
                file.display(),
                MOST_SEED >> 20
            ));
        }
        let text = std::fs::read_to_string(file).map_err(named)?;
        let mut commands = format!("SELECT {}\r\n", used.number());
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            commands.push_str(line);
            commands.push_str("\r\n");
        }
        commands.push_str("QUIT\r\n");
        let put = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port.number)).await?;
            let (mut from, mut to) = stream.split();
            let mut answers = Vec::new();
            let mut bounded = (&mut from).take(MOST_ANSWER);
            let (written, read) = tokio::join!(
                to.write_all(commands.as_bytes()),
                bounded.read_to_end(&mut answers)
            );
            written.and(read)?;
            std::io::Result::Ok(answers)
        };
        let answers = timeout(PUT, put)
            .await
            .map_err(|_| format!("Redis took longer than {} s", PUT.as_secs()))?
            .map_err(named)?;
        let answers = String::from_utf8_lossy(&answers);
        let refused = answers
            .lines()
            .find(|line| line.starts_with("-ERR") || line.starts_with("-WRONG"));
        refused.map_or(Ok(()), |line| Err(format!("{}: {line}", file.display())))
    }
}
