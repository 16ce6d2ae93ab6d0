//! The cache that machines share: a folder, S3, or a server that takes PUT and GET. It is never needed: what it does not
//! answer is a miss, and after the first failure it is asked no more.

use std::{
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::TryStreamExt as _;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig, WriteMultipart,
    aws::AmazonS3Builder, http::HttpBuilder, local::LocalFileSystem, path::Path as Key,
};
use pilotage_core::Digest;
use tokio::{io::AsyncReadExt as _, time::timeout};
use url::Url;

use super::{entry::MOST_ENTRY_BYTES, shelf::Shelf};
use crate::pipeline::Environment;

/// How long to wait for a connection, and for an answer to begin.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one entry may take.
const LIMIT: Duration = Duration::from_mins(2);
/// The longest entry that is sent to a server that takes it only in one piece; longer ones stay here.
const MOST_WHOLE_BYTES: u64 = 256 << 20;
/// Pieces in which large entries are sent.
const PIECE: usize = 8 << 20;

/// A store that others use too.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Box<dyn ObjectStore>,
    prefix: Key,
    takes_pieces: bool,
    /// Whether it failed before.
    is_out: AtomicBool,
}

impl Shared {
    /// A folder, or the address of a store: `file://`, `s3://bucket/prefix`, `http://` or `https://`. Credentials for S3
    /// come from `AWS_...` of the environment.
    ///
    /// # Errors
    /// It is no such address; the text is for people.
    pub(crate) fn open(place: &str, environment: &Environment) -> Result<Self, String> {
        let (store, prefix) = match Url::parse(place) {
            Ok(url) if url.scheme() == "s3" => s3(&url, environment)?,
            Ok(url) if matches!(url.scheme(), "http" | "https") => http(&url)?,
            Ok(url) if url.scheme() == "file" => folder(
                &url.to_file_path()
                    .map_err(|()| format!("{place} names no folder"))?,
            )?,
            Ok(url) => {
                return Err(format!(
                    "`{}` is no store; there are folders, file://, s3://, http:// and https://",
                    url.scheme()
                ));
            }
            Err(_) => folder(Path::new(place))?,
        };
        let takes_pieces = !place.starts_with("http");
        Ok(Self {
            store,
            prefix,
            takes_pieces,
            is_out: AtomicBool::new(false),
        })
    }

    fn key(&self, key: Digest) -> Key {
        self.prefix.clone().join(format!("{key}.entry"))
    }

    /// Brings an entry onto the shelf; whether there was one.
    ///
    /// # Errors
    /// The store does not answer, which is said once; the text is for people.
    pub(crate) async fn fetch(&self, key: Digest, here: &Shelf) -> Result<bool, String> {
        self.guarded(self.download(key, here))
            .await
            .map(|found| found.unwrap_or(false))
    }

    /// Sends an entry from the shelf.
    ///
    /// # Errors
    /// The store does not take it, which is said once; the text is for people.
    pub(crate) async fn send(&self, key: Digest, here: &Shelf) -> Result<(), String> {
        self.guarded(self.upload(key, here)).await.map(|_| ())
    }

    /// Asks the store, unless it is known to be out of order.
    async fn guarded<T>(&self, asked: impl Future<Output = Result<T, String>>) -> Result<Option<T>, String> {
        if self.is_out.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let answered = timeout(LIMIT, asked).await;
        let answered = answered.unwrap_or_else(|_| Err(format!("no answer within {} s", LIMIT.as_secs())));
        match answered {
            Ok(answer) => Ok(Some(answer)),
            // Jobs that ask at the same time say it once.
            Err(_) if self.is_out.swap(true, Ordering::Relaxed) => Ok(None),
            Err(error) => Err(format!("The shared cache is left out: {error}")),
        }
    }

    async fn download(&self, key: Digest, here: &Shelf) -> Result<bool, String> {
        let found = match self.store.get(&self.key(key)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(brief(&error)),
        };
        let mut blank = here.blank().map_err(|error| error.to_string())?;
        let mut size = 0_u64;
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.try_next().await.map_err(|error| brief(&error))? {
            size = size.saturating_add(piece.len() as u64);
            if size > 2 * MOST_ENTRY_BYTES {
                return Err("an entry is too large".to_owned());
            }
            blank.write_all(&piece).map_err(|error| error.to_string())?;
        }
        here.put(key, blank).map_err(|error| error.to_string())?;
        Ok(true)
    }

    async fn upload(&self, key: Digest, here: &Shelf) -> Result<(), String> {
        let file = std::fs::File::open(here.file(key)).map_err(|error| error.to_string())?;
        let size = file.metadata().map_err(|error| error.to_string())?.len();
        let place = self.key(key);
        let mut file = tokio::fs::File::from_std(file);
        if size <= PIECE as u64 || !self.takes_pieces {
            if size > MOST_WHOLE_BYTES {
                return Ok(());
            }
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)
                .await
                .map_err(|error| error.to_string())?;
            self.store
                .put(&place, bytes.into())
                .await
                .map_err(|error| brief(&error))?;
            return Ok(());
        }
        let upload = self
            .store
            .put_multipart(&place)
            .await
            .map_err(|error| brief(&error))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE);
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = file.read(&mut buffer).await.map_err(|error| error.to_string())?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(2).await.map_err(|error| brief(&error))?;
            upload.write(buffer.get(..read).unwrap_or_default());
        }
        upload.finish().await.map_err(|error| brief(&error))?;
        Ok(())
    }
}

type Opened = (Box<dyn ObjectStore>, Key);

fn folder(path: &Path) -> Result<Opened, String> {
    let shown = path.display();
    std::fs::create_dir_all(path).map_err(|error| format!("the folder {shown} cannot be made: {error}"))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| format!("{shown}: {error}"))?;
    Ok((Box::new(store), Key::default()))
}

fn s3(url: &Url, environment: &Environment) -> Result<Opened, String> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in environment {
        let key = name.to_ascii_lowercase().parse();
        if let (true, Ok(key), Some(value)) = (name.starts_with("AWS_"), key, value.to_str()) {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder
        .with_url(url.as_str())
        .with_client_options(options())
        .with_retry(retries())
        .build()
        .map_err(|error| brief(&error))?;
    let prefix = Key::parse(url.path().trim_matches('/')).map_err(|error| error.to_string())?;
    Ok((Box::new(store), prefix))
}

fn http(url: &Url) -> Result<Opened, String> {
    let store = HttpBuilder::new()
        .with_url(url.as_str().trim_end_matches('/'))
        .with_client_options(options())
        .with_retry(retries())
        .build()
        .map_err(|error| brief(&error))?;
    Ok((Box::new(store), Key::default()))
}

fn options() -> ClientOptions {
    // Inside of a network stores are often reached without TLS; the address says whether.
    ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_timeout(LIMIT)
        .with_allow_http(true)
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 1,
        retry_timeout: CONNECT,
    }
}

/// One line, without what stands behind a question mark: it may hold a signature.
fn brief(error: &object_store::Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(reason) = cause {
        let more = reason.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = reason.source();
    }
    let words: Vec<_> = text
        .split_whitespace()
        .map(|word| word.split_once('?').map_or(word, |(before, _)| before))
        .collect();
    crate::reading::brief(&words.join(" "))
}
