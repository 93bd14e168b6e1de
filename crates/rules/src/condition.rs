//! The condition language: text, tree, and a graph that tests events.
//!
//! [`parse`] turns a text into an [`Expr`]. [`compile`] resolves fields and types against a schema, and
//! adds the condition to a graph. Equal parts of all conditions share one node of the graph, which is
//! tested at most once per event. [`interpret`] evaluates a tree directly, slowly and simply; tests use it
//! as their oracle.

use eyas_fields::{FieldSource, Schema};

use crate::mismatch::SchemaMismatch;

mod against;
pub mod ast;
mod build;
mod check;
mod codes;
mod compare;
mod compile;
mod counted;
mod domains;
mod error;
mod example;
mod formula;
mod graph;
mod interpret;
mod opdef;
mod operand;
mod operand_value;
mod operators;
mod parse;
mod pattern;
mod predicate;
mod sets;
mod sql;
mod transformer;
mod transformers;
mod value;
mod values;
mod walk;

pub use ast::{Expr, Span};
pub use codes::codes;
pub use error::{CompileError, CompileErrorKind, ParseError, ParseErrorKind};
pub use example::{Example, ExampleEvent};
pub use graph::Scratch;
pub use interpret::interpret;
pub use opdef::{Constants, OpDef, Right, Types};
pub use parse::{parse, parse_in};
pub use sql::{Sql, Unexpressed, sql, sql_address};
pub use transformer::{Argument, Returns, Takes, Transformer};
pub use transformers::TRANSFORMERS;

pub(crate) use codes::{Codes, codes_without_always};
pub(crate) use compile::{Compiler, CompilerState, Scopes};
pub(crate) use domains::Fields;
pub use domains::{domain_names, fields};
pub(crate) use formula::Formulas;
pub(crate) use graph::{Program, Root};
pub(crate) use opdef::Implies;
pub(crate) use operand::{Source, has};
pub(crate) use parse::{
    ListUse, MAX_DEPTH, PLACEHOLDER, operand_prefix, parse_items, parse_with_lists, position,
};
pub(crate) use pattern::regex_is_plain;
pub(crate) use transformers::names as transformer_names;
pub(crate) use values::Part;
pub(crate) use walk::{is_larger, visit};

/// One condition, ready to test events.
#[derive(Debug)]
pub struct Filter {
    program: Program,
    root: Root,
}

/// Compiles one condition.
///
/// # Errors
/// A field, operator or value that the schema refuses, or a macro, because only rules files define macros.
pub fn compile(expr: &Expr, schema: &dyn Schema) -> Result<Filter, CompileError> {
    let mut compiler = Compiler::new(schema);
    let root = compiler.add(expr)?;
    Ok(Filter { program: compiler.finish(), root })
}

impl Filter {
    /// Whether the event, or its alternate view, satisfies the condition.
    ///
    /// # Errors
    /// The event is of another schema.
    pub fn matches(&self, source: &dyn FieldSource) -> Result<bool, SchemaMismatch> {
        self.matches_with(source, &mut self.scratch())
    }

    /// Like [`Filter::matches`], with memory that is reused for the events of one source. Only the first
    /// event's schema is checked.
    ///
    /// # Errors
    /// The first event is of another schema.
    pub fn matches_with(
        &self,
        source: &dyn FieldSource,
        scratch: &mut Scratch,
    ) -> Result<bool, SchemaMismatch> {
        self.program.prepare(source, scratch)?;
        scratch.next_event();
        if self.program.eval(self.root, source, scratch) {
            return Ok(true);
        }
        let Some(alternate) = source.alternate() else { return Ok(false) };
        scratch.next_event();
        Ok(self.program.eval(self.root, alternate, scratch))
    }

    /// Memory for [`Filter::matches_with`].
    pub fn scratch(&self) -> Scratch {
        Scratch::default()
    }
}
