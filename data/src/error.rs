//! The error type of this crate, so that a caller can match on the fault of the data.

use std::io;
use std::path::PathBuf;

use cotangent_core::Shape;

use crate::csv;
use crate::idx::Fault;
use crate::lines::LineFault;

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A reason why data could not be read, selected or batched.
///
/// The message of each variant is complete and does not rely on
/// [`source`](std::error::Error::source). Both `{}` and `{:?}` print it.
///
/// `?` converts it to [`cotangent::Error`](cotangent_core::Error), the `Error` of the prelude.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed, for example for lack of memory.
    #[error(transparent)]
    Core(#[from] cotangent_core::Error),

    /// The operating system could not open or read a file.
    #[error("cannot read `{}`: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },

    /// A file is not valid IDX.
    #[error("`{file}` is not a valid IDX file: {fault}")]
    Idx {
        /// The path of the file, or a name of the bytes.
        file: String,
        /// The fault of the file.
        fault: Fault,
    },

    /// A CSV file, a row or a cell is not valid.
    #[error("{}: {fault}", csv_place(file, *line, column.as_deref()))]
    Csv {
        /// The path of the file, or a name of the bytes.
        file: String,
        /// The line in which the row begins, from 1, if the fault is in one row.
        line: Option<u64>,
        /// The name of the column, if the fault is in one column.
        column: Option<String>,
        /// The fault.
        fault: csv::Fault,
    },

    /// A line of a text file is not valid.
    #[error("`{file}`, line {line}: {fault}")]
    Line {
        /// The path of the file.
        file: String,
        /// The number of the line, from 1.
        line: u64,
        /// The fault.
        fault: LineFault,
    },

    /// An image file cannot be decoded.
    #[error("cannot decode the image `{}`: {reason}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The message of the decoder.
        reason: String,
    },

    /// A name of a category occurs twice.
    #[error("categories: the name `{name}` occurs twice")]
    DuplicateCategory {
        /// The name.
        name: String,
    },

    /// A valid file does not contain the data that was asked for.
    #[error("`{}`: expected {expected}, found {found}", path.display())]
    UnexpectedContent {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: String,
        /// The content found.
        found: String,
    },

    /// A folder contains no file under any of the usual names.
    #[error("`{}` has none of the files {}", folder.display(), tried.join(", "))]
    FileNotFound {
        /// The folder that was searched.
        folder: PathBuf,
        /// The names that were tried.
        tried: Vec<String>,
    },

    /// A value of an IDX file cannot be an index.
    #[error(
        "IDX: the value at position {position} cannot be an index: \
         expected an integer from 0 on, found {found}"
    )]
    NotAnIndex {
        /// The position of the value, counted through all axes.
        position: usize,
        /// The value found.
        found: String,
    },

    /// The embedded data cannot be decoded: the build is damaged.
    #[error("the embedded data is damaged: {found}")]
    EmbeddedData {
        /// A description of the invalid data.
        found: String,
    },

    /// The inputs have no first axis that counts the samples.
    #[error("data set: inputs must have at least one axis (samples first), found a scalar")]
    ScalarInputs,

    /// The labels are not one per sample, in one axis.
    #[error(
        "data set: expected one label for each of {samples} samples, \
         found labels of the shape {labels}"
    )]
    LabelShape {
        /// The number of samples.
        samples: usize,
        /// The shape of the labels.
        labels: Shape,
    },

    /// A label is not below the number of classes.
    #[error("data set: the label of sample {sample} is {label}, expected one of 0..{classes}")]
    LabelOutOfRange {
        /// The position of the sample.
        sample: usize,
        /// Its label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },

    /// The number of classes is too large.
    #[error("data set: {found} classes, expected at most {limit}")]
    ClassCount {
        /// The requested number.
        found: usize,
        /// The largest allowed number.
        limit: usize,
    },

    /// A selection contains the position of a sample that does not exist.
    #[error(
        "data set: expected a position below {samples}, the number of samples, found {position}"
    )]
    SampleOutOfRange {
        /// The requested position.
        position: usize,
        /// The number of samples.
        samples: usize,
    },

    /// A list of labels contains a label that it must not.
    #[error("{operation}: label {label} {problem}")]
    LabelList {
        /// The operation.
        operation: &'static str,
        /// The label.
        label: usize,
        /// The fault of the label.
        problem: &'static str,
    },

    /// The operation needs at least one sample.
    #[error("{operation}: the data set is empty, expected at least one sample")]
    EmptyDataset {
        /// The operation.
        operation: &'static str,
    },

    /// A class has fewer samples than the operation needs.
    #[error("{operation}: expected at least {needed} samples of class {class}, found {found}")]
    ClassTooSmall {
        /// The operation.
        operation: &'static str,
        /// The class.
        class: usize,
        /// The number of its samples.
        found: usize,
        /// The number that the operation needs.
        needed: usize,
    },

    /// A fraction is not strictly between 0 and 1.
    #[error("{operation}: the fraction must be above 0 and below 1, found {found}")]
    Fraction {
        /// The operation.
        operation: &'static str,
        /// The given value.
        found: f64,
    },

    /// The number of folds is below 2, or above the number of samples or groups.
    #[error("k_fold: expected from 2 to {limit} folds (the number of {of}), found {found}")]
    FoldCount {
        /// The given number of folds.
        found: usize,
        /// The largest number.
        limit: usize,
        /// The things that limit it: samples or groups.
        of: &'static str,
    },

    /// The batch size is 0.
    #[error("batches: the batch size must be at least 1, found 0")]
    ZeroBatchSize,

    /// A function of inputs returned another number of samples than it was called with.
    #[error(
        "map_inputs: expected an output for each of {samples} samples, found the shape {output}"
    )]
    MappedSamples {
        /// The number of samples in the call.
        samples: usize,
        /// The shape of the result.
        output: Shape,
    },

    /// The only batch is smaller than the others, and such batches are dropped.
    #[error(
        "batches: {samples} samples give no full batch of {batch_size}, \
         and `drop_last` drops smaller ones"
    )]
    NoFullBatch {
        /// The batch size.
        batch_size: usize,
        /// The number of samples.
        samples: usize,
    },

    /// A sample could not be read, or does not fit the others of its batch.
    #[error("sample {position}: {error}")]
    Item {
        /// The position of the sample in its data set.
        position: usize,
        /// The error.
        error: Box<cotangent_core::Error>,
    },

    /// The code of a data set panicked.
    #[error("a panic: {message}")]
    Panic {
        /// The message of the panic.
        message: String,
    },

    /// A list with an entry for each sample has another number of entries.
    #[error("batches: expected {what} of all {samples} samples, found {found}")]
    WeightCount {
        /// The entries: weights, classes or lengths.
        what: &'static str,
        /// The number of entries.
        found: usize,
        /// The number of samples.
        samples: usize,
    },

    /// A weight is negative or not finite.
    #[error("batches: the weight of sample {sample} must be finite and at least 0, found {found}")]
    Weight {
        /// The position of the sample.
        sample: usize,
        /// Its weight.
        found: f64,
    },

    /// All weights are 0.
    #[error("batches: all weights are 0, so that no sample can be drawn")]
    NoWeight,

    /// There are too few samples.
    #[error("{operation}: expected at least {needed} samples, found {found}")]
    SampleCount {
        /// The operation.
        operation: &'static str,
        /// The number that the operation needs.
        needed: usize,
        /// The number of samples.
        found: usize,
    },

    /// There are too few groups of samples.
    #[error("{operation}: expected at least {needed} different groups, found {found}")]
    GroupCount {
        /// The operation.
        operation: &'static str,
        /// The number that the operation needs.
        needed: usize,
        /// The number of groups.
        found: usize,
    },

    /// A standardizer was fitted to a feature without values.
    #[error("standardizer: all values of feature {feature} are NaN")]
    NoValues {
        /// The position of the feature.
        feature: usize,
    },

    /// A standardizer was applied to samples of another size than those that it was fitted to.
    #[error("standardizer: fitted to {fitted} features, applied to {found}")]
    FeatureCount {
        /// The number of features that it was fitted to.
        fitted: usize,
        /// The number of features of the data set.
        found: usize,
    },
}

impl Error {
    /// Adds the position of a sample to an error that does not have one yet.
    pub(crate) fn item(position: usize, error: cotangent_core::Error) -> cotangent_core::Error {
        if let cotangent_core::Error::Other(other) = &error
            && let Some(Self::Item { .. }) = other.downcast_ref()
        {
            return error;
        }
        let error = Box::new(error);
        Self::Item { position, error }.into()
    }

    /// Creates an [`Error::UnexpectedContent`].
    pub(crate) fn unexpected(
        path: impl Into<PathBuf>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::UnexpectedContent {
            path: path.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// Creates an [`Error::Image`].
    #[cfg(feature = "images")]
    pub(crate) fn image(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Image {
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// Creates an [`Error::Io`].
    pub(crate) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Io {
            path: path.into(),
            error,
        }
    }
}

/// Returns the place of a fault in a CSV file.
fn csv_place(file: &str, line: Option<u64>, column: Option<&str>) -> String {
    let line = line.map(|line| format!(", line {line}"));
    let column = column.map(|column| format!(", column `{column}`"));
    let (line, column) = (line.unwrap_or_default(), column.unwrap_or_default());
    format!("`{file}`{line}{column}")
}

/// Writes the message, as `{}` does.
impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Unwraps an error of the core, and turns one of the operating system into
/// [`Io`](cotangent_core::Error::Io) and any other into [`Other`](cotangent_core::Error::Other).
impl From<Error> for cotangent_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            Error::Io { path, error } => Self::io(path, error),
            error => Self::other(error),
        }
    }
}
