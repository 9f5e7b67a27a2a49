//! Deep models: what needs no names of the leaves does not make them, and each level costs as much
//! as the one before it.

use crate::allocations::requested;
use cotangent::module::{Walk, WalkMut};
use cotangent::prelude::*;
use std::cell::Cell;

const DEPTH: usize = 3000;

/// Far more than any step here takes for a level, and far less than its path has on average.
const PER_LEVEL: usize = 3000;

thread_local! {
    static VISITS: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often it is visited.
#[derive(Clone, Debug)]
struct Visited;

impl Module for Visited {
    fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {
        VISITS.set(VISITS.get() + 1);
    }
    fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {
        VISITS.set(VISITS.get() + 1);
    }
}

#[derive(Module, Clone, Debug)]
struct Nest {
    weight: Param,
    visited: Visited,
    inner: Option<Box<Nest>>,
}

/// Written by hand, without a word on where an error comes from.
impl Layer for Nest {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = match &self.inner {
            Some(inner) => inner.forward(x, pass)?,
            None => x.clone(),
        };
        x.add(&self.weight.read(pass))
    }
}

fn nest() -> Nest {
    let level = |inner| Nest {
        weight: Param::new(&Tensor::from([0.5f32, 1.0])),
        visited: Visited,
        inner,
    };
    (1..DEPTH).fold(level(None), |nest, _| level(Some(Box::new(nest))))
}

/// Runs on a thread with a stack for so many levels.
fn with_stack(test: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(test);
    thread
        .expect("a thread can be started")
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn what_needs_no_names_makes_none() -> Result<()> {
    type Step = fn(&mut Nest) -> Result<usize>;
    let steps: [(&str, Step); 9] = [
        ("param_count", |net| Ok(net.param_count())),
        ("params", |net| Ok(net.params().len())),
        ("freeze", |net| {
            net.freeze();
            Ok(0)
        }),
        ("unfreeze", |net| {
            net.unfreeze();
            Ok(0)
        }),
        ("freeze_where", |net| {
            net.freeze_where(|path: &str| path == "weight")
        }),
        ("select", |net| {
            Ok(net.select(|path: &str| path == "weight")?.len())
        }),
        ("convert", |net| {
            net.convert(DType::F64);
            Ok(0)
        }),
        ("recompute", |net| {
            let x = Tensor::from([1.0f64, 2.0]).tracked();
            Ok(Pass::train(0).recompute(net, &x)?.len())
        }),
        ("forward", |net| {
            let x = Tensor::from([1.0f64, 2.0]);
            Ok(net.forward(&x, &Pass::train(0))?.len())
        }),
    ];
    with_stack(move || {
        let mut net = nest();
        let (names, bytes) = requested(|| net.named_params().len());
        assert!(names == DEPTH && bytes > DEPTH * PER_LEVEL * 2, "{bytes}");
        for (name, step) in steps {
            let (result, bytes) = requested(|| step(&mut net));
            result?;
            assert!(bytes < DEPTH * PER_LEVEL, "{name}: {bytes}");
        }
        Ok(())
    })
}

#[test]
fn an_error_at_the_bottom_is_placed_level_by_level() -> Result<()> {
    with_stack(|| {
        let net = nest();
        let wrong = Tensor::from([1.0f32, 2.0, 3.0]);
        let pass = Pass::train(0);
        let before = VISITS.get();
        let (result, bytes) = requested(|| net.forward(&wrong, &pass));
        let visits = VISITS.get() - before;
        let error = result.expect_err("it does not fit");
        let path = vec!["inner"; DEPTH - 1].join(".");
        assert!(error.to_string().starts_with(&format!("`{path}`: add: ")));
        assert!(visits < 5 * DEPTH, "{visits}");
        assert!(bytes < DEPTH * PER_LEVEL, "{bytes}");
        Ok(())
    })
}

#[test]
fn a_state_in_memory_needs_no_file() -> Result<()> {
    // The header of a file of these names would be longer than the format allows.
    with_stack(|| {
        let (saved, mut loaded) = (nest(), nest());
        for param in loaded.params_mut() {
            param.set(&Tensor::from([0.0f32, 0.0]))?;
        }
        loaded.load_state(&saved.state()?)?;
        assert!(
            loaded
                .params()
                .iter()
                .all(|param| param.value().to_f64_vec() == [0.5, 1.0])
        );
        Ok(())
    })
}
