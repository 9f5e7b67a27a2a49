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
//! # Optimizers
//!
//! Each type is a builder: `Adam::new(0.001).build()?` returns a `Box<dyn Optimizer>`.
//!
//! | kind | builders |
//! |---|---|
//! | gradient descent | [`Sgd`], [`Momentum`], [`Nesterov`] |
//! | adaptive rates | [`AdaGrad`], [`RmsProp`], [`AdaDelta`] |
//! | adaptive rates with momentum | [`Adam`] (also AMSGrad), [`AdamW`], [`AdaMax`], [`NAdam`], [`RAdam`] |
//! | averaged gradient descent | [`Asgd`] |
//! | by sign | [`Lion`]; [`Rprop`], for whole data sets |
//! | for large batches | [`Lamb`] |
//! | with little state | [`Adafactor`] |
//! | orthogonal steps for matrices | [`Muon`] |
//!
//! [`Lbfgs`] approximates second derivatives, for losses of whole data sets. Its step has a closure
//! in place of gradients, so that it is a type of its own.
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
//! # Around an optimizer
//!
//! | item | does |
//! |---|---|
//! | [`Group`] | gives parameters chosen by pattern their own learning rate and weight decay, or [lazy rows](Group::lazy_rows); [maximizes](Group::maximize) |
//! | [`Accumulator`] | averages the gradients of several micro-batches |
//! | [`WeightAverage`] | keeps a copy of the model with averaged weights |
//! | [`Lookahead`] | moves slow weights towards the optimizer's every k steps |
//! | [`Constrained`] | restores a constraint after each step |
//! | [`clip`] | clips gradients by value, by norm, by global norm or adaptively |
//!
//! # Schedules
//!
//! A [`Schedule`] is a factor of the learning rate for each step. [`Schedule::step`] advances it.
//!
//! | kind | functions |
//! |---|---|
//! | constant | [`constant`](Schedule::constant) |
//! | constant in pieces | [`piecewise_constant`](Schedule::piecewise_constant), [`step_decay`](Schedule::step_decay), [`multi_step`](Schedule::multi_step) |
//! | falling | [`exponential`](Schedule::exponential), [`power`](Schedule::power), [`polynomial`](Schedule::polynomial), [`linear`](Schedule::linear), [`cosine`](Schedule::cosine), [`cosine_restarts`](Schedule::cosine_restarts) |
//! | rising | [`warm_up`](Schedule::warm_up), [`warm_up_constant`](Schedule::warm_up_constant), [`warm_up_exponential`](Schedule::warm_up_exponential) |
//! | rising and falling | [`one_cycle`](Schedule::one_cycle), [`cyclic`](Schedule::cyclic), which also drive the momentum |
//! | by a metric | [`reduce_on_plateau`](Schedule::reduce_on_plateau) |
//! | custom | [`from_fn`](Schedule::from_fn) |
//! | combined | [`then`](Schedule::then), [`times`](Schedule::times) |
//!
//! [`schedule::range_test`] suggests a learning rate.
//!
//! # Custom optimizers
//!
//! An optimizer is an [`Algorithm`], the initial state and the update of one parameter, run by a
//! [`Stepper`], which finds each parameter's gradient and keeps its state. Most algorithms are a
//! [`Rule`], a formula for one element of parameter, gradient and state, in an [`Elementwise`].

#[doc(inline)]
pub use cotangent_optim::*;
