//! The type of a loss, from its list of options.

/// Defines the type of a loss, with `Default`, from its constructor and the signatures of the
/// methods that set its options. The field of an option has the name of its method. A method
/// without an argument sets a flag. A tensor, which is detached, and an argument without a default
/// value are `None` unless they are set.
macro_rules! options {
    (
        $(#[$of_type:meta])*
        pub struct $loss:ident;
        $(#[$of_new:meta])*
        pub fn new();
        $($(#[$of_option:meta])* pub fn $option:ident($($argument:tt)*);)*
    ) => {
        $(#[$of_type])*
        #[must_use]
        pub struct $loss {
            $($option: options!(@type $($argument)*),)*
        }

        impl Default for $loss {
            fn default() -> Self {
                Self { $($option: options!(@default $($argument)*),)* }
            }
        }

        impl $loss {
            $(#[$of_new])*
            pub fn new() -> Self {
                Self::default()
            }

            $(options! { @method [$(#[$of_option])*] $option $($argument)* })*
        }
    };

    (@type) => { bool };
    (@type $value:ident: &Tensor) => { Option<Tensor> };
    (@type $value:ident: $type:ty = $default:expr) => { $type };
    (@type $value:ident: $type:ty) => { Option<$type> };

    (@default) => { false };
    (@default $value:ident: $type:ty = $default:expr) => { $default };
    (@default $value:ident: $type:ty) => { None };

    (@method [$($attribute:tt)*] $option:ident) => {
        $($attribute)*
        pub fn $option(mut self) -> Self {
            self.$option = true;
            self
        }
    };
    (@method [$($attribute:tt)*] $option:ident $value:ident: &Tensor) => {
        $($attribute)*
        pub fn $option(mut self, $value: &Tensor) -> Self {
            self.$option = Some($value.detach());
            self
        }
    };
    (@method [$($attribute:tt)*] $option:ident $value:ident: $type:ty = $default:expr) => {
        $($attribute)*
        pub fn $option(mut self, $value: $type) -> Self {
            self.$option = $value;
            self
        }
    };
    (@method [$($attribute:tt)*] $option:ident $value:ident: $type:ty) => {
        $($attribute)*
        pub fn $option(mut self, $value: $type) -> Self {
            self.$option = Some($value);
            self
        }
    };
}

pub(super) use options;
