//! Filling in what is only known once a service has its place: `${port}`, `${env.NAME}` and so on.

use std::collections::BTreeMap;

/// What stands behind each name.
#[derive(Clone, Debug, Default)]
pub(super) struct Filling(BTreeMap<String, String>);

impl Filling {
    /// Lets a name stand for a value.
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// # Errors
    /// A name stands for nothing, or is not closed; the text names it.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| format!("`{text}` has a `${{` without a `}}`"))?;
            let value = self.0.get(name).ok_or_else(|| {
                let names: Vec<_> = self.0.keys().map(String::as_str).collect();
                format!(
                    "`${{{name}}}` stands for nothing here; there are {}",
                    names.join(", ")
                )
            })?;
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// # Errors
    /// As for [`Self::fill`].
    pub(super) fn fill_all(&self, texts: &[String]) -> Result<Vec<String>, String> {
        texts.iter().map(|text| self.fill(text)).collect()
    }

    /// # Errors
    /// As for [`Self::fill`].
    pub(super) fn fill_values(
        &self,
        texts: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, String)>, String> {
        let filled = texts
            .iter()
            .map(|(name, text)| Ok((name.clone(), self.fill(text)?)));
        filled.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_unknown_ones_are_named() {
        let mut filling = Filling::default();
        filling.set("port", "81");
        filling.set("env.URL", "http://x");
        let cases = [
            ("--listen=127.0.0.1:${port}", Ok("--listen=127.0.0.1:81")),
            ("${env.URL}/${port}$", Ok("http://x/81$")),
            ("plain", Ok("plain")),
            ("${prot}", Err("`${prot}` stands for nothing")),
            ("${port", Err("without a `}`")),
        ];
        for (text, expected) in cases {
            match (filling.fill(text), expected) {
                (Ok(filled), Ok(expected)) => assert_eq!(filled, expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }
}
