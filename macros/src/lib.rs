//! The derive macros of `cotangent`: [`macro@Module`] and [`macro@Layer`].
//!
//! Depend on `cotangent`, which re-exports them beside the traits they implement. Its own
//! documentation shows and runs the examples that are only printed here, where the traits are out
//! of reach.
//!
//! An expansion comes about in phases, a file each: `ast` reads the input and, through `attr`, its
//! options; `valid` finds what is wrong with them; `bounds` infers the where-clause; and
//! `expand_module` and `expand_layer` write the impl. Every mistake is collected on the way, so
//! that all come out together; `fallback` then stands in for the impl.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod ast;
mod attr;
mod bounds;
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

/// Derives the trait `Module`: makes a struct or an enum a tree of the parameters in its fields.
///
/// ```ignore
/// use cotangent::prelude::*;
///
/// #[derive(Module)]
/// struct Net {
///     hidden: Linear,
///     out: Linear,
/// }
/// ```
///
/// Each field becomes a child under its own name, in declaration order, so that the leaves of this
/// net have the paths `hidden.weight`, `hidden.bias`, `out.weight` and `out.bias`: in checkpoints,
/// in reports and in error messages. The fields of a tuple struct are called `0`, `1` and so on.
///
/// What a field means is decided by its type, through the trait, and never by the type's name.
/// Every field must be a `Module`; one that is not is a compile error at that field, so that no
/// parameter is forgotten. Configuration is marked [`skip`](#skip).
///
/// | on a field | |
/// |---|---|
/// | [`skip`](#skip) | is not part of the module |
/// | [`rename = "…"`](#rename) | is called something else in the path |
/// | [`flatten`](#flatten) | has no component in the path: its leaves join the struct's own |
///
/// | on the struct or enum | |
/// |---|---|
/// | [`variant_path`](#variant_path) | an enum's variant is part of the path |
/// | [`bound = "…"`](#bound) | replaces the inferred where-clause |
/// | [`crate = "…"`](#crate) | where the traits are, if not in `::cotangent` |
///
/// Options may share an attribute, `#[module(variant_path, crate = "net")]`, or have one each.
/// Whatever is unknown, misplaced, given twice or contradictory is an error where it stands, and
/// all errors of a type are reported at once.
///
/// # Enums
///
/// An enum has the children of the variant that it holds. The variant's name is not part of the
/// path, unless asked for with [`variant_path`](#variant_path).
///
/// ```ignore
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
/// A module may contain itself, in a box or a vector.
///
/// ```ignore
/// #[derive(Module)]
/// struct Tree {
///     layer: Linear,
///     children: Vec<Tree>,                     // `children.0.layer.weight`, …
/// }
/// ```
///
/// # Generic types
///
/// The impl holds where the types of the fields are modules. A where-predicate is added for each
/// field's type that mentions a type parameter, and for no other:
///
/// ```ignore
/// #[derive(Module)]
/// struct Stack<L> {
///     layers: Vec<L>,                          // where Vec<L>: Module,
///     marker: PhantomData<L>,                  //       PhantomData<L>: Module
///     out: Linear,
/// }
/// ```
///
/// Where a field's type contains the type itself, by its name or as `Self`, the parameters that
/// the field mentions are bound instead: `Vec<Tree<L>>: Module` would have to be known in order to
/// be proved. Two generic types that contain one another need [`bound`](#bound) for the same
/// reason.
///
/// Const parameters and defaults are supported. A lifetime parameter is an error: a module owns
/// its parameters. So is a union.
///
/// # `skip`
///
/// The field is not visited, and its type need not be a `Module`.
///
/// ```ignore
/// #[derive(Module)]
/// struct Net {
///     hidden: Linear,
///     #[module(skip)]
///     name: String,
/// }
/// ```
///
/// # `rename`
///
/// `rename = "…"` sets the field's component of the path, which must not be empty, contain a dot
/// or be that of another field. Checkpoints stay readable when the field's name changes, or can
/// follow another framework's names.
///
/// ```ignore
/// #[derive(Module)]
/// struct Net {
///     #[module(rename = "fc1")]
///     hidden: Linear,                          // `fc1.weight`, `fc1.bias`
/// }
/// ```
///
/// # `flatten`
///
/// The field has no component in the path. Paths must still differ: that of a flattened leaf is
/// not known to the derive, so that keeping it apart from its neighbours is up to you.
///
/// ```ignore
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
/// A field of the type `Frozen<L>` is saved and loaded as an `L` is, under the same path, but not
/// trained. That is no option but a type: the derives know nothing of it.
///
/// ```ignore
/// #[derive(Module, Layer)]
/// struct Classifier {
///     backbone: Frozen<Backbone>,
///     head: Linear,
/// }
/// let net = Classifier { backbone: Frozen::new(backbone), head };
/// ```
///
/// # `variant_path`
///
/// The variant's name comes before that of the field, so that a checkpoint of one variant does not
/// fit another. A flattened field has the variant's name alone.
///
/// ```ignore
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
/// `bound = "…"` holds where-predicates, separated by commas, in place of the inferred ones. It
/// holds for [`macro@Layer`] as well, if that is derived: `L: Layer` is then enough for both, since
/// every layer is a module.
///
/// ```ignore
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
/// ```
///
/// # `crate`
///
/// `crate = "…"` is the path of the crate `cotangent`, for code that reaches it under another name
/// or through a re-export.
///
/// ```ignore
/// #[derive(Module)]
/// #[module(crate = "my_framework::cotangent")]
/// struct Net {
///     hidden: Linear,
/// }
/// ```
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    expand::module(parse_macro_input!(input as DeriveInput)).into()
}

/// Derives the trait `Layer` for a pipeline: `compute` runs the fields in declaration order, the
/// first on the input and each other one on the output of the one before it.
///
/// ```ignore
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
/// is the same as
///
/// ```ignore
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
/// An error says which field it comes from, by the same path as that field's parameters: here also
/// if the field has no parameters, which one written by hand does not know.
///
/// Every field must be a `Layer`, unless it is marked `#[module(skip)]`; there must be one that is
/// not. An `Option` that is `None` lets its input through. For a net that does more than pass a
/// tensor on (residual connections, several inputs), write `impl Layer` by hand.
///
/// An enum runs the variant that it holds, each of whose variants must be a pipeline in itself:
///
/// ```ignore
/// #[derive(Module, Layer)]
/// enum Block {
///     Dense(Linear),
///     Normalized { linear: Linear, norm: BatchNorm },
/// }
/// ```
///
/// For generic types, a field's type that mentions a type parameter must be a `Layer`. The options
/// are those of [`macro@Module`], and mean the same.
#[proc_macro_derive(Layer, attributes(module))]
pub fn derive_layer(input: TokenStream) -> TokenStream {
    expand::layer(parse_macro_input!(input as DeriveInput)).into()
}
