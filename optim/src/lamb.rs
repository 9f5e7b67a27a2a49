//! LAMB: Adam with steps relative to each parameter's norm, for large batches.

use crate::algorithm::{Algorithm, ParamState, ParamStep};
use crate::clip::root;
use crate::optimizer::Optimizer;
use crate::rule::mean_square;
use crate::settings::{Settings, at_least_0, fraction, setters};
use crate::stepper::Stepper;
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{Part, ZeroRows, step};
use cotangent_core::{DType, Result, Tensor};

/// LAMB, with m and v as in [`Adam`](crate::Adam): `r = m̂ / (√v̂ + ε) + λ w; w -= η r ‖w‖ / ‖r‖`.
/// The norms are over each parameter; their quotient is 1 if one of them is 0 (You et al. 2019,
/// Large Batch Optimization for Deep Learning: Training BERT in 76 minutes). It computes the same
/// as Optax; PyTorch has no LAMB.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Lamb {
    settings: Settings,
    beta2: f64,
    epsilon: f64,
}

impl Lamb {
    /// Creates LAMB with learning rate η (1e-3 is usual), β₁ 0.9, β₂ 0.999, ε 1e-6 and no weight
    /// decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            beta2: 0.999,
            epsilon: 1e-6,
        }
    }

    setters!(betas);
    setters!(epsilon);

    /// Sets the weight decay λ, at least 0, which is part of r. The default is 0.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.weight_decay = weight_decay;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        fraction("β₂", self.beta2)?;
        at_least_0("ε", self.epsilon)?;
        Ok(Box::new(Stepper::new(self, self.settings)?))
    }
}

/// The formula that updates m and v and computes `r` from them.
#[derive(Clone, Copy)]
struct Direction {
    beta1: f64,
    beta2: f64,
    first_correction: f64,
    second_correction: f64,
    epsilon: f64,
    weight_decay: f64,
}

impl Step<3> for Direction {
    #[inline(always)]
    fn apply<T: Real>(self, w: T, g: T, [m, v, _]: [T; 3]) -> (T, [T; 3]) {
        let m = m * self.beta1 + g * (1.0 - self.beta1);
        let v = mean_square(v, g, self.beta2);
        let divisor = v.sqrt() * self.second_correction + self.epsilon;
        let r = m / divisor * self.first_correction + w * self.weight_decay;
        (w, [m, v, r])
    }
}

/// The formula `w -= size r`. The size may be beyond the range of the dtype even if the step is
/// not; then `r` is scaled to a length of about 1 first.
#[derive(Clone, Copy)]
struct Descend {
    /// A power of two, usually 1.
    unit: f64,
    size: f64,
}

impl Descend {
    /// Creates the formula for `size = learning_rate norm / length`, with `norm` that of `w` and
    /// `length` that of `r`.
    fn new(learning_rate: f64, norm: f64, length: f64, dtype: DType) -> Self {
        if norm == 0.0 || length == 0.0 {
            let size = learning_rate;
            return Self { unit: 1.0, size };
        }
        let size = learning_rate * (norm / length);
        let (least, most) = match dtype {
            DType::F32 => (f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)),
            _ => (f64::MIN_POSITIVE, f64::MAX),
        };
        if (least..=most).contains(&size) {
            return Self { unit: 1.0, size };
        }
        let unit = length.log2().round().exp2().clamp(least, least.recip());
        Self {
            unit: unit.recip(),
            size: learning_rate * (norm / (length / unit)),
        }
    }
}

impl Step<0> for Descend {
    #[inline(always)]
    fn apply<T: Real>(self, w: T, r: T, []: [T; 0]) -> (T, [T; 0]) {
        (w - r * self.unit * self.size, [])
    }
}

impl Algorithm for Lamb {
    fn name(&self) -> &'static str {
        "Lamb"
    }

    fn state_names(&self) -> Vec<Vec<&'static str>> {
        vec![vec!["m", "v"]]
    }

    fn init(&self, _path: &str, value: &Tensor) -> Result<ParamState> {
        ParamState::zeros_like(["m", "v"], value)
    }

    /// Sweeps twice over the parameter, and once for each norm.
    fn update(&self, at: &mut ParamStep<'_>) -> Result<()> {
        let (t, beta1) = (at.number as f64, at.settings.momentum);
        let [m, v] = at.state.tensors_mut()?;
        let dtype = at.param.value().dtype();
        let mut r = Tensor::zeros(at.param.shape(), dtype)?;
        // This writes the parameter too, without changing it. If memory for a copy of it is needed
        // and refused, that happens here, before anything has changed.
        step(&mut [Part {
            param: &mut *at.param,
            gradient: at.gradient,
            state: [m, v, &mut r],
            step: Direction {
                beta1,
                beta2: self.beta2,
                first_correction: (1.0 - beta1.powf(t)).recip(),
                second_correction: (1.0 - self.beta2.powf(t)).sqrt().recip(),
                epsilon: self.epsilon,
                weight_decay: at.settings.weight_decay,
            },
            zero_rows: ZeroRows::Change,
        }])?;
        let norm = root(at.param.value().sum_of_squares(), at.param.value())?;
        let length = root(r.sum_of_squares(), &r)?;
        step(&mut [Part {
            param: &mut *at.param,
            gradient: &r,
            state: [],
            step: Descend::new(at.settings.learning_rate, norm, length, dtype),
            zero_rows: ZeroRows::Change,
        }])
    }
}
