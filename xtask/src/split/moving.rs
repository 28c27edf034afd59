//! Which functions move to the second module.
//!
//! A function stays if what is called at first can reach it: by calls; by a table of methods that a staying function
//! mentions, itself or in data that it mentions; or by a pointer of which nobody knows who has it, because it lies in no
//! table of methods. Whatever is misunderstood stays. Only what the owner names moves although staying functions call it:
//! those calls then go through the table, and whoever makes one too early gets a trap.

use super::module::Module;
use std::collections::{BTreeMap, BTreeSet};

/// What runs only after the second module was loaded, as the owner of the module knows it.
pub struct Later {
    pub exported: fn(&str) -> bool,
    pub named: fn(&str) -> bool,
}

/// Functions by their number in the whole module.
pub struct Plan {
    /// What the first module has or imports.
    pub staying: BTreeSet<u32>,
    pub moved: Vec<u32>,
    /// Moved functions that staying ones call, and the pointer they do it by.
    pub forwarded: BTreeMap<u32, u32>,
}

/// The largest value of a type that has methods: what is larger is no table of methods.
const LARGEST: u32 = 1 << 20;

/// Decides for every function of `module`.
pub fn plan(module: &Module, later: &Later) -> Plan {
    let staying = staying(module, later);
    let moved: Vec<_> = module.with_bodies().filter(|index| !staying.contains(index)).collect();
    let called =
        staying.iter().filter_map(|index| module.function(*index)).flat_map(|function| &function.calls);
    let called: BTreeSet<_> = called.copied().filter(|index| !staying.contains(index)).collect();
    let pointers: BTreeMap<_, _> =
        module.pointers.iter().map(|(pointer, function)| (function, *pointer)).collect();
    let mut free = module.tables.first().map_or(0, |table| table.initial as u32)..;
    let forwarded = called.into_iter().map(|index| {
        (index, pointers.get(&index).copied().unwrap_or_else(|| free.next().expect("an endless range")))
    });
    Plan { forwarded: forwarded.collect(), staying, moved }
}

fn staying(module: &Module, later: &Later) -> BTreeSet<u32> {
    let data = Data::new(module);
    let name = |index: u32| module.function(index).map_or("", |function| function.name);
    let is_later = |index: u32| (later.named)(name(index));
    let in_tables: BTreeSet<_> = data.methods.values().flatten().collect();
    let mut ahead: Vec<u32> =
        module.entries().filter(|(name, _)| !(later.exported)(name)).map(|(_, index)| index).collect();
    ahead.extend(module.start);
    ahead.extend(
        module.pointers.iter().filter(|(pointer, _)| !in_tables.contains(pointer)).map(|(_, index)| index),
    );
    let (mut staying, mut seen) = (BTreeSet::new(), BTreeSet::new());
    while let Some(index) = ahead.pop() {
        if is_later(index) || !staying.insert(index) {
            continue;
        }
        let Some(function) = module.function(index) else { continue };
        ahead.extend(&function.calls);
        // How a value is formatted is in the table of `dyn Display`, and a plain pointer in the code of `format!`.
        let pointed = function.numbers.iter().filter_map(|number| module.pointers.get(number));
        ahead.extend(pointed.filter(|index| name(**index).contains("::fmt")));
        let mut addresses: Vec<_> =
            function.numbers.iter().copied().filter(|number| data.is_address(*number)).collect();
        while let Some(address) = addresses.pop() {
            if seen.insert(address) {
                let methods = data.methods.get(&address).into_iter().flatten();
                ahead.extend(methods.map(|pointer| module.pointers[pointer]));
                addresses.extend(data.object(address).into_iter().filter(|word| data.is_address(*word)));
            }
        }
    }
    staying
}

/// The constants in memory, divided at every address that code or data mentions.
struct Data<'m> {
    module: &'m Module<'m>,
    starts: BTreeSet<u32>,
    /// The tables of methods, by address: pointers to functions.
    methods: BTreeMap<u32, Vec<u32>>,
}

impl<'m> Data<'m> {
    fn new(module: &'m Module<'m>) -> Self {
        let mut data = Data { module, starts: BTreeSet::new(), methods: BTreeMap::new() };
        let in_code = module.functions.iter().flat_map(|function| function.numbers.iter().copied());
        let aligned = |(start, bytes): &(u32, &[u8])| {
            (start.next_multiple_of(4)..start + bytes.len() as u32).step_by(4)
        };
        let in_data = module.data.iter().flat_map(aligned).filter_map(|address| module.word(address));
        data.starts = in_code.chain(in_data).filter(|number| data.is_address(*number)).collect();
        let tables = data.starts.iter().filter_map(|start| Some((*start, data.methods_at(*start)?)));
        data.methods = tables.collect();
        data
    }

    fn is_address(&self, number: u32) -> bool {
        self.module.word(number).is_some()
    }

    /// The words from `start` to the next address that somebody mentions.
    fn object(&self, start: u32) -> Vec<u32> {
        let end = self.starts.range(start + 1..).next().copied().unwrap_or(u32::MAX);
        let whole = (start..end).step_by(4).take_while(|at| at.is_multiple_of(4) && end - at >= 4);
        whole.map_while(|address| self.module.word(address)).collect()
    }

    /// The pointers of Rust's table for a trait object: how to drop the value, its size, its alignment, its methods.
    fn methods_at(&self, start: u32) -> Option<Vec<u32>> {
        let words = self.object(start);
        let [drop, size, alignment, rest @ ..] = &words[..] else { return None };
        let methods = &rest[..rest.len() - rest.iter().rev().take_while(|word| **word == 0).count()];
        let pointers: Vec<_> =
            Some(drop).filter(|drop| **drop != 0).into_iter().chain(methods).copied().collect();
        let is_table = *size <= LARGEST && matches!(alignment, 1 | 2 | 4 | 8 | 16);
        let are_pointers = pointers.iter().all(|pointer| self.module.pointers.contains_key(pointer));
        (is_table && are_pointers && !pointers.is_empty()).then_some(pointers)
    }
}
