//! The history as a table of text.

use crate::History;
use std::fmt::{self, Display, Formatter};

/// The longest line of a table. Further columns follow below.
const WIDTH: usize = 100;

/// The number of rows that a table has of a long history.
const ROWS: usize = 10;

/// Prints a table with a row for each epoch. Of a history of more than 10 epochs these are the
/// first, the last, and others at equal distances.
impl Display for History {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&table(self, None))
    }
}

/// Returns the table, with a star at the best epoch.
pub(super) fn table(history: &History, best: Option<u64>) -> String {
    let rows = chosen(history, best);
    let rows: Vec<_> = history
        .rows()
        .enumerate()
        .filter(|(i, _)| rows.contains(i))
        .map(|(_, row)| row)
        .collect();
    let epochs = rows.iter().map(|row| {
        let star = if Some(row.epoch()) == best { "*" } else { "" };
        format!("{star}{}", row.epoch())
    });
    let epochs = column("epoch", epochs);
    let mut text = String::new();
    let mut lines = epochs.clone();
    for (number, name) in history.names().enumerate() {
        let values = rows.iter().filter_map(|row| row.values().nth(number));
        let next = column(name, values.map(|(_, value)| short(value)));
        let is_first = lines[0].len() == epochs[0].len();
        if !is_first && lines[0].chars().count() + 2 + next[0].chars().count() > WIDTH {
            finish(&mut text, &lines);
            lines.clone_from(&epochs);
        }
        for (line, cell) in lines.iter_mut().zip(next) {
            line.push_str("  ");
            line.push_str(&cell);
        }
    }
    finish(&mut text, &lines);
    text
}

fn finish(text: &mut String, lines: &[String]) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

/// Returns the rows of the table: at most `ROWS` at equal distances, and the best one.
pub(super) fn chosen(history: &History, best: Option<u64>) -> Vec<usize> {
    let last = history.len().saturating_sub(1);
    let places = if history.len() <= ROWS {
        (0..history.len()).collect()
    } else {
        (0..ROWS).map(|i| i * last / (ROWS - 1)).collect()
    };
    let best = history
        .epochs()
        .iter()
        .position(|&epoch| Some(epoch) == best);
    let mut places: Vec<usize> = places;
    places.extend(best);
    places
}

/// Returns the cells of a column, all of one width, with its name on top.
fn column(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    let cells: Vec<String> = std::iter::once(one_line(name)).chain(cells).collect();
    let width = cells.iter().map(|cell| cell.chars().count()).max();
    let width = width.unwrap_or(0);
    cells.iter().map(|cell| format!("{cell:>width$}")).collect()
}

/// Replaces control characters, which would break a line or move the cursor of a terminal.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Formats a number with about four digits, and a missing one as a dash.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "-".to_owned()
    } else if size.is_finite() && size != 0.0 && !(1e-3..1e5).contains(&size) {
        format!("{value:.2e}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(epochs: u64, names: &[&str]) -> History {
        let mut history = History::new();
        for epoch in 1..=epochs {
            let values = names.iter().map(|&name| (name, 1.0 / epoch as f64));
            history.push(epoch, 10 * epoch, values);
        }
        history
    }

    #[test]
    fn a_short_history_is_printed_whole() {
        let mut history = history(2, &["loss"]);
        history.push(3, 30, [("accuracy\n", 1e-7)]);
        let expected = "\
epoch    loss  accuracy\u{fffd}
    1  1.0000          -
   *2  0.5000          -
    3       -    1.00e-7
";
        assert_eq!(table(&history, Some(2)), expected);
        assert_eq!(history.to_string(), expected.replace("*2", " 2"));
        assert_eq!(History::new().to_string(), "epoch\n");
    }

    #[test]
    fn a_long_history_has_its_first_last_and_best_epochs() {
        let text = table(&history(1000, &["loss"]), Some(17));
        let epochs: Vec<_> = text.lines().map(|line| line[..5].trim()).collect();
        assert_eq!(epochs.len(), 1 + ROWS + 1, "{text}");
        assert_eq!(
            (epochs[1], epochs[2], epochs[ROWS + 1]),
            ("1", "*17", "1000")
        );
    }

    #[test]
    fn many_columns_continue_below() {
        let names: Vec<String> = (0..20).map(|i| format!("a long name {i}")).collect();
        let names: Vec<&str> = names.iter().map(|name| &name[..]).collect();
        let text = history(2, &names).to_string();
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(
            names
                .iter()
                .all(|name| text.matches(&format!("  {name}")).count() >= 1)
        );
        assert_eq!(text.matches("epoch").count(), 4);
    }
}
