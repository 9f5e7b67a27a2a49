//! The one error type: what was expected, what was found, and where.

mod path;

use crate::tensor::{DType, Shape};
pub use path::ModulePath;
use std::path::{Path, PathBuf};

/// The result of what can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, apart from programming errors in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of the operands do not fit the operation.
    #[error("{op}: {reason} ({})", list(shapes))]
    Shape {
        /// The operation.
        op: &'static str,
        /// What was expected and what was found.
        reason: String,
        /// The operands' shapes.
        shapes: Vec<Shape>,
    },
    /// The operands' dtypes differ, or an operand has another dtype than was asked for.
    #[error("{op}: expected dtype {expected}, found {found}; convert with `to_dtype`")]
    DType {
        /// The operation.
        op: &'static str,
        /// The dtype that the operation needs (that of its first operand).
        expected: DType,
        /// The dtype that it got.
        found: DType,
    },
    /// An index, label or axis is out of range.
    #[error("{op}: {what} {index} is out of range for {bound} {of}")]
    Index {
        /// The operation.
        op: &'static str,
        /// What the index counts: `label`, `axis`, `index`.
        what: &'static str,
        /// The index.
        index: i64,
        /// How many there are.
        bound: usize,
        /// Of what there are that many: `classes`, `axes`, `rows`.
        of: &'static str,
    },
    /// An argument is outside the range that its documentation states.
    #[error("{op}: {reason}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
    /// The output has no graph: nothing that it was computed from is tracked.
    #[error(
        "{op}: the output depends on no tracked tensor; compute it under `Pass::train`, or from \
         tensors made by `tracked()`"
    )]
    Untracked {
        /// The operation.
        op: &'static str,
    },
    /// `backward` ran through a part of the graph whose saved values an earlier `backward` used up.
    #[error(
        "backward: the saved values of `{op}` were given up by an earlier backward; use \
         `Backward::retain_graph` for the first of the two"
    )]
    GraphConsumed {
        /// The operation whose node was reached twice.
        op: &'static str,
    },
    /// A value that must be finite is not.
    #[error("{op}: {what} is not finite ({value})")]
    NonFinite {
        /// The operation.
        op: &'static str,
        /// What is not finite: a norm, a parameter's gradient.
        what: String,
        /// The value.
        value: f64,
    },
    /// A saved state does not fit the model. Nothing was loaded.
    #[error("{}: {}, nothing was loaded:\n  {}", place(path), count(mismatches), .mismatches.join("\n  "))]
    State {
        /// The file, or empty for bytes in memory.
        path: PathBuf,
        /// Each name, shape or dtype that does not fit.
        mismatches: Vec<String>,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", place(path))]
    Format {
        /// The file, or empty for bytes in memory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing a file failed.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An error inside a module.
    #[error("{}{source}", inside(path))]
    Within {
        /// The path of the module in which it occurred.
        path: ModulePath,
        /// The error.
        source: Box<Error>,
    },
}

impl Error {
    /// The same error, placed inside the field `name` of a module: each level of a model adds its
    /// own name in front.
    ///
    /// ```
    /// use cotangent_core::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err();
    /// let error = error.within("weight").within("hidden");
    /// assert!(error.to_string().starts_with("`hidden.weight`: from_vec: "));
    /// ```
    pub fn within(self, name: &str) -> Self {
        self.map_path(|path| path.push(name))
    }

    /// The same error with its path changed.
    pub(crate) fn map_path(self, change: impl FnOnce(&mut ModulePath)) -> Self {
        let (mut path, source) = match self {
            Self::Within { path, source } => (path, source),
            error => (ModulePath::default(), Box::new(error)),
        };
        change(&mut path);
        Self::Within { path, source }
    }

    /// The dotted path of the module in which it occurred, if that is known and not the whole model.
    ///
    /// ```
    /// use cotangent_core::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err().within("weight");
    /// assert_eq!(error.path().as_deref(), Some("weight"));
    /// ```
    pub fn path(&self) -> Option<String> {
        match self {
            Self::Within { path, .. } if !path.is_empty() => Some(path.to_string()),
            _ => None,
        }
    }

    /// What went wrong, without the place: the innermost error.
    ///
    /// ```
    /// use cotangent_core::{Error, Tensor};
    /// let error = Tensor::from_vec(vec![1.0f32; 3], [2, 2]).unwrap_err().within("weight");
    /// assert!(matches!(error.root(), Error::Shape { .. }));
    /// ```
    pub fn root(&self) -> &Self {
        match self {
            Self::Within { source, .. } => source.root(),
            error => error,
        }
    }

    /// An [`Error::Shape`]: operands whose shapes do not fit.
    ///
    /// ```
    /// use cotangent_core::Error;
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

    /// An [`Error::Argument`]: an argument out of range.
    ///
    /// ```
    /// use cotangent_core::Error;
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

/// The place in a model, in front of what went wrong.
fn inside(path: &ModulePath) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("`{path}`: ")
    }
}

/// Where a state was read from or written to.
fn place(path: &Path) -> std::borrow::Cow<'_, str> {
    if path.as_os_str().is_empty() {
        "bytes in memory".into()
    } else {
        path.to_string_lossy()
    }
}

fn count(mismatches: &[String]) -> String {
    let plural = if mismatches.len() == 1 { "" } else { "es" };
    format!("{} mismatch{plural}", mismatches.len())
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
