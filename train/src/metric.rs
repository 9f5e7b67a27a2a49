//! The trait of all metrics, and a metric whose type is not known.

use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{Error, Result, Tensor};
use std::any::Any;
use std::borrow::Cow;

/// A measure of a model's outputs that is updated batch by batch, such as
/// [`Accuracy`](crate::metrics::Accuracy). Its value is that of all samples at once, whatever the
/// sizes of the batches.
///
/// The running state is saved in checkpoints. In a custom metric it is whatever the value is
/// computed from:
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::train::Metric;
/// use std::borrow::Cow;
///
/// /// The largest error of a regression.
/// #[derive(Clone, Stateful)]
/// struct MaxError {
///     largest: f64,
/// }
///
/// impl Metric for MaxError {
///     type Target = Tensor;
///     fn name(&self) -> Cow<'static, str> {
///         "max_error".into()
///     }
///     fn update(&mut self, outputs: &Tensor, targets: &Tensor) -> Result<()> {
///         let largest = outputs.sub(targets)?.abs().max()?.item()?;
///         self.largest = self.largest.max(largest);
///         Ok(())
///     }
///     fn merge(&mut self, other: &Self) -> Result<()> {
///         self.largest = self.largest.max(other.largest);
///         Ok(())
///     }
///     fn value(&self) -> Option<f64> {
///         Some(self.largest)
///     }
/// }
///
/// let mut metric = MaxError { largest: 0.0 };
/// metric.update(&Tensor::from([1.0, 2.0]), &Tensor::from([1.5, 2.0]))?;
/// metric.update(&Tensor::from([3.0]), &Tensor::from([3.25]))?;
/// assert_eq!(metric.value(), Some(0.5));
/// # Ok::<(), Error>(())
/// ```
pub trait Metric: Stateful + Clone + Send + 'static {
    /// The targets that outputs are compared with, such as class labels
    /// ([`Indices`](cotangent_core::Indices)).
    type Target: ?Sized;

    /// Returns the name, which is also the name of its column in the history. Two metrics of a run
    /// have different names.
    fn name(&self) -> Cow<'static, str>;

    /// Adds the samples of a batch.
    ///
    /// # Errors
    /// [`Error::Shape`] or another error if outputs and targets do not fit. Nothing has changed
    /// then.
    fn update(&mut self, outputs: &Tensor, targets: &Self::Target) -> Result<()>;

    /// Adds the samples of another metric, as if its batches came after those of this one. Runs on
    /// several ranks need it; the default is an error.
    ///
    /// # Errors
    /// Those of [`update`](Self::update). Nothing has changed then.
    fn merge(&mut self, other: &Self) -> Result<()> {
        let _ = other;
        let reason = format!(
            "the metric `{}` cannot be added up over ranks: implement `Metric::merge`",
            self.name()
        );
        Err(Error::argument("Metric::merge", reason))
    }

    /// Returns the value over all samples so far; none if there is no such value, as before the
    /// first sample, or if the metric has only [parts](Self::parts) or a [table](Self::table).
    fn value(&self) -> Option<f64>;

    /// Returns further values with their suffixes, such as the precision of each class. The name of
    /// a column is `NAME_SUFFIX`.
    fn parts(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// Returns a table for reports, such as a confusion matrix.
    fn table(&self) -> Option<Table> {
        None
    }
}

/// A table of a metric, such as a confusion matrix.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// The meaning of a row, such as `true class`.
    pub rows: String,
    /// The meaning of a column, such as `predicted class`.
    pub columns: String,
    /// The names of the rows.
    pub row_names: Vec<String>,
    /// The names of the columns.
    pub column_names: Vec<String>,
    /// The numbers, `(rows, columns)`.
    pub values: Tensor,
}

impl Table {
    /// Creates a square table, in which rows and columns have the same names.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the values are `(names, names)`.
    pub fn square(rows: &str, columns: &str, names: Vec<String>, values: Tensor) -> Result<Self> {
        if values.shape() != [names.len(), names.len()] {
            let reason = format!("expected a square of {} names", names.len());
            return Err(Error::shape("Table::square", reason, &[values.shape()]));
        }
        Ok(Self {
            rows: rows.to_owned(),
            columns: columns.to_owned(),
            row_names: names.clone(),
            column_names: names,
            values,
        })
    }
}

/// A metric of any type.
pub(crate) trait AnyMetric: Send {
    fn as_any(&mut self) -> &mut dyn Any;
    /// Adds the samples of a metric of the same type, which has this state.
    #[cfg(feature = "parallel")]
    fn merge_state(&mut self, state: &StateDict) -> Result<()>;
    /// Returns a metric of the same type with this state.
    #[cfg(feature = "parallel")]
    fn with_state(&self, state: &StateDict) -> Result<Box<dyn AnyMetric>>;
    fn name(&self) -> Cow<'static, str>;
    /// Returns the value and the parts, with their full names.
    fn values(&self) -> Vec<(String, f64)>;
    fn table(&self) -> Option<Table>;
    fn state(&self) -> Result<StateDict>;
    /// Returns the states that are to be merged into it.
    fn others(&self) -> &[StateDict] {
        &[]
    }
}

impl<M: Metric> AnyMetric for M {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
    #[cfg(feature = "parallel")]
    fn merge_state(&mut self, state: &StateDict) -> Result<()> {
        let mut other = self.clone();
        other.load_state(state)?;
        self.merge(&other)
    }
    #[cfg(feature = "parallel")]
    fn with_state(&self, state: &StateDict) -> Result<Box<dyn AnyMetric>> {
        let mut metric = self.clone();
        metric.load_state(state)?;
        Ok(Box::new(metric))
    }
    fn name(&self) -> Cow<'static, str> {
        Metric::name(self)
    }
    fn values(&self) -> Vec<(String, f64)> {
        let name = Metric::name(self);
        let parts = self.parts().into_iter();
        let parts = parts.map(|(suffix, value)| (format!("{name}_{suffix}"), value));
        let value = self.value().map(|value| (name.to_string(), value));
        value.into_iter().chain(parts).collect()
    }
    fn table(&self) -> Option<Table> {
        Metric::table(self)
    }
    fn state(&self) -> Result<StateDict> {
        Stateful::state(self)
    }
}
