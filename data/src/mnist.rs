//! MNIST and the data sets that are published with the same file names and shapes.

use std::path::{Path, PathBuf};

use cotangent_core::{Indices, Tensor};

use crate::error::{Error, Result};
use crate::idx::{self, Values};
use crate::labeled::Labeled;

const CLASSES: usize = 10;
const SIDE: usize = 28;

/// Reads the four files of MNIST (Y. LeCun, C. Cortes and C. Burges, The MNIST database of
/// handwritten digits), Fashion-MNIST (H. Xiao, K. Rasul and R. Vollgraf, 2017) or another data set
/// of the same form from `folder`. Returns `(train, test)`.
///
/// The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`. Each may be gzipped, may end in `.gz`, and may be spelt with a dot
/// (`train-images.idx3-ubyte`). Inputs are `f32` of the shape `(samples, 784)`, scaled from 0..=255
/// to 0..=1; labels are 0 to 9.
///
/// ```no_run
/// let (train, test) = cotangent::data::mnist("mnist")?;
/// assert_eq!((train.len(), test.len()), (60_000, 10_000));
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// [`Error::FileNotFound`], [`Error::Io`], [`Error::Idx`], and [`Error::UnexpectedContent`] for
/// images of another size, labels above 9, or counts that differ.
#[expect(clippy::doc_markdown, reason = "LeCun is a person")]
pub fn mnist(folder: impl AsRef<Path>) -> Result<(Labeled, Labeled)> {
    let folder = folder.as_ref();
    Ok((part(folder, "train")?, part(folder, "t10k")?))
}

fn part(folder: &Path, prefix: &str) -> Result<Labeled> {
    let images_path = find(folder, &format!("{prefix}-images"), "idx3-ubyte")?;
    let labels_path = find(folder, &format!("{prefix}-labels"), "idx1-ubyte")?;

    // The labels come first: they are small, so that a fault in them is found early.
    let (shape, labels) = bytes(&labels_path)?;
    if shape.len() != 1 {
        let found = format!("the shape {shape:?}");
        return Err(Error::unexpected(labels_path, "labels in one axis", found));
    }
    if let Some(sample) = labels
        .iter()
        .position(|&label| usize::from(label) >= CLASSES)
    {
        let found = format!("{} at position {sample}", labels[sample]);
        return Err(Error::unexpected(labels_path, "labels from 0 to 9", found));
    }

    let (shape, pixels) = bytes(&images_path)?;
    let expected = [labels.len(), SIDE, SIDE];
    if shape != expected {
        let expected = format!(
            "images of the shape {expected:?}, as there are {} labels",
            labels.len()
        );
        return Err(Error::unexpected(
            images_path,
            expected,
            format!("the shape {shape:?}"),
        ));
    }

    let samples = labels.len();
    let images = pixels
        .into_iter()
        .map(|grey| f32::from(grey) / 255.0)
        .collect();
    let images = Tensor::from_vec::<f32>(images, [samples, SIDE * SIDE])?;
    let labels = labels.into_iter().map(usize::from).collect::<Indices>();
    Labeled::new(images, labels)?.with_class_count(CLASSES)
}

fn bytes(path: &Path) -> Result<(Vec<usize>, Vec<u8>)> {
    match idx::read(path)?.into_parts() {
        (shape, Values::U8(values)) => Ok((shape, values)),
        (_, other) => {
            let found = format!("elements of type {}", other.type_name());
            Err(Error::unexpected(
                path.to_owned(),
                "elements of type u8",
                found,
            ))
        }
    }
}

/// Returns the first of the possible paths that exists.
fn find(folder: &Path, stem: &str, extension: &str) -> Result<PathBuf> {
    let tried = ["-", "."]
        .into_iter()
        .flat_map(|separator| ["", ".gz"].map(|end| format!("{stem}{separator}{extension}{end}")));
    let tried: Vec<String> = tried.collect();
    let found = tried
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| Error::FileNotFound {
        folder: folder.to_owned(),
        tried,
    })
}
