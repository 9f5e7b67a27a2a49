//! The training loop, with metrics, checkpoints, early stopping and logs.
//!
//! A [`Task`] is something that learns from batches, most often [`Supervised`]: a model, an
//! optimizer and a loss. [`Fit`] trains it over epochs:
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! let (batches, valid) = (Batches::new(&train, 64)?.shuffle(1), Batches::new(&test, 500)?);
//! let net = Mlp::builder([64, 32, 10]).batch_norm().dropout(0.1);
//! let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
//!
//! let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
//!     let logits = net.forward(images, step.pass())?;
//!     step.score(metrics::Accuracy::new(), &logits, labels)?;
//!     logits.cross_entropy(labels)
//! };
//! let mut task = Supervised::new(net, Nesterov::new(0.05).build()?, loss)
//!     .clip(clip::global_norm(5.0))
//!     .schedule(Schedule::cosine(4 * 23, 0.0)?);
//! let run = Fit::new(4).seed(1).validate(&valid).keep_best().run(&mut task, &batches)?;
//! assert!(run.history().last("validation_accuracy") > Some(0.9));
//! # Ok::<(), Error>(())
//! ```
//!
//! | item | contents |
//! |---|---|
//! | [`Fit`] | a run over epochs: validation, early stopping, best weights, checkpoints, logs |
//! | [`Supervised`], [`Task`] | one model with one optimizer; anything else that learns from batches |
//! | [`Step`] | the pass of a step, and the values that it records |
//! | [`Run`] | the stages of a run, and its state |
//! | [`Best`], [`Checkpoints`] | the best epoch; the files that a run resumes from |
//! | [`metrics`], [`Metric`] | accuracy, F1, ROC AUC, R² and others; your own |
//! | [`History`] | the values of all epochs |
//! | [`Log`] | output while a run goes on; your own |
//!
//! # The same run, opened
//!
//! The stages of a run are public. This loop gives the same bits as the call of [`Fit::run`] above:
//!
//! ```
//! # use cotangent::prelude::*;
//! # let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! # let (batches, valid) = (Batches::new(&train, 64)?.shuffle(1), Batches::new(&test, 500)?);
//! # let net = Mlp::builder([64, 32, 10]).batch_norm().dropout(0.1);
//! # let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
//! # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
//! #     let logits = net.forward(images, step.pass())?;
//! #     step.score(metrics::Accuracy::new(), &logits, labels)?;
//! #     logits.cross_entropy(labels)
//! # };
//! # let task = || -> Result<_> {
//! #     Ok(Supervised::new(net.deep_clone(), Nesterov::new(0.05).build()?, loss)
//! #         .clip(clip::global_norm(5.0))
//! #         .schedule(Schedule::cosine(4 * 23, 0.0)?))
//! # };
//! # let mut task = task()?;
//! let mut run = Run::new(1);
//! let mut best = Best::lowest("validation_loss");
//! while run.epoch() < 4 {
//!     for batch in batches.epoch(run.epoch()) {
//!         run.train_step(&mut task, &batch?)?;
//!     }
//!     run.validate(&mut task, &valid)?;
//!     run.end_epoch(&mut task, &mut best)?;
//! }
//! best.restore(&mut task)?;
//! # Ok::<(), Error>(())
//! ```
#[doc(inline)]
pub use cotangent_train::*;
