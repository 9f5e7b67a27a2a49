//! The macros of `cotangent`: the derives [`macro@Module`], [`macro@Layer`],
//! [`macro@Sample`] and [`macro@Stateful`], and the attribute [`macro@elementwise`].
//!
//! Depend on `cotangent`, which re-exports them with the traits.
//!
//! An expansion of a derive has several phases, each in a file. `ast` and `attr` read the input and
//! its options. `valid` checks them. `bounds` infers the where-clause, and `expand_module`,
//! `expand_layer` and `expand_sample` write the impl. Errors are collected on the way and reported
//! together, with an empty impl from `fallback`. The attribute is in the folder `elementwise`, and
//! `Stateful`, which has few options, is in one file.

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
mod expand_sample;
mod fallback;
mod hint;
mod keyword;
mod lints;
mod manifest;
mod stateful;
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

/// Derives the trait `Sample` for a struct whose fields are samples: tensors, indices, masks,
/// sequences, tuples, other structs. A batch of it is the same struct, and each field of a batch
/// has one more axis in front.
///
/// The struct must be `Clone` too. An error names the field. In a generic struct the field types
/// that mention a type parameter must be samples. `#[module(crate = "…")]` names the facade, as for
/// [`macro@Module`].
///
/// ```
/// use cotangent::prelude::*;
///
/// #[derive(Clone, Sample)]
/// struct Pair {
///     left: Tensor,
///     right: Tensor,
///     same: Mask,
/// }
///
/// let pair = |x: f32, same| Pair {
///     left: Tensor::from([x, 0.0]),
///     right: Tensor::from([0.0, x]),
///     same: Mask::from(same),
/// };
/// let batch = Pair::stack(&[pair(1.0, true), pair(2.0, false), pair(3.0, true)])?;
/// assert_eq!((batch.left.shape(), batch.same.shape()), (&[3, 2][..], &[3][..]));
/// for batch in Batches::new(Table::new(batch)?, 2)?.shuffle(42).epoch(0) {
///     let Pair { left, right, same } = batch?;
///     assert_eq!(left.shape(), right.shape());
/// #   assert_eq!(same.len(), left.shape()[0]);
/// }
/// # Ok::<(), Error>(())
/// ```
#[proc_macro_derive(Sample, attributes(module))]
pub fn derive_sample(input: TokenStream) -> TokenStream {
    expand::sample(parse_macro_input!(input as DeriveInput)).into()
}

/// Derives the trait `Stateful` for a struct: the state of each field, under the field's name.
///
/// ```
/// use cotangent::prelude::*;
///
/// #[derive(Stateful)]
/// struct Training {
///     net: Linear,                             // `net.weight`, `net.bias`
///     optimizer: Box<dyn Optimizer>,
///     best_loss: f64,                          // `best_loss.value`
///     #[state(skip)]
///     name: String,
/// }
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let mut training = Training {
///     net: Linear::new(2, 1, &mut rng)?,
///     optimizer: Sgd::new(0.1).build()?,
///     best_loss: 0.5,
///     name: "first".to_owned(),
/// };
/// let state = training.state()?;
/// training.best_loss = 0.0;
/// training.load_state(&state)?;
/// assert_eq!(training.best_loss, 0.5);
/// # Ok::<(), Error>(())
/// ```
///
/// A field is either a type with a state, such as a model, an optimizer, a schedule or another type
/// that derives `Stateful`, or a plain value: a `Tensor`, a number, a `bool`, a `Vec` or an array
/// of numbers or of `bool`, or an `Option` of one of these. A `u64` or `usize` must be below 2⁶³.
/// `#[state(skip)]` leaves a field out. A state is loaded whole or not at all.
///
/// In a generic struct, the field types that mention a type parameter must be `Stateful`. A plain
/// number in place of the parameter is not saved.
///
/// `#[state(crate = "…")]` on the struct is the path of the crate `cotangent`, as for
/// [`macro@Module`](macro@Module#crate).
#[proc_macro_derive(Stateful, attributes(state))]
pub fn derive_stateful(input: TokenStream) -> TokenStream {
    stateful::derive(parse_macro_input!(input as DeriveInput)).into()
}

/// Turns a function of numbers into a differentiable operation on tensors.
///
/// The macro derives the gradient of the formula at compile time. Value and gradient are compiled
/// for each instruction set, and each is one sweep over memory.
///
/// ```
/// use cotangent::prelude::*;
///
/// /// Swish with a slope (Ramachandran, Zoph, Le 2017): `x σ(βx)`.
/// #[elementwise(check(x = -6.0..6.0, beta = 0.5..2.0))]
/// fn swish(x: Tensor, beta: f64) -> Tensor {
///     x * sigmoid(beta * x)
/// }
///
/// let x = Tensor::from([-1.0f32, 0.0, 2.0]);
/// let y = swish(&x, 1.5);
/// assert_eq!(y.shape(), [3]);
/// ```
///
/// # Parameters and result
///
/// | parameter | what it is |
/// |---|---|
/// | `x: Tensor` | An operand: one element of a tensor. The caller passes `&Tensor`. |
/// | `a: f64` | A number that is the same for all elements. No gradient flows to it. |
/// | `n: i32` | An integer: the exponent of `powi`, or a number as `n as f64`. |
/// | `axes: Axes` | The axes of a reduction; the caller passes what converts into `Axes`. |
///
/// There are 1 to 8 operands, and each must be used. They are all `f32` or all `f64`; numbers take
/// their dtype. The reference in `x: &Tensor` may be written. `Tensor` and `Axes` are the types of
/// this library under any path in scope.
///
/// | result | what the generated function returns |
/// |---|---|
/// | `-> Tensor`, one operand | `Tensor`: it cannot fail. |
/// | `-> Tensor`, several operands | `Result<Tensor>`: the operands are broadcast as in NumPy. |
/// | `-> Sum`, one operand, no axes | `Tensor`: the sum, a scalar. |
/// | other `-> Sum`, `-> Mean` | `Result<Tensor>`: the sum or the mean. |
///
/// A reduction is over all axes, or over those of the parameter of the type `Axes`. It never stores
/// the elementwise result. All operands must broadcast to the shape of the first one, so that a
/// loss does not broadcast by mistake. The mean of no elements is an error.
///
/// ```
/// # use cotangent::prelude::*;
/// /// The focal loss (Lin, Goyal, Girshick, He, Dollár 2017), from logits.
/// #[elementwise(check(x = -4.0..4.0, target = 0.0..1.0, gamma = 0.5..3.0))]
/// fn focal(x: Tensor, target: Tensor, gamma: f64) -> Mean {
///     let toward = (2.0 * target - 1.0) * x;
///     -pow(sigmoid(-toward), gamma) * log_sigmoid(toward)
/// }
///
/// #[elementwise]
/// fn energy(x: Tensor, axes: Axes) -> Sum {
///     x * x
/// }
///
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(energy(&x, 1)?.to_vec::<f32>()?, [5.0, 25.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # The language
///
/// The body is a list of `let name = …;` and the value at the end. A value is
///
/// - a number with a decimal point, such as `2.0`, a parameter, a variable, or a constant of the
///   type `f64` in scope, such as `std::f64::consts::PI`;
/// - `a + b`, `a - b`, `a * b`, `a / b`, `-a`;
/// - a function of the library, as `exp(x)` or `x.exp()`;
/// - a call of another function with `#[elementwise]`, by its path, if it returns `-> Tensor`;
/// - `if condition { … } else { … }`, also with `else if`, or a block.
///
/// A condition is a comparison (`<`, `<=`, `>`, `>=`, `==`, `!=`), several of them combined with
/// `&&`, `||` and `!`, or a variable that holds one. A comparison with NaN is false, except `!=`.
///
/// The functions of the library are
///
/// - `abs` `neg` `square` `sqrt` `rsqrt` `recip` `sign` `floor` `ceil` `round` `trunc`,
/// - `exp` `exp_m1` `ln` `ln_1p` `log2` `log10` `logit` `erf` `erfc` `erfinv`,
/// - `sin` `cos` `tan` `asin` `acos` `atan` `sinh` `cosh` `tanh` `asinh` `acosh` `atanh`,
/// - `sigmoid` `softplus` `log_sigmoid` `relu` `relu6` `gelu` `gelu_tanh` `silu` `mish` `selu`
///   `hard_sigmoid` `hard_swish` `hard_tanh`,
/// - `max(a, b)` `min(a, b)` (or `maximum`, `minimum`) `clamp(x, low, high)` `mul_add(a, b, c)`
///   `atan2(y, x)`,
/// - `pow(x, exponent)` (or `powf`), and `powi(x, 3)` with an integer,
/// - `leaky_relu(x, negative_slope)` `elu(x, alpha)` `celu(x, alpha)`.
///
/// A name of the library without a path always means the library's function. To call your own
/// function of the same name, write `self::sigmoid(x)`. The numbers of a called function, such as
/// `beta` of `swish` and the bounds of `clamp`, are computed from numbers, not from operands. A
/// parameter of the type `i32` takes an integer such as `2`, a parameter or a constant.
///
/// ```
/// # use cotangent::prelude::*;
/// # #[elementwise]
/// # fn swish(x: Tensor, beta: f64) -> Tensor {
/// #     x * sigmoid(beta * x)
/// # }
/// #[elementwise]
/// fn gated(x: Tensor, gate: Tensor) -> Tensor {
///     let open = gate > -3.0 && gate < 3.0;
///     if open { x * swish(gate, 1.5) } else { 0.1 * x }
/// }
/// ```
///
/// Both sides of an `if` are computed for each element, and one is selected. The other side puts
/// neither NaN nor infinity into a gradient: `if x > 0.0 { sqrt(x) } else { 0.0 }` has the gradient
/// 0 for negative `x`.
///
/// # Differentiation
///
/// Equal subexpressions are computed once, and subexpressions of numbers alone once per call.
/// Backward saves the operands that the gradients need, or the result if that suffices, and nothing
/// else. Gradients are computed only for the operands that need one. They can be differentiated
/// again, to any order.
///
/// At a kink the gradient is a choice:
///
/// | | gradient | PyTorch |
/// |---|---|---|
/// | `abs` at 0 | 0 | the same |
/// | `max`, `min` of equal numbers | half to each | the same for `torch.maximum`, `torch.minimum` |
/// | `relu` at 0 | 0 | the same |
/// | `floor`, `ceil`, `round`, `trunc`, `sign` | 0 | the same |
/// | `if` at the limit of a condition | that of the side chosen | the same for `torch.where` |
/// | side of an `if` that is not chosen | 0 | NaN, if its slope is infinite or NaN |
///
/// # `check`
///
/// `check(x = -6.0..6.0, beta = 0.5..2.0)` generates the test `check_swish`. It has a range for
/// each operand and each number. The test compares first and second derivatives with numeric
/// differences, broadcast and strided operands with contiguous ones, `f32` with `f64`, and the
/// instruction sets of the machine with each other. At kinks, the gradient must lie between the
/// slopes of both sides. Choose ranges in which the formula is finite.
///
/// # `derivative`
///
/// `#[derivative(x = …)]` below `#[elementwise]` states the derivative by an operand. It is for
/// formulas whose computed derivative loses accuracy or overflows. It is written in the same
/// language and may use the operands, the numbers, and `result`, the value of the function. It
/// needs `check`, so that a wrong derivative fails `cargo test`. Operands without a stated
/// derivative are differentiated as usual.
///
/// ```
/// # use cotangent::prelude::*;
/// #[elementwise(check(x = -3.0..3.0))]
/// #[derivative(x = 1.0 - square(result))]
/// fn tangent(x: Tensor) -> Tensor {
///     sinh(x) / cosh(x)
/// }
/// ```
///
/// # `kind`, `name` and `crate`
///
/// - `kind = Activation` is the variant of `OpKind` under which reports list the operation. It is
///   `Elementwise` without the option, and `Loss` with a reduction.
/// - `name = "…"` is the name in errors and drawings. Without the option it is that of the
///   function.
/// - `crate = "…"` is the path of the crate `cotangent`. It is found without the option, unless the
///   code reaches the crate through another one.
///
/// # The generated code
///
/// - The function, with its visibility, doc comments and attributes.
/// - A type of the same name, hidden from the docs, with the value and the gradients over a number
///   type. `use` imports it along with the function, so that other formulas can call it. A struct,
///   enum or module of this name in the same scope is therefore a conflict.
/// - With `check`, a test.
///
/// # Limits of the language
///
/// | not allowed | instead |
/// |---|---|
/// | `2 * x` | `2.0 * x` |
/// | `x ^ 2`, `x % y` | `powi(x, 2)`, `x - y * floor(x / y)` |
/// | `match`, `if let` | `if` with `else if` |
/// | loops | a closed formula, or operations on tensors |
/// | `let mut`, `x += 1.0` | `let` with the same name again |
/// | closures and macros | a function with `#[elementwise]` |
/// | several results | a function for each, which may call each other |
/// | a sum within the formula | a reduction at the end, or operations on tensors |
/// | generics, methods, recursion | a plain function |
/// | a gradient for a number | an operand that is a tensor with one element |
///
/// Each is an error at its place that says what to write. All errors of a function come out in one
/// compilation.
#[proc_macro_attribute]
pub fn elementwise(options: TokenStream, item: TokenStream) -> TokenStream {
    elementwise::elementwise(options.into(), item.into()).into()
}
