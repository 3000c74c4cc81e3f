//! Types, defaults and what is empty: `typeOf`, `default`, `coalesce`, `ternary`.

use go_template::{Function, Functions, Type, Value};

use super::equal::deep_equal;
use super::is_empty;
use crate::args::{arg, text};

pub(super) fn add(functions: &mut Functions) {
    const A: &[Type] = &[Type::Any];
    const SA: &[Type] = &[Type::String, Type::Any];
    let mut add = |name: &str, function| functions.add(name, function);

    add("typeOf", Function::new(A, |_, args| Ok(arg(args, 0).type_name().into())));
    add("typeIs", Function::new(SA, |_, args| Ok((text(args, 0) == arg(args, 1).type_name().as_str()).into())));
    add(
        "typeIsLike",
        Function::new(SA, |_, args| {
            let (wanted, found) = (text(args, 0), arg(args, 1).type_name());
            Ok((wanted == found.as_str() || found.strip_prefix('*').is_some_and(|found| wanted == found)).into())
        }),
    );
    add("kindOf", Function::new(A, |_, args| Ok(arg(args, 0).kind().name().into())));
    add("kindIs", Function::new(SA, |_, args| Ok((text(args, 0) == arg(args, 1).kind().name()).into())));
    add(
        "deepEqual",
        Function::new(&[Type::Any, Type::Any], |context, args| {
            deep_equal(arg(args, 0), arg(args, 1), context).map(Value::from)
        }),
    );
    add("empty", Function::new(A, |_, args| Ok(is_empty(arg(args, 0)).into())));
    add(
        "default",
        Function::variadic(&[Type::Any, Type::Any], |_, args| {
            Ok(args.get(1).filter(|given| !is_empty(given)).unwrap_or(arg(args, 0)).clone())
        }),
    );
    add(
        "coalesce",
        Function::variadic(A, |_, args| Ok(args.iter().find(|value| !is_empty(value)).cloned().unwrap_or_default())),
    );
    add("all", Function::variadic(A, |_, args| Ok((!args.iter().any(is_empty)).into())));
    add("any", Function::variadic(A, |_, args| Ok((!args.iter().all(is_empty)).into())));
    add(
        "ternary",
        Function::new(&[Type::Any, Type::Any, Type::Bool], |_, args| {
            Ok(arg(args, usize::from(arg(args, 2).as_bool() != Some(true))).clone())
        }),
    );
}
