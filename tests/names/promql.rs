//! What a PromQL expression names.

use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use std::collections::{BTreeMap, BTreeSet};

/// Names of an expression.
#[derive(Debug, Default)]
pub struct Named {
    /// Metric → labels that its selectors match on.
    pub metrics: BTreeMap<String, BTreeSet<String>>,
    /// Labels of by, without, on, ignoring and group_left.
    pub grouping: BTreeSet<String>,
    /// Labels that label_replace, label_join and count_values make.
    pub made: BTreeSet<String>,
}

/// Every name in it.
pub fn names(promql: &str) -> Result<Named, String> {
    let mut named = Named::default();
    named.walk(&parser::parse(promql)?);
    Ok(named)
}

impl Named {
    fn selector(&mut self, selector: &VectorSelector) {
        let by_matcher = selector
            .matchers
            .matchers
            .iter()
            .find(|matcher| matcher.name == "__name__")
            .map(|matcher| matcher.value.clone());
        let Some(name) = selector.name.clone().or(by_matcher) else {
            return;
        };
        let labels = self.metrics.entry(name).or_default();
        let matchers = selector.matchers.matchers.iter();
        labels.extend(
            matchers
                .map(|matcher| matcher.name.clone())
                .filter(|label| label != "__name__"),
        );
    }

    fn group(&mut self, modifier: Option<&LabelModifier>) {
        if let Some(modifier) = modifier {
            self.grouping
                .extend(modifier.labels().labels.iter().cloned());
        }
    }

    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::Aggregate(aggregate) => {
                if let Some(Expr::StringLiteral(label)) = aggregate.param.as_deref() {
                    self.made.insert(label.val.clone());
                }
                self.group(aggregate.modifier.as_ref());
                self.walk(&aggregate.expr);
            }
            Expr::Unary(unary) => self.walk(&unary.expr),
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.group(modifier.matching.as_ref());
                    if let Some(labels) = modifier.card.labels() {
                        self.grouping.extend(labels.labels.iter().cloned());
                    }
                }
                self.walk(&binary.lhs);
                self.walk(&binary.rhs);
            }
            Expr::Paren(paren) => self.walk(&paren.expr),
            Expr::Subquery(subquery) => self.walk(&subquery.expr),
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Call(call) => {
                if let ("label_replace" | "label_join", Some(Expr::StringLiteral(label))) =
                    (call.func.name, call.args.args.get(1).map(AsRef::as_ref))
                {
                    self.made.insert(label.val.clone());
                }
                for argument in &call.args.args {
                    self.walk(argument);
                }
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }
}
