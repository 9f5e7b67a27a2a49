//! Formulas of several numbers with their derivatives, and the loops that run them.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Tier, dispatch_on};
use crate::kernel::lane::{Lane, lanes};
use crate::kernel::math::trig::{Angles, AnyAngle, LARGEST_ANGLE, SmallAngles};
use crate::kernel::real::Real;
use crate::kernel::strided::View;
use crate::kernel::threads::parallel::{self, GRAIN, Shared, cut};
use smallvec::SmallVec;
use std::ops::Range;

/// The largest number of operands of a formula.
pub(crate) const OPERANDS: usize = 8;

/// The values that the cotangent of an operand is computed from, besides that of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The operands: bit k is set for operand k.
    pub operands: u32,
    /// Whether the result is needed.
    pub result: bool,
}

/// A function of `N` numbers and its derivatives. `#[elementwise]` writes implementations.
pub trait Formula<const N: usize>: Copy + Send + Sync + 'static {
    /// Whether the formula contains sines or cosines of numbers that vary. Then
    /// [`angle`](Self::angle) returns the size of the largest argument.
    const TRIGONOMETRIC: bool = false;
    /// The values that the cotangent of each operand is computed from.
    const NEEDS: [Needs; N];
    /// Computes the formula.
    fn value<T: Real>(self, operands: [T; N]) -> T;
    /// Computes the cotangents of the operands whose bits are set in `WANTED`, which are all of
    /// them or one. The other numbers of the result are arbitrary, and so are the operands and the
    /// result if no wanted cotangent [needs](Self::NEEDS) them.
    fn pullback<T: Real, const WANTED: u32>(
        self,
        cotangent: T,
        operands: [T; N],
        result: T,
    ) -> [T; N];
    /// Returns the constant by which the cotangent of the result is multiplied to get that of
    /// `operand`, if it is a constant.
    fn factor(self, _operand: usize) -> Option<f64> {
        None
    }
    /// Returns the size of the largest argument of a sine or cosine.
    #[inline(always)]
    fn angle<T: Real>(self, operands: [T; N]) -> T {
        operands[0]
    }
}

/// The loops of a formula over contiguous slices of equal length, without its type.
pub(crate) trait Loops<F>: Sync {
    /// Computes the formula for each element.
    fn value(&self, tier: Tier, operands: &[&[F]], out: &mut [F]);
    /// Computes the cotangents of one operand, or of all. The first slice of `out` contains the
    /// cotangent of the result before. Operands and a result that are not needed may be any slices.
    fn pullback(
        &self,
        tier: Tier,
        wanted: Wanted,
        operands: &[&[F]],
        result: &[F],
        out: &mut [&mut [F]],
    );
}

/// The operands whose cotangents are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    One(usize),
    All,
}

/// The loops for both types.
pub(crate) trait AllLoops: Loops<f32> + Loops<f64> {}
impl<T: Loops<f32> + Loops<f64>> AllLoops for T {}

/// A type whose loops can be chosen.
pub(crate) trait Choose: Sized {
    fn choose(loops: &dyn AllLoops) -> &dyn Loops<Self>;
}

macro_rules! choose {
    ($($float:ty)*) => {$(
        impl Choose for $float {
            fn choose(loops: &dyn AllLoops) -> &dyn Loops<Self> {
                loops
            }
        }
    )*};
}
choose! { f32 f64 }

/// A formula as [`Loops`].
#[derive(Clone, Copy)]
pub(crate) struct Compiled<E, const N: usize>(pub E);

impl<F: Float, E: Formula<N>, const N: usize> Loops<F> for Compiled<E, N> {
    fn value(&self, tier: Tier, operands: &[&[F]], out: &mut [F]) {
        let formula = self.0;
        let operands = array(operands);
        dispatch_on(
            tier,
            Values {
                formula,
                operands,
                out,
            },
        );
    }

    fn pullback(
        &self,
        tier: Tier,
        wanted: Wanted,
        operands: &[&[F]],
        result: &[F],
        out: &mut [&mut [F]],
    ) {
        let pull = Pull {
            formula: self.0,
            tier,
            operands: array(operands),
            result,
            out,
        };
        // The conditions are associated constants: the compiler drops the calls behind one that is
        // false, and so their loops, only if it need not compute it.
        match wanted {
            Wanted::All if Exists::<N, 1>::YES => pull.all(),
            Wanted::All => pull.one::<1>(),
            Wanted::One(k) => {
                macro_rules! one {
                    ($($k:literal)*) => {
                        match k {
                            $($k if Exists::<N, $k>::YES => pull.one::<{ 1 << $k }>(),)*
                            _ => unreachable!("an operand"),
                        }
                    };
                }
                one!(0 1 2 3 4 5 6 7);
            }
        }
    }
}

/// Whether there are more than `K` operands.
struct Exists<const N: usize, const K: usize>;

impl<const N: usize, const K: usize> Exists<N, K> {
    const YES: bool = K < N;
}

fn array<'a, F, const N: usize>(slices: &[&'a [F]]) -> [&'a [F]; N] {
    let mut all: [&[F]; N] = [&[]; N];
    all.copy_from_slice(&slices[..N]);
    all
}

/// The loop of the values.
struct Values<'a, F, E, const N: usize> {
    formula: E,
    operands: [&'a [F]; N],
    out: &'a mut [F],
}

impl<F: Float, E: Formula<N>, const N: usize> Kernel for Values<'_, F, E, N> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.out.len();
        let operands = cut(self.operands, &(0..len));
        if E::TRIGONOMETRIC && !has_large_angles::<F, I, E, N>(self.formula, &operands, len) {
            values::<F, I, SmallAngles, E, N>(self.formula, &operands, self.out);
        } else {
            values::<F, I, AnyAngle, E, N>(self.formula, &operands, self.out);
        }
    }
}

#[inline(always)]
fn values<F: Float, I: Isa, A: Angles, E: Formula<N>, const N: usize>(
    formula: E,
    operands: &[&[F]; N],
    out: &mut [F],
) {
    for i in 0..out.len() {
        out[i] = formula.value(lanes::<F, I, A, N>(operands, i)).0;
    }
}

/// Returns whether the branch-free reduction of angles does not suffice.
#[inline(always)]
fn has_large_angles<F: Float, I: Isa, E: Formula<N>, const N: usize>(
    formula: E,
    operands: &[&[F]; N],
    len: usize,
) -> bool {
    let (limit, mut any) = (F::from_f64(LARGEST_ANGLE), false);
    for i in 0..len {
        let angle = formula.angle(lanes::<F, I, SmallAngles, N>(operands, i)).0;
        any |= num_traits::Float::abs(angle) > limit;
    }
    any
}

/// The loop of the cotangents.
struct Pull<'a, 'b, F, E, const N: usize> {
    formula: E,
    tier: Tier,
    operands: [&'a [F]; N],
    result: &'a [F],
    out: &'a mut [&'b mut [F]],
}

impl<F: Float, E: Formula<N>, const N: usize> Pull<'_, '_, F, E, N> {
    fn all(self) {
        let mut out = [(); N].map(|()| <&mut [F]>::default());
        for (slot, out) in out.iter_mut().zip(self.out) {
            *slot = out;
        }
        let all = All {
            formula: self.formula,
            operands: self.operands,
            result: self.result,
            out,
        };
        dispatch_on(self.tier, all);
    }

    fn one<const WANTED: u32>(self) {
        let one = One::<F, E, N, WANTED> {
            formula: self.formula,
            operands: self.operands,
            result: self.result,
            out: &mut *self.out[0],
        };
        dispatch_on(self.tier, one);
    }
}

/// The loop of the cotangent of one operand.
struct One<'a, F, E, const N: usize, const WANTED: u32> {
    formula: E,
    operands: [&'a [F]; N],
    result: &'a [F],
    out: &'a mut [F],
}

impl<F: Float, E: Formula<N>, const N: usize, const WANTED: u32> Kernel
    for One<'_, F, E, N, WANTED>
{
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.out.len();
        let operands = cut(self.operands, &(0..len));
        let result = &self.result[..len];
        if E::TRIGONOMETRIC && !has_large_angles::<F, I, E, N>(self.formula, &operands, len) {
            one::<F, I, SmallAngles, E, N, WANTED>(self.formula, &operands, result, self.out);
        } else {
            one::<F, I, AnyAngle, E, N, WANTED>(self.formula, &operands, result, self.out);
        }
    }
}

#[inline(always)]
fn one<F: Float, I: Isa, A: Angles, E: Formula<N>, const N: usize, const WANTED: u32>(
    formula: E,
    operands: &[&[F]; N],
    result: &[F],
    out: &mut [F],
) {
    let k = WANTED.trailing_zeros() as usize;
    let len = out.len();
    let result = &result[..len];
    for i in 0..len {
        let (g, y) = (Lane::<F, I, A>::new(out[i]), Lane::new(result[i]));
        let cotangents = formula.pullback::<_, WANTED>(g, lanes::<F, I, A, N>(operands, i), y);
        out[i] = cotangents[k].0;
    }
}

/// The loop of the cotangents of all operands.
struct All<'a, F, E, const N: usize> {
    formula: E,
    operands: [&'a [F]; N],
    result: &'a [F],
    out: [&'a mut [F]; N],
}

impl<F: Float, E: Formula<N>, const N: usize> Kernel for All<'_, F, E, N> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.out[0].len();
        let operands = cut(self.operands, &(0..len));
        let result = &self.result[..len];
        if E::TRIGONOMETRIC && !has_large_angles::<F, I, E, N>(self.formula, &operands, len) {
            all::<F, I, SmallAngles, E, N>(self.formula, &operands, result, self.out);
        } else {
            all::<F, I, AnyAngle, E, N>(self.formula, &operands, result, self.out);
        }
    }
}

/// Elements that are computed before any of them is written to the outputs.
const BLOCK: usize = 64;

#[inline(always)]
fn all<F: Float, I: Isa, A: Angles, E: Formula<N>, const N: usize>(
    formula: E,
    operands: &[&[F]; N],
    result: &[F],
    mut out: [&mut [F]; N],
) {
    let len = out[0].len();
    if N <= 2 {
        for out in &out {
            assert!(out.len() == len);
        }
        let result = &result[..len];
        for i in 0..len {
            let (g, y) = (Lane::<F, I, A>::new(out[0][i]), Lane::new(result[i]));
            let x = lanes::<F, I, A, N>(operands, i);
            let cotangents = formula.pullback::<_, { u32::MAX }>(g, x, y);
            for k in 0..N {
                out[k][i] = cotangents[k].0;
            }
        }
        return;
    }
    // With operands and outputs in memory, the compiler would have to check that none of them
    // overlap, which it does for a few only. So blocks are computed on the stack.
    let mut start = 0;
    while start + BLOCK <= len {
        block::<F, I, A, E, N, true>(formula, operands, result, &mut out, start..start + BLOCK);
        start += BLOCK;
    }
    if start < len {
        block::<F, I, A, E, N, false>(formula, operands, result, &mut out, start..len);
    }
}

/// Computes the elements of a range: of `BLOCK` elements if it is `WHOLE`, of fewer otherwise.
#[inline(always)]
fn block<F: Float, I: Isa, A: Angles, E: Formula<N>, const N: usize, const WHOLE: bool>(
    formula: E,
    operands: &[&[F]; N],
    result: &[F],
    out: &mut [&mut [F]; N],
    range: Range<usize>,
) {
    let copy = |to: &mut [F; BLOCK], from: &[F]| {
        if WHOLE {
            to.copy_from_slice(from);
        } else {
            to[..from.len()].copy_from_slice(from);
        }
    };
    let (mut xs, mut block) = ([[F::default(); BLOCK]; N], [[F::default(); BLOCK]; N]);
    let (mut gs, mut ys) = ([F::default(); BLOCK], [F::default(); BLOCK]);
    copy(&mut gs, &out[0][range.clone()]);
    copy(&mut ys, &result[range.clone()]);
    for k in 0..N {
        copy(&mut xs[k], &operands[k][range.clone()]);
    }
    for i in 0..BLOCK {
        let mut x = [Lane::<F, I, A>::new(F::default()); N];
        for k in 0..N {
            x[k] = Lane::new(xs[k][i]);
        }
        let (g, y) = (Lane::new(gs[i]), Lane::new(ys[i]));
        let cotangents = formula.pullback::<_, { u32::MAX }>(g, x, y);
        for k in 0..N {
            block[k][i] = cotangents[k].0;
        }
    }
    for k in 0..N {
        let to = &mut out[k][range.clone()];
        if WHOLE {
            to.copy_from_slice(&block[k]);
        } else {
            let len = to.len();
            to.copy_from_slice(&block[k][..len]);
        }
    }
}

/// Elements that are staged on the stack if an operand is not contiguous.
const STAGE: usize = 512;
/// Elements whose cotangent is copied before they are computed.
const COPIED: usize = 1024;

/// Computes a formula for contiguous operands of equal length.
#[inline]
pub(crate) fn value_of_slices<F: Float>(loops: &dyn Loops<F>, operands: &[&[F]], out: &mut [F]) {
    let tier = Tier::current();
    if out.len() <= GRAIN {
        return loops.value(tier, operands, out);
    }
    parallel::chunks_mut(out, GRAIN, &|start, out| {
        let mut pieces: [&[F]; OPERANDS] = [&[]; OPERANDS];
        for (piece, operand) in pieces.iter_mut().zip(operands) {
            *piece = &operand[start..start + out.len()];
        }
        loops.value(tier, &pieces[..operands.len()], out);
    });
}

/// Computes a formula for operands of equal shape, in row-major order.
pub(crate) fn value<F: Float>(
    loops: &dyn Loops<F>,
    operands: &[Option<View<'_, F>>],
    out: &mut [F],
) {
    let tier = Tier::current();
    let operands = Operands::of(operands);
    parallel::chunks_mut(out, GRAIN, &|start, out| {
        operands.blocks(start, out.len(), out.len(), &mut |range, pieces| {
            let out = &mut out[range.start - start..range.end - start];
            loops.value(tier, pieces, out);
        });
    });
}

/// Computes a formula for the elements from row-major index `start` on, on this thread.
pub(crate) fn value_from<F: Float>(
    loops: &dyn Loops<F>,
    operands: &[Option<View<'_, F>>],
    start: usize,
    out: &mut [F],
) {
    let tier = Tier::current();
    Operands::of(operands).blocks(start, out.len(), out.len(), &mut |range, pieces| {
        let out = &mut out[range.start - start..range.end - start];
        loops.value(tier, pieces, out);
    });
}

/// Computes the cotangents of one operand or of all. The first output contains the cotangent of the
/// result if `cotangent` is `None`. Operands that are not needed are `None`.
pub(crate) fn pullback<F: Float>(
    loops: &dyn Loops<F>,
    wanted: Wanted,
    cotangent: Option<&View<'_, F>>,
    operands: &[Option<View<'_, F>>],
    result: Option<&View<'_, F>>,
    out: &mut [&mut [F]],
) {
    let tier = Tier::current();
    let len = out[0].len();
    let mut views: SmallVec<[Option<View<'_, F>>; OPERANDS + 1]> = SmallVec::from(operands);
    views.push(result.copied());
    let all = Operands::of(&views);
    let shared: Vec<Shared<F>> = out.iter_mut().map(|out| Shared::of(out)).collect();
    parallel::ranges(len, GRAIN, &|range| {
        let limit = if cotangent.is_some() { COPIED } else { GRAIN };
        all.blocks(range.start, range.len(), limit, &mut |piece, slices| {
            let mut out: [&mut [F]; OPERANDS] = Default::default();
            for (slot, shared) in out.iter_mut().zip(&shared) {
                // SAFETY: the ranges of one call and their pieces do not overlap, and `out` is
                // borrowed until the call ends.
                *slot = unsafe { shared.piece(piece.clone()) };
            }
            if let Some(cotangent) = cotangent {
                cotangent.gather(piece.start, out[0]);
            }
            let (operands, result) = slices.split_at(slices.len() - 1);
            loops.pullback(tier, wanted, operands, result[0], &mut out[..shared.len()]);
        });
    });
}

/// A function of a range and the elements of all operands.
type Body<'a, F> = &'a mut dyn FnMut(Range<usize>, &[&[F]]);

/// Operands as slices where they are contiguous. Any numbers are passed for an operand that is not
/// given.
struct Operands<'a, F> {
    views: &'a [Option<View<'a, F>>],
    slices: [Option<&'a [F]>; OPERANDS + 1],
}

impl<'a, F: Float> Operands<'a, F> {
    fn of(views: &'a [Option<View<'a, F>>]) -> Self {
        let mut slices = [None; OPERANDS + 1];
        for (slice, view) in slices.iter_mut().zip(views) {
            *slice = view.as_ref().and_then(View::as_slice);
        }
        Self { views, slices }
    }

    /// Calls `body` with consecutive ranges of `len` elements from `start` on, of at most `limit`
    /// elements, and with the elements of all operands.
    fn blocks(&self, start: usize, len: usize, limit: usize, body: Body<'_, F>) {
        let count = self.views.len();
        let known = self.slices.iter().flatten().next().copied();
        let is_slice = |k: usize| self.slices[k].is_some() || self.views[k].is_none();
        let (Some(known), true) = (known, (0..count).all(is_slice)) else {
            return self.staged(start..start + len, body);
        };
        let mut from = start;
        while from < start + len {
            let range = from..(start + len).min(from + limit);
            let mut pieces: [&[F]; OPERANDS + 1] = [&[]; OPERANDS + 1];
            for k in 0..count {
                pieces[k] = &self.slices[k].unwrap_or(known)[range.clone()];
            }
            from = range.end;
            body(range, &pieces[..count]);
        }
    }

    #[inline(never)]
    fn staged(&self, whole: Range<usize>, body: Body<'_, F>) {
        let count = self.views.len();
        let mut stages = vec![[F::default(); STAGE]; count];
        let mut from = whole.start;
        while from < whole.end {
            let range = from..whole.end.min(from + STAGE);
            let mut pieces: [&[F]; OPERANDS + 1] = [&[]; OPERANDS + 1];
            for (k, stage) in stages.iter_mut().enumerate() {
                let stage = &mut stage[..range.len()];
                pieces[k] = match (self.slices[k], &self.views[k]) {
                    (Some(slice), _) => &slice[range.clone()],
                    (None, Some(view)) => {
                        view.gather(range.start, stage);
                        stage
                    }
                    (None, None) => stage,
                };
            }
            from = range.end;
            body(range, &pieces[..count]);
        }
    }
}
