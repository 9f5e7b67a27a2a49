//! The leaves of a model that are not trained: buffers and counters.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::elementwise::map;
use crate::kernel::threads::parallel::GRAIN;
use crate::kernel::{Real, Update};
use crate::tensor::{DType, with_dtype};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A tensor that is part of a model's state and saved with it, but not trained, such as a running
/// statistic. It can be replaced through a shared reference, because `forward` has no other.
/// PyTorch: `register_buffer`.
pub struct Buffer {
    value: Mutex<Tensor>,
    frozen: bool,
}

impl Buffer {
    /// Creates a buffer with an initial value.
    pub fn new(value: &Tensor) -> Self {
        Self {
            value: Mutex::new(value.detach()),
            frozen: false,
        }
    }

    /// Never held across a parallel region.
    fn lock(&self) -> MutexGuard<'_, Tensor> {
        // A panic can at worst leave a running statistic half-written.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value.
    pub fn value(&self) -> Tensor {
        self.lock().clone()
    }

    /// Replaces the value with one of the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`] if the shape or dtype differs.
    pub fn set(&self, value: &Tensor) -> Result<()> {
        let mut current = self.lock();
        check_like("Buffer::set", &current, value)?;
        *current = value.detach();
        Ok(())
    }

    /// Updates the value in place, as a running statistic: `kept · old + taken · value`.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    pub fn blend(&self, kept: f64, value: &Tensor, taken: f64) -> Result<()> {
        with_dtype!(value.dtype(), F => {
            let new = value.array().contiguous::<F>();
            let mut current = self.lock();
            check_like("Buffer::blend", &current, value)?;
            let old = current.elements_mut::<F>();
            // In pieces too small to be split over threads, because this thread holds the lock: a
            // thread that waits for others may be given a task that needs the same lock.
            for (old, new) in old.chunks_mut(GRAIN).zip(new.chunks(GRAIN)) {
                map::update(Blend { kept, taken }, [old], [new]);
            }
        });
        Ok(())
    }

    /// Returns whether the buffer is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Freezes the buffer. Batch normalization whose parameters and buffers are all frozen runs in
    /// inference mode.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn unfreeze(&mut self) {
        self.frozen = false;
    }

    /// Converts the value to another dtype.
    pub fn convert(&mut self, dtype: DType) {
        let value = self.value.get_mut().unwrap_or_else(PoisonError::into_inner);
        *value = value.to_dtype(dtype);
    }
}

fn check_like(op: &'static str, current: &Tensor, value: &Tensor) -> Result<()> {
    value.expect_dtype(op, current.dtype())?;
    if value.shape() == current.shape() {
        return Ok(());
    }
    let reason = "the value must have the shape of the buffer";
    Err(Error::shape(op, reason, &[current.shape(), value.shape()]))
}

/// `kept · old + taken · value`
#[derive(Clone, Copy)]
struct Blend {
    kept: f64,
    taken: f64,
}

impl Update<1, 1> for Blend {
    #[inline(always)]
    fn apply<T: Real>(self, [old]: [T; 1], [value]: [T; 1]) -> [T; 1] {
        [old * self.kept + value * self.taken]
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self {
            value: Mutex::new(self.value()),
            frozen: self.frozen,
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.value();
        write!(f, "Buffer({} {})", value.dtype(), value.array().shape())
    }
}

/// A whole number that is part of a model's state, such as the number of batches seen. It is saved
/// as a 64-bit integer scalar, as in PyTorch.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Creates a counter with an initial value.
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// Returns the value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Sets the value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Adds one and returns the new value.
    pub fn increment(&self) -> u64 {
        self.0.fetch_add(1, Relaxed) + 1
    }
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}
