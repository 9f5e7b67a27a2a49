//! The options of a parallel run, and its start.

use crate::courier::Courier;
use crate::engine::{Engine, Local};
use crate::ranks::Ranks;
use cotangent_core::{Error, Result};
use std::sync::mpsc::channel;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

/// The options of [`Ranks`]. `mpi` (feature `mpi`), [`single`](Self::single) or
/// [`threads`](Self::threads) starts them.
#[derive(Clone, Debug)]
#[must_use]
pub struct RanksBuilder {
    pub(crate) shards: Option<usize>,
    pub(crate) patience: Duration,
    pub(crate) bucket_bytes: usize,
    pub(crate) check_every: u64,
}

impl RanksBuilder {
    pub(crate) fn new() -> Self {
        Self {
            shards: None,
            patience: Duration::from_secs(8),
            bucket_bytes: 4 << 20,
            check_every: 100,
        }
    }

    /// Sets the number of shards into which each batch is split; by default one for each rank.
    ///
    /// Results depend on it: on the order of sums, on the statistics of batch normalization and on
    /// the random numbers of dropout. With the same number of shards a run has the same bits on any
    /// number of ranks. It is the number of ranks, or that times 2, 4, 8 and so on. One process
    /// takes any number of shards.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// Sets how long a rank may keep others waiting, 8 seconds by default. Then the job ends with
    /// an error that names it. It is the time by which a step may take longer on one rank than on
    /// the others, and by which one may start later. Work in [`Ranks::on_first`] may take any time.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets the size in bytes of the buckets in which gradients are exchanged while backward still
    /// runs, 4 MiB by default. The last parameter of a bucket may exceed it.
    pub fn bucket_bytes(mut self, bytes: usize) -> Self {
        self.bucket_bytes = bytes;
        self
    }

    /// Sets after how many steps of a model the ranks check that its parameters are the same
    /// everywhere, 100 by default. 0 turns the check off.
    pub fn check_every(mut self, steps: u64) -> Self {
        self.check_every = steps;
        self
    }

    /// Starts one rank in this process, without others.
    ///
    /// # Errors
    /// [`Error::Argument`] if the number of shards is 0.
    pub fn single(self) -> Result<Ranks> {
        Ranks::new(self, None)
    }

    /// Starts the ranks of an MPI job, one for each process that `mpirun` or `srun` started. A
    /// program that was started without them is a single rank.
    ///
    /// The processes of one machine share its cores: each gets an equal part of them as threads,
    /// unless `RAYON_NUM_THREADS` is set, or `rayon`'s threads run already.
    ///
    /// # Errors
    /// [`Error::Argument`] if the number of shards is not that of the ranks times a power of two,
    /// or if MPI runs already.
    #[cfg(feature = "mpi")]
    pub fn mpi(self) -> Result<Ranks> {
        crate::threads::share();
        let start = || Ok(Box::new(crate::engine::Mpi::start()?) as Box<dyn Engine>);
        let courier = Courier::start(start, self.patience)?;
        Ranks::new(self, Some(courier))
    }

    /// Runs `run` on threads of this process, each of which is a rank, and returns their results in
    /// the order of the ranks. It is for tests of code that will run on several processes.
    ///
    /// ```
    /// use cotangent::parallel::Ranks;
    /// let sums = Ranks::builder().threads(2, |ranks| {
    ///     let all = ranks.gather(&[ranks.rank() as u8 + 1])?;
    ///     Ok(all.concat())
    /// })?;
    /// assert_eq!(sums, [[1, 2], [1, 2]]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first error by the number of the rank; those of [`single`](Self::single);
    /// [`Error::Argument`] if there are no ranks, or if the number of shards is not that of the
    /// ranks times a power of two; [`Error::Io`] if the system refuses a thread.
    ///
    /// # Panics
    /// If `run` panics.
    pub fn threads<T: Send>(
        self,
        ranks: usize,
        run: impl Fn(&Ranks) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        if ranks == 0 {
            let reason = "expected at least 1 rank, found 0";
            return Err(Error::argument("RanksBuilder::threads", reason));
        }
        let run = &run;
        thread::scope(|scope| {
            // No rank begins before the system has given all threads.
            let spawned = (0..ranks).map(|_| {
                let (begin, engine) = channel::<Local>();
                let builder = self.clone();
                let rank = move || {
                    let engine = engine.recv().map_err(Error::other)?;
                    let start = || Ok(Box::new(engine) as Box<dyn Engine>);
                    let courier = Courier::start(start, builder.patience)?;
                    let ranks = Ranks::new(builder, Some(courier))?;
                    let result = run(&ranks);
                    result.map_err(|error| ranks.fail(error))
                };
                let thread = thread::Builder::new().spawn_scoped(scope, rank)?;
                Ok((begin, thread))
            });
            let spawned: Vec<_> = spawned.collect::<Result<_>>()?;
            let threads: Vec<_> = spawned
                .into_iter()
                .zip(Local::all(ranks))
                .map(|((begin, thread), engine)| {
                    // A rank waits for nothing else.
                    let _ = begin.send(engine);
                    thread
                })
                .collect();
            let results: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
            let results = results.into_iter().map(|result| match result {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            results.collect()
        })
    }
}
