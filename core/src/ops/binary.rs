//! Elementwise functions of two tensors, with NumPy's broadcasting.

use super::elementwise::constant;
use super::symbolic::Tape;
use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::parallel::GRAIN;
use crate::kernel::{Map, Real, Update};
use crate::tensor::{Array, Shape, broadcast_shapes};
use smallvec::smallvec;

/// An elementwise function of two operands.
pub(super) trait Binary: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    /// Which operands the partial derivative with respect to the first, and to the second, is a
    /// function of.
    const NEEDS: [[bool; 2]; 2];
    /// y = f(a, b)
    fn value<T: Real>(self, a: T, b: T) -> T;
    /// ∂f/∂a for `operand` 0, ∂f/∂b for 1.
    fn partial<T: Real>(self, operand: usize, a: T, b: T) -> T;
}

/// Applies and records a function of two tensors that are known to broadcast and share a dtype.
pub(super) fn apply<B: Binary>(binary: B, a: &Tensor, b: &Tensor) -> Tensor {
    // Where shapes do not broadcast the caller was wrong; `checked` is the way in from outside.
    let shape = broadcast_shapes(B::NAME, a.shape(), b.shape()).unwrap_or_default();
    apply_to(&shape, binary, a, b)
}

/// As [`apply`], for any two tensors.
fn checked<B: Binary>(binary: B, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    b.expect_dtype(B::NAME, a.dtype())?;
    let shape = a.array().shape();
    if b.array().shape() == shape {
        // Asked only where it is worth it: this is most of what an operation on scalars costs.
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
        [g * self.binary.partial(self.operand, a, b)]
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
            let partial = self
                .binary
                .partial(operand, symbol(needed[0]), symbol(needed[1]));
            return (tape.symbol(&cotangent) * partial).tensor();
        }
        // Where only one operand matters it stands for both.
        let (a, b) = match needed {
            [Some(a), Some(b)] => (a, b),
            [Some(only), None] | [None, Some(only)] => (only, only),
            [None, None] => {
                return cotangent
                    .scaled_in_place(constant(|any| self.binary.partial(operand, any, any)));
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

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        // The last one that is wanted may work in the cotangent's own storage.
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

/// Defines elementwise functions of two tensors: the documented method, which operands the partial
/// derivatives need, the formula, the partial derivatives.
macro_rules! binary {
    ($(
        $(#[$doc:meta])*
        pub fn $method:ident as $name:ident
            needs $needs:expr,
            value |$a:ident, $b:ident| $value:expr,
            partials $first:expr, $second:expr;
    )*) => {$(
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name;

        impl Binary for $name {
            const NAME: &'static str = stringify!($method);
            const NEEDS: [[bool; 2]; 2] = $needs;
            #[inline(always)]
            fn value<T: Real>(self, $a: T, $b: T) -> T {
                $value
            }
            #[inline(always)]
            fn partial<T: Real>(self, operand: usize, $a: T, $b: T) -> T {
                #[allow(unused_variables)]
                if operand == 0 { $first } else { $second }
            }
        }

        impl Tensor {
            $(#[$doc])*
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
            /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
            pub fn $method(&self, other: &Self) -> Result<Self> {
                checked($name, self, other)
            }
        }
    )*};
}

const NONE: [bool; 2] = [false, false];
const FIRST: [bool; 2] = [true, false];
const SECOND: [bool; 2] = [false, true];
const BOTH: [bool; 2] = [true, true];

binary! {
    /// a + b, broadcast; `&a + &b` is the same but panics where this returns an error.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let sum = Tensor::from([[1.0f32], [2.0]]).add(&Tensor::from([10.0f32, 20.0]))?;
    /// assert_eq!(sum.to_vec::<f32>()?, [11.0, 21.0, 12.0, 22.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn add as Plus
        needs [NONE, NONE],
        value |a, b| a + b,
        partials a.one(), b.one();

    /// a - b, broadcast; `&a - &b` is the same but panics where this returns an error.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let difference = Tensor::from([3.0f32, 4.0]).sub(&Tensor::from([1.0f32, 1.5]))?;
    /// assert_eq!(difference.to_vec::<f32>()?, [2.0, 2.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sub as Minus
        needs [NONE, NONE],
        value |a, b| a - b,
        partials a.one(), b.constant(-1.0);

    /// a · b elementwise, broadcast; `&a * &b` is the same but panics where this returns an error.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let product = Tensor::from([3.0f32, 4.0]).mul(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(product.to_vec::<f32>()?, [6.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn mul as Times
        needs [SECOND, FIRST],
        value |a, b| a * b,
        partials b, a;

    /// a / b elementwise, broadcast; `&a / &b` is the same but panics where this returns an error.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let quotient = Tensor::from([3.0f32, 4.0]).div(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(quotient.to_vec::<f32>()?, [1.5, 8.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn div as Over
        needs [SECOND, BOTH],
        value |a, b| a / b,
        partials b.recip(), -(a / b / b);

    /// a^b elementwise, broadcast. The derivative with respect to b is 0 where a is 0 and b is
    /// not negative, as in PyTorch.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let power = Tensor::from([3.0f32, 4.0]).pow(&Tensor::from([2.0f32, 0.5]))?;
    /// assert_eq!(power.to_vec::<f32>()?, [9.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn pow as Power
        needs [BOTH, BOTH],
        value |a, b| a.powf(b),
        partials
            T::select(b.equals(b.zero()), a.zero(), b * a.powf(b - 1.0)),
            {
                let zero = T::select(a.equals(a.zero()), a.one(), a.zero());
                let not_negative = T::select(b.ge(b.zero()), a.one(), a.zero());
                let vanishes = (zero * not_negative).equals(a.one());
                let base = T::select(vanishes, a.one(), a);
                T::select(vanishes, a.zero(), base.powf(b) * base.ln())
            };

    /// The larger of a and b, broadcast; NaN if either is. Where they are equal each gets half of
    /// the gradient.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let larger = Tensor::from([3.0f32, 4.0]).maximum(&Tensor::from([2.0f32, 5.0]))?;
    /// assert_eq!(larger.to_vec::<f32>()?, [3.0, 5.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn maximum as Maximum
        needs [BOTH, BOTH],
        value |a, b| T::select(b.equals(b), T::select(a.lt(b), b, a), b),
        partials share(b, a), share(a, b);

    /// The smaller of a and b, broadcast; NaN if either is. Where they are equal each gets half of
    /// the gradient.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let smaller = Tensor::from([3.0f32, 4.0]).minimum(&Tensor::from([2.0f32, 5.0]))?;
    /// assert_eq!(smaller.to_vec::<f32>()?, [2.0, 4.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn minimum as Minimum
        needs [BOTH, BOTH],
        value |a, b| T::select(b.equals(b), T::select(b.lt(a), b, a), b),
        partials share(a, b), share(b, a);

    /// The angle in radians of the point (other, self), broadcast. The derivatives at the origin are
    /// 0.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let angle = Tensor::from([0.0f32]).atan2(&Tensor::from([1.0f32]))?;
    /// assert_eq!(angle.to_vec::<f32>()?, [0.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn atan2 as Atan2
        needs [BOTH, BOTH],
        value |a, b| a.atan2(b),
        partials over_square(b, a, b), over_square(-a, a, b);
}

/// x / (a² + b²), or 0 where that sum is 0.
#[inline(always)]
fn over_square<T: Real>(x: T, a: T, b: T) -> T {
    let square = a * a + b * b;
    let vanishes = square.equals(square.zero());
    // The branch that is not chosen must be finite too: its derivative is multiplied by 0.
    T::select(
        vanishes,
        x.zero(),
        x / T::select(vanishes, square.one(), square),
    )
}

/// What of the gradient the operand that should be larger gets: half where the two are equal, none
/// where it is smaller, else (where one is NaN too) all.
#[inline(always)]
fn share<T: Real>(smaller: T, larger: T) -> T {
    let tied = T::select(smaller.equals(larger), smaller.constant(0.5), smaller.one());
    T::select(larger.lt(smaller), smaller.zero(), tied)
}
