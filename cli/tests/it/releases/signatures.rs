//! Which signatures of releases count (`docs/behaviour/release.md` 4).

use std::os::unix::fs::PermissionsExt as _;

use test_support::{COMPONENTS, Image, PAYLOADS, Registry, Release, cosign_signature, cosign_signature_tag};

use super::*;

#[test]
fn only_good_signatures_count() {
    let Some(outside) = Outside::new() else { return };
    outside.gpg.signing_key("stranger@test");
    let (release, other) = (Release::new("4.99.1", 3, 1), Release::new("4.99.2", 3, 1));
    outside.mirrors(&[&release]);
    let good = || outside.gpg.sign(USER, &release.identity(), &[]);
    let refused = |messages: &[Vec<u8>], expected: &str| {
        outside.service.forget();
        outside.service.graph("amd64", "stable-4.99", &graph(&[&release]));
        for (number, message) in (1..).zip(messages) {
            outside.service.signature(release.digest(), number, message.clone());
        }
        outside.home.to_disk(&[]).code(2).says("collection error: [GenerateReleaseSignatures]").says(expected);
    };
    refused(&[], "no signature found for");
    // Not compressed, so that the text can be altered where it stands.
    let mut altered = outside.gpg.sign(USER, &release.identity(), &["-z", "0"]);
    let at = altered.windows(8).position(|window| window == b"critical").unwrap();
    altered[at] ^= 1;
    refused(&[altered], "signature error for");
    refused(&[outside.gpg.sign("stranger@test", &release.identity(), &[])], "invalid signature for");
    refused(&[outside.gpg.sign(USER, &other.identity(), &[])], "it signs sha256:");
    refused(&[outside.gpg.sign(USER, b"{}", &[])], "unmarshal json");
    let text = String::from_utf8(release.identity()).unwrap();
    let cosign = text.replace("atomic container signature", "cosign container image signature");
    refused(&[outside.gpg.sign(USER, cosign.as_bytes(), &[])], "signature error for");
    refused(&[outside.gpg.run(&["--store"], &release.identity())], "message was not signed for");
    let unnamed = text.replace(&release.by_tag(), "quay.io/a/b");
    refused(
        &[outside.gpg.sign(USER, unnamed.as_bytes(), &[])],
        "could not parse identity docker reference image quay.io/a/b",
    );
    refused(&[good()[..40].to_vec()], "unable to read signature message for");
    refused(&[b"no signature".to_vec()], "unable to read signature message for");
    refused(&[vec![0x90; 5 << 20]], "http request");
    // Nothing of these was kept, and the second signature counts when the first does not.
    assert_eq!(std::fs::read_dir(outside.home.disk().join("working-dir/signatures")).unwrap().count(), 0);
    outside.service.signature(release.digest(), 1, outside.gpg.sign("stranger@test", &release.identity(), &[]));
    outside.service.signature(release.digest(), 2, good());
    outside.home.to_disk(&[]).code(0);

    // A kept signature that was altered later is replaced from the server, and refused where there is none.
    let kept =
        outside.home.disk().join(format!("working-dir/signatures/{}-sha256-{}", release.tag, release.digest().hex()));
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&kept, b"altered").unwrap();
    outside.home.to_disk(&[]).code(0);
    assert_ne!(std::fs::read(&kept).unwrap(), b"altered");
}

/// `signatures: server down`.
#[test]
fn a_dead_server_is_named() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    let Outside { source, service, gpg: _gpg, home } = outside;
    let home = home.variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/");
    home.to_disk(&[]).code(2).says("collection error").says("http request").says("127.0.0.1:1");
    drop(service);
    home.to_disk(&[]).code(2).says("no release images found").says("request failed");
    assert!(home.archives().is_empty());
    drop(source);
}

/// Inside an enclave nobody reaches the public services. The error that needs a variable names the variable.
#[test]
fn an_enclave_is_told_which_variable_is_missing() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    let Outside { source: _source, service: _service, gpg: _gpg, home } = outside;
    let home = home.variable("HTTPS_PROXY", "http://127.0.0.1:1").variable("OCP_SIGNATURE_URL", "");
    home.to_disk(&["--retry-times=0"])
        .code(2)
        .says("set OCP_SIGNATURE_URL to a server that has the release signatures");
    let home = home.variable("UPDATE_URL_OVERRIDE", "");
    home.to_disk(&["--retry-times=0"])
        .code(2)
        .says("set UPDATE_URL_OVERRIDE to the update service of the outer network");
}

#[test]
fn expired_signatures_do_not_count() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    // Made the day after the key, in the past of the run.
    let then = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1)).strftime("%Y%m%dT%H%M%S!").to_string();
    let short = ["--faked-system-time", then.as_str(), "--default-sig-expire", "seconds=1"];
    let signature = outside.gpg.sign(USER, &release.identity(), &short);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    outside.service.signature(release.digest(), 1, signature);
    outside.home.to_disk(&[]).code(2).says("signature error for").says("expired at");
    outside.service.signature(release.digest(), 2, outside.gpg.sign(USER, &release.identity(), &[]));
    outside.home.to_disk(&[]).code(0);
}

/// `OCP_SIGNATURE_URL` is used as typed; what is no URL is told, and the public server asked.
#[test]
fn addresses_of_the_server() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    let address = outside.service.signature_url();
    let hex = release.digest().hex().to_owned();
    let Outside { source: _source, service, gpg: _gpg, home } = outside;
    service.clear_requests();
    // Without the slash at the end the last element grows.
    let home = home.variable("OCP_SIGNATURE_URL", address.trim_end_matches('/'));
    home.to_disk(&[]).code(2).says("no signature found for");
    assert!(service.requests().contains(&format!("/signaturessha256={hex}/signature-1")), "{:?}", service.requests());
    let home =
        home.variable("OCP_SIGNATURE_URL", "signatures.example/release/").variable("HTTPS_PROXY", "http://127.0.0.1:1");
    home.to_disk(&["--retry-times=0"])
        .code(2)
        .says("`signatures.example/release/` is no URL of signatures")
        .says("http request")
        .says("https://mirror.openshift.com/pub/openshift-v4/signatures/openshift/release/sha256=");
    // A server that fails has no signature.
    let home = home.variable("OCP_SIGNATURE_URL", &address);
    service.answer(&format!("/signatures/sha256={hex}/signature-1"), 403, "no");
    home.to_disk(&[]).code(2).says("no signature found for");
}

#[test]
fn keys_of_ones_own() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    let key = outside.home.path().join("key.asc");
    let good = std::fs::read(&key).unwrap();
    let check = |content: Option<&[u8]>, code: i32, expected: &[&str]| {
        match content {
            Some(content) => std::fs::write(&key, content).unwrap(),
            None => std::fs::remove_file(&key).unwrap(),
        }
        let outcome = outside.home.to_disk(&[]);
        outcome.code(code);
        for text in expected {
            outcome.says(text);
        }
    };
    // No key in it: the built-in ones count, which have not signed this.
    let fallback = "releases are verified with the built-in Red Hat keys";
    check(None, 2, &["OCP_SIGNATURE_VERIFICATION_PK: cannot use", fallback, "invalid signature for"]);
    check(Some(b" \n"), 2, &["it is empty", fallback, "invalid signature for"]);
    // Something that was meant to be a key must not fall back to others.
    check(Some(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n"), 2, &["OCP_SIGNATURE_VERIFICATION_PK"]);
    check(Some(&good), 0, &[]);
    // What was kept is looked up by digest, whatever its name begins with, and the server is left in peace.
    let folder = outside.home.disk().join("working-dir/signatures");
    let hex = release.digest().hex();
    std::fs::rename(folder.join(format!("{}-sha256-{hex}", release.tag)), folder.join(format!("0-sha256-{hex}")))
        .unwrap();
    outside.service.clear_requests();
    check(Some(&good), 0, &[]);
    assert_eq!(outside.service.requests(), ["/graph?arch=amd64&channel=stable-4.99"]);
    // A kept signature is verified as well.
    check(Some(b""), 2, &["invalid signature for"]);
}

/// The signature names the payload: it is pulled by that name, whatever registry the update service names, and so it is
/// called at the destination.
#[test]
fn the_signed_name_is_the_one_that_counts() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.publish(&release);
    let (other, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let named = format!("{}/{PAYLOADS}@{}", other.host(), release.digest());
    outside.service.graph("amd64", "stable-4.99", &update_graph([("4.99.1", named)], []));
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    outside.home.to_disk(&[]).code(0).says("3 / 3 release images mirrored successfully");
    assert_eq!(other.request_count(), 0, "{:#?}", other.requests());
    outside.home.to_mirror(destination.host(), &[]).code(0);
    assert_arrived(&release, &destination, "");
}

/// Old releases stay signed: an update service, or a registry, that gives one out under a newer version is found out.
#[test]
fn a_signature_of_another_version_does_not_count() {
    let Some(outside) = Outside::new() else { return };
    let (old, new) = (Release::new("4.99.1", 2, 1), Release::new("4.99.2", 2, 2));
    outside.publish(&old);
    outside.publish(&new);
    let payload = |release: &Release| format!("{}/{PAYLOADS}@{}", outside.source.host(), release.digest());
    let words = "it is the signature of release 4.99.1, and release 4.99.2 was selected";
    let channel = "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.2\n    maxVersion: 4.99.2\n";
    outside.home.configuration(channel);
    outside.service.graph("amd64", "stable-4.99", &update_graph([("4.99.2", payload(&old))], []));
    outside.home.to_disk(&[]).code(2).says(words);
    assert!(outside.home.archives().is_empty());
    outside.service.graph("amd64", "stable-4.99", &update_graph([("4.99.2", payload(&new))], []));
    outside.home.to_disk(&[]).code(0);

    // The same of a tag that the configuration names: the registry moved it.
    let configured = |tag: &str| {
        let name = format!("{}/{PAYLOADS}:{tag}", outside.source.host());
        outside.home.configuration(&format!("platform:\n  release: {name}\n"))
    };
    outside.source.tag(PAYLOADS, &new.tag, old.digest());
    configured(&new.tag);
    outside.home.to_disk(&[]).code(2).says(words);
    // A tag of one's own names no version.
    outside.source.tag(PAYLOADS, "ours", old.digest());
    configured("ours");
    outside.home.to_disk(&[]).code(0);
}

/// A clock that is wrong, here or where the signature was made, is named.
#[test]
fn signatures_of_the_future_do_not_count() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    let signed = |days: i64| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        let time = time.strftime("%Y%m%dT%H%M%S!").to_string();
        let message = outside.gpg.sign(USER, &release.identity(), &["--faked-system-time", &time]);
        outside.service.signature(release.digest(), 1, message);
    };
    signed(3);
    outside.home.to_disk(&[]).code(2).says("more than 24 hours after the time of this machine").says("check the clock");
    signed(0);
    outside.home.to_disk(&[]).code(0);
}

/// Only `platform.release` may come without a signature.
#[test]
fn channels_are_always_verified() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    release.push_to(&outside.source);
    outside.service.graph("amd64", "stable-4.99", &graph(&[&release]));
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    outside.home.to_disk(&["--ignore-release-signature"]).code(2).says("no signature found for");
    assert!(outside.service.requests().iter().any(|request| request.contains("signature-1")));
}

/// Signatures that cosign made of a release's images, beside those that verify it: they travel unless they are to be left
/// behind, and are deleted when they are listed (`docs/behaviour/config-cli.md` 4.4 and 7.2).
#[test]
fn attached_signatures_of_a_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.channel(&[&release]);
    let sign = |repository: &str, image: &Image| {
        let signature = cosign_signature(&format!("quay.io/{repository}"), image);
        outside.source.push(repository, cosign_signature_tag(&image.digest).as_str(), &signature);
    };
    sign(PAYLOADS, &release.payload);
    release.components.iter().for_each(|(_, image)| sign(COMPONENTS, image));
    let body = "platform:\n  channels:\n  - name: stable-4.99\n";
    outside.home.configuration(body);
    let indented = body.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
    outside.home.write("disc.yaml", format!("kind: DeleteImageSetConfiguration\ndelete:\n{indented}"));
    let check = |removed: &[&str], first: &[&str], travelled: usize, left_over: usize| {
        let destination = Registry::start_blocking();
        let to = destination.host().to_owned();
        outside.home.to_disk(&[removed, &["--since", "2015-01-01"]].concat()).code(0);
        outside.home.to_mirror(&to, removed).code(0);
        assert_arrived(&release, &destination, "");
        let tags = || {
            let repositories = ["openshift/release", "openshift/release-images"];
            repositories.iter().flat_map(|name| destination.tags(name)).collect::<Vec<_>>()
        };
        let signatures = |tags: &[String]| {
            tags.iter().filter(|tag| tag.rsplit_once('.').is_some_and(|(_, end)| end == "sig")).count()
        };
        assert_eq!(signatures(&tags()), travelled, "{removed:?}: {:?}", tags());
        let (workspace, to) = (format!("file://{}", outside.home.disk().display()), format!("docker://{to}"));
        let delete = |more: &[&str]| outside.home.run(&[&["delete", "--workspace", &workspace, &to], more].concat());
        delete(&[&["--generate", "-c", "disc.yaml"], first].concat()).code(0);
        let list = outside.home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
        delete(&["--delete-yaml-file", &list, "--dest-tls-verify=false"]).code(0);
        let left = tags();
        assert_eq!((left.len(), signatures(&left)), (left_over, left_over), "{removed:?} {first:?}: {left:?}");
    };
    // The first run has no signature in its cache yet.
    check(&["--remove-signatures"], &["--delete-signatures"], 0, 0);
    check(&[], &[], 3, 3);
    check(&[], &["--delete-signatures"], 3, 0);
}
