//! A wasm module as far as splitting it cares: its functions and what each of them mentions, the table and the data.
//!
//! It does not know what moves, nor how a module is written.

use anyhow::{Result, bail, ensure};
use std::collections::BTreeMap;
use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, Export, ExternalKind, FunctionBody, GlobalType, Import,
    KnownCustom, MemoryType, Name, Operator, Parser, Payload, TableType, TypeRef, TypeSectionReader,
};

/// Functions are numbered as in the module: the imported ones first.
#[derive(Default)]
pub struct Module<'a> {
    pub bytes: &'a [u8],
    pub imports: Vec<Import<'a>>,
    pub functions: Vec<Function<'a>>,
    /// The type of each function, of the imported ones too.
    pub types: Vec<u32>,
    pub type_section: Option<TypeSectionReader<'a>>,
    /// How many parameters each type has.
    pub parameters: Vec<u32>,
    pub tables: Vec<TableType>,
    pub memories: Vec<MemoryType>,
    pub globals: Vec<GlobalType>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    /// The functions that can be called through a pointer. The pointer is their place in table 0.
    pub pointers: BTreeMap<u32, u32>,
    /// Pieces of data, and where in memory each begins.
    pub data: Vec<(u32, &'a [u8])>,
}

/// A function with a body, and what that mentions.
pub struct Function<'a> {
    pub name: &'a str,
    pub body: FunctionBody<'a>,
    pub calls: Vec<u32>,
    /// Every number that may be an address or a pointer to a function.
    pub numbers: Vec<u32>,
}

impl<'a> Module<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut module = Module { bytes, ..Module::default() };
        let mut names = BTreeMap::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    for kind in section.clone().into_iter_err_on_gc_types() {
                        module.parameters.push(kind?.params().len() as u32);
                    }
                    module.type_section = Some(section);
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let TypeRef::Func(kind) = import.ty else {
                            bail!("the module imports {}, which is no function", import.name)
                        };
                        module.types.push(kind);
                        module.imports.push(import);
                    }
                }
                Payload::FunctionSection(section) => {
                    for kind in section {
                        module.types.push(kind?);
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        module.tables.push(table?.ty);
                    }
                }
                Payload::MemorySection(section) => {
                    module.memories = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        module.globals.push(global?.ty);
                    }
                }
                Payload::ExportSection(section) => {
                    module.exports = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::StartSection { func, .. } => module.start = Some(func),
                Payload::ElementSection(section) => {
                    for element in section {
                        let element = element?;
                        let ElementKind::Active { table_index: None | Some(0), offset_expr } = element.kind
                        else {
                            bail!("an element segment does not fill table 0")
                        };
                        let ElementItems::Functions(items) = element.items else {
                            bail!("an element segment holds more than functions")
                        };
                        for (pointer, function) in (constant(&offset_expr)?..).zip(items) {
                            module.pointers.insert(pointer, function?);
                        }
                    }
                }
                Payload::DataSection(section) => {
                    for data in section {
                        let data = data?;
                        let DataKind::Active { offset_expr, .. } = data.kind else {
                            bail!("a data segment has no address")
                        };
                        module.data.push((constant(&offset_expr)?, data.data));
                    }
                }
                Payload::CodeSectionEntry(body) => module.functions.push(mentions(body)?),
                Payload::CustomSection(section) => {
                    let KnownCustom::Name(section) = section.as_known() else { continue };
                    for part in section {
                        let Name::Function(part) = part? else { continue };
                        for name in part {
                            let name = name?;
                            names.insert(name.index, name.name);
                        }
                    }
                }
                _ => {}
            }
        }
        ensure!(
            !names.is_empty(),
            "the module has no names of functions: expects one as wasm-bindgen leaves it"
        );
        for (index, function) in (module.imports.len() as u32..).zip(&mut module.functions) {
            function.name = names.get(&index).copied().unwrap_or_default();
        }
        Ok(module)
    }

    /// The function of that number, if it has a body.
    pub fn function(&self, index: u32) -> Option<&Function<'a>> {
        self.functions.get((index as usize).checked_sub(self.imports.len())?)
    }

    /// The numbers of the functions that have a body.
    pub fn with_bodies(&self) -> impl Iterator<Item = u32> + use<> {
        self.imports.len() as u32..self.types.len() as u32
    }

    /// The exported functions.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, u32)> {
        let functions = self.exports.iter().filter(|export| export.kind == ExternalKind::Func);
        functions.map(|export| (export.name, export.index))
    }

    /// The four bytes at an address, as a number, where there is data.
    pub fn word(&self, address: u32) -> Option<u32> {
        self.data.iter().find_map(|(start, bytes)| {
            let at = address.checked_sub(*start)? as usize;
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        })
    }
}

/// Where a segment begins.
pub fn constant(expression: &ConstExpr) -> Result<u32> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value as u32),
        other => bail!("a segment begins at {other:?}, which is no constant"),
    }
}

fn mentions(body: FunctionBody) -> Result<Function> {
    let (mut calls, mut numbers) = (Vec::new(), Vec::new());
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => calls.push(function_index),
            Operator::I32Const { value } => numbers.push(value as u32),
            // Two numbers that are written to memory at once.
            Operator::I64Const { value } => numbers.extend([value as u32, (value as u64 >> 32) as u32]),
            Operator::I32Load { memarg } | Operator::I64Load { memarg } => numbers.push(memarg.offset as u32),
            _ => {}
        }
    }
    Ok(Function { name: "", body, calls, numbers })
}
