//! Optimizers and gradient clipping for `cotangent`.
//!
//! An optimizer is a [`Rule`] (a formula over one element of parameter, gradient and state) inside
//! a [`Stepper`], which finds each parameter's gradient and keeps its state.
//!
//! ```
//! use cotangent_core::{Tensor, module::{Module, Param, Pass}};
//! use cotangent_optim::{Adam, Optimizer, clip};
//!
//! let mut w = Param::new(&Tensor::from([5.0f32, -3.0]));
//! let mut optimizer = Adam::new(0.1).build()?;
//! for _ in 0..200 {
//!     let loss = w.read(&Pass::train(0)).square().sum();
//!     let mut grads = loss.backward()?;
//!     clip::global_norm(&mut grads, 1.0)?;
//!     optimizer.step(&mut w, &grads)?;
//! }
//! assert!(w.value().square().sum().item()? < 0.02);
//! # Ok::<(), cotangent_core::Error>(())
//! ```

mod adam;
pub mod clip;
mod group;
mod momentum;
mod settings;
mod sgd;
mod stepper;

pub use adam::{Adam, AdamW};
pub use group::Group;
pub use momentum::{Momentum, Nesterov};
pub use settings::Settings;
pub use sgd::Sgd;
pub use stepper::{Optimizer, Rule, StepInfo, Stepper};
