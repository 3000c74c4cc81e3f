//! What chance would decide: random texts, identifiers and the hashes of passwords are fixed here.
//!
//! A mirror renders a chart twice, before and behind the gap, and has to find the same images both times. The fixed
//! texts have the length and the alphabet of the random ones, so that whatever a chart does with them works.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use go_template::{Context, Error, Function, Functions, Text, Type, Value};

use super::hashes;
use crate::args::{int, text};

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";
/// A letter comes first, so that the text can be a name.
const BOTH: &[u8] = b"a0b1c2d3e4f5g6h7i8j9";

pub(super) fn add(functions: &mut Functions) {
    const I: &[Type] = &[Type::Int];
    let mut add = |name: &str, function| functions.add(name, function);
    for (name, alphabet) in
        [("randAlphaNum", BOTH), ("randAlpha", LETTERS), ("randAscii", BOTH), ("randNumeric", DIGITS)]
    {
        add(name, Function::new(I, move |context, args| filled(alphabet, int(args, 0), context)));
    }
    add(
        "randBytes",
        Function::new(I, |context, args| {
            let count =
                usize::try_from(int(args, 0)).map_err(|_| Error::new("runtime error: makeslice: len out of range"))?;
            context.charge(count.saturating_mul(2))?;
            Ok(STANDARD.encode(vec![0; count]).into())
        }),
    );
    add(
        "randInt",
        Function::new(&[Type::Int, Type::Int], |_, args| {
            let (min, max) = (int(args, 0), int(args, 1));
            if max.wrapping_sub(min) <= 0 {
                return Err(Error::new("invalid argument to Intn"));
            }
            Ok(Value::Int(min))
        }),
    );
    add(
        "shuffle",
        Function::new(&[Type::String], |_, args| {
            // Every order is as good as another. What is no character becomes U+FFFD, as in Go.
            Ok(Text::from(text(args, 0).to_str()).into())
        }),
    );
    add("uuidv4", Function::new(&[], |_, _| Ok("00000000-0000-4000-8000-000000000000".into())));
    add("bcrypt", Function::new(&[Type::String], |_, args| Ok(bcrypt(&text(args, 0)).into())));
    add(
        "htpasswd",
        Function::new(&[Type::String, Type::String], |_, args| {
            let user = text(args, 0);
            if user.as_bytes().contains(&b':') {
                return Ok(Text::from([b"invalid username: ", user.as_bytes()].concat()).into());
            }
            Ok(Text::from([user.as_bytes(), b":", bcrypt(&text(args, 1)).as_bytes()].concat()).into())
        }),
    );
    add(
        "encryptAES",
        Function::new(&[Type::String, Type::String], |_, args| {
            Ok(encrypt(text(args, 0).as_bytes(), text(args, 1).as_bytes()).into())
        }),
    );
    add(
        "derivePassword",
        Function::new(&[Type::Uint32, Type::String, Type::String, Type::String, Type::String], |_, args| {
            let kind = text(args, 1).to_str().into_owned();
            Ok(match kind.as_str() {
                "maximum" => "a0.aaaaaaaaaaaaaaaaa".into(),
                "long" => "Baba0.BabaBaba".into(),
                "medium" => "Bab0.Bab".into(),
                "short" => "Bab0".into(),
                "basic" => "aaa0aaa0".into(),
                "pin" => "0000".into(),
                other => Value::from(format!("cannot find password template {other}")),
            })
        }),
    );
    // A name is never looked up: Helm answers so too unless it is told to ask.
    add("getHostByName", Function::new(&[Type::String], |_, _| Ok("".into())));
}

fn filled(alphabet: &[u8], count: i64, context: &mut Context) -> Result<Value, Error> {
    // A negative count is an error, which sprig swallows.
    let count = usize::try_from(count).unwrap_or(0);
    context.charge(count)?;
    Ok(Text::from(alphabet.iter().copied().cycle().take(count).collect::<Vec<u8>>()).into())
}

fn bcrypt(password: &Text) -> String {
    if password.len() > 72 {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".into();
    }
    format!("$2a$10${}", "a".repeat(53))
}

/// AES-256 in CBC, with a vector of zeros in place of a random one. `decryptAES` reads it.
fn encrypt(password: &[u8], plain: &[u8]) -> String {
    use aes::cipher::{BlockEncrypt as _, KeyInit as _};
    if plain.is_empty() {
        return String::new();
    }
    let mut content = plain.to_vec();
    let padding = 16 - content.len() % 16;
    content.resize(content.len() + padding, u8::try_from(padding).expect("at most 16"));
    let cipher = aes::Aes256::new(&hashes::key(password).into());
    let mut out = vec![0; 16];
    for block in content.chunks(16) {
        let mut next = aes::Block::clone_from_slice(block);
        let previous: [u8; 16] = out.last_chunk().copied().unwrap_or_default();
        for (byte, before) in next.iter_mut().zip(previous) {
            *byte ^= before;
        }
        cipher.encrypt_block(&mut next);
        out.extend_from_slice(&next);
    }
    STANDARD.encode(out)
}
