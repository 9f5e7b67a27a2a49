//! The charts of the page: values by epoch and by step.

use super::page::{drawing, section};
use crate::History;
use crate::logs::curve::Curve;
use crate::meters::{name_of, numbered};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result};
use cotangent_figure::{Chart, Charts, Figure};

/// The width of a chart in pixels. Its text is readable on a phone too.
const WIDTH: u32 = 900;

const VALIDATION: &str = "validation_";

/// Returns a chart over the epochs for each name, with the validation beside the training.
pub(super) fn by_epoch(history: &History) -> Result<String> {
    let mut charts = String::new();
    for name in history.names() {
        let plain = name.strip_prefix(VALIDATION).unwrap_or(name);
        if plain != name && history.column(plain).is_some() {
            continue;
        }
        let epochs = || history.epochs().iter().map(|&epoch| epoch as f64);
        let mut chart = Chart::new("epoch", "");
        let lines = [
            ("training", plain.to_owned()),
            ("validation", format!("{VALIDATION}{plain}")),
        ];
        for (label, name) in lines {
            if let Some(values) = history.column(&name) {
                chart = chart.line(label, epochs().zip(values.iter().copied()));
            }
        }
        charts += &drawn(plain, "epoch", chart)?;
    }
    Ok(grid("Curves", &charts))
}

fn drawn(name: &str, axis: &str, chart: Chart) -> Result<String> {
    let figure = Charts::new(name).width(WIDTH).push(chart);
    Ok(drawing(&format!("{name} by {axis}"), &figure.to_svg()?))
}

/// Returns a section of charts; nothing if there are none.
fn grid(title: &str, charts: &str) -> String {
    if charts.is_empty() {
        return String::new();
    }
    section(title, &format!("<div class=\"curves\">\n{charts}</div>\n"))
}

/// The curve of each value that steps record.
#[derive(Clone, Debug, Default)]
pub(super) struct Curves(Vec<(String, Curve)>);

impl Curves {
    pub fn push(&mut self, name: &str, step: u64, value: f64) {
        let found = self.0.iter().position(|(known, _)| known == name);
        let index = found.unwrap_or_else(|| {
            self.0.push((name.to_owned(), Curve::default()));
            self.0.len() - 1
        });
        self.0[index].1.push(step, value);
    }

    /// Returns a chart over the steps for each name, with the validation beside the training.
    pub fn by_step(&self, history: &History) -> Result<String> {
        let mut charts = String::new();
        for (name, curve) in &self.0 {
            let mut chart = Chart::new("step", "");
            chart = chart.line("training", curve.points().iter().copied());
            if let Some(values) = history.column(&format!("{VALIDATION}{name}")) {
                let steps = history.steps().iter().map(|&step| step as f64);
                chart = chart.line("validation", steps.zip(values.iter().copied()));
            }
            charts += &drawn(name, "step", chart)?;
        }
        Ok(grid("Curves by step", &charts))
    }
}

/// The entries are those of each curve and `name.NAME`, below its number.
impl Stateful for Curves {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        for (number, (name, curve)) in self.0.iter().enumerate() {
            let mut part = curve.state()?;
            part.insert(&format!("name.{name}"), Entry::Count(0));
            state.insert_part(&format!("curve.{number}"), part);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut loaded = Self::default();
        for part in numbered(state, "curve") {
            let mut curve = Curve::default();
            curve.load_state(&part)?;
            loaded.0.push((name_of(&part)?.0, curve));
        }
        let known = loaded.state()?;
        if let Some((name, _)) = state.iter().find(|(name, _)| known.get(name).is_none()) {
            let reason = format!("`{name}`: not expected in the state of a report");
            return Err(Error::state("", vec![reason]));
        }
        *self = loaded;
        Ok(())
    }
}
