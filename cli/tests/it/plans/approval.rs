//! Looking at plans, comparing them, signing them.

use std::process::Command;

use serde_json::Value;
use test_support::{Image, ImageBuilder, Layer, Registry};

use super::path_of;
use crate::harness::Home;

fn image(seed: u64) -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 5000)).layer(Layer::random(seed, 3000)).build()
}

#[test]
fn plans_are_shown_and_compared() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    for (seed, name) in [(2, "ns/first"), (3, "ns/second"), (4, "ns/third")] {
        source.push(name, "v1", &image(seed));
    }
    let home = Home::new();
    let names = |names: &[&str]| names.iter().map(|name| format!("{}/ns/{name}:v1", source.host())).collect::<Vec<_>>();
    home.additional_images(names(&["first", "second"]));
    home.plan_to_mirror(destination.host(), "old.json", &[]).code(0);
    home.plan_to_mirror(destination.host(), "same.json", &[]).code(0);
    home.run(&["plan", "diff", "old.json", "same.json"]).code(0).says("The plans are equal.");
    home.run(&["plan", "show", "old.json"]).code(0).says("2 (2 additional)").says("ns/first:v1").says("mirrorToMirror");

    source.push("ns/second", "v1", &image(5));
    home.additional_images(names(&["second", "third"]));
    home.plan_to_mirror(destination.host(), "new.json", &[]).code(0);
    home.run(&["plan", "diff", "old.json", "new.json"])
        .code(1)
        .says("- ns/first:v1")
        .says("+ ns/third:v1")
        .says("~ ns/second:v1")
        .says("~ configuration")
        .says("1 images added, 1 removed, 1 changed. New blobs: 4, ");
    let answer = home.run(&["plan", "diff", "old.json", "new.json", "--output=json"]);
    let diff: Value = serde_json::from_str(&answer.code(1).stdout).unwrap();
    assert_eq!((&diff["equal"], &diff["newBlobs"], &diff["goneBlobs"]), (&false.into(), &4.into(), &4.into()));
    let answer = home.run(&["plan", "show", "new.json", "--output=json"]);
    let shown: Value = serde_json::from_str(&answer.code(0).stdout).unwrap();
    assert_eq!((&shown["totals"]["images"], &shown["applicable"]), (&2.into(), &true.into()));
    // The shared layer, and per image a layer and a configuration.
    assert_eq!((&shown["totals"]["blobs"], &shown["totals"]["sharedBlobs"]), (&5.into(), &1.into()));

    let schema = home.run(&["plan", "schema"]);
    let text = schema.code(0).stdout.as_str();
    let schema: Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("plan.json", schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("plan.json", &mut schemas).unwrap();
    for name in ["old.json", "new.json"] {
        let document = home.document(name);
        let checked = schemas.validate(&document, index);
        assert!(checked.is_ok(), "{name}: {}", checked.unwrap_err());
    }
}

#[test]
fn the_id_is_what_grep_and_sha256sum_say() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    source.push("ns/first", "v1", &image(2));
    let home = Home::new();
    home.additional_images([format!("{}/ns/first:v1", source.host())]);
    home.plan_to_mirror(destination.host(), "plan.json", &[]).code(0);
    let said = home.document("plan.json")["id"].as_str().unwrap().to_owned();
    let script = r#"grep -vE '^ "(id|created|tool)": "' plan.json | sha256sum"#;
    let output = Command::new("sh").args(["-c", script]).current_dir(home.path()).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(format!("sha256:{}", found.split(' ').next().unwrap()), said);
}

/// Runs openssl; none when there is none.
#[expect(clippy::print_stdout, reason = "whoever runs the tests is told what was skipped")]
fn openssl(home: &Home, args: &str) -> Option<std::process::Output> {
    let mut command = Command::new("openssl");
    command.args(args.split(' ')).current_dir(home.path());
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: openssl does not start: {error}");
            None
        }
    }
}

#[test]
fn a_signed_plan_is_applied_and_no_other() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    source.push("ns/first", "v1", &image(2));
    let home = Home::new();
    if openssl(&home, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem").is_none() {
        return;
    }
    openssl(&home, "pkey -in key.pem -pubout -out key.pub").unwrap();
    openssl(&home, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.pem").unwrap();
    openssl(&home, "pkey -in other.pem -pubout -out other.pub").unwrap();
    home.additional_images([format!("{}/ns/first:v1", source.host())]);
    home.plan_to_mirror(destination.host(), "plan.json", &[]).code(0);
    source.clear_requests();
    destination.clear_requests();
    home.apply_to_mirror("plan.json", &["--plan-key", "key.pub"])
        .code(1)
        .says("cannot read the signature")
        .says("plan sign");

    home.run(&["plan", "sign", "plan.json", "--key", "key.pem"]).code(0);
    home.run(&["plan", "verify", "plan.json", "--key", "key.pub"]).code(0).says("has signed this plan");
    home.run(&["plan", "verify", "plan.json", "--key", "other.pub"]).code(1).says("is not what was signed");
    home.apply_to_mirror("plan.json", &["--plan-key", "other.pub"]).code(1).says("is not what was signed");
    // The signature covers what the id leaves out.
    let text = std::fs::read_to_string(path_of(&home, "plan.json")).unwrap();
    let later = text.replacen("\"created\": \"2", "\"created\": \"3", 1);
    assert_ne!(later, text);
    home.write("later.json", later);
    home.write("later.json.sig", std::fs::read(path_of(&home, "plan.json.sig")).unwrap());
    home.run(&["plan", "show", "later.json"]).code(0);
    home.apply_to_mirror("later.json", &["--plan-key", "key.pub"]).code(1).says("is not what was signed");
    assert_eq!((source.request_count(), destination.request_count()), (0, 0), "nobody was asked");

    // As others see it: openssl verifies ours, and we verify what openssl signs, as cosign sign-blob writes it.
    let decoded =
        Command::new("sh").args(["-c", "base64 -d plan.json.sig > plan.der"]).current_dir(home.path()).status();
    assert!(decoded.unwrap().success());
    let verified = openssl(&home, "dgst -sha256 -verify key.pub -signature plan.der plan.json").unwrap();
    assert_eq!(String::from_utf8_lossy(&verified.stdout), "Verified OK\n");
    openssl(&home, "dgst -sha256 -sign other.pem -out other.der plan.json").unwrap();
    let encoded = Command::new("sh").args(["-c", "base64 -w0 other.der > other.sig"]).current_dir(home.path()).status();
    assert!(encoded.unwrap().success());
    home.run(&["plan", "verify", "plan.json", "--key", "other.pub", "--signature", "other.sig"]).code(0);

    home.apply_to_mirror("plan.json", &["--plan-key", "key.pub"]).code(0);
    assert!(destination.manifest("ns/first", "v1").is_some());
}
