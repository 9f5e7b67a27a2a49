//! Softmax, normalizations, dropout, draws of classes.

use super::Domain::{Positive, Signed};
use super::golden::{Operands, golden};
use super::{Entry, values};
use cotangent::prelude::{ChaCha8Rng, Result, SeedableRng, Tensor};

/// In `f32` a mean of 1e4 has an error of half of 1e-3. In `f64` the error is PyTorch's, which
/// multiplies by the scale before it subtracts the mean. A constant channel has a scale of
/// 1 / sqrt(epsilon), which multiplies such errors.
const ROUNDED: &[(&str, f64, f64)] = &[("offset", 1e-11, 2e-3), ("constant", 1e-12, 1e-3)];

/// The same for rows.
const ROWS_ROUNDED: &[(&str, f64, f64)] = &[("offset", 1e-11, 1e-5), ("constant", 1e-11, 1e-4)];

/// Layer normalization over the last axes: gamma and beta by the number of their operand, epsilon,
/// PyTorch's arguments, the cases.
macro_rules! layer_norms {
    ($(over $axes:literal: $($name:literal ($gamma:expr, $beta:expr, $epsilon:expr) $torch:literal,
        $cases:literal;)*)*) => {
        vec![$($(
            golden("layer_norm", concat!("layer_norm(", $name, ") over ", $axes), |x| {
                let (gamma, beta): (Option<usize>, Option<usize>) = ($gamma, $beta);
                layer_norm(&x[0], $axes, gamma.map(|i| &x[i]), beta.map(|i| &x[i]), $epsilon)
            })
            .torch(concat!("F.layer_norm(x, x.shape[-", $axes, ":], ", $torch, ")"), $cases)
            .sums()
            .loose(ROWS_ROUNDED),
        )*)*]
    };
}

/// Softmax, batch, layer and RMS normalization, dropout, draws of classes.
pub fn normalizations() -> Vec<Entry> {
    operations! { [m, k, n]
        softmax {
            check "softmax", Signed: (m, k) => (m, k), |x| x[0].softmax(-1);
            check "softmax of columns", Signed: (m, k) => (m, k), |x| x[0].softmax(0);
            check "softmax of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].softmax(1);
            extreme "softmax of pairs raw", Signed: (m, 2) => (m, 2), |x| x[0].softmax(1);
            golden golden("softmax", "softmax(0)", |x| x[0].softmax(0))
                .torch("F.softmax(x, 0)", "along()").gradient_sums();
            golden golden("softmax", "softmax(1)", |x| x[0].softmax(1))
                .torch("F.softmax(x, 1)", "along()").gradient_sums();
            golden golden("softmax", "softmax(-1)", |x| x[0].softmax(-1))
                .torch("F.softmax(x, -1)", "along() + lines()").gradient_sums();
            draw 1 Same |x, p| x[0].softmax(p.axis);
        }
        log_softmax {
            check "log_softmax", Signed: (m, k) => (m, k), |x| x[0].log_softmax(-1);
            check "log_softmax of columns", Signed: (m, k) => (m, k), |x| x[0].log_softmax(0);
            check "log_softmax of the middle", Signed: (m, k, n) => (m, k, n),
                |x| x[0].log_softmax(1);
            golden golden("softmax", "log_softmax(0)", |x| x[0].log_softmax(0))
                .torch("F.log_softmax(x, 0)", "along()").sums();
            golden golden("softmax", "log_softmax(1)", |x| x[0].log_softmax(1))
                .torch("F.log_softmax(x, 1)", "along()").sums();
            golden golden("softmax", "log_softmax(-1)", |x| x[0].log_softmax(-1))
                .torch("F.log_softmax(x, -1)", "along() + lines()").sums();
            draw 1 Same |x, p| x[0].log_softmax(p.axis);
        }
        batch_norm {
            check "batch_norm", Signed: (m, k) => (m, k),
                |x| Ok(x[0].batch_norm(None, None, 0.1)?.0), refused if m < 2;
            check "batch_norm, affine", Signed: (m, k) (k) (k) => (m, k),
                |x| Ok(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-3)?.0), refused if m < 2;
            check "batch_norm, gamma", Signed: (m, k) (k) => (m, k),
                |x| Ok(x[0].batch_norm(Some(&x[1]), None, 0.1)?.0), refused if m < 2;
            check "batch_norm, beta", Signed: (m, k) (k) => (m, k),
                |x| Ok(x[0].batch_norm(None, Some(&x[1]), 0.1)?.0), refused if m < 2;
            check "batch_norm of lines", Signed: (m, k, n) => (m, k, n),
                |x| Ok(x[0].batch_norm(None, None, 0.1)?.0), refused if m * n < 2;
            check "batch_norm of lines, affine", Signed: (m, k, n) (k) (k) => (m, k, n),
                |x| Ok(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-3)?.0), refused if m * n < 2;
            extreme "batch_norm, tiny epsilon, raw", Signed: (m, k) => (m, k),
                |x| Ok(x[0].batch_norm(None, None, 1e-5)?.0), refused if m < 2;
            extreme "batch_norm statistics: mean, raw", Signed: (m, k) => (k),
                |x| Ok(of_statistics(&x[0])?.0), refused if m < 2;
            extreme "batch_norm statistics: variance, raw", Signed: (m, k) => (k),
                |x| Ok(of_statistics(&x[0])?.1), refused if m < 2;
            golden golden("batch_norm", "batch_norm(1e-5)",
                |x| x.keep(x[0].batch_norm(None, None, 1e-5)))
                .torch("F.batch_norm(x, None, None, None, None, training=True, eps=1e-5)",
                    "channels()").sums().loose(ROUNDED);
            golden golden("batch_norm", "batch_norm(gamma,1e-5)",
                |x| x.keep(x[0].batch_norm(Some(&x[1]), None, 1e-5)))
                .torch("F.batch_norm(x, None, None, y, None, training=True, eps=1e-5)",
                    "channels('gamma', few=True)").sums().loose(ROUNDED);
            golden golden("batch_norm", "batch_norm(beta,1e-5)",
                |x| x.keep(x[0].batch_norm(None, Some(&x[1]), 1e-5)))
                .torch(
                    "F.batch_norm(x, None, None, torch.ones_like(y), y, training=True, eps=1e-5)",
                    "channels('beta', few=True)").sums().loose(ROUNDED);
            golden golden("batch_norm", "batch_norm(gamma,beta,1e-5)",
                |x| x.keep(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-5)))
                .torch("F.batch_norm(x, None, None, y, z, training=True, eps=1e-5)",
                    "channels('gamma', 'beta')").sums().loose(ROUNDED);
            golden golden("batch_norm", "batch_norm(gamma,beta,1e-1)",
                |x| x.keep(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-1)))
                .torch("F.batch_norm(x, None, None, y, z, training=True, eps=0.1)",
                    "channels('gamma', 'beta', few=True)").sums().loose(ROUNDED);
            draw 3 Same |x, p| {
                let gamma = p.flag.then_some(&x[1]);
                let (y, statistics) = x[0].batch_norm(gamma, Some(&x[2]), p.number)?;
                vec![y, statistics.mean, statistics.variance]
            };
        }
        batch_norm_with {
            check "batch_norm_with", Signed: (m, k) => (m, k),
                |x| given_statistics(&x[0], None, None);
            check "batch_norm_with, affine", Signed: (m, k) (k) (k) => (m, k),
                |x| given_statistics(&x[0], Some(&x[1]), Some(&x[2]));
            check "batch_norm_with of lines", Signed: (m, k, n) => (m, k, n),
                |x| given_statistics(&x[0], None, None);
            check "batch_norm_with of lines, affine", Signed: (m, k, n) (k) (k) => (m, k, n),
                |x| given_statistics(&x[0], Some(&x[1]), Some(&x[2]));
            golden golden("batch_norm", "batch_norm_with(1e-5)",
                |x| held(x, None, None, 1e-5))
                .torch("F.batch_norm(x, mean, variance, None, None, training=False, eps=1e-5)",
                    "channels(held=True)").sums().loose(ROUNDED);
            golden golden("batch_norm", "batch_norm_with(gamma,beta,1e-5)",
                |x| held(x, Some(&x[1]), Some(&x[2]), 1e-5))
                .torch("F.batch_norm(x, mean, variance, y, z, training=False, eps=1e-5)",
                    "channels('gamma', 'beta', held=True)").sums().loose(ROUNDED);
            golden golden("batch_norm", "batch_norm_with(gamma,beta,1e-1)",
                |x| held(x, Some(&x[1]), Some(&x[2]), 1e-1))
                .torch("F.batch_norm(x, mean, variance, y, z, training=False, eps=0.1)",
                    "channels('gamma', 'beta', few=True, held=True)").sums().loose(ROUNDED);
            draw 3 Same |x, p|
                x[0].batch_norm_with(&x[1], &x[2], p.flag.then_some(&x[1]), None, p.number);
        }
        layer_norm {
            check "layer_norm", Signed: (m, k) => (m, k), |x| layer_norm(&x[0], 1, None, None, 0.1);
            check "layer_norm, affine", Signed: (m, k) (k) (k) => (m, k),
                |x| layer_norm(&x[0], 1, Some(&x[1]), Some(&x[2]), 0.1);
            check "layer_norm, gamma", Signed: (m, k) (k) => (m, k),
                |x| layer_norm(&x[0], 1, Some(&x[1]), None, 0.1);
            check "layer_norm, beta", Signed: (m, k) (k) => (m, k),
                |x| layer_norm(&x[0], 1, None, Some(&x[1]), 0.1);
            check "layer_norm of planes, affine", Signed: (m, k, n) (k, n) (k, n) => (m, k, n),
                |x| layer_norm(&x[0], 2, Some(&x[1]), Some(&x[2]), 0.1);
            check "layer_norm of everything", Signed: (m, k) => (m, k),
                |x| layer_norm(&x[0], 2, None, None, 0.1);
            extreme "layer_norm, tiny epsilon, raw", Signed: (m, k) => (m, k),
                |x| x[0].layer_norm([x[0].shape()[1]], None, None, 1e-5);
            golden layer_norms! {
                over 1:
                "1e-5" (None, None, 1e-5) "None, None, 1e-5", "rows(1)";
                "gamma,beta,1e-5" (Some(1), Some(2), 1e-5) "y, z, 1e-5", "rows(1, 'gamma', 'beta')";
                "gamma,beta,1e-1" (Some(1), Some(2), 0.1) "y, z, 0.1",
                    "rows(1, 'gamma', 'beta', few=True)";
                "gamma,1e-5" (Some(1), None, 1e-5) "y, None, 1e-5", "rows(1, 'gamma', few=True)";
                // PyTorch cannot differentiate this twice without gamma.
                "beta,1e-5" (None, Some(1), 1e-5) "torch.ones_like(y), y, 1e-5",
                    "rows(1, 'beta', few=True)";
                over 2:
                "1e-5" (None, None, 1e-5) "None, None, 1e-5", "rows(2)";
                "gamma,beta,1e-5" (Some(1), Some(2), 1e-5) "y, z, 1e-5", "rows(2, 'gamma', 'beta')";
                "gamma,beta,1e-1" (Some(1), Some(2), 0.1) "y, z, 0.1",
                    "rows(2, 'gamma', 'beta', few=True)";
                "gamma,1e-5" (Some(1), None, 1e-5) "y, None, 1e-5", "rows(2, 'gamma', few=True)";
                "beta,1e-5" (None, Some(1), 1e-5) "torch.ones_like(y), y, 1e-5",
                    "rows(2, 'beta', few=True)";
                over 3:
                "1e-5" (None, None, 1e-5) "None, None, 1e-5", "rows(3)";
                "gamma,beta,1e-5" (Some(1), Some(2), 1e-5) "y, z, 1e-5", "rows(3, 'gamma', 'beta')";
            };
            draw 3 Same |x, p|
                x[0].layer_norm(x[1].shape(), p.flag.then_some(&x[1]), Some(&x[2]), p.number);
            draw 1 Same |x, p| x[0].layer_norm(&p.shape[..], None, None, p.number);
        }
        rms_norm {
            check "rms_norm", Signed: (m, k) => (m, k),
                |x| x[0].rms_norm(&x[0].shape()[1..], None, 0.1);
            check "rms_norm, gamma", Signed: (m, k) (k) => (m, k),
                |x| x[0].rms_norm(x[1].shape(), Some(&x[1]), 0.1);
            check "rms_norm of planes, gamma", Signed: (m, k, n) (k, n) => (m, k, n),
                |x| x[0].rms_norm(x[1].shape(), Some(&x[1]), 0.1);
            golden golden("rms_norm", "rms_norm(1e-5) over 1", |x| rms_norm(&x[0], 1, None, 1e-5))
                .torch("F.rms_norm(x, x.shape[-1:], eps=1e-5)", "scaled_rows(1)").sums();
            golden golden("rms_norm", "rms_norm(gamma,1e-1) over 1",
                |x| rms_norm(&x[0], 1, Some(&x[1]), 0.1))
                .torch("F.rms_norm(x, y.shape, y, eps=0.1)", "scaled_rows(1, 'gamma')").sums();
            golden golden("rms_norm", "rms_norm(1e-5) over 2", |x| rms_norm(&x[0], 2, None, 1e-5))
                .torch("F.rms_norm(x, x.shape[-2:], eps=1e-5)", "scaled_rows(2)").sums();
            golden golden("rms_norm", "rms_norm(gamma,1e-1) over 2",
                |x| rms_norm(&x[0], 2, Some(&x[1]), 0.1))
                .torch("F.rms_norm(x, y.shape, y, eps=0.1)", "scaled_rows(2, 'gamma')").sums();
            draw 2 Same |x, p| x[0].rms_norm(x[1].shape(), p.flag.then_some(&x[1]), p.number);
        }
        group_norm {
            check "group_norm", Signed: (m, 2 * k, n + 1) => (m, 2 * k, n + 1),
                |x| x[0].group_norm(2, None, None, 0.1), refused if k * (n + 1) == 1;
            check "group_norm, affine", Signed: (m, 4, n + 1) (4) (4) => (m, 4, n + 1),
                |x| x[0].group_norm(2, Some(&x[1]), Some(&x[2]), 0.1);
            check "group_norm, gamma", Signed: (m, 2 * k) (2 * k) => (m, 2 * k),
                |x| x[0].group_norm(2, Some(&x[1]), None, 0.1), refused if k == 1;
            check "group_norm of planes, beta", Signed: (m, 2, 2, n + 1) (2) => (m, 2, 2, n + 1),
                |x| x[0].group_norm(1, None, Some(&x[1]), 0.1);
            golden golden("group_norm", "group_norm(2,1e-5)",
                |x| x[0].group_norm(2, None, None, 1e-5))
                .torch("F.group_norm(x, 2, eps=1e-5)", "groups(2)").sums().loose(ROWS_ROUNDED);
            golden golden("group_norm", "group_norm(3,gamma,beta,1e-5)",
                |x| x[0].group_norm(3, Some(&x[1]), Some(&x[2]), 1e-5))
                .torch("F.group_norm(x, 3, y, z, 1e-5)", "groups(3, 'gamma', 'beta')")
                .sums().loose(ROWS_ROUNDED);
            golden golden("group_norm", "group_norm(1,gamma,1e-1)",
                |x| x[0].group_norm(1, Some(&x[1]), None, 0.1))
                .torch("F.group_norm(x, 1, y, None, 0.1)", "groups(1, 'gamma')")
                .sums().unsigned_zeros().loose(ROWS_ROUNDED);
            golden golden("group_norm", "group_norm(6,beta,1e-5)",
                |x| x[0].group_norm(6, None, Some(&x[1]), 1e-5))
                .torch("F.group_norm(x, 6, torch.ones_like(y), y, 1e-5)", "groups(6, 'beta')")
                .sums().loose(ROWS_ROUNDED);
            draw 3 Same |x, p| x[0].group_norm(
                p.size, p.flag.then_some(&x[1]), Some(&x[2]), p.number);
            draw 1 Same |x, p| x[0].group_norm(2, None, None, p.number);
        }
        instance_norm {
            check "instance_norm", Signed: (m, k, n + 2) => (m, k, n + 2),
                |x| x[0].instance_norm(None, None, 0.1);
            check "instance_norm of planes, affine", Signed:
                (m, 2, 2, n + 1) (2) (2) => (m, 2, 2, n + 1),
                |x| x[0].instance_norm(Some(&x[1]), Some(&x[2]), 0.1);
            golden golden("group_norm", "instance_norm(1e-5)",
                |x| x[0].instance_norm(None, None, 1e-5))
                .torch("F.instance_norm(x, eps=1e-5)", "groups(6)").sums().loose(ROWS_ROUNDED);
            golden golden("group_norm", "instance_norm(gamma,beta,1e-1)",
                |x| x[0].instance_norm(Some(&x[1]), Some(&x[2]), 0.1))
                .torch("F.instance_norm(x, weight=y, bias=z, eps=0.1)",
                    "groups(6, 'gamma', 'beta')").sums().loose(ROWS_ROUNDED);
            draw 3 Same |x, p|
                x[0].instance_norm(p.flag.then_some(&x[1]), Some(&x[2]), p.number);
            draw 1 Same |x, p| x[0].instance_norm(None, None, p.number);
        }
        multinomial {
            draw 1 Same |x, p| x[0].multinomial(&mut ChaCha8Rng::seed_from_u64(p.seed));
            without Check Golden Extreme: "gives classes: `indexing` counts them";
        }
        dropout {
            check "dropout", Signed: (m, k) => (m, k), |x| x[0].dropout(0.4, 7);
            check "no dropout", Signed: (m, k) => (m, k), |x| x[0].mul_scalar(2.0).dropout(0.0, 7);
            draw 1 Same |x, p| x[0].dropout(p.number, p.seed);
            without Golden: "draws random numbers, other than PyTorch's";
        }
        channel_dropout {
            check "channel_dropout", Signed: (m, k, n) => (m, k, n),
                |x| x[0].channel_dropout(0.4, 7);
            check "no channel_dropout", Signed: (m, k, n) => (m, k, n),
                |x| x[0].mul_scalar(2.0).channel_dropout(0.0, 7);
            draw 1 Same |x, p| x[0].channel_dropout(p.number, p.seed);
            without Golden: "draws random numbers, other than PyTorch's";
        }
        alpha_dropout {
            check "alpha_dropout", Signed: (m, k) => (m, k), |x| x[0].alpha_dropout(0.4, 7);
            check "no alpha_dropout", Signed: (m, k) => (m, k),
                |x| x[0].mul_scalar(2.0).alpha_dropout(0.0, 7);
            draw 1 Same |x, p| x[0].alpha_dropout(p.number, p.seed);
            without Golden: "draws random numbers, other than PyTorch's";
        }
    }
}

fn given_statistics(x: &Tensor, gamma: Option<&Tensor>, beta: Option<&Tensor>) -> Result<Tensor> {
    let channels = [x.shape()[1]];
    let mean = values(&channels, Signed, x.dtype(), 71)?;
    let variance = values(&channels, Positive, x.dtype(), 72)?;
    x.batch_norm_with(&mean, &variance, gamma, beta, 1e-5)
}

/// Normalizes with the statistics of a case.
fn held(
    x: &Operands,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    let (mean, variance) = x.given();
    x[0].batch_norm_with(mean, variance, gamma, beta, epsilon)
}

fn of_statistics(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let statistics = x.batch_norm(None, None, 1e-5)?.1;
    Ok((statistics.mean, statistics.variance))
}

/// Normalizes over the last axes of the input.
fn layer_norm(
    x: &Tensor,
    axes: usize,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    x.layer_norm(&x.shape()[x.rank() - axes..], gamma, beta, epsilon)
}

/// Normalizes over the last axes of the input.
fn rms_norm(x: &Tensor, axes: usize, gamma: Option<&Tensor>, epsilon: f64) -> Result<Tensor> {
    x.rms_norm(&x.shape()[x.rank() - axes..], gamma, epsilon)
}
