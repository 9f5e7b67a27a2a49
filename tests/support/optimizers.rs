//! Every optimizer, with the options that change its formula or its state: tests of what all
//! optimizers promise read this table.

#![allow(dead_code)] // Each test reads a part.

use cotangent::Result;
use cotangent::prelude::*;

/// An optimizer with its options.
pub struct Row {
    /// The type, and the options after a comma.
    pub name: &'static str,
    /// The name of the algorithm in saved state; empty for an optimizer around another one.
    pub algorithm: &'static str,
    /// A learning rate at which a small net trains.
    rate: f64,
    build: fn(f64) -> Result<Box<dyn Optimizer>>,
}

impl Row {
    /// Builds the optimizer with a learning rate at which a small net trains.
    pub fn build(&self) -> Result<Box<dyn Optimizer>> {
        (self.build)(self.rate)
    }

    /// Builds the optimizer with another learning rate.
    pub fn with_rate(&self, rate: f64) -> Result<Box<dyn Optimizer>> {
        (self.build)(rate)
    }

    /// Returns whether parameters have state besides the count of their steps.
    pub fn has_state(&self) -> bool {
        self.algorithm != "Sgd"
    }
}

macro_rules! rows {
    ($($name:literal $algorithm:literal $rate:literal $build:expr;)*) => {
        &[$(Row { name: $name, algorithm: $algorithm, rate: $rate, build: $build }),*]
    };
}

/// The table.
pub const OPTIMIZERS: &[Row] = rows! {
    "Sgd" "Sgd" 0.05 |rate| Sgd::new(rate).build();
    "Sgd, decay" "Sgd" 0.05 |rate| Sgd::new(rate).weight_decay(1e-3).build();
    "Momentum" "Momentum" 0.02 |rate| Momentum::new(rate).build();
    "Momentum, dampening" "Momentum" 0.05 |rate| Momentum::new(rate).dampening(0.5).build();
    "Nesterov" "Nesterov" 0.02 |rate| Nesterov::new(rate).build();
    "Nesterov, decay" "Nesterov" 0.02 |rate| Nesterov::new(rate).weight_decay(1e-3).build();
    "Rprop" "Rprop" 0.005 |rate| Rprop::new(rate).build();
    "Rprop, decay" "Rprop" 0.005
        |rate| Rprop::new(rate).step_sizes(1e-5, 0.1).weight_decay(1e-3).build();
    "Asgd" "Asgd" 0.05 |rate| Asgd::new(rate).t0(3).build();
    "Asgd, decay" "Asgd" 0.05
        |rate| Asgd::new(rate).lambda(1e-3).t0(3).weight_decay(1e-3).build();
    "AdaGrad" "AdaGrad" 0.1 |rate| AdaGrad::new(rate).build();
    "AdaGrad, rate decay" "AdaGrad" 0.2
        |rate| AdaGrad::new(rate).learning_rate_decay(0.01).build();
    "AdaGrad, epsilon inside" "AdaGrad" 0.1
        |rate| AdaGrad::new(rate).epsilon_inside_root().build();
    "RmsProp" "RmsProp" 0.01 |rate| RmsProp::new(rate).build();
    "RmsProp, epsilon inside" "RmsProp" 0.01
        |rate| RmsProp::new(rate).epsilon_inside_root().build();
    "RmsProp, momentum" "RmsProp with momentum" 0.002
        |rate| RmsProp::new(rate).momentum(0.9).build();
    "RmsProp, centered" "centered RmsProp" 0.01 |rate| RmsProp::new(rate).centered().build();
    "RmsProp, centered, momentum" "centered RmsProp with momentum" 0.002
        |rate| RmsProp::new(rate).centered().momentum(0.9).build();
    "Adam" "Adam" 0.02 |rate| Adam::new(rate).build();
    "Adam, decay" "Adam" 0.02 |rate| Adam::new(rate).weight_decay(1e-3).build();
    "Adam, epsilon inside" "Adam" 0.02 |rate| Adam::new(rate).epsilon_inside_root().build();
    "Adam, amsgrad" "AMSGrad" 0.02 |rate| Adam::new(rate).amsgrad().build();
    "AdamW" "Adam" 0.02 |rate| AdamW::new(rate).build();
    "NAdam" "NAdam" 0.02 |rate| NAdam::new(rate).build();
    "RAdam" "RAdam" 0.02 |rate| RAdam::new(rate).build();
    "AdaMax" "AdaMax" 0.02 |rate| AdaMax::new(rate).build();
    "AdaDelta" "AdaDelta" 5.0 |rate| AdaDelta::new(rate).build();
    "AdaDelta, slow" "AdaDelta" 5.0 |rate| AdaDelta::new(rate).rho(0.99).build();
    "Lamb" "Lamb" 0.02 |rate| Lamb::new(rate).build();
    "Lamb, decay" "Lamb" 0.02 |rate| Lamb::new(rate).weight_decay(0.01).build();
    "Lion" "Lion" 0.005 |rate| Lion::new(rate).build();
    "Lion, decay" "Lion" 0.005 |rate| Lion::new(rate).weight_decay(0.01).build();
    // Its ε₁ would depend on the dtype.
    "Adafactor" "Adafactor" 0.05 |rate| Adafactor::new(rate).epsilon1(1e-7).build();
    "Adafactor, decay" "Adafactor" 0.05
        |rate| Adafactor::new(rate).epsilon1(1e-7).weight_decay(0.01).build();
    "Muon" "Muon" 0.02 |rate| Muon::new(rate).weight_decay(0.0).build();
    "Muon, without Nesterov" "Muon" 0.02
        |rate| Muon::new(rate).weight_decay(0.01).without_nesterov().build();
    "Lookahead" "" 0.1 |rate| Ok(Box::new(Lookahead::new(Sgd::new(rate).build()?, 2, 0.5)?));
    "Adam, in Lookahead" "" 0.04
        |rate| Ok(Box::new(Lookahead::new(Adam::new(rate).build()?, 5, 0.5)?));
};
