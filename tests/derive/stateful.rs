//! States of every form: named, tuple, unit, generic, raw names, skipped fields, plain values.

#![deny(warnings)]

use cotangent::prelude::*;
use std::marker::PhantomData;

#[derive(Stateful, Clone, Debug, Default, PartialEq)]
struct Values {
    bytes: (),
    small: u8,
    signed: i64,
    signs: Vec<i32>,
    counts: Vec<usize>,
    fixed: [u16; 3],
    flags: Vec<bool>,
    singles: Vec<f32>,
    maybe: Option<Vec<f64>>,
    never: Option<i8>,
    r#type: f32,
    marker: PhantomData<String>,
}

#[derive(Stateful)]
struct Unit;

#[derive(Stateful)]
struct Pair(Linear, #[state(skip)] String, Values);

#[derive(Stateful)]
struct Generic<T, const N: usize>
where
    T: Clone,
{
    inner: T,
    several: [f64; N],
    #[state(skip)]
    other: Option<T>,
}

/// Names that the derive uses itself.
#[derive(Stateful)]
struct Names {
    state: u64,
    all: u64,
    value: f64,
}

#[test]
fn runs() -> Result<()> {
    let values = Values {
        bytes: (),
        small: 255,
        signed: i64::MIN,
        signs: vec![i32::MIN, -1, 0, i32::MAX],
        counts: vec![usize::MAX, 0, 7],
        fixed: [1, 2, u16::MAX],
        flags: vec![true, false],
        singles: vec![0.1, f32::MIN_POSITIVE],
        maybe: Some(vec![0.1]),
        never: None,
        r#type: -0.5,
        marker: PhantomData,
    };
    let state = values.state()?;
    assert_eq!(state.number("type.value")?, -0.5);
    let mut loaded = Values {
        never: Some(-3),
        ..Values::default()
    };
    loaded.load_state(&state)?;
    assert_eq!(loaded, values);
    let negative = Values {
        never: Some(-3),
        ..values.clone()
    };
    loaded.load_state(&negative.state()?)?;
    assert_eq!(loaded, negative);

    let net = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(1))?;
    let mut pair = Pair(net, "name".to_owned(), values.clone());
    let state = pair.state()?;
    assert!(state.get("0.weight").is_some() && state.get("1").is_none());
    pair.2 = Values::default();
    pair.load_state(&state)?;
    assert_eq!((pair.1.as_str(), &pair.2), ("name", &values));
    // A state is loaded whole or not at all.
    let mut wrong = state.clone();
    wrong.insert("2.small.value", cotangent::state::Entry::Count(256));
    pair.2.signed = 5;
    let error = pair.load_state(&wrong).unwrap_err().to_string();
    assert!(
        error.contains("`2.small`") && error.contains("smaller"),
        "{error}"
    );
    assert_eq!(pair.2.signed, 5);

    assert!(Unit.state()?.is_empty());
    let mut generic = Generic {
        inner: values,
        several: [1.0, 2.0],
        other: None,
    };
    let state = generic.state()?;
    generic.several = [0.0; 2];
    generic.load_state(&state)?;
    assert_eq!(
        (generic.several, generic.other.is_none()),
        ([1.0, 2.0], true)
    );
    let names = Names {
        state: 1,
        all: 2,
        value: 3.0,
    };
    assert_eq!(names.state()?.len(), 3);
    assert_eq!((names.all, names.value), (2, 3.0));
    Ok(())
}
