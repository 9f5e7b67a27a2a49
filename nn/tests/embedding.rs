//! The embedding: its rows, and the gradients of indices that are repeated, unused or padding.

use cotangent_core::gradcheck;
use cotangent_core::module::Pass;
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{Error, Indices, ModuleExt, Result, Tensor};
use cotangent_nn::{Embedding, init};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

#[test]
fn each_index_gives_its_row() -> Result<()> {
    let table = Embedding::new(5, 3, &mut rng(1))?;
    let rows = table.weight.value().to_f64_vec();
    let pass = Pass::inference();
    for indices in [
        Indices::from([4, 0, 4]),
        Indices::from([[1, 2], [3, 1]]),
        Indices::from_vec(vec![3], [])?,
        Indices::from_vec(vec![], [2, 0])?,
    ] {
        let vectors = table.forward(&indices, &pass)?;
        let expected: Vec<f64> = indices
            .as_slice()
            .iter()
            .flat_map(|&i| rows[3 * i..3 * i + 3].to_vec())
            .collect();
        assert_eq!(vectors.shape(), [indices.shape(), &[3]].concat());
        assert_eq!(vectors.to_f64_vec(), expected);
    }
    Ok(())
}

#[test]
fn rows_start_normal_and_the_same_for_the_same_seed() -> Result<()> {
    let weight = |seed| Ok::<_, Error>(Embedding::new(300, 100, &mut rng(seed))?.weight);
    let (a, b) = (weight(2)?, weight(2)?);
    assert_eq!(bits(a.value()), bits(b.value()));
    assert_ne!(bits(a.value()), bits(weight(3)?.value()));
    // 30,000 draws: six standard errors of the mean square.
    let variance = a.value().square().mean().item()?;
    assert!(
        (variance - 1.0).abs() < 6.0 * (2.0 / 30_000f64).sqrt(),
        "{variance}"
    );
    Ok(())
}

#[test]
fn gradients_of_repeated_indices_add_up() -> Result<()> {
    let table = Embedding::new(4, 2, &mut rng(4))?;
    let indices = Indices::from([[1, 3], [1, 1]]);
    let vectors = table.forward(&indices, &Pass::train(0))?;
    let cotangent = Tensor::from_vec((1..=8u8).map(f32::from).collect(), [2, 2, 2])?;
    let gradients = vectors.backward_with(&cotangent)?;
    let found = gradients.get(&table.weight).map(Tensor::to_f64_vec);
    let expected = [
        0.0,
        0.0,
        1.0 + 5.0 + 7.0,
        2.0 + 6.0 + 8.0,
        0.0,
        0.0,
        3.0,
        4.0,
    ];
    assert_eq!(found.unwrap_or_default(), expected);
    gradcheck::module(&table, &[], |table, _, pass| {
        Ok(table.forward(&indices, pass)?.tanh())
    })?
    .assert_ok();
    Ok(())
}

#[test]
fn the_padding_index_gives_zeros_and_gets_no_gradient() -> Result<()> {
    let build = || Embedding::builder(4, 2).padding_index(2);
    let mut table = build().build(&mut rng(5))?;
    let plain = Embedding::new(4, 2, &mut rng(5))?
        .weight
        .value()
        .to_f64_vec();
    let mut expected = plain.clone();
    expected[4..6].fill(0.0);
    // The other rows are the same as without padding.
    assert_eq!(table.weight.value().to_f64_vec(), expected);
    assert_eq!(table.named_params().len(), 1);

    let indices = Indices::from([2, 1, 2, 0]);
    // This is so for every value of the row.
    table
        .weight
        .set(&Tensor::from_vec(plain, [4, 2])?.to_dtype(cotangent_core::DType::F32))?;
    let vectors = table.forward(&indices, &Pass::train(0))?;
    assert_eq!(vectors.to_f64_vec()[..2], [0.0; 2]);
    assert_eq!(vectors.to_f64_vec()[2..4], expected[2..4]);
    let gradients = vectors.add_scalar(1.0).square().sum().backward()?;
    let gradient = gradients
        .get(&table.weight)
        .map(Tensor::to_f64_vec)
        .unwrap_or_default();
    assert_eq!(gradient[4..], [0.0; 4]);
    assert!(gradient[..4].iter().all(|&g| g != 0.0), "{gradient:?}");
    gradcheck::module(&table, &[], |table, _, pass| {
        Ok(table.forward(&indices, pass)?.exp())
    })?
    .assert_ok();
    Ok(())
}

#[test]
fn invalid_arguments_are_errors() -> Result<()> {
    let table = Embedding::new(4, 2, &mut rng(6))?;
    let error = table.forward(&Indices::from([0, 4]), &Pass::inference());
    let error = error.unwrap_err();
    let root = error.root();
    let found = matches!(
        root,
        Error::Index {
            index: 4,
            bound: 4,
            ..
        }
    );
    assert!(found, "{error}");
    let build = |count, dim| Embedding::new(count, dim, &mut rng(6)).map(|_| ());
    assert!(matches!(build(0, 2), Err(Error::Argument { .. })));
    assert!(matches!(build(2, 0), Err(Error::Argument { .. })));
    assert!(build(usize::MAX / 2, 3).is_err());
    let padded = Embedding::builder(4, 2)
        .padding_index(4)
        .weight(init::constant(1.0));
    assert!(matches!(
        padded.build(&mut rng(6)),
        Err(Error::Index { .. })
    ));
    Ok(())
}
