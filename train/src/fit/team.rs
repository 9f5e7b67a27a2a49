//! The ranks of a run: this process alone, or several (feature `parallel`).

use crate::checkpoints::Checkpoints;
use crate::run::Run;
use crate::task::Task;
use cotangent_core::Result;
use cotangent_core::state::Stateful;
use cotangent_data::Epochs;
use std::marker::PhantomData;
use std::ops::ControlFlow;

/// The ranks of a run.
#[derive(Clone, Copy, Default)]
pub(super) struct Team<'a> {
    #[cfg(feature = "parallel")]
    pub ranks: Option<&'a cotangent_parallel::Ranks>,
    pub process: PhantomData<&'a ()>,
}

#[cfg_attr(
    not(feature = "parallel"),
    expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "ranks are needed otherwise"
    )
)]
impl Team<'_> {
    /// Returns whether this process writes logs and files.
    pub fn is_first(self) -> bool {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            return ranks.is_first();
        }
        true
    }

    /// Checks that all ranks have the same settings, and returns those that results depend on, and
    /// those that they do not.
    pub fn settings(self, all: &[(String, String)]) -> Result<[Vec<(String, String)>; 2]> {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            ranks.agree("the settings of the run", || {
                let lines = all.iter().map(|(name, value)| format!("{name} = {value}"));
                lines.collect()
            })?;
            let pair = |name: &str, value: usize| vec![(name.to_owned(), value.to_string())];
            let mut others = pair("ranks", ranks.count());
            others.extend(pair("threads of each rank", ranks.threads()));
            return Ok([pair("shards", ranks.shards()), others]);
        }
        let _ = all;
        Ok([Vec::new(), Vec::new()])
    }

    /// Loads the newest checkpoint, which rank 0 reads, and returns whether there is one. The part
    /// `logs` is loaded by rank 0 alone.
    pub fn load(
        self,
        checkpoints: &Checkpoints,
        parts: &mut [(&str, &mut dyn Stateful)],
    ) -> Result<bool> {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            let newest = ranks.on_first(|| checkpoints.newest_bytes())?.flatten();
            let bytes = ranks.from_first(newest.unwrap_or_default())?;
            return Checkpoints::load_bytes(&bytes, parts, ranks.is_first());
        }
        checkpoints.load(parts)
    }

    /// Returns whether `own` is true on one of the ranks.
    pub fn any(self, own: bool) -> Result<bool> {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            let all = ranks.gather(&[u8::from(own)])?;
            return Ok(all.concat().contains(&1));
        }
        Ok(own)
    }

    /// Does some work of this process, such as saving a file, for which others may have to wait.
    pub fn busy(self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            return ranks.busy(work);
        }
        work()
    }

    /// Ends the run on all ranks, with an error if one has an error.
    pub fn end(self, result: Result<()>) -> Result<()> {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            result.map_err(|error| ranks.fail(error))?;
            return ranks.gather(&[]).map(drop);
        }
        result
    }

    /// Trains on the batches of an epoch that are left, and calls `after` after each step. It ends
    /// after a step if `stop` is true.
    pub fn train<T, E>(
        self,
        run: &mut Run,
        task: &mut T,
        batches: &E,
        stop: impl Fn() -> bool,
        mut after: impl FnMut(&mut Run, &mut T) -> Result<()>,
    ) -> Result<ControlFlow<()>>
    where
        T: Task,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            return run.train_on(ranks, task, batches, stop, after);
        }
        run.train_until(task, batches, |run, task| {
            after(run, task)?;
            let end = stop().then_some(ControlFlow::Break(()));
            Ok(end.unwrap_or(ControlFlow::Continue(())))
        })
    }

    /// Validates unless `stop` becomes true, and returns whether the validation is complete.
    pub fn validate<T: Task>(
        self,
        run: &mut Run,
        task: &mut T,
        batches: &dyn Epochs<Batch = T::Batch>,
        stop: impl Fn() -> bool,
    ) -> Result<bool> {
        #[cfg(feature = "parallel")]
        if let Some(ranks) = self.ranks {
            return run.validate_until_on(ranks, task, batches, stop);
        }
        run.validate_until(task, batches, stop)
    }
}
