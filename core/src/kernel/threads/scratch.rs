//! Memory for intermediate copies, which each thread keeps from one kernel to the next.

use std::cell::Cell;

/// The most bytes that a thread keeps. A larger buffer is freed after its use.
const KEPT: usize = 4 << 20;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read as elements")] [u64; 8]);

thread_local! {
    /// Two buffers, because a kernel that holds one may run tasks that need one each.
    static KEPT_LINES: Cell<[Vec<Line>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Memory that begins at a cache line. Its contents are arbitrary numbers.
///
/// The stack may be too small for it, and an allocation for each kernel would cost as much as a
/// small kernel.
pub(crate) struct Scratch(Vec<Line>);

impl Scratch {
    /// Takes the thread's buffer, and lengthens it to at least this many bytes.
    ///
    /// # Panics
    /// If the system refuses the memory.
    #[inline(never)]
    pub(crate) fn take(bytes: usize) -> Self {
        // The slots are empty at first, and inaccessible while the thread ends.
        let [mut lines, other] = KEPT_LINES.try_with(Cell::take).unwrap_or_default();
        let _ = KEPT_LINES.try_with(|slots| slots.set([other, Vec::new()]));
        let enough = bytes.div_ceil(size_of::<Line>());
        if lines.len() < enough {
            lines.clear();
            assert!(
                lines.try_reserve_exact(enough).is_ok(),
                "the system refuses {bytes} bytes of memory for copies of operands"
            );
            lines.resize(enough, Line([0; 8]));
        }
        Self(lines)
    }

    /// Returns the buffer as numbers, one of `f32` and `f64`.
    pub(crate) fn elements<F: crate::kernel::float::Float>(&mut self) -> &mut [F] {
        let len = size_of_val(&self.0[..]) / size_of::<F>();
        // SAFETY: the buffer has this many bytes, is aligned for either dtype, and every bit
        // pattern is a number.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.0);
        if size_of_val(&lines[..]) <= KEPT {
            // While the thread ends, the slots are inaccessible and the buffer is freed here.
            let _ = KEPT_LINES.try_with(|slots| {
                let [first, second] = slots.take();
                // Of three buffers the shortest is freed.
                let other = if first.len() < second.len() {
                    second
                } else {
                    first
                };
                slots.set([lines, other]);
            });
        }
    }
}
