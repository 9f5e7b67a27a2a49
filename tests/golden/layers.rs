//! Compares layers over training steps and predictions: outputs, gradients, running statistics and
//! the parameters after gradient descent. The layers are in `golden/table`.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::module::{LeafRef, Walk};
use cotangent::prelude::*;
use std::collections::BTreeSet;

/// A golden case and a function that builds its layer from the case's name. Several layers may be
/// compared with one case.
pub type Row = (&'static str, fn(&str) -> Result<Box<dyn Subject>>);

/// A module with a way to call it: some take several inputs or indices.
pub trait Subject {
    fn module(&self) -> &dyn Module;
    fn module_mut(&mut self) -> &mut dyn Module;
    fn call(&self, given: &Given, pass: &Pass) -> Result<Tensor>;
}

/// The inputs of a layer; most layers take one tensor.
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

/// Creates a subject from a module and a function that calls it.
pub fn called<M: Module + 'static>(
    built: Result<M>,
    call: fn(&M, &Given, &Pass) -> Result<Tensor>,
) -> Result<Box<dyn Subject>> {
    Ok(Box::new(Called(built?, call)))
}

/// Creates a subject from a layer.
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
        failures.add(case, "this case is missing in the table or in the file");
    }
    failures.unread(&file);
    failures.report();
}

/// A run of a layer on one case, in one dtype.
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
        // The means of values of about 1e4 have fewer digits.
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
        // Each variance is compared relative to its own size. For values of 10,000 ± 1 in `f32` the
        // tolerance is a thousandth: a variance computed as E x² - (E x)² would have no digit.
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

    /// Compares `found` with the tensor of this name in the file; both may be absent.
    fn compare(&self, step: &str, role: &str, found: Option<&Tensor>, failures: &mut Failures) {
        let place = self.place(step, role);
        let expected = self.file.get(&format!("{}/{step}/{role}", self.case));
        match (expected, found) {
            (Some(expected), Some(found)) => {
                failures.compare(place, &expected, found, self.bound(role));
            }
            (None, None) => {}
            (expected, _) if expected.is_some() => failures.add(place, "expected, but missing"),
            _ => failures.add(place, "not in the golden file"),
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
                descent.step(subject.module_mut(), gradients)?;
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

    /// Sets the leaves to the initial values of the file.
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

    /// Runs one call and compares the output, all gradients and the state after it.
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
            // Keras has no counter of batches.
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
