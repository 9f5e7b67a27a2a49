//! Optimizers, gradient clipping and learning-rate schedules.
//!
//! ```
//! use cotangent::{Tensor, module::{Module, Param, Pass}};
//! use cotangent::optim::{Adam, Optimizer, clip};
//!
//! let mut w = Param::new(&Tensor::from([5.0f32, -3.0]));
//! let mut optimizer = Adam::new(0.1).build()?;
//! for _ in 0..200 {
//!     let loss = w.read(&Pass::train(0)).square().sum();
//!     let mut grads = loss.backward()?;
//!     clip::global_norm(1.0).apply(&w, &mut grads)?;
//!     optimizer.step(&mut w, grads)?;
//! }
//! assert!(w.value().square().sum().item()? < 0.02);
//! # Ok::<(), cotangent::Error>(())
//! ```
//!
//! The guide lists [optimizers](crate::guide::lists::optimizers), with groups, clipping and
//! averages, and [schedules](crate::guide::lists::schedules), with the names in PyTorch and Keras.
//! Each optimizer is a builder: `build` returns a `Box<dyn Optimizer>`.
//!
//! [`Lbfgs`] has a step with a closure in place of gradients, so that it is a type of its own.
//!
//! # Embeddings and other tables
//!
//! If few rows of a large table were used, its gradient stores
//! [only these](crate::Tensor::sparse_rows). A step visits no other row if the formula leaves rows
//! without a gradient as they are. The result is the same, to the bit. Most formulas move such rows
//! or change their state:
//!
//! | optimizer | a step visits |
//! |---|---|
//! | [`Sgd`] | the stored rows; with weight decay all rows |
//! | [`AdaGrad`] | the stored rows; all rows with weight decay, or with ε below 1.2e-38 |
//! | [`Momentum`], [`Nesterov`] | all rows: they go on moving, and the buffer decays |
//! | [`Adam`], [`AdamW`], [`AdaMax`], [`NAdam`], [`RAdam`], [`Lion`] | all rows, for the same reason |
//! | [`RmsProp`], [`AdaDelta`] | all rows: their averages of squares decay |
//! | [`Asgd`] | all rows: they decay, and their averages follow |
//! | [`Rprop`] | all rows: a gradient of 0 is remembered as the last one |
//! | [`Lamb`], [`Adafactor`], [`Muon`] | all rows: norms, averages and products are those of the whole table |
//! | [`Lookahead`] | the rows of the inner optimizer; when it synchronizes, all rows |
//! | a [`Rule`] of your own | all rows, unless [`keeps_at_zero`](Rule::keeps_at_zero) returns true |
//!
//! [`Group::lazy_rows`] skips rows without a gradient under all of these except LAMB, Adafactor and
//! Muon. It is another algorithm: with [`Adam`] it is PyTorch's `SparseAdam`. [`clip`] and
//! [`Accumulator`] read the stored rows alone. [`WeightAverage`] reads all rows in each update.
//!
//! # Custom optimizers
//!
//! An optimizer is an [`Algorithm`], the initial state and the update of one parameter, run by a
//! [`Stepper`], which finds each parameter's gradient and keeps its state. Most algorithms are a
//! [`Rule`], a formula for one element of parameter, gradient and state, in an [`Elementwise`].

#[doc(inline)]
pub use cotangent_optim::*;
