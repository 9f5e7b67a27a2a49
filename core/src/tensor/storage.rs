//! Memory for elements: aligned to cache lines, recycled, and never uninitialized.
//!
//! Fresh memory comes zeroed from the system and is only ever written with elements, so that every
//! buffer, recycled or not, holds valid numbers of unspecified value: a kernel that overwrites all
//! of a buffer needs no clearing, and one that forgot to would be wrong but not undefined.

use super::element::Element;
use crate::error::{Error, Result};
use crate::shape::DType;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A cache line, and an AVX-512 register.
const ALIGN: usize = 64;
/// Size classes per doubling: a buffer wastes at most an eighth of its size.
const STEPS: usize = 8;
const CLASSES: usize = STEPS * 58;
/// Free memory that is always worth keeping.
const KEEP: usize = 32 << 20;

/// Whether memory comes exactly as large as asked for, filled with NaN, and goes back at once: for
/// memory checkers, which then see every access past the end of a buffer and after its life, and
/// for tests, which then see every element that a kernel reads before it has written it. Set with
/// `RUSTFLAGS="--cfg cotangent_plain_memory"`; `.ci/memory` does.
const PLAIN: bool = cfg!(cotangent_plain_memory);

static FREE: [Mutex<Free>; CLASSES] = [const { Mutex::new(Free::NONE) }; CLASSES];
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
static FREE_BYTES: AtomicUsize = AtomicUsize::new(0);
static SYSTEM_REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// What the storage of all tensors of this process takes, in bytes. Up to 16 bytes of elements are
/// part of the tensor itself and not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUse {
    /// Held by tensors.
    pub live: usize,
    /// Free, kept to be used again.
    pub recycled: usize,
    /// How many times memory was requested from the system since the process began.
    pub system_requests: usize,
}

/// Reads the counters of tensor memory.
pub fn memory_use() -> MemoryUse {
    MemoryUse {
        live: LIVE_BYTES.load(Relaxed),
        recycled: FREE_BYTES.load(Relaxed),
        system_requests: SYSTEM_REQUESTS.load(Relaxed),
    }
}

/// The free blocks of one class.
struct Free {
    blocks: Vec<Block>,
    /// The fewest that there were since the last [`release_idle`]: as many have not been used
    /// since.
    idle: usize,
}

impl Free {
    const NONE: Self = Self {
        blocks: Vec::new(),
        idle: 0,
    };

    fn take(&mut self) -> Option<Block> {
        let block = self.blocks.pop();
        self.idle = self.idle.min(self.blocks.len());
        block
    }
}

/// A block of the size of its class.
struct Block(NonNull<u8>);

// SAFETY: a block in the free list is owned by the list alone; it is plain memory.
unsafe impl Send for Block {}

/// The smallest class whose blocks hold `bytes`, and the size of its blocks.
fn class_of(bytes: usize) -> (usize, usize) {
    if PLAIN {
        return (0, bytes.max(1));
    }
    let lines = bytes.div_ceil(ALIGN).max(1);
    if lines <= STEPS {
        return (lines - 1, lines * ALIGN);
    }
    // lines = (STEPS + fraction) << doubling, rounded up.
    let doubling = (lines - 1).ilog2() as usize - STEPS.ilog2() as usize;
    let steps = (lines - 1) >> doubling; // STEPS ..= 2 * STEPS - 1
    (
        STEPS * doubling + steps,
        (steps + 1) << doubling << ALIGN.ilog2(),
    )
}

fn block_layout(size: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and `size` stems from a shape of at most
    // `isize::MAX` bytes (`Shape::checked_len`) rounded up by at most an eighth; `Buffer::new`
    // asserts that the rounded size still fits.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}

/// Gives the blocks back to the system that have not been used since the last call. A run of
/// training that asks for the same sizes again and again keeps all that it uses, however much that
/// is; what an earlier phase has left goes with the second call.
fn release_idle() {
    release(|free| {
        let idle = free.blocks.drain(..free.idle).collect();
        free.idle = free.blocks.len();
        idle
    });
}

/// Gives all free blocks back to the system.
fn release_all() {
    release(|free| std::mem::replace(free, Free::NONE).blocks);
}

fn release(which: impl Fn(&mut Free) -> Vec<Block>) {
    for (class, list) in FREE.iter().enumerate() {
        let blocks = which(&mut lock(list));
        for block in blocks {
            let size = class_size(class);
            FREE_BYTES.fetch_sub(size, Relaxed);
            // SAFETY: the block was allocated with this layout and nobody else knows it.
            unsafe { dealloc(block.0.as_ptr(), block_layout(size)) };
        }
    }
}

fn class_size(class: usize) -> usize {
    if class < STEPS {
        return (class + 1) * ALIGN;
    }
    let doubling = class / STEPS - 1;
    let steps = class - STEPS * doubling;
    (steps + 1) << doubling << ALIGN.ilog2()
}

fn lock(list: &Mutex<Free>) -> std::sync::MutexGuard<'_, Free> {
    // A panic cannot leave a free list in a bad state: it owns its blocks at all times.
    list.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How many bytes are held in place: a scalar costs no memory of its own.
const IN_PLACE: usize = 16;

/// The elements of arrays. Cloning shares them, but for the few that are held in place.
#[derive(Clone, Debug)]
pub(super) enum Storage {
    /// A few elements, row by row from the first byte.
    InPlace {
        words: [u64; IN_PLACE / 8],
        len: u8,
        dtype: DType,
    },
    Shared(Arc<Buffer>),
}

impl Storage {
    /// For `len` elements of unspecified value, which nobody else holds.
    #[track_caller]
    pub(super) fn new(dtype: DType, len: usize) -> Self {
        if !PLAIN && len <= IN_PLACE / dtype.size() {
            return Self::InPlace {
                words: [0; IN_PLACE / 8],
                len: len as u8,
                dtype,
            };
        }
        Self::Shared(Arc::new(Buffer::new(dtype, len)))
    }

    pub(super) fn dtype(&self) -> DType {
        match self {
            Self::InPlace { dtype, .. } => *dtype,
            Self::Shared(buffer) => buffer.dtype,
        }
    }

    /// The elements.
    ///
    /// # Panics
    /// If they are not of type `F`: the caller has mixed up dtypes.
    #[inline]
    pub(super) fn as_slice<F: Element>(&self) -> &[F] {
        self.expect_dtype(F::DTYPE);
        let (start, len) = match self {
            Self::InPlace { words, len, .. } => (words.as_ptr().cast::<F>(), usize::from(*len)),
            Self::Shared(buffer) => (buffer.memory.as_ptr().cast::<F>().cast_const(), buffer.len),
        };
        // SAFETY: there are `len` elements of this dtype from `start` on, aligned as words are at
        // least, initialized (zeroed or written with elements; every bit pattern is a valid float).
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    #[inline]
    fn expect_dtype(&self, dtype: DType) {
        assert!(self.dtype() == dtype, "elements of another dtype");
    }

    /// The elements for writing, if nobody else holds them.
    ///
    /// # Panics
    /// As [`as_slice`](Self::as_slice).
    #[inline]
    pub(super) fn get_mut<F: Element>(&mut self) -> Option<&mut [F]> {
        self.expect_dtype(F::DTYPE);
        let (start, len) = match self {
            Self::InPlace { words, len, .. } => (words.as_mut_ptr().cast::<F>(), usize::from(*len)),
            Self::Shared(buffer) => {
                let buffer = Arc::get_mut(buffer)?;
                (buffer.memory.as_ptr().cast::<F>(), buffer.len)
            }
        };
        // SAFETY: as in `as_slice`, and the access is exclusive.
        Some(unsafe { std::slice::from_raw_parts_mut(start, len) })
    }
}

/// Owned memory for a number of elements of one dtype.
#[derive(Debug)]
pub(super) struct Buffer {
    memory: NonNull<u8>,
    len: usize,
    dtype: DType,
}

// SAFETY: a buffer owns its memory, which is plain numbers; shared references only read it.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

/// Memory that the system has refused.
#[derive(Clone, Copy, Debug)]
struct Refused {
    len: usize,
    /// The bytes of an element.
    size: usize,
}

impl Refused {
    fn error(self, op: &'static str) -> Error {
        let Self { len, size } = self;
        let reason = format!("too many elements to hold in memory, {len} of {size} bytes");
        Error::shape(op, reason, &[&[len]])
    }

    /// An error of the [`refusable`] computation that this thread is in, else a panic.
    #[cold]
    #[track_caller]
    fn end(self) -> ! {
        if IN_REFUSABLE.get() {
            resume_unwind(Box::new(self));
        }
        panic!("{}", self.error("tensor"));
    }
}

thread_local! {
    static IN_REFUSABLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a computation of many steps, some of which cannot return an error, in which memory that the
/// system refuses is one. What the computation has made so far is dropped. `op` is the name that
/// the error gives it.
///
/// ```
/// use cotangent::{Tensor, refusable};
/// let x = Tensor::from([1.0f32, 2.0]);
/// // Without `refusable`, `exp` panics if there is no memory for its result.
/// let y = refusable("logistic", || x.exp().div(&x.exp().add_scalar(1.0)))?;
/// assert_eq!(y.len(), 2);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// Those of the computation, and [`Error::Shape`] if the system refuses memory.
pub fn refusable<R>(op: &'static str, compute: impl FnOnce() -> Result<R>) -> Result<R> {
    let outer = IN_REFUSABLE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(compute));
    IN_REFUSABLE.set(outer);
    result.unwrap_or_else(|payload| match payload.downcast_ref::<Refused>() {
        Some(refused) => Err(refused.error(op)),
        None => resume_unwind(payload),
    })
}

/// An empty vector with room for `len` elements; a panic, as of [`Refused::end`], where the system
/// refuses it.
#[track_caller]
pub(crate) fn room<T>(len: usize) -> Vec<T> {
    let mut values = Vec::new();
    if values.try_reserve_exact(len).is_err() {
        // What is kept to be used again may be what is missing.
        release_all();
        if values.try_reserve_exact(len).is_err() {
            let size = size_of::<T>();
            Refused { len, size }.end();
        }
    }
    values
}

/// Less than this many bytes are not reserved: whatever needs them is asked itself.
const WORTH_RESERVING: usize = 1 << 16;

/// Sees to it that the next request for memory for so many elements succeeds; whether the system
/// has it. Their number and that of their bytes must be checked. (Another thread may be faster:
/// then the request is one of the system again.)
pub(super) fn reserve(dtype: DType, len: usize) -> bool {
    let bytes = len * dtype.size();
    if bytes < WORTH_RESERVING {
        return true;
    }
    let (class, size) = class_of(bytes);
    if class >= CLASSES || isize::try_from(size).is_err() {
        return false;
    }
    if !PLAIN && !lock(&FREE[class]).blocks.is_empty() {
        return true;
    }
    let Some(memory) = request(size) else {
        return false;
    };
    give_back(memory, class, size);
    true
}

/// A block of that size from the system.
fn request(size: usize) -> Option<NonNull<u8>> {
    // Sizes that are no longer asked for must not pile up beside those that are.
    if FREE_BYTES.load(Relaxed) > KEEP + LIVE_BYTES.load(Relaxed) / 4 {
        release_idle();
    }
    SYSTEM_REQUESTS.fetch_add(1, Relaxed);
    // SAFETY: the layout's size is at least one cache line.
    let request = || NonNull::new(unsafe { alloc_zeroed(block_layout(size)) });
    request().or_else(|| {
        // What is kept to be used again may be what is missing.
        release_all();
        request()
    })
}

/// Keeps a block to be used again.
fn give_back(memory: NonNull<u8>, class: usize, size: usize) {
    let kept = !PLAIN && {
        let blocks = &mut lock(&FREE[class]).blocks;
        // Where there is no memory for a longer list, a block more is welcome.
        blocks.try_reserve(1).is_ok() && {
            FREE_BYTES.fetch_add(size, Relaxed);
            blocks.push(Block(memory));
            true
        }
    };
    if !kept {
        // SAFETY: the block was allocated with this layout and nobody else knows it.
        unsafe { dealloc(memory.as_ptr(), block_layout(size)) };
    }
}

impl Buffer {
    /// Memory for `len` elements of unspecified value.
    ///
    /// # Panics
    /// If the system refuses it; see [`refusable`].
    #[track_caller]
    fn new(dtype: DType, len: usize) -> Self {
        let (class, size) = class_of(len * dtype.size());
        assert!(
            class < CLASSES && isize::try_from(size).is_ok(),
            "a shape was not checked"
        );
        let recycled = if PLAIN {
            None
        } else {
            lock(&FREE[class]).take()
        };
        let memory = if let Some(block) = recycled {
            FREE_BYTES.fetch_sub(size, Relaxed);
            block.0
        } else {
            let Some(memory) = request(size) else {
                let size = dtype.size();
                Refused { len, size }.end();
            };
            if PLAIN {
                // SAFETY: the block is that large; all bits set are a NaN in either dtype.
                unsafe { memory.write_bytes(0xff, size) };
            }
            memory
        };
        LIVE_BYTES.fetch_add(size, Relaxed);
        Self { memory, len, dtype }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let (class, size) = class_of(self.len * self.dtype.size());
        LIVE_BYTES.fetch_sub(size, Relaxed);
        give_back(self.memory, class, size);
    }
}

#[cfg(all(test, not(cotangent_plain_memory)))]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_promise_and_waste_little() {
        let sizes = (0..5000).chain((12..40).flat_map(|k| [(1 << k) - 1, 1 << k, (1 << k) + 1]));
        for bytes in sizes {
            let (class, size) = class_of(bytes);
            assert_eq!(size, class_size(class), "{bytes}");
            assert!(size >= bytes, "{bytes}");
            assert!(
                size <= (bytes + bytes / 8).max(1).next_multiple_of(ALIGN),
                "{bytes} in {size}"
            );
            assert!(class == 0 || class_size(class - 1) < bytes, "{bytes}");
        }
    }

    #[test]
    fn buffers_are_aligned_and_recycled() {
        let mut first = Storage::new(DType::F32, 1_234_567);
        assert!(first.as_slice::<f32>().iter().all(|x| x.is_finite()));
        first.get_mut::<f32>().unwrap().fill(7.0);
        let address = first.as_slice::<f32>().as_ptr() as usize;
        assert_eq!(address % ALIGN, 0);
        drop(first);
        let second = Storage::new(DType::F64, 1_234_567 / 2);
        assert_eq!(second.as_slice::<f64>().as_ptr() as usize, address);
        assert_eq!(second.as_slice::<f64>().len(), 1_234_567 / 2);
    }

    #[test]
    fn only_what_is_not_in_place_is_shared() {
        for (len, in_place) in [(0, true), (1, true), (2, true), (3, false)] {
            let mut storage = Storage::new(DType::F64, len);
            storage.get_mut::<f64>().unwrap().fill(7.0);
            let mut clone = storage.clone();
            assert_eq!(clone.as_slice::<f64>(), vec![7.0; len]);
            assert_eq!(clone.get_mut::<f64>().is_some(), in_place);
            if let Some(elements) = clone.get_mut::<f64>() {
                elements.fill(8.0);
            }
            assert_eq!(storage.as_slice::<f64>(), vec![7.0; len]);
        }
    }
}
