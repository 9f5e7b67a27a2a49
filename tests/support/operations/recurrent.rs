//! Recurrent layers: one direction over a whole sequence.

use super::Domain::Signed;
use super::Entry;
use cotangent::{Recurrence, RecurrentCell, Result, Steps, Tensor};

/// One direction of each kind of recurrent layer.
pub fn recurrent() -> Vec<Entry> {
    operations! { [m, k, n]
        recurrent {
            check "lstm", Signed: (m, 2, k) (4 * n, k) (4 * n, n) => (m, 2, n),
                |x| run(RecurrentCell::Lstm, x, None, Steps::All), refused if m == 0;
            check "lstm, all options",
                Signed: (m, 2, k) (4 * n, k) (4 * n, n) (4 * n) (4 * n) (2, n) (2, n)
                    => (m + 2, 2, n),
                |x| run(RecurrentCell::Lstm, x, Some(1), Steps::AllAndLast), refused if m == 0;
            check "lstm, last states", Signed: (m, 2, k) (4 * n, k) (4 * n, n) (4 * n) (4 * n)
                => (2, 2, n),
                |x| run(RecurrentCell::Lstm, x, None, Steps::Last), refused if m == 0;
            check "gru", Signed: (m, 2, k) (3 * n, k) (3 * n, n) => (m, 2, n),
                |x| run(RecurrentCell::Gru, x, None, Steps::All), refused if m == 0;
            check "gru, all options",
                Signed: (m, 2, k) (3 * n, k) (3 * n, n) (3 * n) (3 * n) (2, n) => (m + 1, 2, n),
                |x| run(RecurrentCell::Gru, x, Some(1), Steps::AllAndLast), refused if m == 0;
            check "rnn", Signed: (m, 2, k) (n, k) (n, n) => (m, 2, n),
                |x| run(RecurrentCell::RnnTanh, x, None, Steps::All), refused if m == 0;
            check "rnn, all options", Signed: (m, 2, k) (n, k) (n, n) (n) (n) (2, n) => (1, 2, n),
                |x| run(RecurrentCell::RnnTanh, x, Some(1), Steps::Last), refused if m == 0;
            check "rnn, relu", Signed: (m, 2, k) (n, k) (n, n) (n) (n) => (m, 2, n),
                |x| run(RecurrentCell::RnnRelu, x, None, Steps::All), refused if m == 0;
            draw 3 Close |x, p| x[0].recurrent(&Recurrence {
                lengths: p.flag.then_some(&p.sizes[..]),
                ..Recurrence::new(RecurrentCell::Gru, &x[1], &x[2])
            });
            draw 3 Close |x, p| x[0].recurrent(&Recurrence {
                initial: &[&x[1], &x[2]],
                steps: Steps::AllAndLast,
                ..Recurrence::new(RecurrentCell::Lstm, &x[1], &x[2])
            });
            without Golden: "the golden values of the layers cover it";
        }
    }
}

/// Runs a cell with the operands that are given: weights, biases, states. The first sample has
/// `short` steps, the others all.
fn run(cell: RecurrentCell, x: &[Tensor], short: Option<usize>, steps: Steps) -> Result<Tensor> {
    let mut lengths = vec![x[0].shape()[0]; x[0].shape()[1]];
    lengths[0] = short.unwrap_or(lengths[0]);
    let initial: Vec<&Tensor> = x.iter().skip(5).collect();
    x[0].recurrent(&Recurrence {
        bias_ih: x.get(3),
        bias_hh: x.get(4),
        initial: &initial,
        lengths: short.is_some().then_some(&lengths[..]),
        steps,
        ..Recurrence::new(cell, &x[1], &x[2])
    })
}
