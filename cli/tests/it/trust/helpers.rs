//! Credential helpers: what they get, and that nothing of what they say is told.

use std::os::unix::fs::PermissionsExt as _;

use test_support::{Auth, ImageBuilder, Layer, Registry};

use crate::harness::Home;

const SECRET: &str = "pl4nted-s3cret-word";

/// A helper has the caller's environment without what speaks to this program alone, its answer opens the registry, and
/// whatever it says is in no output and no file.
#[test]
fn credentials_of_a_helper() {
    let source = Registry::builder().auth(Auth::basic("me", SECRET)).start_blocking();
    for name in ["a", "b", "c"] {
        source.push(&format!("ns/{name}"), "v1", &ImageBuilder::oci().layer(Layer::random(1, 4000)).build());
    }
    let check = |script: &str, code: i32, says: &str| {
        let home = Home::new();
        let folder = home.path().join("bin").display().to_string();
        let home = home
            .variable("PATH", format!("{folder}:/usr/bin:/bin"))
            .variable("AWS_PROFILE", "lab")
            .variable("OC_MIRROR_GRAPH_DATA_URL", format!("https://u:{SECRET}@graph.lab/"))
            .variable("UPDATE_URL_OVERRIDE", format!("https://u:{SECRET}@graph.lab/"))
            .variable("OCP_SIGNATURE_URL", format!("https://u:{SECRET}@signatures.lab/"));
        let helper = home.write(
            "bin/docker-credential-lab",
            format!("#!/bin/sh\nenv >>\"$HOME/env\"\necho \"$1 $(cat)\" >>\"$HOME/asked\"\n{script}\n"),
        );
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        home.additional_images(["a", "b", "c"].map(|name| format!("{}/ns/{name}:v1", source.host())));
        home.write("auth.json", format!("{{\"credHelpers\": {{\"{}\": \"lab\"}}}}", source.host()));
        let outcome = home.to_disk(&["--authfile", "auth.json", "--log-level", "trace", "--retry-times", "1"]);
        outcome.code(code).says(says);
        let asked = std::fs::read_to_string(home.path().join("asked")).unwrap();
        assert_eq!(asked, format!("get {}\n", source.host()), "asked once for three images");
        let env = std::fs::read_to_string(home.path().join("env")).unwrap();
        assert!(env.contains("AWS_PROFILE=lab\n") && env.contains("HOME="), "{env}");
        for (what, text) in [("environment", &env), ("output", &outcome.stdout), ("errors", &outcome.stderr)] {
            assert!(!text.contains(SECRET), "{what}: {text}");
        }
        for name in home.files().iter().filter(|name| !name.starts_with("bin/")) {
            let bytes = std::fs::read(home.path().join(name)).unwrap();
            assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{name} has the secret");
        }
    };
    let good = format!("echo '{{\"Username\":\"me\",\"Secret\":\"{SECRET}\"}}'; echo {SECRET} >&2");
    check(&good, 0, "3 / 3 additional images mirrored successfully");
    check(&format!("echo {SECRET}; echo {SECRET} >&2; exit 1"), 8, "get` shows what it says");
    check(&format!("echo {SECRET}"), 8, "something else than a JSON object");
}
