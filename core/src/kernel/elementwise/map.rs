//! Elementwise kernels: one formula over N operands, in one sweep.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::lane::{Lane, lanes};
use crate::kernel::math::trig::{Angles, AnyAngle, LARGEST_ANGLE, SmallAngles};
use crate::kernel::real::Real;
use crate::kernel::strided::View;
use crate::kernel::threads::parallel::{self, GRAIN, Shared, cut};
use crate::kernel::unroll::unroll;

/// A formula from `N` numbers to one.
pub trait Map<const N: usize>: Copy + Send + Sync + 'static {
    /// Whether the formula takes the sine or cosine of an argument.
    const TRIGONOMETRIC: bool = false;
    /// Computes the formula.
    fn apply<T: Real>(self, args: [T; N]) -> T;
}

/// A formula that replaces `S` numbers by new values, given `N` other numbers.
pub trait Update<const S: usize, const N: usize>: Copy + Send + Sync {
    /// Whether the formula takes the sine or cosine of an argument. It may not take that of a
    /// state.
    const TRIGONOMETRIC: bool = false;
    /// Returns the new values of `state`.
    fn apply<T: Real>(self, state: [T; S], args: [T; N]) -> [T; S];
}

/// The formula of an optimizer for one element.
pub trait Step<const N: usize>: Copy + Send + Sync {
    /// Computes the new parameter and state from the parameter `w`, the gradient `g` and the state.
    fn apply<T: Real>(self, w: T, g: T, state: [T; N]) -> (T, [T; N]);
}

/// One parameter's part of an optimizer's step: contiguous slices of equal length.
pub(crate) struct StepPart<'a, F, const N: usize, U> {
    pub step: U,
    pub w: &'a mut [F],
    pub g: &'a [F],
    pub state: [&'a mut [F]; N],
}

/// Elements that are staged on the stack if an operand is not contiguous.
const STAGE: usize = 512;

/// Computes `out[i] = map(inputs[0][i], inputs[1][i], …)` for operands of equal shape, in row-major
/// order.
pub(crate) fn map<F: Float, const N: usize, M: Map<N>>(
    map: M,
    inputs: &[View<'_, F>; N],
    out: &mut [F],
) {
    let mut slices: [Option<&[F]>; N] = [None; N];
    let mut whole: [&[F]; N] = [&[]; N];
    for k in 0..N {
        slices[k] = inputs[k].as_slice();
        whole[k] = slices[k].unwrap_or_default();
    }
    let contiguous = slices.iter().all(Option::is_some);
    if contiguous && out.len() <= GRAIN {
        return sweep(Contiguous {
            map,
            inputs: whole,
            out,
        });
    }
    parallel::chunks_mut(out, GRAIN, &|start, out| {
        if contiguous {
            let inputs = cut(whole, &(start..start + out.len()));
            sweep(Contiguous { map, inputs, out });
            return;
        }
        let mut stages = [[F::default(); STAGE]; N];
        for (block, out) in out.chunks_mut(STAGE).enumerate() {
            let start = start + block * STAGE;
            let mut pieces: [&[F]; N] = [&[]; N];
            for (k, stage) in stages.iter_mut().enumerate() {
                pieces[k] = if let Some(slice) = slices[k] {
                    &slice[start..start + out.len()]
                } else {
                    inputs[k].gather(start, &mut stage[..out.len()]);
                    &stage[..out.len()]
                };
            }
            sweep(Contiguous {
                map,
                inputs: pieces,
                out,
            });
        }
    });
}

/// Computes `state[i] = update(state[i], args[i])` in place, for contiguous slices of equal length.
pub(crate) fn update<F: Float, const S: usize, const N: usize, U: Update<S, N>>(
    update: U,
    states: [&mut [F]; S],
    args: [&[F]; N],
) {
    let len = states[0].len();
    assert!(states.iter().all(|s| s.len() == len) && args.iter().all(|a| a.len() == len));
    if len <= GRAIN {
        return sweep(InPlace {
            update,
            states,
            args,
        });
    }
    let states = states.map(Shared::of);
    parallel::ranges(len, GRAIN, &|range| {
        let mut pieces = [(); S].map(|()| <&mut [F]>::default());
        for k in 0..S {
            // SAFETY: the ranges of one call do not overlap, and `states` is borrowed until the
            // call ends.
            pieces[k] = unsafe { states[k].piece(range.clone()) };
        }
        sweep(InPlace {
            update,
            states: pieces,
            args: cut(args, &range),
        });
    });
}

/// Computes `out[i] = update(old[i], args[i])` for contiguous slices of equal length.
pub(crate) fn updated<F: Float, const N: usize, U: Update<1, N>>(
    update: U,
    old: &[F],
    args: [&[F]; N],
    out: &mut [F],
) {
    parallel::chunks_mut(out, GRAIN, &|start, out| {
        let range = start..start + out.len();
        sweep(OutOfPlace {
            update,
            old: &old[range.clone()],
            args: cut(args, &range),
            out,
        });
    });
}

/// Runs the steps of all parts in place: large parts are split over threads, small ones share a
/// task.
pub(crate) fn step<F: Float, const N: usize, U: Step<N>>(parts: Vec<StepPart<'_, F, N, U>>) {
    struct Part<'a, F, const N: usize, U> {
        step: U,
        w: Shared<F>,
        g: &'a [F],
        state: [Shared<F>; N],
    }
    let lens: Vec<usize> = parts.iter().map(|part| part.w.len()).collect();
    let parts: Vec<_> = parts
        .into_iter()
        .map(|part| {
            let len = part.w.len();
            assert!(part.g.len() == len && part.state.iter().all(|slot| slot.len() == len));
            Part {
                step: part.step,
                w: Shared::of(part.w),
                g: part.g,
                state: part.state.map(Shared::of),
            }
        })
        .collect();
    parallel::batches(&lens, GRAIN, &|i, range| {
        let part = &parts[i];
        let mut state = [(); N].map(|()| <&mut [F]>::default());
        for k in 0..N {
            // SAFETY: the ranges of one part do not overlap, and the slices of all parts are
            // borrowed until the end of this function.
            state[k] = unsafe { part.state[k].piece(range.clone()) };
        }
        dispatch(StepPart {
            step: part.step,
            // SAFETY: as above.
            w: unsafe { part.w.piece(range.clone()) },
            g: &part.g[range],
            state,
        });
    });
}

/// A loop whose formula may take sines and cosines of its arguments.
trait Sweep {
    const TRIGONOMETRIC: bool;
    /// Returns whether an argument is too large for the branch-free reduction.
    fn has_large_angles(&self) -> bool;
    /// Runs the loop, compiled for `I` as in [`Kernel::run`].
    fn run<I: Isa, A: Angles>(self);
}

/// Runs a loop. If its formula is trigonometric and no argument is large, the loop has no branches
/// for large angles.
#[inline]
fn sweep<S: Sweep>(sweep: S) {
    dispatch(SweepKernel(sweep));
}

struct SweepKernel<S>(S);

impl<S: Sweep> Kernel for SweepKernel<S> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        if S::TRIGONOMETRIC && !self.0.has_large_angles() {
            self.0.run::<I, SmallAngles>();
        } else {
            self.0.run::<I, AnyAngle>();
        }
    }
}

#[inline(always)]
fn any_large<F: Float, const N: usize>(slices: &[&[F]; N]) -> bool {
    let (limit, mut any) = (F::from_f64(LARGEST_ANGLE), false);
    for slice in slices {
        for x in *slice {
            any |= x.abs() > limit;
        }
    }
    any
}

struct Contiguous<'a, F, const N: usize, M> {
    map: M,
    inputs: [&'a [F]; N],
    out: &'a mut [F],
}

impl<F: Float, const N: usize, M: Map<N>> Sweep for Contiguous<'_, F, N, M> {
    const TRIGONOMETRIC: bool = M::TRIGONOMETRIC;
    #[inline(always)]
    fn has_large_angles(&self) -> bool {
        any_large(&self.inputs)
    }

    #[inline(always)]
    fn run<I: Isa, A: Angles>(self) {
        let len = self.out.len();
        let inputs = cut(self.inputs, &(0..len));
        let out = self.out;
        for i in 0..len {
            out[i] = self.map.apply(lanes::<F, I, A, N>(&inputs, i)).0;
        }
    }
}

struct InPlace<'a, F, const S: usize, const N: usize, U> {
    update: U,
    states: [&'a mut [F]; S],
    args: [&'a [F]; N],
}

impl<F: Float, const S: usize, const N: usize, U: Update<S, N>> Sweep for InPlace<'_, F, S, N, U> {
    const TRIGONOMETRIC: bool = U::TRIGONOMETRIC;
    #[inline(always)]
    fn has_large_angles(&self) -> bool {
        any_large(&self.args)
    }

    #[inline(always)]
    fn run<I: Isa, A: Angles>(self) {
        let states = self.states;
        let len = states[0].len();
        unroll!(k in S {
            assert!(states[k].len() == len);
        });
        let args = cut(self.args, &(0..len));
        for i in 0..len {
            let mut before = [Lane::<F, I, A>::new(F::default()); S];
            unroll!(k in S {
                before[k] = Lane::new(states[k][i]);
            });
            let after = self.update.apply(before, lanes::<F, I, A, N>(&args, i));
            unroll!(k in S {
                states[k][i] = after[k].0;
            });
        }
    }
}

struct OutOfPlace<'a, F, const N: usize, U> {
    update: U,
    old: &'a [F],
    args: [&'a [F]; N],
    out: &'a mut [F],
}

impl<F: Float, const N: usize, U: Update<1, N>> Sweep for OutOfPlace<'_, F, N, U> {
    const TRIGONOMETRIC: bool = U::TRIGONOMETRIC;
    #[inline(always)]
    fn has_large_angles(&self) -> bool {
        any_large(&self.args)
    }

    #[inline(always)]
    fn run<I: Isa, A: Angles>(self) {
        let (old, out) = (self.old, self.out);
        let len = out.len();
        assert!(old.len() == len);
        let args = cut(self.args, &(0..len));
        for i in 0..len {
            let [after] = self
                .update
                .apply([Lane::new(old[i])], lanes::<F, I, A, N>(&args, i));
            out[i] = after.0;
        }
    }
}

impl<F: Float, const N: usize, U: Step<N>> Kernel for StepPart<'_, F, N, U> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let (w, g, states) = (self.w, self.g, self.state);
        let len = w.len();
        assert!(g.len() == len);
        unroll!(k in N {
            assert!(states[k].len() == len);
        });
        for i in 0..len {
            let mut state = [Lane::<F, I>::new(F::default()); N];
            unroll!(k in N {
                state[k] = Lane::new(states[k][i]);
            });
            let (new, state) = self.step.apply(Lane::new(w[i]), Lane::new(g[i]), state);
            w[i] = new.0;
            unroll!(k in N {
                states[k][i] = state[k].0;
            });
        }
    }
}
