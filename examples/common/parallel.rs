//! Independent runs in parallel, one for each core at a time.

use anyhow::{Result, anyhow};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Returns the results of `work` in the order of the items, whatever the number of threads.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(usize, R)>> {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Relaxed);
            let Some(item) = items.get(i) else {
                return Ok(done);
            };
            done.push((i, work(item)?));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            results.extend(worker.join().map_err(|_| anyhow!("a run panicked"))??);
        }
        anyhow::Ok(())
    })?;
    results.sort_by_key(|&(i, _)| i);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
