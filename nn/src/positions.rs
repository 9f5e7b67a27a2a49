//! Positions in a sequence: learnt and sinusoidal vectors that are added, and rotations.

use crate::init::{self, Init};
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{DType, Error, Result, RotaryPairs, Tensor};
use cotangent_macros::Module;

/// Checks that the positions from `first` on are in a table, and returns the end.
fn end_of(op: &'static str, x: &Tensor, first: usize, table: &[usize]) -> Result<usize> {
    let (count, features) = (table[0], table[1]);
    let fits = x.rank() >= 2 && x.shape()[x.rank() - 1] == features;
    if !fits {
        let reason = format!("expected input (…, time, {features})");
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    let time = x.shape()[x.rank() - 2];
    let end = first.saturating_add(time);
    if end > count {
        let reason = format!("expected at most {count} positions, found {time} from {first} on");
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    Ok(end)
}

/// Adds a learnt vector to each position of a sequence.
///
/// Input and output (…, time, features), with at most as many positions as the table has. The
/// weight is (positions, features). It is drawn normal with the standard deviation 0.02.
///
/// Source: Gehring, Auli, Grangier, Yarats, Dauphin 2017, Convolutional Sequence to Sequence
/// Learning; the standard deviation is that of Radford et al. 2018, Improving Language
/// Understanding by Generative Pre-Training.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::LearntPositions;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let positions = LearntPositions::new(128, 32, &mut rng)?;
/// let words = Tensor::zeros([2, 10, 32], DType::F32)?;
/// let y = positions.predict(&words)?;
/// // The eleventh word of a sequence that is continued:
/// let next = Tensor::zeros([2, 1, 32], DType::F32)?;
/// let y = positions.forward_from(&next, 10, &Pass::inference())?;
/// assert_eq!(y.shape(), [2, 1, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "PositionEmbedding")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct LearntPositions {
    /// The table, (positions, features).
    pub weight: Param,
}

impl LearntPositions {
    /// Creates a table for `count` positions.
    ///
    /// # Errors
    /// Those of [`with_weight`](Self::with_weight).
    pub fn new(count: usize, features: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::with_weight(count, features, init::normal(0.02), rng)
    }

    /// Creates a table for `count` positions, drawn by the given initializer.
    ///
    /// # Errors
    /// [`Error::Argument`] if `count` or `features` is 0, and the errors of [`Init::draw`].
    pub fn with_weight(
        count: usize,
        features: usize,
        init: Init,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        if count == 0 || features == 0 {
            let reason =
                format!("expected count and features above 0, found {count} and {features}");
            return Err(Error::argument("learnt_positions", reason));
        }
        let weight = init.draw(&[count, features], rng)?;
        Ok(Self {
            weight: Param::new(&weight),
        })
    }

    /// Computes the output for positions from `first` on.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input is not (…, time, features) or has positions beyond the table,
    /// [`Error::DType`] if the dtypes of input and weight differ.
    pub fn forward_from(&self, x: &Tensor, first: usize, pass: &Pass) -> Result<Tensor> {
        self.added(x, first, pass)
            .map_err(|error| error.placed_in(self))
    }

    fn added(&self, x: &Tensor, first: usize, pass: &Pass) -> Result<Tensor> {
        let end = end_of("learnt_positions", x, first, self.weight.shape())?;
        x.add(&self.weight.read(pass).narrow(0, first, end - first)?)
    }
}

impl Layer for LearntPositions {
    /// # Errors
    /// Returns the errors of [`LearntPositions::forward_from`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.added(x, 0, pass)
    }
}

/// Adds sines and cosines of the position to each position of a sequence.
///
/// Input and output (…, time, features), with an even number of features. Feature 2i gets `sin(p /
/// 10000^(2i / features))` at position p, and feature 2i + 1 the cosine. Nothing is trained.
///
/// Source: Vaswani et al. 2017, Attention Is All You Need.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::SinusoidalPositions;
///
/// let positions = SinusoidalPositions::new(100, 4)?;
/// let y = positions.predict(&Tensor::zeros([1, 2, 4], DType::F64)?)?.to_vec::<f64>()?;
/// assert_eq!(y[..4], [0.0, 1.0, 0.0, 1.0]);
/// assert!((y[4] - 1f64.sin()).abs() < 1e-15 && (y[7] - 0.01f64.cos()).abs() < 1e-15);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "PositionalEncoding")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct SinusoidalPositions {
    /// (positions, features), `f64`.
    #[module(skip)]
    table: Tensor,
}

/// The wavelengths are from 2π to this times 2π.
const BASE: f64 = 10_000.0;

/// Returns the angles of each position, `p / base^(2i / width)`, in rows of width / 2.
fn angles(count: usize, width: usize, base: f64) -> impl Iterator<Item = f64> {
    let frequency = move |pair: usize| base.powf(-2.0 * pair as f64 / width as f64);
    (0..count).flat_map(move |p| (0..width / 2).map(move |pair| p as f64 * frequency(pair)))
}

/// Checks the sizes of a table of angles.
fn check(op: &'static str, count: usize, features: usize) -> Result<()> {
    if count == 0 || features == 0 || !features.is_multiple_of(2) {
        let reason = format!(
            "expected positions above 0 and an even width above 0, found {count} and {features}"
        );
        return Err(Error::argument(op, reason));
    }
    Ok(())
}

impl SinusoidalPositions {
    /// Creates a table for `count` positions.
    ///
    /// # Errors
    /// [`Error::Argument`] if `count` is 0 or `features` is not even or 0, [`Error::Shape`] if the
    /// table has too many elements.
    pub fn new(count: usize, features: usize) -> Result<Self> {
        check("sinusoidal_positions", count, features)?;
        let mut angles = angles(count, features, BASE);
        let mut cosine = None;
        let table = Tensor::from_fn([count, features], DType::F64, || {
            if let Some(cosine) = cosine.take() {
                return cosine;
            }
            let (sine, next) = angles.next().unwrap_or_default().sin_cos();
            cosine = Some(next);
            sine
        })?;
        Ok(Self { table })
    }

    /// Computes the output for positions from `first` on.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input is not (…, time, features) or has positions beyond the table.
    pub fn forward_from(&self, x: &Tensor, first: usize) -> Result<Tensor> {
        let end = end_of("sinusoidal_positions", x, first, self.table.shape())?;
        let table = self.table.narrow(0, first, end - first)?;
        x.add(&table.to_dtype(x.dtype()))
    }
}

impl Layer for SinusoidalPositions {
    /// # Errors
    /// Returns the errors of [`SinusoidalPositions::forward_from`].
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        self.forward_from(x, 0)
    }
}

/// Rotates pairs of elements of queries and keys by angles that grow with the position, so that
/// their scalar products depend on the distance of the positions.
///
/// Input and output (…, time, width), with an even width. Pair i is rotated by
/// `p / 10000^(2i / width)` at position p. Give it to
/// [`MultiHeadAttentionBuilder::rotary`](crate::MultiHeadAttentionBuilder::rotary).
///
/// Source: Su, Lu, Pan, Murtadha, Wen, Liu 2021, RoFormer: Enhanced Transformer with Rotary
/// Position Embedding.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::Rotary;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let rotary = Rotary::new(128, 8)?;
/// let attention = MultiHeadAttention::builder(32, 4).causal().rotary(&rotary).build(&mut rng)?;
/// assert_eq!(attention.predict(&Tensor::ones([2, 10, 32], DType::F32)?)?.shape(), [2, 10, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "RotaryPositionalEmbeddings")]
#[doc(alias = "RoPE")]
#[derive(Clone, Debug)]
pub struct Rotary {
    /// Cosines and sines, (positions, width / 2), `f64`.
    tables: [Tensor; 2],
    pairs: RotaryPairs,
}

impl Rotary {
    /// Creates the rotations for `count` positions and heads of `width` elements.
    ///
    /// # Errors
    /// Those of [`with_base`](Self::with_base).
    pub fn new(count: usize, width: usize) -> Result<Self> {
        Self::with_base(count, width, BASE)
    }

    /// As [`new`](Self::new), with another base than 10000. A larger one suits longer contexts.
    ///
    /// # Errors
    /// [`Error::Argument`] if `count` is 0, `width` is not even or 0, or `base` is not finite and
    /// above 0; [`Error::Shape`] if the tables have too many elements.
    pub fn with_base(count: usize, width: usize, base: f64) -> Result<Self> {
        check("rotary", count, width)?;
        cotangent_core::Interval::Above0.check("rotary", "base", base)?;
        let table = |function: fn(f64) -> f64| {
            let mut angles = angles(count, width, base);
            let value = || function(angles.next().unwrap_or_default());
            Tensor::from_fn([count, width / 2], DType::F64, value)
        };
        Ok(Self {
            tables: [table(f64::cos)?, table(f64::sin)?],
            pairs: RotaryPairs::default(),
        })
    }

    /// Sets which elements form a pair. Default: neighbours, as in the paper. Use
    /// [`RotaryPairs::Halves`] for weights of Hugging Face's transformers.
    #[must_use]
    pub fn pairs(mut self, pairs: RotaryPairs) -> Self {
        self.pairs = pairs;
        self
    }

    /// Returns the width of the rows that it rotates.
    pub fn width(&self) -> usize {
        2 * self.tables[0].shape()[1]
    }

    /// Rotates the rows of x (…, time, width), which are the positions from `first` on.
    ///
    /// # Errors
    /// [`Error::Shape`] if the width differs or a position is beyond the table.
    pub fn rotate(&self, x: &Tensor, first: usize) -> Result<Tensor> {
        let end = end_of(
            "rotary",
            x,
            first,
            &[self.tables[0].shape()[0], self.width()],
        )?;
        let part = |table: &Tensor| {
            let rows = table.narrow(0, first, end - first)?;
            Ok::<_, Error>(rows.to_dtype(x.dtype()))
        };
        x.rotary(&part(&self.tables[0])?, &part(&self.tables[1])?, self.pairs)
    }
}
