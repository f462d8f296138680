//! A look at the clock in every round of every loop of an expression: the language itself cannot be stopped. Pure.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, operators};

/// The function that fails once the time is up, and is true before.
pub(super) const IN_TIME: &str = "@in_time";

/// The same expression, with a look at the clock in every round.
pub(super) fn bounded(expression: &IdedExpr) -> IdedExpr {
    let mut bounded = expression.clone();
    look_within(&mut bounded);
    bounded
}

fn look_within(at: &mut IdedExpr) {
    match &mut at.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| look_within(target));
            call.args.iter_mut().for_each(look_within);
        }
        Expr::Comprehension(it) => {
            for inner in [&mut it.iter_range, &mut it.accu_init, &mut it.loop_cond, &mut it.loop_step, &mut it.result] {
                look_within(inner);
            }
            look_each_round(it);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(look_within),
        Expr::Select(select) => look_within(&mut select.operand),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| look_within_entry(&mut entry.expr)),
        Expr::Struct(it) => it.entries.iter_mut().for_each(|entry| look_within_entry(&mut entry.expr)),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn look_within_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => look_within(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            look_within(&mut entry.key);
            look_within(&mut entry.value);
        }
    }
}

/// The library knows `map` and `filter` by their shape, and is much faster with them: there the look stands in what is
/// appended, or in what decides that. Elsewhere the loop's own condition looks first.
fn look_each_round(it: &mut ComprehensionExpr) {
    let appends = |step: &IdedExpr| matches!(&step.expr, Expr::Call(call) if call.func_name == operators::ADD && matches!(call.args.get(1).map(|it| &it.expr), Some(Expr::List(_))));
    if let Expr::Call(step) = &mut it.loop_step.expr {
        if step.func_name == operators::CONDITIONAL && step.args.get(1).is_some_and(appends) {
            return step.args.iter_mut().take(1).for_each(look_first);
        }
        if step.func_name == operators::ADD
            && let Some(Expr::List(list)) = step.args.get_mut(1).map(|it| &mut it.expr)
        {
            return list.elements.iter_mut().for_each(look_first);
        }
    }
    look_first(&mut it.loop_cond);
}

/// `in_time() ? it : in_time()`: the second call is never reached, the first is true or fails.
fn look_first(at: &mut IdedExpr) {
    let call =
        |name: &str, args: Vec<IdedExpr>| Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args });
    let id = at.id;
    let look = || IdedExpr { id, expr: call(IN_TIME, Vec::new()) };
    let inner = std::mem::take(at);
    *at = IdedExpr { id, expr: call(operators::CONDITIONAL, vec![look(), inner, look()]) };
}
