//! Deep models: functions that need no paths allocate none, and the cost of a level does not depend
//! on its depth.

use crate::allocations::requested;
use cotangent::module::{Walk, WalkMut};
use cotangent::prelude::*;
use std::cell::Cell;

const DEPTH: usize = 3000;

/// Far more than any function here needs for a level, and far less than the average path.
const PER_LEVEL: usize = 3000;

thread_local! {
    static VISITS: Cell<usize> = const { Cell::new(0) };
}

/// A layer that counts its visits.
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

/// A hand-written layer without code for errors.
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

/// Runs a test on a thread with a large stack.
fn with_stack(test: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(test);
    thread
        .expect("a thread can be started")
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn functions_that_need_no_paths_allocate_none() -> Result<()> {
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
fn the_path_of_an_error_is_built_level_by_level() -> Result<()> {
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
fn a_state_in_memory_has_no_limit_of_the_format() -> Result<()> {
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
