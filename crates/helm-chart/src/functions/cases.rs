//! Upper and lower case, and words written as one: `upper`, `title`, `snakecase`, `camelcase`.

use go_template::{Error, Function, Functions, Type, Value};

use crate::args::text;
use crate::gostring;

pub(super) fn add(functions: &mut Functions) {
    const S: &[Type] = &[Type::String];
    for (name, change) in [
        ("upper", (|text| text.chars().map(upper).collect()) as fn(&str) -> String),
        ("lower", |text| text.chars().map(lower).collect()),
        ("title", title_words),
        ("untitle", untitle_words),
        ("swapcase", swap),
        ("snakecase", |text| connected(text, '_')),
        ("kebabcase", |text| connected(text, '-')),
        ("camelcase", pascal),
    ] {
        let function = Function::new(S, move |_, args| -> Result<Value, Error> {
            // Bytes that are no character become U+FFFD, as in Go.
            Ok(change(&text(args, 0).to_str()).into())
        });
        functions.add(name, function);
    }
}

/// `unicode.ToUpper`: one character for one.
pub(super) fn upper(character: char) -> char {
    let mut all = character.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// `unicode.ToLower`: one character for one.
pub(super) fn lower(character: char) -> char {
    let mut all = character.to_lowercase();
    // The dotted capital I is the only one with two characters, of which the first is the simple form.
    all.next().unwrap_or(character)
}

/// `unicode.ToTitle`: as upper case, but for the letters that are two in one.
fn title(character: char) -> char {
    match character {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        c => upper(c),
    }
}

fn is_title(character: char) -> bool {
    matches!(character, '\u{1C5}' | '\u{1C8}' | '\u{1CB}' | '\u{1F2}')
}

/// `strings.Title`
fn title_words(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|character| {
            let starts = match previous {
                c if c.is_ascii() => !(c.is_ascii_alphanumeric() || c == '_'),
                c if c.is_alphanumeric() => false,
                c => gostring::is_space(c),
            };
            previous = character;
            if starts { title(character) } else { character }
        })
        .collect()
}

fn untitle_words(text: &str) -> String {
    let mut starts = true;
    text.chars()
        .map(|character| {
            if gostring::is_space(character) {
                starts = true;
                return character;
            }
            if std::mem::take(&mut starts) { lower(character) } else { character }
        })
        .collect()
}

/// goutils' `SwapCase`
fn swap(text: &str) -> String {
    let mut blank = true;
    text.chars()
        .map(|character| {
            if character.is_uppercase() || is_title(character) {
                blank = false;
                lower(character)
            } else if character.is_lowercase() {
                if std::mem::take(&mut blank) { title(character) } else { upper(character) }
            } else {
                blank = gostring::is_space(character);
                character
            }
        })
        .collect()
}

fn is_connector(character: char) -> bool {
    matches!(character, '-' | '_') || gostring::is_space(character)
}

/// xstrings' `ToPascalCase`
fn pascal(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    let Some(mut current) = characters.by_ref().find(|character| {
        let connector = is_connector(*character);
        if connector {
            out.push(*character);
        }
        !connector
    }) else {
        // Only connectors: the last one is written twice.
        if let Some(last) = text.chars().last() {
            out.push(last);
        }
        return out;
    };
    let mut first_upper = current.is_uppercase();
    current = upper(current);
    for character in characters {
        let previous = std::mem::replace(&mut current, character);
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
            continue;
        }
        if is_connector(previous) {
            first_upper = current.is_uppercase();
            current = upper(current);
        } else {
            if first_upper {
                if current.is_uppercase() {
                    current = lower(current);
                } else {
                    first_upper = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// xstrings' `ToSnakeCase` and `ToKebabCase`
fn connected(text: &str, connector: char) -> String {
    let mut out = String::new();
    if text.is_empty() {
        return out;
    }
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            write_lower(&mut out, kind, word, connector);
        }
        let (previous, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match previous {
            Word::Number => {
                while matches!(kind, Word::Alphabet | Word::Number) {
                    write_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::Invalid | Word::Punctuation | Word::Connector) {
                    out.push(connector);
                }
            }
            Word::Connector => write_lower(&mut out, previous, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ => {
                if rest.is_empty() {
                    continue;
                }
                let last = word;
                (kind, word, rest) = next_word(rest);
                // A number behind capitals belongs to them: `Bld4Floor`.
                if kind != Word::Alphabet {
                    write_lower(&mut out, Word::Number, last, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                    continue;
                }
                // Unless lower case follows: `HTTP2xx`.
                out.push(connector);
                write_lower(&mut out, Word::Number, last, connector);
                while matches!(kind, Word::Alphabet | Word::Number) {
                    write_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::Invalid | Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
        }
    }
    write_lower(&mut out, kind, word, connector);
    out
}

fn write_lower(out: &mut String, kind: Word, word: &str, connector: char) {
    if !matches!(kind, Word::Upper | Word::Connector) {
        out.push_str(word);
        return;
    }
    for character in word.chars() {
        out.push(match character {
            c if is_connector(c) => connector,
            c if c.is_uppercase() => lower(c),
            c => c,
        });
    }
}

/// `unicode.IsPunct`, for ASCII and what Unicode counts as punctuation in texts of charts.
fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation() && !"$+<=>^`|~".contains(character);
    }
    matches!(character, '\u{A1}' | '\u{A7}' | '\u{AB}' | '\u{B6}' | '\u{B7}' | '\u{BB}' | '\u{BF}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}')
}

fn is_letter(character: char) -> bool {
    character.is_alphabetic()
}

fn next_word(text: &str) -> (Word, &str, &str) {
    let Some(first) = text.chars().next() else { return (Word::Invalid, "", "") };
    let length = |accepts: &dyn Fn(char) -> bool| {
        text.char_indices().skip(1).find(|(_, c)| !accepts(*c)).map_or(text.len(), |(index, _)| index)
    };
    let lower_letters = |c: char| is_letter(c) && !c.is_uppercase();
    let (kind, end) = if is_connector(first) {
        (Word::Connector, length(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, length(&is_punctuation))
    } else if first.is_uppercase() {
        let second = text.chars().nth(1);
        let end = match second {
            Some(c) if c.is_uppercase() => {
                let end = length(&char::is_uppercase);
                // `HTTPStatus` is `HTTP` and `Status`.
                let (upper, behind) = text.split_at_checked(end).unwrap_or((text, ""));
                match behind.chars().next() {
                    Some(c) if is_letter(c) => end - upper.chars().next_back().map_or(0, char::len_utf8),
                    _ => end,
                }
            }
            Some(c) if is_letter(c) => length(&lower_letters),
            _ => first.len_utf8(),
        };
        (Word::Upper, end)
    } else if is_letter(first) {
        (Word::Alphabet, length(&lower_letters))
    } else if first.is_numeric() {
        (Word::Number, length(&char::is_numeric))
    } else {
        let other = |c: char| !(is_connector(c) || is_letter(c) || c.is_numeric() || is_punctuation(c));
        (Word::Other, length(&other))
    };
    let (word, rest) = text.split_at(end);
    (kind, word, rest)
}
