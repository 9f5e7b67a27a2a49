//! The table of a model's leaves.

use super::walk::{LeafRef, Module, Walk};
use crate::tensor::{DType, Shape};
use std::collections::HashMap;
use std::fmt;

/// The leaves of a model in declaration order. `Display` prints a table with totals.
///
/// ```
/// use cotangent::{ModuleExt, Tensor, module::Param};
/// let model = vec![Param::new(&Tensor::from([[1.0f32, 2.0]]))];
/// let summary = model.summary();
/// assert_eq!((&summary.rows[0].path[..], summary.parameters(), summary.bytes()), ("0", 2, 8));
/// println!("{summary}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The leaves, in declaration order.
    pub rows: Vec<SummaryRow>,
}

/// One leaf of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SummaryRow {
    /// The dotted path.
    pub path: String,
    /// The type of the module that the leaf is a field of, without the path to the type.
    pub layer: String,
    /// The kind of the leaf.
    pub kind: LeafKind,
    /// The lengths of the axes.
    pub shape: Shape,
    /// The element type, or `None` for a counter.
    pub dtype: Option<DType>,
    /// Whether the leaf is frozen.
    pub frozen: bool,
}

/// The kind of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeafKind {
    /// A parameter, which is trained.
    Param,
    /// A buffer, which is saved but not trained.
    Buffer,
    /// A counter, which is saved but not trained.
    Counter,
}

impl SummaryRow {
    /// Returns the number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the size of the elements in bytes.
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype.map_or(8, DType::size)
    }

    /// Returns the number of elements of a parameter, else 0.
    fn parameters(&self) -> usize {
        match self.kind {
            LeafKind::Param => self.elements(),
            _ => 0,
        }
    }
}

impl Summary {
    pub(crate) fn of(module: &(impl Module + ?Sized)) -> Self {
        let mut rows = Vec::new();
        Walk::places(module, |place, leaf| {
            let row = |kind, shape: &[usize], dtype, frozen| SummaryRow {
                path: place.path.to_owned(),
                layer: short(place.layer),
                kind,
                shape: Shape::from(shape),
                dtype,
                frozen: frozen || (dtype.is_some() && place.in_frozen),
            };
            rows.push(match leaf {
                LeafRef::Param(param) => {
                    let value = param.value();
                    row(
                        LeafKind::Param,
                        value.shape(),
                        Some(value.dtype()),
                        param.is_frozen(),
                    )
                }
                LeafRef::Buffer(buffer) => {
                    let value = buffer.value();
                    row(
                        LeafKind::Buffer,
                        value.shape(),
                        Some(value.dtype()),
                        buffer.is_frozen(),
                    )
                }
                LeafRef::Counter(_) => row(LeafKind::Counter, &[], None, false),
            });
        });
        Self { rows }
    }

    /// Returns the number of elements of all parameters, frozen ones included.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(SummaryRow::parameters).sum()
    }

    /// Returns the number of elements of the parameters that are not frozen.
    pub fn trainable(&self) -> usize {
        let trained = self.rows.iter().filter(|row| !row.frozen);
        trained.map(SummaryRow::parameters).sum()
    }

    /// Returns the size of all leaves in bytes.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(SummaryRow::bytes).sum()
    }

    /// Returns the differences in structure: paths that only one of the two has, and different
    /// kinds, shapes and dtypes. If there are none, the state of one model can be loaded into the
    /// other.
    ///
    /// ```
    /// use cotangent::{ModuleExt, Tensor, module::Param};
    /// let param = |tensor: Tensor| Param::new(&tensor);
    /// let old = vec![param(Tensor::from([1.0f32, 2.0])), param(Tensor::from([3.0f32]))];
    /// let new = vec![param(Tensor::from([[1.0f32, 2.0]]))];
    /// let differences = old.summary().differences(&new.summary());
    /// assert_eq!(
    ///     differences,
    ///     ["`0`: parameter f32 (2,) and parameter f32 (1, 2)", "`1`: only in the first"],
    /// );
    /// ```
    pub fn differences(&self, other: &Self) -> Vec<String> {
        fn by_path(summary: &Summary) -> HashMap<&str, &SummaryRow> {
            let rows = summary.rows.iter().rev();
            rows.map(|row| (row.path.as_str(), row)).collect()
        }
        let describe = |row: &SummaryRow| {
            let dtype = row.dtype.map_or(String::new(), |dtype| format!(" {dtype}"));
            format!("{}{dtype} {}", row.kind, row.shape)
        };
        let (first, second) = (by_path(self), by_path(other));
        let ours = self.rows.iter().filter_map(|row| {
            let Some(theirs) = second.get(row.path.as_str()) else {
                return Some(format!("`{}`: only in the first", row.path));
            };
            let (a, b) = (describe(row), describe(theirs));
            (a != b).then(|| format!("`{}`: {a} and {b}", row.path))
        });
        let theirs = other.rows.iter();
        let theirs = theirs.filter(|row| !first.contains_key(row.path.as_str()));
        ours.chain(theirs.map(|row| format!("`{}`: only in the second", row.path)))
            .collect()
    }
}

/// Returns the name of a type without the paths in it: `Vec<Hidden>` for
/// `alloc::vec::Vec<net::Hidden>`.
pub(super) fn short(name: &str) -> String {
    let mut short = String::new();
    let mut word = 0;
    for c in name.chars() {
        if c == ':' {
            short.truncate(word);
        } else {
            short.push(c);
            if !(c.is_alphanumeric() || c == '_') {
                word = short.len();
            }
        }
    }
    short
}

impl fmt::Display for LeafKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Param => "parameter",
            Self::Buffer => "buffer",
            Self::Counter => "counter",
        })
    }
}

/// Returns a number with its digits in groups of three: `1,234`.
pub(super) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes rows of equally wide columns, each aligned to the left or to the right.
pub(super) fn write_table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    rows: Vec<[String; N]>,
    to_the_right: [bool; N],
) -> fmt::Result {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let cells = row.iter().zip(widths).zip(to_the_right);
        let cells = cells.map(|((cell, width), right)| {
            if right {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["path", "layer", "shape", "parameters", "frozen", "bytes"].map(str::to_owned);
        let row = |row: &SummaryRow| {
            [
                row.path.clone(),
                row.layer.clone(),
                row.shape.to_string(),
                match row.kind {
                    LeafKind::Param => grouped(row.elements()),
                    kind => kind.to_string(),
                },
                if row.frozen {
                    "yes".to_owned()
                } else {
                    String::new()
                },
                grouped(row.bytes()),
            ]
        };
        let rows = std::iter::once(header).chain(self.rows.iter().map(row));
        write_table(f, rows.collect(), [false, false, false, true, false, true])?;
        let (all, trainable) = (self.parameters(), self.trainable());
        write!(
            f,
            "{} parameters: {} trainable, {} frozen; {} bytes",
            grouped(all),
            grouped(trainable),
            grouped(all - trainable),
            grouped(self.bytes())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, short};

    #[test]
    fn names_and_numbers_are_shortened() {
        assert_eq!(
            short("alloc::vec::Vec<(net::Hidden, core::option::Option<f32>)>"),
            "Vec<(Hidden, Option<f32>)>"
        );
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
