//! Distances between vectors: pair by pair, and between all pairs of two lists.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch, sum_to_shape};
use crate::error::{Error, Result};
use crate::kernel::reduce::distance::{Order, Pairs};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::ops::elementwise::arithmetic;
use crate::ops::reduce::norms::{self, Norm, norm_of};
use crate::tensor::{Array, Axes, Element, Shape, broadcast_shapes, with_dtype};
use smallvec::smallvec;

/// # Reductions
impl Tensor {
    /// Returns the distances between vectors, `‖self - other‖` along the last axis, broadcast:
    /// `(…, n)` becomes `(…)`. Where two vectors are equal, first and second derivatives are 0.
    ///
    /// PyTorch adds an epsilon of 1e-6 to each difference, since its derivatives could be NaN
    /// without. [`cdist`](Self::cdist) computes the distances between all pairs.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not broadcast or have no axes, [`Error::DType`] if the
    /// dtypes differ, and as [`norm`](Self::norm) if the vectors are empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[3.0f32, 4.0], [1.0, 1.0]]);
    /// let distances = x.pairwise_distance(&Tensor::from([0.0f32, 0.0]), Norm::L1)?;
    /// assert_eq!(distances.to_vec::<f32>()?, [7.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn pairwise_distance(&self, other: &Self, norm: Norm) -> Result<Self> {
        let op = "pairwise_distance";
        Tensor::expect_one_dtype(op, &[("self", Some(self)), ("other", Some(other))])?;
        let shape = broadcast_shapes(op, self.shape(), other.shape())?;
        if shape.is_empty() {
            let reason = "expected vectors along the last axis";
            return Err(Error::shape(op, reason, &[self.shape(), other.shape()]));
        }
        shape.reserve(op, self.dtype())?;
        let axes = Axes::from(-1).resolve(op, &shape)?;
        norm_of(op, &arithmetic::minus(self, other), norm, axes)
    }

    /// Returns the distances between all pairs of vectors: `(…, m, n)` and `(…, k, n)` become
    /// `(…, m, k)`. Axes in front are broadcast. The differences are not stored, except while
    /// backward is recorded.
    ///
    /// All distances are sums over differences. PyTorch computes large Euclidean ones as
    /// `√(‖x‖² + ‖y‖² - 2 x·y)`, which loses the digits of small distances. Where two vectors are
    /// equal, first and second derivatives are 0. For [`Norm::LInf`] elements of equal size share
    /// the gradient evenly; in PyTorch each gets all of it.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are fewer than two axes, the vectors have different lengths or the
    /// other axes do not broadcast, [`Error::DType`] if the dtypes differ, and as
    /// [`norm`](Self::norm) if the vectors are empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[0.0f32, 0.0], [3.0, 4.0]]);
    /// let distances = x.cdist(&x, Norm::L2)?;
    /// assert_eq!(distances.to_vec::<f32>()?, [0.0, 5.0, 5.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cdist(&self, other: &Self, norm: Norm) -> Result<Self> {
        let op = "cdist";
        Tensor::expect_one_dtype(op, &[("self", Some(self)), ("other", Some(other))])?;
        let shapes = [self.shape(), other.shape()];
        let ([x_batch @ .., rows, width], [y_batch @ .., columns, y_width]) =
            (shapes[0], shapes[1])
        else {
            let reason = "expected vectors (…, vectors, length) on both sides";
            return Err(Error::shape(op, reason, &shapes));
        };
        if width != y_width {
            let reason = format!("vectors of length {width} and {y_width}");
            return Err(Error::shape(op, reason, &shapes));
        }
        let order = norm.order(op, *width, &shapes)?;
        let batch = broadcast_shapes(op, x_batch, y_batch)?;
        let with = |rest: [usize; 2]| batch.iter().copied().chain(rest).collect::<Shape>();
        let result = with([*rows, *columns]);
        for shape in [&result, &with([*rows, *width]), &with([*columns, *width])] {
            shape.reserve(op, self.dtype())?;
        }
        let count = batch.iter().product();
        let lists = |x: &Self, len: usize| {
            let wide = stretch(x, &with([len, *width]));
            wide.reshaped(Shape::from([count, len, *width]))
        };
        let (x, y) = (lists(self, *rows), lists(other, *columns));
        Ok(distances(order, &x, &y).reshaped(result))
    }
}

/// Computes the distances between the vectors of x (lists, rows, width) and y (lists, columns,
/// width).
fn distances(order: Order, x: &Tensor, y: &Tensor) -> Tensor {
    let shape = Shape::from([x.shape()[0], x.shape()[1], y.shape()[1]]);
    let output = Tensor::from(with_dtype!(x.dtype(), F => {
        each_list::<F>(order, x, y, shape, &|pairs, _, out| pairs.distances(out))
    }));
    Tensor::from_op(output.clone(), &[x, y], || Distances {
        order,
        x: x.clone(),
        y: y.clone(),
        output,
    })
}

/// A function of the pairs of a list, the number of the list, and its part of the result.
type OnPairs<'f, F> = dyn Fn(Pairs<F>, usize, &mut [F]) + Sync + 'f;

/// Builds an array of this shape. Calls `compute` for each list with its pairs, its number and its
/// part of the result.
fn each_list<F: Element>(
    order: Order,
    x: &Tensor,
    y: &Tensor,
    shape: Shape,
    compute: &OnPairs<F>,
) -> Array {
    let &[_, rows, width] = x.shape() else {
        return Array::full(x.dtype(), shape, 0.0);
    };
    let columns = y.shape()[1];
    let size = shape[1] * shape[2];
    let transposed = y.detach().permuted(&[0, 2, 1]);
    let [xs, ys, by_axis] = [x, y, &transposed].map(|tensor| tensor.array().contiguous::<F>());
    let [xs, ys, by_axis] = [&*xs, &*ys, &*by_axis];
    Array::build::<F>(shape, |out| {
        if rows * width * columns == 0 {
            out.fill(F::default());
            return;
        }
        let one = |list: usize, out: &mut [F]| {
            let of_y = list * columns * width..(list + 1) * columns * width;
            let pairs = Pairs {
                order,
                width,
                xs: &xs[list * rows * width..(list + 1) * rows * width],
                ys: &ys[of_y.clone()],
                by_axis: &by_axis[of_y],
            };
            compute(pairs, list, out);
        };
        // Large lists are split by their rows.
        let work = rows * columns * width;
        if work >= GRAIN {
            for (list, out) in out.chunks_exact_mut(size).enumerate() {
                one(list, out);
            }
        } else {
            parallel::chunks_mut(out, GRAIN / work * size, &|start, out| {
                for (i, out) in out.chunks_exact_mut(size).enumerate() {
                    one(start / size + i, out);
                }
            });
        }
    })
}

/// Saves the vectors and the distances.
struct Distances {
    order: Order,
    x: Tensor,
    y: Tensor,
    output: Tensor,
}

impl Distances {
    /// Computes the gradient of x.
    fn pull<F: Element>(&self, [x, y, distances, g]: [&Tensor; 4]) -> Tensor {
        let [distances, g] = [distances, g].map(|tensor| tensor.array().contiguous::<F>());
        let size = x.shape()[1] * y.shape()[1];
        let shape = x.array().shape().clone();
        each_list::<F>(self.order, x, y, shape, &|pairs, list, out| {
            let own = list * size..(list + 1) * size;
            pairs.pullback(&distances[own.clone()], &g[own], out);
        })
        .into()
    }

    /// Computes both gradients by the differences of all pairs, recorded.
    fn recorded(&self, g: &Tensor, context: &Vjp) -> Cotangents {
        let (x, y) = (context.saved(&self.x), context.saved(&self.y));
        let with_axis = |tensor: &Tensor, axis: usize| {
            let mut shape = tensor.shape().to_vec();
            shape.insert(axis, 1);
            tensor.reshaped(Shape::from(&shape[..]))
        };
        let (x, y) = (with_axis(&x, 2), with_axis(&y, 1));
        let differences = arithmetic::minus(&x, &y);
        let distances = with_axis(&context.output(&self.output), 3);
        let slopes = norms::slopes(self.order, &differences, &distances, &with_axis(g, 3));
        let summed = |onto: &Tensor, like: &Tensor| {
            sum_to_shape(&slopes, onto.array().shape()).reshaped(like.array().shape().clone())
        };
        smallvec![
            context.wants(0).then(|| summed(&x, &self.x)),
            context.wants(1).then(|| summed(&y, &self.y).neg()),
        ]
    }
}

impl Op for Distances {
    fn name(&self) -> &'static str {
        "cdist"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return Ok(self.recorded(&cotangent, context));
        }
        let [x, y] = [&self.x, &self.y].map(Tensor::detach);
        let of_x = [&x, &y, &self.output, &cotangent];
        let dx = (context.wants(0)).then(|| with_dtype!(x.dtype(), F => self.pull::<F>(of_x)));
        let dy = context.wants(1).then(|| {
            let turned = [&self.output, &cotangent].map(|tensor| tensor.permuted(&[0, 2, 1]));
            let of_y = [&y, &x, &turned[0], &turned[1]];
            with_dtype!(x.dtype(), F => self.pull::<F>(of_y))
        });
        Ok(smallvec![dx, dy])
    }
}
