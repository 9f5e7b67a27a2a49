//! The settings of an optimizer, of its groups, and of the Lookahead around it.

use super::range::{self, Check, Fault, options};
use cotangent_core::Result;
use cotangent_optim::{Group, Lookahead, MuonScale, Optimizer};
use serde::{Deserialize, Serialize};

/// Calls the method of a builder with the value of an option, if it is set.
macro_rules! apply {
    ($builder:ident, $value:expr, betas) => {
        apply!(pair $builder, $value, betas)
    };
    ($builder:ident, $value:expr, etas) => {
        apply!(pair $builder, $value, etas)
    };
    ($builder:ident, $value:expr, step_sizes) => {
        apply!(pair $builder, $value, step_sizes)
    };
    ($builder:ident, $value:expr, adam_betas) => {
        apply!(pair $builder, $value, adam_betas)
    };
    ($builder:ident, $value:expr, amsgrad) => {
        apply!(flag $builder, $value, true, amsgrad)
    };
    ($builder:ident, $value:expr, centered) => {
        apply!(flag $builder, $value, true, centered)
    };
    ($builder:ident, $value:expr, epsilon_inside_root) => {
        apply!(flag $builder, $value, true, epsilon_inside_root)
    };
    ($builder:ident, $value:expr, decoupled_weight_decay) => {
        apply!(flag $builder, $value, true, decoupled_weight_decay)
    };
    ($builder:ident, $value:expr, nesterov) => {
        apply!(flag $builder, $value, false, without_nesterov)
    };
    ($builder:ident, $value:expr, exclude) => {
        $value.iter().flatten().try_fold($builder, |builder, pattern| builder.exclude(&**pattern))?
    };
    ($builder:ident, $value:expr, scale) => {
        match $value {
            Some(scale) => $builder.scale(scale.scale()),
            None => $builder,
        }
    };
    ($builder:ident, $value:expr, $option:ident) => {
        match $value {
            Some(value) => $builder.$option(value),
            None => $builder,
        }
    };
    (pair $builder:ident, $value:expr, $option:ident) => {
        match $value {
            Some([first, second]) => $builder.$option(first, second),
            None => $builder,
        }
    };
    (flag $builder:ident, $value:expr, $is:literal, $option:ident) => {
        match $value {
            Some($is) => $builder.$option(),
            _ => $builder,
        }
    };
}

/// Defines the kinds of optimizers, each with its options, which are methods of its builder.
macro_rules! kinds {
    ($($name:ident: $($option:ident)*;)*) => {
        /// The kind of an optimizer, written in lower case: `adamw` for `AdamW`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[non_exhaustive]
        pub enum OptimizerKind {
            $(
                #[doc = concat!("[", stringify!($name), "]. Its options are:")]
                $(#[doc = concat!("- `", stringify!($option), "`")])*
                #[doc = ""]
                #[doc = concat!("[", stringify!($name), "]: cotangent_optim::", stringify!($name))]
                $name,
            )*
        }

        impl OptimizerKind {
            /// All kinds.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the names of the options that the optimizer has.
            pub(super) fn options(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$(stringify!($option)),*],)*
                }
            }
        }

        impl OptimizerSettings {
            fn builder_build(&self) -> Result<Box<dyn Optimizer>> {
                match self.kind {
                    $(OptimizerKind::$name => {
                        let builder = cotangent_optim::$name::new(self.learning_rate);
                        $(let builder = apply!(builder, self.$option, $option);)*
                        builder.build()
                    })*
                }
            }
        }
    };
}

kinds! {
    Sgd: weight_decay;
    Momentum: momentum dampening weight_decay;
    Nesterov: momentum weight_decay;
    AdaGrad: weight_decay epsilon epsilon_inside_root learning_rate_decay initial_accumulator;
    RmsProp: momentum weight_decay epsilon epsilon_inside_root alpha centered initial;
    AdaDelta: weight_decay epsilon rho;
    Adam: betas epsilon epsilon_inside_root amsgrad weight_decay decoupled_weight_decay;
    AdamW: betas epsilon epsilon_inside_root amsgrad weight_decay;
    NAdam: betas epsilon momentum_decay weight_decay decoupled_weight_decay;
    RAdam: betas epsilon weight_decay decoupled_weight_decay;
    AdaMax: betas epsilon weight_decay;
    Lamb: betas epsilon weight_decay;
    Lion: betas weight_decay;
    Rprop: etas step_sizes weight_decay;
    Asgd: lambda alpha t0 weight_decay;
    Adafactor: beta2_decay epsilon1 epsilon2 clipping weight_decay;
    Muon: momentum nesterov iterations epsilon scale weight_decay exclude adam_betas adam_epsilon
        adam_learning_rate_factor;
}

options! {
    /// The kind of an optimizer, its learning rate, and options that it has. An option that it does
    /// not have is an error.
    OptimizerSettings {
        /// The kind, such as `adamw`.
        kind: OptimizerKind,
        /// The learning rate, at least 0.
        learning_rate: f64 => range::at_least_0,
        --
        /// The momentum, in [0, 1).
        momentum: f64 => range::below_1,
        /// The dampening of the momentum, in [0, 1].
        dampening: f64 => range::share,
        /// Adam's β₁ and β₂, each in [0, 1).
        #[serde(deserialize_with = "range::pair")]
        betas: [f64; 2] => range::both_below_1,
        /// ε, at least 0.
        epsilon: f64 => range::at_least_0,
        /// Whether ε is added inside the root.
        epsilon_inside_root: bool,
        /// Whether Adam uses the largest v so far.
        amsgrad: bool,
        /// The weight decay, at least 0.
        weight_decay: f64 => range::at_least_0,
        /// Whether the weight decay is decoupled from the gradient.
        decoupled_weight_decay: bool,
        /// The decay of AdaGrad's learning rate, at least 0.
        learning_rate_decay: f64 => range::at_least_0,
        /// The initial value of AdaGrad's s, at least 0.
        initial_accumulator: f64 => range::at_least_0,
        /// The α of RMSProp, in [0, 1], or that of ASGD, at least 0.
        alpha: f64 => range::at_least_0,
        /// Whether RMSProp divides by the standard deviation.
        centered: bool,
        /// The initial value of RMSProp's v, at least 0.
        initial: f64 => range::at_least_0,
        /// The ρ of AdaDelta, in [0, 1].
        rho: f64 => range::share,
        /// The decay ψ of NAdam's momentum, at least 0.
        momentum_decay: f64 => range::at_least_0,
        /// The η⁻ of Rprop, in (0, 1), and its η⁺, above 1.
        #[serde(deserialize_with = "range::pair")]
        etas: [f64; 2] => etas,
        /// The smallest and the largest step size of Rprop, at least 0.
        #[serde(deserialize_with = "range::pair")]
        step_sizes: [f64; 2] => step_sizes,
        /// The λ of ASGD, at least 0.
        lambda: f64 => range::at_least_0,
        /// The t₀ of ASGD, the number of steps before the average begins.
        t0: u64,
        /// The τ of Adafactor, at most 0.
        beta2_decay: f64 => at_most_0,
        /// The ε₁ of Adafactor, at least 0.
        epsilon1: f64 => range::at_least_0,
        /// The ε₂ of Adafactor, at least 0.
        epsilon2: f64 => range::at_least_0,
        /// The d of Adafactor, at least 1.
        clipping: f64 => clipping,
        /// Whether Muon looks ahead.
        nesterov: bool,
        /// The number of Newton-Schulz iterations of a step of Muon, below 100.
        iterations: usize => iterations,
        /// How a step of Muon depends on the shape of a matrix.
        scale: MuonScaleKind,
        /// Patterns of the matrices that Muon leaves to AdamW.
        exclude: Vec<String> => range::patterns,
        /// The β₁ and β₂ of Muon's AdamW, each in [0, 1).
        #[serde(deserialize_with = "range::pair")]
        adam_betas: [f64; 2] => range::both_below_1,
        /// The ε of Muon's AdamW, at least 0.
        adam_epsilon: f64 => range::at_least_0,
        /// The learning rate of Muon's AdamW as a multiple of Muon's, at least 0.
        adam_learning_rate_factor: f64 => range::at_least_0,
        /// Whether the loss is maximized, as by [`Group::maximize`] for the whole model. All kinds
        /// have this option.
        maximize: bool,
        /// Groups of parameters with settings of their own. All kinds have this option.
        groups: Vec<GroupSettings>,
        /// A [`Lookahead`] around the optimizer. All kinds have this option.
        lookahead: LookaheadSettings,
    }
}

/// The factor of [Muon](cotangent_optim::Muon)'s step, written as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MuonScaleKind {
    /// `match_rms_adamw`: [`MuonScale::MatchRmsAdamW`].
    MatchRmsAdamw,
    /// `original`: [`MuonScale::Original`].
    Original,
    /// `spectral_unclamped`: [`MuonScale::SpectralUnclamped`].
    SpectralUnclamped,
}

impl MuonScaleKind {
    fn scale(self) -> MuonScale {
        match self {
            Self::MatchRmsAdamw => MuonScale::MatchRmsAdamW,
            Self::Original => MuonScale::Original,
            Self::SpectralUnclamped => MuonScale::SpectralUnclamped,
        }
    }
}

fn at_most_0(value: &f64) -> Result<(), String> {
    if value.is_finite() && *value <= 0.0 {
        return Ok(());
    }
    Err(format!("must be finite and at most 0, found {value}"))
}

fn clipping(value: &f64) -> Result<(), String> {
    if value.is_finite() && *value >= 1.0 {
        return Ok(());
    }
    Err(format!("must be finite and at least 1, found {value}"))
}

fn etas(&[minus, plus]: &[f64; 2]) -> Result<(), String> {
    if minus > 0.0 && minus < 1.0 && plus > 1.0 && plus.is_finite() {
        return Ok(());
    }
    let range = "must be in (0, 1), then finite and above 1";
    Err(format!("{range}, found [{minus}, {plus}]"))
}

fn step_sizes(&[min, max]: &[f64; 2]) -> Result<(), String> {
    if min >= 0.0 && max >= min && max.is_finite() {
        return Ok(());
    }
    let range = "must be finite, at least 0 and in ascending order";
    Err(format!("{range}, found [{min}, {max}]"))
}

fn iterations(number: &usize) -> Result<(), String> {
    match number {
        0..100 => Ok(()),
        _ => Err(format!("must be below 100, found {number}")),
    }
}

impl OptimizerSettings {
    /// Builds the optimizer. Options that are not set have the defaults of its builder.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if the optimizer does not have an
    /// option that is set, or an option is out of range.
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
        self.checked().map_err(|fault| fault.error("optimizer"))?;
        let mut optimizer = self.builder_build()?;
        if let Some(LookaheadSettings { period, alpha }) = self.lookahead {
            optimizer = Box::new(Lookahead::new(optimizer, period, alpha)?);
        }
        if self.maximize == Some(true) {
            optimizer.add_group(Group::of(".*")?.maximize());
        }
        for group in self.groups.iter().flatten() {
            optimizer.add_group(group.build()?);
        }
        Ok(optimizer)
    }
}

impl Check for OptimizerSettings {
    fn check(&self, set: &[&'static str]) -> Result<(), Fault> {
        let always = ["maximize", "groups", "lookahead"];
        range::check_options(set, &[], self.kind.options(), &always)?;
        if let (OptimizerKind::RmsProp, Some(alpha)) = (self.kind, &self.alpha) {
            range::share(alpha).map_err(|reason| Fault::new("alpha", reason))?;
        }
        let built = self.builder_build();
        built
            .map(drop)
            .map_err(|error| Fault::of_builder(error, set))
    }
}

options! {
    /// Settings for the parameters whose paths match a pattern, see [`Group`].
    GroupSettings {
        /// The pattern, a regular expression for the whole path.
        pattern: String => range::pattern,
        --
        /// The learning rate as a multiple of the optimizer's, at least 0.
        learning_rate_factor: f64 => range::at_least_0,
        /// The weight decay instead of the optimizer's, at least 0.
        weight_decay: f64 => range::at_least_0,
        /// Whether the optimizer leaves the group as it is.
        frozen: bool,
        /// Whether rows without a gradient are skipped.
        lazy_rows: bool,
        /// Whether the loss is maximized over the group.
        maximize: bool,
    }
}

impl GroupSettings {
    /// Builds the group.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range.
    pub fn build(&self) -> Result<Group> {
        let mut group = Group::of(&*self.pattern)?;
        if let Some(factor) = self.learning_rate_factor {
            group = group.learning_rate_factor(factor)?;
        }
        if let Some(weight_decay) = self.weight_decay {
            group = group.weight_decay(weight_decay)?;
        }
        if self.frozen == Some(true) {
            group = group.frozen();
        }
        if self.lazy_rows == Some(true) {
            group = group.lazy_rows();
        }
        if self.maximize == Some(true) {
            group = group.maximize();
        }
        Ok(group)
    }
}

impl Check for GroupSettings {
    fn check(&self, set: &[&'static str]) -> Result<(), Fault> {
        if set.is_empty() {
            let reason = "the group needs one of the options learning_rate_factor, weight_decay, \
                          frozen, lazy_rows, maximize";
            return Err(Fault::new("", reason));
        }
        Ok(())
    }
}

options! {
    /// The settings of a [`Lookahead`].
    LookaheadSettings {
        /// The steps between two synchronizations, at least 1; 5 to 10 are usual.
        period: u64 => range::at_least_1,
        /// The share by which the slow weights move, in (0, 1]; 0.5 is usual.
        alpha: f64 => alpha,
        --
    }
}

fn alpha(value: &f64) -> Result<(), String> {
    if *value > 0.0 && *value <= 1.0 {
        return Ok(());
    }
    Err(format!("must be in (0, 1], found {value}"))
}

impl Check for LookaheadSettings {}
