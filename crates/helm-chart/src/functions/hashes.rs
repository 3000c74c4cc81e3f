//! Hashes, and AES as sprig has it.

use aes::Aes256;
use aes::cipher::{BlockDecrypt as _, KeyInit as _};
use go_template::{Error, Function, Functions, Type, Value};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::encoding::decode_base64;
use crate::args::text;

/// Bytes of a block.
const BLOCK: usize = 16;

pub(super) fn add(functions: &mut Functions) {
    const S: &[Type] = &[Type::String];
    let mut add = |name: &str, function| functions.add(name, function);
    add("sha1sum", Function::new(S, |_, args| Ok(hex(&Sha1::digest(text(args, 0).as_bytes())))));
    add("sha256sum", Function::new(S, |_, args| Ok(hex(&Sha256::digest(text(args, 0).as_bytes())))));
    add("sha512sum", Function::new(S, |_, args| Ok(hex(&Sha512::digest(text(args, 0).as_bytes())))));
    add(
        "adler32sum",
        Function::new(S, |_, args| {
            let (mut a, mut b) = (1_u32, 0_u32);
            for byte in text(args, 0).as_bytes() {
                a = (a + u32::from(*byte)) % 65_521;
                b = (b + a) % 65_521;
            }
            Ok((b << 16 | a).to_string().into())
        }),
    );
    add(
        "decryptAES",
        Function::new(&[Type::String, Type::String], |_, args| {
            decrypt(text(args, 0).as_bytes(), text(args, 1).as_bytes()).map(Value::from)
        }),
    );
}

fn hex(bytes: &[u8]) -> Value {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(half.into(), 16));
        }
    }
    out.into()
}

/// The key of a password: its first 32 bytes, filled up with zeros.
pub(super) fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().zip(password) {
        *place = *byte;
    }
    key
}

fn decrypt(password: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = decode_base64(text).map_err(Error::new)?;
    let outside =
        |length: usize| Error::new(format!("runtime error: slice bounds out of range [:{BLOCK}] with length {length}"));
    let (vector, body) = bytes.split_at_checked(BLOCK).ok_or_else(|| outside(bytes.len()))?;
    if !body.len().is_multiple_of(BLOCK) {
        return Err(Error::new("crypto/cipher: input not full blocks"));
    }
    let cipher = Aes256::new(&key(password).into());
    let mut out = Vec::with_capacity(body.len());
    let mut previous = vector;
    for block in body.chunks(BLOCK) {
        let mut plain = aes::Block::clone_from_slice(block);
        cipher.decrypt_block(&mut plain);
        out.extend(plain.iter().zip(previous).map(|(a, b)| a ^ b));
        previous = block;
    }
    let Some(padding) = out.last().copied() else {
        return Err(Error::new("runtime error: index out of range [-1]"));
    };
    let Some(length) = out.len().checked_sub(padding.into()) else {
        return Err(Error::new(format!(
            "runtime error: slice bounds out of range [:{}]",
            out.len().cast_signed() - isize::from(padding)
        )));
    };
    out.truncate(length);
    Ok(out)
}
