//! The leaves of a model that are not trained: what is only kept, and what is counted.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::elementwise::map;
use crate::kernel::threads::parallel::GRAIN;
use crate::kernel::{Real, Update};
use crate::tensor::{DType, with_dtype};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A tensor that belongs to a model's state and is saved with it, but is not trained: a running
/// statistic. It can be replaced through a shared reference, since `forward` has only that.
pub struct Buffer {
    value: Mutex<Tensor>,
    frozen: bool,
}

impl Buffer {
    /// A buffer that starts as `value`.
    pub fn new(value: &Tensor) -> Self {
        Self {
            value: Mutex::new(value.detach()),
            frozen: false,
        }
    }

    /// Never held across a parallel region.
    fn lock(&self) -> MutexGuard<'_, Tensor> {
        // What a panic can leave half-written are elements of a running statistic, at worst.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value.
    pub fn value(&self) -> Tensor {
        self.lock().clone()
    }

    /// Replaces the value by one of the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`] if it has another.
    pub fn set(&self, value: &Tensor) -> Result<()> {
        let mut current = self.lock();
        check_like("Buffer::set", &current, value)?;
        *current = value.detach();
        Ok(())
    }

    /// `kept · old + taken · value`, in place: how a running statistic moves.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn blend(&self, kept: f64, value: &Tensor, taken: f64) -> Result<()> {
        with_dtype!(value.dtype(), F => {
            let new = value.array().contiguous::<F>();
            let mut current = self.lock();
            check_like("Buffer::blend", &current, value)?;
            let old = current.elements_mut::<F>();
            // Piece by piece, each too small to be split over threads: a thread that waits for
            // others may be given a task that comes here too, and this one holds the lock.
            for (old, new) in old.chunks_mut(GRAIN).zip(new.chunks(GRAIN)) {
                map::update(Blend { kept, taken }, [old], [new]);
            }
        });
        Ok(())
    }

    /// Whether the buffer is part of a frozen layer: such a layer stands still.
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

    /// Converts the value to another precision.
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
    let reason = "a buffer keeps its shape";
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

/// A whole number that belongs to a model's state, such as the number of batches seen. Saved as a
/// scalar of 64-bit integers, as PyTorch does.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter that starts at `value`.
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// The value.
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
