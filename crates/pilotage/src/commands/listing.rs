//! Collections of the API, page by page.

use std::io::Write as _;

use clap::Args;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    cli::Context,
    client::{Answer, Client},
    exit::Done,
    output::{Cell, Table, escape_json, remark, stdout},
};

/// Which part of a collection.
#[derive(Debug, Args)]
pub(super) struct Paging {
    /// How many to show, at most 500.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Where the page before ended: its `next`.
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    /// Every page to the end, `--limit` at a time.
    #[arg(long)]
    all: bool,
}

/// One page of a collection.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// A collection and how one of its items is shown.
pub(super) struct Listing<'a, T> {
    /// Below `/api/v1`.
    pub(super) path: &'a [&'a str],
    /// The filters that are set.
    pub(super) query: Vec<(&'static str, String)>,
    /// The columns.
    pub(super) heading: &'a [&'a str],
    /// An item as cells.
    pub(super) row: fn(&Context, &T) -> Vec<Cell>,
    /// What is said when there is none.
    pub(super) empty: &'a str,
}

impl<T: DeserializeOwned> Listing<'_, T> {
    /// Prints the part of the collection that was asked for.
    pub(super) async fn print(self, context: &Context, paging: &Paging) -> anyhow::Result<Done> {
        let client = context.client()?;
        match (context.output.is_json(), paging.all) {
            (true, true) => self.print_whole_json(&client, paging).await,
            (true, false) => {
                let answer = self.page(&client, paging, paging.after.clone()).await?;
                Ok(context.output.json_text(&answer.text)?)
            }
            (false, _) => self.print_tables(context, &client, paging).await,
        }?;
        Ok(Done::Yes)
    }

    /// One document with the items of all pages, in constant memory.
    async fn print_whole_json(&self, client: &Client, paging: &Paging) -> anyhow::Result<()> {
        let mut after = paging.after.clone();
        let mut out = "{\"items\":[\n".to_owned();
        let mut separator = "";
        loop {
            let page: Page<Box<RawValue>> = self.page(client, paging, after).await?.read()?;
            for item in &page.items {
                out.push_str(separator);
                out.push_str(&escape_json(item.get()));
                separator = ",\n";
            }
            flush_text(&mut out)?;
            after = page.next;
            if after.is_none() {
                out.push_str("\n],\"next\":null}\n");
                return Ok(flush_text(&mut out)?);
            }
        }
    }

    async fn print_tables(&self, context: &Context, client: &Client, paging: &Paging) -> anyhow::Result<()> {
        let mut after = paging.after.clone();
        let mut found = false;
        loop {
            let page: Page<T> = self.page(client, paging, after).await?.read()?;
            let mut table = Table::new(self.heading);
            for item in &page.items {
                table.row((self.row)(context, item));
            }
            if !table.is_empty() {
                found = true;
                context.output.table(&table)?;
            }
            after = page.next;
            match &after {
                Some(_) if paging.all => {}
                Some(next) => {
                    remark(format_args!("There are more: pass --after {next}, or --all."));
                    return Ok(());
                }
                None => break,
            }
        }
        if !found {
            remark(self.empty);
        }
        Ok(())
    }

    async fn page(&self, client: &Client, paging: &Paging, after: Option<String>) -> anyhow::Result<Answer> {
        let mut query = self.query.clone();
        query.push(("limit", paging.limit.to_string()));
        query.extend(after.map(|after| ("after", after)));
        Ok(client.get(self.path, &query).await?)
    }
}

fn flush_text(text: &mut String) -> std::io::Result<()> {
    let mut out = stdout();
    out.write_all(text.as_bytes())?;
    text.clear();
    out.flush()
}
