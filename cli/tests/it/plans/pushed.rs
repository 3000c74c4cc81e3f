//! Plans in registries: what is pushed comes back, and another machine can apply it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};
use test_support::World;

use super::{move_every_tag, path_of, resources_of, site};
use crate::harness::Home;

/// Pushes the plan of a home; the name by digest that the push says.
fn push(home: &Home, place: &str) -> String {
    let pushed = home.with_flags(&["plan", "push", "plan.json", place]);
    let line = pushed.code(0).line_with("@sha256:").expect("the name by digest");
    line.split_whitespace().find(|word| word.contains("@sha256:")).unwrap().trim_matches('`').to_owned()
}

fn keys(home: &Home, name: &str) {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(home.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let (key, public) = (format!("{name}.key"), format!("{name}.pub"));
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key]);
    std::fs::set_permissions(home.path().join(&key), std::fs::Permissions::from_mode(0o600)).unwrap();
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &public]);
}

#[test]
fn what_is_pushed_comes_back_byte_for_byte() {
    let (_source, destination, home) = site();
    let place = format!("docker://{}/plans/ocp:2026-11", destination.host());
    let name = push(&home, &place);
    let found = destination.manifest("plans/ocp", "2026-11").unwrap();
    assert!(name.ends_with(&format!("/plans/ocp@{}", found.digest)), "{name}");
    let manifest: Value = serde_json::from_slice(&found.bytes).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.oc-mirror.plan.v2+json");
    assert_eq!(manifest["annotations"]["io.github.oc-mirror.plan"], home.document("plan.json")["id"]);
    let layers = manifest["layers"].as_array().unwrap();
    let built = layers.iter().filter(|layer| layer["mediaType"] == "application/vnd.oc-mirror.plan.built.v1");
    assert_eq!(built.count(), home.document("plan.json")["builtBlobs"].as_object().unwrap().len());

    // Pushed again, it is the same artifact; by digest and by tag it is the same plan.
    assert_eq!(push(&home, &place), name);
    let plan = std::fs::read(path_of(&home, "plan.json")).unwrap();
    for from in [&place, &name] {
        let elsewhere = Home::new();
        elsewhere.with_flags(&["plan", "pull", from, "--out", "got.json"]).code(0).says("got.json");
        assert_eq!(std::fs::read(path_of(&elsewhere, "got.json")).unwrap(), plan, "{from}");
        assert!(!path_of(&elsewhere, "got.json.sig").exists());
    }
    // Without a tag, `latest`.
    let bare = format!("docker://{}/plans/bare", destination.host());
    push(&home, &bare);
    assert!(destination.manifest("plans/bare", "latest").is_some());
}

#[test]
fn another_machine_applies_a_pushed_plan() {
    let (source, destination, home) = site();
    let name = push(&home, &format!("docker://{}/plans/ocp:one", destination.host()));
    let elsewhere = Home::new();
    move_every_tag(&source);
    elsewhere.apply_to_mirror(&name, &[]).code(0).says("come with the plan");
    let arrived = destination.snapshot();
    for image in home.document("plan.json")["images"].as_array().unwrap() {
        let Some(to) = image["destination"].as_str() else { continue };
        let (repository, tag) = to.split_once('/').unwrap().1.rsplit_once(':').unwrap();
        let (_, digest) = &arrived.manifests[repository][tag];
        assert_eq!(digest.to_string(), image["digest"].as_str().unwrap(), "{to}");
    }
    // The machine that made the plan has nothing left to do, and writes the same resources.
    home.apply_to_mirror("plan.json", &[]).code(0).says("nothing to transfer");
    let written = resources_of(&elsewhere.workspace(), destination.host());
    assert!(!written.is_empty());
    assert_eq!(resources_of(&home.workspace(), destination.host()), written);
}

#[test]
fn the_signature_goes_along_and_decides() {
    let (source, destination, home) = site();
    let place = format!("docker://{}/plans/ocp:one", destination.host());
    for name in ["approver", "stranger"] {
        keys(&home, name);
    }
    let (good, bad) = (path_of(&home, "approver.pub"), path_of(&home, "stranger.pub"));
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let elsewhere = Home::new();
    push(&home, &place);
    source.clear_requests();
    elsewhere.apply_to_mirror(&place, &["--plan-key", good]).code(1).says("has no signature; sign the plan before");
    let key = path_of(&home, "approver.key");
    home.with_flags(&["plan", "sign", "plan.json", "--key", key.to_str().unwrap()]).code(0);
    push(&home, &place);
    elsewhere.apply_to_mirror(&place, &["--plan-key", bad]).code(1).says("is not what was signed");
    // Nothing of a plan that is not trusted comes into the cache, and no source is asked.
    assert!(elsewhere.files().iter().all(|file| !file.contains("/blobs/")), "{:?}", elsewhere.files());
    assert_eq!(source.request_count(), 0);
    elsewhere.with_flags(&["plan", "pull", &place]).code(0);
    let pulled = std::fs::read(path_of(&elsewhere, "plan.json.sig")).unwrap();
    assert_eq!(pulled, std::fs::read(path_of(&home, "plan.json.sig")).unwrap());
    elsewhere.apply_to_mirror(&place, &["--plan-key", good]).code(0);
}

#[test]
fn what_is_no_plan_is_refused() {
    let (source, destination, home) = site();
    let at = |name: &str| format!("docker://{}/{name}", destination.host());
    // A machine without the cache cannot push what was built.
    let elsewhere = Home::new();
    elsewhere.write("plan.json", std::fs::read(path_of(&home, "plan.json")).unwrap());
    elsewhere
        .with_flags(&["plan", "push", "plan.json", &at("plans:x")])
        .code(1)
        .says("which oc-mirror built for the plan: push the plan where it was made");
    assert!(destination.manifest("plans", "x").is_none());

    // An image, a plan that says it is too large, a plan of other bytes, and nothing at all.
    World::small(62).push_to(&destination);
    let artifact = |layers: Value| {
        let empty = destination.put_blob("plans", "{}");
        let config = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2});
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers,
            "artifactType": "application/vnd.oc-mirror.plan.v2+json"});
        destination.put_manifest("plans", media_type, manifest.to_string())
    };
    let layer = |size: u64, text: &str| {
        let digest = destination.put_blob("plans", text.to_owned());
        json!([{"mediaType": "application/vnd.oc-mirror.plan.v2+json", "digest": digest, "size": size}])
    };
    let text = std::fs::read_to_string(path_of(&home, "plan.json")).unwrap().replace("apps/single", "apps/evil");
    let rows = [
        ("apps/single:v1".to_owned(), "is no plan: `oc-mirror plan push` pushes plans"),
        (format!("plans@{}", artifact(json!([]))), "has no plan in it"),
        (format!("plans@{}", artifact(layer(300 << 20, "[]"))), "has 314572800 bytes; 268435456 are allowed"),
        (format!("plans@{}", artifact(layer(text.len() as u64, &text))), "the id does not match"),
        ("plans:none".to_owned(), "cannot pull the plan"),
    ];
    source.clear_requests();
    let before = destination.snapshot();
    for (name, expected) in rows {
        elsewhere.apply_to_mirror(&at(&name), &["--retry-times=0"]).code(1).says(expected);
        elsewhere
            .with_flags(&["plan", "pull", &at(&name), "--out", "got.json", "--retry-times=0"])
            .code(1)
            .says(expected);
        assert!(!path_of(&elsewhere, "got.json").exists(), "{name}");
    }
    assert_eq!(source.request_count(), 0);
    assert_eq!(destination.snapshot(), before);
    for place in ["reg.lan/plans:one", "docker://", "file:///plans"] {
        home.with_flags(&["plan", "push", "plan.json", place])
            .code(1)
            .says("expected `docker://HOST[:PORT]/REPOSITORY:TAG`");
    }
}
