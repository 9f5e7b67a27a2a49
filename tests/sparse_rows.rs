//! A gradient of which only rows are stored gives the same bits as the whole table: in sums, in
//! clipping and accumulation, and in the steps of all optimizers, which visit no other rows if
//! their formula allows it.

use cotangent::kernel::Real;
use cotangent::optim::{Elementwise, Rule, Settings, StepInfo, Stepper};
use cotangent::prelude::*;
use cotangent::{Backward, SparseRows};
use support::optimizers::OPTIMIZERS;

mod support {
    pub mod optimizers;
}

const ROWS: usize = 3000;

fn table(dtype: DType) -> Result<Param> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values = Tensor::uniform([ROWS, 5], -1.0, 1.0, dtype, &mut rng)?;
    Ok(Param::new(&values))
}

/// Returns lookups that meet some rows several times and leave most out.
fn lookups(step: usize) -> Indices {
    let rows = [7, 2, 7, 2999, 0, 7 + step, 3, 900 * step, 7, 1];
    Indices::from(rows)
}

/// Computes a loss that is no mean, so that gradients have many digits.
fn loss(table: &Param, indices: &Indices) -> Result<Tensor> {
    let taken = table.read(&Pass::train(0)).embedding(indices)?;
    Ok(taken.add_scalar(0.3).sin().mul(&taken.exp())?.sum())
}

/// Returns the same gradients, all stored as whole tables.
fn whole(gradients: &Gradients) -> Result<Gradients> {
    let mut all = Gradients::default();
    for (id, gradient) in gradients.iter() {
        // A sum with a whole table is one.
        let zeros = Tensor::zeros(gradient.shape(), gradient.dtype())?;
        let gradient = gradient.add(&zeros)?;
        assert!(gradient.sparse_rows().is_none());
        all.insert(&id, gradient);
    }
    Ok(all)
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

fn is_sparse(gradients: &Gradients, leaf: &Param) -> bool {
    let gradient = gradients.get(leaf);
    gradient.is_some_and(|gradient| gradient.sparse_rows().is_some())
}

#[test]
fn lookups_store_the_rows_used() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let (table, indices) = (table(dtype)?, lookups(1));
        let loss = loss(&table, &indices)?;
        let recorded = Backward::new().create_graph().run(&loss)?;
        assert!(!is_sparse(&recorded, &table));
        let gradients = loss.backward()?;
        let gradient = gradients.get(&table).expect("a gradient");
        let rows = gradient.sparse_rows().expect("rows");
        assert_eq!(rows.indices.as_slice(), [0, 1, 2, 3, 7, 8, 900, 2999]);
        assert_eq!(rows.values.shape(), [8, 5]);
        assert_eq!(bits(gradient), bits(recorded.get(&table).expect("one")));
        // It is still known which rows these are.
        assert!(gradient.sparse_rows().is_some());
    }
    Ok(())
}

#[test]
fn other_operations_read_the_whole_table() -> Result<()> {
    let table = table(DType::F64)?;
    let gradients = loss(&table, &lookups(1))?.backward()?;
    let sparse = gradients.get(&table).expect("a gradient");
    let all = whole(&gradients)?;
    let all = all.get(&table).expect("a gradient");
    let functions: [fn(&Tensor) -> Result<Tensor>; 6] = [
        |x| x.transpose(0, 1),
        |x| x.narrow(0, 5, 2000),
        |x| x.reshape([5, ROWS]),
        |x| x.unsqueeze(0)?.add_scalar(1.0).sum_over(2),
        |x| Ok(x.to_dtype(DType::F32)),
        |x| x.index_select(0, &Indices::from([7, 6, 2999])),
    ];
    for f in functions {
        // A new tensor, which has not been read.
        let rows = sparse.sparse_rows().expect("rows");
        let fresh = Tensor::from_sparse_rows(&rows, sparse.shape())?;
        let (found, expected) = (f(&fresh)?, f(all)?);
        assert!(found.sparse_rows().is_none());
        assert_eq!(
            (found.shape(), bits(&found)),
            (expected.shape(), bits(&expected))
        );
        // In place, with and without another owner.
        assert_eq!(
            bits(&fresh.clone().scaled_in_place(-2.0)),
            bits(&all.mul_scalar(-2.0))
        );
        assert_eq!(
            bits(&fresh.scaled_in_place(-2.0)),
            bits(&all.mul_scalar(-2.0))
        );
    }
    Ok(())
}

#[test]
fn many_threads_may_read_at_once() -> Result<()> {
    let rows = SparseRows {
        indices: Indices::from([100, 40_000]),
        values: Tensor::from([[1.0f32; 64], [2.0; 64]]),
    };
    for _ in 0..5 {
        let tensor = Tensor::from_sparse_rows(&rows, [50_000, 64])?;
        std::thread::scope(|scope| {
            let sums: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| tensor.sum().item()))
                .collect();
            for sum in sums {
                assert_eq!(sum.join().expect("no panic").ok(), Some(192.0));
            }
        });
    }
    Ok(())
}

#[test]
fn sparse_rows_must_fit_the_table() -> Result<()> {
    let rows = |indices: Indices, values: Tensor| SparseRows { indices, values };
    let two = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    let wrong = [
        (rows(Indices::from([3, 1]), two.clone()), "ascending order"),
        (rows(Indices::from([1, 1]), two.clone()), "ascending order"),
        (rows(Indices::from([1, 4]), two.clone()), "row 4"),
        (
            rows(Indices::from([1]), two.clone()),
            "expected indices (rows)",
        ),
        (
            rows(Indices::from([[1], [2]]), two.clone()),
            "expected indices (rows)",
        ),
    ];
    for (rows, expected) in wrong {
        let error = Tensor::from_sparse_rows(&rows, [4, 2])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Tensor::from_sparse_rows(&rows(Indices::from([0, 1]), two.clone()), [4, 3]).is_err());
    assert!(Tensor::from_sparse_rows(&rows(Indices::from([0, 1]), two), []).is_err());
    let none = rows(Indices::range(0)?, Tensor::zeros([0, 2], DType::F64)?);
    let zeros = Tensor::from_sparse_rows(&none, [3, 2])?;
    assert_eq!((zeros.shape(), zeros.sum().item()?), (&[3, 2][..], 0.0));
    let vector = rows(Indices::from([1]), Tensor::from([5.0f64]));
    let vector = Tensor::from_sparse_rows(&vector, 3)?;
    assert_eq!(vector.to_vec::<f64>()?, [0.0, 5.0, 0.0]);
    Ok(())
}

#[test]
fn several_uses_of_a_table_add_up() -> Result<()> {
    let table = table(DType::F32)?;
    let pass = Pass::train(0);
    let twice = |indices: [Indices; 2]| -> Result<Tensor> {
        let [a, b] = indices.map(|indices| table.read(&pass).embedding(&indices));
        let (a, b) = (a?, b?);
        a.sin().sum().add(&b.exp().sum())
    };
    // Two lookups stay rows.
    let both = twice([lookups(1), lookups(2)])?;
    let gradients = both.backward()?;
    assert!(is_sparse(&gradients, &table));
    let recorded = Backward::new()
        .create_graph()
        .run(&twice([lookups(1), lookups(2)])?)?;
    let [found, expected] =
        [&gradients, &recorded].map(|all| bits(all.get(&table).expect("a gradient")));
    assert_eq!(found, expected);

    // With a product, as in a net whose output layer has the weight of its embedding.
    let tied = || -> Result<Tensor> {
        let all = table.read(&pass);
        let hidden = all.embedding(&lookups(1))?.tanh();
        Ok(hidden.matmul(&all.transpose(0, 1)?)?.square().mean())
    };
    let gradients = tied()?.backward()?;
    assert!(!is_sparse(&gradients, &table));
    let recorded = Backward::new().create_graph().run(&tied()?)?;
    let [found, expected] =
        [&gradients, &recorded].map(|all| all.get(&table).expect("a gradient").to_f64_vec());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-3));
    }
    Ok(())
}

#[test]
fn gradients_of_several_passes_add_up() -> Result<()> {
    let table = table(DType::F32)?;
    let passes: Vec<Gradients> = (0..3)
        .map(|step| loss(&table, &lookups(step))?.backward())
        .collect::<Result<_>>()?;
    let (mut sparse, mut all) = (Gradients::default(), Gradients::default());
    for gradients in &passes {
        sparse.add(gradients.clone())?;
        all.add(whole(gradients)?)?;
    }
    assert!(is_sparse(&sparse, &table));
    assert_eq!(sparse.audit(&table), all.audit(&table));
    let [sparse, all] = [&sparse, &all].map(|all| bits(all.get(&table).expect("a gradient")));
    assert_eq!(sparse, all);

    let (mut rows, mut tables) = (Accumulator::new(), Accumulator::new());
    for (gradients, weight) in passes.into_iter().zip([3.0, 10.0, 1.5]) {
        tables.add(&table, whole(&gradients)?, weight)?;
        rows.add(&table, gradients, weight)?;
    }
    assert_eq!(rows.state()?.to_bytes()?, tables.state()?.to_bytes()?);
    let (rows, tables) = (rows.take(&table)?, tables.take(&table)?);
    assert!(is_sparse(&rows, &table));
    let [rows, tables] = [&rows, &tables].map(|all| bits(all.get(&table).expect("a gradient")));
    assert_eq!(rows, tables);
    Ok(())
}

#[test]
fn a_sum_of_many_rows_is_a_whole_table() -> Result<()> {
    let leaf = Tensor::from([0.0f32]).tracked();
    let values = Tensor::ones([40, 256], DType::F32)?;
    let rows = |first: usize| -> Result<Gradients> {
        let (indices, values) = ((first..first + 40).collect(), values.clone());
        let gradient = Tensor::from_sparse_rows(&SparseRows { indices, values }, [100, 256])?;
        let mut gradients = Gradients::default();
        gradients.insert(&leaf, gradient);
        Ok(gradients)
    };
    for (first, is_sparse) in [(5, true), (10, true), (11, false), (50, false)] {
        let mut sum = rows(0)?;
        sum.add(rows(first)?)?;
        let sum = sum.remove(&leaf).expect("a gradient");
        assert_eq!(sum.sparse_rows().is_some(), is_sparse, "{first}");
        assert_eq!(sum.sum().item()?, 20480.0);
    }
    Ok(())
}

#[test]
fn clipping_gives_the_same_bits() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let table = table(dtype)?;
        for (kind, clipper) in [
            clip::global_norm(0.1),
            clip::global_norm(f64::INFINITY),
            clip::norm(0.1),
            clip::value(0.2),
            clip::adaptive(0.01),
        ]
        .into_iter()
        .enumerate()
        {
            let mut sparse = loss(&table, &lookups(1))?.backward()?;
            let mut all = whole(&sparse)?;
            let norm = clipper.apply(&table, &mut sparse)?;
            assert_eq!(norm.to_bits(), clipper.apply(&table, &mut all)?.to_bits());
            assert!(is_sparse(&sparse, &table), "{kind}");
            let [sparse, all] =
                [&sparse, &all].map(|all| bits(all.get(&table).expect("a gradient")));
            assert_eq!(sparse, all, "{kind}");
        }
    }
    Ok(())
}

#[test]
fn norms_have_the_bits_of_the_whole_table() -> Result<()> {
    // Rows that end within, at and beyond the blocks that a sum is computed in.
    for (rows, width) in [
        (5000, 33),
        (70, 1024),
        (40, 5000),
        (200_003, 1),
        (131_072, 2),
    ] {
        let indices = [0, 1, 17, rows / 2, rows - 2, rows - 1];
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let values = Tensor::normal([6, width], 0.0, 1.0, DType::F32, &mut rng)?;
        for values in [values.mul_scalar(1e-25), values] {
            let indices = Indices::from(indices);
            let sparse = Tensor::from_sparse_rows(&SparseRows { indices, values }, [rows, width])?;
            let found = sparse.sum_of_squares();
            let all = Tensor::from(&sparse.to_vec::<f32>()?[..]);
            assert_eq!(
                found.to_bits(),
                all.sum_of_squares().to_bits(),
                "{rows} {width}"
            );
        }
    }
    Ok(())
}

#[test]
fn every_optimizer_makes_the_same_steps() -> Result<()> {
    for row in OPTIMIZERS {
        for lazy in [false, true] {
            for dtype in [DType::F32, DType::F64] {
                let name = row.name;
                let (mut rows, mut tables) = (table(dtype)?, table(dtype)?);
                let (mut of_rows, mut of_tables) = (row.build()?, row.build()?);
                if lazy {
                    for optimizer in [&mut of_rows, &mut of_tables] {
                        optimizer.add_group(Group::of(".*")?.lazy_rows());
                    }
                }
                for step in 0..4 {
                    let gradients = loss(&tables, &lookups(step))?.backward()?;
                    let done = of_tables.step(&mut tables, whole(&gradients)?);
                    let gradients = loss(&rows, &lookups(step))?.backward()?;
                    assert!(is_sparse(&gradients, &rows));
                    let same = of_rows.step(&mut rows, gradients);
                    assert_eq!(done.is_ok(), same.is_ok(), "{name}");
                    if let Err(error) = done {
                        let whole = ["Lamb", "Adafactor", "Muon"];
                        assert!(lazy && whole.contains(&row.algorithm), "{name}: {error}");
                        assert!(error.to_string().contains("`lazy_rows`"), "{error}");
                    }
                    assert!(bits(rows.value()) == bits(tables.value()), "{name} {step}");
                }
                let states = [&of_rows, &of_tables].map(Stateful::state);
                let [rows, tables] = states.map(|state| state.and_then(|state| state.to_bytes()));
                assert!(rows? == tables?, "{name}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_step_does_not_depend_on_the_number_of_threads() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()?;
        found.push(pool.install(|| -> Result<_> {
            let mut table = Param::new(&Tensor::ones([40, 20_003], DType::F32)?);
            let mut optimizer = AdaGrad::new(0.1).build()?;
            for step in 0..3 {
                let gradients = loss(&table, &Indices::from([3, 4, 3, 30 + step]))?.backward()?;
                assert!(is_sparse(&gradients, &table));
                optimizer.step(&mut table, gradients)?;
            }
            table.value().to_vec::<f32>()
        })?);
    }
    assert!(found[0] == found[1] && found[0] == found[2]);
    Ok(())
}

/// Moves every element that it visits by 1.
#[derive(Clone, Copy, Debug)]
struct Count {
    keeps: bool,
}

impl Rule<1> for Count {
    const NAME: &'static str = "Count";
    const STATE: [&'static str; 1] = ["visits"];

    fn keeps_at_zero(&self, _: &StepInfo) -> bool {
        self.keeps
    }

    #[inline(always)]
    fn update<T: Real>(&self, _: StepInfo, w: T, _: T, [visits]: [T; 1]) -> (T, [T; 1]) {
        (w + 1.0, [visits + 1.0])
    }
}

/// Returns the numbers of the rows that a step visits.
fn visited(keeps: bool, lazy: bool, form: fn(&Gradients) -> Result<Gradients>) -> Result<usize> {
    let mut table = Param::new(&Tensor::zeros([ROWS, 5], DType::F32)?);
    let mut optimizer = Stepper::new(Elementwise(Count { keeps }), Settings::new(0.1))?;
    if lazy {
        optimizer.add_group(Group::of(".*")?.lazy_rows());
    }
    // One row with a gradient, one that is used but has none.
    let taken = table
        .read(&Pass::train(0))
        .embedding(&Indices::from([9, 20, 9]))?;
    let weights = Tensor::from([[1.0f32], [0.0], [1.0]]);
    let gradients = taken.mul(&weights)?.sum().backward()?;
    optimizer.step(&mut table, form(&gradients)?)?;
    let moved = table.value().to_vec::<f32>()?;
    let state = optimizer.state()?;
    assert_eq!(state.tensor("slot.visits.")?.to_vec::<f32>()?, moved);
    assert_eq!(moved[9 * 5..10 * 5], [1.0; 5]);
    Ok(moved.iter().filter(|&&x| x == 1.0).count() / 5)
}

#[test]
fn steps_visit_the_rows_that_the_formula_needs() -> Result<()> {
    let same = |gradients: &Gradients| Ok(gradients.clone());
    assert_eq!(visited(false, false, same)?, ROWS);
    assert_eq!(visited(true, false, same)?, 1);
    assert_eq!(visited(false, true, same)?, 1);
    assert_eq!(visited(true, false, whole)?, ROWS);
    assert_eq!(visited(false, true, whole)?, 1);
    Ok(())
}

#[test]
fn ada_grad_without_epsilon_sweeps() -> Result<()> {
    let mut table = table(DType::F32)?;
    let mut optimizer = AdaGrad::new(0.1).epsilon(0.0).build()?;
    let gradients = loss(&table, &lookups(1))?.backward()?;
    optimizer.step(&mut table, gradients)?;
    // 0 / 0, as with a whole table and in PyTorch.
    assert!(table.value().to_vec::<f32>()?[4 * 5].is_nan());
    Ok(())
}

#[test]
fn a_checked_pass_finds_the_element() -> Result<()> {
    let table = table(DType::F32)?;
    let pass = Pass::train(0).checked(&table);
    let taken = table.read(&pass).embedding(&Indices::from([700, 3]))?;
    let factors = Tensor::from([[1.0f32, 1.0, f32::NAN, 1.0, 1.0], [1.0; 5]]);
    let error = taken.backward_with(&factors).unwrap_err().to_string();
    assert!(error.contains("[700, 2]"), "{error}");
    Ok(())
}

/// A model of a large table, of which a few rows are used, and a small one.
#[derive(Module, Clone, Debug)]
struct Words {
    words: Embedding,
    tags: Embedding,
    output: Linear,
}

#[test]
fn models_with_embeddings_pass_the_gradient_check() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let bounded = |count, max| Embedding::builder(count, 2).max_norm(max, Norm::L2);
    let net = Words {
        words: bounded(1000, 1.1).build(&mut rng)?,
        tags: bounded(4, 0.7).padding_index(1).build(&mut rng)?,
        output: Linear::new(2, 3, &mut rng)?,
    };
    let net = net.to_dtype(DType::F64);
    let (words, tags) = (Indices::from([999, 5, 5]), Indices::from([1, 3, 0]));
    let forward = |net: &Words, pass: &Pass| {
        let words = net.words.forward(&words, pass)?.tanh();
        let x = words.add(&net.tags.forward(&tags, pass)?)?;
        net.output.forward(&x, pass)
    };
    let gradients = forward(&net, &Pass::train(0))?.square().sum().backward()?;
    assert!(is_sparse(&gradients, &net.words.weight));
    assert!(!is_sparse(&gradients, &net.tags.weight));
    let check = gradcheck::Gradcheck::new().second_order();
    check
        .module(&net, &[], |net, _, pass| forward(net, pass))?
        .assert_ok();
    Ok(())
}

#[test]
fn a_bounded_embedding_keeps_its_weight() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let builder = || Embedding::builder(5, 3);
    let words = builder().max_norm(0.5, Norm::L2).build(&mut rng)?;
    let before = words.weight.value().clone();
    let vectors = words.forward(&Indices::range(5)?, &Pass::train(0))?;
    for norm in vectors.norm_over(1, Norm::L2)?.to_f64_vec() {
        assert!(norm <= 0.5, "{norm}");
    }
    assert_eq!(bits(words.weight.value()), bits(&before));
    // Vectors within the bound are not changed.
    let loose = builder()
        .max_norm(f64::INFINITY, Norm::L1)
        .build(&mut rng)?;
    let vectors = loose.forward(&Indices::range(5)?, &Pass::inference())?;
    assert_eq!(bits(&vectors), bits(loose.weight.value()));
    for max in [0.0, -1.0, f64::NAN] {
        let error = builder()
            .max_norm(max, Norm::L2)
            .build(&mut rng)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the largest norm must be above 0"),
            "{error}"
        );
    }
    Ok(())
}
