//! A name and what it is given: `password = "…"`, `"apiKey": "…"`, `--token …`, `<secret>…</secret>`, `setPassword("…")`.

use super::{
    file_kind::FileKind,
    names::Keyword,
    reader::{MAX_VALUE_BYTES, at, before, is_blank, is_word, run, run_back},
    value::Class,
};

/// A name that promises a secret, and the value beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) class: Class,
    /// From, to.
    pub(super) name: (usize, usize),
    /// From, to.
    pub(super) value: (usize, usize),
    /// Whether the value stands in quotes.
    pub(super) is_quoted: bool,
}

const MAX_NAME_BYTES: usize = 64;

fn is_name(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

/// Looks at what stands around a keyword at `from`.
pub(super) fn read(text: &[u8], from: usize, keyword: &Keyword, kind: FileKind) -> Option<Assignment> {
    let name = (
        run_back(text, from, MAX_NAME_BYTES, is_name),
        run(text, from, MAX_NAME_BYTES, is_name),
    );
    let class = keyword.class(text.get(name.0..name.1)?, from - name.0)?;
    let (value, is_quoted) = value_after(text, name, kind)?;
    Some(Assignment {
        class,
        name,
        value,
        is_quoted,
    })
}

/// Where the value is that follows a name, and whether it stands in quotes.
fn value_after(text: &[u8], name: (usize, usize), kind: FileKind) -> Option<((usize, usize), bool)> {
    let (after, quoted) = closing(text, name.1);
    let blank = run(text, after, 40, is_blank);
    let operator = operator(text, blank);
    let is_tag = before(text, name.0) == Some(b'<') && at(text, after) == Some(b'>');
    if is_tag {
        return bare(text, after + 1).map(|value| (value, false));
    }
    if text.get(name.0..name.0 + 2) == Some(b"--") && blank > after && operator == 0 {
        return any_value(text, blank, FileKind::Bare);
    }
    match (at(text, blank), operator) {
        (Some(b','), _) if quoted => {
            in_quotes(text, run(text, blank + 1, 40, is_blank)).map(|value| (value, true))
        }
        (Some(b'('), _) if !quoted => in_quotes(text, blank + 1)
            .filter(|value| at(text, value.1 + 1).is_some_and(|next| matches!(next, b')' | b',')))
            .map(|value| (value, true)),
        (_, 0) if quoted => attribute(text, blank),
        (_, 0) => typed(text, blank),
        (_, length) => {
            let begin = run(text, blank + length, 40, is_blank);
            let value = any_value(text, begin, kind);
            value
                .filter(|(_, is_quoted)| *is_quoted)
                .or_else(|| typed(text, begin))
                .or(value)
        }
    }
}

/// Past the quotes and brackets that may close a name; whether there were quotes.
fn closing(text: &[u8], from: usize) -> (usize, bool) {
    let slash = from + usize::from(at(text, from) == Some(b'\\'));
    let Some(b'"' | b'\'' | b'`') = at(text, slash) else {
        return (from, false);
    };
    let end = slash + 1;
    (end + usize::from(at(text, end) == Some(b']')), true)
}

/// How long the operator is that gives or compares; 0 if there is none.
fn operator(text: &[u8], from: usize) -> usize {
    const OPERATORS: &[&[u8]] = &[b"===", b"!==", b"==", b"!=", b":=", b"=>", b"?=", b"=", b":"];
    let rest = text.get(from..).unwrap_or_default();
    let found = OPERATORS.iter().find(|operator| rest.starts_with(operator));
    // `::` leads to a member.
    found
        .filter(|operator| !(**operator == b":" && rest.get(1) == Some(&b':')))
        .map_or(0, |operator| operator.len())
}

/// `key="Password" value="…"`, as XML has it.
fn attribute(text: &[u8], from: usize) -> Option<((usize, usize), bool)> {
    let rest = text.get(from..)?;
    let name = b"value=";
    let has = rest.len() > name.len()
        && rest
            .iter()
            .zip(name)
            .all(|(byte, wanted)| byte.eq_ignore_ascii_case(wanted));
    has.then(|| in_quotes(text, from + name.len()).map(|value| (value, true)))?
}

/// A type between a name and its value: `: String = "…"`, `string = "…"`.
fn typed(text: &[u8], from: usize) -> Option<((usize, usize), bool)> {
    let end = run(text, from, 40, |byte| {
        is_word(byte) || matches!(byte, b'&' | b'\'' | b'*' | b'?' | b'<' | b'>' | b'[' | b']')
    });
    let blank = run(text, end, 4, is_blank);
    let is_given = end > from && at(text, blank) == Some(b'=') && at(text, blank + 1) != Some(b'=');
    is_given.then(|| in_quotes(text, run(text, blank + 1, 4, is_blank)).map(|value| (value, true)))?
}

/// In quotes, or bare where the kind of file has bare values.
fn any_value(text: &[u8], from: usize, kind: FileKind) -> Option<((usize, usize), bool)> {
    if let Some(value) = in_quotes(text, from) {
        return Some((value, true));
    }
    let value = bare(text, from)?;
    let next = at(text, value.1);
    let is_more = matches!(next, Some(b'(' | b'[' | b'{' | b'<' | b'$'));
    (!is_more && (kind == FileKind::Bare || is_strong(text.get(value.0..value.1)?))).then_some((value, false))
}

/// In a program a bare word is a name; what is no name there, within a comment or a longer text, may be a value.
fn is_strong(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    value.len() >= 8 && digits >= 2 && !value.contains(&b'.')
}

/// What stands between quotes that begin at `from`, perhaps after a prefix or a conversion.
fn in_quotes(text: &[u8], from: usize) -> Option<(usize, usize)> {
    const BEFORE: &[&[u8]] = &[
        b"[]byte(",
        b"b",
        b"r",
        b"u",
        b"L",
        b"@",
        b"N",
        b"new String(",
        b"Buffer.from(",
        b"\\",
        b"s(",
    ];
    let rest = text.get(from..)?;
    let prefix = BEFORE.iter().find(|prefix| rest.starts_with(prefix));
    let open = from + prefix.map_or(0, |prefix| prefix.len());
    let quote = at(text, open).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let is_escaped = before(text, open) == Some(b'\\');
    let begin = open + 1;
    let is_inner = |byte: u8| byte != quote && byte != b'\n';
    let mut end = run(text, begin, MAX_VALUE_BYTES, is_inner);
    while before(text, end) == Some(b'\\')
        && at(text, end) == Some(quote)
        && !is_escaped
        && end - begin < MAX_VALUE_BYTES
    {
        end = run(text, end + 1, MAX_VALUE_BYTES, is_inner);
    }
    (at(text, end) == Some(quote)).then(|| {
        (
            begin,
            end - usize::from(is_escaped && before(text, end) == Some(b'\\')),
        )
    })
}

/// A bare value: to the next blank or mark that ends it.
fn bare(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let ends = |byte: u8| {
        byte.is_ascii_whitespace()
            || matches!(
                byte,
                b'"' | b'\''
                    | b'`'
                    | b','
                    | b';'
                    | b'&'
                    | b'('
                    | b')'
                    | b'{'
                    | b'}'
                    | b'['
                    | b']'
                    | b'<'
                    | b'>'
                    | b'\\'
                    | b'|'
            )
    };
    let end = run(text, from, MAX_VALUE_BYTES, |byte| !ends(byte));
    (end > from).then_some((from, end))
}
