//! The loops that run a formula over contiguous slices, compiled for each formula.

use super::formula::Formula;
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Tier, dispatch_on};
use crate::kernel::lane::{Lane, lanes};
use crate::kernel::math::trig::{Angles, AnyAngle, LARGEST_ANGLE, SmallAngles};
use crate::kernel::threads::parallel::cut;
use crate::kernel::unroll::unroll;

/// The number of elements that loops run over is a multiple of this. The methods of `dyn Loops` pad
/// the last few elements.
///
/// The compiler then adds no loop over single elements to the loop over vectors, which would take
/// as long to build.
pub(super) const LANES: usize = 16;

/// The loops of a formula over contiguous slices of equal length, a multiple of [`LANES`], without
/// its type.
pub(crate) trait Loops<F>: Sync {
    /// Computes the formula for each element.
    fn whole_value(&self, tier: Tier, operands: &[&[F]], out: &mut [F]);
    /// Computes the cotangents of one operand, or of all. The first slice of `out` contains the
    /// cotangent of the result before. Operands and a result that are not needed may be any slices.
    fn whole_pullback(
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
    fn whole_value(&self, tier: Tier, operands: &[&[F]], out: &mut [F]) {
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

    fn whole_pullback(
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

/// Returns whether the loops of a type are compiled for AVX-512. Those of `f64` run on AVX2 there:
/// gradient checks are their main use, and they would add a tenth to the build of a user's
/// functions.
const fn is_single<F>() -> bool {
    size_of::<F>() == 4
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
    const AVX512: bool = is_single::<F>();

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
    let len = multiple(out.len());
    let (operands, out) = (cut(*operands, &(0..len)), &mut out[..len]);
    for i in 0..len {
        out[i] = formula.value(lanes::<F, I, A, N>(&operands, i)).0;
    }
}

/// Returns the length in a form that tells the compiler that it is a multiple of [`LANES`].
#[inline(always)]
fn multiple(len: usize) -> usize {
    debug_assert!(len.is_multiple_of(LANES));
    len & !(LANES - 1)
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
    const AVX512: bool = is_single::<F>();

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
    let len = multiple(out.len());
    let operands = cut(*operands, &(0..len));
    let (result, out) = (&result[..len], &mut out[..len]);
    for i in 0..len {
        let (g, y) = (Lane::<F, I, A>::new(out[i]), Lane::new(result[i]));
        let cotangents = formula.pullback::<_, WANTED>(g, lanes::<F, I, A, N>(&operands, i), y);
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
    const AVX512: bool = is_single::<F>();

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
const BLOCK: usize = 4 * LANES;

#[inline(always)]
fn all<F: Float, I: Isa, A: Angles, E: Formula<N>, const N: usize>(
    formula: E,
    operands: &[&[F]; N],
    result: &[F],
    mut out: [&mut [F]; N],
) {
    if N == 2 {
        let (first, second) = out.split_at_mut(1);
        return both::<F, I, A, E, N>(formula, operands, result, first[0], second[0]);
    }
    // With more outputs in memory, the compiler would have to check that none of them overlap,
    // which it does for a few only. So blocks are computed on the stack.
    let len = multiple(out[0].len());
    let mut block = [[F::default(); BLOCK]; N];
    let mut start = 0;
    while start < len {
        let count = BLOCK.min(len - start);
        let xs = cut(*operands, &(start..start + count));
        let (gs, ys) = (&out[0][start..start + count], &result[start..start + count]);
        for i in 0..count {
            let (g, y) = (Lane::<F, I, A>::new(gs[i]), Lane::new(ys[i]));
            let cotangents = formula.pullback::<_, { u32::MAX }>(g, lanes::<F, I, A, N>(&xs, i), y);
            unroll!(k in N {
                block[k][i] = cotangents[k].0;
            });
        }
        for k in 0..N {
            out[k][start..start + count].copy_from_slice(&block[k][..count]);
        }
        start += count;
    }
}

/// Computes the cotangents of two operands. The compiler knows that two arguments do not overlap.
#[inline(always)]
fn both<F: Float, I: Isa, A: Angles, E: Formula<N>, const N: usize>(
    formula: E,
    operands: &[&[F]; N],
    result: &[F],
    first: &mut [F],
    second: &mut [F],
) {
    let len = multiple(first.len());
    let operands = cut(*operands, &(0..len));
    let (result, first, second) = (&result[..len], &mut first[..len], &mut second[..len]);
    for i in 0..len {
        let (g, y) = (Lane::<F, I, A>::new(first[i]), Lane::new(result[i]));
        let x = lanes::<F, I, A, N>(&operands, i);
        let cotangents = formula.pullback::<_, { u32::MAX }>(g, x, y);
        first[i] = cotangents[0].0;
        second[i] = cotangents[1].0;
    }
}
