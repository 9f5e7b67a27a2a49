//! Elementwise functions of two tensors, with NumPy's broadcasting.

use crate::autograd::{OpKind, Tensor};
use crate::error::Result;
use crate::kernel::{Formula, Needs, Real};
use crate::ops::elementwise::functions::{binary, called};
use crate::ops::elementwise::operation::{self, Operation};
use cotangent_macros::elementwise;

binary! {
    /// Computes the sum `self + other`, broadcast. The operator `&a + &b` does the same, but panics
    /// if the shapes or dtypes do not fit.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let sum = Tensor::from([[1.0f32], [2.0]]).add(&Tensor::from([10.0f32, 20.0]))?;
    /// assert_eq!(sum.to_vec::<f32>()?, [11.0, 21.0, 12.0, 22.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn add(a, b): Blend = { a + b }

    /// Computes the difference `self - other`, broadcast. The operator `&a - &b` does the same, but
    /// panics if the shapes or dtypes do not fit.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let difference = Tensor::from([3.0f32, 4.0]).sub(&Tensor::from([1.0f32, 1.5]))?;
    /// assert_eq!(difference.to_vec::<f32>()?, [2.0, 2.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sub(a, b): Elementwise = { a - b }

    /// Computes the elementwise product `self · other`, broadcast. The operator `&a * &b` does the
    /// same, but panics if the shapes or dtypes do not fit. The matrix product is
    /// [`matmul`](Self::matmul).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let product = Tensor::from([3.0f32, 4.0]).mul(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(product.to_vec::<f32>()?, [6.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mul(a, b): Blend = { a * b }

    /// Computes the elementwise quotient `self / other`, broadcast. The operator `&a / &b` does the
    /// same, but panics if the shapes or dtypes do not fit.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let quotient = Tensor::from([3.0f32, 4.0]).div(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(quotient.to_vec::<f32>()?, [1.5, 8.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn div(a, b): Blend = { a / b } derivatives { 1.0 / b }, { -(a / b / b) }

    /// Computes the elementwise power `self^other`, broadcast. The derivative by the exponent is 0
    /// where the base is 0 and the exponent is not negative, as in PyTorch.
    /// [`powf`](Self::powf) takes a number as the exponent.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let power = Tensor::from([3.0f32, 4.0]).pow(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(power.to_vec::<f32>()?, [9.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn pow(a, b): Elementwise = { pow(a, b) }

    /// Computes the larger of `self` and `other`, broadcast; NaN if either is NaN. Equal elements
    /// get half of the gradient each. [`max`](Self::max) is the largest element of one tensor.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let larger = Tensor::from([3.0f32, 4.0]).maximum(&Tensor::from([2.0f32, 5.0]))?;
    /// assert_eq!(larger.to_vec::<f32>()?, [3.0, 5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "max")]
    pub fn maximum(a, b): Blend = { max(a, b) }

    /// Computes the smaller of `self` and `other`, broadcast; NaN if either is NaN. Equal elements
    /// get half of the gradient each. [`min`](Self::min) is the smallest element of one tensor.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let smaller = Tensor::from([3.0f32, 4.0]).minimum(&Tensor::from([2.0f32, 5.0]))?;
    /// assert_eq!(smaller.to_vec::<f32>()?, [2.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "min")]
    pub fn minimum(a, b): Blend = { min(a, b) }
}

/// # Arithmetic
impl Tensor {
    /// Computes the angle in radians of the point (x, y) = (other, self), broadcast. The
    /// derivatives are 0 at the origin and infinitely far from it, where PyTorch's may be NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let angle = Tensor::from([0.0f32]).atan2(&Tensor::from([1.0f32]))?;
    /// assert_eq!(angle.to_vec::<f32>()?, [0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    pub fn atan2(&self, other: &Self) -> Result<Self> {
        operation::apply(atan2, [self, other])
    }
}

/// The angle of a point (b, a).
#[doc(hidden)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy)]
pub struct atan2;

impl Formula<2> for atan2 {
    const NEEDS: [Needs; 2] = [Needs {
        operands: 3,
        result: false,
    }; 2];
    #[inline(always)]
    fn value<T: Real>(self, [a, b]: [T; 2]) -> T {
        a.atan2(b)
    }
    #[inline(always)]
    fn pullback<T: Real, const WANTED: u32>(self, g: T, [a, b]: [T; 2], _: T) -> [T; 2] {
        if WANTED == 1 {
            [turn(0, g, a, b), g]
        } else if WANTED == 2 {
            [g, turn(1, g, a, b)]
        } else {
            [turn(0, g, a, b), turn(1, g, a, b)]
        }
    }
}

impl Operation<2> for atan2 {
    const NAME: &'static str = "atan2";
    const KIND: OpKind = OpKind::Elementwise;
}

called! { atan2(y = 0, x = 1) as atan2 => atan2 }

/// Applies an operation to tensors of one dtype, whose shapes are known to broadcast.
macro_rules! known {
    ($($(#[$doc:meta])* fn $name:ident = $formula:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name(a: &Tensor, b: &Tensor) -> Tensor {
            operation::apply_known($formula, [a, b])
        }
    )*};
}

known! {
    /// Computes a + b of tensors that are known to fit.
    fn plus = add::new();
    /// Computes a - b of tensors that are known to fit.
    fn minus = sub::new();
    /// Computes a b of tensors that are known to fit.
    fn times = mul::new();
    /// Computes a / b of tensors that are known to fit.
    fn over = div::new();
    /// Computes the power a^b of tensors that are known to fit.
    fn power = pow::new();
    /// Computes the angle of (b, a) for tensors that are known to fit.
    fn angle = atan2;
    /// Computes x · factor, but 0 where the factor is 0 even if x is infinite or NaN: a mask that
    /// may also scale. The factor is a constant.
    fn kept = masked::new();
}

/// Computes the gradient of [`Tensor::atan2`]: g b / (a² + b²), or -g a / (a² + b²) for operand 1;
/// 0 where that sum is 0 or infinite.
#[inline(always)]
fn turn<T: Real>(operand: usize, g: T, a: T, b: T) -> T {
    let (length, width) = (a.abs(), b.abs());
    let larger = T::select(length.lt(width), width, length);
    // NaN if either is NaN.
    let sum = length + width;
    let larger = T::select(sum.equals(sum), larger, sum);
    // The squares may overflow or underflow when the quotient does not, so both are scaled by a
    // power of two. Bounds beyond the range of `f32` are infinite or 0 there, and have no effect.
    let (inner, outer) = (2f64.powi(96), 2f64.powi(600));
    let mut scale = g.one();
    for (bound, down) in [(1e15, inner), (1e100, outer)] {
        let (high, low) = (g.constant(bound), g.constant(bound.recip()));
        scale = T::select(larger.gt(high), g.constant(down.recip()), scale);
        scale = T::select(larger.lt(low), g.constant(down), scale);
    }
    let unless_flat = |flat: T, x: T| {
        let finite = T::select(larger.equals(larger.constant(f64::INFINITY)), flat, x);
        T::select(larger.equals(larger.zero()), flat, finite)
    };
    let (a, b) = (
        unless_flat(a.one(), a * scale),
        unless_flat(b.one(), b * scale),
    );
    let component = if operand == 0 { b } else { -a };
    unless_flat(g.zero(), g) * (component / (a * a + b * b) * scale)
}

/// Adds two tensors each of which may be missing, such as the parts of a tangent.
pub(crate) fn sum_of_some(a: Option<Tensor>, b: Option<Tensor>) -> Result<Option<Tensor>> {
    match (a, b) {
        (Some(a), Some(b)) => a.add(&b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

#[elementwise(kind = Blend, name = "mul", crate = "crate")]
#[derivative(factor = x)]
fn masked(x: Tensor, factor: Tensor) -> Tensor {
    if factor == 0.0 { 0.0 } else { x * factor }
}
