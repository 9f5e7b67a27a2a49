//! The equations of the cells, for a few units of one sample at one step: values and cotangents.
//!
//! They work on arrays of a fixed length. Over many slices of unknown length the compiler would not
//! prove that none overlaps another, and would not vectorize.

use crate::kernel::float::Float;
use crate::kernel::isa::Isa;

/// The number of units that are computed together.
pub(crate) const UNITS: usize = 16;

/// A value of each unit.
pub(crate) type Units<F> = [F; UNITS];

/// The operands of a step of the forward pass. Values that a cell does not use are 0.
#[derive(Debug)]
pub(crate) struct Step<F> {
    /// The projected input of each gate.
    pub inputs: [Units<F>; 4],
    /// The bias of each gate.
    pub biases: [Units<F>; 4],
    /// The product of the state before by the weight of each gate.
    pub products: [Units<F>; 4],
    /// The bias of the product of the last gate.
    pub bias: Units<F>,
    /// The state before.
    pub before: Units<F>,
    /// The kept value of the step before, if that is a cell state.
    pub kept_before: Units<F>,
}

impl<F: Float> Step<F> {
    /// Returns the input of a gate with its bias.
    #[inline(always)]
    fn input(&self, gate: usize, l: usize) -> F {
        self.inputs[gate][l] + self.biases[gate][l]
    }

    /// Returns the sum inside a gate.
    #[inline(always)]
    fn sum(&self, gate: usize, l: usize) -> F {
        self.input(gate, l) + self.products[gate][l]
    }
}

/// The results of a step of the forward pass.
#[derive(Debug)]
pub(crate) struct Stepped<F> {
    pub gates: [Units<F>; 4],
    /// The value that is kept for backward.
    pub kept: Units<F>,
    pub state: Units<F>,
}

/// The operands of a step of the backward pass.
#[derive(Debug)]
pub(crate) struct Reverse<F> {
    pub gates: [Units<F>; 4],
    pub before: Units<F>,
    pub kept_before: Units<F>,
    pub kept: Units<F>,
    pub state: Units<F>,
    /// The cotangent of the state, except for the share that is in `carry`.
    pub cotangent: Units<F>,
    /// The cotangent that the later step passes on directly.
    pub carry: Units<F>,
}

/// The results of a step of the backward pass.
#[derive(Debug)]
pub(crate) struct Reversed<F> {
    /// The cotangents of the sums inside the gates.
    pub sums: [Units<F>; 4],
    /// The cotangent that this step passes on directly.
    pub carry: Units<F>,
}

/// The equations of a cell.
pub(crate) trait Cell: Copy + Send + Sync {
    /// The number of blocks of `hidden` rows in the weights.
    const GATES: usize;
    /// The number of blocks in the cotangents of a step.
    const SUMS: usize;
    /// Whether a value besides gates and state is kept for backward.
    const KEEPS: bool;
    /// Whether that value is a second state, the cell state.
    const HAS_CELL_STATE: bool;

    /// Computes gates, kept value and state.
    fn step<F: Float, I: Isa>(self, x: &Step<F>) -> Stepped<F>;

    /// Computes the cotangents of the sums inside the gates.
    fn reverse<F: Float, I: Isa>(self, x: &Reverse<F>) -> Reversed<F>;
}

#[inline(always)]
fn stepped<F: Float>() -> Stepped<F> {
    let zeros = [F::zero(); UNITS];
    Stepped {
        gates: [zeros; 4],
        kept: zeros,
        state: zeros,
    }
}

#[inline(always)]
fn reversed<F: Float>() -> Reversed<F> {
    let zeros = [F::zero(); UNITS];
    Reversed {
        sums: [zeros; 4],
        carry: zeros,
    }
}

/// Long short-term memory. The gates are i, f, g and o, and the cell state is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lstm;

impl Cell for Lstm {
    const GATES: usize = 4;
    const SUMS: usize = 4;
    const KEEPS: bool = true;
    const HAS_CELL_STATE: bool = true;

    #[inline(always)]
    fn step<F: Float, I: Isa>(self, x: &Step<F>) -> Stepped<F> {
        let mut y = stepped();
        for l in 0..UNITS {
            y.gates[0][l] = x.sum(0, l).sigmoid_v::<I>();
        }
        for l in 0..UNITS {
            y.gates[1][l] = x.sum(1, l).sigmoid_v::<I>();
        }
        for l in 0..UNITS {
            y.gates[2][l] = x.sum(2, l).tanh_v::<I>();
        }
        for l in 0..UNITS {
            y.gates[3][l] = x.sum(3, l).sigmoid_v::<I>();
        }
        for l in 0..UNITS {
            let [i, f, g, o] = [y.gates[0][l], y.gates[1][l], y.gates[2][l], y.gates[3][l]];
            y.kept[l] = f * x.kept_before[l] + i * g;
            y.state[l] = o * y.kept[l].tanh_v::<I>();
        }
        y
    }

    #[inline(always)]
    fn reverse<F: Float, I: Isa>(self, x: &Reverse<F>) -> Reversed<F> {
        let mut y = reversed();
        let one = F::one();
        for l in 0..UNITS {
            let [i, f, g, o] = [x.gates[0][l], x.gates[1][l], x.gates[2][l], x.gates[3][l]];
            let (tanh, dh) = (x.kept[l].tanh_v::<I>(), x.cotangent[l]);
            let dc = x.carry[l] + dh * o * (one - tanh * tanh);
            y.sums[0][l] = dc * g * i * (one - i);
            y.sums[1][l] = dc * x.kept_before[l] * f * (one - f);
            y.sums[2][l] = dc * i * (one - g * g);
            y.sums[3][l] = dh * tanh * o * (one - o);
            y.carry[l] = dc * f;
        }
        y
    }
}

/// The gated recurrent unit. The gates are r, z and n, and the product inside n is kept.
///
/// The cotangents are those of the sums of r and z, of the product inside n, and of the projected
/// input of n.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gru;

impl Cell for Gru {
    const GATES: usize = 3;
    const SUMS: usize = 4;
    const KEEPS: bool = true;
    const HAS_CELL_STATE: bool = false;

    #[inline(always)]
    fn step<F: Float, I: Isa>(self, x: &Step<F>) -> Stepped<F> {
        let mut y = stepped();
        for l in 0..UNITS {
            y.gates[0][l] = x.sum(0, l).sigmoid_v::<I>();
        }
        for l in 0..UNITS {
            y.gates[1][l] = x.sum(1, l).sigmoid_v::<I>();
        }
        for l in 0..UNITS {
            let (r, z) = (y.gates[0][l], y.gates[1][l]);
            let product = x.products[2][l] + x.bias[l];
            let n = (x.input(2, l) + r * product).tanh_v::<I>();
            y.kept[l] = product;
            y.gates[2][l] = n;
            y.state[l] = (F::one() - z) * n + z * x.before[l];
        }
        y
    }

    #[inline(always)]
    fn reverse<F: Float, I: Isa>(self, x: &Reverse<F>) -> Reversed<F> {
        let mut y = reversed();
        let one = F::one();
        for l in 0..UNITS {
            let [r, z, n] = [x.gates[0][l], x.gates[1][l], x.gates[2][l]];
            let dh = x.cotangent[l] + x.carry[l];
            let of_n = dh * (one - z) * (one - n * n);
            y.sums[0][l] = of_n * x.kept[l] * r * (one - r);
            y.sums[1][l] = dh * (x.before[l] - n) * z * (one - z);
            y.sums[2][l] = of_n * r;
            y.sums[3][l] = of_n;
            y.carry[l] = dh * z;
        }
        y
    }
}

macro_rules! simple_cells {
    ($(
        $(#[$doc:meta])*
        $name:ident |$x:ident| $value:expr, |$state:ident, $cotangent:ident| $derivative:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;

        impl Cell for $name {
            const GATES: usize = 1;
            const SUMS: usize = 1;
            const KEEPS: bool = false;
            const HAS_CELL_STATE: bool = false;

            #[inline(always)]
            fn step<F: Float, I: Isa>(self, x: &Step<F>) -> Stepped<F> {
                let mut y = stepped();
                for l in 0..UNITS {
                    let $x = x.sum(0, l);
                    y.state[l] = $value;
                }
                y
            }

            #[inline(always)]
            fn reverse<F: Float, I: Isa>(self, x: &Reverse<F>) -> Reversed<F> {
                let mut y = reversed();
                for l in 0..UNITS {
                    let ($state, $cotangent) = (x.state[l], x.cotangent[l]);
                    y.sums[0][l] = $derivative;
                }
                y
            }
        }
    )*};
}
simple_cells! {
    /// The simple recurrent cell with tanh.
    RnnTanh |x| x.tanh_v::<I>(), |h, g| g * (F::one() - h * h);
    /// The simple recurrent cell with ReLU. NaN stays NaN, as in `Tensor::relu`.
    RnnRelu |x| if x < F::zero() { F::zero() } else { x },
        |h, g| if h > F::zero() { g } else { F::zero() };
}
