//! Bars over time or over sizes, as SVG by attributes and classes alone: the page's policy lets nothing inline be styled.

use super::words::count;

/// Of a chart that has the page's whole width, and of one in a column; text keeps its size, so the narrow one is drawn smaller.
pub(super) const WIDE: i64 = 1_000;
pub(super) const NARROW: i64 = 440;
const HEIGHT: i64 = 190;
/// Room for the numbers on the left and the labels below.
const LEFT: i64 = 52;
const BOTTOM: i64 = 24;
const TOP: i64 = 10;
/// Labels on the axis below, at most.
const MOST_LABELS: usize = 8;
/// The same, in a column.
const MOST_NARROW_LABELS: usize = 5;

/// One stack of bars and what it stands for.
pub(super) struct Stack {
    /// What stands below it.
    pub(super) label: String,
    /// What it is called in the table and where the pointer rests.
    pub(super) name: String,
    /// The values, from the bottom up, one for each series.
    pub(super) values: Vec<i64>,
}

/// A rectangle.
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) class: &'static str,
    pub(super) says: String,
}

/// A line with its number, or a label below.
pub(super) struct Mark {
    pub(super) at: i64,
    pub(super) text: String,
}

/// A chart, ready to be written.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// The series: class and name.
    pub(super) series: Vec<(&'static str, &'static str)>,
    pub(super) bars: Vec<Bar>,
    pub(super) levels: Vec<Mark>,
    pub(super) labels: Vec<Mark>,
    /// The same as text: a name and its values.
    pub(super) rows: Vec<(String, Vec<String>)>,
    /// Whether every value is 0.
    pub(super) is_empty: bool,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// The classes of the series, in order.
const CLASSES: [&str; 3] = ["a", "b", "c"];

impl Chart {
    /// A chart of `stacks` that reaches up to `greatest`, or as high as they do; `written` says how a value is written.
    pub(super) fn new(
        title: &'static str,
        series: &[&'static str],
        width: i64,
        stacks: Vec<Stack>,
        greatest: Option<i64>,
        written: fn(i64) -> String,
    ) -> Self {
        let highest = stacks
            .iter()
            .map(|stack| stack.values.iter().sum::<i64>())
            .max()
            .unwrap_or(0);
        let top = greatest.unwrap_or_else(|| round_up(highest.max(1))).max(highest);
        let (count, room) = (i64::try_from(stacks.len()).unwrap_or(1).max(1), width - LEFT);
        let place = |index: usize| LEFT + i64::try_from(index).unwrap_or(0) * room / count;
        let most_labels = if width < WIDE {
            MOST_NARROW_LABELS
        } else {
            MOST_LABELS
        };
        let every = stacks.len().div_ceil(most_labels).max(1);
        let labelled = stacks.iter().enumerate().filter(|(index, _)| index % every == 0);
        let labels = labelled.map(|(index, stack)| Mark {
            at: place(index),
            text: stack.label.clone(),
        });
        let labels = labels.collect();
        let mut bars = Vec::new();
        for (index, stack) in stacks.iter().enumerate() {
            // A hair of ground between neighbours, where there is room for it.
            let room = place(index + 1) - place(index);
            let room = if room > 3 { room - 1 } else { room.max(1) };
            add_stack(&mut bars, stack, series, (place(index), room, top), written);
        }
        Self {
            title,
            series: CLASSES.into_iter().zip(series.iter().copied()).collect(),
            bars,
            levels: [0, top / 2, top]
                .into_iter()
                .map(|level| Mark {
                    at: height_of(level, top),
                    text: written(level),
                })
                .collect(),
            labels,
            rows: rows(stacks, written),
            is_empty: highest == 0,
            width,
            height: HEIGHT,
        }
    }
}

/// Where a value lies; the top of the chart is 0.
const fn height_of(value: i64, top: i64) -> i64 {
    let room = HEIGHT - BOTTOM - TOP;
    HEIGHT - BOTTOM - value * room / top
}

fn add_stack(
    bars: &mut Vec<Bar>,
    stack: &Stack,
    series: &[&'static str],
    (x, width, top): (i64, i64, i64),
    written: fn(i64) -> String,
) {
    let mut below = 0_i64;
    for ((value, class), name) in stack.values.iter().zip(CLASSES).zip(series) {
        if *value <= 0 {
            continue;
        }
        let (low, high) = (
            height_of(below, top),
            height_of(below.saturating_add(*value), top),
        );
        // What there is must be seen, however little it is.
        let height = (low - high).max(2);
        bars.push(Bar {
            x,
            y: low - height,
            width,
            height,
            class,
            says: format!("{}: {} {name}", stack.name, written(*value)),
        });
        below = below.saturating_add(*value);
    }
}

/// The stacks that have anything, as text, the latest first.
fn rows(stacks: Vec<Stack>, written: fn(i64) -> String) -> Vec<(String, Vec<String>)> {
    let full = stacks
        .into_iter()
        .rev()
        .filter(|stack| stack.values.iter().any(|value| *value != 0));
    full.map(|stack| (stack.name, stack.values.into_iter().map(written).collect()))
        .collect()
}

/// The next number of the form 1, 2, 4 or 6 times a power of ten, or 2 at least, so that its half is whole.
fn round_up(value: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        for step in [2, 4, 6, 10] {
            let level = unit.saturating_mul(step);
            if level >= value {
                return level;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A count as the charts write it.
pub(super) fn plain(value: i64) -> String {
    count(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks(values: &[[i64; 2]]) -> Vec<Stack> {
        let stack = |values: &[i64; 2]| Stack {
            label: "l".to_owned(),
            name: "n".to_owned(),
            values: values.to_vec(),
        };
        values.iter().map(stack).collect()
    }

    #[test]
    fn bars_stay_within_the_chart_and_nothing_that_is_there_is_invisible() {
        for values in [
            vec![[1, 0]; 300],
            vec![[i64::from(u32::MAX), 1], [0, 1]],
            vec![[0, 0]; 3],
            Vec::new(),
        ] {
            let chart = Chart::new("t", &["a", "b"], WIDE, stacks(&values), None, plain);
            let something = values.iter().flatten().filter(|value| **value > 0).count();
            assert_eq!(chart.bars.len(), something);
            for bar in &chart.bars {
                assert!(bar.height >= 2 && bar.width >= 1 && bar.y >= 0 && bar.x + bar.width <= WIDE);
            }
            assert!(chart.labels.len() <= MOST_LABELS);
            assert_eq!(chart.is_empty, something == 0);
        }
    }

    #[test]
    fn levels_are_round() {
        let rounded = [1, 3, 5, 7, 11, 60, 61, 101].map(round_up);
        assert_eq!(rounded, [2, 4, 6, 10, 20, 60, 100, 200]);
    }
}
