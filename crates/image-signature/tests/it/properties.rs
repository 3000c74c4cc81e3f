//! What holds for every input.

use image_signature::cosign::{PublicKey, SigningKey};
use image_signature::openpgp::{Keyring, verify};
use image_signature::{Payload, PayloadKind, SignatureBlob};
use proptest::prelude::*;

use crate::cosign::{key_pem, payload};
use crate::now;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsers_never_panic_and_noise_proves_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = SignatureBlob::parse(&bytes);
        let _ = Payload::parse(&bytes, PayloadKind::SimpleSigning);
        let ring = Keyring::parse(&bytes).unwrap_or_default();
        prop_assert!(verify(&bytes, &ring, now()).is_err());
    }

    #[test]
    fn a_payload_survives_its_own_json(reference in "\\PC{0,40}", creator in prop::option::of("\\PC{0,10}"), timestamp in any::<Option<i64>>()) {
        let payload = Payload { creator, timestamp, ..payload(&reference) };
        prop_assert_eq!(Payload::parse(&payload.to_cosign_json(), PayloadKind::Cosign).unwrap(), payload);
    }

    #[test]
    fn no_other_message_fits_a_signature(at in 0..100_usize, bit in 0..8_u32) {
        let key = SigningKey::from_pem(&key_pem(1)).unwrap();
        let signed = key.sign(&payload("reg.io/a:1"));
        let mut altered = signed.payload.clone();
        let at = at % altered.len();
        altered[at] ^= 1 << bit;
        let public = PublicKey::from_pem(&key.public_pem()).unwrap();
        prop_assert!(!public.verifies(&altered, &signed.signature().unwrap()));
    }
}
