//! `Tensor`, the type of every operation: an array and the graph node that computed it.

use super::node::{Node, Origin};
use super::observer::Observer;
use super::op::{Cotangents, Op, Vjp};
use crate::error::{Error, Result};
use crate::kernel::strided::scatter;
use crate::kernel::{Float, Real, Update};
use crate::tensor::{
    Array, DType, Element, Layout, Shape, Span, refusable, resolve_axis, with_dtype,
};
use smallvec::smallvec;
use std::sync::Arc;

/// An immutable, n-dimensional array of `f32` or `f64` that can be differentiated.
///
/// Cloning a tensor shares its storage, and so do views (transposes, slices, broadcasts). A tensor
/// computed from a [`tracked`](Tensor::tracked) one records the operation and its operands;
/// [`backward`](Tensor::backward) follows these records. They are freed when the tensor is dropped
/// or used up by `backward`; [`detach`](Tensor::detach) returns the values without them.
///
/// The operators `+ - * /` take tensors and numbers: `&x * &y`, `x * 2.0`, `2.0 * &x`. A number
/// takes the dtype of the tensor. If two tensors differ in dtype or do not broadcast, an operator
/// panics, but the methods [`add`](Tensor::add), [`mul`](Tensor::mul) and so on return the error.
///
/// ```
/// use cotangent::Tensor;
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).tracked();
/// let loss = x.square().sum();
/// let grads = loss.backward()?;
/// assert_eq!(grads.get(&x).unwrap().to_vec::<f32>()?, [2.0, 4.0, 6.0, 8.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "operations return new tensors and change none"]
pub struct Tensor(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    array: Array,
    node: Option<Arc<Node>>,
}

/// # Properties and data
impl Tensor {
    /// Returns the lengths of the axes, outermost first; empty for a scalar.
    #[doc(alias = "size")]
    pub fn shape(&self) -> &[usize] {
        self.array().shape()
    }

    /// Returns the number of axes.
    #[doc(alias = "ndim")]
    #[doc(alias = "dim")]
    pub fn rank(&self) -> usize {
        self.shape().len()
    }

    /// Returns the number of elements.
    #[doc(alias = "numel")]
    pub fn len(&self) -> usize {
        self.array().len()
    }

    /// Returns whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the element type.
    pub fn dtype(&self) -> DType {
        self.array().dtype()
    }

    /// Returns the elements in row-major order.
    ///
    /// # Errors
    /// [`Error::DType`] if the elements are not of type `T`, [`Error::Shape`] if the system refuses
    /// memory.
    #[doc(alias = "numpy")]
    #[doc(alias = "tolist")]
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.expect_dtype("to_vec", T::DTYPE)?;
        refusable("to_vec", || Ok(self.array().to_vec()))
    }

    /// Returns the elements in row-major order, for writing. If anything else holds their storage,
    /// they are copied first. The tensor becomes untracked.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let mut x = Tensor::from([1.0f32, 2.0]);
    /// x.as_mut_slice::<f32>()?[1] = 5.0;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`] if the elements are not of type `T`, [`Error::Shape`] if the system refuses
    /// memory.
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        self.expect_dtype("as_mut_slice", T::DTYPE)?;
        refusable("as_mut_slice", || {
            self.elements_mut::<T>();
            Ok(())
        })?;
        Ok(self.elements_mut())
    }

    /// Copies the elements in row-major order to a slice of the same length.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let mut buffer = [0.0f32; 4];
    /// Tensor::from([1.0f32, 2.0]).copy_to(&mut buffer[1..3])?;
    /// assert_eq!(buffer, [0.0, 1.0, 2.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`] if the elements are not of type `T`, [`Error::Shape`] if the slice has
    /// another length, or if the system refuses memory.
    pub fn copy_to<T: Element>(&self, slice: &mut [T]) -> Result<()> {
        self.expect_dtype("copy_to", T::DTYPE)?;
        if self.len() != slice.len() {
            let reason = format!("expected a slice of {} elements", self.len());
            return Err(Error::shape("copy_to", reason, &[&[slice.len()]]));
        }
        refusable("copy_to", || {
            slice.copy_from_slice(self.array().contiguous::<T>().as_ref());
            Ok(())
        })
    }

    /// Returns the elements in row-major order, converted to `f64`.
    #[track_caller]
    pub fn to_f64_vec(&self) -> Vec<f64> {
        self.array().to_f64_vec()
    }

    /// Returns the only element as `f64`, whatever the number of axes.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of elements is not one.
    pub fn item(&self) -> Result<f64> {
        if self.len() != 1 {
            let reason = format!("expected one element, found {}", self.len());
            return Err(Error::shape("item", reason, &[self.shape()]));
        }
        let place = self.array().layout.offset;
        Ok(with_dtype!(self.dtype(), F => self.array().view::<F>().data[place].to_f64()))
    }
}

/// # Differentiation
impl Tensor {
    /// Returns whether gradients flow through this tensor.
    pub fn is_tracked(&self) -> bool {
        self.node().is_some()
    }

    /// Returns the same values as a leaf of a new graph, for which
    /// [`backward`](Self::backward) computes a gradient. PyTorch: `x.detach().requires_grad_()`.
    #[doc(alias = "requires_grad")]
    pub fn tracked(&self) -> Self {
        let node = Node::leaf(self.array().shape().clone(), self.dtype());
        Self::new(self.array().clone(), Some(node))
    }

    /// Returns the same values without the graph that computed them: no gradient flows through the
    /// result. The storage is shared.
    ///
    /// Parameters read under [`Pass::inference`](crate::module::Pass::inference) are detached
    /// already; no global switch such as PyTorch's `no_grad` exists.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let x = Tensor::from([3.0f32]).tracked();
    /// let constant = x.square().detach();
    /// assert!(!constant.is_tracked());
    /// let gradients = x.mul(&constant)?.sum().backward()?;
    /// assert_eq!(gradients.get(&x).unwrap().to_vec::<f32>()?, [9.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "no_grad")]
    #[doc(alias = "stop_gradient")]
    pub fn detach(&self) -> Self {
        if self.is_tracked() {
            Self::new(self.array().clone(), None)
        } else {
            self.clone()
        }
    }
}

/// # Elementwise functions
impl Tensor {
    /// Multiplies the elements by `factor`, in place if nothing else holds the storage. The
    /// operation is not recorded: the result is untracked.
    pub fn scaled_in_place(self, factor: f64) -> Self {
        if factor == 1.0 {
            return self.detach();
        }
        // Other factors do not map 0 to 0.
        if factor.is_finite()
            && factor.is_sign_positive()
            && let Some(scaled) = self.array().updated_rows(Scale(factor))
        {
            return scaled.into();
        }
        self.update(Scale(factor), [])
    }

    /// Replaces each element by a function of itself and the elements of `others` at the same
    /// place, in place if nothing else holds the storage. The operation is not recorded: the tensor
    /// is untracked afterwards.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// use cotangent::kernel::{Real, Update};
    ///
    /// /// `x := x / (1 + |y|)`
    /// #[derive(Clone, Copy)]
    /// struct Damp;
    ///
    /// impl Update<1, 1> for Damp {
    ///     #[inline(always)]
    ///     fn apply<T: Real>(self, [x]: [T; 1], [y]: [T; 1]) -> [T; 1] {
    ///         [x / (y.abs() + 1.0)]
    ///     }
    /// }
    ///
    /// let mut x = Tensor::from([6.0f32, 8.0]);
    /// x.map_in_place(Damp, [&Tensor::from([1.0f32, -3.0])])?;
    /// assert_eq!(x.to_vec::<f32>()?, [3.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`] if one of `others` has another shape or dtype, or if
    /// the system refuses memory. On an error the tensor is unchanged.
    ///
    /// # Panics
    /// If `formula` panics. Some elements may have been replaced then.
    pub fn map_in_place<const N: usize, U: Update<1, N>>(
        &mut self,
        formula: U,
        others: [&Self; N],
    ) -> Result<()> {
        for other in others {
            other.expect_dtype("map_in_place", self.dtype())?;
            if other.shape() != self.shape() {
                let shapes = [self.shape(), other.shape()];
                return Err(Error::shape("map_in_place", "shapes differ", &shapes));
            }
        }
        refusable("map_in_place", || {
            let args = others.map(Self::array);
            if let Some(inner) = Arc::get_mut(&mut self.0) {
                inner.node = None;
                inner.array.update(formula, args);
            } else {
                let mut array = self.array().clone();
                array.update(formula, args);
                *self = Self::from(array);
            }
            Ok(())
        })
    }

    /// Replaces the elements `start..start + n` of an axis by those of `source`, whose length along
    /// the axis is `n`: in place if nothing else holds the storage. The operation is not recorded:
    /// the tensor is untracked afterwards. With it a buffer is filled step by step, such as the
    /// cache of an attention.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let mut x = Tensor::zeros([2, 3], DType::F32)?;
    /// x.write_in_place(1, 1, &Tensor::from([[1.0f32], [2.0]]))?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 1.0, 0.0, 0.0, 2.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Index`] if the axis or the range does not exist, [`Error::Shape`] if the other
    /// lengths differ or if the system refuses memory, [`Error::DType`] if the dtypes differ. On an
    /// error the tensor is unchanged.
    pub fn write_in_place(&mut self, axis: isize, start: usize, source: &Self) -> Result<()> {
        let op = "write_in_place";
        source.expect_dtype(op, self.dtype())?;
        let axis = resolve_axis(op, axis, self.rank())?;
        let shapes = [self.shape(), source.shape()];
        let without = |x: &Self| x.array().shape().without(axis);
        if source.rank() != self.rank() || without(source) != without(self) {
            let reason = format!("expected equal lengths of all axes except axis {axis}");
            return Err(Error::shape(op, reason, &shapes));
        }
        let len = source.shape()[axis];
        Span::narrow(self.shape(), axis as isize, start, len)?;
        refusable(op, || {
            let window = Layout::row_major(self.array().shape().clone()).slice(axis, start, len, 1);
            with_dtype!(self.dtype(), F => {
                let xs = &*source.array().contiguous::<F>();
                scatter(xs, &window.view(), self.elements_mut::<F>());
            });
            Ok(())
        })
    }
}

impl Tensor {
    pub(crate) fn new(array: Array, node: Option<Arc<Node>>) -> Self {
        Self(Arc::new(Inner { array, node }))
    }

    pub(crate) fn array(&self) -> &Array {
        &self.0.array
    }

    /// Returns the array. Its storage is not shared if this was the only handle.
    pub(crate) fn into_array(self) -> Array {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.array,
            Err(shared) => shared.array.clone(),
        }
    }

    /// Returns the array for writing. The tensor is untracked afterwards.
    pub(crate) fn array_mut(&mut self) -> &mut Array {
        if Arc::get_mut(&mut self.0).is_none() {
            *self = Self::from(self.array().clone());
        }
        let inner = Arc::get_mut(&mut self.0).expect("nothing else holds it");
        inner.node = None;
        &mut inner.array
    }

    /// Applies `update` to each element and those of `args`, which have the same shape and dtype:
    /// in place if nothing else holds the storage. Not recorded.
    pub(crate) fn update<const N: usize, U: Update<1, N>>(
        mut self,
        update: U,
        args: [&Array; N],
    ) -> Self {
        self.array_mut().update(update, args);
        self
    }

    /// Returns the elements in row-major order for writing, copied first if anything else holds
    /// their storage. The tensor becomes untracked.
    pub(crate) fn elements_mut<F: Element>(&mut self) -> &mut [F] {
        let inner = Arc::make_mut(&mut self.0);
        inner.node = None;
        inner.array.elements_mut()
    }

    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.0.node.as_ref()
    }

    /// Returns the same tensor behind a node from which `observer` watches what is computed from
    /// it. An untracked tensor is returned as it is.
    pub(crate) fn observed(&self, observer: &Arc<dyn Observer>) -> Self {
        if self.node().is_none() {
            return self.clone();
        }
        let origin = Origin {
            observer: Some(Arc::clone(observer)),
            ..Origin::of(self.array(), &[self])
        };
        let node = Node::new(origin, Watched);
        Self::new(self.array().clone(), Some(node))
    }

    pub(crate) fn expect_dtype(&self, op: &'static str, expected: DType) -> Result<()> {
        if self.dtype() == expected {
            Ok(())
        } else {
            Err(Error::dtype(op, expected, self.dtype()))
        }
    }

    /// Returns an error that names the operands' dtypes unless they are equal.
    #[inline]
    pub(crate) fn expect_same_dtype(&self, op: &'static str, other: &Self) -> Result<()> {
        if self.dtype() == other.dtype() {
            return Ok(());
        }
        self.dtypes_differ(op, other)
    }

    #[cold]
    fn dtypes_differ(&self, op: &'static str, other: &Self) -> Result<()> {
        let (left, right) = ("the left operand", "the right operand");
        DType::expect_same(op, &[(left, self.dtype()), (right, other.dtype())])
    }

    /// Returns an error that names the operands of another dtype unless all that are given have
    /// one.
    pub(crate) fn expect_one_dtype(
        op: &'static str,
        operands: &[(&str, Option<&Self>)],
    ) -> Result<()> {
        let mut dtypes = operands.iter().filter_map(|(_, x)| Some((*x)?.dtype()));
        let first = dtypes.next();
        if dtypes.all(|dtype| Some(dtype) == first) {
            return Ok(());
        }
        let there = operands
            .iter()
            .filter_map(|&(name, x)| Some((name, x?.dtype())));
        DType::expect_same(op, &there.collect::<Vec<_>>())
    }

    /// Checks the dtypes of a list of operands as [`expect_one_dtype`](Self::expect_one_dtype)
    /// does; an error names them `list[0]`, `list[1]` and so on.
    pub(crate) fn expect_one_dtype_in(
        op: &'static str,
        list: &str,
        tensors: &[&Self],
    ) -> Result<()> {
        if tensors.iter().all(|x| x.dtype() == tensors[0].dtype()) {
            return Ok(());
        }
        let names: Vec<String> = (0..tensors.len()).map(|i| format!("{list}[{i}]")).collect();
        let operands = names.iter().zip(tensors);
        let operands: Vec<_> = operands
            .map(|(name, x)| (name.as_str(), x.dtype()))
            .collect();
        DType::expect_same(op, &operands)
    }

    /// Returns an error if there is no memory for another tensor of this shape and dtype.
    pub(crate) fn reserve_like(&self, op: &'static str) -> Result<()> {
        self.array().shape().reserve(op, self.dtype())
    }

    /// Returns an untracked tensor of this shape and dtype whose elements are all `value`, stored
    /// once.
    pub(crate) fn constant_like(&self, value: f64) -> Self {
        Self::from(
            Array::full(self.dtype(), Shape::default(), value).broadcast_to(self.array().shape()),
        )
    }
}

/// The identity, recorded where an observer begins to watch.
struct Watched;

impl Op for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent)])
    }
}

#[derive(Clone, Copy)]
struct Scale(f64);

impl Update<1, 0> for Scale {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], []: [T; 0]) -> [T; 1] {
        [x * self.0]
    }
}

impl From<Array> for Tensor {
    fn from(array: Array) -> Self {
        Self::new(array, None)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.array.dtype(), self.array.shape())
    }
}
