//! Comparisons of two operands element by element, in one sweep.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::real::Real;
use crate::kernel::strided::View;
use crate::kernel::threads::parallel::{self, GRAIN};

/// A comparison of two numbers; false if either is NaN.
pub(crate) trait Comparison: Copy + Send + Sync + 'static {
    fn holds<T: Real>(self, a: T, b: T) -> T::Bool;
}

macro_rules! comparisons {
    ($($name:ident |$a:ident, $b:ident| $holds:expr;)*) => {$(
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;
        impl Comparison for $name {
            #[inline(always)]
            fn holds<T: Real>(self, $a: T, $b: T) -> T::Bool {
                $holds
            }
        }
    )*};
}
comparisons! {
    Less |a, b| a.lt(b);
    LessOrEqual |a, b| a.le(b);
    Equal |a, b| a.equals(b);
    SizeLess |a, b| a.abs().lt(b);
    SizeEqual |a, b| a.abs().equals(b);
}

/// Elements that are staged on the stack if an operand is not contiguous.
const STAGE: usize = 512;

/// Writes to `out[i]` whether the comparison of `a[i]` and `b[i]` is true, or is false if
/// `negated`.
pub(crate) fn compare<F: Float, C: Comparison>(
    comparison: C,
    negated: bool,
    [a, b]: [&View<'_, F>; 2],
    out: &mut [bool],
) {
    let whole = [a.as_slice(), b.as_slice()];
    parallel::chunks_mut(out, GRAIN, &|start, out| {
        let mut stages = [[F::default(); STAGE]; 2];
        for (block, out) in out.chunks_mut(STAGE).enumerate() {
            let start = start + block * STAGE;
            let mut pieces: [&[F]; 2] = [&[]; 2];
            for (k, stage) in stages.iter_mut().enumerate() {
                pieces[k] = if let Some(slice) = whole[k] {
                    &slice[start..start + out.len()]
                } else {
                    [a, b][k].gather(start, &mut stage[..out.len()]);
                    &stage[..out.len()]
                };
            }
            dispatch(Compare {
                comparison,
                negated,
                inputs: pieces,
                out,
            });
        }
    });
}

struct Compare<'a, F, C> {
    comparison: C,
    negated: bool,
    inputs: [&'a [F]; 2],
    out: &'a mut [bool],
}

impl<F: Float, C: Comparison> Kernel for Compare<'_, F, C> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.out.len();
        let (a, b) = (&self.inputs[0][..len], &self.inputs[1][..len]);
        for i in 0..len {
            let (a, b) = (
                crate::kernel::Lane::<F, I>::new(a[i]),
                crate::kernel::Lane::new(b[i]),
            );
            self.out[i] = self.comparison.holds(a, b) != self.negated;
        }
    }
}
