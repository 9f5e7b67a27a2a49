//! Windows: views that select some of a tensor's elements, each at most once, and their transpose,
//! which writes elements back among zeros. Slicing, flipping, padding and diagonals are windows.
//! Assignment by copy writes elements among those of another tensor.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::tensor::{Array, DType, Layout, Shape, Span};
use smallvec::{SmallVec, smallvec};

/// A selection of elements.
#[derive(Clone, Debug)]
pub(crate) enum Window {
    /// The elements inside all spans; other axes are selected whole.
    Spans(SmallVec<[Span; 1]>),
    /// The diagonal of the last two axes on which the column number exceeds the row number by this.
    Diagonal(isize),
}

impl Window {
    fn of(&self, layout: &Layout) -> Layout {
        match self {
            Self::Spans(spans) => spans.iter().fold(layout.clone(), |layout, span| {
                layout.slice(span.axis, span.start, span.len, span.step)
            }),
            Self::Diagonal(offset) => layout.diagonal(*offset),
        }
    }
}

impl Shape {
    /// Returns the shape of a window that fits this one.
    pub(super) fn seen_through(&self, window: &Window) -> Self {
        window.of(&Layout::row_major(self.clone())).shape
    }
}

impl From<Span> for Window {
    fn from(span: Span) -> Self {
        Self::Spans(smallvec![span])
    }
}

impl FromIterator<Span> for Window {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        Self::Spans(spans.into_iter().collect())
    }
}

impl Tensor {
    /// Returns the view of a window that fits this tensor, recorded under the name `op`.
    pub(crate) fn seen_through(&self, op: &'static str, window: impl Into<Window>) -> Self {
        let window = window.into();
        let view = self.array().with_layout(window.of(&self.array().layout));
        Self::from_op(view.into(), &[self], || Seen {
            op,
            window,
            from: self.array().shape().clone(),
        })
    }

    /// Creates a tensor of `shape` that has this tensor's elements where `window` selects, and
    /// `value` elsewhere. The window must have this tensor's shape.
    pub(crate) fn put_behind(
        &self,
        op: &'static str,
        window: impl Into<Window>,
        shape: Shape,
        value: f64,
    ) -> Self {
        let window = window.into();
        let seen = window.of(&Layout::row_major(shape.clone()));
        let output = self.array().embedded(shape, &seen, value);
        Self::from_op(output.into(), &[self], || Put { op, window })
    }

    /// Returns this tensor with `source` where a window that fits it selects.
    pub(crate) fn replaced(
        &self,
        op: &'static str,
        window: impl Into<Window>,
        source: &Self,
    ) -> Self {
        let window = window.into();
        let seen = window.of(&Layout::row_major(self.array().shape().clone()));
        let output = self.array().replaced(&seen, source.array());
        Self::from_op(output.into(), &[self, source], || Replaced {
            op,
            window,
            source: source.array().shape().clone(),
        })
    }

    /// Replaces the first elements of each axis by those of `source`.
    pub(crate) fn with_corner(&self, op: &'static str, source: &Self) -> Self {
        self.replaced(op, corner(source.shape()), source)
    }

    /// Returns a constant of any shape that takes no memory.
    pub(in crate::ops) fn constant_of(shape: &Shape, value: f64, dtype: DType) -> Self {
        Array::full(dtype, Shape::default(), value)
            .broadcast_to(shape)
            .into()
    }

    /// Narrows each axis to its first elements, as many as `shape` says.
    pub(crate) fn cropped(&self, op: &'static str, shape: &[usize]) -> Self {
        if self.shape() == shape {
            return self.clone();
        }
        self.seen_through(op, corner(shape))
    }
}

/// Returns the window of the first elements of each axis, as many as `shape` says.
fn corner(shape: &[usize]) -> Window {
    let axes = shape.iter().enumerate();
    axes.map(|(axis, &len)| Span {
        axis,
        start: 0,
        len,
        step: 1,
    })
    .collect()
}

struct Seen {
    op: &'static str,
    window: Window,
    from: Shape,
}

impl Op for Seen {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let (window, shape) = (self.window.clone(), self.from.clone());
        Ok(smallvec![Some(
            cotangent.put_behind(self.op, window, shape, 0.0)
        )])
    }
}

struct Put {
    op: &'static str,
    window: Window,
}

impl Op for Put {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(
            cotangent.seen_through(self.op, self.window.clone())
        )])
    }
}

struct Replaced {
    op: &'static str,
    window: Window,
    source: Shape,
}

impl Op for Replaced {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let window = || self.window.clone();
        let zeros = || Tensor::constant_of(&self.source, 0.0, cotangent.dtype());
        let rest = (context.wants(0)).then(|| cotangent.replaced(self.op, window(), &zeros()));
        let source = (context.wants(1)).then(|| cotangent.seen_through(self.op, window()));
        Ok(smallvec![rest, source])
    }
}
