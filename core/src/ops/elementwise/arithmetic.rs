//! Elementwise functions of two tensors, with NumPy's broadcasting.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::threads::parallel::GRAIN;
use crate::kernel::{Map, Real, Update};
use crate::ops::elementwise::formula::constant;
use crate::ops::elementwise::symbolic::Tape;
use crate::tensor::{Array, Shape, broadcast_shapes};
use smallvec::smallvec;

/// An elementwise function of two operands.
pub(crate) trait Binary: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    const KIND: OpKind;
    /// The operands that the partial derivatives use: those of the derivative by the first operand,
    /// then of the derivative by the second.
    const NEEDS: [[bool; 2]; 2];
    /// Computes y = f(a, b).
    fn value<T: Real>(self, a: T, b: T) -> T;
    /// Computes ∂f/∂a for `operand` 0, ∂f/∂b for 1.
    fn partial<T: Real>(self, operand: usize, a: T, b: T) -> T;
    /// Computes the cotangent g times the partial derivative. A function that is constant somewhere
    /// selects instead, for the reason stated in [`formula`](crate::ops::elementwise::formula).
    #[inline(always)]
    fn pullback<T: Real>(self, operand: usize, g: T, a: T, b: T) -> T {
        g * self.partial(operand, a, b)
    }
}

/// Applies and records a function of two tensors of one dtype, whose shapes are known to broadcast.
pub(crate) fn apply<B: Binary>(binary: B, a: &Tensor, b: &Tensor) -> Tensor {
    // Public functions call `checked` instead.
    let shape = broadcast_shapes(B::NAME, a.shape(), b.shape());
    let shape = shape.expect("the callers of `apply` know that the shapes fit");
    apply_to(&shape, binary, a, b)
}

/// Applies a function to any two tensors, as [`apply`] does; an error if they do not fit.
fn checked<B: Binary>(binary: B, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.expect_same_dtype(B::NAME, b)?;
    let shape = a.array().shape();
    if b.array().shape() == shape {
        // Only for large results: the check is most of the cost of an operation on scalars.
        if shape.element_count() > GRAIN {
            shape.reserve(B::NAME, a.dtype())?;
        }
        return Ok(apply_to(shape, binary, a, b));
    }
    let shape = broadcast_shapes(B::NAME, shape, b.shape())?;
    shape.reserve(B::NAME, a.dtype())?;
    Ok(apply_to(&shape, binary, a, b))
}

fn apply_to<B: Binary>(shape: &Shape, binary: B, a: &Tensor, b: &Tensor) -> Tensor {
    let output = Array::map(Value(binary), [a.array(), b.array()], shape);
    Tensor::from_array_op(output, &[a, b], |_| {
        let wanted = [a.is_tracked(), b.is_tracked()];
        let needs = |operand: usize| (0..2).any(|of| wanted[of] && B::NEEDS[of][operand]);
        let saved = [needs(0).then(|| a.clone()), needs(1).then(|| b.clone())];
        Recorded { binary, saved }
    })
}

#[derive(Clone, Copy)]
struct Value<B>(B);

impl<B: Binary> Map<2> for Value<B> {
    #[inline(always)]
    fn apply<T: Real>(self, [a, b]: [T; 2]) -> T {
        self.0.value(a, b)
    }
}

/// g := g ∂f
#[derive(Clone, Copy)]
struct Chain<B> {
    binary: B,
    operand: usize,
}

impl<B: Binary> Update<1, 2> for Chain<B> {
    #[inline(always)]
    fn apply<T: Real>(self, [g]: [T; 1], [a, b]: [T; 2]) -> [T; 1] {
        [self.binary.pullback(self.operand, g, a, b)]
    }
}

struct Recorded<B> {
    binary: B,
    saved: [Option<Tensor>; 2],
}

impl<B: Binary> Recorded<B> {
    fn gradient(&self, operand: usize, cotangent: Tensor, context: &Vjp) -> Tensor {
        let needed = [0, 1].map(|i| self.saved[i].as_ref().filter(|_| B::NEEDS[operand][i]));
        if context.records() {
            let tape = Tape::default();
            let shape = cotangent.array().shape();
            let symbol = |saved: Option<&Tensor>| match saved {
                Some(saved) => tape.symbol(&crate::autograd::stretch(&context.saved(saved), shape)),
                None => tape.symbol(&cotangent.detach()),
            };
            let (a, b) = (symbol(needed[0]), symbol(needed[1]));
            let g = tape.symbol(&cotangent);
            return self.binary.pullback(operand, g, a, b).tensor();
        }
        // If only one operand is needed, it is passed in both places.
        let (a, b) = match needed {
            [Some(a), Some(b)] => (a, b),
            [Some(only), None] | [None, Some(only)] => (only, only),
            [None, None] => {
                let pullback = |one| self.binary.pullback(operand, one, one, one);
                return cotangent.scaled_in_place(constant(pullback));
            }
        };
        let chain = Chain {
            binary: self.binary,
            operand,
        };
        let (a, b, shape) = (a.array(), b.array(), cotangent.array().shape());
        if a.shape() == shape && b.shape() == shape {
            return cotangent.update(chain, [a, b]);
        }
        let [a, b] = [a, b].map(|x| x.broadcast_to(shape));
        cotangent.update(chain, [&a, &b])
    }
}

impl<B: Binary> Op for Recorded<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }

    fn kind(&self) -> OpKind {
        B::KIND
    }

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        // The last gradient may be computed in the cotangent's own storage.
        Ok(match (context.wants(0), context.wants(1)) {
            (true, true) => {
                let first = self.gradient(0, cotangent.clone(), context);
                smallvec![Some(first), Some(self.gradient(1, cotangent, context))]
            }
            (true, false) => smallvec![Some(self.gradient(0, cotangent, context)), None],
            (false, true) => smallvec![None, Some(self.gradient(1, cotangent, context))],
            (false, false) => smallvec![None, None],
        })
    }
}

/// Defines the methods of [`Binary`] for differentiation.
macro_rules! slopes {
    (partials |$a:ident, $b:ident| $first:expr, $second:expr) => {
        #[inline(always)]
        fn partial<T: Real>(self, operand: usize, $a: T, $b: T) -> T {
            #[allow(unused_variables)]
            if operand == 0 { $first } else { $second }
        }
    };
    (pullbacks |$g:ident, $a:ident, $b:ident| $first:expr, $second:expr) => {
        #[inline(always)]
        fn partial<T: Real>(self, operand: usize, a: T, b: T) -> T {
            self.pullback(operand, a.one(), a, b)
        }
        #[inline(always)]
        fn pullback<T: Real>(self, operand: usize, $g: T, $a: T, $b: T) -> T {
            if operand == 0 { $first } else { $second }
        }
    };
}

/// Defines elementwise functions of two tensors: the documented method, its kind, the operands that
/// the partial derivatives use, the formula, the partial derivatives or the pullbacks.
macro_rules! binary {
    ($(
        $(#[$doc:meta])*
        pub fn $method:ident as $name:ident: $kind:ident
            needs $needs:expr,
            value |$a:ident, $b:ident| $value:expr,
            $slopes:ident |$($argument:ident),+| $first:expr, $second:expr;
    )*) => {
        $(
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;

        impl Binary for $name {
            const NAME: &'static str = stringify!($method);
            const KIND: OpKind = OpKind::$kind;
            const NEEDS: [[bool; 2]; 2] = $needs;
            #[inline(always)]
            fn value<T: Real>(self, $a: T, $b: T) -> T {
                $value
            }
            slopes! { $slopes |$($argument),+| $first, $second }
        }
        )*

        /// # Arithmetic
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
            /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
            pub fn $method(&self, other: &Self) -> Result<Self> {
                checked($name, self, other)
            }
        )*}
    };
}

const NONE: [bool; 2] = [false, false];
const FIRST: [bool; 2] = [true, false];
const SECOND: [bool; 2] = [false, true];
const BOTH: [bool; 2] = [true, true];

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
    pub fn add as Plus: Blend
        needs [NONE, NONE],
        value |a, b| a + b,
        partials |a, b| a.one(), b.one();

    /// Computes the difference `self - other`, broadcast. The operator `&a - &b` does the same, but
    /// panics if the shapes or dtypes do not fit.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let difference = Tensor::from([3.0f32, 4.0]).sub(&Tensor::from([1.0f32, 1.5]))?;
    /// assert_eq!(difference.to_vec::<f32>()?, [2.0, 2.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sub as Minus: Elementwise
        needs [NONE, NONE],
        value |a, b| a - b,
        partials |a, b| a.one(), b.constant(-1.0);

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
    pub fn mul as Times: Blend
        needs [SECOND, FIRST],
        value |a, b| a * b,
        partials |a, b| b, a;

    /// Computes the elementwise quotient `self / other`, broadcast. The operator `&a / &b` does the
    /// same, but panics if the shapes or dtypes do not fit.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let quotient = Tensor::from([3.0f32, 4.0]).div(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(quotient.to_vec::<f32>()?, [1.5, 8.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn div as Over: Blend
        needs [SECOND, BOTH],
        value |a, b| a / b,
        partials |a, b| b.recip(), -(a / b / b);

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
    pub fn pow as Power: Elementwise
        needs [BOTH, BOTH],
        value |a, b| a.powf(b),
        pullbacks |g, a, b|
            {
                let flat = b.equals(b.zero());
                let exponent = T::select(flat, b.one(), b);
                T::select(flat, g.zero(), g) * (exponent * a.powf(exponent - 1.0))
            },
            {
                let zero = T::select(a.equals(a.zero()), a.one(), a.zero());
                let not_negative = T::select(b.ge(b.zero()), a.one(), a.zero());
                let flat = (zero * not_negative).equals(a.one());
                let base = T::select(flat, a.one(), a);
                T::select(flat, g.zero(), g) * (base.powf(b) * base.ln())
            };

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
    pub fn maximum as Maximum: Blend
        needs [BOTH, BOTH],
        value |a, b| T::select(b.equals(b), T::select(a.lt(b), b, a), b),
        pullbacks |g, a, b| share(g, b, a), share(g, a, b);

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
    pub fn minimum as Minimum: Blend
        needs [BOTH, BOTH],
        value |a, b| T::select(b.equals(b), T::select(b.lt(a), b, a), b),
        pullbacks |g, a, b| share(g, a, b), share(g, b, a);

    /// Computes the angle in radians of the point (x, y) = (other, self), broadcast. The
    /// derivatives are 0 at the origin and infinitely far from it, where PyTorch's may be NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let angle = Tensor::from([0.0f32]).atan2(&Tensor::from([1.0f32]))?;
    /// assert_eq!(angle.to_vec::<f32>()?, [0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn atan2 as Atan2: Elementwise
        needs [BOTH, BOTH],
        value |a, b| a.atan2(b),
        pullbacks |g, a, b| turn(0, g, a, b), turn(1, g, a, b);
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

/// Computes the part of the cotangent g for the operand that should be the larger: half where the
/// two are equal, none where it is smaller, all otherwise, also if one is NaN.
#[inline(always)]
fn share<T: Real>(g: T, smaller: T, larger: T) -> T {
    let tied = T::select(smaller.equals(larger), g.constant(0.5), g.one());
    T::select(larger.lt(smaller), g.zero(), g * tied)
}

/// x · factor, but 0 where the factor is 0 even if x is infinite or NaN: a mask that may also
/// scale. The factor is a constant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept;

impl Binary for Kept {
    const NAME: &'static str = "mul";
    const KIND: OpKind = OpKind::Blend;
    const NEEDS: [[bool; 2]; 2] = [SECOND, FIRST];
    #[inline(always)]
    fn value<T: Real>(self, x: T, factor: T) -> T {
        T::select(factor.equals(x.zero()), x.zero(), x * factor)
    }
    #[inline(always)]
    fn partial<T: Real>(self, operand: usize, x: T, factor: T) -> T {
        if operand == 0 { factor } else { x }
    }
    #[inline(always)]
    fn pullback<T: Real>(self, operand: usize, g: T, x: T, factor: T) -> T {
        if operand == 0 {
            self.value(g, factor)
        } else {
            g * x
        }
    }
}
