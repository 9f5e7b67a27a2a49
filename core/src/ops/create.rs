//! Making tensors from values, constants and random draws.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::tensor::{Array, DType, Element, Shape, with_dtype};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};

impl Tensor {
    /// A tensor of the given shape from its row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
    /// assert_eq!(x.shape(), [2, 3]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[allow(clippy::needless_pass_by_value)] // The name says so, and the copy may go one day.
    pub fn from_vec<T: Element>(values: Vec<T>, shape: impl Into<Shape>) -> Result<Self> {
        Self::from_slice(&values, shape)
    }

    /// As [`from_vec`](Self::from_vec), from a slice.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    pub fn from_slice<T: Element>(values: &[T], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len("from_vec")? != values.len() {
            let reason = format!("{} values do not fill the shape", values.len());
            return Err(Error::shape("from_vec", reason, &[&shape]));
        }
        Ok(Array::from_slice(shape, values).into())
    }

    /// A scalar: a tensor without axes.
    pub fn scalar<T: Element>(value: T) -> Self {
        Array::from_slice(Shape::default(), &[value]).into()
    }

    /// A tensor whose elements are all `value`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than can be addressed.
    ///
    /// ```
    /// # use cotangent_core::{DType, Tensor};
    /// assert_eq!(Tensor::full([2], 0.5, DType::F64)?.to_vec::<f64>()?, [0.5, 0.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn full(shape: impl Into<Shape>, value: f64, dtype: DType) -> Result<Self> {
        let shape = shape.into();
        shape.checked_len("full")?;
        Ok(Array::full(dtype, shape, value).into())
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than can be addressed.
    pub fn zeros(shape: impl Into<Shape>, dtype: DType) -> Result<Self> {
        Self::full(shape, 0.0, dtype)
    }

    /// A tensor of ones.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than can be addressed.
    pub fn ones(shape: impl Into<Shape>, dtype: DType) -> Result<Self> {
        Self::full(shape, 1.0, dtype)
    }

    /// Draws from the normal distribution. The same generator state gives the same draws in either
    /// dtype, up to rounding.
    ///
    /// # Errors
    /// [`Error::Argument`] if the standard deviation is negative or not finite, [`Error::Shape`]
    /// if there would be more elements than can be addressed.
    pub fn normal(
        shape: impl Into<Shape>,
        mean: f64,
        standard_deviation: f64,
        dtype: DType,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        if !(standard_deviation >= 0.0 && standard_deviation.is_finite()) {
            let reason = format!(
                "the standard deviation must be finite and at least 0, found {standard_deviation}"
            );
            return Err(Error::argument("normal", reason));
        }
        Self::from_fn(shape, dtype, || {
            let draw: f64 = StandardNormal.sample(rng);
            mean + standard_deviation * draw
        })
    }

    /// Draws from the uniform distribution on `[low, high)`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `low > high` or a bound is not finite, [`Error::Shape`] if there
    /// would be more elements than can be addressed.
    pub fn uniform(
        shape: impl Into<Shape>,
        low: f64,
        high: f64,
        dtype: DType,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        if !(low <= high && low.is_finite() && high.is_finite()) {
            return Err(Error::argument(
                "uniform",
                format!("expected finite bounds low <= high, found {low} and {high}"),
            ));
        }
        Self::from_fn(shape, dtype, || {
            let draw: f64 = StandardUniform.sample(rng);
            low + (high - low) * draw
        })
    }

    /// A tensor whose elements, in row-major order, are what `next` returns.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than can be addressed.
    pub fn from_fn(
        shape: impl Into<Shape>,
        dtype: DType,
        mut next: impl FnMut() -> f64,
    ) -> Result<Self> {
        let shape = shape.into();
        shape.checked_len("from_fn")?;
        let array = with_dtype!(dtype, F => Array::build::<F>(shape, |out| {
            out.fill_with(|| F::from_f64(next()));
        }));
        Ok(array.into())
    }

    /// The same values in another precision. The gradient comes back in the precision of `self`.
    ///
    /// ```
    /// # use cotangent_core::{DType, Tensor};
    /// assert_eq!(Tensor::from([0.5f32]).to_dtype(DType::F64).to_vec::<f64>()?, [0.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn to_dtype(&self, dtype: DType) -> Self {
        if dtype == self.dtype() {
            return self.clone();
        }
        let output = Self::from(self.array().to_dtype(dtype));
        Self::from_op(output, &[self], || Cast { from: self.dtype() })
    }
}

struct Cast {
    from: DType,
}

impl crate::autograd::Op for Cast {
    fn name(&self) -> &'static str {
        "to_dtype"
    }
    fn vjp(
        &self,
        cotangent: Tensor,
        _: &crate::autograd::Vjp,
    ) -> Result<crate::autograd::Cotangents> {
        Ok(smallvec::smallvec![Some(cotangent.to_dtype(self.from))])
    }
}

impl<T: Element> From<T> for Tensor {
    fn from(value: T) -> Self {
        Self::scalar(value)
    }
}

impl<T: Element> From<&[T]> for Tensor {
    fn from(values: &[T]) -> Self {
        Array::from_slice(Shape::from([values.len()]), values).into()
    }
}

impl<T: Element, const N: usize> From<[T; N]> for Tensor {
    fn from(values: [T; N]) -> Self {
        Self::from(&values[..])
    }
}

impl<T: Element, const N: usize, const M: usize> From<[[T; N]; M]> for Tensor {
    fn from(values: [[T; N]; M]) -> Self {
        Array::from_slice(Shape::from([M, N]), values.as_flattened()).into()
    }
}

impl<T: Element, const N: usize, const M: usize, const L: usize> From<[[[T; N]; M]; L]> for Tensor {
    fn from(values: [[[T; N]; M]; L]) -> Self {
        Array::from_slice(Shape::from([L, M, N]), values.as_flattened().as_flattened()).into()
    }
}
