//! Each kind of rule with good, absent, foreign, altered and misnamed signatures, in both directions.

use std::process::Command;

use image_signature::cosign::SigningKey;
use image_signature::{COSIGN_MEDIA_TYPE, Payload, SigstoreSignature};
use serde_json::json;
use test_support::{
    Image, ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, Skopeo, When, cosign_signature,
    cosign_signature_tag,
};

use crate::harness::{Home, Outcome};

mod certificates;
mod simple_signing;

/// Two keys made for these tests with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
pub(crate) const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0SzbFLppv1XxEhdC\n\
    0xrakAsZkuvrBD6HZc9n94yLj+ChRANCAARnE4imRke4SZSiSZLrR+VRn/y8jKiT\n\
    LbpYftsWbSrU2jpFVblOsFBe+YO0ADvQAvZLy4k9GLe+K/THb9qtQjIX\n\
    -----END PRIVATE KEY-----\n";
const FOREIGN_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgymSM5mOWAetn7s9c\n\
    iy8jVtBTiclGuqNUC3HlFypbxOihRANCAAQ2hgRIQ27XRGgV5EXpL3Z+XGjMNat+\n\
    vilNGoKLaeSaOlgbL438dJEW1ytGvmuMyN3RKnGGGv+zbnjbAxxA8ODK\n\
    -----END PRIVATE KEY-----\n";

/// The image of a real signature, to lie at the tag `sha256-<hex>.sig`.
pub(crate) fn signature(key: &str, name: &str, signed: &Image, altered: bool) -> Image {
    let key = SigningKey::from_pem(key).unwrap();
    let payload = Payload {
        manifest_digest: signed.digest.to_string().parse().unwrap(),
        docker_reference: name.to_owned(),
        creator: None,
        timestamp: None,
    };
    let signature = key.sign(&payload);
    let mut bytes = signature.payload.clone();
    if altered {
        bytes.push(b' ');
    }
    let mut image = cosign_signature(name, signed);
    let layer = test_support::Blob::new(bytes);
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
    manifest["layers"] = json!([{
        "mediaType": COSIGN_MEDIA_TYPE,
        "digest": layer.digest,
        "size": layer.bytes.len(),
        "annotations": signature.annotations,
    }]);
    image.bytes = manifest.to_string().into();
    image.digest = test_support::manifest_digest(&image.bytes);
    image.blobs[1] = layer;
    image
}

/// Whether an image is a list, and whether it is named by its digest.
type Form = (bool, bool);

/// All forms of an image.
const FORMS: [Form; 4] = [(false, false), (false, true), (true, false), (true, true)];

/// What is special about the signatures of an image, which is also the name of its repository below `ns`, and why it is
/// refused, if it is.
type Row = (&'static str, Option<&'static str>);

/// Makes the image of a signature: of a row, under the name of its repository, for a manifest, which may be the root.
type Attach<'a> = &'a dyn Fn(&str, &str, &Image, bool) -> Option<Image>;

/// An image for each row, in a form.
struct World {
    source: Registry,
    destination: Registry,
    home: Home,
    by_digest: bool,
    images: Vec<(&'static str, Image)>,
}

impl World {
    fn new((list, by_digest): Form, rows: &[Row], attach: Attach<'_>) -> Self {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let mut images = Vec::new();
        for ((row, _), seed) in rows.iter().zip((1..).step_by(10)) {
            let image = if list {
                IndexBuilder::oci().architectures(&["amd64", "arm64"], seed, 20_000).build()
            } else {
                ImageBuilder::oci().layer(Layer::random(seed, 40_000)).build()
            };
            let repository = format!("ns/{row}");
            source.push(&repository, "v1", &image);
            let name = format!("{}/{repository}", source.host());
            for subject in image.manifests() {
                if let Some(signed) = attach(row, &name, subject, subject.digest == image.digest) {
                    source.push(&repository, cosign_signature_tag(&subject.digest).as_str(), &signed);
                }
            }
            images.push((*row, image));
        }
        let home = Home::new();
        home.write("key.pub", SigningKey::from_pem(KEY).unwrap().public_pem());
        let world = Self { source, destination, home, by_digest, images };
        world.home.additional_images(world.images.iter().map(|(row, image)| world.name(row, image)));
        world
    }

    /// The name that an image is asked for by.
    fn name(&self, row: &str, image: &Image) -> String {
        let repository = format!("{}/ns/{row}", self.source.host());
        if self.by_digest { format!("{repository}@{}", image.digest) } else { format!("{repository}:v1") }
    }

    /// Writes a policy whose rule for the source's `ns` is `rule`, and which refuses everything else.
    fn policy(&self, rule: &serde_json::Value) {
        let policy = json!({
            "default": [{"type": "reject"}],
            "transports": {"docker": {format!("{}/ns", self.source.host()): [rule]}},
        });
        self.home.write("policy.json", policy.to_string());
    }

    fn to_disk(&self, more: &[&str]) -> Outcome {
        self.home.to_disk(&[&["--secure-policy", "--policy", "policy.json"], more].concat())
    }

    fn to_mirror(&self) -> Outcome {
        self.home.to_mirror(self.destination.host(), &["--secure-policy", "--policy", "policy.json"])
    }

    fn key_rule(&self) -> serde_json::Value {
        json!({
            "type": "sigstoreSigned",
            "keyPath": self.home.path().join("key.pub"),
            "signedIdentity": {"type": "matchRepository"},
        })
    }
}

/// All three workflows with the policy of this world, whose images are those of `rows`: each accepts what is good, and
/// refuses the rest with its reason, before any layer of it moves.
#[track_caller]
fn check_world(world: &World, rows: &[Row], more: &[&str]) {
    let options = [&["--secure-policy", "--policy", "policy.json"], more].concat();
    let is_refused = |row: &str| rows.iter().any(|(name, refusal)| *name == row && refusal.is_some());
    let verdicts = |what: &str, outcome: &Outcome, offline: bool| {
        outcome.code(if rows.iter().any(|(row, _)| is_refused(row)) { 8 } else { 0 });
        for ((row, refusal), (_, image)) in rows.iter().zip(&world.images) {
            let said = format!("{} is rejected by policy", world.name(row, image));
            let line = outcome.line_with(&said);
            match (refusal, line) {
                (None, None) => {}
                // Signatures at a server are in the archive, or nowhere.
                (Some("no signature exists"), Some(line)) if offline && !more.is_empty() => {
                    assert!(line.contains("the archive carries none"), "{what}: {line}");
                }
                (Some(why), Some(line)) => {
                    assert!(line.contains(why) && line.contains("policy.json"), "{what}, {row}: {line}");
                }
                (_, line) => panic!("{what}, {row}: {refusal:?}, but {line:?}"),
            }
        }
    };
    let arrived = |what: &str, registry: &Registry| {
        let accepted = world.images.iter().filter(|(row, _)| !is_refused(row));
        let mut expected: Vec<String> = accepted.clone().map(|(row, _)| format!("ns/{row}")).collect();
        expected.sort();
        let mut found = registry.repositories();
        found.sort();
        assert_eq!(found, expected, "{what}");
        for (row, image) in accepted {
            let tag = if world.by_digest { image.digest.as_tag() } else { "v1".to_owned() };
            let found = registry.manifest(&format!("ns/{row}"), &tag);
            assert_eq!(found.map(|found| found.digest), Some(image.digest.clone()), "{what}, {row}");
        }
    };
    verdicts("mirror to disk", &world.home.to_disk(&options), false);
    let straight = Registry::start_blocking();
    for what in ["mirror to mirror", "mirror to mirror again"] {
        verdicts(what, &world.home.mirror_to_mirror(straight.host(), &options), false);
        arrived(what, &straight);
    }
    for (row, image) in world.images.iter().filter(|(row, _)| is_refused(row)) {
        for blob in image.all_blobs() {
            let asked = world.source.requests_matching(&When::path(&blob.digest.to_string()));
            assert!(asked.is_empty(), "{row}: a layer of a refused image was fetched");
        }
    }
    // An archive made without a policy, brought to a place that has one: it has the same signatures.
    world.home.to_disk(&[more, &["--since", "2015-01-01"]].concat()).code(0);
    verdicts("disk to mirror", &world.home.to_mirror(world.destination.host(), &options), true);
    arrived("disk to mirror", &world.destination);
}

/// Every row in every form, and what is good by itself.
#[track_caller]
fn check(rule: impl Fn(&World) -> serde_json::Value, rows: &[Row], attach: Attach<'_>) {
    let good: Vec<Row> = rows.iter().filter(|(_, refusal)| refusal.is_none()).copied().collect();
    for (form, rows) in FORMS.map(|form| (form, rows)).into_iter().chain([((true, false), good.as_slice())]) {
        if !rows.is_empty() {
            let world = World::new(form, rows, attach);
            world.policy(&rule(&world));
            check_world(&world, rows, &[]);
        }
    }
}

#[test]
fn rules_without_signatures() {
    let rows = ["good", "absent", "foreign-key", "altered", "other-name"];
    check(|_| json!({"type": "insecureAcceptAnything"}), &rows.map(|row| (row, None)), &with_key);
    check(|_| json!({"type": "reject"}), &rows.map(|row| (row, Some("images here are refused"))), &with_key);
}

/// The signature that a row has by a key.
fn with_key(row: &str, name: &str, subject: &Image, is_root: bool) -> Option<Image> {
    match row {
        "good" => Some(signature(KEY, name, subject, false)),
        "foreign-key" => Some(signature(FOREIGN_KEY, name, subject, false)),
        "altered" => Some(signature(KEY, name, subject, true)),
        "other-name" => Some(signature(KEY, &format!("{name}-other"), subject, false)),
        "only-the-list" if is_root => Some(signature(KEY, name, subject, false)),
        _ => None,
    }
}

#[test]
fn signatures_with_a_key() {
    let rows = [
        ("good", None),
        ("absent", Some("no signature exists")),
        ("foreign-key", Some("none of the trusted keys made it")),
        ("altered", Some("none of the trusted keys made it")),
        ("other-name", Some("-other` is not accepted")),
    ];
    check(World::key_rule, &rows, &with_key);
    // Of a list, each instance is asked about.
    let rows = [("only-the-list", Some("of the list"))];
    for by_digest in [false, true] {
        let world = World::new((true, by_digest), &rows, &with_key);
        world.policy(&world.key_rule());
        check_world(&world, &rows, &[]);
    }
}

/// A rebuilt catalog that `--sign-catalogs` has signed can be verified at its destination by programs of others: with
/// openssl, and with skopeo under a strict policy where it was built with sigstore (Debian's was not).
#[test]
fn others_accept_a_signed_catalog() {
    let Some(judge) = Skopeo::find() else { return };
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let source = Registry::start_blocking();
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]).push_to(&source);
    let home = Home::new();
    let catalog = format!("{}/cat/index:v1", source.host());
    home.configuration(&format!("operators:\n- catalog: {catalog}\n  packages:\n  - name: foo\n"));
    let key = home.write("catalogs.key", KEY).display().to_string();
    home.write("registries.d/default.yaml", "default-docker:\n  use-sigstore-attachments: true\n");
    for (name, pem) in [("own.pub", KEY), ("foreign.pub", FOREIGN_KEY)] {
        home.write(name, SigningKey::from_pem(pem).unwrap().public_pem());
    }
    // `None` where skopeo cannot judge.
    let skopeo = |registry: &Registry, public: &str| {
        let policy = json!({"default": [{
            "type": "sigstoreSigned", "keyPath": home.path().join(public),
            "signedIdentity": {"type": "matchRepository"},
        }]});
        let policy = home.write("strict.json", policy.to_string());
        let name = format!("{}/m/cat/index:v1", registry.host());
        let judged = judge.judge(&name, &policy, &home.path().join("registries.d"));
        let words = judged.as_ref().err().map_or("", String::as_str);
        let judges = !words.contains("sigstore disabled");
        assert!(judged.is_ok() || !judges || words.contains("ignature"), "{words}");
        judges.then_some(judged.is_ok())
    };
    let openssl = |public: &str, payload: &[u8], signature: &[u8]| {
        let (payload, signature) = (home.write("payload", payload), home.write("signature", signature));
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-verify", public, "-signature"]).arg(signature).arg(payload);
        command.current_dir(home.path()).output().unwrap().status.success()
    };
    let (through, straight, unsigned) =
        (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
    home.mirror_to_mirror(&format!("{}/m", unsigned.host()), &[]).code(0).says("is not signed; --sign-catalogs");
    let signs = ["--sign-catalogs", key.as_str()];
    home.to_disk(&signs).code(0);
    home.to_mirror(&format!("{}/m", through.host()), &signs).code(0);
    home.mirror_to_mirror(&format!("{}/m", straight.host()), &signs).code(0);
    for registry in [&through, &straight] {
        assert!(matches!(skopeo(registry, "own.pub"), None | Some(true)));
        assert!(matches!(skopeo(registry, "foreign.pub"), None | Some(false)));
        // The list and each of its instances.
        let list = registry.manifest("m/cat/index", "v1").unwrap();
        let parsed: serde_json::Value = serde_json::from_slice(&list.bytes).unwrap();
        let mut digests = vec![list.digest.to_string()];
        let instances = parsed["manifests"].as_array().unwrap();
        digests.extend(instances.iter().map(|one| one["digest"].as_str().unwrap().to_owned()));
        assert_eq!(digests.len(), 3);
        for digest in digests {
            let tag = format!("{}.sig", digest.replace(':', "-"));
            let found = registry.manifest("m/cat/index", &tag).unwrap();
            let found: serde_json::Value = serde_json::from_slice(&found.bytes).unwrap();
            let layer = &found["layers"][0];
            let payload = registry.blob(&layer["digest"].as_str().unwrap().parse().unwrap()).unwrap();
            let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(said["critical"]["image"]["docker-manifest-digest"], digest.as_str());
            let name = format!("{}/m/cat/index", registry.host());
            assert_eq!(said["critical"]["identity"]["docker-reference"], name.as_str());
            let signature = SigstoreSignature {
                media_type: COSIGN_MEDIA_TYPE.to_owned(),
                payload: payload.to_vec(),
                annotations: serde_json::from_value(layer["annotations"].clone()).unwrap(),
            };
            let signature = signature.signature().unwrap();
            assert!(openssl("own.pub", &payload, &signature));
            assert!(!openssl("foreign.pub", &payload, &signature));
        }
    }
    assert_eq!(unsigned.tags("m/cat/index"), ["v1"]);
    assert!(matches!(skopeo(&unsigned, "own.pub"), None | Some(false)));
}

/// The policy is asked with the archive's signatures also when these are not to travel further, and a run that
/// leaves signatures behind still looks at them.
#[test]
fn leaving_signatures_behind_does_not_blind_the_policy() {
    let world = World::new((true, true), &[("good", None)], &with_key);
    world.policy(&world.key_rule());
    world.to_disk(&["--remove-signatures"]).code(0);
    // Complete in the cache, pinned, and no signature there: the source is asked.
    world.to_disk(&["--remove-signatures"]).code(0);
    world.to_mirror().code(8).says("no signature exists");
}

/// A pinned image that was mirrored before it was signed: disk to mirror says how to get the signature, and mirror to disk
/// with the policy gets it.
#[test]
fn a_signature_that_is_published_later() {
    let world = World::new((true, true), &[("app", None)], &with_key);
    world.policy(&world.key_rule());
    world.home.to_disk(&[]).code(0);
    world.to_mirror().code(8).says("no signature exists").says("mirror to disk with --secure-policy fetches");
    world.to_disk(&[]).code(8).says("no signature exists");
    let name = format!("{}/ns/app", world.source.host());
    for subject in world.images[0].1.manifests() {
        let signed = signature(KEY, &name, subject, false);
        world.source.push("ns/app", cosign_signature_tag(&subject.digest).as_str(), &signed);
    }
    world.to_disk(&["--since", "2015-01-01"]).code(0);
    world.to_mirror().code(0);
    // It is in the cache now, and nobody is asked.
    world.source.clear_requests();
    world.to_disk(&[]).code(0);
    assert!(world.source.requests_matching(&When::path("ns/app")).is_empty());
}

/// Without `--secure-policy` a policy is only a file.
#[test]
fn a_policy_is_enforced_only_when_asked_to() {
    let world = World::new((false, false), &[("app", None)], &with_key);
    world.policy(&json!({"type": "reject"}));
    world.home.to_disk(&["--policy", "policy.json"]).code(0);
}
