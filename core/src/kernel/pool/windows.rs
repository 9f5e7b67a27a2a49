//! The geometry of sliding windows over planes of up to three axes.

use std::ops::Range;

/// The windows along one axis. Tap `t` of output `o` is at `o · stride - padding + t · dilation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// The number of inputs.
    pub len: usize,
    /// The number of outputs.
    pub outputs: usize,
    /// The number of taps of a window, or of the longest if they differ.
    pub taps: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
    /// Whether output `o` covers the inputs from ⌊o len / outputs⌋ to ⌈(o + 1) len / outputs⌉
    /// instead.
    pub adaptive: bool,
}

/// The window of one output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The place of tap 0, which may be in the padding.
    pub origin: isize,
    /// The first tap that is not in the padding.
    pub from: usize,
    /// The end of the taps that are not in the padding.
    pub to: usize,
}

impl Axis {
    /// An axis that is not pooled.
    pub(crate) const fn whole(len: usize) -> Self {
        Self {
            len,
            outputs: len,
            taps: 1,
            stride: 1,
            padding: 0,
            dilation: 1,
            adaptive: false,
        }
    }

    /// Returns the axis whose `outputs` windows together cover `len` inputs.
    pub(crate) fn adaptive(len: usize, outputs: usize) -> Self {
        if len.is_multiple_of(outputs) {
            let taps = len / outputs;
            return Self {
                len,
                outputs,
                taps,
                stride: taps,
                ..Self::whole(len)
            };
        }
        let taps = (0..outputs).map(|o| Self::bounds(len, outputs, o));
        Self {
            outputs,
            taps: taps.map(|range| range.len()).max().unwrap_or(0),
            adaptive: true,
            ..Self::whole(len)
        }
    }

    /// Returns the inputs of adaptive window `o`.
    fn bounds(len: usize, outputs: usize, o: usize) -> Range<usize> {
        // The products may exceed `usize`.
        let (length, o, outputs) = (len as u128, o as u128, outputs as u128);
        (o * length / outputs) as usize..((o + 1) * length).div_ceil(outputs) as usize
    }

    #[inline]
    pub(crate) fn window(&self, o: usize) -> Window {
        if self.adaptive {
            let range = Self::bounds(self.len, self.outputs, o);
            return Window {
                origin: range.start as isize,
                from: 0,
                to: range.len(),
            };
        }
        let start = o * self.stride;
        let from = self.padding.saturating_sub(start).div_ceil(self.dilation);
        let to = (self.len + self.padding).saturating_sub(start);
        Window {
            origin: start as isize - self.padding as isize,
            from,
            to: to.div_ceil(self.dilation).min(self.taps),
        }
    }

    /// Returns the outputs whose tap `t` is not in the padding. The axis is not adaptive.
    pub(crate) fn outputs_of(&self, t: usize) -> Range<usize> {
        let start = t * self.dilation;
        let first = self.padding.saturating_sub(start).div_ceil(self.stride);
        let end = (self.len + self.padding).saturating_sub(start);
        let end = end.div_ceil(self.stride).min(self.outputs);
        first.min(end)..end
    }
}

/// Windows over the last axes of `planes` equal planes. Missing axes are leading ones of length 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub planes: usize,
    pub axes: [Axis; 3],
}

impl Windows {
    pub(crate) fn inputs(&self) -> usize {
        self.axes.iter().map(|axis| axis.len).product()
    }

    pub(crate) fn outputs(&self) -> usize {
        self.axes.iter().map(|axis| axis.outputs).product()
    }

    pub(crate) fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.taps).product()
    }

    /// Returns the number of planes in one task.
    pub(crate) fn planes_per_task(&self, grain: usize) -> usize {
        (grain / self.inputs().max(self.outputs()).max(1)).max(1)
    }

    /// Returns, for each tap in order, its distance in a plane from tap 0 of the same window.
    pub(crate) fn offsets(&self) -> Vec<usize> {
        let [depth, height, width] = &self.axes;
        let mut offsets = Vec::with_capacity(self.taps());
        for d in 0..depth.taps {
            for h in 0..height.taps {
                let row = (d * depth.dilation * height.len + h * height.dilation) * width.len;
                offsets.extend((0..width.taps).map(|w| row + w * width.dilation));
            }
        }
        offsets
    }

    /// Calls `body(output, origin)` for each row of outputs of a plane: the number of its first
    /// output, and the place in the plane where tap 0 of the leading axes and input 0 of the last
    /// axis meet. It may lie outside the plane.
    #[inline(always)]
    pub(crate) fn rows(&self, mut body: impl FnMut(usize, isize)) {
        let [depth, height, width] = &self.axes;
        let mut output = 0;
        for d in 0..depth.outputs {
            let layer = depth.window(d).origin * height.len as isize;
            for h in 0..height.outputs {
                body(
                    output,
                    (layer + height.window(h).origin) * width.len as isize,
                );
                output += width.outputs;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_agree_with_every_tap() {
        let mut checked = 0;
        for len in 1..9usize {
            for (taps, stride) in [(1, 1), (2, 2), (3, 1), (3, 2), (2, 3), (5, 4)] {
                for (padding, dilation) in [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (3, 3)] {
                    let padded = len + 2 * padding;
                    let Some(room) = padded.checked_sub(dilation * (taps - 1) + 1) else {
                        continue;
                    };
                    // One more output may reach beyond the end.
                    for outputs in [room / stride + 1, room.div_ceil(stride) + 1] {
                        let axis = Axis {
                            len,
                            outputs,
                            taps,
                            stride,
                            padding,
                            dilation,
                            adaptive: false,
                        };
                        let inside = |o: usize, t: usize| {
                            let place = (o * stride + t * dilation).checked_sub(padding);
                            place.is_some_and(|place| place < len)
                        };
                        for o in 0..outputs {
                            let window = axis.window(o);
                            for t in 0..taps {
                                let found = (window.from..window.to).contains(&t);
                                assert_eq!(found, inside(o, t), "{axis:?} {o} {t}");
                                assert_eq!(axis.outputs_of(t).contains(&o), inside(o, t));
                            }
                            checked += 1;
                        }
                    }
                }
            }
        }
        assert!(checked > 500);
    }

    #[test]
    fn adaptive_windows_cover_the_axis() {
        for len in 1..12 {
            for outputs in 1..15 {
                let axis = Axis::adaptive(len, outputs);
                let mut end = 0;
                for o in 0..outputs {
                    let window = axis.window(o);
                    let (start, stop) = (o * len / outputs, ((o + 1) * len).div_ceil(outputs));
                    assert_eq!(window.origin, start as isize, "{len} {outputs}");
                    assert_eq!((window.from, window.to), (0, stop - start));
                    assert!(start <= end && window.to <= axis.taps);
                    end = stop;
                }
                assert_eq!(end, len);
            }
        }
    }
}
