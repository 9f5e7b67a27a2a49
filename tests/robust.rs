//! Bad input returns a typed error. No operation panics, or tries to allocate the memory that a
//! huge number asks for, for any operands and arguments.
//!
//! Every result has gradients of the right shape, recorded or not. Results and gradients do not
//! depend on the strides of the operands.

use cotangent::gradcheck::{self, Gradcheck};
use cotangent::kernel::{Real, Update};
use cotangent::prelude::{ChaCha8Rng, SeedableRng};
use cotangent::transform;
use cotangent::{
    Backward, Cotangents, DType, Dot, Error, Indices, Mask, Op, Result, Tensor, Vjp, grad,
};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRng, TestRunner};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use support::draw::{Draw, Operand};
use support::operations::drawn::Layout::{self, Close, Equal, Same};
use support::operations::drawn::{Arguments, Drawn, Outcome};
use support::operations::{Part, registry};
use support::sources;

mod support {
    pub mod draw;
    pub mod operations;
    pub mod sources;
}

macro_rules! rows {
    ($($operands:literal $layout:ident $name:ident: |$x:ident, $p:ident| $call:expr;)*) => {
        vec![$(
            #[allow(unused_variables)]
            Drawn {
                name: stringify!($name),
                operands: $operands,
                layout: Layout::$layout,
                f: |$x, $p| Outcome::tensors($call),
            }
        ),*]
    };
}

/// Computes `x + p y`.
#[derive(Clone, Copy)]
struct Blend(f64);

impl Update<1, 1> for Blend {
    fn apply<T: Real>(self, [x]: [T; 1], [y]: [T; 1]) -> [T; 1] {
        [x + y * self.0]
    }
}

/// Returns the rows for functions outside the registry of operations: operators, masks, indices,
/// conversions.
fn others() -> Vec<Drawn> {
    rows! {
        1 Same operators: |x, p| (1.0 / (p.number - &x[0])) * (&x[0] + p.other_number);
        1 Same expect_same: |x, p| {
            DType::expect_same("x", &[("x", x[0].dtype()), ("p", p.dtype)]).map(|()| x[0].clone())
        };
        1 Same scaled_in_place: |x, p| x[0].clone().scaled_in_place(p.number);
        2 Same map_in_place: |x, p| {
            let mut y = x[0].clone();
            y.map_in_place(Blend(p.number), [&x[1]]).map(|()| y)
        };
        2 Same write_in_place: |x, p| {
            let mut y = x[0].clone();
            y.write_in_place(p.axis, p.size, &x[1]).map(|()| y)
        };
        1 Same lt_scalar: |x, p| x[0].lt_scalar(p.number);
        1 Same le_scalar: |x, p| x[0].le_scalar(p.number);
        1 Same gt_scalar: |x, p| x[0].gt_scalar(p.number);
        1 Same ge_scalar: |x, p| x[0].ge_scalar(p.number);
        1 Same eq_scalar: |x, p| x[0].eq_scalar(p.number);
        1 Same ne_scalar: |x, p| x[0].ne_scalar(p.number);
        0 Same and: |x, p| p.mask.and(&p.other_mask);
        0 Same or: |x, p| p.mask.or(&p.other_mask);
        0 Same xor: |x, p| p.mask.xor(&p.other_mask);
        0 Same not: |x, p| p.mask.not();
        1 Same any_over: |x, p| p.mask.any_over(p.axes.clone());
        1 Same all_over: |x, p| p.mask.all_over(p.axes.clone());
        0 Same any: |x, p| (p.mask.any(), (p.mask.all(), p.mask.count()));
        0 Same mask_reshape: |x, p| p.mask.reshape(&p.shape[..]);
        0 Same mask_from_vec: |x, p| Mask::from_vec(vec![true; p.mask.len()], &p.shape[..]);
        0 Same indices_from_vec: |x, p| Indices::from_vec(vec![0; p.indices.len()], &p.shape[..]);
        0 Same range: |x, p| Indices::range(p.size);
        0 Same indices_reshape: |x, p| p.indices.reshape(&p.shape[..]);
        0 Same cat_of_none: |x, p| Tensor::cat(&[] as &[Tensor], p.axis);
        0 Same stack_of_none: |x, p| Tensor::stack(&[] as &[Tensor], p.axis);
        0 Close einsum_of_none: |x, p| Tensor::einsum(&p.equation, &[] as &[Tensor]);
        0 Same try_from: |x, p| Tensor::try_from(
            p.sizes.iter().map(|&len| vec![0.5f32; len % 8]).collect::<Vec<_>>());
        1 Same detach: |x, p| x[0].detach();
        1 Same allow_nonfinite: |x, p| {
            let (x, backward) = (x[0].tracked(), Backward::new().allow_nonfinite());
            let gradients = backward.run(&x.ln().sum())?;
            gradients.get(&x).cloned().into_iter().collect::<Vec<_>>()
        };
        0 Same narrow_of_indices: |x, p| p.indices.narrow(p.axis, p.size, p.other_size);
        0 Same slice_of_indices: |x, p| p.indices.slice(p.axis, p.start, p.end, p.step);
        0 Same transpose_of_indices: |x, p| p.indices.transpose(p.axis, p.other_axis);
        0 Same reshape_of_indices: |x, p| p.indices.reshape(&p.shape[..])?.flatten();
        0 Same squeeze_of_indices: |x, p| p.indices.unsqueeze(p.axis)?.squeeze(p.other_axis);
        0 Same rows_of_indices: |x, p| {
            let rows = p.indices.rows()?.map(|row| row.to_tensor(p.dtype));
            rows.collect::<Vec<_>>()
        };
        0 Same comparisons_of_indices: |x, p| {
            (p.indices.eq(&p.labels)?, p.indices.ne_scalar(p.size))
        };
        0 Same indices_as_tensor: |x, p| p.indices.to_tensor(p.dtype);
        1 Same tracked: |x, p| x[0].tracked().sum().backward()?.len();
        1 Same to_vec: |x, p| {
            let values: Result<Vec<f32>> = x[0].to_vec();
            values.map(|values| values.len())
        };
        1 Same item: |x, p| (x[0].item()?, x[0].rank());
        1 Same printed: |x, p| {
            let dot = Dot::new(&x[0].exp()).name(&x[0], "\"\\");
            format!("{} {:.2} {:?} {dot}", x[0], x[0], x[0])
        };
    }
}

/// A custom operation whose `vjp` returns given cotangents, right or wrong.
struct CustomOp {
    operand: Tensor,
    output: Tensor,
    cotangents: Vec<Option<Tensor>>,
    index: usize,
}

impl Op for CustomOp {
    fn name(&self) -> &'static str {
        "custom"
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        assert!(!context.wants(self.index.saturating_add(1)) && context.wants(0));
        let tracked = context.records();
        assert_eq!(context.saved(&self.operand).is_tracked(), tracked);
        assert_eq!(context.output(&self.output).is_tracked(), tracked);
        let _ = cotangent.add(&self.operand.detach())?;
        Ok(self.cotangents.iter().cloned().collect())
    }
}

/// Returns the rows for transforms of functions.
fn transforms() -> Vec<Drawn> {
    fn f(x: &[Tensor]) -> Result<Tensor> {
        x[0].tanh().mul(&x[x.len() - 1])
    }
    rows! {
        2 Close vjp: |x, p| transform::vjp(f, &x[..1], &x[1]);
        2 Close jvp: |x, p| transform::jvp(f, &x[..1], &x[1..]);
        2 Close hvp: |x, p| transform::hvp(|x| Ok(f(x)?.sum()), &x[..1], &x[1..]);
        2 Close hvp_of_many: |x, p| transform::hvp(f, &x[..1], &x[1..]);
        2 Close jacobian: |x, p| transform::jacobian(f, x);
        2 Close hessian: |x, p| transform::hessian(|x| Ok(f(x)?.sum()), &x[..1])?.concat();
        2 Close hessian_of_many: |x, p| transform::hessian(f, x)?.concat();
        0 Same transforms_of_nothing: |x, p| {
            let one = |_: &[Tensor]| Ok(Tensor::scalar(1.0f64));
            let none: &[Tensor] = &[];
            let refused = transform::hvp(one, none, none).is_err();
            let (_, jvp) = transform::jvp(one, none, none)?;
            let (_, vjp) = transform::vjp(one, none, &Tensor::scalar(1.0f64))?;
            let count = vjp.len()
                + jvp.len()
                + transform::jacobian(one, none)?.len()
                + transform::hessian(one, none)?.len();
            (refused, count)
        };
        2 Close per_sample: |x, p| {
            let w = x[0].tracked();
            let samples = x[1].shape().first().copied().unwrap_or(2).min(4);
            let losses = |range: std::ops::Range<usize>| {
                let x = x[1].narrow(0, range.start, range.len())?;
                x.mul(&w)?.square().flatten_from(1)?.sum_over(1)
            };
            transform::per_sample(samples, losses)?.remove(&w).into_iter().collect::<Vec<_>>()
        };
        2 Close recompute: |x, p| transform::recompute(&[&x[0], &x[1]], f);
        2 Close recompute_of_a_capture: |x, p| {
            let captured = x[1].clone();
            transform::recompute(&[&x[0]], move |x| x[0].mul(&captured))
        };
        2 Close grad: |x, p| {
            let x = [x[0].tracked(), x[1].tracked()];
            let y = f(&x)?;
            if p.flag { grad(&y.sum(), &[&x[0], &x[1]])? } else { grad(&y, &[&x[0]])? }
        };
        2 Close grad_with: |x, p| {
            let y = x[0].tracked();
            let inputs = if p.flag { [&y] } else { [&x[0]] };
            Backward::new().grad_with(&y.exp(), &x[1], &inputs)
        };
        2 Close run_with: |x, p| {
            let y = x[0].tracked().exp();
            let run = Backward::new().gradient_of(&y).gradient_of(&x[0]).run_with(&y, &x[1])?;
            run.iter().map(|(_, gradient)| gradient.clone()).collect::<Vec<_>>()
        };
        2 Close backward_with: |x, p| {
            let leaf = x[0].tracked();
            let mut gradients = leaf.exp().backward_with(&x[1])?;
            gradients.add(leaf.sin().backward_with(&x[1])?)?;
            gradients.map_in_place(|gradient| gradient.neg());
            (gradients.remove(&leaf).is_some(), gradients.remove(&x[1]).is_some())
        };
        2 Close insert: |x, p| {
            // Gradients that may not fit the leaf.
            let leaf = x[0].tracked();
            let mut gradients = leaf.exp().sum().backward()?;
            gradients.insert(&leaf, x[1].clone());
            gradients.insert(&x[1], x[1].clone());
            gradients.add(leaf.sin().sum().backward()?)?;
            gradients.get(&leaf).cloned().into_iter().collect::<Vec<_>>()
        };
        2 Close backward_of_a_custom_operation: |x, p| {
            let leaf = x[0].tracked();
            let y = Tensor::from_op(x[0].detach(), &[&leaf], || CustomOp {
                operand: leaf.clone(),
                output: x[0].detach(),
                cotangents: vec![Some(x[1].clone()); p.size % 3],
                index: p.size,
            });
            let backward = if p.flag { Backward::new() } else { Backward::new().create_graph() };
            backward.grad(&y.sum(), &[&leaf])
        };
        1 Close backward_of_a_constant: |x, p| x[0].detach().backward().map(|found| found.len());
        1 Close backward_twice: |x, p| {
            let leaf = x[0].tracked();
            let y = leaf.exp().sum();
            y.backward()?;
            let consumed = |result: Result<usize>| {
                matches!(result, Err(Error::GraphConsumed { .. }))
            };
            let second = consumed(y.backward().map(|found| found.len()));
            let by_input = consumed(grad(&y, &[&leaf]).map(|found| found.len()));
            (second, by_input)
        };
        2 Close gradcheck: |x, p| {
            let check = Gradcheck::new().seed(p.seed).tolerances(p.number, p.other_number);
            let check = check.directions(p.size % 4).every_element_up_to(p.other_size);
            let report = check.second_order().function(x, f)?;
            format!("{report} {}", report.is_ok())
        };
        1 Close gradcheck_fast: |x, p| gradcheck::Gradcheck::new().fast().function(x, |x| {
            Ok(x[0].relu())
        }).map(|report| report.to_string());
    }
}

fn all() -> Vec<Drawn> {
    let registered = registry().into_iter().flat_map(|entry| entry.drawn);
    registered.chain(others()).chain(transforms()).collect()
}

thread_local! {
    /// The message of this thread's last panic.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Returns the result of `f`, or the message of its panic.
fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f))
        .map_err(|_| format!("panicked: {}", PANIC.with(|text| text.borrow().clone())))
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Returns an error unless the tensors are equal: bit by bit, or up to rounding if `layout` allows
/// that. Up to rounding, large numbers are not compared, because cancellation may make their
/// results differ.
fn agree(what: &str, layout: Layout, tame: bool, a: &Tensor, b: &Tensor) -> Result<(), String> {
    expect(a.shape() == b.shape() && a.dtype() == b.dtype(), || {
        format!("{what}: {a:?} and {b:?} differ in shape or dtype")
    })?;
    let (found, expected) = (a.to_f64_vec(), b.to_f64_vec());
    let size = expected.iter().fold(1.0f64, |size, x| size.max(x.abs()));
    let rounding = if a.dtype() == DType::F32 { 1e-3 } else { 1e-9 };
    let close = |(&a, &b): (&f64, &f64)| match layout {
        Same => same_bits(a, b),
        Equal => a == b || same_bits(a, b),
        Close => !tame || !size.is_finite() || same_bits(a, b) || (a - b).abs() <= rounding * size,
    };
    expect(found.iter().zip(&expected).all(close), || {
        format!("{what}: {found:?} and {expected:?}")
    })
}

/// Runs a row once and returns whether it had a result.
fn run(row: &Drawn, numbers: &[u32]) -> Result<bool, String> {
    let mut draw = Draw::new(numbers);
    let operands = draw.operands(row.operands);
    let arguments = draw.arguments(&operands);
    let context =
        |reason: String| format!("{} of {operands:?} with {arguments:?}: {reason}", row.name);
    check(row, &operands, &arguments, &mut draw).map_err(context)
}

fn check(
    row: &Drawn,
    operands: &[Operand],
    arguments: &Arguments,
    draw: &mut Draw<'_>,
) -> Result<bool, String> {
    let tensors = |of: fn(&Operand) -> Tensor| operands.iter().map(of).collect::<Vec<_>>();
    let call = |x: &[Tensor]| caught(|| (row.f)(x, arguments));
    let plain = call(&tensors(|x| x.view.clone()))?;
    let tracked = tensors(|x| {
        if x.tracked {
            x.view.tracked()
        } else {
            x.view.clone()
        }
    });
    let recorded = call(&tracked)?;
    let copied = call(&tensors(|x| x.copy.clone()))?;
    let tame = operands.iter().all(|x| {
        let values = x.view.to_f64_vec();
        values.iter().all(|x| x.is_finite() && x.abs() <= 1e3)
    });
    let copied = match (&plain, copied) {
        (Ok(_), Ok(copied)) => copied,
        (Err(error), Err(other)) => {
            let texts = caught(|| [error.to_string(), other.to_string()])?;
            expect(texts[0] == texts[1] && !texts[0].is_empty(), || {
                format!("the layouts have different errors: {texts:?}")
            })?;
            return Ok(false);
        }
        (plain, copied) => {
            return Err(format!(
                "an error in one layout only: {plain:?} and {copied:?}"
            ));
        }
    };
    let Ok(plain) = plain else { return Ok(false) };
    let pairs = plain.iter().zip(&copied);
    for (view, copy) in pairs {
        agree("another layout", row.layout, tame, view, copy)?;
    }
    let recorded = match recorded {
        Ok(recorded) => recorded,
        Err(error) if row.name == "recompute_of_a_capture" => {
            return expect(error.to_string().contains("captures"), || error.to_string())
                .map(|()| true);
        }
        Err(error) => return Err(format!("an error only if tracked: {error}")),
    };
    for (y, plain) in recorded.iter().zip(&plain) {
        agree("tracked", Same, tame, y, plain)?;
    }
    for y in recorded.iter().filter(|y| y.is_tracked()) {
        let cotangent = draw.cotangent(y);
        backward(row.name, y, &cotangent, &tracked, tame)
            .map_err(|reason| format!("backward with {:?}: {reason}", cotangent.to_f64_vec()))?;
    }
    Ok(true)
}

/// Checks the fused and the recorded gradients against each other, and runs backward through the
/// recorded ones.
fn backward(
    name: &str,
    y: &Tensor,
    cotangent: &Tensor,
    operands: &[Tensor],
    tame: bool,
) -> Result<(), String> {
    let of = |backward: Backward| -> Result<_, String> {
        let gradients = caught(|| backward.run_with(y, cotangent))?;
        gradients.map_err(|error| error.to_string())
    };
    let recorded = of(Backward::new().create_graph())?;
    let fused = of(Backward::new().retain_graph())?;
    let tame = tame
        && cotangent
            .to_f64_vec()
            .iter()
            .all(|x| x.is_finite() && x.abs() <= 1e3);
    for x in operands.iter().filter(|x| x.is_tracked()) {
        let pair = (fused.get(x), recorded.get(x));
        let (fused, recorded) = match pair {
            (Some(fused), Some(recorded)) => (fused, recorded),
            (None, None) => continue,
            pair => return Err(format!("a gradient from one backward pass only: {pair:?}")),
        };
        expect(
            fused.shape() == x.shape() && fused.dtype() == x.dtype(),
            || format!("the gradient {fused:?} does not fit {x:?}"),
        )?;
        agree("recorded", Close, tame, recorded, fused)?;
        let kind = |x: &f64| (x.is_nan(), if x.is_infinite() { x.signum() } else { 0.0 });
        let kinds = |x: &Tensor| x.to_f64_vec().iter().map(kind).collect::<Vec<_>>();
        let overflows = |function: &str| name.starts_with(function);
        let are_compared = tame || !OVERFLOWING.into_iter().any(overflows);
        expect(!are_compared || kinds(fused) == kinds(recorded), || {
            format!("recorded: {recorded:?} and fused: {fused:?}")
        })?;
        if recorded.is_tracked() {
            let again = Backward::new().create_graph().allow_nonfinite();
            let second = caught(|| again.run(&recorded.sum()))?;
            let second = second.map_err(|error| format!("second order: {error}"))?;
            for x in operands {
                expect(
                    second.get(x).is_none_or(|dx| dx.shape() == x.shape()),
                    || format!("second order: {second:?}"),
                )?;
            }
        }
    }
    Ok(())
}

/// Functions whose recorded gradient may overflow on the way, or multiply an infinite number by 0,
/// where the fused one does not.
const OVERFLOWING: [&str; 4] = [
    "ctc_loss",
    "instance_norm",
    "multi_margin_loss",
    "multilabel_margin_loss",
];

/// Rows that return an error for all arguments.
const ALWAYS_REFUSED: [&str; 4] = [
    "cat_of_none",
    "stack_of_none",
    "einsum_of_none",
    "backward_of_a_constant",
];

/// Returns the smallest failure of a row, if there is one.
fn failure(row: &Drawn, number: usize) -> Option<String> {
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    };
    let numbers = prop::collection::vec(any::<u32>(), 1..200);
    let results = Cell::new(0);
    let test = |numbers: Vec<u32>| {
        let result = run(row, &numbers).map_err(TestCaseError::fail)?;
        results.set(results.get() + u32::from(result));
        Ok(())
    };
    // Operands that fit are rare for some rows. Others are refused whatever is drawn.
    let attempts = if ALWAYS_REFUSED.contains(&row.name) {
        1
    } else {
        8
    };
    for attempt in 0..attempts {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        seed[8] = attempt;
        let rng = TestRng::from_seed(config.rng_algorithm, &seed);
        let mut runner = TestRunner::new_with_rng(config.clone(), rng);
        match runner.run(&numbers, test) {
            Ok(()) if results.get() > 0 => return None,
            Ok(()) => {}
            Err(TestError::Fail(reason, _) | TestError::Abort(reason)) => {
                return Some(reason.to_string());
            }
        }
    }
    // A row that always returns an error tests too little.
    (attempts > 1).then(|| format!("{} never had a result", row.name))
}

#[test]
fn no_operation_panics_on_any_input() {
    std::panic::set_hook(Box::new(|info| {
        PANIC.with(|text| *text.borrow_mut() = info.to_string());
    }));
    let table = all();
    let rows = table.iter().enumerate();
    let failures: Vec<String> = rows
        .filter_map(|(number, row)| failure(row, number))
        .collect();
    drop(std::panic::take_hook());
    let count = failures.len();
    assert!(
        failures.is_empty(),
        "{count} failures:\n{}",
        failures.join("\n\n")
    );
}

/// Returns the number of cases per row: `PROPTEST_CASES` if set, else a number that runs quickly.
fn cases() -> u32 {
    let given = std::env::var("PROPTEST_CASES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(256)
}

/// Public functions that no row calls, with the reason.
const NOT_CALLED: &[(&str, &[&str])] = &[
    ("its type is not public", &["order"]),
    ("it panics by contract", &["assert_ok"]),
    (
        "it reads a field",
        &[
            "entries",
            "failures",
            "relative_error",
            "total",
            "memory_use",
        ],
    ),
    ("every gradient check of a model runs it", &["module"]),
    ("it runs a closure", &["refusable"]),
    (
        "the tests of observers run it",
        &["derivative", "id", "inner_activations", "kind", "operand"],
    ),
    (
        "the tests of sparse rows run it, also on bad input",
        &["from_sparse_rows", "sparse_rows"],
    ),
    ("the tests of summaries run it", &["multiply_adds"]),
];

#[test]
fn every_public_function_has_a_row() {
    let mut called = sources::all_called("robust.rs");
    called.extend(sources::all_called("linalg.rs"));
    called.extend(sources::all_called("support/operations/drawn.rs"));
    for entry in registry() {
        called.extend(sources::called_in(entry.calls[Part::Draw as usize]));
    }
    let excused = || NOT_CALLED.iter().flat_map(|(_, names)| *names).copied();
    let mut functions = BTreeSet::new();
    for folder in ["ops", "transform", "tensor", "autograd", "gradcheck"] {
        functions.extend(sources::public_functions(folder).into_keys());
    }
    assert!(functions.len() > 200, "{functions:?}");
    for name in excused() {
        assert!(
            functions.contains(name),
            "NOT_CALLED lists `{name}`, which does not exist"
        );
    }
    functions.retain(|name| !called.contains(name) && !excused().any(|excused| excused == name));
    assert!(functions.is_empty(), "no row calls {functions:?}");
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T>, parts: &[&str]) {
    let text = result.expect_err("bad input must be refused").to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

#[test]
fn elements_of_another_type_or_number_are_errors() -> Result<()> {
    let mut x = Tensor::from([1.0f32, 2.0]);
    says(x.copy_to(&mut [0.0f32; 3]), &["copy_to", "2 elements"]);
    says(x.copy_to(&mut [0.0f64; 2]), &["copy_to", "f64"]);
    let other: Result<&mut [f64]> = x.as_mut_slice();
    says(other, &["as_mut_slice", "f64"]);
    let elements: &mut [f32] = x.as_mut_slice()?;
    assert_eq!(elements, [1.0, 2.0]);
    Ok(())
}

#[test]
fn gradients_one_by_one_have_the_errors_of_backward() {
    let none = |_, _| Ok(());
    let backward = Backward::new();
    let x = Tensor::from([1.0f64, 2.0]).tracked();
    let one = Tensor::scalar(1.0f64);
    says(backward.run_each(&x.detach(), &x, none), &["backward"]);
    says(
        backward.run_each(&x.square(), &one, none),
        &["backward", "cotangent"],
    );
    let infinite = (x.sum() / 0.0).sum();
    says(
        backward.run_each(&infinite, &one, none),
        &["not finite (inf)"],
    );
    let refused = |_, _| Err(Error::other("no more"));
    says(backward.run_each(&x.sum(), &one, refused), &["no more"]);
}

#[test]
fn tensors_larger_than_memory_are_errors() -> Result<()> {
    // Close to the largest number of bytes with an address, and beyond the memory of any machine.
    for len in [(1 << 60) - 1, 1 << 59, 1 << 50] {
        let text = &["full", "elements"];
        says(Tensor::zeros(len, DType::F64), text);
        says(Tensor::zeros([0, len], DType::F32), text);
        says(Mask::from_vec(vec![], [0, len]), &["Mask", "elements"]);
        says(Indices::range(len), &["Indices", "elements"]);
        says(
            Tensor::scalar(1.0f32).broadcast_to(len),
            &["broadcast_to", "elements"],
        );
    }
    // The operands are empty; their product has more elements than can be allocated.
    let (tall, wide) = (
        Tensor::zeros([1 << 25, 0], DType::F32)?,
        Tensor::zeros([0, 1 << 25], DType::F32)?,
    );
    says(tall.matmul(&wide), &["matmul", "(33554432, 33554432)"]);
    says(tall.linear(&tall, None), &["linear", "elements"]);
    says(wide.outer(&wide), &["outer"]);
    says(
        tall.mul(&Tensor::zeros([1 << 25, 1, 1], DType::F32)?),
        &["mul", "elements"],
    );
    says(
        Tensor::einsum("ij,jk->ik", &[&tall, &wide]),
        &["einsum", "elements"],
    );
    assert_eq!(wide.sum_over(0)?.len(), 1 << 25);
    assert_eq!(tall.to_string(), "[]");
    Ok(())
}

#[test]
fn an_index_beyond_isize_is_not_reported_as_negative() {
    let x = Tensor::from([1.0f32, 2.0]);
    says(
        x.index_select(0, &Indices::from([usize::MAX])),
        &["index 9223372036854775807 is out of range for 2"],
    );
    says(x.narrow(0, usize::MAX, 1), &["end 9223372036854775807"]);
}

#[test]
fn variances_of_extreme_values() -> Result<()> {
    let huge = Tensor::from([[1e30f32, -0.5, 0.0], [f32::NAN, 1.0, 2.0], [0.1, 0.1, 0.1]]);
    let variances = huge.var_over(1, 1.0)?.to_vec::<f32>()?;
    assert!(
        variances[0] == f32::INFINITY && variances[1].is_nan(),
        "{variances:?}"
    );
    let rows = huge.layer_norm([3], None, None, 1e-5)?.to_vec::<f32>()?;
    let right = [2f32.sqrt(), -(0.5f32.sqrt()), -(0.5f32.sqrt())];
    let near = |(y, right): (&f32, f32)| (y - right).abs() < 1e-6;
    assert!(rows.iter().zip(right).all(near) && rows[3..6].iter().all(|y| y.is_nan()));
    let (_, statistics) = huge.transpose(0, 1)?.batch_norm(None, None, 1e-5)?;
    let variances = statistics.variance.to_vec::<f32>()?;
    assert!(
        variances[0] == f32::INFINITY && variances[1].is_nan(),
        "{variances:?}"
    );
    // The variance of equal elements is 0 up to rounding.
    let equal = Tensor::full([1, 3], -1e30, DType::F32)?;
    assert_eq!(equal.var().item()?, 0.0);
    let rows = equal.layer_norm([3], None, None, 1e-5)?;
    assert_eq!(rows.to_f64_vec(), [0.0; 3]);
    for len in 2..200 {
        for value in [0.1, 1.0 / 3.0, 1e-3, 7.7e4] {
            for dtype in [DType::F32, DType::F64] {
                let deviation = Tensor::full(len, value, dtype)?.std().item()?;
                assert!(
                    deviation.abs() < 1e-6 * value,
                    "{len} {value} {dtype}: {deviation}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn draws_between_the_largest_numbers_are_finite() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let x = Tensor::uniform([1000], -f64::MAX, f64::MAX, DType::F64, &mut rng)?.to_f64_vec();
    assert!(x.iter().all(|x| x.is_finite()));
    assert!(x.iter().any(|&x| x < -1e307) && x.iter().any(|&x| x > 1e307));
    Ok(())
}

#[test]
fn an_infinite_cotangent_reaches_the_label_only() -> Result<()> {
    let x = Tensor::from([[0.5f64, -1.0, 2.0]]).ln_1p().tracked();
    let y = x.nll_loss(&Indices::from([2]))?;
    for backward in [Backward::new().create_graph(), Backward::new()] {
        let gradients = backward.run_with(&y, &Tensor::scalar(f64::INFINITY))?;
        let gradient = gradients.get(&x).map(Tensor::to_f64_vec);
        assert_eq!(gradient, Some(vec![0.0, 0.0, f64::NEG_INFINITY]));
    }
    Ok(())
}

#[test]
fn a_gradient_through_a_consumed_graph_is_an_error() -> Result<()> {
    let x = Tensor::from([1.0f32, 2.0]).tracked();
    let y = x.exp().sum();
    y.backward()?;
    says(grad(&y, &[&x]), &["used up by an earlier backward"]);
    let other = Tensor::from([1.0f32]).tracked();
    says(grad(&y, &[&other]), &["does not depend on input 0"]);
    says(
        Backward::new().grad(&y.detach(), &[&x]),
        &["no tracked tensor"],
    );
    Ok(())
}
