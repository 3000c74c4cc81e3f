//! `signedBy`: signatures of simple signing, at a server and in a folder.

use serde_json::json;
use test_support::{Gpg, Registry, ReleaseSigner, Skopeo, UpdateService};

use super::{FORMS, Form, Row, World, check_world};

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

/// What the server has of a row, under the name of its repository, for a digest.
type Answer<'a> = &'a dyn Fn(&str, &str, &str) -> Option<Vec<u8>>;

/// Simple-signing signatures on a server: read for the policy, and carried in the archive, since disk to mirror asks
/// nobody.
#[test]
fn simple_signing_on_a_server_travels_in_the_archive() {
    let (trusted, foreign) = (ReleaseSigner::new("signer@lab"), ReleaseSigner::new("signer@lab"));
    let nobody = format!("sha256:{}", "0".repeat(64));
    // What the server answers about a row.
    let answer = |row: &str, name: &str, digest: &str| {
        let tagged = payload(&format!("{name}:v1"), digest);
        Some(match row {
            "good" => trusted.sign(&tagged),
            "foreign-key" => foreign.sign(&tagged),
            "altered" => {
                let mut message = trusted.sign(&tagged);
                let at = message.windows(8).position(|word| word == b"optional").unwrap();
                message[at] = b'O';
                message
            }
            "other-name" => trusted.sign(&payload(&format!("{name}-other:v1"), digest)),
            "other-tag" => trusted.sign(&payload(&format!("{name}:v2"), digest)),
            "other-manifest" => trusted.sign(&payload(&format!("{name}:v1"), &nobody)),
            "no-signature-at-all" => b"<html>".to_vec(),
            _ => return None,
        })
    };
    for form in FORMS {
        let by_digest = form.1;
        let none = "none of the signatures found is accepted";
        let rows: [Row; 8] = [
            ("good", None),
            ("absent", Some("no signature exists")),
            ("foreign-key", Some(none)),
            ("altered", Some(none)),
            ("other-name", Some("is not accepted")),
            // By tag, the tag is part of the name.
            ("other-tag", (!by_digest).then_some("is not accepted")),
            ("other-manifest", Some("signature for the manifest")),
            ("no-signature-at-all", Some("unrecognized signature format")),
        ];
        for rows in [&rows[..], &rows[..1]] {
            check_server(form, rows, &trusted, &answer);
        }
    }
}

/// Every workflow with the signatures of these rows at a server; of the good one alone also what lies in the archive, and
/// what comes of an archive without signatures.
fn check_server(form: Form, rows: &[Row], trusted: &ReleaseSigner, answer: Answer<'_>) {
    let world = World::new(form, rows, &|_, _, _, _| None);
    let (service, home) = (UpdateService::start_blocking(), &world.home);
    let host = world.source.host();
    home.write(
        "registries.d/lab.yaml",
        format!("docker:\n  {host}:\n    lookaside: http://{}/store\n", service.host()),
    );
    home.write("key.asc", trusted.public_key());
    world.policy(&json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc")}));
    for (row, image) in &world.images {
        for manifest in image.manifests() {
            let digest = manifest.digest.to_string();
            if let Some(body) = answer(row, &format!("{host}/ns/{row}"), &digest) {
                let path = format!("/store/ns/{row}@{}/signature-1", digest.replace(':', "="));
                service.answer(&path, 200, body);
            }
        }
    }
    let more = ["--registries.d", "registries.d", "--retry-times", "1"];
    check_world(&world, rows, &more);
    if rows.len() > 1 {
        return;
    }
    let entries = home.entries("mirror_000001.tar");
    let place = format!("working-dir/lookaside/{host}/ns/good@sha256=");
    assert!(entries.iter().any(|entry| entry.starts_with(&place)), "{entries:#?}");
    // In the disconnected network the server is not there, and nobody asks for it.
    service.clear_requests();
    let destination = Registry::start_blocking();
    let options = [&["--secure-policy", "--policy", "policy.json"], &more[..]].concat();
    home.to_mirror(destination.host(), &options).code(0);
    assert!(service.requests().is_empty(), "{:?}", service.requests());
    // Neither signatures nor a server: nothing can be proven.
    std::fs::remove_dir_all(home.disk()).unwrap();
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &options).code(8).says("the archive carries none").says("--remove-signatures");
}

/// A policy of `signedBy` alone asks no registry for cosign signatures, on the first run, on the second, and from registry to
/// registry. `sigstoreSigned` does.
#[test]
fn only_a_policy_for_cosign_asks_for_cosign_signatures() {
    let signer = ReleaseSigner::new("signer@lab");
    let world = World::new((false, true), &[("good", None)], &|_, _, _, _| None);
    let (service, home, host) = (UpdateService::start_blocking(), &world.home, world.source.host());
    let lookaside = format!("docker:\n  {host}:\n    lookaside: http://{}/store\n", service.host());
    home.write("registries.d/lab.yaml", lookaside);
    home.write("key.asc", signer.public_key());
    let digest = world.images[0].1.digest.to_string();
    let message = signer.sign(&payload(&format!("{host}/ns/good:v1"), &digest));
    service.answer(&format!("/store/ns/good@{}/signature-1", digest.replace(':', "=")), 200, message);
    let questions = || {
        let requests = world.source.requests();
        requests.iter().filter(|request| request.path.contains(".sig") || request.path.ends_with("/tags/list")).count()
    };
    let more = ["--registries.d=registries.d", "--remove-signatures", "--retry-times=0"];
    let policy = ["--secure-policy", "--policy=policy.json"];
    let check = |code: i32, asks: bool| {
        world.source.clear_requests();
        world.to_disk(&more).code(code);
        world.to_disk(&more).code(code);
        home.mirror_to_mirror(world.destination.host(), &[&policy[..], &more[..]].concat()).code(code);
        assert_eq!(questions() > 0, asks, "{:?}", world.source.requests());
    };
    world.policy(&json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc")}));
    check(0, false);
    world.policy(&world.key_rule());
    check(8, true);
}

/// `signedBy`, with signatures of real gpg in a lookaside folder; skopeo comes to the same verdicts.
#[test]
fn simple_signing_and_skopeo_agrees() {
    let Some(gpg) = Gpg::find() else { return };
    let key = gpg.signing_key("trusted@lab");
    gpg.signing_key("foreign@lab");
    let other = format!("sha256:{}", "0".repeat(64));
    let rows: [Row; 5] = [
        ("good", None),
        ("absent", Some("no signature exists")),
        ("foreign-key", Some("none of the signatures found is accepted")),
        ("other-tag", Some("is not accepted")),
        ("other-manifest", Some("signature for the manifest")),
    ];
    let world = World::new((true, false), &rows, &|_, _, _, _| None);
    let home = &world.home;
    let lookaside = format!("default-docker:\n  lookaside: file://{}/sigstore\n", home.path().display());
    home.write("registries.d/default.yaml", lookaside);
    home.write("key.asc", &key);
    world.policy(&json!({
        "type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc"),
    }));
    for (row, image) in world.images.iter().filter(|(row, _)| *row != "absent") {
        for manifest in image.manifests() {
            let signer = if *row == "foreign-key" { "foreign@lab" } else { "trusted@lab" };
            let tag = if *row == "other-tag" { "v2" } else { "v1" };
            let digest = manifest.digest.to_string();
            let named = if *row == "other-manifest" { &other } else { &digest };
            let message = gpg.sign(signer, &payload(&format!("{}/ns/{row}:{tag}", world.source.host()), named), &[]);
            home.write(&format!("sigstore/ns/{row}@{}/signature-1", digest.replace(':', "=")), message);
        }
    }
    let outcome = world.to_disk(&["--registries.d", "registries.d"]);
    outcome.code(8);
    let skopeo = Skopeo::find();
    for ((row, refusal), (_, image)) in rows.iter().zip(&world.images) {
        let line = outcome.line_with(&format!("{} is rejected by policy", world.name(row, image)));
        let agrees = match (refusal, &line) {
            (None, None) => true,
            (Some(why), Some(line)) => line.contains(why),
            _ => false,
        };
        assert!(agrees, "{row}: {refusal:?}, but {line:?}");
        if let Some(skopeo) = &skopeo {
            let name = format!("{}/ns/{row}:v1", world.source.host());
            let judged = skopeo.judge(&name, &home.path().join("policy.json"), &home.path().join("registries.d"));
            assert_eq!(judged.is_ok(), refusal.is_none(), "{row}: skopeo says {judged:?}");
        }
    }
}
