//! Formulas of several operands, reduced and not.

use super::*;
use crate::kernel::Real;
use crate::tensor::DType;
use rayon::ThreadPoolBuilder;

/// a sigmoid(b), written by hand.
#[derive(Clone, Copy)]
struct Gated;

impl Formula<2> for Gated {
    const NEEDS: [Needs; 2] = [
        Needs {
            operands: 2,
            result: false,
        },
        Needs {
            operands: 3,
            result: false,
        },
    ];

    #[inline(always)]
    fn value<T: Real>(self, [a, b]: [T; 2]) -> T {
        a * b.sigmoid()
    }

    #[inline(always)]
    fn pullback<T: Real, const WANTED: u32>(self, g: T, [a, b]: [T; 2], _: T) -> [T; 2] {
        let gate = b.sigmoid();
        [g * gate, g * a * gate * (gate.one() - gate)]
    }
}

impl Operation<2> for Gated {
    const NAME: &'static str = "gated";
    const KIND: OpKind = OpKind::Elementwise;
}

fn numbers(shape: &[usize], scale: f64) -> Tensor {
    let mut i = 0u32;
    let next = || {
        i += 1;
        f64::from(i * 37 % 101) * scale - 1.5
    };
    Tensor::from_fn(shape, DType::F64, next).unwrap()
}

fn composed(a: &Tensor, b: &Tensor) -> Tensor {
    a.mul(&b.sigmoid()).unwrap()
}

fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (found, expected) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        let size = expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= 1e-12 * size,
            "{what}: {found} {expected}"
        );
    }
}

#[test]
fn reductions_over_any_axes_equal_the_composed_ones() -> Result<()> {
    let shapes: [&[usize]; 8] = [
        &[],
        &[5],
        &[3, 4, 5],
        &[2, 1, 3],
        &[0, 3],
        &[3, 0],
        &[0],
        &[600, 130],
    ];
    for shape in shapes {
        let (a, b) = (
            numbers(shape, 0.03).tracked(),
            numbers(shape, 0.05).tracked(),
        );
        for mask in 0..1u32 << shape.len() {
            let axes: Axes = (0..shape.len() as isize)
                .filter(|i| mask >> i & 1 == 1)
                .collect();
            for axes in [axes.clone(), Axes::keep(axes)] {
                let what = format!("{shape:?} over {axes:?}");
                let found = reduce(Gated, Reduced::Sum, Some(axes.clone()), [&a, &b])?;
                let expected = composed(&a, &b).sum_over(axes.clone())?;
                assert_close(&found, &expected, &what);
                let weights = numbers(found.shape(), 0.02);
                let found = found.mul(&weights)?.sum().backward()?;
                let expected = expected.mul(&weights)?.sum().backward()?;
                for x in [&a, &b] {
                    assert_close(found.get(x).unwrap(), expected.get(x).unwrap(), &what);
                }
                let mean = reduce(Gated, Reduced::Mean, Some(axes.clone()), [&a, &b]);
                let count: usize = (0..shape.len())
                    .filter(|i| mask >> i & 1 == 1)
                    .map(|i| shape[i])
                    .product();
                if count == 0 {
                    assert!(mean.is_err(), "{what}");
                } else {
                    assert_close(&mean?, &composed(&a, &b).mean_over(axes)?, &what);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn reductions_have_the_same_bits_on_any_number_of_threads() {
    for shape in [
        &[50_000usize][..],
        &[3, 40_000],
        &[40_000, 3],
        &[300, 5000],
        &[9, 70, 80],
    ] {
        let (a, b) = (numbers(shape, 0.03), numbers(shape, 0.05));
        for axes in [Axes::from(0), Axes::from(-1), Axes::from(..)] {
            let run = |threads| {
                let pool = ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| {
                    let sum = reduce(Gated, Reduced::Sum, Some(axes.clone()), [&a, &b]);
                    let bits = |x: f64| x.to_bits();
                    sum.unwrap()
                        .to_f64_vec()
                        .into_iter()
                        .map(bits)
                        .collect::<Vec<_>>()
                })
            };
            let one = run(1);
            for threads in [2, 3, 8] {
                assert_eq!(run(threads), one, "{shape:?} over {axes:?}");
            }
        }
    }
}

#[test]
fn joint_pullbacks_equal_single_ones() -> Result<()> {
    // Around the vector width, and the lengths of blocks, stages and tasks.
    for len in [
        1,
        2,
        7,
        15,
        16,
        17,
        63,
        64,
        65,
        511,
        513,
        4097,
        16 * 1024 + 3,
    ] {
        let (a, b) = (numbers(&[len], 0.03), numbers(&[len], 0.05));
        let (both_a, both_b) = (a.tracked(), b.tracked());
        let both = apply(Gated, [&both_a, &both_b])?.sum().backward()?;
        for (k, tracked) in [&both_a, &both_b].into_iter().enumerate() {
            let x = [&a, &b][k].tracked();
            let operands = if k == 0 { [&x, &b] } else { [&a, &x] };
            let alone = apply(Gated, operands)?.sum().backward()?;
            let what = format!("{len} elements, operand {k}");
            assert_close(both.get(tracked).unwrap(), alone.get(&x).unwrap(), &what);
        }
    }
    Ok(())
}
