//! Arrays, the operands of kernels: shared storage and a layout.

use super::contiguous::Contiguous;
use super::element::{Element, with_dtype};
use super::layout::Layout;
use super::storage::{Storage, room};
use crate::kernel::elementwise::formula::OPERANDS;
use crate::kernel::elementwise::loops::{AllLoops, Choose, Loops, Wanted};
use crate::kernel::elementwise::sweep;
use crate::kernel::elementwise::{map, produced};
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::strided::{View, scatter};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::kernel::{Float, Map, Tier, Update};
use crate::shape::{DType, Shape};
use smallvec::SmallVec;

/// Shared, immutable storage and the layout of the elements in it. Cloning shares the storage.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(super) storage: Storage,
    pub layout: Layout,
}

impl Array {
    /// Creates an array whose row-major elements `fill` writes. It must write all of them: their
    /// values are unspecified before.
    #[track_caller]
    pub(crate) fn build<F: Element>(shape: Shape, fill: impl FnOnce(&mut [F])) -> Self {
        let mut fill = Some(fill);
        Self::build_with(shape, &mut |out| {
            if let Some(fill) = fill.take() {
                fill(out);
            }
        })
    }

    #[track_caller]
    #[inline]
    fn build_with<F: Element>(shape: Shape, fill: &mut dyn FnMut(&mut [F])) -> Self {
        let mut array = Self {
            storage: Storage::new(F::DTYPE, shape.element_count()),
            layout: Layout::row_major(shape),
        };
        let elements = array.storage.get_mut();
        fill(elements.expect("nothing else holds new storage"));
        array
    }

    /// Creates an array whose elements have unspecified values, to be written.
    #[track_caller]
    pub(crate) fn unfilled(dtype: DType, shape: Shape) -> Self {
        with_dtype!(dtype, F => Self::build::<F>(shape, |_| {}))
    }

    #[track_caller]
    pub(crate) fn full(dtype: DType, shape: Shape, value: f64) -> Self {
        with_dtype!(dtype, F => Self::build::<F>(shape, |out| out.fill(F::from_f64(value))))
    }

    #[track_caller]
    pub(crate) fn from_slice<F: Element>(shape: Shape, values: &[F]) -> Self {
        Self::build::<F>(shape, |out| out.copy_from_slice(values))
    }

    pub(crate) fn dtype(&self) -> DType {
        self.storage.dtype()
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.layout.shape
    }

    pub(crate) fn len(&self) -> usize {
        self.layout.shape.element_count()
    }

    /// Returns the same storage with another layout, which must stay inside it.
    pub(crate) fn with_layout(&self, layout: Layout) -> Self {
        Self {
            storage: self.storage.clone(),
            layout,
        }
    }

    pub(crate) fn broadcast_to(&self, shape: &Shape) -> Self {
        self.with_layout(self.layout.broadcast_to(shape))
    }

    #[inline(always)]
    pub(crate) fn view<F: Element>(&self) -> View<'_, F> {
        View {
            data: self.storage.as_slice::<F>(),
            offset: self.layout.offset,
            strides: &self.layout.strides,
            shape: &self.layout.shape,
        }
    }

    /// Returns the elements as a slice if they are in row-major order in memory.
    #[inline]
    fn as_slice<F: Element>(&self) -> Option<&[F]> {
        self.view::<F>().as_slice()
    }

    /// Returns the elements in row-major order, copied if they have another order in memory.
    #[inline]
    #[track_caller]
    pub(crate) fn contiguous<F: Element>(&self) -> Contiguous<'_, F> {
        match self.as_slice() {
            Some(elements) => Contiguous::own(elements),
            None => Contiguous::copy(self.copied().storage),
        }
    }

    /// Returns this array if its elements are in row-major order, else a copy that is.
    #[track_caller]
    pub(crate) fn to_row_major(&self) -> Self {
        if self.layout.is_row_major() {
            return self.clone();
        }
        self.copied()
    }

    /// Copies the elements in row-major order.
    #[track_caller]
    pub(super) fn copied(&self) -> Self {
        with_dtype!(self.dtype(), F => {
            Self::build::<F>(self.shape().clone(), |out| self.copy_to(out))
        })
    }

    /// Copies the elements to a slice of their number, in row-major order.
    pub(crate) fn copy_to<F: Element>(&self, out: &mut [F]) {
        let (data, layout) = (self.storage.as_slice::<F>(), self.layout.collapsed());
        let view = View {
            data,
            ..layout.view()
        };
        parallel::chunks_mut(out, view.piece_len(GRAIN), &|start, out| {
            view.gather(start, out);
        });
    }

    /// Creates an array of `shape` that has these elements where `window`, a layout within it, sees
    /// them, and `value` elsewhere.
    #[track_caller]
    pub(crate) fn embedded(&self, shape: Shape, window: &Layout, value: f64) -> Self {
        let window = window.collapsed();
        with_dtype!(self.dtype(), F => {
            let xs = &*self.contiguous::<F>();
            Self::build::<F>(shape, |out| {
                out.fill(F::from_f64(value));
                scatter(xs, &window.view(), out);
            })
        })
    }

    /// Creates a copy of this array with the elements of `source` where `window`, a part of the
    /// row-major layout, sees them.
    #[track_caller]
    pub(crate) fn replaced(&self, window: &Layout, source: &Self) -> Self {
        let window = window.collapsed();
        with_dtype!(self.dtype(), F => {
            let xs = &*source.contiguous::<F>();
            Self::build::<F>(self.shape().clone(), |out| {
                self.copy_to(out);
                scatter(xs, &window.view(), out);
            })
        })
    }

    #[track_caller]
    pub(crate) fn to_vec<F: Element>(&self) -> Vec<F> {
        let mut values = room(self.len());
        if let Some(slice) = self.as_slice::<F>() {
            values.extend_from_slice(slice);
        } else {
            values.resize(self.len(), F::default());
            self.view::<F>().gather(0, &mut values);
        }
        values
    }

    /// Returns the elements, converted to `f64`, in row-major order.
    #[track_caller]
    pub(crate) fn to_f64_vec(&self) -> Vec<f64> {
        with_dtype!(self.dtype(), F => {
            let xs = self.contiguous::<F>();
            let mut values = room(self.len());
            values.extend(xs.iter().map(|x| x.to_f64()));
            values
        })
    }

    #[track_caller]
    pub(crate) fn to_dtype(&self, dtype: DType) -> Self {
        if dtype == self.dtype() {
            return self.clone();
        }
        with_dtype!(self.dtype(), F => with_dtype!(dtype, G => {
            let xs = &*self.contiguous::<F>();
            Self::build::<G>(self.shape().clone(), |out| {
                for (out, x) in out.iter_mut().zip(xs) {
                    *out = G::from_f64(x.to_f64());
                }
            })
        }))
    }

    /// Returns the elements for writing if nothing else holds the storage and the array is
    /// row-major and covers all of it.
    pub(crate) fn get_mut<F: Element>(&mut self) -> Option<&mut [F]> {
        if !self.layout.is_row_major() || self.layout.offset != 0 {
            return None;
        }
        let len = self.len();
        let slice = self.storage.get_mut::<F>()?;
        (slice.len() == len).then_some(slice)
    }

    /// Returns the elements for writing; the array becomes a copy if
    /// [`get_mut`](Self::get_mut) returns none.
    #[track_caller]
    pub(crate) fn elements_mut<F: Element>(&mut self) -> &mut [F] {
        if self.get_mut::<F>().is_none() {
            *self = self.copied();
        }
        self.get_mut().expect("nothing else holds a new array")
    }

    /// Returns matrix number `index`, in row-major order, of this stack of matrices (the last two
    /// axes).
    pub(crate) fn matrix<F: Element>(&self, index: usize) -> Matrix<'_, F> {
        self.layout.matrix(self.storage.as_slice::<F>(), index)
    }

    /// Applies `map` to the elements of arrays of one dtype that broadcast to `shape`.
    #[track_caller]
    pub(crate) fn map<const N: usize, M: Map<N>>(
        map: M,
        inputs: [&Self; N],
        shape: &Shape,
    ) -> Self {
        if inputs.iter().any(|input| input.shape() != shape) {
            let stretched = inputs.map(|input| input.broadcast_to(shape));
            return Self::map(map, stretched.each_ref(), shape);
        }
        with_dtype!(inputs[0].dtype(), F => {
            let mut views = [View::<F>::EMPTY; N];
            for k in 0..N {
                views[k] = inputs[k].view::<F>();
            }
            Self::build_with::<F>(shape.clone(), &mut |out| map::map(map, &views, out))
        })
    }

    /// Replaces each element by `update` of it and the elements of `args`, which have the same
    /// shape and dtype: in place if nothing else holds the storage.
    pub(crate) fn update<const N: usize, U: Update<1, N>>(&mut self, update: U, args: [&Self; N]) {
        if args.iter().any(|arg| !arg.layout.is_row_major()) {
            let args = args.map(Self::to_row_major);
            return self.update(update, args.each_ref());
        }
        with_dtype!(self.dtype(), F => {
            let mut slices: [&[F]; N] = [&[]; N];
            for k in 0..N {
                slices[k] = args[k].as_slice().expect("the arguments are in order");
            }
            if let Some(state) = self.get_mut::<F>() {
                map::update(update, [state], slices);
                return;
            }
            let xs = &*self.contiguous::<F>();
            *self = Self::build::<F>(self.shape().clone(), |out| {
                map::updated(update, xs, slices, out);
            });
        });
    }

    /// Computes a formula for operands of one dtype that broadcast to `shape`.
    #[track_caller]
    pub(crate) fn formula(loops: &dyn AllLoops, operands: &[&Self], shape: &Shape) -> Self {
        if operands.iter().any(|operand| operand.shape() != shape) {
            let stretched = stretched(operands, shape);
            return Self::formula(
                loops,
                &stretched.iter().collect::<SmallVec<[_; 3]>>(),
                shape,
            );
        }
        with_dtype!(operands[0].dtype(), F => {
            if operands.iter().all(|operand| operand.layout.is_row_major()) {
                let slices = operands.iter().filter_map(|x| x.as_slice::<F>());
                let slices: SmallVec<[&[F]; 3]> = slices.collect();
                return Self::build_with::<F>(shape.clone(), &mut |out| {
                    sweep::value_of_slices(F::choose(loops), &slices, out);
                });
            }
            let views: Views<'_, F> = operands.iter().map(|x| Some(x.view::<F>())).collect();
            Self::build_with::<F>(shape.clone(), &mut |out| {
                sweep::value(F::choose(loops), &views, out);
            })
        })
    }

    /// Computes the sums of a formula over the axes for which `reduced` is true, for operands that
    /// broadcast to `shape`. The result has the shape `kept`.
    #[track_caller]
    pub(crate) fn sum_of_formula(
        loops: &dyn AllLoops,
        operands: &[&Self],
        shape: &Shape,
        reduced: &[bool],
        kept: &Shape,
    ) -> Self {
        let axes = |which: bool| (0..shape.len()).filter(move |&axis| reduced[axis] == which);
        let last = (0..shape.len()).rev().find(|&axis| shape[axis] != 1);
        let in_rows = last.is_none_or(|axis| reduced[axis]);
        let order: SmallVec<[usize; 4]> = axes(!in_rows).chain(axes(in_rows)).collect();
        let len: usize = axes(true).map(|axis| shape[axis]).product();
        let ordered = |x: Self| x.with_layout(x.layout.permute(&order));
        let stretched: Arrays = stretched(operands, shape)
            .into_iter()
            .map(ordered)
            .collect();
        with_dtype!(operands[0].dtype(), F => {
            let views: Views<'_, F> = stretched.iter().map(|x| Some(x.view::<F>())).collect();
            let loops = F::choose(loops);
            let produce = |start: usize, out: &mut [F]| {
                sweep::value_from(loops, &views, start, out);
            };
            Self::build_with::<F>(kept.clone(), &mut |out| if in_rows {
                produced::rows(&produce, len, out);
            } else {
                produced::columns(&produce, len, out);
            })
        })
    }

    /// Computes the cotangents of one operand of a formula, or of all, into as many arrays of one
    /// shape. The first one is the cotangent of the formula's result. It is replaced in place if
    /// nothing else holds its storage. The others have storage of their own.
    pub(crate) fn pullback(
        arrays: &mut [&mut Self],
        loops: &dyn AllLoops,
        wanted: Wanted,
        operands: &[Option<&Self>],
        result: Option<&Self>,
    ) {
        let shape = arrays[0].shape();
        let differs = |operand: &&Self| operand.shape() != shape;
        if operands.iter().flatten().any(differs) {
            let stretch = |x: &&Self| x.broadcast_to(shape);
            let operands: SmallVec<[Option<Self>; 3]> =
                operands.iter().map(|x| x.as_ref().map(stretch)).collect();
            let operands: SmallVec<[Option<&Self>; 3]> =
                operands.iter().map(Option::as_ref).collect();
            return Self::pullback(arrays, loops, wanted, &operands, result);
        }
        with_dtype!(arrays[0].dtype(), F => {
            let cotangent = arrays[0].get_mut::<F>().is_none().then(|| {
                let new = Self::unfilled(F::DTYPE, arrays[0].shape().clone());
                std::mem::replace(&mut *arrays[0], new)
            });
            let mut out: [&mut [F]; OPERANDS] = Default::default();
            let count = arrays.len();
            for (out, array) in out.iter_mut().zip(arrays) {
                *out = array.get_mut::<F>().expect("nothing else holds it");
            }
            let (loops, out) = (F::choose(loops), &mut out[..count]);
            let cotangent = cotangent.as_ref();
            if out[0].len() > GRAIN
                || !Self::small_pullback(loops, wanted, cotangent, operands, result, out)
            {
                let views: Views<'_, F> =
                    operands.iter().map(|x| x.map(Self::view::<F>)).collect();
                let result = result.map(Self::view::<F>);
                let cotangent = cotangent.map(Self::view::<F>);
                sweep::pullback(loops, wanted, cotangent.as_ref(), &views, result.as_ref(), out);
            }
        });
    }

    /// Computes cotangents of few elements on this thread. Does nothing and returns false if an
    /// operand is not in order.
    fn small_pullback<F: Element>(
        loops: &dyn Loops<F>,
        wanted: Wanted,
        cotangent: Option<&Self>,
        operands: &[Option<&Self>],
        result: Option<&Self>,
        out: &mut [&mut [F]],
    ) -> bool {
        let mut slices: [Option<&[F]>; OPERANDS] = [None; OPERANDS];
        for (slice, operand) in slices.iter_mut().zip(operands) {
            *slice = operand.and_then(Self::as_slice);
            if slice.is_none() && operand.is_some() {
                return false;
            }
        }
        let own = result.and_then(Self::as_slice);
        // Any numbers for what is not needed.
        let Some(known) = slices.iter().flatten().copied().next().or(own) else {
            return false;
        };
        if own.is_none() && result.is_some() {
            return false;
        }
        if let Some(cotangent) = cotangent {
            let Some(elements) = cotangent.as_slice() else {
                return false;
            };
            out[0].copy_from_slice(elements);
        }
        let slices = slices.map(|slice| slice.unwrap_or(known));
        let (tier, result) = (Tier::current(), own.unwrap_or(known));
        loops.pullback(tier, wanted, &slices[..operands.len()], result, out);
        true
    }
}

pub(crate) type Arrays = SmallVec<[Array; 3]>;
type Views<'a, F> = SmallVec<[Option<View<'a, F>>; 3]>;

fn stretched(operands: &[&Array], shape: &Shape) -> Arrays {
    operands
        .iter()
        .map(|operand| operand.broadcast_to(shape))
        .collect()
}
