//! Draws formulas. Each part is evaluated at random points while it is drawn: a part that is not
//! finite where its value matters is drawn anew. Variables may be infinite or NaN at some points;
//! they are then used only on sides of an `if` that those points do not take.

use crate::formula::{
    Block, Bound, COMPARISONS, CONSTANTS, Condition, Exponent, Expr, Function, Output, Point, Uses,
    Value,
};
use crate::functions::{OTHERS, UNARY};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns a number from `low` to `high`.
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The points at which the parts of a formula are evaluated.
const POINTS: usize = 48;
/// The largest value of a part.
const LARGEST: f64 = 30.0;

/// Functions of at least this many nodes are not called, since calls of calls grow without end.
const CALLABLE: usize = 30;

pub struct Draw<'a> {
    pub random: Random,
    points: Vec<Point<'a>>,
    /// The functions that may be called.
    functions: &'a [Function],
    /// The variables in scope: numbers and conditions.
    numbers: Vec<usize>,
    conditions: Vec<usize>,
    /// How many variables there are.
    names: usize,
    /// How many more nodes may be drawn.
    budget: usize,
    shape: (usize, usize, usize),
}

/// Draws a function that may call those before it.
pub fn function(random: Random, functions: &[Function]) -> (Function, Random) {
    let mut draw = Draw {
        random,
        points: vec![],
        functions,
        numbers: vec![],
        conditions: vec![],
        names: 0,
        budget: 0,
        shape: (0, 0, 0),
    };
    loop {
        let random = &mut draw.random;
        let shape = (
            1 + random.below(4),
            random.below(3),
            usize::from(random.chance(25)),
        );
        draw.shape = shape;
        draw.points = (0..POINTS)
            .map(|_| Point {
                functions,
                operands: (0..shape.0).map(|_| random.within(-2.0, 2.0)).collect(),
                numbers: (0..shape.1).map(|_| random.within(0.5, 2.0)).collect(),
                wholes: (0..shape.2).map(|_| random.below(4) as i32).collect(),
                variables: vec![],
                steps: 0,
            })
            .collect();
        draw.budget = 6 + draw.random.below(30);
        let depth = 3 + draw.random.below(4);
        let mut body = draw.block(depth, &[true; POINTS], 4);
        // The macro refuses an operand that is not used.
        let uses = Uses::default().block(&body);
        for operand in (0..shape.0).filter(|operand| uses & (1 << operand) == 0) {
            let factor = Expr::Literal(0.25 * (operand + 1) as f64);
            let product = Expr::Binary('*', Expr::Operand(operand).into(), factor.into());
            body.value = Expr::Binary('+', body.value.into(), product.into());
        }
        let output = match draw.random.below(20) {
            0 => Output::Sum,
            1 => Output::Mean,
            2 => Output::SumOver,
            3 => Output::MeanOver,
            _ => Output::Tensor,
        };
        let mut steps = 0;
        let mut values = Vec::new();
        for point in &mut draw.points {
            point.steps = 0;
            values.push(point.block(&body));
            steps = steps.max(point.steps);
        }
        if values.iter().all(|y| *y == values[0]) {
            continue;
        }
        let function = Function {
            operands: shape.0,
            numbers: shape.1,
            wholes: shape.2,
            output,
            body,
            planted: false,
            steps,
        };
        return (function, draw.random);
    }
}

impl Draw<'_> {
    /// Draws a block with at most `lets` variables.
    fn block(&mut self, depth: usize, active: &[bool], lets: usize) -> Block {
        let (numbers, conditions) = (self.numbers.len(), self.conditions.len());
        let mut bound = Vec::new();
        for _ in 0..self.random.below(lets + 1) {
            let name = self.names;
            self.names += 1;
            if self.random.chance(20) {
                let condition = self.condition(depth.min(2), active);
                for point in &mut self.points {
                    let value = Value::Condition(point.condition(&condition));
                    point.variables.push((name, value));
                }
                self.conditions.push(name);
                bound.push((name, Bound::Condition(condition)));
            } else {
                // A risky variable matters at some of the points only.
                let risky = self.random.chance(40);
                let some: Vec<bool> = active
                    .iter()
                    .map(|active| *active && !(risky && self.random.chance(70)))
                    .collect();
                let expr = self.expr(depth.saturating_sub(1).max(1), &some);
                for point in &mut self.points {
                    let value = Value::Number(point.number(&expr));
                    point.variables.push((name, value));
                }
                self.numbers.push(name);
                bound.push((name, Bound::Number(expr)));
            }
        }
        let value = self.expr(depth, active);
        for point in &mut self.points {
            let depth = point.variables.len() - bound.len();
            point.variables.truncate(depth);
        }
        self.numbers.truncate(numbers);
        self.conditions.truncate(conditions);
        Block { lets: bound, value }
    }

    /// Returns whether the values are finite and not large at the active points.
    fn is_fine(&mut self, expr: &Expr, active: &[bool]) -> bool {
        let points = self.points.iter_mut().zip(active);
        let mut values = points
            .filter(|(_, active)| **active)
            .map(|(point, _)| point.number(expr));
        values.all(|y| y.abs() <= LARGEST)
    }

    fn expr(&mut self, depth: usize, active: &[bool]) -> Expr {
        for _ in 0..12 {
            if depth == 0 || self.budget == 0 {
                break;
            }
            let before = self.budget;
            let expr = self.composed(depth - 1, active);
            if self.is_fine(&expr, active) {
                return expr;
            }
            self.budget = before.saturating_sub(1);
        }
        loop {
            let leaf = self.leaf();
            if self.is_fine(&leaf, active) {
                return leaf;
            }
        }
    }

    fn leaf(&mut self) -> Expr {
        match self.random.below(10) {
            0 => self.uniform(1),
            1..4 if !self.numbers.is_empty() => {
                Expr::Variable(self.numbers[self.random.below(self.numbers.len())])
            }
            _ => Expr::Operand(self.random.below(self.shape.0)),
        }
    }

    /// Draws a number that is the same for all elements.
    fn uniform(&mut self, depth: usize) -> Expr {
        if depth > 0 && self.random.chance(25) {
            let (a, b) = (self.uniform(depth - 1), self.uniform(depth - 1));
            let expr = match self.random.below(5) {
                0 => Expr::Binary('+', a.into(), b.into()),
                1 => Expr::Binary('-', a.into(), b.into()),
                2 => Expr::Neg(a.into()),
                3 => Expr::Unary(self.random.below(UNARY.len()), a.into()),
                _ => Expr::Binary('*', a.into(), b.into()),
            };
            // A call of the library varies for the macro, so only some functions can be parameters.
            let is_known = !contains_call(&expr);
            if is_known && self.is_fine(&expr, &[true; POINTS]) {
                return expr;
            }
        }
        match self.random.below(8) {
            0 => Expr::Constant(self.random.below(CONSTANTS.len())),
            1 if self.shape.2 > 0 => Expr::Whole(self.random.below(self.shape.2)),
            2..5 if self.shape.1 > 0 => Expr::Number(self.random.below(self.shape.1)),
            5 => Expr::Literal([0.0, 1.0, -1.0, 2.0, 0.5, -0.0][self.random.below(6)]),
            _ => Expr::Literal((self.random.within(-2.0, 2.0) * 64.0).round() / 64.0),
        }
    }

    fn composed(&mut self, depth: usize, active: &[bool]) -> Expr {
        self.budget = self.budget.saturating_sub(1);
        match self.random.below(100) {
            0..28 => {
                let op = ['+', '-', '*', '*', '/'][self.random.below(5)];
                let a = self.expr(depth, active);
                let b = self.expr(depth, active);
                Expr::Binary(op, a.into(), b.into())
            }
            28..32 => Expr::Neg(self.expr(depth, active).into()),
            32..56 => {
                let a = self.expr(depth, active);
                Expr::Unary(self.random.below(UNARY.len()), a.into())
            }
            56..66 => {
                let i = self.random.below(OTHERS.len());
                let mut arguments: Vec<Expr> = (0..OTHERS[i].varying)
                    .map(|_| self.expr(depth, active))
                    .collect();
                arguments.extend((0..OTHERS[i].uniform).map(|_| self.uniform(1)));
                Expr::Other(i, arguments)
            }
            66..71 => {
                let a = self.expr(depth, active);
                let exponent = if self.shape.2 > 0 && self.random.chance(60) {
                    Exponent::Parameter(self.random.below(self.shape.2))
                } else {
                    Exponent::Literal(self.random.below(7) as i32 - 2)
                };
                Expr::Powi(a.into(), exponent)
            }
            71..90 => {
                let condition = self.condition(depth.clamp(1, 2), active);
                let holds: Vec<bool> = self
                    .points
                    .iter_mut()
                    .map(|point| point.condition(&condition))
                    .collect();
                let both = |side: bool| -> Vec<bool> {
                    active
                        .iter()
                        .zip(&holds)
                        .map(|(a, b)| *a && *b == side)
                        .collect()
                };
                let yes = self.block(depth, &both(true), 2);
                let no = self.block(depth, &both(false), 2);
                Expr::If(condition.into(), yes.into(), no.into())
            }
            90..93 => Expr::Block(self.block(depth, active, 2).into()),
            _ => {
                let Some(callee) = self.callee() else {
                    return self.leaf();
                };
                let function = &self.functions[callee];
                let operands = (0..function.operands)
                    .map(|_| self.expr(depth, active))
                    .collect();
                let numbers = (0..function.numbers).map(|_| self.uniform(1)).collect();
                Expr::Call(callee, operands, numbers)
            }
        }
    }

    /// Returns a function that can be called: one of a single result, without integers.
    fn callee(&mut self) -> Option<usize> {
        let fits = |f: &Function| f.output == Output::Tensor && f.wholes == 0 && f.steps < CALLABLE;
        let all: Vec<usize> = (0..self.functions.len())
            .filter(|&i| fits(&self.functions[i]))
            .collect();
        (!all.is_empty()).then(|| all[self.random.below(all.len())])
    }

    fn condition(&mut self, depth: usize, active: &[bool]) -> Condition {
        match self.random.below(20) {
            0..2 if depth > 0 => Condition::And(
                self.condition(depth - 1, active).into(),
                self.condition(depth - 1, active).into(),
            ),
            2..4 if depth > 0 => Condition::Or(
                self.condition(depth - 1, active).into(),
                self.condition(depth - 1, active).into(),
            ),
            4 if depth > 0 => Condition::Not(self.condition(depth - 1, active).into()),
            5 if depth > 0 => Condition::If(
                self.condition(depth - 1, active).into(),
                self.condition(depth - 1, active).into(),
                self.condition(depth - 1, active).into(),
            ),
            6..9 if !self.conditions.is_empty() => {
                Condition::Variable(self.conditions[self.random.below(self.conditions.len())])
            }
            _ => {
                let a = self.expr(depth.max(1), active);
                let b = if self.random.chance(60) {
                    self.uniform(0)
                } else {
                    self.expr(depth, active)
                };
                // Equality is seldom.
                let count = if self.random.chance(90) {
                    4
                } else {
                    COMPARISONS.len()
                };
                Condition::Compare(self.random.below(count), a, b)
            }
        }
    }
}

/// Returns whether the macro takes a number for one that varies: if it contains a function of the
/// library that is an operation of its own.
fn contains_call(expr: &Expr) -> bool {
    const OWN: &[&str] = &[
        "abs", "neg", "square", "sqrt", "recip", "exp", "exp_m1", "ln", "ln_1p", "sin", "cos",
        "tanh", "sigmoid", "floor", "round", "ceil", "trunc", "sign",
    ];
    match expr {
        Expr::Neg(a) => contains_call(a),
        Expr::Binary(_, a, b) => contains_call(a) || contains_call(b),
        Expr::Unary(i, a) => !OWN.contains(&UNARY[*i].name) || contains_call(a),
        _ => false,
    }
}

/// Returns whether a function without integers has a clear slope along its first operand at half of
/// some points.
pub fn is_sloped(function: &Function, functions: &[Function], random: &mut Random) -> bool {
    let mut slopes = 0;
    for _ in 0..POINTS {
        let operands: Vec<f64> = (0..function.operands)
            .map(|_| random.within(-2.0, 2.0))
            .collect();
        let numbers: Vec<f64> = (0..function.numbers)
            .map(|_| random.within(0.5, 2.0))
            .collect();
        let [above, below] = [1e-4, -1e-4].map(|step| {
            let mut operands = operands.clone();
            operands[0] += step;
            let numbers = numbers.clone();
            let mut point = Point {
                functions,
                operands,
                numbers,
                wholes: vec![],
                variables: vec![],
                steps: 0,
            };
            point.block(&function.body)
        });
        let slope = ((above - below) / 2e-4).abs();
        slopes += usize::from((0.01..100.0).contains(&slope));
    }
    2 * slopes > POINTS
}
