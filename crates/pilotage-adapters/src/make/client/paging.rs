//! Lists that come in pages. Make never says how many there are: there may be more when a page is full.

use futures::{
    Stream, TryStreamExt,
    stream::{self, try_unfold},
};
use serde_json::Value;

use super::{
    CallOptions, MakeClient,
    error::MakeError,
    operation::{Operation, Paging},
    request::Arguments,
};

/// How many entries a page has where the caller does not say.
const USUAL_PAGE: u64 = 100;
/// Most pages of one list: a server that goes on for ever is not followed.
const MOST_PAGES: u32 = 10_000;

struct Next {
    arguments: Arguments,
    size: u64,
    pages: u32,
}

impl MakeClient {
    /// The pages of a list, each as it comes; `limit` among the arguments is the size of a page.
    pub fn pages<'a>(
        &'a self,
        operation: &'static Operation,
        mut arguments: Arguments,
        options: &'a CallOptions,
    ) -> impl Stream<Item = Result<Vec<Value>, MakeError>> + Send + 'a {
        let given = arguments
            .get("limit")
            .and_then(Value::as_u64)
            .filter(|size| *size > 0);
        let size = given.unwrap_or(USUAL_PAGE);
        if operation.paging != Paging::None {
            arguments.insert("limit".to_owned(), size.into());
        }
        let first = Next {
            arguments,
            size,
            pages: 0,
        };
        try_unfold(Some(first), move |next| async move {
            let Some(next) = next else {
                return Ok(None);
            };
            let answer = self.call(operation, &next.arguments, options).await?;
            let page = match operation.part(&answer) {
                Value::Array(entries) => entries.clone(),
                _ => return Err(MakeError::NotMake("it holds no list".to_owned())),
            };
            let next = after(operation.paging, next, &page);
            Ok(Some((page, next)))
        })
    }

    /// The entries of a list, page after page.
    pub fn entries<'a>(
        &'a self,
        operation: &'static Operation,
        arguments: Arguments,
        options: &'a CallOptions,
    ) -> impl Stream<Item = Result<Value, MakeError>> + Send + 'a {
        let pages = self.pages(operation, arguments, options);
        pages
            .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
            .try_flatten()
    }
}

/// Where the page after this one begins; `None` after the last.
fn after(paging: Paging, mut next: Next, page: &[Value]) -> Option<Next> {
    let count = u64::try_from(page.len()).unwrap_or(u64::MAX);
    next.pages += 1;
    if count < next.size || next.pages >= MOST_PAGES {
        return None;
    }
    match paging {
        Paging::None => return None,
        Paging::Offset => {
            let offset = next.arguments.get("offset").and_then(Value::as_u64).unwrap_or(0);
            next.arguments
                .insert("offset".to_owned(), offset.saturating_add(count).into());
        }
        Paging::Keyset => {
            let last = page.last()?.get("imtId")?.clone();
            // The same key twice would go on for ever.
            if next.arguments.get("last") == Some(&last) {
                return None;
            }
            next.arguments.insert("last".to_owned(), last);
        }
    }
    Some(next)
}
