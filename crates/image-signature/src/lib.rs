//! Image signatures: OpenPGP simple signing, cosign payloads, and the evaluation of trust policies.
