//! The table of networks in the README, read off their graphs, with the papers' own figures beside ours.

use crate::analysis::{self, Cost};
use crate::graph::Graph;
use crate::models::{Accuracy, CATALOGUE, ModelSpec};

/// What stands before and after the table in a Markdown file; `headstart table --into README.md` writes between them.
pub const MARKERS: [&str; 2] =
    ["<!-- written by `headstart table --into README.md` -->\n", "<!-- end of the table -->"];

const HEADER: &str = "\
| network | id | year | depth | parameters | in the paper | MACs | in the paper | sees | top-1 |
|---|---|---|---|---|---|---|---|---|---|
";

/// A row for every network, oldest first.
///
/// # Panics
/// If a published network does not build, which the tests rule out.
pub fn markdown() -> String {
    CATALOGUE.iter().fold(HEADER.to_string(), |table, spec| table + &row(spec))
}

/// `text` with the table between its markers renewed; none if it lacks them.
pub fn renewed(text: &str) -> Option<String> {
    let [start, end] = MARKERS;
    let (before, rest) = text.split_once(start)?;
    let (_, after) = rest.split_once(end)?;
    Some([before, start, "\n", &markdown(), "\n", end, after].concat())
}

/// Side of the square of pixels that a value of the last maps sees.
pub fn receptive_field(graph: &Graph) -> usize {
    analysis::costs(graph).iter().map(|cost| cost.receptive_field).max().unwrap_or(0)
}

fn row(spec: &ModelSpec) -> String {
    let graph = spec.published(1).expect("a published network builds");
    let Cost { parameters, macs, .. } = analysis::total(&graph);
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".into());
    format!(
        "| {} | `{}` | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        spec.title,
        spec.id,
        spec.year,
        spec.depth,
        grouped(parameters),
        or_dash(spec.figures.parameters.map(rounded)),
        exact(macs),
        or_dash(spec.figures.macs.map(rounded)),
        receptive_field(&graph),
        or_dash(spec.accuracy.map(|Accuracy { top1, .. }| format!("{top1:.1} %"))),
    )
}

/// `61,100,840`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let grouped = digits.bytes().enumerate().flat_map(|(i, digit)| {
        let comma = i > 0 && (digits.len() - i).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([char::from(digit)])
    });
    grouped.collect()
}

/// Four digits or a few more: `416,520`, `714.2 M`, `15.47 G`.
fn exact(value: u64) -> String {
    match value {
        0..1_000_000 => grouped(value),
        1_000_000..1_000_000_000 => format!("{:.1} M", value as f64 / 1e6),
        _ => format!("{:.2} G", value as f64 / 1e9),
    }
}

/// As few digits as tell it: `60 M`, `1.8 G`, `340,908`.
fn rounded(value: u64) -> String {
    match value {
        0..1_000_000 => grouped(value),
        1_000_000..1_000_000_000 => format!("{} M", value as f64 / 1e6),
        _ => format!("{} G", value as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [grouped(7), grouped(706), grouped(61_706), grouped(1_000_000)].join(" "),
            "7 706 61,706 1,000,000"
        );
        let papers = [rounded(340_908), rounded(60_000_000), rounded(4_700_000), rounded(1_800_000_000)];
        assert_eq!(papers.join(" "), "340,908 60 M 4.7 M 1.8 G");
        assert_eq!(
            [exact(416_520), exact(714_188_480), exact(15_470_264_320)].join(" "),
            "416,520 714.2 M 15.47 G"
        );
    }

    #[test]
    fn only_what_is_between_the_markers_is_renewed() {
        let [start, end] = MARKERS;
        let renewed = renewed(&format!("before {start}old{end} after")).unwrap();
        assert_eq!(renewed, format!("before {start}\n{}\n{end} after", markdown()));
        assert_eq!(super::renewed("no markers"), None);
    }
}
