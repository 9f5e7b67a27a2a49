//! The loss of a model as a function of one vector: all parameters that are not frozen.

use super::OP;
use super::history::largest;
use cotangent_core::module::{Module, Param};
use cotangent_core::{DType, Error, Gradients, LeafId, ModuleExt, Result, Shape, Tensor};

/// The parameters that are not frozen, ordered by path.
#[derive(Debug)]
pub(super) struct Layout(Vec<Slot>);

/// A parameter's part of the vector.
#[derive(Debug)]
struct Slot {
    path: String,
    id: LeafId,
    shape: Shape,
    dtype: DType,
}

impl Layout {
    /// Returns the layout of a model.
    pub fn of(model: &(impl Module + ?Sized)) -> Result<Self> {
        let slot = |(path, param): (String, &Param)| Slot {
            path,
            id: param.id(),
            shape: param.shape().into(),
            dtype: param.value().dtype(),
        };
        let layout = Self(params(model).into_iter().map(slot).collect());
        if let Some(pair) = layout
            .0
            .windows(2)
            .find(|pair| pair[0].path == pair[1].path)
        {
            let reason = format!("two parameters have the path `{}`", pair[0].path);
            return Err(Error::argument(OP, reason));
        }
        if layout.lengths().all(|(_, len)| len == 0) {
            let reason = "every parameter of the model is frozen or empty";
            return Err(Error::argument(OP, reason));
        }
        Ok(layout)
    }

    /// Returns the paths of the parameters and the numbers of their elements.
    pub fn lengths(&self) -> impl Iterator<Item = (&str, u64)> {
        let len = |slot: &Slot| slot.shape.iter().product::<usize>() as u64;
        self.0.iter().map(move |slot| (&*slot.path, len(slot)))
    }

    /// Returns the identities of the parameters.
    pub fn ids(&self) -> impl Iterator<Item = LeafId> {
        self.0.iter().map(|slot| slot.id)
    }

    /// Returns the elements of the parameters' values or gradients as one vector.
    fn join<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<Tensor> {
        let flat = |tensor: &Tensor| Ok(tensor.reshape([tensor.len()])?.to_dtype(DType::F64));
        Tensor::cat(&tensors.map(flat).collect::<Result<Vec<_>>>()?, 0)
    }

    /// Returns the parts of a vector as values of the parameters.
    fn split(&self, vector: &Tensor) -> Result<Vec<Tensor>> {
        let mut start = 0;
        let part = |slot: &Slot| {
            let len = slot.shape.iter().product();
            let part = vector.narrow(0, start, len)?;
            start += len;
            Ok(part.reshape(&slot.shape)?.to_dtype(slot.dtype))
        };
        self.0.iter().map(part).collect()
    }
}

/// Returns the parameters that are not frozen, ordered by path.
fn params(model: &(impl Module + ?Sized)) -> Vec<(String, &Param)> {
    let mut params = model.named_params();
    params.retain(|(_, param)| !param.is_frozen());
    params.sort_by(|(a, _), (b, _)| a.cmp(b));
    params
}

/// A point at which the loss was computed.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// The values of the parameters, in the order of the layout.
    pub values: Vec<Tensor>,
    /// Their elements.
    pub x: Tensor,
    /// The loss, or the negative loss if it is maximized.
    pub loss: f64,
    /// Its gradient.
    pub gradient: Tensor,
}

/// A model and a function that computes its loss and its gradients.
pub(super) struct Objective<'a, M: ?Sized, C> {
    pub model: &'a mut M,
    pub layout: &'a Layout,
    pub closure: C,
    pub maximize: bool,
    /// How often the closure was called.
    pub evaluations: u64,
}

impl<M, C> Objective<'_, M, C>
where
    M: Module + ?Sized,
    C: FnMut(&M) -> Result<(f64, Gradients)>,
{
    /// Returns the values of the parameters.
    pub fn values(&self) -> Vec<Tensor> {
        let params = params(self.model).into_iter();
        params.map(|(_, param)| param.value().clone()).collect()
    }

    /// Sets the values of the parameters.
    pub fn set(&mut self, values: &[Tensor]) -> Result<()> {
        let mut params = self.model.named_params_mut();
        params.retain(|(_, param)| !param.is_frozen());
        params.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((path, param), value) in params.into_iter().zip(values) {
            param.set(value).map_err(|error| error.within(&path))?;
        }
        Ok(())
    }

    /// Evaluates the loss at the current values.
    pub fn here(&mut self) -> Result<Point> {
        let values = self.values();
        self.at(values)
    }

    /// Evaluates the loss at a vector, rounded to the dtypes of the parameters.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the loss or its gradient is not finite.
    pub fn at_vector(&mut self, vector: &Tensor) -> Result<Point> {
        let values = self.layout.split(vector)?;
        self.set(&values)?;
        self.at(values)
    }

    fn at(&mut self, values: Vec<Tensor>) -> Result<Point> {
        self.evaluations += 1;
        let (loss, gradients) = (self.closure)(self.model)?;
        if !loss.is_finite() {
            return Err(Error::non_finite(OP, "the loss", loss));
        }
        let gradient = self.gradient(&gradients)?;
        let size = largest(&gradient)?;
        if !size.is_finite() {
            return Err(Error::non_finite(OP, "the gradient", size));
        }
        let (loss, gradient) = if self.maximize {
            (-loss, gradient.neg())
        } else {
            (loss, gradient)
        };
        let x = Layout::join(values.iter())?;
        Ok(Point {
            values,
            x,
            loss,
            gradient,
        })
    }

    /// Returns the gradients of the parameters as one vector. A parameter without one counts as 0.
    fn gradient(&self, gradients: &Gradients) -> Result<Tensor> {
        gradients.expect_of(OP, self.model)?;
        let params = params(self.model);
        let mut parts = Vec::with_capacity(params.len());
        for (path, param) in params {
            parts.push(match gradients.get(param) {
                None => Tensor::zeros(param.shape(), param.value().dtype())?,
                Some(gradient) if gradient.shape() == param.shape() => gradient.detach(),
                Some(gradient) => {
                    let shapes = [param.shape(), gradient.shape()];
                    let reason = "the gradient has another shape than the parameter";
                    return Err(Error::shape(OP, reason, &shapes).within(&path));
                }
            });
        }
        Layout::join(parts.iter())
    }
}
