//! Creation of tensors from values, constants and random draws, and conversion of dtypes.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::Float;
use crate::ops::random::noise;
use crate::tensor::{Array, DType, Element, Shape, with_dtype};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};

/// # Creation
impl Tensor {
    /// Creates a tensor of the given shape from its row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
    /// assert_eq!(x.shape(), [2, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a later version may keep the vector"
    )]
    pub fn from_vec<T: Element>(values: Vec<T>, shape: impl Into<Shape>) -> Result<Self> {
        Self::from_slice(&values, shape)
    }

    /// Creates a tensor of the given shape from a slice of its row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], [2, 1])?;
    /// assert_eq!(x.shape(), [2, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn from_slice<T: Element>(values: &[T], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len("from_vec")? != values.len() {
            let reason = format!("{} values do not fill the shape", values.len());
            return Err(Error::shape("from_vec", reason, &[&shape]));
        }
        shape.reserve("from_vec", T::DTYPE)?;
        Ok(Array::from_slice(shape, values).into())
    }

    /// Creates a scalar: a tensor without axes.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::scalar(0.5f32).rank(), 0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn scalar<T: Element>(value: T) -> Self {
        Array::from_slice(Shape::default(), &[value]).into()
    }

    /// Creates a tensor whose elements are all `value`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::full([2], 0.5, DType::F64)?.to_vec::<f64>()?, [0.5, 0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn full(shape: impl Into<Shape>, value: f64, dtype: DType) -> Result<Self> {
        let shape = shape.into();
        shape.reserve("full", dtype)?;
        Ok(Array::full(dtype, shape, value).into())
    }

    /// Creates a tensor of zeros. [`zeros_like`](Self::zeros_like) takes shape and dtype from
    /// another tensor.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2], DType::F32)?.to_vec::<f32>()?, [0.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn zeros(shape: impl Into<Shape>, dtype: DType) -> Result<Self> {
        Self::full(shape, 0.0, dtype)
    }

    /// Creates a tensor of ones.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::ones([2], DType::F32)?.to_vec::<f32>()?, [1.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn ones(shape: impl Into<Shape>, dtype: DType) -> Result<Self> {
        Self::full(shape, 1.0, dtype)
    }

    /// Returns a tensor of zeros with the shape and dtype of this one.
    ///
    /// A layer that makes its constants so, or with `self.dtype()`, runs in either dtype. A
    /// gradient check needs that: it runs the layer in `f64`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::from([1.0f64, 2.0]);
    /// let zeros = x.zeros_like()?;
    /// assert_eq!((zeros.shape(), zeros.dtype()), (x.shape(), DType::F64));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn zeros_like(&self) -> Result<Self> {
        Self::zeros(self.shape(), self.dtype())
    }

    /// Returns a tensor of ones with the shape and dtype of this one.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let ones = Tensor::from([5.0f32, 7.0]).ones_like()?;
    /// assert_eq!(ones.to_vec::<f32>()?, [1.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn ones_like(&self) -> Result<Self> {
        Self::ones(self.shape(), self.dtype())
    }

    /// Returns a tensor with the shape and dtype of this one whose elements are all `value`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let halves = Tensor::from([5.0f32, 7.0]).full_like(0.5)?;
    /// assert_eq!(halves.to_vec::<f32>()?, [0.5, 0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn full_like(&self, value: f64) -> Result<Self> {
        Self::full(self.shape(), value, self.dtype())
    }

    /// Creates a tensor by calling `next` for each element in row-major order.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let mut count = 0.0;
    /// let x = Tensor::from_fn([2, 2], DType::F32, || { count += 1.0; count })?;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn from_fn(
        shape: impl Into<Shape>,
        dtype: DType,
        mut next: impl FnMut() -> f64,
    ) -> Result<Self> {
        let shape = shape.into();
        shape.reserve("from_fn", dtype)?;
        let array = with_dtype!(dtype, F => Array::build::<F>(shape, |out| {
            out.fill_with(|| F::from_f64(next()));
        }));
        Ok(array.into())
    }

    /// Creates the vector `start`, `start + step`, and so on, up to but not including `end`.
    ///
    /// It has ⌈(end - start) / step⌉ elements, computed in `f64`. With a step like 0.1, rounding
    /// decides whether `end` itself is included; [`linspace`](Self::linspace) takes the number of
    /// elements instead.
    ///
    /// # Errors
    /// [`Error::Argument`] if a number is not finite, or if `step` is 0 or leads away from `end`,
    /// as in PyTorch (NumPy returns an empty array); [`Error::Shape`] if there would be more
    /// elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::arange(1.0, 4.0, 1.0, DType::F32)?;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// let x = Tensor::arange(1.0, 0.0, -0.5, DType::F64)?;
    /// assert_eq!(x.to_vec::<f64>()?, [1.0, 0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn arange(start: f64, end: f64, step: f64, dtype: DType) -> Result<Self> {
        let refuse = |reason: String| Err(Error::argument("arange", reason));
        if ![start, end, step].iter().all(|x| x.is_finite()) || step == 0.0 {
            return refuse(format!(
                "expected finite bounds and a finite step other than 0, found {start}, {end} and \
                 {step}"
            ));
        }
        if (end > start && step < 0.0) || (end < start && step > 0.0) {
            return refuse(format!(
                "expected a step from {start} towards {end}, found {step}"
            ));
        }
        // The difference of two finite numbers may be infinite; then all numbers are halved.
        let half = if (end - start).is_finite() { 1.0 } else { 0.5 };
        let [start, end, step] = [start, end, step].map(|x| x * half);
        // The cast saturates, and no shape has room for so many.
        let count = ((end - start) / step).ceil() as usize;
        let mut i = -1.0;
        Self::counted("arange", count, dtype, || {
            i += 1.0;
            (start + i * step) / half
        })
    }

    /// Creates a vector of `count` numbers at equal distances from `start` to `end`, which are both
    /// included exactly. A single number is `start`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a bound is not finite, [`Error::Shape`] if there would be more
    /// elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::linspace(0.0, 1.0, 5, DType::F32)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 0.25, 0.5, 0.75, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn linspace(start: f64, end: f64, count: usize, dtype: DType) -> Result<Self> {
        if !(start.is_finite() && end.is_finite()) {
            let reason = format!("expected finite bounds, found {start} and {end}");
            return Err(Error::argument("linspace", reason));
        }
        let steps = count.saturating_sub(1).max(1) as f64;
        // The difference of two finite numbers may be infinite.
        let step = if (end - start).is_finite() {
            (end - start) / steps
        } else {
            end / steps - start / steps
        };
        let mut i = 0usize;
        Self::counted("linspace", count, dtype, || {
            i += 1;
            // Each half is computed from its own end, so that both ends are exact.
            if i == 1 || i <= count / 2 {
                start + (i - 1) as f64 * step
            } else {
                end - (count - i) as f64 * step
            }
        })
    }

    /// Creates a matrix with ones on the diagonal and zeros elsewhere. One length n gives the n × n
    /// identity matrix, two lengths a matrix of this shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not one or two lengths, or there would be more elements than
    /// memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::eye(2, DType::F32)?.to_string(), "[[1. 0.]\n [0. 1.]]");
    /// assert_eq!(Tensor::eye([2, 3], DType::F32)?.to_string(), "[[1. 0. 0.]\n [0. 1. 0.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "identity")]
    pub fn eye(size: impl Into<Shape>, dtype: DType) -> Result<Self> {
        let size = size.into();
        let (rows, columns) = match size[..] {
            [n] => (n, n),
            [rows, columns] => (rows, columns),
            _ => return Err(Error::shape("eye", "expected one or two lengths", &[&size])),
        };
        let shape = Shape::from([rows, columns]);
        shape.reserve("eye", dtype)?;
        let array = with_dtype!(dtype, F => Array::build::<F>(shape, |out| {
            out.fill(F::default());
            let diagonal = out.iter_mut().step_by(columns + 1).take(rows.min(columns));
            diagonal.for_each(|out| *out = F::from_f64(1.0));
        }));
        Ok(array.into())
    }

    fn counted(
        op: &'static str,
        count: usize,
        dtype: DType,
        next: impl FnMut() -> f64,
    ) -> Result<Self> {
        Shape::from(count).reserve(op, dtype)?;
        Self::from_fn(count, dtype, next)
    }
}

/// # Random values
impl Tensor {
    /// Draws a tensor from the normal distribution. The same generator state gives the same numbers
    /// in either dtype, up to rounding. PyTorch's `randn` has mean 0 and standard deviation 1.
    ///
    /// # Errors
    /// [`Error::Argument`] if the standard deviation is negative or not finite, [`Error::Shape`]
    /// if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor, random::{ChaCha8Rng, SeedableRng}};
    /// let mut rng = ChaCha8Rng::seed_from_u64(0);
    /// let x = Tensor::normal([1000], 5.0, 0.1, DType::F32, &mut rng)?;
    /// assert!((x.mean().item()? - 5.0).abs() < 0.02);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "randn")]
    pub fn normal(
        shape: impl Into<Shape>,
        mean: f64,
        standard_deviation: f64,
        dtype: DType,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        Interval::AtLeast0.check("normal", "the standard deviation", standard_deviation)?;
        Self::from_fn(shape, dtype, || {
            let draw: f64 = StandardNormal.sample(rng);
            mean + standard_deviation * draw
        })
    }

    /// Draws a tensor from the uniform distribution on `[low, high)`. PyTorch's `rand` is that on
    /// `[0, 1)`.
    ///
    /// A draw that rounding would move out of the interval becomes the nearest number of the dtype
    /// inside. If the interval contains no such number, or the bounds are equal, all elements are
    /// the number nearest to `low`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `low > high` or a bound is not finite in the dtype, [`Error::Shape`]
    /// if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor, random::{ChaCha8Rng, SeedableRng}};
    /// let mut rng = ChaCha8Rng::seed_from_u64(0);
    /// let x = Tensor::uniform([1000], -1.0, 1.0, DType::F32, &mut rng)?;
    /// assert!(x.abs().max()?.item()? <= 1.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "rand")]
    pub fn uniform(
        shape: impl Into<Shape>,
        low: f64,
        high: f64,
        dtype: DType,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        let finite = |bound| noise::rounded(dtype, bound).is_finite();
        if !(low <= high && finite(low) && finite(high)) {
            return Err(Error::argument(
                "uniform",
                format!("expected finite bounds low <= high, found {low} and {high}"),
            ));
        }
        let width = high - low;
        let within = noise::within(dtype, low, high, false);
        Self::from_fn(shape, dtype, || {
            let draw: f64 = StandardUniform.sample(rng);
            // The difference of two finite numbers may be infinite.
            within(if width.is_finite() {
                low + width * draw
            } else {
                low * (1.0 - draw) + high * draw
            })
        })
    }

    /// Draws a tensor with the shape and dtype of this one from the normal distribution. PyTorch's
    /// `randn_like` is that of mean 0 and standard deviation 1.
    ///
    /// # Errors
    /// As [`normal`](Self::normal).
    ///
    /// ```
    /// # use cotangent::{Tensor, random::{ChaCha8Rng, SeedableRng}};
    /// let x = Tensor::from([[1.0f64, 2.0]]);
    /// let noise = x.normal_like(0.0, 0.1, &mut ChaCha8Rng::seed_from_u64(0))?;
    /// assert_eq!((noise.shape(), noise.dtype()), (x.shape(), x.dtype()));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "randn_like")]
    pub fn normal_like(
        &self,
        mean: f64,
        standard_deviation: f64,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        Self::normal(self.shape(), mean, standard_deviation, self.dtype(), rng)
    }

    /// Draws a tensor with the shape and dtype of this one from the uniform distribution on
    /// `[low, high)`. PyTorch's `rand_like` is that on `[0, 1)`.
    ///
    /// # Errors
    /// As [`uniform`](Self::uniform).
    ///
    /// ```
    /// # use cotangent::{Tensor, random::{ChaCha8Rng, SeedableRng}};
    /// let x = Tensor::from([[1.0f64, 2.0]]);
    /// let noise = x.uniform_like(-1.0, 1.0, &mut ChaCha8Rng::seed_from_u64(0))?;
    /// assert_eq!((noise.shape(), noise.dtype()), (x.shape(), x.dtype()));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "rand_like")]
    pub fn uniform_like(&self, low: f64, high: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::uniform(self.shape(), low, high, self.dtype(), rng)
    }
}

/// # Properties and data
impl Tensor {
    /// Returns the elements of a matrix, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] if the tensor does not have two axes, [`Error::DType`] if the elements are
    /// not of type `T`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let rows = vec![vec![1.0f32, 2.0], vec![3.0, 4.0]];
    /// assert_eq!(Tensor::try_from(rows.clone())?.to_vec2::<f32>()?, rows);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn to_vec2<T: Element>(&self) -> Result<Vec<Vec<T>>> {
        let &[rows, columns] = self.shape() else {
            let reason = "expected two axes";
            return Err(Error::shape("to_vec2", reason, &[self.shape()]));
        };
        self.expect_dtype("to_vec2", T::DTYPE)?;
        let values = self.array().to_vec::<T>();
        let row = |i: usize| values[i * columns..(i + 1) * columns].to_vec();
        Ok((0..rows).map(row).collect())
    }

    /// Converts the elements to another dtype. The gradient is converted back to the dtype of
    /// `self`.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::from([0.5f32]).to_dtype(DType::F64).to_vec::<f64>()?, [0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "to")]
    #[doc(alias = "float")]
    #[doc(alias = "double")]
    #[doc(alias = "astype")]
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

impl Op for Cast {
    fn name(&self) -> &'static str {
        "to_dtype"
    }
    fn kind(&self) -> OpKind {
        OpKind::Elementwise
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
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

impl<T: Element> From<Vec<T>> for Tensor {
    /// Creates a vector; [`Tensor::from_vec`] also takes a shape.
    fn from(values: Vec<T>) -> Self {
        Self::from(&values[..])
    }
}

impl<T: Element> FromIterator<T> for Tensor {
    /// Creates a vector.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let squares: Tensor = (0..4).map(|i| (i * i) as f32).collect();
    /// assert_eq!(squares.to_vec::<f32>()?, [0.0, 1.0, 4.0, 9.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::from(values.into_iter().collect::<Vec<_>>())
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

impl<T: Element> TryFrom<Vec<Vec<T>>> for Tensor {
    type Error = Error;

    /// Creates a matrix from its rows.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rows differ in length.
    fn try_from(rows: Vec<Vec<T>>) -> Result<Self> {
        let columns = rows.first().map_or(0, Vec::len);
        if let Some((i, row)) = rows
            .iter()
            .enumerate()
            .find(|(_, row)| row.len() != columns)
        {
            let reason = format!("row {i} has {} elements, row 0 has {columns}", row.len());
            let shape = [rows.len(), columns];
            return Err(Error::shape("Tensor::try_from", reason, &[&shape]));
        }
        Ok(Array::from_slice(Shape::from([rows.len(), columns]), &rows.concat()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Indices;
    use rand::SeedableRng;

    #[test]
    fn vectors_and_iterators_become_vectors() -> Result<()> {
        assert_eq!(Tensor::from(vec![1.0f32, 2.0]).to_vec::<f32>()?, [1.0, 2.0]);
        assert_eq!(Tensor::from(Vec::<f64>::new()).shape(), [0]);
        let halves: Tensor = (0..3).map(|i| f64::from(i) / 2.0).collect();
        assert_eq!(halves.to_vec::<f64>()?, [0.0, 0.5, 1.0]);
        let matrix = (0..6).map(|i| i as f32).collect::<Tensor>();
        assert_eq!(matrix.reshape([2, crate::INFER])?.shape(), [2, 3]);
        Ok(())
    }

    #[test]
    fn like_takes_shape_and_dtype_and_no_graph() -> Result<()> {
        let x = Tensor::from([[1.0f64, 2.0, 3.0]])
            .tracked()
            .transpose(0, 1)?;
        let mut rng = crate::random::ChaCha8Rng::seed_from_u64(1);
        let made = [
            x.zeros_like()?,
            x.ones_like()?,
            x.full_like(0.5)?,
            x.normal_like(0.0, 1.0, &mut rng)?,
            x.uniform_like(2.0, 3.0, &mut rng)?,
        ];
        for y in &made {
            assert_eq!((y.shape(), y.dtype()), (&[3, 1][..], DType::F64));
            assert!(!y.is_tracked());
        }
        assert_eq!(made[0].to_f64_vec(), [0.0; 3]);
        assert_eq!(made[1].to_f64_vec(), [1.0; 3]);
        assert_eq!(made[2].to_f64_vec(), [0.5; 3]);
        assert!(made[4].ge_scalar(2.0).all() && made[4].lt_scalar(3.0).all());
        Ok(())
    }

    #[test]
    fn indices_become_numbers_of_a_dtype() -> Result<()> {
        let indices = Indices::from([[1, 2], [3, (1 << 24) + 1]]);
        let exact = indices.to_tensor(DType::F64);
        assert_eq!(exact.to_vec::<f64>()?, [1.0, 2.0, 3.0, 16_777_217.0]);
        assert_eq!(exact.shape(), [2, 2]);
        let rounded = indices
            .rows()?
            .next_back()
            .map(|row| row.to_tensor(DType::F32));
        let rounded = rounded.expect("there are two rows").to_vec::<f32>()?;
        assert_eq!(rounded, [3.0, 16_777_216.0]);
        Ok(())
    }
}
