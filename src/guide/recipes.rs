//! Recipes for models and training loops that the layers do not cover by themselves.
//!
//! Each example is complete: paste it into a `main` that returns [`Result<()>`](crate::Result).
//! Several inputs or outputs, tied weights and custom layers are in
//! [networks](crate::guide::own::networks) and [layers](crate::guide::own::layers), regression in
//! mini-batches is in [data](crate::guide::own::data).
//!
//! | recipe | uses |
//! |---|---|
//! | [Early stopping](#early-stopping) | `clone`, [`Optimizer::adopt`](crate::optim::Optimizer::adopt) |
//! | [Truncated backpropagation](#truncated-backpropagation) | [`Lstm::run`](crate::nn::Lstm::run), [`LstmState::detach`](crate::nn::LstmState::detach) |
//! | [A causal mask](#a-causal-mask) | [`Tensor::triu`](crate::Tensor::triu), [`Tensor::masked_fill`](crate::Tensor::masked_fill) |
//! | [Gradients through an inner step](#gradients-through-an-inner-step) | [`Pass::with`](crate::module::Pass::with), [`Backward::create_graph`](crate::Backward::create_graph) |
//! | [Folds on threads](#folds-on-threads) | [`Labeled::k_fold`](crate::data::Labeled::k_fold), `std::thread::scope` |
//!
//! # Early stopping
//!
//! Keep a clone of the best model. The optimizer's state belongs to the parameters of the model
//! that it trained, and the parameters of a clone are new ones. To go on training the clone, call
//! [`Optimizer::adopt`](crate::optim::Optimizer::adopt). It carries over the state as it is now,
//! not as it was when the clone was made. [`Stateful::state`](crate::state::Stateful::state) and
//! `load_state` restore the values in the same parameters, so that no `adopt` is needed.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let (train, valid) = digits()?.take_per_class(12, 1)?.split_stratified(0.5, 1)?;
//! let mut net = Mlp::builder([64, 16, 10]).build(&mut rng)?;
//! let mut optimizer = Adam::new(0.02).build()?;
//! let pass = Pass::train(1);
//! let validate = |net: &Mlp| net.predict(valid.inputs())?.cross_entropy(valid.labels())?.item();
//!
//! let (mut best, mut best_loss, mut best_epoch) = (net.clone(), validate(&net)?, 0);
//! for epoch in 1..=30 {
//!     let loss = net.forward(train.inputs(), &pass)?.cross_entropy(train.labels())?;
//!     optimizer.step(&mut net, loss.backward()?)?;
//!     let loss = validate(&net)?;
//!     if loss < best_loss {
//!         (best, best_loss, best_epoch) = (net.clone(), loss, epoch);
//!     } else if epoch - best_epoch >= 5 {
//!         break;
//!     }
//! }
//! net = best;
//! assert_eq!(validate(&net)?, best_loss);
//!
//! // Only needed to train further:
//! optimizer.adopt(&net)?;
//! let loss = net.forward(train.inputs(), &pass)?.cross_entropy(train.labels())?;
//! let state = net.state()?;
//! optimizer.step(&mut net, loss.backward()?)?;
//! assert_ne!(validate(&net)?, best_loss);
//! net.load_state(&state)?;
//! assert_eq!(validate(&net)?, best_loss);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Truncated backpropagation
//!
//! Cut a long sequence into windows, and start each from the last state of the one before. Detach
//! this state, so that the backward pass stops at the beginning of the window (Williams, Peng 1990,
//! An efficient gradient-based algorithm for on-line training of recurrent network trajectories).
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let mut lstm = Lstm::new(1, 8, &mut rng)?;
//! let mut optimizer = Adam::new(0.01).build()?;
//! let pass = Pass::train(1);
//! let sequence = Tensor::uniform([4, 40, 1], -1.0, 1.0, DType::F32, &mut rng)?;
//! let mut state = None;
//! for start in (0..40).step_by(10) {
//!     let window = sequence.narrow(1, start, 10)?;
//!     let (output, last) = lstm.run(&window, state.as_ref(), &pass)?;
//!     let mut grads = output.square().mean().backward()?;
//!     clip::global_norm(1.0).apply(&lstm, &mut grads)?;
//!     optimizer.step(&mut lstm, grads)?;
//!     state = Some(last.detach());
//! }
//! assert!(state.is_some_and(|state| !state.c.is_tracked()));
//! # Ok::<(), Error>(())
//! ```
//!
//! # A causal mask
//!
//! A [`Mask`](crate::Mask) is the result of a comparison. The strict upper triangle of a matrix of
//! ones marks the positions after each step. Filled with minus infinity, their weights become 0.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let time = 3;
//! let future = Tensor::ones([time, time], DType::F32)?.triu(1)?.gt_scalar(0.0);
//! // Scores (batch, query, key). The mask is broadcast over the batch.
//! let scores = Tensor::zeros([2, time, time], DType::F32)?;
//! let weights = scores.masked_fill(&future, f64::NEG_INFINITY)?.softmax(-1)?;
//! let first = weights.select(0, 0)?;
//! let third = 1.0 / 3.0f32;
//! let expected = Tensor::from([[1.0f32, 0.0, 0.0], [0.5, 0.5, 0.0], [third, third, third]]);
//! assert!(first.sub(&expected)?.abs().max()?.item()? < 1e-6);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Gradients through an inner step
//!
//! The inner step starts at `param.read(&pass)`, so the outer gradients reach the parameters
//! themselves. [`create_graph`](crate::Backward::create_graph) makes the inner gradients
//! differentiable, and [`Pass::with`](crate::module::Pass::with) runs the model with the stepped
//! values (Finn, Abbeel, Levine 2017, Model-Agnostic Meta-Learning for Fast Adaptation of Deep
//! Networks).
//!
//! ```
//! use cotangent::prelude::*;
//!
//! fn after_step(net: &Mlp, x: &Tensor, y: &Tensor, pass: &Pass) -> Result<Tensor> {
//!     // Under a pass that records nothing, the step starts at tracked copies.
//!     let track = |value: Tensor| if value.is_tracked() { value } else { value.tracked() };
//!     let start: Vec<Tensor> = net.params().into_iter().map(|p| track(p.read(pass))).collect();
//!     // With these values the inner loss depends on `start`.
//!     let inner = net.forward(x, &pass.with(net, &start)?.record())?.mse_loss(y)?;
//!     let slopes = Backward::new().create_graph().grad(&inner, &start)?;
//!     let stepped: Vec<Tensor> = start.iter().zip(&slopes).map(|(w, g)| w - g * 0.1).collect();
//!     net.forward(x, &pass.with(net, &stepped)?)?.mse_loss(y)
//! }
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let mut net = Mlp::builder([1, 4, 1]).activation(Tanh).build(&mut rng)?;
//! let x = Tensor::uniform([6, 1], -1.0, 1.0, DType::F32, &mut rng)?;
//! let y = x.sin();
//! let grads = after_step(&net, &x, &y, &Pass::train(1))?.backward()?;
//! assert!(grads.audit(&net).is_complete());
//! Adam::new(0.01).build()?.step(&mut net, grads)?;
//!
//! // Numeric differences confirm the gradient through the step.
//! let loss = |net: &Mlp, x: &[Tensor], pass: &Pass| after_step(net, &x[0], &x[1], pass);
//! gradcheck::module(&net, &[x.clone(), y.clone()], loss)?.assert_ok();
//!
//! // The same function adapts the model in inference.
//! assert!(!after_step(&net, &x, &y, &Pass::inference())?.is_tracked());
//! # Ok::<(), Error>(())
//! ```
//!
//! # Folds on threads
//!
//! Tensors, models and data sets can be used by several threads at once. Train each fold on its
//! own thread. The results are the same to the last bit as those of one thread.
//!
//! ```
//! use cotangent::prelude::*;
//! use std::thread;
//!
//! fn accuracy(fold: u64, train: &Labeled, test: &Labeled) -> Result<f64> {
//!     let mut rng = ChaCha8Rng::seed_from_u64(fold);
//!     let mut net = Mlp::builder([64, 16, 10]).build(&mut rng)?;
//!     let mut optimizer = Adam::new(0.02).build()?;
//!     let pass = Pass::train(fold);
//!     for _ in 0..20 {
//!         let loss = net.forward(train.inputs(), &pass)?.cross_entropy(train.labels())?;
//!         optimizer.step(&mut net, loss.backward()?)?;
//!     }
//!     net.predict(test.inputs())?.accuracy(test.labels())
//! }
//!
//! let folds = digits()?.take_per_class(15, 1)?.k_fold(3, 42)?;
//! let accuracies = thread::scope(|scope| {
//!     let mut workers = Vec::new();
//!     for (fold, (train, test)) in (0..).zip(&folds) {
//!         workers.push(scope.spawn(move || accuracy(fold, train, test)));
//!     }
//!     let results = workers.into_iter().map(|worker| worker.join().expect("no panic"));
//!     results.collect::<Result<Vec<f64>>>()
//! })?;
//! assert_eq!(accuracies.len(), 3);
//! # Ok::<(), Error>(())
//! ```
//!
//! Large operations are also split over threads, and all folds share these. Their number is that
//! of `rayon`, but at most that of the processors: set the environment variable `RAYON_NUM_THREADS`
//! to limit it, before the process starts. With `RAYON_NUM_THREADS=1` each operation runs on the
//! thread that calls it, which suits as many folds as there are processors. The variable does not
//! limit the threads that you start yourself. If there are more folds than processors, let a few
//! threads take one fold after the other. Inside a custom `rayon` pool, operations are split over
//! the threads of that pool.
