//! The settings that all optimizers have in common, and the ranges of options.

use crate::state::Mismatches;
use cotangent_core::state::StateDict;
use cotangent_core::{Error, Interval, Result};

/// The settings that every optimizer has. Schedules and groups change them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The learning rate η, at least 0.
    pub learning_rate: f64,
    /// The momentum μ, or Adam's β₁, in `[0, 1)`. Optimizers without momentum ignore it.
    pub momentum: f64,
    /// The weight decay λ, at least 0.
    pub weight_decay: f64,
}

impl Settings {
    /// Creates settings with a learning rate, without momentum and weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            weight_decay: 0.0,
        }
    }

    /// Returns the settings with momentum μ.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// Checks that all settings are in range.
    ///
    /// # Errors
    /// [`Error::Argument`] if one is not.
    pub fn check(&self) -> Result<()> {
        at_least_0("learning rate", self.learning_rate)?;
        fraction("momentum (β₁)", self.momentum)?;
        at_least_0("weight decay", self.weight_decay)
    }

    /// Returns the settings as a state.
    pub(crate) fn state(&self) -> StateDict {
        let mut state = StateDict::new();
        state.insert_number("learning_rate", self.learning_rate);
        state.insert_number("momentum", self.momentum);
        state.insert_number("weight_decay", self.weight_decay);
        state
    }

    /// Reads the settings from a state, which must contain them and nothing else.
    pub(crate) fn from_state(state: &StateDict) -> Result<Self> {
        let mut wrong = Mismatches::default();
        let mut number = |name| wrong.take(state.number(name)).unwrap_or_default();
        let settings = Self {
            learning_rate: number("learning_rate"),
            momentum: number("momentum"),
            weight_decay: number("weight_decay"),
        };
        wrong.only(state, |name| settings.state().get(name).is_some());
        wrong.take(settings.check());
        wrong.finish()?;
        Ok(settings)
    }
}

/// Returns an error unless `value` is finite and at least 0.
pub(crate) fn at_least_0(what: &str, value: f64) -> Result<()> {
    Interval::AtLeast0.check("optimizer", what, value)
}

/// Returns an error unless `value` is in `[0, 1)`.
pub(crate) fn fraction(what: &str, value: f64) -> Result<()> {
    Interval::Below1.check("optimizer", what, value)
}

/// Returns an error unless `value` is in `[0, 1]`.
pub(crate) fn share(what: &str, value: f64) -> Result<()> {
    Interval::Share.check("optimizer", what, value)
}

/// Returns an error unless `ok`: `value` must be in a range that only one optimizer has.
pub(crate) fn check_range(what: &str, value: f64, ok: bool, range: &str) -> Result<()> {
    if ok {
        Ok(())
    } else {
        let reason = format!("{what} must be {range}, found {value}");
        Err(Error::argument("optimizer", reason))
    }
}

/// Defines the setters that several builders have; each builder has a field `settings`.
macro_rules! setters {
    (weight_decay) => {
        /// Sets the weight decay λ, at least 0: each step begins with `g += λ w`. The default is 0.
        pub fn weight_decay(mut self, weight_decay: f64) -> Self {
            self.settings.weight_decay = weight_decay;
            self
        }
    };
    (momentum) => {
        /// Sets the momentum μ, in `[0, 1)`.
        pub fn momentum(mut self, momentum: f64) -> Self {
            self.settings.momentum = momentum;
            self
        }
    };
    (betas) => {
        /// Sets β₁ and β₂, each in `[0, 1)`.
        pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
            self.settings.momentum = beta1;
            self.beta2 = beta2;
            self
        }
    };
    (epsilon) => {
        /// Sets ε, at least 0.
        pub fn epsilon(mut self, epsilon: f64) -> Self {
            self.epsilon = epsilon;
            self
        }
    };
    (decoupled_weight_decay) => {
        /// Decouples the weight decay λ from the gradient: each step begins with `w -= η λ w`.
        pub fn decoupled_weight_decay(mut self) -> Self {
            self.decoupled = true;
            self
        }
    };
}
pub(crate) use setters;
