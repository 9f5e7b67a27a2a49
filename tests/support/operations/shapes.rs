//! Views, joins, triangles, products of any rank.

use super::Domain::Signed;
use super::Entry;
use super::golden::{Operands, golden};
use cotangent::{INFER, Indices, PaddingMode, Result, Tensor};

/// Views, joins, triangles, products of any rank.
#[allow(clippy::reversed_empty_ranges)] // Negative bounds count from the end.
pub fn shapes() -> Vec<Entry> {
    operations! { [m, k, n]
        reshape {
            check "reshape", Signed: (m, k) => (k, m),
                |x| x[0].reshape([x[0].shape()[1], x[0].shape()[0]]);
            golden golden("shape", "reshape(6,4)", |x| x[0].reshape([6, 4]))
                .torch("x.reshape(6, 4)", "cube()").moves();
            golden golden("shape", "reshape(24)", |x| x[0].reshape([24]))
                .torch("x.reshape(24)", "cube()").moves();
            golden golden("shape", "reshape(2,3,1,4)", |x| x[0].reshape([2, 3, 1, 4]))
                .torch("x.reshape(2, 3, 1, 4)", "cube()").moves();
            golden golden("shape", "reshape(4,-1)", |x| x[0].reshape([4, INFER]))
                .torch("x.reshape(4, -1)", "cube()").moves();
            golden golden("shape", "reshape(2,-1,4)", |x| x[0].reshape([2, INFER, 4]))
                .torch("x.reshape(2, -1, 4)", "cube()").moves();
            draw 1 Same |x, p| x[0].reshape(&p.shape[..]);
            draw 1 Same |x, p| x[0].reshape([p.size, INFER]);
        }
        flatten {
            check "flatten", Signed: (m, k, n) => (m * k * n), |x| Ok(x[0].flatten());
            golden golden("shape", "flatten()", |x| Ok(x[0].flatten()))
                .torch("x.flatten()", "cube()").moves();
            golden golden("shape", "permute(2,0,1).flatten()",
                |x| Ok(x[0].permute([2, 0, 1])?.flatten()))
                .torch("x.permute(2, 0, 1).flatten()", "cube()").moves();
            draw 1 Same |x, p| x[0].flatten();
        }
        flatten_from {
            check "flatten_from(1)", Signed: (m, k, n) => (m, k * n), |x| x[0].flatten_from(1);
            check "flatten_from(-1)", Signed: (m, k, n) => (m, k, n), |x| x[0].flatten_from(-1);
            golden golden("shape", "flatten(1)", |x| x[0].flatten_from(1))
                .torch("x.flatten(1)", "cube()").moves();
            golden golden("shape", "flatten(-3)", |x| x[0].flatten_from(-3))
                .torch("x.flatten(-3)", "cube()").moves();
            draw 1 Same |x, p| x[0].flatten_from(p.axis);
        }
        permute {
            check "permute", Signed: (m, k, n) => (n, m, k), |x| x[0].permute([2, 0, 1]);
            check "permute by negative axes", Signed: (m, k, n) => (n, m, k),
                |x| x[0].permute([-1, -3, 1]);
            golden golden("shape", "permute(2,0,1)", |x| x[0].permute([2, 0, 1]))
                .torch("x.permute(2, 0, 1)", "cube()").moves();
            golden golden("shape", "permute(1,0,2)", |x| x[0].permute([1, 0, 2]))
                .torch("x.permute(1, 0, 2)", "cube()").moves();
            golden golden("shape", "permute(0,1,2)", |x| x[0].permute([0, 1, 2]))
                .torch("x.permute(0, 1, 2)", "cube()").moves();
            golden golden("shape", "permute(2,0,1).reshape(8,3)",
                |x| x[0].permute([2, 0, 1])?.reshape([8, 3]))
                .torch("x.permute(2, 0, 1).reshape(8, 3)", "cube()").moves();
            draw 1 Same |x, p| x[0].permute(&p.order);
        }
        transpose {
            check "transpose", Signed: (m, k) => (k, m), |x| x[0].transpose(0, 1);
            check "transpose of the outer", Signed: (m, k, n) => (n, k, m),
                |x| x[0].transpose(-1, 0);
            golden golden("shape", "transpose(0,2)", |x| x[0].transpose(0, 2))
                .torch("x.transpose(0, 2)", "cube()").moves();
            golden golden("shape", "transpose(-1,-2)", |x| x[0].transpose(-1, -2))
                .torch("x.transpose(-1, -2)", "cube()").moves();
            golden golden("shape", "transpose(1,1)", |x| x[0].transpose(1, 1))
                .torch("x.transpose(1, 1)", "cube()").moves();
            draw 1 Same |x, p| x[0].transpose(p.axis, p.other_axis);
        }
        broadcast_to {
            check "broadcast_to in front", Signed: (k) => (3, 2, k),
                |x| x[0].broadcast_to([3, 2, x[0].shape()[0]]);
            check "broadcast_to behind", Signed: (m, 1) => (m, 4),
                |x| x[0].broadcast_to([x[0].shape()[0], 4]);
            check "broadcast_to nothing", Signed: (m, 1) => (m, 0),
                |x| x[0].broadcast_to([x[0].shape()[0], 0]);
            golden golden("shape", "broadcast_to(3,2,3,4)", |x| x[0].broadcast_to([3, 2, 3, 4]))
                .torch("x.broadcast_to(3, 2, 3, 4)", "cube()").copies();
            golden golden("shape", "broadcast_to(2,3,4,5)", |x| x[0].broadcast_to([2, 3, 4, 5]))
                .torch("x.broadcast_to(2, 3, 4, 5)",
                    "case('ones', Random('ones').normal(3, 1, 5), second=False)").copies();
            draw 1 Same |x, p| x[0].broadcast_to(&p.shape[..]);
        }
        unsqueeze {
            check "unsqueeze", Signed: (m, k) => (m, 1, k), |x| x[0].unsqueeze(1);
            check "unsqueeze behind", Signed: (m, k) => (m, k, 1), |x| x[0].unsqueeze(-1);
            golden golden("shape", "unsqueeze(0)", |x| x[0].unsqueeze(0))
                .torch("x.unsqueeze(0)", "cube()").moves();
            golden golden("shape", "unsqueeze(2)", |x| x[0].unsqueeze(2))
                .torch("x.unsqueeze(2)", "cube()").moves();
            golden golden("shape", "unsqueeze(-1)", |x| x[0].unsqueeze(-1))
                .torch("x.unsqueeze(-1)", "cube()").moves();
            golden golden("shape", "unsqueeze(1).broadcast_to(2,5,3,4)",
                |x| x[0].unsqueeze(1)?.broadcast_to([2, 5, 3, 4]))
                .torch("x.unsqueeze(1).broadcast_to(2, 5, 3, 4)", "cube()").copies();
            draw 1 Same |x, p| x[0].unsqueeze(p.axis);
        }
        squeeze {
            check "squeeze", Signed: (m, 1, k) => (m, k), |x| x[0].squeeze(1);
            golden golden("shape", "squeeze(1)", |x| x[0].squeeze(1))
                .torch("x.squeeze(1)",
                    "case('ones', Random('squeeze').normal(3, 1, 4, 1))").moves();
            golden golden("shape", "squeeze(-1)", |x| x[0].squeeze(-1))
                .torch("x.squeeze(-1)",
                    "case('ones', Random('squeeze').normal(3, 1, 4, 1))").moves();
            draw 1 Same |x, p| x[0].squeeze(p.axis);
        }
        narrow {
            check "narrow", Signed: (m, k) => (span(m).1, k),
                |x| x[0].narrow(0, span(x[0].shape()[0]).0, span(x[0].shape()[0]).1);
            check "narrow of the last", Signed: (m, k) => (m, span(k).1),
                |x| x[0].narrow(-1, span(x[0].shape()[1]).0, span(x[0].shape()[1]).1);
            check "narrow to nothing", Signed: (m, k) => (m, 0),
                |x| x[0].narrow(1, x[0].shape()[1], 0);
            golden golden("shape", "narrow(1,1,2)", |x| x[0].narrow(1, 1, 2))
                .torch("x.narrow(1, 1, 2)", "cube()").moves();
            golden golden("shape", "narrow(-1,0,1)", |x| x[0].narrow(-1, 0, 1))
                .torch("x.narrow(-1, 0, 1)", "cube()").moves();
            golden golden("shape", "narrow(0,1,0)", |x| x[0].narrow(0, 1, 0))
                .torch("x.narrow(0, 1, 0)", "cube()").moves();
            golden golden("shape", "narrow(2,1,3).transpose(0,2)",
                |x| x[0].narrow(2, 1, 3)?.transpose(0, 2))
                .torch("x.narrow(2, 1, 3).transpose(0, 2)", "cube()").moves();
            draw 1 Same |x, p| x[0].narrow(p.axis, p.size, p.other_size);
        }
        select {
            check "select", Signed: (m, k) => (k), |x| x[0].select(0, 0), refused if m == 0;
            check "select of the last", Signed: (m, k) => (m), |x| x[0].select(-1, -1),
                refused if k == 0;
            golden golden("shape", "select(1,-1)", |x| x[0].select(1, -1))
                .torch("x.select(1, -1)", "cube()").moves();
            golden golden("shape", "select(-1,0)", |x| x[0].select(-1, 0))
                .torch("x.select(-1, 0)", "cube()").moves();
            draw 1 Same |x, p| x[0].select(p.axis, p.size as isize);
        }
        slice {
            check "slice", Signed: (m, k) => (m, k.div_ceil(2)), |x| x[0].slice(1, None, None, 2);
            check "slice backwards", Signed: (m, k, n) => (m.div_ceil(2), k, n),
                |x| x[0].slice(0, None, None, -2);
            check "slice of the inside", Signed: (m, k) => (m, k.saturating_sub(2)),
                |x| x[0].slice(-1, -2, 0, -1), refused if k < 2;
            golden golden("shape", "slice(2,::2)", |x| x[0].slice(2, None, None, 2))
                .torch("x[:, :, ::2]", "cube()").moves();
            golden golden("shape", "slice(1,-2:)", |x| x[0].slice(1, -2, None, 1))
                .torch("x[:, -2:]", "cube()").moves();
            golden golden("shape", "slice(2,1:-1:2)", |x| x[0].slice(2, 1, -1, 2))
                .torch("x[..., 1:-1:2]", "cube()").moves();
            golden golden("shape", "slice(2,2:1)", |x| x[0].slice(2, 2, -3, 1))
                .torch("x[..., 2:1]", "cube()").moves();
            golden golden("shape", "slice(2,3:0:-2)", |x| x[0].slice(2, 3, 0, -2))
                .torch("x[..., 1:4].flip(2)[..., ::2]", "cube()").moves();
            draw 1 Same |x, p| x[0].slice(p.axis, p.start, p.end, p.step);
        }
        flip {
            check "flip", Signed: (m, k, n) => (m, k, n), |x| x[0].flip([-1, 0]);
            check "flip of no axis", Signed: (m, k) => (m, k), |x| x[0].flip([]);
            golden golden("shape", "flip(0)", |x| x[0].flip([0]))
                .torch("x.flip(0)", "cube(odd=ODD)").moves();
            golden golden("shape", "flip(2,-2)", |x| x[0].flip([2, -2]))
                .torch("x.flip(2, -2)", "cube()").moves();
            golden golden("shape", "flip()", |x| x[0].flip([]))
                .torch("x.flip([])", "cube()").moves();
            draw 1 Same |x, p| x[0].flip(&p.list);
        }
        slice_scatter {
            check "slice_scatter", Signed: (m, k) (m, k.div_ceil(2)) => (m, k),
                |x| x[0].slice_scatter(&x[1], 1, None, None, 2);
            check "slice_scatter backwards", Signed: (m, k) (m, k) => (m, k),
                |x| x[0].slice_scatter(&x[1], 0, None, None, -1);
            golden golden("shape", "slice_scatter(1,0,3,2)",
                |x| x[0].slice_scatter(&x[1], 1, 0, 3, 2))
                .torch("x.slice_scatter(y, 1, 0, 3, 2)", "put([2, 3, 4], [2, 2, 4])").moves();
            golden golden("shape", "slice_scatter(-1,2,-1,1)",
                |x| x[0].slice_scatter(&x[1], -1, 2, -1, 1))
                .torch("x.slice_scatter(y, -1, 2, -1, 1)", "put([2, 3, 4], [2, 3, 1])").moves();
            draw 2 Same |x, p| {
                let part = x[1].slice(p.axis, p.start, p.end, p.step)?;
                let source = if p.flag { &part } else { &x[1] };
                x[0].slice_scatter(source, p.axis, p.start, p.end, p.step)
            };
        }
        select_scatter {
            check "select_scatter", Signed: (m, k) (m) => (m, k),
                |x| x[0].select_scatter(&x[1], 1, -1), refused if k == 0;
            golden golden("shape", "select_scatter(0,1)", |x| x[0].select_scatter(&x[1], 0, 1))
                .torch("x.select_scatter(y, 0, 1)", "put([2, 3, 4], [3, 4])").moves();
            golden golden("shape", "select_scatter(2,-2)", |x| x[0].select_scatter(&x[1], 2, -2))
                .torch("x.select_scatter(y, 2, -2)", "put([2, 3, 4], [2, 3])").moves();
            draw 2 Same |x, p| {
                let place = p.start.unwrap_or(0);
                let part = x[1].select(p.axis, place)?;
                x[0].select_scatter(if p.flag { &part } else { &x[1] }, p.axis, place)
            };
        }
        diagonal_scatter {
            check "diagonal_scatter", Signed: (m, k) (m.min(k)) => (m, k),
                |x| x[0].diagonal_scatter(&x[1], 0);
            check "diagonal_scatter above", Signed: (n, m, k) (n, m.min(k.saturating_sub(1)))
                => (n, m, k), |x| x[0].diagonal_scatter(&x[1], 1);
            golden golden("shape", "diagonal_scatter(0)", |x| x[0].diagonal_scatter(&x[1], 0))
                .torch("x.diagonal_scatter(y, 0, -2, -1)", "put([2, 3, 4], [2, 3])").moves();
            golden golden("shape", "diagonal_scatter(-1)", |x| x[0].diagonal_scatter(&x[1], -1))
                .torch("x.diagonal_scatter(y, -1, -2, -1)", "put([2, 3, 4], [2, 2])").moves();
            draw 2 Same |x, p| {
                let offset = p.start.unwrap_or(0);
                let part = x[1].diagonal(offset)?;
                x[0].diagonal_scatter(if p.flag { &part } else { &x[1] }, offset)
            };
        }
        roll {
            check "roll", Signed: (m, k) => (m, k), |x| x[0].roll(0, 1);
            check "roll of the last", Signed: (m, k, n) => (m, k, n), |x| x[0].roll(-1, -5);
            golden golden("shape", "roll(0,1)", |x| x[0].roll(0, 1))
                .torch("x.roll(1, 0)", "cube(odd=ODD, empty=EMPTY)").moves();
            golden golden("shape", "roll(1,-5)", |x| x[0].roll(1, -5))
                .torch("x.roll(-5, 1)", "cube(empty=EMPTY)").moves();
            golden golden("shape", "roll(-1,4)", |x| x[0].roll(-1, 4))
                .torch("x.roll(4, -1)", "cube()").moves();
            draw 1 Same |x, p| x[0].roll(p.axis, p.start.unwrap_or(0));
        }
        sliding_window {
            check "sliding_window", Signed: (m, k + 1) => (m, k, 2),
                |x| x[0].sliding_window(1, 2, 1), refused if k == 0;
            check "sliding_window with gaps", Signed: (m + 1, k) => (m / 3 + 1, k, 1),
                |x| x[0].sliding_window(0, 1, 3);
            check "sliding_window of the middle", Signed: (m, k + 2, n) => (m, k / 2 + 1, n, 2),
                |x| x[0].sliding_window(1, 2, 2);
            golden golden("shape", "sliding_window(2,3,1)", |x| x[0].sliding_window(2, 3, 1))
                .torch("x.unfold(2, 3, 1)", "cube()").copies();
            golden golden("shape", "sliding_window(0,1,2)", |x| x[0].sliding_window(0, 1, 2))
                .torch("x.unfold(0, 1, 2)", "cube(empty=EMPTY)").copies();
            golden golden("shape", "sliding_window(-2,2,1)", |x| x[0].sliding_window(-2, 2, 1))
                .torch("x.unfold(-2, 2, 1)", "cube()").copies();
            golden golden("shape", "sliding_window(0,0,1)", |x| x[0].sliding_window(0, 0, 1))
                .torch("x.unfold(0, 0, 1)", "cube()").copies();
            draw 1 Same |x, p| x[0].sliding_window(p.axis, p.size, p.other_size);
        }
        split {
            check "split", Signed: (m, k) => (m, k), |x| in_reverse(&x[0].split(1, 3)?, 1);
            golden golden("shape", "split(2,3)", |x| in_reverse(&x[0].split(2, 3)?, 2))
                .torch("torch.cat(x.split(3, 2)[::-1], 2)", "cube()").moves();
            draw 1 Same |x, p| x[0].split(p.axis, p.size);
        }
        split_sizes {
            check "split_sizes", Signed: (m, k) => (m, k), |x| {
                let len = x[0].shape()[0];
                in_reverse(&x[0].split_sizes(0, &[len / 2, 0, len - len / 2])?, 0)
            };
            golden golden("shape", "split_sizes(2,[1,0,3])",
                |x| in_reverse(&x[0].split_sizes(2, &[1, 0, 3])?, 2))
                .torch("torch.cat(x.split([1, 0, 3], 2)[::-1], 2)", "cube()").moves();
            draw 1 Same |x, p| x[0].split_sizes(p.axis, &p.sizes);
        }
        chunk {
            check "chunk", Signed: (m, k) => (m, k), |x| in_reverse(&x[0].chunk(-1, 3)?, 1);
            golden golden("shape", "chunk(2,3)", |x| in_reverse(&x[0].chunk(2, 3)?, 2))
                .torch("torch.cat(x.chunk(3, 2)[::-1], 2)", "cube()").moves();
            golden golden("shape", "chunk(1,2)", |x| in_reverse(&x[0].chunk(1, 2)?, 1))
                .torch("torch.cat(x.chunk(2, 1)[::-1], 1)", "cube()").moves();
            draw 1 Same |x, p| x[0].chunk(p.axis, p.size);
        }
        rows {
            check "rows", Signed: (m, k) => (m, k), |x| {
                if x[0].shape()[0] > 1000 {
                    return Ok(x[0].clone()); // Each row's gradient is a whole tensor.
                }
                let rows: Vec<Tensor> = x[0].rows()?.rev().collect();
                Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0)
            }, refused if m == 0;
            golden golden("shape", "rows",
                |x| in_reverse(&x[0].rows()?.rev().collect::<Vec<_>>(), 1))
                .torch("torch.cat(x.unbind(0), 1)", "cube()").moves();
            draw 1 Same |x, p| x[0].rows()?.rev().collect::<Vec<_>>();
        }
        pad {
            check "pad", Signed: (m, k) => (m + 1, k + 3), |x| x[0].pad(&[(1, 0), (2, 1)], 0.5);
            check "pad by nothing", Signed: (m, k) => (m, k), |x| x[0].pad(&[(0, 0), (0, 0)], 0.5);
            golden golden("shape", "pad", |x| x[0].pad(&[(2, 0), (0, 1), (1, 2)], 0.5))
                .torch("F.pad(x, (1, 2, 0, 1, 2, 0), value=0.5)", "cube()").moves();
            golden golden("shape", "pad by nothing", |x| x[0].pad(&[(0, 0); 3], 0.5))
                .torch("F.pad(x, (0, 0, 0, 0, 0, 0), value=0.5)", "cube()").moves();
            golden golden("shape", "pad a matrix", |x| x[0].pad(&[(2, 1), (1, 0)], -1.5))
                .torch("F.pad(x, (1, 0, 2, 1), value=-1.5)", "padded()").moves();
            draw 1 Same |x, p| x[0].pad(&p.pairs, p.number);
        }
        pad_with {
            check "pad_with reflection", Signed: (m, n + 2) => (m, n + 4),
                |x| x[0].pad_with(&[(0, 0), (1, 1)], PaddingMode::Reflect);
            check "pad_with replication", Signed: (2, m, n + 1) => (2, m, n + 6),
                |x| x[0].pad_with(&[(0, 0), (0, 0), (2, 3)], PaddingMode::Replicate);
            check "pad_with the other end", Signed: (2, n + 2) => (3, n + 5),
                |x| x[0].pad_with(&[(1, 0), (2, 1)], PaddingMode::Circular);
            check "pad_with zeros", Signed: (m, n) => (m + 1, n + 2),
                |x| x[0].pad_with(&[(1, 0), (0, 2)], PaddingMode::Zeros);
            golden golden("shape", "pad_with(reflect)",
                |x| x[0].pad_with(&[(0, 0), (0, 0), (3, 2), (1, 5)], PaddingMode::Reflect))
                .torch("F.pad(x, (1, 5, 3, 2), mode='reflect')", "images(2)").copies();
            golden golden("shape", "pad_with(replicate)",
                |x| x[0].pad_with(&[(0, 0), (0, 0), (3, 9), (1, 0)], PaddingMode::Replicate))
                .torch("F.pad(x, (1, 0, 3, 9), mode='replicate')", "images(2)").copies();
            golden golden("shape", "pad_with(circular)",
                |x| x[0].pad_with(&[(0, 0), (0, 0), (3, 7), (1, 6)], PaddingMode::Circular))
                .torch("F.pad(x, (1, 6, 3, 7), mode='circular')", "images(2)").copies();
            draw 1 Same |x, p| x[0].pad_with(&p.pairs, match p.seed % 4 {
                0 => PaddingMode::Zeros,
                1 => PaddingMode::Reflect,
                2 => PaddingMode::Replicate,
                _ => PaddingMode::Circular,
            });
        }
        cat {
            check "cat", Signed: (m, k) (m, n) => (m, k + n), |x| Tensor::cat(&[&x[0], &x[1]], 1);
            check "cat of three", Signed: (m, k, n) (1, k, n) (2, k, n) => (m + 3, k, n),
                |x| Tensor::cat(&[&x[0], &x[1], &x[2]], -3);
            check "cat of x with x", Signed: (m, k) => (m, 2 * k),
                |x| Tensor::cat(&[&x[0], &x[0]], -1);
            golden golden("shape", "cat(1)", |x| Tensor::cat(&all(x), 1))
                .torch("torch.cat(operands, 1)", "joined()").moves();
            golden golden("shape", "cat(x,x,-1)", |x| Tensor::cat(&[&x[0], &x[0]], -1))
                .torch("torch.cat([x, x], -1)",
                    "case('cube', Random('cat twice').normal(2, 3, 4))").copies();
            draw 3 Same |x, p| Tensor::cat(&[&x[0], &x[1], &x[2]], p.axis);
        }
        stack {
            check "stack", Signed: (m, k) (m, k) => (2, m, k),
                |x| Tensor::stack(&[&x[0], &x[1]], 0);
            check "stack behind", Signed: (m, k) (m, k) => (m, k, 2),
                |x| Tensor::stack(&[&x[0], &x[1]], -1);
            golden golden("shape", "stack(0)", |x| Tensor::stack(&all(x), 0))
                .torch("torch.stack(operands, 0)",
                    "stacked() + case('scalars', torch.tensor(1.5), torch.tensor(2.5))").moves();
            golden golden("shape", "stack(1)", |x| Tensor::stack(&all(x), 1))
                .torch("torch.stack(operands, 1)", "stacked()").moves();
            golden golden("shape", "stack(-1)", |x| Tensor::stack(&all(x), -1))
                .torch("torch.stack(operands, -1)", "stacked()").moves();
            draw 2 Same |x, p| Tensor::stack(&[&x[0], &x[1]], p.axis);
        }
        repeat {
            check "repeat", Signed: (m, k) => (2 * m, 3 * k), |x| x[0].repeat(&[2, 3]);
            check "repeat along a new axis", Signed: (m, k) => (3, m, 2 * k),
                |x| x[0].repeat(&[3, 1, 2]);
            check "repeat no times", Signed: (m, k) => (0, k), |x| x[0].repeat(&[0, 1]);
            golden golden("shape", "repeat(2,1,3)", |x| x[0].repeat(&[2, 1, 3]))
                .torch("x.repeat(2, 1, 3)", "cube()").copies();
            golden golden("shape", "repeat(2,1,2,1)", |x| x[0].repeat(&[2, 1, 2, 1]))
                .torch("x.repeat(2, 1, 2, 1)", "cube()").copies();
            golden golden("shape", "repeat(1,0,1)", |x| x[0].repeat(&[1, 0, 1]))
                .torch("x.repeat(1, 0, 1)", "cube()").copies();
            draw 1 Same |x, p| x[0].repeat(&p.sizes);
        }
        repeat_interleave {
            check "repeat_interleave", Signed: (m, k) => (2 * m, k),
                |x| x[0].repeat_interleave(0, &Indices::from(2));
            check "repeat_interleave by each", Signed: (m, k) => (m, repeats(k).1),
                |x| x[0].repeat_interleave(-1, &repeats(x[0].shape()[1]).0);
            check "repeat_interleave no times", Signed: (m, k) => (m, 0),
                |x| x[0].repeat_interleave(1, &Indices::from(0));
            golden golden("shape", "repeat_interleave(3,1)",
                |x| x[0].repeat_interleave(1, &Indices::from(3)))
                .torch("x.repeat_interleave(3, 1)", "cube(empty=EMPTY)").copies();
            golden golden("shape", "repeat_interleave([2,0,3],1)",
                |x| x[0].repeat_interleave(1, &Indices::from([2, 0, 3])))
                .torch("x.repeat_interleave(torch.tensor([2, 0, 3]), 1)", "cube()").copies();
            golden golden("shape", "repeat_interleave([0,0],0)",
                |x| x[0].repeat_interleave(0, &Indices::from([0, 0])))
                .torch("x.repeat_interleave(torch.tensor([0, 0]), 0)", "cube()").copies();
            draw 1 Same |x, p| x[0].repeat_interleave(p.axis, &Indices::from(p.size));
            draw 1 Same |x, p| x[0].repeat_interleave(p.axis, &p.indices);
            draw 1 Same |x, p| x[0].repeat_interleave(p.axis, &Indices::from(&p.sizes[..]));
        }
        meshgrid {
            check "meshgrid", Signed: (m) (k) => (2, m, k),
                |x| Tensor::stack(&Tensor::meshgrid(&[&x[0], &x[1]])?, 0);
            golden golden("shape", "meshgrid", |x| Tensor::stack(&Tensor::meshgrid(&all(x))?, 0))
                .torch("torch.stack(torch.meshgrid(*operands, indexing='ij'))",
                    "normal(two=[[2], [3]], three=[[2], [3], [4]], scalar=[[2], []], \
                    none=[[0], [3]])").copies();
            draw 2 Same |x, p| {
                let vectors = if p.flag { x.to_vec() } else {
                    x.iter().map(Tensor::flatten).collect()
                };
                Tensor::meshgrid(&vectors)
            };
        }
        kron {
            check "kron", Signed: (m, k) (2, n) => (2 * m, k * n), |x| x[0].kron(&x[1]);
            check "kron with a vector", Signed: (2, m, k) (n) => (2, m, k * n),
                |x| x[0].kron(&x[1]);
            golden golden("shape", "kron", |x| x[0].kron(&x[1]))
                .torch("torch.kron(x, y)",
                    "normal(matrices=[[2, 3], [3, 2]], ranks=[[2], [2, 3, 2]], scalar=[[], [3]], \
                    none=[[0, 2], [2, 2]])").sums();
            draw 2 Same |x, p| x[0].kron(&x[1]);
        }
        tensordot {
            check "tensordot", Signed: (m, k, n) (n, 2, m) => (k, 2),
                |x| x[0].tensordot(&x[1], [0, -1], [2, 0]);
            check "tensordot over no axes", Signed: (m) (k) => (m, k),
                |x| x[0].tensordot(&x[1], [], []);
            golden golden("shape", "tensordot([1,0],[0,1])",
                |x| x[0].tensordot(&x[1], [1, 0], [0, 1]))
                .torch("torch.tensordot(x, y, ([1, 0], [0, 1]))",
                    "normal(cubes=[[3, 4, 5], [4, 3, 2]], none=[[3, 4, 0], [4, 3, 2]], \
                    summed_none=[[3, 0, 2], [0, 3, 2]])").sums();
            golden golden("shape", "tensordot(2)", |x| x[0].tensordot(&x[1], [-2, -1], [0, 1]))
                .torch("torch.tensordot(x, y, 2)", "normal(cubes=[[2, 3, 4], [3, 4, 5]])").sums();
            golden golden("shape", "tensordot(0)", |x| x[0].tensordot(&x[1], [], []))
                .torch("torch.tensordot(x, y, 0)", "normal(cubes=[[2, 3], [4]])").sums();
            draw 2 Close |x, p| x[0].tensordot(&x[1], p.axis, p.other_axis);
            draw 2 Close |x, p| x[0].tensordot(&x[1], &p.order, &p.list);
        }
        baddbmm {
            check "baddbmm", Signed: (m, k, 3) (m, k, n) (m, n, 3) => (m, k, 3),
                |x| x[0].baddbmm(&x[1], &x[2]);
            check "baddbmm with a row", Signed: (3) (m, k, n) (m, n, 3) => (m, k, 3),
                |x| x[0].baddbmm(&x[1], &x[2]);
            golden golden("shape", "baddbmm", |x| x[0].baddbmm(&x[1], &x[2]))
                .torch("torch.baddbmm(x, y, z)",
                    "normal(whole=[[2, 3, 5], [2, 3, 4], [2, 4, 5]], \
                    row=[[5], [2, 3, 4], [2, 4, 5]], none=[[0, 3, 5], [0, 3, 4], [0, 4, 5]])")
                .sums();
            draw 3 Close |x, p| x[0].baddbmm(&x[1], &if p.flag {
                x[2].transpose(-1, -2)?
            } else {
                x[2].clone()
            });
        }
        tril {
            check "tril", Signed: (m, k) => (m, k), |x| x[0].tril(0);
            check "tril above the diagonal", Signed: (n, m, k) => (n, m, k), |x| x[0].tril(1);
            golden golden("shape", "tril(0)", |x| x[0].tril(0))
                .torch("x.tril()", "cube(odd=ODD, empty=EMPTY)").moves();
            golden golden("shape", "tril(-1)", |x| x[0].tril(-1))
                .torch("x.tril(-1)", "cube()").moves();
            golden golden("shape", "tril(9)", |x| x[0].tril(9))
                .torch("x.tril(9)", "cube()").moves();
            draw 1 Same |x, p| x[0].tril(p.start.unwrap_or(0));
        }
        triu {
            check "triu", Signed: (m, k) => (m, k), |x| x[0].triu(0);
            check "triu below the diagonal", Signed: (n, m, k) => (n, m, k), |x| x[0].triu(-1);
            golden golden("shape", "triu(0)", |x| x[0].triu(0))
                .torch("x.triu()", "cube(odd=ODD)").moves();
            golden golden("shape", "triu(2)", |x| x[0].triu(2))
                .torch("x.triu(2)", "cube(empty=EMPTY)").moves();
            golden golden("shape", "triu(-9)", |x| x[0].triu(-9))
                .torch("x.triu(-9)", "cube()").moves();
            draw 1 Same |x, p| x[0].triu(p.start.unwrap_or(0));
        }
        diagonal {
            check "diagonal", Signed: (m, k) => (m.min(k)), |x| x[0].diagonal(0);
            check "diagonal above", Signed: (n, m, k) => (n, m.min(k.saturating_sub(1))),
                |x| x[0].diagonal(1);
            check "diagonal far below", Signed: (n, m, k) => (n, m.saturating_sub(2).min(k)),
                |x| x[0].diagonal(-2);
            golden golden("shape", "diagonal(0)", |x| x[0].diagonal(0))
                .torch("x.diagonal(0, -2, -1)", "cube(odd=ODD)").moves();
            golden golden("shape", "diagonal(2)", |x| x[0].diagonal(2))
                .torch("x.diagonal(2, -2, -1)", "cube()").moves();
            golden golden("shape", "diagonal(-1)", |x| x[0].diagonal(-1))
                .torch("x.diagonal(-1, -2, -1)", "cube(empty=EMPTY)").moves();
            golden golden("shape", "diagonal(7)", |x| x[0].diagonal(7))
                .torch("x.diagonal(7, -2, -1)", "cube()").moves();
            draw 1 Same |x, p| x[0].diagonal(p.start.unwrap_or(0));
        }
        diag_embed {
            check "diag_embed", Signed: (m, k) => (m, k, k), |x| x[0].diag_embed(0);
            check "diag_embed above", Signed: (k) => (k + 2, k + 2), |x| x[0].diag_embed(2);
            golden golden("shape", "diag_embed(0)", |x| x[0].diag_embed(0))
                .torch("x.diag_embed()", "cube(odd=ODD, empty=EMPTY)").moves();
            golden golden("shape", "diag_embed(-1)", |x| x[0].diag_embed(-1))
                .torch("x.diag_embed(-1)", "cube()").moves();
            golden golden("shape", "diag(2)", |x| x[0].diag_embed(2))
                .torch("torch.diag(x, 2)", "normal(vector=[[3]], none=[[0]])").moves();
            draw 1 Same |x, p| x[0].diag_embed(p.start.unwrap_or(0));
        }
    }
}

/// Returns how often each slice of an axis is repeated, and the sum of these numbers.
fn repeats(len: usize) -> (Indices, usize) {
    let times = || (0..len).map(|i| (i + 2) % 3);
    (times().collect(), times().sum())
}

fn all<'a>(x: &'a Operands) -> Vec<&'a Tensor> {
    x.tensors.iter().collect()
}

/// Returns a part of an axis: start and length.
fn span(len: usize) -> (usize, usize) {
    (len / 3, len - len / 3 - len / 4)
}

/// Joins the pieces from the last to the first.
fn in_reverse(pieces: &[Tensor], axis: isize) -> Result<Tensor> {
    Tensor::cat(&pieces.iter().rev().collect::<Vec<_>>(), axis)
}
