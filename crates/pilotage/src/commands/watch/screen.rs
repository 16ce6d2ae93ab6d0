//! One screen that follows along. The terminal is as it was before, however this ends: by a key, a signal, an error or a
//! panic.

mod draw;
mod keys;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod view;

use std::{future::Future, io, time::Duration};

use crossterm::event::{Event, EventStream};
use futures::StreamExt as _;
use pilotage_core::Timestamp;
use ratatui::DefaultTerminal;

use self::{keys::Answer, view::View};
use super::filter::Filter;
use crate::{cli::Context, client::Stream, exit::Done};

/// Ages grow also while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// Gives the terminal back when it is dropped. A panic does so before it prints itself (`ratatui::try_init`).
struct Screen(DefaultTerminal);

impl Screen {
    fn enter() -> io::Result<Self> {
        ratatui::try_init().map(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // What cannot be restored is told by nobody: there is no terminal to tell it on.
        let _ = ratatui::try_restore();
    }
}

/// Shows the stream until somebody quits.
///
/// # Errors
/// There is no terminal to draw on, the first connection fails, or the server refuses.
pub(super) async fn run(mut stream: Stream, context: &Context, filters: Vec<Filter>) -> anyhow::Result<Done> {
    let mut view = View::new(&context.server(), &filters)?;
    let colour = context.output.has_colour();
    // A refusal is better read on an ordinary screen.
    view.tell(stream.next().await?);
    let mut screen = Screen::enter()?;
    let mut keys = EventStream::new();
    let mut tick = tokio::time::interval(TICK);
    let mut stop = Box::pin(stopped()?);
    loop {
        screen
            .0
            .draw(|frame| draw::draw(frame, &mut view, colour, Timestamp::now()))?;
        tokio::select! {
            told = stream.next() => view.tell(told?),
            key = keys.next() => match key.transpose()? {
                Some(Event::Key(key)) if keys::press(&mut view, key) == Answer::Quit => return Ok(Done::Yes),
                Some(_) => {}
                None => return Ok(Done::Yes),
            },
            _ = tick.tick() => {}
            () = &mut stop => return Ok(Done::Yes),
        }
    }
}

/// Waits until somebody asks the process to end.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
