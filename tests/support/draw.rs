//! Draws operands and arguments of every kind, valid and invalid, from a list of numbers.

use super::operations::drawn::Arguments;
use cotangent::{Axes, DType, Indices, Mask, Norm, Reduction, Tensor};
use std::fmt::Write;

/// A source of draws: a list of numbers that is used cyclically. Zeros give the simplest draws.
pub struct Draw<'a> {
    numbers: &'a [u32],
    next: usize,
}

/// An operand as a view and as a contiguous copy. `Debug` prints all elements.
#[derive(Clone)]
pub struct Operand {
    pub view: Tensor,
    pub copy: Tensor,
    pub tracked: bool,
    layout: &'static str,
}

impl std::fmt::Debug for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { view, layout, .. } = self;
        let (dtype, shape) = (view.dtype(), view.shape());
        write!(f, "{layout} {dtype} {shape:?} {:?}", view.to_f64_vec())
    }
}

const LENGTHS: [usize; 8] = [2, 3, 1, 2, 3, 5, 1, 0];
/// Numbers of elements that no memory could hold, even of one byte each.
const HUGE: [usize; 6] = [
    usize::MAX,
    usize::MAX / 2,
    usize::MAX / 2 + 1,
    1 << 62,
    1 << 60,
    1 << 50,
];
const SPECIAL: [f64; 13] = [
    1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    -1.0,
    1e-40,
    5e-324,
    1e30,
    -1e30,
    1e300,
    0.5,
];

impl<'a> Draw<'a> {
    pub fn new(numbers: &'a [u32]) -> Self {
        Self { numbers, next: 0 }
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.numbers[self.next % self.numbers.len()] as usize
    }

    /// Draws a number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.number() % bound.max(1)
    }

    /// Draws true once in `count` draws.
    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn list<T>(&mut self, len: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..len).map(|_| draw(self)).collect()
    }

    fn shape(&mut self) -> Vec<usize> {
        let rank = self.of(&[2, 2, 1, 3, 2, 3, 4, 0]);
        self.list(rank, |draw| draw.of(&LENGTHS))
    }

    fn size(&mut self) -> usize {
        if self.once_in(4) {
            self.of(&HUGE)
        } else {
            self.below(6)
        }
    }

    fn float(&mut self) -> f64 {
        if self.once_in(3) {
            self.of(&SPECIAL)
        } else {
            self.below(17) as f64 / 8.0 - 0.5
        }
    }

    fn axis(&mut self, rank: usize) -> isize {
        if self.once_in(6) || rank == 0 {
            return self.of(&[0, 1, -1, 7, -7, isize::MAX, isize::MIN, isize::MIN + 1]);
        }
        self.below(2 * rank) as isize - rank as isize
    }

    /// Draws a tensor of this shape: with small numbers half of the time, else with any numbers.
    fn tensor(&mut self, shape: &[usize], dtype: DType) -> Operand {
        let tame = self.below(2) == 0;
        let len = shape.iter().product();
        let values = self.list(len, |draw| {
            if tame {
                draw.below(33) as f64 / 8.0 - 2.0
            } else if draw.once_in(4) {
                // Any bit pattern.
                let bits = draw.number();
                match dtype {
                    DType::F32 => f64::from(f32::from_bits(bits as u32)),
                    _ => f64::from_bits((bits as u64) << 32 | draw.number() as u64),
                }
            } else {
                draw.float()
            }
        });
        let made = |values: &[f64], shape: &[usize]| {
            let tensor = Tensor::from_slice(values, shape).expect("as many values");
            match dtype {
                DType::F32 => {
                    let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                    Tensor::from_vec(values, shape).expect("as many values")
                }
                _ => tensor,
            }
        };
        let plain = made(&values, shape);
        let (layout, view) = self.view(&plain, &made);
        let copy = made(&view.to_f64_vec(), shape);
        let tracked = !self.once_in(4);
        Operand {
            view,
            copy,
            tracked,
            layout,
        }
    }

    /// Returns the tensor in a drawn memory layout; a broadcast view has other elements.
    fn view(
        &mut self,
        plain: &Tensor,
        made: &dyn Fn(&[f64], &[usize]) -> Tensor,
    ) -> (&'static str, Tensor) {
        let rank = plain.rank();
        let seen = match self.below(6) {
            1 if rank > 1 => {
                let order: Vec<isize> = (0..rank as isize).rev().collect();
                let base = plain.permute(&order).expect("each axis once");
                let base = made(&base.to_f64_vec(), base.shape());
                ("transposed", base.permute(&order))
            }
            2 if rank > 0 => {
                let axes: Vec<isize> = (0..rank as isize).collect();
                let base = plain.flip(&axes).expect("each axis once");
                let base = made(&base.to_f64_vec(), base.shape());
                ("flipped", base.flip(&axes))
            }
            3 if rank > 0 => {
                let mut shape = plain.shape().to_vec();
                shape[rank - 1] *= 2;
                let values = plain.to_f64_vec();
                let values: Vec<f64> = values.iter().flat_map(|&x| [x, f64::NAN]).collect();
                ("stepped", made(&values, &shape).slice(-1, None, None, 2))
            }
            4 if !plain.is_empty() && rank > 0 => {
                let axis = self.below(rank) as isize;
                let line = plain.narrow(axis, 0, 1).expect("the axis is not empty");
                ("stretched", line.broadcast_to(plain.shape()))
            }
            _ => ("contiguous", Ok(plain.clone())),
        };
        (seen.0, seen.1.expect("a view that exists"))
    }

    /// Draws a shape for a second operand: the same, one that broadcasts, one that fits a matrix
    /// product, or any.
    fn beside(&mut self, shape: &[usize], relation: usize) -> Vec<usize> {
        let mut other = shape.to_vec();
        match relation % 12 {
            0..=3 => {}
            4 | 5 => other.reverse(),
            6 => {
                let rank = other.len();
                if rank > 1 {
                    other.swap(rank - 1, rank - 2);
                }
            }
            7 => other.iter_mut().for_each(|len| {
                if self.once_in(2) {
                    *len = 1;
                }
            }),
            8 => drop(other.drain(..self.below(shape.len() + 1))),
            9 => other.truncate(1),
            10 => other = other.get(1).map_or(vec![], |&len| vec![len]),
            _ => other = self.shape(),
        }
        other
    }

    /// Draws `count` operands, whose shapes may fit each other.
    pub fn operands(&mut self, count: usize) -> Vec<Operand> {
        let dtype = self.of(&[DType::F32, DType::F64]);
        let shape = self.shape();
        let mut operands = Vec::new();
        let relation = self.number();
        for i in 0..count {
            let shape = if i == 0 {
                shape.clone()
            } else {
                let others = self.once_in(3);
                let relation = if others { self.number() } else { relation };
                self.beside(&shape, relation)
            };
            let dtype = if self.once_in(12) { DType::F32 } else { dtype };
            operands.push(self.tensor(&shape, dtype));
        }
        operands
    }

    /// Draws a cotangent.
    pub fn cotangent(&mut self, like: &Tensor) -> Tensor {
        self.tensor(like.shape(), like.dtype()).view
    }

    fn indices(&mut self, shape: Vec<usize>, bound: usize) -> Indices {
        let len = shape.iter().product();
        let wild = self.once_in(5);
        let index = |draw: &mut Self| {
            if wild && draw.once_in(3) {
                draw.of(&[bound, usize::MAX, 1 << 50, 7])
            } else {
                draw.below(bound)
            }
        };
        let values = self.list(len, index);
        Indices::from_vec(values, shape).expect("as many values")
    }

    fn mask(&mut self, shape: &[usize]) -> Mask {
        let len = shape.iter().product();
        let values = self.list(len, |draw| draw.below(2) == 0);
        Mask::from_vec(values, shape).expect("as many values")
    }

    fn equation(&mut self, operands: &[Operand]) -> String {
        const ALPHABET: [&str; 16] = [
            "i", "j", "k", "i", "j", ",", "->", "...", ".", "-", ">", " ", "A", "é", "𝄞", "-> ",
        ];
        if self.once_in(3) {
            let len = self.below(12);
            return self.list(len, |draw| draw.of(&ALPHABET)).concat();
        }
        // An equation that mostly fits: a letter for each axis, and some of them in the result.
        let mut equation = String::new();
        for (i, operand) in operands.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            equation.push_str(comma);
            let mut rank = operand.view.rank();
            if self.once_in(4) {
                equation.push_str("...");
                rank = self.below(rank + 1);
            }
            for axis in 0..rank {
                // Operands often have equal lengths at equal axes.
                let letter = if self.once_in(4) { self.below(4) } else { axis };
                equation.push(['i', 'j', 'k', 'l'][letter.min(3)]);
            }
        }
        if self.below(3) > 0 {
            equation.push_str("->");
            if self.once_in(3) {
                equation.push_str("...");
            }
            for letter in ['k', 'i', 'l', 'j'] {
                if equation.contains(letter) && self.below(2) == 0 {
                    write!(equation, "{letter}").expect("text can be written");
                }
            }
        }
        equation
    }

    /// Draws arguments, most of which fit the operands.
    pub fn arguments(&mut self, operands: &[Operand]) -> Arguments {
        let own = operands
            .first()
            .map_or_else(Vec::new, |x| x.view.shape().to_vec());
        let rank = own.len();
        let axis = self.axis(rank);
        let resolved = if axis < 0 {
            (axis + rank as isize) as usize
        } else {
            axis as usize
        };
        let along = own.get(resolved).copied().unwrap_or(3);
        let axes = match self.below(6) {
            0 => Axes::from(..),
            1 => Axes::keep(self.axis(rank)),
            2 => Axes::from([self.axis(rank), self.axis(rank)]),
            3 => Axes::from(&[][..]),
            _ => Axes::from(self.axis(rank)),
        };
        let mut order: Vec<isize> = (0..rank as isize).collect();
        (1..rank).for_each(|i| order.swap(i, self.below(i + 1)));
        if self.once_in(6) {
            order = self.list(3, |draw| draw.axis(3));
        }
        let few = self.below(4);
        let mut shape = match self.below(4) {
            0 => self.list(few, |draw| draw.of(&LENGTHS)),
            1 => own.clone(),
            _ => {
                let relation = self.number();
                self.beside(&own, relation)
            }
        };
        if self.once_in(8) {
            shape.push(self.size());
        }
        let count = if self.once_in(4) { few } else { rank };
        let indexed = match self.below(3) {
            0 => vec![self.below(5)],
            1 => own.clone(),
            _ => {
                let mut shape = own.clone();
                if let Some(len) = shape.get_mut(resolved) {
                    *len = self.below(5);
                }
                shape
            }
        };
        let mut samples = own.clone();
        let classes = own.last().copied().unwrap_or(2);
        if !self.once_in(6) {
            samples.pop();
        }
        let bound = |draw: &mut Self| match draw.below(8) {
            0 => Some(self::extreme(draw)),
            1 | 2 => None,
            _ => Some(draw.below(2 * along + 1) as isize - along as isize),
        };
        let (start, end) = (bound(self), bound(self));
        let masked = [self.number(), self.number()].map(|relation| self.beside(&own, relation));
        Arguments {
            axis,
            other_axis: self.axis(rank),
            axes,
            list: self.list(few, |draw| draw.axis(rank)),
            order,
            size: self.size(),
            other_size: self.size(),
            sizes: self.list(count, Self::size),
            step: self.of(&[1, -1, 2, -2, 3, -3, 0, isize::MAX, isize::MIN, 1]),
            start,
            end,
            number: self.float(),
            other_number: self.float(),
            third_number: self.float(),
            shape,
            pairs: self.list(count, |draw| (draw.size(), draw.size())),
            indices: self.indices(indexed, along),
            labels: self.indices(samples, classes),
            mask: self.mask(&masked[0]),
            other_mask: self.mask(&masked[1]),
            flag: self.below(2) == 0,
            reduction: self.of(&[
                Reduction::Mean,
                Reduction::Sum,
                Reduction::BatchMean,
                Reduction::None,
            ]),
            norm: match self.below(4) {
                0 => Norm::P(self.of(&[3.0, 0.0, 1.5, -1.0, f64::INFINITY, f64::NAN, 1e300])),
                _ => self.of(&[Norm::L1, Norm::L2, Norm::LInf]),
            },
            power: self.of(&[2, 0, 1, -1, 3, -2, i32::MAX, i32::MIN, 17]),
            equation: self.equation(operands),
            dtype: self.of(&[DType::F32, DType::F64]),
            seed: self.number() as u64,
        }
    }
}

fn extreme(draw: &mut Draw<'_>) -> isize {
    draw.of(&[isize::MAX, isize::MIN, isize::MIN + 1, 9, -9])
}
