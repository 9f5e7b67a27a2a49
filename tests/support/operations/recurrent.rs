//! Recurrent layers: one direction over a whole sequence.

use super::Domain::Signed;
use super::Entry;
use cotangent::{Recurrence, RecurrentCell, Result, Steps, Tensor};

/// One direction of each kind of recurrent layer.
pub fn recurrent() -> Vec<Entry> {
    operations! { [m, k, n]
        recurrent {
            check "lstm", Signed: (3, m, k) (4 * n, k) (4 * n, n) => (3, m, n),
                |x| run(RecurrentCell::Lstm, x, None, Steps::All);
            check "lstm, all options",
                Signed: (3, m, k) (4 * n, k) (4 * n, n) (4 * n) (4 * n) (m, n) (m, n)
                    => (5, m, n),
                |x| run(RecurrentCell::Lstm, x, Some(1), Steps::AllAndLast);
            check "lstm, last states", Signed: (3, m, k) (4 * n, k) (4 * n, n) (4 * n) (4 * n)
                => (2, m, n),
                |x| run(RecurrentCell::Lstm, x, None, Steps::Last);
            check "gru", Signed: (3, m, k) (3 * n, k) (3 * n, n) => (3, m, n),
                |x| run(RecurrentCell::Gru, x, None, Steps::All);
            check "gru, all options",
                Signed: (3, m, k) (3 * n, k) (3 * n, n) (3 * n) (3 * n) (m, n) => (4, m, n),
                |x| run(RecurrentCell::Gru, x, Some(1), Steps::AllAndLast);
            check "rnn", Signed: (3, m, k) (n, k) (n, n) => (3, m, n),
                |x| run(RecurrentCell::RnnTanh, x, None, Steps::All);
            check "rnn, all options", Signed: (3, m, k) (n, k) (n, n) (n) (n) (m, n) => (1, m, n),
                |x| run(RecurrentCell::RnnTanh, x, Some(1), Steps::Last);
            check "rnn, relu", Signed: (3, m, k) (n, k) (n, n) (n) (n) => (3, m, n),
                |x| run(RecurrentCell::RnnRelu, x, None, Steps::All);
            draw 2 Close |x, p| {
                let column = x[1].flatten().unsqueeze(-1)?;
                let square = column.matmul(&column.transpose(0, 1)?)?;
                x[0].unsqueeze(-1)?.recurrent(&Recurrence {
                    lengths: p.flag.then_some(&p.sizes[..]),
                    ..Recurrence::new(RecurrentCell::RnnTanh, &column, &square)
                })
            };
            draw 3 Close |x, p| x[0].unsqueeze(0)?.recurrent(&Recurrence {
                initial: &[&x[0], &x[0]],
                steps: Steps::AllAndLast,
                ..Recurrence::new(
                    RecurrentCell::Lstm,
                    &x[1].repeat(&[4, 1])?,
                    &x[2].repeat(&[4, 1])?,
                )
            });
            without Golden: "the golden values of the layers cover it";
        }
    }
}

/// Runs a cell with the operands that are given: weights, biases, states. The first sample has
/// `short` steps, the others all.
fn run(cell: RecurrentCell, x: &[Tensor], short: Option<usize>, steps: Steps) -> Result<Tensor> {
    let mut lengths = vec![x[0].shape()[0]; x[0].shape()[1]];
    if let (Some(first), Some(short)) = (lengths.first_mut(), short) {
        *first = short;
    }
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
