//! The parts of a schedule: functions of the step, plateaus, and sequences and products of these.

use super::plateau::Plateau;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

#[derive(Clone)]
pub(super) enum Shape {
    Curve(Curve),
    Plateau(Plateau),
    /// One after the other, in the order of their starts; the first starts at step 0.
    Sequence(Vec<Part>),
    Product(Vec<Shape>),
}

#[derive(Clone)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) shape: Shape,
}

type Function = Arc<dyn Fn(u64) -> f64 + Send + Sync>;

/// A factor that depends on the step only, and possibly a momentum.
#[derive(Clone)]
pub(super) struct Curve {
    name: String,
    factor: Function,
    momentum: Option<Function>,
}

impl Curve {
    pub(super) fn new(name: String, factor: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self {
            name,
            factor: Arc::new(factor),
            momentum: None,
        }
    }

    pub(super) fn with_momentum(
        self,
        momentum: impl Fn(u64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            momentum: Some(Arc::new(momentum)),
            ..self
        }
    }
}

impl Shape {
    pub(super) fn factor(&self, t: u64) -> f64 {
        match self {
            Self::Curve(curve) => (curve.factor)(t),
            Self::Plateau(plateau) => plateau.scale,
            Self::Sequence(parts) => {
                let part = &parts[active(parts, t)];
                part.shape.factor(t - part.start)
            }
            Self::Product(factors) => factors.iter().map(|shape| shape.factor(t)).product(),
        }
    }

    pub(super) fn momentum(&self, t: u64) -> Option<f64> {
        match self {
            Self::Curve(curve) => curve.momentum.as_ref().map(|momentum| momentum(t)),
            Self::Plateau(_) => None,
            Self::Sequence(parts) => {
                let part = &parts[active(parts, t)];
                part.shape.momentum(t - part.start)
            }
            Self::Product(factors) => factors.iter().rev().find_map(|shape| shape.momentum(t)),
        }
    }

    /// Returns whether there is a momentum at any step.
    pub(super) fn drives_momentum(&self) -> bool {
        match self {
            Self::Curve(curve) => curve.momentum.is_some(),
            Self::Plateau(_) => false,
            Self::Sequence(parts) => parts.iter().any(|part| part.shape.drives_momentum()),
            Self::Product(factors) => factors.iter().any(Self::drives_momentum),
        }
    }

    pub(super) fn observe(&mut self, t: u64, metric: f64) -> bool {
        match self {
            Self::Curve(_) => false,
            Self::Plateau(plateau) => plateau.observe(metric),
            Self::Sequence(parts) => {
                let at = active(parts, t);
                let part = &mut parts[at];
                part.shape.observe(t - part.start, metric)
            }
            Self::Product(factors) => factors
                .iter_mut()
                .fold(false, |lowered, shape| shape.observe(t, metric) | lowered),
        }
    }

    /// Returns the parts that have state, in a fixed order.
    pub(super) fn plateaus(&mut self) -> Vec<&mut Plateau> {
        match self {
            Self::Curve(_) => Vec::new(),
            Self::Plateau(plateau) => vec![plateau],
            Self::Sequence(parts) => {
                let shapes = parts.iter_mut().map(|part| &mut part.shape);
                shapes.flat_map(Self::plateaus).collect()
            }
            Self::Product(factors) => factors.iter_mut().flat_map(Self::plateaus).collect(),
        }
    }
}

/// Returns the index of the part that is active at step `t`.
fn active(parts: &[Part], t: u64) -> usize {
    parts
        .partition_point(|part| part.start <= t)
        .saturating_sub(1)
}

/// The calls that build it: `warm_up(4).then(4, cosine(10, 0.0))`.
impl Debug for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Curve(curve) => f.write_str(&curve.name),
            Self::Plateau(plateau) => plateau.fmt(f),
            Self::Sequence(parts) => {
                for part in parts {
                    match part.start {
                        0 => write!(f, "{:?}", part.shape)?,
                        start => write!(f, ".then({start}, {:?})", part.shape)?,
                    }
                }
                Ok(())
            }
            Self::Product(factors) => {
                for (i, shape) in factors.iter().enumerate() {
                    match i {
                        0 => write!(f, "{shape:?}")?,
                        _ => write!(f, ".times({shape:?})")?,
                    }
                }
                Ok(())
            }
        }
    }
}
