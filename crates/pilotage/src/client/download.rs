//! Answers that are bytes and may be large: read piece by piece, for as long as pieces come.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, header};

use super::{Client, ClientError};

/// Between two pieces.
const PIECE_TIMEOUT: Duration = Duration::from_mins(1);

/// An answer whose bytes were not read yet.
pub(crate) struct Opened<'a> {
    client: &'a Client,
    response: Response,
}

impl Client {
    /// Opens a resource whose bytes are to be read.
    ///
    /// # Errors
    /// No server, or a problem.
    pub(crate) async fn open(&self, path: &[&str]) -> Result<Opened<'_>, ClientError> {
        let http = Self::builder(&self.server).read_timeout(PIECE_TIMEOUT).build();
        let http = http.map_err(|error| self.broken(error))?;
        let request = http.get(self.url("api/v1", path));
        let request = self.authorized(request.header(header::ACCEPT, "application/octet-stream"));
        let response = request.send().await.map_err(|error| self.broken(error))?;
        match response.status().as_u16() {
            200..300 => Ok(Opened {
                client: self,
                response,
            }),
            status => Err(self.refused(status, response).await),
        }
    }
}

impl Opened<'_> {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, so what came is not whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let piece = self.response.chunk().await;
        piece.map_err(|error| self.client.broken(error))
    }
}
