//! Draws formulas. Each expression is evaluated at the points of its function while it is drawn, so
//! that a function of the library gets arguments from its domain where its value is used.

use crate::plain::{Trace, UNARY};
use crate::rng::Rng;
use crate::tree::{
    Block, Bound, Condition, Evaluation, Exponent, Function, Number, Parameter, Reduction, Scope,
    Value,
};

/// The points of a function.
const POINTS: usize = 24;
/// The largest size of a value that is used.
const LIMIT: f64 = 30.0;
/// The smallest number of points on each side of an `if`.
const SIDE: usize = 2;

/// Constants in the scope of the formulas.
const CONSTANTS: &[(&str, f64)] = &[
    ("HALF", 0.5),
    ("super::SLOPE", 0.3),
    ("std::f64::consts::PI", std::f64::consts::PI),
];

/// The largest and smallest arguments of functions whose values, or derivatives, are large or
/// undefined elsewhere.
const DOMAINS: &[(&str, f64, f64)] = &[
    ("sqrt", 0.1, 100.0),
    ("rsqrt", 0.2, 100.0),
    ("recip", 0.25, 100.0),
    ("exp", -20.0, 2.5),
    ("exp_m1", -20.0, 2.5),
    ("ln", 0.15, 100.0),
    ("ln_1p", -0.85, 100.0),
    ("log2", 0.15, 100.0),
    ("log10", 0.15, 100.0),
    ("logit", 0.1, 0.9),
    ("erfinv", -0.9, 0.9),
    ("tan", -1.2, 1.2),
    ("asin", -0.9, 0.9),
    ("acos", -0.9, 0.9),
    ("sinh", -3.0, 3.0),
    ("cosh", -3.0, 3.0),
    ("acosh", 1.2, 100.0),
    ("atanh", -0.9, 0.9),
    ("square", -5.0, 5.0),
];

/// Functions of one number that are infinite or NaN below or above a limit: the limit, whether the
/// side above is the good one, and a factor of the argument.
const SINGULAR: &[(&str, f64, bool, f64)] = &[
    ("ln", 0.2, true, 1.0),
    ("sqrt", 0.1, true, 1.0),
    ("rsqrt", 0.3, true, 1.0),
    ("log2", 0.2, true, 1.0),
    ("ln_1p", -0.7, true, 1.0),
    ("acosh", 1.3, true, 1.0),
    ("asin", 0.8, false, 1.0),
    ("atanh", 0.8, false, 1.0),
    ("erfinv", 0.8, false, 1.0),
    ("logit", 0.2, true, 1.0),
    ("exp", 0.0, false, 1000.0),
    ("sinh", 0.01, false, 1000.0),
    ("cosh", 0.01, false, 1000.0),
];

/// A number and its values at the points.
#[derive(Clone)]
struct Drawn {
    number: Number,
    values: Vec<f64>,
}

/// A name in scope.
#[derive(Clone)]
struct Named {
    name: String,
    values: Vec<Value>,
    /// Whether it is the same at all points.
    is_uniform: bool,
}

pub struct Draw<'a> {
    pub rng: &'a mut Rng,
    pub functions: &'a [Function],
    names: Vec<Named>,
    count: usize,
    calls: usize,
}

impl<'a> Draw<'a> {
    /// Draws a function.
    pub fn function(rng: &'a mut Rng, functions: &'a [Function]) -> Function {
        let index = functions.len();
        let operands = [1, 1, 2, 2, 2, 3, 3, 4][rng.below(8)];
        let mut points = Vec::new();
        for _ in 0..POINTS {
            let mut point: Vec<f64> = Vec::new();
            for _ in 0..operands {
                let chance = rng.between(0.0, 1.0);
                point.push(match point.last() {
                    _ if chance < 0.06 => 0.0,
                    Some(&last) if chance < 0.1 => last,
                    _ => (rng.between(-2.0, 2.0) * 1000.0).round() / 1000.0,
                });
            }
            points.push(point);
        }
        let mut parameters: Vec<(String, Parameter)> = ["a", "b", "c", "d"][..operands]
            .iter()
            .map(|name| ((*name).to_owned(), Parameter::Operand))
            .collect();
        for name in &["p", "q"][..rng.below(3)] {
            let value = rng.short(0.2, 1.5);
            parameters.push(((*name).to_owned(), Parameter::Number(value)));
        }
        if rng.chance(0.2) {
            let value = rng.below(4) as i32;
            parameters.push(("n".to_owned(), Parameter::Integer(value)));
        }
        let mut names = Vec::new();
        for (k, (name, parameter)) in parameters.iter().enumerate() {
            let values = (0..POINTS).map(|i| match parameter {
                Parameter::Operand => Value::Number(points[i][k]),
                Parameter::Number(value) => Value::Number(*value),
                Parameter::Integer(value) => Value::Integer(*value),
            });
            names.push(Named {
                name: name.clone(),
                values: values.collect(),
                is_uniform: !matches!(parameter, Parameter::Operand),
            });
        }
        let reduction = match rng.below(10) {
            0 => Reduction::Sum,
            1 => Reduction::Mean,
            _ => Reduction::Tensor,
        };
        let mut draw = Draw {
            rng,
            functions,
            names,
            count: 0,
            calls: 0,
        };
        let depth = 1 + draw.rng.below(3);
        let all = vec![true; POINTS];
        let mut block = draw.block(depth, &all);
        // Each operand is used, or the macro refuses the function.
        for (name, _) in parameters.iter().take(operands) {
            let sine = draw.unary("sin", Number::Name(name.clone()));
            block.value = binary("+", block.value, binary("*", sine, Number::Literal(0.25)));
        }
        let weight = 1 + draw.calls;
        Function {
            name: format!("drawn{index}"),
            parameters,
            reduction,
            body: block,
            points,
            weight,
        }
    }

    fn unary(&self, name: &str, x: Number) -> Number {
        let index = UNARY.iter().position(|(other, _)| *other == name);
        Number::Unary(index.expect("a function of one number"), Box::new(x))
    }

    fn scope(&self, point: usize) -> Scope {
        let values = self
            .names
            .iter()
            .map(|named| (named.name.clone(), named.values[point]));
        values.collect()
    }

    fn drawn(&self, number: Number) -> Drawn {
        let trace = Trace::default();
        let evaluation = Evaluation {
            trace: &trace,
            functions: self.functions,
        };
        let values = (0..POINTS).map(|i| evaluation.number(&number, &mut self.scope(i)));
        let values = values.collect();
        Drawn { number, values }
    }

    fn truths(&self, condition: &Condition) -> Vec<bool> {
        let trace = Trace::default();
        let evaluation = Evaluation {
            trace: &trace,
            functions: self.functions,
        };
        (0..POINTS)
            .map(|i| evaluation.condition(condition, &mut self.scope(i)))
            .collect()
    }

    /// Draws a block: some `let`s and a value that is finite where `active`.
    fn block(&mut self, depth: usize, active: &[bool]) -> Block {
        let outer = self.names.len();
        let mut lets = Vec::new();
        let count = if depth == 0 {
            0
        } else {
            self.rng.below(depth + 1)
        };
        for _ in 0..count {
            match self.rng.below(6) {
                0 => {
                    if let Some((condition, _)) = self.condition(depth - 1, active) {
                        self.bind(&mut lets, Bound::Condition(condition));
                    }
                }
                1..=3 => {
                    let value = self.branch_with_singular_side(depth - 1, active, &mut lets);
                    if let Some(value) = value {
                        self.bind(&mut lets, Bound::Number(value));
                    }
                }
                _ => {
                    let value = self.number(depth - 1, active);
                    self.bind_again(&mut lets, Bound::Number(value.number));
                }
            }
        }
        let value = self.number(depth, active).number;
        self.names.truncate(outer);
        Block { lets, value }
    }

    /// Binds a new name.
    fn bind(&mut self, lets: &mut Vec<(String, Bound)>, bound: Bound) -> String {
        self.count += 1;
        let name = format!("v{}", self.count);
        self.bind_as(name, lets, bound)
    }

    /// Binds a new name, or one again that this block has bound before.
    fn bind_again(&mut self, lets: &mut Vec<(String, Bound)>, bound: Bound) -> String {
        if lets.is_empty() || !self.rng.chance(0.2) {
            return self.bind(lets, bound);
        }
        let name = self.rng.pick(lets).0.clone();
        self.bind_as(name, lets, bound)
    }

    fn bind_as(&mut self, name: String, lets: &mut Vec<(String, Bound)>, bound: Bound) -> String {
        let values = match &bound {
            Bound::Number(number) => {
                let drawn = self.drawn(number.clone());
                drawn.values.into_iter().map(Value::Number).collect()
            }
            Bound::Condition(condition) => self
                .truths(condition)
                .into_iter()
                .map(Value::Condition)
                .collect(),
        };
        self.names.push(Named {
            name: name.clone(),
            values,
            is_uniform: false,
        });
        lets.push((name.clone(), bound));
        name
    }

    /// Draws a variable that is infinite or NaN at some points, and an `if` that selects it at the
    /// others.
    fn branch_with_singular_side(
        &mut self,
        depth: usize,
        active: &[bool],
        lets: &mut Vec<(String, Bound)>,
    ) -> Option<Number> {
        let argument = self.number(depth, active);
        let &(name, limit, above, factor) = self.rng.pick(SINGULAR);
        let argument = match argument.number {
            Number::Name(_) => argument.number,
            number => Number::Name(self.bind(lets, Bound::Number(number))),
        };
        let scaled = match factor {
            1.0 => argument.clone(),
            _ => binary("*", argument.clone(), Number::Literal(factor)),
        };
        let singular = self.unary(name, scaled);
        let singular = self.bind(lets, Bound::Number(singular));
        let mut condition = match (name, above) {
            ("sinh" | "cosh", _) => Condition::Compare(
                "<",
                self.unary("abs", argument.clone()),
                Number::Literal(limit),
            ),
            ("logit", _) => Condition::And(
                Box::new(Condition::Compare(
                    ">",
                    argument.clone(),
                    Number::Literal(0.1),
                )),
                Box::new(Condition::Compare(
                    "<",
                    argument.clone(),
                    Number::Literal(0.9),
                )),
            ),
            ("exp", _) => Condition::Compare("<=", argument.clone(), Number::Literal(limit)),
            (_, true) => Condition::Compare(">=", argument.clone(), Number::Literal(limit)),
            (_, false) => Condition::And(
                Box::new(Condition::Compare(
                    "<",
                    argument.clone(),
                    Number::Literal(limit),
                )),
                Box::new(Condition::Compare(
                    ">",
                    argument.clone(),
                    Number::Literal(-limit),
                )),
            ),
        };
        if self.rng.chance(0.3) {
            let name = self.bind(lets, Bound::Condition(condition));
            condition = Condition::Name(name);
        }
        let truths = self.truths(&condition);
        // Beyond the limit it may be finite with an infinite slope, such as the root at 0.
        let bound = self.names.iter_mut().filter(|named| named.name == singular);
        for named in bound {
            for (value, _) in named
                .values
                .iter_mut()
                .zip(&truths)
                .filter(|(_, good)| !**good)
            {
                *value = Value::Number(f64::NAN);
            }
        }
        let [yes, no] = [true, false].map(|side| both(active, &truths, side));
        if count(&yes) < 1 {
            return None;
        }
        let mut good = self.block(depth, &yes);
        let singular = Number::Name(singular);
        good.value = match self.rng.below(4) {
            0 => binary("+", good.value, singular),
            1 => binary("*", good.value, singular),
            2 => binary("-", singular, good.value),
            _ => binary("+", good.value, self.unary("tanh", singular)),
        };
        let other = self.block(depth, &no);
        let (good, other) = (Box::new(good), Box::new(other));
        let chosen = if self.rng.chance(0.25) {
            Number::If(Box::new(Condition::Not(Box::new(condition))), other, good)
        } else {
            Number::If(Box::new(condition), good, other)
        };
        let drawn = self.drawn(chosen);
        Some(self.limited(drawn, active).number)
    }

    /// Draws a condition that both holds and fails at some active points, and returns where it
    /// holds.
    fn condition(&mut self, depth: usize, active: &[bool]) -> Option<(Condition, Vec<bool>)> {
        for _ in 0..4 {
            let condition = self.any_condition(depth, active);
            let truths = self.truths(&condition);
            let sides = [true, false].map(|side| count(&both(active, &truths, side)));
            if sides.iter().all(|&count| count >= SIDE) {
                return Some((condition, truths));
            }
        }
        None
    }

    fn any_condition(&mut self, depth: usize, active: &[bool]) -> Condition {
        let known: Vec<String> = self
            .visible()
            .into_iter()
            .filter(|named| matches!(named.values[0], Value::Condition(_)))
            .map(|named| named.name.clone())
            .collect();
        if !known.is_empty() && self.rng.chance(0.35) {
            return Condition::Name(self.rng.pick(&known).clone());
        }
        let inner = depth.saturating_sub(1);
        match self.rng.below(10) {
            0 if depth > 0 => {
                let sides = [(); 2].map(|()| Box::new(self.any_condition(inner, active)));
                let [a, b] = sides;
                Condition::And(a, b)
            }
            1 if depth > 0 => {
                let sides = [(); 2].map(|()| Box::new(self.any_condition(inner, active)));
                let [a, b] = sides;
                Condition::Or(a, b)
            }
            2 => Condition::Not(Box::new(self.any_condition(inner, active))),
            3 => {
                let (a, b) = (self.leaf(active), self.leaf(active));
                Condition::Compare(*self.rng.pick(&["==", "!="]), a.number, b.number)
            }
            k => {
                let a = self.number(inner.min(1), active);
                let op = *self.rng.pick(&["<", "<=", ">", ">="]);
                let b = if k < 6 {
                    self.leaf(active).number
                } else {
                    // The middle of the values.
                    let mut values: Vec<f64> = active_values(&a.values, active);
                    values.sort_by(f64::total_cmp);
                    let middle = values.get(values.len() / 2).copied().unwrap_or(0.0);
                    Number::Literal((middle * 100.0).round() / 100.0)
                };
                Condition::Compare(op, a.number, b)
            }
        }
    }

    /// Returns the names that no later name hides.
    fn visible(&self) -> Vec<&Named> {
        let hidden = |i: usize| {
            let later = &self.names[i + 1..];
            later.iter().any(|other| other.name == self.names[i].name)
        };
        (0..self.names.len())
            .filter(|&i| !hidden(i))
            .map(|i| &self.names[i])
            .collect()
    }

    fn leaf(&mut self, active: &[bool]) -> Drawn {
        let mut choices: Vec<Number> = Vec::new();
        for named in self.visible() {
            let numbers = named.values.iter().map(|value| match value {
                Value::Number(value) => Some(*value),
                Value::Integer(_) | Value::Condition(_) => None,
            });
            let Some(values) = numbers.collect::<Option<Vec<f64>>>() else {
                if let Value::Integer(_) = named.values[0] {
                    choices.push(Number::Whole(named.name.clone()));
                }
                continue;
            };
            if !is_fine(&values, active) {
                continue;
            }
            let is_partial = !is_fine(&values, &vec![true; POINTS]);
            let copies = match (is_partial, named.is_uniform) {
                (true, _) => 6,
                (false, true) => 1,
                (false, false) => 3,
            };
            choices.extend((0..copies).map(|_| Number::Name(named.name.clone())));
        }
        let number = if choices.is_empty() || self.rng.chance(0.15) {
            if self.rng.chance(0.3) {
                let &(path, value) = self.rng.pick(CONSTANTS);
                Number::Constant(path, value)
            } else {
                Number::Literal(self.rng.short(-2.0, 2.0))
            }
        } else {
            self.rng.pick(&choices).clone()
        };
        self.drawn(number)
    }

    /// Returns a parameter or a literal, which is positive.
    fn positive_uniform(&mut self) -> Number {
        let parameters = self.visible().into_iter().filter(|named| {
            let positive = matches!(named.values[0], Value::Number(value) if value > 0.0);
            named.is_uniform && positive
        });
        let names: Vec<String> = parameters.map(|named| named.name.clone()).collect();
        if !names.is_empty() && self.rng.chance(0.6) {
            Number::Name(self.rng.pick(&names).clone())
        } else {
            Number::Literal(self.rng.short(0.2, 1.5))
        }
    }

    /// Draws a number that is finite and not large where `active`.
    fn number(&mut self, depth: usize, active: &[bool]) -> Drawn {
        if depth == 0 || self.rng.chance(0.1) {
            return self.leaf(active);
        }
        let drawn = self.any_number(depth - 1, active);
        self.limited(drawn, active)
    }

    /// Makes the values small where they are large, or draws another number where they are not
    /// finite.
    fn limited(&mut self, drawn: Drawn, active: &[bool]) -> Drawn {
        if is_fine(&drawn.values, active) {
            return drawn;
        }
        if active_values(&drawn.values, active)
            .iter()
            .all(|x| x.abs() < 1e3)
        {
            let small = binary("*", self.unary("tanh", drawn.number), Number::Literal(2.0));
            let small = self.drawn(small);
            if is_fine(&small.values, active) {
                return small;
            }
        }
        self.leaf(active)
    }

    fn any_number(&mut self, depth: usize, active: &[bool]) -> Drawn {
        let number = match self.rng.below(20) {
            0..=6 => {
                let x = self.number(depth, active);
                let (name, _) = UNARY[self.rng.below(UNARY.len())];
                return self.applied(name, x, depth, active);
            }
            7..=10 => {
                let (a, b) = (self.number(depth, active), self.number(depth, active));
                let op = *self.rng.pick(&["+", "-", "*"]);
                binary(op, a.number, b.number)
            }
            11 => {
                let (a, b) = (self.number(depth, active), self.number(depth, active));
                let b = self.away_from_zero(b, active);
                binary("/", a.number, b.number)
            }
            12 => {
                let (a, b) = (self.number(depth, active), self.number(depth, active));
                let op = *self.rng.pick(&["max", "min", "maximum", "minimum"]);
                binary(op, a.number, b.number)
            }
            13 => {
                let (a, b) = (self.number(depth, active), self.number(depth, active));
                let a = self.within(a, 0.3, 5.0, active);
                let b = if self.rng.chance(0.5) {
                    Number::Literal(self.rng.short(-2.0, 2.5))
                } else {
                    self.within(b, -2.0, 2.5, active).number
                };
                binary(*self.rng.pick(&["pow", "powf"]), a.number, b)
            }
            14 => {
                let x = self.number(depth, active);
                let whole: Vec<String> = self
                    .visible()
                    .into_iter()
                    .filter(|named| matches!(named.values[0], Value::Integer(_)))
                    .map(|named| named.name.clone())
                    .collect();
                let x = self.within(x, -2.5, 2.5, active);
                if !whole.is_empty() && self.rng.chance(0.7) {
                    Number::Powi(Box::new(x.number), Exponent::Name(whole[0].clone()))
                } else {
                    let exponent = self.rng.below(8) as i32 - 3;
                    let x = if exponent < 0 {
                        self.away_from_zero(x, active)
                    } else {
                        x
                    };
                    Number::Powi(Box::new(x.number), Exponent::Literal(exponent))
                }
            }
            15 => match self.rng.below(6) {
                0 => {
                    let (a, b) = (self.number(depth, active), self.number(depth, active));
                    let b = self.away_from_zero(b, active);
                    binary("atan2", a.number, b.number)
                }
                1 => {
                    let x = self.number(depth, active).number;
                    let low = Number::Literal(self.rng.short(-1.5, -0.2));
                    let high = self.positive_uniform();
                    Number::Library("clamp", vec![x, low, high])
                }
                2 => {
                    let three = [(); 3].map(|()| self.number(depth, active).number);
                    Number::Library("mul_add", three.into())
                }
                k => {
                    let x = self.number(depth, active);
                    let name = ["leaky_relu", "elu", "celu"][k - 3];
                    let number = self.positive_uniform();
                    Number::Library(name, vec![x.number, number])
                }
            },
            16 | 17 => {
                let Some((condition, truths)) = self.condition(depth, active) else {
                    return self.number(depth, active);
                };
                let [yes, no] = [true, false].map(|side| both(active, &truths, side));
                let yes = Box::new(self.block(depth, &yes));
                let no = Box::new(self.block(depth, &no));
                Number::If(Box::new(condition), yes, no)
            }
            18 => match self.call(depth, active) {
                Some(number) => number,
                None => return self.number(depth, active),
            },
            _ => {
                let x = self.number(depth, active);
                self.unary("neg", x.number)
            }
        };
        self.drawn(number)
    }

    /// Applies a function to a number, which is moved into the domain, or under an `if`.
    fn applied(&mut self, name: &str, x: Drawn, depth: usize, active: &[bool]) -> Drawn {
        let domain = DOMAINS.iter().find(|(other, ..)| *other == name);
        let &(_, low, high) = domain.unwrap_or(&("", -LIMIT, LIMIT));
        let values = active_values(&x.values, active);
        let inside = values.iter().all(|value| (low..=high).contains(value));
        if inside {
            let applied = self.unary(name, x.number);
            return self.drawn(applied);
        }
        if self.rng.chance(0.5) {
            let truths: Vec<bool> = x.values.iter().map(|x| (low..=high).contains(x)).collect();
            let [yes, no] = [true, false].map(|side| both(active, &truths, side));
            if count(&yes) >= SIDE {
                let number = |value| Number::Literal(value);
                let compare =
                    |op, limit| Box::new(Condition::Compare(op, x.number.clone(), number(limit)));
                let above = compare(">=", low);
                let condition = if values.iter().all(|&value| value <= high) {
                    *above
                } else {
                    Condition::And(above, compare("<=", high))
                };
                let good = Block {
                    lets: vec![],
                    value: self.unary(name, x.number.clone()),
                };
                let other = self.block(depth, &no);
                let chosen = Number::If(Box::new(condition), Box::new(good), Box::new(other));
                return self.drawn(chosen);
            }
        }
        let x = self.within(x, low, high, active);
        let applied = self.unary(name, x.number);
        self.drawn(applied)
    }

    /// Moves values into an interval.
    fn within(&mut self, x: Drawn, low: f64, high: f64, active: &[bool]) -> Drawn {
        let inside = |x: &Drawn| {
            let values = active_values(&x.values, active);
            values.iter().all(|value| (low..=high).contains(value))
        };
        if inside(&x) {
            return x;
        }
        if high > 50.0 {
            let size = match self.rng.below(3) {
                0 => self.unary("abs", x.number.clone()),
                1 => self.unary("softplus", x.number.clone()),
                _ => self.unary("square", x.number.clone()),
            };
            let moved = self.drawn(binary("+", size, Number::Literal(low.max(0.0) + 0.25)));
            if inside(&moved) {
                return moved;
            }
        }
        let (high, low) = (high.min(8.0), low.max(-8.0));
        let bounded = self.unary(self.rng.pick_name(), x.number);
        let half = (high - low) / 2.0;
        let scaled = binary("*", bounded, Number::Literal(half * 0.9));
        self.drawn(binary(
            "+",
            scaled,
            Number::Literal(f64::midpoint(low, high)),
        ))
    }

    fn away_from_zero(&mut self, x: Drawn, active: &[bool]) -> Drawn {
        let values = active_values(&x.values, active);
        if values.iter().all(|value| value.abs() > 0.3) {
            return x;
        }
        let x = self.within(x, 0.3, 100.0, active);
        if self.rng.chance(0.3) {
            let negative = self.unary("neg", x.number);
            return self.drawn(negative);
        }
        x
    }

    fn call(&mut self, depth: usize, active: &[bool]) -> Option<Number> {
        let fits = |function: &&Function| {
            let is_whole =
                |(_, parameter): &(String, Parameter)| matches!(parameter, Parameter::Integer(_));
            function.reduction == Reduction::Tensor
                && function.weight <= 2
                && !function.parameters.iter().any(is_whole)
        };
        let fitting: Vec<usize> = (0..self.functions.len())
            .filter(|&k| fits(&&self.functions[k]))
            .collect();
        if fitting.is_empty() || self.calls >= 2 {
            return None;
        }
        for _ in 0..3 {
            let callee = *self.rng.pick(&fitting);
            let mut arguments = Vec::new();
            for (_, parameter) in &self.functions[callee].parameters {
                arguments.push(match parameter {
                    Parameter::Operand => {
                        let x = self.number(depth.min(1), active);
                        self.within(x, -2.0, 2.0, active).number
                    }
                    _ => self.positive_uniform(),
                });
            }
            let call = self.drawn(Number::Call(callee, arguments));
            if is_fine(&call.values, active) {
                self.calls += self.functions[callee].weight;
                return Some(call.number);
            }
        }
        None
    }
}

impl Rng {
    /// Returns the name of a function with values in [-1, 1].
    fn pick_name(&self) -> &'static str {
        ["tanh", "sin", "erf", "cos"][(self.0 >> 7) as usize % 4]
    }
}

pub fn binary(op: &'static str, a: Number, b: Number) -> Number {
    Number::Binary(op, Box::new(a), Box::new(b))
}

fn both(active: &[bool], truths: &[bool], side: bool) -> Vec<bool> {
    active
        .iter()
        .zip(truths)
        .map(|(active, truth)| *active && *truth == side)
        .collect()
}

fn count(active: &[bool]) -> usize {
    active.iter().filter(|active| **active).count()
}

fn active_values(values: &[f64], active: &[bool]) -> Vec<f64> {
    let pairs = values.iter().zip(active);
    pairs
        .filter(|(_, active)| **active)
        .map(|(value, _)| *value)
        .collect()
}

fn is_fine(values: &[f64], active: &[bool]) -> bool {
    active_values(values, active)
        .iter()
        .all(|x| x.abs() <= LIMIT)
}
