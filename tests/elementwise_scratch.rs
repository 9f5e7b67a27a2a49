//! Scratch.
use cotangent::gradcheck::Gradcheck;
use cotangent::prelude::*;

/// Swish.
#[elementwise(check(x = -6.0..6.0, beta = 0.5..2.0))]
fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}
#[elementwise(check(a = -2.0..2.0, b = -3.0..3.0))]
fn gated(a: Tensor, b: Tensor) -> Tensor {
    a * swish(b, 1.5) + sin(40.0 * b)
}
#[elementwise(check(a = -2.0..2.0, b = -3.0..3.0, n = 1..4))]
fn branchy(a: Tensor, b: Tensor, n: i32) -> Tensor {
    let l = ln(a);
    let r = recip(b);
    if a > 0.0 {
        l * b + powi(a, n)
    } else if b > 0.5 {
        r * sqrt(b) + a
    } else {
        b * 0.5 - a.max(b)
    }
}
#[elementwise]
fn s1(a: Tensor, b: Tensor) -> Tensor {
    if a > 0.0 { ln(a) * b } else { b * a }
}
#[elementwise]
fn s2(a: Tensor, b: Tensor) -> Tensor {
    if b > 0.5 {
        recip(b) * sqrt(b) + a
    } else {
        b * 0.5 - a
    }
}
#[elementwise]
fn s3(a: Tensor, b: Tensor) -> Tensor {
    if b > 0.5 { b + a } else { b * 0.5 - a.max(b) }
}
#[elementwise(check(x = -4.0..4.0, t = 0.1..0.9, gamma = 0.5..2.0))]
fn focal(x: Tensor, t: Tensor, gamma: f64) -> Mean {
    let p = sigmoid(x);
    let q = p * t + (1.0 - p) * (1.0 - t);
    -powf(1.0 - q, gamma) * ln(q)
}
#[elementwise(check(x = -4.0..4.0, y = 0.1..0.9))]
fn energy(x: Tensor, y: Tensor, axes: Axes) -> Sum {
    x * x * y
}
#[elementwise(check(x = -1.0..1.0))]
#[derivative(x = result * 1.001)]
fn expo(x: Tensor) -> Tensor {
    exp(x)
}
#[elementwise(check(a = -4.0..4.0, b = 0.1..0.9, c = -1.0..1.0))]
#[derivative(c = tanh(a) * 1.0)]
fn three(a: Tensor, b: Tensor, c: Tensor) -> Tensor {
    a * b + c * tanh(a)
}

#[test]
fn it_works() -> Result<()> {
    let x = Tensor::from([-2.0f64, -0.5, 0.3, 1.7]);
    println!("{}", swish(&x, 1.5));
    let check = || Gradcheck::new().second_order();
    check()
        .function(&[x.clone()], |x| Ok(swish(&x[0], 1.5)))?
        .assert_ok();
    check()
        .function(&[x.clone()], |x| Ok(expo(&x[0])))?
        .assert_ok();
    let m = Tensor::from([[-2.0f64, -0.5, 0.3, 1.7], [0.7, 0.6, -0.3, 1.1]]);
    check()
        .function(&[x.clone(), m.clone()], |x| gated(&x[0], &x[1]))?
        .assert_ok();
    for f in [s1 as fn(&Tensor, &Tensor) -> Result<Tensor>, s2, s3] {
        let y = &m * 1.01 + 0.001;
        println!(
            "{}",
            check().function(&[y.clone(), x.clone()], |x| f(&x[0], &x[1]))?
        );
    }
    let y = &m * 1.01 + 0.001;
    check()
        .function(&[y.clone(), x.clone()], |x| branchy(&x[0], &x[1], 3))?
        .assert_ok();
    check()
        .function(&[x.clone(), m.clone(), m.clone()], |x| {
            three(&x[0], &x[1], &x[2])
        })?
        .assert_ok();
    check()
        .function(&[x.clone(), x.sigmoid()], |x| focal(&x[0], &x[1], 2.0))?
        .assert_ok();
    for axis in [0, 1] {
        check()
            .function(&[m.clone(), x.clone()], |x| energy(&x[0], &x[1], axis))?
            .assert_ok();
    }
    check()
        .function(&[m.clone(), x.clone()], |x| energy(&x[0], &x[1], [0, 1]))?
        .assert_ok();
    // The side not chosen.
    let a = Tensor::from([0.0f64, -1.0, 1.0]).tracked();
    let b = Tensor::from([0.0f64, 0.0, 1.0]).tracked();
    let y = branchy(&a, &b, 2)?;
    let g = Backward::new().create_graph().run(&y.sum())?;
    let (da, db) = (g.get(&a).unwrap(), g.get(&b).unwrap());
    println!("{y} {da} {db}");
    let g2 = da.add(db)?.sum().backward()?;
    println!("{} {}", g2.get(&a).unwrap(), g2.get(&b).unwrap());
    Ok(())
}
