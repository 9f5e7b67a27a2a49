//! Samples of every form: named, tuple, generic, raw names, nested.

#![deny(warnings)]

use cotangent::data::{Batches, Sample, Sequence, Table};
use cotangent::{Error, Indices, Mask, Tensor};

#[derive(Clone, Sample)]
struct Pair {
    left: Tensor,
    right: Tensor,
    r#type: Indices,
}

#[derive(Clone, Sample)]
struct Wrapped(Pair, Mask);

#[derive(Clone, Sample)]
struct Generic<T, U: Sample>
where
    T: Clone,
{
    text: T,
    others: [U; 2],
}

fn pair(x: f32) -> Pair {
    Pair {
        left: Tensor::from([x, 0.0]),
        right: Tensor::from([-x]),
        r#type: Indices::from(x as usize),
    }
}

#[test]
fn runs() -> Result<(), Error> {
    let samples = [
        Wrapped(pair(1.0), Mask::from(true)),
        Wrapped(pair(2.0), Mask::from(false)),
    ];
    let batch = Wrapped::stack(&samples)?;
    assert_eq!((batch.rows()?, batch.0.left.shape()), (2, &[2, 2][..]));
    assert_eq!(batch.row(1)?.0.r#type.as_slice(), [2]);
    assert_eq!(batch.select(&[1, 1])?.1.as_slice(), [false, false]);
    assert_eq!(batch.narrow(1, 1)?.0.right.to_vec::<f32>()?, [-2.0]);
    let batches = Batches::new(Table::new(batch)?, 1)?;
    assert_eq!(batches.epoch(0).count(), 2);

    let mut wrong = samples.clone();
    wrong[1].0.right = Tensor::from([1.0f32, 2.0]);
    let error = Wrapped::stack(&wrong).err().unwrap().to_string();
    assert!(error.starts_with("`0.right`: stack: "), "{error}");

    let generic = |tokens: &[usize]| {
        let text = Sequence::new(Indices::from(tokens))?;
        Ok::<_, Error>(Generic {
            text,
            others: [Indices::from(3), Indices::from(4)],
        })
    };
    let batch = Sample::stack(&[generic(&[1])?, generic(&[2, 3])?])?;
    assert_eq!(batch.text.lengths(), [1, 2]);
    assert_eq!(batch.others[1].as_slice(), [4, 4]);
    Ok(())
}
