//! A pickle, read without running anything: the part of Python's serialisation that PyTorch writes weights with.
//!
//! A pickle is a program for a small stack machine that may call any function of Python by name. Here the names are
//! those of [`Global`], each understood as the tensor or dictionary it stands for; any other name is an error, and
//! nothing is ever called. Values refer to each other by number, so that no nesting, however deep, and no cycle makes
//! anything recurse, and strings stay in the bytes they came from. Python's `pickletools` documents the operations.

use std::collections::HashMap;

use super::WeightsError;
use super::global::Global;
use super::program::{Program, Text};

/// Values that one pickle may make. ResNet-152 makes some 25,000.
const MAX_VALUES: usize = 1 << 19;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(Text),
    Tuple(Collection),
    List(Collection),
    /// Keys and values in turn.
    Dict(Collection),
    Global(Global),
    /// What stands for a storage in the file: a tuple, as PyTorch's `persistent_id` makes it.
    Storage(Collection),
    Tensor(Tensor),
    /// Something that weights do not consist of, and that does no harm.
    Other,
}

/// A list, tuple or dictionary, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Collection(usize);

/// A tensor, as the arguments of the function that would rebuild it: storage, offset, size, strides and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tensor(pub Collection);

/// What a pickle describes.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub root: Value,
    /// Length of the pickle in bytes.
    pub length: usize,
    /// Every storage that a tensor of it lies in.
    pub storages: Vec<Collection>,
    bytes: &'a [u8],
    collections: Vec<Vec<Value>>,
}

/// Why there is no value.
#[derive(Debug, PartialEq)]
pub(super) enum Flaw {
    /// The bytes end within the pickle.
    TooShort,
    Wrong(WeightsError),
}

impl Pickle<'_> {
    pub fn items(&self, collection: Collection) -> &[Value] {
        &self.collections[collection.0]
    }

    pub fn text(&self, text: Text) -> String {
        text.of(self.bytes)
    }

    /// The value of a key of a dictionary.
    pub fn get(&self, dict: Collection, key: &str) -> Option<Value> {
        self.pairs(dict).find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The entries of a dictionary whose keys are strings.
    pub fn pairs(&self, dict: Collection) -> impl Iterator<Item = (String, Value)> {
        self.items(dict).chunks_exact(2).filter_map(|pair| match pair[0] {
            Value::Text(text) => Some((self.text(text), pair[1])),
            _ => None,
        })
    }
}

/// Reads the pickle that `bytes` begin with.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle<'_>, Flaw> {
    let program = Program { bytes, at: 0 };
    let mut machine = Machine { program, ..Machine::default() };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok(Pickle {
        root,
        length: machine.program.at,
        bytes,
        collections: machine.collections,
        storages: machine.storages,
    })
}

#[derive(Default)]
struct Machine<'a> {
    program: Program<'a>,
    stack: Vec<Value>,
    /// Heights of the stack that a later operation goes back to.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    collections: Vec<Vec<Value>>,
    storages: Vec<Collection>,
    made: usize,
}

impl Machine<'_> {
    /// Performs one operation; false after the last.
    fn step(&mut self) -> Result<bool, Flaw> {
        let [operation] = self.program.take()?;
        match operation {
            b'.' => return Ok(false),
            // The protocol's version, and the length of a frame, which needs no buffer here.
            0x80 => drop(self.program.take::<1>()?),
            0x95 => drop(self.program.take::<8>()?),
            b'(' => self.mark()?,
            b'0' => drop(self.pop()?),
            b'1' => drop(self.popped_to_mark()?),
            b'2' => {
                let top = *self.stack.last().ok_or_else(underflow)?;
                self.push(top)?;
            }
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'K' | b'M' | b'J' | 0x8a | 0x8b => {
                let number = self.program.integer(operation)?;
                self.push(number.map_or(Value::Other, Value::Int))?;
            }
            b'G' => {
                self.program.take::<8>()?;
                self.push(Value::Other)?;
            }
            b'X' | b'T' | 0x8c | b'U' | 0x8d => {
                let text = self.program.text(operation)?;
                self.push(Value::Text(text))?;
            }
            b'B' | b'C' | 0x8e | 0x96 => {
                self.program.text(operation)?;
                self.push(Value::Other)?;
            }
            b']' | 0x8f => self.collect(Value::List, Vec::new())?,
            b')' => self.collect(Value::Tuple, Vec::new())?,
            b'}' => self.collect(Value::Dict, Vec::new())?,
            b'l' | 0x91 => self.collect_to_mark(Value::List)?,
            b't' => self.collect_to_mark(Value::Tuple)?,
            b'd' => self.collect_to_mark(Value::Dict)?,
            0x85..=0x87 => {
                let height = self.stack.len().checked_sub(usize::from(operation - 0x84));
                let height = height.filter(|&height| height >= self.floor()).ok_or_else(underflow)?;
                let items = self.stack.split_off(height);
                self.collect(Value::Tuple, items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(&[item])?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend(&[key, value])?;
            }
            b'e' | b'u' | 0x90 => {
                let items = self.popped_to_mark()?;
                self.extend(&items)?;
            }
            b'q' => {
                let [index] = self.program.take()?;
                self.remember(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.program.take()?);
                self.remember(index)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let [index] = self.program.take()?;
                self.recall(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.program.take()?);
                self.recall(index)?;
            }
            b'c' => {
                let (module, name) = (self.program.line()?, self.program.line()?);
                self.global(&module, &name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(wrong("a name in it is not a string"));
                };
                let [module, name] = [module, name].map(|text| text.of(self.program.bytes));
                self.global(&module, &name)?;
            }
            // Calls, and what a class makes of its arguments.
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)?;
            }
            // The state of an object; a dictionary's is PyTorch's note of its version.
            b'b' => drop(self.pop()?),
            b'Q' => match self.pop()? {
                Value::Tuple(description) => {
                    self.storages.push(description);
                    self.push(Value::Storage(description))?;
                }
                _ => return Err(wrong("a tensor in it refers to nothing")),
            },
            other => {
                return Err(wrong(&format!("operation {other:#04x} of it has nothing to do with weights")));
            }
        }
        Ok(true)
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), Flaw> {
        match Global::find(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => Err(Flaw::Wrong(WeightsError::Untrusted { name: format!("{module}.{name}") })),
        }
    }

    /// The value that PyTorch's function would return for these arguments.
    fn call(&mut self, function: Value, arguments: Value) -> Result<(), Flaw> {
        let (Value::Global(function), Value::Tuple(arguments)) = (function, arguments) else {
            return Err(wrong("it calls something that is no function"));
        };
        let first = self.collections[arguments.0].first().copied();
        match function {
            Global::RebuildTensor => self.push(Value::Tensor(Tensor(arguments))),
            Global::RebuildParameter => match first {
                Some(tensor @ Value::Tensor(_)) => self.push(tensor),
                _ => Err(wrong("a parameter in it has no tensor")),
            },
            Global::OrderedDict => {
                let pairs = match first {
                    Some(Value::List(pairs)) => self.collections[pairs.0].clone(),
                    _ => Vec::new(),
                };
                let mut items = Vec::with_capacity(2 * pairs.len());
                for pair in pairs {
                    match pair {
                        Value::List(pair) | Value::Tuple(pair) if self.collections[pair.0].len() == 2 => {
                            items.extend_from_slice(&self.collections[pair.0]);
                        }
                        _ => return Err(wrong("an entry of a dictionary is no pair")),
                    }
                }
                self.collect(Value::Dict, items)
            }
            Global::Size => match first {
                Some(Value::Tuple(dims) | Value::List(dims)) => self.push(Value::Tuple(dims)),
                _ => Err(wrong("a size in it has no dimensions")),
            },
            Global::Harmless | Global::Storage(_) | Global::Type(_) => self.push(Value::Other),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), Flaw> {
        self.count(1)?;
        self.stack.push(value);
        Ok(())
    }

    /// The top of the stack, unless a mark lies on it.
    fn pop(&mut self) -> Result<Value, Flaw> {
        if self.stack.len() <= self.floor() {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn mark(&mut self) -> Result<(), Flaw> {
        self.count(1)?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn popped_to_mark(&mut self) -> Result<Vec<Value>, Flaw> {
        let height = self.marks.pop().ok_or_else(underflow)?;
        Ok(self.stack.split_off(height))
    }

    fn collect(&mut self, kind: impl Fn(Collection) -> Value, items: Vec<Value>) -> Result<(), Flaw> {
        self.count(items.len())?;
        self.collections.push(items);
        self.push(kind(Collection(self.collections.len() - 1)))
    }

    fn collect_to_mark(&mut self, kind: impl Fn(Collection) -> Value) -> Result<(), Flaw> {
        let items = self.popped_to_mark()?;
        self.collect(kind, items)
    }

    /// Adds to the collection on top of the stack.
    fn extend(&mut self, items: &[Value]) -> Result<(), Flaw> {
        match self.stack.last().filter(|_| self.stack.len() > self.floor()) {
            Some(Value::List(collection) | Value::Dict(collection)) => {
                self.collections[collection.0].extend_from_slice(items);
                Ok(())
            }
            Some(Value::Other) => Ok(()),
            _ => Err(wrong("it adds to something that is no collection")),
        }
    }

    fn remember(&mut self, index: u32) -> Result<(), Flaw> {
        self.count(1)?;
        let top = *self.stack.last().ok_or_else(underflow)?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), Flaw> {
        let value = *self.memo.get(&index).ok_or_else(|| wrong("it refers to something it never made"))?;
        self.push(value)
    }

    fn count(&mut self, values: usize) -> Result<(), Flaw> {
        self.made += values;
        if self.made > MAX_VALUES {
            return Err(wrong(&format!(
                "it makes more than {MAX_VALUES} values, and no network needs so many"
            )));
        }
        Ok(())
    }
}

pub(super) fn wrong(reason: &str) -> Flaw {
    Flaw::Wrong(WeightsError::Header { reason: reason.into() })
}

fn underflow() -> Flaw {
    wrong("an operation of it lacks its operands")
}
