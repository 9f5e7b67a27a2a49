//! A record of the parallel regions of a computation: how long each of their pieces takes. From it
//! `benches/scaling` computes how the work would split over more threads than this machine has.

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// A parallel region.
#[derive(Clone, Debug)]
pub struct Region {
    /// The time since the end of the previous region, in which one thread worked.
    pub before: Duration,
    /// The times of the pieces, in the order of their numbers.
    pub pieces: Vec<Duration>,
}

struct Record {
    threads: usize,
    last: Instant,
    regions: Vec<Region>,
}

thread_local! {
    static RECORD: RefCell<Option<Record>> = const { RefCell::new(None) };
}

/// Ends the record when it is dropped, also if the body panics.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        RECORD.take();
    }
}

/// Runs `body` on the current thread alone, with its work cut as for `threads` threads. Returns the
/// regions, of which the last one without pieces ends the computation.
///
/// Regions inside a piece belong to that piece. Work on other threads is not seen.
pub fn record(threads: usize, body: impl FnOnce()) -> Vec<Region> {
    RECORD.set(Some(Record {
        threads,
        last: Instant::now(),
        regions: Vec::new(),
    }));
    let _end = End;
    body();
    let Some(mut record) = RECORD.take() else {
        return Vec::new(); // `body` has made a record of its own.
    };
    record.regions.push(Region {
        before: record.last.elapsed(),
        pieces: Vec::new(),
    });
    record.regions
}

/// Returns the number of threads for which a record cuts the work, if one is being made here.
pub(crate) fn threads() -> Option<usize> {
    RECORD.with_borrow(|record| record.as_ref().map(|record| record.threads))
}

/// Runs the pieces of a region one after the other and records their times, if a record is being
/// made here. Otherwise it does nothing and returns false.
pub(crate) fn run(count: usize, piece: &dyn Fn(usize)) -> bool {
    // A region inside a piece is part of it: meanwhile there is no record.
    let Some(mut record) = RECORD.take() else {
        return false;
    };
    let before = record.last.elapsed();
    let mut pieces = Vec::with_capacity(count);
    for i in 0..count {
        let started = Instant::now();
        piece(i);
        pieces.push(started.elapsed());
    }
    record.regions.push(Region { before, pieces });
    record.last = Instant::now();
    RECORD.set(Some(record));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::threads::parallel;
    use std::cell::Cell;
    use std::thread::sleep;

    #[test]
    fn a_record_has_each_piece_once() {
        let pause = Duration::from_millis(2);
        let sum = Cell::new(0);
        let regions = record(16, || {
            assert_eq!(parallel::threads(), 16);
            sleep(pause);
            let mut numbers = vec![0; 100];
            parallel::chunks_mut(&mut numbers, 30, &|first, piece| {
                sleep(pause);
                // A nested region is part of the piece.
                parallel::ranges(2, 1, &|range| assert!(range.len() == 1));
                piece.fill(first);
            });
            sum.set(numbers.iter().sum());
        });
        assert_eq!(sum.get(), 30 * 30 + 60 * 30 + 90 * 10);
        let pieces: Vec<usize> = regions.iter().map(|region| region.pieces.len()).collect();
        assert_eq!(pieces, [4, 0]);
        assert!(regions[0].before >= pause);
        assert!(regions[0].pieces.iter().all(|piece| *piece >= pause));
        assert!(threads().is_none());
    }

    #[test]
    fn a_panic_ends_the_record() {
        let panics = || record(4, || panic!("the body"));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert!(threads().is_none());
    }
}
