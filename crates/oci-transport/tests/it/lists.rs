//! Tags and referrers, over pages and without the API.

use oci_transport::Side;
use test_support::{Auth, Effect, Fault, ImageBuilder, IndexBuilder, Kind, Layer, Registry, When};

use crate::support::{endpoint, source, user, with_credentials};

#[tokio::test]
async fn tags_over_pages() {
    for page in [None, Some(1), Some(3), Some(7)] {
        let mut builder = Registry::builder();
        if let Some(size) = page {
            builder = builder.page_size(size);
        }
        let registry = builder.start_blocking();
        let image = ImageBuilder::oci().build();
        let expected: Vec<String> = (0..7).map(|at| format!("v{at}")).collect();
        for tag in &expected {
            registry.push("ns/app", tag.as_str(), &image);
        }
        let client = source();
        assert_eq!(client.list_tags(&endpoint(&client, &registry, "ns/app")).await.unwrap(), expected, "{page:?}");
        let error = client.list_tags(&endpoint(&client, &registry, "ns/none")).await.unwrap_err();
        assert!(error.is_not_found());
    }
}

/// A registry behind a proxy may not know by which name it is asked; whatever it says, it is asked itself.
#[tokio::test]
async fn pages_under_another_name() {
    let registry = Registry::builder().auth(Auth::basic("user", "s3cret")).start_blocking();
    for tag in ["v1", "v2", "v3"] {
        registry.push("ns/app", tag, &ImageBuilder::oci().build());
    }
    let client = with_credentials(Side::Source, user());
    let at = endpoint(&client, &registry, "ns/app");
    for name in ["https://registry.invalid", "http://registry.invalid:8080", "//registry.invalid", ""] {
        let link = format!("<{name}/v2/ns/app/tags/list?last=v1>; rel=\"next\"");
        let headers = vec![("link".to_owned(), link)];
        let first = Effect::Status { code: 200, headers, body: Some("{\"tags\":[\"v1\"]}".to_owned()) };
        let fault = registry.fault(Fault::new(When::kind(Kind::Tags).query("n=1000"), first));
        assert_eq!(client.list_tags(&at).await.unwrap(), ["v1", "v2", "v3"], "{name}");
        fault.stop();
    }
}

#[tokio::test]
async fn referrers_by_api_and_by_tag() {
    let subject = ImageBuilder::oci().layer(Layer::random(1, 10)).build();
    let artifacts: Vec<_> = (0..5)
        .map(|at| {
            test_support::artifact("application/x-sbom", "text/plain", format!("{at}").as_bytes(), Some(&subject))
        })
        .collect();
    let mut expected: Vec<_> = artifacts.iter().map(|artifact| artifact.digest.clone()).collect();
    expected.sort();
    for api in [true, false] {
        let registry = Registry::builder().referrers(api).page_size(2).start_blocking();
        let client = source();
        let at = endpoint(&client, &registry, "ns/app");
        registry.push("ns/app", "v1", &subject);
        assert_eq!(client.referrers(&at, &subject.digest).await.unwrap(), []);
        let mut index = IndexBuilder::oci();
        for artifact in &artifacts {
            registry.push("ns/app", None, artifact);
            index = index.child(artifact.clone());
        }
        if !api {
            let tag = subject.digest.as_tag();
            registry.push("ns/app", tag.as_str(), &index.build());
        }
        let found = client.referrers(&at, &subject.digest).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|descriptor| descriptor.digest).collect();
        found.sort();
        assert_eq!(found, expected, "API: {api}");
        assert!(!registry.requests_matching(&When::kind(Kind::Referrers)).is_empty());
    }
}

/// Whatever a registry without the API says in its place: the tag is asked, and the API of this host never again.
#[tokio::test]
async fn only_an_index_is_an_answer_of_the_referrers_api() {
    async fn check(name: &str, answer: Effect) {
        let subject = ImageBuilder::oci().layer(Layer::random(1, 10)).build();
        let artifact = test_support::artifact("application/x-sbom", "text/plain", b"sbom", Some(&subject));
        let registry = Registry::start_blocking();
        registry.push("ns/app", "v1", &subject);
        registry.push("ns/app", None, &artifact);
        let tag = subject.digest.as_tag();
        registry.push("ns/app", tag.as_str(), &IndexBuilder::oci().child(artifact.clone()).build());
        registry.fault(Fault::new(When::kind(Kind::Referrers), answer));
        let client = source();
        let at = endpoint(&client, &registry, "ns/app");
        for _ in 0..3 {
            let found = client.referrers(&at, &subject.digest).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let found: Vec<_> = found.into_iter().map(|descriptor| descriptor.digest).collect();
            assert_eq!(found, std::slice::from_ref(&artifact.digest), "{name}");
        }
        assert_eq!(registry.requests_matching(&When::kind(Kind::Referrers)).len(), 1, "{name}");
    }
    let says = |code, media_type: &str, body: &str| Effect::Status {
        code,
        headers: vec![("content-type".to_owned(), media_type.to_owned())],
        body: Some(body.to_owned()),
    };
    check("a page", says(200, "text/html", "<html>Sign in</html>")).await;
    check("null", says(200, "application/json", "null")).await;
    check("another object", says(200, "application/json", "{}")).await;
    check("an array", says(200, "application/json", "[]")).await;
    check("nothing", says(200, "application/json", "")).await;
    for code in [400, 401, 403, 404, 405, 406, 410, 501] {
        check(&code.to_string(), Effect::status(code)).await;
    }
}

/// A login page is no list, wherever it is.
#[tokio::test]
async fn a_redirect_to_a_login_page_is_no_referrers_api() {
    let subject = ImageBuilder::oci().layer(Layer::random(1, 10)).build();
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &subject);
    let headers = vec![("location".to_owned(), format!("{}/login", registry.url()))];
    let login = Effect::Status { code: 303, headers, body: None };
    registry.fault(Fault::new(When::kind(Kind::Referrers), login));
    let client = source();
    let at = endpoint(&client, &registry, "ns/app");
    assert_eq!(client.referrers_by_api(&at, &subject.digest).await.unwrap(), None);
}

/// Trouble is no answer, and an empty list may be written as `null`.
#[tokio::test]
async fn what_the_referrers_api_says_when_it_is_there() {
    let subject = ImageBuilder::oci().layer(Layer::random(1, 10)).build();
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &subject);
    let client = source();
    let at = endpoint(&client, &registry, "ns/app");
    let trouble = registry.fault(Fault::new(When::kind(Kind::Referrers), Effect::status(500)));
    assert_eq!(client.referrers_by_api(&at, &subject.digest).await.unwrap_err().status_code(), Some(500));
    trouble.stop();
    let body = Some(r#"{"schemaVersion":2,"manifests":null}"#.to_owned());
    registry.fault(Fault::new(When::kind(Kind::Referrers).once(), Effect::Status { code: 200, headers: vec![], body }));
    assert_eq!(client.referrers_by_api(&at, &subject.digest).await.unwrap(), Some(vec![]));
    assert_eq!(client.referrers_by_api(&at, &subject.digest).await.unwrap(), Some(vec![]));
}

#[tokio::test]
async fn tags_within_a_number_of_pages() {
    let registry = Registry::builder().page_size(2).start_blocking();
    for tag in ["v1", "v2", "v3", "v4", "v5"] {
        registry.push("ns/app", tag, &ImageBuilder::oci().build());
    }
    let client = source();
    let at = endpoint(&client, &registry, "ns/app");
    for (pages, expected) in [(1, None), (2, None), (3, Some(5)), (9, Some(5))] {
        let before = registry.requests_matching(&When::kind(Kind::Tags)).len();
        let found = client.list_tags_within(&at, pages).await.unwrap();
        assert_eq!(found.map(|tags| tags.len()), expected, "{pages} pages");
        let asked = registry.requests_matching(&When::kind(Kind::Tags)).len() - before;
        assert_eq!(asked, pages.min(3), "{pages} pages");
    }
}
