//! Steps and epochs as lines of JSON.

use super::file::Appended;
use crate::{EpochRecord, Log, RunEnd, RunStart, StepRecord};
use cotangent_core::Result;
use cotangent_core::state::StateDict;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Appends a line of JSON for each step and each epoch to a file.
///
/// The first line is the start, with the settings, and the last one the end of the run:
///
/// ```text
/// {"event":"start","epochs":20,"settings":{"batch size":"32"}}
/// {"event":"step","epoch":1,"step":1,"values":{"loss":2.31}}
/// {"event":"epoch","epoch":1,"step":45,"values":{"loss":0.9,"validation_loss":0.8}}
/// {"event":"end","epoch":20,"step":900,"end":"completed"}
/// ```
///
/// Values that are not finite are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, because JSON
/// has no numbers for them.
///
/// A new run replaces the file. A resumed run cuts off the lines after its checkpoint and goes on
/// in the same file. Each line reaches the system at once: a killed process may leave one that is
/// cut off at the end of the file, until the run is resumed.
#[derive(Debug)]
pub struct JsonLines {
    file: Appended,
}

impl JsonLines {
    /// Creates a log. The start of the run creates the file, and its folder if there is none.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            file: Appended::new(path),
        }
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        self.file.append(format!("{line}\n").as_bytes())
    }
}

impl Log for JsonLines {
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        if start.resumed {
            return self.file.cut();
        }
        self.file.clear();
        let settings = start.settings.iter().cloned();
        let settings: Map<_, _> = settings
            .map(|(name, text)| (name, Value::String(text)))
            .collect();
        self.write(&json!({ "event": "start", "epochs": start.epochs, "settings": settings }))
    }

    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        self.write(&json!({
            "event": "step",
            "epoch": step.epoch,
            "step": step.step,
            "values": values(step.values()),
        }))
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        self.write(&json!({
            "event": "epoch",
            "epoch": epoch.epoch,
            "step": epoch.step,
            "values": values(epoch.values()),
        }))
    }

    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        self.write(&json!({
            "event": "end",
            "epoch": end.epoch,
            "step": end.step,
            "end": super::ending(end),
        }))
    }

    fn state(&self) -> Result<StateDict> {
        self.file.state()
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.file.load_state(state)
    }
}

fn values<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Value {
    let values = values.map(|(name, value)| (name.to_owned(), number(value)));
    Value::Object(values.collect())
}

fn number(value: f64) -> Value {
    match value {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value if value.is_nan() => "NaN".into(),
        value => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::Rehearsal;
    use super::*;
    use std::fs::read_to_string;

    #[test]
    fn a_killed_and_resumed_run_has_every_line_once() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
        Rehearsal::whole(&mut JsonLines::new(&whole), "")?;
        Rehearsal::killed(JsonLines::new(&killed), || JsonLines::new(&killed))?;
        let whole = read_to_string(whole)?;
        assert_eq!(whole, read_to_string(&killed)?);
        let lines: Vec<Value> = whole.lines().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(lines.len(), 1 + 4 * (3 + 1) + 1);
        assert_eq!(lines[0]["settings"]["batch size"], "32");
        assert_eq!(lines[2]["step"], 2);
        assert_eq!(lines[2]["values"]["loss"], 0.5);
        assert_eq!(lines[17]["end"], "completed");
        // A new run begins a new file.
        Rehearsal::new("")?.begin(&mut JsonLines::new(&killed))?;
        assert_eq!(read_to_string(killed)?.lines().count(), 1);
        Ok(())
    }

    #[test]
    fn every_name_is_one_line_of_json() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log");
        Rehearsal::whole(&mut JsonLines::new(&path), "\"\n\\é\0")?;
        let text = read_to_string(path)?;
        let loss = text
            .lines()
            .nth(1)
            .and_then(|line| line.parse::<Value>().ok());
        let loss = loss.map(|line| line["values"]["loss\"\n\\é\0"].clone());
        assert_eq!(loss, Some(json!(1.0)));
        assert_eq!(text.lines().count(), 18);
        Ok(())
    }

    #[test]
    fn numbers_that_are_not_finite_are_strings() {
        let given = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(number);
        let expected = [
            json!(1.5),
            json!("NaN"),
            json!("Infinity"),
            json!("-Infinity"),
        ];
        assert_eq!(given, expected);
    }
}
