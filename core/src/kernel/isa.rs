//! Instruction sets: each kernel is one generic body, compiled once for each of them and chosen at
//! run time.
//!
//! A kernel implements [`Kernel`] with an `#[inline(always)]` `run`. [`dispatch`] inlines that body
//! into a function compiled for the best instruction set of this machine. No kernel uses
//! intrinsics.

use std::marker::PhantomData;
use std::sync::OnceLock;

/// An instruction set as a type, for choices that a generic kernel body makes at compile time.
pub trait Isa: Copy + Send + Sync + 'static {
    /// Whether fused multiply-add is one instruction. Elsewhere it would be a slow library call.
    const FMA: bool;
    /// The width of a vector register in bytes.
    const VECTOR_BYTES: usize;
    /// Whether there are 32 vector registers of 64 bytes.
    const WIDE: bool = Self::VECTOR_BYTES == 64;
    /// Whether vectors have 16 bytes.
    const NARROW: bool = Self::VECTOR_BYTES == 16;
}

/// The number of elements `F` in a vector of `I`. Of a `match` on this constant, the compiler drops
/// the other branches before it compiles what they call. It would not if it had to compute the
/// number.
pub(crate) struct Lanes<I, F>(PhantomData<(I, F)>);

impl<I: Isa, F> Lanes<I, F> {
    pub(crate) const COUNT: usize = I::VECTOR_BYTES / size_of::<F>();
}

macro_rules! instruction_sets {
    ($($(#[$doc:meta])* $name:ident fma $fma:literal bytes $bytes:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Isa for $name {
            const FMA: bool = $fma;
            const VECTOR_BYTES: usize = $bytes;
        }
    )*};
}

instruction_sets! {
    /// The instructions that every processor of the target architecture has, used without fused
    /// multiply-add.
    Baseline fma false bytes 16;
    /// x86-64 with AVX2 and FMA.
    Avx2 fma true bytes 32;
    /// x86-64 with AVX-512 (F, BW, DQ, VL).
    Avx512 fma true bytes 64;
    /// AArch64, whose baseline includes NEON and fused multiply-add.
    Neon fma true bytes 16;
}

/// An instruction set as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tier {
    /// [`Baseline`].
    Baseline,
    /// [`Neon`].
    Neon,
    /// [`Avx2`].
    Avx2,
    /// [`Avx512`].
    Avx512,
}

impl Tier {
    /// Returns the tiers that this machine can run, slowest first.
    pub fn available() -> Vec<Self> {
        let mut tiers = vec![Self::Baseline];
        #[cfg(target_arch = "aarch64")]
        tiers.push(Self::Neon);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                tiers.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && tiers.contains(&Self::Avx2)
            {
                tiers.push(Self::Avx512);
            }
        }
        tiers
    }

    /// Returns the tier that kernels run on: the fastest available one.
    ///
    /// The environment variable `COTANGENT_TIER` (`baseline`, `neon`, `avx2`, `avx512`) selects a
    /// slower one, so that every tier can be tested on one machine. It is read once. A tier that
    /// the machine lacks or an unknown name is ignored.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Tier> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let available = Self::available();
            let wanted = std::env::var("COTANGENT_TIER").unwrap_or_default();
            let named = |tier: &Self| format!("{tier:?}").eq_ignore_ascii_case(&wanted);
            let best = available[available.len() - 1];
            available.into_iter().find(named).unwrap_or(best)
        })
    }
}

/// A computation over slices whose body is generic over the instruction set.
pub trait Kernel {
    /// The type of the result.
    type Output;
    /// Whether the kernel is compiled for AVX-512. If not, it runs on AVX2 there.
    const AVX512: bool = true;
    /// Whether the kernel is compiled for vectors of 16 bytes. If not, it must not be dispatched
    /// where there are no longer ones.
    const NARROW: bool = true;

    /// Computes the result. Implementations must be `#[inline(always)]`, and so must everything
    /// that they call in their inner loops: only inlined code is compiled for the instruction set.
    fn run<I: Isa>(self) -> Self::Output;
}

/// Runs `kernel` on the instruction set of [`Tier::current`].
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_on(Tier::current(), kernel)
}

/// Runs `kernel` on the given instruction set, or on the baseline if the machine lacks it.
#[inline]
pub fn dispatch_on<K: Kernel>(tier: Tier, kernel: K) -> K::Output {
    match tier {
        // SAFETY: `runs` has checked that this machine has the features of the tier. The check is
        // needed because callers can write `Tier::Avx512` themselves.
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512 if K::AVX512 && runs(tier) => unsafe { run_avx512(kernel) },
        // SAFETY: as above. A machine with AVX-512 has the features of AVX2 too.
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512 | Tier::Avx2 if runs(tier) => unsafe { run_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        Tier::Neon if K::NARROW => kernel.run::<Neon>(),
        _ if K::NARROW => kernel.run::<Baseline>(),
        _ => unreachable!("a kernel that is not compiled for {tier:?}"),
    }
}

/// Returns whether this machine has the features of `tier`.
#[cfg(target_arch = "x86_64")]
#[inline]
fn runs(tier: Tier) -> bool {
    tier <= Tier::current() || Tier::available().contains(&tier)
}

/// # Safety
/// The processor must have the features named here.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

/// # Safety
/// The processor must have the features named here.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}
