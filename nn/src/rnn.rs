//! The simple recurrent layer: one step, and the steps of a whole sequence.

use crate::init::{self, Init};
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

const OP: &str = "rnn";

/// One step of a recurrent network (Elman 1990, Finding Structure in Time): from the input x
/// (batch, in) and the state h (batch, hidden) the next state, also (batch, hidden),
///
/// `h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)`
///
/// The leaves are those of PyTorch's `RNNCell`; the two biases always have the same gradient. The
/// input weight starts Glorot uniform, the recurrent weight orthogonal and the biases 0, as in
/// Keras; PyTorch draws all four from ±1/√hidden, which is [`RnnCellBuilder::pytorch_default`].
///
/// Over many steps a gradient is multiplied by the recurrent weight again and again: it dies out if
/// the largest singular value is below 1, and may grow without bound if it is above (Pascanu,
/// Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks). An orthogonal
/// weight starts where all are 1. Clipping the gradients' global norm bounds the step.
///
/// ```
/// use cotangent::{DType, Tensor, module::Pass};
/// use cotangent::nn::RnnCell;
/// # use cotangent::random::{ChaCha8Rng, SeedableRng};
/// # let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let cell = RnnCell::new(3, 8, &mut rng)?;
/// let (x, h) = (Tensor::ones([5, 3], DType::F32)?, Tensor::zeros([5, 8], DType::F32)?);
/// assert_eq!(cell.step(&x, &h, &Pass::train(0))?.shape(), [5, 8]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct RnnCell {
    /// W_ih, (hidden, in).
    pub weight_ih: Param,
    /// W_hh, (hidden, hidden).
    pub weight_hh: Param,
    /// b_ih, (hidden).
    pub bias_ih: Option<Param>,
    /// b_hh, (hidden).
    pub bias_hh: Option<Param>,
    #[module(skip)]
    activation: fn(&Tensor) -> Tensor,
}

impl RnnCell {
    /// A cell with biases, tanh and default initialization.
    ///
    /// # Errors
    /// As [`RnnCellBuilder::build`].
    pub fn new(in_features: usize, hidden: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(in_features, hidden).build(rng)
    }

    /// A cell with choices.
    pub fn builder(in_features: usize, hidden: usize) -> RnnCellBuilder {
        RnnCellBuilder {
            in_features,
            hidden,
            activation: Tensor::tanh,
            input_weight: init::glorot_uniform(),
            recurrent_weight: init::orthogonal(),
            bias: Some(init::constant(0.0)),
        }
    }

    /// The next state, (batch, hidden), from the input (batch, in) and the state (batch, hidden).
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if a dtype is not the weights'.
    pub fn step(&self, x: &Tensor, h: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.next(x, h, pass).map_err(|error| error.placed_in(self))
    }

    fn next(&self, x: &Tensor, h: &Tensor, pass: &Pass) -> Result<Tensor> {
        let &[batch, _] = x.shape() else {
            return Err(Error::shape(OP, "expected input (batch, in)", &[x.shape()]));
        };
        self.expect_state(h, batch)?;
        self.advance(&self.project(x, pass)?, h, &self.recurrent(pass)?)
    }

    /// What does not depend on the state: x W_ihᵀ and both biases, for x (…, in).
    fn project(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let bias = match (&self.bias_ih, &self.bias_hh) {
            (Some(ih), Some(hh)) => Some(ih.read(pass).add(&hh.read(pass))?),
            (ih, hh) => ih.as_ref().or(hh.as_ref()).map(|bias| bias.read(pass)),
        };
        x.linear(&self.weight_ih.read(pass), bias.as_ref())
    }

    /// W_hhᵀ.
    fn recurrent(&self, pass: &Pass) -> Result<Tensor> {
        self.weight_hh.read(pass).transpose(0, 1)
    }

    fn advance(&self, projected: &Tensor, h: &Tensor, recurrent: &Tensor) -> Result<Tensor> {
        Ok((self.activation)(&projected.addmm(h, recurrent)?))
    }

    /// That `h` is a state for each sample of a batch.
    fn expect_state(&self, h: &Tensor, batch: usize) -> Result<()> {
        let hidden = self.weight_hh.shape()[0];
        if h.shape() == [batch, hidden] {
            return Ok(());
        }
        let reason = format!("expected a state ({batch}, {hidden}), a row for each sample");
        Err(Error::shape(OP, reason, &[h.shape()]))
    }
}

/// An [`RnnCell`] applied to each step of a sequence, each time to its own last state: x (batch,
/// time, in) gives the states after each step, (batch, time, hidden), or with
/// [`last_only`](Self::last_only) the state after the last, (batch, hidden). It starts from zeros;
/// [`states`](Self::states) starts from a given state, to go on where another sequence ended.
///
/// The batch is the first axis, as in Keras's `SimpleRNN` and PyTorch's `RNN` with `batch_first`;
/// the leaves are the cell's (PyTorch's `RNN` appends `_l0` to their names). Layers are stacked by
/// feeding one the states of another.
///
/// ```
/// use cotangent::{DType, Tensor, module::Layer};
/// use cotangent::nn::{Rnn, RnnCell};
/// # use cotangent::random::{ChaCha8Rng, SeedableRng};
/// # let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let rnn = Rnn::new(3, 8, &mut rng)?;
/// let x = Tensor::ones([5, 20, 3], DType::F32)?;
/// assert_eq!(rnn.predict(&x)?.shape(), [5, 20, 8]);
/// assert_eq!(rnn.last_only().predict(&x)?.shape(), [5, 8]);
/// let relu = Rnn::from(RnnCell::builder(3, 8).relu().build(&mut rng)?);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Rnn {
    /// What is applied to each step.
    #[module(flatten)]
    pub cell: RnnCell,
    #[module(skip)]
    last_only: bool,
}

impl Rnn {
    /// A layer with a default [`RnnCell`]; one with choices is `Rnn::from(cell)`.
    ///
    /// # Errors
    /// As [`RnnCellBuilder::build`].
    pub fn new(in_features: usize, hidden: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        RnnCell::new(in_features, hidden, rng).map(Self::from)
    }

    /// The same, giving the state after the last step only, (batch, hidden).
    #[must_use]
    pub fn last_only(mut self) -> Self {
        self.last_only = true;
        self
    }

    /// The states after each step of x (batch, time, in), each (batch, hidden), starting from
    /// `initial` (batch, hidden) or from zeros.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit or there is no step, [`Error::DType`] if a dtype
    /// is not the weights'.
    pub fn states(&self, x: &Tensor, initial: Option<&Tensor>, pass: &Pass) -> Result<Vec<Tensor>> {
        self.run(x, initial, pass)
            .map_err(|error| error.placed_in(self))
    }

    fn run(&self, x: &Tensor, initial: Option<&Tensor>, pass: &Pass) -> Result<Vec<Tensor>> {
        let batch = match *x.shape() {
            [batch, time, _] if time > 0 => batch,
            _ => {
                let reason = "expected input (batch, time, in) with at least one step";
                return Err(Error::shape(OP, reason, &[x.shape()]));
            }
        };
        let mut h = match initial {
            Some(initial) => initial.clone(),
            None => Tensor::zeros([batch, self.cell.weight_hh.shape()[0]], x.dtype())?,
        };
        self.cell.expect_state(&h, batch)?;
        // One product for all steps; only what depends on the state has to wait for it.
        let projected = steps(&self.cell.project(x, pass)?)?;
        let recurrent = self.cell.recurrent(pass)?;
        let mut states = Vec::with_capacity(projected.len());
        for projected in projected {
            h = self.cell.advance(&projected, &h, &recurrent)?;
            states.push(h.clone());
        }
        Ok(states)
    }
}

impl From<RnnCell> for Rnn {
    fn from(cell: RnnCell) -> Self {
        Self {
            cell,
            last_only: false,
        }
    }
}

impl Layer for Rnn {
    /// # Errors
    /// As [`Rnn::states`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let mut states = self.run(x, None, pass)?;
        match states.pop() {
            Some(last) if self.last_only => Ok(last),
            last => {
                states.extend(last);
                Tensor::stack(&states.iter().collect::<Vec<_>>(), 1)
            }
        }
    }
}

/// The slices of axis 1, which is not empty, one by one, without that axis.
///
/// The gradient of a slice has the size of what it was cut from: cut from halves of halves they
/// take T log T in all, where T slices of the whole would take T².
fn steps(x: &Tensor) -> Result<Vec<Tensor>> {
    let len = x.shape()[1];
    if len == 1 {
        return Ok(vec![x.squeeze(1)?]);
    }
    let half = len / 2;
    let mut slices = steps(&x.narrow(1, 0, half)?)?;
    slices.extend(steps(&x.narrow(1, half, len - half)?)?);
    Ok(slices)
}

/// The choices of an [`RnnCell`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RnnCellBuilder {
    in_features: usize,
    hidden: usize,
    activation: fn(&Tensor) -> Tensor,
    input_weight: Init,
    recurrent_weight: Init,
    bias: Option<Init>,
}

impl RnnCellBuilder {
    /// ReLU in place of tanh.
    pub fn relu(mut self) -> Self {
        self.activation = Tensor::relu;
        self
    }

    /// How W_ih is drawn.
    pub fn input_weight(mut self, init: Init) -> Self {
        self.input_weight = init;
        self
    }

    /// How W_hh is drawn.
    pub fn recurrent_weight(mut self, init: Init) -> Self {
        self.recurrent_weight = init;
        self
    }

    /// How the two biases are drawn.
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = Some(init);
        self
    }

    /// Without biases.
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// Draws weights and biases as PyTorch does, all uniform on ±1/√hidden.
    pub fn pytorch_default(mut self) -> Self {
        let limit = 1.0 / (self.hidden as f64).sqrt();
        let all = init::uniform(-limit, limit);
        self.input_weight = all;
        self.recurrent_weight = all;
        self.bias = self.bias.map(|_| all);
        self
    }

    /// Draws W_ih, W_hh, b_ih, b_hh, in this order.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no inputs or no hidden units, and as [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<RnnCell> {
        let (in_features, hidden) = (self.in_features, self.hidden);
        if in_features == 0 || hidden == 0 {
            let reason =
                format!("expected sizes above 0, found {in_features} in and {hidden} hidden");
            return Err(Error::argument(OP, reason));
        }
        let mut draw =
            |init: Init, shape: &[usize]| Ok::<_, Error>(Param::new(&init.draw(shape, rng)?));
        Ok(RnnCell {
            weight_ih: draw(self.input_weight, &[hidden, in_features])?,
            weight_hh: draw(self.recurrent_weight, &[hidden, hidden])?,
            bias_ih: self.bias.map(|init| draw(init, &[hidden])).transpose()?,
            bias_hh: self.bias.map(|init| draw(init, &[hidden])).transpose()?,
            activation: self.activation,
        })
    }
}
