//! `audit`: check the audit trail without trusting the server that wrote it, and take it elsewhere.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pilotage_core::{
    Digest,
    audit::{AuditRecord, ChainVerifier, Head},
    ports::{AuditTrail, StoreError},
};
use pilotage_store::{VerifyError, VerifyReport, verify_file};
use serde::Deserialize;
use serde_json::json;

use crate::{
    cli::{Context, DataDir},
    client::Client,
    exit::{Done, usage},
    output::{Output, Style, remark, stdout},
    wire,
};

const EXAMPLES: &str = "\
Examples:
  pilotage audit verify
  pilotage audit verify --expect-head HASH
  pilotage audit export --output trail.jsonl
  pilotage audit verify --file trail.jsonl

Keep the head hash that `verify` prints somewhere else: with it, a trail whose end was cut off is
noticed too.";

/// How many records one page holds.
const PAGE: usize = 500;

/// Longest line of an exported trail, in bytes: no record comes near.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Check and export the audit trail.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum AuditCommand {
    /// Check every record against its hash and the one before; exit code 1 names the first that does not hold.
    Verify(Verify),
    /// Write the records as JSON, one on a line, oldest first.
    Export(Export),
}

impl AuditCommand {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        match self {
            Self::Verify(verify) => verify.run(context).await,
            Self::Export(export) => export.run(context).await,
        }
    }
}

/// What to check.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    #[command(flatten)]
    data_dir: DataDir,
    /// Check an exported trail instead of the data folder.
    #[arg(long, value_name = "JSONL")]
    file: Option<PathBuf>,
    /// The head hash of an earlier check: a record with it must be there.
    #[arg(long, value_name = "HASH")]
    expect_head: Option<Digest>,
}

/// How a check ended that could look at everything: what held, or the first thing that does not.
type Verdict = Result<Checked, String>;

/// What held.
struct Checked {
    head: Head,
    /// What was checked beside the chain; an export has nothing beside it.
    report: Option<VerifyReport>,
    /// The record with the expected hash.
    expected_at: Option<i64>,
}

impl Verify {
    async fn run(&self, context: &Context) -> anyhow::Result<Done> {
        let bar = progress(&context.output);
        let verdict = match &self.file {
            Some(file) => self.check_export(file, &bar),
            None => self.check_data_dir(&bar).await,
        };
        bar.finish_and_clear();
        let verdict = verdict?.and_then(|checked| self.compare(checked));
        print(&context.output, &verdict)?;
        Ok(Done::when(verdict.is_ok()))
    }

    /// A trail that holds in itself may still be a new one, or have lost its end.
    fn compare(&self, checked: Checked) -> Verdict {
        match self.expect_head {
            Some(hash) if checked.expected_at.is_none() => Err(format!(
                "no audit record has the hash {hash}: the trail was cut short or written anew since that was its head"
            )),
            _ => Ok(checked),
        }
    }

    async fn check_data_dir(&self, bar: &ProgressBar) -> anyhow::Result<Verdict> {
        let database = self.data_dir.require()?;
        let report = match verify_file(&database, &mut |records| bar.set_position(records)) {
            Ok(report) => report,
            Err(error @ VerifyError::Unreadable(_)) => return Err(error.into()),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let expected_at = match self.expect_head {
            Some(hash) if hash == report.head.hash => Some(report.head.sequence),
            Some(hash) => find_in_store(&self.data_dir, hash).await?,
            None => None,
        };
        Ok(Ok(Checked {
            head: report.head,
            report: Some(report),
            expected_at,
        }))
    }
}

/// An earlier head is somewhere in the middle by now.
async fn find_in_store(data_dir: &DataDir, hash: Digest) -> anyhow::Result<Option<i64>> {
    let (store, ports) = wire::open_store(&data_dir.data_dir)?;
    let found = find(ports.audit.as_ref(), hash).await;
    store.close().await;
    Ok(found?)
}

async fn find(audit: &dyn AuditTrail, hash: Digest) -> Result<Option<i64>, StoreError> {
    let mut after = 0;
    loop {
        let records = audit.records_after(after, PAGE).await?;
        if let Some(record) = records.iter().find(|record| record.hash == hash) {
            return Ok(Some(record.sequence));
        }
        match records.last() {
            Some(last) => after = last.sequence,
            None => return Ok(None),
        }
    }
}

/// Drawn on the error output, and only where that is a terminal.
fn progress(output: &Output) -> ProgressBar {
    let target = if output.is_json() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{spinner} {human_pos} records checked, {per_sec}");
    ProgressBar::with_draw_target(None, target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn print(output: &Output, verdict: &Verdict) -> anyhow::Result<()> {
    match verdict {
        Ok(checked) if output.is_json() => output.json(&json!({
            "holds": true,
            "records": checked.head.sequence,
            "head": checked.head,
            "expectedHeadAt": checked.expected_at,
            "checked": checked.report,
        })),
        Err(problem) if output.is_json() => output.json(&json!({ "holds": false, "problem": problem })),
        Ok(checked) => Ok(checked.print(output)?),
        Err(problem) => {
            Ok(output
                .line(output.paint(Style::Bad, &format!("✗ The audit trail does not hold: {problem}")))?)
        }
    }
}

impl Checked {
    fn print(&self, output: &Output) -> io::Result<()> {
        output.line(output.paint(Style::Good, "✓ The audit trail holds."))?;
        let mut fields = vec![
            ("records", self.head.sequence.to_string()),
            ("head", self.head.hash.to_string()),
        ];
        fields.extend(
            self.expected_at
                .map(|sequence| ("expected", format!("found at record {sequence}"))),
        );
        if let Some(VerifyReport {
            events,
            bodies,
            pruned,
            executions,
            ..
        }) = &self.report
        {
            fields.extend([
                ("events", format!("{events} agree with their records")),
                (
                    "bodies",
                    format!("{bodies} agree with their digests, {pruned} pruned"),
                ),
                ("executions", format!("{executions} ended as recorded")),
            ]);
        }
        output.fields(&fields)
    }
}

impl Verify {
    /// Checks an export line by line, in constant memory.
    fn check_export(&self, file: &Path, bar: &ProgressBar) -> anyhow::Result<Verdict> {
        let name = file.display();
        let opened = File::open(file).map_err(|error| usage(format!("cannot read {name}: {error}")))?;
        let mut reader = BufReader::with_capacity(256 * 1024, opened);
        let mut chain = ChainVerifier::after(Head::EMPTY);
        let mut checked = Checked {
            head: Head::EMPTY,
            report: None,
            expected_at: None,
        };
        let mut line = String::new();
        loop {
            line.clear();
            let read = io::Read::take(&mut reader, MAX_LINE_BYTES).read_line(&mut line);
            if read.map_err(|error| usage(format!("cannot read {name}: {error}")))? == 0 {
                return Ok(Ok(checked));
            }
            let next = checked.head.sequence + 1;
            let Ok(record) = serde_json::from_str::<AuditRecord>(&line) else {
                return Ok(Err(format!("line {next} is no audit record")));
            };
            if let Err(broken) = chain.check(&record) {
                return Ok(Err(broken.to_string()));
            }
            if self.expect_head == Some(record.hash) {
                checked.expected_at = Some(record.sequence);
            }
            checked.head = chain.head();
            bar.inc(1);
        }
    }
}

/// Where to take the records from, and where to put them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// Write to this file instead of the standard output; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Read this data folder directly instead of asking the server.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// A page of the API.
#[derive(Deserialize)]
struct Page {
    items: Vec<AuditRecord>,
}

impl Export {
    async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let mut out = self.writer()?;
        let head = match self.data_dir {
            Some(data_dir) => {
                let data_dir = DataDir { data_dir };
                data_dir.require()?;
                let (store, ports) = wire::open_store(&data_dir.data_dir)?;
                let head = copy_store(ports.audit.as_ref(), &mut out).await;
                store.close().await;
                head?
            }
            None => copy_server(&context.client()?, &mut out).await?,
        };
        out.flush()?;
        remark(format_args!("{} records, head {}", head.sequence, head.hash));
        Ok(Done::Yes)
    }

    fn writer(&self) -> anyhow::Result<Box<dyn Write>> {
        let Some(path) = &self.output else {
            return Ok(Box::new(stdout()));
        };
        let file = File::create_new(path)
            .map_err(|error| usage(format!("cannot write {}: {error}", path.display())))?;
        Ok(Box::new(BufWriter::new(file)))
    }
}

async fn copy_store(audit: &dyn AuditTrail, out: &mut dyn Write) -> anyhow::Result<Head> {
    let mut head = Head::EMPTY;
    loop {
        let records = audit.records_after(head.sequence, PAGE).await?;
        if records.is_empty() {
            return Ok(head);
        }
        head = write_records(&records, head, out)?;
    }
}

async fn copy_server(client: &Client, out: &mut dyn Write) -> anyhow::Result<Head> {
    let mut head = Head::EMPTY;
    loop {
        let query = [("after", head.sequence.to_string()), ("limit", PAGE.to_string())];
        let page: Page = client.get(&["audit"], &query).await?.read()?;
        if page.items.is_empty() {
            return Ok(head);
        }
        head = write_records(&page.items, head, out)?;
    }
}

/// Writes one record on a line; what `verify --file` reads.
fn write_records(records: &[AuditRecord], mut head: Head, out: &mut dyn Write) -> anyhow::Result<Head> {
    for record in records {
        anyhow::ensure!(record.sequence > head.sequence, "the records come out of order");
        serde_json::to_writer(&mut *out, record)?;
        out.write_all(b"\n")?;
        head = Head {
            sequence: record.sequence,
            hash: record.hash,
        };
    }
    Ok(head)
}
