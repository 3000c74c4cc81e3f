//! Regular expressions: `regexMatch`, `regexReplaceAll` and the like.

use go_template::{Context, Error, ErrorKind, Function, Functions, List, STRINGS, Text, Type, Value};
use regex::bytes::{Captures, Regex};

use crate::args::{int, text};
use crate::goregex::{self, CompileError};
use crate::gostring;

pub(super) fn add(functions: &mut Functions) {
    const SS: &[Type] = &[Type::String, Type::String];
    const SSS: &[Type] = &[Type::String, Type::String, Type::String];
    const SSI: &[Type] = &[Type::String, Type::String, Type::Int];

    functions.add(
        "regexMatch",
        Function::new(SS, |context, args| match expression(args, context) {
            Ok(regex) => Ok(regex.is_match(text(args, 1).as_bytes()).into()),
            Err(error) if error.kind() == ErrorKind::Limit => Err(error),
            Err(_) => Ok(false.into()),
        }),
    );
    functions.add(
        "mustRegexMatch",
        Function::new(SS, |context, args| Ok(expression(args, context)?.is_match(text(args, 1).as_bytes()).into())),
    );
    functions.add(
        "regexQuoteMeta",
        Function::new(&[Type::String], |_, args| {
            let mut out = Vec::new();
            for byte in text(args, 0).as_bytes() {
                if b"\\.+*?()|[]{}^$".contains(byte) {
                    out.push(b'\\');
                }
                out.push(*byte);
            }
            Ok(Text::from(out).into())
        }),
    );
    for (name, compiled) in [("regexFind", sure as Compile), ("mustRegexFind", expression)] {
        functions.add(
            name,
            Function::new(SS, move |context, args| {
                let whole = text(args, 1);
                let found = compiled(args, context)?.find(whole.as_bytes()).map(|found| Text::from(found.as_bytes()));
                Ok(found.unwrap_or_default().into())
            }),
        );
    }
    for (name, compiled) in [("regexFindAll", sure as Compile), ("mustRegexFindAll", expression)] {
        functions.add(
            name,
            Function::new(SSI, move |context, args| {
                let whole = text(args, 1);
                let regex = compiled(args, context)?;
                let mut found = Vec::new();
                let parts = regex.find_iter(whole.as_bytes()).filter(|part| counts(whole.as_bytes(), part.range()));
                for part in parts.take(most(int(args, 2))) {
                    context.step(1)?;
                    context.charge(OF_PART)?;
                    found.push(Text::from(part.as_bytes()));
                }
                Ok(strings(found))
            }),
        );
    }
    for (name, compiled) in [("regexReplaceAll", sure as Compile), ("mustRegexReplaceAll", expression)] {
        functions.add(
            name,
            Function::new(SSS, move |context, args| replace(args, &compiled(args, context)?, context, expand)),
        );
    }
    for (name, compiled) in [("regexReplaceAllLiteral", sure as Compile), ("mustRegexReplaceAllLiteral", expression)] {
        functions.add(
            name,
            Function::new(SSS, move |context, args| {
                replace(args, &compiled(args, context)?, context, |_, _, replacement, out| {
                    out.extend_from_slice(replacement);
                })
            }),
        );
    }
    for (name, compiled) in [("regexSplit", sure as Compile), ("mustRegexSplit", expression)] {
        functions.add(name, Function::new(SSI, move |context, args| split(args, &compiled(args, context)?, context)));
    }
}

/// How a function compiles its first argument.
type Compile = fn(&[Value], &mut Context) -> Result<Regex, Error>;

/// Bytes that a part of a text takes on top of its own.
const OF_PART: usize = 64;

/// The expression of a function that panics when it cannot be compiled, as those without `must` do.
fn sure(args: &[Value], context: &mut Context) -> Result<Regex, Error> {
    let pattern = text(args, 0).to_str().into_owned();
    compile(&pattern, context, |error| {
        let plain = !pattern.chars().any(|c| c == '`' || c == '\u{7F}' || c == '\u{FEFF}' || (c < ' ' && c != '\t'));
        let shown = if plain { format!("`{pattern}`") } else { go_template::quote(pattern.as_bytes()) };
        format!("regexp: Compile({shown}): {error}")
    })
}

fn expression(args: &[Value], context: &mut Context) -> Result<Regex, Error> {
    compile(&text(args, 0).to_str(), context, |error| error)
}

/// Compiles an expression, which costs steps by its size. `words` turns Go's words into those of the function.
fn compile(pattern: &str, context: &mut Context, words: impl FnOnce(String) -> String) -> Result<Regex, Error> {
    goregex::compile(pattern, |states| context.step(states.saturating_add(500))).map_err(|error| match error {
        CompileError::Go(error) => Error::new(words(error)),
        CompileError::Refused(error) => error,
    })
}

/// Whether a match counts for Go, which walks over characters: an empty one within the bytes of a character does not.
fn counts(text: &[u8], range: std::ops::Range<usize>) -> bool {
    !range.is_empty() || gostring::is_boundary(text, range.start)
}

/// A negative number means all.
fn most(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A slice that Go never makes when there is nothing to put into it.
fn strings(parts: Vec<Text>) -> Value {
    Value::List(if parts.is_empty() { List::nil(STRINGS) } else { List::strings(parts) })
}

fn replace(
    args: &[Value],
    regex: &Regex,
    context: &mut Context,
    write: impl Fn(&Regex, &Captures<'_>, &[u8], &mut Vec<u8>),
) -> Result<Value, Error> {
    let (whole, replacement) = (text(args, 1), text(args, 2));
    let mut out = Vec::new();
    let mut end = 0;
    let mut charged = 0;
    for captures in regex.captures_iter(whole.as_bytes()) {
        context.step(1)?;
        let found = captures.get(0).expect("the match itself");
        if !counts(whole.as_bytes(), found.range()) {
            continue;
        }
        out.extend_from_slice(whole.as_bytes().get(end..found.start()).unwrap_or_default());
        write(regex, &captures, replacement.as_bytes(), &mut out);
        end = found.end();
        context.charge(out.len() - charged)?;
        charged = out.len();
    }
    out.extend_from_slice(whole.as_bytes().get(end..).unwrap_or_default());
    Ok(Text::from(out).into())
}

/// Writes a replacement: `$1`, `${1}`, `$name` and `$$` have a meaning.
fn expand(regex: &Regex, captures: &Captures<'_>, mut template: &[u8], out: &mut Vec<u8>) {
    loop {
        let mut parts = template.splitn(2, |byte| *byte == b'$');
        let (Some(plain), Some(rest)) = (parts.next(), parts.next()) else { break };
        out.extend_from_slice(plain);
        if let Some(rest) = rest.strip_prefix(b"$") {
            out.push(b'$');
            template = rest;
            continue;
        }
        let Some((name, tail)) = variable(rest) else {
            out.push(b'$');
            template = rest;
            continue;
        };
        template = tail;
        let number = (!name.starts_with('0') || name == "0").then(|| name.parse::<usize>().ok()).flatten();
        let group = if let Some(number) = number {
            captures.get(number)
        } else {
            let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
            let name = if digit_first { format!("_{name}") } else { name.to_owned() };
            regex.capture_names().flatten().any(|known| known == name).then(|| captures.name(&name)).flatten()
        };
        if let Some(group) = group {
            out.extend_from_slice(group.as_bytes());
        }
    }
    out.extend_from_slice(template);
}

/// The name behind a `$`, and what follows.
fn variable(text: &[u8]) -> Option<(&str, &[u8])> {
    let (braces, text) = text.strip_prefix(b"{").map_or((false, text), |rest| (true, rest));
    let length = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if length == 0 {
        return None;
    }
    let (name, mut rest) = text.split_at(length);
    if braces {
        rest = rest.strip_prefix(b"}")?;
    }
    Some((std::str::from_utf8(name).ok()?, rest))
}

/// Go's `Regexp.Split`.
fn split(args: &[Value], regex: &Regex, context: &mut Context) -> Result<Value, Error> {
    let (pattern, whole, count) = (text(args, 0), text(args, 1), int(args, 2));
    if count == 0 {
        return Ok(strings(Vec::new()));
    }
    if !pattern.is_empty() && whole.is_empty() {
        return Ok(strings(vec![Text::default()]));
    }
    let bytes = whole.as_bytes();
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(bytes).filter(|found| counts(bytes, found.range())).take(most(count)) {
        context.step(1)?;
        if count > 0 && parts.len() + 1 == most(count) {
            break;
        }
        context.charge(OF_PART)?;
        end = found.start();
        if found.end() != 0 {
            parts.push(Text::from(bytes.get(begin..end).unwrap_or_default()));
        }
        begin = found.end();
    }
    if end != bytes.len() {
        parts.push(Text::from(bytes.get(begin..).unwrap_or_default()));
    }
    Ok(Value::List(List::strings(parts)))
}
