//! The optimizers of the race, each with its usual learning rate.

use clap::ValueEnum;
use cotangent::Result;
use cotangent::prelude::*;

/// An optimizer in the race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Racer {
    Sgd,
    Momentum,
    Nesterov,
    AdaGrad,
    RmsProp,
    AdaDelta,
    Adam,
    AdamW,
    AmsGrad,
    NAdam,
    RAdam,
    AdaMax,
    Lamb,
    Lion,
    Lookahead,
}

type Boxed = Box<dyn Optimizer>;

struct Entry {
    name: &'static str,
    usual_rate: f64,
    build: fn(f64) -> Result<Boxed>,
}

impl Racer {
    /// Returns the settings of an optimizer. They are the defaults, except for RMSProp's weight of
    /// the old mean square, which is the textbook's.
    fn entry(self) -> Entry {
        let entry = |name, usual_rate, build| Entry {
            name,
            usual_rate,
            build,
        };
        match self {
            Self::Sgd => entry("SGD", 0.1, |rate| Sgd::new(rate).build()),
            Self::Momentum => entry("Momentum", 0.02, |rate| Momentum::new(rate).build()),
            Self::Nesterov => entry("Nesterov", 0.02, |rate| Nesterov::new(rate).build()),
            Self::AdaGrad => entry("AdaGrad", 0.01, |rate| AdaGrad::new(rate).build()),
            Self::RmsProp => entry("RMSProp", 1e-3, |rate| {
                RmsProp::new(rate).alpha(0.9).build()
            }),
            Self::AdaDelta => entry("AdaDelta", 1.0, |rate| AdaDelta::new(rate).build()),
            Self::Adam => entry("Adam", 1e-3, |rate| Adam::new(rate).build()),
            Self::AdamW => entry("AdamW", 1e-3, |rate| AdamW::new(rate).build()),
            Self::AmsGrad => entry("AMSGrad", 1e-3, |rate| Adam::new(rate).amsgrad().build()),
            Self::NAdam => entry("NAdam", 2e-3, |rate| NAdam::new(rate).build()),
            Self::RAdam => entry("RAdam", 1e-3, |rate| RAdam::new(rate).build()),
            Self::AdaMax => entry("AdaMax", 2e-3, |rate| AdaMax::new(rate).build()),
            Self::Lamb => entry("LAMB", 1e-3, |rate| Lamb::new(rate).build()),
            Self::Lion => entry("Lion", 1e-4, |rate| Lion::new(rate).build()),
            Self::Lookahead => entry("Lookahead Adam", 1e-3, |rate| {
                Ok(Box::new(Lookahead::new(Adam::new(rate).build()?, 5, 0.5)?))
            }),
        }
    }

    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Returns the learning rate that tuning starts from.
    pub fn usual_rate(self) -> f64 {
        self.entry().usual_rate
    }

    pub fn build(self, rate: f64) -> Result<Boxed> {
        (self.entry().build)(rate)
    }
}
