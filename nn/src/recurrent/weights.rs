//! The weights of one direction of one recurrent layer.

use crate::init::Init;
use cotangent_core::module::{Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Recurrence, RecurrentCell, Result, Tensor};
use cotangent_macros::Module;

/// The weights of a recurrent cell, or of one direction of one recurrent layer.
///
/// The rows of the gates follow one another, as in PyTorch: i, f, g and o for an LSTM, r, z and n
/// for a GRU. So a weight has 4, 3 or 1 times as many rows as the state has units.
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct RecurrentWeights {
    /// The input weight W_ih, (gates · hidden, in).
    pub weight_ih: Param,
    /// The recurrent weight W_hh, (gates · hidden, hidden).
    pub weight_hh: Param,
    /// The input bias b_ih, (gates · hidden).
    pub bias_ih: Option<Param>,
    /// The recurrent bias b_hh, (gates · hidden).
    pub bias_hh: Option<Param>,
}

/// Returns the number of gates.
pub(super) fn gates(cell: RecurrentCell) -> usize {
    match cell {
        RecurrentCell::Lstm => 4,
        RecurrentCell::Gru => 3,
        RecurrentCell::RnnTanh | RecurrentCell::RnnRelu => 1,
    }
}

/// Returns the name of a cell for errors.
pub(super) fn op(cell: RecurrentCell) -> &'static str {
    match cell {
        RecurrentCell::Lstm => "lstm",
        RecurrentCell::Gru => "gru",
        RecurrentCell::RnnTanh | RecurrentCell::RnnRelu => "rnn",
    }
}

/// The initializers of weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial {
    pub input_weight: Init,
    pub recurrent_weight: Init,
    pub bias: Option<Init>,
    /// The bias of the forget gate of an LSTM.
    pub forget_bias: Option<f64>,
}

impl Initial {
    /// Draws W_ih, W_hh, b_ih and b_hh, in this order.
    pub(super) fn draw(
        &self,
        cell: RecurrentCell,
        in_features: usize,
        hidden: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<RecurrentWeights> {
        let rows = gates(cell) * hidden;
        let mut draw = |init: Init, shape: &[usize]| init.draw(shape, rng);
        let weight_ih = draw(self.input_weight, &[rows, in_features])?;
        let weight_hh = draw(self.recurrent_weight, &[rows, hidden])?;
        let bias_ih = self.bias.map(|init| draw(init, &[rows])).transpose()?;
        let bias_hh = self.bias.map(|init| draw(init, &[rows])).transpose()?;
        let forgetting = |bias: Option<Tensor>, share: f64| {
            let (Some(bias), Some(value)) = (&bias, self.forget_bias) else {
                return Ok::<_, Error>(bias);
            };
            let [before, after] = [
                bias.narrow(0, 0, hidden)?,
                bias.narrow(0, 2 * hidden, 2 * hidden)?,
            ];
            let forget = Tensor::full([hidden], value * share, bias.dtype())?;
            Tensor::cat(&[before, forget, after], 0).map(Some)
        };
        let param = |value: Option<Tensor>| value.map(|value| Param::new(&value));
        Ok(RecurrentWeights {
            weight_ih: Param::new(&weight_ih),
            weight_hh: Param::new(&weight_hh),
            bias_ih: param(forgetting(bias_ih, 1.0)?),
            bias_hh: param(forgetting(bias_hh, 0.0)?),
        })
    }
}

/// The weights as tensors of a pass.
pub(super) struct Read {
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Option<Tensor>,
    bias_hh: Option<Tensor>,
}

impl Read {
    pub(super) fn of(weights: &RecurrentWeights, pass: &Pass) -> Self {
        let bias = |bias: &Option<Param>| bias.as_ref().map(|bias| bias.read(pass));
        Self {
            weight_ih: weights.weight_ih.read(pass),
            weight_hh: weights.weight_hh.read(pass),
            bias_ih: bias(&weights.bias_ih),
            bias_hh: bias(&weights.bias_hh),
        }
    }

    /// Returns the recurrence of these weights without options.
    pub(super) fn recurrence(&self, cell: RecurrentCell) -> Recurrence<'_> {
        Recurrence {
            bias_ih: self.bias_ih.as_ref(),
            bias_hh: self.bias_hh.as_ref(),
            ..Recurrence::new(cell, &self.weight_ih, &self.weight_hh)
        }
    }
}
