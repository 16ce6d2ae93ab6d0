//! One process of a runner: started, listened to while it works, and ended when it does not get on.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use pilotage_core::testing::{Ending, Outcome, Said, TestSeen, Transcript};
use tokio::time::Instant;

use super::{MOST_LINE_BYTES, end_of};
use crate::{
    process::{self, Followed},
    testing::runners::{Call, Reading},
};

/// How often a report is looked at.
const POLL: Duration = Duration::from_millis(50);
/// Longest report, in bytes.
const MOST_REPORT_BYTES: u64 = 1 << 30;
/// What is kept of the end of the standard output.
const MOST_OUTPUT_BYTES: usize = 64 << 10;
/// How much longer than a test may take a runner may, which ends it by itself where it can.
const GRACE: Duration = Duration::from_secs(2);

/// What was heard of a process, and how it ended.
pub(super) struct Heard {
    pub(super) transcript: Transcript,
    pub(super) ending: Ending,
    /// The last that it wrote.
    pub(super) said: String,
    pub(super) seconds: f64,
}

impl Heard {
    pub(super) fn nothing(ending: Ending) -> Self {
        Self {
            transcript: Transcript::default(),
            ending,
            said: String::new(),
            seconds: 0.0,
        }
    }

    /// How it ended, in words.
    pub(super) fn how(&self) -> String {
        match &self.ending {
            Ending::Killed(signal) => format!("was killed by signal {signal}"),
            Ending::TimedOut(seconds) => format!("did not get on for {seconds:.0} s"),
            Ending::Exited(code) => format!("ended with code {code}"),
            Ending::NotStarted(why) => format!("could not run: {why}"),
        }
    }
}

/// Lines as they come, made into events.
struct Ear<'a> {
    transcript: Transcript,
    token: &'a str,
    show: &'a (dyn Fn(&Said) + Send + Sync),
    line: Vec<u8>,
    /// When a file was last begun or through.
    moved: Instant,
    /// When each test began that is not through.
    tests: BTreeMap<String, Instant>,
    is_serial: bool,
    taken: u64,
}

impl Ear<'_> {
    fn hear(&mut self, bytes: &[u8], mut read: impl FnMut(&str) -> Result<Vec<Said>, ()>) {
        self.taken += bytes.len() as u64;
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() < MOST_LINE_BYTES {
                    self.line.push(*byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match read(&String::from_utf8_lossy(&line)) {
                Ok(said) => said.into_iter().for_each(|said| self.take(said)),
                Err(()) => self.transcript.breaks("a line of it is no event"),
            }
        }
    }

    fn take(&mut self, said: Said) {
        if matches!(
            said,
            Said::Begin { .. } | Said::File { .. } | Said::Found { .. } | Said::Done { .. }
        ) {
            self.moved = Instant::now();
        }
        match &said {
            Said::Start { id, .. } => {
                // Runners with our reporter run one after the other, and Jest tells of none that ended before its file has.
                if self.is_serial {
                    self.tests.clear();
                }
                self.tests.insert(id.clone(), Instant::now());
            }
            Said::Test(test) => {
                self.tests.remove(&test.id);
            }
            Said::Done { .. } if self.is_serial => self.tests.clear(),
            _ => {}
        }
        (self.show)(&said);
        self.transcript.take(said, self.token);
    }
}

/// Reads what a reporter adds to its file.
struct Tail<'a> {
    path: &'a Path,
    at: u64,
}

impl Tail<'_> {
    fn read(&mut self, ear: &mut Ear<'_>) {
        let Ok(mut file) = File::open(self.path) else {
            return;
        };
        if file.seek(SeekFrom::Start(self.at)).is_err() {
            return;
        }
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = file.read(&mut buffer) {
            self.at += length as u64;
            if self.at > MOST_REPORT_BYTES {
                ear.transcript.breaks("it is longer than a gigabyte");
                return;
            }
            ear.hear(buffer.get(..length).unwrap_or_default(), |line| {
                serde_json::from_str(line).map(|said| vec![said]).map_err(|_| ())
            });
        }
    }
}

/// How long something may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// From one file to the next.
    pub(super) file: Duration,
    /// A test.
    pub(super) test: Option<Duration>,
}

impl Limits {
    /// The one that is over.
    fn over(&self, ear: &Ear<'_>) -> Option<Duration> {
        let oldest = ear.tests.values().min();
        let test = self
            .test
            .filter(|limit| oldest.is_some_and(|begun| begun.elapsed() > *limit + GRACE));
        test.or_else(|| (ear.moved.elapsed() > self.file).then_some(self.file))
    }
}

/// Runs a call to its end, or until something takes too long.
pub(super) async fn listen(
    call: Call,
    limits: Limits,
    token: &str,
    show: impl Fn(&Said) + Send + Sync,
) -> Heard {
    let Call {
        items,
        order,
        reading,
    } = call;
    let ear = Mutex::new(Ear {
        transcript: Transcript::default(),
        token,
        show: &show,
        line: Vec::new(),
        moved: Instant::now(),
        tests: BTreeMap::new(),
        is_serial: matches!(reading, Reading::Report(_)),
        taken: 0,
    });
    let lock = || ear.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = Vec::new();
    let (report, mut reader) = match reading {
        Reading::Report(path) => (Some(path), None),
        Reading::Output(reader) => (None, Some(reader)),
        Reading::Code => (None, None),
    };
    let is_code = report.is_none() && reader.is_none();
    if report.is_none() {
        // The pipe is this process's own, so nobody else's report can be in it.
        lock().take(Said::Begin {
            run: token.to_owned(),
        });
    }
    let followed = process::follow(&order, |bytes| match &mut reader {
        Some(reader) => lock().hear(bytes, |line| Ok(reader(line))),
        None => keep_end(&mut out, bytes),
    });
    let mut tail = report.as_deref().map(|path| Tail { path, at: 0 });
    let watching = async {
        loop {
            tokio::time::sleep(POLL).await;
            let mut ear = lock();
            if let Some(tail) = &mut tail {
                tail.read(&mut ear);
            }
            if let Some(limit) = limits.over(&ear) {
                return limit;
            }
        }
    };
    let begun = Instant::now();
    let followed = tokio::select! {
        followed = followed => Ok(followed),
        limit = watching => Err(limit),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let mut ear = ear.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(mut tail) = report.as_deref().map(|path| Tail { path, at: ear.taken }) {
        tail.read(&mut ear);
    }
    let (ending, errors) = ended(followed);
    if is_code && let (Ending::Exited(code), Some(item)) = (&ending, items.first()) {
        by_code(&mut ear, &item.file, *code, &errors, seconds);
    }
    let said = [end_of(&errors, 6), end_of(&out, 6)]
        .into_iter()
        .find(|said| !said.is_empty());
    Heard {
        transcript: ear.transcript,
        ending,
        said: said.map_or_else(String::new, |said| shorten(&said)),
        seconds,
    }
}

/// How it ended, or which limit was over, and the end of its error output.
fn ended(followed: Result<Result<Followed, String>, Duration>) -> (Ending, Vec<u8>) {
    match followed {
        Err(limit) => (Ending::TimedOut(limit.as_secs_f64()), Vec::new()),
        Ok(Err(why)) => (Ending::NotStarted(why), Vec::new()),
        Ok(Ok(Followed {
            code: Some(code),
            errors,
            ..
        })) => (Ending::Exited(code), errors),
        Ok(Ok(Followed { signal, errors, .. })) => (Ending::Killed(signal.unwrap_or_default()), errors),
    }
}

/// A program that tells nothing is one test.
fn by_code(ear: &mut Ear<'_>, file: &str, code: i32, errors: &[u8], seconds: f64) {
    let outcome = if code == 0 {
        Outcome::Passed
    } else {
        Outcome::Failed
    };
    let message = if code == 0 {
        String::new()
    } else {
        end_of(errors, 40)
    };
    let (file, id, name) = (file.to_owned(), file.to_owned(), file.to_owned());
    ear.take(Said::Test(TestSeen {
        file: file.clone(),
        id,
        name,
        outcome,
        seconds,
        message,
        earlier: Vec::new(),
    }));
    ear.take(Said::Done { file, seconds });
    ear.take(Said::End);
}

fn keep_end(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    let over = kept.len().saturating_sub(MOST_OUTPUT_BYTES);
    kept.drain(..over);
}

/// A few lines in one, at most so long as a person reads.
fn shorten(said: &str) -> String {
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let letters = line.chars().count();
    if letters <= 600 {
        line
    } else {
        format!("…{}", line.chars().skip(letters - 600).collect::<String>())
    }
}
