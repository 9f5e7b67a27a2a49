//! The places of true values.

use crate::kernel::threads::parallel::{self, GRAIN, Shared};

/// True values, counted by pieces.
pub(crate) struct Places<'a> {
    mask: &'a [bool],
    /// How many values are true up to the end of each piece.
    ends: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(mask: &'a [bool]) -> Self {
        let mut ends = parallel::collect(mask.len(), GRAIN, &|range| {
            mask[range].iter().filter(|&&value| value).count()
        });
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        Self { mask, ends }
    }

    /// Returns how many values are true.
    pub(crate) fn count(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Writes the places of true values, as many as there are, in order.
    pub(crate) fn write(&self, out: &mut [usize]) {
        assert_eq!(out.len(), self.count(), "places of all true values");
        let out = Shared::of(out);
        parallel::ranges(self.mask.len(), GRAIN, &|range| {
            let piece = range.start / GRAIN;
            let start = piece.checked_sub(1).map_or(0, |before| self.ends[before]);
            // SAFETY: each piece of the mask has its own range of the places, which follows on that
            // of the piece before, and `out` is borrowed until the call ends.
            let out = unsafe { out.piece(start..self.ends[piece]) };
            write_piece(range.start, &self.mask[range], out);
        });
    }
}

/// Writes the places of true values, of which the first has this place.
fn write_piece(first: usize, mask: &[bool], out: &mut [usize]) {
    const BLOCK: usize = 256;
    let mut done = 0;
    for (block, mask) in mask.chunks(BLOCK).enumerate() {
        // Each place is written, and stays if the value is true. That needs no branch.
        let (mut places, mut count) = ([0; BLOCK], 0);
        for (place, &value) in (first + block * BLOCK..).zip(mask) {
            places[count] = place;
            count += usize::from(value);
        }
        out[done..done + count].copy_from_slice(&places[..count]);
        done += count;
    }
}
