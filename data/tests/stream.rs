//! Streams: the same batches for any prefetch, one error for a faulty sample, constant memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cotangent_core::{Error as CoreError, Indices, Result as CoreResult, Tensor};
use cotangent_data::{Epochs, Error, Stream, StreamBatches};
use proptest::prelude::*;

fn numbers(count: usize) -> impl Stream<Sample = Indices> {
    move |_epoch| Ok((0..count).map(|number| Ok(Indices::from(number))))
}

fn contents<T: Stream<Sample = Indices>>(
    batches: &StreamBatches<T>,
    epoch: u64,
) -> Vec<Vec<usize>> {
    let values = |batch: CoreResult<Indices>| batch.unwrap().as_slice().to_vec();
    batches.epoch(epoch).map(values).collect()
}

proptest! {
    #[test]
    fn every_sample_is_in_an_epoch_once(
        count in 0_usize..60,
        size in 1_usize..9,
        buffer in 0_usize..70,
        prefetch in 0_usize..4,
        skipped in 0_usize..9,
    ) {
        let plain = StreamBatches::new(numbers(count), size).unwrap().shuffle(buffer, 5);
        let expected = contents(&plain, 2);
        let mut all = expected.concat();
        for (place, &sample) in all.iter().enumerate() {
            prop_assert!(sample <= place + buffer, "{} comes at {}", sample, place);
        }
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        prop_assert!(expected.iter().rev().skip(1).all(|batch| batch.len() == size));

        let ahead = plain.clone().prefetch(prefetch);
        prop_assert_eq!(&contents(&ahead, 2), &expected);
        let rest: Vec<_> = ahead.epoch(2).skip(skipped).map(|b| b.unwrap()).collect();
        let wanted = expected.iter().skip(skipped).map(|batch| Indices::from(batch.clone()));
        prop_assert_eq!(rest, wanted.collect::<Vec<_>>());
        let mut epoch = ahead.epoch(2);
        epoch.next();
        let later = epoch.nth(skipped).map(|b| b.unwrap().as_slice().to_vec());
        prop_assert_eq!(later.as_ref(), expected.get(skipped + 1));

        let full = contents(&ahead.drop_last(), 2);
        prop_assert_eq!(full.len(), count / size);
        prop_assert_eq!(&full[..], &expected[..count / size]);
    }
}

#[test]
fn epochs_and_seeds_differ() {
    let order = |seed, epoch| {
        contents(
            &StreamBatches::new(numbers(100), 100)
                .unwrap()
                .shuffle(100, seed),
            epoch,
        )
    };
    assert_eq!(order(1, 0), order(1, 0));
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    // The stream gets the number of the epoch.
    let by_epoch = |epoch: u64| Ok((0..3).map(move |_| Ok(Indices::from(epoch as usize))));
    let batches = StreamBatches::new(by_epoch, 3).unwrap();
    assert_eq!(contents(&batches, 8), [[8, 8, 8]]);
    let boxed: &dyn Epochs<Batch = Indices> = &batches;
    assert_eq!(boxed.batches_per_epoch(), None);
    assert_eq!(boxed.epoch(0).count(), 1);
}

type Fault = fn() -> CoreResult<Tensor>;
type Open = fn(u64) -> CoreResult<std::vec::IntoIter<CoreResult<Tensor>>>;

#[test]
fn a_faulty_sample_is_one_error_that_names_it() {
    let faults: [(Fault, &str); 3] = [
        (
            || Err(CoreError::other("line 58 is damaged")),
            "sample 57: line 58 is damaged",
        ),
        (|| panic!("a bug"), "sample 57: a panic: a bug"),
        (|| Ok(Tensor::from([0.0f32; 2])), "sample 57: stack: "),
    ];
    for (fault, text) in faults {
        for prefetch in [0, 1, 5] {
            let samples = move |_epoch: u64| {
                Ok((0..100).map(move |i| {
                    if i == 57 {
                        fault()
                    } else {
                        Ok(Tensor::from([1.0f32]))
                    }
                }))
            };
            let batches = StreamBatches::new(samples, 10).unwrap().prefetch(prefetch);
            let found: Vec<_> = batches.epoch(0).collect();
            assert_eq!(found.len(), 6);
            let error = found[5].as_ref().unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
            assert!(found[..5].iter().all(Result::is_ok));
            let skipped: Vec<_> = batches.epoch(0).skip(8).collect();
            let failed = skipped.iter().filter(|batch| batch.is_err()).count();
            assert_eq!(
                (skipped.len(), failed),
                if text.contains("stack") {
                    (2, 0)
                } else {
                    (1, 1)
                }
            );
        }
    }
    let closed: Open = |_| Err(CoreError::other("no such file"));
    let panics: Open = |_| panic!("no such file");
    for open in [closed, panics] {
        let found: Vec<_> = StreamBatches::new(open, 10).unwrap().epoch(0).collect();
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .as_ref()
                .unwrap_err()
                .to_string()
                .ends_with("no such file")
        );
    }
    assert!(matches!(
        StreamBatches::new(numbers(3), 0),
        Err(Error::ZeroBatchSize)
    ));
}

#[test]
fn an_epoch_that_is_dropped_early_ends_its_thread() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let endless = move |_epoch: u64| {
        let counter = Arc::clone(&counter);
        Ok((0..).map(move |_: u64| Ok(Indices::from(counter.fetch_add(1, Ordering::Relaxed)))))
    };
    let batches = StreamBatches::new(endless, 10).unwrap().prefetch(3);
    let mut epoch = batches.epoch(0);
    assert_eq!(epoch.next().unwrap().unwrap().len(), 10);
    thread::sleep(Duration::from_millis(100));
    assert!(read.load(Ordering::Relaxed) <= 50);
    drop((epoch, batches));
    let start = Instant::now();
    while Arc::strong_count(&read) > 1 {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "the thread still runs"
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// Streams `bytes` bytes of generated rows and checks the peak of memory.
#[cfg(target_os = "linux")]
fn streams_at_constant_memory(bytes: usize) {
    const WIDTH: usize = 4096;
    let rows = bytes / (4 * WIDTH);
    let generated = move |_epoch: u64| {
        let row = |i: usize| {
            let x = Tensor::from_vec::<f32>(vec![i as f32; WIDTH], [WIDTH])?;
            Ok((x, Indices::from(i)))
        };
        Ok((0..rows).map(row))
    };
    let batches = StreamBatches::new(generated, 64)
        .unwrap()
        .shuffle(1000, 1)
        .prefetch(4);
    let (mut seen, mut different) = (0, BTreeSet::new());
    for batch in batches.epoch(0) {
        let (x, numbers) = batch.unwrap();
        assert_eq!(x.to_vec::<f32>().unwrap()[0], numbers.as_slice()[0] as f32);
        seen += numbers.len();
        different.insert(numbers.as_slice()[0]);
    }
    assert_eq!((seen, different.len()), (rows, rows.div_ceil(64)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let peak: usize = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!(
        "{rows} rows of {} KiB, peak memory {peak} KiB",
        4 * WIDTH / 1024
    );
    assert!(peak < 200 * 1024, "{peak} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn a_quarter_of_a_gibibyte_streams_in_200_mebibytes() {
    streams_at_constant_memory(256 << 20);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "it takes ten seconds without optimization"]
fn four_gibibytes_stream_in_200_mebibytes() {
    streams_at_constant_memory(4 << 30);
}
