//! Custom elementwise functions with [`#[elementwise]`](macro@crate::elementwise).
//!
//! A function of numbers becomes an operation on tensors. The macro derives the gradient at compile
//! time. Value and gradient are one sweep over memory each, in code for every instruction set, and
//! `cargo test` checks the derivatives. The reference of the language and of the options is on
//! [the page of the attribute](macro@crate::elementwise).
//!
//! | section | shows |
//! |---|---|
//! | [Swish with a slope](#swish-with-a-slope) | a function of one operand and a number, and its check |
//! | [Snake](#snake) | an operand that is trained |
//! | [Focal loss](#focal-loss) | a condition, and a mean that is fused with the formula |
//! | [SwiGLU](#swiglu) | several operands, and a call of another formula |
//! | [Squareplus](#squareplus) | a stated derivative |
//! | [Reductions over axes](#reductions-over-axes) | sums and means of rows |
//! | [The check](#the-check) | how it runs, and what a failure says |
//! | [Reports and drawings](#reports-and-drawings) | the kind and the name of the operation |
//! | [The generated code](#the-generated-code) | the expansion, what is saved and what is computed |
//! | [Limits of a formula](#limits-of-a-formula) | limits, and what to write instead |
//! | [Differences from PyTorch](#differences-from-pytorch) | kinks, branches, broadcasting |
//!
//! `examples/elementwise.rs` trains a net with Snake and a custom loss.
//!
//! # Swish with a slope
//!
//! Swish is `x σ(βx)` (Ramachandran, Zoph, Le 2017, Searching for Activation Functions). The
//! parameter `x: Tensor` is an operand: one element of a tensor. The number `beta: f64` is the same
//! for all elements, and no gradient flows to it.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! /// Swish with a slope: `x σ(βx)`.
//! #[elementwise(kind = Activation, check(x = -6.0..6.0, beta = 0.5..2.0))]
//! fn swish(x: Tensor, beta: f64) -> Tensor {
//!     x * sigmoid(beta * x)
//! }
//!
//! let x = Tensor::from([-1.0f32, 0.0, 2.0]).tracked();
//! let y = swish(&x, 1.5);
//! let gradients = y.sum().backward()?;
//! assert_eq!(gradients.get(&x).unwrap().to_vec::<f32>()?[1], 0.5);
//! # Ok::<(), Error>(())
//! ```
//!
//! The generated function takes `&Tensor` and the number. With one operand it cannot fail, so it
//! returns a `Tensor` and not a `Result`. Numbers are written with a decimal point, and functions
//! as `sigmoid(x)` or `x.sigmoid()`.
//!
//! # Snake
//!
//! Snake is `x + sin²(ax) / a` (Ziyin, Hartwig, Ueda 2020, Neural Networks Fail to Learn Periodic
//! Functions and How to Fix It). Its frequency `a` is trained, one for each unit. A number that
//! needs a gradient is an operand too: a tensor of the shape `[units]`, which is broadcast to
//! `(batch, units)` as in NumPy. Its gradient has its own shape.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! /// `x + sin²(ax) / a`
//! #[elementwise(kind = Activation, check(x = -3.0..3.0, a = 0.5..3.0))]
//! fn snake(x: Tensor, a: Tensor) -> Tensor {
//!     x + square(sin(a * x)) / a
//! }
//!
//! #[derive(Module, Clone, Debug)]
//! struct Snake {
//!     a: Param,
//! }
//!
//! impl Layer for Snake {
//!     fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
//!         snake(x, &self.a.read(pass))
//!     }
//! }
//!
//! let layer = Snake { a: Param::new(&Tensor::from([0.5f32, 1.0, 2.0])) };
//! let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
//! let gradients = layer.forward(&x, &Pass::train(0))?.sum().backward()?;
//! assert_eq!(gradients.get(&layer.a).unwrap().shape(), [3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! With several operands the function returns a `Result`: shapes that do not broadcast and
//! different dtypes are errors.
//!
//! # Focal loss
//!
//! The focal loss is `-α (1 - p)^γ ln p`, where `p` is the probability of the right class (Lin,
//! Goyal, Girshick, He, Dollár 2017, Focal Loss for Dense Object Detection). With the result
//! `-> Mean` the function returns the mean over all elements. The losses of the elements are not
//! stored: forward is one sweep with the sum, and backward is one sweep from the logits to their
//! gradient.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! /// The focal loss of logits. A target above 0.5 is the positive class, whose weight is `alpha`.
//! #[elementwise(check(x = -4.0..4.0, target = 0.0..1.0, alpha = 0.1..0.9, gamma = 0.5..3.0))]
//! fn focal(x: Tensor, target: Tensor, alpha: f64, gamma: f64) -> Mean {
//!     let positive = target > 0.5;
//!     let weight = if positive { alpha } else { 1.0 - alpha };
//!     let right = if positive { x } else { -x };
//!     weight * powf(sigmoid(-right), gamma) * softplus(-right)
//! }
//!
//! let logits = Tensor::from([2.0f32, -1.0, 0.5]).tracked();
//! let targets = Tensor::from([1.0f32, 0.0, 0.0]);
//! let loss = focal(&logits, &targets, 0.25, 2.0)?;
//! assert!(loss.shape().is_empty());
//! let gradients = loss.backward()?;
//! assert_eq!(gradients.get(&logits).unwrap().shape(), [3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! `ln p` is written as `-softplus(-right)`, which is accurate where `p` is 0 in `f32`. Gradients
//! are computed only for operands that need one, so nothing is computed for the targets.
//!
//! The other operands of a reduction broadcast to the shape of the first one, but not beyond it. A
//! column of predictions with a row of targets is an error.
//!
//! # SwiGLU
//!
//! SwiGLU multiplies values by the Swish of a gate (Shazeer 2020, GLU Variants Improve
//! Transformer). A formula can call another function with `#[elementwise]`. Both are compiled into
//! one sweep, and one backward sweep computes the gradients of both operands.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! mod formulas {
//!     use cotangent::prelude::*;
//!
//!     /// Swish with a slope.
//!     #[elementwise(check(x = -6.0..6.0, beta = 0.5..2.0))]
//!     pub fn swish(x: Tensor, beta: f64) -> Tensor {
//!         x * sigmoid(beta * x)
//!     }
//! }
//!
//! use formulas::swish;
//!
//! #[elementwise(check(value = -3.0..3.0, gate = -4.0..4.0))]
//! fn swiglu(value: Tensor, gate: Tensor) -> Tensor {
//!     value * swish(gate, 1.0)
//! }
//!
//! #[derive(Module, Clone, Debug)]
//! struct SwiGlu {
//!     value: Linear,
//!     gate: Linear,
//!     out: Linear,
//! }
//!
//! impl Layer for SwiGlu {
//!     fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
//!         let units = swiglu(&self.value.forward(x, pass)?, &self.gate.forward(x, pass)?)?;
//!         self.out.forward(&units, pass)
//!     }
//! }
//!
//! fn main() -> Result<()> {
//!     let mut rng = ChaCha8Rng::seed_from_u64(1);
//!     let layer = SwiGlu {
//!         value: Linear::new(4, 8, &mut rng)?,
//!         gate: Linear::new(4, 8, &mut rng)?,
//!         out: Linear::new(8, 4, &mut rng)?,
//!     };
//!     let x = Tensor::ones([2, 4], DType::F32)?;
//!     assert_eq!(layer.predict(&x)?.shape(), [2, 4]);
//!     Ok(())
//! }
//! ```
//!
//! `use` imports what a call needs along with the function. A path such as
//! `crate::formulas::swish(gate, 1.0)` works too. A name of the library without a path, such as
//! `sigmoid`, always means the library's function.
//!
//! # Squareplus
//!
//! Squareplus is `(x + √(x² + b)) / 2` (Barron 2021, Squareplus: A Softplus-Like Algebraic
//! Rectifier). For negative `x` the two terms cancel, so the formula below has another form there.
//! The macro would differentiate both forms and select. But the derivative of both is the value
//! divided by the root, which is shorter and accurate everywhere. `#[derivative(x = …)]` states it;
//! `result` is the value of the function.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! #[elementwise(kind = Activation, check(x = -6.0..6.0, b = 0.5..4.0))]
//! #[derivative(x = result / sqrt(square(x) + b))]
//! fn squareplus(x: Tensor, b: f64) -> Tensor {
//!     let root = sqrt(square(x) + b);
//!     if x > 0.0 { 0.5 * (x + root) } else { 0.5 * b / (root - x) }
//! }
//!
//! let x = Tensor::from([-10000.0f32, 0.0]).tracked();
//! let y = squareplus(&x, 4.0);
//! assert_eq!(y.to_vec::<f32>()?, [1e-4, 1.0]);
//! let gradients = y.sum().backward()?;
//! assert_eq!(gradients.get(&x).unwrap().to_vec::<f32>()?, [1e-8, 0.5]);
//! # Ok::<(), Error>(())
//! ```
//!
//! A stated derivative needs `check`, so that `cargo test` fails if it is wrong. The second
//! derivative is derived from it and checked too.
//!
//! # Reductions over axes
//!
//! A parameter of the type `Axes` lets the caller choose the axes of a `Sum` or a `Mean`, as with
//! [`Tensor::sum_over`](crate::Tensor::sum_over): an axis, several, all, or with
//! [`Axes::keep`](crate::Axes::keep) such that they remain with length 1.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! /// Barron 2019, A General and Adaptive Robust Loss Function, for a shape other than 0 and 2.
//! #[elementwise(check(x = -3.0..3.0, alpha = -2.0..-0.5, scale = 0.5..2.0))]
//! fn robust(x: Tensor, alpha: f64, scale: f64, axes: Axes) -> Mean {
//!     let distance = abs(alpha - 2.0);
//!     distance / alpha * (powf(square(x / scale) / distance + 1.0, alpha / 2.0) - 1.0)
//! }
//!
//! let errors = Tensor::from([[0.1f32, -0.2, 9.0], [0.0, 0.3, -0.1]]);
//! assert_eq!(robust(&errors, -2.0, 1.0, 1)?.shape(), [2]);
//! assert_eq!(robust(&errors, -2.0, 1.0, Axes::keep(0))?.shape(), [1, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! `distance / alpha` and `alpha / 2.0` consist of numbers alone. They are computed once for each
//! call and not for each element.
//!
//! The sum of one operand over all axes cannot fail and returns a `Tensor`. All other reductions
//! return a `Result`. The mean of no elements is an error. The bits of a sum do not depend on the
//! number of threads. If the sum of a mean overflows, the elements are stored after all, and their
//! mean is computed without overflow.
//!
//! # The check
//!
//! `check(x = -6.0..6.0, beta = 0.5..2.0)` generates the test `check_swish` in the module of the
//! function. It needs a range for each operand and each number. `cargo test check_` runs these
//! tests. Each of them draws operands from the ranges, with a fixed seed, for numbers at the ends
//! of their ranges and between, and compares
//!
//! 1. first and second derivatives with numeric differences in `f64`,
//! 2. value and gradients of broadcast and strided operands with those of contiguous ones,
//! 3. `f32` with `f64`,
//! 4. each instruction set of the machine with the usual one, for each operand alone and for all of
//!    them together.
//!
//! At a kink the gradient must lie between the slopes of both sides. If numeric differences give no
//! answer, for example beside a pole, the operands are drawn anew. The ranges should be those in
//! which the formula is used, and the value must be finite in them.
//!
//! The message of a failure names the function, the numbers and the operand. With the wrong
//! derivative `x = 2.0 * result / sqrt(square(x) + b)` the test of `squareplus` says
//!
//! ```text
//! `squareplus` with b = 0.5: the gradients do not match numeric differences
//! parameter                 verdict  element        analytic         numeric  …
//! x                         FAIL     [1, 3]     -2.2363475e0    -1.1181737e0  …
//! x       (second order)    pass     [1, 3]    -4.4709425e-3   -4.4709425e-3  …
//! cotangent (second order)  pass     [2, 3]     3.7207079e-2    3.7207079e-2  …
//! ```
//!
//! Each line has the element that is furthest off, as an index into the drawn operand. Both numbers
//! include the weight of that element in the sum that is differentiated, so their ratio counts: the
//! stated derivative is twice the numeric one. The lines of the second order pass, because they
//! compare with differences of the stated derivative. A failure in `f32`, in a memory layout or on
//! an instruction set names it and the operand.
//!
//! # Reports and drawings
//!
//! `kind = …` is a variant of [`OpKind`](crate::OpKind). It tells the [signal
//! report](crate::nn::signal) the role of the operation. With `Activation` it looks for dead and
//! saturated units; the function must be nonlinear in its first operand, and other operands are
//! settings, such as the frequency of Snake. Without the option a function is `Elementwise`, as
//! SwiGLU above, and a reduction is a `Loss`.
//!
//! Errors, and the graphs that [`Dot`](crate::Dot) draws, have the name of the function, or that of
//! the option `name = "…"`.
//!
//! # The generated code
//!
//! `swish` above becomes the function, and a hidden type of the same name, which is shortened here:
//!
//! ```text
//! fn swish(x: &Tensor, beta: f64) -> Tensor {
//!     apply_one(swish::new(beta), x)
//! }
//!
//! struct swish { numbers: [f64; 1] }
//!
//! impl Formula<1> for swish {
//!     const NEEDS: [Needs; 1] = [Needs { operands: 1, result: false }];
//!
//!     fn value<T: Real>(self, [x]: [T; 1]) -> T {
//!         let t_1 = x * self.numbers[0];
//!         let t_2 = t_1.sigmoid();
//!         x * t_2
//!     }
//!
//!     fn pullback<T: Real, const WANTED: u32>(self, g: T, [x]: [T; 1], y: T) -> [T; 1] { … }
//! }
//! ```
//!
//! - Equal subexpressions are computed once, constants are folded, and products with 0 and 1 are
//!   removed.
//! - `NEEDS` says what backward saves: the operands from which the gradients are computed, or the
//!   result if that suffices, as for `tanh(0.5 * x)`. Nothing else is stored.
//! - `pullback` multiplies the cotangent `g` by the derivatives. It is compiled for each operand
//!   alone and for all of them, so that nothing is computed for operands without a gradient.
//! - `T` is a number in a loop that is compiled for each instruction set. When the gradient is
//!   differentiated again, `T` is a whole tensor and each operation is recorded.
//! - Both sides of an `if` are computed and one is selected, so that the loop has no branches. A
//!   gradient comes only from the selected side. It is selected, not multiplied by 0, since 0 times
//!   infinity is NaN.
//!
//! # Limits of a formula
//!
//! The compiler reports all mistakes of a function at once, each at its place, with what to write.
//! [A table](macro@crate::elementwise#limits-of-the-language) lists the parts of Rust that a
//! formula does not have. For some tasks a formula is the wrong tool:
//!
//! | task | instead |
//! |---|---|
//! | elements that depend on others: softmax, normalization, a cumulative sum | operations on tensors, such as [`softmax`](crate::Tensor::softmax) |
//! | a reduction inside the formula | reduce first, and pass the result as an operand, which is broadcast |
//! | labels, masks, random numbers | operations on tensors; an operand of zeros and ones |
//! | a gradient for a number | an operand with one element |
//! | several results | a function for each, which may call each other |
//! | an iteration, a table, a special function that the library lacks | a custom [`Op`](crate::Op) |
//! | a backward that is not the derivative, such as a straight-through estimator | [`detach`](crate::Tensor::detach), or a custom [`Op`](crate::Op) |
//!
//! A custom [`Op`](crate::Op) has a forward and a vector-Jacobian product written by hand.
//! `examples/custom_op.rs` shows one with its gradient check.
//!
//! # Differences from PyTorch
//!
//! | | PyTorch | here |
//! |---|---|---|
//! | a fused custom function | `torch.compile` at run time, or a `torch.autograd.Function` with kernels by hand | compiled with the program |
//! | its gradient | by autograd | derived at compile time, with a test |
//! | its second derivative | not through `torch.compile` | to any order |
//! | `torch.where(x > 0, x.sqrt(), 0)` at negative `x` | the gradient is NaN | the gradient is 0 |
//! | a custom loss of `(n, 1)` and `(n)` | is broadcast to `(n, n)` | is an error |
//! | the mean of no elements | NaN | is an error |
//! | operands of different dtypes | are converted | are an error |
//!
//! At kinks the gradients are PyTorch's: 0 for `abs` and `relu` at 0, half to each operand of `max`
//! and `min` that are equal, that of the chosen side for `if`.
