//! The optimizers, gradient clipping and learning-rate schedules of `cotangent`.
//!
//! An optimizer is an [`Algorithm`], the initial state and the update of one parameter, run by a
//! [`Stepper`], which finds each parameter's gradient and keeps its state. Most algorithms are a
//! [`Rule`], a formula for one element of parameter, gradient and state, in an [`Elementwise`].
//!
//! Programs depend on the crate `cotangent`, whose module `optim` re-exports this crate and lists
//! its items by kind.

mod accumulate;
mod ada_delta;
mod ada_grad;
mod ada_max;
mod adafactor;
mod adam;
mod algorithm;
mod asgd;
mod average;
pub mod clip;
mod constrained;
mod descend;
mod elementwise;
mod group;
mod lamb;
mod lbfgs;
mod lion;
mod lookahead;
mod momentum;
mod muon;
mod n_adam;
mod optimizer;
mod r_adam;
mod rms_prop;
mod rprop;
mod rule;
pub mod schedule;
mod settings;
mod sgd;
mod state;
mod stepper;

cotangent_core::unbuilt! {
    AdaDelta step(Gradients);
    AdaGrad step(Gradients);
    AdaMax step(Gradients);
    Adafactor step(Gradients);
    Adam step(Gradients);
    AdamW step(Gradients);
    Asgd step(Gradients);
    Lamb step(Gradients);
    LbfgsBuilder step(Closure);
    Lion step(Gradients);
    Momentum step(Gradients);
    Muon step(Gradients);
    NAdam step(Gradients);
    Nesterov step(Gradients);
    RAdam step(Gradients);
    RmsProp step(Gradients);
    Rprop step(Gradients);
    Sgd step(Gradients);
}

pub use accumulate::Accumulator;
pub use ada_delta::AdaDelta;
pub use ada_grad::AdaGrad;
pub use ada_max::AdaMax;
pub use adafactor::Adafactor;
pub use adam::{Adam, AdamW};
pub use algorithm::{Algorithm, ParamState, ParamStep};
pub use asgd::Asgd;
pub use average::WeightAverage;
pub use constrained::Constrained;
pub use elementwise::Elementwise;
pub use group::Group;
pub use lamb::Lamb;
pub use lbfgs::{Lbfgs, LbfgsBuilder, LbfgsEnd, LbfgsReport};
pub use lion::Lion;
pub use lookahead::Lookahead;
pub use momentum::{Momentum, Nesterov};
pub use muon::{Muon, MuonScale};
pub use n_adam::NAdam;
pub use optimizer::Optimizer;
pub use r_adam::RAdam;
pub use rms_prop::RmsProp;
pub use rprop::Rprop;
pub use rule::{Rule, StepInfo};
pub use schedule::Schedule;
pub use settings::Settings;
pub use sgd::Sgd;
pub use stepper::Stepper;
