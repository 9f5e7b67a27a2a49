//! Recipes for models and training loops that the layers do not cover by themselves.
//!
//! Each example is complete: paste it into a `main` that returns [`Result<()>`](crate::Result).
//!
//! | recipe | uses |
//! |---|---|
//! | [Two inputs, two outputs](#two-inputs-two-outputs) | `#[derive(Module)]`, an inherent `forward`, [`Error::placed_in`](crate::Error::placed_in) |
//! | [A custom layer with errors](#a-custom-layer-with-errors) | [`Param`](crate::module::Param), [`Layer::compute`](crate::module::Layer::compute), [`Error::shape`](crate::Error::shape) |
//! | [A model that reads indices](#a-model-that-reads-indices) | [`Embedding`](crate::nn::Embedding) |
//! | [Tied weights](#tied-weights) | [`Param::read`](crate::module::Param::read), [`Tensor::linear`](crate::Tensor::linear) |
//! | [Regression in mini-batches](#regression-in-mini-batches) | [`Table`](crate::data::Table), [`Batches`](crate::data::Batches) |
//! | [Early stopping](#early-stopping) | `clone`, [`Optimizer::adopt`](crate::optim::Optimizer::adopt) |
//! | [Truncated backpropagation](#truncated-backpropagation) | [`Lstm::run`](crate::nn::Lstm::run), [`LstmState::detach`](crate::nn::LstmState::detach) |
//! | [A causal mask](#a-causal-mask) | [`Tensor::triu`](crate::Tensor::triu), [`Tensor::masked_fill`](crate::Tensor::masked_fill) |
//! | [Gradients through an inner step](#gradients-through-an-inner-step) | [`Pass::with`](crate::module::Pass::with), [`Backward::create_graph`](crate::Backward::create_graph) |
//! | [Folds on threads](#folds-on-threads) | [`Labeled::k_fold`](crate::data::Labeled::k_fold), `std::thread::scope` |
//!
//! # Two inputs, two outputs
//!
//! A [`Layer`](crate::module::Layer) maps one tensor to one tensor. For any other signature derive
//! `Module` alone and write `forward` as a method of the struct. Such a model has no `predict`:
//! call `forward` under [`Pass::inference()`](crate::module::Pass::inference). `placed_in` adds the
//! path of the layer that failed to an error, as `Layer::forward` does by itself.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! #[derive(Module, Clone, Debug)]
//! struct TwoHeads {
//!     left: Linear,
//!     right: Linear,
//!     class: Linear,
//!     value: Linear,
//! }
//!
//! impl TwoHeads {
//!     fn forward(&self, a: &Tensor, b: &Tensor, pass: &Pass) -> Result<(Tensor, Tensor)> {
//!         self.heads(a, b, pass).map_err(|error| error.placed_in(self))
//!     }
//!
//!     fn heads(&self, a: &Tensor, b: &Tensor, pass: &Pass) -> Result<(Tensor, Tensor)> {
//!         let joined = [self.left.forward(a, pass)?, self.right.forward(b, pass)?];
//!         let hidden = Tensor::cat(&joined, 1)?.relu();
//!         Ok((self.class.forward(&hidden, pass)?, self.value.forward(&hidden, pass)?))
//!     }
//! }
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let mut net = TwoHeads {
//!     left: Linear::new(4, 8, &mut rng)?,
//!     right: Linear::new(2, 8, &mut rng)?,
//!     class: Linear::new(16, 3, &mut rng)?,
//!     value: Linear::new(16, 1, &mut rng)?,
//! };
//! let (a, b) = (Tensor::ones([5, 4], DType::F32)?, Tensor::ones([5, 2], DType::F32)?);
//! let (labels, targets) = (Indices::from([0, 1, 2, 0, 1]), Tensor::zeros([5, 1], DType::F32)?);
//!
//! // One step on the sum of both losses.
//! let mut optimizer = Adam::new(0.01).build()?;
//! let (logits, values) = net.forward(&a, &b, &Pass::train(1))?;
//! let loss = logits.cross_entropy(&labels)? + values.mse_loss(&targets)?;
//! optimizer.step(&mut net, loss.backward()?)?;
//!
//! let (logits, values) = net.forward(&a, &b, &Pass::inference())?;
//! assert_eq!((logits.shape(), values.shape()), (&[5, 3][..], &[5, 1][..]));
//!
//! let error = net.forward(&a, &a, &Pass::inference()).unwrap_err();
//! assert!(error.to_string().starts_with("`right`: linear: "));
//! # Ok::<(), Error>(())
//! ```
//!
//! # A custom layer with errors
//!
//! `compute` reads each parameter by [`Param::read`](crate::module::Param::read). The constructors
//! [`Error::shape`](crate::Error::shape) and [`Error::argument`](crate::Error::argument) make the
//! same errors as the layers of this crate.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! /// Multiplies each feature by a learnt factor.
//! #[derive(Module, Clone, Debug)]
//! struct Scale {
//!     factor: Param,
//! }
//!
//! impl Scale {
//!     fn new(features: usize) -> Result<Self> {
//!         if features == 0 {
//!             return Err(Error::argument("scale", "features must be at least 1, found 0"));
//!         }
//!         Ok(Self { factor: Param::new(&Tensor::ones([features], DType::F32)?) })
//!     }
//! }
//!
//! impl Layer for Scale {
//!     fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
//!         let factor = self.factor.read(pass);
//!         if x.shape().len() != 2 || x.shape()[1] != factor.shape()[0] {
//!             let reason = "expected (batch, features) and a factor for each feature";
//!             return Err(Error::shape("scale", reason, &[x.shape(), factor.shape()]));
//!         }
//!         x.mul(&factor)
//!     }
//! }
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let net = (Linear::new(4, 3, &mut rng)?, Scale::new(2)?);
//! let error = net.predict(&Tensor::ones([5, 4], DType::F32)?).unwrap_err();
//! assert!(error.to_string().contains("scale: expected (batch, features)"));
//! assert!(Scale::new(0).is_err());
//! # Ok::<(), Error>(())
//! ```
//!
//! # A model that reads indices
//!
//! An `Embedding` reads [`Indices`](crate::Indices), and so does a model that begins with it. The
//! model is no `Layer`, but the layers behind the embedding are.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! #[derive(Module, Clone, Debug)]
//! struct Classifier {
//!     words: Embedding,
//!     rnn: Lstm,
//!     out: Linear,
//! }
//!
//! impl Classifier {
//!     /// Computes the logits (batch, classes) of the words (batch, time).
//!     fn forward(&self, words: &Indices, pass: &Pass) -> Result<Tensor> {
//!         let vectors = self.words.forward(words, pass)?;
//!         self.out.forward(&self.rnn.forward(&vectors, pass)?, pass)
//!     }
//! }
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let net = Classifier {
//!     words: Embedding::new(100, 8, &mut rng)?,
//!     rnn: Lstm::new(8, 16, &mut rng)?.last_only(),
//!     out: Linear::new(16, 2, &mut rng)?,
//! };
//! let words = Indices::from([[17, 4, 99], [4, 4, 0]]);
//! assert_eq!(net.forward(&words, &Pass::inference())?.shape(), [2, 2]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Tied weights
//!
//! Store one `Param` and read it wherever it is used. Its gradient is the sum over all uses. A
//! `clone` of a `Param` is a separate parameter: the two are not tied.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! /// An autoencoder whose decoder is the transpose of its encoder.
//! #[derive(Module, Clone, Debug)]
//! struct Tied {
//!     weight: Param,
//!     encoder_bias: Param,
//!     decoder_bias: Param,
//! }
//!
//! impl Layer for Tied {
//!     fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
//!         let weight = self.weight.read(pass);
//!         let code = x.linear(&weight, Some(&self.encoder_bias.read(pass)))?.tanh();
//!         code.linear(&weight.transpose(0, 1)?, Some(&self.decoder_bias.read(pass)))
//!     }
//! }
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let net = Tied {
//!     weight: Param::new(&init::glorot_uniform().draw(&[3, 6], &mut rng)?),
//!     encoder_bias: Param::new(&Tensor::zeros([3], DType::F32)?),
//!     decoder_bias: Param::new(&Tensor::zeros([6], DType::F32)?),
//! };
//! let x = Tensor::normal([4, 6], 0.0, 1.0, DType::F32, &mut rng)?;
//! let loss = |net: &Tied, x: &[Tensor], pass: &Pass| net.forward(&x[0], pass)?.mse_loss(&x[0]);
//! gradcheck::module(&net, &[x], loss)?.assert_ok();
//! assert_eq!(net.param_count(), 3 * 6 + 3 + 6);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Regression in mini-batches
//!
//! A [`Table`](crate::data::Table) holds samples with any parts, here inputs and float targets.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let inputs = Tensor::uniform([80, 2], -1.0, 1.0, DType::F32, &mut rng)?;
//! let targets = inputs.matmul(&Tensor::from([[2.0f32], [-1.0]]))?;
//!
//! let all = (inputs, targets);
//! let train = Table::new(all.narrow(0, 60)?)?;
//! let test = all.narrow(60, 20)?;
//!
//! let mut net = Linear::new(2, 1, &mut rng)?;
//! let mut optimizer = Adam::new(0.05).build()?;
//! let pass = Pass::train(1);
//! let batches = Batches::new(&train, 16)?.shuffle(42);
//! for epoch in 0..60 {
//!     for batch in batches.epoch(epoch) {
//!         let (x, y) = batch?;
//!         let loss = net.forward(&x, &pass)?.mse_loss(&y)?;
//!         optimizer.step(&mut net, loss.backward()?)?;
//!     }
//! }
//! assert!(net.predict(&test.0)?.mse_loss(&test.1)?.item()? < 1e-2);
//! # Ok::<(), Error>(())
//! ```
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
