//! Carries messages between standard input and output and the server that runs already.

use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, Request, header},
    },
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{cli::Context, client, exit::usage};

/// Carries until either side ends, or `stop`.
///
/// # Errors
/// The server cannot be reached, or does not let us in.
pub(super) async fn carry(context: &Context, stop: CancellationToken) -> anyhow::Result<()> {
    let server = &context.server();
    let request = request(server, context)?;
    let (socket, _) = connect_async(request).await.with_context(|| {
        format!(
            "Another Pilotage runs on this data folder, and the agent cannot be connected with it at {server}. Name it with \
             --server, and give a token in PILOTAGE_TOKEN if it asks for one"
        )
    })?;
    let (mut sink, mut stream) = socket.split();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut output = tokio::io::stdout();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            line = lines.next_line() => match line.context("standard input broke")? {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => sink.send(Message::text(line)).await.context("the server has gone")?,
                None => break,
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    output.write_all(text.as_bytes()).await?;
                    output.write_all(b"\n").await?;
                    output.flush().await?;
                }
                Some(Ok(Message::Close(_))) | None => anyhow::bail!("the server ended the connection"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the connection to the server broke"),
            },
        }
    }
    let _ = sink.close().await;
    Ok(())
}

fn request(server: &Url, context: &Context) -> anyhow::Result<Request<()>> {
    let mut address = server.join("/ws").context("the address of the server")?;
    let scheme = if server.scheme() == "https" { "wss" } else { "ws" };
    if address.set_scheme(scheme).is_err() {
        return Err(usage(format!("{server} is no address of a server")));
    }
    let mut request = address.as_str().into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mcp"));
    if let Some(token) = client::token(context.global.token_file.as_deref())? {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
    }
    Ok(request)
}
