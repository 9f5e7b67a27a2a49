//! Losses of pairs and triplets whose target is a sign or an order: margin ranking, hinge
//! embedding, cosine embedding and triplet margin.

use crate::autograd::Tensor;
use crate::error::{Error, Interval, Result};
use crate::kernel::Float;
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, reduced_formula};
use crate::ops::reduce::norms::Norm;
use crate::tensor::with_dtype;
use cotangent_macros::elementwise;

/// # Losses
impl Tensor {
    /// Returns the mean of `max(0, -t (x - y))`, a scalar, for pairs of a score x of `self` and a
    /// score y. The target t is 1 if x should be the larger one, and -1 if y should be.
    /// [`MarginRankingLoss`] has a margin and other reductions.
    ///
    /// # Errors
    /// [`Error::Shape`] if the three tensors have different shapes or no elements, [`Error::DType`]
    /// if their dtypes differ, [`Error::Argument`] if a target is neither 1 nor -1.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (x, y) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// let loss = x.margin_ranking_loss(&y, &Tensor::from([1.0f32, 1.0]))?;
    /// assert_eq!(loss.item()?, 0.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn margin_ranking_loss(&self, other: &Self, target: &Self) -> Result<Self> {
        MarginRankingLoss::new().loss(self, other, target)
    }

    /// Returns the mean hinge loss of distances x, a scalar: x where the target is 1 (a similar
    /// pair), and `max(0, 1 - x)` where it is -1 (a dissimilar pair). [`HingeEmbeddingLoss`] has
    /// another margin and other reductions.
    ///
    /// # Errors
    /// As [`margin_ranking_loss`](Self::margin_ranking_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let distances = Tensor::from([0.5f32, 0.25]);
    /// let loss = distances.hinge_embedding_loss(&Tensor::from([1.0f32, -1.0]))?;
    /// assert_eq!(loss.item()?, 0.625);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn hinge_embedding_loss(&self, target: &Self) -> Result<Self> {
        HingeEmbeddingLoss::new().loss(self, target)
    }

    /// Returns the mean cosine loss of pairs of vectors `(…, features)`, a scalar. With the cosine
    /// c of their angle it is `1 - c` where the target `(…)` is 1 (a similar pair), and `max(0, c)`
    /// where it is -1. [`CosineEmbeddingLoss`] has a margin and other reductions.
    ///
    /// # Errors
    /// [`Error::Shape`] if the vectors have different shapes, the target has another shape than
    /// the vectors without their last axis, or there are no vectors; [`Error::DType`] if dtypes
    /// differ; [`Error::Argument`] if a target is neither 1 nor -1.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (x, y) = (Tensor::from([[3.0f64, 4.0]]), Tensor::from([[4.0f64, 3.0]]));
    /// let loss = x.cosine_embedding_loss(&y, &Tensor::from([1.0f64]))?;
    /// assert!((loss.item()? - 0.04).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cosine_embedding_loss(&self, other: &Self, target: &Self) -> Result<Self> {
        CosineEmbeddingLoss::new().loss(self, other, target)
    }

    /// Returns the mean triplet loss of vectors `(…, features)`, a scalar:
    /// `max(0, 1 + d(anchor, positive) - d(anchor, negative))` with the Euclidean distance d
    /// (Balntas, Riba, Ponsa, Mikolajczyk 2016, Learning Local Feature Descriptors with Triplets
    /// and Shallow Convolutional Neural Networks). `self` is the anchor. [`TripletMarginLoss`] has
    /// the options.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes differ, the vectors are scalars or there are none,
    /// [`Error::DType`] if dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let anchor = Tensor::from([[0.0f64, 0.0]]);
    /// let (near, far) = (Tensor::from([[3.0f64, 4.0]]), Tensor::from([[0.0f64, 5.5]]));
    /// let loss = anchor.triplet_margin_loss(&near, &far)?;
    /// assert!((loss.item()? - 0.5).abs() < 1e-5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn triplet_margin_loss(&self, positive: &Self, negative: &Self) -> Result<Self> {
        TripletMarginLoss::new().loss(self, positive, negative)
    }
}

options! {
    /// The ranking loss of pairs of scores, with a choice of the margin and the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (x, y) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// let loss = MarginRankingLoss::new().margin(0.5).reduction(Reduction::None);
    /// let losses = loss.loss(&x, &y, &Tensor::from([1.0f32, -1.0]))?;
    /// assert_eq!(losses.to_vec::<f32>()?, [1.5, 3.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct MarginRankingLoss;

    /// Creates the loss with a margin of 0; it returns the mean.
    pub fn new();

    /// Sets the difference of the scores from which on the loss is 0.
    pub fn margin(margin: f64 = 0.0);

    /// Sets the reduction of the losses.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl MarginRankingLoss {
    /// Returns `max(0, margin - t (x - y))` for scores x and y and targets t, reduced. The
    /// derivative at the kink is 0. No gradient flows to the target.
    ///
    /// # Errors
    /// As [`Tensor::margin_ranking_loss`]; [`Error::Argument`] if the margin is not finite.
    pub fn loss(&self, x: &Tensor, y: &Tensor, target: &Tensor) -> Result<Tensor> {
        let op = "margin_ranking_loss";
        expect_margin(op, self.margin)?;
        expect_one_shape(op, x, y)?;
        let target = signs(op, x, target)?;
        let formula = margin_ranking_loss::new(self.margin);
        reduced_formula(op, formula, [&x.sub(y)?, &target], self.reduction)
    }
}

options! {
    /// The hinge loss of distances, with a choice of the margin and the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let distances = Tensor::from([0.5f32, 0.25]);
    /// let loss = HingeEmbeddingLoss::new().margin(2.0).reduction(Reduction::None);
    /// let losses = loss.loss(&distances, &Tensor::from([1.0f32, -1.0]))?;
    /// assert_eq!(losses.to_vec::<f32>()?, [0.5, 1.75]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct HingeEmbeddingLoss;

    /// Creates the loss with a margin of 1; it returns the mean.
    pub fn new();

    /// Sets the distance from which on a dissimilar pair has no loss.
    pub fn margin(margin: f64 = 1.0);

    /// Sets the reduction of the losses.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl HingeEmbeddingLoss {
    /// Returns x where the target is 1 and `max(0, margin - x)` where it is -1, reduced. The
    /// derivative at the kink is 0. No gradient flows to the target.
    ///
    /// # Errors
    /// As [`Tensor::hinge_embedding_loss`]; [`Error::Argument`] if the margin is not finite.
    pub fn loss(&self, distances: &Tensor, target: &Tensor) -> Result<Tensor> {
        let op = "hinge_embedding_loss";
        expect_margin(op, self.margin)?;
        let target = signs(op, distances, target)?;
        let formula = hinge_embedding_loss::new(self.margin);
        reduced_formula(op, formula, [distances, &target], self.reduction)
    }
}

options! {
    /// The cosine loss of pairs of vectors, with a choice of the margin and the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (x, y) = (Tensor::from([[3.0f64, 4.0]]), Tensor::from([[4.0f64, 3.0]]));
    /// let loss = CosineEmbeddingLoss::new().margin(0.5);
    /// let loss = loss.loss(&x, &y, &Tensor::from([-1.0f64]))?;
    /// assert!((loss.item()? - 0.46).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct CosineEmbeddingLoss;

    /// Creates the loss with a margin of 0; it returns the mean.
    pub fn new();

    /// Sets the cosine, from -1 to 1, up to which other pairs have no loss.
    pub fn margin(margin: f64 = 0.0);

    /// Sets the reduction of the losses.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl CosineEmbeddingLoss {
    /// Returns `1 - c` where the target `(…)` is 1 and `max(0, c - margin)` where it is -1,
    /// reduced. c is the cosine of the angle between two vectors `(…, features)`, as
    /// [`cosine_similarity`](Tensor::cosine_similarity) with an epsilon of 1e-8 returns it. PyTorch
    /// adds 1e-12 to the squared norms instead. No gradient flows to the target.
    ///
    /// # Errors
    /// As [`Tensor::cosine_embedding_loss`]; [`Error::Argument`] if the margin is not finite.
    pub fn loss(&self, x: &Tensor, y: &Tensor, target: &Tensor) -> Result<Tensor> {
        let op = "cosine_embedding_loss";
        expect_margin(op, self.margin)?;
        expect_vectors(op, x)?;
        expect_one_shape(op, x, y)?;
        let distances = x.cosine_similarity(y, -1, 1e-8)?.neg().add_scalar(1.0);
        let target = signs(op, &distances, target)?;
        let formula = hinge_embedding_loss::new(1.0 - self.margin);
        reduced_formula(op, formula, [&distances, &target], self.reduction)
    }
}

options! {
    /// The triplet loss, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let anchor = Tensor::from([[0.0f64, 0.0]]);
    /// let (near, far) = (Tensor::from([[3.0f64, 4.0]]), Tensor::from([[0.0f64, 5.5]]));
    /// let loss = TripletMarginLoss::new().margin(2.0).norm(Norm::L1).loss(&anchor, &near, &far)?;
    /// assert!((loss.item()? - 3.5).abs() < 1e-5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct TripletMarginLoss;

    /// Creates the loss with a margin of 1, the Euclidean distance, an epsilon of 1e-6 and no swap;
    /// it returns the mean.
    pub fn new();

    /// Sets by how much the negative must be farther than the positive, for a loss of 0.
    pub fn margin(margin: f64 = 1.0);

    /// Sets the norm that measures distances.
    #[doc(alias = "p")]
    pub fn norm(norm: Norm = Norm::L2);

    /// Sets the number that is added to each difference, so that the Euclidean distance of equal
    /// vectors has a derivative.
    pub fn epsilon(epsilon: f64 = 1e-6);

    /// Takes the distance of positive and negative, if that is smaller than that of anchor and
    /// negative (Balntas, Riba, Ponsa, Mikolajczyk 2016).
    pub fn swap();

    /// Sets the reduction of the losses of the triplets.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl TripletMarginLoss {
    /// Returns `max(0, margin + d(anchor, positive) - d(anchor, negative))`, reduced, where
    /// `d(x, y)` is the norm of `x - y + epsilon` over the last axis. The three are
    /// `(…, features)`, the losses `(…)`. The derivative at the kink is 0.
    ///
    /// # Errors
    /// As [`Tensor::triplet_margin_loss`]; [`Error::Argument`] if the margin is not above 0 or not
    /// finite, or the epsilon is negative or not finite.
    pub fn loss(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Result<Tensor> {
        let op = "triplet_margin_loss";
        Interval::Above0.check(op, "margin", self.margin)?;
        Interval::AtLeast0.check(op, "epsilon", self.epsilon)?;
        expect_vectors(op, anchor)?;
        expect_one_shape(op, anchor, positive)?;
        expect_one_shape(op, anchor, negative)?;
        let distance = |x: &Tensor, y: &Tensor| {
            let difference = x.sub(y)?.add_scalar(self.epsilon);
            difference.norm_over(-1, self.norm)
        };
        let near = distance(anchor, positive)?;
        let mut far = distance(anchor, negative)?;
        if self.swap {
            far = far.minimum(&distance(positive, negative)?)?;
        }
        let one = far.constant_like(1.0);
        let formula = margin_ranking_loss::new(self.margin);
        reduced_formula(op, formula, [&far.sub(&near)?, &one], self.reduction)
    }
}

pub(crate) fn expect_margin(op: &'static str, margin: f64) -> Result<()> {
    if margin.is_finite() {
        return Ok(());
    }
    let reason = format!("the margin must be finite, found {margin}");
    Err(Error::argument(op, reason))
}

fn expect_vectors(op: &'static str, x: &Tensor) -> Result<()> {
    if x.rank() > 0 {
        return Ok(());
    }
    let reason = "expected vectors (…, features), found a scalar";
    Err(Error::shape(op, reason, &[x.shape()]))
}

/// Returns the target without its graph, if it has the shape and dtype of x and all elements are 1
/// or -1.
fn signs(op: &'static str, x: &Tensor, target: &Tensor) -> Result<Tensor> {
    expect_one_shape(op, x, target)?;
    let wrong = with_dtype!(x.dtype(), F => {
        let targets = &*target.array().contiguous::<F>();
        let place = targets.iter().position(|t| t.abs() != 1.0);
        place.map(|place| (place, Float::to_f64(targets[place])))
    });
    let Some((place, found)) = wrong else {
        return Ok(target.detach());
    };
    let reason = format!("expected targets of 1 or -1, found {found} at element {place}");
    Err(Error::argument(op, reason))
}

#[elementwise(kind = Loss, crate = "crate")]
#[derivative(difference = if margin - difference * sign > 0.0 { -sign } else { 0.0 })]
fn margin_ranking_loss(difference: Tensor, sign: Tensor, margin: f64) -> Tensor {
    let missing = margin - difference * sign;
    if missing < 0.0 { 0.0 } else { missing }
}

#[elementwise(kind = Loss, crate = "crate")]
#[derivative(distance = if sign > 0.0 {
    1.0
} else if margin - distance > 0.0 {
    -1.0
} else {
    0.0
})]
fn hinge_embedding_loss(distance: Tensor, sign: Tensor, margin: f64) -> Tensor {
    let missing = margin - distance;
    if sign > 0.0 {
        distance
    } else if missing < 0.0 {
        0.0
    } else {
        missing
    }
}
