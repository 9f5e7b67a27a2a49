//! Pickles of tensors, read without running anything: of all classes and functions that a pickle
//! can name, only those of dictionaries, tensors and storages have a meaning here.

use safetensors::tensor::Dtype;
use std::collections::HashMap;

/// A value of a pickle, by its place in [`Pickle::objects`].
type Id = usize;

/// A value of a pickle.
pub(super) enum Object<'b> {
    Number(i64),
    Text(&'b str),
    /// A class or a function, by its module and its name.
    Global(&'b str, &'b str),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Storage(Storage<'b>),
    Tensor(Tensor<'b>),
    /// An object of a class that has no meaning here, if the class is known.
    Other(Option<(&'b str, &'b str)>),
}

/// Numbers of one type, in a file of the archive.
#[derive(Clone)]
pub(super) struct Storage<'b> {
    pub dtype: Dtype,
    pub file: &'b str,
}

/// A view of a storage. Offset and strides count elements.
#[derive(Clone)]
pub(super) struct Tensor<'b> {
    pub storage: Storage<'b>,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A pickle that has been read.
pub(super) struct Pickle<'b> {
    pub objects: Vec<Object<'b>>,
    /// The value that was pickled.
    pub root: Id,
}

/// Reads a pickle. Its values take memory in proportion to its length.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle<'_>, String> {
    let mut machine = Machine {
        rest: bytes,
        objects: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        memoized: 0,
    };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok(Pickle {
        objects: machine.objects,
        root,
    })
}

/// The stack machine for which a pickle is a program.
struct Machine<'b> {
    rest: &'b [u8],
    objects: Vec<Object<'b>>,
    stack: Vec<Id>,
    /// The heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    /// The number of values that `MEMOIZE` has stored.
    memoized: usize,
}

impl<'b> Machine<'b> {
    /// Runs one instruction, and returns whether another one follows.
    fn step(&mut self) -> Result<bool, String> {
        match self.byte()? {
            b'.' => return Ok(false),
            // The version of the format, and the length of a part of it.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            // Items of lists and sets, attributes of objects, and values that are popped.
            b'0' | b'a' | b'b' => drop(self.pop()?),
            b'1' | b'e' | 0x90 => drop(self.above_mark()?),
            // None, and empty lists and sets.
            b'N' | b']' | 0x8f => self.push(Object::Other(None)),
            // Numbers and truth values.
            0x88 => self.push(Object::Number(1)),
            0x89 => self.push(Object::Number(0)),
            b'K' => self.number(1)?,
            b'M' => self.number(2)?,
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Object::Number(number.into()));
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'G' => {
                self.take(8)?;
                self.push(Object::Other(None));
            }
            // Texts and bytes.
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            b'C' | b'U' => self.opaque(1)?,
            b'B' | b'T' => self.opaque(4)?,
            // Containers.
            b')' => self.push(Object::Tuple(Vec::new())),
            b'}' => self.push(Object::Dict(Vec::new())),
            b't' => {
                let items = self.above_mark()?;
                self.push(Object::Tuple(items));
            }
            0x91 => {
                self.above_mark()?;
                self.push(Object::Other(None));
            }
            code @ 0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let first = self.stack.len().checked_sub(count).ok_or(EMPTY)?;
                let items = self.stack.split_off(first);
                self.push(Object::Tuple(items));
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(&[key, value])?;
            }
            b'u' => {
                let items = self.above_mark()?;
                self.insert(&items)?;
            }
            // Values that occur several times.
            b'q' => {
                let key = self.length(1)?;
                self.memoize(key)?;
            }
            b'r' => {
                let key = self.length(4)?;
                self.memoize(key)?;
            }
            0x94 => {
                self.memoize(self.memoized)?;
                self.memoized += 1;
            }
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            // Classes and functions, and calls of them.
            b'c' => {
                let global = Object::Global(self.line()?, self.line()?);
                self.push(global);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Object::Text(module), Object::Text(name)) =
                    (&self.objects[module], &self.objects[name])
                else {
                    return Err("the name of a class is no text".to_owned());
                };
                let global = Object::Global(module, name);
                self.push(global);
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)?;
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id);
                let storage = storage.ok_or("a storage is described in an unknown way")?;
                self.push(Object::Storage(storage));
            }
            other => return Err(format!("the instruction {other:#04x} is not known")),
        }
        Ok(true)
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array().map(|[byte]| byte)
    }

    /// Reads a length of `bytes` bytes.
    fn length(&mut self, bytes: usize) -> Result<usize, String> {
        let mut array = [0; 8];
        array[..bytes].copy_from_slice(self.take(bytes)?);
        usize::try_from(u64::from_le_bytes(array)).map_err(|_| "a length is too large".to_owned())
    }

    fn number(&mut self, bytes: usize) -> Result<(), String> {
        let number = self.length(bytes)?;
        self.push(Object::Number(number as i64));
        Ok(())
    }

    /// Reads a number in two's complement, whose length has `bytes` bytes. Numbers of more than 64
    /// bits have no meaning here.
    fn long(&mut self, bytes: usize) -> Result<(), String> {
        let len = self.length(bytes)?;
        let bytes = self.take(len)?;
        let sign = bytes
            .last()
            .map_or(0, |&last| if last < 0x80 { 0 } else { 0xff });
        let mut array = [sign; 8];
        let object = match array.get_mut(..len) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Object::Number(i64::from_le_bytes(array))
            }
            None => Object::Other(None),
        };
        self.push(object);
        Ok(())
    }

    /// Reads a text whose length has `bytes` bytes.
    fn text(&mut self, bytes: usize) -> Result<(), String> {
        let len = self.length(bytes)?;
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| "a text is not UTF-8")?;
        self.push(Object::Text(text));
        Ok(())
    }

    /// Skips bytes whose length has `bytes` bytes.
    fn opaque(&mut self, bytes: usize) -> Result<(), String> {
        let len = self.length(bytes)?;
        self.take(len)?;
        self.push(Object::Other(None));
        Ok(())
    }

    fn line(&mut self) -> Result<&'b str, String> {
        let len = self.rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(len.ok_or("it ends too early")?)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| "a name is not UTF-8".to_owned())
    }

    fn push(&mut self, object: Object<'b>) {
        self.stack.push(self.objects.len());
        self.objects.push(object);
    }

    fn pop(&mut self) -> Result<Id, String> {
        if self
            .marks
            .last()
            .is_some_and(|&mark| mark >= self.stack.len())
        {
            return Err(EMPTY.to_owned());
        }
        self.stack.pop().ok_or_else(|| EMPTY.to_owned())
    }

    fn above_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or(EMPTY)?;
        if mark > self.stack.len() {
            return Err(EMPTY.to_owned());
        }
        Ok(self.stack.split_off(mark))
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| EMPTY.to_owned())
    }

    fn memoize(&mut self, key: usize) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    /// Pushes the value whose key has `bytes` bytes.
    fn recall(&mut self, bytes: usize) -> Result<(), String> {
        let key = self.length(bytes)?;
        let id = self.memo.get(&key);
        self.stack
            .push(*id.ok_or("it refers to a value that does not exist")?);
        Ok(())
    }

    /// Adds keys and values to the dictionary on the stack. Those of other objects are dropped.
    fn insert(&mut self, items: &[Id]) -> Result<(), String> {
        let top = self.top()?;
        if let Object::Dict(entries) = &mut self.objects[top] {
            let (pairs, _) = items.as_chunks::<2>();
            entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    /// Pushes the result of a function.
    fn call(&mut self, function: Id, arguments: Id) -> Result<(), String> {
        let class = match &self.objects[function] {
            Object::Global(module, name) => Some((*module, *name)),
            _ => None,
        };
        let object = match class {
            Some(("collections", "OrderedDict")) => Object::Dict(Vec::new()),
            Some(("torch._utils", "_rebuild_tensor_v2")) => {
                let tensor = self.tensor(arguments);
                Object::Tensor(tensor.ok_or("a tensor is described in an unknown way")?)
            }
            Some(("torch._utils", "_rebuild_parameter")) => {
                let parts = self.tuple(arguments);
                match parts.and_then(|parts| Some(&self.objects[*parts.first()?])) {
                    Some(Object::Tensor(tensor)) => Object::Tensor(tensor.clone()),
                    _ => return Err("a parameter is no tensor".to_owned()),
                }
            }
            other => Object::Other(other),
        };
        self.push(object);
        Ok(())
    }

    fn tuple(&self, id: Id) -> Option<&[Id]> {
        match &self.objects[id] {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    fn size(&self, id: Id) -> Option<usize> {
        match &self.objects[id] {
            Object::Number(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let sizes = self.tuple(id)?;
        // PyTorch's limit. A longer shape could be referred to often.
        let sizes = (sizes.len() <= 64).then_some(sizes)?;
        sizes.iter().map(|&id| self.size(id)).collect()
    }

    /// Returns the storage of `("storage", class, file, device, length)`.
    fn storage(&self, id: Id) -> Option<Storage<'b>> {
        let &[_, class, file, ..] = self.tuple(id)? else {
            return None;
        };
        match (&self.objects[class], &self.objects[file]) {
            (Object::Global("torch", class), Object::Text(file)) => Some(Storage {
                dtype: dtype(class)?,
                file,
            }),
            _ => None,
        }
    }

    /// Returns the tensor of `(storage, offset, shape, strides, …)`.
    fn tensor(&self, arguments: Id) -> Option<Tensor<'b>> {
        let &[storage, offset, shape, strides, ..] = self.tuple(arguments)? else {
            return None;
        };
        let Object::Storage(storage) = &self.objects[storage] else {
            return None;
        };
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        let offset = self.size(offset)?;
        (shape.len() == strides.len()).then(|| Tensor {
            storage: storage.clone(),
            offset,
            shape,
            strides,
        })
    }
}

const EMPTY: &str = "an instruction takes a value from an empty stack";

/// Returns the type of the numbers in a storage.
fn dtype(class: &str) -> Option<Dtype> {
    Some(match class {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::BOOL,
        _ => return None,
    })
}
