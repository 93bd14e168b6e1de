//! The conditions of rules for an event type, for filters before the rules.

use eyas_fields::{CodeSet, ConditionFormula, Field};

use crate::condition::{Codes, Fields, Formulas, codes};
use crate::engine::Engine;
use crate::rule::{Rule, RuleIndex};

/// The conditions of enabled rules, as formulas.
#[derive(Debug)]
pub struct RuleFormulas {
    /// In the order of the rules. A rule has a formula for each set of event types that its tests of the type treat alike.
    formulas: Vec<(RuleIndex, ConditionFormula)>,
    /// By code: a bit for each formula.
    by_code: Vec<Vec<u64>>,
}

impl RuleFormulas {
    /// Makes the formulas of an engine's rules.
    pub fn new(engine: &Engine) -> Self {
        let schema = engine.schema();
        let (mut formulas, mut codes) = (Formulas::new(schema), Codes::default());
        let mut this = Self { formulas: Vec::new(), by_code: vec![Vec::new(); schema.codes()] };
        for (rule, index) in engine.rules().iter().zip(0..).filter(|(rule, _)| rule.enabled) {
            let codes = codes.of(&rule.compiled, schema).union(&schema.always());
            for (codes, formula) in formulas.of(&rule.compiled, &codes) {
                codes.iter().for_each(|code| this.set(code, this.formulas.len()));
                this.formulas.push((RuleIndex(index), formula));
            }
        }
        this
    }

    fn set(&mut self, code: u16, formula: usize) {
        let bits = &mut self.by_code[usize::from(code)];
        bits.resize(bits.len().max(formula / 64 + 1), 0);
        bits[formula / 64] |= 1 << (formula % 64);
    }

    /// The rules that may match events with this code, each with a formula. An event satisfies the rule
    /// only if it satisfies the formula. Type tests are replaced by their results.
    pub fn of_code(&self, code: u16) -> impl Iterator<Item = (RuleIndex, &ConditionFormula)> {
        let words = self.by_code.get(usize::from(code)).map_or(&[][..], Vec::as_slice);
        let chunks = words.iter().zip(self.formulas.chunks(64)).filter(|(word, _)| **word != 0);
        let formulas = chunks.flat_map(|(word, formulas)| {
            formulas.iter().enumerate().filter(move |(at, _)| word >> at & 1 != 0)
        });
        formulas.map(|(_, (rule, formula))| (*rule, formula))
    }

    /// The formulas of [`RuleFormulas::of_code`], without their rules.
    pub fn conditions(&self, code: u16) -> Vec<&ConditionFormula> {
        self.of_code(code).map(|(_, formula)| formula).collect()
    }
}

impl Engine {
    /// Codes of the events that a rule of this engine can match while it is enabled.
    pub fn codes_of(&self, rule: &Rule) -> CodeSet {
        codes(&rule.compiled, self.schema())
    }

    /// By rule: the fields of its condition, including its exceptions, and those of its output.
    pub fn fields_by_rule<'e>(&'e self) -> Vec<(Vec<Field>, Vec<&'e Field>)> {
        let mut fields = Fields::default();
        let of_rule = |rule: &'e Rule| {
            let mut of_output = Vec::new();
            rule.format.visit_fields(&mut |field| of_output.push(field));
            (fields.of(&rule.compiled, self.schema()), of_output)
        };
        self.rules().iter().map(of_rule).collect()
    }
}
