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

/// Lets formulas call a function whose formula is written by hand: the names and indices of its
/// operands, and the formula with its type.
macro_rules! called {
    ($name:ident($($x:ident = $k:literal),*) as $formula:expr => $type:ty) => {
        impl $name {
            #[doc(hidden)]
            pub const TRIGONOMETRIC: bool =
                <$type as $crate::kernel::Formula<{ Self::OPERANDS.len() }>>::TRIGONOMETRIC;
            #[doc(hidden)]
            pub const OPERANDS: &[usize] = &[$($k),*];

            #[doc(hidden)]
            #[inline(always)]
            pub fn bind<T: $crate::kernel::Real>(
                $($x: impl $crate::elementwise::Argument<T>),*
            ) -> impl FnOnce(T) -> ($type, [T; Self::OPERANDS.len()]) {
                move |like| ($formula, [$($x.operand(like)),*])
            }
        }
    };
}
pub(crate) use called;
