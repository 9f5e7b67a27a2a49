//! The copies that tasks make before they sum: of padded planes, and of panels.

use super::planes::{Columns, Plan};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
use std::ops::Range;

/// Copies the elements that a band of a plan reads, for each channel of `source`, and zeros around
/// them. `copy` must have room for the channels and for a vector more.
// Kernels call this kernel: it would be compiled for itself wherever it is inlined.
pub(super) fn copy_planes<F: Float>(
    plan: &Plan,
    source: &[F],
    channels: Range<usize>,
    band: usize,
    copy: &mut [F],
) {
    dispatch(Copy {
        plan,
        source,
        channels,
        band,
        copy,
    });
}

/// The copy of the elements that a band reads.
struct Copy<'a, F> {
    plan: &'a Plan,
    source: &'a [F],
    channels: Range<usize>,
    band: usize,
    copy: &'a mut [F],
}

impl<F: Float> Kernel for Copy<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.all::<16>(),
            8 => self.all::<8>(),
            4 => self.all::<4>(),
            _ => self.all::<2>(),
        }
    }
}

impl<F: Float> Copy<'_, F> {
    #[inline(always)]
    fn all<const L: usize>(self) {
        let Self {
            plan,
            source,
            channels,
            band,
            copy,
        } = self;
        let starts = plan.outputs(band).map(|range| range.start as isize);
        let [z, y, x] = &plan.axes;
        let pixels = z.source * y.source * x.source;
        let columns: Vec<Columns> = x
            .phases
            .iter()
            .map(|&phase| plan.columns(phase, starts[2]))
            .collect();
        // The place of each row of a channel, if it is not in the padding.
        let mut rows = Vec::new();
        for &phase_z in &z.phases {
            for &phase_y in &y.phases {
                for columns in &columns {
                    for i in 0..plan.lengths[0] {
                        let at_z = z.place(phase_z, starts[0], i);
                        for j in 0..plan.lengths[1] {
                            let row = at_z.zip(y.place(phase_y, starts[1], j));
                            let place =
                                row.map(|(i, j)| (i * y.source + j) * x.source + columns.from);
                            rows.push((place, columns));
                        }
                    }
                }
            }
        }
        let len = plan.lengths[2];
        assert!(
            channels.end * pixels <= source.len()
                && channels.len() * rows.len() * len + L <= copy.len(),
            "a copy outside of its memory"
        );
        let mut to = copy.as_mut_ptr();
        for channel in channels {
            for &(place, columns) in &rows {
                // SAFETY: a row has `before`, `copied` and more elements up to `len`, and a vector
                // may reach `L` elements further, which is what was just checked.
                unsafe {
                    if let Some(place) = place {
                        zeros::<F, L>(to, columns.before);
                        let place = channel * pixels + place;
                        let target = to.add(columns.before);
                        copy_row::<F, L>(source, place, x.step, columns.copied, target);
                        let end = columns.before + columns.copied;
                        zeros::<F, L>(to.add(end), len - end);
                    } else {
                        zeros::<F, L>(to, len);
                    }
                    to = to.add(len);
                }
            }
        }
    }
}

/// Writes zeros, and at most `L - 1` more behind them.
///
/// # Safety
/// There must be room for `len + L - 1` elements.
#[inline(always)]
unsafe fn zeros<F: Float, const L: usize>(to: *mut F, len: usize) {
    let mut at = 0;
    while at < len {
        // SAFETY: guaranteed by the caller.
        unsafe { *to.add(at).cast::<[F; L]>() = [F::zero(); L] };
        at += L;
    }
}

/// Copies `len` elements of `source`, `step` apart, and overwrites at most `L - 1` elements behind
/// them.
///
/// # Safety
/// There must be room for `len + L - 1` elements.
#[inline(always)]
unsafe fn copy_row<F: Float, const L: usize>(
    source: &[F],
    place: usize,
    step: usize,
    len: usize,
    to: *mut F,
) {
    let mut at = 0;
    // Vectors are read whole if the source has so many elements, even those of the next row.
    if step == 1 {
        while at < len && place + at + L <= source.len() {
            // SAFETY: the source was just checked, the room is guaranteed by the caller.
            unsafe {
                let from = source.as_ptr().add(place + at);
                *to.add(at).cast::<[F; L]>() = *from.cast::<[F; L]>();
            }
            at += L;
        }
    } else if step == 2 {
        while at < len && place + 2 * (at + L) <= source.len() {
            // SAFETY: as above.
            unsafe {
                let from = source.as_ptr().add(place + 2 * at);
                let pair = [*from.cast::<[F; L]>(), *from.add(L).cast::<[F; L]>()];
                let mut even = [F::zero(); L];
                for l in 0..L / 2 {
                    even[l] = pair[0][2 * l];
                    even[L / 2 + l] = pair[1][2 * l];
                }
                *to.add(at).cast::<[F; L]>() = even;
            }
            at += L;
        }
    }
    while at < len {
        // SAFETY: as above.
        unsafe { *to.add(at) = source[place + at * step] };
        at += 1;
    }
}

/// Copies a panel: for each term, the vectors of all `moves`, from places in the padded planes to
/// lanes. They are in ascending order, and what one of them copies beyond the end of its run is
/// overwritten by the next.
#[inline(always)]
pub(super) fn copy_panel<F: Float, const L: usize>(
    planes: &[F],
    places: &[usize],
    moves: &[[usize; 2]],
    pitch: usize,
    panel: &mut [F],
) {
    let Some(&last) = places.iter().max() else {
        return;
    };
    let (mut place, mut lane) = (0, 0);
    for to in moves {
        (place, lane) = (place.max(to[0]), lane.max(to[1]));
    }
    assert!(
        last + place + L <= planes.len() && (places.len() - 1) * pitch + lane + L <= panel.len(),
        "a copy outside of its memory"
    );
    let mut row = panel.as_mut_ptr();
    for &place in places {
        // SAFETY: `place` is at most `last`.
        let from = unsafe { planes.as_ptr().add(place) };
        for &[place, lane] in moves {
            // SAFETY: the largest places are within both slices, as was just checked.
            unsafe { *row.add(lane).cast::<[F; L]>() = *from.add(place).cast::<[F; L]>() };
        }
        row = row.wrapping_add(pitch);
    }
}
