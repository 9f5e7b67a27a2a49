//! Recurrent cells: one step, for loops that you write yourself.

use super::builder::{Built, RecurrentBuilder, only};
use super::stack::Stack;
use super::weights::{Read, RecurrentWeights, op};
use cotangent_core::module::{Module, Pass, Walk, WalkMut};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Recurrence, RecurrentCell, Result, Steps, Tensor};

/// The state of an LSTM: h and c, of one shape. For a cell it is (batch, hidden), for layers
/// (layers · directions, batch, hidden).
#[derive(Clone, Debug)]
pub struct LstmState {
    /// The hidden state, which is also the output.
    pub h: Tensor,
    /// The cell state.
    pub c: Tensor,
}

impl LstmState {
    /// Returns the same values without the graph that computed them, for truncated
    /// backpropagation. See [`Tensor::detach`].
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            h: self.h.detach(),
            c: self.c.detach(),
        }
    }
}

/// Defines a cell by its kind.
macro_rules! cells {
    ($($(#[$doc:meta])* $name:ident $kind:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// The weights. Their paths are `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
            pub weights: RecurrentWeights,
            cell: RecurrentCell,
        }

        impl $name {
            /// Creates a cell with PyTorch's defaults.
            ///
            /// # Errors
            /// Returns the errors of [`RecurrentBuilder::build`].
            pub fn new(
                in_features: usize,
                hidden: usize,
                rng: &mut (impl Rng + ?Sized),
            ) -> Result<Self> {
                Self::builder(in_features, hidden).build(rng)
            }

            /// Returns a builder for the options.
            pub fn builder(in_features: usize, hidden: usize) -> RecurrentBuilder<Self> {
                RecurrentBuilder::of(RecurrentCell::$kind, in_features, hidden)
            }

            pub(super) fn into_parts(self) -> (RecurrentCell, RecurrentWeights) {
                (self.cell, self.weights)
            }
        }

        impl Built for $name {
            fn from_parts(cell: RecurrentCell, stack: Stack) -> Self {
                let weights = only(stack);
                Self { weights, cell }
            }
        }

        impl Module for $name {
            fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
                self.weights.visit(walk);
            }
            fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
                self.weights.visit_mut(walk);
            }
        }
    )*};
}

cells! {
    /// One step of an [`Lstm`](crate::Lstm), for loops that you write yourself.
    ///
    /// The parameters have the names of PyTorch's `LSTMCell`. The layer is faster over sequences
    /// whose inputs are known.
    ///
    /// ```

    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let cell = LstmCell::new(3, 8, &mut rng)?;
    /// let zeros = Tensor::zeros([5, 8], DType::F32)?;
    /// let mut state = LstmState { h: zeros.clone(), c: zeros };
    /// for _ in 0..3 {
    ///     let x = Tensor::ones([5, 3], DType::F32)?;
    ///     state = cell.step(&x, &state, &Pass::inference())?;
    /// }
    /// assert_eq!(state.h.shape(), [5, 8]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    LstmCell Lstm
    /// One step of a [`Gru`](crate::Gru), for loops that you write yourself.
    ///
    /// The parameters have the names of PyTorch's `GRUCell`. The layer is faster over sequences
    /// whose inputs are known.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let cell = GruCell::new(3, 8, &mut rng)?;
    /// let (x, h) = (Tensor::ones([5, 3], DType::F32)?, Tensor::zeros([5, 8], DType::F32)?);
    /// assert_eq!(cell.step(&x, &h, &Pass::train(0))?.shape(), [5, 8]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    GruCell Gru
    /// One step of an [`Rnn`](crate::Rnn), for loops that you write yourself: `h' = tanh(x W_ihᵀ +
    /// b_ih + h W_hhᵀ + b_hh)`.
    ///
    /// The parameters have the names of PyTorch's `RNNCell`. The two biases always have the same
    /// gradient.
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
    RnnCell RnnTanh
}

impl LstmCell {
    /// Computes the next state from the input (batch, in) and the state, whose h and c are (batch,
    /// hidden).
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes of input, state
    /// and weights differ.
    pub fn step(&self, x: &Tensor, state: &LstmState, pass: &Pass) -> Result<LstmState> {
        let next = || {
            let states = step(self.cell, &self.weights, x, &[&state.h, &state.c], pass)?;
            Ok(LstmState {
                h: states.select(0, 0)?,
                c: states.select(0, 1)?,
            })
        };
        next().map_err(|error: Error| error.placed_in(self))
    }
}

macro_rules! with_one_state {
    ($($name:ident)*) => {$(
        impl $name {
            /// Computes the next state (batch, hidden) from the input (batch, in) and the state
            /// (batch, hidden).
            ///
            /// # Errors
            /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes of input,
            /// state and weights differ.
            pub fn step(&self, x: &Tensor, h: &Tensor, pass: &Pass) -> Result<Tensor> {
                let next = step(self.cell, &self.weights, x, &[h], pass);
                let next = next.and_then(|next| next.squeeze(0));
                next.map_err(|error| error.placed_in(self))
            }
        }
    )*};
}
with_one_state! { GruCell RnnCell }

/// Computes the next states, one after another along the first axis.
fn step(
    cell: RecurrentCell,
    weights: &RecurrentWeights,
    x: &Tensor,
    states: &[&Tensor],
    pass: &Pass,
) -> Result<Tensor> {
    if x.rank() != 2 {
        return Err(Error::shape(
            op(cell),
            "expected input (batch, in)",
            &[x.shape()],
        ));
    }
    let weights = Read::of(weights, pass);
    x.unsqueeze(0)?.recurrent(&Recurrence {
        initial: states,
        steps: Steps::Last,
        ..weights.recurrence(cell)
    })
}
