//! The one error type of this crate, so that a caller can match on what went wrong with the data.

use std::io;
use std::path::PathBuf;

use cotangent_core::Shape;

use crate::idx::Fault;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why data could not be read, selected or batched.
///
/// The text of each variant is complete; none hides the rest in
/// [`source`](std::error::Error::source). Both `{}` and `{:?}` give it.
///
/// In a function that returns the [`Result`](cotangent_core::Result) of the core, `?` converts it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed, for example for want of memory.
    #[error(transparent)]
    Core(#[from] cotangent_core::Error),

    /// The operating system could not open or read a file.
    #[error("cannot read `{}`: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },

    /// A file is not valid IDX.
    #[error("`{file}` is not a valid IDX file: {fault}")]
    Idx {
        /// The path of the file, or what the bytes were called.
        file: String,
        /// What is wrong with it.
        fault: Fault,
    },

    /// A valid file holds something else than was asked for.
    #[error("`{}`: expected {expected}, found {found}", path.display())]
    UnexpectedContent {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },

    /// None of the names under which a file is published exists in the folder.
    #[error("`{}` has none of the files {}", folder.display(), tried.join(", "))]
    FileNotFound {
        /// The folder that was searched.
        folder: PathBuf,
        /// The names that were looked for.
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
        /// What was found.
        found: String,
    },

    /// The data that is part of this crate does not decode, which means that the build is damaged.
    #[error("the embedded digits are damaged: {found}")]
    EmbeddedData {
        /// What was found in place of valid data.
        found: String,
    },

    /// A data set needs inputs with a first axis that counts the samples.
    #[error("data set: inputs must have at least one axis (samples first), found a scalar")]
    ScalarInputs,

    /// A data set needs one label per sample, in one axis.
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

    /// A data set cannot have that many classes.
    #[error("data set: {found} classes, expected at most {limit}")]
    ClassCount {
        /// The number that was given.
        found: usize,
        /// The largest number.
        limit: usize,
    },

    /// A selection names a sample that does not exist.
    #[error("data set: sample {position} was selected, there are {samples} (counted from 0)")]
    SampleOutOfRange {
        /// The position that was asked for.
        position: usize,
        /// The number of samples.
        samples: usize,
    },

    /// A list of labels has one that it should not.
    #[error("{operation}: label {label} {problem}")]
    LabelList {
        /// What was being done.
        operation: &'static str,
        /// The label in question.
        label: usize,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// The operation is meaningless without samples.
    #[error("{operation}: the data set is empty, expected at least one sample")]
    EmptyDataset {
        /// What was being done.
        operation: &'static str,
    },

    /// A class has fewer samples than the operation needs.
    #[error("{operation}: class {class} has {found} samples, needs at least {needed}")]
    ClassTooSmall {
        /// What was being done.
        operation: &'static str,
        /// The class.
        class: usize,
        /// How many samples it has.
        found: usize,
        /// How many it would need.
        needed: usize,
    },

    /// A fraction must lie strictly between 0 and 1.
    #[error("{operation}: the fraction must be above 0 and below 1, found {found}")]
    Fraction {
        /// What was being done.
        operation: &'static str,
        /// The value that was given.
        found: f64,
    },

    /// A batch must hold at least one sample.
    #[error("batches: the batch size must be at least 1, found 0")]
    ZeroBatchSize,

    /// A function of inputs gave another number of samples than it was given.
    #[error(
        "map_inputs: expected an output for each of {samples} samples, found the shape {output}"
    )]
    MappedSamples {
        /// The number of samples that the function was given.
        samples: usize,
        /// The shape of what it gave.
        output: Shape,
    },

    /// Without a smaller last batch there would be none.
    #[error("batches: no full batch of {batch_size} in {samples} samples, and the last is dropped")]
    NoFullBatch {
        /// The batch size.
        batch_size: usize,
        /// The number of samples.
        samples: usize,
    },

    /// A standardizer was applied to samples of another size than it was fitted to.
    #[error("standardizer: fitted to {fitted} features, applied to {found}")]
    FeatureCount {
        /// The number of features that it was fitted to.
        fitted: usize,
        /// The number of features of the data set.
        found: usize,
    },
}

impl Error {
    /// An [`Error::UnexpectedContent`].
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

    /// An [`Error::Io`].
    pub(crate) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Io {
            path: path.into(),
            error,
        }
    }
}

/// The message, as with `{}`.
impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// An error of the core as it is, one of the system as [`Io`](cotangent_core::Error::Io), and the
/// others as [`Other`](cotangent_core::Error::Other).
impl From<Error> for cotangent_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            Error::Io { path, error } => Self::io(path, error),
            error => Self::other(error),
        }
    }
}
