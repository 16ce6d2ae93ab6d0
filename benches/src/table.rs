//! Figures with their spread, and the table that people read.

use std::fmt;

/// The middle of several rounds, with the smallest and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of these figures; all zero when there are none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(0.0);
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.saturating_sub(1)), at(middle))
        };
        Self {
            median,
            least: at(0),
            most: at(figures.len().saturating_sub(1)),
        }
    }

    /// With a unit, and as many digits as its size deserves.
    pub fn with(self, unit: &str) -> String {
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(" {unit}")
        };
        format!(
            "{}{unit} ({} .. {})",
            Digits(self.median),
            Digits(self.least),
            Digits(self.most)
        )
    }
}

/// Ratio of each of `ours` to the reference of the same round, so that what the machine did meanwhile cancels out.
pub fn ratios(ours: &[f64], reference: &[f64]) -> Spread {
    Spread::of(
        ours.iter()
            .zip(reference)
            .map(|(ours, reference)| ours / reference.max(f64::MIN_POSITIVE)),
    )
}

/// A figure with about three digits.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0.abs() {
            figure if figure >= 100.0 => 0,
            figure if figure >= 10.0 => 1,
            figure if figure >= 1.0 => 2,
            _ => 3,
        };
        let text = format!("{:.decimals$}", self.0);
        // Thousands are set apart in the whole part only; there are no decimals where there are thousands.
        let (sign, digits) = text
            .strip_prefix('-')
            .map_or(("", text.as_str()), |digits| ("-", digits));
        if decimals > 0 {
            return f.write_str(&text);
        }
        let length = digits.len();
        f.write_str(sign)?;
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (length - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// One line of the report.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Pilotage.
    pub ours: String,
    /// The reference of the same run.
    pub reference: String,
    /// Ours to the reference.
    pub ratio: String,
}

impl Row {
    /// A row of figures by round, compared round by round.
    pub fn compared(what: impl Into<String>, unit: &str, ours: &[f64], reference: &[f64]) -> Self {
        Self {
            what: what.into(),
            ours: Spread::of(ours.iter().copied()).with(unit),
            reference: Spread::of(reference.iter().copied()).with(unit),
            ratio: ratios(ours, reference).with(""),
        }
    }
}

/// The rows as a Markdown table with aligned columns.
pub fn render(rows: &[Row]) -> String {
    let header = [
        "measured: median (least .. most)",
        "pilotage",
        "reference",
        "ratio",
    ];
    let cells = rows
        .iter()
        .map(|row| [&*row.what, &*row.ours, &*row.reference, &*row.ratio]);
    let lines: Vec<[&str; 4]> = std::iter::once(header).chain(cells).collect();
    let mut widths = [0; 4];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let rules = widths.map(|width| "-".repeat(width));
    let mut texts: Vec<String> = lines.iter().map(|line| aligned(line, &widths)).collect();
    texts.insert(1, aligned(&rules.each_ref().map(String::as_str), &widths));
    texts.concat()
}

fn aligned(line: &[&str; 4], widths: &[usize; 4]) -> String {
    let cells: Vec<_> = line
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        let table: [(&[f64], f64); 4] = [
            (&[], 0.0),
            (&[3.0], 3.0),
            (&[9.0, 1.0], 5.0),
            (&[9.0, 1.0, 2.0], 2.0),
        ];
        for (figures, median) in table {
            assert!(
                (Spread::of(figures.iter().copied()).median - median).abs() < f64::EPSILON,
                "{figures:?}"
            );
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let spread = ratios(&[10.0, 40.0, 90.0], &[10.0, 20.0, 30.0]);
        assert_eq!(
            spread,
            Spread {
                median: 2.0,
                least: 1.0,
                most: 3.0
            }
        );
    }

    #[test]
    fn figures_have_about_three_digits() {
        let table = [
            (0.4567, "0.457"),
            (4.567, "4.57"),
            (45.67, "45.7"),
            (456.7, "457"),
            (1_234_567.8, "1,234,568"),
            (-1_234.0, "-1,234"),
        ];
        for (figure, text) in table {
            assert_eq!(Digits(figure).to_string(), text);
        }
    }

    #[test]
    fn the_table_is_aligned() {
        let row = Row::compared("rate", "/s", &[1.0, 2.0], &[2.0, 4.0]);
        let text = render(&[row]);
        let widths: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 3);
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
