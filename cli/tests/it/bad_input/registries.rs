//! Registries that are away, refuse, lie or break off.

use std::time::Duration;

use test_support::{
    Auth, DebianRegistry, Effect, Fault, ImageBuilder, Kind, Layer, Nowhere, Registry, TestCa, TokenAuth, When,
};

use super::{Site, leaves};
use crate::harness::{Home, Outcome};

/// Mirrors `site` to disk with this fault at the source, which must fail with exit code 8 and leave nothing.
#[track_caller]
fn fails(site: &Site, fault: Fault) -> String {
    site.source.fault(fault);
    let outcome = site.home.to_disk(&["--retry-times=2"]);
    outcome.code(8);
    leaves(&site.home, &[]);
    outcome.complaints()
}

/// Mirrors with this fault at the source, which must not matter.
#[track_caller]
fn recovers(site: &Site, fault: Fault) {
    let fault = site.source.fault(fault);
    let outcome = site.home.to_disk(&["--retry-times=2"]);
    outcome.code(0).says("1 / 1 additional images mirrored successfully");
    assert!(fault.hits() > 0, "the fault never struck");
    assert_eq!(outcome.complaints(), "");
    leaves(&site.home, &["mirror_000001.tar"]);
}

/// Pushes a mirrored site to a destination with this fault, which must fail with exit code 8.
#[track_caller]
fn push_fails(fault: Fault) -> String {
    let (site, destination) = (Site::mirrored(), Registry::start_blocking());
    destination.fault(fault);
    let outcome = site.home.to_mirror(destination.host(), &["--retry-times=2"]);
    outcome.code(8);
    assert!(destination.manifest("ns/app", "v1").is_none(), "a manifest was pushed");
    assert_eq!(destination.unfinished_uploads(), 0, "an upload was left open");
    leaves(&site.home, &["mirror_000001.tar"]);
    outcome.complaints()
}

#[track_caller]
fn push_recovers(fault: Fault) {
    let (site, destination) = (Site::mirrored(), Registry::start_blocking());
    let fault = destination.fault(fault);
    let outcome = site.home.to_mirror(destination.host(), &["--retry-times=2"]);
    outcome.code(0);
    assert!(fault.hits() > 0, "the fault never struck");
    assert_eq!(outcome.complaints(), "");
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, site.image.digest);
}

#[test]
fn the_source_is_away() {
    let (home, away) = (Home::new(), Nowhere::hold());
    home.additional_images([format!("{away}/ns/app:v1")]);
    let outcome = home.to_disk(&["--retry-times=1"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: cannot connect to `https://127.0.0.1:PORT`: connection refused (os error 111) (after 2 attempts); check that a server listens there, and that no firewall refuses the connection
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    run the same command again: what arrived is kept, only the rest is fetched
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&home, &[]);
}

/// Nobody has to guess why nothing moves.
#[test]
fn pauses_are_told_at_info() {
    let site = Site::new();
    site.source.fault(Fault::new(When::kind(Kind::Manifest).once(), Effect::status(503)));
    let outcome = site.home.to_disk(&["--retry-times=2"]);
    let line = outcome.code(0).line_with("waiting 0 s before attempt 2 of 3 at `127.0.0.1:").expect("a line");
    assert!(line.contains("[INFO]") && line.contains("`: 503 Service Unavailable"), "{line}");
}

/// The flags say how often; without them, a registry that has never answered is not waited for long.
#[test]
fn patience_at_first_contact() {
    let check = |flags: &[&str], attempts: std::ops::RangeInclusive<u32>| {
        let (home, away) = (Home::new(), Nowhere::hold());
        home.additional_images([format!("{away}/ns/app:v1")]);
        let disk = format!("file://{}", home.disk().display());
        let outcome = home.run(&[&["-c", "isc.yaml", &disk], flags].concat());
        let line = outcome.code(8).line_with("(after ").expect("a line");
        let (_, rest) = line.split_once("(after ").unwrap();
        let found: u32 = rest.split_once(' ').unwrap().0.parse().unwrap();
        assert!(attempts.contains(&found), "{flags:?}: {line}");
    };
    // Pauses of 1, 2 and at most 2 seconds, five together.
    check(&[], 2..=4);
    check(&["--retry-delay=10ms"], 6..=6);
    check(&["--retry-times=2"], 3..=3);
    check(&["--retry-times=30", "--retry-delay=10ms"], 31..=31);
}

#[test]
fn the_source_has_no_address() {
    let home = Home::new();
    home.additional_images(["registry.invalid/ns/app:v1"]);
    let outcome = home.to_disk(&["--retry-times=1"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image registry.invalid/ns/app:v1 error: pulling manifest `registry.invalid/ns/app:v1`: cannot connect to `https://registry.invalid:443`: failed to lookup address information: Name or service not known (after 2 attempts); check the name and this machine's DNS; if only a proxy can reach the host, set HTTPS_PROXY
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    run the same command again: what arrived is kept, only the rest is fetched
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * registry.invalid/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&home, &[]);
}

/// An address that cannot be used is never passed over: the connection would go directly.
#[test]
fn a_proxy_address_that_cannot_be_used() {
    let check = |variable: &str, address: &str, expected: &str| {
        let home = Home::new().variable(variable, address);
        home.additional_images(["registry.invalid/ns/app:v1"]);
        let outcome = home.to_disk(&["--retry-times=0"]);
        let upper = variable.to_uppercase();
        outcome.code(1).says(&format!("the proxy address in {upper} (or {}) cannot be used", upper.to_lowercase()));
        outcome.says(expected);
        assert!(!outcome.stderr.contains("s3cret") && !outcome.stdout.contains("s3cret"), "{outcome:?}");
    };
    check("HTTPS_PROXY", "http://user:#s3cret@127.0.0.1:9", "write them as %23, %2F, %3F and %40");
    check("https_proxy", "http://user:/s3cret@127.0.0.1:9", "write them as %23, %2F, %3F and %40");
    check("HTTP_PROXY", "user:1?s3cret@127.0.0.1:9", "write them as %23, %2F, %3F and %40");
    check("HTTPS_PROXY", "http://127.0.0.1:99999", "its port is no number from 1 to 65535");
    check("HTTPS_PROXY", "ftp://user:s3cret@127.0.0.1:9", "its scheme is none of http, https, socks4");
}

#[test]
fn the_destination_is_away() {
    let (site, away) = (Site::mirrored(), Nowhere::hold());
    let outcome = site.home.to_mirror(away.host(), &["--retry-times=1"]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @r#"[ERROR]  : [Executor] checking registry "127.0.0.1:PORT" access: checking registry `127.0.0.1:PORT`: cannot connect to `https://127.0.0.1:PORT`: connection refused (os error 111) (after 2 attempts); check that a server listens there, and that no firewall refuses the connection"#);
    leaves(&site.home, &["mirror_000001.tar"]);
}

#[test]
fn credentials_are_missing() {
    let site = Site::with(Registry::builder().auth(Auth::basic("me", "secret")));
    let outcome = site.home.to_disk(&[]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: 401 Unauthorized: authentication required [UNAUTHORIZED]; no credentials were found for `127.0.0.1:PORT/ns` or `127.0.0.1:PORT`, and there is no auth file: run `podman login 127.0.0.1:PORT`
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&site.home, &[]);
}

#[test]
fn credentials_are_refused() {
    fn check(auth: Auth) -> String {
        let site = Site::with(Registry::builder().auth(auth));
        let auth_file = site.home.auth_file(site.source.host(), "me", "wrong");
        let outcome = site.home.to_disk(&["--authfile", &auth_file]);
        outcome.code(8);
        leaves(&site.home, &[]);
        outcome.complaints()
    }
    insta::assert_snapshot!(check(Auth::basic("me", "secret")), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: 401 Unauthorized: authentication required [UNAUTHORIZED]; the credentials found for `127.0.0.1:PORT` in `HOME/auth.json` were refused: run `podman login --authfile HOME/auth.json 127.0.0.1:PORT` again, or check their permissions
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    insta::assert_snapshot!(check(Auth::Token(TokenAuth::user("me", "secret"))), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: asking `http://127.0.0.1:PORT/token` for a token: 401 Unauthorized: incorrect username or password [UNAUTHORIZED]; the credentials found for `127.0.0.1:PORT` in `HOME/auth.json` were refused: run `podman login --authfile HOME/auth.json 127.0.0.1:PORT` again, or check their permissions
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
}

/// A mistyped `--authfile` is told: without a word, its only sign would be a 401.
#[test]
fn an_auth_file_that_is_not_there() {
    let site = Site::new();
    let outcome = site.home.to_disk(&["--authfile", "nowhere.json"]);
    insta::assert_snapshot!(outcome.code(0).complaints(), @"[WARN]   : ⚠️  auth file `HOME/nowhere.json` does not exist; continuing without credentials");
}

#[test]
fn credentials_of_the_destination_are_missing() {
    let site = Site::mirrored();
    let destination = Registry::builder().auth(Auth::basic("me", "secret")).start_blocking();
    let outcome = site.home.to_mirror(destination.host(), &[]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @r#"[ERROR]  : [Executor] checking registry "127.0.0.1:PORT" access: checking registry `127.0.0.1:PORT`: 401 Unauthorized: authentication required [UNAUTHORIZED]; no credentials were found for `127.0.0.1:PORT`, and there is no auth file: run `podman login 127.0.0.1:PORT`"#);
}

#[test]
fn a_tag_that_is_not_there() {
    let site = Site::new();
    site.home.additional_images([format!("{}/ns/app:v2", site.source.host())]);
    let outcome = site.home.to_disk(&[]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v2 error: pulling manifest `127.0.0.1:PORT/ns/app:v2`: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v2, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&site.home, &[]);
}

#[test]
fn a_blob_that_is_not_there() {
    let site = Site::new();
    let blob = &site.image.blobs[1].digest;
    insta::assert_snapshot!(fails(&site, Fault::new(When::kind(Kind::Blob).digest(blob), Effect::status(404))), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/app`: 404 Not Found: repository name not known to registry [NAME_UNKNOWN]
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
}

#[test]
fn an_unknown_certificate_authority() {
    let ca = TestCa::new();
    let site = Site::with(Registry::builder().tls(&ca));
    let disk = format!("file://{}", site.home.disk().display());
    let outcome = site.home.run(&["-c", "isc.yaml", &disk, "--retry-times=0"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: x509: the certificate of `https://127.0.0.1:PORT` is signed by an authority that is not trusted; put the certificate authority into `HOME/.config/containers/certs.d/127.0.0.1:PORT/ca.crt`, or use `--src-tls-verify=false`
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&site.home, &[]);
    // The way out that the message shows.
    site.home.to_disk(&[]).code(0);
}

#[test]
fn plain_http_where_https_is_expected() {
    let site = Site::new();
    let disk = format!("file://{}", site.home.disk().display());
    let outcome = site.home.run(&["-c", "isc.yaml", &disk, "--retry-times=0"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: `https://127.0.0.1:PORT`: http: server gave HTTP response to HTTPS client; the server answers in plain HTTP, use `--src-tls-verify=false` to allow that
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&site.home, &[]);
}

#[test]
fn https_that_is_not_verified_is_used_although_plain_http_is_allowed() {
    let ca = TestCa::new();
    let site = Site::with(Registry::builder().tls(&ca));
    site.home.to_disk(&[]).code(0);
}

#[test]
fn a_manifest_with_a_wrong_bit() {
    // By tag nothing tells what it should be except the registry's own header; by digest everything does.
    let site = Site::new();
    site.home.additional_images([format!("{}/ns/app@{}", site.source.host(), site.image.digest)]);
    let fault = || Fault::new(When::kind(Kind::Manifest).method("GET"), Effect::WrongBytes(20));
    insta::assert_snapshot!(fails(&site, fault()), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app@sha256:HEX error: pulling manifest `127.0.0.1:PORT/ns/app@sha256:HEX`: digest mismatch: the registry sent a manifest with digest `sha256:HEX`, expected `sha256:HEX` (after 2 attempts)
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app@sha256:HEX, line 5 of the configuration (mirror.additionalImages[0])
    ");
    let site = Site::new();
    recovers(&site, Fault::new(When::kind(Kind::Manifest).method("GET").once(), Effect::WrongBytes(20)));
}

#[test]
fn a_blob_with_a_wrong_bit() {
    let wrong = |when: When| Fault::new(when.method("GET"), Effect::WrongBytes(1000));
    let site = Site::new();
    let blob = site.image.blobs.iter().find(|blob| blob.bytes.len() == 40_000).unwrap().digest.clone();
    insta::assert_snapshot!(fails(&site, wrong(When::kind(Kind::Blob).digest(&blob))), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/app`: digest mismatch: the content has digest `sha256:HEX`, expected `sha256:HEX` (after 2 attempts)
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    let site = Site::new();
    recovers(&site, wrong(When::kind(Kind::Blob).digest(&blob).once()));
}

#[test]
fn a_body_that_is_cut_short() {
    let cut = |when: When| Fault::new(when.method("GET"), Effect::CloseAfter(5000));
    let site = Site::new();
    let blob = site.image.blobs.iter().find(|blob| blob.bytes.len() == 40_000).unwrap().digest.clone();
    let when = || When::kind(Kind::Blob).digest(&blob);
    recovers(&site, cut(when().once()));
    // Each attempt brings 5000 bytes further, and three do not suffice.
    let site = Site::new();
    insta::assert_snapshot!(fails(&site, cut(when())), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/app`: `http://127.0.0.1:PORT`: end of file before message length reached after 15000 of 40000 bytes (after 3 attempts)
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    run the same command again: what arrived is kept, only the rest is fetched
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    // What arrived is kept: the next run only asks for the rest.
    site.source.clear_faults();
    site.source.clear_requests();
    site.home.to_disk(&[]).code(0);
    let rest: u64 = site.source.requests_matching(&when()).iter().map(test_support::Request::bytes_sent).sum();
    assert_eq!(rest, 40_000 - 15_000);
}

#[test]
fn resets_and_refusals_that_pass() {
    for effect in [
        Effect::ResetConnection,
        Effect::CloseConnection,
        Effect::status(500),
        Effect::status(502),
        Effect::status(503),
        Effect::status(504),
        Effect::retry_after(429, 0),
        Effect::ResetAfter(100),
    ] {
        recovers(&Site::new(), Fault::new(When::kind(Kind::Blob).method("GET").once(), effect.clone()));
        recovers(&Site::new(), Fault::new(When::kind(Kind::Manifest).method("GET").once(), effect.clone()));
    }
    for effect in [Effect::ResetConnection, Effect::status(503), Effect::retry_after(429, 0)] {
        push_recovers(Fault::new(When::kind(Kind::Upload).method("PUT").once(), effect.clone()));
        push_recovers(Fault::new(When::kind(Kind::Upload).method("POST").once(), effect.clone()));
        push_recovers(Fault::new(When::kind(Kind::Manifest).method("PUT").once(), effect.clone()));
    }
}

#[test]
fn too_many_requests() {
    recovers(&Site::new(), Fault::new(When::kind(Kind::Blob).times(2), Effect::retry_after(429, 1)));
    let site = Site::new();
    insta::assert_snapshot!(fails(&site, Fault::new(When::kind(Kind::Blob), Effect::retry_after(429, 0))), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/app`: 429 Too Many Requests: too many requests [TOOMANYREQUESTS] (after 3 attempts); the registry limits requests, lower `--parallel-images` or log in
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    run the same command again: what arrived is kept, only the rest is fetched
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
}

#[test]
fn a_server_that_is_down() {
    let site = Site::new();
    insta::assert_snapshot!(fails(&site, Fault::new(When::kind(Kind::Manifest), Effect::status(503))), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling manifest `127.0.0.1:PORT/ns/app:v1`: 503 Service Unavailable: service unavailable [UNAVAILABLE] (after 3 attempts)
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    run the same command again: what arrived is kept, only the rest is fetched
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
}

#[test]
fn a_token_that_ends_in_the_middle() {
    let site = Site::with(Registry::builder().auth(Auth::Token(TokenAuth::user("me", "secret"))));
    let auth_file = site.home.auth_file(site.source.host(), "me", "secret");
    let fault = site.source.fault(Fault::new(When::kind(Kind::Blob).nth(2), Effect::ExpireTokens));
    site.home.to_disk(&["--authfile", &auth_file]).code(0);
    assert_eq!(fault.hits(), 1);
    let destination = Registry::builder().auth(Auth::Token(TokenAuth::user("me", "secret"))).start_blocking();
    let auth_file = site.home.auth_file(destination.host(), "me", "secret");
    let fault = destination.fault(Fault::new(When::kind(Kind::Upload).nth(2), Effect::ExpireTokens));
    site.home.to_mirror(destination.host(), &["--authfile", &auth_file]).code(0);
    assert_eq!(fault.hits(), 1);
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, site.image.digest);
}

#[test]
fn a_destination_that_is_read_only() {
    insta::assert_snapshot!(push_fails(Fault::new(When::any(), Effect::ReadOnly)), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pushing blob `sha256:HEX` to `127.0.0.1:PORT/ns/app`: 405 Method Not Allowed: The operation is unsupported. [UNSUPPORTED]; the registry takes no writes here: it may be read-only or a pull-through cache
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    ");
    let write = When::kind(Kind::Upload).method("POST");
    insta::assert_snapshot!(push_fails(Fault::new(write, Effect::Denied)), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pushing blob `sha256:HEX` to `127.0.0.1:PORT/ns/app`: 403 Forbidden: requested access to the resource is denied [DENIED]; no credentials were found for `127.0.0.1:PORT/ns` or `127.0.0.1:PORT`, and there is no auth file: run `podman login 127.0.0.1:PORT`
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    ");
}

#[test]
fn a_real_destination_that_is_read_only() {
    let Some(destination) = DebianRegistry::builder().read_only().start() else { return };
    let site = Site::mirrored();
    let outcome = site.home.to_mirror(destination.host(), &["--retry-times=2"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pushing blob `sha256:HEX` to `127.0.0.1:PORT/ns/app`: 405 Method Not Allowed: Method not allowed; the registry takes no writes here: it may be read-only or a pull-through cache
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    ");
}

#[test]
fn a_destination_that_refuses_the_manifest() {
    let manifest = When::kind(Kind::Manifest).method("PUT");
    insta::assert_snapshot!(push_fails(Fault::new(manifest, Effect::status(400))), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pushing manifest `127.0.0.1:PORT/ns/app:v1`: 400 Bad Request: unknown error [UNKNOWN]
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    ");
}

/// One image of two fails: the other is in the cache, there is no archive, and the file of errors names the failed one.
#[test]
fn the_errors_file_names_what_failed() {
    let site = Site::new();
    let host = site.source.host();
    site.home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/ns/none:v1")]);
    let outcome: Outcome = site.home.to_disk(&[]);
    outcome.code(8).says("1 / 2 additional images mirrored: Some additional images failed to be mirrored");
    leaves(&site.home, &["mirror_000001.tar"]);
    let logs = site.home.disk().join("working-dir/logs");
    let errors: Vec<_> = std::fs::read_dir(logs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("mirroring_errors_"))
        .collect();
    assert_eq!(errors.len(), 1);
    let text = site.home.steady(&std::fs::read_to_string(&errors[0]).unwrap());
    insta::assert_snapshot!(text, @"error mirroring image 127.0.0.1:PORT/ns/none:v1 error: pulling manifest `127.0.0.1:PORT/ns/none:v1`: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]");
    // The lines after the results are those of `docs/behaviour/config-cli.md`, in its order.
    let lines: Vec<String> = outcome.complaints().lines().map(str::to_owned).collect();
    let worker = lines.iter().position(|line| line.contains("[Worker] error mirroring image")).unwrap();
    let executor = lines.iter().position(|line| line.contains("[Executor] [Worker] some errors occurred")).unwrap();
    assert!(worker < executor, "{lines:#?}");
}

/// `--image-timeout` ends what moves and takes too long. The next run goes on.
#[test]
fn a_transfer_that_takes_too_long() {
    #[track_caller]
    fn check(run: impl Fn(&Home, &str, &[&str]) -> Outcome, at_source: bool, advice: &str) {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let layer = Layer::random(1, 400_000);
        source.push("ns/app", "v1", &ImageBuilder::oci().layer(layer.clone()).build());
        let home = Home::new();
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let slow = if at_source {
            source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), Effect::Slow(2000)))
        } else {
            home.to_disk(&[]).code(0);
            // Longer than the bound; the registry keeps the session busy for as long.
            let stall = Effect::Stall { after: 1000, pause: Duration::from_secs(3) };
            destination.fault(Fault::new(When::kind(Kind::Upload).method("PUT").digest(&layer.digest()), stall))
        };
        let found = run(&home, destination.host(), &["--image-timeout=1s", "--output=json"]);
        let document: serde_json::Value = serde_json::from_str(&found.code(8).stdout).unwrap();
        let error = &document["images"][0]["error"];
        assert_eq!(error["message"], format!("not finished within 1 s; {advice}, or raise `--image-timeout`"));
        assert_eq!((&error["condition"], &error["retryCanHelp"]), (&"timeout".into(), &true.into()));
        // Nothing half-written has a final name, here or there.
        home.verify_cache();
        assert!(!at_source || !home.disk().exists() || home.archives().is_empty());
        assert!(destination.manifest("ns/app", "v1").is_none() && destination.blob(&layer.digest()).is_none());
        slow.stop();
        run(&home, destination.host(), &[]).code(0);
        home.verify_cache();
        if destination.manifest("ns/app", "v1").is_none() {
            home.to_mirror(destination.host(), &[]).code(0);
        }
        assert_eq!(destination.blob(&layer.digest()), Some(layer.bytes));
    }
    let kept = "what arrived is kept, run again to go on";
    check(|home, _, more| home.to_disk(more), true, kept);
    check(|home, _, more| home.to_disk(&[&["--no-cache"], more].concat()), true, "run again");
    check(Home::to_mirror, false, kept);
    check(Home::mirror_to_mirror, true, kept);
}
