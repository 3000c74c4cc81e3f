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
