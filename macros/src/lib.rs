//! The derive macros of `cotangent`: [`macro@Module`] and [`macro@Layer`].
//!
//! Depend on `cotangent`, which re-exports them with the traits.
//!
//! An expansion has several phases, each in a file. `ast` and `attr` read the input and its
//! options. `valid` checks them. `bounds` infers the where-clause, and `expand_module` and
//! `expand_layer` write the impl. Errors are collected on the way and reported together, with an
//! empty impl from `fallback`.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod ast;
mod attr;
mod bounds;
mod elementwise;
mod errors;
mod expand;
mod expand_layer;
mod expand_module;
mod fallback;
mod hint;
mod keyword;
mod lints;
mod manifest;
#[cfg(test)]
mod tests;
mod valid;

/// Derives the trait `Module` for a struct or an enum: a tree of the parameters in its fields.
///
/// ```
/// use cotangent::prelude::*;
///
/// #[derive(Module)]
/// struct Net {
///     hidden: Linear,
///     out: Linear,
/// }
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let net = Net { hidden: Linear::new(4, 8, &mut rng)?, out: Linear::new(8, 2, &mut rng)? };
/// let paths: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]);
/// # Ok::<(), Error>(())
/// ```
///
/// Each field is a child under its own name, in declaration order. The names are the paths of the
/// leaves in checkpoints, reports and error messages. The fields of a tuple struct are called `0`,
/// `1` and so on.
///
/// Every field must be a `Module`, so that no parameter is forgotten. Numbers and `bool` are
/// modules without leaves, and need no `skip`. `Option`, `Vec`, arrays, tuples, boxes and
/// `BTreeMap<String, _>` of modules are modules. A field of another type, such as a `String`, is a
/// compile error, unless it is marked [`skip`](#skip).
///
/// | on a field | effect |
/// |---|---|
/// | [`skip`](#skip) | The field is not part of the module. |
/// | [`rename = "…"`](#rename) | The field has another name in the path. |
/// | [`flatten`](#flatten) | The field has no name in the path. |
///
/// | on the struct or enum | effect |
/// |---|---|
/// | [`variant_path`](#variant_path) | The name of an enum's variant is part of the path. |
/// | [`bound = "…"`](#bound) | The where-clause is this one and not the inferred one. |
/// | [`crate = "…"`](#crate) | The crate `cotangent` has this path. |
///
/// Several options can share an attribute, as in `#[module(variant_path, crate = "net")]`, or have
/// one each. An unknown, misplaced, repeated or contradictory option is a compile error. All errors
/// of a type are reported at once.
///
/// # Ties
///
/// To use a parameter in two places, hold it once and read it twice. Its gradient is the sum of
/// both uses. Shared pointers, such as `Arc<Param>`, are not modules.
///
/// # Enums
///
/// An enum has the children of its variant. The name of the variant is not part of the path, unless
/// the enum has [`variant_path`](#variant_path).
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// enum Block {
///     Identity,
///     Dense(Linear),                           // `0.weight`, `0.bias`
///     Gated { gate: Linear, value: Linear },   // `gate.weight`, …
/// }
/// ```
///
/// # Recursive types
///
/// A module can contain itself in a box or a vector.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// struct Tree {
///     layer: Linear,
///     children: Vec<Tree>,                     // `children.0.layer.weight`, …
/// }
/// ```
///
/// # Generic types
///
/// A generic type is a module if the types of its fields are. The impl has a where-predicate for
/// each field type that mentions a type parameter:
///
/// ```
/// # use cotangent::prelude::*;
/// # use std::marker::PhantomData;
/// #[derive(Module)]
/// struct Stack<L> {
///     layers: Vec<L>,                          // where Vec<L>: Module,
///     marker: PhantomData<L>,                  //       PhantomData<L>: Module
///     out: Linear,
/// }
/// ```
///
/// If the type of a field contains the type itself, by its name or as `Self`, the parameters are
/// bound instead, because a bound on `Vec<Tree<L>>` would be circular. Two generic types that
/// contain each other need [`bound`](#bound).
///
/// Const parameters and defaults are supported. A type with a lifetime parameter cannot be a
/// module, because a module owns its parameters. A union cannot be one either.
///
/// # `skip`
///
/// The field is not visited, and its type need not be a `Module`.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// struct Net {
///     hidden: Linear,
///     #[module(skip)]
///     name: String,
/// }
/// ```
///
/// `skip` on a module with parameters is a compile error, because they would be neither trained
/// nor saved. To skip them on purpose, write `skip(params)`. The check sees the parameters of a
/// field whose type is known to be a `Module`, but not those in an `Arc`, or of a type parameter
/// without bounds.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// struct Student {
///     net: Linear,
///     #[module(skip(params))]
///     teacher: Linear,
/// }
/// ```
///
/// # `rename`
///
/// `rename = "…"` sets the name of the field in the path. The name must not be empty, have a dot in
/// it, or be that of another field. With it, a field can be renamed while its checkpoints stay
/// valid, or have the name that another framework gives it.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// struct Net {
///     #[module(rename = "fc1")]
///     hidden: Linear,                          // `fc1.weight`, `fc1.bias`
/// }
/// ```
///
/// # `flatten`
///
/// The field has no name in the path. The derive does not know the paths inside the field, so it
/// cannot check that they differ from those of other fields. A model in which two leaves have the
/// same path can be neither saved nor loaded.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// struct Scaled {
///     #[module(flatten)]
///     inner: Linear,                           // `weight`, `bias`
///     scale: Param,                            // `scale`
/// }
/// ```
///
/// # Frozen fields
///
/// A field of the type `Frozen<L>` is not trained, but saved and loaded under the same paths as an
/// `L`. It needs no option.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module, Layer)]
/// struct Classifier {
///     backbone: Frozen<Mlp>,
///     head: Linear,
/// }
/// ```
///
/// # `variant_path`
///
/// The name of the variant comes before that of the field, so that a checkpoint of one variant does
/// not fit another. A flattened field has only the name of the variant.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// #[module(variant_path)]
/// enum Block {
///     Dense(#[module(flatten)] Linear),        // `Dense.weight`, `Dense.bias`
///     Gated { gate: Linear, value: Linear },   // `Gated.gate.weight`, …
/// }
/// ```
///
/// # `bound`
///
/// `bound = "…"` replaces the inferred where-predicates. Several are separated by commas. The same
/// bound is used for [`macro@Layer`], if that is derived too: `L: Layer` is then enough for both,
/// because every layer is a module.
///
/// Generic types that contain each other need it. Without it the compiler says `overflow evaluating
/// the requirement`.
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// #[module(bound = "L: Module")]
/// struct Even<L> {
///     layer: L,
///     next: Option<Box<Odd<L>>>,
/// }
///
/// #[derive(Module)]
/// #[module(bound = "L: Module")]
/// struct Odd<L> {
///     next: Option<Box<Even<L>>>,
/// }
/// # fn is_module<M: Module>() {}
/// # is_module::<Even<Linear>>();
/// ```
///
/// # `crate`
///
/// `crate = "…"` is the path of the crate `cotangent`. A name that `Cargo.toml` gives to the crate,
/// as in `nets = { package = "cotangent", … }`, is found without it. The option is for code that
/// reaches the crate through another one.
///
/// ```
/// mod my_framework {
///     pub use cotangent;
/// }
/// use my_framework::cotangent::prelude::*;
///
/// #[derive(Module)]
/// #[module(crate = "my_framework::cotangent")]
/// struct Net {
///     hidden: Linear,
/// }
/// # fn main() {}
/// ```
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    expand::module(parse_macro_input!(input as DeriveInput)).into()
}

/// Derives the trait `Layer` for a struct or an enum whose fields run in order: the first on the
/// input, and each other one on the output of the field before it.
///
/// ```
/// use cotangent::prelude::*;
///
/// #[derive(Module, Layer)]
/// struct Net {
///     hidden: Linear,
///     norm: BatchNorm,
///     out: Linear,
/// }
/// ```
///
/// This is the same as
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module)]
/// struct Net {
///     hidden: Linear,
///     norm: BatchNorm,
///     out: Linear,
/// }
///
/// impl Layer for Net {
///     fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
///         let x = self.hidden.forward(x, pass)?;
///         let x = self.norm.forward(&x, pass)?;
///         self.out.forward(&x, pass)
///     }
/// }
/// ```
///
/// except that an error in a field without parameters has the path of the field too.
///
/// Every field must be a `Layer`, unless it is marked `#[module(skip)]`. At least one field must
/// run. An `Option` that is `None` is the identity; a `Vec`, an array or a tuple runs its layers in
/// order. If one tensor goes in and out but the fields do not simply run in order, as with residual
/// connections, write `impl Layer` by hand. A model with several inputs or outputs derives only
/// `Module` and has a `forward` with its own signature, such as
/// `fn forward(&self, a: &Tensor, b: &Tensor, pass: &Pass) -> Result<Tensor>`.
///
/// An enum runs the fields of its variant. A unit variant is the identity:
///
/// ```
/// # use cotangent::prelude::*;
/// #[derive(Module, Layer)]
/// enum Block {
///     Identity,
///     Dense(Linear),
///     Normalized { linear: Linear, norm: BatchNorm },
/// }
///
/// let x = Tensor::from([1.0f32, 2.0]);
/// assert_eq!(Block::Identity.predict(&x)?.to_vec::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// In a generic type, the field types that mention a type parameter must be a `Layer`. The options
/// are those of [`macro@Module`].
#[proc_macro_derive(Layer, attributes(module))]
pub fn derive_layer(input: TokenStream) -> TokenStream {
    expand::layer(parse_macro_input!(input as DeriveInput)).into()
}

/// Turns a function of numbers into a differentiable operation on tensors.
#[proc_macro_attribute]
pub fn elementwise(options: TokenStream, item: TokenStream) -> TokenStream {
    elementwise::elementwise(options.into(), item.into()).into()
}
