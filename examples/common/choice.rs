//! The optimizers and schedules that the options can name, with learning rates that suit the
//! digits.

use clap::ValueEnum;
use cotangent::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    Sgd,
    Momentum,
    Nesterov,
    #[value(name = "adagrad")]
    AdaGrad,
    #[value(name = "rmsprop")]
    RmsProp,
    Adam,
    #[value(name = "adamw")]
    AdamW,
    #[value(name = "amsgrad")]
    AmsGrad,
    #[value(name = "nadam")]
    NAdam,
    #[value(name = "radam")]
    RAdam,
    #[value(name = "adamax")]
    AdaMax,
    #[value(name = "adadelta")]
    AdaDelta,
    Lamb,
    Lion,
    Rprop,
    Asgd,
    Adafactor,
    Muon,
}

impl Method {
    pub fn build(self, learning_rate: Option<f64>) -> Result<Box<dyn Optimizer>> {
        let rate = |usual: f64| learning_rate.unwrap_or(usual);
        match self {
            Self::Sgd => Sgd::new(rate(0.1)).build(),
            Self::Momentum => Momentum::new(rate(0.02)).build(),
            Self::Nesterov => Nesterov::new(rate(0.02)).build(),
            Self::AdaGrad => AdaGrad::new(rate(0.02)).build(),
            Self::RmsProp => RmsProp::new(rate(1e-3)).alpha(0.9).build(),
            Self::Adam => Adam::new(rate(1e-3)).build(),
            Self::AdamW => AdamW::new(rate(1e-3)).build(),
            Self::AmsGrad => Adam::new(rate(1e-3)).amsgrad().build(),
            Self::NAdam => NAdam::new(rate(1e-3)).build(),
            Self::RAdam => RAdam::new(rate(1e-3)).build(),
            Self::AdaMax => AdaMax::new(rate(2e-3)).build(),
            Self::AdaDelta => AdaDelta::new(rate(1.0)).build(),
            Self::Lamb => Lamb::new(rate(3e-3)).build(),
            Self::Lion => Lion::new(rate(2e-4)).build(),
            // For whole data sets: a small batch changes the signs of gradients.
            Self::Rprop => Rprop::new(rate(1e-3)).build(),
            Self::Asgd => Asgd::new(rate(0.1)).t0(1000).build(),
            Self::Adafactor => Adafactor::new(rate(1e-2)).build(),
            // AdamW trains the output layer.
            Self::Muon => Muon::new(rate(2e-3)).exclude(r"out\..*")?.build(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plan {
    Constant,
    /// Half the rate after half of the time, a tenth after three quarters
    Piecewise,
    /// Half the rate after each fifth
    Step,
    /// Down to a hundredth
    Exponential,
    /// 1 / (1 + 10 t), t from 0 to 1
    Power,
    /// Linear to 0
    Polynomial,
    Cosine,
    /// Cosine that restarts after 1/7 and 3/7
    CosineRestarts,
    /// Up for a tenth, then cosine
    WarmUp,
    /// 1cycle, which also changes the momentum
    #[value(name = "one-cycle")]
    OneCycle,
    /// A third of the rate if the training loss has not fallen for two epochs
    Plateau,
}

impl Plan {
    /// Builds the schedule for `total` steps.
    pub fn build(self, total: u64) -> Result<Schedule> {
        let part = |share: f64| ((total as f64 * share) as u64).max(1);
        match self {
            Self::Constant => Ok(Schedule::constant()),
            Self::Piecewise => Schedule::piecewise_constant(
                [part(0.5), part(0.75).max(part(0.5) + 1)],
                [1.0, 0.5, 0.1],
            ),
            Self::Step => Schedule::step_decay(part(0.2), 0.5),
            Self::Exponential => Schedule::exponential(0.01f64.powf(1.0 / total as f64)),
            Self::Power => Schedule::power(total as f64 / 10.0, 1.0),
            Self::Polynomial => Schedule::polynomial(total, 1.0, 0.0),
            Self::Cosine => Schedule::cosine(total, 0.0),
            Self::CosineRestarts => Schedule::cosine_restarts(part(1.0 / 7.0), 2, 0.0),
            Self::WarmUp => {
                let up = part(0.1);
                Schedule::warm_up(up)?.then(up, Schedule::cosine((total - up).max(1), 0.0)?)
            }
            Self::OneCycle => Schedule::one_cycle(total).build(),
            Self::Plateau => Schedule::reduce_on_plateau()
                .factor(0.3)
                .patience(2)
                .build(),
        }
    }
}
