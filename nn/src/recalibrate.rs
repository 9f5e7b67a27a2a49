//! Exact running statistics for all batch normalizations of a model, from a whole data set.

use cotangent_core::module::{Buffer, Module, Pass};
use cotangent_core::{DType, Error, ModuleExt, Result, Tensor};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) const OP: &str = "recalibrate";

/// Sets the running statistics of all batch normalizations of `model` to the exact mean and
/// variance of their inputs in inference.
///
/// `forward` runs the model on one batch under the given pass, as for a prediction. The batches may
/// have different sizes.
///
/// The input of a layer depends on the statistics of the layers below it. So this function sets the
/// layers one after another, in the order in which `forward` calls them. It makes one pass over the
/// data for each batch normalization; a part of the data may be enough. Then each layer's
/// statistics are those of its own input in inference.
///
/// Ioffe and Szegedy (2015, Algorithm 2) and PyTorch's `update_bn` make a single pass in training
/// mode. There the lower layers normalize each batch by its own statistics. So the inputs of the
/// layers above differ from those in inference, and depend on how the data is cut into batches.
/// PyTorch also averages the variances of the batches, which omits the spread of their means. This
/// function merges counts, means and squared deviations, in `f64` (Chan, Golub, LeVeque 1983,
/// Algorithms for Computing the Sample Variance).
///
/// Layers that are frozen or have no running statistics are unchanged. A layer that `forward` calls
/// twice gets the joint statistics of both inputs. While they are collected, it normalizes by its
/// old statistics.
///
/// # Errors
/// Returns the errors of `forward`; [`Error::Argument`] if `forward` called no batch normalization
/// of `model` that can be set, or if one got fewer than two values per channel;
/// [`Error::NonFinite`] if a statistic is not finite. After an error the model is unchanged.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let net = Sequential::new()
///     .push(BatchNorm::new(2)?)
///     .push(Linear::new(2, 3, &mut rng)?)
///     .push(BatchNorm::new(3)?);
/// let batches = [Tensor::from([[1.0f32, 5.0], [2.0, 3.0]]), Tensor::from([[6.0f32, 1.0]])];
/// cotangent::nn::recalibrate(&net, &batches, |x, pass| net.forward(x, pass))?;
/// let y = net.predict(&Tensor::cat(&batches, 0)?)?;
/// assert!(y.mean_over(0)?.abs().max()?.item()? < 1e-6);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "update_bn")]
// By value, so that a range or a slice can be passed directly.
#[allow(clippy::needless_pass_by_value)]
pub fn recalibrate<B, T>(
    model: &(impl Module + ?Sized),
    batches: impl IntoIterator<Item = B> + Clone,
    forward: impl Fn(B, &Pass) -> Result<T>,
) -> Result<()> {
    let buffers = model.named_buffers();
    let recalibration = Arc::new(Recalibration::default());
    recalibration.lock().statistics = buffers
        .iter()
        .map(|(path, buffer)| (address(buffer), (path.clone(), None)))
        .collect();
    let pass = Pass::inference().carry(Arc::clone(&recalibration));
    loop {
        for batch in batches.clone() {
            forward(batch, &pass).map_err(|error| error.placed_in(model))?;
        }
        if recalibration.lock().end_pass()? {
            break;
        }
    }
    let state = recalibration.lock();
    for (_, buffer) in buffers {
        if let Some((_, Some(exact))) = state.statistics.get(&address(buffer)) {
            buffer.set(exact)?;
        }
    }
    Ok(())
}

/// The state of a call of [`recalibrate`], which batch normalizations reach through its pass.
#[derive(Debug, Default)]
pub(crate) struct Recalibration(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The model's buffers by address: their paths, and their new values when they are known.
    statistics: BTreeMap<usize, (String, Option<Tensor>)>,
    /// The layer that is being set.
    current: Option<Current>,
    /// Whether another layer is waiting.
    more: bool,
}

#[derive(Debug)]
struct Current {
    running: [usize; 2],
    dtype: DType,
    biased: bool,
    moments: Moments,
}

impl Recalibration {
    /// Locks the state. The lock is never held across a parallel region: a thread that waits there
    /// for others may run a task that locks it too.
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the recalibration, so it leaves no state that anyone uses.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the new statistics of the layer with these running statistics, if they are known. If
    /// the layer is the one being set, `x` is added to its moments.
    pub(crate) fn statistics_of(
        &self,
        running: [&Buffer; 2],
        x: &Tensor,
        biased: bool,
    ) -> Result<Option<[Tensor; 2]>> {
        let dtype = running[0].value().dtype();
        let running = running.map(address);
        let mut state = self.lock();
        match running.map(|address| state.statistics.get(&address)) {
            [Some((_, Some(mean))), Some((_, Some(var)))] => {
                return Ok(Some([mean.clone(), var.clone()]));
            }
            [Some(_), Some(_)] => {}
            // A layer of another model or of a clone.
            _ => return Ok(None),
        }
        let current = state.current.get_or_insert_with(|| Current {
            running,
            dtype,
            biased,
            moments: Moments::default(),
        });
        if current.running != running {
            state.more = true;
            return Ok(None);
        }
        drop(state);
        let batch = Moments::of(x)?;
        // The current layer changes only between the passes over the data.
        if let Some(current) = &mut self.lock().current {
            current.moments.merge(batch);
        }
        Ok(None)
    }
}

impl State {
    /// Ends a pass over the data, and returns whether it was the last.
    fn end_pass(&mut self) -> Result<bool> {
        let Some(current) = self.current.take() else {
            let reason = "`forward` called no batch normalization of the model that can be set";
            return Err(Error::argument(OP, reason));
        };
        let exact = current.moments.statistics(current.biased, current.dtype);
        let mut exact = match exact {
            Ok(exact) => exact.into_iter(),
            Err(error) => {
                let path = self.statistics.get(&current.running[0]);
                return Err(error.within(path.map_or("", |(path, _)| path)));
            }
        };
        for address in current.running {
            if let Some((_, value)) = self.statistics.get_mut(&address) {
                *value = exact.next();
            }
        }
        Ok(!std::mem::take(&mut self.more))
    }
}

fn address(buffer: &Buffer) -> usize {
    std::ptr::from_ref(buffer).addr()
}

/// The number of values of each channel, their mean, and the sum of their squared deviations from
/// it.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// Adds a batch (samples, channels, …).
    pub(crate) fn add(&mut self, batch: &Tensor) -> Result<()> {
        self.merge(Self::of(batch)?);
        Ok(())
    }

    /// Returns the moments of a batch.
    fn of(batch: &Tensor) -> Result<Self> {
        let channels = batch.detach().to_dtype(DType::F64);
        let channels = channels.transpose(0, 1)?.flatten_from(1)?;
        let count = channels.shape()[1] as f64;
        if count == 0.0 {
            return Ok(Self::default());
        }
        let variances = channels.var_over(1, 0.0)?.to_f64_vec();
        Ok(Self {
            count,
            mean: channels.mean_over(1)?.to_f64_vec(),
            squares: variances.into_iter().map(|v| v * count).collect(),
        })
    }

    fn merge(&mut self, other: Self) {
        let n = other.count;
        if n == 0.0 {
            return;
        }
        let total = self.count + n;
        self.mean.resize(other.mean.len(), 0.0);
        self.squares.resize(other.mean.len(), 0.0);
        let merged = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (m, s)) in merged.zip(other.mean.into_iter().zip(other.squares)) {
            let shift = m - *mean;
            *mean += shift * n / total;
            *squares += s + shift * shift * self.count * n / total;
        }
        self.count = total;
    }

    /// Returns the mean and the variance, biased or unbiased.
    pub(crate) fn statistics(&self, biased: bool, dtype: DType) -> Result<[Tensor; 2]> {
        if self.count < 2.0 {
            let count = self.count;
            let reason = format!("expected at least 2 values per channel, found {count}");
            return Err(Error::argument(OP, reason));
        }
        let divisor = self.count - f64::from(!biased);
        let variance: Vec<f64> = self.squares.iter().map(|square| square / divisor).collect();
        let statistics =
            [&self.mean, &variance].map(|values| Tensor::from(&values[..]).to_dtype(dtype));
        // Checked in the final dtype, whose range may be narrower.
        for values in &statistics {
            if let Some(value) = values.to_f64_vec().into_iter().find(|x| !x.is_finite()) {
                return Err(Error::non_finite(OP, "a statistic", value));
            }
        }
        Ok(statistics)
    }
}
