//! Names carry no registry, so images of two registries may want one: each name is one image's, and nothing is replaced
//! unseen.

mod deleting;

use serde_json::Value;
use test_support::{Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::{Home, Outcome, resources};
use crate::operators::{served, world};

fn image(seed: u64) -> Image {
    ImageBuilder::oci().layer(Layer::random(seed, 2000)).build()
}

/// A registry with `a/b:v1`, `a/b-c:v1`, `a-b/c:v1` and more, all of its own content.
fn registry(seed: u64) -> Registry {
    let registry = Registry::start_blocking();
    let names = [
        ("a/b", "v1"),
        ("a/b", "v2"),
        ("a/b-c", "v1"),
        ("a-b/c", "v1"),
        ("openshift/release", "v1"),
        ("idx/cat", "v1"),
    ];
    for (number, (repository, tag)) in (0..).zip(names) {
        registry.push(repository, tag, &image(seed + number));
    }
    registry
}

#[test]
fn lines_that_give_two_images_one_name_end_the_run_before_anything_is_copied() {
    let (one, two) = (registry(100), registry(200));
    let catalog = world(&one, &[]);
    two.push("cat/index", "v1", &catalog);
    let (host, other) = (one.host(), two.host());
    let additional = |lines: &[String]| format!("additionalImages:\n- name: {}\n", lines.join("\n- name: "));
    let (a, b) = (image(100).digest, image(101).digest);
    let both = ["mirror.additionalImages[0], line 5", "mirror.additionalImages[1], line 6"];
    let rows: [(&str, String, &[&str], &[&str]); 12] = [
        ("registries", additional(&[format!("{host}/a/b:v1"), format!("{other}/a/b:v1")]), &[], &both),
        (
            "targets",
            additional(&[
                format!("{host}/a/b:v1\n  targetRepo: x/y\n  targetTag: t"),
                format!("{host}/a/b:v2\n  targetRepo: x/y\n  targetTag: t"),
            ]),
            &[],
            &[
                "x/y:t`",
                "mirror.additionalImages[0], line 5",
                "mirror.additionalImages[1], line 8",
                "`targetRepo` or `targetTag`",
            ],
        ),
        (
            "a tag",
            additional(&[format!("{host}/a/b:v1\n  targetTag: v2"), format!("{host}/a/b:v2")]),
            &[],
            &["`targetRepo` or `targetTag`"],
        ),
        (
            "digests",
            additional(&[format!("{host}/a/b:v1@{a}\n  targetTag: t"), format!("{host}/a/b:v1@{b}\n  targetTag: t")]),
            &[],
            &["a/b:t`", "mirror.additionalImages[0], line 5", "mirror.additionalImages[1], line 7"],
        ),
        (
            "digests of two registries",
            additional(&[format!("{host}/a/b:v1@{a}"), format!("{other}/a/b:v1@{b}")]),
            &[],
            &both,
        ),
        ("a moved tag", additional(&[format!("{host}/a/b:v1@{b}"), format!("{host}/a/b:v1")]), &[], &both),
        (
            "no answer",
            additional(&[format!("{host}/a/b:v1"), "127.0.0.1:1/a/b:v1".into()]),
            &["--retry-times=0"],
            &["could not be compared", "127.0.0.1:1"],
        ),
        (
            "not there",
            additional(&[format!("{host}/a/b:v1"), format!("{host}/z/z:v1\n  targetRepo: a/b")]),
            &[],
            &["could not be compared", "is not there"],
        ),
        (
            "releases",
            additional(&[format!("{host}/openshift/release:v1")]),
            &[],
            &["reserved for images of releases", "Set `targetRepo` of mirror.additionalImages[0]"],
        ),
        (
            "catalogs",
            format!(
                "operators:\n- catalog: {host}/cat/index:v1\n- catalog: {other}/idx/cat:v1\n  targetCatalog: cat/index\n"
            ),
            &[],
            &["mirror.operators[0], line 5", "mirror.operators[1], line 6", "`targetCatalog` or `targetTag`"],
        ),
        (
            "a catalog and an image",
            format!(
                "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: {host}/cat/index:v1\n"
            ),
            &[],
            &["mirror.operators[0], line 5", "mirror.additionalImages[0], line 9"],
        ),
        (
            "two selections",
            format!(
                "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\n- catalog: {other}/cat/index:v1\n  packages:\n  - name: bar\n"
            ),
            &[],
            &["mirror.operators[0], line 5", "mirror.operators[1], line 8", "`targetCatalog` or `targetTag`"],
        ),
    ];
    for (what, body, flags, texts) in rows {
        println!("{what}");
        let (home, destination) = (Home::new(), Registry::start_blocking());
        home.configuration(&body);
        let check = |outcome: &Outcome| {
            outcome.code(1);
            for text in texts {
                outcome.says(text);
            }
        };
        check(&home.mirror_to_mirror(&format!("{}/m", destination.host()), flags));
        check(&home.mirror_to_mirror(&format!("{}/m", destination.host()), &[flags, &["--dry-run"]].concat()));
        assert_eq!(destination.repositories(), Vec::<String>::new(), "{what}");
        check(&home.to_disk(flags));
        assert_eq!(home.archives(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn digests_that_are_written_are_compared_without_a_request() {
    let source = registry(100);
    let home = Home::new();
    let (a, b) = (image(100).digest, image(101).digest);
    home.additional_images([
        format!("{}/a/b:v1@{a}\n  targetTag: t", source.host()),
        format!("{}/a/b:v1@{b}\n  targetTag: t", source.host()),
    ]);
    home.to_disk(&[]).code(1).says(&a.to_string()).says(&b.to_string());
    assert_eq!(source.request_count(), 0, "{:#?}", source.requests());
}

/// The same where only `--max-nested-paths` makes two names one: the archive has both, one destination cannot.
#[test]
fn folded_paths_that_are_one_name_end_the_run() {
    let (source, destination) = (registry(100), Registry::start_blocking());
    let home = Home::new();
    home.additional_images([format!("{}/a/b-c:v1", source.host()), format!("{}/a-b/c:v1", source.host())]);
    let there = format!("{}/m", destination.host());
    let texts = [
        "m/a-b-c:v1`",
        "mirror.additionalImages[0], line 5",
        "mirror.additionalImages[1], line 6",
        "more nested paths",
    ];
    let check = |outcome: &Outcome| {
        outcome.code(1);
        for text in texts {
            outcome.says(text);
        }
    };
    check(&home.mirror_to_mirror(&there, &["--max-nested-paths=2"]));
    home.to_disk(&[]).code(0);
    check(&home.to_mirror(&there, &["--max-nested-paths=2"]));
    assert_eq!(destination.repositories(), Vec::<String>::new());
    home.to_mirror(&there, &["--max-nested-paths=3"]).code(0);
    assert_eq!(destination.repositories(), ["m/a-b/c", "m/a/b-c"]);
}

/// Sources of the mirror sets of a working directory, with their mirrors.
fn mirror_sets(working_dir: &std::path::Path) -> Vec<(String, String)> {
    let mut sets = Vec::new();
    for object in resources::read(working_dir).values().flatten() {
        let spec = &object["spec"];
        let rows =
            [&spec["imageTagMirrors"], &spec["imageDigestMirrors"]].into_iter().filter_map(Value::as_array).flatten();
        sets.extend(
            rows.map(|row| {
                (row["source"].as_str().unwrap().to_owned(), row["mirrors"][0].as_str().unwrap().to_owned())
            }),
        );
    }
    sets.sort();
    sets
}

#[test]
fn lines_that_are_one_image_are_mirrored_once_and_found_by_both_names() {
    let (one, two, destination) = (registry(100), Registry::start_blocking(), Registry::start_blocking());
    two.push("a/b", "v1", &image(100));
    let there = format!("{}/m", destination.host());
    let home = Home::new();
    home.additional_images([format!("{}/a/b:v1", one.host()), format!("{}/a/b:v1", two.host())]);
    let mut expected =
        vec![(format!("{}/a", one.host()), format!("{there}/a")), (format!("{}/a", two.host()), format!("{there}/a"))];
    expected.sort();

    home.mirror_to_mirror(&there, &["--dry-run"]).code(0);
    let mapping = std::fs::read_to_string(home.workspace().join("working-dir/dry-run/mapping.txt")).unwrap();
    let lines: Vec<&str> = mapping.lines().collect();
    assert_eq!(lines.len(), 2, "{mapping}");
    assert!(lines.iter().all(|line| line.ends_with(&format!("=docker://{there}/a/b:v1"))), "{mapping}");

    home.mirror_to_mirror(&there, &[]).code(0).says("1 / 1 additional images mirrored successfully");
    assert_eq!(destination.manifest("m/a/b", "v1").unwrap().digest, image(100).digest);
    assert_eq!(mirror_sets(&home.workspace().join("working-dir")), expected);

    let destination = Registry::start_blocking();
    let there = format!("{}/m", destination.host());
    home.to_disk(&[]).code(0).says("1 / 1 additional images mirrored successfully");
    drop((one, two));
    home.to_mirror(&there, &[]).code(0).says("1 / 1 additional images mirrored successfully");
    assert_eq!(mirror_sets(&home.disk().join("working-dir")).len(), 2);
    assert_eq!(destination.manifest("m/a/b", "v1").unwrap().digest, image(100).digest);
}

/// A registry claims to have the image that another line names, and sends its own: what was compared is what counts.
#[test]
fn a_registry_that_tells_the_digest_of_another_image_replaces_nothing() {
    let (liar, honest, destination) = (registry(100), registry(200), Registry::start_blocking());
    let told = image(200).digest.to_string();
    let answer = Effect::Status {
        code: 200,
        headers: vec![
            ("Docker-Content-Digest".into(), told),
            ("Content-Type".into(), "application/vnd.oci.image.manifest.v1+json".into()),
            ("Content-Length".into(), "500".into()),
        ],
        body: Some("of no account".into()),
    };
    let lie =
        || Fault::new(When::kind(Kind::Manifest).method("HEAD").repository("a/b").reference("v1"), answer.clone());
    liar.fault(lie());
    let home = Home::new();
    home.additional_images([format!("{}/a/b:v1", liar.host()), format!("{}/a/b:v1", honest.host())]);
    home.mirror_to_mirror(destination.host(), &[]).code(8);
    assert_eq!(destination.repositories(), Vec::<String>::new());
    home.to_disk(&[]).code(8);
    assert_eq!(home.archives(), Vec::<String>::new());
}

/// Each image of a plan that a catalog brings, with its outcome, in JSON.
fn outcomes(home: &Home, folder: &std::path::Path) -> Vec<(String, String, String)> {
    let logs = folder.join("working-dir/logs");
    let mut results: Vec<_> = crate::harness::walk(&logs)
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("result_"))
        .collect();
    results.sort();
    let text =
        std::fs::read_to_string(results.last().unwrap_or_else(|| panic!("no result in {:?}", home.files()))).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let rows = report["images"].as_array().unwrap().iter().map(|image| {
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        (text(&image["source"]), text(&image["outcome"]), text(&image["error"]["condition"]))
    });
    rows.collect()
}

#[test]
fn a_catalog_takes_no_name_from_a_line_or_from_a_release() {
    let (good, evil, destination) = (registry(100), registry(200), Registry::start_blocking());
    let [signature, false_signature] = [image(790), image(791)];
    let signature_tag = format!("{}.sig", image(100).digest.as_tag());
    good.push("a/b", signature_tag.as_str(), &signature);
    evil.push("a/b", signature_tag.as_str(), &false_signature);
    let names = [
        "a/b:v1",
        &format!("a/b:{signature_tag}"),
        "openshift/release:v1",
        "openshift/release-images@DIGEST",
        "openshift/graph-image:latest",
    ];
    let pinned = image(777);
    evil.push("openshift/release-images", "any", &pinned);
    evil.push("openshift/graph-image", "latest", &image(778));
    let extra: Vec<String> =
        names.map(|name| format!("{}/{}", evil.host(), name.replace("DIGEST", &pinned.digest.to_string()))).into();
    world(&evil, &extra.iter().map(String::as_str).collect::<Vec<_>>());
    let home = Home::new();
    home.configuration(&format!(
        "operators:\n- catalog: {}/cat/index:v1\n  packages:\n  - name: foo\n    minVersion: 0.2.0\nadditionalImages:\n- name: {}/a/b:v1\n",
        evil.host(),
        good.host()
    ));
    let there = format!("{}/m", destination.host());
    home.mirror_to_mirror(&there, &["--dry-run"]).code(0).says("is reserved for images of releases");
    let mapping = std::fs::read_to_string(home.workspace().join("working-dir/dry-run/mapping.txt")).unwrap();
    assert!(!mapping.contains("openshift/"), "{mapping}");
    assert!(!mapping.contains(&format!("{}/a/b", evil.host())), "{mapping}");

    for _ in 0..2 {
        let outcome = home.mirror_to_mirror(&there, &[]);
        outcome
            .code(4)
            .says("1 / 1 additional images mirrored successfully")
            .says("mirror.additionalImages[0], line 10");
        assert_eq!(destination.manifest("m/a/b", "v1").unwrap().digest, image(100).digest);
        assert_eq!(destination.manifest("m/a/b", &signature_tag).unwrap().digest, signature.digest);
        assert!(
            destination.repositories().iter().all(|name| !name.contains("openshift")),
            "{:?}",
            destination.repositories()
        );
        let rows = outcomes(&home, &home.workspace());
        let of = |name: &str| rows.iter().filter(|row| row.0.contains(name)).cloned().collect::<Vec<_>>();
        for name in &extra {
            let row = of(name);
            assert_eq!((row.len(), row[0].1.as_str(), row[0].2.as_str()), (1, "failed", "name-collision"), "{name}");
        }
        // The bundle that needs them fails with them, the other one does not.
        assert_eq!(of("/ns/foo-bundle:0.3.0")[0].2, "needed-image-failed");
        assert_ne!(of("/ns/foo-bundle:0.2.0")[0].1, "skipped");
    }
    assert_eq!(served(&destination, "m/cat/index", "v1"), ["foo.v0.2.0", "foo.v0.3.0"]);
    // Nothing of the losers was asked for.
    let asked = evil.requests_matching(&When::any().repository("openshift/release"));
    assert!(asked.is_empty(), "{asked:#?}");

    // Mirror to disk archives what is complete, with the same images missing.
    home.to_disk(&[]).code(4).says("is reserved for images of releases");
    assert_eq!(home.archives(), ["mirror_000001.tar"]);
    let rows = outcomes(&home, &home.disk());
    let failed: Vec<_> = rows.iter().filter(|row| row.2 == "name-collision").map(|row| row.0.as_str()).collect();
    assert_eq!(failed.len(), extra.len(), "{rows:?}");

    // Disk to mirror lacks the losers, and brings those that kept their names.
    let (inside, there) = (Registry::start_blocking(), "in");
    home.to_mirror(&format!("{}/{there}", inside.host()), &[])
        .code(4)
        .says("1 / 1 additional images mirrored successfully");
    assert_eq!(inside.manifest("in/a/b", "v1").unwrap().digest, image(100).digest);
}

#[test]
fn of_two_catalogs_the_first_keeps_the_name() {
    let (first, second, destination) = (registry(100), registry(200), Registry::start_blocking());
    let names = |registry: &Registry| format!("{}/a/b:v1", registry.host());
    world(&first, &[&names(&first)]);
    world(&second, &[&names(&second)]);
    let home = Home::new();
    let catalog = |registry: &Registry, target: &str| {
        format!(
            "- catalog: {}/cat/index:v1\n  targetCatalog: {target}\n  packages:\n  - name: foo\n    minVersion: 0.3.0\n",
            registry.host()
        )
    };
    home.configuration(&format!("operators:\n{}{}", catalog(&first, "c/one"), catalog(&second, "c/two")));
    for _ in 0..2 {
        home.mirror_to_mirror(destination.host(), &[]).code(4).says("in two runs below different namespaces");
        assert_eq!(destination.manifest("a/b", "v1").unwrap().digest, image(100).digest);
        let rows = outcomes(&home, &home.workspace());
        let failed: Vec<&str> = rows.iter().filter(|row| row.1 == "failed").map(|row| row.0.as_str()).collect();
        assert_eq!(failed, [format!("docker://{}", names(&second))]);
    }
    // What both name by one digest, or as one image, is there for both.
    assert_eq!(destination.tags("ns/shared").len(), 1);
    assert!(destination.manifest("ns/foo-bundle", "0.3.0").is_some());
}
