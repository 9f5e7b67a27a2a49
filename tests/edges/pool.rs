//! The thread pool after panics and forks and on small stacks; allocations that the system refuses.

use cotangent::kernel::Real;
use cotangent::optim::{Elementwise, Rule, Settings, StepInfo, Stepper};
use cotangent::prelude::*;
use cotangent::{Backward, Cotangents, Op, Vjp};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The environment variable that tells a child process which part of a test to run.
const ROLE: &str = "COTANGENT_EDGES_ROLE";

fn has_role(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|found| found == role)
}

/// Runs a test of this file in a child process with this role, after a line of shell.
fn in_process(test: &str, role: &str, shell: &str) -> Output {
    let mut child = Command::new("sh")
        .args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([
            &format!("pool::{test}"),
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_mins(4) {
            child.kill().unwrap();
            panic!("{test} as {role} hangs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[track_caller]
fn succeeds(output: &Output) {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("1 passed"), "{text}");
}

/// The update `w -= η g`; panics at element number `BUG` of a step.
#[derive(Clone, Copy, Debug)]
struct Fragile;

static ELEMENTS: AtomicUsize = AtomicUsize::new(0);
static BUG: AtomicUsize = AtomicUsize::new(usize::MAX);

impl Rule<1> for Fragile {
    const NAME: &'static str = "Fragile";
    const STATE: [&'static str; 1] = ["sum"];

    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [sum]: [T; 1]) -> (T, [T; 1]) {
        let element = ELEMENTS.fetch_add(1, Relaxed);
        assert!(element != BUG.load(Relaxed), "a bug in the rule");
        (w - g * at.settings.learning_rate, [sum + g])
    }
}

#[test]
fn a_panic_in_a_rule_leaves_parameters_with_their_shapes() -> Result<()> {
    const LEN: usize = 100_000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Linear::new(LEN, 2, &mut rng)?;
    let before = net.weight.value().to_vec::<f32>()?;
    let mut optimizer = Stepper::new(Elementwise(Fragile), Settings::new(0.5))?;
    let gradients = |net: &Linear| {
        let weight = net.weight.read(&Pass::train(0));
        weight.sum().backward().expect("the sum is finite")
    };
    let mut stepped = 0;
    for bug in [0, 7, LEN, 2 * LEN - 1] {
        ELEMENTS.store(0, Relaxed);
        BUG.store(bug, Relaxed);
        let given = gradients(&net);
        let step = AssertUnwindSafe(|| optimizer.step(&mut net, given));
        let payload = catch_unwind(step).expect_err("the rule panics");
        assert_eq!(payload.downcast_ref(), Some(&"a bug in the rule"));
        // Each element has made at most one step per panic; the shape is intact.
        assert_eq!(net.weight.shape(), [2, LEN]);
        stepped += 1;
        for (old, new) in before.iter().zip(net.weight.value().to_vec::<f32>()?) {
            let steps = (old - new) / 0.5;
            assert!((-1e-3..=stepped as f32 + 1e-3).contains(&steps), "{steps}");
        }
    }
    // The next step works.
    BUG.store(usize::MAX, Relaxed);
    let before = net.weight.value().clone();
    let given = gradients(&net);
    optimizer.step(&mut net, given)?;
    let moved = before.sub(net.weight.value())?.add_scalar(-0.5);
    assert!(moved.abs().max()?.item()? < 1e-6);
    Ok(())
}

/// Returns `x` with a node that calls the closure when it is dropped.
fn with_drop(x: &Tensor, drop: impl Fn() + Send + Sync + 'static) -> Tensor {
    struct Dropped<F: Fn()>(F);
    impl<F: Fn() + Send + Sync + 'static> Op for Dropped<F> {
        fn name(&self) -> &'static str {
            "dropped"
        }
        fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
            Ok([Some(cotangent)].into_iter().collect())
        }
    }
    impl<F: Fn()> Drop for Dropped<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    Tensor::from_op(x.detach(), &[x], || Dropped(drop))
}

/// Returns `x` with a node that counts how often it is dropped.
fn counting(x: &Tensor, count: &Arc<AtomicUsize>) -> Tensor {
    let count = Arc::clone(count);
    with_drop(x, move || {
        count.fetch_add(1, Relaxed);
    })
}

#[test]
fn a_drop_that_panics_leaks_no_graph() {
    let count = Arc::new(AtomicUsize::new(0));
    let leaf = Tensor::from([1.0f32, 2.0]).tracked();
    let fragile = |x: &Tensor| with_drop(x, || panic!("a bug in a drop"));
    for panics in 1..4 {
        // Several such nodes, in parallel and in sequence.
        let mut y = counting(&leaf, &count);
        for _ in 0..panics {
            y = counting(&fragile(&y).mul(&fragile(&y)).unwrap(), &count);
        }
        let before = count.load(Relaxed);
        let payload = catch_unwind(AssertUnwindSafe(|| drop(y))).expect_err("a drop panics");
        assert_eq!(payload.downcast_ref(), Some(&"a bug in a drop"));
        assert_eq!(
            count.load(Relaxed) - before,
            panics + 1,
            "the rest is dropped"
        );
        // Later graphs are dropped too.
        drop(counting(&counting(&leaf, &count), &count));
        assert_eq!(count.load(Relaxed) - before, panics + 3);
    }
    // Nodes that backward consumes.
    let y = fragile(&counting(&leaf, &count)).sum();
    let before = count.load(Relaxed);
    let payload = catch_unwind(AssertUnwindSafe(|| y.backward())).expect_err("a drop panics");
    assert_eq!(payload.downcast_ref(), Some(&"a bug in a drop"));
    drop(y);
    assert_eq!(count.load(Relaxed) - before, 1);
}

#[test]
fn a_panic_in_map_in_place_keeps_the_other_gradients() -> Result<()> {
    let leaves = [1.0f32, 2.0, 3.0].map(|x| Tensor::from([x]).tracked());
    let sum = leaves[0].mul(&leaves[1])?.mul(&leaves[2])?;
    let mut gradients = sum.sum().backward()?;
    let fails_at = |x: f64| {
        move |g: Tensor| {
            if g.item().unwrap() == x {
                panic!("a bug")
            } else {
                g * 2.0
            }
        }
    };
    let map = AssertUnwindSafe(|| gradients.map_in_place(fails_at(3.0)));
    assert!(catch_unwind(map).is_err());
    let of = |leaf: &Tensor| gradients.get(leaf).map(|g| g.item().unwrap());
    assert_eq!(leaves.each_ref().map(of), [Some(12.0), None, Some(2.0)]);
    Ok(())
}

/// Runs a forward and a backward pass that are split over threads.
fn work() -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let x = Tensor::normal([200, 300], 0.0, 1.0, DType::F32, &mut rng)
        .unwrap()
        .tracked();
    let loss = x
        .matmul(&x.transpose(0, 1).unwrap())
        .unwrap()
        .tanh()
        .square()
        .sum();
    loss.backward()
        .unwrap()
        .get(&x)
        .unwrap()
        .square()
        .sum()
        .item()
        .unwrap()
}

#[cfg(unix)]
#[test]
fn a_fork_of_a_process_that_trains_works() {
    use std::ffi::c_int;
    unsafe extern "C" {
        fn fork() -> c_int;
        fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
        fn kill(pid: c_int, signal: c_int) -> c_int;
        fn _exit(status: c_int) -> !;
    }
    if !has_role("fork") {
        return succeeds(&in_process(
            "a_fork_of_a_process_that_trains_works",
            "fork",
            "true",
        ));
    }
    let before = work();
    for in_pool in [false, true] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .build()
            .unwrap();
        let forks = || {
            // SAFETY: the child uses no other thread, and ends without running destructors.
            let child = unsafe { fork() };
            if child == 0 {
                let same = work().to_bits() == before.to_bits();
                // SAFETY: as above.
                unsafe { _exit(if same { 7 } else { 8 }) };
            }
            let (mut status, started) = (0, Instant::now());
            loop {
                // SAFETY: `status` is valid for writes. Option 1 (WNOHANG) returns at once.
                let ended = unsafe { waitpid(child, &raw mut status, 1) };
                if ended == child {
                    break;
                }
                if started.elapsed() > Duration::from_secs(100) {
                    // SAFETY: the child is this process's own and has not been reaped.
                    unsafe { kill(child, 9) };
                    panic!("the child hangs");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(status, 7 << 8, "the child exits with code 7");
        };
        for _ in 0..20 {
            if in_pool {
                pool.install(forks);
            } else {
                forks();
            }
            // The parent still works.
            assert_eq!(work(), before);
        }
    }
}

/// Returns how many threads of the library this process has.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("cotangent-")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn no_more_threads_are_started_than_may_run() {
    const TEST: &str = "no_more_threads_are_started_than_may_run";
    let processors = std::thread::available_parallelism().unwrap().get();
    for wanted in [1, 2, 64] {
        let role = format!("threads {wanted}");
        if has_role(&role) {
            work();
            // The caller is one of the threads.
            assert_eq!(threads() + 1, wanted.min(processors));
            return;
        }
    }
    if std::env::var(ROLE).is_err() {
        for wanted in [1, 2, 64] {
            let shell = format!("export RAYON_NUM_THREADS={wanted}");
            succeeds(&in_process(TEST, &format!("threads {wanted}"), &shell));
        }
    }
}

/// Runs matrix products of every kind in both dtypes, forward and backward.
fn products() {
    for dtype in [DType::F32, DType::F64] {
        for [m, k, n] in [
            [1, 300, 70],
            [3, 300, 70],
            [32, 300, 70],
            [200, 300, 200],
            [70, 1, 90],
            [300, 700, 1],
        ] {
            let [a, b] =
                [[m, k], [k, n]].map(|shape| Tensor::full(shape, 0.5, dtype).unwrap().tracked());
            let transpose = |x: &Tensor| x.transpose(0, 1).unwrap();
            let plain = a.matmul(&b).unwrap();
            let transposed = transpose(&transpose(&b).matmul(&transpose(&a)).unwrap());
            let sum = plain.add(&transposed).unwrap();
            assert_eq!(sum.to_f64_vec(), vec![k as f64 / 2.0; m * n]);
            let gradients = sum.sum().backward().unwrap();
            assert_eq!(
                gradients.get(&a).unwrap().to_f64_vec(),
                vec![n as f64; m * k]
            );
        }
    }
}

#[test]
fn products_need_less_than_128_kib_of_stack() {
    const TEST: &str = "products_need_less_than_128_kib_of_stack";
    if has_role("stack") {
        let thread = std::thread::Builder::new()
            .stack_size(128 << 10)
            .spawn(products);
        return thread.unwrap().join().unwrap();
    }
    for tier in ["baseline", "avx2", "avx512", "neon"] {
        let shell = format!("export COTANGENT_TIER={tier}");
        succeeds(&in_process(TEST, "stack", &shell));
    }
}

/// Runs a test in a process with at most `limit` MiB of address space.
fn under(limit: usize, test: &str) {
    let shell = format!("export MALLOC_ARENA_MAX=2; ulimit -v {}", limit << 10);
    succeeds(&in_process(test, "limited", &shell));
}

/// Creates a tensor of this many MiB.
fn large(mebibytes: usize) -> Result<Tensor> {
    Tensor::zeros([mebibytes, 1 << 18], DType::F32)
}

#[track_caller]
fn refused<T>(result: Result<T>) {
    let Err(error) = result else {
        panic!("there is no memory for it");
    };
    assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("too many elements to hold in memory"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_the_system_refuses_is_an_error() {
    static PLACE: Mutex<String> = Mutex::new(String::new());
    if !has_role("limited") {
        return under(800, "memory_that_the_system_refuses_is_an_error");
    }
    refused(large(900));
    let ones = Tensor::ones([1], DType::F32).unwrap();
    // Views need no memory.
    let view = ones.broadcast_to([900, 1 << 18]).unwrap();
    let matrix = view.transpose(0, 1).unwrap().narrow(0, 0, 1000).unwrap();
    assert_eq!(matrix.shape(), [1000, 900]);
    let line = Tensor::ones([1 << 18], DType::F32).unwrap();
    let column = Tensor::ones([900, 1], DType::F32).unwrap();
    refused(line.add(&column));
    refused(view.add(&view));
    assert_eq!(view.reshape([900 << 18]).unwrap().len(), 900 << 18);
    let stretched = column.broadcast_to([900, 1 << 18]).unwrap();
    refused(stretched.reshape([900 << 18]));
    refused(column.matmul(&line.unsqueeze(0).unwrap()));
    refused(column.linear(&line.unsqueeze(1).unwrap(), None));
    refused(column.reshape([900]).unwrap().outer(&line));
    refused(Tensor::cat(&[&view, &view], 0));
    refused(line.repeat(&[900, 1]));
    refused(line.pad(&[(900 << 18, 0)], 0.0));
    let row = line.unsqueeze(0).unwrap();
    refused(row.index_select(0, &Indices::from(vec![0; 900])));
    refused(row.embedding(&Indices::from(vec![0; 900])));
    refused(Indices::from([1]).one_hot(230 << 20, DType::F32));
    refused(Indices::range(230 << 20));
    refused(Tensor::arange(0.0, f64::from(230 << 20), 1.0, DType::F32));
    refused(Tensor::eye(15_500, DType::F32));
    refused(view.to_vec::<f32>());
    refused(
        view.lt(&ones
            .mul_scalar(2.0)
            .broadcast_to([4000, 900, 1 << 18])
            .unwrap()),
    );
    // Functions that cannot return an error panic with the same text, at the caller's line.
    std::panic::set_hook(Box::new(|panic| {
        *PLACE.lock().unwrap() = panic.location().unwrap().to_string();
    }));
    let operations: [fn(&Tensor) -> Tensor; 8] = [
        |x| x.exp(),
        |x| x + 1.0,
        |x| 1.0 - x,
        |x| 1.0 / x,
        |x| x * x,
        |x| -x,
        |x| x.to_dtype(DType::F64),
        |x| x.sum(),
    ];
    for (number, operation) in operations.into_iter().enumerate() {
        let operation = AssertUnwindSafe(|| operation(&view));
        let payload = catch_unwind(operation).expect_err("there is no memory for it");
        let text = payload.downcast_ref::<String>().unwrap();
        let expected = "too many elements to hold in memory, 235929600 of ";
        assert!(text.contains(expected), "{number}: {text}");
        let place = PLACE.lock().unwrap().clone();
        assert!(place.contains(file!()), "{number}: {place}");
    }
    drop(std::panic::take_hook());
    // Later operations work.
    assert_eq!(large(100).unwrap().sum().item().unwrap(), 0.0);
}

#[cfg(target_os = "linux")]
#[test]
fn recycled_memory_is_freed_before_an_allocation_fails() {
    if !has_role("limited") {
        return under(2000, "recycled_memory_is_freed_before_an_allocation_fails");
    }
    drop(large(1200).unwrap());
    drop(large(1300).unwrap());
    let kept = large(300).unwrap();
    // Many other sizes, all recycled.
    drop((1..12).map(|i| large(10 * i)).collect::<Vec<_>>());
    drop(large(500).unwrap().exp());
    // The same for a `Vec`.
    let view = Tensor::ones([1], DType::F32)
        .unwrap()
        .broadcast_to([1200, 1 << 18])
        .unwrap();
    assert_eq!(view.to_vec::<f32>().unwrap().len(), 1200 << 18);
    assert_eq!(kept.len(), 300 << 18);
}

/// Fills the memory with tensors of 50 MiB, drops `count` of them and returns the rest.
fn fill_all_but(count: usize) -> Vec<Tensor> {
    let mut held: Vec<Tensor> = std::iter::from_fn(|| large(50).ok()).collect();
    held.truncate(held.len() - count);
    held
}

#[cfg(target_os = "linux")]
#[test]
fn a_backward_pass_without_enough_memory_is_an_error() {
    if !has_role("limited") {
        return under(900, "a_backward_pass_without_enough_memory_is_an_error");
    }
    let x = large(150).unwrap().tracked();
    for retained in [false, true] {
        let loss = x.add_scalar(1.0).square().sum();
        let mut backward = Backward::new();
        if retained {
            backward = backward.retain_graph();
        }
        let held = fill_all_but(1);
        refused(backward.run(&loss));
        drop(held);
        if retained {
            let gradients = backward.run(&loss).unwrap();
            let gradient = gradients.get(&x).unwrap();
            assert_eq!(gradient.max().unwrap().item().unwrap(), 2.0);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_step_without_enough_memory_changes_nothing() {
    if !has_role("limited") {
        return under(900, "a_step_without_enough_memory_changes_nothing");
    }
    let mut weight = Param::new(&Tensor::ones([100, 1 << 18], DType::F32).unwrap());
    let gradient = Tensor::ones([1], DType::F32)
        .unwrap()
        .broadcast_to([100, 1 << 18])
        .unwrap();
    let mut gradients = Gradients::default();
    gradients.insert(&weight, gradient);
    let mut optimizer = Adam::new(0.5).build().unwrap();
    // There is room for one of Adam's two states only.
    let held = fill_all_but(3);
    refused(optimizer.step(&mut weight, gradients.clone()));
    assert_eq!(weight.value().max().unwrap().item().unwrap(), 1.0);
    assert_eq!(weight.value().min().unwrap().item().unwrap(), 1.0);
    drop(held);
    optimizer.step(&mut weight, gradients).unwrap();
    let moved = weight
        .value()
        .narrow(0, 0, 1)
        .unwrap()
        .mean()
        .item()
        .unwrap();
    assert!((moved - 0.5).abs() < 1e-5, "{moved}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_update_without_enough_memory_keeps_parameter_and_state() {
    if !has_role("limited") {
        return under(
            900,
            "an_update_without_enough_memory_keeps_parameter_and_state",
        );
    }
    let mut weight = Param::new(&large(50).unwrap().add_scalar(1.0));
    let gradient = Tensor::ones([1], DType::F32).unwrap();
    let gradient = gradient.broadcast_to(weight.shape()).unwrap();
    let mut gradients = Gradients::default();
    gradients.insert(&weight, gradient);
    for build in [|| Lamb::new(0.1).build(), || Adafactor::new(0.1).build()] {
        let mut optimizer = build().unwrap();
        optimizer.step(&mut weight, gradients.clone()).unwrap();
        let ends = |x: &Tensor| [x.min().unwrap(), x.max().unwrap()].map(|x| x.item().unwrap());
        let seen = |weight: &Param, optimizer: &dyn Optimizer| {
            let state = optimizer.state().unwrap();
            let slots = state.iter().filter(|(name, _)| name.starts_with("slot."));
            let slots = slots.map(|(name, _)| ends(state.tensor(name).unwrap()));
            let steps = state.count("steps.").unwrap();
            (ends(weight.value()), slots.collect::<Vec<_>>(), steps)
        };
        let before = seen(&weight, &optimizer);
        let held = fill_all_but(0);
        refused(optimizer.step(&mut weight, gradients.clone()));
        drop(held);
        assert_eq!(seen(&weight, &optimizer), before);
        optimizer.step(&mut weight, gradients.clone()).unwrap();
        assert_ne!(seen(&weight, &optimizer), before);
    }
}
