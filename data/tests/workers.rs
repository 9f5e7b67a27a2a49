//! Workers: the same batches for any number of threads, one error for a faulty sample, and nothing
//! that hangs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cotangent_core::random::RngExt;
use cotangent_core::{Error as CoreError, Indices, Result as CoreResult, Tensor};
use cotangent_data::{Batches, Dataset, Error, Key, Sample, StreamBatches, Table};
use proptest::prelude::*;

/// Samples that take unequal time, and count how many were read.
#[derive(Clone)]
struct Uneven {
    len: usize,
    read: Arc<AtomicUsize>,
    fault: Option<(usize, Fault)>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Error,
    Panic,
    Shape,
}

impl Uneven {
    fn new(len: usize) -> Self {
        Self {
            len,
            read: Arc::default(),
            fault: None,
        }
    }
}

impl Dataset for Uneven {
    type Sample = (Tensor, Indices);

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, position: usize) -> CoreResult<(Tensor, Indices)> {
        self.read.fetch_add(1, Ordering::Relaxed);
        if position.is_multiple_of(7) {
            thread::sleep(Duration::from_micros(300));
        }
        let x = Tensor::from([position as f32, 1.0]);
        match self.fault {
            Some((faulty, fault)) if faulty == position => match fault {
                Fault::Error => Err(CoreError::other("the image is damaged")),
                Fault::Panic => panic!("index out of bounds"),
                Fault::Shape => Ok((Tensor::from([1.0f32]), Indices::from(position))),
            },
            _ => Ok((x, Indices::from(position))),
        }
    }
}

/// Runs `f` on a thread and fails if it takes longer than a minute.
fn finishes<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(f()));
    receiver
        .recv_timeout(Duration::from_mins(1))
        .expect("it hangs or has panicked")
}

type Content = Result<(Vec<f64>, Vec<usize>), String>;

/// Returns the values and labels of each batch, and the text of an error.
fn contents<D>(batches: &Batches<D>, epoch: u64) -> Vec<Content>
where
    D: Dataset<Sample = (Tensor, Indices)>,
{
    let content = |batch: CoreResult<(Tensor, Indices)>| {
        let (x, labels) = batch.map_err(|error| error.to_string())?;
        Ok((x.to_f64_vec(), labels.as_slice().to_vec()))
    };
    batches.epoch(epoch).map(content).collect()
}

#[test]
fn order_and_content_do_not_depend_on_the_number_of_workers() {
    let noisy = Uneven::new(203).augment(|(x, label), rng| Ok((x + rng.random::<f64>(), label)));
    let labels: Vec<usize> = (0..203).map(|i| i % 3).collect();
    let lengths: Vec<usize> = (0..203).map(|i| i * i % 31).collect();
    let base = Batches::new(noisy, 10).unwrap();
    let orders = [
        base.clone(),
        base.clone().shuffle(5),
        base.clone().shuffle(5).drop_last().unwrap(),
        base.clone().balanced(&labels, 5).unwrap(),
        base.clone().bucketed(&lengths, 5).unwrap(),
    ];
    for batches in orders {
        let expected = contents(&batches, 3);
        assert_eq!(expected.len(), batches.batches_per_epoch());
        for workers in [1, 2, 8] {
            for prefetch in [0, 1, 3, 1000] {
                let ahead = batches.clone().workers(workers).prefetch(prefetch);
                assert_eq!(
                    contents(&ahead, 3),
                    expected,
                    "{workers} workers, {prefetch} ahead"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn skipping_gives_the_batches_that_are_left(
        skips in prop::collection::vec(0_usize..6, 1..6),
        workers in 0_usize..4,
        prefetch in 1_usize..5,
    ) {
        let batches = Batches::new(Uneven::new(60), 4).unwrap().shuffle(1);
        let expected = contents(&batches, 0);
        let ahead = batches.workers(workers).prefetch(prefetch);
        let mut epoch = ahead.epoch(0);
        let mut number = 0;
        for skip in skips {
            number += skip;
            prop_assert_eq!(epoch.len(), expected.len().saturating_sub(number - skip));
            let found = epoch.nth(skip).map(|batch| batch.unwrap().1.as_slice().to_vec());
            let wanted = expected.get(number).map(|batch| batch.as_ref().unwrap().1.clone());
            prop_assert_eq!(found, wanted);
            number += 1;
        }
    }
}

#[test]
fn skipped_batches_are_not_read() {
    for workers in [0, 2] {
        let dataset = Uneven::new(1000);
        let read = Arc::clone(&dataset.read);
        let batches = Batches::new(dataset, 10).unwrap().workers(workers);
        let mut rest = batches.epoch(0).skip(97);
        assert_eq!((rest.next().is_some(), rest.count()), (true, 2));
        assert_eq!(read.load(Ordering::Relaxed), 30);
    }
}

#[test]
fn workers_read_no_more_than_the_prefetched_batches() {
    let dataset = Uneven::new(1000);
    let read = Arc::clone(&dataset.read);
    let batches = Batches::new(dataset, 10).unwrap().workers(2).prefetch(3);
    let mut epoch = batches.epoch(0);
    assert!(epoch.next().unwrap().is_ok());
    thread::sleep(Duration::from_millis(200));
    // The batch that was taken, and three ahead.
    assert_eq!(read.load(Ordering::Relaxed), 40);
    drop(epoch);
}

#[test]
fn a_faulty_sample_is_one_error_that_names_it() {
    for (fault, text) in [
        (Fault::Error, "sample 57: the image is damaged"),
        (Fault::Panic, "sample 57: a panic: index out of bounds"),
        (Fault::Shape, "sample 57: stack: "),
    ] {
        for workers in [0, 1, 2, 8] {
            let mut dataset = Uneven::new(203);
            dataset.fault = Some((57, fault));
            let found = finishes(move || {
                let batches = Batches::new(dataset, 10).unwrap().workers(workers);
                contents(&batches, 0)
            });
            assert_eq!(found.len(), 6, "{fault:?} with {workers} workers");
            let (last, before) = found.split_last().unwrap();
            assert!(before.iter().all(Result::is_ok));
            let error = last.as_ref().unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
    }
}

#[test]
fn a_panic_in_a_batch_of_the_users_own_names_the_sample() {
    struct Own(Uneven);
    impl Dataset for Own {
        type Sample = (Tensor, Indices);
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, position: usize) -> CoreResult<Self::Sample> {
            self.0.get(position)
        }
        fn batch(&self, draws: &[(usize, Key)]) -> CoreResult<Self::Sample> {
            assert!(draws.iter().all(|draw| draw.0 != 12), "a bug in `batch`");
            self.0.batch(draws)
        }
    }
    for (fault, text) in [
        (
            Some((12, Fault::Panic)),
            "sample 12: a panic: index out of bounds",
        ),
        (None, "a panic: a bug in `batch`"),
    ] {
        let mut dataset = Uneven::new(20);
        dataset.fault = fault;
        let batches = Batches::new(Own(dataset), 10).unwrap().workers(2);
        let found = finishes(move || contents(&batches, 0));
        assert_eq!(
            (found.len(), found[1].as_ref().unwrap_err().as_str()),
            (2, text)
        );
    }
}

/// A sample that cannot be stacked.
#[derive(Clone)]
struct Unstackable;

impl Sample for Unstackable {
    fn stack(_: &[Self]) -> CoreResult<Self> {
        panic!("a bug in `stack`")
    }
    fn rows(&self) -> CoreResult<usize> {
        Ok(20)
    }
    fn select(&self, _: &[usize]) -> CoreResult<Self> {
        panic!("a bug in `select`")
    }
    fn narrow(&self, _: usize, _: usize) -> CoreResult<Self> {
        panic!("a bug in `narrow`")
    }
    fn row(&self, _: usize) -> CoreResult<Self> {
        Ok(Self)
    }
}

#[test]
fn a_panic_of_a_sample_is_one_error() {
    let table = Table::new(Unstackable).unwrap();
    let mapped = table.clone().map(|_: Unstackable| Ok(Unstackable));
    let texts = |epoch: &mut dyn Iterator<Item = CoreResult<Unstackable>>| {
        let errors = epoch.map(|batch| batch.err().unwrap().to_string());
        errors.collect::<Vec<_>>()
    };
    for workers in [0, 2] {
        let batches = Batches::new(table.clone(), 5).unwrap().workers(workers);
        let found = finishes(move || texts(&mut batches.epoch(0)));
        assert_eq!(found, ["a panic: a bug in `narrow`"]);
        let batches = Batches::new(mapped.clone(), 5).unwrap().workers(workers);
        let found = finishes(move || texts(&mut batches.epoch(0)));
        assert_eq!(found, ["a panic: a bug in `stack`"]);
        let stream = |_epoch: u64| Ok((0..20).map(|_| Ok(Unstackable)));
        let batches = StreamBatches::new(stream, 5).unwrap().prefetch(workers);
        let found = finishes(move || texts(&mut batches.epoch(0)));
        assert_eq!(found, ["a panic: a bug in `stack`"]);
    }
}

#[test]
fn an_epoch_that_is_dropped_early_ends_its_workers() {
    for taken in [0, 1, 5] {
        let dataset = Arc::new(Uneven::new(100_000));
        let batches = Batches::new(Arc::clone(&dataset), 10).unwrap().workers(4);
        let mut epoch = batches.epoch(0);
        for _ in 0..taken {
            assert!(epoch.next().unwrap().is_ok());
        }
        drop((epoch, batches));
        let start = Instant::now();
        while Arc::strong_count(&dataset) > 1 {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "a worker still runs"
            );
            thread::sleep(Duration::from_millis(1));
        }
        assert!(dataset.read.load(Ordering::Relaxed) < 1000);
    }
}

/// A data set that blocks until it is released.
struct Gate {
    open: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>,
}

impl Dataset for Gate {
    type Sample = Indices;

    fn len(&self) -> usize {
        8
    }

    fn get(&self, position: usize) -> CoreResult<Indices> {
        let (lock, changed) = &*self.open;
        let guard = changed
            .wait_while(lock.lock().unwrap(), |open| !*open)
            .unwrap();
        drop(guard);
        Ok(Indices::from(position))
    }
}

#[test]
fn a_data_set_that_blocks_delays_and_does_not_hang() {
    let open = Arc::<(std::sync::Mutex<bool>, std::sync::Condvar)>::default();
    let batches = Batches::new(
        Gate {
            open: Arc::clone(&open),
        },
        2,
    )
    .unwrap()
    .workers(3);
    let abandoned = batches.clone();
    let epoch = batches.epoch(0);
    let reader = thread::spawn(move || epoch.map(|batch| batch.unwrap().len()).sum::<usize>());
    // An iterator whose workers are blocked can be dropped at once.
    let mut second = abandoned.epoch(0);
    let (sender, receiver) = mpsc::channel();
    let blocked = thread::spawn(move || {
        sender.send(()).unwrap();
        second.next().unwrap().unwrap().len()
    });
    receiver.recv().unwrap();
    thread::sleep(Duration::from_millis(100));
    assert!(!reader.is_finished() && !blocked.is_finished());
    *open.0.lock().unwrap() = true;
    open.1.notify_all();
    assert_eq!(finishes(move || reader.join().unwrap()), 8);
    assert_eq!(finishes(move || blocked.join().unwrap()), 2);
}

#[test]
fn bad_options_are_typed_errors() {
    let batches = || Batches::new(Uneven::new(3), 2).unwrap();
    for weights in [
        [0.0, -1.0, 1.0],
        [0.0, f64::NAN, 1.0],
        [0.0, f64::INFINITY, 1.0],
    ] {
        let error = batches().weighted(&weights, 0).unwrap_err();
        assert!(matches!(error, Error::Weight { sample: 1, .. }), "{error}");
    }
    assert!(matches!(
        batches().weighted(&[0.0; 3], 0),
        Err(Error::NoWeight)
    ));
    assert!(matches!(
        batches().weighted(&[1.0; 2], 0),
        Err(Error::WeightCount { found: 2, .. })
    ));
    assert!(matches!(
        batches().balanced(&[1; 4], 0),
        Err(Error::WeightCount { found: 4, .. })
    ));
    assert!(matches!(
        batches().bucketed(&[], 0),
        Err(Error::WeightCount { found: 0, .. })
    ));
    // A prefetch of 0 counts as 1, so that the workers can go on.
    let stopped = batches().workers(2).prefetch(0);
    assert_eq!(finishes(move || contents(&stopped, 0).len()), 2);
    assert_eq!(contents(&batches().workers(usize::MAX), 0).len(), 2);
}

/// Returns how often each sample is drawn in 40 epochs of batches.
fn counts(batches: &Batches<Uneven>, len: usize) -> Vec<usize> {
    let mut counts = vec![0; len];
    for epoch in 0..40 {
        for batch in contents(batches, epoch) {
            for position in batch.unwrap().1 {
                counts[position] += 1;
            }
        }
    }
    counts
}

#[test]
fn weights_decide_how_often_samples_are_drawn() {
    let weights: Vec<f64> = (0..30).map(|i| f64::from(i % 4) * 4e307).collect();
    let batches = Batches::new(Uneven::new(30), 7)
        .unwrap()
        .weighted(&weights, 9)
        .unwrap();
    let counts = counts(&batches, 30);
    let total: f64 = (0..30).map(|i| f64::from(i % 4)).sum();
    for (i, &count) in counts.iter().enumerate() {
        let expected = 40.0 * 30.0 * (i % 4) as f64 / total;
        // Five standard deviations.
        let bound = 5.0 * expected.sqrt();
        assert!(
            (count as f64 - expected).abs() <= bound,
            "{i}: {count}, not {expected}"
        );
    }
    assert_ne!(contents(&batches, 0), contents(&batches, 1));
}

#[test]
fn buckets_have_similar_lengths_and_every_sample_once() {
    let lengths: Vec<usize> = (0..5003).map(|i| i * 7919 % 1000).collect();
    let batches = Batches::new(Uneven::new(5003), 16)
        .unwrap()
        .bucketed(&lengths, 3)
        .unwrap();
    let found: Vec<Vec<usize>> = contents(&batches, 1)
        .into_iter()
        .map(|batch| batch.unwrap().1)
        .collect();
    let mut all = found.concat();
    all.sort_unstable();
    assert_eq!(all, (0..5003).collect::<Vec<_>>());
    let (last, full) = found.split_last().unwrap();
    assert_eq!(
        (last.len(), full.iter().all(|batch| batch.len() == 16)),
        (5003 % 16, true)
    );
    let spread = |batch: &Vec<usize>| {
        let of = batch.iter().map(|&i| lengths[i]);
        of.clone().max().unwrap() - of.min().unwrap()
    };
    let mean = full.iter().map(spread).sum::<usize>() / full.len();
    assert!(mean < 30, "the lengths of a batch differ by {mean} of 1000");
    // The batches are not sorted by length.
    let firsts: Vec<usize> = full.iter().map(|batch| lengths[batch[0]]).collect();
    assert!(!firsts.is_sorted());
    assert_ne!(contents(&batches, 0), contents(&batches, 1));
}
