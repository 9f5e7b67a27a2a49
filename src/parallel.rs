//! Data-parallel training on several processes, with the same bits for any number of them
//! (feature `parallel`; on MPI with the feature `mpi`).
//!
//! Each batch is split into a fixed number of shards. The processes, called ranks, share the
//! shards; each computes the gradients of its own. The gradients are added up over the shards in
//! the order of a binary tree, whichever rank holds them, and every rank does the same step. So a
//! run with 8 shards has the same weights, to the last bit, on 1, 2, 4 or 8 ranks.
//!
//! One line turns a run into a parallel one:
//!
//! ```no_run
//! # #[cfg(feature = "mpi")]
//! # fn main() -> cotangent::Result<()> {
//! use cotangent::parallel::Ranks;
//! use cotangent::prelude::*;
//!
//! let ranks = Ranks::builder().shards(8).mpi()?;
//! let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! let net = Mlp::builder([64, 32, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
//! let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
//!     net.forward(images, step.pass())?.cross_entropy(labels)
//! };
//! let mut task = Supervised::new(net, Adam::new(2e-3).build()?, loss);
//! let (batches, valid) = (Batches::new(&train, 64)?.shuffle(1), Batches::new(&test, 500)?);
//! Fit::new(5).validate(&valid).ranks(&ranks).run(&mut task, &batches)?;
//! if ranks.is_first() {
//!     task.into_model().save("net.safetensors")?;
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "mpi"))]
//! # fn main() {}
//! ```
//!
//! Open MPI or MPICH must be installed to build and to run it, on Debian by `apt-get install
//! libopenmpi-dev openmpi-bin libclang-dev`. `mpirun` starts the ranks: 4 of them on this machine
//! by `mpirun -n 4 PROGRAM`, or on the machines of a file by `mpirun --hostfile hosts -n 4
//! PROGRAM`; under Slurm `srun -n 4 PROGRAM` does it. [The page on scaling](crate::guide::scaling)
//! has measurements, a model of the time of a step, and more on clusters.
//!
//! | item | contents |
//! |---|---|
//! | [`Ranks`], [`RanksBuilder`] | the handle of a rank to the others; its options |
//! | [`Fit::ranks`](crate::train::Fit::ranks) | a run on several ranks |
//! | [`Ranks::gradients`] | the gradients of one batch or several, for a loop that is written out |
//! | [`Epochs::shards`](crate::data::Epochs::shards) | the shards of the batches of an epoch |
//! | [`Task::train_shards`](crate::train::Task::train_shards) | a step of a custom task |
//! | [`BatchNormBuilder::synchronized`](crate::nn::BatchNormBuilder::synchronized) | batch normalization over the whole batch |
//!
//! # The same on all ranks
//!
//! - **Loss and gradients** are those of the whole batch, also if shards have unequal numbers of
//!   samples. Clipping, schedules, averages of weights and the optimizer see these gradients.
//! - **Metrics and validation** are over all ranks: each validates some shards of each batch. So
//!   early stopping and the best epoch are the same everywhere.
//! - **Dropout** draws from the seed, the step and the shard; shuffling and augmentation from the
//!   seed, the epoch and the sample. None depends on the rank.
//! - **Batch normalization** normalizes each shard with its own statistics. The running statistics
//!   are averaged over the shards, by their numbers of samples, as are other buffers that forward
//!   changes. If it is
//!   [synchronized](crate::nn::BatchNormBuilder::synchronized), the whole batch is normalized as in
//!   one process. If ranks have several shards, these must then be computed at the same time, on
//!   threads: [`Supervised::shards_at_once`](crate::train::Supervised::shards_at_once).
//! - **The signal report** is of the whole batch, on every rank: see
//!   [`Fit::signal`](crate::train::Fit::signal), or for a loop that is written out
//!   [`Signal::step_on`](crate::nn::signal::Signal::step_on).
//! - **Logs and checkpoints** are written by rank 0 alone. A run may go on with another number of
//!   ranks, with the same number of shards.
//!
//! # Failures
//!
//! An error, a panic or the end of a rank ends the job: the functions of [`Ranks`] return
//! [`Error::Rank`](crate::Error::Rank) on all others, with its number and the text of its error. A
//! rank that keeps others waiting for longer than the [patience](RanksBuilder::patience) is found
//! and named. If a process is killed, `mpirun` ends the others. The last
//! checkpoint is whole, because checkpoints are replaced as a whole.
//!
//! The ranks know of each other only after all of them have called `Ranks::builder().mpi()`. If a
//! process hangs before that, the others wait for it in MPI without end: [the page on
//! scaling](crate::guide::scaling) says how to find it.
//!
//! At the start the ranks check that they have the same version, instruction set and options.
//! Before the first step of a model, and every 100 steps, they check that they have the same
//! parameters. [`Fit`](crate::train::Fit) also checks the settings, and the data: each rank reads
//! the first batch of training and of validation, and compares its
//! [fingerprint](crate::data::Epochs::fingerprint). A difference is an error that names the rank
//! and what differs. In a loop that is written out, [`Ranks::agree`] compares anything else.
//!
//! # Differences from PyTorch
//!
//! `DistributedDataParallel` sums gradients in the order that suits the network, so that results
//! change with the number of processes; buffers are those of rank 0, and an uneven last batch is
//! weighted by processes instead of samples. Here a shard takes the place of a process in all
//! results. In place of `no_sync`, [`Ranks::gradients`] takes several batches, whose gradients are
//! exchanged once. [`Supervised::accumulate`](crate::train::Supervised::accumulate) does so.

#[doc(inline)]
pub use cotangent_parallel::*;
