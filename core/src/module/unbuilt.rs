//! The compiler's message for a builder that is used in place of what it builds.

/// Implemented by no type: a bound on it makes the compiler say that `build` is missing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Builder}` is a builder: call its `build` first, `.build()?`",
    label = "`build` is missing before this call"
)]
pub trait Unbuilt<Builder> {}

/// Gives builders methods of what they build, so that a call which forgot `build` is explained. The
/// bound on the first argument cannot be met, so that they can never be called.
#[doc(hidden)]
#[macro_export]
macro_rules! unbuilt {
    ($($builder:ident $($method:ident($($rest:ident)*))+;)*) => {$(
        impl $builder {$(
            #[doc(hidden)]
            #[allow(non_camel_case_types, clippy::needless_pass_by_value, clippy::unused_self)]
            pub fn $method<X: $crate::module::Unbuilt<Self>, $($rest),*>(
                &self,
                _: X,
                $(_: $rest),*
            ) -> $crate::Result<$crate::Tensor> {
                Err($crate::Error::argument(stringify!($builder), "call `build` first"))
            }
        )+}
    )*};
}
