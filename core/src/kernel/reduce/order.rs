//! Elements of each line along an axis that are chosen by their order: sorted ones, the k-th, the
//! median, the most frequent one.

use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};

/// An array as lines along an axis: (outer, len, inner).
#[derive(Clone, Copy)]
pub(crate) struct Lines {
    pub outer: usize,
    pub len: usize,
    pub inner: usize,
}

/// The elements that are chosen from each line. Of equal elements the first comes first in the
/// order, and NaN counts as the largest number.
#[derive(Clone, Copy)]
pub(crate) enum Pick<'a> {
    /// The first k, sorted.
    First(usize),
    /// The one with this number, counted from 0.
    Nth(usize),
    /// The lower one in the middle of the numbers. If there is a NaN, the first NaN, unless NaN is
    /// skipped or there is nothing else.
    Median { skip_nan: bool },
    /// The most frequent one, and the smallest of those. Its last place counts. A NaN is equal to
    /// nothing.
    Mode,
    /// The two between which each quantile lies, as [`Rank`] says; NaN as for the median.
    Quantiles { levels: &'a [f64], skip_nan: bool },
}

impl Pick<'_> {
    fn count(self) -> usize {
        match self {
            Self::First(k) => k,
            Self::Nth(_) | Self::Median { .. } | Self::Mode => 1,
            Self::Quantiles { levels, .. } => 2 * levels.len(),
        }
    }

    /// Adds the places of the chosen elements of a line, which is not empty.
    fn choose<K: Key>(self, line: &mut [K], places: &mut Vec<usize>) {
        let nth = |line: &mut [K], n: usize| line.select_nth_unstable(n).1.place();
        match self {
            Self::First(k) => {
                if k < line.len() {
                    line.select_nth_unstable(k);
                }
                line[..k].sort_unstable();
                places.extend(line[..k].iter().map(|key| key.place()));
            }
            Self::Nth(n) => places.push(nth(line, n)),
            Self::Median { skip_nan } => {
                let n = match numbers(line, skip_nan) {
                    Ok(count) => (count - 1) / 2,
                    Err(first_nan) => first_nan,
                };
                places.push(nth(line, n));
            }
            Self::Mode => {
                line.sort_unstable();
                let (mut most, mut end, mut start) = (0, 0, 0);
                for i in 1..=line.len() {
                    if i == line.len() || line[i].is_nan() || !line[i].equals(line[i - 1]) {
                        if i - start > most {
                            (most, end) = (i - start, i);
                        }
                        start = i;
                    }
                }
                places.push(line[end - 1].place());
            }
            Self::Quantiles { levels, skip_nan } => match numbers(line, skip_nan) {
                Ok(count) => {
                    let sorted = levels.len() > FEW_LEVELS;
                    if sorted {
                        line.sort_unstable();
                    }
                    for &level in levels {
                        let Rank { low, high, .. } = Rank::of(level, count);
                        if !sorted {
                            line.select_nth_unstable(low);
                            // The elements behind are not smaller.
                            if let Some(next) = (high..line.len()).min_by_key(|&i| line[i]) {
                                line.swap(high, next);
                            }
                        }
                        places.extend([line[low].place(), line[high].place()]);
                    }
                }
                Err(first_nan) => {
                    let place = nth(line, first_nan);
                    places.extend(std::iter::repeat_n(place, self.count()));
                }
            },
        }
    }
}

/// Returns the number of numbers in a line. If there are none, or NaN is not skipped and there is
/// one, returns instead the number of elements before the first NaN in the order.
fn numbers<K: Key>(line: &[K], skip_nan: bool) -> Result<usize, usize> {
    let count = line.iter().filter(|key| !key.is_nan()).count();
    if count == line.len() || (skip_nan && count > 0) {
        Ok(count)
    } else {
        Err(count)
    }
}

/// A quantile's place in the order of the elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rank {
    pub low: usize,
    /// The next one, or the same if the quantile is an element.
    pub high: usize,
    /// The distance from `low`, below 1.
    pub weight: f64,
}

impl Rank {
    /// Returns the rank of the quantile `level` of 0 to 1, of some elements.
    pub(crate) fn of(level: f64, count: usize) -> Self {
        let last = count.saturating_sub(1);
        let rank = level * last as f64;
        let low = (rank.floor() as usize).min(last);
        let weight = rank - rank.floor();
        let high = if weight > 0.0 {
            (low + 1).min(last)
        } else {
            low
        };
        Self { low, high, weight }
    }
}

/// The most quantiles that are selected one by one. For more, a line is sorted.
const FEW_LEVELS: usize = 4;

/// The bits of a number in double precision that a number in single precision does not need.
const PLACE_BITS: u32 = 29;

/// A number and its place in a line as one integer, which sorts by the number, then by the place.
trait Key: Ord + Copy + Default + Send {
    fn pack(rank: u64, place: usize) -> Self;
    fn place(self) -> usize;
    /// The rank of the number, without the bits that the key does not have.
    fn rank(self) -> u64;
    fn is_nan(self) -> bool {
        self.rank() >= (rank(f64::NAN, false) >> PLACE_BITS) << PLACE_BITS
    }
    fn equals(self, other: Self) -> bool {
        self.rank() == other.rank()
    }
}

/// For numbers in single precision, and lines of fewer than 2^29 elements.
impl Key for u64 {
    fn pack(rank: u64, place: usize) -> Self {
        ((rank >> PLACE_BITS) << PLACE_BITS) | place as Self
    }
    fn place(self) -> usize {
        (self & ((1 << PLACE_BITS) - 1)) as usize
    }
    fn rank(self) -> u64 {
        (self >> PLACE_BITS) << PLACE_BITS
    }
}

impl Key for u128 {
    fn pack(rank: u64, place: usize) -> Self {
        (Self::from(rank) << 64) | place as Self
    }
    fn place(self) -> usize {
        self as u64 as usize
    }
    fn rank(self) -> u64 {
        (self >> 64) as u64
    }
}

/// Returns an integer that sorts as the number does, or in reverse if `descending`. Equal numbers
/// have equal integers. NaN is the largest number.
fn rank(x: f64, descending: bool) -> u64 {
    let x = if x.is_nan() { f64::NAN.abs() } else { x + 0.0 }; // -0 + 0 is 0.
    let bits = x.to_bits();
    // Negative numbers with larger bits are smaller.
    let rank = if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    };
    if descending { !rank } else { rank }
}

impl Lines {
    /// Returns the places of the chosen elements of each line, `(outer, chosen, inner)`. All but
    /// [`Pick::First`] need ascending order and lines that are not empty.
    pub(crate) fn pick<F: Float>(self, xs: &[F], descending: bool, pick: Pick) -> Vec<usize> {
        // A number in single precision and its place fit into 64 bits.
        if size_of::<F>() == 4 && self.len < 1 << PLACE_BITS {
            self.pick_by::<F, u64>(xs, descending, pick)
        } else {
            self.pick_by::<F, u128>(xs, descending, pick)
        }
    }

    fn pick_by<F: Float, K: Key>(self, xs: &[F], descending: bool, pick: Pick) -> Vec<usize> {
        let (Self { outer, len, inner }, k) = (self, pick.count());
        if outer * k * inner == 0 {
            return Vec::new();
        }
        // Adjacent lines are read together: their elements alternate in memory.
        let width = (GRAIN / len).clamp(1, inner);
        let bands = inner.div_ceil(width);
        let per_task = (GRAIN / (len * width)).max(1);
        let found = parallel::collect(outer * bands, per_task, &|task| {
            let mut places = Vec::new();
            let mut lines = vec![K::default(); width * len];
            for band in task {
                let (o, first) = (band / bands, band % bands * width);
                let width = width.min(inner - first);
                for j in 0..len {
                    let start = (o * len + j) * inner + first;
                    for (i, &x) in xs[start..start + width].iter().enumerate() {
                        lines[i * len + j] = K::pack(rank(x.to_f64(), descending), j);
                    }
                }
                for line in lines.chunks_exact_mut(len).take(width) {
                    pick.choose(line, &mut places);
                }
            }
            places
        });
        let by_line = found.concat();
        if inner == 1 {
            return by_line;
        }
        // From (outer, inner, k) to (outer, k, inner).
        let mut places = vec![0; by_line.len()];
        for (number, line) in by_line.chunks_exact(k).enumerate() {
            let (o, i) = (number / inner, number % inner);
            for (j, &place) in line.iter().enumerate() {
                places[(o * k + j) * inner + i] = place;
            }
        }
        places
    }
}
