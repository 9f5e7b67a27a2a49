//! The settings of an optimizer.

use super::range::{self, options};
use cotangent_core::{Error, Result};
use cotangent_optim::Optimizer;
use serde::{Deserialize, Serialize};

/// Defines the kinds of optimizers, each with its options and the defaults of its betas.
macro_rules! kinds {
    ($($name:ident: $($option:ident)* $(| $beta1:literal $beta2:literal)?;)*) => {
        /// The kind of an optimizer, written `adam_w` for `AdamW`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum OptimizerKind {
            $(
                #[doc = concat!("[", stringify!($name), "].")]
                #[doc = ""]
                #[doc = concat!("[", stringify!($name), "]: cotangent_optim::", stringify!($name))]
                $name,
            )*
        }

        impl OptimizerKind {
            /// Returns the names of the options that the optimizer has.
            fn options(self) -> Vec<&'static str> {
                match self {
                    $(Self::$name => {
                        let names = [$(stringify!($option),)*];
                        let betas: &[(&str, f64)] = &[$(("beta1", $beta1), ("beta2", $beta2))?];
                        let betas = betas.iter().map(|&(name, _)| name);
                        names.into_iter().chain(betas).collect()
                    })*
                }
            }
        }

        impl OptimizerSettings {
            fn builder_build(&self) -> Result<Box<dyn Optimizer>> {
                match self.kind {
                    $(OptimizerKind::$name => {
                        let builder = cotangent_optim::$name::new(self.learning_rate);
                        $(let builder = match self.$option {
                            Some(value) => builder.$option(value),
                            None => builder,
                        };)*
                        $(let builder = builder.betas(
                            self.beta1.unwrap_or($beta1),
                            self.beta2.unwrap_or($beta2),
                        );)?
                        builder.build()
                    })*
                }
            }
        }
    };
}

kinds! {
    Sgd: weight_decay;
    Momentum: momentum weight_decay;
    Nesterov: momentum weight_decay;
    AdaGrad: weight_decay epsilon learning_rate_decay;
    RmsProp: momentum weight_decay epsilon alpha;
    AdaDelta: weight_decay epsilon rho;
    Adam: weight_decay epsilon | 0.9 0.999;
    AdamW: weight_decay epsilon | 0.9 0.999;
    NAdam: weight_decay epsilon | 0.9 0.999;
    RAdam: weight_decay epsilon | 0.9 0.999;
    AdaMax: weight_decay epsilon | 0.9 0.999;
    Lamb: weight_decay epsilon | 0.9 0.999;
    Lion: weight_decay | 0.9 0.99;
    Adafactor: weight_decay;
    Muon: momentum weight_decay epsilon;
}

options! {
    /// The kind of an optimizer, its learning rate, and options that it has. An option that it does
    /// not have is an error.
    OptimizerSettings {
        /// The kind, such as `adam_w`.
        kind: OptimizerKind,
        /// The learning rate, at least 0.
        #[serde(deserialize_with = "range::required_at_least_0")]
        learning_rate: f64,
        --
        /// The momentum, in [0, 1).
        momentum: f64 => "range::below_1",
        /// Adam's β₁, in [0, 1).
        beta1: f64 => "range::below_1",
        /// Adam's β₂, in [0, 1).
        beta2: f64 => "range::below_1",
        /// ε, at least 0.
        epsilon: f64 => "range::at_least_0",
        /// The weight decay, at least 0.
        weight_decay: f64 => "range::at_least_0",
        /// The α of RMSProp, in [0, 1].
        alpha: f64 => "range::share",
        /// The ρ of AdaDelta, in [0, 1].
        rho: f64 => "range::share",
        /// The decay of AdaGrad's learning rate, at least 0.
        learning_rate_decay: f64 => "range::at_least_0",
    }
}

impl OptimizerSettings {
    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`] if the optimizer does not have an option that is set, or an option is
    /// out of range.
    ///
    /// ```
    /// use cotangent::train::settings::{OptimizerKind, OptimizerSettings};
    /// let mut settings = OptimizerSettings::new(OptimizerKind::Nesterov, 0.1);
    /// settings.momentum = Some(0.9);
    /// assert_eq!(settings.build()?.settings().momentum, 0.9);
    /// settings.rho = Some(0.9);
    /// assert!(settings.build().is_err());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn build(&self) -> Result<Box<dyn Optimizer>> {
        self.check()
            .map_err(|reason| Error::argument("optimizer", reason))?;
        self.builder_build()
    }

    fn check(&self) -> Result<(), String> {
        let known = self.kind.options();
        range::check_known(&self.set(), &known, "learning_rate")
    }
}
