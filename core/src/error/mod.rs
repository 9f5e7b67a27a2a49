//! The error type of all crates: what was expected, what was found, and where.

mod interval;
mod mismatch;
mod path;

use crate::shape::{DType, Shape};
pub use interval::Interval;
pub use path::ModulePath;
use std::path::{Path, PathBuf};

/// The result of a function that can fail, with [`Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of everything that can fail.
///
/// Layers and optimizers add the place in the model to an error, and runs add the epoch and the
/// step. To match on an error, use its [`root`](Self::root); [`path`](Self::path) returns the place
/// in the model.
///
/// Both `{}` and `{:?}` print the message, so that `unwrap`, and a `main` that returns a
/// [`Result`], print a sentence and not a struct.
///
/// In a function that returns a [`Result`], `?` converts the errors of all crates of `cotangent`,
/// of `std::io` and of parsing numbers. [`other`](Self::other) converts any other error.
///
/// A custom layer or function creates its errors by [`Error::shape`], for tensors whose shapes do
/// not fit, by [`Error::argument`], for other arguments, and by [`Error::other`], for any text or
/// error:
///
/// ```
/// use cotangent::prelude::*;
/// fn first_half(x: &Tensor) -> Result<Tensor> {
///     if x.rank() != 2 || x.shape()[1] % 2 != 0 {
///         let reason = "expected (batch, features) with an even number of features";
///         return Err(Error::shape("first_half", reason, &[x.shape()]));
///     }
///     x.narrow(1, 0, x.shape()[1] / 2)
/// }
/// let error = first_half(&Tensor::from([1.0f32, 2.0])).unwrap_err();
/// assert!(error.to_string().ends_with("number of features (shape (2,))"));
/// ```
///
/// An example of errors of other crates:
///
/// ```
/// use cotangent::{Result, Tensor};
/// fn sum_of_file(path: &str) -> Result<f64> {
///     let numbers = std::fs::read_to_string(path)?;
///     let numbers = numbers.split_whitespace().map(|number| Ok(number.parse()?));
///     Tensor::from(numbers.collect::<Result<Vec<f64>>>()?).sum().item()
/// }
/// assert!(sum_of_file("no such file").is_err());
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of the operands do not fit the operation.
    #[error("{op}: {reason} ({})", list(shapes))]
    #[non_exhaustive]
    Shape {
        /// The operation.
        op: &'static str,
        /// The expected and the found values, or the rule that is broken.
        reason: String,
        /// The shapes of the operands.
        shapes: Vec<Shape>,
    },
    /// The dtypes of the operands differ, or an operand does not have the expected dtype.
    #[error(
        "{op}: {}; {remedy}",
        dtypes(operand, *found, others, *expected)
    )]
    #[non_exhaustive]
    DType {
        /// The operation.
        op: &'static str,
        /// The dtype that the operation needs: that of most operands, or of the first.
        expected: DType,
        /// The dtype that was found.
        found: DType,
        /// The operand or operands of that dtype, such as `weight`. Empty if there is only one
        /// tensor.
        operand: String,
        /// The operands of the expected dtype.
        others: String,
        /// The remedy, such as a conversion.
        remedy: &'static str,
    },
    /// An index, label or axis is out of range.
    #[error(
        "{op}: {what} {index}{} is out of range for {bound} {of}",
        at(position)
    )]
    #[non_exhaustive]
    Index {
        /// The operation.
        op: &'static str,
        /// The kind of index: `label`, `axis`, `index`.
        what: &'static str,
        /// The index.
        index: i64,
        /// The number of possible values.
        bound: usize,
        /// The things that the index counts: `classes`, `axes`, `rows`.
        of: &'static str,
        /// The position of the index among those that were given, such as the sample of a label.
        /// Empty if there is only one.
        position: Vec<usize>,
    },
    /// An argument is outside the range that its documentation states.
    #[error("{op}: {reason}")]
    #[non_exhaustive]
    Argument {
        /// The operation.
        op: &'static str,
        /// The expected and the found values, or the rule that is broken.
        reason: String,
    },
    /// The output has no graph, because it depends on no tracked tensor.
    #[error(
        "{op}: the output depends on no tracked tensor; possible causes: a pass that does not \
         record (`Pass::record`), `Param::value` in place of `read(&pass)`, only frozen \
         parameters, `detach`, or inputs without `tracked()`"
    )]
    #[non_exhaustive]
    Untracked {
        /// The operation.
        op: &'static str,
    },
    /// `backward` reached an operation whose saved values an earlier `backward` has dropped.
    #[error(
        "backward: the saved values of `{op}` were used up by an earlier backward; if this is a \
         recurrent state from the step before, `detach()` it; to run backward twice, use \
         `Backward::retain_graph` for the first"
    )]
    #[non_exhaustive]
    GraphConsumed {
        /// The operation that was reached twice.
        op: &'static str,
    },
    /// A value is infinite or NaN, but must be finite.
    #[error("{op}: {what} is not finite ({value}){}", behind(remedy))]
    #[non_exhaustive]
    NonFinite {
        /// The operation.
        op: &'static str,
        /// The name of the value, such as `the norm`.
        what: String,
        /// The value.
        value: f64,
        /// How to find the cause. It may be empty.
        remedy: &'static str,
    },
    /// A saved state does not fit the model. Nothing was loaded.
    ///
    /// The text groups long lists of mismatches by their reasons.
    #[error("{}: {}", place(path), mismatch::text(mismatches))]
    #[non_exhaustive]
    State {
        /// The file, or empty for bytes in memory.
        path: PathBuf,
        /// All mismatches of names, shapes and dtypes, each as a name and a reason.
        mismatches: Vec<String>,
    },
    /// A file does not have the expected contents.
    #[error("{}: {reason}", place(path))]
    #[non_exhaustive]
    Format {
        /// The file, or empty for bytes in memory.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// Reading or writing a file failed.
    #[error("{}{source}", file(path))]
    #[non_exhaustive]
    Io {
        /// The file, or empty if it is not known.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// An error inside a module.
    #[error("{}{source}", inside(path))]
    #[non_exhaustive]
    Within {
        /// The path of the module.
        path: ModulePath,
        /// The error.
        source: Box<Error>,
    },
    /// An error at a place that is no module, such as a step of a run.
    #[error("{place}: {source}")]
    #[non_exhaustive]
    At {
        /// The place, such as `epoch 3, step 120`.
        place: String,
        /// The error.
        source: Box<Error>,
    },
    /// An error of one of several processes that train together.
    #[error("rank {rank} of {ranks}: {source}")]
    #[non_exhaustive]
    Rank {
        /// The number of the process, from 0 on.
        rank: usize,
        /// The number of processes.
        ranks: usize,
        /// Its error. Of an error of another process only the text is known.
        source: Box<Error>,
    },
    /// An error of another crate.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Adds the name of a field in front of the path of the error, as each level of a model does.
    /// An empty name, as for a model that is a single leaf, adds nothing.
    ///
    /// ```
    /// use cotangent::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err();
    /// let error = error.within("weight").within("hidden");
    /// assert!(error.to_string().starts_with("`hidden.weight`: from_vec: "));
    /// ```
    pub fn within(self, name: &str) -> Self {
        self.map_path(|path| path.push(name))
    }

    /// Adds a place in front of the text of the error, as a run does with the epoch and the step.
    ///
    /// ```
    /// use cotangent::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err();
    /// let error = error.within("weight").at("epoch 3, step 120");
    /// assert!(error.to_string().starts_with("epoch 3, step 120: `weight`: from_vec: "));
    /// assert_eq!(error.path().as_deref(), Some("weight"));
    /// assert!(matches!(error.root(), Error::Shape { .. }));
    /// ```
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Self::At {
            place: place.into(),
            source: Box::new(self),
        }
    }

    /// Returns the error with its path changed.
    pub(crate) fn map_path(self, change: impl FnOnce(&mut ModulePath)) -> Self {
        let (mut path, source) = match self {
            Self::Within { path, source } => (path, source),
            Self::At { place, source } => return source.map_path(change).at(place),
            error => (ModulePath::default(), Box::new(error)),
        };
        change(&mut path);
        Self::Within { path, source }
    }

    /// Returns the dotted path of the module that raised the error, if it is known and not the
    /// whole model.
    ///
    /// ```
    /// use cotangent::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err().within("weight");
    /// assert_eq!(error.path().as_deref(), Some("weight"));
    /// ```
    pub fn path(&self) -> Option<String> {
        match self {
            Self::Within { path, .. } if !path.is_empty() => Some(path.to_string()),
            Self::At { source, .. } => source.path(),
            _ => None,
        }
    }

    /// Returns the innermost error, without its place.
    ///
    /// ```
    /// use cotangent::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err().within("weight");
    /// assert!(matches!(error.root(), Error::Shape { .. }));
    /// ```
    pub fn root(&self) -> &Self {
        match self {
            Self::Within { source, .. } | Self::At { source, .. } | Self::Rank { source, .. } => {
                source.root()
            }
            error => error,
        }
    }

    /// Creates an [`Error::Shape`]: the shapes of the operands do not fit.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::shape("pair", "lengths differ", &[&[2, 3], &[4]]);
    /// assert_eq!(error.to_string(), "pair: lengths differ (shapes (2, 3) and (4,))");
    /// ```
    pub fn shape(op: &'static str, reason: impl Into<String>, shapes: &[&[usize]]) -> Self {
        let shapes = shapes.iter().map(|&shape| Shape::from(shape)).collect();
        Self::Shape {
            op,
            reason: reason.into(),
            shapes,
        }
    }

    /// Creates an [`Error::DType`]: a tensor does not have the dtype that the operation needs. For
    /// one of several operands, [`DType::expect_same`] creates an error that names it.
    ///
    /// ```
    /// use cotangent::{DType, Error};
    /// let error = Error::dtype("decode", DType::F32, DType::F64);
    /// let text = "decode: expected dtype f32, found f64; convert with `to_dtype`";
    /// assert_eq!(error.to_string(), text);
    /// ```
    pub fn dtype(op: &'static str, expected: DType, found: DType) -> Self {
        Self::DType {
            op,
            expected,
            found,
            operand: String::new(),
            others: String::new(),
            remedy: CONVERT,
        }
    }

    /// Replaces the remedy of an [`Error::DType`] or an [`Error::NonFinite`], which stands at the
    /// end of its text. Other errors have none and do not change.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::non_finite("gate", "the sum", f64::NAN).remedied_by("scale the input");
    /// assert_eq!(error.to_string(), "gate: the sum is not finite (NaN); scale the input");
    /// ```
    #[must_use]
    pub fn remedied_by(mut self, way: &'static str) -> Self {
        let mut root = &mut self;
        while let Self::Within { source, .. } | Self::At { source, .. } = root {
            root = source;
        }
        if let Self::DType { remedy, .. } | Self::NonFinite { remedy, .. } = root {
            *remedy = way;
        }
        self
    }

    /// Creates an [`Error::Index`]: `what` (a label, an axis) is out of range for `bound` things
    /// called `of`.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::index("embedding", "index", 7, 5, "rows");
    /// assert_eq!(error.to_string(), "embedding: index 7 is out of range for 5 rows");
    /// ```
    pub fn index(
        op: &'static str,
        what: &'static str,
        index: i64,
        bound: usize,
        of: &'static str,
    ) -> Self {
        Self::Index {
            op,
            what,
            index,
            bound,
            of,
            position: Vec::new(),
        }
    }

    /// Adds to an [`Error::Index`] which of several indices it is.
    pub(crate) fn at_position(mut self, place: Vec<usize>) -> Self {
        if let Self::Index { position, .. } = &mut self {
            *position = place;
        }
        self
    }

    /// Creates an [`Error::NonFinite`]: `what` (a norm, an element) is infinite or NaN.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::non_finite("clip", "the norm", f64::INFINITY);
    /// assert_eq!(error.to_string(), "clip: the norm is not finite (inf)");
    /// ```
    pub fn non_finite(op: &'static str, what: impl Into<String>, value: f64) -> Self {
        Self::NonFinite {
            op,
            what: what.into(),
            value,
            remedy: "",
        }
    }

    /// Creates an [`Error::Untracked`]: an output has no graph.
    pub fn untracked(op: &'static str) -> Self {
        Self::Untracked { op }
    }

    /// Creates an [`Error::GraphConsumed`]: the saved values of `op` were used before.
    pub fn graph_consumed(op: &'static str) -> Self {
        Self::GraphConsumed { op }
    }

    /// Creates an [`Error::State`] with all mismatches between a state and a model. The path is
    /// empty for bytes in memory.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::state("", vec!["`weight`: missing".to_owned()]);
    /// assert_eq!(error.to_string(), "bytes in memory: nothing was loaded: `weight`: missing");
    /// ```
    pub fn state(path: impl Into<PathBuf>, mismatches: Vec<String>) -> Self {
        Self::State {
            path: path.into(),
            mismatches,
        }
    }

    /// Creates an [`Error::Format`]: a file does not have the expected contents. The path is empty
    /// for bytes in memory.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::format("digits.npy", "expected 64 columns, found 63");
    /// assert_eq!(error.to_string(), "digits.npy: expected 64 columns, found 63");
    /// ```
    pub fn format(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Format {
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// Creates an [`Error::Io`]: reading or writing a file failed. `?` creates one without a path.
    ///
    /// ```
    /// use cotangent::Error;
    /// let result = std::fs::read("missing").map_err(|error| Error::io("missing", error));
    /// assert!(result.unwrap_err().to_string().starts_with("missing: "));
    /// ```
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }

    /// Creates an [`Error::Other`] from an error of another crate, or from a text.
    ///
    /// ```
    /// use cotangent::{Error, Result};
    /// fn utf8(bytes: &[u8]) -> Result<&str> {
    ///     std::str::from_utf8(bytes).map_err(Error::other)
    /// }
    /// assert!(utf8(&[255]).is_err());
    /// assert_eq!(Error::other("no samples left").to_string(), "no samples left");
    /// ```
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// Returns the process that has this error, of several that train together, if it is known.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::Within { source, .. } | Self::At { source, .. } => source.rank(),
            Self::Rank { rank, .. } => Some(*rank),
            _ => None,
        }
    }

    /// Says which of several processes that train together has this error. The place of an error
    /// that has one stays.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::other("no data").of_rank(3, 4).of_rank(0, 4);
    /// assert_eq!(error.to_string(), "rank 3 of 4: no data");
    /// ```
    pub fn of_rank(self, rank: usize, ranks: usize) -> Self {
        if self.rank().is_some() {
            return self;
        }
        let source = Box::new(self);
        Self::Rank {
            rank,
            ranks,
            source,
        }
    }

    /// Creates an [`Error::Argument`]: an argument is out of range. [`Interval`](crate::Interval)
    /// has the usual ranges of numbers.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::argument("top_k", "k must be at least 1, found 0");
    /// assert_eq!(error.to_string(), "top_k: k must be at least 1, found 0");
    /// ```
    pub fn argument(op: &'static str, reason: impl Into<String>) -> Self {
        Self::Argument {
            op,
            reason: reason.into(),
        }
    }
}

/// Prints the message, as `{}` does.
impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The path of the file is empty, because it is not known.
impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::io("", source)
    }
}

macro_rules! others {
    ($($error:ty)*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        }
    )*};
}
others! {
    std::num::ParseFloatError
    std::num::ParseIntError
    Box<dyn std::error::Error + Send + Sync>
}

/// The remedy for a tensor of another dtype.
pub(crate) const CONVERT: &str = "convert with `to_dtype`";

/// Returns the suffix with the remedy.
fn behind(remedy: &str) -> String {
    if remedy.is_empty() {
        String::new()
    } else {
        format!("; {remedy}")
    }
}

/// Returns a text that says which of several indices it is.
fn at(position: &[usize]) -> String {
    match position {
        [] => String::new(),
        [position] => format!(" at position {position}"),
        position => format!(" at position {position:?}"),
    }
}

/// Returns a text that says which operand has which dtype.
fn dtypes(operand: &str, found: DType, others: &str, expected: DType) -> String {
    if operand.is_empty() {
        return format!("expected dtype {expected}, found {found}");
    }
    let verb = |subject: &str| {
        let plural = subject.contains(" and ") || subject.ends_with("others");
        if plural { "are" } else { "is" }
    };
    let (is, are) = (verb(operand), verb(others));
    format!("{operand} {is} {found}, {others} {are} {expected}")
}

/// Returns the prefix with the path of the file, if it is known.
fn file(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        String::new()
    } else {
        format!("{}: ", path.display())
    }
}

/// Returns the prefix with the place in a model.
fn inside(path: &ModulePath) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("`{path}`: ")
    }
}

/// Returns the name of the file of a state.
fn place(path: &Path) -> std::borrow::Cow<'_, str> {
    if path.as_os_str().is_empty() {
        "bytes in memory".into()
    } else {
        path.to_string_lossy()
    }
}

fn list(shapes: &[Shape]) -> String {
    let label = if shapes.len() == 1 {
        "shape "
    } else {
        "shapes "
    };
    label.to_owned()
        + &shapes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" and ")
}
