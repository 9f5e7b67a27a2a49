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
//! | [`Supervised`], [`Task`] | a model with an optimizer; anything else that learns from batches |
//! | [`Step`] | the pass of a step, and the values that it records |
//! | [`Run`] | the stages of a run, and its state |
//! | [`Best`], [`Checkpoints`] | the best epoch; the files that a run resumes from |
//! | [`metrics`], [`Metric`] | accuracy, F1, ROC AUC, R² and others; your own |
//! | [`History`] | the values of all epochs |
//! | `settings` | settings of nets, optimizers, schedules and runs in TOML or JSON (feature `settings`) |
//! | [`Log`] | output while a run goes on; your own |
//!
//! # Logs
//!
//! [`Fit::log`] adds a log. Those that write files go on in them when a run is resumed: lines after
//! the checkpoint are cut off, so that none is missing or doubled. A log that fails ends the run
//! with its error, after the other logs have been called. The weights stay in the task, the best
//! ones are restored, and the checkpoints remain.
//!
//! | log | output | feature |
//! |---|---|---|
//! | [`Progress`] | lines, a table at the end, and a bar on a terminal | `progress` for the bar |
//! | `Dashboard` | curves and values on the whole terminal | `dashboard` |
//! | [`CsvLog`] | a row for each epoch, as [`History::save_csv`] | |
//! | [`JsonLines`] | a line for each step and each epoch | |
//! | `TensorBoard` | event files: scalars, texts, figures, histograms | `tensorboard` |
//! | `HtmlReport` | one page with curves, tables, the signal report and settings | `figures` |
//!
//! # The same run, opened
//!
//! Each stage of a run is a method of [`Run`]. This loop gives the same bits as [`Fit::run`] above:
//!
//! ```
//! # use cotangent::prelude::*;
//! # let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! # let (batches, valid) = (Batches::new(&train, 64)?.shuffle(1), Batches::new(&test, 500)?);
//! # let net = Mlp::builder([64, 32, 10]).batch_norm().dropout(0.1);
//! # let mut net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
//! # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
//! #     let logits = net.forward(images, step.pass())?;
//! #     step.score(metrics::Accuracy::new(), &logits, labels)?;
//! #     logits.cross_entropy(labels)
//! # };
//! # let mut task = Supervised::new(net.clone(), Nesterov::new(0.05).build()?, loss)
//! #     .clip(clip::global_norm(5.0))
//! #     .schedule(Schedule::cosine(4 * 23, 0.0)?);
//! # let run = Fit::new(4).seed(1).validate(&valid).keep_best().run(&mut task, &batches)?;
//! # let expected = (task.model().state()?.to_bytes()?, run.history().clone());
//! # let mut task = Supervised::new(net.clone(), Nesterov::new(0.05).build()?, loss)
//! #     .clip(clip::global_norm(5.0))
//! #     .schedule(Schedule::cosine(4 * 23, 0.0)?);
//! let (mut run, mut best) = (Run::new(1), Best::lowest("validation_loss"));
//! while run.epoch() < 4 {
//!     for batch in batches.epoch(run.epoch()) {
//!         run.train_step(&mut task, &batch?)?;
//!     }
//!     run.validate(&mut task, &valid)?;
//!     run.end_epoch(&mut task, &mut best)?;
//! }
//! best.restore(&mut task)?;
//! # let found = (task.model().state()?.to_bytes()?, run.history().clone());
//! # assert!(found == expected);
//! # Ok::<(), Error>(())
//! ```
//!
//! And so does this one, which uses nothing of this module:
//!
//! ```
//! # use cotangent::prelude::*;
//! # let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! # let (batches, valid) = (Batches::new(&train, 64)?.shuffle(1), Batches::new(&test, 500)?);
//! # let net = Mlp::builder([64, 32, 10]).batch_norm().dropout(0.1);
//! # let mut net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
//! # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
//! #     let logits = net.forward(images, step.pass())?;
//! #     step.score(metrics::Accuracy::new(), &logits, labels)?;
//! #     logits.cross_entropy(labels)
//! # };
//! # let mut task = Supervised::new(net.clone(), Nesterov::new(0.05).build()?, loss)
//! #     .clip(clip::global_norm(5.0))
//! #     .schedule(Schedule::cosine(4 * 23, 0.0)?);
//! # let run = Fit::new(4).seed(1).validate(&valid).keep_best().run(&mut task, &batches)?;
//! # let expected = (task.model().state()?.to_bytes()?, run.history().clone());
//! let mut optimizer = Nesterov::new(0.05).build()?;
//! let mut schedule = Schedule::cosine(4 * 23, 0.0)?;
//! let pass = Pass::train(1);
//! let mut best = (f64::INFINITY, net.clone());
//! for epoch in 0..4 {
//!     for batch in batches.epoch(epoch) {
//!         let (images, labels) = batch?;
//!         let loss = net.forward(&images, &pass)?.cross_entropy(&labels)?;
//!         let mut grads = loss.backward()?;
//!         clip::global_norm(5.0).apply(&net, &mut grads)?;
//!         schedule.step(&mut optimizer)?;
//!         optimizer.step(&mut net, grads)?;
//!     }
//!     let mut sum = 0.0;
//!     for batch in valid.epoch(0) {
//!         let (images, labels) = batch?;
//!         sum += net.predict(&images)?.cross_entropy(&labels)?.item()? * labels.len() as f64;
//!     }
//!     let validation_loss = sum / test.len() as f64;
//!     if validation_loss < best.0 {
//!         best = (validation_loss, net.clone());
//!     }
//! }
//! let net = best.1;
//! # assert!(net.state()?.to_bytes()? == expected.0);
//! # assert_eq!(Some(best.0), run.best().map(|(_, loss)| loss));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Resuming
//!
//! A run with [`Checkpoints`] and [`Fit::resume`] continues where it was killed, and ends with the
//! same bits as if it had not been: weights, metrics, history and logs.
//!
//! ```
//! # use cotangent::prelude::*;
//! # let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! # let (batches, valid) = (Batches::new(&train, 64)?.shuffle(1), Batches::new(&test, 500)?);
//! # let net = Mlp::builder([64, 32, 10]).batch_norm().dropout(0.1);
//! # let mut net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
//! # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
//! #     let logits = net.forward(images, step.pass())?;
//! #     step.score(metrics::Accuracy::new(), &logits, labels)?;
//! #     logits.cross_entropy(labels)
//! # };
//! # let mut task = Supervised::new(net.clone(), Nesterov::new(0.05).build()?, loss)
//! #     .clip(clip::global_norm(5.0))
//! #     .schedule(Schedule::cosine(4 * 23, 0.0)?);
//! # let folder = std::env::temp_dir().join(format!("resume-{}", std::process::id()));
//! # let fit = |epochs| Fit::new(epochs).validate(&valid);
//! let checkpoints = || Checkpoints::new(&folder).every_steps(100).keep(2);
//! fit(1).checkpoints(checkpoints()).run(&mut task, &batches)?;
//! // In another process:
//! let run = fit(2).checkpoints(checkpoints()).resume().run(&mut task, &batches)?;
//! assert_eq!((run.epoch(), run.steps()), (2, 2 * 23));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Error>(())
//! ```
#[doc(inline)]
pub use cotangent_train::*;
