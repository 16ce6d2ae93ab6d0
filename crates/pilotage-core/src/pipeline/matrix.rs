use std::collections::BTreeMap;

/// One value for each axis.
pub type Combination = BTreeMap<String, String>;

/// The combinations that a job runs for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The values of each axis, each axis with at least one.
    pub axes: BTreeMap<String, Vec<String>>,
    /// Combinations beside those of the axes; each says every axis.
    pub include: Vec<Combination>,
    /// Combinations that are left out.
    pub exclude: Vec<Combination>,
    /// Most that run at once.
    pub max_parallel: Option<u32>,
    /// Whether the first that fails stops the others.
    pub fail_fast: bool,
}

impl Matrix {
    /// The combinations, the last axis changing fastest, then those of `include` that are not among them.
    pub fn combinations(&self) -> Vec<Combination> {
        let mut all = vec![Combination::new()];
        for (axis, values) in &self.axes {
            all = all
                .iter()
                .flat_map(|known| {
                    values.iter().map(|value| {
                        let mut next = known.clone();
                        next.insert(axis.clone(), value.clone());
                        next
                    })
                })
                .collect();
        }
        all.retain(|combination| !self.exclude.iter().any(|left_out| covers(left_out, combination)));
        for more in &self.include {
            if !all.contains(more) {
                all.push(more.clone());
            }
        }
        all
    }

    /// How many combinations the axes have before anything is left out; it may be more than memory could hold.
    pub fn size(&self) -> usize {
        self.axes
            .values()
            .fold(1_usize, |size, values| size.saturating_mul(values.len()))
            .saturating_add(self.include.len())
    }
}

/// Whether what `left_out` says holds for the combination.
fn covers(left_out: &Combination, combination: &Combination) -> bool {
    left_out
        .iter()
        .all(|(axis, value)| combination.get(axis) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Combination {
        pairs
            .iter()
            .map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_excluded_goes_and_what_is_included_comes_once() {
        let matrix = Matrix {
            axes: [
                ("node".to_owned(), vec!["18".to_owned(), "20".to_owned()]),
                ("suite".to_owned(), vec!["unit".to_owned(), "e2e".to_owned()]),
            ]
            .into(),
            include: vec![
                of(&[("node", "22"), ("suite", "unit")]),
                of(&[("node", "20"), ("suite", "unit")]),
            ],
            exclude: vec![of(&[("node", "18"), ("suite", "e2e")])],
            ..Matrix::default()
        };
        let expected = [
            of(&[("node", "18"), ("suite", "unit")]),
            of(&[("node", "20"), ("suite", "unit")]),
            of(&[("node", "20"), ("suite", "e2e")]),
            of(&[("node", "22"), ("suite", "unit")]),
        ];
        assert_eq!(matrix.combinations(), expected);
        assert_eq!(matrix.size(), 6);
    }
}
