//! Padded copies of planes, in which every tap of a window is one shift.
//!
//! A convolution with stride s reads element `o s + k d - p` for output o and tap k. The elements
//! of one remainder modulo s form a plane of their own (a phase), in which the element is at
//! `o + shift`. So strides and dilations are in the shifts, and outputs that are neighbours read
//! neighbours. In the transpose the results are split by their remainders instead, and each part
//! has the taps that reach it.

use super::{Axis, Geometry};
use std::ops::Range;

/// How sums read their source along an axis.
#[derive(Clone, Debug)]
pub(super) struct AxisPlan {
    /// The length of the source.
    pub source: usize,
    /// The distance in the source between neighbours of a phase.
    pub(super) step: usize,
    /// The remainders of the phases that are read.
    pub(super) phases: Vec<usize>,
    /// The place in its phase of the first element of a padded phase.
    pub low: isize,
    /// The largest shift.
    pub reach: usize,
    /// The length of the result.
    pub results: usize,
    /// The distance in the result between neighbours of a part.
    pub out_step: usize,
    pub parts: Vec<AxisPart>,
}

/// The results with one remainder.
#[derive(Clone, Debug)]
pub(super) struct AxisPart {
    pub count: usize,
    pub taps: Vec<Tap>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    pub tap: usize,
    /// The index of the phase.
    pub phase: usize,
    /// The place of output 0's element in its padded phase.
    pub shift: usize,
}

impl AxisPlan {
    /// Returns the plan of a convolution.
    fn convolution(axis: &Axis) -> Self {
        let place = |tap: usize| (tap * axis.dilation) as isize - axis.padding as isize;
        let stride = axis.stride as isize;
        let mut phases: Vec<usize> = (0..axis.taps)
            .map(|tap| place(tap).rem_euclid(stride) as usize)
            .collect();
        phases.sort_unstable();
        phases.dedup();
        let low = place(0).div_euclid(stride);
        let taps: Vec<Tap> = (0..axis.taps)
            .map(|tap| {
                let phase = place(tap).rem_euclid(stride) as usize;
                Tap {
                    tap,
                    phase: phases.iter().position(|&p| p == phase).unwrap_or(0),
                    shift: (place(tap).div_euclid(stride) - low) as usize,
                }
            })
            .collect();
        Self {
            source: axis.len,
            step: axis.stride,
            phases,
            low,
            reach: taps.iter().map(|tap| tap.shift).max().unwrap_or(0),
            results: axis.outputs,
            out_step: 1,
            parts: vec![AxisPart {
                count: axis.outputs,
                taps,
            }],
        }
    }

    /// Returns the plan of the transpose.
    fn transpose(axis: &Axis) -> Self {
        let stride = axis.stride as isize;
        let remainders = axis.stride.min(axis.len);
        let place = |remainder: usize, tap: usize| {
            (remainder + axis.padding) as isize - (tap * axis.dilation) as isize
        };
        // The shift of each tap of each part, counted from the element of output 0.
        let shifts = |remainder: usize| {
            let reaching = move |&tap: &usize| place(remainder, tap).rem_euclid(stride) == 0;
            let taps = (0..axis.taps).filter(reaching);
            taps.map(move |tap| (tap, place(remainder, tap) / stride))
        };
        let low = (0..remainders)
            .flat_map(shifts)
            .map(|(_, shift)| shift)
            .min();
        let low = low.unwrap_or(0);
        let parts: Vec<AxisPart> = (0..remainders)
            .map(|remainder| AxisPart {
                count: (axis.len - remainder).div_ceil(axis.stride),
                taps: shifts(remainder)
                    .map(|(tap, shift)| Tap {
                        tap,
                        phase: 0,
                        shift: (shift - low) as usize,
                    })
                    .collect(),
            })
            .collect();
        let taps = parts.iter().flat_map(|part| &part.taps);
        Self {
            source: axis.outputs,
            step: 1,
            phases: vec![0],
            low,
            reach: taps.map(|tap| tap.shift).max().unwrap_or(0),
            results: axis.len,
            out_step: axis.stride,
            parts,
        }
    }

    /// Returns whether neighbouring results read neighbours of the source.
    pub(super) fn is_dense(&self) -> bool {
        self.step == 1 && self.out_step == 1
    }

    /// Returns the largest number of outputs of a part.
    pub(super) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.count).max().unwrap_or(0)
    }
}

/// How sums read their source: padded planes of a band of the outputs.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub axes: [AxisPlan; 3],
    /// The axis along which the outputs are cut into bands.
    band_axis: usize,
    /// The outputs of a band along this axis.
    pub band: usize,
    /// The lengths of a padded phase.
    pub lengths: [usize; 3],
}

impl Plan {
    /// Returns the plan of a convolution, with a single band.
    pub(super) fn convolution(geometry: &Geometry) -> Self {
        Self::new(geometry.axes.each_ref().map(AxisPlan::convolution))
    }

    /// Returns the plan of the transpose, with a single band.
    pub(super) fn transpose(geometry: &Geometry) -> Self {
        Self::new(geometry.axes.each_ref().map(AxisPlan::transpose))
    }

    fn new(axes: [AxisPlan; 3]) -> Self {
        let band_axis = axes.iter().position(|axis| axis.count() > 1).unwrap_or(2);
        let band = axes[band_axis].count();
        let mut plan = Self {
            axes,
            band_axis,
            band,
            lengths: [0; 3],
        };
        plan.cut(band);
        plan
    }

    /// Sets the outputs of a band.
    pub(super) fn cut(&mut self, band: usize) {
        self.band = band.max(1);
        for (i, axis) in self.axes.iter().enumerate() {
            let count = if i == self.band_axis {
                self.band
            } else {
                axis.count()
            };
            self.lengths[i] = count + axis.reach;
        }
    }

    /// Returns the elements that each output of a band adds to a channel's copy.
    pub(super) fn row(&self) -> usize {
        self.channel() / self.lengths[self.band_axis]
    }

    /// Returns the elements of a channel's copy: those of its phases.
    pub(super) fn channel(&self) -> usize {
        let phases: usize = self.axes.iter().map(|axis| axis.phases.len()).product();
        phases * self.lengths.iter().product::<usize>()
    }

    /// Returns whether a copy would be the source itself.
    pub(super) fn is_source(&self) -> bool {
        let axes = self.axes.iter().zip(self.lengths);
        self.bands() == 1
            && axes.fold(true, |all, (axis, len)| {
                all && axis.step == 1
                    && axis.phases == [0]
                    && (axis.low, axis.reach) == (0, 0)
                    && axis.source == len
            })
    }

    /// Returns the number of bands.
    pub(super) fn bands(&self) -> usize {
        self.axes[self.band_axis].count().div_ceil(self.band)
    }

    /// Returns the outputs of a band along each axis. Those of a part may be fewer.
    pub(super) fn outputs(&self, band: usize) -> [Range<usize>; 3] {
        [0, 1, 2].map(|i| {
            let count = self.axes[i].count();
            if i == self.band_axis {
                band * self.band..((band + 1) * self.band).min(count)
            } else {
                0..count
            }
        })
    }

    /// Returns the shift of a tap in a channel's copy.
    pub(super) fn shift(&self, taps: [&Tap; 3]) -> usize {
        let phases = self.axes.iter().zip(taps);
        let phase = phases.fold(0, |place, (axis, tap)| {
            place * axis.phases.len() + tap.phase
        });
        let lengths = self.lengths.iter().zip(taps);
        lengths.fold(phase, |place, (len, tap)| place * len + tap.shift)
    }

    /// Returns what is copied of each row of a phase.
    pub(super) fn columns(&self, phase: usize, start: isize) -> Columns {
        let (axis, len) = (&self.axes[2], self.lengths[2]);
        let first = start + axis.low;
        // The elements of the phase are numbered from 0.
        let elements = axis.source.saturating_sub(phase).div_ceil(axis.step);
        let before = first.min(0).unsigned_abs().min(len);
        let skipped = first.max(0) as usize;
        let copied = elements.saturating_sub(skipped).min(len - before);
        Columns {
            before,
            copied,
            from: if copied > 0 {
                phase + skipped * axis.step
            } else {
                0
            },
        }
    }
}

/// The part of a row that is copied.
pub(super) struct Columns {
    /// The zeros before it.
    pub before: usize,
    pub copied: usize,
    /// The place of its first element in the source's row.
    pub from: usize,
}

impl AxisPlan {
    /// Returns the place in the source of element `i` of a padded phase, if it is not padding.
    #[inline(always)]
    pub(super) fn place(&self, phase: usize, start: isize, i: usize) -> Option<usize> {
        let place = (start + self.low + i as isize) * self.step as isize + phase as isize;
        usize::try_from(place)
            .ok()
            .filter(|&place| place < self.source)
    }
}
