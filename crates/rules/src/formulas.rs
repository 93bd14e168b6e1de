//! The conditions of rules for an event type, for filters before the rules.

use eyas_fields::{CodeSet, Field, FieldTest, Formula};

use crate::condition::{Codes, ConditionFormula, Formulas, codes, fields};
use crate::engine::Engine;
use crate::rule::{Rule, RuleIndex};

/// The conditions of enabled rules, as formulas.
#[derive(Debug)]
pub struct RuleFormulas {
    rules: Vec<(RuleIndex, CodeSet, ConditionFormula)>,
}

impl RuleFormulas {
    /// Makes the formulas of an engine's rules.
    pub fn new(engine: &Engine) -> Self {
        let schema = engine.schema();
        let (mut formulas, mut codes) = (Formulas::new(schema), Codes::default());
        let on = engine.rules().iter().zip(0..).filter(|(rule, _)| rule.enabled);
        let rules = on.map(|(rule, index)| {
            let codes = codes.of(&rule.compiled, schema).union(&schema.always());
            (RuleIndex(index), codes, formulas.of(&rule.compiled))
        });
        Self { rules: rules.collect() }
    }

    /// The rules that may match events with this code, each with a formula. An event satisfies the rule
    /// only if it satisfies the formula. Type tests are replaced by their results.
    pub fn of_code(&self, code: u16) -> Vec<(RuleIndex, Formula<&FieldTest>)> {
        self.each_of_code(code).collect()
    }

    /// The formulas of [`RuleFormulas::of_code`], without their rules.
    pub fn conditions(&self, code: u16) -> Vec<Formula<&FieldTest>> {
        self.each_of_code(code).map(|(_, formula)| formula).collect()
    }

    fn each_of_code(&self, code: u16) -> impl Iterator<Item = (RuleIndex, Formula<&FieldTest>)> {
        let may = self.rules.iter().filter(move |(_, codes, _)| codes.contains(code));
        let of_code = may.map(move |(rule, _, formula)| (*rule, formula.of_code(code)));
        of_code.filter(|(_, formula)| !matches!(formula, Formula::Const(false)))
    }
}

impl Engine {
    /// Codes of the events that a rule of this engine can match while it is enabled.
    pub fn codes_of(&self, rule: &Rule) -> CodeSet {
        codes(&rule.compiled, self.schema())
    }

    /// The fields of a rule's condition, including its exceptions, and those of its output.
    pub fn fields_of(&self, rule: &Rule) -> [Vec<Field>; 2] {
        let mut of_output = Vec::new();
        rule.format.visit_fields(&mut |field| of_output.push(field.clone()));
        [fields(&rule.compiled, self.schema()), of_output]
    }
}
