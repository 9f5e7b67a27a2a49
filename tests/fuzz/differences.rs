//! Compares a formula with numeric differences and with its plain forms.

use crate::formulas::{Case, Output};
use crate::reference::{Whole, traced};
use cotangent::prelude::*;

/// What is wrong with a formula.
pub struct Problem(pub String);

/// How many numbers were checked, and how many skipped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub values: [usize; 2],
    pub first: [usize; 2],
    pub second: [usize; 2],
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.values, other.values),
            (&mut self.first, other.first),
            (&mut self.second, other.second),
        ];
        for (sum, part) in pairs {
            sum[0] += part[0];
            sum[1] += part[1];
        }
    }
}

/// How many points are drawn for each setting of the parameters.
const POINTS: usize = 16;
/// The settings of the parameters.
const SETTINGS: u64 = 2;
/// The steps of differences: the largest, halved this often.
const STEP: f64 = 0.02;
const STEPS: usize = 9;
/// How many successive steps are extrapolated.
const LEVELS: usize = 4;
/// Larger numbers than this are skipped.
const LARGE: f64 = 1e6;

/// Examines a formula at random points.
pub fn examine(case: &Case, seed: u64) -> Result<Tally, Problem> {
    let mut tally = Tally::default();
    let has_settings = case.numbers + case.wholes > 0;
    for setting in 0..if has_settings { SETTINGS } else { 1 } {
        let examined = Examined::new(case, seed * SETTINGS + setting);
        let examined = examined.map_err(|error| Problem(format!("an error: {error}")))?;
        examined.values(&mut tally)?;
        examined.first(&mut tally)?;
        examined.second(&mut tally)?;
        examined.single_precision()?;
        examined.reduction()?;
    }
    Ok(tally)
}

/// A formula and its gradients at random points, and at all points of differences there.
struct Examined<'a> {
    case: &'a Case,
    numbers: Vec<f64>,
    wholes: Vec<i32>,
    /// For each point: the coordinates. The first are those that were drawn; each is followed,
    /// `POINTS` later and so on, by its neighbours.
    points: Vec<Vec<f64>>,
    /// The value by plain numbers, and the hash of the decisions.
    plain: Vec<(f64, u64)>,
    composed: Vec<f64>,
    /// The values, if they are not reduced.
    found: Option<Vec<f64>>,
    /// For each operand, the gradient at each point.
    gradients: Vec<Vec<f64>>,
    /// For each operand, the gradient at each drawn point, recorded; and for each pair the second
    /// derivative.
    recorded: Vec<Vec<f64>>,
    hessian: Vec<Vec<Vec<f64>>>,
}

impl<'a> Examined<'a> {
    fn new(case: &'a Case, seed: u64) -> cotangent::Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let numbers: Vec<f64> = (0..case.numbers)
            .map(|_| rng.random_range(0.5..2.0))
            .collect();
        let wholes: Vec<i32> = (0..case.wholes).map(|_| rng.random_range(0..4)).collect();
        let mut points: Vec<Vec<f64>> = Vec::new();
        for _ in 0..POINTS {
            let coordinate = |_| match rng.random_range(0..40) {
                0..2 => 0.0,
                2 => 1.0,
                3 => -1.0,
                _ => rng.random_range(-2.0..2.0),
            };
            points.push((0..case.operands).map(coordinate).collect());
        }
        for operand in 0..case.operands {
            for step in 0..STEPS {
                for sign in [1.0, -1.0] {
                    for i in 0..POINTS {
                        let mut point = points[i].clone();
                        point[operand] += sign * STEP / 2f64.powi(step as i32);
                        points.push(point);
                    }
                }
            }
        }
        let plain = points
            .iter()
            .map(|point| traced(|| (case.plain)(point, &numbers, &wholes)))
            .collect();
        let mut this = Self {
            case,
            numbers,
            wholes,
            points,
            plain,
            composed: vec![],
            found: None,
            gradients: vec![],
            recorded: vec![],
            hessian: vec![],
        };
        let all: Vec<usize> = (0..this.points.len()).collect();
        let operands = this.tensors(&all, DType::F64)?;
        let lifted: Vec<Whole> = operands.iter().cloned().map(Whole).collect();
        this.composed = (case.composed)(&lifted, &this.numbers, &this.wholes)
            .0
            .to_f64_vec();
        let (value, gradients) = this.derived(&operands, false)?;
        this.found = (case.output == Output::Tensor).then(|| value.to_f64_vec());
        this.gradients = gradients.iter().map(Tensor::to_f64_vec).collect();
        let operands = this.tensors(&all[..POINTS], DType::F64)?;
        let operands: Vec<Tensor> = operands.iter().map(Tensor::tracked).collect();
        let (_, gradients) = this.derived(&operands, true)?;
        this.recorded = gradients.iter().map(Tensor::to_f64_vec).collect();
        for gradient in &gradients {
            let mut row = Vec::new();
            let second = if gradient.is_tracked() {
                Some(
                    Backward::new()
                        .allow_nonfinite()
                        .retain_graph()
                        .run(&gradient.sum())?,
                )
            } else {
                None
            };
            for operand in &operands {
                let part = second.as_ref().and_then(|second| second.get(operand));
                row.push(part.map_or(vec![0.0; POINTS], Tensor::to_f64_vec));
            }
            this.hessian.push(row);
        }
        Ok(this)
    }

    /// Returns the operands at these points.
    fn tensors(&self, points: &[usize], dtype: DType) -> cotangent::Result<Vec<Tensor>> {
        let shape = match self.case.output {
            Output::SumOver | Output::MeanOver => vec![4, points.len() / 4],
            _ => vec![points.len()],
        };
        let of = |k: usize| {
            let numbers: Vec<f64> = points.iter().map(|&i| self.points[i][k]).collect();
            Ok(Tensor::from_vec(numbers, &shape[..])?.to_dtype(dtype))
        };
        (0..self.case.operands).map(of).collect()
    }

    /// Returns the value, and the derivative of each element by each operand.
    fn derived(
        &self,
        operands: &[Tensor],
        record: bool,
    ) -> cotangent::Result<(Tensor, Vec<Tensor>)> {
        let tracked: Vec<Tensor> = operands.iter().map(Tensor::tracked).collect();
        let tracked = if record { operands } else { &tracked[..] };
        let value = (self.case.apply)(tracked, &self.numbers, &self.wholes)?;
        // Weights show whether the cotangent is used. A mean divides it.
        let len = operands[0].len();
        let weights: Vec<f64> = match self.case.output {
            Output::Tensor => (0..len).map(|i| 0.5 + ((i * 7) % 5) as f64).collect(),
            Output::Sum | Output::SumOver => vec![1.0; value.len()],
            Output::Mean => vec![len as f64],
            Output::MeanOver => vec![4.0; value.len()],
        };
        let weights = Tensor::from_vec(weights, value.shape())?.to_dtype(value.dtype());
        let mut backward = Backward::new().allow_nonfinite();
        if record {
            backward = backward.create_graph();
        }
        let gradients = backward.run(&value.mul(&weights)?.sum())?;
        let mut all = Vec::new();
        for operand in tracked {
            all.push(match gradients.get(operand) {
                Some(gradient) if self.case.output == Output::Tensor => gradient.div(&weights)?,
                Some(gradient) => gradient.clone(),
                None => operand.zeros_like()?,
            });
        }
        Ok((value.detach(), all))
    }

    /// Returns the index of a neighbour.
    fn neighbour(&self, point: usize, operand: usize, step: usize, side: usize) -> usize {
        POINTS * (1 + (operand * STEPS + step) * 2 + side) + point
    }

    /// Returns the first step from which on all neighbours are on the same smooth piece.
    fn smooth_from(&self, point: usize, operand: usize) -> Option<usize> {
        let (value, piece) = self.plain[point];
        let is_smooth = |step: &usize| {
            [0, 1].iter().all(|&side| {
                let (y, other) = self.plain[self.neighbour(point, operand, *step, side)];
                other == piece && y.is_finite()
            })
        };
        if !value.is_finite() || value.abs() > LARGE {
            return None;
        }
        let smooth = (0..STEPS).rev().take_while(is_smooth).count();
        (smooth >= LEVELS).then_some(STEPS - smooth)
    }

    /// Returns whether no comparison is about to change.
    fn is_smooth(&self, point: usize) -> bool {
        (0..self.case.operands).all(|operand| self.smooth_from(point, operand).is_some())
    }

    /// Returns the slope of a function along an operand, and how uncertain it is.
    fn slope(&self, point: usize, operand: usize, f: impl Fn(usize) -> f64) -> Option<(f64, f64)> {
        let first = self.smooth_from(point, operand)?;
        let mut best: Option<(f64, f64)> = None;
        for start in (first..=STEPS - LEVELS).step_by(2) {
            let mut row: Vec<f64> = Vec::new();
            for level in 0..LEVELS {
                let step = STEP / 2f64.powi((start + level) as i32);
                let [above, below] =
                    [0, 1].map(|side| f(self.neighbour(point, operand, start + level, side)));
                let mut next = vec![(above - below) / (2.0 * step)];
                let rounding = 16.0 * f64::EPSILON * (above.abs() + below.abs()) / step;
                let mut power = 1.0;
                for k in 0..level {
                    power *= 4.0;
                    next.push(next[k] + (next[k] - row[k]) / (power - 1.0));
                    let change = (next[k + 1] - next[k])
                        .abs()
                        .max((next[k + 1] - row[k]).abs());
                    let uncertain = change + rounding;
                    if best.is_none_or(|(_, known)| uncertain < known) {
                        best = Some((next[k + 1], uncertain));
                    }
                }
                row = next;
            }
        }
        best.filter(|(slope, uncertain)| {
            slope.abs() < LARGE && *uncertain <= 1e-5 * slope.abs() + 1e-7
        })
    }

    /// The size of the value and of its changes, of which rounding errors are a part.
    fn scale(&self, point: usize) -> f64 {
        let changes = self.gradients.iter().map(|g| (2.0 * g[point]).abs());
        // At a pole along one operand, the others are still compared.
        let changes = changes.filter(|change| change.is_finite());
        1.0 + self.plain[point].0.abs() + changes.sum::<f64>()
    }

    fn place(&self, point: usize) -> String {
        let Self {
            numbers, wholes, ..
        } = self;
        format!(
            "at x = {:?}, p = {numbers:?}, n = {wholes:?}",
            self.points[point]
        )
    }

    fn values(&self, tally: &mut Tally) -> Result<(), Problem> {
        for i in 0..POINTS {
            if !self.is_smooth(i) {
                tally.values[1] += 1;
                continue;
            }
            tally.values[0] += 1;
            let (expected, composed) = (self.plain[i].0, self.composed[i]);
            let found = self.found.as_ref().map_or(composed, |found| found[i]);
            for (what, other, tolerance) in [
                ("of tensor operations", composed, 1e-12),
                ("by plain numbers", expected, 1e-9),
            ] {
                if !((found - other).abs() <= tolerance * self.scale(i)) {
                    return Err(Problem(format!(
                        "the value is {found:e}, {what} {other:e}, {}",
                        self.place(i)
                    )));
                }
            }
        }
        Ok(())
    }

    fn first(&self, tally: &mut Tally) -> Result<(), Problem> {
        for i in 0..POINTS {
            for k in 0..self.case.operands {
                let Some((expected, uncertain)) = self.slope(i, k, |j| self.plain[j].0) else {
                    tally.first[1] += 1;
                    continue;
                };
                tally.first[0] += 1;
                let found = self.gradients[k][i];
                let allowed = 1e-6 * expected.abs() + 1e-8 + 4.0 * uncertain;
                if !((found - expected).abs() <= allowed) {
                    return Err(Problem(format!(
                        "the derivative by x{k} is {found:e}, numerically {expected:e} ± \
                         {uncertain:.0e}, {}",
                        self.place(i)
                    )));
                }
                let recorded = self.recorded[k][i];
                if !((found - recorded).abs() <= 1e-9 * self.scale(i)) {
                    return Err(Problem(format!(
                        "the derivative by x{k} is {found:e}, recorded {recorded:e}, {}",
                        self.place(i)
                    )));
                }
            }
        }
        Ok(())
    }

    fn second(&self, tally: &mut Tally) -> Result<(), Problem> {
        for i in 0..POINTS {
            for k in 0..self.case.operands {
                for j in 0..self.case.operands {
                    let slope = self.slope(i, j, |at| self.gradients[k][at]);
                    let Some((expected, uncertain)) = slope else {
                        tally.second[1] += 1;
                        continue;
                    };
                    tally.second[0] += 1;
                    let found = self.hessian[k][j][i];
                    let allowed = 1e-6 * expected.abs() + 1e-8 + 4.0 * uncertain;
                    if !((found - expected).abs() <= allowed) {
                        return Err(Problem(format!(
                            "the second derivative by x{k} and x{j} is {found:e}, numerically \
                             {expected:e} ± {uncertain:.0e}, {}",
                            self.place(i)
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    /// In `f32` the sides that are not chosen become infinite sooner: the gradients stay finite.
    fn single_precision(&self) -> Result<(), Problem> {
        let error = |error| Problem(format!("an error in `f32`: {error}"));
        let points: Vec<usize> = (0..POINTS).collect();
        let operands = self.tensors(&points, DType::F32).map_err(error)?;
        let (_, gradients) = self.derived(&operands, false).map_err(error)?;
        for (k, gradient) in gradients.iter().enumerate() {
            for (i, single) in gradient.to_f64_vec().into_iter().enumerate() {
                // The scale contains the gradients in `f64`.
                if self.is_smooth(i) && self.scale(i) < 1e3 && !single.is_finite() {
                    return Err(Problem(format!(
                        "the derivative by x{k} is {single} in `f32`, {:e} in `f64`, {}",
                        self.gradients[k][i],
                        self.place(i)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Compares sums and means with those of the plain values.
    fn reduction(&self) -> Result<(), Problem> {
        let error = |error| Problem(format!("an error: {error}"));
        let mut points: Vec<usize> = (0..POINTS).filter(|&i| self.is_smooth(i)).collect();
        points.truncate(points.len() / 4 * 4);
        if self.case.output == Output::Tensor || points.is_empty() {
            return Ok(());
        }
        let operands = self.tensors(&points, DType::F64).map_err(error)?;
        let value = (self.case.apply)(&operands, &self.numbers, &self.wholes).map_err(error)?;
        let columns = points.len() / 4;
        let plain = |i: usize| self.plain[points[i]].0;
        let expected: Vec<f64> = match self.case.output {
            Output::Tensor => return Ok(()),
            Output::Sum => vec![(0..points.len()).map(plain).sum()],
            Output::Mean => vec![(0..points.len()).map(plain).sum::<f64>() / points.len() as f64],
            Output::SumOver => (0..4)
                .map(|row| (0..columns).map(|c| plain(row * columns + c)).sum())
                .collect(),
            Output::MeanOver => {
                let mean = |c| (0..4).map(|row| plain(row * columns + c)).sum::<f64>() / 4.0;
                (0..columns).map(mean).collect()
            }
        };
        let scale: f64 = points.iter().map(|&i| self.scale(i)).sum();
        for (found, expected) in value.to_f64_vec().into_iter().zip(expected) {
            if !((found - expected).abs() <= 1e-10 * scale) {
                return Err(Problem(format!(
                    "the sum is {found:e}, expected {expected:e}"
                )));
            }
        }
        Ok(())
    }
}
