//! L-BFGS: steps by an approximation of the inverse Hessian, with a line search.

mod history;
mod line_search;
mod objective;
mod state;

use cotangent_core::module::Module;
use cotangent_core::{Error, Gradients, LeafId, Result, Tensor, refusable};
use history::{History, Pair, add, dot, largest};
use line_search::{Limits, Trial, search};
use objective::{Layout, Objective, Point};
use std::collections::BTreeMap;

const OP: &str = "L-BFGS step";

/// L-BFGS with a line search for the strong Wolfe conditions (Nocedal, Wright 2006, Numerical
/// Optimization, algorithms 7.5, 3.5 and 3.6, with cubic interpolation). It follows PyTorch's
/// `LBFGS` with `line_search_fn="strong_wolfe"`. It differs in three places: a trial step that
/// fails the first condition never becomes the best one, pairs of changes are skipped by a relative
/// threshold of their curvature, and there is no learning rate: each search first tries the whole
/// step.
///
/// A step runs several iterations. Each computes the direction `d = -H g` from the last changes of
/// parameters and gradient, and searches along it for a step length t: `w += t d`. For smooth
/// losses of the whole data set it needs far fewer evaluations than other optimizers:
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::Lbfgs;
///
/// // Rosenbrock's function, with its minimum at (1, 1).
/// let mut w = Param::new(&Tensor::from([-1.2f64, 1.0]));
/// let mut optimizer = Lbfgs::builder().max_iterations(100).build()?;
/// let report = optimizer.step(&mut w, |w| {
///     let w = w.read(&Pass::train(0));
///     let (x, y) = (w.narrow(0, 0, 1)?, w.narrow(0, 1, 1)?);
///     let valley = y.sub(&x.square())?.square() * 100.0;
///     let loss = valley.add(&x.neg().add_scalar(1.0).square())?.sum();
///     Ok((loss.item()?, loss.backward()?))
/// })?;
/// assert!(report.loss < 1e-8 && report.evaluations < 50);
/// assert!(w.value().add_scalar(-1.0).square().sum().item()? < 1e-8);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # The closure
///
/// It returns the loss of a model and its gradients, and is called several times per step, at
/// parameters that may not be kept. It must return the same for the same parameters during a step:
/// pass the same batch and the same `Pass`, so that dropout draws the same. In training, running
/// statistics count each call. For data that does not fit in one batch, add the gradients up in an
/// [`Accumulator`](crate::Accumulator) inside the closure.
///
/// # Parameters and penalties
///
/// The parameters that are not frozen are one vector. A parameter without a gradient counts as one
/// whose gradient is 0. There are no groups, no weight decay and no schedule: freeze parameters in
/// the model (`freeze_where`), and add penalties to the loss (`cotangent::nn::regularize`). It is
/// not an [`Optimizer`](crate::Optimizer), whose step has gradients but no closure, so that
/// `train::Fit` and settings files do not have it: call it in a loop of your own, or after `Fit` to
/// finish.
///
/// The history is in `f64` and takes 16 bytes for each element and pair. Scalar products are summed
/// in a fixed order: a step gives the same bits for any number of threads.
///
/// State belongs to the parameters of one model. The next step continues the history, also after
/// loading. Call [`forget`](Self::forget) if the loss has become another one, such as that of
/// another batch.
#[doc(alias = "LBFGS")]
#[derive(Clone, Debug)]
pub struct Lbfgs {
    options: LbfgsBuilder,
    history: History,
    /// Parameters and gradient at the start of the last line search.
    previous: Option<(Tensor, Tensor)>,
    /// The numbers of elements of the parameters that the history is of, by path.
    lengths: BTreeMap<String, u64>,
    /// Their identities; none if the state was loaded and they have not been seen yet.
    ids: Option<Vec<LeafId>>,
}

/// The options of [`Lbfgs`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct LbfgsBuilder {
    history_size: usize,
    max_iterations: u64,
    max_evaluations: Option<u64>,
    gradient_tolerance: f64,
    change_tolerance: f64,
    maximize: bool,
}

/// The result of a step of [`Lbfgs`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LbfgsReport {
    /// The loss at the new parameters.
    pub loss: f64,
    /// The number of iterations.
    pub iterations: u64,
    /// How often the closure was called.
    pub evaluations: u64,
    /// Why the step ended.
    pub end: LbfgsEnd,
}

/// Why a step of [`Lbfgs`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LbfgsEnd {
    /// No element of the gradient is above the tolerance: this is a minimum, up to the tolerance.
    Gradient,
    /// An iteration changed the loss, or all parameters, by less than the tolerance.
    Change,
    /// There were as many iterations as allowed.
    Iterations,
    /// There were as many evaluations as allowed.
    Evaluations,
}

impl LbfgsBuilder {
    /// Sets the number of pairs of changes that are kept, at least 1. The default is 100.
    pub fn history_size(mut self, pairs: usize) -> Self {
        self.history_size = pairs;
        self
    }

    /// Sets the most iterations of a step, at least 1. The default is 20.
    pub fn max_iterations(mut self, iterations: u64) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// Sets the most calls of the closure in a step, at least 2. The default is 5/4 of the most
    /// iterations, as in PyTorch.
    pub fn max_evaluations(mut self, evaluations: u64) -> Self {
        self.max_evaluations = Some(evaluations);
        self
    }

    /// Sets the size of the largest element of the gradient at which a step ends, at least 0. The
    /// default is 1e-7.
    pub fn gradient_tolerance(mut self, tolerance: f64) -> Self {
        self.gradient_tolerance = tolerance;
        self
    }

    /// Sets the change of the loss, and of the parameters, at which a step ends, at least 0. The
    /// default is 1e-9.
    pub fn change_tolerance(mut self, tolerance: f64) -> Self {
        self.change_tolerance = tolerance;
        self
    }

    /// Maximizes the loss.
    pub fn maximize(mut self) -> Self {
        self.maximize = true;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`] if an option is out of range.
    pub fn build(self) -> Result<Lbfgs> {
        let at_least = |what: &str, least: u64, found: u64| {
            if found >= least {
                return Ok(());
            }
            let reason = format!("{what} must be at least {least}, found {found}");
            Err(Error::argument("Lbfgs", reason))
        };
        at_least("the size of the history", 1, self.history_size as u64)?;
        at_least("the number of iterations", 1, self.max_iterations)?;
        at_least("the number of evaluations", 2, self.evaluations())?;
        crate::settings::at_least_0("the tolerance of the gradient", self.gradient_tolerance)?;
        crate::settings::at_least_0("the tolerance of changes", self.change_tolerance)?;
        Ok(Lbfgs {
            options: self,
            history: History::default(),
            previous: None,
            lengths: BTreeMap::new(),
            ids: None,
        })
    }

    fn evaluations(&self) -> u64 {
        let usual = self.max_iterations.saturating_add(self.max_iterations / 4);
        self.max_evaluations.unwrap_or(usual.max(2))
    }
}

impl Lbfgs {
    /// Begins a builder.
    pub fn builder() -> LbfgsBuilder {
        LbfgsBuilder {
            history_size: 100,
            max_iterations: 20,
            max_evaluations: None,
            gradient_tolerance: 1e-7,
            change_tolerance: 1e-9,
            maximize: false,
        }
    }

    /// Runs iterations until the loss is minimal, up to the tolerances, or a limit is reached.
    ///
    /// A loss or gradient that is not finite during a line search means that the step was too long:
    /// a shorter one is tried. If the search ends without a lower loss, the parameters are those
    /// before it.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the loss or gradient at the start is not finite; [`Error::Argument`]
    /// if no gradient belongs to a parameter of the model, if all parameters are frozen, or if the
    /// history belongs to other parameters; those of the closure; [`Error::Shape`] if a gradient
    /// does not have its parameter's shape, or if the system refuses memory. The parameters are
    /// those of the last iteration that was complete.
    pub fn step<M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        closure: impl FnMut(&M) -> Result<(f64, Gradients)>,
    ) -> Result<LbfgsReport> {
        let layout = &Layout::of(model)?;
        self.assign(layout)?;
        let mut objective = Objective {
            model,
            layout,
            closure,
            maximize: self.options.maximize,
            evaluations: 0,
        };
        let mut complete = objective.values();
        let result = refusable(OP, || self.minimize(&mut objective, &mut complete));
        // The closure may have been called last for a step that is not made.
        objective.set(&complete)?;
        result
    }

    /// Drops the history, so that the next step begins along the gradient.
    pub fn forget(&mut self) {
        self.history.clear();
        self.previous = None;
        self.lengths.clear();
        self.ids = None;
    }

    /// Checks that the history is of these parameters, and remembers them.
    fn assign(&mut self, layout: &Layout) -> Result<()> {
        let lengths = self.lengths.iter().map(|(path, len)| (&**path, *len));
        let mut ids = self.ids.iter();
        let fits = lengths.eq(layout.lengths()) && ids.all(|ids| layout.ids().eq(ids.clone()));
        if self.previous.is_some() && !fits {
            let reason = "the history is that of another model, or of other parameters of this \
                          one: build an optimizer for each model, or call `forget`";
            return Err(Error::argument(OP, reason));
        }
        let lengths = layout.lengths().map(|(path, len)| (path.to_owned(), len));
        self.lengths = lengths.collect();
        self.ids = Some(layout.ids().collect());
        Ok(())
    }

    /// Runs the iterations. `complete` are the parameters of the last one that was complete.
    fn minimize<M, C>(
        &mut self,
        objective: &mut Objective<'_, M, C>,
        complete: &mut Vec<Tensor>,
    ) -> Result<LbfgsReport>
    where
        M: Module + ?Sized,
        C: FnMut(&M) -> Result<(f64, Gradients)>,
    {
        let options = self.options;
        let mut now = objective.here()?;
        let mut iterations = 0;
        let mut end = self.is_minimum(&now)?.then_some(LbfgsEnd::Gradient);
        let end = loop {
            if let Some(end) = end {
                break end;
            }
            self.remember(&now)?;
            let (direction, slope) = self.direction(&now)?;
            if slope > -options.change_tolerance || slope == 0.0 {
                break LbfgsEnd::Change;
            }
            iterations += 1;
            let next = self.search(objective, &now, &direction, slope)?;
            complete.clone_from(&next.values);
            let mut change = next.x.clone();
            add(&mut change, -1.0, &now.x)?;
            let is_small = largest(&change)? <= options.change_tolerance
                || (next.loss - now.loss).abs() < options.change_tolerance;
            now = next;
            end = if self.is_minimum(&now)? {
                Some(LbfgsEnd::Gradient)
            } else if objective.evaluations >= options.evaluations() {
                Some(LbfgsEnd::Evaluations)
            } else if is_small {
                Some(LbfgsEnd::Change)
            } else {
                (iterations >= options.max_iterations).then_some(LbfgsEnd::Iterations)
            };
        };
        Ok(LbfgsReport {
            loss: if options.maximize {
                -now.loss
            } else {
                now.loss
            },
            iterations,
            evaluations: objective.evaluations,
            end,
        })
    }

    fn is_minimum(&self, point: &Point) -> Result<bool> {
        Ok(largest(&point.gradient)? <= self.options.gradient_tolerance)
    }

    /// Adds the changes since the last point to the history.
    fn remember(&mut self, now: &Point) -> Result<()> {
        if let Some((x, gradient)) = &self.previous {
            let (mut s, mut y) = (now.x.clone(), now.gradient.clone());
            add(&mut s, -1.0, x)?;
            add(&mut y, -1.0, gradient)?;
            if let Some(pair) = Pair::new(s, y)? {
                self.history.push(pair, self.options.history_size);
            }
        }
        self.previous = Some((now.x.clone(), now.gradient.clone()));
        Ok(())
    }

    /// Returns the direction of the next search and the slope along it. A history that does not
    /// lead down, because of rounding, is dropped.
    fn direction(&mut self, now: &Point) -> Result<(Tensor, f64)> {
        let direction = self.history.direction(&now.gradient)?;
        let slope = dot(&now.gradient, &direction)?;
        if (slope < 0.0 && slope.is_finite()) || self.history.is_empty() {
            return Ok((direction, slope));
        }
        self.history.clear();
        self.direction(now)
    }

    /// Searches along a direction.
    fn search<M, C>(
        &self,
        objective: &mut Objective<'_, M, C>,
        now: &Point,
        direction: &Tensor,
        slope: f64,
    ) -> Result<Point>
    where
        M: Module + ?Sized,
        C: FnMut(&M) -> Result<(f64, Gradients)>,
    {
        let first = if self.history.is_empty() {
            now.gradient.abs().sum().item()?.recip().min(1.0)
        } else {
            1.0
        };
        let limits = Limits {
            evaluations: self.options.evaluations() - objective.evaluations,
            width: self.options.change_tolerance / largest(direction)?,
        };
        let start = Trial {
            t: 0.0,
            loss: now.loss,
            slope,
            point: now.clone(),
        };
        let found = search(&start, first, limits, |t| {
            let mut x = now.x.clone();
            add(&mut x, t, direction)?;
            match objective.at_vector(&x) {
                Ok(point) => Ok(Trial {
                    t,
                    loss: point.loss,
                    slope: dot(&point.gradient, direction)?,
                    point,
                }),
                Err(error) if matches!(error.root(), Error::NonFinite { .. }) => Ok(Trial {
                    t,
                    loss: f64::INFINITY,
                    slope: f64::NAN,
                    point: now.clone(),
                }),
                Err(error) => Err(error),
            }
        })?;
        Ok(found.point)
    }
}
