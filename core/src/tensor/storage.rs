//! Memory for elements: aligned to cache lines, recycled, and never uninitialized.
//!
//! The system returns zeroed memory, and only elements are written to it. Every buffer, recycled or
//! not, therefore contains valid numbers of unspecified value. A kernel that overwrites a whole
//! buffer need not clear it, and one that misses an element computes a wrong number but has no
//! undefined behaviour.

use super::element::Element;
use crate::error::{Error, Result};
use crate::kernel::index::rows;
use crate::shape::DType;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};

/// The size of a cache line and of an AVX-512 register, in bytes.
const ALIGN: usize = 64;
/// The number of size classes per doubling; a buffer wastes at most an eighth of its size.
const STEPS: usize = 8;
const CLASSES: usize = STEPS * 58;
/// The free memory, in bytes, up to which every block is kept.
const KEEP: usize = 32 << 20;

/// Whether each buffer is allocated in its exact size, filled with NaN, and freed at once. Set with
/// `RUSTFLAGS="--cfg cotangent_plain_memory"`, as `.ci/memory` does.
///
/// Memory checkers then detect every access beyond the end of a buffer or after it is freed, and
/// tests detect every element that a kernel reads before it has written it.
const PLAIN: bool = cfg!(cotangent_plain_memory);

static FREE: [Mutex<Free>; CLASSES] = [const { Mutex::new(Free::NONE) }; CLASSES];
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
static FREE_BYTES: AtomicUsize = AtomicUsize::new(0);
static SYSTEM_REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// The memory of the elements of all tensors in this process, in bytes. A tensor of at most 16
/// bytes stores its elements in place, and is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUse {
    /// The bytes that tensors use.
    pub live: usize,
    /// The free bytes that are kept for later tensors.
    pub recycled: usize,
    /// The number of requests to the system since the process began.
    pub system_requests: usize,
}

/// Returns the memory that tensors use now.
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
    /// The smallest number of blocks since the last [`release_idle`]: as many have not been used
    /// since then.
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

/// Returns the smallest class whose blocks have room for `bytes`, and the size of its blocks.
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

/// Frees the blocks that have not been used since the last call. A training loop, which requests
/// the same sizes in every step, keeps all blocks that it uses. Blocks of an earlier phase are
/// freed by the second call.
fn release_idle() {
    release(|free| {
        let idle = free.blocks.drain(..free.idle).collect();
        free.idle = free.blocks.len();
        idle
    });
}

/// Returns all free blocks to the system.
fn release_all() {
    release(|free| std::mem::replace(free, Free::NONE).blocks);
}

fn release(which: impl Fn(&mut Free) -> Vec<Block>) {
    for (class, list) in FREE.iter().enumerate() {
        let blocks = which(&mut lock(list));
        for block in blocks {
            let size = class_size(class);
            FREE_BYTES.fetch_sub(size, Relaxed);
            // SAFETY: the block was allocated with this layout and nothing else points to it.
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
    // A panic cannot corrupt a free list: it owns its blocks at all times.
    list.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The number of bytes that are stored in place, so that a scalar needs no allocation.
const IN_PLACE: usize = 16;

/// The elements of arrays. Cloning shares them, except those that are stored in place.
#[derive(Clone, Debug)]
pub(super) enum Storage {
    /// A few elements, side by side from the first byte.
    InPlace {
        words: [u64; IN_PLACE / 8],
        len: u8,
        dtype: DType,
    },
    Shared(Arc<Buffer>),
    /// A table of zeros except in some rows; all elements are stored once they are read.
    Rows(Arc<StoredRows>),
}

impl Storage {
    /// Creates storage of `len` elements of unspecified value.
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

    /// Creates the storage of a table of `len` elements that has `values` in the rows `indices`,
    /// which are ascending, and zeros in the others. There is at least one row, and rows are not
    /// empty.
    pub(super) fn of_rows(len: usize, indices: Arc<[usize]>, values: Self) -> Self {
        Self::Rows(Arc::new(StoredRows {
            len,
            indices,
            values,
            all: OnceLock::new(),
        }))
    }

    /// Returns the rows if only they are stored.
    pub(super) fn rows(&self) -> Option<&StoredRows> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::InPlace { .. } | Self::Shared(_) => None,
        }
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::InPlace { len, .. } => usize::from(*len),
            Self::Shared(buffer) => buffer.len,
            Self::Rows(rows) => rows.len,
        }
    }

    pub(super) fn dtype(&self) -> DType {
        match self {
            Self::InPlace { dtype, .. } => *dtype,
            Self::Shared(buffer) => buffer.dtype,
            Self::Rows(rows) => rows.values.dtype(),
        }
    }

    /// Returns the elements.
    ///
    /// # Panics
    /// If they are not of type `F`, which is an error of the caller.
    #[inline]
    pub(super) fn as_slice<F: Element>(&self) -> &[F] {
        self.expect_dtype(F::DTYPE);
        let (start, len) = match self {
            Self::InPlace { words, len, .. } => (words.as_ptr().cast::<F>(), usize::from(*len)),
            Self::Shared(buffer) => (buffer.memory.as_ptr().cast::<F>().cast_const(), buffer.len),
            Self::Rows(rows) => return rows.all::<F>().as_slice(),
        };
        // SAFETY: there are `len` elements of this dtype from `start` on, aligned as words are at
        // least, initialized (zeroed or written with elements; every bit pattern is a valid float).
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    #[inline]
    fn expect_dtype(&self, dtype: DType) {
        assert!(self.dtype() == dtype, "elements of another dtype");
    }

    /// Returns the elements for writing if nothing else holds them.
    ///
    /// # Panics
    /// If they are not of type `F`.
    #[inline]
    pub(super) fn get_mut<F: Element>(&mut self) -> Option<&mut [F]> {
        self.expect_dtype(F::DTYPE);
        if let Self::Rows(rows) = self {
            *self = Arc::get_mut(rows)?.take_all::<F>();
        }
        let (start, len) = match self {
            Self::InPlace { words, len, .. } => (words.as_mut_ptr().cast::<F>(), usize::from(*len)),
            Self::Shared(buffer) => {
                let buffer = Arc::get_mut(buffer)?;
                (buffer.memory.as_ptr().cast::<F>(), buffer.len)
            }
            Self::Rows(_) => return None,
        };
        // SAFETY: as in `as_slice`, and the access is exclusive.
        Some(unsafe { std::slice::from_raw_parts_mut(start, len) })
    }
}

/// The rows of a table that are stored; all others are 0.
#[derive(Debug)]
pub(super) struct StoredRows {
    /// The number of elements of the table.
    len: usize,
    pub indices: Arc<[usize]>,
    pub values: Storage,
    /// The whole table, once it has been read.
    all: OnceLock<Storage>,
}

impl StoredRows {
    /// Returns the storage of all elements.
    #[cold]
    fn all<F: Element>(&self) -> &Storage {
        if let Some(all) = self.all.get() {
            return all;
        }
        // Filled before the cell is locked: no lock is held across a parallel region. Threads that
        // read for the first time together fill one each, and one of these is kept.
        let all = self.fill::<F>();
        self.all.get_or_init(|| all)
    }

    fn take_all<F: Element>(&mut self) -> Storage {
        self.all.take().unwrap_or_else(|| self.fill::<F>())
    }

    fn fill<F: Element>(&self) -> Storage {
        let mut all = Storage::new(F::DTYPE, self.len);
        let out = all.get_mut::<F>().expect("nothing else holds new storage");
        rows::place(&self.indices, self.values.as_slice(), out);
        all
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

/// A request for memory that the system refused.
#[derive(Clone, Copy, Debug)]
struct Refused {
    len: usize,
    /// The size of an element in bytes.
    size: usize,
}

impl Refused {
    fn error(self, op: &'static str) -> Error {
        let Self { len, size } = self;
        let reason = format!("too many elements to hold in memory, {len} of {size} bytes");
        Error::shape(op, reason, &[&[len]])
    }

    /// Ends the [`refusable`] computation of this thread with an error, or panics if there is none.
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

/// Runs a computation in which a refusal of memory is an error instead of a panic, also inside
/// functions that cannot return one. The error names the computation `op`. The tensors that it has
/// created so far are dropped.
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

/// Creates an empty vector with room for `len` elements; if the system refuses the memory, the
/// computation ends as by [`Refused::end`].
#[track_caller]
pub(crate) fn room<T>(len: usize) -> Vec<T> {
    let mut values = Vec::new();
    if values.try_reserve_exact(len).is_err() {
        // The memory that is kept for later tensors may be enough.
        release_all();
        if values.try_reserve_exact(len).is_err() {
            let size = size_of::<T>();
            Refused { len, size }.end();
        }
    }
    values
}

/// The fewest bytes that are reserved; smaller requests are made only when the memory is needed.
const WORTH_RESERVING: usize = 1 << 16;

/// Ensures that the next request for so many elements succeeds, and returns whether the system had
/// the memory. The number of elements and of bytes must have been checked. Another thread may take
/// the reserved block first; the request then goes to the system again.
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

/// Requests a block of `size` bytes from the system.
fn request(size: usize) -> Option<NonNull<u8>> {
    // Blocks of sizes that are no longer requested must not accumulate.
    if FREE_BYTES.load(Relaxed) > KEEP + LIVE_BYTES.load(Relaxed) / 4 {
        release_idle();
    }
    SYSTEM_REQUESTS.fetch_add(1, Relaxed);
    // SAFETY: the layout's size is at least one cache line.
    let request = || NonNull::new(unsafe { alloc_zeroed(block_layout(size)) });
    request().or_else(|| {
        // The memory that is kept for later tensors may be enough.
        release_all();
        request()
    })
}

/// Keeps a block for later use, or frees it.
fn give_back(memory: NonNull<u8>, class: usize, size: usize) {
    let kept = !PLAIN && {
        let blocks = &mut lock(&FREE[class]).blocks;
        // The list cannot grow, so memory is short: free the block.
        blocks.try_reserve(1).is_ok() && {
            FREE_BYTES.fetch_add(size, Relaxed);
            blocks.push(Block(memory));
            true
        }
    };
    if !kept {
        // SAFETY: the block was allocated with this layout and nothing else points to it.
        unsafe { dealloc(memory.as_ptr(), block_layout(size)) };
    }
}

impl Buffer {
    /// Creates memory for `len` elements of unspecified value.
    ///
    /// # Panics
    /// If the system refuses the memory, outside of [`refusable`].
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
    fn size_classes_have_room_and_waste_little() {
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
    fn elements_in_place_are_not_shared() {
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
