//! Key rings: reading one ends, joining rings adds up, and no key in noise makes a stranger's message good.
#![no_main]

use image_signature::openpgp::{Keyring, verify};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const KEY: &[u8] = include_bytes!("../fixtures/key.gpg");
const MESSAGE: &[u8] = include_bytes!("../fixtures/message.gpg");

fuzz_target!(|input: (&[u8], u8, u8, bool)| {
    let (noise, at, new, armored) = input;
    let now = Timestamp::from_second(1_800_000_000).expect("in range");
    let good = Keyring::parse(KEY).expect("the key is good");
    let fingerprints: Vec<_> = good.fingerprints().collect();

    let mut altered = KEY.to_vec();
    let at = usize::from(at) % altered.len();
    altered[at] = new;
    let mut text = Vec::new();
    if armored {
        text.extend_from_slice(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n");
    }
    text.extend_from_slice(noise);
    let joined = [noise, KEY].concat();
    for bytes in [noise, text.as_slice(), altered.as_slice(), joined.as_slice()] {
        let Ok(ring) = Keyring::parse(bytes) else { continue };
        let own: Vec<_> = ring.fingerprints().collect();
        assert!(!own.is_empty());
        if let Ok(verified) = verify(MESSAGE, &ring, now) {
            assert!(fingerprints.contains(&verified.primary) && own.contains(&verified.primary));
        }
        let both = ring.and(good.clone());
        assert_eq!(both.fingerprints().count(), own.len() + fingerprints.len());
    }
});
