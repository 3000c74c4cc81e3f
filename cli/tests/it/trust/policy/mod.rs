//! Each kind of rule with good, absent, foreign, altered and misnamed signatures, in both directions.

use std::process::Command;

use image_signature::cosign::SigningKey;
use image_signature::{
    COSIGN_BUNDLE, COSIGN_CERTIFICATE, COSIGN_CHAIN, COSIGN_MEDIA_TYPE, COSIGN_SIGNATURE, Payload, SigstoreSignature,
};
use serde_json::json;
use test_support::{
    Image, ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, SigningAuthority, SigningCertificate, Skopeo,
    Subject, TransparencyLog, When, cosign_signature, cosign_signature_tag,
};

use crate::harness::{Home, Outcome};

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
pub(super) fn signature(key: &str, name: &str, signed: &Image, altered: bool) -> Image {
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

/// How the images of a row are signed.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Nothing,
    Good,
    ForeignKey,
    Altered,
    OtherName,
    OnlyTheList,
}

struct World {
    source: Registry,
    destination: Registry,
    home: Home,
    image: Image,
}

impl World {
    fn new(list: bool, by_digest: bool, sign: Sign) -> Self {
        let only_the_list = sign == Sign::OnlyTheList;
        Self::signed(list, by_digest, only_the_list, &|name, subject| match sign {
            Sign::Nothing => None,
            Sign::ForeignKey => Some(signature(FOREIGN_KEY, name, subject, false)),
            Sign::Altered => Some(signature(KEY, name, subject, true)),
            Sign::OtherName => Some(signature(KEY, &format!("{name}-other"), subject, false)),
            Sign::Good | Sign::OnlyTheList => Some(signature(KEY, name, subject, false)),
        })
    }

    /// `sign` gives the image of the signature of a manifest, by the name of the repository.
    fn signed(list: bool, by_digest: bool, only_the_list: bool, sign: &dyn Fn(&str, &Image) -> Option<Image>) -> Self {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let image = if list {
            IndexBuilder::oci().architectures(&["amd64", "arm64"], 10, 20_000).build()
        } else {
            ImageBuilder::oci().layer(Layer::random(1, 40_000)).build()
        };
        source.push("ns/app", "v1", &image);
        let name = format!("{}/ns/app", source.host());
        let subjects = if only_the_list { vec![&image] } else { image.manifests() };
        for subject in subjects {
            if let Some(signed) = sign(&name, subject) {
                source.push("ns/app", cosign_signature_tag(&subject.digest).as_str(), &signed);
            }
        }
        let home = Home::new();
        home.write("key.pub", SigningKey::from_pem(KEY).unwrap().public_pem());
        home.additional_images([if by_digest { format!("{name}@{}", image.digest) } else { format!("{name}:v1") }]);
        Self { source, destination, home, image }
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

/// Mirrors to disk and on with this rule: both accept, or both refuse and say `why`.
#[track_caller]
fn check(what: &str, rule: impl Fn(&World) -> serde_json::Value, sign: Sign, refusal: Option<&str>) {
    for (list, by_digest) in [(false, false), (false, true), (true, false), (true, true)] {
        if !list && sign == Sign::OnlyTheList {
            continue;
        }
        let world = World::new(list, by_digest, sign);
        let rule = rule(&world);
        let what = format!(
            "{what}, {}, by {}",
            if list { "list" } else { "single" },
            if by_digest { "digest" } else { "tag" }
        );
        world.policy(&rule);
        check_world(&what, &world, by_digest, refusal, &[]);
    }
}

/// All three workflows with the policy of this world: all accept, or all refuse and say `why`, before any layer moves.
#[track_caller]
fn check_world(what: &str, world: &World, by_digest: bool, refusal: Option<&str>, more: &[&str]) {
    let to_mirror = || {
        let options = [&["--secure-policy", "--policy", "policy.json"], more].concat();
        world.home.to_mirror(world.destination.host(), &options)
    };
    let straight_to = |destination: &Registry| {
        let options = [&["--secure-policy", "--policy", "policy.json"], more].concat();
        world.home.mirror_to_mirror(destination.host(), &options)
    };
    let Some(why) = refusal else {
        world.to_disk(more).code(0);
        to_mirror().code(0);
        let straight = Registry::start_blocking();
        for _ in 0..2 {
            straight_to(&straight).code(0);
        }
        assert_eq!(straight.repositories(), ["ns/app"], "{what}");
        let tag = if by_digest { world.image.digest.as_tag() } else { "v1".to_owned() };
        assert!(world.destination.manifest("ns/app", &tag).is_some(), "{what}");
        return;
    };
    let refused_for = |outcome: &Outcome, why: &str| {
        outcome.code(8).says("is rejected by policy").says("policy.json").says(why);
    };
    refused_for(&world.to_disk(more), why);
    refused_for(&straight_to(&world.destination), why);
    for blob in world.image.all_blobs() {
        let asked = world.source.requests_matching(&When::path(&blob.digest.to_string()));
        assert!(asked.is_empty(), "{what}: a layer of a refused image was fetched");
    }
    assert!(world.destination.repositories().is_empty(), "{what}: something of a refused image was pushed");
    // An archive made without a policy, brought to a place that has one: it has the same signatures.
    world.home.to_disk(more).code(0);
    let at_server = !more.is_empty() && why == "no signature exists";
    refused_for(&to_mirror(), if at_server { "the archive carries none" } else { why });
    assert!(world.destination.repositories().is_empty(), "{what}: something of a refused image was pushed");
}

#[test]
fn rules_without_signatures() {
    let accept = |_: &World| json!({"type": "insecureAcceptAnything"});
    check("anything", accept, Sign::Nothing, None);
    check("reject", |_| json!({"type": "reject"}), Sign::Good, Some("images here are refused"));
}

#[test]
fn signatures_with_a_key() {
    check("good", World::key_rule, Sign::Good, None);
    check("absent", World::key_rule, Sign::Nothing, Some("no signature exists"));
    check("foreign key", World::key_rule, Sign::ForeignKey, Some("none of the trusted keys made it"));
    check("altered", World::key_rule, Sign::Altered, Some("none of the trusted keys made it"));
    check("other name", World::key_rule, Sign::OtherName, Some("-other` is not accepted"));
    check("only the list", World::key_rule, Sign::OnlyTheList, Some("of the list"));
}

/// What a signer with a certificate attaches; `log` has seen it.
fn certified(
    by: &SigningCertificate,
    log: Option<&TransparencyLog>,
    name: &str,
    signed: &Image,
    altered: bool,
) -> Image {
    let mut image = signature(&by.key, name, signed, altered);
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
    let annotations = &mut manifest["layers"][0]["annotations"];
    annotations[COSIGN_CERTIFICATE] = by.certificate.clone().into();
    annotations[COSIGN_CHAIN] = by.chain.clone().into();
    if let Some(log) = log {
        let text = annotations[COSIGN_SIGNATURE].as_str().unwrap();
        // 2023-06-01: the certificates of this module have expired since.
        annotations[COSIGN_BUNDLE] = log.bundle(&image.blobs[1].bytes, text, &by.certificate, 1_685_577_600).into();
    }
    image.bytes = manifest.to_string().into();
    image.digest = test_support::manifest_digest(&image.bytes);
    image
}

#[test]
fn signatures_with_a_certificate() {
    const EMAIL: &str = "signer@lab.example";
    const PROVIDER: &str = "https://login.lab.example";
    let (authority, foreign, log) = (SigningAuthority::new(), SigningAuthority::new(), TransparencyLog::new());
    let subject = Subject { email: Some(EMAIL), ..Subject::default() };
    let briefly = Subject {
        oidc_issuer: Some(PROVIDER),
        from: Some((2023, 5, 31)),
        until: Some((2023, 6, 2)),
        ..subject.clone()
    };
    let other = |subject: &Subject<'_>| {
        authority.issue(&Subject { email: Some("other@lab.example"), oidc_issuer: subject.oidc_issuer, ..*subject })
    };
    let rule = |fulcio: bool, world: &World| {
        let file = |name: &str, text: String| world.home.write(name, text).display().to_string();
        let root = file("root.pem", authority.root());
        let identity = json!({"type": "matchRepository"});
        if fulcio {
            json!({
                "type": "sigstoreSigned", "signedIdentity": identity,
                "fulcio": {"caPath": root, "oidcIssuer": PROVIDER, "subjectEmail": EMAIL},
                "rekorPublicKeyPath": file("rekor.pub", log.public_key()),
            })
        } else {
            json!({
                "type": "sigstoreSigned", "signedIdentity": identity,
                "pki": {"caRootsPath": root, "subjectEmail": EMAIL},
            })
        }
    };
    for fulcio in [false, true] {
        let subject = if fulcio { &briefly } else { &subject };
        let seen = fulcio.then_some(&log);
        let check = |what: &str, (list, by_digest), sign: &dyn Fn(&str, &Image) -> Option<Image>, refusal| {
            let world = World::signed(list, by_digest, false, sign);
            world.policy(&rule(fulcio, &world));
            let what = format!("{what}, fulcio {fulcio}, list {list}, by digest {by_digest}");
            check_world(&what, &world, by_digest, refusal, &[]);
        };
        let holder = authority.issue(subject);
        let good = |name: &str, image: &Image| Some(certified(&holder, seen, name, image, false));
        for form in [(false, false), (true, true)] {
            check("good", form, &good, None);
        }
        let single = (false, false);
        check("absent", single, &|_, _| None, Some("no signature exists"));
        let with_key = |name: &str, image: &Image| Some(signature(KEY, name, image, false));
        check("only a key", single, &with_key, Some("the signature carries no certificate"));
        let stranger = foreign.issue(subject);
        let by_stranger = |name: &str, image: &Image| Some(certified(&stranger, seen, name, image, false));
        check("foreign authority", (true, false), &by_stranger, Some("no trusted authority vouches for"));
        let altered = |name: &str, image: &Image| Some(certified(&holder, seen, name, image, true));
        check("altered", (false, true), &altered, Some("the holder of the certificate for"));
        let other = other(subject);
        let by_other = |name: &str, image: &Image| Some(certified(&other, seen, name, image, false));
        check("another identity", single, &by_other, Some("required is `signer@lab.example`"));
        if fulcio {
            let unseen = |name: &str, image: &Image| Some(certified(&holder, None, name, image, false));
            check("not in the log", single, &unseen, Some("carries no Rekor bundle"));
        }
    }
}

/// A rebuilt catalog that `--sign-catalogs` has signed can be verified at its destination by programs of others: with
/// openssl, and with skopeo under a strict policy where it was built with sigstore (Debian's was not).
#[test]
fn others_accept_a_signed_catalog() {
    let Some(_) = Skopeo::find() else { return };
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
        home.write("strict.json", policy.to_string());
        let output = Command::new("skopeo")
            .args(["--policy", "strict.json", "--registries.d", "registries.d", "copy", "-q", "--all"])
            .args(["--remove-signatures", "--src-tls-verify=false"])
            .arg(format!("docker://{}/m/cat/index:v1", registry.host()))
            .arg(format!("oci:{}", home.path().join("layout").display()))
            .current_dir(home.path())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let judges = !words.contains("sigstore disabled");
        assert!(output.status.success() || !judges || words.contains("ignature"), "{words}");
        judges.then_some(output.status.success())
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
    let world = World::new(true, true, Sign::Good);
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
    let world = World::new(true, true, Sign::Nothing);
    world.policy(&world.key_rule());
    world.home.to_disk(&[]).code(0);
    world.to_mirror().code(8).says("no signature exists").says("mirror to disk with --secure-policy fetches");
    world.to_disk(&[]).code(8).says("no signature exists");
    let name = format!("{}/ns/app", world.source.host());
    for subject in world.image.manifests() {
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
    let world = World::new(false, false, Sign::Nothing);
    world.policy(&json!({"type": "reject"}));
    world.home.to_disk(&["--policy", "policy.json"]).code(0);
}
