//! The tables of elementwise functions: a line has the documented method of `Tensor` and its
//! formula, which `#[elementwise]` differentiates.

/// Defines functions of one tensor: the heading on `Tensor`'s page, the kind, and for each function
/// the documented signature, the formula, and the derivative if a better one is known than that of
/// the formula.
macro_rules! functions {
    ($heading:literal $kind:ident: $(
        $(#[$meta:meta])*
        pub fn $method:ident($x:ident $(, $parameter:ident: $ty:ty)*) = $value:block
            $(derivative $derivative:block)?
    )*) => {
        $(
        #[doc(hidden)]
        #[cotangent_macros::elementwise(kind = $kind, crate = "crate")]
        $(#[derivative($x = $derivative)])?
        pub fn $method($x: Tensor $(, $parameter: $ty)*) -> Tensor $value
        )*

        #[doc = $heading]
        impl Tensor {$(
            $(#[$meta])*
            #[track_caller]
            pub fn $method(&self $(, $parameter: $ty)*) -> Self {
                $method(self $(, $parameter)*)
            }
        )*}
    };
}
pub(crate) use functions;

/// Defines functions of two tensors as [`functions!`] does.
macro_rules! binary {
    ($(
        $(#[$meta:meta])*
        pub fn $method:ident($a:ident, $b:ident): $kind:ident = $value:block
            $(derivatives $first:block, $second:block)?
    )*) => {
        $(
        #[doc(hidden)]
        #[cotangent_macros::elementwise(kind = $kind, crate = "crate")]
        $(#[derivative($a = $first, $b = $second)])?
        pub fn $method($a: Tensor, $b: Tensor) -> Tensor $value
        )*

        /// # Arithmetic
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
            /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
            pub fn $method(&self, other: &Self) -> Result<Self> {
                $method(self, other)
            }
        )*}
    };
}
pub(crate) use binary;

/// Lets formulas call a function of one operand whose formula is written by hand.
macro_rules! called {
    ($name:ident($x:ident) as $formula:expr, $method:path) => {
        impl $name {
            #[doc(hidden)]
            pub const TRIGONOMETRIC: bool = false;

            #[doc(hidden)]
            #[inline(always)]
            pub fn call<T: $crate::kernel::Real>(
                like: T,
                $x: impl $crate::elementwise::Operand<T>,
            ) -> T {
                T::call(
                    [$x.lift(like)],
                    |operands| $crate::kernel::Formula::value($formula, operands),
                    |operands| $crate::elementwise::whole(operands, |[x]| $method(x)),
                )
            }

            #[doc(hidden)]
            #[inline(always)]
            pub fn pull<T: $crate::kernel::Real>(
                g: T,
                $x: impl $crate::elementwise::Operand<T>,
            ) -> [T; 1] {
                let operands = [$x.lift(g)];
                let result = $crate::kernel::Formula::value($formula, operands);
                $crate::kernel::Formula::pullback::<T, 1>($formula, g, operands, result)
            }

            #[doc(hidden)]
            #[inline(always)]
            pub fn angle<T: $crate::kernel::Real>(
                like: T,
                _: impl $crate::elementwise::Operand<T>,
            ) -> T {
                like
            }
        }
    };
}
pub(crate) use called;
