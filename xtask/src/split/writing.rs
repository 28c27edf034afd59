//! The two modules as bytes: the first with what stays, the second with what moved. The second imports memory, tables,
//! globals and functions from the first, and fills in the pointers that the first leaves empty.

use super::module::Module;
use super::moving::Plan;
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction, TableSection, TypeSection,
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, ElementSectionReader, ExportSectionReader, ExternalKind,
    FunctionSectionReader, ImportSectionReader, Parser, TableSectionReader,
};

/// The module name under which the second imports from the first.
pub const FIRST: &str = "first";

/// Writes one of the two.
struct Writer<'m> {
    module: &'m Module<'m>,
    plan: &'m Plan,
    /// Functions of the whole module that have a body in this one, in the order of their bodies.
    bodies: &'m [u32],
    /// Functions of the whole module to those of this one.
    numbers: BTreeMap<u32, u32>,
    /// What this one exports beside what the whole module did.
    shared: Vec<(String, ExternalKind, u32)>,
}

/// `bodies` are the staying functions and then the forwarded ones, which have another body there: a call by pointer.
/// `shared` is what the second module imports from it.
pub fn first(
    module: &Module,
    plan: &Plan,
    bodies: &[u32],
    shared: Vec<(String, ExternalKind, u32)>,
) -> Result<Vec<u8>> {
    let imports = (0..module.imports.len() as u32).filter(|index| plan.staying.contains(index));
    let numbers = imports.chain(bodies.iter().copied()).zip(0..).collect();
    let mut writer = Writer { module, plan, bodies, numbers, shared };
    let mut written = wasm_encoder::Module::new();
    utils::parse_core_module(&mut writer, &mut written, Parser::new(0), module.bytes).map_err(reason)?;
    Ok(written.finish())
}

/// `bodies` are the functions that moved.
pub fn second(module: &Module, plan: &Plan, bodies: &[u32]) -> Result<Vec<u8>> {
    let mut writer = Writer { module, plan, bodies, numbers: BTreeMap::new(), shared: Vec::new() };
    let mut types = TypeSection::new();
    if let Some(section) = &module.type_section {
        utils::parse_type_section(&mut writer, &mut types, section.clone()).map_err(reason)?;
    }
    let mut imports = ImportSection::new();
    for index in called(module, bodies).into_iter().filter(|index| (*index as usize) < module.imports.len()) {
        let import = &module.imports[index as usize];
        imports.import(import.module, import.name, writer.entity_type(import.ty).map_err(reason)?);
        writer.numbers.insert(index, writer.numbers.len() as u32);
    }
    for (name, kind, index) in shared(module, bodies) {
        let kind = match kind {
            ExternalKind::Table => wasmparser::TypeRef::Table(wasmparser::TableType {
                initial: table_size(module, plan, index),
                maximum: None,
                ..module.tables[index as usize]
            }),
            ExternalKind::Memory => wasmparser::TypeRef::Memory(module.memories[index as usize]),
            ExternalKind::Global => wasmparser::TypeRef::Global(module.globals[index as usize]),
            _ => {
                writer.numbers.insert(index, writer.numbers.len() as u32);
                wasmparser::TypeRef::Func(module.types[index as usize])
            }
        };
        imports.import(FIRST, &name, writer.entity_type(kind).map_err(reason)?);
    }
    for index in bodies {
        writer.numbers.insert(*index, writer.numbers.len() as u32);
    }
    let (mut functions, mut exports, mut code) =
        (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for (name, index) in module.entries() {
        if bodies.contains(&index) {
            exports.export(name, ExportKind::Func, writer.numbers[&index]);
        }
    }
    for index in bodies {
        functions.function(module.types[*index as usize]);
        writer.body(&mut code, *index).map_err(reason)?;
    }
    let mut pointers: BTreeMap<u32, u32> =
        plan.forwarded.iter().map(|(index, pointer)| (*pointer, *index)).collect();
    pointers.extend(module.pointers.iter().filter(|(_, index)| bodies.contains(index)));
    let elements = writer.elements(&pointers);
    let mut written = wasm_encoder::Module::new();
    written
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&exports)
        .section(&elements)
        .section(&code);
    Ok(written.finish())
}

/// What the second module, with these functions in it, imports from the first, under a name that is short.
pub fn shared(module: &Module, moved: &[u32]) -> Vec<(String, ExternalKind, u32)> {
    let functions = called(module, moved).into_iter().filter(|index| *index as usize >= module.imports.len());
    let functions = functions.map(|index| (ExternalKind::Func, index));
    let tables = (0..module.tables.len() as u32).map(|index| (ExternalKind::Table, index));
    let memories = (0..module.memories.len() as u32).map(|index| (ExternalKind::Memory, index));
    let globals = (0..module.globals.len() as u32).map(|index| (ExternalKind::Global, index));
    let all = functions.chain(tables).chain(memories).chain(globals).zip(0..);
    all.map(|((kind, index), number): (_, u32)| (number.to_string(), kind, index)).collect()
}

/// What the functions of `bodies` call outside of them, each once.
fn called(module: &Module, bodies: &[u32]) -> Vec<u32> {
    let calls =
        bodies.iter().filter_map(|index| module.function(*index)).flat_map(|function| &function.calls);
    let mut outside: Vec<_> = calls.copied().filter(|index| !bodies.contains(index)).collect();
    outside.sort_unstable();
    outside.dedup();
    outside
}

/// Places in a table, with those of the functions that staying ones call by a new pointer.
fn table_size(module: &Module, plan: &Plan, table: u32) -> u64 {
    let size = module.tables[table as usize].initial;
    let last = plan.forwarded.values().max().filter(|_| table == 0);
    last.map_or(size, |last| size.max(u64::from(*last) + 1))
}

fn reason(error: Error<String>) -> anyhow::Error {
    match error {
        Error::UserError(sentence) => anyhow!(sentence),
        other => anyhow!("the module cannot be written again: {other}"),
    }
}

impl Writer<'_> {
    fn body(&mut self, code: &mut CodeSection, index: u32) -> Result<(), Error<String>> {
        let function = self.module.function(index).expect("a function with a body");
        utils::parse_function_body(self, code, function.body.clone())
    }

    /// A body that hands its arguments to the function at `pointer`.
    fn forward(&self, kind: u32, pointer: u32) -> Function {
        let mut function = Function::new([]);
        for parameter in 0..self.module.parameters[kind as usize] {
            function.instruction(&Instruction::LocalGet(parameter));
        }
        function.instruction(&Instruction::I32Const(pointer as i32));
        function.instruction(&Instruction::CallIndirect { type_index: kind, table_index: 0 });
        function.instruction(&Instruction::End);
        function
    }

    /// A segment for each run of pointers without a gap.
    fn elements(&self, pointers: &BTreeMap<u32, u32>) -> ElementSection {
        let mut runs: Vec<(u32, Vec<u32>)> = Vec::new();
        for (pointer, index) in pointers {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() as u32 == *pointer => run.push(self.numbers[index]),
                _ => runs.push((*pointer, vec![self.numbers[index]])),
            }
        }
        let mut elements = ElementSection::new();
        for (start, run) in runs {
            elements.active(None, &ConstExpr::i32_const(start as i32), Elements::Functions(run.into()));
        }
        elements
    }
}

/// The first module is the whole one with other lists of functions.
impl Reencode for Writer<'_> {
    type Error = String;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<String>> {
        let name = || self.module.function(index).map_or("an import", |function| function.name);
        let missing = || Error::UserError(format!("{} is missing from a part that calls it", name()));
        self.numbers.get(&index).copied().ok_or_else(missing)
    }

    fn parse_import_section(
        &mut self,
        section: &mut ImportSection,
        _: ImportSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        for (index, import) in (0..).zip(&self.module.imports) {
            if self.plan.staying.contains(&index) {
                section.import(import.module, import.name, self.entity_type(import.ty)?);
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        section: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        for index in self.bodies {
            section.function(self.module.types[*index as usize]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        section: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        for index in self.bodies {
            match self.plan.forwarded.get(index) {
                Some(pointer) => {
                    section.function(&self.forward(self.module.types[*index as usize], *pointer));
                }
                None => self.body(section, *index)?,
            }
        }
        Ok(())
    }

    fn parse_table_section(
        &mut self,
        section: &mut TableSection,
        _: TableSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        for (index, table) in (0..).zip(&self.module.tables) {
            let initial = table_size(self.module, self.plan, index);
            let maximum = table.maximum.map(|maximum| maximum.max(initial));
            section.table(self.table_type(wasmparser::TableType { initial, maximum, ..*table })?);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        section: &mut ExportSection,
        exports: ExportSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        for export in exports {
            let export = export?;
            let moved = export.kind == ExternalKind::Func && !self.plan.staying.contains(&export.index);
            if !moved {
                self.parse_export(section, export)?;
            }
        }
        for (name, kind, index) in std::mem::take(&mut self.shared) {
            section.export(&name, self.export_kind(kind)?, self.external_index(kind, index)?);
        }
        Ok(())
    }

    fn parse_element_section(
        &mut self,
        section: &mut ElementSection,
        _: ElementSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        let staying = self.module.pointers.iter().filter(|(_, index)| self.plan.staying.contains(index));
        *section = self.elements(&staying.map(|(pointer, index)| (*pointer, *index)).collect());
        Ok(())
    }

    /// Names and what else only a debugger reads.
    fn parse_custom_section(
        &mut self,
        _: &mut wasm_encoder::Module,
        _: CustomSectionReader<'_>,
    ) -> Result<(), Error<String>> {
        Ok(())
    }
}
