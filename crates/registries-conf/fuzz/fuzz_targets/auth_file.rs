//! Auth files: a key that is a repository is found under its own name, nothing found is ever printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registries_conf::{AuthFile, Credentials, Lookup};

fuzz_target!(|text: &str| {
    for file in [AuthFile::parse(text), AuthFile::parse_legacy(text)].into_iter().flatten() {
        for key in file.keys() {
            let Ok(repository) = key.parse() else { continue };
            let Some(Lookup::Found(credentials)) = file.credentials_for(&repository) else { continue };
            let secret = match &credentials {
                Credentials::Basic { password, .. } => password,
                Credentials::IdentityToken(token) | Credentials::Bearer(token) => token,
            };
            let shown = format!("{credentials} {credentials:?} {secret} {secret:?}");
            // The words of the redaction itself may be somebody's password.
            assert!(secret.reveal().len() < 20 || !shown.contains(secret.reveal()));
        }
        let shown = format!("{file:?}");
        assert!(!shown.contains("Secret("));
    }
});
