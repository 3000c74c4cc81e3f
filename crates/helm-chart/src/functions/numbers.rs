//! Numbers: `add`, `mul`, `floor`, `until` and the like.

use go_template::{Context, Error, Function, Functions, List, Type, Value};

use super::cast::{to_float, to_int};
use super::decimal::Decimal;
use crate::args::{arg, behind, int, text};

/// `[]int`
const INTS: Type = Type::Slice(&Type::Int);

pub(super) fn add(functions: &mut Functions) {
    const A: &[Type] = &[Type::Any];
    const AA: &[Type] = &[Type::Any, Type::Any];
    const I: &[Type] = &[Type::Int];
    let mut add = |name: &str, function| functions.add(name, function);

    add("int", Function::new(A, |_, args| Ok(Value::Int(to_int(arg(args, 0))))));
    add("int64", Function::new(A, |_, args| Ok(Value::Int64(to_int(arg(args, 0))))));
    add("float64", Function::new(A, |_, args| Ok(Value::Float(to_float(arg(args, 0))))));
    add("atoi", Function::new(&[Type::String], |_, args| Ok(Value::Int(atoi(&text(args, 0).to_str())))));
    add(
        "toDecimal",
        Function::new(A, |context, args| {
            let text = context.print(std::slice::from_ref(arg(args, 0)))?;
            Ok(Value::Int64(octal(&text.to_str())))
        }),
    );

    add("add1", Function::new(A, |_, args| Ok(Value::Int64(to_int(arg(args, 0)).wrapping_add(1)))));
    add("add", Function::variadic(A, |_, args| Ok(Value::Int64(args.iter().map(to_int).fold(0, i64::wrapping_add)))));
    add("sub", Function::new(AA, |_, args| Ok(Value::Int64(to_int(arg(args, 0)).wrapping_sub(to_int(arg(args, 1)))))));
    add("mul", Function::variadic(AA, |_, args| Ok(Value::Int64(args.iter().map(to_int).fold(1, i64::wrapping_mul)))));
    add(
        "div",
        Function::new(AA, |_, args| {
            let by = divisor(arg(args, 1))?;
            Ok(Value::Int64(to_int(arg(args, 0)).wrapping_div(by)))
        }),
    );
    add(
        "mod",
        Function::new(AA, |_, args| {
            let by = divisor(arg(args, 1))?;
            Ok(Value::Int64(to_int(arg(args, 0)).wrapping_rem(by)))
        }),
    );
    for name in ["max", "biggest"] {
        add(
            name,
            Function::variadic(AA, |_, args| Ok(Value::Int64(args.iter().map(to_int).max().unwrap_or_default()))),
        );
    }
    add("min", Function::variadic(AA, |_, args| Ok(Value::Int64(args.iter().map(to_int).min().unwrap_or_default()))));
    add(
        "maxf",
        Function::variadic(AA, |_, args| Ok(Value::Float(args.iter().map(to_float).reduce(max).unwrap_or_default()))),
    );
    add(
        "minf",
        Function::variadic(AA, |_, args| {
            Ok(Value::Float(args.iter().map(to_float).reduce(|a, b| -max(-a, -b)).unwrap_or_default()))
        }),
    );

    add("add1f", Function::new(A, |_, args| decimal(arg(args, 0), &[Value::Int(1)], Decimal::add)));
    add("addf", Function::variadic(A, |_, args| decimal(&Value::Float(0.0), args, Decimal::add)));
    add("subf", Function::variadic(AA, |_, args| decimal(arg(args, 0), behind(args, 1), Decimal::sub)));
    add("mulf", Function::variadic(AA, |_, args| decimal(arg(args, 0), behind(args, 1), Decimal::mul)));
    add("divf", Function::variadic(AA, |_, args| decimal(arg(args, 0), behind(args, 1), Decimal::div)));

    add("floor", Function::new(A, |_, args| Ok(Value::Float(to_float(arg(args, 0)).floor()))));
    add("ceil", Function::new(A, |_, args| Ok(Value::Float(to_float(arg(args, 0)).ceil()))));
    add(
        "round",
        Function::variadic(&[Type::Any, Type::Int, Type::Float64], |_, args| {
            let on = args.get(2).and_then(Value::as_float).unwrap_or(0.5);
            Ok(Value::Float(round(to_float(arg(args, 0)), int(args, 1), on)))
        }),
    );

    add(
        "until",
        Function::new(I, |context, args| {
            let count = int(args, 0);
            counted(0, count, if count < 0 { -1 } else { 1 }, context).map(ints)
        }),
    );
    add(
        "untilStep",
        Function::new(&[Type::Int, Type::Int, Type::Int], |context, args| {
            counted(int(args, 0), int(args, 1), int(args, 2), context).map(ints)
        }),
    );
    add(
        "seq",
        Function::variadic(I, |context, args| {
            let params: Vec<i64> = args.iter().filter_map(Value::as_int).collect();
            let numbers = match params[..] {
                [end] => {
                    let step = if end < 1 { -1 } else { 1 };
                    counted(1, end.wrapping_add(step), step, context)?
                }
                [start, end] => {
                    let step = if end < start { -1 } else { 1 };
                    counted(start, end.wrapping_add(step), step, context)?
                }
                [start, step, end] => {
                    if end < start && step > 0 {
                        return Ok("".into());
                    }
                    counted(start, end.wrapping_add(if end < start { -1 } else { 1 }), step, context)?
                }
                _ => return Ok("".into()),
            };
            let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
            Ok(numbers.join(" ").into())
        }),
    );
}

fn divisor(value: &Value) -> Result<i64, Error> {
    match to_int(value) {
        0 => Err(Error::new("runtime error: integer divide by zero")),
        by => Ok(by),
    }
}

/// `strconv.Atoi`: 0 for what is no number, the nearest number for what is too large.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

/// `strconv.ParseInt(text, 8, 64)`; what it cannot read is 0.
fn octal(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.starts_with(['+', '-']) {
        return 0;
    }
    i64::from_str_radix(text, 8).unwrap_or(0)
}

/// `math.Max`: "not a number" wins, and 0 is larger than -0.
fn max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a == 0.0 && b == 0.0 {
        return if a.is_sign_negative() { b } else { a };
    }
    if a > b { a } else { b }
}

fn decimal(
    first: &Value,
    others: &[Value],
    operation: fn(Decimal, &Decimal) -> Result<Decimal, Error>,
) -> Result<Value, Error> {
    let mut result = Decimal::from_float(to_float(first))?;
    for other in others {
        result = operation(result, &Decimal::from_float(to_float(other))?)?;
    }
    Ok(Value::Float(result.to_float()))
}

fn round(value: f64, places: i64, on: f64) -> f64 {
    let power = 10_f64.powf(places as f64);
    let digit = power * value;
    let part = digit.fract();
    let rounded = if part >= on { digit.ceil() } else { digit.floor() };
    rounded / power
}

/// sprig's `untilStep`.
fn counted(start: i64, stop: i64, step: i64, context: &mut Context) -> Result<Vec<i64>, Error> {
    let downwards = stop < start;
    if (downwards && step >= 0) || (!downwards && step <= 0) {
        return Ok(Vec::new());
    }
    let distance = i128::from(stop) - i128::from(start);
    let count = (distance.unsigned_abs()).div_ceil(u128::from(step.unsigned_abs()));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    context.charge(count.saturating_mul(16))?;
    context.step(count as u64)?;
    let mut numbers = Vec::with_capacity(count);
    let mut number = start;
    for _ in 0..count {
        numbers.push(number);
        number = number.wrapping_add(step);
    }
    Ok(numbers)
}

fn ints(numbers: Vec<i64>) -> Value {
    Value::List(List::typed(INTS, numbers.into_iter().map(Value::Int).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::cast::parse_int;
    use crate::yaml;

    #[test]
    fn numbers_in_texts_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("12", Some(12)),
            ("0x1F", Some(31)),
            ("0b11", Some(3)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("1_000", Some(1000)),
            ("0x_1", Some(1)),
            ("_1", None),
            ("1__0", None),
            ("1_", None),
            ("09", None),
            ("", None),
            ("-", None),
            ("1.5", None),
        ] {
            assert_eq!(parse_int(text), expected, "{text}");
        }
        assert_eq!(yaml::parse_int("0o17"), Some(15));
        assert_eq!((atoi("12"), atoi("x"), atoi("99999999999999999999")), (12, 0, i64::MAX));
    }
}
