//! `signedBy`: signatures of simple signing, at a server and in a folder.

use std::process::Command;

use serde_json::json;
use test_support::{Gpg, Registry, ReleaseSigner, Skopeo, UpdateService};

use super::{Sign, World, check_world};

/// What a signature says.
fn payload(name: &str, digest: &str) -> Vec<u8> {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": name},
            "image": {"docker-manifest-digest": digest},
            "type": "atomic container signature",
        },
        "optional": {},
    });
    payload.to_string().into_bytes()
}

/// What a server answers about the signature of a repository and digest.
type Answer<'a> = &'a dyn Fn(&str, &str) -> Option<(u16, Vec<u8>)>;

/// Simple-signing signatures on a server: read for the policy, and carried in the archive, since disk to mirror asks
/// nobody.
#[test]
fn simple_signing_on_a_server_travels_in_the_archive() {
    let (trusted, foreign) = (ReleaseSigner::new("signer@lab"), ReleaseSigner::new("signer@lab"));
    let check_one = |what: &str, (list, by_digest), answer: Answer<'_>, refusal: Option<&str>| {
        let world = World::new(list, by_digest, Sign::Nothing);
        let (service, home) = (UpdateService::start_blocking(), &world.home);
        let name = format!("{}/ns/app", world.source.host());
        home.write(
            "registries.d/lab.yaml",
            format!("docker:\n  {name}:\n    lookaside: http://{}/store\n", service.host()),
        );
        home.write("key.asc", trusted.public_key());
        world.policy(&json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc")}));
        for manifest in world.image.manifests() {
            let digest = manifest.digest.to_string();
            if let Some((status, body)) = answer(&name, &digest) {
                let path = format!("/store/ns/app@{}/signature-1", digest.replace(':', "="));
                service.answer(&path, status, body);
            }
        }
        let more = ["--registries.d", "registries.d", "--retry-times", "1"];
        check_world(what, &world, by_digest, refusal, &more);
        if refusal.is_none() {
            let entries = home.entries("mirror_000001.tar");
            let place = format!("working-dir/lookaside/{}/ns/app@sha256=", world.source.host());
            assert!(entries.iter().any(|entry| entry.starts_with(&place)), "{what}: {entries:#?}");
            // In the disconnected network the server is not there, and nobody asks for it.
            service.clear_requests();
            let destination = Registry::start_blocking();
            let options = [&["--secure-policy", "--policy", "policy.json"], &more[..]].concat();
            home.to_mirror(destination.host(), &options).code(0);
            assert!(service.requests().is_empty(), "{what}: {:?}", service.requests());
            // Neither signatures nor a server: nothing can be proven.
            std::fs::remove_dir_all(home.disk()).unwrap();
            home.to_disk(&[]).code(0);
            home.to_mirror(destination.host(), &options)
                .code(8)
                .says("the archive carries none")
                .says("--remove-signatures");
        }
    };
    let sign = |by: &ReleaseSigner, name: &str, digest: &str| Some((200, by.sign(&payload(name, digest))));
    let check = |what: &str, answer: Answer<'_>, refusal: Option<&str>| {
        for form in [(false, false), (false, true), (true, false), (true, true)] {
            check_one(&format!("{what}, {form:?}"), form, answer, refusal);
        }
    };
    let altered = |name: &str, digest: &str| {
        let mut message = trusted.sign(&payload(&format!("{name}:v1"), digest));
        let at = message.windows(8).position(|word| word == b"optional").unwrap();
        message[at] = b'O';
        Some((200, message))
    };
    let nobody = format!("sha256:{}", "0".repeat(64));
    check("good", &|name, digest| sign(&trusted, &format!("{name}:v1"), digest), None);
    check("absent", &|_, _| None, Some("no signature exists"));
    let foreign_key = "none of the signatures found is accepted";
    check("foreign key", &|name, digest| sign(&foreign, &format!("{name}:v1"), digest), Some(foreign_key));
    check("altered", &altered, Some("none of the signatures found is accepted"));
    check("other name", &|name, digest| sign(&trusted, &format!("{name}-other:v1"), digest), Some("is not accepted"));
    let other = "signature for the manifest";
    check("other manifest", &|name, _| sign(&trusted, &format!("{name}:v1"), &nobody), Some(other));
    check("no signature at all", &|_, _| Some((200, b"<html>".to_vec())), Some("unrecognized signature format"));
    // By tag, the tag is part of the name.
    let other_tag: Answer<'_> = &|name, digest| sign(&trusted, &format!("{name}:v2"), digest);
    check_one("other tag", (true, false), other_tag, Some("is not accepted"));
}

/// What it is, who signs, the tag signed for, the manifest signed for if it is another one, why it is refused.
type Row<'a> = (&'a str, Option<&'a str>, &'a str, Option<&'a str>, Option<&'a str>);

/// `signedBy`, with signatures of real gpg in a lookaside folder; skopeo comes to the same verdicts.
#[test]
fn simple_signing_and_skopeo_agrees() {
    let Some(gpg) = Gpg::find() else { return };
    let key = gpg.signing_key("trusted@lab");
    gpg.signing_key("foreign@lab");
    let other = format!("sha256:{}", "0".repeat(64));
    let rows: [Row; 5] = [
        ("good", Some("trusted@lab"), ":v1", None, None),
        ("absent", None, "", None, Some("no signature exists")),
        ("foreign key", Some("foreign@lab"), ":v1", None, Some("none of the signatures found is accepted")),
        ("other name", Some("trusted@lab"), ":v2", None, Some("is not accepted")),
        ("other manifest", Some("trusted@lab"), ":v1", Some(&other), Some("signature for the manifest")),
    ];
    for (what, signer, tag, named, refusal) in rows {
        let world = World::new(true, false, Sign::Nothing);
        let home = &world.home;
        let lookaside = format!("default-docker:\n  lookaside: file://{}/sigstore\n", home.path().display());
        home.write("registries.d/default.yaml", lookaside);
        home.write("key.asc", &key);
        world.policy(&json!({
            "type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc"),
        }));
        for manifest in world.image.manifests() {
            let Some(signer) = signer else { continue };
            let name = format!("{}/ns/app{tag}", world.source.host());
            let digest = manifest.digest.to_string();
            let message = gpg.sign(signer, &payload(&name, named.unwrap_or(&digest)), &[]);
            home.write(&format!("sigstore/ns/app@{}/signature-1", digest.replace(':', "=")), message);
        }
        let outcome = world.to_disk(&["--registries.d", "registries.d"]);
        match refusal {
            None => outcome.code(0),
            Some(why) => outcome.code(8).says("is rejected by policy").says(why),
        };
        if Skopeo::find().is_some() {
            let output = Command::new("skopeo")
                .args(["--policy", "policy.json", "--registries.d", "registries.d", "copy", "--all", "-q"])
                .args(["--remove-signatures", "--src-tls-verify=false"])
                .arg(format!("docker://{}/ns/app:v1", world.source.host()))
                .arg(format!("oci:{}", home.path().join("layout").display()))
                .current_dir(home.path())
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.success(), refusal.is_none(), "{what}: skopeo says {words}");
        }
    }
}
