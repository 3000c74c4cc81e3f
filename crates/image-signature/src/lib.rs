//! Image signatures: `OpenPGP` simple signing, cosign payloads, and the evaluation of trust policies.
//!
//! Pure: bytes in, verdicts out. Someone else fetches signatures and manifests and reads key files; the time is a parameter.
//!
//! - [`openpgp::verify`] takes a signed message and a [`openpgp::Keyring`] and gives the payload, or the reason why not.
//! - [`Payload`] is what both kinds of signature say: this name stands for this manifest.
//! - [`cosign::PublicKey`] checks cosign's detached signatures; [`cosign::SigningKey`] makes them.
//! - Certificates of signers (Fulcio, or an authority of one's own) are verified offline, at the moment that a
//!   transparency log confirms where one is required, else now.
//! - [`policy::evaluate`] asks a [`registries_conf::Policy`] whether an image with certain signatures may be used.
//!
//! ```
//! use image_ref::{Digest, ImageRef, Transport};
//! use image_signature::policy::{self, Candidate};
//! use registries_conf::Policy;
//!
//! let text = r#"{"default": [{"type": "reject"}], "transports": {"docker": {"quay.io": [{"type": "insecureAcceptAnything"}]}}}"#;
//! let policy = Policy::parse("policy.json", text).unwrap();
//! let digest = Digest::from_sha256_bytes(&[0; 32]);
//! let ask = |name: &str| {
//!     let image = ImageRef::parse(name).unwrap();
//!     let candidate =
//!         Candidate { transport: &Transport::Docker, image: &image, manifest_digest: &digest, signatures: &[] };
//!     policy::evaluate(&policy, &candidate, jiff::Timestamp::UNIX_EPOCH, &|_| Err("no files".to_owned()))
//! };
//! assert!(ask("quay.io/ns/app:1").is_ok());
//! assert_eq!(
//!     ask("reg.io/ns/app:1").unwrap_err().to_string(),
//!     "reg.io/ns/app:1 is rejected by policy: `reject` of default of policy.json: images here are refused",
//! );
//! ```
//!
//! The crate knows no registry, no file and no clock.
//!
//! ## Deviations
//! From containers/image:
//! - Data signatures made with MD5, SHA-1 or RIPEMD-160 are refused, whatever a local gpg would say.
//! - A requirement that cannot be verified here (`signedBaseLayer`, reserved key types) refuses and says so. It never
//!   accepts.
//! - Certificates with an ECDSA P-521 key, or a path through one, are not trusted; neither is SHA-1 nor an RSA key below
//!   2048 bits. A root counts only while it is valid itself.
//! - Fulcio's newer note of the identity provider (1.3.6.1.4.1.57264.1.8) is read beside the older one; both must agree.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod blob;
mod certificate;
pub mod cosign;
pub mod openpgp;
mod payload;
pub mod policy;
mod rekor;

pub use blob::{
    BlobError, COSIGN_BUNDLE, COSIGN_CERTIFICATE, COSIGN_CHAIN, COSIGN_MEDIA_TYPE, COSIGN_SIGNATURE, SignatureBlob,
    SigstoreSignature,
};
pub use payload::{COSIGN_TYPE, Payload, PayloadError, PayloadKind, SIMPLE_SIGNING_TYPE};
