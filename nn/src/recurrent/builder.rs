//! The builder of all recurrent layers and cells.

use super::cells::{GruCell, LstmCell, RnnCell};
use super::layers::{Gru, Lstm, Rnn};
use super::stack::Stack;
use super::weights::{Initial, RecurrentWeights, op};
use crate::init::{self, Init};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Interval, RecurrentCell, Result};
use std::marker::PhantomData;

/// A builder of recurrent layers and cells: `Lstm::builder(in_features, hidden)`.
///
/// All weights and biases are drawn uniformly from ±1/√hidden by default, as in PyTorch.
#[derive(Clone, Debug)]
#[must_use]
pub struct RecurrentBuilder<M> {
    cell: RecurrentCell,
    in_features: usize,
    hidden: usize,
    initial: Initial,
    layers: usize,
    stack: Stack,
    built: PhantomData<fn() -> M>,
}

type LstmBuilder = RecurrentBuilder<Lstm>;
type GruBuilder = RecurrentBuilder<Gru>;
type RnnBuilder = RecurrentBuilder<Rnn>;
type LstmCellBuilder = RecurrentBuilder<LstmCell>;
type GruCellBuilder = RecurrentBuilder<GruCell>;
type RnnCellBuilder = RecurrentBuilder<RnnCell>;

cotangent_core::unbuilt! {
    LstmBuilder forward(Pass) predict();
    LstmCellBuilder step(State Pass);
    GruBuilder forward(Pass) predict();
    GruCellBuilder step(State Pass);
    RnnBuilder forward(Pass) predict();
    RnnCellBuilder step(State Pass);
}

/// A layer or a cell that the builder creates.
pub trait Built: Sized {
    /// Creates it from the parts.
    #[doc(hidden)]
    fn from_parts(cell: RecurrentCell, stack: Stack) -> Self;
}

/// A layer over whole sequences.
pub trait Stacked: Built {}

impl Stacked for Lstm {}
impl Stacked for Gru {}
impl Stacked for Rnn {}

/// A layer or a cell with a forget gate.
pub trait Forgetting: Built {}

impl Forgetting for Lstm {}
impl Forgetting for LstmCell {}

/// A simple recurrent layer or cell.
pub trait Simple: Built {}

impl Simple for Rnn {}
impl Simple for RnnCell {}

impl<M: Built> RecurrentBuilder<M> {
    pub(super) fn of(cell: RecurrentCell, in_features: usize, hidden: usize) -> Self {
        let limit = 1.0 / (hidden as f64).sqrt();
        let all = init::uniform(-limit, limit);
        Self {
            cell,
            in_features,
            hidden,
            initial: Initial {
                input_weight: all,
                recurrent_weight: all,
                bias: Some(all),
                forget_bias: None,
            },
            layers: 1,
            stack: Stack::default(),
            built: PhantomData,
        }
    }

    /// Sets the initializer of W_ih. Default: uniform on ±1/√hidden.
    ///
    /// It draws the whole weight, with the rows of all gates, at once.
    #[doc(alias = "kernel_initializer")]
    pub fn input_weight(mut self, init: Init) -> Self {
        self.initial.input_weight = init;
        self
    }

    /// Sets the initializer of W_hh. Default: uniform on ±1/√hidden.
    ///
    /// It draws the whole weight, with the rows of all gates, at once. With
    /// [`orthogonal`](init::orthogonal) its columns are orthonormal, as in Keras.
    #[doc(alias = "recurrent_initializer")]
    pub fn recurrent_weight(mut self, init: Init) -> Self {
        self.initial.recurrent_weight = init;
        self
    }

    /// Sets the initializer of both biases. Default: uniform on ±1/√hidden.
    #[doc(alias = "bias_initializer")]
    pub fn bias(mut self, init: Init) -> Self {
        self.initial.bias = Some(init);
        self
    }

    /// Leaves out both biases.
    #[doc(alias = "use_bias")]
    pub fn no_bias(mut self) -> Self {
        self.initial.bias = None;
        self
    }

    /// Draws as Keras does: W_ih Glorot uniform, W_hh orthogonal, biases 0, but for an LSTM with
    /// the bias of the forget gate 1.
    pub fn keras_default(mut self) -> Self {
        self.initial = Initial {
            input_weight: init::glorot_uniform(),
            recurrent_weight: init::orthogonal(),
            bias: self.initial.bias.map(|_| init::zeros()),
            forget_bias: (self.cell == RecurrentCell::Lstm && self.initial.bias.is_some())
                .then_some(1.0),
        };
        self
    }

    /// Creates the layer or the cell. For each layer, and in it for each direction, it draws W_ih,
    /// W_hh, b_ih and b_hh, in this order.
    ///
    /// # Errors
    /// [`Error::Argument`] if `in_features`, `hidden` or the number of layers is 0, if the
    /// probability of dropout is not in `[0, 1)`, or if there is a forget bias but no bias; and the
    /// errors of [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<M> {
        let (op, in_features, hidden) = (op(self.cell), self.in_features, self.hidden);
        if in_features == 0 || hidden == 0 || self.layers == 0 {
            let reason = format!(
                "expected in_features, hidden and layers above 0, found {in_features}, {hidden} \
                 and {}",
                self.layers
            );
            return Err(Error::argument(op, reason));
        }
        if self.initial.forget_bias.is_some() && self.initial.bias.is_none() {
            return Err(Error::argument(op, "a forget bias needs biases"));
        }
        let mut stack = self.stack;
        Interval::Below1.check(op, "dropout", stack.dropout)?;
        let directions = stack.directions();
        for layer in 0..self.layers {
            let inputs = if layer == 0 {
                in_features
            } else {
                directions * hidden
            };
            for _ in 0..directions {
                let weights = self.initial.draw(self.cell, inputs, hidden, rng)?;
                stack.weights.push(weights);
            }
        }
        Ok(M::from_parts(self.cell, stack))
    }
}

impl<M: Stacked> RecurrentBuilder<M> {
    /// Sets the number of layers, each of which takes the states of the one before. Default: 1.
    #[doc(alias = "num_layers")]
    pub fn layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// Adds to each layer a direction that runs from the end to the beginning, with its own
    /// weights. Its states are appended to those of the first direction along the last axis.
    ///
    /// Source: Schuster, Paliwal 1997, Bidirectional Recurrent Neural Networks.
    pub fn bidirectional(mut self) -> Self {
        self.stack.bidirectional = true;
        self
    }

    /// Sets the probability of dropout on the states that one layer gives to the next, in training.
    /// The states of the last layer are not dropped. Default: 0.
    pub fn dropout(mut self, p: f64) -> Self {
        self.stack.dropout = p;
        self
    }

    /// Makes time the first axis of inputs and outputs: (time, batch, features). This is PyTorch's
    /// default order; with `batch_first` it has ours.
    #[doc(alias = "batch_first")]
    #[doc(alias = "time_major")]
    pub fn time_first(mut self) -> Self {
        self.stack.time_first = true;
        self
    }

    /// Makes the output the last states of the last layer only, (batch, hidden). With two
    /// directions it is (batch, 2 · hidden): each direction's state after it has read the whole
    /// sequence, as in Keras.
    #[doc(alias = "return_sequences")]
    pub fn last_only(mut self) -> Self {
        self.stack.last_only = true;
        self
    }
}

impl<M: Forgetting> RecurrentBuilder<M> {
    /// Sets the initial bias of the forget gate: `value` in b_ih, and 0 in b_hh.
    ///
    /// With 1 the cell keeps most of its state at first, which helps to learn long dependencies
    /// (Jozefowicz, Zaremba, Sutskever 2015, An Empirical Exploration of Recurrent Network
    /// Architectures). Keras does so by default.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let lstm = Lstm::builder(3, 2).forget_bias(1.0).build(&mut rng)?;
    /// let bias = lstm.weights()[0].bias_ih.as_ref().unwrap().value().to_vec::<f32>()?;
    /// assert_eq!(bias[2..4], [1.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "unit_forget_bias")]
    pub fn forget_bias(mut self, value: f64) -> Self {
        self.initial.forget_bias = Some(value);
        self
    }
}

impl<M: Simple> RecurrentBuilder<M> {
    /// Uses ReLU instead of tanh.
    #[doc(alias = "nonlinearity")]
    pub fn relu(mut self) -> Self {
        self.cell = RecurrentCell::RnnRelu;
        self
    }
}

/// Returns the only weights of a cell.
pub(super) fn only(stack: Stack) -> RecurrentWeights {
    let mut weights = stack.weights;
    weights.swap_remove(0)
}
