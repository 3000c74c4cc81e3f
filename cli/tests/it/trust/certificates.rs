//! Certificates that registries show: of the usual recipes, on both sides, trusted in `certs.d` and by `SSL_CERT_FILE`.

use test_support::{CertificateRecipe, Image, ImageBuilder, Layer, Registry, ServerCertificate, SignedBy};

use crate::harness::{Home, Outcome};

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

/// Where people put a certificate that they trust.
#[derive(Debug, Clone, Copy)]
enum Trust {
    Folder,
    Variable,
}

/// Mirrors from one registry with this certificate to another, where `trusted` is trusted.
fn mirror(certificate: &ServerCertificate, trusted: &str, how: Trust) -> (Outcome, Registry) {
    let source = Registry::builder().certificate(certificate).start_blocking();
    let destination = Registry::builder().certificate(certificate).start_blocking();
    source.push("ns/app", "v1", &made());
    let mut home = Home::new();
    match how {
        Trust::Folder => {
            for registry in [&source, &destination] {
                home.write(&format!(".config/containers/certs.d/{}/ca.crt", registry.host()), trusted);
            }
        }
        Trust::Variable => {
            let file = home.write("trusted.pem", trusted);
            home = home.variable("SSL_CERT_FILE", file);
        }
    }
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let workspace = format!("file://{}", home.workspace().display());
    let target = format!("docker://{}/lab", destination.host());
    let outcome = home.run(&["-c", "isc.yaml", "--workspace", &workspace, &target, "--retry-delay=10ms"]);
    (outcome, destination)
}

#[test]
fn certificates_of_the_usual_recipes_are_accepted() {
    let own = CertificateRecipe::new(SignedBy::Itself).authority().make();
    let leaf = CertificateRecipe::new(SignedBy::Authority).make();
    let authority = CertificateRecipe::new(SignedBy::Authority).authority().make();
    for how in [Trust::Folder, Trust::Variable] {
        let check = |what: &str, certificate: &ServerCertificate, trusted: &str| {
            let (outcome, destination) = mirror(certificate, trusted, how);
            outcome.code(0);
            let arrived = destination.manifest("lab/ns/app", "v1").expect(what);
            assert_eq!(arrived.digest, made().digest, "{what}, {how:?}");
        };
        check("openssl req -x509", &own, own.pem());
        check("a leaf as trust anchor", &leaf, leaf.pem());
        check("an authority that is the server's certificate", &authority, &authority.issuers()[0]);
    }
}

#[test]
fn what_is_trusted_has_to_fit_all_the_same() {
    let own = || CertificateRecipe::new(SignedBy::Itself).authority();
    for how in [Trust::Folder, Trust::Variable] {
        let check = |certificate: &ServerCertificate, trusted: &str, expected: &str| {
            let (outcome, destination) = mirror(certificate, trusted, how);
            // The destination is asked before anything else.
            outcome.code(1).says(expected);
            assert!(destination.manifest("lab/ns/app", "v1").is_none(), "{how:?}");
        };
        let other = own().make();
        check(
            &own().make(),
            other.pem(),
            "is signed by an authority that is not trusted; put the certificate authority",
        );
        let name = own().named("other.test").make();
        check(&name, name.pem(), "is for `other.test`, not for `127.0.0.1:");
        let old = own().valid((2020, 1, 1), (2021, 1, 1)).make();
        check(&old, old.pem(), "expired on 2021-01-01 00:00:00 UTC; this machine's clock says 20");
        let server = CertificateRecipe::new(SignedBy::Server).make();
        check(&server, &server.issuers()[0], "is signed by an authority that is not trusted");
    }
}
