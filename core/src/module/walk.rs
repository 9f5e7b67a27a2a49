//! The tree of a model: the trait that the derive implements, and the walks over it.

use super::param::{Buffer, Counter, Param};
use super::select::Pattern;
use super::summary::Summary;
use crate::error::Result;
use crate::tensor::DType;
use std::path::Path;

/// A model or a part of one: a tree whose leaves are [`Param`]s, [`Buffer`]s and [`Counter`]s.
///
/// `#[derive(Module)]` implements it: every field must itself be a `Module`, or be marked
/// `#[module(skip)]`. Leaves have dotted paths of field names, in declaration order, such as
/// `hidden.weight`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module`",
    label = "this type holds no parameters that cotangent knows",
    note = "mark the field `#[module(skip)]` if it is configuration, or derive `Module` for its type"
)]
pub trait Module {
    /// Shows each child to the walk, in declaration order.
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>);

    /// As [`visit`](Self::visit), for changing the leaves.
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>);

    /// The name of the type with its path, for [`Summary`]; that of the module inside for `Box` and
    /// `Option`. The default is right but for such wrappers.
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }

    /// The parameters with their paths, in declaration order, frozen ones included.
    fn named_params(&self) -> Vec<(String, &Param)> {
        let mut params = Vec::new();
        Walk::over(self, |path, leaf| {
            if let LeafRef::Param(param) = leaf {
                params.push((path.to_owned(), param));
            }
        });
        params
    }

    /// As [`named_params`](Self::named_params), for changing them.
    fn named_params_mut(&mut self) -> Vec<(String, &mut Param)> {
        let mut params = Vec::new();
        WalkMut::over(self, |path, leaf| {
            if let LeafMut::Param(param) = leaf {
                params.push((path.to_owned(), param));
            }
        });
        params
    }

    /// The buffers with their paths, in declaration order, frozen ones included.
    fn named_buffers(&self) -> Vec<(String, &Buffer)> {
        super::select::buffers(self)
    }

    /// The parameters whose paths the pattern means; see [`Pattern`].
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a regular expression is malformed, or if
    /// nothing matches.
    fn select(&self, pattern: impl Pattern) -> Result<Vec<(String, &Param)>>
    where
        Self: Sized,
    {
        super::select::params(self, pattern)
    }

    /// The model at a glance: every leaf with its path, layer, shape, size, and whether it is frozen.
    fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// The number of elements of all parameters, frozen ones included.
    fn param_count(&self) -> usize {
        self.named_params()
            .iter()
            .map(|(_, param)| param.value().len())
            .sum()
    }

    /// Converts all parameters and buffers to another precision.
    fn convert(&mut self, dtype: DType) {
        WalkMut::over(self, |_, leaf| match leaf {
            LeafMut::Param(param) => param.convert(dtype),
            LeafMut::Buffer(buffer) => buffer.convert(dtype),
            LeafMut::Counter(_) => {}
        });
    }

    /// A clone of another precision: its parameters are new ones. Counters keep their values.
    #[must_use]
    fn to_dtype(&self, dtype: DType) -> Self
    where
        Self: Sized + Clone,
    {
        let mut converted = self.clone();
        converted.convert(dtype);
        converted
    }

    /// Freezes all parameters and buffers: frozen parameters get no gradient and no update, frozen
    /// batch normalization runs in inference mode and its statistics stand still. Below the first
    /// parameter that is not frozen no graph is built, so that frozen lower layers cost a forward
    /// pass and nothing else.
    ///
    /// Dropout has nothing to freeze: under a training pass it goes on dropping.
    fn freeze(&mut self) {
        set_all_frozen(self, true);
    }

    /// The same, [frozen](Self::freeze): to build a model from parts that are trained already.
    ///
    /// ```
    /// use cotangent_core::module::{Module, Param};
    /// use cotangent_core::Tensor;
    /// let (body, head) = (Param::new(&Tensor::from([1.0f32])), Param::new(&Tensor::from([2.0f32])));
    /// let net = (body.frozen(), head);
    /// assert!(net.0.is_frozen() && !net.1.is_frozen());
    /// ```
    #[must_use]
    fn frozen(mut self) -> Self
    where
        Self: Sized,
    {
        self.freeze();
        self
    }

    /// Undoes [`freeze`](Self::freeze). What `#[module(frozen)]` has frozen stays frozen.
    fn unfreeze(&mut self) {
        set_all_frozen(self, false);
    }

    /// Freezes the parameters and buffers whose paths the pattern means; returns how many these are.
    /// Frozen batch normalization is one whose parameters and buffers all are frozen: `"norm\\..*"`
    /// means them all. Counters cannot be frozen, and so do not count.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a regular expression is malformed, or if
    /// nothing matches; then nothing has changed.
    fn freeze_where(&mut self, pattern: impl Pattern) -> Result<usize>
    where
        Self: Sized,
    {
        super::select::set_frozen(self, pattern, true)
    }

    /// Undoes [`freeze_where`](Self::freeze_where). What `#[module(frozen)]` has frozen stays frozen.
    ///
    /// # Errors
    /// As [`freeze_where`](Self::freeze_where).
    fn unfreeze_where(&mut self, pattern: impl Pattern) -> Result<usize>
    where
        Self: Sized,
    {
        super::select::set_frozen(self, pattern, false)
    }

    /// Writes all leaves to a safetensors file under their paths. An interruption leaves the old
    /// file whole; [`replace_file`](crate::replace_file) says how, and treats links, permissions and
    /// left-over temporary files.
    ///
    /// PyTorch reads the file with `safetensors.torch.load_file` and `load_state_dict`, where the
    /// modules' names and layers are the same. The file's metadata is `format: pt`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if writing fails, and as [`to_bytes`](super::to_bytes); the
    /// old file is unchanged then.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        super::state::save(self, path.as_ref())
    }

    /// Reads all leaves from a safetensors file. All or nothing: every name, shape and dtype is
    /// checked first, and nothing changes unless all fit.
    ///
    /// Values are never rounded: F16, BF16 and F32 load into f32 and f64 alike, F64 into f64 only (for
    /// another precision, [`convert`](Self::convert) the model after loading). Integers load into
    /// counters only.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if reading fails, [`Error::Format`](crate::Error::Format)
    /// if it is no sound safetensors file, [`Error::State`](crate::Error::State) with every
    /// mismatch if it does not fit the model.
    fn load(&mut self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        super::state::load(self, path.as_ref())
    }
}

fn set_all_frozen<M: Module + ?Sized>(module: &mut M, frozen: bool) {
    WalkMut::over(module, |_, leaf| match leaf {
        LeafMut::Param(param) => param.set_frozen(frozen),
        LeafMut::Buffer(buffer) => buffer.set_frozen(frozen),
        LeafMut::Counter(_) => {}
    });
    freeze_declared(module);
}

/// What is declared frozen becomes so as a walk meets it.
pub(super) fn freeze_declared<M: Module + ?Sized>(module: &M) {
    Walk::over(module, |_, _| {});
}

/// A leaf of a model.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LeafRef<'a> {
    /// Trained.
    Param(&'a Param),
    /// Kept.
    Buffer(&'a Buffer),
    /// Counted.
    Counter(&'a Counter),
}

/// A leaf of a model, to be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum LeafMut<'a> {
    /// Trained.
    Param(&'a mut Param),
    /// Kept.
    Buffer(&'a mut Buffer),
    /// Counted.
    Counter(&'a mut Counter),
}

macro_rules! walks {
    ($(
        $(#[$doc:meta])*
        $walk:ident $leaf:ident $visit:ident ($($mutability:tt)?);
    )*) => {$(
        $(#[$doc])*
        pub struct $walk<'a, 'f> {
            path: String,
            frozen: bool,
            /// The types of the module that is being visited, and of the one that it is a field of.
            types: [&'static str; 2],
            on_leaf: &'f mut dyn FnMut(&str, &'static str, $leaf<'a>),
        }

        impl<'a> $walk<'a, '_> {
            /// Calls `on_leaf` with the path of each leaf of `module` and the leaf, in declaration
            /// order.
            pub fn over(module: &'a $($mutability)? (impl Module + ?Sized), mut on_leaf: impl FnMut(&str, $leaf<'a>)) {
                Self::with_layers(module, |path, _, leaf| on_leaf(path, leaf));
            }

            /// As [`over`](Self::over), with the type of the module that has the leaf as a field.
            pub(super) fn with_layers(
                module: &'a $($mutability)? (impl Module + ?Sized),
                mut on_leaf: impl FnMut(&str, &'static str, $leaf<'a>),
            ) {
                let types = [module.type_name(), ""];
                module.$visit(&mut $walk { path: String::new(), frozen: false, types, on_leaf: &mut on_leaf });
            }

            /// Visits the child `name`.
            pub fn field(&mut self, name: &str, child: &'a $($mutability)? (impl Module + ?Sized)) {
                let parent = self.path.len();
                if parent > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
                let types = self.types;
                self.types = [child.type_name(), types[0]];
                child.$visit(self);
                self.types = types;
                self.path.truncate(parent);
            }

            /// Visits the child `name`, whose leaves are frozen by declaration: they become so
            /// when a walk first meets them, and again should somebody unfreeze them. Every walk over
            /// a model that holds `child` does it (a summary, a save, an optimizer's step), and so
            /// does the forward that `#[derive(Layer)]` writes.
            pub fn frozen_field(&mut self, name: &str, child: &'a $($mutability)? (impl Module + ?Sized)) {
                let outer = std::mem::replace(&mut self.frozen, true);
                self.field(name, child);
                self.frozen = outer;
            }

            fn leaf(&mut self, leaf: $leaf<'a>) {
                if self.frozen {
                    match &leaf {
                        $leaf::Param(param) => param.set_frozen(true),
                        $leaf::Buffer(buffer) => buffer.set_frozen(true),
                        $leaf::Counter(_) => {}
                    }
                }
                (self.on_leaf)(&self.path, self.types[1], leaf);
            }
        }

        impl std::fmt::Debug for $walk<'_, '_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} at `{}`", stringify!($walk), self.path)
            }
        }
    )*};
}

impl Walk<'_, '_> {
    /// Freezes all parameters and buffers of `module`, as [`Module::freeze`] does, through a shared
    /// reference: what `#[derive(Layer)]` does to a field that is frozen by declaration before it
    /// runs it.
    pub fn freeze(module: &(impl Module + ?Sized)) {
        Walk::over(module, |_, leaf| match leaf {
            LeafRef::Param(param) => param.set_frozen(true),
            LeafRef::Buffer(buffer) => buffer.set_frozen(true),
            LeafRef::Counter(_) => {}
        });
    }
}

walks! {
    /// A walk over a model's leaves, which knows the path that it has come.
    Walk LeafRef visit ();
    /// As [`Walk`], for changing the leaves.
    WalkMut LeafMut visit_mut (mut);
}

macro_rules! leaves {
    ($($type:ident)*) => {$(
        impl Module for $type {
            fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
                walk.leaf(LeafRef::$type(self));
            }
            fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
                walk.leaf(LeafMut::$type(self));
            }
        }
    )*};
}
leaves! { Param Buffer Counter }
