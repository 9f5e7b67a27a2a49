//! One direction of a recurrent layer over all steps: one product for the inputs, then a product
//! and a sweep for each step, forward and backward, and one product for each weight's gradient.

use super::recorded::recorded;
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::linear::gemm::gemm;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::recurrent::cells::{self, Cell};
use crate::kernel::recurrent::product::Panels;
use crate::kernel::recurrent::{self as kernel, Saved, Sizes, Weight};
use crate::kernel::reduce::fold;
use crate::tensor::{Array, Element, Shape, with_dtype};
use smallvec::SmallVec;
use std::ops::Range;

/// The equations of a recurrent cell.
///
/// x is the input, h the state before, ⊙ the product of elements, σ the sigmoid. Each `W x` has a
/// bias of its own, if there are biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecurrentCell {
    /// Long short-term memory, with a cell state c: `i, f, o = σ(W x + U h)`,
    /// `g = tanh(W x + U h)`, `c' = f ⊙ c + i ⊙ g`, `h' = o ⊙ tanh(c')`. The weights have the rows
    /// of i, f, g and o, in this order (Hochreiter, Schmidhuber 1997, Long Short-Term Memory; the
    /// forget gate is that of Gers, Schmidhuber, Cummins 2000, Learning to Forget).
    Lstm,
    /// The gated recurrent unit: `r, z = σ(W x + U h)`, `n = tanh(W x + r ⊙ (U h))`,
    /// `h' = (1 - z) ⊙ n + z ⊙ h`. The weights have the rows of r, z and n, in this order (Cho et
    /// al. 2014, Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    /// Translation). The reset gate is applied after the product, as in PyTorch and in Keras with
    /// `reset_after`.
    Gru,
    /// The simple cell: `h' = tanh(W x + U h)` (Elman 1990, Finding Structure in Time).
    RnnTanh,
    /// The simple cell with ReLU: `h' = max(0, W x + U h)`.
    RnnRelu,
}

impl RecurrentCell {
    /// Returns the number of gates: the weights have this many times `hidden` rows.
    pub(super) fn gate_count(self) -> usize {
        match self {
            Self::Lstm => cells::Lstm::GATES,
            Self::Gru => cells::Gru::GATES,
            Self::RnnTanh | Self::RnnRelu => 1,
        }
    }

    /// Returns the number of states.
    pub(super) fn state_count(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::RnnTanh => "rnn_tanh",
            Self::RnnRelu => "rnn_relu",
        }
    }
}

/// Calls a generic function with the kernel's cell.
macro_rules! with_cell {
    ($cell:expr, $function:ident::<_, $F:ident>($($argument:expr),* $(,)?)) => {
        match $cell {
            RecurrentCell::Lstm => $function::<_, $F>(cells::Lstm, $($argument),*),
            RecurrentCell::Gru => $function::<_, $F>(cells::Gru, $($argument),*),
            RecurrentCell::RnnTanh => $function::<_, $F>(cells::RnnTanh, $($argument),*),
            RecurrentCell::RnnRelu => $function::<_, $F>(cells::RnnRelu, $($argument),*),
        }
    };
}

/// The states that [`Tensor::recurrent`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Steps {
    /// The states after each step, (time, batch, hidden).
    #[default]
    All,
    /// The states after the last step of each sequence, (1, batch, hidden). For an LSTM the result
    /// is (2, batch, hidden): h, then c.
    Last,
    /// Those of [`All`](Self::All), then those of [`Last`](Self::Last), along the first axis.
    AllAndLast,
}

/// The cell, the weights and the options of [`Tensor::recurrent`].
#[derive(Clone, Copy, Debug)]
pub struct Recurrence<'a> {
    /// The equations.
    pub cell: RecurrentCell,
    /// W, (gates · hidden, in).
    pub weight_ih: &'a Tensor,
    /// U, (gates · hidden, hidden).
    pub weight_hh: &'a Tensor,
    /// The bias of W x, (gates · hidden).
    pub bias_ih: Option<&'a Tensor>,
    /// The bias of U h, (gates · hidden).
    pub bias_hh: Option<&'a Tensor>,
    /// The initial states, (batch, hidden): h, for an LSTM h and c. Empty for zeros.
    pub initial: &'a [&'a Tensor],
    /// The number of steps of each sequence, from 1 to `time`. Without, all have `time` steps.
    pub lengths: Option<&'a [usize]>,
    /// The states to return.
    pub steps: Steps,
}

impl<'a> Recurrence<'a> {
    /// Creates the recurrence of a cell without biases that starts from zeros and returns the
    /// states after all steps. Its fields are the options.
    pub fn new(cell: RecurrentCell, weight_ih: &'a Tensor, weight_hh: &'a Tensor) -> Self {
        Self {
            cell,
            weight_ih,
            weight_hh,
            bias_ih: None,
            bias_hh: None,
            initial: &[],
            lengths: None,
            steps: Steps::All,
        }
    }
}

/// # Linear algebra
impl Tensor {
    /// Runs one direction of a recurrent layer over the sequences (time, batch, in), and returns
    /// the states that [`Steps`] lists.
    ///
    /// After the end of a sequence its states are 0, and its inputs have no effect, whatever they
    /// are. To run backwards, [`flip`](Self::flip) the time axis of input and result.
    ///
    /// The layers `Lstm`, `Gru` and `Rnn` of `cotangent::nn` have the weights, and run several
    /// layers and both directions. In PyTorch the function is part of `nn.LSTM`, `nn.GRU` and
    /// `nn.RNN`; this one has their default order of axes, time first.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, there is no step, or memory does not suffice;
    /// [`Error::DType`] if the dtypes differ; [`Error::Argument`] if a length is 0 or larger than
    /// `time`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::{Recurrence, RecurrentCell};
    ///
    /// // A sum over time.
    /// let one = Tensor::from([[1.0f32]]);
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0], [3, 1, 1])?;
    /// let sums = x.recurrent(&Recurrence::new(RecurrentCell::RnnRelu, &one, &one))?;
    /// assert_eq!(sums.to_vec::<f32>()?, [1.0, 3.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "lstm")]
    #[doc(alias = "gru")]
    #[doc(alias = "rnn_tanh")]
    #[doc(alias = "rnn_relu")]
    pub fn recurrent(&self, recurrence: &Recurrence<'_>) -> Result<Self> {
        let sizes = check(self, recurrence)?;
        let &Recurrence {
            cell,
            bias_ih,
            bias_hh,
            lengths,
            steps,
            ..
        } = recurrence;
        let [time, batch, _, hidden] = sizes;
        let gates = Shape::from([time, batch, cell.gate_count() * hidden]);
        gates.reserve(cell.name(), self.dtype())?;
        // Inputs past the end may be anything, and 0 times infinity is NaN.
        let input = match lengths {
            Some(lengths) if lengths.iter().any(|&length| length < time) => {
                self.masked_fill(&past(lengths, time)?, 0.0)?
            }
            _ => self.clone(),
        };
        let initial = |i: usize| recurrence.initial.get(i).copied();
        let operands = [
            Some(&input),
            Some(recurrence.weight_ih),
            Some(recurrence.weight_hh),
            bias_ih,
            bias_hh,
            initial(0),
            initial(1),
        ];
        let memory = with_dtype!(self.dtype(), F => {
            with_cell!(cell, forward::<_, F>(&operands, sizes, lengths))
        });
        let output = steps.of(cell, sizes, &memory.states);
        // The places of the operands are fixed: an untracked tensor takes those of missing ones.
        let none = recurrence.weight_hh.detach();
        let inputs = operands.map(|operand| operand.unwrap_or(&none));
        Ok(Self::from_op(output.into(), &inputs, || Recurrent {
            call: Call {
                cell,
                steps,
                lengths: lengths.map(<[usize]>::to_vec),
                operands: operands.map(Option::<&Self>::cloned),
            },
            sizes,
            memory,
        }))
    }
}

impl Steps {
    /// Returns the view of these states in the memory of all of them.
    fn of(self, cell: RecurrentCell, [time, ..]: [usize; 4], states: &Array) -> Array {
        let last = cell.state_count();
        let range = match self {
            Self::All => 1..time + 1,
            Self::Last => time + 1..time + 1 + last,
            Self::AllAndLast => 1..time + 1 + last,
        };
        states.with_layout(states.layout.slice(0, range.start, range.len(), 1))
    }
}

/// Returns a mask (time, batch, 1) of the steps past the end of their sequences.
fn past(lengths: &[usize], time: usize) -> Result<crate::tensor::Mask> {
    let steps = (0..time).flat_map(|step| lengths.iter().map(move |&length| step >= length));
    crate::tensor::Mask::from_vec(steps.collect(), [time, lengths.len(), 1])
}

/// Returns the lengths time, batch, in and hidden if everything fits.
fn check(x: &Tensor, r: &Recurrence<'_>) -> Result<[usize; 4]> {
    let op = r.cell.name();
    let mut named = vec![
        ("the input", Some(x)),
        ("weight_ih", Some(r.weight_ih)),
        ("weight_hh", Some(r.weight_hh)),
        ("bias_ih", r.bias_ih),
        ("bias_hh", r.bias_hh),
    ];
    let states = ["the initial state", "the initial cell state"];
    named.extend(
        states
            .into_iter()
            .zip(r.initial)
            .map(|(name, x)| (name, Some(*x))),
    );
    Tensor::expect_one_dtype(op, &named)?;
    let shapes = [x.shape(), r.weight_ih.shape(), r.weight_hh.shape()];
    let (&[time, batch, inputs], &[rows, weight_inputs], &[hidden_rows, hidden]) =
        (x.shape(), r.weight_ih.shape(), r.weight_hh.shape())
    else {
        let reason = "expected input (time, batch, in), weight_ih (gates · hidden, in) and \
                      weight_hh (gates · hidden, hidden)";
        return Err(Error::shape(op, reason, &shapes));
    };
    if time == 0 {
        return Err(Error::shape(op, "expected at least one step", &[x.shape()]));
    }
    if inputs != weight_inputs {
        let reason = format!("input has {inputs} features, weight_ih expects {weight_inputs}");
        return Err(Error::shape(op, reason, &shapes));
    }
    let gates = r.cell.gate_count();
    if rows != hidden_rows || hidden.checked_mul(gates) != Some(rows) {
        let reason = format!(
            "expected weights with {gates} times as many rows as the state has units ({hidden})"
        );
        return Err(Error::shape(op, reason, &shapes[1..]));
    }
    for bias in [r.bias_ih, r.bias_hh].into_iter().flatten() {
        if bias.shape() != [rows] {
            let reason = format!("expected biases of length {rows}");
            return Err(Error::shape(op, reason, &[bias.shape()]));
        }
    }
    let states = r.cell.state_count();
    if !r.initial.is_empty() && r.initial.len() != states {
        let found = r.initial.len();
        let reason = format!("expected no initial state or {states}, found {found}");
        return Err(Error::argument(op, reason));
    }
    for state in r.initial {
        if state.shape() != [batch, hidden] {
            let reason =
                format!("expected an initial state ({batch}, {hidden}) with a row for each sample");
            return Err(Error::shape(op, reason, &[state.shape()]));
        }
    }
    if let Some(lengths) = r.lengths {
        if lengths.len() != batch {
            let found = lengths.len();
            let reason = format!("expected {batch} lengths, one for each sample, found {found}");
            return Err(Error::shape(op, reason, &[x.shape()]));
        }
        if let Some(sample) = lengths.iter().position(|&len| len == 0 || len > time) {
            let found = lengths[sample];
            let reason = format!(
                "expected lengths from 1 to the {time} steps of the input, found {found} for \
                 sample {sample}"
            );
            return Err(Error::argument(op, reason));
        }
    }
    Ok([time, batch, inputs, hidden])
}

/// The values of the forward pass.
struct Memory {
    /// (time, batch, gates · hidden), or empty if the only gate is the state.
    gates: Array,
    /// (time + 1, batch, hidden), or empty.
    kept: Array,
    /// (1 + time + 1 or 2, batch, hidden): the initial state, the state of each step, the last
    /// states.
    states: Array,
}

/// The operands, in this order: input, weight_ih, weight_hh, bias_ih, bias_hh, h, c.
type Operands<'a> = [Option<&'a Tensor>; 7];

/// Returns the elements of an operand, or none.
fn elements<F: Element>(operand: Option<&Tensor>) -> Vec<F> {
    operand.map_or(Vec::new(), |x| x.array().to_vec())
}

fn matrix<F>(data: &[F], offset: usize, stride: usize) -> Matrix<'_, F> {
    Matrix {
        data,
        offset,
        row_stride: stride as isize,
        column_stride: 1,
    }
}

fn in_panels<F: Element>(panels: &Panels, weight: Matrix<'_, F>) -> Array {
    Array::build::<F>(Shape::from(panels.len()), |out| panels.fill(weight, out))
}

fn forward<C: Cell, F: Element>(
    cell: C,
    operands: &Operands<'_>,
    [time, batch, inputs, hidden]: [usize; 4],
    lengths: Option<&[usize]>,
) -> Memory {
    let [Some(x), Some(weight_ih), Some(weight_hh), ..] = operands else {
        unreachable!("the input and the weights exist")
    };
    let width = C::GATES * hidden;
    let mut bias = elements::<F>(operands[3]);
    let mut of_products = elements::<F>(operands[4]);
    // A bias of a product belongs to the input, except where a gate scales the product.
    let kept_apart = if C::KEEPS && !C::HAS_CELL_STATE {
        hidden
    } else {
        0
    };
    if !of_products.is_empty() {
        bias.resize(width, F::zero());
        for (sum, &more) in bias.iter_mut().zip(&of_products[..width - kept_apart]) {
            *sum += more;
        }
        of_products.drain(..width - kept_apart);
    }
    let xs = &*x.array().contiguous::<F>();
    let weight: Matrix<'_, F> = weight_ih.array().matrix(0);
    let shape = |rows: usize, columns: usize| Shape::from([rows, batch, columns]);
    let mut gates = Array::build::<F>(shape(time, width), |out| {
        let (sizes, xs) = ([time * batch, inputs, width], matrix(xs, 0, inputs));
        gemm(sizes, xs, weight.transposed(), F::zero(), out);
    });
    let len = batch * hidden;
    let start = |out: &mut [F], state: Option<&Tensor>| match state {
        Some(state) => state.array().view::<F>().gather(0, &mut out[..len]),
        None => out[..len].fill(F::zero()),
    };
    let steps = if C::KEEPS { time + 1 } else { 0 };
    let mut kept = Array::build::<F>(shape(steps, hidden), |out| {
        if C::HAS_CELL_STATE {
            start(out, operands[6]);
        }
    });
    let states = time + 2 + usize::from(C::HAS_CELL_STATE);
    let states = Array::build::<F>(shape(states, hidden), |states| {
        start(states, operands[5]);
        let panels = Panels::new::<F>(hidden, C::GATES, hidden);
        let weight = weight_hh.array().matrix::<F>(0).transposed();
        let copy = (time > 1).then(|| in_panels::<F>(&panels, weight));
        let copy = copy.as_ref().map(Array::contiguous::<F>);
        let mut products = Array::build::<F>(Shape::from([batch, width]), |out| {
            if copy.is_none() {
                let state = matrix(&states[..len], 0, hidden);
                gemm([batch, hidden, width], state, weight, F::zero(), out);
            }
        });
        kernel::forward(
            cell,
            Sizes {
                time,
                batch,
                hidden,
                lengths,
            },
            Weight {
                panels: &panels,
                elements: copy.as_deref(),
            },
            kernel::Biases {
                gates: &bias,
                product: &of_products,
            },
            &mut kernel::Forward {
                gates: gates.elements_mut(),
                kept: kept.elements_mut(),
                states,
                products: products.elements_mut(),
            },
        );
    });
    if C::GATES == 1 {
        // The only gate is the state.
        gates = Array::build::<F>(Shape::from(0), |_| {});
    }
    Memory {
        gates,
        kept,
        states,
    }
}

/// A call of the operation.
pub(super) struct Call {
    pub cell: RecurrentCell,
    pub steps: Steps,
    pub lengths: Option<Vec<usize>>,
    pub operands: [Option<Tensor>; 7],
}

/// The operation, with the values of the forward pass.
struct Recurrent {
    call: Call,
    sizes: [usize; 4],
    memory: Memory,
}

impl Op for Recurrent {
    fn name(&self) -> &'static str {
        self.call.cell.name()
    }
    fn kind(&self) -> OpKind {
        OpKind::Recurrence
    }
    fn inner_activations(&self) -> Option<[Tensor; 2]> {
        let hidden = self.sizes[3];
        let steps = Steps::All.of(self.call.cell, self.sizes, &self.memory.states);
        let sigmoids = |y: &Tensor| y.sub(&y.square()).ok();
        let tanh = |y: &Tensor| Some(y.square().mul_scalar(-1.0).add_scalar(1.0));
        let values = match self.call.cell {
            RecurrentCell::Lstm | RecurrentCell::Gru => Tensor::from(self.memory.gates.clone()),
            RecurrentCell::RnnTanh | RecurrentCell::RnnRelu => Tensor::from(steps),
        };
        let gate = |i: usize, count: usize| values.narrow(-1, i * hidden, count * hidden).ok();
        let slopes = match self.call.cell {
            RecurrentCell::Lstm => {
                let (i_f, g, o) = (gate(0, 2)?, gate(2, 1)?, gate(3, 1)?);
                Tensor::cat(&[sigmoids(&i_f)?, tanh(&g)?, sigmoids(&o)?], -1).ok()?
            }
            RecurrentCell::Gru => {
                let (r_z, n) = (gate(0, 2)?, gate(2, 1)?);
                Tensor::cat(&[sigmoids(&r_z)?, tanh(&n)?], -1).ok()?
            }
            RecurrentCell::RnnTanh => tanh(&values)?,
            RecurrentCell::RnnRelu => values.sign(),
        };
        Some([values, slopes])
    }
    /// Counts the products W x and U h of all steps, also those past the end of a sequence.
    fn multiply_adds(&self, _: &[&[usize]], _: &[usize]) -> u64 {
        let [time, batch, inputs, hidden] = self.sizes.map(|n| n as u64);
        let rows = self.call.cell.gate_count() as u64 * hidden;
        time * batch * rows * (inputs + hidden)
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return recorded(&self.call, &cotangent, context);
        }
        let wants: [bool; 7] = std::array::from_fn(|operand| context.wants(operand));
        let cotangent = cotangent.array();
        Ok(with_dtype!(cotangent.dtype(), F => {
            with_cell!(self.call.cell, backward::<_, F>(self, cotangent, wants))
        }))
    }
}

/// Returns the parts of a row of cotangents that belong to the projected input, each with the
/// first row of its weight.
fn input_parts<C: Cell>(hidden: usize) -> SmallVec<[(Range<usize>, usize); 2]> {
    let gates = C::GATES * hidden;
    let mut parts = SmallVec::new();
    if C::SUMS == C::GATES {
        parts.push((0..gates, 0));
    } else {
        // The last gate's product has other cotangents than its input.
        let apart = gates - hidden;
        parts.push((0..apart, 0));
        parts.push((gates..gates + hidden, apart));
    }
    parts
}

/// Returns the cotangents of the sums inside the gates (time, batch, sums · hidden), and the part
/// (batch, hidden) of a state's cotangent that does not come through a product.
fn of_sums<C: Cell, F: Element>(cell: C, op: &Recurrent, cotangent: &Array) -> [Array; 2] {
    let [time, batch, _, hidden] = op.sizes;
    let Some(weight_hh) = &op.call.operands[2] else {
        unreachable!("the weights exist")
    };
    let of_steps = |start: usize, len: usize| {
        let layout = cotangent.layout.slice(0, start, len, 1);
        let part = cotangent.with_layout(layout);
        if part.layout.strides[2] == 1 || hidden == 1 {
            part
        } else {
            part.to_row_major()
        }
    };
    let last_count = op.call.cell.state_count();
    let (all, last) = match op.call.steps {
        Steps::All => (Some(of_steps(0, time)), None),
        Steps::Last => (None, Some(of_steps(0, last_count))),
        Steps::AllAndLast => (Some(of_steps(0, time)), Some(of_steps(time, last_count))),
    };
    let last = last.as_ref().map(|last| last.contiguous::<F>());
    let weight: Matrix<'_, F> = weight_hh.array().matrix(0);
    let panels = Panels::new::<F>(C::GATES * hidden, 1, hidden);
    let empty = |shape: Shape| Array::build::<F>(shape, |_| {});
    let mut sums = empty(Shape::from([time, batch, C::SUMS * hidden]));
    let mut carry = empty(Shape::from([batch, hidden]));
    let copy = (time > 1).then(|| in_panels::<F>(&panels, weight));
    let copy = copy.as_ref().map(Array::contiguous::<F>);
    let mut products = empty(Shape::from([batch, hidden]));
    let kept = op.memory.kept.contiguous::<F>();
    let saved = Saved {
        gates: &op.memory.gates.contiguous::<F>(),
        kept: &kept,
        states: &op.memory.states.contiguous::<F>(),
        cotangent: all.as_ref().map(|all| kernel::Cotangent {
            data: all.view::<F>().data,
            offset: all.layout.offset,
            strides: [all.layout.strides[0], all.layout.strides[1]],
        }),
        last: last.as_deref().unwrap_or_default(),
    };
    kernel::backward(
        cell,
        Sizes {
            time,
            batch,
            hidden,
            lengths: op.call.lengths.as_deref(),
        },
        Weight {
            panels: &panels,
            elements: copy.as_deref(),
        },
        saved,
        &mut kernel::Backward {
            sums: sums.elements_mut(),
            carry: carry.elements_mut(),
            products: products.elements_mut(),
        },
    );
    [sums, carry]
}

fn backward<C: Cell, F: Element>(
    cell: C,
    op: &Recurrent,
    cotangent: &Array,
    wants: [bool; 7],
) -> Cotangents {
    let [time, batch, inputs, hidden] = op.sizes;
    let [Some(x), Some(weight_ih), Some(weight_hh), ..] = &op.call.operands else {
        unreachable!("the input and the weights exist")
    };
    let (rows, gates, width) = (time * batch, C::GATES * hidden, C::SUMS * hidden);
    let [sums, carry] = of_sums::<C, F>(cell, op, cotangent);
    let weight: Matrix<'_, F> = weight_hh.array().matrix(0);
    let d = &*sums.contiguous::<F>();
    let parts = input_parts::<C>(hidden);
    let dx = wants[0].then(|| {
        let weight: Matrix<'_, F> = weight_ih.array().matrix(0);
        Array::build::<F>(Shape::from([time, batch, inputs]), |out| {
            for (i, (columns, row)) in parts.iter().enumerate() {
                // A stride may be negative.
                let first = weight.offset as isize + *row as isize * weight.row_stride;
                let weight = Matrix {
                    offset: first as usize,
                    ..weight
                };
                let beta = if i == 0 { F::zero() } else { F::one() };
                let sizes = [rows, columns.len(), inputs];
                gemm(sizes, matrix(d, columns.start, width), weight, beta, out);
            }
        })
    });
    let dweight_ih = wants[1].then(|| {
        let xs = &*x.array().contiguous::<F>();
        Array::build::<F>(Shape::from([gates, inputs]), |out| {
            for (columns, row) in &parts {
                let out = &mut out[row * inputs..(row + columns.len()) * inputs];
                let sizes = [columns.len(), rows, inputs];
                let d = matrix(d, columns.start, width).transposed();
                gemm(sizes, d, matrix(xs, 0, inputs), F::zero(), out);
            }
        })
    });
    let dweight_hh = wants[2].then(|| {
        let states = op.memory.states.contiguous::<F>();
        Array::build::<F>(Shape::from([gates, hidden]), |out| {
            let d = matrix(d, 0, width).transposed();
            let sizes = [gates, rows, hidden];
            gemm(sizes, d, matrix(&states, 0, hidden), F::zero(), out);
        })
    });
    let mut dbias_ih = None;
    let mut dbias_hh = None;
    if wants[3] || wants[4] {
        let all = Array::build::<F>(Shape::from(width), |out| {
            fold::columns(fold::Sum, d, [rows, width], out);
        });
        let all = &*all.contiguous::<F>();
        let mut of_input: Vec<F> = Vec::with_capacity(gates);
        for (columns, _) in &parts {
            of_input.extend_from_slice(&all[columns.clone()]);
        }
        dbias_ih = Some(Array::from_slice(Shape::from(gates), &of_input));
        dbias_hh = Some(Array::from_slice(Shape::from(gates), &all[..gates]));
    }
    let dstate = wants[5].then(|| {
        Array::build::<F>(Shape::from([batch, hidden]), |out| {
            let mut beta = F::zero();
            if C::KEEPS && !C::HAS_CELL_STATE {
                out.copy_from_slice(&carry.contiguous::<F>());
                beta = F::one();
            }
            gemm(
                [batch, gates, hidden],
                matrix(d, 0, width),
                weight,
                beta,
                out,
            );
        })
    });
    let dcell = wants[6].then_some(carry);
    let all = [
        dx, dweight_ih, dweight_hh, dbias_ih, dbias_hh, dstate, dcell,
    ];
    all.into_iter()
        .zip(wants)
        .map(|(cotangent, wanted)| cotangent.filter(|_| wanted).map(Tensor::from))
        .collect()
}
