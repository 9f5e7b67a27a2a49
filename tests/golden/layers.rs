//! Layers through training steps and predictions: outputs, gradients, running statistics, and the
//! parameters that gradient descent leads to. The layers are in `golden/table`.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::module::{LeafRef, Walk};
use cotangent::prelude::*;
use std::collections::BTreeSet;

/// A case, and what makes the layer that it is of from its name. More than one layer may be held
/// against the same case.
pub type Row = (&'static str, fn(&str) -> Result<Box<dyn Subject>>);

/// A layer, however it is called.
pub trait Subject {
    fn module(&self) -> &dyn Module;
    fn module_mut(&mut self) -> &mut dyn Module;
    fn call(&self, given: &Given, pass: &Pass) -> Result<Tensor>;
}

/// What a layer is given: one tensor, with most.
pub struct Given {
    pub inputs: Vec<Tensor>,
    pub indices: Option<Indices>,
}

struct Called<M>(M, fn(&M, &Given, &Pass) -> Result<Tensor>);

impl<M: Module> Subject for Called<M> {
    fn module(&self) -> &dyn Module {
        &self.0
    }
    fn module_mut(&mut self) -> &mut dyn Module {
        &mut self.0
    }
    fn call(&self, given: &Given, pass: &Pass) -> Result<Tensor> {
        (self.1)(&self.0, given, pass)
    }
}

/// A module that is called in its own way.
pub fn called<M: Module + 'static>(
    built: Result<M>,
    call: fn(&M, &Given, &Pass) -> Result<Tensor>,
) -> Result<Box<dyn Subject>> {
    Ok(Box::new(Called(built?, call)))
}

/// A layer as such.
pub fn layer<L: Layer + 'static>(built: Result<L>) -> Result<Box<dyn Subject>> {
    called(built, |layer, given, pass| {
        layer.forward(&given.inputs[0], pass)
    })
}

pub fn check(name: &'static str, rows: &[Row]) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for (case, build) in rows {
        for dtype in [DType::F64, DType::F32] {
            let run = Run {
                file: &file,
                case,
                dtype,
            };
            if let Err(error) = build(case).and_then(|subject| run.all(subject, &mut failures)) {
                failures.add(run.place("", ""), error);
            }
        }
    }
    let run: BTreeSet<_> = rows.iter().map(|(case, _)| *case).collect();
    for case in file.operations().symmetric_difference(&run) {
        failures.add(case, "is not both in the table and in the file");
    }
    failures.unread(&file);
    failures.report();
}

/// A layer of one case in one precision.
struct Run<'a> {
    file: &'a File,
    case: &'a str,
    dtype: DType,
}

impl Run<'_> {
    fn place(&self, step: &str, role: &str) -> String {
        let (file, case, dtype) = (self.file.name, self.case, self.dtype);
        format!("{file} {case}/{step}/{role} {dtype}")
    }

    fn get(&self, step: &str, role: &str) -> Option<Tensor> {
        let tensor = self.file.get(&format!("{}/{step}/{role}", self.case));
        tensor.map(|tensor| tensor.to_dtype(self.dtype))
    }

    fn indices(&self, step: &str, role: &str) -> Option<Indices> {
        self.file.indices(&format!("{}/{step}/{role}", self.case))
    }

    fn bound(&self, role: &str) -> Bound {
        // With values of 1e4 a mean is known to the digits that the type has left.
        let (f64, f32) = if self.case.ends_with("offset") {
            (1e-11, 2e-3)
        } else {
            (1e-12, 1e-5)
        };
        let bound = Bound {
            f64,
            f32,
            floor: 1.0,
            of_tensor: true,
        };
        // Each variance to its own size, at 10,000 ± 1 to a thousandth of it: computed as
        // E x² - (E x)², it would have no digit there in f32.
        if role == "running_var" {
            let f32 = f32.min(1e-3);
            return Bound {
                f32,
                floor: 0.0,
                of_tensor: false,
                ..bound
            };
        }
        bound
    }

    /// Holds `found` against what the file has under this name, and the absence of the one against
    /// that of the other.
    fn compare(&self, step: &str, role: &str, found: Option<&Tensor>, failures: &mut Failures) {
        let place = self.place(step, role);
        let expected = self.file.get(&format!("{}/{step}/{role}", self.case));
        match (expected, found) {
            (Some(expected), Some(found)) => {
                failures.compare(place, &expected, found, self.bound(role));
            }
            (None, None) => {}
            (expected, _) if expected.is_some() => failures.add(place, "there is none"),
            _ => failures.add(place, "there should be none"),
        }
    }

    fn all(&self, mut subject: Box<dyn Subject>, failures: &mut Failures) -> Result<()> {
        let module = subject.module_mut();
        module.convert(self.dtype);
        self.start(module)?;
        let rate = self.get("start", "learning_rate");
        let descent = rate.map(|rate| Sgd::new(rate.item()?).build());
        let mut descent = descent.transpose()?;
        let cases = self.file.cases(self.case);
        for step in cases.into_iter().filter(|step| *step != "start") {
            let trains = !step.starts_with("predict");
            let pass = if trains {
                Pass::train(0)
            } else {
                Pass::inference().record()
            };
            let gradients = self.step(&*subject, step, &pass, failures)?;
            if let Some(descent) = descent.as_mut().filter(|_| trains) {
                descent.step(subject.module_mut(), &gradients)?;
                for (path, param) in subject.module().named_params() {
                    self.compare(
                        step,
                        &format!("after.{path}"),
                        Some(param.value()),
                        failures,
                    );
                }
            }
        }
        Ok(())
    }

    /// Gives the leaves the values that the file starts with.
    fn start(&self, module: &mut dyn Module) -> Result<()> {
        for (path, param) in module.named_params_mut() {
            if let Some(value) = self.get("start", &path) {
                param.set(&value)?;
            }
        }
        for (path, buffer) in module.named_buffers() {
            if let Some(value) = self.get("start", &path) {
                buffer.set(&value)?;
            }
        }
        Ok(())
    }

    /// One call: the output, all gradients, and the state that it leaves behind.
    fn step(
        &self,
        subject: &dyn Subject,
        step: &str,
        pass: &Pass,
        failures: &mut Failures,
    ) -> Result<Gradients> {
        let inputs = self.file.numbered(&format!("{}/{step}/input", self.case));
        let inputs = inputs.iter().map(|x| x.to_dtype(self.dtype).tracked());
        let given = Given {
            inputs: inputs.collect(),
            indices: self.indices(step, "indices"),
        };
        let y = subject.call(&given, pass)?;
        self.compare(step, "output", Some(&y), failures);
        let cotangent = self
            .get(step, "cotangent")
            .ok_or_else(|| Error::argument("golden", format!("{step} has no cotangent")))?;
        let gradients = y.backward_with(&cotangent)?;
        for (i, x) in given.inputs.iter().enumerate() {
            let zeros = Tensor::zeros(x.shape(), self.dtype)?;
            let found = gradients.get(x).unwrap_or(&zeros);
            self.compare(step, &format!("grad.input.{i}"), Some(found), failures);
        }
        Walk::over(subject.module(), |path, leaf| match leaf {
            LeafRef::Param(param) => {
                self.compare(
                    step,
                    &format!("grad.{path}"),
                    gradients.get(param),
                    failures,
                );
            }
            LeafRef::Buffer(buffer) => self.compare(step, path, Some(&buffer.value()), failures),
            // Keras does not count.
            LeafRef::Counter(counter) => {
                let found = counter.get();
                let expected = self.indices(step, path);
                let expected = expected.map_or(found, |count| count.as_slice()[0] as u64);
                if expected != found {
                    let what = format!("expected {expected}, found {found}");
                    failures.add(self.place(step, path), what);
                }
            }
            _ => {}
        });
        Ok(gradients)
    }
}
