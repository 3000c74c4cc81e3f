//! OpenPGP messages: noise proves nothing, and whatever is done to a good message, it never says anything else.
#![no_main]

use image_signature::openpgp::{Keyring, verify};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// A key, and two messages of it, made by gpg: one compressed, one not.
const KEY: &[u8] = include_bytes!("../fixtures/key.gpg");
const GOOD: [&[u8]; 2] = [include_bytes!("../fixtures/message.gpg"), include_bytes!("../fixtures/message-plain.gpg")];

/// A place in the good message, how many bytes go there, and what comes instead.
type Edit<'a> = (u16, u8, &'a [u8]);

fuzz_target!(|input: (&[u8], bool, Vec<Edit<'_>>)| {
    let (noise, plain, edits) = input;
    let ring = Keyring::parse(KEY).expect("the key is good");
    let now = Timestamp::from_second(1_800_000_000).expect("in range");
    let good = GOOD[usize::from(plain)];
    let said = verify(good, &ring, now).expect("the message is good").payload;
    let mut message = good.to_vec();
    for (at, gone, new) in edits {
        let from = usize::from(at) % (message.len() + 1);
        let to = (from + usize::from(gone)).min(message.len());
        message.splice(from..to, new.iter().copied());
    }
    for bytes in [noise, message.as_slice()] {
        if let Ok(verified) = verify(bytes, &ring, now) {
            assert_eq!(verified.payload, said);
        }
    }
});
