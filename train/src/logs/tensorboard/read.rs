//! Reads the scalars of event files, also of those that TensorFlow and PyTorch write.

use super::messages::{Content, DT_DOUBLE, DT_FLOAT, Data, Event, Tensor};
use super::records::Records;
use cotangent_core::{Error, Result};
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The points `(step, value)` of each tag.
pub(super) type Scalars = BTreeMap<String, Vec<(i64, f64)>>;

/// Reads a file, or all event files of a folder in the order of their names.
pub(super) fn read_scalars(path: &Path) -> Result<Scalars> {
    let mut scalars = Scalars::new();
    let files = files(path).map_err(|error| Error::io(path, error))?;
    if files.is_empty() {
        let reason = "there is no event file, with `tfevents` in its name";
        return Err(Error::format(path, reason));
    }
    for path in files {
        let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
        for record in Records::new(&bytes) {
            let message = record.map_err(|fault| Error::format(&path, fault))?;
            let event = Event::decode(message)
                .map_err(|error| Error::format(&path, format!("a record is no event: {error}")))?;
            add(&mut scalars, event);
        }
    }
    Ok(scalars)
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains("tfevents") {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn add(scalars: &mut Scalars, event: Event) {
    let Some(Content::Summary(summary)) = event.content else {
        return;
    };
    for value in summary.values {
        let number = match value.data {
            Some(Data::Scalar(number)) => Some(f64::from(number)),
            Some(Data::Tensor(tensor)) => scalar(&tensor),
            _ => None,
        };
        if let Some(number) = number {
            let points = scalars.entry(value.tag).or_default();
            points.push((event.step, number));
        }
    }
}

/// Returns the value of a tensor of one number, in which TensorFlow 2 writes scalars.
fn scalar(tensor: &Tensor) -> Option<f64> {
    if tensor
        .shape
        .as_ref()
        .is_some_and(|shape| !shape.axes.is_empty())
    {
        return None;
    }
    let content = &tensor.content[..];
    match tensor.dtype {
        DT_FLOAT => match tensor.floats[..] {
            [number] => Some(f64::from(number)),
            _ => content
                .try_into()
                .ok()
                .map(|bytes| f64::from(f32::from_le_bytes(bytes))),
        },
        DT_DOUBLE => match tensor.doubles[..] {
            [number] => Some(number),
            _ => content.try_into().ok().map(f64::from_le_bytes),
        },
        _ => None,
    }
}
