//! Steps and epochs as lines of JSON.

use super::file::Appended;
use crate::{EpochRecord, Log, RunEnd, RunStart, StepRecord};
use cotangent_core::Result;
use cotangent_core::state::{StateDict, Stateful};
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
/// A new run replaces the file. A resumed run cuts off the lines after its checkpoint and goes on in
/// the same file. Each line reaches the system at once: a killed process may leave one that is cut
/// off at the end of the file, until the run is resumed.
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
    fn begin(&mut self, run: &RunStart) -> Result<()> {
        if !self.file.is_empty() {
            return Ok(());
        }
        let settings = run.settings.iter().cloned();
        let settings: Map<_, _> = settings.map(|(name, text)| (name, Value::String(text))).collect();
        self.write(&json!({ "event": "start", "epochs": run.epochs, "settings": settings }))
    }

    fn step(&mut self, record: &StepRecord) -> Result<()> {
        self.write(&json!({
            "event": "step",
            "epoch": record.epoch,
            "step": record.step,
            "values": values(record.values),
        }))
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.write(&json!({
            "event": "epoch",
            "epoch": record.epoch,
            "step": record.step,
            "values": values(record.values),
        }))
    }

    fn end(&mut self, run: &RunEnd) -> Result<()> {
        self.write(&json!({ "event": "end", "end": run.end.to_string() }))
    }
}

impl Stateful for JsonLines {
    fn state(&self) -> Result<StateDict> {
        Ok(self.file.state())
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.file.load_state(state)
    }
}

fn values(values: &[(String, f64)]) -> Value {
    let values = values.iter().map(|(name, value)| (name.clone(), number(*value)));
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
    use super::*;

    #[test]
    fn numbers_that_are_not_finite_are_strings() {
        let given = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(number);
        let expected = [json!(1.5), json!("NaN"), json!("Infinity"), json!("-Infinity")];
        assert_eq!(given, expected);
    }
}
