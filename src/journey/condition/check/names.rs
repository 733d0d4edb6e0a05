//! Names in a condition. One with a `-`, which would be a minus after a dot, has another spelling: `stage['pet-shop']`.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{EntryExpr, Expr, LiteralValue, SelectExpr};

use super::{MAX_BYTES, MAX_DEPTH, MAX_NESTING, SEGMENT, dotted, nesting};
use crate::journey::condition::text::{depth, visit};

/// The segments that a condition names; none if it is no condition.
pub fn named_segments(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if text.len() > MAX_BYTES || nesting(text) > MAX_NESTING {
        return names;
    }
    if let Ok(program) = cel::Program::compile(text)
        && depth(program.expression()) <= MAX_DEPTH
    {
        visit(&spelt_out(program.expression()), &mut |node| {
            names.extend(dotted(node).and_then(|path| path.strip_prefix(SEGMENT).map(str::to_owned)));
        });
    }
    names
}

/// The expression with every `name['field']` as a selection. It is no deeper than it was.
pub(super) fn spelt_out(expression: &IdedExpr) -> IdedExpr {
    let mut expression = expression.clone();
    spell_out(&mut expression);
    expression
}

fn spell_out(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                spell_out(target);
            }
            call.args.iter_mut().for_each(spell_out);
        }
        Expr::Select(select) => spell_out(&mut select.operand),
        Expr::List(list) => list.elements.iter_mut().for_each(spell_out),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    spell_out(&mut entry.key);
                    spell_out(&mut entry.value);
                }
            }
        }
        Expr::Comprehension(c) => {
            for part in [&mut c.iter_range, &mut c.accu_init, &mut c.loop_cond, &mut c.loop_step, &mut c.result] {
                spell_out(part);
            }
        }
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
    if let Some((operand, field)) = indexed(expression) {
        expression.expr = Expr::Select(SelectExpr { operand: Box::new(operand), field, test: false });
    }
}

/// What `name['field']` is made of. A dot inside would make two names of one.
fn indexed(expression: &IdedExpr) -> Option<(IdedExpr, String)> {
    let Expr::Call(call) = &expression.expr else { return None };
    let [operand, index] = call.args.as_slice() else { return None };
    if call.func_name != op::INDEX || dotted(operand).is_none() {
        return None;
    }
    let Expr::Literal(LiteralValue::String(field)) = &index.expr else { return None };
    let field = field.inner();
    (!field.is_empty() && !field.contains('.')).then(|| (operand.clone(), field.to_owned()))
}
