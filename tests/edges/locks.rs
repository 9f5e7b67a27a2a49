//! Concurrent backward and forward passes in the user's thread pools do not deadlock: no lock is
//! held while a thread may steal other work.

use cotangent::nn::{recalibrate, signal::Signal};
use cotangent::prelude::*;
use cotangent::{Backward, Cotangents, Op, Shape, Vjp};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TASKS: usize = 64;
const ROUNDS: usize = 2;
const POOLS: [usize; 4] = [1, 2, 4, 8];
/// Enough elements for several tasks of a parallel region.
const MANY: usize = 200_000;

/// Runs the body, and panics if it does not end within 5 minutes.
fn ends(body: impl FnOnce() + Send + 'static) {
    let (done, end) = channel();
    let thread = std::thread::spawn(move || {
        body();
        done.send(()).unwrap();
    });
    let waited = end.recv_timeout(Duration::from_mins(5));
    assert!(waited != Err(RecvTimeoutError::Timeout), "it hangs");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn pool(threads: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads can be started")
}

/// Runs `TASKS` tasks in a scope of the pool and returns their results.
fn tasks<R: Send>(pool: &ThreadPool, task: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let results = Mutex::new(Vec::new());
    pool.scope(|scope| {
        for i in 0..TASKS {
            let (results, task) = (&results, &task);
            scope.spawn(move |_| {
                let result = task(i);
                results.lock().unwrap().push(result);
            });
        }
    });
    results.into_inner().unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

fn all_bits(gradients: &Gradients) -> Vec<Vec<u64>> {
    gradients.iter().map(|(_, g)| bits(g)).collect()
}

fn drawn(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::uniform(shape, 0.1, 1.0, DType::F32, &mut rng).unwrap()
}

fn many(seed: u64) -> Tensor {
    drawn([MANY], seed)
}

/// Builds a graph with 200,000 elements per node, which sums two cotangents and broadcasts one.
fn graph(x: &Tensor) -> Result<Tensor> {
    let hidden = x.tanh();
    Ok(hidden.mul(&hidden.mean())?.add(&hidden.square())?.sum())
}

/// Computes `2 x` with an operation that counts how often it is dropped.
fn counted(x: &Tensor, dropped: &Arc<AtomicUsize>) -> Tensor {
    struct Counted(Arc<AtomicUsize>);
    impl Op for Counted {
        fn name(&self) -> &'static str {
            "counted"
        }
        fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
            Ok([Some(cotangent * 2.0)].into_iter().collect())
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    Tensor::from_op(x.detach() * 2.0, &[x], || Counted(Arc::clone(dropped)))
}

fn net() -> impl Layer + Send + Sync + 'static {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Sequential::new()
        .push(Linear::new(64, 300, &mut rng).unwrap())
        .push(Relu)
        .push(Linear::new(300, 10, &mut rng).unwrap())
}

#[test]
fn backward_passes_over_one_retained_graph() {
    ends(|| {
        let x = many(2).tracked();
        let loss = graph(&x).unwrap();
        let backward = || all_bits(&Backward::new().retain_graph().run(&loss).unwrap());
        let alone = backward();
        for threads in POOLS {
            let pool = pool(threads);
            for _ in 0..ROUNDS {
                for found in tasks(&pool, |_| backward()) {
                    assert!(found == alone, "{threads}");
                }
            }
        }
    });
}

#[test]
fn recorded_backward_passes_over_one_graph() {
    ends(|| {
        let x = many(3).tracked();
        let loss = graph(&x).unwrap();
        let second = || {
            let first = Backward::new().create_graph().run(&loss).unwrap();
            let sum = first.get(&x).unwrap().square().sum();
            all_bits(&Backward::new().retain_graph().run(&sum).unwrap())
        };
        let alone = second();
        for threads in [2, 4] {
            for found in tasks(&pool(threads), |_| second()) {
                assert!(found == alone, "{threads}");
            }
        }
    });
}

#[test]
fn backward_passes_of_a_dense_net() {
    ends(|| {
        let net = net();
        let x = drawn([64, 64], 4);
        let loss = |net: &dyn Layer| net.forward(&x, &Pass::train(0)).unwrap().square().mean();
        let shared = loss(&net);
        let alone = all_bits(&Backward::new().retain_graph().run(&shared).unwrap());
        for threads in POOLS {
            let pool = pool(threads);
            for _ in 0..ROUNDS {
                let found = tasks(&pool, |i| {
                    if i % 2 == 0 {
                        all_bits(&loss(&net).backward().unwrap())
                    } else {
                        all_bits(&Backward::new().retain_graph().run(&shared).unwrap())
                    }
                });
                assert!(found.iter().all(|found| *found == alone), "{threads}");
            }
        }
    });
}

#[test]
fn backward_passes_in_nested_pools() {
    ends(|| {
        let x = many(5).tracked();
        let loss = graph(&x).unwrap();
        let backward = || all_bits(&Backward::new().retain_graph().run(&loss).unwrap());
        let alone = backward();
        for (outer, inner) in [(2, 2), (4, 2), (2, 4), (4, 1)] {
            let (outer, inner) = (pool(outer), pool(inner));
            for _ in 0..ROUNDS {
                let found = tasks(&outer, |i| {
                    if i % 3 == 0 {
                        backward()
                    } else {
                        inner.install(backward)
                    }
                });
                assert!(found.iter().all(|found| *found == alone));
            }
        }
    });
}

#[test]
fn only_one_of_many_backward_passes_consumes_a_graph() {
    ends(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for round in 0..ROUNDS {
                let x = many(6).tracked();
                let loss = graph(&x).unwrap();
                let alone = all_bits(&Backward::new().retain_graph().run(&loss).unwrap());
                let mut right = 0;
                for found in tasks(&pool, |_| loss.backward()) {
                    match found {
                        Ok(gradients) => {
                            assert!(all_bits(&gradients) == alone);
                            right += 1;
                        }
                        Err(error) => {
                            assert!(matches!(error, Error::GraphConsumed { .. }), "{error}");
                        }
                    }
                }
                assert_eq!(right, 1, "{threads} {round}");
            }
        }
    });
}

#[test]
fn backward_passes_that_retain_a_graph_beside_one_that_consumes_it() {
    ends(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for _ in 0..ROUNDS {
                let (x, dropped) = (many(7).tracked(), Arc::new(AtomicUsize::new(0)));
                let loss = graph(&counted(&x, &dropped)).unwrap();
                let alone = all_bits(&Backward::new().retain_graph().run(&loss).unwrap());
                let found = tasks(&pool, |i| {
                    let consumes = i == TASKS / 2;
                    let backward = Backward::new();
                    let found = if consumes {
                        backward.run(&loss)
                    } else {
                        backward.retain_graph().run(&loss)
                    };
                    (consumes, found)
                });
                let mut consumed = false;
                // A pass that finishes returns the right gradients; the others return an error.
                for (consumes, found) in found {
                    match found {
                        Ok(gradients) => {
                            assert!(all_bits(&gradients) == alone);
                            consumed |= consumes;
                        }
                        Err(error) => {
                            assert!(matches!(error, Error::GraphConsumed { .. }), "{error}");
                        }
                    }
                }
                assert!(loss.backward().is_err());
                // A consumed graph keeps none of its operations, although its output is alive.
                if consumed {
                    assert_eq!(dropped.load(Relaxed), 1);
                }
            }
        }
    });
}

#[test]
fn one_batch_normalization_forwarded_by_many_tasks() {
    ends(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let x = Tensor::normal([2, 65_536], 1.0, 2.0, DType::F32, &mut rng).unwrap();
        let statistics = |norm: &BatchNorm| {
            [&norm.running_mean, &norm.running_var]
                .map(|buffer| bits(&buffer.as_ref().unwrap().value()))
        };
        let alone = BatchNorm::new(65_536).unwrap();
        for _ in 0..TASKS {
            let _ = alone.forward(&x, &Pass::train(0)).unwrap();
        }
        for threads in POOLS {
            let norm = BatchNorm::new(65_536).unwrap();
            tasks(&pool(threads), |_| {
                let y = norm.forward(&x, &Pass::train(0)).unwrap();
                y.square().sum().backward().unwrap();
            });
            assert!(statistics(&norm) == statistics(&alone), "{threads}");
        }
    });
}

#[test]
fn a_recalibration_whose_forward_runs_tasks() {
    ends(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let x = Tensor::normal([400, 300], 1.0, 2.0, DType::F32, &mut rng).unwrap();
        let means = |threads: usize| {
            let norm = BatchNorm::new(300).unwrap();
            let pool = pool(threads);
            recalibrate(&norm, [&x], |x, pass| {
                let found = tasks(&pool, |_| norm.forward(x, pass).map(drop));
                found.into_iter().collect::<Result<Vec<()>>>()
            })
            .unwrap();
            [&norm.running_mean, &norm.running_var]
                .map(|buffer| bits(&buffer.as_ref().unwrap().value()))
        };
        let alone = means(1);
        for threads in [2, 4, 8] {
            assert!(means(threads) == alone, "{threads}");
        }
    });
}

#[test]
fn one_observer_over_many_tasks() {
    ends(|| {
        let net = net();
        let x = drawn([64, 64], 10);
        let backward = |pass: &Pass| {
            let loss = net.forward(&x, pass).unwrap().square().mean();
            all_bits(&loss.backward().unwrap())
        };
        let alone = backward(&Pass::train(0));
        for threads in POOLS {
            let signal = Signal::of(&net);
            let pass = Pass::train(0).observed(signal.clone()).checked(&net);
            let found = tasks(&pool(threads), |_| backward(&pass));
            assert!(found.iter().all(|found| *found == alone), "{threads}");
            assert!(pass.check().is_ok());
            assert!(signal.step(&net).unwrap().is_some());
        }
    });
}
