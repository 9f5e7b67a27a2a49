//! Recurrent layers: LSTM, GRU and the simple layer, each as a stack of layers over whole
//! sequences and as a cell for one step.

mod builder;
mod cells;
mod layers;
mod stack;
mod weights;

pub use builder::RecurrentBuilder;
pub use cells::{GruCell, LstmCell, LstmState, RnnCell};
pub use layers::{Gru, Lstm, Rnn};
pub use weights::RecurrentWeights;
