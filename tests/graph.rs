//! The graph: depth without recursion, dropping of saved values, tracking only where it is needed.

use cotangent::prelude::*;
use cotangent::{Backward, grad, memory_use, transform};
use std::cell::RefCell;

fn on_a_stack_of(bytes: usize, body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(bytes).spawn(body);
    thread
        .expect("a thread can be started")
        .join()
        .expect("the body does not panic");
}

#[test]
fn a_chain_of_a_million_operations_survives_backward_and_drop() {
    on_a_stack_of(2 << 20, || {
        let x = Tensor::from([1.0f32]).tracked();
        let mut y = x.clone();
        for _ in 0..1_000_000 {
            y = y.mul_scalar(1.0);
        }
        let grads = y.sum().backward().expect("the chain is sound");
        assert_eq!(grads.get(&x).and_then(|g| g.item().ok()), Some(1.0));
        drop(y);
        // Dropped without a backward, so every node still has its saved operands.
        let mut y = x.clone();
        for _ in 0..1_000_000 {
            y = y.mul(&y).expect("one shape");
        }
        drop(y);
    });
}

#[test]
fn saved_values_are_dropped_while_backward_runs() -> Result<()> {
    let x = Tensor::full([1 << 20], 0.5, DType::F32)?.tracked();
    let mut y = x.clone();
    for _ in 0..10 {
        y = y.tanh();
    }
    let loss = y.sum();
    drop(y);
    let before = memory_use().live;
    let grads = loss.backward()?;
    // Ten saved results of 4 MiB each are dropped, and one gradient of 4 MiB is new. Other tests of
    // this program use far less.
    let after = memory_use().live;
    assert!(after + (30 << 20) < before, "{before} -> {after}");
    assert_eq!(grads.len(), 1);
    Ok(())
}

#[test]
fn backward_twice_is_an_error_unless_the_graph_is_retained() -> Result<()> {
    let x = Tensor::from([0.3f64, -0.7]).tracked();
    let loss = x.tanh().square().sum();
    let first = Backward::new().retain_graph().run(&loss)?;
    let second = loss.backward()?;
    let bits = |grads: &Gradients| {
        grads.get(&x).map(|g| {
            g.to_f64_vec()
                .into_iter()
                .map(f64::to_bits)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(bits(&first), bits(&second));
    let error = loss.backward().expect_err("the saved values are gone");
    assert!(matches!(error, Error::GraphConsumed { .. }), "{error}");
    assert!(error.to_string().contains("retain_graph"), "{error}");
    Ok(())
}

#[test]
fn untracked_operands_get_no_gradient() -> Result<()> {
    let (x, w) = (
        Tensor::from([[1.0f32, 2.0]]),
        Tensor::from([[3.0f32, 4.0]]).tracked(),
    );
    let grads = x.linear(&w, None)?.sum().backward()?;
    assert_eq!(grads.len(), 1);
    assert_eq!(grads.get(&w).map(Tensor::to_f64_vec), Some(vec![1.0, 2.0]));
    assert!(grads.get(&x).is_none());
    assert!(matches!(x.sum().backward(), Err(Error::Untracked { .. })));
    assert!(matches!(w.backward(), Err(Error::Shape { .. })));
    Ok(())
}

#[test]
fn an_inference_pass_builds_no_graph_and_frozen_parameters_get_no_gradient() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut net = Sequential::new()
        .push(Linear::new(3, 4, &mut rng)?)
        .push(Linear::new(4, 2, &mut rng)?);
    let x = Tensor::ones([5, 3], DType::F32)?;
    assert!(!net.predict(&x)?.is_tracked());
    net.named_params_mut()
        .into_iter()
        .take(2)
        .for_each(|(_, param)| param.freeze());
    let grads = net.forward(&x, &Pass::train(0))?.sum().backward()?;
    assert_eq!(grads.len(), 2);
    net.freeze();
    assert!(!net.forward(&x, &Pass::train(0))?.is_tracked());
    Ok(())
}

#[test]
fn a_parameter_that_a_live_graph_holds_is_not_changed_under_it() -> Result<()> {
    let mut w = Param::new(&Tensor::from([2.0f64]));
    let mut optimizer = Sgd::new(0.5).build()?;
    let loss = w.read(&Pass::train(0)).square().sum();
    let grads = Backward::new().retain_graph().run(&loss)?;
    optimizer.step(&mut w, grads)?;
    assert_eq!(w.value().item()?, 0.0);
    // The graph still sees the old value.
    let again = loss.backward()?;
    assert_eq!(again.get(&w).and_then(|g| g.item().ok()), Some(4.0));
    Ok(())
}

#[test]
fn products_need_only_a_small_stack() {
    for dtype in [DType::F32, DType::F64] {
        on_a_stack_of(128 * 1024, move || {
            let x = Tensor::full([200, 200], 0.5, dtype).unwrap();
            let y = x.matmul(&x.transpose(0, 1).unwrap()).unwrap();
            assert_eq!(y.to_f64_vec(), vec![50.0; 200 * 200]);
        });
    }
}

#[test]
fn a_long_graph_of_operations_that_save_their_operands_is_dropped_without_recursion() {
    on_a_stack_of(256 * 1024, || {
        let x = Tensor::scalar(1.0f64).tracked();
        let saves_operands = |x: Tensor| x.mul(&x).unwrap().square().sin();
        drop((0..100_000).fold(x.clone(), |x, _| saves_operands(x)));
        // The same for a graph that backward has retained.
        let y = (0..10_000).fold(x, |x, _| saves_operands(x));
        Backward::new().retain_graph().run(&y).unwrap();
        drop(y);
    });
}

#[test]
fn a_graph_in_a_thread_local_is_dropped_without_recursion() {
    thread_local! {
        static KEPT: RefCell<Option<Tensor>> = const { RefCell::new(None) };
    }
    on_a_stack_of(256 * 1024, || {
        let chain =
            |len: usize| (0..len).fold(Tensor::scalar(1.0f32).tracked(), |x, _| x.add_scalar(1.0));
        KEPT.with(|kept| *kept.borrow_mut() = Some(chain(100_000)));
        // The first drop of a graph on this thread.
        drop(chain(10));
    });
}

#[test]
fn a_recurrent_state_that_is_not_detached_is_named_as_the_cause() -> Result<()> {
    let weight = Tensor::from([0.5f32]).tracked();
    let state = weight.tanh();
    let _ = state.sum().backward()?;
    let error = state.mul(&weight)?.sum().backward().unwrap_err();
    let text = error.to_string();
    let places = ["detach()", "retain_graph"].map(|name| text.find(name));
    assert!(places[0].is_some() && places[0] < places[1], "{text}");
    // Detaching the state helps, as the message says.
    state.detach().mul(&weight)?.sum().backward()?;
    Ok(())
}

#[test]
fn a_loss_that_is_not_finite_is_an_error_unless_allowed() -> Result<()> {
    let x = Tensor::from([0.0f32, 1.0]).tracked();
    for loss in [x.ln().sum(), x.ln().sum().mul_scalar(0.0)] {
        let error = loss.backward().unwrap_err();
        assert!(matches!(error, Error::NonFinite { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("the output is not finite") && text.contains("Pass::checked"),
            "{text}"
        );
    }
    // The error leaves the graph unused.
    let loss = x.ln().sum();
    assert!(loss.backward().is_err());
    let gradients = Backward::new().allow_nonfinite().run(&loss)?;
    let gradient = gradients.get(&x).map(Tensor::to_f64_vec);
    assert_eq!(gradient, Some(vec![f64::INFINITY, 1.0]));
    // With a given cotangent the output is not checked.
    let y = x.ln();
    y.backward_with(&y.ones_like()?)?;
    Ok(())
}

#[test]
fn lists_of_tensors_may_be_owned_or_borrowed() -> Result<()> {
    let owned = [1.0f64, 2.0].map(|x| Tensor::from([x]).tracked());
    let borrowed = owned.each_ref();
    let sums = [Tensor::cat(&owned, 0)?, Tensor::cat(&borrowed, 0)?];
    for sum in sums.map(|x| x.square().sum()) {
        let by_value = Backward::new().retain_graph().grad(&sum, &owned)?;
        for (a, b) in by_value.iter().zip(grad(&sum, &borrowed)?) {
            assert_eq!(a.item()?, b.item()?);
        }
    }
    let stacked = Tensor::stack(&owned, 0)?;
    assert_eq!(stacked.shape(), Tensor::stack(&borrowed, 0)?.shape());
    let product = |x: &[Tensor]| Tensor::einsum("i,i->i", x);
    let refs = Tensor::einsum("i,i->i", &borrowed)?;
    assert_eq!(transform::recompute(&owned, product)?.item()?, refs.item()?);
    let ones = Tensor::from([1.0f64]);
    let (_, gradients) = transform::vjp(product, &borrowed, &ones)?;
    assert_eq!(gradients[0].item()?, 2.0);
    Ok(())
}
