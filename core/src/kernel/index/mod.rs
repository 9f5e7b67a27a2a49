//! Kernels for indexing: they take, add up or overwrite slices and elements by their index, check
//! indices, and search sorted rows.

pub(crate) mod places;
pub(crate) mod rows;
pub(crate) mod search;
pub(crate) mod write;

use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel::{self, GRAIN};

/// Returns whether each index is below the bound or the exception.
pub(crate) fn are_within(indices: &[usize], bound: usize, except: Option<usize>) -> bool {
    let pieces = parallel::collect(indices.len(), GRAIN, &|range| {
        dispatch(Within {
            indices: &indices[range],
            bound,
            except: except.unwrap_or(0),
            has_exception: except.is_some(),
        })
    });
    pieces.into_iter().all(|is_within| is_within)
}

/// Returns whether each index is above the one before it.
pub(crate) fn are_ascending(indices: &[usize]) -> bool {
    let pieces = parallel::collect(indices.len(), GRAIN, &|range| {
        let before = range.start.saturating_sub(1);
        dispatch(Ascending(&indices[before..range.end]))
    });
    pieces.into_iter().all(|is_ascending| is_ascending)
}

struct Ascending<'a>(&'a [usize]);

impl Kernel for Ascending<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        let mut ascend = true;
        for (index, next) in self.0.iter().zip(&self.0[self.0.len().min(1)..]) {
            ascend &= index < next;
        }
        ascend
    }
}

struct Within<'a> {
    indices: &'a [usize],
    bound: usize,
    except: usize,
    has_exception: bool,
}

impl Kernel for Within<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        // A loop that ends at the first wrong index is not vectorized.
        let mut wrong = false;
        for &index in self.indices {
            wrong |= index >= self.bound && !(self.has_exception && index == self.except);
        }
        !wrong
    }
}
