//! The simple recurrent layer: a single step, and a whole sequence.

use crate::init::{self, Init};
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

const OP: &str = "rnn";

/// One step of a simple recurrent network: `h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)`.
///
/// The input x is (batch, in), the state h (batch, hidden), and the next state h' (batch, hidden).
///
/// The parameters have the names of PyTorch's `RNNCell`. The two biases always have the same
/// gradient. By default the input weight is drawn Glorot uniform, the recurrent weight is
/// orthogonal and the biases are 0, as in Keras. PyTorch draws all four uniformly from ±1/√hidden:
/// use [`RnnCellBuilder::pytorch_default`].
///
/// Each step back in time multiplies a gradient by the recurrent weight. The gradient vanishes if
/// the largest singular value is below 1, and may explode if it is above 1 (Pascanu, Mikolov,
/// Bengio 2013, On the difficulty of training recurrent neural networks). An orthogonal weight
/// starts with all singular values at 1. Clip the global norm of the gradients to bound the steps.
///
/// Source: Elman 1990, Finding Structure in Time.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let cell = RnnCell::new(3, 8, &mut rng)?;
/// let (x, h) = (Tensor::ones([5, 3], DType::F32)?, Tensor::zeros([5, 8], DType::F32)?);
/// assert_eq!(cell.step(&x, &h, &Pass::train(0))?.shape(), [5, 8]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "SimpleRNNCell")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct RnnCell {
    /// The input weight W_ih, (hidden, in).
    pub weight_ih: Param,
    /// The recurrent weight W_hh, (hidden, hidden).
    pub weight_hh: Param,
    /// The input bias b_ih, (hidden).
    pub bias_ih: Option<Param>,
    /// The recurrent bias b_hh, (hidden).
    pub bias_hh: Option<Param>,
    #[module(skip)]
    activation: fn(&Tensor) -> Tensor,
}

impl RnnCell {
    /// Creates a cell with biases, tanh and the default initialization.
    ///
    /// # Errors
    /// Returns the errors of [`RnnCellBuilder::build`].
    pub fn new(in_features: usize, hidden: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(in_features, hidden).build(rng)
    }

    /// Returns a builder for the options.
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

    /// Computes the next state (batch, hidden) from the input (batch, in) and the state (batch,
    /// hidden).
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes of input, state
    /// and weights differ.
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

    /// Computes the part that does not depend on the state: x W_ihᵀ and both biases, for x (…, in).
    fn project(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let bias = match (&self.bias_ih, &self.bias_hh) {
            (Some(ih), Some(hh)) => Some(ih.read(pass).add(&hh.read(pass))?),
            (ih, hh) => ih.as_ref().or(hh.as_ref()).map(|bias| bias.read(pass)),
        };
        x.linear(&self.weight_ih.read(pass), bias.as_ref())
    }

    /// Returns W_hhᵀ.
    fn recurrent(&self, pass: &Pass) -> Result<Tensor> {
        self.weight_hh.read(pass).transpose(0, 1)
    }

    fn advance(&self, projected: &Tensor, h: &Tensor, recurrent: &Tensor) -> Result<Tensor> {
        Ok((self.activation)(&projected.addmm(h, recurrent)?))
    }

    /// Checks that `h` is a state for each sample of a batch.
    fn expect_state(&self, h: &Tensor, batch: usize) -> Result<()> {
        let hidden = self.weight_hh.shape()[0];
        if h.shape() == [batch, hidden] {
            return Ok(());
        }
        let reason = format!("expected a state ({batch}, {hidden}) with a row for each sample");
        Err(Error::shape(OP, reason, &[h.shape()]))
    }
}

/// A simple recurrent layer: an [`RnnCell`] applied to each step of a sequence.
///
/// Input (batch, time, in). The output has the states after each step, (batch, time, hidden). With
/// [`last_only`](Self::last_only) it is the state after the last step, (batch, hidden). The first
/// state is 0. [`states`](Self::states) takes a given first state, to continue a sequence:
/// [detach](Tensor::detach) a state from an earlier call for truncated backpropagation.
///
/// The batch is the first axis, as in Keras's `SimpleRNN` and in PyTorch's `RNN` with
/// `batch_first`. The parameters have the cell's names; PyTorch's `RNN` appends `_l0` to them. To
/// stack layers, give the states of one to the next.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let rnn = Rnn::new(3, 8, &mut rng)?;
/// let x = Tensor::ones([5, 20, 3], DType::F32)?;
/// assert_eq!(rnn.predict(&x)?.shape(), [5, 20, 8]);
/// assert_eq!(rnn.last_only().predict(&x)?.shape(), [5, 8]);
///
/// let with_relu = Rnn::from(RnnCell::builder(3, 8).relu().build(&mut rng)?);
/// assert_eq!(with_relu.predict(&x)?.shape(), [5, 20, 8]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "SimpleRNN")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Rnn {
    /// The cell that is applied to each step.
    #[module(flatten)]
    pub cell: RnnCell,
    #[module(skip)]
    last_only: bool,
}

impl Rnn {
    /// Creates a layer with a default [`RnnCell`]. For a cell with options use `Rnn::from(cell)`.
    ///
    /// # Errors
    /// Returns the errors of [`RnnCellBuilder::build`].
    pub fn new(in_features: usize, hidden: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        RnnCell::new(in_features, hidden, rng).map(Self::from)
    }

    /// Makes the output the state after the last step only, (batch, hidden).
    #[doc(alias = "return_sequences")]
    #[must_use]
    pub fn last_only(mut self) -> Self {
        self.last_only = true;
        self
    }

    /// Returns the states after each step of x (batch, time, in), each (batch, hidden). The first
    /// state is `initial` (batch, hidden), or zeros.
    ///
    /// For truncated backpropagation call `detach()` on the last state before you give it to the
    /// next call (Williams, Peng 1990, An efficient gradient-based algorithm for on-line training
    /// of recurrent network trajectories). A state that is not detached keeps the graph of the
    /// earlier call.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let rnn = Rnn::new(3, 8, &mut rng)?;
    /// let x = Tensor::ones([5, 20, 3], DType::F32)?;
    /// let pass = Pass::train(1);
    /// let mut state: Option<Tensor> = None;
    /// for start in [0, 10] {
    ///     let states = rnn.states(&x.narrow(1, start, 10)?, state.as_ref(), &pass)?;
    ///     Tensor::stack(&states, 1)?.mean().backward()?;
    ///     state = states.last().map(Tensor::detach);
    /// }
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit or there is no step, [`Error::DType`] if the
    /// dtypes of input, state and weights differ.
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
        // One product for all steps. Only the part that depends on the state is computed step by
        // step.
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
    /// Returns the errors of [`Rnn::states`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let mut states = self.run(x, None, pass)?;
        match states.pop() {
            Some(last) if self.last_only => Ok(last),
            last => {
                states.extend(last);
                Tensor::stack(&states, 1)
            }
        }
    }
}

/// Splits axis 1, which must not be empty, into slices without that axis.
///
/// The gradient of a slice has the size of the tensor that it was cut from. If slices are cut from
/// halves of halves, the gradients of T slices take T log T elements in total. If they were cut
/// from the whole, they would take T².
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

/// A builder of [`RnnCell`]s.
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
    /// Uses ReLU instead of tanh.
    pub fn relu(mut self) -> Self {
        self.activation = Tensor::relu;
        self
    }

    /// Sets the initializer of W_ih. Default: [`glorot_uniform`](init::glorot_uniform).
    #[doc(alias = "kernel_initializer")]
    pub fn input_weight(mut self, init: Init) -> Self {
        self.input_weight = init;
        self
    }

    /// Sets the initializer of W_hh. Default: [`orthogonal`](init::orthogonal).
    #[doc(alias = "recurrent_initializer")]
    pub fn recurrent_weight(mut self, init: Init) -> Self {
        self.recurrent_weight = init;
        self
    }

    /// Sets the initializer of both biases. Default: zeros.
    #[doc(alias = "bias_initializer")]
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = Some(init);
        self
    }

    /// Leaves out both biases.
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// Draws weights and biases as PyTorch does, all uniformly from ±1/√hidden.
    pub fn pytorch_default(mut self) -> Self {
        let limit = 1.0 / (self.hidden as f64).sqrt();
        let all = init::uniform(-limit, limit);
        self.input_weight = all;
        self.recurrent_weight = all;
        self.bias = self.bias.map(|_| all);
        self
    }

    /// Creates the cell: draws W_ih, W_hh, b_ih and b_hh, in this order.
    ///
    /// # Errors
    /// [`Error::Argument`] if `in_features` or `hidden` is 0, and the errors of [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<RnnCell> {
        let (in_features, hidden) = (self.in_features, self.hidden);
        if in_features == 0 || hidden == 0 {
            let reason = format!(
                "expected in_features and hidden above 0, found {in_features} and {hidden}"
            );
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
