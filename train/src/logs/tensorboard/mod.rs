//! Event files of TensorBoard.

mod messages;
mod read;
mod records;
#[cfg(test)]
mod tests;

use super::file::Appended;
use crate::{EpochRecord, Log, RunStart, StepRecord};
use cotangent_core::state::StateDict;
use cotangent_core::{Dot, ModuleExt, Result, Tensor};
#[cfg(feature = "figures")]
use cotangent_figure::Figure;
use cotangent_nn::signal::{Distribution, Report};
use messages::{Content, DT_STRING, Data, Event, Metadata, Plugin, Summary, Value};
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The name of the file in the folder of a run. TensorBoard reads files with `tfevents` in their
/// names.
const NAME: &str = "events.out.tfevents.cotangent";

/// Writes the event file of a run, which TensorBoard shows.
///
/// The file has the scalars of every step below `step/` and those of every epoch below `epoch/`,
/// the model and the settings as text, and the histograms of [signal reports](Report) if the run
/// makes some. A clone is another handle on the same file, so that a training step can add more:
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::train::TensorBoard;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
///
/// let board = TensorBoard::new(folder);
/// for step in 0..10 {
///     board.scalar("loss", step, 1.0 / (1.0 + step as f64))?;
/// }
/// board.histogram("weights", 9, &Tensor::from([0.5f32, -0.25, 1.0]))?;
/// board.text("note", 9, "the loss falls")?;
///
/// let curves = TensorBoard::read_scalars(folder)?;
/// assert_eq!(curves["loss"][3], (3, 0.25));
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// A new run replaces the event file of an earlier one in the same folder: give each run its own.
/// A resumed run cuts off the records after its checkpoint and goes on in the same file. Restart a
/// TensorBoard that was open meanwhile. Each write is one record and reaches the system at once. If
/// the process is killed while it writes, readers skip the last record, which is cut off.
///
/// Scalars are stored as `f32`. Values that are not finite are stored as such, which TensorBoard
/// shows as triangles.
#[derive(Clone, Debug)]
pub struct TensorBoard {
    file: Arc<Mutex<Appended>>,
}

impl TensorBoard {
    /// Creates a log in a folder, which need not exist yet. The first write creates the file.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self {
            file: Arc::new(Mutex::new(Appended::new(folder.as_ref().join(NAME)))),
        }
    }

    /// Writes a number. Tags with the same text before a `/` are shown together.
    ///
    /// # Errors
    /// [`Error::Io`](cotangent_core::Error::Io) if the file cannot be written, as for the other
    /// methods.
    pub fn scalar(&self, tag: &str, step: u64, value: f64) -> Result<()> {
        self.write(step, vec![scalar(tag, value)])
    }

    /// Writes the histogram of the elements that are finite.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar).
    pub fn histogram(&self, tag: &str, step: u64, values: &Tensor) -> Result<()> {
        self.write(step, vec![histogram(tag, &Distribution::of(values))])
    }

    /// Writes a text in Markdown.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar).
    pub fn text(&self, tag: &str, step: u64, markdown: &str) -> Result<()> {
        self.write(step, vec![text(tag, markdown)])
    }

    /// Writes the graph of a tensor as text in the language of Graphviz. It shows how the tensor
    /// was computed.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar).
    pub fn graph(&self, tag: &str, step: u64, graph: &Dot) -> Result<()> {
        self.text(tag, step, &fenced(&graph.to_string()))
    }

    /// Writes a figure as an image.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar), and the errors of [`Figure::to_png`].
    #[cfg(feature = "figures")]
    pub fn figure(&self, tag: &str, step: u64, figure: &impl Figure) -> Result<()> {
        let (width, height) = figure.size();
        let image = messages::Image {
            height: height as i32,
            width: width as i32,
            colorspace: 3,
            encoded: figure.to_png()?,
        };
        self.write(step, vec![value(tag, Data::Image(image))])
    }

    /// Writes the histograms of a signal report: of the activations and gradients of layers, and of
    /// parameters and their gradients.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar).
    pub fn signal(&self, step: u64, report: &Report) -> Result<()> {
        let mut values = Vec::new();
        let mut add = |kind: &str, path: &str, distribution: Option<&Distribution>| {
            values.extend(distribution.map(|found| histogram(&format!("{kind}/{path}"), found)));
        };
        for layer in &report.layers {
            add("activations", &layer.name(), Some(&layer.activation));
            add(
                "activation gradients",
                &layer.name(),
                layer.gradient.as_ref(),
            );
        }
        for parameter in &report.parameters {
            add("parameters", &parameter.path, Some(&parameter.values));
            add("gradients", &parameter.path, parameter.gradients.as_ref());
        }
        self.write(step, values)
    }

    /// Reads the scalars of an event file, or of all event files in a folder: for each tag the
    /// points `(step, value)` in the order of the file, whatever the steps. The files of a folder
    /// follow each other by name, which is the order of time for those of TensorFlow and PyTorch.
    /// A record that is cut off at the end of a file is skipped.
    ///
    /// # Errors
    /// [`Error::Io`](cotangent_core::Error::Io) if a file cannot be read, and
    /// [`Error::Format`](cotangent_core::Error::Format) with the place of a damaged record, or if a
    /// folder has no event file.
    pub fn read_scalars(path: impl AsRef<Path>) -> Result<BTreeMap<String, Vec<(i64, f64)>>> {
        read::read_scalars(path.as_ref())
    }

    /// Writes one record with all values.
    fn write(&self, step: u64, values: Vec<Value>) -> Result<()> {
        let summary = Content::Summary(Summary { values });
        let mut file = self.lock();
        let mut bytes = Vec::new();
        if file.is_empty() {
            bytes = record(0, Content::FileVersion("brain.Event:2".to_owned()));
        }
        bytes.extend(record(step, summary));
        file.append(&bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Appended> {
        // A panic elsewhere leaves the file valid.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for TensorBoard {
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        if start.resumed {
            return self.lock().cut();
        }
        self.lock().clear();
        if let Some(module) = start.module {
            let summary = module.summary().to_string();
            self.text("model", start.step, &fenced(&summary))?;
        }
        if start.settings.is_empty() {
            return Ok(());
        }
        let lines = start.settings.iter();
        let lines = lines.map(|(name, value)| format!("- {name}: `{value}`\n"));
        self.text("settings", start.step, &lines.collect::<String>())
    }

    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        let values = step.values();
        let values = values.map(|(name, value)| scalar(&format!("step/{name}"), value));
        self.write(step.step, values.collect())?;
        step.signal
            .map_or(Ok(()), |report| self.signal(step.step, report))
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        let values = epoch.values();
        let values = values.map(|(name, value)| scalar(&format!("epoch/{name}"), value));
        self.write(epoch.step, values.collect())
    }

    fn state(&self) -> Result<StateDict> {
        self.lock().state()
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.lock().load_state(state)
    }
}

/// Returns a framed event.
fn record(step: u64, content: Content) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let event = Event {
        wall_time: now.map_or(0.0, |time| time.as_secs_f64()),
        step: i64::try_from(step).unwrap_or(i64::MAX),
        content: Some(content),
    };
    records::frame(&event.encode_to_vec())
}

fn value(tag: &str, data: Data) -> Value {
    Value {
        tag: tag.to_owned(),
        metadata: None,
        data: Some(data),
    }
}

fn scalar(tag: &str, number: f64) -> Value {
    value(tag, Data::Scalar(number as f32))
}

fn text(tag: &str, markdown: &str) -> Value {
    let tensor = messages::Tensor {
        dtype: DT_STRING,
        shape: Some(messages::Shape {
            axes: vec![messages::Axis { size: 1 }],
        }),
        strings: vec![markdown.as_bytes().to_owned()],
        ..Default::default()
    };
    let plugin = Plugin {
        name: "text".to_owned(),
    };
    Value {
        metadata: Some(Metadata {
            plugin: Some(plugin),
        }),
        ..value(tag, Data::Tensor(tensor))
    }
}

fn histogram(tag: &str, of: &Distribution) -> Value {
    let num = (of.count - of.non_finite) as f64;
    let counts = &of.histogram.counts;
    let (low, high) = (of.histogram.low, of.histogram.high);
    let width = (high - low) / counts.len() as f64;
    let mut bucket_limit: Vec<f64> = (1..=counts.len()).map(|i| low + i as f64 * width).collect();
    // The outermost bins count all values beyond them.
    if let Some(last) = bucket_limit.last_mut() {
        *last = of.max;
    }
    let histogram = messages::Histogram {
        min: of.min,
        max: of.max,
        num,
        sum: num * of.mean,
        sum_squares: num * of.rms * of.rms,
        bucket_limit,
        bucket: counts.iter().map(|&count| count as f64).collect(),
    };
    value(tag, Data::Histogram(histogram))
}

/// Returns a block of Markdown that is shown as it is. A fence longer than any in the text encloses
/// it.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}\n{text}\n{fence}")
}
