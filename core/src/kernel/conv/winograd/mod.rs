//! Sums over 3×3 taps by Winograd's minimal filtering, for `f32`: 16 products instead of 36 for
//! each channel and 2×2 outputs (Lavin, Gray 2016, Fast Algorithms for Convolutional Neural
//! Networks).
//!
//! A tile of 2×2 outputs reads 4×4 elements. Elements and weights are transformed by sums along
//! both axes, multiplied, summed over the channels, and transformed back. Since neighbouring tiles
//! are two elements apart, the padded planes are split by even and odd places, so that neighbouring
//! tiles read neighbours.

pub(super) mod four;
mod products;
pub(super) mod sums;
pub(super) mod weights;

use super::copies::{copy_panel, copy_planes};
use super::planes::{AxisPlan, Plan};
use super::tile::VECTORS;
use super::{Axis, Geometry};
use crate::kernel::float::Float;
use std::marker::PhantomData;
use std::ops::Range;

/// Products for each tile and channel.
pub(super) const PRODUCTS: usize = 16;
/// The fewest channels, of the source and of the result, for which the transforms pay.
const LEAST_CHANNELS: usize = 12;

/// The sizes of sums over 3×3 taps, one axis by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Channels of the source in a group.
    pub channels: usize,
    /// Channels of the result in a group.
    pub rows: usize,
    pub groups: usize,
    /// Samples.
    pub images: usize,
    /// The lengths of the source, the zeros before it, and the lengths of the result.
    axes: [[usize; 3]; 2],
}

/// Whether fewer products can pay for elements `F`, as a constant: else the compiler drops the code
/// before it compiles it.
pub(super) struct Pays<F>(PhantomData<F>);

impl<F> Pays<F> {
    pub(super) const YES: bool = size_of::<F>() == 4;
}

impl Sizes {
    /// Returns the sizes if a plan's sums have this form and enough channels.
    pub(super) fn of<F>(
        plan: &Plan,
        [channels, rows]: [usize; 2],
        groups: usize,
        images: usize,
    ) -> Option<Self> {
        let [z, y, x] = &plan.axes;
        let is_flat = z.source == 1 && z.results == 1 && z.parts[0].taps.len() == 1;
        let axis = |axis: &AxisPlan| {
            let before = usize::try_from(-axis.low).ok()?;
            let has_three = axis.is_dense() && axis.parts[0].taps.len() == 3 && axis.reach == 2;
            has_three.then_some([axis.source, before, axis.results])
        };
        let axes = [axis(y)?, axis(x)?];
        let pays = Pays::<F>::YES && channels.min(rows) >= LEAST_CHANNELS;
        (is_flat && pays).then_some(Self {
            channels,
            rows,
            groups,
            images,
            axes,
        })
    }

    /// Returns the number of elements of a channel of the source.
    fn pixels(&self) -> usize {
        self.axes[0][0] * self.axes[1][0]
    }

    /// Returns the number of images that a task computes together: as many as fill a panel.
    pub(super) fn together<F>(&self, plan: &Plan) -> usize {
        let widest = VECTORS * 64 / size_of::<F>();
        if plan.bands() > 1 {
            return 1;
        }
        let tiles: usize = plan.outputs(0).iter().map(Range::len).product();
        (widest / tiles).clamp(1, self.images)
    }

    /// Returns the plan that reads 4×4 elements for each tile.
    pub(super) fn plan(&self) -> Plan {
        let [y, x] = self.axes.map(|[len, padding, results]| Axis {
            len,
            outputs: results.div_ceil(2),
            taps: 4,
            stride: 2,
            padding,
            dilation: 1,
        });
        Plan::convolution(&Geometry {
            batch: 1,
            groups: 1,
            inputs: 1,
            outputs: 1,
            axes: [Axis::MISSING, y, x],
        })
    }
}

/// Tiles of a row that are neighbours in a panel.
struct Run {
    lane: usize,
    /// The number of the image and group.
    image: usize,
    row: usize,
    column: usize,
    len: usize,
}

/// The tiles of a band of some images of a group, and how their elements are read.
struct Band<'a> {
    sizes: &'a Sizes,
    plan: &'a Plan,
    /// The number of the first image and group. The others are `groups` apart.
    image: usize,
    images: usize,
    /// The tiles along each axis.
    rows: Range<usize>,
    columns: Range<usize>,
    /// The place of each of the 4×4 elements of the first tile in a channel's planes.
    shifts: [usize; PRODUCTS],
    /// The channels that are read, and the elements of their planes of an image.
    channels: Range<usize>,
    image_planes: usize,
}

/// Some tiles of a band.
#[derive(Default)]
struct Panel {
    runs: Vec<Run>,
    /// The vectors that are copied: from places in the planes to lanes.
    moves: Vec<[usize; 2]>,
    /// The place of each vector whose tiles are neighbours, so that nothing is copied.
    whole: Vec<Option<usize>>,
}

impl<'a> Band<'a> {
    fn new(
        sizes: &'a Sizes,
        plan: &'a Plan,
        band: usize,
        [image, images]: [usize; 2],
        channels: Range<usize>,
    ) -> Self {
        let [_, rows, columns] = plan.outputs(band);
        let mut shifts = [0; PRODUCTS];
        let [z, y, x] = plan.axes.each_ref().map(|axis| &axis.parts[0].taps);
        for i in 0..4 {
            for j in 0..4 {
                shifts[i * 4 + j] = plan.shift([&z[0], &y[i], &x[j]]);
            }
        }
        Self {
            sizes,
            plan,
            image,
            images,
            rows,
            columns,
            shifts,
            image_planes: channels.len() * plan.channel(),
            channels,
        }
    }

    /// Returns the number of tiles.
    fn tiles(&self) -> usize {
        self.images * self.rows.len() * self.columns.len()
    }

    /// Copies the elements that the band reads to padded planes, which have room for `planes`
    /// elements.
    fn copy<F: Float>(&self, band: usize, source: &[F], planes: &mut [F]) {
        let len = self.sizes.channels * self.sizes.pixels();
        for i in 0..self.images {
            let image = self.image + i * self.sizes.groups;
            let source = &source[image * len..][..len];
            let planes = &mut planes[i * self.image_planes..];
            let channels = self.channels.clone();
            copy_planes(self.plan, source, channels, band, planes);
        }
    }

    /// Returns the elements of the planes of all images, with room for vectors behind them.
    fn planes<const L: usize>(&self) -> usize {
        self.image_planes * self.images + VECTORS * L
    }

    /// Finds tiles, by their numbers in order.
    fn find<const L: usize>(&self, tiles: Range<usize>, panel: &mut Panel) {
        let Panel { runs, moves, whole } = panel;
        runs.clear();
        moves.clear();
        whole.clear();
        whole.resize(tiles.len().div_ceil(L), None);
        let [height, width] = [self.rows.len(), self.columns.len()];
        let mut lane = 0;
        while lane < tiles.len() {
            let tile = tiles.start + lane;
            let (image, row, column) =
                (tile / (height * width), tile / width % height, tile % width);
            let len = (width - column).min(tiles.len() - lane);
            let place = image * self.image_planes + row * self.plan.lengths[2] + column;
            if lane.is_multiple_of(L) {
                (0..len / L).for_each(|v| whole[lane / L + v] = Some(place + v * L));
            }
            for at in (0..len).step_by(L) {
                if whole[(lane + at) / L].is_none() || !lane.is_multiple_of(L) {
                    moves.push([place + at, lane + at]);
                }
            }
            runs.push(Run {
                lane,
                image: self.image + image * self.sizes.groups,
                row: self.rows.start + row,
                column: self.columns.start + column,
                len,
            });
            lane += len;
        }
    }

    /// Transforms the elements of a panel: (products, channels, lanes), of which there are `width`.
    /// `copies` has room for `PRODUCTS + 1` rows of `width` elements.
    #[inline(always)]
    fn transform<F: Float, const L: usize>(
        &self,
        planes: &[F],
        panel: &Panel,
        width: usize,
        copies: &mut [F],
        elements: &mut [F],
    ) {
        let mut steps = [0; PRODUCTS];
        (0..PRODUCTS).for_each(|k| steps[k] = k * width);
        let stride = self.channels.len() * width;
        for channel in 0..self.channels.len() {
            let planes = &planes[channel * self.plan.channel()..];
            copy_panel::<F, L>(planes, &self.shifts, &panel.moves, width, copies);
            let to = &mut elements[channel * width..];
            for (v, &whole) in panel.whole.iter().enumerate() {
                let (from, places) = match whole {
                    Some(place) => (&planes[place..], &self.shifts),
                    None => (&copies[v * L..], &steps),
                };
                transform_elements::<F, L>(from, places, &mut to[v * L..], stride);
            }
        }
    }
}

/// Transforms the elements of a vector of tiles, whose 4×4 elements are at `places`. The rows of
/// the result are `stride` apart.
#[inline(always)]
fn transform_elements<F: Float, const L: usize>(
    from: &[F],
    places: &[usize; PRODUCTS],
    to: &mut [F],
    stride: usize,
) {
    let last = places.iter().max().map_or(0, |last| last + L);
    assert!(
        last <= from.len() && (PRODUCTS - 1) * stride + L <= to.len(),
        "a vector outside of its memory"
    );
    let mut x = [[F::zero(); L]; PRODUCTS];
    for k in 0..PRODUCTS {
        // SAFETY: just checked.
        x[k] = unsafe { *from.as_ptr().add(places[k]).cast::<[F; L]>() };
    }
    // Along the columns of the 4×4 elements, then along the rows.
    let mut columns = [[F::zero(); L]; PRODUCTS];
    for j in 0..4 {
        for l in 0..L {
            columns[j][l] = x[j][l] - x[8 + j][l];
            columns[4 + j][l] = x[4 + j][l] + x[8 + j][l];
            columns[8 + j][l] = x[8 + j][l] - x[4 + j][l];
            columns[12 + j][l] = x[4 + j][l] - x[12 + j][l];
        }
    }
    for i in 0..4 {
        let mut row = [[F::zero(); L]; 4];
        let c = 4 * i;
        for l in 0..L {
            row[0][l] = columns[c][l] - columns[c + 2][l];
            row[1][l] = columns[c + 1][l] + columns[c + 2][l];
            row[2][l] = columns[c + 2][l] - columns[c + 1][l];
            row[3][l] = columns[c + 1][l] - columns[c + 3][l];
        }
        for j in 0..4 {
            // SAFETY: checked above.
            unsafe { *to.as_mut_ptr().add((c + j) * stride).cast::<[F; L]>() = row[j] };
        }
    }
}
