//! Which certificates of servers are accepted, and what is said of the others.

use image_ref::ImageRef;
use oci_transport::{Client, ClientOptions, Condition, Side};
use test_support::{CertificateRecipe, Image, ImageBuilder, Layer, Registry, ServerCertificate, SignedBy};

use crate::support::{content, descriptor, endpoint, options, random};

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

/// What becomes of a pull and of a push where `trusted` stands in `certs.d` for the server: nothing when both work.
async fn outcome(certificate: &ServerCertificate, trusted: &str) -> Option<String> {
    let registry = Registry::builder().certificate(certificate).start_blocking();
    registry.push("ns/app", "v1", &made());
    // By name, so that another name in a certificate is another name.
    let host = registry.host().replace("127.0.0.1", "localhost");
    let certs = tempfile::tempdir().unwrap();
    for host in [host.as_str(), registry.host()] {
        std::fs::create_dir(certs.path().join(host)).unwrap();
        std::fs::write(certs.path().join(host).join("ca.crt"), trusted).unwrap();
    }
    let client = |side| {
        let cert_dirs = vec![certs.path().to_owned()];
        Client::new(ClientOptions { tls_verify: true, cert_dirs, ..options(side) }).unwrap()
    };
    let reference = ImageRef::parse(&format!("{host}/ns/app:v1")).unwrap();
    let pulled = client(Side::Source).pull_manifest(&reference).await.map(drop);
    let (destination, blob) = (client(Side::Destination), random(2, 1000));
    let at = endpoint(&destination, &registry, "ns/other");
    let pushed = destination.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await;
    assert_eq!(pulled.is_ok(), pushed.is_ok(), "both sides judge alike: {pulled:?} {pushed:?}");
    let error = pulled.err()?;
    assert_eq!(error.condition(), Condition::Certificate, "{error}");
    assert_eq!(error.attempts(), 1, "another attempt would not help: {error}");
    let folder = certs.path().display().to_string();
    Some(error.to_string().replace(&host, "HOST").replace(&folder, "CERTS"))
}

async fn accepts(what: &str, certificate: &ServerCertificate, trusted: &str) {
    assert_eq!(outcome(certificate, trusted).await, None, "{what}");
}

async fn refuses(what: &str, certificate: &ServerCertificate, trusted: &str, expected: &str) {
    let said = outcome(certificate, trusted).await.expect(what);
    assert_eq!(said, format!("pulling manifest `HOST/ns/app:v1`: x509: the certificate of `https://HOST` {expected}"));
}

const UNKNOWN: &str = "is signed by an authority that is not trusted; put the certificate authority into \
                       `CERTS/HOST/ca.crt`, or use `--src-tls-verify=false`";

#[tokio::test]
async fn a_certificate_that_is_trusted_itself() {
    let recipe = |signed_by, is_authority: bool| {
        let recipe = CertificateRecipe::new(signed_by);
        if is_authority { recipe.authority() } else { recipe }
    };
    for is_authority in [true, false] {
        let own = recipe(SignedBy::Itself, is_authority).make();
        accepts("self-signed", &own, own.pem()).await;
        for signed_by in [SignedBy::Authority, SignedBy::Intermediate, SignedBy::Server] {
            let leaf = recipe(signed_by, is_authority).make();
            accepts("trusted although somebody has signed it", &leaf, leaf.pem()).await;
        }
        let twin = recipe(SignedBy::Itself, is_authority).make();
        refuses("another with the same names", &own, twin.pem(), UNKNOWN).await;
        let both = format!("{}{}", twin.pem(), own.pem());
        accepts("one of several in a file", &own, &both).await;
    }
}

#[tokio::test]
async fn an_authority_as_the_certificate_of_a_server() {
    for signed_by in [SignedBy::Authority, SignedBy::Intermediate] {
        let leaf = CertificateRecipe::new(signed_by).authority().make();
        for issuer in leaf.issuers() {
            accepts("an authority above it", &leaf, issuer).await;
        }
        let stranger = CertificateRecipe::new(signed_by).authority().make();
        refuses("an authority of others", &leaf, stranger.issuers().last().unwrap(), UNKNOWN).await;
    }
    for signed_by in [SignedBy::Authority, SignedBy::Intermediate] {
        let plain = CertificateRecipe::new(signed_by).make();
        accepts("the usual kind", &plain, plain.issuers().last().unwrap()).await;
    }
}

/// The certificate of a server speaks for that server, however much it is trusted.
#[tokio::test]
async fn who_is_no_authority_vouches_for_nobody() {
    for signed_by in [SignedBy::Server, SignedBy::Unmarked] {
        for leaf in [CertificateRecipe::new(signed_by), CertificateRecipe::new(signed_by).authority()] {
            let leaf = leaf.make();
            refuses("signed by a server", &leaf, &leaf.issuers()[0], UNKNOWN).await;
        }
    }
}

#[tokio::test]
async fn name_dates_and_use_count_all_the_same() {
    let check = async |adapt: &dyn Fn(CertificateRecipe) -> CertificateRecipe, expected: &str| {
        for signed_by in [SignedBy::Itself, SignedBy::Authority, SignedBy::Intermediate] {
            for recipe in [CertificateRecipe::new(signed_by), CertificateRecipe::new(signed_by).authority()] {
                let certificate = adapt(recipe).make();
                for trusted in
                    std::iter::once(certificate.pem()).chain(certificate.issuers().last().map(String::as_str))
                {
                    let said = outcome(&certificate, trusted).await.expect(expected);
                    assert!(said.contains(&format!("the certificate of `https://HOST` {expected}")), "{said}");
                }
            }
        }
    };
    check(
        &|recipe| recipe.named("other.test"),
        "is for `other.test`, not for `HOST`; use a name that the certificate has, or renew",
    )
    .await;
    check(
        &|recipe| recipe.valid((2020, 1, 1), (2021, 1, 1)),
        "expired on 2021-01-01 00:00:00 UTC; this machine's clock says 20",
    )
    .await;
    check(
        &|recipe| recipe.valid((2999, 1, 1), (3000, 1, 1)),
        "is not valid before 2999-01-01 00:00:00 UTC; this machine's clock says 20",
    )
    .await;
    check(&CertificateRecipe::for_clients, "is not meant for servers (extendedKeyUsage)").await;
}
