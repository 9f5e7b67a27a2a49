//! The recurrent layers over whole sequences.

use super::builder::{Built, RecurrentBuilder};
use super::cells::{GruCell, LstmCell, LstmState, RnnCell};
use super::stack::{Call, Stack};
use super::weights::RecurrentWeights;
use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::random::Rng;
use cotangent_core::{RecurrentCell, Result, Tensor};

/// The states between two calls.
trait State: Sized {
    fn tensors(&self) -> Vec<&Tensor>;
    fn of(tensors: Vec<Tensor>) -> Self;
}

impl State for Tensor {
    fn tensors(&self) -> Vec<&Tensor> {
        vec![self]
    }
    fn of(mut tensors: Vec<Tensor>) -> Self {
        tensors.swap_remove(0)
    }
}

impl State for LstmState {
    fn tensors(&self) -> Vec<&Tensor> {
        vec![&self.h, &self.c]
    }
    fn of(mut tensors: Vec<Tensor>) -> Self {
        let c = tensors.swap_remove(1);
        let h = tensors.swap_remove(0);
        Self { h, c }
    }
}

/// Defines a layer by its kind, its cell, the type of its state, and the attributes of `run`.
macro_rules! layers {
    ($(
        $(#[$doc:meta])*
        $name:ident $kind:ident $cell:ident $state:ident
        { $(#[$run:meta])* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            cell: RecurrentCell,
            stack: Stack,
        }

        impl $name {
            /// Creates one layer in one direction with PyTorch's defaults.
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

            /// Makes the output the last states of the last layer only, as
            /// [`RecurrentBuilder::last_only`] does.
            #[must_use]
            pub fn last_only(mut self) -> Self {
                self.stack.last_only = true;
                self
            }

            /// Returns the weights of each layer, and in it of each direction.
            pub fn weights(&self) -> &[RecurrentWeights] {
                &self.stack.weights
            }

            /// Returns the weights of each layer, and in it of each direction, to be changed.
            pub fn weights_mut(&mut self) -> &mut [RecurrentWeights] {
                &mut self.stack.weights
            }

            /// Returns the output for x, and the states after the last step. The first states are
            /// `initial`, or zeros.
            $(#[$run])*
            ///
            /// # Errors
            /// [`Error::Shape`](cotangent_core::Error::Shape) if the shapes do not fit or there is
            /// no step, [`Error::DType`](cotangent_core::Error::DType) if the dtypes of input,
            /// states and weights differ.
            pub fn run(
                &self,
                x: &Tensor,
                initial: Option<&$state>,
                pass: &Pass,
            ) -> Result<(Tensor, $state)> {
                self.states(x, None, initial, pass)
            }

            /// Does the same as [`run`](Self::run) for sequences of unequal lengths, padded to one
            /// length with any numbers.
            ///
            /// `lengths` has the number of steps of each sequence. After its end the output is 0.
            /// The returned state is that after its own last step, and the reverse direction starts
            /// there. PyTorch: `pack_padded_sequence`; the sequences may have any order here.
            ///
            /// # Errors
            /// Those of [`run`](Self::run), and
            /// [`Error::Argument`](cotangent_core::Error::Argument) if a length is 0 or above the
            /// number of steps.
            pub fn run_lengths(
                &self,
                x: &Tensor,
                lengths: &[usize],
                initial: Option<&$state>,
                pass: &Pass,
            ) -> Result<(Tensor, $state)> {
                self.states(x, Some(lengths), initial, pass)
            }

            fn states(
                &self,
                x: &Tensor,
                lengths: Option<&[usize]>,
                initial: Option<&$state>,
                pass: &Pass,
            ) -> Result<(Tensor, $state)> {
                let initial = initial.map(State::tensors).unwrap_or_default();
                let call = Call {
                    x,
                    initial: &initial,
                    lengths,
                    states: true,
                };
                let (output, states) = self
                    .stack
                    .run(self.cell, call, pass)
                    .map_err(|error| error.placed_in(self))?;
                Ok((output, State::of(states)))
            }
        }

        impl Built for $name {
            fn from_parts(cell: RecurrentCell, stack: Stack) -> Self {
                Self { cell, stack }
            }
        }

        /// A layer of one cell.
        impl From<$cell> for $name {
            fn from(cell: $cell) -> Self {
                let (cell, weights) = cell.into_parts();
                Self {
                    cell,
                    stack: Stack::of_one(weights),
                }
            }
        }

        impl Module for $name {
            fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
                self.stack.visit(walk);
            }
            fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
                self.stack.visit_mut(walk);
            }
        }

        impl Layer for $name {
            /// Computes the output from zero states.
            ///
            /// # Errors
            /// Returns the errors of `run`.
            fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
                let call = Call {
                    x,
                    initial: &[],
                    lengths: None,
                    states: false,
                };
                Ok(self.stack.run(self.cell, call, pass)?.0)
            }
        }
    )*};
}

layers! {
    /// A long short-term memory layer, or a stack of them.
    ///
    /// Input (batch, time, in), output (batch, time, hidden): the states h after each step of the
    /// last layer, with two directions (batch, time, 2 · hidden). The first states are 0. At each
    /// step `i, f, o = σ(W x + U h)`, `g = tanh(W x + U h)`, `c' = f ⊙ c + i ⊙ g`,
    /// `h' = o ⊙ tanh(c')`, with two biases each.
    ///
    /// The parameters have the names and the order of PyTorch's `LSTM`, so that its state loads:
    /// `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, for the reverse direction
    /// `weight_ih_l0_reverse`, for the second layer `weight_ih_l1`. They are drawn uniformly from
    /// ±1/√hidden, as in PyTorch. [`keras_default`](RecurrentBuilder::keras_default) draws as Keras
    /// does. PyTorch's default order of axes is [`time_first`](RecurrentBuilder::time_first). Its
    /// option `proj_size` does not exist.
    ///
    /// All steps of a direction are one operation with one product for all inputs, and one product
    /// and one sweep for each step. Backward needs the gates of all steps: 4 numbers for each unit
    /// and step, besides c and h.
    ///
    /// Sources: Hochreiter, Schmidhuber 1997, Long Short-Term Memory; Gers, Schmidhuber, Cummins
    /// 2000, Learning to Forget.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let lstm = Lstm::builder(3, 8).layers(2).dropout(0.1).build(&mut rng)?;
    /// let x = Tensor::ones([5, 20, 3], DType::F32)?;
    /// assert_eq!(lstm.predict(&x)?.shape(), [5, 20, 8]);
    ///
    /// let reader = Lstm::builder(3, 8).bidirectional().last_only().build(&mut rng)?;
    /// assert_eq!(reader.predict(&x)?.shape(), [5, 16]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    Lstm Lstm LstmCell LstmState {
        /// h and c are (layers · directions, batch, hidden), as in PyTorch.
        ///
        /// For truncated backpropagation [detach](LstmState::detach) the state before you give it
        /// to the next call (Williams, Peng 1990, An efficient gradient-based algorithm for on-line
        /// training of recurrent network trajectories). Without, the next backward would run into
        /// the graph of this call, which is an error if a backward has used it up.
        ///
        /// ```
        /// use cotangent::prelude::*;
        ///
        /// let mut rng = ChaCha8Rng::seed_from_u64(1);
        /// let lstm = Lstm::new(3, 8, &mut rng)?;
        /// let x = Tensor::ones([5, 20, 3], DType::F32)?;
        /// let pass = Pass::train(1);
        /// let mut state = None;
        /// for start in [0, 10] {
        ///     let window = x.narrow(1, start, 10)?;
        ///     let (output, last) = lstm.run(&window, state.as_ref(), &pass)?;
        ///     output.mean().backward()?;
        ///     state = Some(last.detach());
        /// }
        /// # Ok::<(), cotangent::Error>(())
        /// ```
    }
    /// A layer of gated recurrent units, or a stack of them.
    ///
    /// Input (batch, time, in), output (batch, time, hidden): the states after each step of the
    /// last layer, with two directions (batch, time, 2 · hidden). The first states are 0. At each
    /// step `r, z = σ(W x + U h)`, `n = tanh(W x + r ⊙ (U h))`, `h' = (1 - z) ⊙ n + z ⊙ h`, with
    /// two biases each. The reset gate r is applied after the product, as in PyTorch and in Keras
    /// with `reset_after`; in the source it is applied before.
    ///
    /// The parameters have the names and the order of PyTorch's `GRU`, and its initial
    /// distribution; see [`Lstm`]. Keras has the rows of z before those of r.
    ///
    /// Source: Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder for
    /// Statistical Machine Translation.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let gru = Gru::new(3, 8, &mut rng)?;
    /// let x = Tensor::ones([2, 20, 3], DType::F32)?;
    /// let (output, state) = gru.run_lengths(&x, &[20, 7], None, &Pass::inference())?;
    /// assert_eq!(output.shape(), [2, 20, 8]);
    /// assert_eq!(state.shape(), [1, 2, 8]);
    /// assert_eq!(output.narrow(1, 7, 1)?.narrow(0, 1, 1)?.to_vec::<f32>()?, [0.0; 8]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    Gru Gru GruCell Tensor {
        /// They are (layers · directions, batch, hidden), as in PyTorch.
        ///
        /// For truncated backpropagation [detach](Tensor::detach) the state before you give it to
        /// the next call, as for [`Lstm::run`].
    }
    /// A simple recurrent layer, or a stack of them: `h' = tanh(W x + b + U h + c)`, or with
    /// [ReLU](RecurrentBuilder::relu) in place of tanh.
    ///
    /// Input (batch, time, in), output (batch, time, hidden): the states after each step of the
    /// last layer, with two directions (batch, time, 2 · hidden). The first states are 0.
    ///
    /// Each step back in time multiplies a gradient by the recurrent weight. The gradient vanishes
    /// if the largest singular value is below 1, and may explode if it is above 1 (Pascanu,
    /// Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks). An
    /// [orthogonal](crate::init::orthogonal) weight starts with all singular values at 1. Clip the
    /// global norm of the gradients to bound the steps. [`Lstm`] and [`Gru`] keep gradients longer.
    ///
    /// The parameters have the names of PyTorch's `RNN`, and its initial distribution; see
    /// [`Lstm`].
    ///
    /// Source: Elman 1990, Finding Structure in Time.
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
    /// let with_relu = Rnn::builder(3, 8).relu().build(&mut rng)?;
    /// assert_eq!(with_relu.predict(&x)?.shape(), [5, 20, 8]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    Rnn RnnTanh RnnCell Tensor {
        /// They are (layers · directions, batch, hidden), as in PyTorch.
        ///
        /// For truncated backpropagation [detach](Tensor::detach) the state before you give it to
        /// the next call, as for [`Lstm::run`].
    }
}
